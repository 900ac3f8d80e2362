//! When a learner has finished: silence, what was said before it, and the service's hint.

use expect_test::expect;

use super::{check, check_with, settings};

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
                1300 EndOfTurn("I am from Lima") of 0 to 400
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
        final I have
        voice-off
        +800
        voice-on
        +200
        final a dog
        voice-off
        +1000
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            final I have
            voice-off
                0 Listening(Waiting)
            +800
            voice-on
                800 Listening(Hearing)
            +200
            final a dog
            voice-off
                1000 Listening(Waiting)
            +1000
                2000 EndOfTurn("I have a dog") of 0 to 1000
                2000 Listening(Off)
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
        +2000
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
                1800 EndOfTurn("I like tea and") of 0 to 0
                1800 Listening(Off)
            +2000
            voice-on
                3800 Listening(Hearing)
            final I like tea.
            voice-off
                3800 Listening(Waiting)
            +449
            +1
                4250 EndOfTurn("I like tea.") of 3800 to 3800
                4250 Listening(Off)
        "#]],
    );
}

#[test]
fn after_a_hesitation_in_the_learners_language_the_tutor_waits_longer() {
    check_with(
        &settings("ja"),
        "
        voice-on
        final 昨日は、えっと
        voice-off
        +1799
        voice-on
        final 東京に行きました
        voice-off
        +562
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            final 昨日は、えっと
            voice-off
                0 Listening(Waiting)
            +1799
            voice-on
                1799 Listening(Hearing)
            final 東京に行きました
            voice-off
                1799 Listening(Waiting)
            +562
                2360 EndOfTurn("昨日は、えっと東京に行きました") of 0 to 1799
                2360 Listening(Off)
        "#]],
    );
}

#[test]
fn a_click_after_the_words_makes_nobody_wait() {
    check(
        "
        voice-on
        +500
        final I have a dog
        voice-off
        +100
        voice-on
        +60
        voice-off
        +900
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            +500
            final I have a dog
            voice-off
                500 Listening(Waiting)
            +100
            voice-on
                600 Listening(Hearing)
            +60
            voice-off
                660 Listening(Waiting)
            +900
                1560 EndOfTurn("I have a dog") of 0 to 660
                1560 Listening(Off)
        "#]],
    );
}

#[test]
fn a_hint_of_the_service_shortens_the_silence_and_never_ends_a_turn_at_once() {
    check(
        "
        voice-on
        +500
        final I am from Lima
        voice-off
        end-hint
        +299
        +1
        +5000
        voice-on
        +500
        final I like it.
        voice-off
        end-hint
        +249
        +1
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            +500
            final I am from Lima
            voice-off
                500 Listening(Waiting)
            end-hint
            +299
            +1
                800 EndOfTurn("I am from Lima") of 0 to 500
                800 Listening(Off)
            +5000
            voice-on
                5800 Listening(Hearing)
            +500
            final I like it.
            voice-off
                6300 Listening(Waiting)
            end-hint
            +249
            +1
                6550 EndOfTurn("I like it.") of 5800 to 6300
                6550 Listening(Off)
        "#]],
    );
}

#[test]
fn a_hint_is_over_when_the_learner_goes_on() {
    check(
        "
        voice-on
        +500
        final I am
        end-hint
        voice-off
        +200
        voice-on
        +500
        final from Lima
        voice-off
        +899
        +1
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            +500
            final I am
            end-hint
            voice-off
                500 Listening(Waiting)
            +200
            voice-on
                700 Listening(Hearing)
            +500
            final from Lima
            voice-off
                1200 Listening(Waiting)
            +899
            +1
                2100 EndOfTurn("I am from Lima") of 0 to 1200
                2100 Listening(Off)
        "#]],
    );
}

#[test]
fn a_voice_whose_end_is_never_told_is_over_after_a_minute_without_words() {
    check(
        "
        voice-on
        +50000
        partial I was
        +59999
        +1
        +2999
        +1
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            +50000
            partial I was
            +59999
            +1
                110000 Listening(Waiting)
            +2999
            +1
                113000 EndOfTurn("I was") of 0 to 110000
                113000 Listening(Off)
        "#]],
    );
}

#[test]
fn voice_told_twice_changes_nothing() {
    check(
        "
        voice-on
        +300
        voice-on
        final I am from Lima
        voice-off
        +500
        voice-off
        +400
        voice-off
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            +300
            voice-on
            final I am from Lima
            voice-off
                300 Listening(Waiting)
            +500
            voice-off
            +400
                1200 EndOfTurn("I am from Lima") of 0 to 300
                1200 Listening(Off)
            voice-off
        "#]],
    );
}
