//! Expected phrases as a closed grammar, and phonemes as one for everything else. Only plain words get into a grammar.

use std::collections::BTreeMap;

/// More phrases are not looked for: each one slows the search down.
const MAX_PHRASES: usize = 400;
/// Nobody says more words at once in a lesson.
const MAX_WORDS: usize = 40;

/// The phonemes of the English dictionary.
pub(super) const PHONEMES: [&str; 39] = [
    "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH",
    "IH", "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH",
    "UW", "V", "W", "Y", "Z", "ZH",
];

/// What may be said, by the words that the dictionary has for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Grammar(BTreeMap<String, String>);

impl Grammar {
    /// Leaves out phrases with a word that is not `known`, and patterns with room for the learner's own words.
    pub(super) fn new(phrases: &[String], mut known: impl FnMut(&str) -> bool) -> Self {
        let mut phrases_by_words = BTreeMap::new();
        for phrase in phrases.iter().filter(|phrase| !phrase.contains(['{', '*', '<'])) {
            let words = words(phrase);
            let is_sayable = (1..=MAX_WORDS).contains(&words.len());
            if is_sayable && words.iter().all(|word| known(word)) {
                phrases_by_words.entry(words.join(" ")).or_insert_with(|| phrase.trim().to_owned());
            }
            if phrases_by_words.len() == MAX_PHRASES {
                break;
            }
        }
        Self(phrases_by_words)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In the Java Speech Grammar Format.
    pub(super) fn jsgf(&self) -> String {
        let phrases: Vec<&str> = self.0.keys().map(String::as_str).collect();
        jsgf("expected", &phrases.join(" | "))
    }

    /// The phrase as it was given; `None` when these words are none.
    pub(super) fn phrase(&self, words: &str) -> Option<&str> {
        self.0.get(words).map(String::as_str)
    }
}

/// Any sounds of the language in any order.
pub(super) fn anything() -> String {
    let sounds: Vec<String> = PHONEMES.iter().map(|phoneme| sound(phoneme)).collect();
    jsgf("anything", &format!("( {} )+", sounds.join(" | ")))
}

/// The word that stands for a single phoneme.
pub(super) fn sound(phoneme: &str) -> String {
    format!("_{phoneme}")
}

fn jsgf(name: &str, said: &str) -> String {
    format!("#JSGF V1.0;\ngrammar {name};\npublic <said> = {said};\n")
}

/// As the dictionary writes them: lower case, letters and apostrophes. Other signs do not get into a grammar.
fn words(phrase: &str) -> Vec<String> {
    let plain = phrase.replace('’', "'").to_lowercase();
    let words = plain.split(|char: char| !char.is_alphanumeric() && char != '\'');
    let words = words.map(|word| word.trim_matches('\''));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grammar(phrases: &[&str]) -> Grammar {
        let phrases: Vec<String> = phrases.iter().map(|&phrase| phrase.to_owned()).collect();
        Grammar::new(&phrases, |word| word != "zzyzx")
    }

    #[test]
    fn phrases_become_words_and_words_phrases() {
        let grammar = grammar(&["I don’t know.", "Yes, please!", "yes please"]);
        let jsgf = grammar.jsgf();
        assert!(jsgf.ends_with("public <said> = i don't know | yes please;\n"), "{jsgf}");
        assert_eq!(grammar.phrase("yes please"), Some("Yes, please!"));
        assert_eq!(grammar.phrase("yes"), None);
    }

    #[test]
    fn what_cannot_be_listened_for_is_left_out() {
        let phrases = ["I live in {place}", "go to zzyzx", "…", "<sil>; grammar x;", "*"];
        assert!(grammar(&phrases).is_empty());
    }
}
