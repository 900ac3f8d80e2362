//! Samples as numbers and as bytes. It changes no sample but by rounding and clipping.

use std::ops::RangeInclusive;

use bytes::Bytes;

use crate::domain::AudioFrame;

/// What recognisers and voice activity listen at, in hertz.
pub(super) const LISTENING_RATE: u32 = 16_000;
/// Rates that speech comes in, in hertz; outside them the header lies.
pub(super) const SPEECH_RATES: RangeInclusive<u32> = 8_000..=48_000;

/// Full scale is 1.0. What is louder is clipped, what is not a number is silence.
pub(super) fn from_float(sample: f32) -> i16 {
    if sample.is_finite() { (sample * 32_768.0).round() as i16 } else { 0 }
}

pub(super) fn to_float(sample: i16) -> f32 {
    f32::from(sample) / 32_768.0
}

/// The samples as they are stored; half a sample at the end is left out.
pub(super) fn samples(pcm: &[u8]) -> impl Iterator<Item = i16> {
    pcm.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
}

pub(super) fn frame(samples: impl IntoIterator<Item = i16>) -> AudioFrame {
    let pcm: Bytes = samples.into_iter().flat_map(i16::to_le_bytes).collect();
    AudioFrame { sample_rate: LISTENING_RATE, pcm }
}

/// One sample for each group of `channels`: their average.
pub(super) fn mono(interleaved: &[f32], channels: usize) -> impl Iterator<Item = f32> {
    let share = 1.0 / channels as f32;
    interleaved.chunks_exact(channels).map(move |group| group.iter().sum::<f32>() * share)
}
