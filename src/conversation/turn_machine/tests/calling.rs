//! A turn in which the model calls functions.

use expect_test::expect;

use super::check;

#[test]
fn a_turn_of_calls_alone_ends_without_a_word_and_what_came_of_them_is_answered() {
    check(
        "
        ana: What is it like at sea?
        call t1 look
        done t1
        call t1 late
        ana: =
        write t2 There are waves today.
        done t2
        voice t2 0 900
        ",
        &expect![[r#"
            ana: What is it like at sea?
                store t1
                ask model t1
                > message "What is it like at sea?"
                > began t1
            call t1 look
                > t1 calls look
            done t1
                > conversation complete t1 "" token=None chunk=None audio=None total=0
                record t1 complete ""
            call t1 late
            ana: =
                store t2
                ask model t2
                > began t2
            write t2 There are waves today.
                > delta "There are waves today."
                speak t2 0
                > start t2 complete=false ["There are waves today." pending]
            done t2
                > start t2 complete=true ["There are waves today." pending]
            voice t2 0 900
                > update 0 "There are waves today." ready
                > complete 0
                > conversation complete t2 "There are waves today." token=Some(0) chunk=Some(0) audio=Some(0) total=0
                record t2 complete "There are waves today."
        "#]],
    );
}

#[test]
fn what_came_of_a_call_is_said_behind_the_words_that_were_said_with_the_call() {
    check(
        "
        ana: What is it like at sea?
        write t1 Let me have a look at it.
        call t1 look
        done t1
        voice t1 0 1500
        +100
        ana: =
        write t2 There are waves today.
        done t2
        voice t2 0 900
        ",
        &expect![[r#"
            ana: What is it like at sea?
                store t1
                ask model t1
                > message "What is it like at sea?"
                > began t1
            write t1 Let me have a look at it.
                > delta "Let me have a look at it."
                speak t1 0
                > start t1 complete=false ["Let me have a look at it." pending]
            call t1 look
                > t1 calls look
            done t1
                > start t1 complete=true ["Let me have a look at it." pending]
            voice t1 0 1500
                > update 0 "Let me have a look at it." ready
                > complete 0
                > conversation complete t1 "Let me have a look at it." token=Some(0) chunk=Some(0) audio=Some(0) total=0
                record t1 complete "Let me have a look at it."
            +100
            ana: =
                store t2
                ask model t2
                > began t2
            write t2 There are waves today.
                > delta "There are waves today."
                speak t2 0
                > start t2 complete=false ["There are waves today." pending]
            done t2
                > start t2 complete=true ["There are waves today." pending]
            voice t2 0 900
                > update 0 "There are waves today." ready
                > complete 0
                > conversation complete t2 "There are waves today." token=Some(0) chunk=Some(0) audio=Some(0) total=0
                record t2 complete "There are waves today."
        "#]],
    );
}
