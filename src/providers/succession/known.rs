//! Which words an engine that takes over tells a second time, and which of the last one's can be relied on. It keeps no sound.

use crate::domain::{HeardWord, Transcript};

/// Engines place the same word this differently, in milliseconds.
const SKEW_MS: u64 = 200;
/// The last known word is heard again, so that it can be told from the next one; so much of it at most.
const LAST_WORD_MS: u64 = 600;
/// Heard again before that word, so that its beginning is not cut off.
const LEAD_MS: u64 = 100;
/// Words without a place that are remembered; nobody says more in the sound that is heard again.
const MOST_WORDS: usize = 100;

/// The words of one microphone; places in milliseconds of its sound.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// All words before this place have been told as final.
    before_ms: u64,
    /// The last word before that place, when its times are known, behind the one whose end is heard again with it.
    last: Vec<HeardWord>,
    /// What was told behind that place by engines that know no times.
    unplaced: Vec<String>,
    /// The newest transcript that is not final.
    supposed: Option<Transcript>,
    /// So many of its first words stood in the one before it, too.
    stable: usize,
    repetition: Repetition,
}

/// How far an engine that takes over has repeated the words that have no place.
#[derive(Debug, Default)]
struct Repetition {
    expected: Vec<String>,
    /// It has begun, so that it can only go on with the next word.
    has_begun: bool,
}

impl Known {
    /// From where on sound would have to be heard again.
    pub(super) fn needed_from_ms(&self) -> u64 {
        self.last.last().map_or(self.before_ms, |last| {
            let begins = last.start_ms.max(self.before_ms.saturating_sub(LAST_WORD_MS));
            begins.saturating_sub(LEAD_MS).min(self.before_ms)
        })
    }

    /// Takes out what was told before.
    pub(super) fn cut(&mut self, transcript: &mut Transcript) {
        let is_timed = !transcript.words.is_empty();
        let known = if is_timed && self.unplaced.is_empty() {
            self.placed_before(&transcript.words)
        } else {
            self.repetition.known(&bare_words(&transcript.text), transcript.is_final)
        };
        if known > 0 {
            drop_words(transcript, known, is_timed && self.unplaced.is_empty());
        }
    }

    /// Words that may still change; those that did not are relied on.
    pub(super) fn suppose(&mut self, transcript: &Transcript) {
        let before = self.supposed.take().filter(|before| before.segment == transcript.segment);
        let before = before.map(|before| before.words).unwrap_or_default();
        let last = transcript.words.len().saturating_sub(1);
        let pairs = before.iter().zip(&transcript.words).enumerate();
        let stays = |(place, (one, next)): &(usize, (&HeardWord, &HeardWord))| {
            // The newest word may still be spoken.
            let is_whole = *place < last || one.end_ms == next.end_ms;
            is_whole && bare(&one.text) == bare(&next.text)
        };
        self.stable = pairs.take_while(stays).count();
        self.supposed = Some(transcript.clone());
    }

    /// Whether words are shown of that segment.
    pub(super) fn is_supposed(&self, segment: u64) -> bool {
        self.supposed.as_ref().is_some_and(|supposed| supposed.segment == segment)
    }

    pub(super) fn confirm(&mut self, transcript: &Transcript) {
        self.supposed = None;
        self.stable = 0;
        if let Some(last) = transcript.words.last() {
            self.before_ms = self.before_ms.max(last.end_ms);
            self.last.extend_from_slice(&transcript.words);
            self.last.drain(..self.last.len().saturating_sub(2));
            self.unplaced.clear();
        } else {
            self.unplaced.extend(bare_words(&transcript.text));
            self.unplaced.drain(..self.unplaced.len().saturating_sub(MOST_WORDS));
        }
    }

    /// What was told without a place lies before this one.
    pub(super) fn place(&mut self, at_ms: u64) {
        if !self.unplaced.is_empty() {
            self.unplaced.clear();
            self.last.clear();
            self.before_ms = self.before_ms.max(at_ms);
        }
    }

    /// Another engine begins: the words that are told as final of the one before, because they did not change or lie
    /// before the place from which on it could be heard again.
    pub(super) fn take_over(&mut self, relies: bool, begins_ms: u64) -> Option<Transcript> {
        let kept = self.supposed.take().and_then(|supposed| {
            let is_gone = |word: &&HeardWord| (word.start_ms + word.end_ms) / 2 < begins_ms;
            let gone = supposed.words.iter().take_while(is_gone).count();
            let count = if relies { gone.max(self.stable) } else { gone };
            (count > 0).then(|| first_words(supposed, count))
        });
        if let Some(kept) = &kept {
            self.confirm(kept);
        }
        self.stable = 0;
        let last = self.last.iter().map(|word| bare(&word.text));
        let expected = last.chain(self.unplaced.iter().cloned()).collect();
        self.repetition = Repetition { expected, has_begun: false };
        kept
    }

