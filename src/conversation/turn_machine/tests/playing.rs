//! A turn while it is heard.

use expect_test::expect;

use super::check;

#[test]
fn a_report_of_the_client_is_believed_over_the_durations() {
    check(
        "
        ana: Hello
        write t1 This is one sentence. Here is another.
        voice t1 0 1000 This is one sentence
        voice t1 1 900 Here is another
        done t1
        +1800
        played t1 0 600
        played t1 0 300
        stop
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
            +1800
            played t1 0 600
            played t1 0 300
            stop
                > playback stopped t1 0+600
                heard t1 0+600 "This is"
            stop
        "#]],
    );
}

#[test]
fn the_durations_end_a_turn_that_nobody_reports_on() {
    check(
        "
        ana: Hello
        write t1 This is one sentence.
        done t1
        voice t1 0 1000
        +999
        +1
        stop
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
            +999
            +1
            stop
        "#]],
    );
}

#[test]
fn late_audio_starts_the_listeners_clock_late() {
    check(
        "
        ana: Hello
        write t1 This is one sentence. Here is another.
        done t1
        voice t1 0 1000
        +3000
        voice t1 1 900
        +500
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
            done t1
                > start t1 complete=true ["This is one sentence." pending | "Here is another." pending]
            voice t1 0 1000
                > update 0 "This is one sentence." ready
                > complete 0
            +3000
            voice t1 1 900
                > update 1 "Here is another." ready
                > complete 1
                > conversation complete t1 "This is one sentence. Here is another." token=Some(0) chunk=Some(0) audio=Some(0) total=3000
                record t1 complete "This is one sentence. Here is another."
            +500
            stop
                > playback stopped t1 1+500
                heard t1 1+500 "This is one sentence. Here"
        "#]],
    );
}

#[test]
fn nobody_for_long_ends_the_turn() {
    check(
        "
        ana: Hello
        write t1 This is one sentence.
        bea: Me too
        abandoned
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
            bea: Me too
                store t2
                > message "Me too"
            abandoned
                drop model t1
                silence t1
                > conversation stopped t1 "This is one sentence."
                record t1 stopped "This is one sentence."
                heard t1 0+0 ""
                drop model t2
                silence t2
                > conversation stopped t2 ""
                record t2 stopped ""
                heard t2 0+0 ""
        "#]],
    );
}
