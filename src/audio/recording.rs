//! A whole recording, in whatever format people keep speech in, as 16 kHz mono. It believes no size that a file declares.

use std::io::Cursor;

use bytes::Bytes;
use symphonia::{
    core::{
        codecs::audio::{AudioCodecParameters, AudioDecoder, well_known::CODEC_ID_OPUS},
        formats::{FormatReader, TrackType},
        io::{MediaSourceStream, ReadOnlySource},
        packet::Packet,
    },
    default::{get_codecs, get_probe},
};

use crate::domain::AudioFrame;

use super::{
    opus::OpusDecoder,
    pcm::{self, LISTENING_RATE, SPEECH_RATES},
    resample::Resampler,
    wav::{self, WavError},
};

/// The largest file that is read, in bytes.
pub const MOST_BYTES: usize = 25_000_000;
/// The longest recording, in seconds.
pub const MOST_SECONDS: usize = 600;
/// Sound is resampled in pieces of this many samples, so that a long recording is in memory once.
const PIECE_SAMPLES: usize = 8_192;

/// Why a recording cannot be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    #[error("the file is larger than {MOST_BYTES} bytes")]
    TooLarge,
    #[error("the recording is longer than {MOST_SECONDS} seconds")]
    TooLong,
    #[error("not a sound file")]
    NotAudio,
    #[error("a kind of sound that is not supported: {0}")]
    Unsupported(&'static str),
    /// It begins as a sound file does, and nothing in it can be heard.
    #[error("the sound file is damaged")]
    Damaged,
}

/// Reads WAV, MP3, FLAC, Vorbis and Opus in OGG, `WebM` or Matroska. Of a file that breaks off there is what comes before
/// the break; of a WAV file whose header tells that something is missing, nothing. It takes its time: a minute of speech
/// some tenths of a second of a processor.
///
/// # Errors
/// When there is too much of it, and when nothing in it can be heard.
pub fn decode(file: &Bytes) -> Result<AudioFrame, RecordingError> {
    if file.len() > MOST_BYTES {
        return Err(RecordingError::TooLarge);
    }
    let heard = if file.starts_with(b"RIFF") { of_wav(file)? } else { of_container(file)? };
    if heard.is_empty() {
        return Err(RecordingError::Damaged);
    }
    Ok(pcm::frame(heard))
}

fn of_wav(file: &Bytes) -> Result<Vec<i16>, RecordingError> {
    let frame = wav::decode(file).map_err(|err| match err {
        WavError::NotWav => RecordingError::NotAudio,
        WavError::SampleRate(_) => RecordingError::Unsupported("sample rate"),
        WavError::Unreadable(hound::Error::Unsupported) => RecordingError::Unsupported("encoding"),
        WavError::Truncated { .. }
        | WavError::Unreadable(_)
        | WavError::Empty
        | WavError::NotANumber => RecordingError::Damaged,
    })?;
    let mut heard = Heard::default();
    for piece in frame.pcm.chunks(2 * PIECE_SAMPLES) {
        let samples: Vec<f32> = pcm::samples(piece).map(pcm::to_float).collect();
        heard.add(&samples, 1, frame.sample_rate)?;
    }
    Ok(heard.finish())
}

fn of_container(file: &Bytes) -> Result<Vec<i16>, RecordingError> {
    // Read once from beginning to end: what lies behind a break is not looked for.
    let source = ReadOnlySource::new(Cursor::new(file.clone()));
    let source = MediaSourceStream::new(Box::new(source), Default::default());
    let mut container = get_probe()
        .probe(&Default::default(), source, Default::default(), Default::default())
        .map_err(|_| RecordingError::NotAudio)?;
    let track = container.default_track(TrackType::Audio).ok_or(RecordingError::NotAudio)?;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let parameters = parameters.ok_or(RecordingError::Unsupported("encoding"))?;
    let (track_id, mut codec) = (track.id, Codec::for_track(parameters)?);
    let mut heard = Heard::default();
    while let Some(packet) = next_packet(container.as_mut()) {
        if packet.track_id == track_id {
            codec.decode(&packet, &mut heard)?;
        }
    }
    Ok(heard.finish())
}

/// `None` at the end of the file, and where it breaks off.
fn next_packet(container: &mut dyn FormatReader) -> Option<Packet> {
    container.next_packet().ok().flatten()
}

enum Codec {
    Opus {
        decoder: OpusDecoder,
        /// Samples at the beginning that the codec needed to get going.
        lead_in: usize,
    },
    Other {
        decoder: Box<dyn AudioDecoder>,
        interleaved: Vec<f32>,
    },
}

impl Codec {
    fn for_track(parameters: &AudioCodecParameters) -> Result<Self, RecordingError> {
        if parameters.codec == CODEC_ID_OPUS {
            return opus(parameters.extra_data.as_deref().unwrap_or_default());
        }
        let decoder = get_codecs().make_audio_decoder(parameters, &Default::default());
        let decoder = decoder.map_err(|_| RecordingError::Unsupported("encoding"))?;
        Ok(Self::Other { decoder, interleaved: Vec::new() })
    }

