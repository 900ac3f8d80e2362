//! Every lesson that is built in is played to its end, whatever its language. No lesson is named here.

use super::*;
use crate::prompts::{
    lesson::{Lesson, Step},
    pattern::Pattern,
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
    for_each_step(|lesson, step, talk| {
        for (mistake, says) in
            step.mistakes.iter().flat_map(|one| one.says.iter().map(move |says| (one, says)))
        {
            let slots = words_for(says, step);
            let (said, right) = (says.fill(&slots), mistake.better.fill(&slots));
            let answer = talk.clone().say(&said);
            let fix = format!("-> {right} | {}]", mistake.why);
            assert!(answer.contains(&fix), "{}: {said}: {answer}", lesson.path());
            assert!(!answer.contains(step.say.as_str()), "{}: {answer}", lesson.path());
        }
    });
}

#[test]
fn ears_are_told_what_may_be_said_at_every_step() {
    for_each_step(|lesson, step, talk| {
        let expected = talk.expected();
        assert_eq!(expected.first(), Some(&step.model), "{}", lesson.path());
        let answers = step.answers.iter().filter(|answer| answer.slots().next().is_none());
        for answer in answers {
            let says = answer.fill(&Slots::new()).replace('*', " ");
            let is_it = |phrase: &String| phrase.eq_ignore_ascii_case(says.trim());
            assert!(expected.iter().any(is_it), "{}: {says}: {expected:?}", lesson.path());
        }
        assert!(!expected.iter().any(|phrase| phrase.contains(['{', '}', '*'])), "{expected:?}");
    });
}

#[test]
fn nothing_is_expected_of_a_learner_whose_lesson_is_over() {
    let mut talk = talk(&LESSONS.all()[0]);
    talk.answer();
    for step in &LESSONS.all()[0].steps {
        talk.say(&step.model);
    }
    assert_eq!(talk.expected(), Vec::<String>::new());
}

#[test]
fn every_step_helps_until_it_says_the_sentence_itself() {
    for_each_step(|lesson, step, talk| {
        let mut talk = talk.clone();
        for hint in &step.hints {
            assert_eq!(talk.say("…"), hint.fill(&met(lesson, step)), "{}", lesson.path());
        }
        assert!(talk.say("…").contains(&step.model), "{}", lesson.path());
    });
}

/// Each step of each lesson, with a conversation in which all went well up to it.
fn for_each_step(look: impl Fn(&Lesson, &Step, &Talk)) {
    for lesson in LESSONS.all() {
        let mut talk = talk(lesson);
        talk.answer();
        for step in &lesson.steps {
            look(lesson, step, &talk);
            talk.say(&step.model);
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

/// The model sentence's words, and any word for a slot of the mistake alone.
fn words_for(says: &Pattern, step: &Step) -> Slots {
    let any = says.slots().map(|slot| (slot.to_owned(), "Xyz".to_owned()));
    any.chain(step.model_slots.clone()).collect()
}

/// What the model sentences have filled before a step.
fn met(lesson: &Lesson, step: &Step) -> Slots {
    let before = lesson.steps.iter().take_while(|one| one.line < step.line);
    before.flat_map(|step| step.model_slots.clone()).collect()
}
