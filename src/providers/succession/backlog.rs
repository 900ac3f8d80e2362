//! What a transcriber that takes over has to hear again, and which of its words are known already. It sends nothing.

use std::collections::VecDeque;

use super::{
    super::{Pace, Sound},
    known::Known,
};
use crate::{audio::packed::PackedFrame, domain::Transcript};

/// Older sound is not heard again, in milliseconds. With the frame that it begins in it waits in an outlet of ten seconds.
const MOST_MS: u64 = 9_900;
/// A voice is marked so much after it has begun, at most.
const ONSET_MS: u64 = 400;

/// The newest sound of one microphone; places in milliseconds of its sound.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Each with the place it ends at.
    parts: VecDeque<(u64, Part)>,
    now_ms: u64,
    /// Whether a voice sounds where the parts begin.
    begins_voiced: bool,
    known: Known,
    segments: Segments,
    /// The present engine has been given sound that another one had heard.
    took_over: bool,
}

/// Ten seconds of sound as it comes would be a third of what a call takes.
#[derive(Debug)]
enum Part {
    Frame(PackedFrame),
    /// Anything else.
    Mark(Sound),
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
        let part = Part::from(sound);
        self.now_ms += part.length_ms();
        if matches!(part, Part::Mark(Sound::Expect(_))) {
            self.parts.retain(|(_, part)| !matches!(part, Part::Mark(Sound::Expect(_))));
        }
        self.parts.push_back((self.now_ms, part));
        self.forget(self.now_ms.saturating_sub(MOST_MS));
    }

    /// The oldest question is answered: what was told without times lies before it.
    pub(super) fn answered(&mut self) {
        if let Some(place) = self.parts.iter().position(|(_, part)| part.is(&Sound::Flush)) {
            let (at_ms, _) = self.parts.remove(place).expect("invariant: it was found there");
            self.known.place(at_ms);
            self.forget(self.known.needed_from_ms());
        }
    }

    /// Whether a question waits for its answer.
    pub(super) fn is_asked(&self) -> bool {
        self.parts.iter().any(|(_, part)| part.is(&Sound::Flush))
    }

    /// The transcript as clients get it, once its times are those of the microphone; `None` when nothing is left that
    /// was not told before.
    pub(super) fn tell(&mut self, mut transcript: Transcript) -> Option<Transcript> {
        let had_words = !transcript.text.is_empty();
        for word in &mut transcript.words {
            word.end_ms = word.end_ms.min(self.now_ms);
            word.start_ms = word.start_ms.min(word.end_ms);
        }
        if self.took_over {
            self.known.cut(&mut transcript);
        }
        transcript.segment += self.segments.base;
        let is_shown = self.known.is_supposed(transcript.segment);
        if transcript.is_final {
            self.confirm(&transcript);
        } else {
            self.known.suppose(&transcript);
        }
        (!had_words || !transcript.text.is_empty() || is_shown).then_some(transcript)
    }

    /// Another engine is to go on; what can be relied on of the words before is final. Where there is no time to hear
    /// all of it again that is more.
    pub(super) fn take_over(&mut self, pace: Pace) -> Option<Transcript> {
        self.took_over = true;
        let kept = self.known.take_over(pace == Pace::RealTime, self.begins_ms());
        if let Some(kept) = &kept {
            self.segments.open = self.segments.open.max(kept.segment + 1);
            self.forget(self.known.needed_from_ms());
        }
        self.segments.base = self.segments.open;
        kept
    }

    /// What the next engine hears, in order. Where time is short stretches without a voice are left out.
    pub(super) fn again(&self, pace: Pace) -> Vec<Again> {
        let mut again = vec![Again::Skip { ms: self.begins_ms() }];
        let mut is_voiced = self.begins_voiced;
        if is_voiced {
            again.push(Again::Part(Sound::VoiceOn));
        }
        for (end, part) in &self.parts {
            match part {
                Part::Mark(Sound::VoiceOn) => is_voiced = true,
                Part::Mark(Sound::VoiceOff) => is_voiced = false,
                _ => {}
            }
            let is_needed = pace == Pace::Free || is_voiced || self.is_onset(*end);
            again.push(match part {
                Part::Frame(frame) if !is_needed => Again::Skip { ms: frame.duration_ms() },
                _ => Again::Part(part.sound()),
            });
        }
        again
    }

    /// A voice that begins soon has begun here; whether one does is not known of the newest sound.
    fn is_onset(&self, end_ms: u64) -> bool {
        let is_soon = |place: u64| (end_ms..=end_ms + ONSET_MS).contains(&place);
        is_soon(self.now_ms)
            || self.parts.iter().any(|(place, part)| part.is(&Sound::VoiceOn) && is_soon(*place))
    }

    /// Where the sound begins that is still there.
    fn begins_ms(&self) -> u64 {
        let first = self.parts.iter().find(|(_, part)| matches!(part, Part::Frame(_)));
        first.map_or(self.now_ms, |(end, part)| end - part.length_ms())
    }

    fn confirm(&mut self, transcript: &Transcript) {
        self.segments.open = self.segments.open.max(transcript.segment + 1);
        self.known.confirm(transcript);
        self.forget(self.known.needed_from_ms());
    }

    /// Questions are still to be answered, and what is expected still is.
    fn forget(&mut self, before_ms: u64) {
        let is_voiced = &mut self.begins_voiced;
        self.parts.retain(|(end, part)| {
            match part {
                _ if *end > before_ms => return true,
                Part::Mark(Sound::Flush | Sound::Expect(_)) => return true,
                Part::Mark(Sound::VoiceOn) => *is_voiced = true,
                Part::Mark(Sound::VoiceOff) => *is_voiced = false,
                Part::Mark(Sound::Frame(_)) | Part::Frame(_) => {}
            }
            false
        });
    }
}

