//! WAV: what is read as sound can be played, and is read again as what it was.

use bytes::Bytes;
use parla::audio::wav;

pub(crate) fn check(bytes: &[u8]) {
    let Ok(frame) = wav::decode(&Bytes::copy_from_slice(bytes)) else { return };
    assert!(!frame.pcm.is_empty() && frame.pcm.len().is_multiple_of(2), "{}", frame.pcm.len());
    assert!((8_000..=48_000).contains(&frame.sample_rate), "{}", frame.sample_rate);
    let file = wav::encode(&frame);
    assert_eq!(wav::file_bytes(&frame), file.len());
    assert_eq!(wav::file_piece(&frame, 0..file.len()).concat(), file);
    assert_eq!(wav::decode(&file).expect("what parla writes is readable"), frame);
}
