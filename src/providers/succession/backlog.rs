//! What a transcriber that takes over has to hear again, and which of its words are known already. It sends nothing.

use std::collections::VecDeque;

use super::super::{Pace, Sound};
use crate::domain::{HeardWord, Transcript};

/// Older sound is not heard again, in milliseconds. With the frame that it begins in it waits in an outlet of ten seconds.
const MOST_MS: u64 = 9_900;
/// Heard again before the first word that is not confirmed, so that its beginning is not cut off.
const LEAD_MS: u64 = 200;
/// A voice is marked so much after it has begun, at most.
const ONSET_MS: u64 = 400;

/// The newest sound of one microphone; places in milliseconds of its sound.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Each with the place it ends at.
    parts: VecDeque<(u64, Sound)>,
    now_ms: u64,
    /// Whether a voice sounds where the parts begin.
    begins_voiced: bool,
    /// All words before this place have been told as final.
    confirmed_ms: u64,
    /// The words of the newest final transcript, for engines that know no times.
    last_words: Vec<String>,
    segments: Segments,
    /// The present engine has been given sound that another one had heard.
    took_over: bool,
}

/// Numbers of one engine in those of the microphone.
#[derive(Debug, Default)]
struct Segments {
    /// The first one that the present engine may use.
    base: u64,
    /// The first one that is not final yet.
    open: u64,
}

/// What the next engine is given.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Again {
    Skip { ms: u64 },
    Part(Sound),
}

impl Backlog {
    pub(super) fn keep(&mut self, sound: Sound) {
        self.now_ms += length_ms(&sound);
        if matches!(sound, Sound::Expect(_)) {
            self.parts.retain(|(_, part)| !matches!(part, Sound::Expect(_)));
        }
        self.parts.push_back((self.now_ms, sound));
        self.forget(self.now_ms.saturating_sub(MOST_MS));
    }

    /// The oldest question is answered.
    pub(super) fn answered(&mut self) {
        if let Some(place) = self.parts.iter().position(|(_, part)| *part == Sound::Flush) {
            self.parts.remove(place);
        }
    }

    /// Whether a question waits for its answer.
    pub(super) fn is_asked(&self) -> bool {
        self.parts.iter().any(|(_, part)| *part == Sound::Flush)
    }

    /// The transcript as clients get it, once its times are those of the microphone; `None` when nothing is left that
    /// was not told before.
    pub(super) fn tell(&mut self, mut transcript: Transcript) -> Option<Transcript> {
        let had_words = !transcript.text.is_empty();
        self.cut_known(&mut transcript);
        transcript.segment += self.segments.base;
        if transcript.is_final {
            self.confirm(&transcript);
        }
        (!had_words || !transcript.text.is_empty()).then_some(transcript)
    }

    /// What the next engine hears, in order. Where time is short stretches without a voice are left out.
    pub(super) fn again(&mut self, pace: Pace) -> Vec<Again> {
        self.segments.base = self.segments.open;
        self.took_over = true;
        let first = self.parts.iter().find(|(_, part)| matches!(part, Sound::Frame(_)));
        let begins = first.map_or(self.now_ms, |(end, part)| end - length_ms(part));
        let mut again = vec![Again::Skip { ms: begins }];
        let mut is_voiced = self.begins_voiced;
        if is_voiced {
            again.push(Again::Part(Sound::VoiceOn));
        }
        for (end, part) in &self.parts {
            match part {
                Sound::VoiceOn => is_voiced = true,
                Sound::VoiceOff => is_voiced = false,
                _ => {}
            }
            let is_needed = pace == Pace::Free || is_voiced || self.is_onset(*end);
            match part {
                Sound::Frame(_) if !is_needed => again.push(Again::Skip { ms: length_ms(part) }),
                _ => again.push(Again::Part(part.clone())),
            }
        }
        again
    }

