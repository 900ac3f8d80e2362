//! The same request sent again, as clients do when they have not heard an answer: it begins nothing new.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::{
    scripted_ollama::ScriptedOllama,
    scripted_voice::{Script, ScriptedVoice},
    server::{Answer, Server, Setup},
};

#[tokio::test]
async fn a_repeated_request_attaches_to_its_first_turn() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let body = json!({"message": "Hello", "conversationId": "c", "clientId": "m1"});
    let (one, two) = tokio::join!(server.chat(body.clone()), server.chat(body.clone()));
    assert_eq!((one.status, two.status), (200, 200));
    let turn = one.json();
    for field in ["turnId", "messageId", "text"] {
        assert_eq!(turn[field], two.json()[field], "{field}");
    }
    assert_eq!(two.json()["chunks"].as_array().unwrap().len(), 1, "{:?}", two.json());
    let other = json!({"message": "Good bye", "conversationId": "c", "clientId": "m1"});
    let conflict = (422, "idempotency_conflict".to_owned());
    assert_eq!(server.chat(other.clone()).await.refusal(), conflict);

    let server = server.restart().await;
    assert_eq!(server.chat(body).await.json()["turnId"], turn["turnId"]);
    assert_eq!(server.chat(other).await.refusal(), conflict);
    let by_header = server.request(Method::POST, "/api/v1/chat");
    let by_header = by_header.header("idempotency-key", "m1");
    let by_header = by_header.json(&json!({"message": "Hello", "conversationId": "c"}));
    let answer = Answer::of(by_header).await;
    assert_eq!(answer.json()["turnId"], turn["turnId"]);
    assert_eq!(server.messages("c").await.len(), 2);
    assert_eq!(model.requests("/api/chat").len(), 1);
}

#[tokio::test]
async fn a_repeat_that_comes_while_the_voices_are_at_work_still_gets_all_chunks() {
    let model = ScriptedOllama::start().await;
    let script = Script { delay: Duration::from_millis(500), ..Script::default() };
    let voice = ScriptedVoice::start(script).await.unwrap();
    let server = Setup::new(&model).voice(&voice, "scripted").start().await;
    let mut socket = server.join("c").await;
    let mut body = json!({
        "message": "Hello", "conversationId": "c", "clientId": "m1", "useWebSocket": true,
    });
    server.chat(body.clone()).await;
    socket.until("conversation-start").await;
    body["useWebSocket"] = json!(false);
    let turn = server.chat(body).await.json();
    assert_eq!(turn["chunks"][0]["text"], "Ciao!", "{turn}");
    assert_eq!(turn["chunks"][0]["ttsStatus"], "completed");
    assert_eq!(voice.requests().len(), 1);
}
