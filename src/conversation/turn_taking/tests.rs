//! Scripts for turn-taking and their traces. `+300` moves the clock; the other lines are facts.

use std::fmt::Write;

use expect_test::{Expect, expect};

use crate::domain::{Level, Millis};

use super::{Decision, Fact, TurnTaking, TurnTakingSettings};

fn check(script: &str, expected: &Expect) {
    expected.assert_eq(&run(script));
}

fn run(script: &str) -> String {
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
    let settings = TurnTakingSettings::for_level(
        Level::B2,
        words(&["mhm", "sí", "okay"]),
        words(&["and", "but", "hmm", "pero"]),
    );
    let mut machine = TurnTaking::new(settings);
    let (mut now, mut trace): (Millis, String) = (10_000, String::new());
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(trace, "{line}").unwrap();
        let target = match line.strip_prefix('+') {
            Some(ms) => now + ms.parse::<Millis>().unwrap(),
            None => now,
        };
        // The shell wakes the machine when it asks to be woken; a script does no less.
        while let Some(wake) = machine.next_wake().filter(|wake| *wake <= target && *wake > now) {
            now = wake;
            show(&mut trace, now, machine.handle(now, Fact::Clock));
        }
        now = target;
        show(&mut trace, now, machine.handle(now, read(line)));
    }
    trace
}

fn read(line: &str) -> Fact {
    let (name, text) = line.split_once(' ').unwrap_or((line, ""));
    match name {
        "voice-on" => Fact::VoiceOn,
        "voice-off" => Fact::VoiceOff,
        "partial" => Fact::Partial { segment: 0, text: text.to_owned() },
        "final" => Fact::Final { segment: 0, text: text.to_owned() },
        "tutor-sounds" => Fact::TutorSounds,
        "tutor-silent" => Fact::TutorSilent,
        time if time.starts_with('+') => Fact::Clock,
        other => panic!("the script knows no {other}"),
    }
}

fn show(trace: &mut String, now: Millis, decisions: Vec<Decision>) {
    for decision in decisions {
        let shown = match decision {
            Decision::EndOfTurn(utterance) => format!("EndOfTurn({:?})", utterance.text),
            other => format!("{other:?}"),
        };
        writeln!(trace, "    {} {shown}", now - 10_000).unwrap();
    }
}

#[test]
fn silence_ends_the_learners_turn() {
    check(
        "
        voice-on
        +400
        partial I am
        final I am from Lima
        voice-off
        +899
        +1
        +5000
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            +400
            partial I am
            final I am from Lima
            voice-off
                400 Listening(Waiting)
            +899
            +1
                1300 EndOfTurn("I am from Lima")
                1300 Listening(Off)
            +5000
        "#]],
    );
}

#[test]
fn a_pause_to_think_does_not_end_the_turn() {
    check(
        "
        voice-on
        final I would like
        voice-off
        +800
        voice-on
        +200
        final a coffee
        voice-off
        +900
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            final I would like
            voice-off
                0 Listening(Waiting)
            +800
            voice-on
                800 Listening(Hearing)
            +200
            final a coffee
            voice-off
                1000 Listening(Waiting)
            +900
                1900 EndOfTurn("I would like a coffee")
                1900 Listening(Off)
        "#]],
    );
}

#[test]
fn after_an_open_word_the_tutor_waits_longer_and_after_a_full_stop_less() {
    check(
        "
        voice-on
        final I like tea and
        voice-off
        +1799
        +1
        voice-on
        final I like tea.
        voice-off
        +449
        +1
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            final I like tea and
            voice-off
                0 Listening(Waiting)
            +1799
            +1
                1800 EndOfTurn("I like tea and")
                1800 Listening(Off)
            voice-on
                1800 Listening(Hearing)
            final I like tea.
            voice-off
                1800 Listening(Waiting)
            +449
            +1
                2250 EndOfTurn("I like tea.")
                2250 Listening(Off)
        "#]],
    );
}

