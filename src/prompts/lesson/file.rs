//! Reads a lesson file and checks all that a machine can check of it. A problem names the field and what was expected.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Lesson, LessonPlace, Mistake, Step};
use crate::prompts::{
    pattern::{Heard, Pattern},
    tagged::{Slots, Tagged, check_plain},
    wording::Wording,
};

impl Lesson {
    /// Reads a lesson file; the problem names the field and what was expected.
    pub fn parse(place: LessonPlace, source: &str, wording: &Wording) -> Result<Self, String> {
        let file: File =
            toml::from_str(source).map_err(|err| err.to_string().trim_end().to_owned())?;
        if file.steps.is_empty() {
            return Err("steps: at least one is needed".into());
        }
        let steps = file.steps.into_iter().enumerate().map(|(index, step)| {
            step.check(wording).map_err(|problem| format!("step {}: {problem}", index + 1))
        });
        let lesson = Self {
            id: place.id,
            language: place.language,
            level: place.level,
            order: file.order,
            title: file.title,
            goal: file.goal,
            role: file.role,
            situation: file.situation,
            glossary: file.glossary,
            opening: tagged("opening", &file.opening)?,
            steps: steps.collect::<Result<_, _>>()?,
            closing: tagged("closing", &file.closing)?,
        };
        for text in lesson.glossary.iter().flat_map(|(word, meaning)| [word, meaning]) {
            check_plain("glossary", text)?;
        }
        lesson.check_slots()?;
        Ok(lesson)
    }

    /// A text may use what a step before it has asked for; praise also what its own step asks for.
    fn check_slots(&self) -> Result<(), String> {
        let mut known = BTreeSet::new();
        check_known("opening", [&self.opening], &known)?;
        for (index, step) in self.steps.iter().enumerate() {
            let field = |name: &str| format!("step {}: {name}", index + 1);
            check_known(&field("say"), [&step.say], &known)?;
            check_known(&field("hints"), &step.hints, &known)?;
            known.extend(step.model_slots.keys().map(String::as_str));
            check_known(&field("praise"), &step.praise, &known)?;
        }
        check_known("closing", [&self.closing], &known)
    }
}

fn check_known<'a>(
    field: &str,
    texts: impl IntoIterator<Item = &'a Tagged>,
    known: &BTreeSet<&str>,
) -> Result<(), String> {
    let unknown =
        texts.into_iter().flat_map(Tagged::slots).find(|slot| !known.contains(slot.as_str()));
    match unknown {
        Some(slot) => Err(format!("{field}: nobody has asked for {{{slot}}} yet")),
        None => Ok(()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    goal: String,
    order: u32,
    role: String,
    situation: String,
    opening: String,
    closing: String,
    #[serde(default)]
    glossary: BTreeMap<String, String>,
    steps: Vec<StepFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFile {
    say: String,
    answers: Vec<String>,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(default)]
    praise: Vec<String>,
    hints: Vec<String>,
    model: String,
    #[serde(default)]
    mistakes: Vec<MistakeFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MistakeFile {
    says: Vec<String>,
    better: String,
    why: String,
}

impl StepFile {
    fn check(self, wording: &Wording) -> Result<Step, String> {
        check_plain("model", &self.model)?;
        let step = Step {
            say: tagged("say", &self.say)?,
            answers: patterns("answers", &self.answers, wording)?,
            keywords: patterns("keywords", &self.keywords, wording)?,
            mistakes: self
                .mistakes
                .into_iter()
                .map(|mistake| mistake.check(wording))
                .collect::<Result<_, _>>()?,
            praise: all_tagged("praise", &self.praise)?,
            hints: all_tagged("hints", &self.hints)?,
            model_slots: Slots::new(),
            model: self.model,
        };
        step.check_keywords()?;
        Ok(Step { model_slots: step.find_model_slots(wording)?, ..step })
    }
}

impl Step {
    fn check_keywords(&self) -> Result<(), String> {
        let slot = self.answers.iter().find_map(|answer| answer.slots().next());
        match slot {
            Some(slot) if !self.keywords.is_empty() => {
                Err(format!("keywords: they cannot fill {{{slot}}}; write them as answers"))
            }
            _ => Ok(()),
        }
    }

    /// What the model sentence puts into each slot of the answers.
    fn find_model_slots(&self, wording: &Wording) -> Result<Slots, String> {
        let heard = Heard::new(&self.model, &wording.short_forms);
        let (_, found) = self
            .answer(&heard, wording)
            .filter(|(_, found)| found.slip.is_none() && !found.incomplete)
            .ok_or_else(|| format!("model: `{}` is none of the answers", self.model))?;
        let is_missing = |slot: &&str| !found.slots.contains_key(*slot);
        if let Some(slot) = self.answers.iter().flat_map(Pattern::slots).find(is_missing) {
            return Err(format!("model: `{}` does not fill {{{slot}}}", self.model));
        }
        Ok(found.slots)
    }
}

impl MistakeFile {
    fn check(self, wording: &Wording) -> Result<Mistake, String> {
        check_plain("mistakes.better", &self.better)?;
        check_plain("mistakes.why", &self.why)?;
        let says = patterns("mistakes.says", &self.says, wording)?;
        let better = Pattern::parse(&self.better, &wording.short_forms)
            .map_err(|problem| format!("mistakes.better: {problem}"))?;
        for slot in better.slots() {
            if let Some(pattern) =
                says.iter().find(|pattern| !pattern.slots().any(|own| own == slot))
            {
                return Err(format!("mistakes.says: `{}` lacks {{{slot}}}", pattern.as_str()));
            }
        }
        Ok(Mistake { says, better, why: self.why })
    }
}

fn tagged(field: &str, text: &str) -> Result<Tagged, String> {
    Tagged::parse(text).map_err(|problem| format!("{field}: {problem}"))
}

fn all_tagged(field: &str, texts: &[String]) -> Result<Vec<Tagged>, String> {
    texts.iter().map(|text| tagged(field, text)).collect()
}

fn patterns(field: &str, sources: &[String], wording: &Wording) -> Result<Vec<Pattern>, String> {
    let parse = |source: &String| {
        Pattern::parse(source, &wording.short_forms)
            .map_err(|problem| format!("{field}: {problem}"))
    };
    sources.iter().map(parse).collect()
}
