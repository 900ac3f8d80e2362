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
