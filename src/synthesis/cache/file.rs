//! The layout of a cached sound: magic, checksum of the rest, header, samples. It never returns what it cannot verify.

use bytes::{Buf, Bytes};
use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{AudioFrame, EmotionApplied, WordTime},
    synthesis::{CacheKey, Spoken},
};

const MAGIC: &[u8; 8] = b"parla-a2";
const LENGTH_BYTES: usize = size_of::<u32>();

/// All of a [`Spoken`] but its samples.
#[derive(Serialize, Deserialize)]
struct Header {
    /// A file under another key's name is a foreign one.
    key: String,
    engine: String,
    sample_rate: u32,
    words: Vec<WordTime>,
    emotion: EmotionApplied,
}

/// Everything of the file that comes before the samples.
///
/// # Errors
/// When the header cannot be written as JSON.
pub(super) fn head(spoken: &Spoken) -> serde_json::Result<Vec<u8>> {
    let header = serde_json::to_vec(&Header {
        key: spoken.key.to_string(),
        engine: spoken.engine.clone(),
        sample_rate: spoken.sound.sample_rate,
        words: spoken.words.clone(),
        emotion: spoken.emotion,
    })?;
    let length = u32::try_from(header.len()).unwrap_or(u32::MAX).to_le_bytes();
    let checksum = checksum([&length, &header, &spoken.sound.pcm]);
    Ok([MAGIC, checksum.as_slice(), &length, &header].concat())
}

/// Reads a whole file; `None` when it is not, bit for bit, what was written under this key.
pub(super) fn decode(key: CacheKey, mut file: Bytes) -> Option<Spoken> {
    if split(&mut file, MAGIC.len())? != MAGIC[..] {
        return None;
    }
    if split(&mut file, SHA256_OUTPUT_LEN)? != checksum([&file])[..] {
        return None;
    }
    let length = split(&mut file, LENGTH_BYTES)?.get_u32_le();
    let header = split(&mut file, usize::try_from(length).ok()?)?;
    let header: Header = serde_json::from_slice(&header).ok()?;
    (header.key == key.to_string()).then_some(Spoken {
        key,
        engine: header.engine,
        sound: AudioFrame { sample_rate: header.sample_rate, pcm: file },
        words: header.words,
        emotion: header.emotion,
    })
}

fn checksum<const PARTS: usize>(parts: [&[u8]; PARTS]) -> [u8; SHA256_OUTPUT_LEN] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut sum = [0; SHA256_OUTPUT_LEN];
    sum.copy_from_slice(context.finish().as_ref());
    sum
}

fn split(file: &mut Bytes, at: usize) -> Option<Bytes> {
    (at <= file.len()).then(|| file.split_to(at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::synthesis::fake::spoken;

    fn written(spoken: &Spoken) -> Vec<u8> {
        [head(spoken).unwrap().as_slice(), &spoken.sound.pcm].concat()
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let spoken = spoken("¿Qué tal?", 3);
        assert_eq!(decode(spoken.key, written(&spoken).into()), Some(spoken));
    }

    #[test]
    fn a_file_under_another_name_is_foreign() {
        let (one, other) = (spoken("uno", 3), spoken("dos", 3));
        assert_eq!(decode(other.key, written(&one).into()), None);
    }

    proptest! {
        #[test]
        fn no_flipped_bit_passes(at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let spoken = spoken("Hola", 2);
            let mut file = written(&spoken);
            let at = at.index(file.len());
            file[at] ^= 1 << bit;
            prop_assert_eq!(decode(spoken.key, file.into()), None);
        }

        #[test]
        fn no_truncated_file_passes(at in any::<prop::sample::Index>()) {
            let spoken = spoken("Hola", 2);
            let mut file = written(&spoken);
            file.truncate(at.index(file.len()));
            prop_assert_eq!(decode(spoken.key, file.into()), None);
        }

        #[test]
        fn no_other_bytes_are_taken_for_a_sound(file in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(decode(spoken("Hola", 2).key, file.into()), None);
        }
    }
}
