//! What holds for every order of facts, however long they take and whatever is missing between them.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{
    Decision, Fact, MicrophoneMode, Millis, START, TurnTaking, TurnTakingSettings, settings,
};
use crate::domain::Listening;

const TUTOR_SAYS: &str = "What a lovely day for a walk";
/// Words of a learner, a listener, an echo or nobody.
const TEXTS: &[&str] =
    &["I live in Lima", "because", "yeah", "lovely day for a walk", "lovely", "...", ""];
/// Words that may be lost.
const COMPANY: &[&str] = &[TUTOR_SAYS, "yeah", ""];
/// Longer than any silence that anything waits for.
const LONG_SILENCE: Millis = 200_000;

/// A machine and what it has decided.
struct Course {
    machine: TurnTaking,
    now: Millis,
    held: bool,
    listening: Listening,
    turns: Vec<String>,
    /// Turns, and commits without words.
    answers: usize,
}

impl Course {
    fn new(mode: MicrophoneMode) -> Self {
        Self {
            machine: TurnTaking::new(TurnTakingSettings { mode, ..settings("en") }),
            now: START,
            held: false,
            listening: Listening::Off,
            turns: Vec::new(),
            answers: 0,
        }
    }

    /// Lets time pass, wakes the machine as it asks to be, and hands it the fact.
    fn go(&mut self, ms: Millis, fact: Fact) {
        let target = self.now + ms;
        let mut wakes = 0;
        while let Some(wake) = self.machine.next_wake().filter(|wake| *wake <= target) {
            self.handle(wake, Fact::Clock);
            wakes += 1;
            assert!(wakes < 20, "the machine keeps itself busy");
        }
        self.handle(target, fact);
    }

    fn handle(&mut self, now: Millis, fact: Fact) {
        assert!(now >= self.now, "woken in the past");
        self.now = now;
        for decision in self.machine.handle(now, fact) {
            self.note(decision);
        }
        assert!(self.machine.next_wake().is_none_or(|wake| wake > now), "nothing was done");
    }

    fn note(&mut self, decision: Decision) {
        match decision {
            Decision::PauseTutor => assert!(!std::mem::replace(&mut self.held, true)),
            Decision::ResumeTutor => assert!(std::mem::take(&mut self.held), "nobody was held"),
            Decision::InterruptTutor => self.held = false,
            Decision::Listening(listening) => {
                assert_ne!(listening, self.listening);
                self.listening = listening;
            }
            Decision::EndOfTurn(utterance) => {
                assert!(utterance.since <= utterance.voice_off_at);
                assert!(utterance.voice_off_at <= self.now);
                assert!(utterance.text.contains(char::is_alphanumeric));
                self.turns.push(utterance.text);
                self.answers += 1;
            }
            Decision::NothingSaid { was_committed } => self.answers += usize::from(was_committed),
        }
    }

    /// Nothing happens any more.
    fn settle(&mut self) {
        self.go(LONG_SILENCE, Fact::Clock);
        assert!(!self.held, "the tutor is held for ever");
        assert_eq!(self.listening, Listening::Off);
        assert_eq!(self.machine.next_wake(), None);
    }
}

fn modes() -> impl Strategy<Value = MicrophoneMode> {
    use MicrophoneMode::{HandsFree, Manual, PushToTalk};
    prop_oneof![4 => Just(HandsFree), 2 => Just(PushToTalk), 1 => Just(Manual)]
}

fn gaps() -> impl Strategy<Value = Millis> {
    prop_oneof![Just(0), 0_u64..200, 200_u64..1500, 1500_u64..5000]
}

fn facts_without_words() -> impl Strategy<Value = Fact> {
    prop_oneof![
        4 => Just(Fact::VoiceOn),
        4 => Just(Fact::VoiceOff),
        2 => Just(Fact::TutorSounds),
        2 => Just(Fact::TutorSilent),
        1 => Just(Fact::TutorSays(TUTOR_SAYS.to_owned())),
        1 => Just(Fact::EndHint),
        1 => Just(Fact::Flushed),
        2 => Just(Fact::Pressed),
        2 => Just(Fact::Released),
        1 => Just(Fact::Commit),
        1 => Just(Fact::Clock),
    ]
}

