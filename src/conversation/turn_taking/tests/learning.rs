//! How long this learner's silences are, learnt from what they do.

use expect_test::expect;

use super::check;

#[test]
fn a_turn_that_was_cut_makes_the_next_silence_longer_at_once() {
    check(
        "
        voice-on
        +500
        final I went there
        voice-off
        +1000
        voice-on
        +500
        final yesterday
        voice-off
        +1249
        +1
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            +500
            final I went there
            voice-off
                500 Listening(Waiting)
            +1000
                1400 EndOfTurn("I went there") of 0 to 500
                1400 Listening(Off)
            voice-on
                1500 Listening(Hearing)
            +500
            final yesterday
            voice-off
                2000 Listening(Waiting)
            +1249
            +1
                3250 EndOfTurn("yesterday") of 1500 to 2000
                3250 Listening(Off)
        "#]],
    );
}

#[test]
fn a_noise_after_the_turn_is_no_cut() {
    check(
        "
        voice-on
        +500
        final I went there
        voice-off
        +1000
        voice-on
        +50
        voice-off
        +3000
        voice-on
        +500
        final yesterday
        voice-off
        +899
        +1
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            +500
            final I went there
            voice-off
                500 Listening(Waiting)
            +1000
                1400 EndOfTurn("I went there") of 0 to 500
                1400 Listening(Off)
            voice-on
                1500 Listening(Hearing)
            +50
            voice-off
                1550 NothingSaid { was_committed: false }
                1550 Listening(Off)
            +3000
            voice-on
                4550 Listening(Hearing)
            +500
            final yesterday
            voice-off
                5050 Listening(Waiting)
            +899
            +1
                5950 EndOfTurn("yesterday") of 4550 to 5050
                5950 Listening(Off)
        "#]],
    );
}

#[test]
fn a_hint_that_cut_the_learner_off_is_the_last_one_to_count() {
    check(
        "
        voice-on
        +500
        final I went there
        end-hint
        voice-off
        +400
        voice-on
        +500
        final yesterday
        end-hint
        voice-off
        +899
        +1
        ",
        &expect![[r#"
            voice-on
                0 Listening(Hearing)
            +500
            final I went there
            end-hint
            voice-off
                500 Listening(Waiting)
            +400
                800 EndOfTurn("I went there") of 0 to 500
                800 Listening(Off)
            voice-on
                900 Listening(Hearing)
            +500
            final yesterday
            end-hint
            voice-off
                1400 Listening(Waiting)
            +899
            +1
                2300 EndOfTurn("yesterday") of 900 to 1400
                2300 Listening(Off)
        "#]],
    );
}

#[test]
fn a_learner_who_pauses_shortly_is_answered_sooner_after_some_turns() {
    let word = "voice-on\n+500\nfinal word\nvoice-off\n+500\n";
    let script = format!("{}voice-on\n+500\nfinal end\nvoice-off\n+624\n+1\n", word.repeat(6));
    let trace = super::run(&super::settings("en"), &script);
    assert!(trace.contains("+1\n    7125 EndOfTurn"), "{trace}");
}
