//! A turn whose model or voices fail.

use expect_test::expect;

use super::check;

#[test]
fn a_model_that_breaks_off_keeps_its_finished_sentences_and_their_voices() {
    check(
        "
        ana: Tell me something
        write t1 This is one whole sentence. And this one never
        fail t1 llm_cut
        voice t1 0 1200
        write t1  ends.
        ",
        &expect![[r#"
            ana: Tell me something
                store t1
                ask model t1
                > message "Tell me something"
                > began t1
            write t1 This is one whole sentence. And this one never
                > delta "This is one whole sentence."
                speak t1 0
                > start t1 complete=false ["This is one whole sentence." pending]
                > delta " And this one never"
            fail t1 llm_cut
                > start t1 complete=true ["This is one whole sentence." pending]
            voice t1 0 1200
                > update 0 "This is one whole sentence." ready
                > complete 0
                > conversation failed t1 llm_cut
                record t1 llm_cut "This is one whole sentence. And this one never"
            write t1  ends.
        "#]],
    );
}

#[test]
fn a_model_that_fails_before_its_first_word_fails_the_turn_at_once() {
    check(
        "
        ana: Hello
        fail t1 llm_cut
        done t1
        ",
        &expect![[r#"
            ana: Hello
                store t1
                ask model t1
                > message "Hello"
                > began t1
            fail t1 llm_cut
                > conversation failed t1 llm_cut
                record t1 llm_cut ""
            done t1
        "#]],
    );
}

#[test]
fn an_answer_without_words_is_made_up_for_and_then_fails() {
    check(
        "
        ana: Hello
        write t1 [happy]
        done t1
        voice t1 0 500
        ",
        &expect![[r#"
            ana: Hello
                store t1
                ask model t1
                > message "Hello"
                > began t1
            write t1 [happy]
            done t1
                > delta "I have lost my words."
                speak t1 0
                > start t1 complete=false ["I have lost my words." pending]
                > start t1 complete=true ["I have lost my words." pending]
            voice t1 0 500
                > update 0 "I have lost my words." ready
                > complete 0
                > conversation failed t1 empty_reply
                record t1 empty_reply "I have lost my words."
        "#]],
    );
}

#[test]
fn a_failed_voice_costs_its_chunk_and_nothing_else() {
    check(
        "
        ana: Hello
        write t1 This is the first sentence. This is the second one.
        voice t1 0 failed
        done t1
        voice t1 1 1000
        voice t1 0 500
        ",
        &expect![[r#"
            ana: Hello
                store t1
                ask model t1
                > message "Hello"
                > began t1
            write t1 This is the first sentence. This is the second one.
                > delta "This is the first sentence."
                speak t1 0
                > start t1 complete=false ["This is the first sentence." pending]
                > delta " This is the second one."
                speak t1 1
                > update 1 "This is the second one." pending
            voice t1 0 failed
                > update 0 "This is the first sentence." failed
                > failed 0
            done t1
                > start t1 complete=true ["This is the first sentence." failed | "This is the second one." pending]
            voice t1 1 1000
                > update 1 "This is the second one." ready
                > complete 1
                > conversation complete t1 "This is the first sentence. This is the second one." token=Some(0) chunk=Some(0) audio=Some(0) total=0
                record t1 complete "This is the first sentence. This is the second one."
            voice t1 0 500
        "#]],
    );
}
