//! One lesson being played: each message moves it on and gives the tutor's answer. It reads no clock and no chance.

use super::judge::{Verdict, asked_word, judge};
use crate::prompts::{
    lesson::{Lesson, Mistake, Step},
    pattern::{Found, Heard, Pattern},
    tagged::{Slots, Tagged, plain},
    wording::{Phrases, Wording},
    words::{Word, is_slip, split},
};

/// How many words of the lesson are offered when the learner asks for one that is not in its glossary.
const WORDS_OFFERED: usize = 6;

/// Where the learner stands in a lesson.
pub(super) struct Play<'a> {
    lesson: &'a Lesson,
    wording: &'a Wording,
    /// The step being asked; behind the last one the lesson is over.
    step: usize,
    /// Hints given at this step.
    hints: usize,
    /// Messages heard; praise takes turns by it.
    heard: usize,
    /// Steps answered without a hint.
    unaided: usize,
    slots: Slots,
    /// The right form of the last thing that was corrected.
    remember: Option<String>,
}

impl<'a> Play<'a> {
    pub(super) fn new(lesson: &'a Lesson, wording: &'a Wording) -> Self {
        let (slots, remember) = (Slots::new(), None);
        Self { lesson, wording, step: 0, hints: 0, heard: 0, unaided: 0, slots, remember }
    }

    /// The tutor speaks first.
    pub(super) fn open(&self, introduce: bool) -> String {
        together([self.greeting(introduce), self.question()])
    }

    /// The learner speaks first: the tutor greets, and takes the message as an answer where it is one.
    pub(super) fn open_with(&mut self, text: &str, introduce: bool) -> String {
        let heard = Heard::new(text, &self.wording.short_forms);
        let is_answer =
            self.lesson.steps.first().is_some_and(|step| match judge(step, &heard, self.wording) {
                Verdict::Right { found, .. } => found.score > 0,
                Verdict::Wrong { .. } => true,
                Verdict::Enough
                | Verdict::Meaning(_)
                | Verdict::Repeat
                | Verdict::Help
                | Verdict::Missed => false,
            });
        let greeting = self.greeting(introduce);
        let rest = if is_answer { self.hear(text) } else { self.question() };
        together([greeting, rest])
    }

    /// The tutor's answer to a message.
    pub(super) fn hear(&mut self, text: &str) -> String {
        self.heard += 1;
        let heard = Heard::new(text, &self.wording.short_forms);
        let Some(step) = self.lesson.steps.get(self.step) else {
            return match asked_word(&heard, self.wording) {
                Some((word, _)) => self.explain(&word),
                None => self.restart(),
            };
        };
        match judge(step, &heard, self.wording) {
            Verdict::Right { pattern, found } => self.accept(step, pattern, found),
            Verdict::Wrong { mistake, found } => self.correct(step, mistake, found),
            Verdict::Enough => self.accept_keyword(step),
            Verdict::Meaning(word) => together([self.explain(&word), self.question()]),
            Verdict::Repeat => self.question(),
            Verdict::Help => self.help(step),
            Verdict::Missed => self.miss(step),
        }
    }

