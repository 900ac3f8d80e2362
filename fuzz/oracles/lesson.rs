//! Lessons and wordings as teachers write them: what is taken can be played, and faults name lines that are there.

use std::sync::LazyLock;

use parla::prompts::{
    Prompts,
    fault::Fault,
    lesson::{Lesson, LessonPlace},
    lessons::Lessons,
    pattern::Heard,
    wording::Wording,
};

static LESSONS: LazyLock<Lessons> = LazyLock::new(|| Lessons::load(&Prompts::embedded()));

/// The bytes are a lesson in Spanish and, too, a wording.
pub(crate) fn check(bytes: &[u8]) {
    let source = String::from_utf8_lossy(bytes);
    let place = LessonPlace::parse("es/a1/cafe.toml").expect("a place");
    let spanish = LESSONS.all().iter().find(|lesson| lesson.language == place.language);
    let wording = LESSONS.wording(spanish.expect("parla has Spanish lessons"));
    match Lesson::parse(place, &source, wording) {
        Ok(lesson) => assert_playable(&lesson, wording),
        Err(faults) => {
            assert!(!faults.is_empty());
            faults.iter().for_each(|fault| assert_within(fault, &source));
        }
    }
    if let Err(fault) = Wording::parse(&source) {
        assert_within(&fault, &source);
    }
}

fn assert_playable(lesson: &Lesson, wording: &Wording) {
    assert!(!lesson.steps.is_empty());
    for step in &lesson.steps {
        let heard = Heard::new(&step.model, &wording.short_forms);
        assert!(step.answer(&heard, wording).is_some(), "{:?} is no answer", step.model);
        for text in step.praise.iter().chain(&step.hints).chain([&step.say]) {
            let filled = text.fill(&step.model_slots);
            assert!(!filled.contains(['{', '}']), "{filled:?}");
            assert!(!text.spoken().contains(['[', ']', '<', '>']), "{:?}", text.spoken());
        }
    }
}

fn assert_within(fault: &Fault, source: &str) {
    let lines = source.split('\n').count();
    assert!(fault.line.is_none_or(|line| (1..=lines).contains(&line)), "{fault:?}");
}
