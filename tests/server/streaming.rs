//! The streaming form: chunks are told and spoken while the model is still writing.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    scripted_ollama::{Script, ScriptedOllama, Step},
    server::{Server, trace},
};

const MADE: [&str; 2] = ["chunk-update completed", "chunk-complete completed"];

#[tokio::test]
async fn the_first_chunk_is_told_and_spoken_before_the_model_has_finished() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut socket = server.join("c").await;
    // The model would never end: whatever comes does not wait for it.
    model.script(Script::say_then("[excited] Welcome back, Ada! And ", Step::Hang));
    server.say("c", "Hello").await;
    let start = socket.until("conversation-start").await;
    assert_eq!(start["data"]["complete"], false);
    assert_eq!(start["data"]["chunks"].as_array().unwrap().len(), 1);
    let told = &start["data"]["chunks"][0];
    assert_eq!(
        (&told["text"], &told["emotion"]),
        (&json!("Welcome back, Ada!"), &json!("excited"))
    );
    socket.until("chunk-complete").await;
    assert_eq!(model.open_answers(), 1);
}

#[tokio::test]
async fn a_streamed_turn_is_told_in_order_without_gaps() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut socket = server.socket("/ws?conversationId=c&deltas=true").await;
    let mut plain = server.join("c").await;
    let connected = socket.next().await;
    let pace = Duration::from_millis(5);
    let text = "¡Muy bien, amigo mío! Ahora dime: ¿qué te gusta comer? I like 🍎 a lot.";
    model.script(Script::say(text).paced(pace, pace).split_every(7));
    let turn = server.say("c", "Hola").await;
    let frames = socket.turn().await;

    let kind = |frame: &Value| frame["type"].as_str().unwrap().to_owned();
    assert_eq!(kind(&frames[0]), "message");
    let starts: Vec<_> = frames.iter().filter(|f| kind(f) == "conversation-start").collect();
    let complete: Vec<_> = starts.iter().map(|start| &start["data"]["complete"]).collect();
    assert_eq!(complete, [false, true]);
    assert_eq!(starts[1]["data"]["chunks"].as_array().unwrap().len(), 3);
    // The first one appears in the start; the others announce themselves as pending.
    assert_eq!(trace(&frames, 0)[0], "chunk-update processing");
    assert_eq!(trace(&frames, 0)[1..], MADE);
    for chunk in [1, 2] {
        let trace = trace(&frames, chunk);
        assert_eq!(trace[..2], ["chunk-update pending", "chunk-update processing"]);
        assert_eq!(trace[2..], MADE);
    }

    let durable: Vec<_> = frames.iter().filter(|frame| frame.get("seq").is_some()).collect();
    let numbers: Vec<_> = durable.iter().map(|frame| frame["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert!(durable.iter().all(|frame| frame["epoch"] == connected["data"]["epoch"]));

    let deltas: Vec<_> = frames.iter().filter(|frame| kind(frame) == "text-delta").collect();
    assert!(deltas.len() > 5 && deltas.iter().all(|delta| delta.get("seq").is_none()));
    let joined: String = deltas.iter().map(|d| d["data"]["text"].as_str().unwrap()).collect();
    let end = &frames.last().unwrap()["data"];
    assert_eq!(joined, text);
    assert_eq!(end["text"], text);
    assert_eq!((&end["chunks"], &end["turnId"]), (&json!(3), &json!(turn)));
    let stored = server.messages("c").await;
    assert_eq!((&stored[1]["text"], &stored[1]["id"]), (&json!(text), &end["messageId"]));

    let without_deltas: Vec<_> =
        frames.iter().filter(|frame| kind(frame) != "text-delta").cloned().collect();
    assert_eq!(plain.turn().await, without_deltas);
}
