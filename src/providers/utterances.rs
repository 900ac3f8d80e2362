//! Collects live sound into utterances, for engines that hear whole ones. It knows no clock and asks nobody.

mod steps;

use bytes::{Bytes, BytesMut};

use super::{HEARING_RATE, Sound};
use crate::domain::AudioFrame;

pub use steps::{Said, Step, steps};

/// What is kept from before a voice is noticed: its first consonant is quieter than what is noticed, in milliseconds.
const LEAD_MS: usize = 300;
/// Longer utterances are cut, in milliseconds: engines lose the thread, and memory is finite.
const LONGEST_MS: usize = 30_000;
/// Where a cut is looked for, before the end of the longest utterance, in milliseconds.
const CUT_WITHIN_MS: usize = 5_000;
/// The pieces whose loudness is compared, in milliseconds.
const WINDOW_MS: usize = 20;
/// A window that is not this much louder than the quietest ones holds no voice, as a multiple.
const ABOVE_NOISE: u64 = 3;
/// A window that is quieter than that holds none anywhere, as a mean of samples.
const FAINT: u64 = 40;

const BYTES_PER_MS: usize = HEARING_RATE as usize * 2 / 1000;
const WINDOW: usize = WINDOW_MS * BYTES_PER_MS;

/// One stretch of speech.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utterance {
    /// Where it begins in the sound that was listened to.
    pub start_ms: u64,
    pub sound: AudioFrame,
}

/// What has been heard and is not yet an utterance; holds 30 seconds at most.
#[derive(Debug, Default)]
pub struct Utterances {
    is_voice: bool,
    kept: BytesMut,
    /// How much was listened to before what is kept, in bytes.
    before: u64,
}

impl Utterances {
    /// The utterances that end with this part.
    #[must_use]
    pub fn take(&mut self, sound: &Sound) -> Vec<Utterance> {
        match sound {
            Sound::Frame(frame) => self.hear(&frame.pcm),
            Sound::VoiceOn => {
                self.is_voice = true;
                Vec::new()
            }
            Sound::VoiceOff => {
                let whole = self.end();
                self.is_voice = false;
                whole.into_iter().collect()
            }
            Sound::Flush => self.end().into_iter().collect(),
            Sound::Expect(_) => Vec::new(),
        }
    }

    /// The utterance that goes on, as far as it has come; it goes on.
    #[must_use]
    pub fn so_far(&self) -> Option<Utterance> {
        (self.is_voice && !self.kept.is_empty())
            .then(|| self.utterance(Bytes::copy_from_slice(&self.kept)))
    }

    /// How long the utterance is that goes on, in milliseconds.
    #[must_use]
    pub fn so_far_ms(&self) -> u64 {
        if self.is_voice { (self.kept.len() / BYTES_PER_MS) as u64 } else { 0 }
    }

    /// The utterance that was going on; what follows is the next one.
    #[must_use]
    pub fn end(&mut self) -> Option<Utterance> {
        if !self.is_voice || self.kept.is_empty() {
            return None;
        }
        Some(self.cut(self.kept.len()))
    }

    fn hear(&mut self, pcm: &[u8]) -> Vec<Utterance> {
        let mut whole = Vec::new();
        for piece in pcm.chunks(LONGEST_MS * BYTES_PER_MS) {
            self.kept.extend_from_slice(piece);
            if !self.is_voice {
                self.forget_all_but(LEAD_MS * BYTES_PER_MS);
            } else if self.kept.len() > LONGEST_MS * BYTES_PER_MS {
                let place = quietest(&self.kept, (LONGEST_MS - CUT_WITHIN_MS) * BYTES_PER_MS);
                whole.push(self.cut(place));
            }
        }
        whole
    }

    fn forget_all_but(&mut self, bytes: usize) {
        let gone = self.kept.len().saturating_sub(bytes) / 2 * 2;
        self.before += gone as u64;
        // A copy of the rest: a split-off part would keep the memory of the whole.
        self.kept = BytesMut::from(self.kept.get(gone..).unwrap_or_default());
    }

    fn cut(&mut self, bytes: usize) -> Utterance {
        let utterance = self.utterance(Bytes::copy_from_slice(&self.kept[..bytes]));
        self.forget_all_but(self.kept.len() - bytes);
        utterance
    }

    fn utterance(&self, pcm: Bytes) -> Utterance {
        let start_ms = self.before / BYTES_PER_MS as u64;
        Utterance { start_ms, sound: AudioFrame { sample_rate: HEARING_RATE, pcm } }
    }
}

