//! May a sentence end here? Answers from the word before a mark and the character behind it; it keeps no state.

use super::{
    abbreviations::{
        hesitates, introduces, is_site, may_end, precedes_number, speaks_of_addresses,
    },
    characters::{begins_sentence, is_clause_mark, is_terminator},
};
use crate::domain::Language;

/// What a mark does to the text before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Boundary {
    Ends,
    /// What follows decides.
    Asks(Question),
    GoesOn,
}

/// What has to be known of the next character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Is it a space? Then the sentence is over.
    Space,
    /// Is it, spaces skipped, an upper-case letter? Then it is over.
    UpperCase,
    /// Does it, spaces skipped, begin a sentence in any script?
    NewSentence,
    /// Is it, spaces skipped, anything but a digit?
    NoNumber,
    /// Is it anything but a digit? Then a clause is over.
    ClauseNoDigit,
    /// Is it a space? Then a clause is over.
    ClauseSpace,
}

impl Question {
    /// A clause is at stake, not a sentence.
    pub(super) fn is_of_clause(self) -> bool {
        matches!(self, Self::ClauseNoDigit | Self::ClauseSpace)
    }

    /// `None`: the answer lies further on.
    pub(super) fn answer(self, next: char) -> Option<bool> {
        let skips = matches!(self, Self::UpperCase | Self::NewSentence | Self::NoNumber);
        if skips && next.is_whitespace() {
            return (next == '\n').then_some(true);
        }
        Some(match self {
            Self::Space | Self::ClauseSpace => next.is_whitespace(),
            Self::UpperCase => next.is_uppercase() || matches!(next, '¿' | '¡' | '“' | '«'),
            Self::NewSentence => begins_sentence(next),
            Self::NoNumber | Self::ClauseNoDigit => !next.is_numeric(),
        })
    }
}

/// What a full stop does behind `before`, whose last word is `word`.
pub(super) fn full_stop(before: &str, word: &str, language: &Language) -> Boundary {
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    if word.is_empty() || before.ends_with(['.', '…']) {
        return Boundary::GoesOn;
    }
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        return after_number(before, word, language);
    }
    let lower = word.to_lowercase();
    if introduces(&lower) {
        Boundary::GoesOn
    } else if may_end(&lower) {
        Boundary::Asks(Question::UpperCase)
    } else if precedes_number(&lower) {
        Boundary::Asks(Question::NoNumber)
    } else if is_initial(word) {
        Boundary::GoesOn
    } else if hesitates(&lower)
        || word.contains('.')
        || is_site(&lower)
        || words(&before.to_ascii_lowercase()).any(speaks_of_addresses)
    {
        Boundary::Asks(Question::Space)
    } else {
        Boundary::Ends
    }
}

/// A number may be a list's mark, a German ordinal, or the beginning of a decimal.
fn after_number(before: &str, word: &str, language: &Language) -> Boundary {
    let is_short = word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_digit());
    let earlier = before.strip_suffix(word).unwrap_or_default().trim_end_matches([' ', '*', '_']);
    let begins_item =
        earlier.ends_with(|c: char| c == '\n' || c == ')' || is_clause_mark(c) || is_terminator(c));
    if is_short && (earlier.is_empty() || begins_item || writes_ordinals_with_a_stop(language)) {
        Boundary::GoesOn
    } else {
        Boundary::Asks(Question::Space)
    }
}

/// `am 3. Mai`: in these languages a short number with a full stop is an ordinal.
fn writes_ordinals_with_a_stop(language: &Language) -> bool {
    ["de", "cs", "da", "fi", "hr", "hu", "is", "lv", "no", "nb", "pl", "sk", "sl", "sr"]
        .contains(&language.primary())
}

/// `J`, `U.S.A`: single letters between full stops.
fn is_initial(word: &str) -> bool {
    word.split('.').all(|part| {
        let mut letters = part.chars();
        letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none()
    })
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_between = |byte: &u8| byte.is_ascii() && !byte.is_ascii_alphanumeric() && *byte != b'-';
    text.as_bytes().split(is_between).filter_map(|word| std::str::from_utf8(word).ok())
}