    /// What is damaged within the file is left out.
    fn decode(&mut self, packet: &Packet, heard: &mut Heard) -> Result<(), RecordingError> {
        match self {
            Self::Opus { decoder, lead_in } => {
                let Ok(samples) = decoder.decode(&packet.data) else { return Ok(()) };
                let skipped = samples.len().min(*lead_in);
                *lead_in -= skipped;
                let samples: Vec<f32> =
                    samples.iter().skip(skipped).map(|sample| pcm::to_float(*sample)).collect();
                heard.add(&samples, 1, LISTENING_RATE)
            }
            Self::Other { decoder, interleaved } => {
                let Ok(sound) = decoder.decode(packet) else { return Ok(()) };
                let (channels, rate) = (sound.num_planes(), sound.spec().rate());
                sound.copy_to_vec_interleaved(interleaved);
                heard.add(interleaved, channels, rate)
            }
        }
    }
}

/// By the head of the stream (RFC 7845, section 5.1), which Matroska keeps as well.
fn opus(head: &[u8]) -> Result<Codec, RecordingError> {
    let channels = head.get(9).copied().unwrap_or(1);
    if channels > 2 {
        return Err(RecordingError::Unsupported("more than two channels of Opus"));
    }
    let decoder =
        OpusDecoder::new(LISTENING_RATE).map_err(|_| RecordingError::Unsupported("encoding"))?;
    let lead_in = head.get(10..12).map_or(0, |count| u16::from_le_bytes([count[0], count[1]]));
    // Counted at 48 kHz.
    Ok(Codec::Opus { decoder, lead_in: usize::from(lead_in) / 3 })
}

/// What has been heard of a recording.
#[derive(Default)]
struct Heard {
    samples: Vec<i16>,
    /// With the rate it is for.
    resampler: Option<(u32, Resampler)>,
    resampled: Vec<f32>,
}

impl Heard {
    /// The rate of the first sound is that of the recording; sound at another one is left out.
    fn add(
        &mut self,
        interleaved: &[f32],
        channels: usize,
        rate: u32,
    ) -> Result<(), RecordingError> {
        if !SPEECH_RATES.contains(&rate) {
            return Err(RecordingError::Unsupported("sample rate"));
        }
        let filter = || (rate, Resampler::new(rate, LISTENING_RATE));
        let (its_rate, resampler) = self.resampler.get_or_insert_with(filter);
        if *its_rate != rate || channels == 0 {
            return Ok(());
        }
        for interleaved in interleaved.chunks(PIECE_SAMPLES * channels) {
            let mono: Vec<f32> = pcm::mono(interleaved, channels).collect();
            resampler.push(&mono, &mut self.resampled);
            self.samples.extend(self.resampled.drain(..).map(pcm::from_float));
        }
        let most = MOST_SECONDS * LISTENING_RATE as usize;
        if self.samples.len() > most { Err(RecordingError::TooLong) } else { Ok(()) }
    }

    fn finish(mut self) -> Vec<i16> {
        if let Some((_, resampler)) = self.resampler {
            resampler.finish(&mut self.resampled);
            self.samples.extend(self.resampled.into_iter().map(pcm::from_float));
        }
        self.samples
    }
}

#[cfg(test)]
mod tests {
    use hound::{SampleFormat, WavSpec, WavWriter};
    use proptest::prelude::*;

    use super::*;
    use crate::audio::likeness::{likeness, loudness};

    const WAV: &[u8] = include_bytes!("../../tests/recordings/speech.wav");
    const FILES: [(&str, &[u8]); 6] = [
        ("MP3", include_bytes!("../../tests/recordings/speech.mp3")),
        ("FLAC", include_bytes!("../../tests/recordings/speech.flac")),
        ("Vorbis in OGG", include_bytes!("../../tests/recordings/speech.ogg")),
        ("Opus in OGG", include_bytes!("../../tests/recordings/speech.opus")),
        ("Opus in WebM", include_bytes!("../../tests/recordings/speech.webm")),
        ("Opus in WebM as it is recorded", include_bytes!("../../tests/recordings/streamed.webm")),
    ];

    #[test]
    fn the_same_speech_is_heard_in_every_format() {
        for (name, file) in FILES {
            same_speech(name, &heard(file).unwrap());
        }
    }

    #[test]
    fn the_same_speech_is_heard_in_every_kind_of_wav() {
        for (bits, format, channels, rate) in [
            (8, SampleFormat::Int, 1, 8_000),
            (16, SampleFormat::Int, 2, 44_100),
            (24, SampleFormat::Int, 2, 48_000),
            (32, SampleFormat::Int, 1, 16_000),
            (32, SampleFormat::Float, 2, 22_050),
        ] {
            let spec = spec(bits, format, channels, rate);
            same_speech(&format!("{spec:?}"), &heard(&written(spec)).unwrap());
        }
    }