#[test]
fn words_that_come_after_the_voice_has_ended_still_count() {
    check(
        "
        voice-on
        +600
        voice-off
        +2000
        final Buenos días
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            +600
            voice-off
                600 Listening(Off)
            +2000
            final Buenos días
                2600 EndOfTurn("Buenos días")
        "#]],
    );
}

#[test]
fn words_over_the_tutor_interrupt() {
    check(
        "
        tutor-sounds
        +2000
        voice-on
        +150
        partial wait
        +100
        final wait a moment
        voice-off
        +900
        ",
        &expect![[r#"
            tutor-sounds
            +2000
            voice-on
                2000 PauseTutor
                2000 Listening(Hearing)
            +150
            partial wait
                2150 InterruptTutor
            +100
            final wait a moment
            voice-off
                2250 Listening(Waiting)
            +900
                3150 EndOfTurn("wait a moment")
                3150 Listening(Off)
        "#]],
    );
}

#[test]
fn a_noise_pauses_the_tutor_and_silence_lets_it_go_on() {
    check(
        "
        tutor-sounds
        +2000
        voice-on
        +200
        voice-off
        +699
        +1
        ",
        &expect![[r#"
            tutor-sounds
            +2000
            voice-on
                2000 PauseTutor
                2000 Listening(Hearing)
            +200
            voice-off
                2200 Listening(Off)
            +699
            +1
                2900 ResumeTutor
        "#]],
    );
}

#[test]
fn a_back_channel_word_does_not_take_the_turn() {
    check(
        "
        tutor-sounds
        +2000
        voice-on
        partial mhm
        +200
        final Mhm, sí.
        voice-off
        +700
        tutor-silent
        +5000
        ",
        &expect![[r#"
            tutor-sounds
            +2000
            voice-on
                2000 PauseTutor
                2000 Listening(Hearing)
            partial mhm
            +200
            final Mhm, sí.
            voice-off
                2200 Listening(Off)
            +700
                2900 ResumeTutor
            tutor-silent
            +5000
        "#]],
    );
}

#[test]
fn a_voice_that_insists_interrupts_before_its_words_are_known() {
    check(
        "
        tutor-sounds
        +2000
        voice-on
        +1199
        +1
        ",
        &expect![[r#"
            tutor-sounds
            +2000
            voice-on
                2000 PauseTutor
                2000 Listening(Hearing)
            +1199
            +1
                3200 InterruptTutor
        "#]],
    );
}

#[test]
fn in_the_guard_time_a_voice_alone_counts_for_nothing_but_words_do() {
    check(
        "
        tutor-sounds
        +100
        voice-on
        +300
        voice-off
        +1000
        tutor-silent
        tutor-sounds
        +100
        voice-on
        partial stop
        ",
        &expect![[r#"
            tutor-sounds
            +100
            voice-on
                100 Listening(Hearing)
            +300
            voice-off
                400 Listening(Off)
            +1000
            tutor-silent
            tutor-sounds
            +100
            voice-on
                1500 Listening(Hearing)
            partial stop
                1500 InterruptTutor
        "#]],
    );
}

#[test]
fn twenty_interruptions_a_second_leave_nothing_stuck() {
    let flicker = "voice-on\n+25\nvoice-off\n+25\n".repeat(20);
    let trace = run(&format!("tutor-sounds\n+1000\n{flicker}+700\ntutor-silent\n"));
    assert_eq!(trace.matches("PauseTutor").count(), 1);
    assert!(trace.ends_with("ResumeTutor\ntutor-silent\n"), "{trace}");
}

#[test]
fn a_tutor_that_ends_while_suspected_is_not_resumed() {
    check(
        "
        tutor-sounds
        +1000
        voice-on
        tutor-silent
        final I have a question
        voice-off
        +900
        ",
        &expect![[r#"
            tutor-sounds
            +1000
            voice-on
                1000 PauseTutor
                1000 Listening(Hearing)
            tutor-silent
            final I have a question
            voice-off
                1000 Listening(Waiting)
            +900
                1900 EndOfTurn("I have a question")
                1900 Listening(Off)
        "#]],
    );
}
