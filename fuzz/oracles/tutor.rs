//! The tutor dialect: a frame is a command or a known error, and a message is the same by frame and by body.

use parla::{
    dialect::{
        json::{self, BadInput},
        tutor::{self, ChatBody},
    },
    domain::{ChatCommand, Command},
};
use serde_json::{Value, json};

const CODES: [&str; 4] = ["bad_json", "too_deep", "unknown_type", "invalid_field"];
/// What a client is told must not grow with what it sends, in bytes.
const LONGEST_WORD: usize = 1024;

/// The bytes are a frame and, too, the body of a request.
pub(crate) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match tutor::decode(&text) {
        Ok(Command::Chat(chat)) => assert_within_limits(&chat),
        Ok(_) => {}
        Err(bad) => assert_known(&bad),
    }
    let body = match json::object(bytes) {
        Ok(body) => body,
        Err(bad) => return assert_known(&bad),
    };
    let frame = json!({"type": "chat", "data": Value::Object(body.clone())}).to_string();
    match (ChatBody::read(body), tutor::decode(&frame)) {
        (Ok(body), Ok(Command::Chat(chat))) => assert_eq!(body.command, chat),
        (Err(body), Err(frame)) => {
            assert_known(&body);
            assert_eq!(body.code(), frame.code());
        }
        // Inside a frame the body stands one level deeper.
        (Ok(_), Err(BadInput::TooDeep)) => {}
        (body, frame) => panic!("{body:?} by body, {frame:?} by frame"),
    }
}

fn assert_known(bad: &BadInput) {
    assert!(CODES.contains(&bad.code()), "{bad:?}");
    assert!(bad.to_string().len() <= LONGEST_WORD, "{} bytes", bad.to_string().len());
}

fn assert_within_limits(chat: &ChatCommand) {
    let choice = &chat.choice;
    let names = [&choice.scenario, &choice.voice, &choice.model, &chat.client_id];
    for name in names.into_iter().flatten() {
        assert!(name.chars().count() <= 128 && !name.contains(char::is_control), "{name:?}");
    }
}
