//! What a teacher should change in a lesson that can be played. It hears with the tutor's own ears.

use std::ptr;

use unicode_segmentation::UnicodeSegmentation;

use crate::{
    prompts::{
        fault::Fault,
        lesson::{Lesson, Mistake, Step},
        pattern::{Found, Heard, Pattern},
        tagged::{Slots, Tagged},
        wording::Wording,
        words::split,
    },
    providers::practice::judge::{Verdict, judge},
};

/// What a card shows without being cut, in graphemes.
const LONGEST_TITLE: usize = 40;
const LONGEST_GOAL: usize = 120;
/// What the tutor says at once, and what a learner is asked to say at once, in graphemes: at A1, and more per level.
const LONGEST_TEXT: (usize, usize) = (140, 60);
const LONGEST_MODEL: (usize, usize) = (60, 40);

/// All remarks on a lesson.
pub(super) fn remarks(lesson: &Lesson, wording: &Wording) -> Vec<Fault> {
    let mut faults = on_the_whole(lesson);
    for (index, step) in lesson.steps.iter().enumerate() {
        let found = [
            on_hints(step, wording),
            on_lengths(step, lesson),
            on_answers(step, wording),
            step.mistakes.iter().flat_map(|mistake| on_mistake(step, mistake, wording)).collect(),
        ];
        faults.extend(found.into_iter().flatten().map(|fault| {
            let reason = format!("step {}: {}", index + 1, fault.reason);
            Fault { reason, ..fault }
        }));
    }
    faults
}

fn on_the_whole(lesson: &Lesson) -> Vec<Fault> {
    let mut reasons = Vec::new();
    if lesson.order == 0 {
        reasons.push("order: lessons are counted from 1".to_owned());
    }
    if lesson.glossary.is_empty() {
        reasons.push("glossary: it is empty; write at least the words that are new".to_owned());
    }
    for (field, text, longest) in
        [("title", &lesson.title, LONGEST_TITLE), ("goal", &lesson.goal, LONGEST_GOAL)]
    {
        if text.trim().is_empty() {
            reasons.push(format!("{field}: it is empty; lists show it"));
        }
        reasons.extend(too_long(field, text, longest));
    }
    reasons.into_iter().map(Fault::of_file).collect()
}

/// Hints help a little at a time: they differ, one begins the sentence, and only the last may be all of it.
fn on_hints(step: &Step, wording: &Wording) -> Vec<Fault> {
    let spoken: Vec<String> = step.hints.iter().map(Tagged::spoken).collect();
    let Some((_, gentle)) = spoken.split_last() else {
        return vec![Fault::at(step.line, "hints: at least one is needed")];
    };
    let mut reasons = Vec::new();
    if spoken
        .iter()
        .enumerate()
        .any(|(index, hint)| gentle.iter().take(index).any(|one| one == hint))
    {
        reasons.push("hints: two are the same; each should help a little more");
    }
    if gentle.iter().any(|hint| hint.contains(&step.model)) {
        reasons.push("hints: only the last one may give away the model sentence");
    }
    let model = split(&step.model, &wording.short_forms);
    let mut words = spoken.iter().flat_map(|hint| split(hint, &wording.short_forms));
    if !words.any(|word| model.iter().any(|whole| whole.folded.starts_with(&word.folded))) {
        reasons.push("hints: none has a word of the model sentence, or the beginning of one");
    }
    reasons.into_iter().map(|reason| Fault::at(step.line, reason)).collect()
}

fn on_lengths(step: &Step, lesson: &Lesson) -> Vec<Fault> {
    let at_level = |(first, more): (usize, usize)| first + more * lesson.level as usize;
    let texts = [
        ("say", std::slice::from_ref(&step.say)),
        ("praise", &step.praise),
        ("hints", &step.hints),
    ];
    let texts = texts.into_iter().flat_map(|(field, texts)| {
        texts.iter().filter_map(move |text| too_long(field, &text.spoken(), at_level(LONGEST_TEXT)))
    });
    let model = too_long("model", &step.model, at_level(LONGEST_MODEL));
    texts.chain(model).map(|reason| Fault::at(step.line, reason)).collect()
}

