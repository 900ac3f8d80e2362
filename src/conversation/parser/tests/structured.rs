//! Answers that are written as JSON.

use expect_test::{Expect, expect};

use super::{chunks, live, outcome};

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&chunks("en", text));
}

#[test]
fn chunks_and_corrections_are_read() {
    check(
        r#"{"chunks":[{"text":"Hi!","emotion":"happy","pause":400,"emphasis":true},{"text":"How are you? I am fine. <es>Hola</es>.","emotion":"furious","extra":{"a":[1]}}],"corrections":[{"original":"I goed","suggestion":"I went","explanation":"past tense"}]}"#,
        expect![[r#"
            happy: Hi! (pause 400) (emphasis)
            How are you? I am fine. Hola. → en:How are you? I am fine. + es:Hola.
            fix I goed -> I went | past tense
        "#]],
    );
}

#[test]
fn a_chunk_is_cut_when_its_object_closes_and_shown_while_it_arrives() {
    expect![[r#"
        Hello, á!| Bye now.|
    "#]].assert_eq(&live("en", "```json\n{\"chunks\": [{\"text\": \"[happy] Hello, \\u00e1!\"}, {\"emotion\": \"sad\", \"text\": \"Bye now.\"}]}\n```\nDone."));
}

#[test]
fn wrong_types_are_ignored() {
    check(
        r#"{"chunks":[{"text":"One.","emotion":7,"pause":"x","emphasis":"y"},{"text":5},{"pause":-3,"text":"Two."},"three",{"text":"😊","pause":9e9}]}"#,
        expect![[r#"
        One.
        Two. 😊 → en:Two. (pause 5000)
    "#]],
    );
}

#[test]
fn signs_that_turn_the_reading_direction_are_in_no_correction() {
    check(
        "{\"chunks\":[{\"text\":\"Hi!\"}],\"corrections\":[{\"original\":\"I \u{202e}goed\",\"suggestion\":\"I went\\u202e\",\"explanation\":\"past tense\"}]}",
        expect![[r#"
            Hi!
            fix I goed -> I went | past tense
        "#]],
    );
}

#[test]
fn a_long_chunk_is_split() {
    let text = format!("{{\"chunks\":[{{\"text\":\"{}\",\"pause\":300}}]}}", "word. ".repeat(50));
    check(
        &text,
        expect![[r#"
        word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word.
        word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. word. (pause 300)
    "#]],
    );
}

#[test]
fn json_that_breaks_off_shows_what_there_was() {
    check(
        r#"{"chunks":[{"text":"Hello there","emotion":"sad"},{"text":"And th"#,
        expect![[r#"
        sad: Hello there
        And th
    "#]],
    );
    check(
        r#"{"chunks":[{"text":"Hello there" oops [happy] "#,
        expect![[r#"
        Hello there
    "#]],
    );
}

#[test]
fn other_json_shows_nothing_and_what_is_no_json_is_text() {
    for silent in
        [r#"{"name":"search","arguments":{"q":"x"}}"#, "{}", "{", r#"{"chunks":7}"#, r#"{"chu"#]
    {
        assert_eq!(outcome("en", [silent]).text, "", "{silent}");
    }
    check(
        "{Hola} amigo, ¿qué tal estás?",
        expect![[r#"
        {Hola} amigo, ¿qué tal estás?
    "#]],
    );
    check(
        "```\nlet a = 1;\n``` and so on.",
        expect![[r#"
        ```⏎let a = 1;⏎``` and so on. → en:and so on.
    "#]],
    );
}
