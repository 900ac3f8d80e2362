//! Live sound from a client, frame by frame, as 16 kHz mono. It never guesses at a format: the client names it.

use crate::domain::AudioFrame;

use super::{
    opus::{OpusDecoder, OpusError},
    pcm::{self, LISTENING_RATE, SPEECH_RATES},
    resample::Resampler,
};

/// What a client's binary frames are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioFormat {
    pub encoding: Encoding,
    /// In hertz, 8,000 to 48,000. Opus packets say nothing of it and need none.
    pub sample_rate: u32,
    /// One, or two that are mixed.
    pub channels: u16,
}

/// How samples are written; all of them in little-endian order, channels by turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Signed integers of 16 bits.
    Linear16,
    /// Floats of 32 bits, full scale 1.0.
    Float32,
    /// A packet a frame, without a container.
    Opus,
    /// A byte a sample, as telephones in America and Japan write it (G.711).
    MuLaw,
    /// A byte a sample, as telephones elsewhere write it (G.711).
    ALaw,
}

/// Why a client cannot be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    #[error("the encoding is not supported")]
    UnsupportedEncoding,
    #[error("a sample rate of {0} Hz is not supported")]
    UnsupportedRate(u32),
    #[error("{0} channels are not supported")]
    UnsupportedChannels(u16),
    #[error(transparent)]
    BrokenPacket(#[from] OpusError),
}

impl AudioFormat {
    /// # Errors
    /// For rates and numbers of channels outside of what is named here.
    pub fn check(self) -> Result<(), IntakeError> {
        if !SPEECH_RATES.contains(&self.sample_rate) {
            return Err(IntakeError::UnsupportedRate(self.sample_rate));
        }
        if !matches!(self.channels, 1 | 2) {
            return Err(IntakeError::UnsupportedChannels(self.channels));
        }
        Ok(())
    }
}

impl Encoding {
    /// Reads the names that clients have for encodings, those of Deepgram and OpenAI among them.
    ///
    /// # Errors
    /// `UnsupportedEncoding` for any other name.
    pub fn parse(name: &str) -> Result<Self, IntakeError> {
        match name.to_ascii_lowercase().as_str() {
            "pcm16" | "linear16" | "audio/pcm" => Ok(Self::Linear16),
            "float32" | "linear32" => Ok(Self::Float32),
            "opus" => Ok(Self::Opus),
            "mulaw" | "audio/pcmu" => Ok(Self::MuLaw),
            "alaw" | "audio/pcma" => Ok(Self::ALaw),
            _ => Err(IntakeError::UnsupportedEncoding),
        }
    }
}

/// The ear for one client: takes its frames in the order they come.
pub struct Intake {
    decoder: Decoder,
    resampler: Resampler,
}

enum Decoder {
    Opus(OpusDecoder),
    Samples(SampleReader),
}

impl Intake {
    /// # Errors
    /// For rates and numbers of channels outside of what [`AudioFormat`] names.
    pub fn new(format: AudioFormat) -> Result<Self, IntakeError> {
        format.check()?;
        let AudioFormat { encoding, sample_rate, channels } = format;
        let reader = |sample_bytes, read| {
            let reader =
                SampleReader { sample_bytes, read, channels: channels.into(), rest: Vec::new() };
            (Decoder::Samples(reader), sample_rate)
        };
        let (decoder, rate) = match encoding {
            Encoding::Opus => (Decoder::Opus(OpusDecoder::new(LISTENING_RATE)?), LISTENING_RATE),
            Encoding::Linear16 => reader(2, linear16),
            Encoding::Float32 => reader(4, float32),
            Encoding::MuLaw => reader(1, mu_law),
            Encoding::ALaw => reader(1, a_law),
        };
        Ok(Self { decoder, resampler: Resampler::new(rate, LISTENING_RATE) })
    }

