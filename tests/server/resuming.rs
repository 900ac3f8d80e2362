//! Coming back: exactly what was missed, or the news that it is gone. Every carrier tells the same frames.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    scripted_ollama::{Script, ScriptedOllama, Step},
    server::{Server, Socket},
};

/// Frames with a number: what can be resumed.
fn durable(frames: Vec<Value>) -> Vec<Value> {
    frames.into_iter().filter(|frame| frame.get("seq").is_some()).collect()
}

/// One whole turn in the conversation `c`, its epoch and its durable frames.
async fn told_turn(server: &Server) -> (String, Vec<Value>) {
    let mut socket = server.join("c").await;
    server.say("c", "Hello").await;
    let frames = durable(socket.turn().await);
    (frames[0]["epoch"].as_str().unwrap().to_owned(), frames)
}

async fn back(server: &Server, after: u64, epoch: &str) -> (Socket, Value) {
    let path = format!("/ws?conversationId=c&after={after}&epoch={epoch}");
    let mut socket = server.socket(&path).await;
    let connected = socket.next().await;
    (socket, connected["data"].clone())
}

#[tokio::test]
async fn who_comes_back_gets_exactly_what_was_missed() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    model.say("One sentence is here. And there is another one.");
    let (epoch, frames) = told_turn(&server).await;
    let newest = frames.len() as u64;
    for after in [0, 3, newest] {
        let (mut socket, connected) = back(&server, after, &epoch).await;
        let place = ["recovered", "seq", "epoch"].map(|field| connected[field].clone());
        assert_eq!(json!(place), json!([true, newest, epoch]));
        assert_eq!(connected.get("lastMessageId"), None);
        let missed = server.present("c", &mut socket).await;
        assert_eq!(missed, frames[usize::try_from(after).unwrap()..], "after {after}");
    }
}

#[tokio::test]
async fn who_cannot_resume_is_told_where_the_history_ends() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let (epoch, frames) = told_turn(&server).await;
    let newest = frames.len() as u64;
    let answer = frames.last().unwrap()["data"]["messageId"].clone();
    for (after, epoch) in [(1, "stale"), (newest + 1, &*epoch), (u64::MAX, &*epoch)] {
        let (mut socket, connected) = back(&server, after, epoch).await;
        let place = ["recovered", "seq", "lastMessageId"].map(|field| connected[field].clone());
        assert_eq!(json!(place), json!([false, newest, answer]), "after {after} of {epoch}");
        // Nothing is replayed: the turn as it stands is all there is.
        let frames = server.present("c", &mut socket).await;
        assert!(frames.iter().all(|f| f["type"] == "conversation-start"), "{frames:?}");
    }
}

#[tokio::test]
async fn a_number_older_than_the_log_is_not_resumed() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut socket = server.join("c").await;
    // Four durable events a sentence, of which the log keeps 512 in all.
    model.say(&"This is one of many sentences. ".repeat(150));
    server.say("c", "Talk a lot.").await;
    let frames = durable(socket.turn().await);
    let (epoch, newest) = (frames[0]["epoch"].as_str().unwrap(), frames.len() as u64);
    assert!(newest > 512, "{newest}");
    let (_, gone) = back(&server, newest - 513, epoch).await;
    assert_eq!(gone["recovered"], false);
    let (mut socket, kept) = back(&server, newest - 512, epoch).await;
    assert_eq!(kept["recovered"], true);
    let missed = socket.take_until(|frame| frame["seq"] == newest).await;
    assert_eq!(missed, frames[frames.len() - 512..]);
}

#[tokio::test]
async fn two_sockets_of_a_conversation_see_the_same_and_another_conversation_sees_nothing() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let (mut one, mut two) = (server.join("c").await, server.join("c").await);
    let mut elsewhere = server.join("d").await;
    one.send("chat", json!({"message": "Hello", "stream": true, "clientId": "mine"})).await;
    let frames = one.turn().await;
    assert_eq!(frames[0]["data"]["clientId"], "mine");
    assert_eq!(two.turn().await, frames);
    two.send("typing", json!({"isTyping": true})).await;
    assert_eq!(one.until("typing").await["data"]["isTyping"], true);
    assert_eq!(server.present("d", &mut elsewhere).await, Vec::<Value>::new());
}

