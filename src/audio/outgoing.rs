//! Sound as a client wants it: at its rate, in its encoding. It knows nobody's names for them.

use bytes::Bytes;

use super::{
    pcm::{from_float, samples, to_float},
    resample::Resampler,
};
use crate::domain::AudioFrame;

/// How samples are written for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// 16-bit little-endian.
    Linear16,
    /// A byte a sample (G.711).
    MuLaw,
    /// A byte a sample (G.711).
    ALaw,
}

/// The whole sound at that rate, in hertz.
#[must_use]
pub fn encoded(sound: &AudioFrame, rate: u32, law: Law) -> Bytes {
    if sound.sample_rate == rate && law == Law::Linear16 {
        return sound.pcm.clone();
    }
    let read: Vec<f32> = samples(&sound.pcm).map(to_float).collect();
    let mut resampler = Resampler::new(sound.sample_rate.max(1), rate);
    let mut resampled = Vec::new();
    resampler.push(&read, &mut resampled);
    resampler.finish(&mut resampled);
    let written = resampled.into_iter().map(from_float);
    match law {
        Law::Linear16 => written.flat_map(i16::to_le_bytes).collect(),
        Law::MuLaw => written.map(mu_law).collect(),
        Law::ALaw => written.map(a_law).collect(),
    }
}

/// ITU-T G.711: sign, exponent and mantissa, all bits inverted.
fn mu_law(sample: i16) -> u8 {
    const BIAS: u16 = 0x84;
    const LOUDEST: u16 = 32_635;
    let magnitude = sample.unsigned_abs().min(LOUDEST) + BIAS;
    let sign = if sample < 0 { 0x80 } else { 0 };
    !(sign | segment(magnitude, 7))
}

/// ITU-T G.711: sign, exponent and mantissa, every other bit inverted.
fn a_law(sample: i16) -> u8 {
    let sign = if sample < 0 { 0 } else { 0x80 };
    let magnitude = sample.unsigned_abs().min(0x7fff);
    let bits = if magnitude < 0x100 { (magnitude >> 4) as u8 } else { segment(magnitude, 7) };
    (sign | bits) ^ 0x55
}

/// The place of the highest bit above `low`, and the four bits below it.
fn segment(magnitude: u16, low: u32) -> u8 {
    let highest = 15 - magnitude.leading_zeros();
    let exponent = highest.saturating_sub(low);
    let mantissa = (magnitude >> (highest - 4)) & 0x0f;
    (exponent as u8) << 4 | mantissa as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::intake::{AudioFormat, Encoding, Intake};

    fn tone(sample_rate: u32, loudness: f32) -> AudioFrame {
        let turns = |n: u32| n as f32 * 440.0 / sample_rate as f32;
        let wave = |n: u32| (turns(n) * std::f32::consts::TAU).sin() * loudness;
        let pcm = (0..sample_rate).flat_map(|n| from_float(wave(n)).to_le_bytes()).collect();
        AudioFrame { sample_rate, pcm }
    }

    #[test]
    fn a_second_stays_a_second_at_every_rate() {
        for rate in [8_000, 16_000, 24_000, 48_000] {
            let length = encoded(&tone(22_050, 0.5), rate, Law::Linear16).len();
            assert_eq!(length, rate as usize * 2);
        }
    }

    #[test]
    fn what_is_written_for_a_telephone_is_read_as_what_it_was() {
        for (law, encoding) in [(Law::MuLaw, Encoding::MuLaw), (Law::ALaw, Encoding::ALaw)] {
            for loudness in [0.01, 0.3, 0.99] {
                let sound = tone(16_000, loudness);
                let written = encoded(&sound, 16_000, law);
                let format = AudioFormat { encoding, sample_rate: 16_000, channels: 1 };
                let read = Intake::new(format).unwrap().take(&written).unwrap();
                for (was, is) in samples(&sound.pcm).zip(samples(&read.pcm)) {
                    let allowed = i32::from(was).abs() / 24 + 16;
                    let error = (i32::from(was) - i32::from(is)).abs();
                    assert!(error <= allowed, "{law:?}: {was} was read as {is}");
                }
            }
        }
    }
}
