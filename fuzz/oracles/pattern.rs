//! Patterns: a slot holds the learner's own words without markup, and a sentence with its slots filled has none left.

use std::sync::LazyLock;

use parla::prompts::{
    Prompts,
    lessons::Lessons,
    pattern::{Heard, Pattern},
    wording::Wording,
};

static LESSONS: LazyLock<Lessons> = LazyLock::new(|| Lessons::load(&Prompts::embedded()));

/// The first line is a pattern, the rest is what a learner has written.
pub(crate) fn check(bytes: &[u8]) {
    let input = String::from_utf8_lossy(bytes);
    let Some((source, text)) = input.split_once('\n') else { return };
    let lesson = LESSONS.all().first().expect("parla has lessons");
    let Wording { short_forms, listen, .. } = &**LESSONS.wording(lesson);
    let Ok(pattern) = Pattern::parse(source, short_forms) else { return };
    let Some(found) = pattern.find(&Heard::new(text, short_forms), &listen.stops) else { return };
    assert!(text.contains(&*found.quote), "{:?} is not of the text", found.quote);
    for (name, value) in &found.slots {
        assert!(pattern.slots().any(|slot| slot == name), "{name} is no slot");
        assert!(!value.is_empty() && !value.contains(is_markup), "{value:?} in {name}");
    }
    assert!(!pattern.fill(&found.slots).contains(['{', '}']), "{source:?}");
}

fn is_markup(letter: char) -> bool {
    "[]<>|{}\n".contains(letter)
}
