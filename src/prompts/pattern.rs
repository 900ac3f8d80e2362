//! What a learner may say, as a teacher writes it: `me llamo {name}`. It finds itself in a text; it answers nothing.
//!
//! A pattern may stand anywhere in the text; `*` stands for any words, a `{slot}` for up to five words within
//! one clause. A pattern of slots alone has to be the whole text. Of several, the one that explains most words wins.

mod search;

use std::ops::Range;

use super::{
    tagged::{Slots, fill, plain, slots_in},
    words::{ShortForms, Word, split},
};
use search::{Path, Search, Step};

/// One form of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    source: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// A word as it is spelled and as it is compared.
    Word {
        spelled: String,
        folded: String,
    },
    Slot(String),
    Anything,
}

/// What a learner has said, ready to be compared.
#[derive(Debug)]
pub struct Heard<'a> {
    text: &'a str,
    words: Vec<Word>,
}

/// How a pattern was found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The more words the pattern explains, the higher; 0 for slots alone.
    pub score: i32,
    pub slots: Slots,
    /// The first word that is spelled differently: as it was written, as it is meant.
    pub slip: Option<(String, String)>,
    /// A word of the pattern is missing.
    pub incomplete: bool,
    /// The part of the text that the pattern explains.
    pub quote: String,
}

impl<'a> Heard<'a> {
    #[must_use]
    pub fn new(text: &'a str, short_forms: &ShortForms) -> Self {
        Self { text, words: split(text, short_forms) }
    }

    fn quote(&self, words: Range<usize>) -> &'a str {
        let Some((first, last)) =
            self.words.get(words).and_then(|words| words.first().zip(words.last()))
        else {
            return "";
        };
        self.text.get(first.start..last.end).unwrap_or_default()
    }
}

impl Pattern {
    pub fn parse(source: &str, short_forms: &ShortForms) -> Result<Self, String> {
        slots_in(source)?;
        let mut pieces = Vec::new();
        for part in source.split_inclusive(['}', '*']).flat_map(|part| part.split_inclusive(' ')) {
            match part.split_once('{') {
                Some((before, slot)) => {
                    push_words(&mut pieces, before, short_forms);
                    pieces.push(Piece::Slot(slot.trim_end_matches('}').to_lowercase()));
                }
                None => push_words(&mut pieces, part, short_forms),
            }
        }
        if !pieces.iter().any(|piece| *piece != Piece::Anything) {
            return Err(format!("`{source}` has no words"));
        }
        if pieces.windows(2).any(|pair| pair.iter().all(|piece| !piece.is_word())) {
            return Err(format!("`{source}` needs a word between its slots"));
        }
        Ok(Self { source: source.trim().into(), pieces })
    }

    /// The best place of the pattern in what was heard. `stops` are folded words that no slot takes.
    #[must_use]
    pub fn find(&self, heard: &Heard<'_>, stops: &[String]) -> Option<Found> {
        let search = Search { pieces: &self.pieces, words: &heard.words, stops };
        let is_bare = self.slack().is_none();
        let starts = if is_bare { 0..1 } else { 0..heard.words.len() };
        let mut best: Option<(usize, Path)> = None;
        for start in starts {
            let found = search.from(0, start, self.slack().unwrap_or(0));
            let found = found.filter(|path| !is_bare || path.end == heard.words.len());
            if let Some(path) = found
                && best.as_ref().is_none_or(|(_, best)| path.score > best.score)
            {
                best = Some((start, path));
            }
        }
        best.filter(|(_, path)| is_bare || path.score > 0)
            .map(|(start, path)| self.found(heard, start, path))
    }

    /// The pattern as a sentence with the learner's own words in its slots.
    #[must_use]
    pub fn fill(&self, slots: &Slots) -> String {
        fill(&self.source, slots)
    }

    pub fn slots(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Slot(name) => Some(name.as_str()),
            Piece::Word { .. } | Piece::Anything => None,
        })
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// How many words may be missing or added; `None` for a pattern of slots alone.
    fn slack(&self) -> Option<usize> {
        // With a gap in the pattern nobody knows the sentence that it should have been.
        let has_gap = self.pieces.contains(&Piece::Anything);
        match self.pieces.iter().filter(|piece| piece.is_word()).count() {
            0 => None,
            1..3 => Some(0),
            _ if has_gap => Some(0),
            3..6 => Some(1),
            _ => Some(2),
        }
    }

    fn found(&self, heard: &Heard<'_>, start: usize, path: Path) -> Found {
        let mut found = Found {
            score: path.score,
            slots: Slots::new(),
            slip: None,
            incomplete: false,
            quote: heard.quote(start..path.end).into(),
        };
        for step in path.steps.into_iter().rev() {
            match step {
                Step::Slot { piece, words } => {
                    if let Some(Piece::Slot(name)) = self.pieces.get(piece) {
                        found.slots.insert(name.clone(), plain(heard.quote(words)));
                    }
                }
                Step::Slip { piece, word } => {
                    if let (Some(Piece::Word { spelled, .. }), None) =
                        (self.pieces.get(piece), &found.slip)
                    {
                        found.slip = Some((heard.quote(word..word + 1).into(), spelled.clone()));
                    }
                }
                Step::Missing => found.incomplete = true,
            }
        }
        found
    }
}

