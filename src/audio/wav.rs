//! Writes WAV, and reads what other people call WAV. It never guesses at sound that is not there.

use std::{io::Read, ops::Range};

use bytes::{BufMut, Bytes, BytesMut};
use hound::{SampleFormat, WavReader};

use crate::domain::AudioFrame;

/// Rates that speech comes in, in hertz; outside them the header lies.
const SAMPLE_RATES: std::ops::RangeInclusive<u32> = 8_000..=48_000;
/// A header written before the sound is known declares nothing, or more than any answer holds, in bytes.
const PLACEHOLDER_BYTES: usize = 1 << 30;
const RIFF_HEADER_BYTES: usize = 12;
const CHUNK_HEADER_BYTES: usize = 8;
/// What [`encode`] puts before the samples.
const HEAD_BYTES: usize = 44;

/// Why bytes are not usable as WAV.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    #[error("not a WAV file")]
    NotWav,
    #[error("{missing} bytes of sound are missing at the end")]
    Truncated { missing: usize },
    #[error("unreadable WAV: {0}")]
    Unreadable(#[from] hound::Error),
    #[error("a sample rate of {0} Hz is not one of speech")]
    SampleRate(u32),
    #[error("no samples")]
    Empty,
    #[error("a sample is not a number")]
    NotANumber,
}

/// The frame as a file: a header of 44 bytes, then the samples as they are.
#[must_use]
pub fn encode(frame: &AudioFrame) -> Bytes {
    [head(frame), frame.pcm.clone()].concat().into()
}

/// The size of the frame as a file, in bytes.
#[must_use]
pub fn file_bytes(frame: &AudioFrame) -> usize {
    HEAD_BYTES + frame.pcm.len()
}

/// A piece of the frame as a file, of its header and of its samples, without copying them; what lies outside the file
/// is left out.
#[must_use]
pub fn file_piece(frame: &AudioFrame, piece: Range<usize>) -> [Bytes; 2] {
    let within = |at: usize, part: &Bytes| at.min(part.len());
    let (head, pcm) = (head(frame), &frame.pcm);
    let of_head = within(piece.start, &head)..within(piece.end, &head);
    let behind_head = |at: usize| within(at.saturating_sub(HEAD_BYTES), pcm);
    let of_pcm = behind_head(piece.start)..behind_head(piece.end);
    [head.slice(of_head), pcm.slice(of_pcm)]
}

fn head(frame: &AudioFrame) -> Bytes {
    let data_bytes = u32::try_from(frame.pcm.len()).unwrap_or(u32::MAX);
    let mut file = BytesMut::with_capacity(HEAD_BYTES);
    file.put_slice(b"RIFF");
    file.put_u32_le(data_bytes.saturating_add(36));
    file.put_slice(b"WAVEfmt ");
    file.put_u32_le(16);
    file.put_u16_le(1); // PCM
    file.put_u16_le(1); // one channel
    file.put_u32_le(frame.sample_rate);
    file.put_u32_le(frame.sample_rate.saturating_mul(2)); // bytes a second
    file.put_u16_le(2); // bytes a frame
    file.put_u16_le(16); // bits a sample
    file.put_slice(b"data");
    file.put_u32_le(data_bytes);
    file.freeze()
}

/// Reads PCM of 8 to 32 bits or 32-bit float, one or more channels, as 16-bit mono. What is that already is not copied.
///
/// # Errors
/// For whatever cannot be played as speech; sizes that a streaming writer could not know are no error.
pub fn decode(bytes: &Bytes) -> Result<AudioFrame, WavError> {
    let (format, sound) = find_chunks(bytes)?;
    let sound = whole_frames(format, sound);
    let header = repaired_header(format, sound.len());
    let mut reader = WavReader::new(header.as_slice().chain(sound))?;
    let spec = reader.spec();
    if !SAMPLE_RATES.contains(&spec.sample_rate) {
        return Err(WavError::SampleRate(spec.sample_rate));
    }
    let pcm = match (spec.sample_format, spec.bits_per_sample, spec.channels) {
        (SampleFormat::Int, 16, 1) if reader.len() as usize * 2 == sound.len() => {
            bytes.slice_ref(sound)
        }
        (SampleFormat::Int, bits, channels) => {
            mono(reader.samples::<i32>().map(|sample| Ok(to_16_bits(sample?, bits))), channels)?
        }
        (SampleFormat::Float, _, channels) => {
            mono(reader.samples::<f32>().map(|sample| from_float(sample?)), channels)?
        }
    };
    if pcm.is_empty() {
        return Err(WavError::Empty);
    }
    Ok(AudioFrame { sample_rate: spec.sample_rate, pcm })
}

