//! Real speech for ears: sentences that eSpeak NG says, and silence between them. It sends nothing.

#![allow(dead_code, unreachable_pub, reason = "each test uses another part of it")]

use std::process::Command;

use parla::audio::recording;

/// Samples a second.
pub const RATE: usize = 16_000;
/// A client's frame.
pub const FRAME_MS: usize = 20;

/// What a microphone hears: 16-bit samples, mono, at 16 kHz.
#[derive(Clone, Debug, Default)]
pub struct Speech {
    pcm: Vec<u8>,
}

impl Speech {
    /// Silence of that length.
    pub fn silence(ms: usize) -> Self {
        Self { pcm: vec![0; ms * RATE / 1000 * 2] }
    }

    /// A sentence in a language that eSpeak NG names so.
    pub fn of(language: &str, text: &str) -> Self {
        let said = Command::new("espeak-ng")
            .args(["--stdout", "-s", "175", "-v", language, text])
            .output()
            .expect("eSpeak NG is installed");
        assert!(said.status.success(), "{said:?}");
        let frame = recording::decode(&said.stdout.into()).expect("eSpeak NG writes WAV");
        Self { pcm: frame.pcm.to_vec() }
    }

    pub fn then(mut self, other: &Self) -> Self {
        self.pcm.extend_from_slice(&other.pcm);
        self
    }

    pub fn ms(&self) -> u64 {
        (self.pcm.len() / 2 * 1000 / RATE) as u64
    }

    pub fn pcm(&self) -> &[u8] {
        &self.pcm
    }

    /// As a client sends it.
    pub fn frames(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        self.pcm.chunks(RATE * FRAME_MS / 1000 * 2).map(<[u8]>::to_vec)
    }
}
