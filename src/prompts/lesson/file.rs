//! Reads a lesson file strictly and names all that is wrong with it at once. It judges no answers but the model's.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Spanned;

use super::{Lesson, LessonPlace, Mistake, Step};
use crate::prompts::{
    fault::{Fault, line_of},
    pattern::{Heard, Pattern},
    tagged::{Slots, Tagged, check_plain},
    wording::Wording,
};

/// A text that knows where it stands.
type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    goal: String,
    order: u32,
    role: String,
    situation: String,
    opening: Text,
    closing: Text,
    #[serde(default)]
    glossary: BTreeMap<Text, Text>,
    steps: Vec<Spanned<StepFile>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFile {
    say: Text,
    answers: Vec<Text>,
    #[serde(default)]
    keywords: Vec<Text>,
    #[serde(default)]
    praise: Vec<Text>,
    hints: Vec<Text>,
    model: Text,
    #[serde(default)]
    mistakes: Vec<Spanned<MistakeFile>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MistakeFile {
    says: Vec<Text>,
    better: Text,
    why: Text,
}

impl Lesson {
    /// Reads a lesson file. Each fault names the field and what was expected.
    pub fn parse(place: LessonPlace, source: &str, wording: &Wording) -> Result<Self, Vec<Fault>> {
        let file: File =
            toml::from_str(source).map_err(|error| vec![Fault::of_toml(&error, source)])?;
        let mut reading = Reading {
            source,
            wording,
            part: String::new(),
            slots: BTreeSet::new(),
            faults: vec![],
        };
        let lesson = reading.lesson(place, file);
        match lesson {
            Some(lesson) if reading.faults.is_empty() => Ok(lesson),
            _ => Err(reading.faults),
        }
    }
}

/// Goes through a file in the order in which it is played.
struct Reading<'a> {
    source: &'a str,
    wording: &'a Wording,
    /// The step at hand, as a fault names it.
    part: String,
    /// What the tutor may say at this point: all that was asked for before.
    slots: BTreeSet<String>,
    faults: Vec<Fault>,
}

