//! Gives every word of a text its time from eSpeak's marks, which are few, doubled or out of order. It never fails.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_segmentation::UnicodeSegmentation;

use crate::{domain::WordTime, prompts::words::is_unspaced};

/// eSpeak begins a word of its own there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Unicode code points before it in the text.
    pub(super) position: usize,
    /// Milliseconds from the beginning of the sound.
    pub(super) ms: u32,
}

/// The words of `text`, which is heard during `heard` (in milliseconds of the whole).
///
/// A word lasts until the next one begins; words without a mark share the time between their neighbours by length.
pub(super) fn times(text: &str, marks: &[Mark], heard: Range<u32>) -> Vec<WordTime> {
    let tokens = tokens(text);
    let starts = starts(&tokens, &anchors(&tokens, marks, &heard));
    let ends = starts.iter().skip(1).copied().chain([heard.end]);
    let times = starts.iter().copied().zip(ends);
    tokens
        .iter()
        .zip(times)
        .map(|(token, (start_ms, end_ms))| WordTime { text: shown(token.text), start_ms, end_ms })
        .collect()
}

/// Whether there is anything but punctuation.
pub(super) fn has_words(text: &str) -> bool {
    !text.chars().all(|char| char.is_whitespace() || is_punctuation(char))
}

/// A piece of the text that gets a time of its own.
struct Token<'a> {
    text: &'a str,
    /// Where it stands, in code points.
    span: Range<usize>,
}

/// What stands between spaces; where a script has none, the words that Unicode's rules find.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut position = 0;
    for text in text.split(char::is_whitespace) {
        let span = position..position + text.chars().count();
        position = span.end + 1;
        let found = tokens.len();
        if text.chars().any(is_unspaced) {
            push_words(&mut tokens, text, span.start);
        }
        if tokens.len() == found && !text.is_empty() {
            tokens.push(Token { text, span });
        }
    }
    tokens
}

fn push_words<'a>(tokens: &mut Vec<Token<'a>>, text: &'a str, mut position: usize) {
    for text in text.split_word_bounds() {
        let span = position..position + text.chars().count();
        position = span.end;
        if !text.chars().all(is_punctuation) {
            tokens.push(Token { text, span });
        }
    }
}

/// The times that are known: which token begins when, first to last, with both ends of the sound.
fn anchors(tokens: &[Token<'_>], marks: &[Mark], heard: &Range<u32>) -> Vec<(usize, u32)> {
    let mut anchors: Vec<(usize, u32)> = Vec::new();
    for mark in marks {
        // A mark between two tokens belongs to the one that follows.
        let index = tokens.partition_point(|token| token.span.end <= mark.position);
        let ms = heard.start.saturating_add(mark.ms).min(heard.end);
        let is_progress = anchors.last().is_none_or(|&(last, at)| index > last && ms >= at);
        if is_progress && index < tokens.len() {
            anchors.push((index, ms));
        }
    }
    if anchors.first().is_none_or(|&(index, _)| index > 0) {
        anchors.insert(0, (0, heard.start));
    }
    anchors.push((tokens.len(), heard.end));
    anchors
}

fn starts(tokens: &[Token<'_>], anchors: &[(usize, u32)]) -> Vec<u32> {
    let mut starts = Vec::with_capacity(tokens.len());
    for (&(first, from), &(end, to)) in anchors.iter().zip(anchors.iter().skip(1)) {
        let tokens = tokens.get(first..end).unwrap_or_default();
        let total: usize = tokens.iter().map(|token| token.span.len()).sum();
        let mut before = 0;
        for token in tokens {
            let share = u64::from(to - from) * before as u64 / total as u64;
            starts.push(from + share as u32);
            before += token.span.len();
        }
    }
    starts
}

/// The token without the punctuation around it, unless there is nothing else.
fn shown(token: &str) -> String {
    let word = token.trim_matches(is_punctuation);
    if word.is_empty() { token } else { word }.to_owned()
}

fn is_punctuation(char: char) -> bool {
    char.general_category_group() == GeneralCategoryGroup::Punctuation
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_timed_by_their_marks_and_shown_without_punctuation() {
        check(
            "Hello, how are you?",
            &[(0, 0), (7, 410), (11, 600), (15, 700)],
            expect![[r#"
            Hello 0-410
            how 410-600
            are 600-700
            you 700-1000"#]],
        );
    }

    #[test]
    fn words_without_a_mark_share_the_time_between_their_neighbours_by_length() {
        check(
            "I am here — now",
            &[(0, 100), (12, 900)],
            expect![[r#"
            I 100-200
            am 200-400
            here 400-800
            — 800-900
            now 900-1000"#]],
        );
    }

    #[test]
    fn marks_that_go_back_repeat_or_lie_outside_are_passed_over() {
        let marks = [(4, 100), (4, 200), (0, 300), (99, 400), (8, 50), (8, 9999)];
        check(
            "one two three",
            &marks,
            expect![[r#"
            one 0-100
            two 100-1000
            three 1000-1000"#]],
        );
    }

    #[test]
    fn a_mark_on_a_punctuation_mark_belongs_to_its_word() {
        check(
            "¿Qué? «Sí»",
            &[(1, 10), (7, 500)],
            expect![[r#"
            Qué 10-500
            Sí 500-1000"#]],
        );
    }

    #[test]
    fn scripts_without_spaces_are_cut_into_words() {
        check(
            "你好，世界。",
            &[(3, 600)],
            expect![[r#"
            你 0-300
            好 300-600
            世 600-800
            界 800-1000"#]],
        );
    }

    #[test]
    fn vowel_signs_stay_with_their_word() {
        check(
            "नमस्ते, आप कैसे हैं?",
            &[],
            expect![[r#"
            नमस्ते 0-411
            आप 411-529
            कैसे 529-764
            हैं 764-1000"#]],
        );
    }

    proptest! {
        #[test]
        fn every_word_has_a_time_and_the_times_never_go_back(
            text in "[a-zé ,.¿?0-9你ก\u{301}\u{1F600}]{0,40}",
            marks in proptest::collection::vec((0usize..50, 0u32..3000), 0..20),
            from in 0u32..5000,
            length in 0u32..2500,
        ) {
            let marks: Vec<_> = marks.iter().map(|&(position, ms)| Mark { position, ms }).collect();
            let words = times(&text, &marks, from..from + length);
            let mut rest = text.as_str();
            let mut last = from;
            for word in &words {
                rest = rest.split_once(&word.text).expect("the words stand in the text in order").1;
                prop_assert!(last <= word.start_ms && word.start_ms <= word.end_ms);
                last = word.end_ms;
            }
            prop_assert!(last <= from + length);
            prop_assert_eq!(words.is_empty(), text.trim().is_empty());
            if !text.chars().any(is_unspaced) {
                prop_assert_eq!(words.len(), text.split_whitespace().count());
            }
        }
    }

    fn check(text: &str, marks: &[(usize, u32)], expected: Expect) {
        let marks: Vec<_> = marks.iter().map(|&(position, ms)| Mark { position, ms }).collect();
        let lines: Vec<_> = times(text, &marks, 0..1000)
            .iter()
            .map(|word| format!("{} {}-{}", word.text, word.start_ms, word.end_ms))
            .collect();
        expected.assert_eq(&lines.join("\n"));
    }
}
