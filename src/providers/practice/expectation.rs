//! What a learner may be about to say at a step of a lesson, for ears that choose among phrases. It judges nothing.

use std::collections::BTreeSet;

use unicode_segmentation::UnicodeSegmentation;

use crate::prompts::{
    lesson::{Lesson, Step},
    pattern::Pattern,
    tagged::{Slots, Tagged},
    wording::Wording,
};

/// Phrases at once: more of them make an ear slow and unsure.
const PHRASES: usize = 400;
/// Shorter words stand in no slot by themselves.
const WORD: usize = 3;

/// The phrases of a step, likeliest first and none twice: its model sentence, its answers with what may stand in their
/// slots, its mistakes, and what can always be asked.
pub(super) fn expected(lesson: &Lesson, step: &Step, wording: &Wording) -> Vec<String> {
    let listen = &wording.listen;
    let mistakes = step.mistakes.iter().flat_map(|mistake| &mistake.says);
    let always = listen.repeat.iter().chain(&listen.help).chain(&listen.meaning);
    let patterns: Vec<_> = step.answers.iter().chain(&step.keywords).chain(mistakes).collect();
    let words = words_at_hand(lesson, step);
    let usual = patterns.iter().filter_map(|pattern| filled(pattern, &step.model_slots));
    let others = words.iter().flat_map(|word| {
        let answers =
            patterns.iter().flat_map(|pattern| with_word(pattern, word, &step.model_slots));
        model_with_word(step, word).into_iter().chain(answers).collect::<Vec<_>>()
    });
    let asked = always.flat_map(|pattern| with_word(pattern, "this", &Slots::new()));
    let mut seen = BTreeSet::new();
    let is_new = |phrase: &String| !phrase.is_empty() && seen.insert(phrase.to_lowercase());
    let phrases = [step.model.clone()].into_iter().chain(usual).chain(asked).chain(others);
    phrases.filter(is_new).take(PHRASES).collect()
}

/// What a slot may hold: the words that the tutor has just said or would hint at, and those of the glossary.
fn words_at_hand(lesson: &Lesson, step: &Step) -> Vec<String> {
    let said = [&step.say].into_iter().chain(&step.hints).map(Tagged::spoken);
    let words = said.flat_map(|text| text.unicode_words().map(str::to_owned).collect::<Vec<_>>());
    let words = words.filter(|word| word.chars().count() >= WORD);
    words.chain(lesson.glossary.keys().cloned()).collect()
}

/// The pattern with what the model sentence puts into its slots; `None` when that does not fill all of them.
fn filled(pattern: &Pattern, model: &Slots) -> Option<String> {
    pattern.slots().all(|slot| model.contains_key(slot)).then(|| said(pattern, model))
}

/// The pattern with a word in its slots: alone, and in place of the last word there (`a coffee`, so `a tea`).
fn with_word(pattern: &Pattern, word: &str, model: &Slots) -> Vec<String> {
    let alone = pattern.slots().map(|slot| (slot.to_owned(), word.to_owned()));
    let alike = pattern.slots().map(|slot| {
        let before = model.get(slot).and_then(|value| value.rsplit_once(' '));
        let value = before.map_or(word.to_owned(), |(before, _)| format!("{before} {word}"));
        (slot.to_owned(), value)
    });
    [alike.collect(), alone.collect()].iter().map(|slots| said(pattern, slots)).collect()
}

/// The model sentence with another word where its own stand: what its learner is most likely to change.
fn model_with_word(step: &Step, word: &str) -> Vec<String> {
    let own = step.model_slots.values().filter_map(|value| value.split_whitespace().last());
    own.map(|own| step.model.replace(own, word)).collect()
}

fn said(pattern: &Pattern, slots: &Slots) -> String {
    pattern.fill(slots).replace('*', " ").trim().to_owned()
}
