//! One lesson as a teacher writes it, read strictly. It knows no conversation.
//!
//! The file's place is its name: `lessons/es/a1/cafe.toml` is the scenario `cafe` in Spanish at A1. A lesson is an
//! opening, steps and a closing; a step asks, knows the answers and typical mistakes, and has hints and a model
//! sentence for when the learner is stuck. The model sentence has to pass its own step.

mod file;

use std::collections::BTreeMap;

use super::{
    pattern::{Found, Heard, Pattern},
    tagged::{Slots, Tagged},
    wording::Wording,
};
use crate::domain::{Language, Level};

/// A guided conversation towards one goal.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// The scenario's id, unique within language and level.
    pub id: String,
    pub language: Language,
    pub level: Level,
    /// Its place among the lessons of its level, from 1.
    pub order: u32,
    pub title: String,
    /// What the learner can do afterwards.
    pub goal: String,
    /// Whom the tutor plays.
    pub role: String,
    pub situation: String,
    /// Words of the lesson and their meanings.
    pub glossary: BTreeMap<String, String>,
    pub opening: Tagged,
    /// Never empty.
    pub steps: Vec<Step>,
    pub closing: Tagged,
}

/// One question of the tutor and what may come of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// Where it begins in its file, from 1.
    pub line: usize,
    pub say: Tagged,
    pub answers: Vec<Pattern>,
    /// Words that are answer enough.
    pub keywords: Vec<Pattern>,
    pub mistakes: Vec<Mistake>,
    pub praise: Vec<Tagged>,
    /// Gentlest first.
    pub hints: Vec<Tagged>,
    /// A sentence that is a right answer.
    pub model: String,
    /// What the model sentence puts into the slots.
    pub model_slots: Slots,
}

/// Something that learners often say instead.
#[derive(Clone, Debug)]
pub struct Mistake {
    /// Where it begins in its file, from 1.
    pub line: usize,
    pub says: Vec<Pattern>,
    /// The right form, with the mistake's own slots.
    pub better: Pattern,
    pub why: String,
}

impl Lesson {
    /// Its path among the lessons.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}/{}.toml", self.language, self.level.name().to_lowercase(), self.id)
    }
}

impl Step {
    /// The best of the expected answers in what was heard.
    #[must_use]
    pub fn answer(&self, heard: &Heard<'_>, wording: &Wording) -> Option<(&Pattern, Found)> {
        best_of(&self.answers, heard, wording)
    }
}

/// The pattern that explains most of what was heard; of equals the first.
#[must_use]
pub fn best_of<'a>(
    patterns: impl IntoIterator<Item = &'a Pattern>,
    heard: &Heard<'_>,
    wording: &Wording,
) -> Option<(&'a Pattern, Found)> {
    let found = patterns
        .into_iter()
        .filter_map(|pattern| Some((pattern, pattern.find(heard, &wording.listen.stops)?)));
    found.reduce(|best, other| if other.1.score > best.1.score { other } else { best })
}

/// Which lesson a file is, by its path below `lessons/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LessonPlace {
    pub language: Language,
    pub level: Level,
    pub id: String,
}

impl LessonPlace {
    /// Reads `es/a1/cafe.toml`.
    pub fn parse(path: &str) -> Result<Self, String> {
        let expected = || "expected a path such as es/a1/cafe.toml".to_owned();
        let mut parts = path.strip_suffix(".toml").ok_or_else(expected)?.split('/');
        let (Some(language), Some(level), Some(id), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(expected());
        };
        let is_plain =
            |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
        if id.is_empty() || !id.chars().all(is_plain) {
            return Err(format!("`{id}` is no scenario id: expected letters, digits, - and _"));
        }
        Ok(Self {
            language: parse_language(language)?,
            level: Level::parse(level)
                .filter(|_| level.chars().all(|letter| !letter.is_ascii_uppercase()))
                .ok_or_else(|| format!("`{level}` is no level: expected a1 to c2"))?,
            id: id.into(),
        })
    }
}

/// The language of a folder, which has to be written as the tag is.
pub fn parse_language(folder: &str) -> Result<Language, String> {
    Language::parse(folder)
        .filter(|language| language.as_str() == folder)
        .ok_or_else(|| format!("`{folder}` is no language tag such as es or pt-BR"))
}