impl Part {
    fn sound(&self) -> Sound {
        match self {
            Self::Frame(frame) => Sound::Frame(frame.unpacked()),
            Self::Mark(mark) => mark.clone(),
        }
    }

    fn is(&self, mark: &Sound) -> bool {
        matches!(self, Self::Mark(own) if own == mark)
    }

    fn length_ms(&self) -> u64 {
        match self {
            Self::Frame(frame) => frame.duration_ms(),
            Self::Mark(_) => 0,
        }
    }
}

impl From<Sound> for Part {
    fn from(sound: Sound) -> Self {
        match sound {
            Sound::Frame(frame) => Self::Frame(PackedFrame::new(&frame)),
            mark => Self::Mark(mark),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{AudioFrame, HeardWord};

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

    fn again(backlog: &mut Backlog, pace: Pace) -> Vec<Again> {
        assert_eq!(backlog.take_over(pace), None);
        backlog.again(pace)
    }

    fn replayed_ms(again: &[Again]) -> (u64, u64) {
        let Again::Skip { ms } = again[0] else { panic!("the first place is said") };
        let sound = again.iter().map(|again| match again {
            Again::Part(Sound::Frame(frame)) => frame.duration_ms(),
            Again::Part(_) | Again::Skip { .. } => 0,
        });
        (ms, sound.sum())
    }

    #[test]
    fn ten_seconds_are_heard_again_at_most_and_nothing_before_a_final_word() {
        assert_eq!(replayed_ms(&again(&mut sounded(20_000), Pace::Free)), (10_080, 9_920));
        let mut backlog = sounded(6_400);
        backlog.tell(final_words(0, 0..10)).unwrap();
        assert_eq!(replayed_ms(&again(&mut backlog, Pace::Free)), (2_752, 3_648));
    }

    #[test]
    fn a_question_is_asked_again_until_it_is_answered_whatever_is_forgotten() {
        let mut backlog = sounded(320);
        backlog.keep(Sound::Flush);
        (0..400).for_each(|_| backlog.keep(frame()));
        let asks = |again: Vec<Again>| again.contains(&Again::Part(Sound::Flush));
        assert!(asks(again(&mut backlog, Pace::Free)));
        backlog.answered();
        assert!(!asks(again(&mut backlog, Pace::Free)));
    }

    #[test]
    fn where_time_is_short_silence_is_left_out_and_the_beginning_of_a_voice_is_not() {
        let mut backlog = sounded(3_200);
        backlog.keep(Sound::VoiceOn);
        (0..10).for_each(|_| backlog.keep(frame()));
        backlog.keep(Sound::VoiceOff);
        (0..60).for_each(|_| backlog.keep(frame()));
        let (_, sound) = replayed_ms(&again(&mut backlog, Pace::RealTime));
        assert!((320 + 2 * 400 - 32..=320 + 2 * 400 + 64).contains(&sound), "{sound}");
        assert_eq!(replayed_ms(&again(&mut backlog, Pace::Free)), (0, 5_440));
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
        again(&mut backlog, Pace::Free);
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
                    let (begins, _) = replayed_ms(&again(&mut backlog, Pace::Free));
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