impl Utterance {
    /// How much of it is louder than the noise around it, in milliseconds.
    #[must_use]
    pub fn voiced_ms(&self) -> u64 {
        let windows: Vec<u64> = self.sound.pcm.chunks(WINDOW).map(loudness).collect();
        let mut sorted = windows.clone();
        sorted.sort_unstable();
        let noise = sorted.get(sorted.len() / 10).copied().unwrap_or(0);
        // Where nothing is quiet all of it is voice: noise as loud as that is none that a voice detector lets pass.
        let loudest = sorted.last().copied().unwrap_or(0);
        let bound = (noise * ABOVE_NOISE).min(loudest / 4).max(FAINT);
        let voiced = windows.iter().filter(|&&loudness| loudness > bound).count();
        (voiced * WINDOW_MS) as u64
    }
}

/// The middle of the quietest window behind `from`, in bytes.
fn quietest(pcm: &[u8], from: usize) -> usize {
    let behind = pcm.get(from..).unwrap_or_default();
    let windows = behind.chunks_exact(WINDOW).map(loudness).enumerate();
    let (window, _) = windows.min_by_key(|&(_, loudness)| loudness).unwrap_or((0, 0));
    from + window * WINDOW + WINDOW / 2
}

/// The mean of what the samples are away from zero.
fn loudness(pcm: &[u8]) -> u64 {
    let samples = pcm.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
    let sum: u64 = samples.map(|sample| u64::from(sample.unsigned_abs())).sum();
    sum / (pcm.len() as u64 / 2).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many milliseconds of one sample's value.
    fn frame(ms: usize, value: i16) -> Sound {
        let pcm = value.to_le_bytes().repeat(ms * BYTES_PER_MS / 2);
        Sound::Frame(AudioFrame { sample_rate: HEARING_RATE, pcm: pcm.into() })
    }

    /// From when to when the utterances go, in milliseconds.
    fn heard(sounds: &[Sound]) -> Vec<(u64, u64)> {
        let mut utterances = Utterances::default();
        let taken = sounds.iter().flat_map(|sound| utterances.take(sound));
        taken.map(|said| (said.start_ms, said.start_ms + said.sound.duration_ms())).collect()
    }

    #[test]
    fn an_utterance_begins_a_little_before_its_voice_is_noticed() {
        let said = [frame(1000, 0), Sound::VoiceOn, frame(500, 900), Sound::VoiceOff, frame(9, 0)];
        assert_eq!(heard(&said), [(700, 1500)]);
    }

    #[test]
    fn what_is_flushed_goes_on_as_the_next_utterance() {
        let voice = || frame(100, 900);
        let said = [Sound::VoiceOn, voice(), Sound::Flush, voice(), Sound::VoiceOff, Sound::Flush];
        assert_eq!(heard(&said), [(0, 100), (100, 200)]);
    }

    #[test]
    fn silence_is_no_utterance() {
        assert_eq!(heard(&[frame(5000, 3), Sound::Flush, Sound::VoiceOff]), []);
    }

    #[test]
    fn an_endless_utterance_is_cut_where_it_is_quietest() {
        let said =
            [Sound::VoiceOn, frame(27_000, 900), frame(100, 1), frame(4000, 900), Sound::VoiceOff];
        assert_eq!(heard(&said), [(0, 27_010), (27_010, 31_100)]);
    }

    #[test]
    fn voice_is_what_stands_out() {
        let of = |sounds: &[Sound]| {
            let mut utterances = Utterances::default();
            drop(utterances.take(&Sound::VoiceOn));
            sounds.iter().for_each(|sound| drop(utterances.take(sound)));
            utterances.end().map(|said| said.voiced_ms())
        };
        assert_eq!(of(&[frame(1000, 8)]), Some(0));
        assert_eq!(of(&[frame(1000, 200), frame(400, 3000)]), Some(400));
        assert_eq!(of(&[frame(400, 3000)]), Some(400));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]
        #[test]
        fn no_sound_of_a_voice_is_lost_or_told_twice_however_it_is_cut_into_frames(
            frames in proptest::collection::vec(1usize..9_000, 1..12),
            flush in 0usize..12,
        ) {
            let mut sounds = vec![Sound::VoiceOn];
            for (index, &ms) in frames.iter().enumerate() {
                sounds.push(frame(ms, 900));
                if index == flush {
                    sounds.push(Sound::Flush);
                }
            }
            sounds.push(Sound::VoiceOff);
            let heard = heard(&sounds);
            let whole: usize = frames.iter().sum();
            proptest::prop_assert_eq!(heard.first().map(|said| said.0), Some(0));
            proptest::prop_assert_eq!(heard.last().map(|said| said.1), Some(whole as u64));
            for pair in heard.windows(2) {
                proptest::prop_assert_eq!(pair[0].1, pair[1].0);
            }
            for (from, to) in heard {
                proptest::prop_assert!(to - from <= 30_000);
            }
        }
    }
}
