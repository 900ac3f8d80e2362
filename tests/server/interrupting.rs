//! Stopping and talking over the tutor: the model is let go at once and later sees only what was heard.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    scripted_ollama::{Script, ScriptedOllama, Step},
    server::{Answer, Server, Socket},
};

/// How soon the model's connection is to end.
const AT_ONCE: Duration = Duration::from_millis(100);
const ENDLESS: &str = "Once upon a time there was a cat. It lived in ";

/// A turn whose first sentence is told while the model would go on for ever.
async fn endless_turn(model: &ScriptedOllama, server: &Server, socket: &mut Socket) -> String {
    model.script(Script::say_then(ENDLESS, Step::Hang));
    let turn = server.say("c", "Tell me a story.").await;
    socket.until("chunk-complete").await;
    turn
}

fn ends(frames: &[Value]) -> usize {
    let is_end = |frame: &&Value| {
        let kind = frame["type"].as_str().unwrap();
        ["conversation-complete", "conversation-stopped", "conversation-failed"].contains(&kind)
    };
    frames.iter().filter(is_end).count()
}

#[tokio::test]
async fn stop_over_the_socket_lets_the_model_go_at_once_and_is_told_once() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut socket = server.join("c").await;
    let turn = endless_turn(&model, &server, &mut socket).await;
    let asked = Instant::now();
    socket.send("stop", json!({"turnId": turn})).await;
    let stopped = socket.until("conversation-stopped").await;
    assert_eq!(stopped["data"], json!({"turnId": turn, "text": ENDLESS.trim_end()}));
    let let_go = model.dropped(1).await[0];
    assert!(let_go - asked < AT_ONCE, "{:?}", let_go - asked);
    socket.send("stop", json!({"turnId": turn})).await;
    socket.send("stop", json!({})).await;
    assert_eq!(server.present("c", &mut socket).await, Vec::<Value>::new());
    let stored = server.messages("c").await;
    let states: Vec<_> = stored.iter().map(|message| &message["turnState"]).collect();
    assert_eq!(states, ["stopped", "stopped"]);
}

#[tokio::test]
async fn stop_over_http_does_the_same_and_a_turn_of_elsewhere_is_not_touched() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut socket = server.join("c").await;
    let turn = endless_turn(&model, &server, &mut socket).await;
    let stop = async |conversation: &str, turn: &str| {
        let path = format!("/api/v1/conversations/{conversation}/stop");
        server.post(&path, json!({"turnId": turn})).await.status
    };
    assert_eq!(stop("other", &turn).await, 204);
    assert_eq!(stop("c", "no-such-turn").await, 204);
    socket.send("stop", json!({"turnId": "no-such-turn"})).await;
    assert_eq!(ends(&server.present("c", &mut socket).await), 0);
    assert_eq!(model.open_answers(), 1);
    let without_body = server.request(Method::POST, "/api/v1/conversations/c/stop");
    assert_eq!(Answer::of(without_body).await.status, 204);
    socket.until("conversation-stopped").await;
    assert_eq!(stop("c", &turn).await, 204);
    assert_eq!(ends(&server.present("c", &mut socket).await), 0);
}

#[tokio::test]
async fn a_stop_after_the_end_changes_nothing_that_was_made() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut socket = server.join("c").await;
    server.say("c", "Hello").await;
    let frames = socket.turn().await;
    assert_eq!(ends(&frames), 1);
    let turn = frames.last().unwrap()["data"]["turnId"].clone();
    socket.send("stop", json!({"turnId": turn})).await;
    let after = server.present("c", &mut socket).await;
    let kinds: Vec<_> = after.iter().map(|frame| &frame["type"]).collect();
    // It was still to be heard: that is what stops.
    assert_eq!(kinds, ["playback-stopped"]);
    assert_eq!(server.messages("c").await[1]["turnState"], "complete");
}

#[tokio::test]
async fn a_new_message_of_the_same_learner_interrupts_the_tutor() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut socket = server.join("c").await;
    let first = endless_turn(&model, &server, &mut socket).await;
    model.say("Of course!");
    let second = server.say("c", "Wait, a question.").await;
    let stopped = socket.until("conversation-stopped").await;
    assert_eq!(stopped["data"]["turnId"], first);
    let frames = socket.turn().await;
    assert_eq!(frames.last().unwrap()["data"]["turnId"], second);
    let is_first = |frame: &&Value| frame["data"]["turnId"] == first;
    let late: Vec<_> = frames.iter().filter(is_first).map(|frame| &frame["type"]).collect();
    assert_eq!(late, ["latency"], "what is told of a turn that was stopped");
    model.dropped(1).await;
    let states = |messages: Vec<Value>| -> Vec<Value> {
        messages.iter().map(|message| message["turnState"].clone()).collect()
    };
    assert_eq!(states(server.messages("c").await), ["stopped", "stopped", "complete", "complete"]);
}

#[tokio::test]
async fn the_model_sees_only_what_was_heard_of_an_interrupted_answer() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut socket = server.join("c").await;
    let whole = "The first sentence is short. The second sentence is a good deal longer than that. \
                 Nobody ever hears the third sentence.";
    model.say(whole);
    let turn = server.say("c", "Tell me three things.").await;
    let frames = socket.turn().await;
    assert_eq!(frames.last().unwrap()["data"]["chunks"], 3);
    // As far as the fourth word of the second chunk.
    let second = frames
        .iter()
        .find(|frame| frame["type"] == "chunk-complete" && frame["data"]["chunkIndex"] == 1);
    let words = second.unwrap()["data"]["chunk"]["words"].as_array().unwrap().clone();
    let heard_ms = (words[3]["end"].as_f64().unwrap() * 1000.0).round() as u64;
    socket.send("played", json!({"turnId": turn, "chunkIndex": 1, "ms": heard_ms})).await;
    server.present("c", &mut socket).await;
    model.say("Yes?");
    server.say("c", "Stop, please.").await;
    let stopped = socket.until("playback-stopped").await;
    assert_eq!(stopped["data"]["heardChunks"], 1);
    assert!(stopped["data"]["heardMs"].as_u64().unwrap() >= heard_ms);
    socket.turn().await;
    let asked = model.requests("/api/chat").pop().unwrap().body["messages"].clone();
    let answers: Vec<_> =
        asked.as_array().unwrap().iter().filter(|m| m["role"] == "assistant").collect();
    let [answer] = answers.as_slice() else { panic!("{asked}") };
    let answer = answer["content"].as_str().unwrap();
    assert!(answer.starts_with("The first sentence is short. The second sentence is"), "{answer}");
    assert!(!answer.contains("that") && !answer.contains("Nobody"), "{answer}");
    // What is stored and shown stays whole.
    let stored = server.messages("c").await;
    assert_eq!((&stored[1]["text"], &stored[1]["heardText"]), (&json!(whole), &json!(answer)));
}

#[tokio::test]
async fn who_waits_for_a_turn_that_is_stopped_gets_what_there_was_of_it() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut socket = server.socket("/ws?conversationId=c&deltas=true").await;
    model.script(Script::say_then(ENDLESS, Step::Hang));
    let waiting = server.chat(json!({"message": "Tell me a story.", "conversationId": "c"}));
    let (answer, ()) = tokio::join!(waiting, async {
        socket.until("text-delta").await;
        socket.send("stop", json!({})).await;
    });
    assert_eq!(answer.status, 200);
    let turn = answer.json();
    assert_eq!(turn["stopped"], true);
    assert!(ENDLESS.starts_with(turn["text"].as_str().unwrap()), "{turn}");
    assert_eq!(server.messages("c").await[0]["turnState"], "stopped");
}