fn texts() -> impl Strategy<Value = String> {
    prop::sample::select(TEXTS).prop_map(str::to_owned)
}

fn any_facts() -> impl Strategy<Value = Fact> {
    let words = (0_u64..6, texts(), any::<bool>()).prop_map(|(segment, text, is_final)| {
        if is_final { Fact::Final { segment, text } } else { Fact::Partial { segment, text } }
    });
    prop_oneof![10 => facts_without_words(), 5 => words, 1 => Just(Fact::Clear)]
}

/// Words in the order of a good service, each its own: `p3` while segment 3 may change, `w3` when it is final.
#[derive(Clone, Debug)]
enum Told {
    Fact(Fact),
    Partial,
    Final,
    /// What a listener or the loudspeaker says.
    Company(&'static str),
}

fn told() -> impl Strategy<Value = Told> {
    prop_oneof![
        6 => facts_without_words().prop_map(Told::Fact),
        2 => Just(Told::Partial),
        2 => Just(Told::Final),
        1 => prop::sample::select(COMPANY).prop_map(Told::Company),
    ]
}

/// The numbers behind a letter in all turns: `w3` is 3.
fn numbers(turns: &[String], letter: char) -> Vec<u64> {
    let words = turns.iter().flat_map(|turn| turn.split_whitespace());
    words.filter_map(|word| word.strip_prefix(letter)?.parse().ok()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_change_of_manner_at_any_time_holds_nobody(
        modes in (modes(), modes()),
        before in prop::collection::vec((gaps(), any_facts()), 0..20),
        after in prop::collection::vec((gaps(), any_facts()), 0..20),
    ) {
        let mut course = Course::new(modes.0);
        for (ms, fact) in before {
            course.go(ms, fact);
        }
        let settings = TurnTakingSettings { mode: modes.1, ..settings("en") };
        for decision in course.machine.change(course.now, settings) {
            course.note(decision);
        }
        for (ms, fact) in after {
            course.go(ms, fact);
        }
        course.settle();
    }

    #[test]
    fn whatever_is_reported_silence_frees_the_tutor_and_closes_the_ears(
        mode in modes(),
        script in prop::collection::vec((gaps(), any_facts()), 0..60),
    ) {
        let mut course = Course::new(mode);
        for (ms, fact) in script {
            course.go(ms, fact);
        }
        course.settle();
    }

    #[test]
    fn what_a_program_commits_is_answered_once_whatever_was_heard_before_and_is_after(
        before in prop::collection::vec((gaps(), any_facts()), 0..20),
        after in prop::collection::vec((gaps(), facts_without_words()), 0..20),
    ) {
        let mut course = Course::new(MicrophoneMode::Manual);
        for (ms, fact) in before {
            course.go(ms, fact);
        }
        course.settle();
        let answers = course.answers;
        course.go(0, Fact::Commit);
        for (ms, fact) in after.into_iter().filter(|(_, fact)| *fact != Fact::Commit) {
            course.go(ms, fact);
        }
        course.settle();
        prop_assert_eq!(course.answers, answers + 1);
    }

    #[test]
    fn the_words_of_a_final_segment_are_in_exactly_one_turn(
        mode in modes(),
        script in prop::collection::vec((gaps(), told()), 0..60),
    ) {
        let mut course = Course::new(mode);
        let (mut segment, mut expected) = (0, BTreeSet::new());
        for (ms, told) in script {
            let is_learners = matches!(told, Told::Final);
            let fact = match told {
                Told::Fact(fact) => fact,
                Told::Partial => Fact::Partial { segment, text: format!("p{segment}") },
                Told::Final => Fact::Final { segment, text: format!("w{segment}") },
                Told::Company(text) => Fact::Final { segment, text: text.to_owned() },
            };
            let is_final = matches!(fact, Fact::Final { .. });
            // Time passes first: a turn may end with the words as far as they were known.
            course.go(ms, Fact::Clock);
            let was_told = numbers(&course.turns, 'p').contains(&segment);
            if is_learners && !was_told {
                expected.insert(segment);
            }
            course.go(0, fact);
            segment += u64::from(is_final);
        }
        course.go(0, Fact::Released);
        course.go(0, Fact::Commit);
        course.settle();
        let found = numbers(&course.turns, 'w');
        prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
    }
}
