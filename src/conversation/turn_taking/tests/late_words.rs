//! Words that come late, twice, out of order or not at all.

use expect_test::expect;

use super::check;

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
                600 Listening(Waiting)
            +2000
            final Buenos días
                2600 EndOfTurn("Buenos días") of 0 to 600
                2600 Listening(Off)
        "#]],
    );
}

#[test]
fn a_turn_waits_for_final_words_but_not_for_ever() {
    check(
        "
        voice-on
        +500
        partial I live
        voice-off
        +1500
        final I live in Lima
        +3000
        voice-on
        +500
        partial I work
        voice-off
        +2999
        +1
        final I work
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            +500
            partial I live
            voice-off
                500 Listening(Waiting)
            +1500
            final I live in Lima
                2000 EndOfTurn("I live in Lima") of 0 to 500
                2000 Listening(Off)
            +3000
            voice-on
                5000 Listening(Hearing)
            +500
            partial I work
            voice-off
                5500 Listening(Waiting)
            +2999
            +1
                8500 EndOfTurn("I work") of 5000 to 5500
                8500 Listening(Off)
            final I work
        "#]],
    );
}

#[test]
fn words_of_a_later_stretch_are_waited_for_before_the_earlier_ones_are_a_turn() {
    check(
        "
        voice-on
        +500
        final I have
        voice-off
        +600
        voice-on
        +400
        voice-off
        +1200
        final a dog
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            +500
            final I have
            voice-off
                500 Listening(Waiting)
            +600
            voice-on
                1100 Listening(Hearing)
            +400
            voice-off
                1500 Listening(Waiting)
            +1200
            final a dog
                2700 EndOfTurn("I have a dog") of 0 to 1500
                2700 Listening(Off)
        "#]],
    );
}

#[test]
fn a_voice_without_words_ends_quietly() {
    check(
        "
        voice-on
        +500
        voice-off
        +2999
        +1
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            +500
            voice-off
                500 Listening(Waiting)
            +2999
            +1
                3500 NothingSaid { was_committed: false }
                3500 Listening(Off)
        "#]],
    );
}

#[test]
fn an_empty_final_ends_the_turn_quietly_and_at_once() {
    check(
        "
        voice-on
        +500
        voice-off
        +200
        final
        voice-on
        +500
        voice-off
        final ...
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            +500
            voice-off
                500 Listening(Waiting)
            +200
            final
                700 NothingSaid { was_committed: false }
                700 Listening(Off)
            voice-on
                700 Listening(Hearing)
            +500
            voice-off
                1200 Listening(Waiting)
            final ...
                1200 NothingSaid { was_committed: false }
                1200 Listening(Off)
        "#]],
    );
}

#[test]
fn words_after_a_quiet_end_are_not_lost() {
    check(
        "
        voice-on
        +500
        voice-off
        +4000
        final Hello there
        +900
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            +500
            voice-off
                500 Listening(Waiting)
            +4000
                3500 NothingSaid { was_committed: false }
                3500 Listening(Off)
            final Hello there
                4500 Listening(Waiting)
            +900
                5400 EndOfTurn("Hello there") of 4500 to 4500
                5400 Listening(Off)
        "#]],
    );
}

#[test]
fn segments_come_twice_late_and_out_of_order_and_are_told_once() {
    check(
        "
        voice-on
        partial #0 I
        final #0 I live
        final #0 I live
        partial #2 near
        partial #1 in a
        final #1 in Lima
        partial #2 near the sea
        final #2 near the sea now
        voice-off
        +900
        final #2 near the sea now
        partial #1 in
        +5000
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            partial #0 I
            final #0 I live
            final #0 I live
            partial #2 near
            partial #1 in a
            final #1 in Lima
            partial #2 near the sea
            final #2 near the sea now
            voice-off
                0 Listening(Waiting)
            +900
                900 EndOfTurn("I live in Lima near the sea now") of 0 to 0
                900 Listening(Off)
            final #2 near the sea now
            partial #1 in
            +5000
        "#]],
    );
}

#[test]
fn words_without_a_voice_are_all_that_is_known_of_it() {
    check(
        "
        partial I am
        +800
        partial I am from
        +800
        final I am from Lima
        +899
        +1
        ",
        &expect![[r#"
            partial I am
                0 Listening(Waiting)
            +800
            partial I am from
            +800
            final I am from Lima
            +899
            +1
                2500 EndOfTurn("I am from Lima") of 0 to 1600
                2500 Listening(Off)
        "#]],
    );
}

#[test]
fn a_service_that_has_told_all_words_is_not_waited_for() {
    check(
        "
        voice-on
        +500
        final I have a dog
        voice-off
        +300
        voice-on
        +300
        voice-off
        +950
        flushed
        voice-on
        +500
        voice-off
        flushed
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            +500
            final I have a dog
            voice-off
                500 Listening(Waiting)
            +300
            voice-on
                800 Listening(Hearing)
            +300
            voice-off
                1100 Listening(Waiting)
            +950
            flushed
                2050 EndOfTurn("I have a dog") of 0 to 1100
                2050 Listening(Off)
            voice-on
                2050 Listening(Hearing)
            +500
            voice-off
                2550 Listening(Waiting)
            flushed
                2550 NothingSaid { was_committed: false }
                2550 Listening(Off)
        "#]],
    );
}

#[test]
fn what_is_cleared_becomes_no_turn() {
    check(
        "
        voice-on
        +500
        final I have a dog
        voice-off
        +300
        clear
        final #0 I have a dog
        +5000
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            +500
            final I have a dog
            voice-off
                500 Listening(Waiting)
            +300
            clear
                800 NothingSaid { was_committed: false }
                800 Listening(Off)
            final #0 I have a dog
            +5000
        "#]],
    );
}