impl Reading<'_> {
    fn lesson(&mut self, place: LessonPlace, file: File) -> Option<Lesson> {
        if file.steps.is_empty() {
            self.faults.push(Fault::of_file("steps: at least one is needed"));
        }
        let opening = self.tagged("opening", &file.opening);
        let glossary = self.glossary(&file.glossary);
        let steps: Vec<_> = file
            .steps
            .iter()
            .enumerate()
            .map(|(index, step)| {
                self.part = format!("step {}: ", index + 1);
                self.step(step)
            })
            .collect();
        self.part.clear();
        let closing = self.tagged("closing", &file.closing);
        Some(Lesson {
            id: place.id,
            language: place.language,
            level: place.level,
            order: file.order,
            title: file.title,
            goal: file.goal,
            role: file.role,
            situation: file.situation,
            glossary,
            opening: opening?,
            steps: steps.into_iter().collect::<Option<_>>()?,
            closing: closing?,
        })
    }

    fn step(&mut self, step: &Spanned<StepFile>) -> Option<Step> {
        let line = line_of(self.source, &step.span());
        let step = step.as_ref();
        let say = self.tagged("say", &step.say);
        let answers = self.patterns("answers", &step.answers);
        let keywords = self.patterns("keywords", &step.keywords);
        let hints = self.all_tagged("hints", &step.hints);
        let mistakes: Vec<_> = step.mistakes.iter().map(|mistake| self.mistake(mistake)).collect();
        let model_slots = answers.as_deref().and_then(|answers| self.model(&step.model, answers));
        // A slot whose model sentence is at fault is no fault of the praise.
        self.slots.extend(answers.iter().flatten().flat_map(Pattern::slots).map(String::from));
        let praise = self.all_tagged("praise", &step.praise);
        self.check_keywords(step, answers.as_deref()?);
        Some(Step {
            line,
            say: say?,
            answers: answers?,
            keywords: keywords?,
            mistakes: mistakes.into_iter().collect::<Option<_>>()?,
            praise: praise?,
            hints: hints?,
            model: step.model.as_ref().clone(),
            model_slots: model_slots?,
        })
    }

    fn mistake(&mut self, mistake: &Spanned<MistakeFile>) -> Option<Mistake> {
        let line = line_of(self.source, &mistake.span());
        let mistake = mistake.as_ref();
        self.plain("mistakes.better", &mistake.better);
        self.plain("mistakes.why", &mistake.why);
        let says = self.patterns("mistakes.says", &mistake.says)?;
        let better = self.pattern("mistakes.better", &mistake.better)?;
        for slot in better.slots() {
            let lacks = |pattern: &Pattern| !pattern.slots().any(|own| own == slot);
            for (pattern, text) in says.iter().zip(&mistake.says).filter(|(says, _)| lacks(says)) {
                let reason = format!("`{}` lacks {{{slot}}}", pattern.as_str());
                self.fault("mistakes.says", text, &reason);
            }
        }
        Some(Mistake { line, says, better, why: mistake.why.as_ref().clone() })
    }

    /// What the model sentence puts into each slot of the answers.
    fn model(&mut self, model: &Text, answers: &[Pattern]) -> Option<Slots> {
        self.plain("model", model);
        let heard = Heard::new(model.as_ref(), &self.wording.short_forms);
        let found = super::best_of(answers, &heard, self.wording)
            .map(|(_, found)| found)
            .filter(|found| found.slip.is_none() && !found.incomplete);
        let Some(found) = found else {
            self.fault("model", model, &format!("`{}` is none of the answers", model.as_ref()));
            return None;
        };
        let is_missing = |slot: &&str| !found.slots.contains_key(*slot);
        if let Some(slot) = answers.iter().flat_map(Pattern::slots).find(is_missing) {
            let reason = format!("`{}` does not fill {{{slot}}}", model.as_ref());
            self.fault("model", model, &reason);
        }
        Some(found.slots)
    }

    fn check_keywords(&mut self, step: &StepFile, answers: &[Pattern]) {
        let slot = answers.iter().find_map(|answer| answer.slots().next());
        if let (Some(slot), Some(keyword)) = (slot, step.keywords.first()) {
            let reason = format!("they cannot fill {{{slot}}}; write them as answers");
            self.fault("keywords", keyword, &reason);
        }
    }

    fn glossary(&mut self, glossary: &BTreeMap<Text, Text>) -> BTreeMap<String, String> {
        for text in glossary.iter().flat_map(|(word, meaning)| [word, meaning]) {
            self.plain("glossary", text);
        }
        let entries = glossary.iter();
        entries.map(|(word, meaning)| (word.as_ref().clone(), meaning.as_ref().clone())).collect()
    }

    /// A text may use what a step before it has asked for; praise also what its own step asks for.
    fn tagged(&mut self, field: &str, text: &Text) -> Option<Tagged> {
        let tagged = self.keep(field, text, Tagged::parse(text.as_ref()))?;
        for slot in tagged.slots().difference(&self.slots.clone()) {
            self.fault(field, text, &format!("nobody has asked for {{{slot}}} yet"));
        }
        Some(tagged)
    }

    fn all_tagged(&mut self, field: &str, texts: &[Text]) -> Option<Vec<Tagged>> {
        let read: Vec<_> = texts.iter().map(|text| self.tagged(field, text)).collect();
        read.into_iter().collect()
    }

    fn pattern(&mut self, field: &str, text: &Text) -> Option<Pattern> {
        self.keep(field, text, Pattern::parse(text.as_ref(), &self.wording.short_forms))
    }

    fn patterns(&mut self, field: &str, texts: &[Text]) -> Option<Vec<Pattern>> {
        let read: Vec<_> = texts.iter().map(|text| self.pattern(field, text)).collect();
        read.into_iter().collect()
    }

    fn plain(&mut self, field: &str, text: &Text) {
        self.keep(field, text, check_plain(text.as_ref()));
    }

    fn keep<T>(&mut self, field: &str, text: &Text, read: Result<T, String>) -> Option<T> {
        read.map_err(|reason| self.fault(field, text, &reason)).ok()
    }

    fn fault(&mut self, field: &str, text: &Text, reason: &str) {
        let line = line_of(self.source, &text.span());
        self.faults.push(Fault::at(line, format!("{}{field}: {reason}", self.part)));
    }
}