    /// A voice that begins soon has begun here; whether one does is not known of the newest sound.
    fn is_onset(&self, end_ms: u64) -> bool {
        let is_soon = |place: u64| (end_ms..=end_ms + ONSET_MS).contains(&place);
        is_soon(self.now_ms)
            || self.parts.iter().any(|(place, part)| *part == Sound::VoiceOn && is_soon(*place))
    }

    fn cut_known(&self, transcript: &mut Transcript) {
        if !self.took_over {
            return;
        }
        let is_known = |word: &HeardWord| (word.start_ms + word.end_ms) / 2 <= self.confirmed_ms;
        if transcript.words.is_empty() && transcript.segment == 0 {
            let words: Vec<&str> = transcript.text.split_whitespace().collect();
            let known = self.overlap(&words);
            if known > 0 {
                transcript.text = words[known..].join(" ");
            }
        } else if transcript.words.iter().any(is_known) {
            transcript.words.retain(|word| !is_known(word));
            let left: Vec<&str> = transcript.words.iter().map(|word| word.text.as_str()).collect();
            transcript.text = left.join(" ");
        }
    }

    /// How many of the words repeat the end of what was told last. Only what was heard twice can.
    fn overlap(&self, words: &[&str]) -> usize {
        let most = words.len().min(self.last_words.len());
        let repeats = |count: &usize| {
            let end = &self.last_words[self.last_words.len() - count..];
            end.iter().zip(words).all(|(told, word)| *told == bare(word))
        };
        (1..=most).rev().find(repeats).unwrap_or(0)
    }

    fn confirm(&mut self, transcript: &Transcript) {
        self.segments.open = self.segments.open.max(transcript.segment + 1);
        let asked = self.parts.iter().find(|(_, part)| *part == Sound::Flush);
        let ended = transcript.words.last().map(|word| word.end_ms).or(asked.map(|(at, _)| *at));
        self.confirmed_ms = self.confirmed_ms.max(ended.unwrap_or(0).min(self.now_ms));
        // A place is known: nothing before it will be heard twice but what times can tell.
        let words = transcript.text.split_whitespace().map(bare);
        self.last_words = if ended.is_some() { Vec::new() } else { words.collect() };
        let lead = if transcript.words.is_empty() { 0 } else { LEAD_MS };
        self.forget(self.confirmed_ms.saturating_sub(lead));
    }

    /// Questions are still to be answered, and what is expected still is.
    fn forget(&mut self, before_ms: u64) {
        let is_voiced = &mut self.begins_voiced;
        self.parts.retain(|(end, part)| {
            match part {
                _ if *end > before_ms => return true,
                Sound::Flush | Sound::Expect(_) => return true,
                Sound::VoiceOn => *is_voiced = true,
                Sound::VoiceOff => *is_voiced = false,
                Sound::Frame(_) => {}
            }
            false
        });
    }
}

fn length_ms(sound: &Sound) -> u64 {
    match sound {
        Sound::Frame(frame) => frame.duration_ms(),
        _ => 0,
    }
}