    /// How many of the first words lie before the place that is known. The last word tells better than its times.
    fn placed_before(&self, words: &[HeardWord]) -> usize {
        let last = self.last.last();
        let distance = |word: &HeardWord| {
            let last = last.filter(|last| bare(&last.text) == bare(&word.text))?;
            Some(last.start_ms.abs_diff(word.start_ms)).filter(|distance| *distance <= SKEW_MS)
        };
        let near =
            words.iter().enumerate().filter_map(|(place, word)| Some((distance(word)?, place)));
        if let Some((_, place)) = near.min() {
            return place + 1;
        }
        let is_before = |word: &HeardWord| (word.start_ms + word.end_ms) / 2 <= self.before_ms;
        words.iter().rposition(is_before).map_or(0, |place| place + 1)
    }
}

impl Repetition {
    /// How many of the first words repeat what is expected, from any place of it on at first: what lies before is not
    /// heard again.
    fn known(&mut self, words: &[String], is_final: bool) -> usize {
        let places = if self.has_begun { 0..1 } else { 0..self.expected.len() };
        let repeats = |place: &usize| {
            self.expected[*place..].iter().zip(words).all(|(told, word)| told == word)
        };
        let place = places.clone().find(repeats).filter(|_| !words.is_empty());
        let known = place.map_or(0, |place| words.len().min(self.expected.len() - place));
        if is_final && !words.is_empty() {
            self.has_begun = true;
            let is_repeated = known == words.len();
            let done = if is_repeated { place.unwrap_or(0) + known } else { self.expected.len() };
            self.expected.drain(..done);
        }
        known
    }
}

fn drop_words(transcript: &mut Transcript, count: usize, by_time: bool) {
    let tokens: Vec<&str> = transcript.text.split_whitespace().collect();
    let is_paired = tokens.len() == transcript.words.len();
    if by_time || is_paired {
        transcript.words.drain(..count);
    }
    transcript.text = if by_time { joined(&transcript.words) } else { tokens[count..].join(" ") };
}

fn first_words(supposed: Transcript, count: usize) -> Transcript {
    let mut words = supposed.words;
    let text = if count < words.len() { joined(&words[..count]) } else { supposed.text };
    words.truncate(count);
    Transcript { segment: supposed.segment, text, is_final: true, confidence: None, words }
}

fn joined(words: &[HeardWord]) -> String {
    words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

fn bare_words(text: &str) -> Vec<String> {
    text.split_whitespace().map(bare).collect()
}

/// Without what engines write differently.
fn bare(word: &str) -> String {
    word.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, is_final: bool) -> Transcript {
        Transcript { text: text.to_owned(), is_final, ..Transcript::default() }
    }

    /// A word each 300 ms from there on.
    fn timed(from_ms: u64, text: &str, is_final: bool) -> Transcript {
        let words = text.split(' ').enumerate().map(|(place, word)| {
            let start_ms = from_ms + 300 * place as u64;
            let text = word.to_owned();
            HeardWord { text, start_ms, end_ms: start_ms + 300, confidence: None }
        });
        Transcript { words: words.collect(), ..said(text, is_final) }
    }

    fn left(known: &mut Known, mut transcript: Transcript) -> String {
        known.cut(&mut transcript);
        transcript.text
    }

    #[test]
    fn a_real_repetition_is_told_and_one_that_is_heard_twice_is_not() {
        let mut known = Known::default();
        known.confirm(&said("It was very", true));
        known.take_over(false, 0);
        assert_eq!(left(&mut known, said("it was, very very good", true)), "very good");
        let mut known = Known::default();
        known.confirm(&timed(0, "it was very", true));
        known.take_over(false, 0);
        assert_eq!(left(&mut known, said("very very good", true)), "very good");
        let mut known = Known::default();
        known.confirm(&timed(0, "it was very", true));
        known.take_over(false, 0);
        assert_eq!(left(&mut known, timed(650, "very very good", true)), "very good");
    }

    #[test]
    fn words_without_a_place_are_known_whatever_segments_they_come_in() {
        let mut known = Known::default();
        known.confirm(&said("one two three", true));
        known.confirm(&said("four", true));
        known.take_over(false, 0);
        assert_eq!(left(&mut known, said("two", false)), "");
        assert_eq!(left(&mut known, said("two three", true)), "");
        assert_eq!(left(&mut known, said("four five", true)), "five");
        assert_eq!(left(&mut known, said("five", true)), "five");
    }

    #[test]
    fn a_word_is_known_by_itself_where_engines_differ_in_its_place() {
        let mut known = Known::default();
        known.confirm(&timed(0, "I have a", true));
        known.take_over(false, 0);
        assert_eq!(left(&mut known, timed(450, "a dog", true)), "dog");
        assert_eq!(left(&mut known, timed(760, "a dog", true)), "dog");
        assert_eq!(left(&mut known, timed(960, "a dog", true)), "a dog");
    }

    #[test]
    fn what_stood_in_two_guesses_is_relied_on() {
        let mut known = Known::default();
        known.suppose(&timed(0, "vorrei un tè", false));
        known.suppose(&timed(0, "Vorrei un caffè per", false));
        let kept = known.take_over(true, 0).map(|kept| kept.text);
        assert_eq!((kept.as_deref(), known.before_ms), (Some("Vorrei un"), 600));
        known.suppose(&timed(600, "caffè per favore", false));
        let kept = known.take_over(false, 1_100).map(|kept| kept.text);
        assert_eq!(kept.as_deref(), Some("caffè per"), "the others are heard again");
    }
}