/// The format chunk and the sound, whatever else lies between them.
fn find_chunks(bytes: &[u8]) -> Result<(&[u8], &[u8]), WavError> {
    if bytes.get(..4) != Some(b"RIFF") || bytes.get(8..RIFF_HEADER_BYTES) != Some(b"WAVE") {
        return Err(WavError::NotWav);
    }
    let mut rest = bytes.get(RIFF_HEADER_BYTES..).unwrap_or_default();
    let mut format = None;
    while let Some((header, body)) = rest.split_at_checked(CHUNK_HEADER_BYTES) {
        let (name, size) = header.split_at(4);
        let size = size.iter().rev().fold(0, |size, &byte| size << 8 | usize::from(byte));
        match (name, format) {
            (b"data", Some(format)) => return Ok((format, sound(body, size)?)),
            (b"fmt ", _) => format = body.get(..size),
            _ => {}
        }
        // A chunk of odd size is followed by one byte of padding.
        rest = body.get(size.saturating_add(size & 1)..).unwrap_or_default();
    }
    Err(if format.is_some() { WavError::Empty } else { WavError::NotWav })
}

/// As much of `body` as is sound.
fn sound(body: &[u8], declared: usize) -> Result<&[u8], WavError> {
    if declared == 0 || declared >= PLACEHOLDER_BYTES {
        return Ok(body);
    }
    body.get(..declared).ok_or_else(|| WavError::Truncated { missing: declared - body.len() })
}

/// Without the piece of a frame that a cut-off writer leaves at the end: the reader refuses it.
fn whole_frames<'a>(format: &[u8], sound: &'a [u8]) -> &'a [u8] {
    let frame_bytes = format.get(12..14).map_or(1, |size| u16::from_le_bytes([size[0], size[1]]));
    sound.get(..sound.len() - sound.len() % usize::from(frame_bytes.max(1))).unwrap_or(sound)
}

/// The beginning of the file as it should have been written.
fn repaired_header(format: &[u8], sound_bytes: usize) -> Vec<u8> {
    let mut header = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
    header.put_u32_le(u32::try_from(format.len()).unwrap_or(u32::MAX));
    header.put_slice(format);
    header.put_slice(b"data");
    header.put_u32_le(u32::try_from(sound_bytes).unwrap_or(u32::MAX));
    header
}

/// The average of the channels.
fn mono<I>(samples: I, channels: u16) -> Result<Bytes, WavError>
where
    I: ExactSizeIterator<Item = Result<i16, WavError>>,
{
    let mut pcm = BytesMut::with_capacity(samples.len() / usize::from(channels.max(1)) * 2);
    let (mut sum, mut heard) = (0, 0);
    for sample in samples {
        sum += i32::from(sample?);
        heard += 1;
        if heard == channels {
            pcm.put_i16_le((sum / i32::from(channels)) as i16);
            (sum, heard) = (0, 0);
        }
    }
    Ok(pcm.freeze())
}

fn to_16_bits(sample: i32, bits: u16) -> i16 {
    if bits > 16 { (sample >> (bits - 16)) as i16 } else { (sample << (16 - bits)) as i16 }
}

/// Full scale is 1.0; what is louder is clipped.
fn from_float(sample: f32) -> Result<i16, WavError> {
    if !sample.is_finite() {
        return Err(WavError::NotANumber);
    }
    Ok((sample * 32_767.0).clamp(-32_768.0, 32_767.0) as i16)
}

