//! A disk without room, as a limit on the size of files makes one: what cannot be kept is not promised.

use serde_json::{Value, json};

use crate::support::{
    scripted_ollama::{self, ScriptedOllama},
    scripted_voice::{Script, ScriptedVoice},
    server::{Server, Setup, is_audible},
};

/// More than the database writes in a test, less than a long sentence's sound.
const TOO_SMALL_FOR_A_SOUND: u64 = 300_000;
const LONG: &str = "This sentence goes on and on and on because its sound is to be larger than what a file may \
    be and so it does not come to an end before it has.";

async fn sound_of(server: &Server, turn: &Value) -> bool {
    let audio = server.get(turn["chunks"][0]["audioUrl"].as_str().unwrap()).await;
    audio.status == 200 && is_audible(&audio.body)
}

fn files(server: &Server) -> Vec<String> {
    let entries = std::fs::read_dir(server.folder().join("audio_cache")).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_sound_that_the_cache_cannot_take_is_heard_all_the_same_and_leaves_no_half_file() {
    let model = ScriptedOllama::start().await;
    let voice = ScriptedVoice::start(Script::default()).await.unwrap();
    let setup = Setup::new(&model).voice(&voice, "scripted").surviving_full_files();
    let server = setup.start().await;
    server.limit_files(Some(TOO_SMALL_FOR_A_SOUND)).await;
    model.always(scripted_ollama::Script::say(LONG));
    let turn = server.chat(json!({"message": "Hello"})).await.json();
    assert!(sound_of(&server, &turn).await, "{turn}");
    server.log_says("audio_cache_unwritable").await;
    assert_eq!(files(&server), [""; 0]);
    // From memory: nobody is asked to speak it once more.
    server.chat(json!({"message": "Hello"})).await;
    assert_eq!(voice.requests().len(), 1);
    server.limit_files(None).await;
    model.say("Here is room again.");
    let turn = server.chat(json!({"message": "Hello"})).await.json();
    assert!(sound_of(&server, &turn).await, "{turn}");
    server.log_says("audio_cache_writable").await;
}

#[tokio::test]
async fn a_message_that_cannot_be_saved_is_refused_and_taken_again_when_there_is_room() {
    let model = ScriptedOllama::start().await;
    let server = Setup::new(&model).surviving_full_files().start().await;
    server.chat(json!({"message": "Before", "conversationId": "c"})).await;
    let mut socket = server.join("c").await;
    // Not even the log has room.
    server.limit_files(Some(1)).await;
    for _ in 0..3 {
        let refused = server.chat(json!({"message": "Meanwhile", "conversationId": "c"})).await;
        assert_eq!(refused.refusal(), (503, "storage_unavailable".to_owned()));
    }
    socket.send("chat", json!({"message": "Meanwhile", "clientId": "m"})).await;
    let error = socket.until("error").await;
    let told = [&error["type"], &error["data"]["code"], &error["data"]["clientId"]];
    assert_eq!(json!(told), json!(["error", "storage_unavailable", "m"]));
    // What is there can be read.
    assert_eq!(server.messages("c").await.len(), 2);
    server.limit_files(None).await;
    let taken = server.chat(json!({"message": "After", "conversationId": "c"})).await;
    assert_eq!(taken.status, 200, "{taken:?}");
    let server = server.restart().await;
    let stored = server.messages("c").await;
    let said = stored.iter().filter(|m| m["role"] == "user").map(|m| m["text"].as_str().unwrap());
    assert_eq!(said.collect::<Vec<_>>(), ["Before", "After"]);
}
