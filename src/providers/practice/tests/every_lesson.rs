//! Every lesson that is built in is played to its end, whatever its language. No lesson is named here.

use super::*;
use crate::prompts::{
    lesson::{Lesson, Step},
    tagged::Slots,
};

#[test]
fn every_lesson_ends_well_for_a_learner_who_says_the_model_sentences() {
    for lesson in LESSONS.all() {
        let mut talk = talk(lesson);
        let mut answer = talk.answer();
        for step in &lesson.steps {
            assert!(answer.ends_with(&step.say.fill(&met(lesson, step))), "{answer}");
            answer = talk.say(&step.model);
            assert!(!answer.contains("[fix:"), "{}: {answer}", lesson.path());
        }
        let slots = lesson.steps.iter().flat_map(|step| step.model_slots.clone()).collect();
        assert!(answer.contains(&lesson.closing.fill(&slots)), "{}: {answer}", lesson.path());
    }
}

#[test]
fn every_mistake_leads_to_its_correction_and_the_lesson_goes_on() {
    for lesson in LESSONS.all() {
        for (index, step) in lesson.steps.iter().enumerate() {
            for mistake in &step.mistakes {
                for says in &mistake.says {
                    let mut talk = talk_until(lesson, index);
                    let said = says.fill(&step.model_slots);
                    let right = mistake.better.fill(&step.model_slots);
                    let answer = talk.say(&said);
                    let fix = format!("-> {right} | {}]", mistake.why);
                    assert!(answer.contains(&fix), "{}: {said}: {answer}", lesson.path());
                    assert!(!answer.contains(step.say.as_str()), "{}: {answer}", lesson.path());
                }
            }
        }
    }
}

#[test]
fn every_step_helps_until_it_says_the_sentence_itself() {
    for lesson in LESSONS.all() {
        for (index, step) in lesson.steps.iter().enumerate() {
            let mut talk = talk_until(lesson, index);
            for hint in &step.hints {
                let answer = talk.say("…");
                assert_eq!(answer, hint.fill(&met(lesson, step)), "{}", lesson.path());
            }
            assert!(talk.say("…").contains(&step.model), "{}", lesson.path());
        }
    }
}

fn talk(lesson: &Lesson) -> Talk {
    let lesson = LessonKey {
        language: lesson.language.clone(),
        level: lesson.level,
        scenario: Some(lesson.id.clone()),
    };
    Talk { tutor: practice(), lesson, messages: Vec::new() }
}

/// All went well so far.
fn talk_until(lesson: &Lesson, index: usize) -> Talk {
    let mut talk = talk(lesson);
    talk.answer();
    for step in &lesson.steps[..index] {
        talk.say(&step.model);
    }
    talk
}

/// What the model sentences have filled before a step.
fn met(lesson: &Lesson, step: &Step) -> Slots {
    let before = lesson.steps.iter().take_while(|one| one.line < step.line);
    before.flat_map(|step| step.model_slots.clone()).collect()
}
