//! What goes wrong with a voice: another one speaks, or that chunk alone stays silent and its text is shown.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    scripted_ollama::ScriptedOllama,
    scripted_voice::{Fault, Script, ScriptedVoice, When},
    server::{Server, Setup, is_audible, signal},
};

const SENTENCES: [&str; 3] =
    ["This is the first one.", "Here comes the trouble.", "That was all of it."];

/// A server whose voices are tried in that order, the scripted one for two seconds.
async fn server(model: &ScriptedOllama, voice: &ScriptedVoice, order: &str) -> Server {
    Setup::new(model).voice(voice, order).start().await
}

/// Waits until nobody waits for the voice any more.
async fn left_alone(voice: &ScriptedVoice) {
    let gone = async {
        while voice.running() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(1), gone).await.expect("the requests are dropped");
}

async fn faulty(when: When, fault: Fault) -> ScriptedVoice {
    ScriptedVoice::start(Script { faults: vec![(when, fault)], ..Script::default() }).await.unwrap()
}

/// Three sentences spoken where the second one meets the fault.
async fn chunks_with(fault: Fault, order: &str) -> (Server, Vec<Value>) {
    let model = ScriptedOllama::start().await;
    let voice = faulty(When::Text("trouble"), fault).await;
    let server = server(&model, &voice, order).await;
    model.say(&SENTENCES.join(" "));
    let answer = server.chat(json!({"message": "Hello"})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let chunks = answer.json()["chunks"].as_array().unwrap().clone();
    let texts: Vec<_> = chunks.iter().map(|chunk| chunk["text"].as_str().unwrap()).collect();
    assert_eq!(texts, SENTENCES, "{fault:?}");
    (server, chunks)
}

fn statuses(chunks: &[Value]) -> Vec<&str> {
    chunks.iter().map(|chunk| chunk["ttsStatus"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn without_another_voice_only_the_chunk_in_trouble_is_silent() {
    for fault in
        [Fault::Status(500), Fault::CutOff, Fault::Html, Fault::NoSamples, Fault::Truncated]
    {
        let (server, chunks) = chunks_with(fault, "scripted").await;
        assert_eq!(statuses(&chunks), ["completed", "failed", "completed"], "{fault:?}");
        assert!(!chunks[1]["ttsError"].as_str().unwrap().is_empty());
        assert_eq!(chunks[1]["audioUrl"], Value::Null);
        let later = server.get(chunks[2]["audioUrl"].as_str().unwrap()).await;
        assert!(is_audible(&later.body));
    }
}

#[tokio::test]
async fn a_voice_that_hangs_is_a_timeout_of_that_chunk() {
    let model = ScriptedOllama::start().await;
    let voice = faulty(When::Text("trouble"), Fault::Hang).await;
    let server = server(&model, &voice, "scripted").await;
    let mut socket = server.join("c").await;
    model.say(&SENTENCES.join(" "));
    server.say("c", "Hello").await;
    let frames = socket.turn().await;
    let failed: Vec<_> = frames.iter().filter(|f| f["type"] == "chunk-failed").collect();
    let [failed] = failed.as_slice() else { panic!("{frames:?}") };
    assert_eq!(failed["data"]["chunkIndex"], 1);
    let chunk = ["text", "ttsStatus", "ttsError"].map(|field| &failed["data"]["chunk"][field]);
    assert_eq!(json!(chunk), json!([SENTENCES[1], "failed", "TTS timeout"]));
    assert_eq!(frames.iter().filter(|f| f["type"] == "chunk-complete").count(), 2);
    assert_eq!(frames.last().unwrap()["type"], "conversation-complete");
    left_alone(&voice).await;
}

#[tokio::test]
async fn another_voice_speaks_what_the_first_one_cannot() {
    for fault in
        [Fault::Status(500), Fault::Hang, Fault::Html, Fault::NotANumber, Fault::FarTooLong]
    {
        let (server, chunks) = chunks_with(fault, "scripted,espeak").await;
        assert_eq!(statuses(&chunks), ["completed"; 3], "{fault:?}");
        for chunk in &chunks {
            let audio = server.get(chunk["audioUrl"].as_str().unwrap()).await;
            assert!(is_audible(&audio.body), "{fault:?}");
        }
        // Only eSpeak NG tells when each word is heard.
        let timed: Vec<_> = chunks.iter().map(|chunk| chunk["words"].is_array()).collect();
        assert_eq!(timed, [false, true, false], "{fault:?}");
    }
}

#[tokio::test]
async fn a_voice_that_keeps_failing_is_skipped_for_a_while() {
    let model = ScriptedOllama::start().await;
    let voice = faulty(When::Always, Fault::Status(500)).await;
    let server = server(&model, &voice, "scripted,espeak").await;
    for round in 0..4 {
        model.say(&format!("This is the sentence number {round}."));
        let turn = server.chat(json!({"message": "Hello"})).await.json();
        assert_eq!(turn["chunks"][0]["ttsStatus"], "completed", "{turn}");
    }
    assert_eq!(voice.requests().len(), 3);
}

#[tokio::test]
async fn a_failed_sound_is_not_kept_and_the_same_sentence_is_spoken_later() {
    let model = ScriptedOllama::start().await;
    let voice = faulty(When::Request(0), Fault::Html).await;
    let server = server(&model, &voice, "scripted").await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let turn = server.chat(json!({"message": "Hello"})).await.json();
        seen.push(turn["chunks"][0]["ttsStatus"].clone());
    }
    assert_eq!(seen, ["failed", "completed", "completed"]);
    // The third one came from the cache.
    assert_eq!(voice.requests().len(), 2);
}

#[tokio::test]
async fn an_interrupted_turn_is_not_spoken_any_further() {
    let model = ScriptedOllama::start().await;
    let voice = faulty(When::Always, Fault::Hang).await;
    let server = server(&model, &voice, "scripted").await;
    let mut socket = server.join("c").await;
    model.say(&SENTENCES.join(" "));
    server.say("c", "Hello").await;
    socket.take_until(|frame| frame["data"]["chunk"]["ttsStatus"] == "processing").await;
    socket.send("stop", json!({})).await;
    socket.until("conversation-stopped").await;
    left_alone(&voice).await;
}

#[tokio::test]
async fn a_killed_espeak_worker_costs_no_chunk() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    for sentence in ["This is before the crash.", "This is after the crash."] {
        model.say(sentence);
        let turn = server.chat(json!({"message": "Hello"})).await.json();
        assert_eq!(turn["chunks"][0]["ttsStatus"], "completed", "{turn}");
        let workers = server.children().await;
        assert!(!workers.is_empty());
        for worker in workers {
            signal("-KILL", &worker).await;
        }
    }
}

#[tokio::test]
async fn without_a_usable_cache_folder_a_turn_is_spoken_all_the_same() {
    let model = ScriptedOllama::start().await;
    let setup = Setup::new(&model).environment("PARLA_AUDIO_CACHE", "in-the-way/cache");
    std::fs::write(setup.folder().join("in-the-way"), "no folder").unwrap();
    let server = setup.start().await;
    let turn = server.chat(json!({"message": "Hello"})).await.json();
    let audio = server.get(turn["chunks"][0]["audioUrl"].as_str().unwrap()).await;
    assert!(audio.status == 200 && is_audible(&audio.body), "{turn}");
}

#[tokio::test]
async fn a_server_is_ready_while_any_of_its_voices_speaks_and_names_those_that_do_not() {
    let gone = "[providers.gone]\nurl = \"http://127.0.0.1:1\"\nmodel = \"m\"\nvoice = \"v\"\n";
    for (order, status) in [("gone,espeak", 200), ("gone", 503)] {
        let model = ScriptedOllama::start().await;
        let setup = Setup::new(&model).settings(gone).environment("PARLA_TTS", order);
        let ready = setup.start().await.get("/readyz").await;
        let voices = ready.json()["voices"].as_array().unwrap().clone();
        let names: Vec<_> = voices.iter().map(|voice| voice["name"].as_str().unwrap()).collect();
        assert_eq!((ready.status, names.join(",")), (status, order.to_owned()));
        assert_eq!(voices[0]["ok"], false);
        assert!(voices[0]["reason"].as_str().unwrap().contains("gone") && voices[0]["ms"].is_u64());
        assert!(voices.get(1).is_none_or(|espeak| espeak["ok"] == true), "{voices:?}");
    }
}
