//! What speech models invent from silence, from `prompts/unsaid.toml`. It judges no sound.

use std::collections::BTreeMap;

use super::{
    Prompts,
    words::{ShortForms, split},
};

const FILE: &str = "unsaid.toml";

/// How invented transcripts begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unsaid(Vec<Vec<String>>);

impl Unsaid {
    /// Reads the file of the folder; a folder without one knows nothing.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn load(prompts: &Prompts) -> Result<Self, String> {
        let text = prompts.read(FILE).unwrap_or_default();
        let lists: BTreeMap<String, Vec<String>> =
            toml::from_str(&text).map_err(|error| format!("{FILE}: {}", error.message()))?;
        let phrases = lists.values().flatten().map(|phrase| words(phrase));
        Ok(Self(phrases.filter(|words| !words.is_empty()).collect()))
    }

    /// Whether a transcript begins like one of them; models invent in any language.
    #[must_use]
    pub fn holds(&self, text: &str) -> bool {
        let said = words(text);
        self.0.iter().any(|phrase| said.starts_with(phrase))
    }
}

fn words(text: &str) -> Vec<String> {
    let words = split(text, &ShortForms::default()).into_iter();
    words.map(|word| word.folded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inventions_are_known_in_any_spelling_and_what_learners_say_is_none() {
        let unsaid = Unsaid::load(&Prompts::embedded()).unwrap();
        for invented in [
            "Thank you for watching!",
            "SUBTITULOS REALIZADOS POR la comunidad",
            "Sous-titrage ST' 501",
            "ご視聴ありがとうございました。",
        ] {
            assert!(unsaid.holds(invented), "{invented}");
        }
        for said in ["Thank you.", "Thank you for the coffee", "Gracias", "I watch films", ""] {
            assert!(!unsaid.holds(said), "{said}");
        }
    }
}
