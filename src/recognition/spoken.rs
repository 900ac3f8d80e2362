//! Speech for tests, as eSpeak NG's own command says it, and noise that is the same each time.

use std::process::Command;

use bytes::Bytes;

use crate::audio::wav;

/// What is loud enough to be heard.
const AUDIBLE: u16 = 300;

/// A sentence at 16 kHz, and where in it something can be heard, in milliseconds.
pub(super) struct Spoken {
    pub(super) samples: Vec<i16>,
    pub(super) begins_ms: u64,
    pub(super) ends_ms: u64,
}

/// Noise of all frequencies.
pub(super) struct Noise(u64);

pub(super) fn spoken(voice: &str, text: &str) -> Spoken {
    let said = Command::new("espeak-ng").args(["-v", voice, "--stdout", text]).output().unwrap();
    assert!(said.status.success(), "eSpeak NG is needed: {said:?}");
    let file = wav::decode(&said.stdout.into()).unwrap();
    let source: Vec<f64> = samples(&file.pcm).map(f64::from).collect();
    let samples = at_16_khz(&source, file.sample_rate);
    let is_audible = |sample: &i16| sample.unsigned_abs() > AUDIBLE;
    let begins_ms = samples.iter().position(is_audible).unwrap() as u64 / 16;
    let ends_ms = samples.iter().rposition(is_audible).unwrap() as u64 / 16;
    Spoken { samples, begins_ms, ends_ms }
}

pub(super) fn pcm(samples: &[i16]) -> Bytes {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

pub(super) fn samples(pcm: &[u8]) -> impl Iterator<Item = i16> {
    pcm.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
}

impl Default for Noise {
    fn default() -> Self {
        Self(88_172_645_463_325_252)
    }
}

impl Noise {
    /// Up to so loud.
    pub(super) fn add(&mut self, samples: &mut [i16], loudness: f32) {
        for sample in samples {
            *sample = (f32::from(*sample) + self.next() * loudness) as i16;
        }
    }

    /// Between -1 and 1, by xorshift.
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// Straight lines between the samples are good enough to hear a voice.
fn at_16_khz(source: &[f64], rate: u32) -> Vec<i16> {
    let step = f64::from(rate) / 16_000.0;
    let count = (source.len() as f64 / step) as usize;
    let sample = |place: usize| {
        let at = place as f64 * step;
        let (left, share) = (at as usize, at.fract());
        let next = source.get(left + 1).unwrap_or(&source[left]);
        (source[left] * (1.0 - share) + next * share) as i16
    };
    (0..count).map(sample).collect()
}