    #[test]
    fn of_a_file_that_breaks_off_there_is_what_comes_before() {
        let whole = heard(WAV).unwrap().len();
        for (name, file) in FILES {
            let half =
                heard(&file[..file.len() * 6 / 10]).unwrap_or_else(|err| panic!("{name}: {err}"));
            let half = half.len();
            assert!((whole / 10..whole * 95 / 100).contains(&half), "{name}: {half} of {whole}");
            for length in (0..file.len().min(1_200)).step_by(13) {
                drop(heard(&file[..length]));
            }
        }
        assert_eq!(heard(&WAV[..WAV.len() / 2]), Err(RecordingError::Damaged));
    }

    #[test]
    fn what_is_no_sound_says_so() {
        let not_audio: [&[u8]; 5] =
            [b"", b"hello", b"<!doctype html><title>502</title>", &[0; 5_000], &[0xff; 5_000]];
        for file in not_audio {
            let refused = heard(file);
            assert!(
                matches!(refused, Err(RecordingError::NotAudio | RecordingError::Damaged)),
                "{refused:?}"
            );
        }
        assert_eq!(heard(b"RIFF\0\0\0\0WAVE"), Err(RecordingError::NotAudio));
        let fast = spec(16, SampleFormat::Int, 1, 96_000);
        assert_eq!(heard(&written(fast)), Err(RecordingError::Unsupported("sample rate")));
    }

    #[test]
    fn more_than_can_be_borne_is_refused() {
        assert_eq!(heard(&vec![0; MOST_BYTES + 1]), Err(RecordingError::TooLarge));
        let pcm = vec![0; 2 * (MOST_SECONDS + 1) * 16_000].into();
        let long = wav::encode(&AudioFrame { sample_rate: 16_000, pcm });
        assert_eq!(decode(&long), Err(RecordingError::TooLong));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_damage_makes_the_reader_panic(
            file in prop::sample::select(&FILES[..]),
            places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30),
            in_head in any::<bool>(),
            length in any::<prop::sample::Index>(),
        ) {
            let mut bytes = file.1.to_vec();
            let reach = if in_head { bytes.len().min(300) } else { bytes.len() };
            for (place, byte) in places {
                bytes[place.index(reach)] = byte;
            }
            drop(heard(&bytes));
            drop(heard(&bytes[..length.index(bytes.len())]));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..2_000),
            head in prop::sample::select(&HEADS[..]),
        ) {
            drop(heard(&[head, &bytes].concat()));
        }
    }

    const HEADS: [&[u8]; 6] =
        [b"OggS\0", b"fLaC", b"ID3\x04", b"\xff\xfb", b"\x1a\x45\xdf\xa3", b"RIFF"];

    fn same_speech(name: &str, heard: &[i16]) {
        let said = self::heard(WAV).unwrap();
        let apart = heard.len().abs_diff(said.len()) / 16;
        assert!(apart < 60, "{name}: {apart} ms more or less");
        let likeness = likeness(&loudness(&said, 16_000), &loudness(heard, 16_000));
        assert!(likeness > 0.95, "{name}: {likeness}");
    }

    fn heard(file: &[u8]) -> Result<Vec<i16>, RecordingError> {
        let frame = decode(&Bytes::copy_from_slice(file))?;
        assert_eq!(frame.sample_rate, 16_000);
        Ok(pcm::samples(&frame.pcm).collect())
    }

    fn spec(
        bits_per_sample: u16,
        sample_format: SampleFormat,
        channels: u16,
        sample_rate: u32,
    ) -> WavSpec {
        WavSpec { channels, sample_rate, bits_per_sample, sample_format }
    }

    /// The speech as a WAV file of that kind.
    fn written(spec: WavSpec) -> Vec<u8> {
        let said: Vec<f32> = heard(WAV).unwrap().into_iter().map(pcm::to_float).collect();
        let (mut resampler, mut sound) = (Resampler::new(16_000, spec.sample_rate), Vec::new());
        resampler.push(&said, &mut sound);
        resampler.finish(&mut sound);
        let mut file = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut file, spec).unwrap();
        for sample in sound.iter().flat_map(|&s| std::iter::repeat_n(s, spec.channels.into())) {
            match spec.sample_format {
                SampleFormat::Float => writer.write_sample(sample).unwrap(),
                SampleFormat::Int => {
                    let full = f64::from(2.0f32).powi(i32::from(spec.bits_per_sample) - 1) - 1.0;
                    writer.write_sample((f64::from(sample) * full) as i32).unwrap();
                }
            }
        }
        writer.finalize().unwrap();
        file.into_inner()
    }
}
