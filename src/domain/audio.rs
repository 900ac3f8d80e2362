//! Sound as parla passes it on: 16-bit mono samples and the times of the words in them.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Language;

/// A stretch of sound: signed 16-bit little-endian samples, one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioFrame {
    /// Samples a second, in hertz.
    pub sample_rate: u32,
    /// Two bytes a sample.
    pub pcm: Bytes,
}

impl AudioFrame {
    /// Length in milliseconds, rounded down.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        (self.pcm.len() as u64 / 2) * 1000 / u64::from(self.sample_rate.max(1))
    }
}

/// When one word of a chunk is heard, in milliseconds from the chunk's beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordTime {
    /// A piece of the chunk's text; the words of a chunk stand in it in this order.
    pub text: String,
    pub start_ms: u32,
    pub end_ms: u32,
}

/// How fast a voice speaks, in per cent of its own pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Speed(u16);

impl Speed {
    /// From a share of the usual pace; what is no number or out of range is brought into it.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 25 to 400 just before"
    )]
    pub fn from_share(share: f64) -> Self {
        Self((share * 100.0).round().clamp(25.0, 400.0) as u16)
    }

    /// A share of the usual pace.
    #[must_use]
    pub fn share(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    #[must_use]
    pub fn per_cent(self) -> u16 {
        self.0
    }

    /// The voice's own pace.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Speed {
    fn default() -> Self {
        Self(100)
    }
}

/// A voice that an engine offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Voice {
    /// The name to ask for.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it speaks; `None` when it speaks whatever it is given.
    pub language: Option<Language>,
    /// The engine that owns it, as named in the settings.
    pub engine: String,
}