#[tokio::test]
async fn who_comes_in_the_middle_of_a_turn_gets_a_picture_of_it() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut first = server.join("c").await;
    model.script(Script::say_then("Here is the beginning. And then ", Step::Hang));
    let turn = server.say("c", "Hello").await;
    let made = first.until("chunk-complete").await["data"]["chunk"].clone();
    let mut late = server.join("c").await;
    let picture = late.next().await;
    assert_eq!(picture["type"], "conversation-start");
    assert_eq!(picture.get("seq"), None);
    assert_eq!(
        (&picture["data"]["turnId"], &picture["data"]["complete"]),
        (&json!(turn), &json!(false))
    );
    assert_eq!(picture["data"]["chunks"], json!([made]));
    first.send("stop", json!({})).await;
    assert_eq!(late.next().await, first.next().await);
}

#[tokio::test]
async fn server_sent_events_and_long_polls_tell_the_frames_of_the_socket() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let path = "/api/v1/conversations/c/events";
    let mut live = server.event_stream(path, None).await;
    let connected = live.next().await;
    assert_eq!(connected.frame["type"], "connected");
    let place = connected.frame["data"]["epoch"].clone();
    let polled = server.get(path).await.json();
    assert_eq!(polled, json!({"epoch": place, "seq": 0, "recovered": false, "events": []}));
    model.say("One sentence is here. And there is another one.");
    let (epoch, frames) = told_turn(&server).await;

    let told = live.until("conversation-complete").await;
    assert_eq!(told.iter().map(|event| event.frame.clone()).collect::<Vec<_>>(), frames);
    let ids: Vec<_> = told.iter().map(|event| event.id.clone().unwrap()).collect();
    let expected: Vec<_> = (1..=frames.len()).map(|seq| format!("{epoch}:{seq}")).collect();
    assert_eq!(ids, expected);

    let mut resumed = server.event_stream(path, Some(&ids[3])).await;
    assert_eq!(resumed.next().await.frame["data"]["recovered"], true);
    let missed = resumed.until("conversation-complete").await;
    assert_eq!(missed.into_iter().map(|event| event.frame).collect::<Vec<_>>(), frames[4..]);

    let mut polled = Vec::new();
    while polled.len() < frames.len() {
        let after = polled.len();
        let answer = server.get(&format!("{path}?after={after}&epoch={epoch}")).await.json();
        assert_eq!((&answer["recovered"], &answer["epoch"]), (&json!(true), &json!(epoch)));
        polled.extend(answer["events"].as_array().unwrap().clone());
        assert_eq!(answer["seq"], polled.len());
    }
    assert_eq!(polled, frames);
}

#[tokio::test]
async fn a_long_poll_waits_for_the_next_event() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let (epoch, frames) = told_turn(&server).await;
    let path = format!("/api/v1/conversations/c/events?after={}&epoch={epoch}", frames.len());
    let (answer, ()) = tokio::join!(server.get(&path), async {
        // Long enough for the poll to be there first; the order does not change what it answers.
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.say("c", "And again").await;
    });
    let events = answer.json()["events"].clone();
    assert!(["playback-stopped", "message"].contains(&events[0]["type"].as_str().unwrap()));
    assert_eq!(events[0]["seq"], frames.len() + 1);
}

#[tokio::test]
async fn a_turn_goes_on_while_its_only_client_is_away() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut socket = server.join("c").await;
    let pace = Duration::from_millis(20);
    model.script(
        Script::say("It begins here. It goes on for a while. It ends here.").paced(pace, pace),
    );
    server.say("c", "Hello").await;
    let first = durable(socket.take_until(|frame| frame["type"] == "conversation-start").await);
    let (epoch, seen) = (first[0]["epoch"].as_str().unwrap().to_owned(), first.len() as u64);
    drop(socket);
    let (mut socket, connected) = back(&server, seen, &epoch).await;
    assert_eq!(connected["recovered"], true);
    let rest = socket.turn().await;
    let numbers: Vec<_> = rest.iter().map(|frame| frame["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (seen + 1..).take(rest.len()).collect::<Vec<_>>());
    let end = &rest.last().unwrap()["data"];
    assert_eq!(end["text"], "It begins here. It goes on for a while. It ends here.");
}
