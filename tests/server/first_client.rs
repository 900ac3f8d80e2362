//! The calls of the first clients, which know nothing of streaming, numbers or signing in.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    scripted_ollama::{Script, ScriptedOllama},
    server::{Server, is_audible, trace},
};

#[tokio::test]
async fn the_call_without_stream_gives_all_chunks_at_once_and_then_what_becomes_of_each() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut socket = server.socket("/ws?conversationId=my-conversation-id").await;
    let connected = socket.next().await;
    assert_eq!(connected["type"], "connected");
    assert_eq!(connected["conversationId"], "my-conversation-id");
    for field in ["connectionId", "conversationId", "timestamp"] {
        assert!(connected["data"][field].is_string(), "{field} in {connected}");
    }

    // The first chunk has long been spoken when the model ends; it is told as pending all the same.
    let pace = Duration::from_millis(20);
    let written = "[happy] Hello! [pause:400] Shall we begin with the weather today?";
    model.script(Script::say(written).paced(pace, pace));
    let call =
        json!({"message": "Hello", "useWebSocket": true, "conversationId": "my-conversation-id"});
    let answer = server.chat(call).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json()["conversationId"], "my-conversation-id");

    let frames = socket.turn().await;
    let starts: Vec<&Value> =
        frames.iter().filter(|frame| frame["type"] == "conversation-start").collect();
    let [start] = starts.as_slice() else { panic!("{starts:?}") };
    let start = &start["data"];
    assert_eq!(start["conversationId"], "my-conversation-id");
    assert_eq!(start["complete"], true);
    assert_eq!(start["source"], "tagged");
    assert!(start["metadata"].is_object());
    let texts: Vec<&Value> =
        start["chunks"].as_array().unwrap().iter().map(|c| &c["text"]).collect();
    assert_eq!(texts, ["Hello!", "Shall we begin with the weather today?"]);
    let first = &start["chunks"][0];
    assert!(first["id"].is_string());
    let named = ["emotion", "icon", "pause", "emphasis", "ttsStatus"].map(|field| &first[field]);
    assert_eq!(json!(named), json!(["happy", "😊", 400, false, "pending"]));
    for unknown in ["audioFileId", "audioUrl", "duration", "words", "ttsError"] {
        assert_eq!(first.get(unknown), Some(&Value::Null), "{unknown} is null, not absent");
    }
    assert_eq!(start["chunks"][1]["ttsStatus"], "pending");

    for chunk in 0..2 {
        assert_eq!(
            trace(&frames, chunk),
            ["chunk-update processing", "chunk-update completed", "chunk-complete completed"]
        );
    }
    let spoken = frames.iter().filter(|frame| frame["type"] == "chunk-complete");
    for chunk in spoken.map(|frame| &frame["data"]["chunk"]) {
        assert!(chunk["audioFileId"].is_string() && chunk["duration"].as_f64().unwrap() > 0.1);
        let audio = server.get(chunk["audioUrl"].as_str().unwrap()).await;
        assert!(audio.status == 200 && is_audible(&audio.body));
    }
    assert_eq!(frames.last().unwrap()["type"], "conversation-complete");
}

#[tokio::test]
async fn a_ping_is_answered_with_a_pong() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut socket = server.join("c").await;
    socket.send_text(r#"{"type": "ping", "data": {}}"#).await;
    assert_eq!(socket.next().await["type"], "pong");
    // The oldest clients leave empty data out.
    socket.send_text(r#"{"type": "ping"}"#).await;
    assert_eq!(socket.next().await["type"], "pong");
}

#[tokio::test]
async fn without_a_socket_the_answer_waits_for_all_audio() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    model.say("Good morning! What would you like to drink today?");
    let answer = server.chat(json!({"message": "Hello", "useWebSocket": false})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let turn = answer.json();
    assert_eq!(turn["text"], "Good morning! What would you like to drink today?");
    assert_eq!(turn["complete"], true);
    assert_eq!(turn["source"], "plain");
    assert_eq!(turn["usage"]["totalTokens"], 26 + 13);
    assert!(turn["timings"]["firstAudioMs"].is_u64() && turn["metadata"]["model"].is_string());
    let chunks = turn["chunks"].as_array().unwrap();
    assert_eq!(chunks.len(), 2);
    for chunk in chunks {
        assert_eq!(chunk["ttsStatus"], "completed");
        let file = chunk["audioFileId"].as_str().unwrap();
        let audio = server.get(&format!("/api/v1/audio/{file}")).await;
        assert!(audio.status == 200 && is_audible(&audio.body));
    }
    let conversation = turn["conversationId"].as_str().unwrap();
    assert_eq!(server.messages(conversation).await.len(), 2);
}

#[tokio::test]
async fn a_socket_without_a_name_starts_a_conversation_and_is_told_its_name() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut socket = server.socket("/ws").await;
    let connected = socket.next().await;
    let name = connected["data"]["conversationId"].as_str().unwrap().to_owned();
    assert!(name.len() >= 20, "{name} can be guessed");
    socket.send("chat", json!({"message": "Hello"})).await;
    let frames = socket.turn().await;
    assert!(frames.iter().all(|frame| frame["conversationId"] == name.as_str()));
    assert_eq!(server.messages(&name).await.len(), 2);
}
