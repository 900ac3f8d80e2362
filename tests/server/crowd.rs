//! Many learners at once: each gets an answer of their own, and nothing is made twice.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{
    scripted_ollama::{Script, ScriptedOllama},
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