    /// What is heard in the client's next frame: at 16 kHz, mono. Bytes that make no whole sample wait for the frame
    /// behind; samples that are no numbers are silence, and what is too loud is clipped.
    ///
    /// # Errors
    /// `BrokenPacket` for a frame that is no Opus packet; the next one can be taken.
    pub fn take(&mut self, frame: &[u8]) -> Result<AudioFrame, IntakeError> {
        match &mut self.decoder {
            Decoder::Opus(decoder) => Ok(pcm::frame(decoder.decode(frame)?)),
            Decoder::Samples(reader) => {
                let mut resampled = Vec::new();
                self.resampler.push(&reader.read(frame), &mut resampled);
                Ok(pcm::frame(resampled.into_iter().map(pcm::from_float)))
            }
        }
    }

    /// What stands in for an Opus packet that is lost. Other encodings have no packets: there is nothing to be said.
    pub fn conceal(&mut self) -> AudioFrame {
        match &mut self.decoder {
            Decoder::Opus(decoder) => pcm::frame(decoder.conceal()),
            Decoder::Samples(_) => pcm::frame([]),
        }
    }

    /// The last few milliseconds, which wait for what follows them. Half a sample is left out.
    #[must_use]
    pub fn finish(self) -> AudioFrame {
        let mut resampled = Vec::new();
        self.resampler.finish(&mut resampled);
        pcm::frame(resampled.into_iter().map(pcm::from_float))
    }
}

/// Cuts bytes into samples, wherever the client has cut them.
struct SampleReader {
    sample_bytes: usize,
    read: fn(&[u8]) -> f32,
    channels: usize,
    /// Less than a sample of each channel.
    rest: Vec<u8>,
}

impl SampleReader {
    fn read(&mut self, frame: &[u8]) -> Vec<f32> {
        self.rest.extend_from_slice(frame);
        let group = self.sample_bytes * self.channels;
        let over = self.rest.len() % group;
        let later = self.rest.split_off(self.rest.len() - over);
        let bytes = std::mem::replace(&mut self.rest, later);
        let samples: Vec<f32> = bytes.chunks_exact(self.sample_bytes).map(self.read).collect();
        pcm::mono(&samples, self.channels).collect()
    }
}

fn linear16(sample: &[u8]) -> f32 {
    pcm::to_float(i16::from_le_bytes([sample[0], sample[1]]))
}

/// Clipped before it is mixed or resampled, so that one absurd sample is not heard in its neighbours.
fn float32(sample: &[u8]) -> f32 {
    let sample = f32::from_le_bytes([sample[0], sample[1], sample[2], sample[3]]);
    if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 }
}

/// ITU-T G.711: sign, exponent and mantissa, all bits inverted.
fn mu_law(sample: &[u8]) -> f32 {
    let bits = !sample[0];
    let magnitude = (((i16::from(bits & 0x0f) << 3) + 0x84) << ((bits & 0x70) >> 4)) - 0x84;
    pcm::to_float(if bits & 0x80 == 0 { magnitude } else { -magnitude })
}

