//! A caller's microphone: a packet at each beat, of words or of silence. It sends nothing.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;
use parla::{
    audio::{
        opus::{OpusEncoder, PACKET_MS},
        outgoing::{Law, encoded},
    },
    domain::AudioFrame,
};

/// The sound of callers is made of samples at this rate, in hertz.
pub const RATE: u32 = 24_000;
const FRAME: Duration = Duration::from_millis(PACKET_MS as u64);
/// Ticks of the packets' clock in one of them.
const TICKS: u64 = 48 * PACKET_MS as u64;
/// Two bytes a sample.
const FRAME_BYTES: usize = (2 * RATE * PACKET_MS / 1000) as usize;

/// It is open all the time, as a browser's is.
pub(super) struct Microphone {
    words: VecDeque<Bytes>,
    silence: Bytes,
    /// When the next packet is due; `None` before the call is connected.
    due: Option<Instant>,
    /// Where the clock of the packets is.
    at: u64,
}

impl Microphone {
    pub(super) fn new() -> anyhow::Result<Self> {
        let silence = AudioFrame { sample_rate: RATE, pcm: vec![0; FRAME_BYTES].into() };
        let silence = packets_of(&silence)?.remove(0);
        Ok(Self { words: VecDeque::new(), silence, due: None, at: 0 })
    }

    pub(super) fn open(&mut self) {
        self.due = Some(Instant::now());
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// These packets are said behind those that are being said.
    pub(super) fn say(&mut self, packets: &[Bytes]) {
        self.words.extend(packets.iter().cloned());
    }

    /// The packet that is due, and where it begins.
    pub(super) fn beat(&mut self, now: Instant) -> Option<(Bytes, u64)> {
        let due = self.due.filter(|due| *due <= now)?;
        self.due = Some(due + FRAME);
        self.at += TICKS;
        Some((self.words.pop_front().unwrap_or_else(|| self.silence.clone()), self.at))
    }
}

/// The sound as packets; what is too short for one at its end is left out.
pub fn packets_of(sound: &AudioFrame) -> anyhow::Result<Vec<Bytes>> {
    let pcm = encoded(sound, RATE, Law::Linear16);
    let samples = pcm.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]]));
    let samples: Vec<i16> = samples.collect();
    let mut encoder = OpusEncoder::new(RATE)?;
    let frames = samples.chunks_exact(encoder.packet_samples());
    frames.map(|frame| Ok(encoder.encode(frame)?)).collect()
}
