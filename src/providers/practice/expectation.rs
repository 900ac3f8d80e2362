//! What a learner may be about to say at a step of a lesson, for ears that choose among phrases. It judges nothing.

use std::collections::BTreeSet;

use crate::prompts::{
    lesson::{Lesson, Step},
    pattern::Pattern,
    tagged::Slots,
    wording::Wording,
};

/// Phrases at once: more of them make an ear slow and unsure.
const PHRASES: usize = 256;

/// The phrases of a step, likeliest first and none twice: its model sentence, its answers with the lesson's words in
/// their slots, its mistakes, and what can always be asked.
pub(super) fn expected(lesson: &Lesson, step: &Step, wording: &Wording) -> Vec<String> {
    let listen = &wording.listen;
    let mistakes = step.mistakes.iter().flat_map(|mistake| &mistake.says);
    let always = listen.repeat.iter().chain(&listen.help).chain(&listen.meaning);
    let patterns = step.answers.iter().chain(&step.keywords).chain(mistakes).chain(always);
    let phrases = patterns.flat_map(|pattern| phrases(pattern, lesson, &step.model_slots));
    let mut seen = BTreeSet::new();
    let is_new = |phrase: &String| !phrase.is_empty() && seen.insert(phrase.to_lowercase());
    [step.model.clone()].into_iter().chain(phrases).filter(is_new).take(PHRASES).collect()
}

/// A pattern as sentences: one with what the model sentence puts into its slots, one with each word of the glossary.
fn phrases(pattern: &Pattern, lesson: &Lesson, model: &Slots) -> Vec<String> {
    let open: Vec<&str> = pattern.slots().collect();
    let says = |slots: &Slots| pattern.fill(slots).replace('*', " ").trim().to_owned();
    if open.is_empty() {
        return vec![says(&Slots::new())];
    }
    let in_model = open.iter().all(|slot| model.contains_key(*slot)).then(|| says(model));
    let words = lesson.glossary.keys().map(|word| {
        let slots = open.iter().map(|slot| ((*slot).to_owned(), word.clone()));
        says(&slots.collect())
    });
    in_model.into_iter().chain(words).collect()
}
