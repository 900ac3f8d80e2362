//! What is an interruption of the tutor: words, or a voice that insists; not noise.

use expect_test::expect;

use super::{check, run, settings};

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
                3150 EndOfTurn("wait a moment") of 2000 to 2250
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
                2900 NothingSaid { was_committed: false }
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
                1100 NothingSaid { was_committed: false }
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
fn a_tutor_that_ends_while_suspected_is_let_go() {
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
                1000 ResumeTutor
            final I have a question
            voice-off
                1000 Listening(Waiting)
            +900
                1900 EndOfTurn("I have a question") of 1000 to 1000
                1900 Listening(Off)
        "#]],
    );
}

#[test]
fn who_speaks_before_the_tutor_begins_keeps_the_turn() {
    check(
        "
        voice-on
        +300
        partial I have
        tutor-sounds
        +200
        final I have a question
        voice-off
        +900
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            +300
            partial I have
            tutor-sounds
                300 InterruptTutor
            +200
            final I have a question
            voice-off
                500 Listening(Waiting)
            +900
                1400 EndOfTurn("I have a question") of 0 to 500
                1400 Listening(Off)
        "#]],
    );
}

#[test]
fn twenty_interruptions_a_second_leave_nothing_stuck() {
    let flicker = "voice-on\n+25\nvoice-off\n+25\n".repeat(20);
    let script = format!("tutor-sounds\n+1000\n{flicker}+700\ntutor-silent\n");
    let trace = run(&settings("en"), &script);
    assert_eq!(trace.matches("PauseTutor").count(), 1);
    assert!(trace.ends_with("ResumeTutor\ntutor-silent\n"), "{trace}");
}

#[test]
fn a_noise_that_comes_and_goes_for_ever_does_not_hold_the_tutor_for_ever() {
    let flicker = "voice-on\n+100\nvoice-off\n+300\n".repeat(20);
    let trace = run(&settings("en"), &format!("tutor-sounds\n+1000\n{flicker}"));
    assert!(trace.contains("3600 ResumeTutor"), "{trace}");
}
