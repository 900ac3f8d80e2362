//! What the tutor dialect makes of frames, good and bad.

use expect_test::{Expect, expect};

use super::decode;

fn check(frame: &str, expected: &Expect) {
    let shown = match decode(frame) {
        Ok(command) => format!("{command:?}"),
        Err(bad) => format!("{}: {bad}", bad.code()),
    };
    expected.assert_eq(&shown);
}

#[test]
fn the_first_clients_frames_are_understood() {
    check(r#"{"type":"ping","data":{}}"#, &expect!["Ping"]);
    check(r#"{"type":"ping"}"#, &expect!["Ping"]);
    check(
        r#"{"type":"chat","data":{"message":"Hola","unknown":1}}"#,
        &expect![[
            r#"Chat(ChatCommand { text: "Hola", stream: false, choice: LessonChoice { language: None, level: None, scenario: None, voice: None, model: None, instructions: None, speed: Speed(100) }, client_id: None, verbatim: None, terms: AnswerTerms { tools: [], results: [], max_tokens: None } })"#
        ]],
    );
    check(
        r#"{"type":"played","data":{"turnId":"t","chunkIndex":1,"ms":20}}"#,
        &expect!["Played { turn: t, chunk: 1, ms: 20 }"],
    );
    check(r#"{"type":"stop"}"#, &expect!["Stop { turn: None }"]);
}

#[test]
fn a_wrong_frame_is_named() {
    check(
        r#"{"type":"#,
        &expect!["bad_json: this is not JSON: EOF while parsing a value at line 1 column 8"],
    );
    check("[]", &expect!["bad_json: this is not JSON: expected an object"]);
    check("{}", &expect!["invalid_field: type: is missing"]);
    check(r#"{"type":42}"#, &expect!["invalid_field: type: expected a string"]);
    check(
        r#"{"type":"dance"}"#,
        &expect![[r#"unknown_type: there is no message of type "dance""#]],
    );
    check(r#"{"type":"chat","data":[]}"#, &expect!["invalid_field: data: expected an object"]);
    check(
        r#"{"type":"chat","data":{"message":42}}"#,
        &expect!["invalid_field: data.message: invalid type: integer `42`, expected a string"],
    );
    check(
        r#"{"type":"chat","data":{"conversationId":{}}}"#,
        &expect!["invalid_field: data.conversationId: invalid type: map, expected a string"],
    );
    check(
        r#"{"type":"chat","data":{"message":"a","level":"Z9"}}"#,
        &expect!["invalid_field: data.level: expected one of A1 A2 B1 B2 C1 C2"],
    );
    check(
        r#"{"type":"stop","data":{"turnId":"../x"}}"#,
        &expect!["invalid_field: data.turnId: expected 1 to 64 characters of A-Z a-z 0-9 _ -"],
    );
    check(
        r#"{"type":"played","data":{"turnId":"t","chunkIndex":-1,"ms":0}}"#,
        &expect!["invalid_field: data.chunkIndex: invalid value: integer `-1`, expected usize"],
    );
    check(
        r#"{"type":"played","data":{"turnId":"t","chunkIndex":1}}"#,
        &expect!["invalid_field: data.ms: is missing"],
    );
    check(
        r#"{"type":"typing","data":{"isTyping":"yes"}}"#,
        &expect![[
            r#"invalid_field: data.isTyping: invalid type: string "yes", expected a boolean"#
        ]],
    );
}

#[test]
fn numbers_keys_and_depth_beyond_the_usual_have_one_meaning() {
    check(
        &format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)),
        &expect!["too_deep: this is nested too deeply"],
    );
    check(r#"{"type":"ping","type":"stop"}"#, &expect!["Stop { turn: None }"]);
    check(
        r#"{"type":"played","data":{"turnId":"t","chunkIndex":1,"ms":1e400}}"#,
        &expect!["bad_json: this is not JSON: number out of range at line 1 column 63"],
    );
    check(
        r#"{"type":"played","data":{"turnId":"t","chunkIndex":18446744073709551616,"ms":1}}"#,
        &expect![
            "invalid_field: data.chunkIndex: invalid type: floating point `1.8446744073709552e+19`, expected usize"
        ],
    );
    check(
        r#"{"type":"chat","data":{"message":"\ud800"}}"#,
        &expect!["bad_json: this is not JSON: unexpected end of hex escape at line 1 column 41"],
    );
}
