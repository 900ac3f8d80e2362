//! Who says when a turn is over: parla, the learner's hand, or a program.

use expect_test::expect;

use super::{check, check_mode};
use crate::domain::MicrophoneMode;

#[test]
fn while_the_button_is_held_no_silence_ends_the_turn() {
    check_mode(
        MicrophoneMode::PushToTalk,
        "
        pressed
        +300
        voice-on
        final I am
        voice-off
        +8000
        voice-on
        +500
        final from Lima
        voice-off
        +200
        released
        ",
        &expect![[r#"
            pressed
                0 Listening(Hearing)
            +300
            voice-on
            final I am
            voice-off
            +8000
            voice-on
            +500
            final from Lima
            voice-off
            +200
            released
                9000 EndOfTurn("I am from Lima") of 0 to 8800
                9000 Listening(Off)
        "#]],
    );
}

#[test]
fn after_the_release_the_last_words_are_waited_for() {
    check_mode(
        MicrophoneMode::PushToTalk,
        "
        pressed
        +900
        partial I am
        released
        +700
        final I am from Lima
        ",
        &expect![[r#"
            pressed
                0 Listening(Hearing)
            +900
            partial I am
            released
                900 Listening(Waiting)
            +700
            final I am from Lima
                1600 EndOfTurn("I am from Lima") of 0 to 900
                1600 Listening(Off)
        "#]],
    );
}

#[test]
fn after_the_release_words_that_do_not_come_are_not_waited_for_for_ever() {
    check_mode(
        MicrophoneMode::PushToTalk,
        "
        pressed
        +900
        released
        +2999
        +1
        pressed
        +900
        partial I am
        released
        +3000
        ",
        &expect![[r#"
            pressed
                0 Listening(Hearing)
            +900
            released
                900 Listening(Waiting)
            +2999
            +1
                3900 NothingSaid { was_committed: true }
                3900 Listening(Off)
            pressed
                3900 Listening(Hearing)
            +900
            partial I am
            released
                4800 Listening(Waiting)
            +3000
                7800 EndOfTurn("I am") of 3900 to 4800
                7800 Listening(Off)
        "#]],
    );
}

#[test]
fn a_press_interrupts_the_tutor_at_once_and_in_the_guard_time() {
    check_mode(
        MicrophoneMode::PushToTalk,
        "
        tutor-sounds
        +50
        pressed
        +600
        final stop
        released
        ",
        &expect![[r#"
            tutor-sounds
            +50
            pressed
                50 InterruptTutor
                50 Listening(Hearing)
            +600
            final stop
            released
                650 EndOfTurn("stop") of 50 to 650
                650 Listening(Off)
        "#]],
    );
}

#[test]
fn without_the_button_nothing_is_heard() {
    check_mode(
        MicrophoneMode::PushToTalk,
        "
        tutor-sounds
        voice-on
        +3000
        voice-off
        tutor-silent
        +5000
        ",
        &expect![[r#"
            tutor-sounds
            voice-on
            +3000
            voice-off
            tutor-silent
            +5000
        "#]],
    );
}

#[test]
fn a_press_before_the_words_have_come_goes_on_with_the_turn() {
    check_mode(
        MicrophoneMode::PushToTalk,
        "
        pressed
        +900
        partial I am
        released
        +200
        pressed
        +100
        final I am from
        +500
        final Lima
        released
        ",
        &expect![[r#"
            pressed
                0 Listening(Hearing)
            +900
            partial I am
            released
                900 Listening(Waiting)
            +200
            pressed
                1100 Listening(Hearing)
            +100
            final I am from
            +500
            final Lima
            released
                1700 EndOfTurn("I am from Lima") of 0 to 1700
                1700 Listening(Off)
        "#]],
    );
}

#[test]
fn a_touched_button_says_nothing() {
    check_mode(
        MicrophoneMode::PushToTalk,
        "
        pressed
        +80
        released
        ",
        &expect![[r#"
            pressed
                0 Listening(Hearing)
            +80
            released
                80 NothingSaid { was_committed: true }
                80 Listening(Off)
        "#]],
    );
}

#[test]
fn a_release_that_is_never_told_is_made_up_for() {
    check_mode(
        MicrophoneMode::PushToTalk,
        "
        pressed
        +500
        final I am from Lima
        voice-off
        +59999
        +1
        ",
        &expect![[r#"
            pressed
                0 Listening(Hearing)
            +500
            final I am from Lima
            voice-off
            +59999
            +1
                60500 EndOfTurn("I am from Lima") of 0 to 500
                60500 Listening(Off)
        "#]],
    );
}

#[test]
fn a_program_alone_ends_its_turns_and_interrupts() {
    check_mode(
        MicrophoneMode::Manual,
        "
        tutor-sounds
        +1000
        voice-on
        +500
        final I am
        voice-off
        +60000
        commit
        ",
        &expect![[r#"
            tutor-sounds
            +1000
            voice-on
                1000 Listening(Hearing)
            +500
            final I am
            voice-off
                1500 Listening(Off)
            +60000
            commit
                61500 EndOfTurn("I am") of 1000 to 1500
        "#]],
    );
}

#[test]
fn a_commit_waits_for_final_words_and_an_empty_final_says_that_there_are_none() {
    check_mode(
        MicrophoneMode::Manual,
        "
        partial I am
        commit
        +400
        final I am from Lima
        commit
        +400
        final
        commit
        +3000
        ",
        &expect![[r#"
            partial I am
            commit
                0 Listening(Waiting)
            +400
            final I am from Lima
                400 EndOfTurn("I am from Lima") of 0 to 400
                400 Listening(Off)
            commit
                400 Listening(Waiting)
            +400
            final
                800 NothingSaid { was_committed: true }
                800 Listening(Off)
            commit
                800 Listening(Waiting)
            +3000
                3800 NothingSaid { was_committed: true }
                3800 Listening(Off)
        "#]],
    );
}

#[test]
fn who_is_heard_without_hands_may_send_at_once() {
    check(
        "
        voice-on
        +900
        partial I am from
        commit
        +300
        final I am from Lima
        +100
        voice-off
        +3000
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            +900
            partial I am from
            commit
            +300
            final I am from Lima
                1200 EndOfTurn("I am from Lima") of 0 to 1200
            +100
            voice-off
                1300 Listening(Waiting)
            +3000
                4300 NothingSaid { was_committed: false }
                4300 Listening(Off)
        "#]],
    );
}

#[test]
fn hands_free_knows_no_button() {
    check(
        "
        pressed
        released
        +5000
        ",
        &expect![[r#"
            pressed
            released
            +5000
        "#]],
    );
}
