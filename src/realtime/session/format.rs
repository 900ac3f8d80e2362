//! How sound is written on the wire: 24 kHz samples, or a telephone's bytes. It converts none.

use serde_json::{Value, json};

use super::super::{fault::Fault, read::Fields};
use crate::audio::intake::{AudioFormat, Encoding, IntakeError};

/// The encodings of OpenAI's, one channel each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SoundFormat {
    /// 16-bit little-endian samples at 24 kHz.
    #[default]
    Pcm,
    /// G.711 at 8 kHz.
    MuLaw,
    /// G.711 at 8 kHz.
    ALaw,
}

impl SoundFormat {
    const NAMES: [(&'static str, Self); 6] = [
        ("audio/pcm", Self::Pcm),
        ("audio/pcmu", Self::MuLaw),
        ("audio/pcma", Self::ALaw),
        ("pcm16", Self::Pcm),
        ("g711_ulaw", Self::MuLaw),
        ("g711_alaw", Self::ALaw),
    ];

    /// Samples a second, in hertz.
    #[must_use]
    pub fn rate(self) -> u32 {
        match self {
            Self::Pcm => 24_000,
            Self::MuLaw | Self::ALaw => 8_000,
        }
    }

    /// How many bytes a millisecond of it takes.
    #[must_use]
    pub fn bytes_per_ms(self) -> usize {
        match self {
            Self::Pcm => 48,
            Self::MuLaw | Self::ALaw => 8,
        }
    }

    /// As the ears are told.
    ///
    /// # Errors
    /// When the ears cannot read it.
    pub fn intake(self) -> Result<AudioFormat, IntakeError> {
        let encoding = match self {
            Self::Pcm => Encoding::parse("linear16"),
            Self::MuLaw => Encoding::parse("audio/pcmu"),
            Self::ALaw => Encoding::parse("audio/pcma"),
        };
        Ok(AudioFormat { encoding: encoding?, sample_rate: self.rate(), channels: 1 })
    }

    /// Silence of so many milliseconds.
    pub(in super::super) fn silence(self, ms: u32) -> Vec<u8> {
        let silent = match self {
            Self::Pcm => 0,
            Self::MuLaw => 0xff,
            Self::ALaw => 0xd5,
        };
        vec![silent; self.bytes_per_ms() * ms as usize]
    }

    /// The format that stands in a field as a word or as an object with a `type`.
    pub(in super::super) fn read(fields: Fields<'_>, name: &str) -> Result<Option<Self>, Fault> {
        let Some(Value::Object(object)) = fields.raw(name) else {
            return fields.choice(name, &Self::NAMES);
        };
        let path = fields.path(name);
        let fields = Fields::new(object, &path);
        let Some(format) = fields.choice("type", &Self::NAMES)? else { return Ok(None) };
        match fields.count("rate")? {
            Some(rate) if rate != u64::from(format.rate()) => {
                Err(Fault::invalid(&fields.path("rate"), &format.rate().to_string()))
            }
            _ => Ok(Some(format)),
        }
    }

    pub(super) fn shown(self) -> Value {
        match self {
            Self::Pcm => json!({"type": "audio/pcm", "rate": 24_000}),
            Self::MuLaw => json!({"type": "audio/pcmu"}),
            Self::ALaw => json!({"type": "audio/pcma"}),
        }
    }
}
