//! Speech servers at their usual ports, as far as they can be told apart by what they answer. It speaks with none.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::net::Ipv4Addr;

use axum::{Router, routing::get};
use parla::{
    providers::{
        http,
        nearby::{Nearby, NearbyEar, NearbyVoice, USUAL},
    },
    shutdown::Shutdown,
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// Answers these paths, each with that text.
async fn server(answers: Vec<(&'static str, String)>) -> (String, AbortOnDropHandle<()>) {
    let mut router = Router::new();
    for (path, answer) in answers {
        router = router.route(path, get(async || answer));
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = Shutdown::new().spawn("stand-in", async move {
        axum::serve(listener, router).await.unwrap();
    });
    (url, AbortOnDropHandle::new(serving))
}

async fn found(url: &str) -> Vec<(&'static str, Option<String>)> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = http::client().unwrap();
    let mut found = Vec::new();
    for usual in USUAL {
        if let Some(Nearby { name, voice, .. }) = usual.look_at(&client, url).await {
            let voice = voice.map(|NearbyVoice { model, voice }| format!("{model}: {voice}"));
            found.push((name, voice));
        }
    }
    found
}

#[tokio::test]
async fn whoever_hears_is_told_with_its_model_and_where_it_listens() {
    let models = json!({"data": [
        {"id": "Kokoro-82M", "task": "text-to-speech"},
        {"id": "whisper-small", "task": "automatic-speech-recognition"},
    ]});
    let local = json!({"data": [{"id": "piper-en"}, {"id": "whisper-base"}]}).to_string();
    let version = json!({"version": "v4.9.0"}).to_string();
    for (answers, name, model, path) in [
        (vec![("/v1/models", models.to_string())], "speaches", "whisper-small", None),
        (vec![("/version", version), ("/v1/models", local)], "LocalAI", "whisper-base", None),
        (
            vec![("/", "<title>Whisper.cpp Server</title>".to_owned())],
            "whisper.cpp",
            "whisper",
            Some("/inference"),
        ),
    ] {
        let (url, _server) = server(answers).await;
        drop(rustls::crypto::ring::default_provider().install_default());
        let usual = USUAL.iter().find(|usual| usual.name == name).unwrap();
        let found = usual.look_at(&http::client().unwrap(), &url).await.unwrap();
        assert_eq!(found.ear, Some(NearbyEar { model: model.to_owned(), path }), "{name}");
    }
}

#[tokio::test]
async fn each_program_is_known_by_what_it_answers_and_for_no_other() {
    let kokoro = json!({"voices": ["af_bella", "af_heart"]}).to_string();
    let (url, _server) = server(vec![("/v1/audio/voices", kokoro)]).await;
    assert_eq!(found(&url).await, [("Kokoro-FastAPI", Some("kokoro: af_heart".to_owned()))]);

    let models = json!({"data": [
        {"id": "whisper-small", "task": "automatic-speech-recognition"},
        {"id": "Kokoro-82M", "task": "text-to-speech", "voices": [{"name": "ef_dora"}]},
    ]});
    let (url, _server) = server(vec![("/v1/models", models.to_string())]).await;
    assert_eq!(found(&url).await, [("speaches", Some("Kokoro-82M: ef_dora".to_owned()))]);

    let models = json!({"data": [{"id": "gpt-4"}, {"id": "voice-es-davefx"}]}).to_string();
    let version = json!({"version": "v4.9.0"}).to_string();
    let (url, _server) = server(vec![("/version", version), ("/v1/models", models)]).await;
    assert_eq!(found(&url).await, [("LocalAI", Some("voice-es-davefx: alloy".to_owned()))]);

    let page = "<html><title>Whisper.cpp Server</title>".to_owned();
    let (url, _server) = server(vec![("/", page)]).await;
    assert_eq!(found(&url).await, [("whisper.cpp", None)]);
}

#[tokio::test]
async fn a_model_server_that_cannot_speak_is_no_voice() {
    let models = json!({"data": [{"id": "qwen3", "owned_by": "llamacpp"}]}).to_string();
    let (url, _server) = server(vec![("/v1/models", models)]).await;
    assert_eq!(found(&url).await, []);
}
