//! The words by which a listener knows what a speaker is about, by language: `turn-taking.toml`. It decides nothing.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Prompts, words::is_unspaced};
use crate::domain::Language;

const FILE: &str = "turn-taking.toml";
/// The table whose words belong to every language.
const EVERY: &str = "every";

/// The words of all languages.
#[derive(Clone, Debug)]
pub struct CueTables(BTreeMap<String, Table>);

/// The words of one language, as they are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cues {
    /// They are no words.
    sounds: Vec<String>,
    /// More is to come after these.
    open: Vec<String>,
    /// Nothing is to come after these.
    closing: Vec<String>,
    /// They take no turn.
    company: Vec<String>,
}

/// What the end of a text says of what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// More is to come.
    Open,
    Unknown,
    /// Nothing is missing.
    Complete,
}

/// Why the folder's words cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{FILE}: {0}")]
pub struct CuesError(#[from] toml::de::Error);

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Table {
    sounds: Vec<String>,
    hesitations: Vec<String>,
    open: Vec<String>,
    closing: Vec<String>,
    back_channel: Vec<String>,
}

impl CueTables {
    /// Those of the folder, and the binary's for languages that the folder leaves out.
    ///
    /// # Errors
    /// When the folder's file is not of this form.
    pub fn read(prompts: &Prompts) -> Result<Self, CuesError> {
        let mut tables = parse(&Prompts::embedded())?;
        tables.extend(parse(prompts)?);
        Ok(Self(tables))
    }

    /// The words of one language; of any, those that are everybody's.
    #[must_use]
    pub fn of(&self, language: &Language) -> Cues {
        let own = self.0.get(language.as_str()).or_else(|| self.0.get(language.primary()));
        let mut cues = Cues::default();
        for table in self.0.get(EVERY).into_iter().chain(own) {
            cues.add(table);
        }
        cues
    }
}

impl Cues {
    #[must_use]
    pub fn outlook(&self, text: &str) -> Outlook {
        let text = text.trim_end().trim_end_matches(['"', '»', '”', '’', ')', '」', '』', '）']);
        if text.ends_with(['!', '?', '！', '？', '؟']) {
            return Outlook::Complete;
        }
        // Services put a full stop behind whatever they hear last, so words come first.
        let plain = plain(text);
        match (longest_end(&self.open, &plain), longest_end(&self.closing, &plain)) {
            (open, closing) if open > closing => Outlook::Open,
            _ if text.ends_with([',', '，', '、', ':', '：', '…', '-', '—']) => {
                Outlook::Open
            }
            _ if text.ends_with("..") => Outlook::Open,
            (_, Some(_)) => Outlook::Complete,
            _ if text.ends_with(['.', '。', '।']) => Outlook::Complete,
            _ => Outlook::Unknown,
        }
    }

    /// Whether nothing is said but what a listener says.
    #[must_use]
    pub fn keeps_company(&self, text: &str) -> bool {
        let plain = plain(text);
        let mut rest = plain.as_str();
        while !rest.is_empty() {
            let begins = |phrase: &&String| {
                let after = rest.strip_prefix(phrase.as_str());
                after.is_some_and(|after| is_edge(phrase.chars().next_back(), after.chars().next()))
            };
            let Some(phrase) = self.company.iter().filter(begins).max_by_key(|word| word.len())
            else {
                return false;
            };
            rest = rest.strip_prefix(phrase.as_str()).unwrap_or_default().trim_start();
        }
        true
    }

    /// The text without the sounds of somebody who thinks.
    #[must_use]
    pub fn without_sounds(&self, text: &str) -> String {
        let parts = text.split_inclusive(|letter: char| {
            letter.is_whitespace() || matches!(letter, '、' | '，' | '…')
        });
        let is_said = |part: &&str| {
            let part = plain(part);
            part.is_empty() || !self.sounds.contains(&part)
        };
        let said: String = parts.filter(is_said).collect();
        said.trim().to_owned()
    }

    fn add(&mut self, table: &Table) {
        let compared = |words: &[String]| {
            words.iter().map(|word| plain(word)).filter(|word| !word.is_empty()).collect::<Vec<_>>()
        };
        let sounds = compared(&table.sounds);
        let hesitations = [sounds.clone(), compared(&table.hesitations)].concat();
        self.sounds.extend(sounds);
        self.open.extend(compared(&table.open));
        self.open.extend_from_slice(&hesitations);
        self.closing.extend(compared(&table.closing));
        self.company.extend(compared(&table.back_channel));
        self.company.extend(hesitations);
    }
}

fn parse(prompts: &Prompts) -> Result<BTreeMap<String, Table>, CuesError> {
    let Some(source) = prompts.read(FILE) else { return Ok(BTreeMap::new()) };
    Ok(toml::from_str(&source)?)
}

/// Lower case, words with single spaces between them, no punctuation but inside a word.
fn plain(text: &str) -> String {
    let parts = text.split(|letter: char| !letter.is_alphanumeric() && !joins(letter));
    let words = parts.map(|part| part.trim_matches(joins)).filter(|part| !part.is_empty());
    words.collect::<Vec<_>>().join(" ").to_lowercase().replace('’', "'")
}

fn joins(letter: char) -> bool {
    matches!(letter, '-' | '\'' | '’')
}

/// The length of the longest phrase at the end of the text, in bytes.
fn longest_end(phrases: &[String], text: &str) -> Option<usize> {
    let ends = |phrase: &&String| {
        let before = text.strip_suffix(phrase.as_str());
        before.is_some_and(|before| is_edge(before.chars().next_back(), phrase.chars().next()))
    };
    phrases.iter().filter(ends).map(String::len).max()
}

/// Whether a word can end and another begin here.
fn is_edge(before: Option<char>, after: Option<char>) -> bool {
    let (Some(before), Some(after)) = (before, after) else { return true };
    before == ' ' || after == ' ' || (is_unspaced(before) && is_unspaced(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cues(language: &str) -> Cues {
        let tables = CueTables::read(&Prompts::embedded()).unwrap();
        tables.of(&Language::parse(language).unwrap())
    }

    fn assert_outlook(expected: Outlook, texts: &[(&str, &str)]) {
        for (language, text) in texts {
            assert_eq!(cues(language).outlook(text), expected, "{language}: {text}");
        }
    }

    #[test]
    fn after_hesitations_conjunctions_articles_and_commas_more_is_to_come() {
        assert_outlook(
            Outlook::Open,
            &[
                ("en", "I like tea and"),
                ("en", "I went to, um..."),
                ("en", "I went to the."),
                ("en", "Well, first of all,"),
                ("es", "Quiero ir pero"),
                ("es-MX", "Fui a la, este…"),
                ("fr", "Je suis fatigué parce que"),
                ("de", "Ich komme aus"),
                ("de", "Das ist, ähm"),
                ("it", "Vorrei"),
                ("pt-BR", "Eu moro em"),
                ("ja", "昨日は、えっと"),
                ("ja", "東京に行きましたが"),
                ("zh", "我喜欢茶但是"),
                ("sw", "mmm"),
            ],
        );
    }

    #[test]
    fn after_a_full_stop_a_question_or_a_closing_word_nothing_is_missing() {
        assert_outlook(
            Outlook::Complete,
            &[
                ("en", "I like tea."),
                ("en", "What are you looking for?"),
                ("en", "a coffee please"),
                ("en", "I think so"),
                ("es", "un café por favor"),
                ("de", "Einen Kaffee bitte"),
                ("ja", "東京に行きました"),
                ("ja", "学生ですか"),
                ("zh", "你好吗"),
                ("zh", "我喜欢喝茶。"),
                ("hi", "मैं ठीक हूँ।"),
            ],
        );
    }

    #[test]
    fn a_word_is_found_whole_where_words_have_spaces() {
        assert_outlook(
            Outlook::Unknown,
            &[
                ("en", "in the sand"),
                ("es", "mi gato"),
                ("fr", "le chat"),
                ("zh", "我喝茶"),
                ("en", ""),
            ],
        );
    }

    #[test]
    fn what_a_listener_says_takes_no_turn_in_any_script() {
        let company = [
            ("en", "Mhm, yeah."),
            ("es", "Sí, sí, claro"),
            ("fr", "ouais d’accord"),
            ("de", "Ach so, genau!"),
            ("ja", "うんうん、なるほど"),
            ("zh", "嗯，对对对"),
            ("sw", "mhm"),
            ("en", "…"),
        ];
        for (language, text) in company {
            assert!(cues(language).keeps_company(text), "{language}: {text}");
        }
        let turns = [
            ("en", "yeah but wait"),
            ("en", "yesterday"),
            ("es", "si"),
            ("ja", "はい、でも違います"),
        ];
        for (language, text) in turns {
            assert!(!cues(language).keeps_company(text), "{language}: {text}");
        }
    }

    #[test]
    fn sounds_are_left_out_and_words_never() {
        let spoken = [
            ("en", "Um, I would, uh, like a tea.", "I would, like a tea."),
            ("es", "Eh, este libro, mmm, es mío.", "este libro, es mío."),
            ("de", "Ähm... ich heiße Eva", "ich heiße Eva"),
            ("ja", "えっと、東京です。", "東京です。"),
            ("ar", "hmm أنا من مصر", "أنا من مصر"),
            ("en", "um", ""),
            ("en", "Three - two = one.", "Three - two = one."),
        ];
        for (language, text, shown) in spoken {
            assert_eq!(cues(language).without_sounds(text), shown);
        }
    }

    #[test]
    fn a_folder_replaces_the_languages_that_it_names_and_leaves_the_others() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "[en]\nopen = [\"basically\"]").unwrap();
        let tables = CueTables::read(&Prompts::new(folder.path().to_owned())).unwrap();
        let of = |language: &str| tables.of(&Language::parse(language).unwrap());
        assert_eq!(of("en").outlook("tea and"), Outlook::Unknown);
        assert_eq!(of("en").outlook("it is basically"), Outlook::Open);
        assert_eq!(of("de").outlook("Tee und"), Outlook::Open);
    }

    #[test]
    fn a_misspelt_list_is_refused_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "[en]\n\nopened = []").unwrap();
        let error = CueTables::read(&Prompts::new(folder.path().to_owned())).unwrap_err();
        let told = error.to_string();
        assert!(told.contains("turn-taking.toml") && told.contains("line 3"), "{told}");
    }
}