impl Piece {
    fn is_word(&self) -> bool {
        matches!(self, Self::Word { .. })
    }
}

fn push_words(pieces: &mut Vec<Piece>, text: &str, short_forms: &ShortForms) {
    for word in split(text, short_forms) {
        let spelled = text.get(word.start..word.end).unwrap_or_default().to_owned();
        pieces.push(Piece::Word { spelled, folded: word.folded });
    }
    if text.contains('*') {
        pieces.push(Piece::Anything);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(pattern: &str, text: &str) -> Option<Found> {
        let short_forms =
            ShortForms::from([("i'm".into(), "i am".into()), ("don't".into(), "do not".into())]);
        let stops: Vec<_> = ["and", "y", "not", "please", "hi"].map(String::from).into();
        Pattern::parse(pattern, &short_forms).unwrap().find(&Heard::new(text, &short_forms), &stops)
    }

    fn slot(pattern: &str, text: &str) -> Option<String> {
        find(pattern, text)?.slots.into_values().next()
    }

    #[test]
    fn a_slot_takes_the_learners_own_words_within_one_clause() {
        assert_eq!(slot("me llamo {name}", "Hola, me llamo Ana. ¿Y tú?").as_deref(), Some("Ana"));
        assert_eq!(slot("me llamo {name}", "me llamo Ana y soy de Perú").as_deref(), Some("Ana"));
        assert_eq!(slot("I am {name}", "I’m José María!").as_deref(), Some("José María"));
        assert_eq!(slot("tengo {age} años", "Tengo 20 años.").as_deref(), Some("20"));
    }

    #[test]
    fn a_pattern_of_slots_alone_is_the_whole_text() {
        assert_eq!(slot("{name}", "Ana").as_deref(), Some("Ana"));
        assert_eq!(slot("{name}", "Hi!"), None);
        assert_eq!(slot("{name}", "I do not know it"), None);
    }

    #[test]
    fn a_slip_is_accepted_and_shown() {
        let found = find("muchas gracias", "muchas grasias").unwrap();
        assert_eq!(found.slip, Some(("grasias".into(), "gracias".into())));
        assert!(find("muchas gracias", "muchos perros").is_none());
    }

    #[test]
    fn a_missing_small_word_is_noticed_and_an_added_one_is_not_held_against_the_learner() {
        assert!(find("I would like a {drink}", "I would like tea").unwrap().incomplete);
        assert!(!find("I would like a {drink}", "I would really like a tea").unwrap().incomplete);
        assert!(find("I would like a {drink}", "I would not like a tea").is_none());
    }

    #[test]
    fn what_the_answer_is_about_cannot_be_missing() {
        assert!(find("it is perfect", "It is a bit too small").is_none());
        assert!(find("me queda bien", "Me queda grande").is_none());
        assert!(find("I took the wrong bus", "I took the bus").is_none());
        assert!(find("I am from {country}", "Am from Peru").unwrap().incomplete);
        assert!(find("I have {number} bags", "we have two bags").is_none());
    }

    #[test]
    fn the_pattern_that_explains_more_scores_higher() {
        let text = "I am 20 years old";
        let score = |pattern| find(pattern, text).unwrap().score;
        assert!(score("I am {age} years old") > score("I am {age} years"));
        assert!(score("I am {age} years") > score("I am {age}"));
    }

    #[test]
    fn patterns_work_without_spaces_between_words() {
        assert_eq!(slot("我叫{name}", "你好，我叫安娜。").as_deref(), Some("安娜"));
        assert_eq!(slot("اسمي {name}", "اِسْمي سارة").as_deref(), Some("سارة"));
        assert!(find("これは*です", "これはほんです").is_some());
    }

    #[test]
    fn a_slot_never_takes_markup() {
        // A mark that combines makes the bracket before it a part of the word.
        assert_eq!(slot("{name}", "[\u{1171e}ᱫ").as_deref(), Some("\u{1171e}ᱫ"));
    }

    #[test]
    fn a_pattern_without_words_is_refused() {
        for bad in ["", "  *", "{a} {b}", "{name", "{a}*"] {
            assert!(Pattern::parse(bad, &ShortForms::new()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_long_answer_of_repeated_words_is_answered_quickly() {
        let text = "a ".repeat(8000);
        assert!(find("a * a * a * b", &text).is_none());
    }
}
