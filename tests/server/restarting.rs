//! The process ends, politely or not, and another one goes on in the same folder.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    scripted_ollama::{Script, ScriptedOllama, Step},
    server::{Server, is_audible},
};

#[tokio::test]
async fn the_history_survives_and_is_told_to_the_model() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    model.say("[happy] Hello, Ada! The word is <es>gato</es>.");
    let turn = server.chat(json!({"message": "I am Ada.", "conversationId": "c"})).await.json();
    let before = server.messages("c").await;
    let server = server.restart().await;
    assert_eq!(server.messages("c").await, before);
    assert_eq!(before[1]["text"], turn["text"]);
    let list = server.get("/api/v1/conversations").await.json();
    assert_eq!(list["items"][0]["id"], "c");
    model.say("You are Ada.");
    server.chat(json!({"message": "Who am I?", "conversationId": "c"})).await;
    let asked = model.requests("/api/chat").pop().unwrap().body["messages"].clone();
    let said: Vec<_> = asked.as_array().unwrap().iter().map(|m| &m["content"]).skip(1).collect();
    assert_eq!(said, ["I am Ada.", "[happy] Hello, Ada! The word is gato.", "Who am I?"]);
}

#[tokio::test]
async fn old_audio_still_plays_even_when_its_file_is_damaged_or_gone() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    model.say("How nice to hear you!");
    let turn = server.chat(json!({"message": "Hi", "conversationId": "c"})).await.json();
    // What is said twice is worth a file.
    model.say("How nice to hear you!");
    server.chat(json!({"message": "Hi", "conversationId": "d"})).await;
    let url = turn["chunks"][0]["audioUrl"].as_str().unwrap().to_owned();
    let sound = server.get(&url).await.body;
    assert!(is_audible(&sound));

    let server = server.restart().await;
    assert_eq!(server.get(&url).await.body, sound);

    let cache = server.folder().join("audio_cache");
    let file = std::fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let server = server.restart().await;
    let after = server.get(&url).await;
    assert!(after.status == 200 && after.body.len() == sound.len() && is_audible(&after.body));

    std::fs::remove_dir_all(&cache).unwrap();
    let server = server.restart().await;
    let again = server.get(&url).await;
    assert!(again.status == 200 && is_audible(&again.body));
    let listed = server.messages("c").await[1]["chunks"][0].clone();
    assert_eq!(listed["audioFileId"], turn["chunks"][0]["audioFileId"]);
}

#[tokio::test]
async fn a_message_survives_a_kill_and_its_turn_has_failed_once() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut socket = server.socket("/ws?conversationId=c").await;
    let epoch = socket.until("connected").await["data"]["epoch"].as_str().unwrap().to_owned();
    model.script(Script::say_then("This will never end. Because ", Step::Hang));
    let turn = server.say("c", "Hello").await;
    socket.until("chunk-complete").await;
    let server = server.kill().await.start().await;
    let stored = server.messages("c").await;
    let [message] = stored.as_slice() else { panic!("{stored:?}") };
    let found = ["text", "turnId", "turnState", "turnCode"].map(|field| &message[field]);
    assert_eq!(json!(found), json!(["Hello", turn, "failed", "interrupted"]));
    // Whoever wants to resume is sent to that history.
    let mut resumed = server.socket(&format!("/ws?conversationId=c&after=1&epoch={epoch}")).await;
    let connected = &resumed.until("connected").await["data"];
    assert_eq!(connected["recovered"], false);
    assert_eq!(connected["lastMessageId"], message["id"]);
    // The conversation goes on.
    let next = server.chat(json!({"message": "Again", "conversationId": "c"})).await;
    assert_eq!((next.status, server.messages("c").await.len()), (200, 3));
}

#[tokio::test]
async fn a_polite_end_lets_the_turn_end_and_tells_the_sockets() {
    let model = ScriptedOllama::start().await;
    let mut server = Server::start(&model).await;
    let mut socket = server.join("c").await;
    let _held_open = server.event_stream("/api/v1/conversations/c/events", None).await;
    let pause = Duration::from_millis(300);
    model
        .script(Script::say("The beginning is here. And here is the end.").paced(pause, pause / 5));
    let waiting = json!({"message": "Hello", "conversationId": "c"});
    let (began, answer) = (Instant::now(), server.chat(waiting));
    let asked = async {
        socket.until("message").await;
        server.terminate().await;
        socket.closed().await
    };
    let (answer, closed) = tokio::join!(answer, asked);
    assert_eq!(closed, (3001, "the server restarts".to_owned()));
    assert_eq!(answer.json()["text"], "The beginning is here. And here is the end.");
    assert!(server.ended().await.success());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let server = server.kill().await.start().await;
    assert_eq!(server.messages("c").await[1]["turnState"], "complete");
}

#[tokio::test]
async fn nothing_new_begins_while_the_server_goes_down_and_a_second_signal_ends_it() {
    let model = ScriptedOllama::start().await;
    let mut server = Server::start(&model).await;
    let mut socket = server.join("c").await;
    model.script(Script::say_then("This will never end. Because ", Step::Hang));
    server.say("c", "Hello").await;
    socket.until("chunk-complete").await;
    server.terminate().await;
    assert_eq!(socket.closed().await.0, 3001);
    let refused = tokio::net::TcpStream::connect(server.authority()).await;
    assert!(refused.is_err());
    server.terminate().await;
    assert_eq!(server.ended().await.code(), Some(130));
    let server = server.kill().await.start().await;
    let states: Vec<Value> =
        server.messages("c").await.iter().map(|m| m["turnCode"].clone()).collect();
    assert_eq!(states, ["interrupted"]);
}

#[tokio::test]
async fn a_turn_that_does_not_end_is_cut_off_after_ten_seconds() {
    let model = ScriptedOllama::start().await;
    let mut server = Server::start(&model).await;
    let mut socket = server.join("c").await;
    let pace = Duration::from_millis(100);
    model.script(
        Script::new([Step::Token("And so on. ".to_owned()), Step::Repeat]).paced(pace, pace),
    );
    server.say("c", "Hello").await;
    socket.until("chunk-complete").await;
    let began = Instant::now();
    server.terminate().await;
    assert!(server.ended().await.success());
    let waited = began.elapsed();
    assert!(waited.abs_diff(Duration::from_secs(10)) < Duration::from_secs(2), "{waited:?}");
    let server = server.kill().await.start().await;
    assert_eq!(server.messages("c").await[0]["turnCode"], "interrupted");
}
