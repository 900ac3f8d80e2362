//! A disk without room: what cannot be kept is not promised. Everywhere a limit on the size of files makes one; where
//! file systems may be mounted, `scripts/faults` takes small ones.

use std::{fs, path::PathBuf, time::Duration};

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{
    scripted_ollama::ScriptedOllama,
    scripted_voice::{Script, ScriptedVoice},
    server::{Server, Setup, is_audible},
};

/// More than the database writes in a test, less than a long sentence's sound.
const TOO_SMALL_FOR_A_SOUND: u64 = 400_000;
const LONG: &str = "this sentence goes on and on and on because its sound is to be larger than what a file may \
    be and so it does not come to an end before it has.";

async fn is_heard(server: &Server, turn: &Value) -> bool {
    let audio = server.get(turn["chunks"][0]["audioUrl"].as_str().unwrap()).await;
    audio.status == 200 && is_audible(&audio.body)
}

/// A long sentence of its own, which is heard twice: only then it is to be written.
async fn speak(model: &ScriptedOllama, server: &Server, number: usize) {
    for _ in 0..2 {
        model.say(&format!("Here is number {number} and {LONG}"));
        let turn = server.chat(json!({"message": "Hello"})).await.json();
        assert!(is_heard(server, &turn).await, "{turn}");
    }
}

/// The names in the cache, as the server sees it.
fn cached(server: &Server) -> Vec<String> {
    let root = PathBuf::from(format!("/proc/{}/root", server.process_id()));
    let cache = server.folder().join("audio_cache");
    let cache = root.join(cache.strip_prefix("/").unwrap());
    let entries = fs::read_dir(cache).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_sound_that_the_cache_cannot_take_is_heard_all_the_same_and_leaves_no_half_file() {
    let model = ScriptedOllama::start().await;
    let voice = ScriptedVoice::start(Script::default()).await.unwrap();
    let setup = Setup::new(&model).voice(&voice, "scripted").surviving_full_files();
    let server = setup.start().await;
    server.limit_files(Some(TOO_SMALL_FOR_A_SOUND)).await;
    speak(&model, &server, 0).await;
    server.log_says("audio_cache_unwritable").await;
    assert_eq!(cached(&server), [""; 0]);
    // From memory: nobody is asked to speak it once more.
    speak(&model, &server, 0).await;
    assert_eq!(voice.requests().len(), 1);
    server.limit_files(None).await;
    speak(&model, &server, 1).await;
    server.log_says("audio_cache_writable").await;
}

#[tokio::test]
async fn a_cache_folder_that_is_taken_away_costs_no_sound_and_may_come_back() {
    let model = ScriptedOllama::start().await;
    let voice = ScriptedVoice::start(Script::default()).await.unwrap();
    let server = Setup::new(&model).voice(&voice, "scripted").start().await;
    speak(&model, &server, 0).await;
    let cache = server.folder().join("audio_cache");
    fs::remove_dir_all(&cache).unwrap();
    fs::write(&cache, "in its place").unwrap();
    speak(&model, &server, 1).await;
    server.log_says("audio_cache_unwritable").await;
    fs::remove_file(&cache).unwrap();
    speak(&model, &server, 2).await;
    server.log_says("audio_cache_writable").await;
    assert_eq!(cached(&server).len(), 1);
}

#[tokio::test]
#[ignore = "mounts a file system: scripts/faults"]
async fn in_a_full_cache_the_sound_unused_for_longest_makes_room() {
    let model = ScriptedOllama::start().await;
    let voice = ScriptedVoice::start(Script::default()).await.unwrap();
    let setup = Setup::new(&model).voice(&voice, "scripted");
    let server = setup.on_small_file_system("audio_cache", "2m").start().await;
    for number in 0..12 {
        speak(&model, &server, number).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let names = cached(&server);
    assert!((2..12).contains(&names.len()), "{names:?}");
    assert!(names.iter().all(|name| name.ends_with(".sound")), "{names:?}");
    // Every one but the first few has been written: room was made for it.
    assert!(!server.log().contains("audio_cache_unwritable"));
}

#[tokio::test]
#[ignore = "mounts a file system: scripts/faults"]
async fn a_database_on_a_full_disk_keeps_what_it_acknowledged_and_goes_on_when_there_is_room() {
    let model = ScriptedOllama::start().await;
    let server = Setup::new(&model).on_small_file_system("data", "512k").start().await;
    let mut acknowledged = Vec::new();
    let refused = loop {
        let text = format!("{} {}", acknowledged.len(), "Hello ".repeat(500));
        let answer = server.chat(json!({"message": text, "conversationId": "c"})).await;
        if answer.status != 200 {
            break answer;
        }
        acknowledged.push(text);
    };
    assert_eq!(refused.refusal(), (503, "storage_unavailable".to_owned()));
    server.resize_file_system("data", "16m").await;
    let after = server.chat(json!({"message": "After", "conversationId": "c"})).await;
    assert_eq!(after.status, 200, "{after:?}");
    acknowledged.push("After".to_owned());
    let stored = server.messages("c").await;
    let said = stored.iter().filter(|m| m["role"] == "user").map(|m| m["text"].as_str().unwrap());
    assert_eq!(said.collect::<Vec<_>>(), acknowledged);
    assert!(acknowledged.len() > 3);
}

#[tokio::test]
async fn a_message_that_cannot_be_saved_is_refused_and_taken_again_when_there_is_room() {
    let model = ScriptedOllama::start().await;
    let server = Setup::new(&model).surviving_full_files().start().await;
    server.chat(json!({"message": "Before", "conversationId": "c"})).await;
    let mut socket = server.join("c").await;
    // Its answer is told before it is on disk.
    let saved = async { while server.messages("c").await.len() < 2 {} };
    timeout(Duration::from_secs(10), saved).await.unwrap();
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
    let ready = server.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["storage"]["ok"]), (503, &json!(false)));
    server.limit_files(None).await;
    assert_eq!(server.get("/readyz").await.status, 200);
    let taken = server.chat(json!({"message": "After", "conversationId": "c"})).await;
    assert_eq!(taken.status, 200, "{taken:?}");
    let server = server.restart().await;
    let stored = server.messages("c").await;
    let said = stored.iter().filter(|m| m["role"] == "user").map(|m| m["text"].as_str().unwrap());
    assert_eq!(said.collect::<Vec<_>>(), ["Before", "After"]);
}
