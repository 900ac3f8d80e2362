//! Many learners at once: each gets an answer of their own, and nothing is made twice.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    scripted_ollama::{Script, ScriptedOllama, Step},
    scripted_voice::{self, ScriptedVoice},
    server::{Server, Setup},
};

const LEARNERS: usize = 20;

#[tokio::test]
async fn every_learner_hears_the_answer_to_their_own_message() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let names: Vec<_> = (0..LEARNERS).map(|number| format!("learner-{number}")).collect();
    let mut sockets = join_all(names.iter().map(|name| server.join(name))).await;
    let pace = Duration::from_millis(5);
    model.always(Script::say("Here is one sentence. Here is another one.").paced(pace, pace));
    let turns = join_all(names.iter().map(|name| server.say(name, name))).await;
    let told = join_all(sockets.iter_mut().map(|socket| socket.turn())).await;
    for ((name, turn), frames) in names.iter().zip(&turns).zip(told) {
        assert!(frames.iter().all(|frame| frame["conversationId"] == name.as_str()));
        assert_eq!(frames[0]["data"]["text"], name.as_str());
        let end = frames.last().unwrap();
        assert_eq!(
            (&end["type"], &end["data"]["turnId"]),
            (&json!("conversation-complete"), &json!(turn))
        );
        assert_eq!(frames.iter().filter(|frame| frame["type"] == "chunk-complete").count(), 2);
    }
    assert_eq!(model.requests("/api/chat").len(), LEARNERS);
}

#[tokio::test]
async fn what_many_need_at_once_is_spoken_once() {
    let model = ScriptedOllama::start().await;
    let script = scripted_voice::Script {
        delay: Duration::from_millis(500),
        ..scripted_voice::Script::default()
    };
    let voice = ScriptedVoice::start(script).await.unwrap();
    let server = Setup::new(&model).voice(&voice, "scripted").start().await;
    let turns = join_all((0..LEARNERS).map(|_| server.chat(json!({"message": "Hello"})))).await;
    let files: std::collections::HashSet<_> =
        turns.iter().map(|turn| turn.json()["chunks"][0]["audioFileId"].to_string()).collect();
    assert_eq!(files.len(), LEARNERS, "each has a name of its own");
    assert_eq!(voice.requests().len(), 1);
}

#[tokio::test]
async fn a_turn_too_many_is_refused_at_once_and_leaves_nothing_behind() {
    let model = ScriptedOllama::start().await;
    let server = Setup::new(&model).environment("PARLA_MAX_TURNS", "1").start().await;
    let mut first = server.join("first").await;
    model.script(Script::say_then("Let me think about it. ", Step::Hang));
    server.say("first", "Hello").await;
    first.until("conversation-start").await;

    let began = Instant::now();
    let refused = server.chat(json!({"message": "Me too", "conversationId": "second"})).await;
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("at_capacity")));
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(server.messages("second").await, Vec::<Value>::new());

    // Who speaks again in the same conversation takes the place of their own turn.
    model.say("As you like.");
    let again = server.chat(json!({"message": "Never mind", "conversationId": "first"})).await;
    assert_eq!(again.status, 200);
    model.say("Now it is your turn.");
    let taken = server.chat(json!({"message": "Me too", "conversationId": "second"})).await;
    assert_eq!(taken.status, 200);
}
