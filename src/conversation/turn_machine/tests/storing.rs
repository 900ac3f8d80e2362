//! A turn whose message is not on disk yet: what is told, and when.

use expect_test::expect;

use super::check;

#[test]
fn nothing_is_told_before_the_message_is_on_disk() {
    check(
        "
        ana?: Hello there
        write t1 Hello, my dear friend!
        voice t1 0 900
        stored t1
        ",
        &expect![[r#"
            ana?: Hello there
                store t1
                ask model t1
            write t1 Hello, my dear friend!
                speak t1 0
            voice t1 0 900
            stored t1
                > message "Hello there"
                > began t1
                > delta "Hello, my dear friend!"
                > start t1 complete=false ["Hello, my dear friend!" pending]
                > update 0 "Hello, my dear friend!" ready
                > complete 0
        "#]],
    );
}

#[test]
fn a_message_that_cannot_be_stored_is_refused_and_leaves_no_trace() {
    check(
        "
        ana?: Hello there
        write t1 Hello, my dear friend!
        lost t1
        write t1  More of it.
        voice t1 0 900
        ana: Once more
        ",
        &expect![[r#"
            ana?: Hello there
                store t1
                ask model t1
            write t1 Hello, my dear friend!
                speak t1 0
            lost t1
                drop model t1
                silence t1
                refuse t1 storage_unavailable
            write t1  More of it.
            voice t1 0 900
            ana: Once more
                store t2
                ask model t2
                > message "Once more"
                > began t2
        "#]],
    );
}

#[test]
fn a_turn_that_is_interrupted_before_it_is_on_disk_is_told_once_it_is() {
    check(
        "
        ana?: One
        write t1 This is a sentence.
        ana?: Two
        voice t1 0 900
        stored t1
        stored t2
        ",
        &expect![[r#"
            ana?: One
                store t1
                ask model t1
            write t1 This is a sentence.
                speak t1 0
            ana?: Two
                drop model t1
                silence t1
                record t1 stopped "This is a sentence."
                heard t1 0+0 ""
                store t2
                ask model t2
            voice t1 0 900
            stored t1
                > message "One"
                > began t1
                > delta "This is a sentence."
                > start t1 complete=false ["This is a sentence." pending]
                > conversation stopped t1 "This is a sentence."
            stored t2
                > message "Two"
                > began t2
        "#]],
    );
}

#[test]
fn a_stop_before_the_message_is_on_disk_is_told_behind_the_message() {
    check(
        "
        ana?: One
        stop
        stop
        stored t1
        ",
        &expect![[r#"
            ana?: One
                store t1
                ask model t1
            stop
                drop model t1
                silence t1
                record t1 stopped ""
                heard t1 0+0 ""
            stop
            stored t1
                > message "One"
                > began t1
                > conversation stopped t1 ""
        "#]],
    );
}

#[test]
fn a_turn_made_and_interrupted_before_it_is_on_disk_ends_once() {
    check(
        "
        ana?: One
        write t1 This is a sentence.
        done t1
        voice t1 0 900
        interrupt
        stored t1
        ",
        &expect![[r#"
            ana?: One
                store t1
                ask model t1
            write t1 This is a sentence.
                speak t1 0
            done t1
            voice t1 0 900
                record t1 complete "This is a sentence."
            interrupt
                heard t1 0+0 ""
            stored t1
                > message "One"
                > began t1
                > delta "This is a sentence."
                > start t1 complete=false ["This is a sentence." pending]
                > start t1 complete=true ["This is a sentence." pending]
                > update 0 "This is a sentence." ready
                > complete 0
                > conversation complete t1 "This is a sentence." token=Some(0) chunk=Some(0) audio=Some(0) total=0
                > playback stopped t1 0+0
        "#]],
    );
}