/// Without what engines write differently.
fn bare(word: &str) -> String {
    word.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::AudioFrame;

    const WORD_MS: u64 = 320;

    fn frame() -> Sound {
        Sound::Frame(AudioFrame { sample_rate: 16_000, pcm: Bytes::from_static(&[0; 1_024]) })
    }

    fn sounded(ms: u64) -> Backlog {
        let mut backlog = Backlog::default();
        (0..ms / 32).for_each(|_| backlog.keep(frame()));
        backlog
    }

    fn word(number: u64) -> HeardWord {
        let start_ms = number * WORD_MS;
        let end_ms = start_ms + WORD_MS;
        HeardWord { text: format!("w{number}"), start_ms, end_ms, confidence: None }
    }

    fn final_words(segment: u64, words: impl Iterator<Item = u64>) -> Transcript {
        let words: Vec<HeardWord> = words.map(word).collect();
        let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
        Transcript { segment, text, is_final: true, confidence: None, words }
    }

    fn replayed_ms(again: &[Again]) -> (u64, u64) {
        let Again::Skip { ms } = again[0] else { panic!("the first place is said") };
        let sound = again.iter().map(|again| match again {
            Again::Part(part) => length_ms(part),
            Again::Skip { .. } => 0,
        });
        (ms, sound.sum())
    }

    #[test]
    fn ten_seconds_are_heard_again_at_most_and_nothing_before_a_final_word() {
        assert_eq!(replayed_ms(&sounded(20_000).again(Pace::Free)), (10_080, 9_920));
        let mut backlog = sounded(6_400);
        backlog.tell(final_words(0, 0..10)).unwrap();
        assert_eq!(replayed_ms(&backlog.again(Pace::Free)), (2_976, 3_424));
    }

    #[test]
    fn a_question_is_asked_again_until_it_is_answered_whatever_is_forgotten() {
        let mut backlog = sounded(320);
        backlog.keep(Sound::Flush);
        (0..400).for_each(|_| backlog.keep(frame()));
        let asks = |again: Vec<Again>| again.contains(&Again::Part(Sound::Flush));
        assert!(asks(backlog.again(Pace::Free)));
        backlog.answered();
        assert!(!asks(backlog.again(Pace::Free)));
    }

    #[test]
    fn where_time_is_short_silence_is_left_out_and_the_beginning_of_a_voice_is_not() {
        let mut backlog = sounded(3_200);
        backlog.keep(Sound::VoiceOn);
        (0..10).for_each(|_| backlog.keep(frame()));
        backlog.keep(Sound::VoiceOff);
        (0..60).for_each(|_| backlog.keep(frame()));
        let (_, sound) = replayed_ms(&backlog.again(Pace::RealTime));
        assert!((320 + 2 * 400 - 32..=320 + 2 * 400 + 64).contains(&sound), "{sound}");
        assert_eq!(replayed_ms(&backlog.again(Pace::Free)), (0, 5_440));
    }

    #[test]
    fn words_without_times_are_cut_where_they_repeat_what_was_told() {
        let said = |segment, text: &str| Transcript {
            segment,
            text: text.to_owned(),
            is_final: true,
            ..Transcript::default()
        };
        let mut backlog = sounded(3_200);
        backlog.tell(said(0, "Vorrei un caffè")).unwrap();
        backlog.again(Pace::Free);
        let told = backlog.tell(said(0, "un caffè, per favore")).unwrap();
        assert_eq!((told.segment, told.text.as_str()), (1, "per favore"));
        let told = backlog.tell(said(1, "favore favore")).unwrap();
        assert_eq!((told.segment, told.text.as_str()), (2, "favore favore"));
    }

    proptest! {
        /// Words are spoken on and on, finals come in groups, and engines fail at any place.
        #[test]
        fn every_word_is_told_once_wherever_engines_fail(
            groups in prop::collection::vec((1..6_u64, any::<bool>()), 1..20)
        ) {
            let mut backlog = Backlog::default();
            let (mut spoken, mut from, mut segment) = (0, 0, 0);
            let mut told = Vec::new();
            for (count, fails) in groups {
                (0..count * WORD_MS / 32).for_each(|_| backlog.keep(frame()));
                spoken += count;
                if fails {
                    let (begins, _) = replayed_ms(&backlog.again(Pace::Free));
                    // Words of which the new engine hears more than half.
                    from = (begins + WORD_MS / 2) / WORD_MS;
                    segment = 0;
                }
                if let Some(transcript) = backlog.tell(final_words(segment, from..spoken)) {
                    told.push(transcript);
                }
                (from, segment) = (spoken, segment + 1);
            }
            let words = told.iter().flat_map(|transcript| transcript.text.split(' '));
            let expected: Vec<String> = (0..spoken).map(|number| format!("w{number}")).collect();
            prop_assert_eq!(words.collect::<Vec<_>>(), expected);
            prop_assert!(told.is_sorted_by(|one, next| one.segment < next.segment));
        }
    }
}
