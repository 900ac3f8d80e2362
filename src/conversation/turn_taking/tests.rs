//! Scripts for turn-taking and their traces. `+300` moves the clock; the other lines are facts.

mod barging_in;
mod ending;
mod late_words;
mod learning;
mod modes;
mod no_turn;
mod properties;

use std::{fmt::Write, sync::LazyLock};

use expect_test::Expect;

use super::{Decision, Fact, TurnTaking, TurnTakingSettings, Utterance};
use crate::{
    domain::{Language, Level, MicrophoneMode, Millis},
    prompts::{Prompts, cues::CueTables},
};

/// When a script begins; traces count from here.
const START: Millis = 10_000;

/// A hands-free learner of English at B2: 900 ms of silence end a turn.
fn check(script: &str, expected: &Expect) {
    check_with(&settings("en"), script, expected);
}

fn check_mode(mode: MicrophoneMode, script: &str, expected: &Expect) {
    check_with(&TurnTakingSettings { mode, ..settings("en") }, script, expected);
}

fn check_with(settings: &TurnTakingSettings, script: &str, expected: &Expect) {
    expected.assert_eq(&run(settings, script));
}

fn settings(language: &str) -> TurnTakingSettings {
    static TABLES: LazyLock<CueTables> =
        LazyLock::new(|| CueTables::read(&Prompts::embedded()).unwrap());
    TurnTakingSettings::for_language(&TABLES, &Language::parse(language).unwrap(), Level::B2)
}

fn run(settings: &TurnTakingSettings, script: &str) -> String {
    let mut machine = TurnTaking::new(settings.clone());
    let (mut now, mut segment, mut trace) = (START, 0, String::new());
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(trace, "{line}").unwrap();
        let target = match line.strip_prefix('+') {
            Some(ms) => now + ms.parse::<Millis>().unwrap(),
            None => now,
        };
        // The shell wakes the machine when it asks to be woken; a script does no less.
        while let Some(wake) = machine.next_wake().filter(|wake| *wake <= target) {
            now = wake;
            show(&mut trace, now, machine.handle(now, Fact::Clock));
        }
        now = target;
        show(&mut trace, now, machine.handle(now, read(line, &mut segment)));
    }
    trace
}

/// Words belong to the segment after the last final one, unless a line begins them with its number: `#2 and`.
fn read(line: &str, segment: &mut u64) -> Fact {
    let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
    let numbered = rest.strip_prefix('#').map(|rest| rest.split_once(' ').unwrap_or((rest, "")));
    let (number, text) = match numbered {
        Some((number, text)) => (number.parse().unwrap(), text.to_owned()),
        None => (*segment, rest.to_owned()),
    };
    match name {
        "voice-on" => Fact::VoiceOn,
        "voice-off" => Fact::VoiceOff,
        "partial" => Fact::Partial { segment: number, text },
        "final" => {
            *segment = (*segment).max(number + 1);
            Fact::Final { segment: number, text }
        }
        "end-hint" => Fact::EndHint,
        "flushed" => Fact::Flushed,
        "clear" => Fact::Clear,
        "tutor-sounds" => Fact::TutorSounds,
        "tutor-silent" => Fact::TutorSilent,
        "tutor-says" => Fact::TutorSays(text),
        "pressed" => Fact::Pressed,
        "released" => Fact::Released,
        "commit" => Fact::Commit,
        time if time.starts_with('+') => Fact::Clock,
        other => panic!("the script knows no {other}"),
    }
}

fn show(trace: &mut String, now: Millis, decisions: Vec<Decision>) {
    for decision in decisions {
        let shown = match decision {
            Decision::EndOfTurn(Utterance { text, since, voice_off_at }) => {
                format!("EndOfTurn({text:?}) of {} to {}", since - START, voice_off_at - START)
            }
            other => format!("{other:?}"),
        };
        writeln!(trace, "    {} {shown}", now - START).unwrap();
    }
}
