//! Words over the tutor that take no turn: those of a listener, and the tutor's own from a loudspeaker.

use expect_test::expect;

use super::{check, check_with, settings};

#[test]
fn a_back_channel_word_does_not_take_the_turn() {
    check_with(
        &settings("es"),
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
                2900 NothingSaid { was_committed: false }
            tutor-silent
            +5000
        "#]],
    );
}

#[test]
fn a_back_channel_word_that_is_known_late_does_not_become_a_turn() {
    check(
        "
        tutor-sounds
        +2000
        voice-on
        +200
        voice-off
        +1500
        final yeah
        tutor-silent
        +5000
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
            +1500
                2900 ResumeTutor
                2900 NothingSaid { was_committed: false }
            final yeah
            tutor-silent
            +5000
        "#]],
    );
}

#[test]
fn a_back_channel_word_that_grows_into_a_sentence_interrupts() {
    check(
        "
        tutor-sounds
        +2000
        voice-on
        partial yeah
        +300
        partial yeah but wait
        final yeah but wait a moment
        voice-off
        +900
        ",
        &expect![[r#"
            tutor-sounds
            +2000
            voice-on
                2000 PauseTutor
                2000 Listening(Hearing)
            partial yeah
            +300
            partial yeah but wait
                2300 InterruptTutor
            final yeah but wait a moment
            voice-off
                2300 Listening(Waiting)
            +900
                3200 EndOfTurn("yeah but wait a moment") of 2000 to 2300
                3200 Listening(Off)
        "#]],
    );
}

#[test]
fn the_same_word_after_the_tutor_is_an_answer() {
    check(
        "
        tutor-sounds
        +2000
        tutor-silent
        +500
        voice-on
        +200
        final Yeah.
        voice-off
        +450
        ",
        &expect![[r#"
            tutor-sounds
            +2000
            tutor-silent
            +500
            voice-on
                2500 Listening(Hearing)
            +200
            final Yeah.
            voice-off
                2700 Listening(Waiting)
            +450
                3150 EndOfTurn("Yeah.") of 2500 to 2700
                3150 Listening(Off)
        "#]],
    );
}

#[test]
fn a_long_back_channel_gives_the_tutor_back_and_words_interrupt_still() {
    check(
        "
        tutor-sounds
        +2000
        voice-on
        partial yeah
        +1200
        +5000
        partial yeah I know that
        ",
        &expect![[r#"
            tutor-sounds
            +2000
            voice-on
                2000 PauseTutor
                2000 Listening(Hearing)
            partial yeah
            +1200
                3200 ResumeTutor
            +5000
            partial yeah I know that
                8200 InterruptTutor
        "#]],
    );
}

#[test]
fn the_tutors_own_words_from_the_loudspeaker_do_not_interrupt_and_are_known_from_then_on() {
    check(
        "
        tutor-says What a lovely day for a walk.
        tutor-sounds
        +600
        voice-on
        +300
        partial what a lovely
        +400
        final What a lovely day for walk
        voice-off
        +500
        voice-on
        +2000
        voice-off
        +500
        voice-on
        partial stop please
        ",
        &expect![[r#"
            tutor-says What a lovely day for a walk.
            tutor-sounds
            +600
            voice-on
                600 PauseTutor
                600 Listening(Hearing)
            +300
            partial what a lovely
                900 ResumeTutor
            +400
            final What a lovely day for walk
            voice-off
                1300 NothingSaid { was_committed: false }
                1300 Listening(Off)
            +500
            voice-on
                1800 Listening(Hearing)
            +2000
            voice-off
                3800 Listening(Off)
            +500
            voice-on
                4300 Listening(Hearing)
            partial stop please
                4300 InterruptTutor
        "#]],
    );
}

#[test]
fn an_echo_whose_words_come_when_the_tutor_is_silent_is_no_turn() {
    check(
        "
        tutor-says And where do you live?
        tutor-sounds
        +300
        voice-on
        +600
        tutor-silent
        +100
        voice-off
        +400
        final Where do you live?
        +5000
        ",
        &expect![[r#"
            tutor-says And where do you live?
            tutor-sounds
            +300
            voice-on
                300 Listening(Hearing)
            +600
                500 PauseTutor
            tutor-silent
                900 ResumeTutor
            +100
            voice-off
                1000 Listening(Waiting)
            +400
            final Where do you live?
                1400 NothingSaid { was_committed: false }
                1400 Listening(Off)
            +5000
        "#]],
    );
}

#[test]
fn who_repeats_after_the_tutor_takes_a_turn() {
    check(
        "
        tutor-says Repeat: my name is Ana.
        tutor-sounds
        +3000
        tutor-silent
        +300
        voice-on
        +900
        final My name is Ana.
        voice-off
        +450
        ",
        &expect![[r#"
            tutor-says Repeat: my name is Ana.
            tutor-sounds
            +3000
            tutor-silent
            +300
            voice-on
                3300 Listening(Hearing)
            +900
            final My name is Ana.
            voice-off
                4200 Listening(Waiting)
            +450
                4650 EndOfTurn("My name is Ana.") of 3300 to 4200
                4650 Listening(Off)
        "#]],
    );
}

#[test]
fn a_single_word_of_the_tutors_is_not_enough_to_interrupt() {
    check(
        "
        tutor-says I live in Lima now.
        tutor-sounds
        +1000
        voice-on
        partial Lima
        +300
        voice-off
        +700
        ",
        &expect![[r#"
            tutor-says I live in Lima now.
            tutor-sounds
            +1000
            voice-on
                1000 PauseTutor
                1000 Listening(Hearing)
            partial Lima
            +300
            voice-off
                1300 Listening(Off)
            +700
                2000 ResumeTutor
                2000 NothingSaid { was_committed: false }
        "#]],
    );
}
