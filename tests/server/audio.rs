//! A chunk's audio as browsers fetch it: whole, in parts, again, and not at all.

use reqwest::Method;
use serde_json::json;

use crate::support::{
    scripted_ollama::ScriptedOllama,
    server::{Answer, Server},
};

/// A server that has spoken a sentence, and where its sound is.
async fn spoken() -> (Server, String, ScriptedOllama) {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let turn = server.chat(json!({"message": "Hello"})).await.json();
    let file = turn["chunks"][0]["audioFileId"].as_str().unwrap();
    (server, format!("/api/v1/audio/{file}"), model)
}

#[tokio::test]
async fn audio_is_kept_by_its_tag_and_served_as_nothing_but_audio() {
    let (server, path, _model) = spoken().await;
    let whole = server.get(&path).await;
    assert_eq!(whole.header("content-type"), "audio/wav");
    assert_eq!(whole.header("cache-control"), "private, max-age=31536000, immutable");
    assert_eq!(whole.header("content-security-policy"), "default-src 'none'");
    assert_eq!(whole.header("x-content-type-options"), "nosniff");
    let tag = whole.header("etag").to_owned();
    let if_changed = server.request(Method::GET, &path).header("if-none-match", &tag);
    let unchanged = Answer::of(if_changed).await;
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
    assert_eq!(unchanged.header("etag"), tag);
    let head = Answer::of(server.request(Method::HEAD, &path)).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), whole.body.len().to_string());
}

#[tokio::test]
async fn one_range_is_served_and_a_range_past_the_end_refused() {
    let (server, path, _model) = spoken().await;
    let whole = server.get(&path).await;
    let total = whole.body.len();
    let ranged = async |range: &str, if_range: &str| {
        let request = server.request(Method::GET, &path).header("range", range);
        Answer::of(request.header("if-range", if_range)).await
    };
    let tag = whole.header("etag");
    let part = ranged("bytes=100-199", tag).await;
    assert_eq!((part.status, &part.body[..]), (206, &whole.body[100..200]));
    assert_eq!(part.header("content-range"), format!("bytes 100-199/{total}"));
    let past = ranged(&format!("bytes={total}-"), tag).await;
    assert_eq!((past.status, past.header("content-range")), (416, &*format!("bytes */{total}")));
    let many = format!("bytes={}0-", "0-,".repeat(1000));
    for (range, known) in [(&*many, tag), ("bytes=100-199", "\"another\""), ("bytes=9-1", tag)] {
        let answer = ranged(range, known).await;
        assert_eq!((answer.status, answer.body.len()), (200, total), "{range}");
    }
}

#[tokio::test]
async fn no_name_leads_out_of_the_cache() {
    let (server, _, _model) = spoken().await;
    let long = "a".repeat(4096);
    let names = [
        "no-such-file",
        "..%2f..%2fetc%2fpasswd",
        "../../etc/passwd",
        "%252e%252e",
        "C:%5C",
        "%00",
        "%ff",
        "%E2%80%A5",
        "a.wav",
        &long,
    ];
    for name in names {
        let request = format!(
            "GET /api/v1/audio/{name} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        );
        let answer = server.raw_answer(&request).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{name}: {answer}");
        assert!(answer.contains("\"code\":\"not_found\""), "{name}: {answer}");
    }
}