    /// Where the lesson stands; `None` behind its last step.
    pub(super) fn step(&self) -> Option<&'a Step> {
        self.lesson.steps.get(self.step)
    }

    fn accept(&mut self, step: &Step, pattern: &Pattern, found: Found) -> String {
        self.take(step, found.slots);
        if found.incomplete {
            let right = pattern.fill(&self.slots);
            let why = self.wording.phrases.incomplete_why.clone();
            let correction = self.correction(&found.quote, right, &why);
            return self.go_on(correction);
        }
        let spelling = found.slip.map(|(wrote, meant)| self.spelling(&wrote, &meant));
        let remark = together([self.praise(step), spelling.unwrap_or_default()]);
        self.go_on(remark)
    }

    fn accept_keyword(&mut self, step: &Step) -> String {
        self.take(step, Slots::new());
        let praise = self.praise(step);
        self.go_on(praise)
    }

    fn correct(&mut self, step: &Step, mistake: &Mistake, found: Found) -> String {
        let right = mistake.better.fill(&found.slots);
        self.take(step, found.slots);
        let correction = self.correction(&found.quote, right, &mistake.why);
        self.go_on(correction)
    }

    fn miss(&mut self, step: &Step) -> String {
        if let Some(hint) = step.hints.get(self.hints) {
            self.hints += 1;
            return hint.fill(&self.slots);
        }
        // The lesson goes on as if the learner had said it.
        self.slots.extend(step.model_slots.clone());
        let reveal = Phrases::with(&self.wording.phrases.reveal, "model", &step.model);
        self.go_on(reveal)
    }

    /// Asking is no miss: the lesson waits, even when all hints are given.
    fn help(&mut self, step: &Step) -> String {
        let phrases = &self.wording.phrases;
        if let Some(hint) = step.hints.get(self.hints) {
            self.hints += 1;
            return together([phrases.help.as_str().to_owned(), hint.fill(&self.slots)]);
        }
        Phrases::with(&phrases.suggestion, "model", &step.model)
    }

    fn explain(&self, word: &str) -> String {
        let phrases = &self.wording.phrases;
        if let Some((word, meaning)) = self.meaning(word) {
            let pair = [("word".into(), word.into()), ("meaning".into(), meaning.into())];
            return phrases.meaning.fill(&Slots::from(pair));
        }
        let words: Vec<_> =
            self.lesson.glossary.keys().map(String::as_str).take(WORDS_OFFERED).collect();
        Phrases::with(&phrases.unknown, "words", &words.join(", "))
    }

    /// The entry whose word or meaning is what was asked for, else one that has it as a part (`cuenta` in
    /// `la cuenta`) or is a part of it.
    fn meaning(&self, asked: &str) -> Option<(&'a str, &'a str)> {
        let asked = split(asked, &self.wording.short_forms);
        let entries = || {
            self.lesson.glossary.iter().map(|(word, meaning)| {
                (split(word, &self.wording.short_forms), (word.as_str(), meaning.as_str()))
            })
        };
        let same = entries().find(|(words, (_, meaning))| {
            let meaning = split(meaning, &self.wording.short_forms);
            [words, &meaning]
                .iter()
                .any(|words| words.len() == asked.len() && contains(words, &asked))
        });
        let part =
            || entries().find(|(words, _)| contains(words, &asked) || contains(&asked, words));
        same.or_else(part).map(|(_, entry)| entry)
    }

    fn restart(&mut self) -> String {
        *self = Self { heard: self.heard, ..Self::new(self.lesson, self.wording) };
        together([self.wording.phrases.restart.as_str().to_owned(), self.question()])
    }

    /// The learner's words; where there are none, those of the model sentence.
    fn take(&mut self, step: &Step, heard: Slots) {
        self.unaided += usize::from(self.hints == 0);
        self.slots.extend(step.model_slots.clone());
        self.slots.extend(heard);
    }

    fn go_on(&mut self, remark: String) -> String {
        self.step += 1;
        self.hints = 0;
        let next =
            if self.step < self.lesson.steps.len() { self.question() } else { self.ending() };
        together([remark, next])
    }

    fn greeting(&self, introduce: bool) -> String {
        let about = introduce.then(|| self.wording.phrases.about.as_str().to_owned());
        together([self.lesson.opening.as_str().to_owned(), about.unwrap_or_default()])
    }

    fn question(&self) -> String {
        self.lesson.steps.get(self.step).map(|step| step.say.fill(&self.slots)).unwrap_or_default()
    }

    fn ending(&self) -> String {
        let phrases = &self.wording.phrases;
        let counts = Slots::from([
            ("right".into(), self.unaided.to_string()),
            ("steps".into(), self.lesson.steps.len().to_string()),
        ]);
        // Nobody is told that they could do nothing alone.
        let summary = (self.unaided > 0).then(|| phrases.summary.fill(&counts));
        let remember = self
            .remember
            .as_deref()
            .map(|right| Phrases::with(&phrases.remember, "right", &sentence(right)));
        together([
            self.lesson.closing.fill(&self.slots),
            summary.unwrap_or_default(),
            remember.unwrap_or_default(),
            phrases.offer.as_str().to_owned(),
        ])
    }

    /// Variants take turns, so that two lessons in a row differ and a test can know what comes.
    fn praise(&self, step: &Step) -> String {
        let variants =
            if step.praise.is_empty() { &self.wording.phrases.praise } else { &step.praise };
        variants
            .get(self.heard % variants.len())
            .map_or_else(String::new, |text: &Tagged| text.fill(&self.slots))
    }

    fn correction(&mut self, quote: &str, right: String, why: &str) -> String {
        let spoken = Phrases::with(&self.wording.phrases.correction, "right", &sentence(&right));
        let correction = together([fix(quote, &right, why), spoken]);
        self.remember = Some(right);
        correction
    }

    fn spelling(&self, wrote: &str, meant: &str) -> String {
        let phrases = &self.wording.phrases;
        let spoken = Phrases::with(&phrases.spelling, "right", meant);
        together([fix(wrote, meant, &phrases.spelling_why), spoken])
    }
}

/// With a capital at its beginning and a mark at its end.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    let stop = match text.chars().next_back() {
        Some('\u{2e80}'..) => "。",
        Some(last) if last.is_alphanumeric() => ".",
        _ => "",
    };
    first.chain(letters).chain(stop.chars()).collect()
}

/// A correction in the tagged form. What the learner wrote cannot end the tag or begin another.
fn fix(wrote: &str, right: &str, why: &str) -> String {
    format!("[fix: {} -> {right} | {why}]", plain(wrote))
}

fn contains(words: &[Word], part: &[Word]) -> bool {
    let same = |(one, other): (&Word, &Word)| {
        one.folded == other.folded || is_slip(&other.folded, &one.folded)
    };
    !part.is_empty() && words.windows(part.len()).any(|window| window.iter().zip(part).all(same))
}

/// The parts that say something, with a space between them.
fn together<const N: usize>(parts: [String; N]) -> String {
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}
