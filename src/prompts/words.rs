//! Text as words that can be compared across spellings. It judges nothing and keeps no text of its own.

use std::collections::BTreeMap;

use icu_normalizer::DecomposingNormalizerBorrowed;
use unicode_segmentation::UnicodeSegmentation;

/// An answer is compared up to this many words: a beginner's sentence is shorter, and matching stays cheap.
const MAX_WORDS: usize = 60;

/// Short forms and what they stand for: `i'm` → `i am`. One that ends in an apostrophe (`d'`) is a word of its own
/// before any other: `d'Oslo` is two words.
pub type ShortForms = BTreeMap<String, String>;

/// One word of a text, in a script where a word is what Unicode calls one (a single character in Chinese).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What is compared: lower case, without accents, compatibility forms and joined letters resolved.
    pub folded: String,
    /// Where it stands in the text, in bytes.
    pub start: usize,
    pub end: usize,
    /// Nothing but white space, a hyphen or an apostrophe stands between the word before and this one.
    pub continues: bool,
}

/// The words of a text, short forms written out. Both halves of a short form stand at its place in the text.
#[must_use]
pub fn split(text: &str, short_forms: &ShortForms) -> Vec<Word> {
    let mut words = Vec::new();
    let mut end_before = 0;
    let whole = text.unicode_word_indices().take(MAX_WORDS);
    for (start, word) in whole.flat_map(|(start, word)| at_elision(start, word, short_forms)) {
        let end = start + word.len();
        let gap = text.get(end_before..start).unwrap_or_default();
        let mut continues = start > 0 && gap.chars().all(joins_words);
        let folded = fold(word);
        let long = short_forms.get(&folded).map_or(folded.as_str(), String::as_str);
        for part in long.split(' ') {
            words.push(Word { folded: part.into(), start, end, continues });
            continues = true;
        }
        end_before = end;
    }
    words
}

/// The form in which words are compared.
#[must_use]
pub fn fold(word: &str) -> String {
    DecomposingNormalizerBorrowed::new_nfkd()
        .normalize(&word.to_lowercase().replace('ß', "ss").replace('œ', "oe"))
        .chars()
        .filter(|&letter| !is_optional_mark(letter))
        .map(|letter| if letter == '’' { '\'' } else { letter })
        .collect()
}

/// Whether `wrote` can be a slip of the pen for `meant`: one letter from four on, two from six on.
#[must_use]
pub fn is_slip(wrote: &str, meant: &str) -> bool {
    let length = meant.chars().count();
    let allowed = match length {
        0..4 => return false,
        4..6 => 1,
        _ => 2,
    };
    let has_digit = |word: &str| word.chars().any(char::is_numeric);
    wrote.chars().count().abs_diff(length) <= allowed
        && !has_digit(wrote)
        && !has_digit(meant)
        && strsim::osa_distance(wrote, meant) <= allowed
}

/// Whether its script is written without spaces: Thai, Lao, Burmese, Khmer, kana and Chinese characters.
#[must_use]
pub fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}'
        | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}')
}

/// A word in one part, or in two where it begins with an elided one.
fn at_elision<'a>(
    start: usize,
    word: &'a str,
    short_forms: &ShortForms,
) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
    let head = word.split_inclusive(['\'', '’']).next().unwrap_or_default();
    let is_elided = head.len() < word.len() && short_forms.contains_key(&fold(head));
    let at = if is_elided { head.len() } else { 0 };
    let (head, tail) = word.split_at_checked(at).unwrap_or(("", word));
    [(start, head), (start + at, tail)].into_iter().filter(|(_, part)| !part.is_empty())
}

fn joins_words(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '-' | '\'' | '’')
}

/// Accents of Latin, Greek and Cyrillic, vowel signs of Arabic and Hebrew. The tilde makes another letter
/// (`año` is not `ano`), so leaving it out counts as a slip.
fn is_optional_mark(letter: char) -> bool {
    const TILDE: char = '\u{303}';
    letter != TILDE
        && matches!(letter, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{64b}'..='\u{65f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> Vec<String> {
        let short_forms = ShortForms::from([("i'm".into(), "i am".into())]);
        split(text, &short_forms).into_iter().map(|word| word.folded).collect()
    }

    #[test]
    fn case_accents_punctuation_and_short_forms_make_no_difference() {
        assert_eq!(folded("¡I’M  Łucía!"), ["i", "am", "łucia"]);
        assert_eq!(folded("I am LUCIA").last().map(String::as_str), Some("lucia"));
        assert_eq!(folded("ＣＡＦＥ́?"), ["cafe"]);
    }

    #[test]
    fn letters_that_are_written_joined_or_apart_make_no_difference() {
        assert_eq!(folded("Straße Œufs"), folded("STRASSE oeufs"));
    }

    #[test]
    fn an_elided_word_is_a_word_of_its_own() {
        let short_forms = ShortForms::from([("d'".into(), "d".into())]);
        let words = split("Près d’Oslo aujourd'hui", &short_forms);
        let found: Vec<_> = words.iter().map(|word| word.folded.as_str()).collect();
        assert_eq!(found, ["pres", "d", "oslo", "aujourd'hui"]);
        assert!(words[2].continues && words[1].end == words[2].start);
    }

    #[test]
    fn words_are_found_in_every_script() {
        assert_eq!(folded("我叫安娜。"), ["我", "叫", "安", "娜"]);
        assert_eq!(folded("اِسْمي آنا"), ["اسمي", "انا"]);
        assert_eq!(folded("मेरा नाम आना है").len(), 4);
    }

    #[test]
    fn a_slip_is_one_letter_of_a_longer_word_and_never_a_number() {
        assert!(is_slip("grasias", "gracias"));
        assert!(is_slip("gracais", "gracias"));
        assert!(is_slip(&fold("anos"), &fold("años")));
        assert!(!is_slip("the", "tea"));
        assert!(!is_slip("2024", "2025"));
        assert!(!is_slip("hola", "gracias"));
    }
}
