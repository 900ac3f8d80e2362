//! How long the text is that is not cut yet, and where it breaks when it grows too long. It knows no sentences.

use unicode_segmentation::UnicodeSegmentation;

use super::characters::is_plain_letter;

/// Longest chunk, in graphemes.
const MAX_CHUNK: usize = 200;
/// Longest chunk in bytes, whatever its graphemes are made of.
const MAX_CHUNK_BYTES: usize = 4096;

/// The text's length as far as it has been counted, and the places where it may break.
#[derive(Debug)]
pub(super) struct Length {
    counted_to: usize,
    graphemes: usize,
    /// Characters until the graphemes have to be counted again.
    slack: usize,
    last_clause: usize,
    last_space: usize,
}

impl Length {
    pub(super) fn new() -> Self {
        Self { counted_to: 0, graphemes: 0, slack: MAX_CHUNK, last_clause: 0, last_space: 0 }
    }

    /// A clause ends at `at`, in bytes.
    pub(super) fn clause_ends(&mut self, at: usize) {
        self.last_clause = at;
    }

    /// A space ends at `at`, in bytes.
    pub(super) fn space_ends(&mut self, at: usize) {
        self.last_space = at;
    }

    /// Graphemes up to the place where they were counted last.
    pub(super) fn counted(&self) -> usize {
        self.graphemes
    }

    /// Graphemes of `text` up to `at` without the spaces at its beginning. Every character is counted once.
    pub(super) fn count(&mut self, text: &str, at: usize) -> usize {
        let mut new = text.get(self.counted_to..at).unwrap_or_default();
        if self.graphemes == 0 {
            new = new.trim_start();
        }
        self.counted_to = at;
        // Segmentation is slow, and most texts have nothing to combine.
        let is_simple = new.is_ascii() || new.chars().all(|c| c < '\u{300}' || is_plain_letter(c));
        self.graphemes += if is_simple { new.chars().count() } else { new.graphemes(true).count() };
        self.graphemes
    }

    /// Bytes that can follow behind `at` before the text may be too long.
    pub(super) fn room(&self, at: usize) -> usize {
        self.slack.saturating_sub(1).min(MAX_CHUNK_BYTES.saturating_sub(at + 1))
    }

    /// So many characters have been read.
    pub(super) fn grow(&mut self, characters: usize) {
        self.slack = self.slack.saturating_sub(characters);
    }

    /// Where to break `text`, read up to `at`, if it has grown too long. An address is broken only if nothing else is.
    pub(super) fn break_place(&mut self, text: &str, at: usize, in_address: bool) -> Option<usize> {
        if at < MAX_CHUNK_BYTES {
            if self.slack > 0 {
                return None;
            }
            let length = self.count(text, at);
            if length <= MAX_CHUNK || self.last_break(at).is_none() && in_address {
                self.slack = (MAX_CHUNK + 1).saturating_sub(length).max(1);
                return None;
            }
        }
        Some(self.last_break(at).unwrap_or_else(|| last_grapheme(text.get(..at).unwrap_or(text))))
    }

    /// The last clause mark, else the last space, unless the break would leave most of the text behind it.
    fn last_break(&self, at: usize) -> Option<usize> {
        [self.last_clause, self.last_space].into_iter().find(|place| place * 3 >= at)
    }
}

/// Where the last grapheme begins, which may not be whole; the end, when there is only one.
fn last_grapheme(text: &str) -> usize {
    let last = text.grapheme_indices(true).next_back().map(|(start, _)| start);
    last.filter(|&start| start > 0).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_short_way_counts_what_segmentation_counts(text in "[a-zé가-힣一-龥а-яぁ-ゖ\u{ad},. ]{0,40}") {
            let text = format!("x{text}");
            let counted = Length::new().count(&text, text.len());
            prop_assert_eq!(counted, text.graphemes(true).count());
        }
    }

    #[test]
    fn a_grapheme_of_many_characters_counts_once() {
        let text = "  a\u{301}👨‍👩‍👧é";
        assert_eq!(Length::new().count(text, text.len()), 3);
    }
}