#[cfg(test)]
mod tests {
    use hound::{WavSpec, WavWriter};

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let frame = AudioFrame { sample_rate: 22_050, pcm: pcm(&[0, 1, -1, i16::MAX, i16::MIN]) };
        let file = encode(&frame);
        assert_eq!(file.len(), 44 + 10);
        assert_eq!(decode(&file).unwrap(), frame);
    }

    #[test]
    fn pieces_of_a_file_are_pieces_of_what_is_written() {
        let frame = AudioFrame { sample_rate: 22_050, pcm: pcm(&[1, 2, 3]) };
        let file = encode(&frame);
        assert_eq!(file_bytes(&frame), file.len());
        for piece in [0..50, 0..44, 10..20, 40..46, 44..50, 49..50, 50..50, 0..0] {
            assert_eq!(file_piece(&frame, piece.clone()).concat(), file[piece]);
        }
    }

    #[test]
    fn every_usual_format_becomes_16_bit_mono() {
        for (bits, full) in [(8, 127), (16, 32_767), (24, 8_388_607), (32, i32::MAX)] {
            let file = file(spec(1, bits, SampleFormat::Int), |writer| {
                for sample in [full, 0, -full] {
                    writer.write_sample(sample).unwrap();
                }
            });
            let samples = samples(&decode(&file).unwrap());
            assert!(samples[0] > 32_500 && samples[1] == 0 && samples[2] < -32_500, "{samples:?}");
        }
    }

    #[test]
    fn float_is_scaled_and_clipped() {
        let file = floats(&[0.5, -0.5, 3.0]);
        assert_eq!(samples(&decode(&file).unwrap()), [16_383, -16_383, 32_767]);
    }

    #[test]
    fn two_channels_are_mixed() {
        let file = file(spec(2, 16, SampleFormat::Int), |writer| {
            for sample in [100i16, 300, -50, -50] {
                writer.write_sample(sample).unwrap();
            }
        });
        assert_eq!(samples(&decode(&file).unwrap()), [200, -50]);
    }

    #[test]
    fn sizes_that_a_streaming_writer_could_not_know_are_repaired() {
        let frame = AudioFrame { sample_rate: 24_000, pcm: pcm(&[7, 8, 9]) };
        for bogus in [0u32, u32::MAX, 0x7FFF_FFFF, u32::MAX - 36] {
            let mut file = encode(&frame).to_vec();
            file[4..8].copy_from_slice(&bogus.to_le_bytes());
            file[40..44].copy_from_slice(&bogus.to_le_bytes());
            assert_eq!(decode(&file).unwrap(), frame, "{bogus:#x}");
            file.push(0); // half a sample
            assert_eq!(decode(&file).unwrap(), frame, "{bogus:#x}");
        }
    }

    #[test]
    fn other_chunks_are_passed_over() {
        let frame = AudioFrame { sample_rate: 24_000, pcm: pcm(&[7, 8]) };
        let mut file = encode(&frame).to_vec();
        file.splice(36..36, *b"LIST\x03\0\0\0abc\0");
        file.extend_from_slice(b"id3 \x04\0\0\0oops");
        assert_eq!(decode(&file).unwrap(), frame);
    }

    #[test]
    fn what_cannot_be_played_is_refused() {
        let mut truncated = encode(&AudioFrame { sample_rate: 24_000, pcm: pcm(&[1; 100]) });
        truncated.truncate(100);
        let slow = encode(&AudioFrame { sample_rate: 1, pcm: pcm(&[1]) });
        let empty = encode(&AudioFrame { sample_rate: 24_000, pcm: Bytes::new() });
        let cases: [(&[u8], &str); 8] = [
            (b"", "not a WAV file"),
            (b"<!doctype html><title>502</title>", "not a WAV file"),
            (b"ID3\x04\0\0\0\0\0\0\xff\xfb\x90\0", "not a WAV file"),
            (b"RIFF\0\0\0\0WAVE", "not a WAV file"),
            (&truncated, "144 bytes of sound are missing at the end"),
            (&slow, "a sample rate of 1 Hz is not one of speech"),
            (&empty, "no samples"),
            (&floats(&[0.1, f32::NAN]), "a sample is not a number"),
        ];
        for (bytes, reason) in cases {
            assert_eq!(decode(bytes).unwrap_err().to_string(), reason);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
            start in 0usize..60,
        ) {
            let mut file = encode(&AudioFrame { sample_rate: 16_000, pcm: pcm(&[5; 20]) }).to_vec();
            let end = file.len().min(start + bytes.len());
            file[start..end].copy_from_slice(&bytes[..end - start]);
            drop((decode(&file), decode(&bytes)));
        }
    }

    fn decode(bytes: &[u8]) -> Result<AudioFrame, WavError> {
        super::decode(&Bytes::copy_from_slice(bytes))
    }

    fn pcm(samples: &[i16]) -> Bytes {
        samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
    }

    fn samples(frame: &AudioFrame) -> Vec<i16> {
        frame.pcm.chunks(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
    }

    fn floats(samples: &[f32]) -> Vec<u8> {
        file(spec(1, 32, SampleFormat::Float), |writer| {
            for &sample in samples {
                writer.write_sample(sample).unwrap();
            }
        })
    }

    fn spec(channels: u16, bits_per_sample: u16, sample_format: SampleFormat) -> WavSpec {
        WavSpec { channels, sample_rate: 24_000, bits_per_sample, sample_format }
    }

    fn file(
        spec: WavSpec,
        write: impl FnOnce(&mut WavWriter<&mut std::io::Cursor<Vec<u8>>>),
    ) -> Vec<u8> {
        let mut file = std::io::Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut file, spec).unwrap();
        write(&mut writer);
        writer.finalize().unwrap();
        file.into_inner()
    }
}
