//! Several learners in one conversation.

use expect_test::expect;

use super::check;

#[test]
fn another_members_message_is_shown_and_waits_until_the_turn_is_made() {
    check(
        "
        ana: Hello
        bea: Me too
        write t1 This is one sentence.
        done t1
        voice t1 0 1000
        write t2 Welcome to you as well.
        ",
        &expect![[r#"
            ana: Hello
                store t1
                ask model t1
                > message "Hello"
                > began t1
            bea: Me too
                store t2
                > message "Me too"
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
                > began t2
                ask model t2
            write t2 Welcome to you as well.
                > delta "Welcome to you as well."
        "#]],
    );
}

#[test]
fn a_learner_does_not_interrupt_what_is_made_for_another() {
    check(
        "
        ana: Hello
        write t1 This is one sentence.
        done t1
        voice t1 0 5000
        bea: Me too
        ana: And me again
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
            voice t1 0 5000
                > update 0 "This is one sentence." ready
                > complete 0
                > conversation complete t1 "This is one sentence." token=Some(0) chunk=Some(0) audio=Some(0) total=0
                record t1 complete "This is one sentence."
            bea: Me too
                store t2
                ask model t2
                > message "Me too"
                > began t2
            ana: And me again
                > playback stopped t1 0+0
                heard t1 0+0 ""
                store t3
                > message "And me again"
        "#]],
    );
}

#[test]
fn the_ninth_waiting_message_is_refused() {
    check(
        "
        ana: Hello
        bea: 1
        bea: 2
        bea: 3
        bea: 4
        bea: 5
        bea: 6
        bea: 7
        bea: 8
        bea: 9
        ",
        &expect![[r#"
            ana: Hello
                store t1
                ask model t1
                > message "Hello"
                > began t1
            bea: 1
                store t2
                > message "1"
            bea: 2
                store t3
                > message "2"
            bea: 3
                store t4
                > message "3"
            bea: 4
                store t5
                > message "4"
            bea: 5
                store t6
                > message "5"
            bea: 6
                store t7
                > message "6"
            bea: 7
                store t8
                > message "7"
            bea: 8
                store t9
                > message "8"
            bea: 9
                refuse t10 busy
        "#]],
    );
}

#[test]
fn a_waiting_turn_can_be_stopped() {
    check(
        "
        ana: Hello
        bea: Me too
        stop t2
        stop t2
        write t1 This is one sentence.
        done t1
        voice t1 0 1000
        ",
        &expect![[r#"
            ana: Hello
                store t1
                ask model t1
                > message "Hello"
                > began t1
            bea: Me too
                store t2
                > message "Me too"
            stop t2
                drop model t2
                silence t2
                > conversation stopped t2 ""
                record t2 stopped ""
                heard t2 0+0 ""
            stop t2
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
        "#]],
    );
}

#[test]
fn a_waiting_message_that_cannot_be_stored_leaves_the_queue() {
    check(
        "
        ana: Hello
        bea?: Me too
        lost t2
        stop t1
        ",
        &expect![[r#"
            ana: Hello
                store t1
                ask model t1
                > message "Hello"
                > began t1
            bea?: Me too
                store t2
            lost t2
                refuse t2 storage_unavailable
            stop t1
                drop model t1
                silence t1
                > conversation stopped t1 ""
                record t1 stopped ""
                heard t1 0+0 ""
        "#]],
    );
}
