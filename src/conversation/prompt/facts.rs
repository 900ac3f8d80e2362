//! What a template may speak of: the language, the level and the lesson. It reads nothing but the brief.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Brief;
use crate::{
    domain::{Emotion, Language, Level},
    prompts::lesson::Lesson,
    providers::LessonKey,
};

/// What a template may speak of.
#[derive(Serialize)]
pub(super) struct Facts<'a> {
    language: String,
    level: &'static str,
    guidance: &'a str,
    /// The language of explanations.
    explain_in: String,
    emotions: String,
    example_span: &'static str,
    examples: &'a str,
    /// The language of the examples.
    examples_in: String,
    lesson: Option<LessonFacts<'a>>,
    instructions: Option<&'a str>,
    opening: bool,
}

#[derive(Serialize)]
struct LessonFacts<'a> {
    title: &'a str,
    goal: &'a str,
    role: &'a str,
    situation: &'a str,
    words: Vec<&'a str>,
    sentences: Vec<&'a str>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(brief: &Brief<'a>, settings: &'a Settings) -> Self {
        let LessonKey { language, level, .. } = &brief.key;
        let name = settings.language_name(language);
        let emotions: Vec<_> = Emotion::ALL.iter().map(|emotion| emotion.name()).collect();
        let is_english = language.primary() == "en";
        let examples = settings.examples.others.get(language.primary());
        Self {
            level: level.name(),
            guidance: settings.levels.guidance(*level),
            explain_in: if *level <= Level::A2 { "simple English".into() } else { name.clone() },
            examples: examples.unwrap_or(&settings.examples.en).trim(),
            examples_in: if examples.is_some() || is_english {
                name.clone()
            } else {
                "English".into()
            },
            language: name,
            emotions: emotions.join(", "),
            example_span: if is_english { "<es>gato</es>" } else { "<en>good morning</en>" },
            lesson: brief.lesson.map(LessonFacts::new),
            instructions: brief.instructions,
            opening: brief.opening,
        }
    }

    /// All that can be there, or only what is always there: to try a template with.
    pub(super) fn example(whole: bool) -> Self {
        let lesson = LessonFacts {
            title: "In a café",
            goal: "Order a drink",
            role: "Sam",
            situation: "It is morning.",
            words: vec!["tea"],
            sentences: vec!["A tea, please."],
        };
        Self {
            language: "English".into(),
            level: "A1",
            guidance: "Speak simply.",
            explain_in: "simple English".into(),
            emotions: "happy".into(),
            example_span: "<es>gato</es>",
            examples: "Learner: Hi! Tutor: Hello!",
            examples_in: "English".into(),
            lesson: whole.then_some(lesson),
            instructions: whole.then_some("Talk about the sea."),
            opening: whole,
        }
    }
}

impl<'a> LessonFacts<'a> {
    fn new(lesson: &'a Lesson) -> Self {
        Self {
            title: &lesson.title,
            goal: &lesson.goal,
            role: &lesson.role,
            situation: &lesson.situation,
            words: lesson.glossary.keys().map(String::as_str).collect(),
            sentences: lesson.steps.iter().map(|step| step.model.as_str()).collect(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    levels: Levels,
    /// English names by tag.
    languages: BTreeMap<String, String>,
    /// By tag.
    examples: Examples,
    /// What the tutor says when a model has nothing to say; by tag.
    #[serde(default)]
    lost_words: BTreeMap<String, String>,
}

/// Exchanges between a learner and the tutor; the English ones stand in for those that are missing.
#[derive(Debug, Deserialize)]
struct Examples {
    en: String,
    #[serde(flatten)]
    others: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "UPPERCASE")]
struct Levels {
    a1: String,
    a2: String,
    b1: String,
    b2: String,
    c1: String,
    c2: String,
}

impl Settings {
    /// For a model that has written nothing that can be said; `None` when these settings know no words for it.
    pub(super) fn lost_words(&self, language: &Language) -> Option<String> {
        let own = [language.as_str(), language.primary()];
        let own = own.into_iter().find_map(|tag| self.lost_words.get(tag).cloned());
        own.or_else(|| Some(format!("<en>{}</en>", self.lost_words.get("en")?)))
    }

    fn language_name(&self, language: &Language) -> String {
        [language.as_str(), language.primary()]
            .into_iter()
            .find_map(|tag| self.languages.get(tag).cloned())
            .unwrap_or_else(|| format!("the language with the code {language}"))
    }
}

impl Levels {
    fn guidance(&self, level: Level) -> &str {
        match level {
            Level::A1 => &self.a1,
            Level::A2 => &self.a2,
            Level::B1 => &self.b1,
            Level::B2 => &self.b2,
            Level::C1 => &self.c1,
            Level::C2 => &self.c2,
        }
    }
}