fn too_long(field: &str, text: &str, longest: usize) -> Option<String> {
    let length = text.graphemes(true).count();
    (length > longest).then(|| {
        format!("{field}: `{text}` has {length} letters; {longest} are enough at this level")
    })
}

/// What is right is taken for right: the model sentence, and every answer with the model's words in it.
fn on_answers(step: &Step, wording: &Wording) -> Vec<Fault> {
    let model = taken_for(step, &step.model, wording)
        .map(|other| format!("model: `{}` {other}", step.model));
    let answers = step.answers.iter().chain(&step.keywords).filter_map(|answer| {
        let text = spelled_out(answer, step);
        taken_for(step, &text, wording).map(|other| format!("answers: `{text}` {other}"))
    });
    model.into_iter().chain(answers).map(|reason| Fault::at(step.line, reason)).collect()
}

/// How a right answer is misunderstood, if it is.
fn taken_for(step: &Step, text: &str, wording: &Wording) -> Option<String> {
    let heard = Heard::new(text, &wording.short_forms);
    let right = step.answer(&heard, wording).map(|(_, found)| found);
    // A mistake that says more, or names words where the answer has a slot, is an exception on purpose:
    // `I am student` from `I am {job}`.
    let is_exception = |wrong: &Found| {
        right.as_ref().is_some_and(|right| {
            wrong.score > right.score || (wrong.slots.is_empty() && !right.slots.is_empty())
        })
    };
    match judge(step, &heard, wording) {
        Verdict::Right { .. } | Verdict::Enough => None,
        Verdict::Wrong { found, .. } if text != step.model && is_exception(&found) => None,
        Verdict::Wrong { mistake, .. } => {
            Some(format!("is corrected as the mistake of line {}; narrow its `says`", mistake.line))
        }
        Verdict::Meaning(_) | Verdict::Repeat | Verdict::Help => {
            Some("is what learners say to get help; see wording.toml".to_owned())
        }
        Verdict::Missed => {
            Some("is not understood; a slot may begin with a word of `stops`".to_owned())
        }
    }
}

/// A mistake is met as itself, and its right form is none.
fn on_mistake(step: &Step, mistake: &Mistake, wording: &Wording) -> Vec<Fault> {
    let says = mistake.says.iter().filter_map(|says| on_says(step, mistake, says, wording));
    let better = spelled_out(&mistake.better, step);
    let verdict = judge(step, &Heard::new(&better, &wording.short_forms), wording);
    let better = match verdict {
        Verdict::Wrong { .. } => Some(format!("mistakes.better: `{better}` is a mistake itself")),
        _ => None,
    };
    says.chain(better).map(|reason| Fault::at(mistake.line, reason)).collect()
}

fn on_says(step: &Step, mistake: &Mistake, says: &Pattern, wording: &Wording) -> Option<String> {
    let text = spelled_out(says, step);
    let taken_for = match judge(step, &Heard::new(&text, &wording.short_forms), wording) {
        Verdict::Wrong { mistake: met, .. } if ptr::eq(met, mistake) => return None,
        Verdict::Wrong { mistake: met, .. } => {
            format!("the mistake of line {}; list it there or narrow that one", met.line)
        }
        Verdict::Right { pattern, .. } => {
            format!("the right answer `{}`; say more of the sentence, or drop it", pattern.as_str())
        }
        Verdict::Enough => "right because of a keyword; narrow the keywords".to_owned(),
        Verdict::Meaning(_) | Verdict::Repeat | Verdict::Help => {
            "what learners say to get help; see wording.toml".to_owned()
        }
        Verdict::Missed => "nothing; a slot may hold a word of `stops`".to_owned(),
    };
    Some(format!("mistakes.says: `{text}` is taken for {taken_for}"))
}

/// A pattern as a learner may say it: the model sentence's words in its slots, and any word for all that is open.
fn spelled_out(pattern: &Pattern, step: &Step) -> String {
    let any = pattern.slots().map(|slot| (slot.to_owned(), "Xyz".to_owned()));
    let slots: Slots = any.chain(step.model_slots.clone()).collect();
    pattern.fill(&slots).replace('*', "xyz")
}
