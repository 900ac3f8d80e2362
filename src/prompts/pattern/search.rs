//! Lays the pieces of a pattern on the words of a text. It knows no spelling but the folded one.

use std::ops::Range;

use super::Piece;
use crate::prompts::words::{Word, is_slip};

/// A slot takes at most this many words with spaces between them: enough for a name or a dish, too few for a
/// sentence.
const SLOT_SPACED_WORDS: usize = 5;
/// And this many in all, where words stand without spaces.
const SLOT_WORDS: usize = 8;
/// And this many bytes: the tutor repeats what it holds.
const SLOT_BYTES: usize = 120;

/// The longest word, in letters, that a learner is held to have forgotten: an article, not what the answer is about.
const SMALL_WORD: usize = 3;

/// The way from some piece to the end of the pattern, its steps last first.
pub(super) struct Path {
    pub(super) score: i32,
    pub(super) end: usize,
    pub(super) steps: Vec<Step>,
}

pub(super) enum Step {
    Slot { piece: usize, words: Range<usize> },
    Slip { piece: usize, word: usize },
    Missing,
}

/// Tries every way to lay the pieces on the words: both are short, and `slack` bounds the detours.
pub(super) struct Search<'a> {
    pub(super) pieces: &'a [Piece],
    pub(super) words: &'a [Word],
    pub(super) stops: &'a [String],
}

impl Search<'_> {
    pub(super) fn from(&self, piece: usize, word: usize, slack: usize) -> Option<Path> {
        match self.pieces.get(piece) {
            None => Some(Path { score: 0, end: word, steps: Vec::new() }),
            Some(Piece::Anything) => {
                let ends = word..=self.words.len();
                best(ends.map(|end| self.from(piece + 1, end, slack)))
            }
            Some(Piece::Slot(_)) => best((1..=SLOT_WORDS).rev().map(|length| {
                let words = word..word + length;
                self.can_fill(words.clone()).then_some(())?;
                Some(self.from(piece + 1, words.end, slack)?.with(0, Step::Slot { piece, words }))
            })),
            Some(Piece::Word { folded, .. }) => best([
                self.same(folded, piece, word, slack),
                self.missing(folded, piece, word, slack),
                self.added(piece, word, slack),
            ]),
        }
    }

    fn same(&self, folded: &str, piece: usize, word: usize, slack: usize) -> Option<Path> {
        let heard = &self.words.get(word)?.folded;
        if heard == folded {
            let mut path = self.from(piece + 1, word + 1, slack)?;
            path.score += 2;
            return Some(path);
        }
        is_slip(heard, folded).then_some(())?;
        Some(self.from(piece + 1, word + 1, slack)?.with(1, Step::Slip { piece, word }))
    }

    /// The learner has left out this word of the pattern: a small one, not its end, and its beginning only where the
    /// message begins, since elsewhere another word stands in its place.
    fn missing(&self, folded: &str, piece: usize, word: usize, slack: usize) -> Option<Path> {
        let is_small = folded.chars().count() <= SMALL_WORD;
        let is_end = piece + 1 == self.pieces.len();
        let is_replaced = piece == 0 && word > 0;
        (is_small && !is_end && !is_replaced).then_some(())?;
        Some(self.from(piece + 1, word, slack.checked_sub(1)?)?.with(-2, Step::Missing))
    }

    /// The learner has said one word more, which does not turn the sentence round.
    fn added(&self, piece: usize, word: usize, slack: usize) -> Option<Path> {
        let is_stop = self.stops.contains(&self.words.get(word)?.folded);
        (piece > 0 && !is_stop).then_some(())?;
        let mut path = self.from(piece, word + 1, slack.checked_sub(1)?)?;
        path.score -= 1;
        Some(path)
    }

    fn can_fill(&self, range: Range<usize>) -> bool {
        self.words.get(range).is_some_and(|words| {
            let spaces = words.windows(2).filter(|pair| pair[0].end < pair[1].start).count();
            spaces < SLOT_SPACED_WORDS
                && words
                    .last()
                    .zip(words.first())
                    .is_some_and(|(last, first)| last.end - first.start <= SLOT_BYTES)
                && words.iter().skip(1).all(|word| word.continues)
                && words.iter().all(|word| !self.stops.contains(&word.folded))
        })
    }
}

impl Path {
    fn with(mut self, score: i32, step: Step) -> Self {
        self.score += score;
        self.steps.push(step);
        self
    }
}

/// The highest score; of equals the first.
fn best(paths: impl IntoIterator<Item = Option<Path>>) -> Option<Path> {
    paths
        .into_iter()
        .flatten()
        .reduce(|best, path| if path.score > best.score { path } else { best })
}
