//! A turn while it is made.

use expect_test::expect;

use super::check;

#[test]
fn a_streamed_turn_tells_of_each_chunk_while_the_model_writes() {
    check(
        "
        ana: Hello there
        +200
        write t1 [happy] Hello, my dear friend!
        voice t1 0 started
        +50
        write t1  How are you doing today?
        voice t1 0 900
        done t1
        voice t1 1 started
        voice t1 1 800
        ",
        &expect![[r#"
            ana: Hello there
                store t1
                ask model t1
                > message "Hello there"
                > began t1
            +200
            write t1 [happy] Hello, my dear friend!
                > delta "Hello, my dear friend!"
                speak t1 0
                > start t1 complete=false ["Hello, my dear friend!" pending]
            voice t1 0 started
                > update 0 "Hello, my dear friend!" processing
            +50
            write t1  How are you doing today?
                > delta " How are you doing today?"
                speak t1 1
                > update 1 "How are you doing today?" pending
            voice t1 0 900
                > update 0 "Hello, my dear friend!" ready
                > complete 0
            done t1
                > start t1 complete=true ["Hello, my dear friend!" ready | "How are you doing today?" pending]
            voice t1 1 started
                > update 1 "How are you doing today?" processing
            voice t1 1 800
                > update 1 "How are you doing today?" ready
                > complete 1
                > conversation complete t1 "Hello, my dear friend! How are you doing today?" token=Some(200) chunk=Some(200) audio=Some(250) total=250
                record t1 complete "Hello, my dear friend! How are you doing today?"
        "#]],
    );
}

#[test]
fn without_stream_all_chunks_come_at_once_as_pending_and_then_what_the_voices_have_reached() {
    check(
        "
        ana~: Hello there
        write t1 Hello, my dear friend! How are you doing today? I am quite well myself.
        voice t1 0 started
        voice t1 0 900
        voice t1 1 started
        done t1
        voice t1 1 failed
        voice t1 2 started
        voice t1 2 700
        ",
        &expect![[r#"
            ana~: Hello there
                store t1
                ask model t1
                > message "Hello there"
                > began t1
            write t1 Hello, my dear friend! How are you doing today? I am quite well myself.
                > delta "Hello, my dear friend!"
                speak t1 0
                > delta " How are you doing today?"
                speak t1 1
                > delta " I am quite well myself."
                speak t1 2
            voice t1 0 started
            voice t1 0 900
            voice t1 1 started
            done t1
                > start t1 complete=true ["Hello, my dear friend!" pending | "How are you doing today?" pending | "I am quite well myself." pending]
                > update 0 "Hello, my dear friend!" processing
                > update 0 "Hello, my dear friend!" ready
                > complete 0
                > update 1 "How are you doing today?" processing
            voice t1 1 failed
                > update 1 "How are you doing today?" failed
                > failed 1
            voice t1 2 started
                > update 2 "I am quite well myself." processing
            voice t1 2 700
                > update 2 "I am quite well myself." ready
                > complete 2
                > conversation complete t1 "Hello, my dear friend! How are you doing today? I am quite well myself." token=Some(0) chunk=Some(0) audio=Some(0) total=0
                record t1 complete "Hello, my dear friend! How are you doing today? I am quite well myself."
        "#]],
    );
}

#[test]
fn a_stop_while_made_ends_the_turn_once_and_drops_what_comes_late() {
    check(
        "
        ana: Hello
        write t1 This is the first sentence. This is
        stop t1
        stop t1
        write t1  the second one.
        voice t1 0 1000
        done t1
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
            stop t1
                drop model t1
                silence t1
                > conversation stopped t1 "This is the first sentence. This is"
                record t1 stopped "This is the first sentence. This is"
                heard t1 0+0 ""
            stop t1
            write t1  the second one.
            voice t1 0 1000
            done t1
        "#]],
    );
}

#[test]
fn corrections_point_into_the_learners_message_by_code_points() {
    check(
        "
        ana: ¡Qué! I goed home
        write t1 [fix: I goed -> I went | past tense of go] You went home, well done!
        done t1
        ",
        &expect![[r#"
            ana: ¡Qué! I goed home
                store t1
                ask model t1
                > message "¡Qué! I goed home"
                > began t1
            write t1 [fix: I goed -> I went | past tense of go] You went home, well done!
                > correction "I went" at Some((6, 12))
                > delta "You went home, well done!"
                speak t1 0
                > start t1 complete=false ["You went home, well done!" pending]
            done t1
                > start t1 complete=true ["You went home, well done!" pending]
        "#]],
    );
}

#[test]
fn the_tutor_can_open() {
    check(
        "
        ana: -
        write t1 Good morning, and welcome!
        done t1
        voice t1 0 900
        ",
        &expect![[r#"
            ana: -
                store t1
                ask model t1
                > began t1
            write t1 Good morning, and welcome!
                > delta "Good morning, and welcome!"
                speak t1 0
                > start t1 complete=false ["Good morning, and welcome!" pending]
            done t1
                > start t1 complete=true ["Good morning, and welcome!" pending]
            voice t1 0 900
                > update 0 "Good morning, and welcome!" ready
                > complete 0
                > conversation complete t1 "Good morning, and welcome!" token=Some(0) chunk=Some(0) audio=Some(0) total=0
                record t1 complete "Good morning, and welcome!"
        "#]],
    );
}

#[test]
fn what_follows_a_cut_sentence_is_shown_with_it_and_a_pause_changes_it() {
    check(
        "
        ana: Hello
        write t1 This is a surprise!
        write t1 ?! [pause:700]
        voice t1 0 900
        write t1  😊
        done t1
        ",
        &expect![[r#"
            ana: Hello
                store t1
                ask model t1
                > message "Hello"
                > began t1
            write t1 This is a surprise!
                > delta "This is a surprise!"
                speak t1 0
                > start t1 complete=false ["This is a surprise!" pending]
            write t1 ?! [pause:700]
                > delta "?"
                > update 0 "This is a surprise!?" pending
                > delta "!"
                > update 0 "This is a surprise!?!" pending
            voice t1 0 900
                > update 0 "This is a surprise!?!" ready
                > complete 0
            write t1  😊
                > delta " 😊"
                > update 0 "This is a surprise!?! 😊" ready
            done t1
                > start t1 complete=true ["This is a surprise!?! 😊" ready]
                > conversation complete t1 "This is a surprise!?! 😊" token=Some(0) chunk=Some(0) audio=Some(0) total=0
                record t1 complete "This is a surprise!?! 😊"
        "#]],
    );
}

#[test]
fn an_answer_without_anything_to_say_aloud_is_complete_without_sound() {
    check(
        "
        ana: Hello
        write t1 🎉🎉🎉
        done t1
        ",
        &expect![[r#"
            ana: Hello
                store t1
                ask model t1
                > message "Hello"
                > began t1
            write t1 🎉🎉🎉
                > delta "🎉🎉🎉"
            done t1
                > start t1 complete=false ["🎉🎉🎉" silent]
                > update 0 "🎉🎉🎉" silent
                > complete 0
                > start t1 complete=true ["🎉🎉🎉" silent]
                > conversation complete t1 "🎉🎉🎉" token=Some(0) chunk=Some(0) audio=None total=0
                record t1 complete "🎉🎉🎉"
        "#]],
    );
}

#[test]
fn what_a_model_tells_beside_its_answer_waits_for_the_message_and_a_notice_is_told_once() {
    check(
        "
        ana?: Hello
        loading t1
        stored t1
        notice t1 slow
        write t1 Good morning to you.
        notice t1 slow again
        loading t2
        ",
        &expect![[r#"
            ana?: Hello
                store t1
                ask model t1
            loading t1
            stored t1
                > message "Hello"
                > began t1
                > progress model-load
            notice t1 slow
                > notice slow
            write t1 Good morning to you.
                > delta "Good morning to you."
                speak t1 0
                > start t1 complete=false ["Good morning to you." pending]
            notice t1 slow again
            loading t2
        "#]],
    );
}
