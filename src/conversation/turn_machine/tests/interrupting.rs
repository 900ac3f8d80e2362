//! Speech over a turn, and suspicions of it.

use expect_test::expect;

use super::check;

#[test]
fn the_same_learner_interrupts_what_is_made() {
    check(
        "
        ana: Hello
        write t1 This is the first sentence. This is
        voice t1 0 1000
        +400
        ana: Wait a moment
        write t1  too late
        write t2 Of course, I will wait.
        ",
        &expect![[r#"
            ana: Hello
                store t1
                ask model t1
                > message "Hello"
                > began t1
            write t1 This is the first sentence. This is
                > delta "This is the first sentence."
                speak t1 0
                > start t1 complete=false ["This is the first sentence." pending]
                > delta " This is"
            voice t1 0 1000
                > update 0 "This is the first sentence." ready
                > complete 0
            +400
            ana: Wait a moment
                drop model t1
                silence t1
                > conversation stopped t1 "This is the first sentence. This is"
                record t1 stopped "This is the first sentence. This is"
                heard t1 0+400 "This is"
                store t2
                ask model t2
                > message "Wait a moment"
                > began t2
            write t1  too late
            write t2 Of course, I will wait.
                > delta "Of course, I will wait."
                speak t2 0
                > start t2 complete=false ["Of course, I will wait." pending]
        "#]],
    );
}

#[test]
fn the_same_learner_interrupts_what_is_played_and_the_model_sees_only_what_was_heard() {
    check(
        "
        ana: Hello
        write t1 This is one sentence. Here is another.
        voice t1 0 1000 This is one sentence
        voice t1 1 900 Here is another
        done t1
        +1350
        ana: Stop, please
        ",
        &expect![[r#"
            ana: Hello
                store t1
                ask model t1
                > message "Hello"
                > began t1
            write t1 This is one sentence. Here is another.
                > delta "This is one sentence."
                speak t1 0
                > start t1 complete=false ["This is one sentence." pending]
                > delta " Here is another."
                speak t1 1
                > update 1 "Here is another." pending
            voice t1 0 1000 This is one sentence
                > update 0 "This is one sentence." ready
                > complete 0
            voice t1 1 900 Here is another
                > update 1 "Here is another." ready
                > complete 1
            done t1
                > start t1 complete=true ["This is one sentence." ready | "Here is another." ready]
                > conversation complete t1 "This is one sentence. Here is another." token=Some(0) chunk=Some(0) audio=Some(0) total=0
                record t1 complete "This is one sentence. Here is another."
            +1350
            ana: Stop, please
                > playback stopped t1 1+350
                heard t1 1+350 "This is one sentence. Here"
                store t2
                ask model t2
                > message "Stop, please"
                > began t2
        "#]],
    );
}

#[test]
fn a_turn_that_was_heard_to_its_end_is_not_interrupted() {
    check(
        "
        ana: Hello
        write t1 This is one sentence.
        done t1
        voice t1 0 1000
        played t1 0 1000
        stop
        ana: And now?
        ",
        &expect![[r#"
            ana: Hello
                store t1
                ask model t1
                > message "Hello"
                > began t1
            write t1 This is one sentence.
                > delta "This is one sentence."
                speak t1 0
                > start t1 complete=false ["This is one sentence." pending]
            done t1
                > start t1 complete=true ["This is one sentence." pending]
            voice t1 0 1000
                > update 0 "This is one sentence." ready
                > complete 0
                > conversation complete t1 "This is one sentence." token=Some(0) chunk=Some(0) audio=Some(0) total=0
                record t1 complete "This is one sentence."
            played t1 0 1000
            stop
            ana: And now?
                store t2
                ask model t2
                > message "And now?"
                > began t2
        "#]],
    );
}

#[test]
fn a_false_alarm_resumes_where_the_sound_stopped() {
    check(
        "
        ana: Hello
        write t1 This is one sentence. Here is another.
        voice t1 0 1000
        voice t1 1 900
        done t1
        +1200
        pause
        pause
        +700
        resume
        resume
        +699
        stop
        ",
        &expect![[r#"
            ana: Hello
                store t1
                ask model t1
                > message "Hello"
                > began t1
            write t1 This is one sentence. Here is another.
                > delta "This is one sentence."
                speak t1 0
                > start t1 complete=false ["This is one sentence." pending]
                > delta " Here is another."
                speak t1 1
                > update 1 "Here is another." pending
            voice t1 0 1000
                > update 0 "This is one sentence." ready
                > complete 0
            voice t1 1 900
                > update 1 "Here is another." ready
                > complete 1
            done t1
                > start t1 complete=true ["This is one sentence." ready | "Here is another." ready]
                > conversation complete t1 "This is one sentence. Here is another." token=Some(0) chunk=Some(0) audio=Some(0) total=0
                record t1 complete "This is one sentence. Here is another."
            +1200
            pause
                > playback paused t1
            pause
            +700
            resume
                > playback resumed t1 1+200
            resume
            +699
            stop
                > playback stopped t1 1+899
                heard t1 1+899 "This is one sentence. Here is"
        "#]],
    );
}

#[test]
fn speech_over_a_turn_that_is_made_and_played_stops_both() {
    check(
        "
        ana: Hello
        write t1 This is one sentence. Here is
        voice t1 0 1000
        +500
        pause
        interrupt
        interrupt
        resume
        ",
        &expect![[r#"
            ana: Hello
                store t1
                ask model t1
                > message "Hello"
                > began t1
            write t1 This is one sentence. Here is
                > delta "This is one sentence."
                speak t1 0
                > start t1 complete=false ["This is one sentence." pending]
                > delta " Here is"
            voice t1 0 1000
                > update 0 "This is one sentence." ready
                > complete 0
            +500
            pause
                > playback paused t1
            interrupt
                drop model t1
                silence t1
                > conversation stopped t1 "This is one sentence. Here is"
                record t1 stopped "This is one sentence. Here is"
                heard t1 0+500 "This is"
            interrupt
            resume
        "#]],
    );
}

#[test]
fn a_pause_without_sound_is_nothing() {
    check(
        "
        ana: Hello
        write t1 This is one sentence.
        pause
        resume
        ",
        &expect![[r#"
            ana: Hello
                store t1
                ask model t1
                > message "Hello"
                > began t1
            write t1 This is one sentence.
                > delta "This is one sentence."
                speak t1 0
                > start t1 complete=false ["This is one sentence." pending]
            pause
            resume
        "#]],
    );
}