/// ITU-T G.711: sign, exponent and mantissa, every other bit inverted.
fn a_law(sample: &[u8]) -> f32 {
    let bits = sample[0] ^ 0x55;
    let mantissa = (i16::from(bits & 0x0f) << 4) + 8;
    let magnitude = match (bits & 0x70) >> 4 {
        0 => mantissa,
        exponent => (mantissa + 0x100) << (exponent - 1),
    };
    pcm::to_float(if bits & 0x80 == 0 { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audio::{
        likeness::{likeness, loudness},
        opus::OpusEncoder,
        wav,
    };

    #[test]
    fn the_names_that_clients_use_are_known_in_any_case() {
        let names = [
            ("pcm16 linear16 LINEAR16 audio/pcm", Encoding::Linear16),
            ("float32 linear32", Encoding::Float32),
            ("opus", Encoding::Opus),
            ("mulaw audio/pcmu audio/PCMU", Encoding::MuLaw),
            ("alaw audio/pcma", Encoding::ALaw),
        ];
        for (names, encoding) in names {
            for name in names.split(' ') {
                assert_eq!(Encoding::parse(name), Ok(encoding), "{name}");
            }
        }
        for name in ["", "mp3", "pcm", "linear16 ", "audio/pcmü"] {
            assert_eq!(Encoding::parse(name), Err(IntakeError::UnsupportedEncoding), "{name}");
        }
    }

    #[test]
    fn sixteen_bits_at_16_khz_pass_as_they_are() {
        let sound = [0x01, 0x00, 0xff, 0x7f, 0x00, 0x80, 0xff, 0xff];
        let mut intake = intake(Encoding::Linear16, 16_000, 1);
        let heard = intake.take(&sound).unwrap();
        assert_eq!((heard.sample_rate, &heard.pcm[..]), (16_000, &sound[..]));
        assert!(intake.finish().pcm.is_empty());
    }

    #[test]
    fn half_a_sample_waits_for_its_other_half() {
        let mut intake = intake(Encoding::Linear16, 16_000, 2);
        let frames: [&[u8]; 4] = [&[100], &[0, 44], &[1, 8, 0, 10, 0, 7], &[]];
        let heard: Vec<i16> =
            frames.iter().flat_map(|frame| samples(&intake.take(frame).unwrap())).collect();
        assert_eq!(heard, [200, 9]);
    }

    #[test]
    fn no_number_is_silence_and_what_is_too_loud_is_clipped() {
        let sound = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -1e30, 2.0, 0.5, -0.5];
        let bytes: Vec<u8> = sound.into_iter().flat_map(f32::to_le_bytes).collect();
        let heard = intake(Encoding::Float32, 16_000, 1).take(&bytes).unwrap();
        assert_eq!(samples(&heard), [0, 0, 0, 32_767, -32_768, 32_767, 16_384, -16_384]);
        let ones = intake(Encoding::Float32, 16_000, 1).take(&[0xff; 400]).unwrap();
        assert_eq!(samples(&ones), [0; 100]);
    }

    /// The standard's own values, scaled to 16 bits.
    #[test]
    fn the_laws_of_telephones_are_those_of_the_standard() {
        let mu = [(0x00, -32_124), (0x80, 32_124), (0xff, 0), (0x7f, 0), (0xfe, 8), (0xa5, 6_652)];
        let a = [(0x2a, -32_256), (0xaa, 32_256), (0xd5, 8), (0x55, -8), (0xd4, 24), (0x85, 4_224)];
        for (read, known) in [(mu_law as fn(&[u8]) -> f32, mu), (a_law, a)] {
            for (byte, sample) in known {
                assert_eq!(pcm::from_float(read(&[byte])), sample, "{byte:#x}");
            }
        }
    }

    #[test]
    fn the_same_speech_is_heard_in_every_encoding_rate_and_number_of_channels() {
        let said = speech();
        let at_16_khz = loudness(&said, 16_000);
        for (rate, channels) in [(8_000, 1), (24_000, 2), (44_100, 1)] {
            for (encoding, bytes) in written(&at(rate, &said)) {
                let frame: Vec<u8> = bytes.iter().flat_map(|b| b.repeat(channels.into())).collect();
                let heard = hear(intake(encoding, rate, channels), frame.chunks(1_001));
                let context = format!("{encoding:?}, {rate} Hz, {channels} channels");
                assert!(heard.len().abs_diff(said.len()) < 16 * 5, "{context}: {}", heard.len());
                let likeness = likeness(&at_16_khz, &loudness(&heard, 16_000));
                assert!(likeness > 0.95, "{context}: {likeness}");
            }
        }
    }

    #[test]
    fn opus_packets_are_heard_and_a_lost_one_is_concealed() {
        let said = speech();
        let mut encoder = OpusEncoder::new(48_000).unwrap();
        let mut intake = intake(Encoding::Opus, 48_000, 1);
        let mut heard = Vec::new();
        for (n, piece) in at(48_000, &said).chunks_exact(960).enumerate() {
            let packet = encoder.encode(piece).unwrap();
            let frame = if n == 20 { intake.conceal() } else { intake.take(&packet).unwrap() };
            assert_eq!(frame.duration_ms(), 20);
            heard.extend(samples(&frame));
        }
        let likeness = likeness(&loudness(&said, 16_000), &loudness(&heard, 16_000));
        assert!(likeness > 0.9, "{likeness}");
        let broken = Err(IntakeError::BrokenPacket(OpusError::BrokenPacket));
        assert_eq!(intake.take(&[]), broken);
        assert_eq!(intake.take(&[0xff; 3]), broken);
    }

    #[test]
    fn only_rates_and_channels_of_speech_are_taken() {
        let refusal = |sample_rate, channels| {
            let format = AudioFormat { encoding: Encoding::Linear16, sample_rate, channels };
            Intake::new(format).err()
        };
        for rate in [0, 1, 7_999, 48_001, 96_000, u32::MAX] {
            assert_eq!(refusal(rate, 1), Some(IntakeError::UnsupportedRate(rate)));
        }
        for channels in [0, 3, u16::MAX] {
            assert_eq!(refusal(16_000, channels), Some(IntakeError::UnsupportedChannels(channels)));
        }
        assert_eq!(refusal(8_000, 2), None);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_bad_and_no_split_matters(
            bytes in prop::collection::vec(any::<u8>(), 0..600),
            at in 0usize..600,
            encoding in prop::sample::select(&ENCODINGS[..]),
            rate in 8_000u32..=48_000,
            channels in 1u16..=2,
        ) {
            // A rate of its own for each case would be spent on filters.
            let rate = rate / 8_000 * 8_000;
            let (left, right) = bytes.split_at(at.min(bytes.len()));
            let whole = hear(intake(encoding, rate, channels), [&bytes[..]].into_iter());
            let cut = hear(intake(encoding, rate, channels), [left, right].into_iter());
            prop_assert_eq!(whole, cut);
            let mut intake = intake(Encoding::Opus, rate, channels);
            drop((intake.take(left), intake.take(right), intake.conceal()));
        }
    }

    const ENCODINGS: [Encoding; 4] =
        [Encoding::Linear16, Encoding::Float32, Encoding::MuLaw, Encoding::ALaw];

    fn intake(encoding: Encoding, sample_rate: u32, channels: u16) -> Intake {
        Intake::new(AudioFormat { encoding, sample_rate, channels }).unwrap()
    }

    fn hear<'a>(mut intake: Intake, frames: impl Iterator<Item = &'a [u8]>) -> Vec<i16> {
        let mut heard: Vec<i16> =
            frames.flat_map(|frame| samples(&intake.take(frame).unwrap())).collect();
        heard.extend(samples(&intake.finish()));
        heard
    }

    /// The bytes of each sample in every encoding.
    fn written(sound: &[i16]) -> [(Encoding, Vec<Vec<u8>>); 4] {
        let law = |read: fn(&[u8]) -> f32| {
            let mut words: Vec<(i16, u8)> =
                (0..=u8::MAX).map(|byte| (pcm::from_float(read(&[byte])), byte)).collect();
            words.sort_unstable();
            let nearest = move |sample: &i16| {
                let behind = words.partition_point(|(value, _)| value < sample);
                vec![words[behind.min(words.len() - 1)].1]
            };
            sound.iter().map(nearest).collect()
        };
        let linear = sound.iter().map(|s| s.to_le_bytes().to_vec()).collect();
        let float = sound.iter().map(|s| pcm::to_float(*s).to_le_bytes().to_vec()).collect();
        [
            (Encoding::Linear16, linear),
            (Encoding::Float32, float),
            (Encoding::MuLaw, law(mu_law)),
            (Encoding::ALaw, law(a_law)),
        ]
    }

    fn speech() -> Vec<i16> {
        let file = include_bytes!("../../tests/recordings/speech.wav");
        samples(&wav::decode(&bytes::Bytes::from_static(file)).unwrap())
    }

    fn at(rate: u32, sound: &[i16]) -> Vec<i16> {
        let sound: Vec<f32> = sound.iter().map(|sample| pcm::to_float(*sample)).collect();
        let (mut resampler, mut there) = (Resampler::new(16_000, rate), Vec::new());
        resampler.push(&sound, &mut there);
        resampler.finish(&mut there);
        there.into_iter().map(pcm::from_float).collect()
    }

    fn samples(frame: &AudioFrame) -> Vec<i16> {
        pcm::samples(&frame.pcm).collect()
    }
}
