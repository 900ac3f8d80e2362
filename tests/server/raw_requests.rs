//! Requests below HTTP's libraries: where two readers could disagree about a request, there is no second request.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::support::{
    scripted_ollama::ScriptedOllama,
    server::{PATIENCE, Server},
};

async fn server() -> (Server, ScriptedOllama) {
    let model = ScriptedOllama::start().await;
    (Server::start(&model).await, model)
}

const POST: &str = "POST /api/v1/conversations/c/stop HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
const GET: &str = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n";
/// Would be answered by 200 if it were taken for a request of its own.
const SMUGGLED: &str = "GET /version HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[tokio::test]
async fn a_request_that_can_be_read_in_two_ways_is_refused_and_ends_the_connection() {
    let (server, _model) = server().await;
    let chunked = "\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let cases = [
        format!("{POST}transfer-encoding: chunked, identity{chunked}"),
        format!("{POST}transfer-encoding: xchunked{chunked}"),
        format!("{POST}transfer-encoding: gzip, chunked{chunked}"),
        format!("{POST}transfer-encoding: chunked\r\ntransfer-encoding: chunked{chunked}"),
        format!("{POST}transfer-encoding: identity\r\ncontent-length: 2\r\n\r\n{{}}"),
        format!("{POST}transfer-encoding : chunked{chunked}"),
        format!("{}transfer-encoding: chunked{chunked}", POST.replace("1.1", "1.0")),
        format!("{POST}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}"),
        format!("{POST}content-length: 2, 2\r\n\r\n{{}}"),
        format!("{POST}content-length: +2\r\n\r\n{{}}"),
        format!("{POST}content-length: -2\r\n\r\n{{}}"),
        format!("{POST}transfer-encoding: chunked\r\n\r\n2\n{{}}\n0\n\n"),
        format!("{POST}transfer-encoding: chunked\r\n\r\nffffffffffffffff1\r\n{{}}\r\n0\r\n\r\n"),
        format!("{GET}x-a: 1\r\n folded\r\n\r\n"),
        format!("{GET}x-a: a\0b\r\n\r\n"),
        format!("{GET}x-a: a\rb\r\n\r\n"),
        "\u{16}\u{3}\u{1}".to_owned(),
    ];
    for case in cases {
        let answer = server.raw_answer(&format!("{case}{SMUGGLED}")).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{case:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{case:?}: {answer}");
    }
}

#[tokio::test]
async fn a_request_for_two_names_or_for_another_than_it_says_is_misdirected() {
    let (server, _model) = server().await;
    let cases = [
        format!("{GET}host: evil.example\r\nconnection: close\r\n\r\n"),
        format!("{GET}host: localhost\r\nconnection: close\r\n\r\n"),
        GET.replace("/healthz", "http://evil.example/healthz") + "connection: close\r\n\r\n",
    ];
    for request in cases {
        let answer = server.raw_answer(&request).await;
        assert!(answer.starts_with("HTTP/1.1 421"), "{request:?}: {answer}");
    }
}

#[tokio::test]
async fn a_body_of_two_lengths_is_refused_also_behind_other_requests() {
    let (server, _model) = server().await;
    let (length, chunks) = ("content-length: 5\r\n", "transfer-encoding: chunked\r\n");
    for both in [[length, chunks].concat(), [chunks, length].concat()] {
        let request = format!("{POST}{both}\r\n2\r\n{{}}\r\n0\r\n\r\n{SMUGGLED}");
        let answer = server.raw_answer(&request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        let answer =
            server.raw_answer(&format!("{POST}content-length: 2\r\n\r\n{{}}{request}")).await;
        assert_eq!(answer.matches("HTTP/1.1 400").count(), 1, "{answer}");
        assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
    }
}

#[tokio::test]
async fn nothing_is_taken_after_a_body_in_chunks() {
    let (server, _model) = server().await;
    let chunked = "transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let answer = server.raw_answer(&format!("{POST}{chunked}{SMUGGLED}")).await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}

#[tokio::test]
async fn a_head_beyond_its_limits_is_refused_by_name() {
    let (server, _model) = server().await;
    let lines: String = (0..100).map(|number| format!("x-{number}: a\r\n")).collect();
    let cases = [
        (format!("{GET}{lines}\r\n"), 431),
        (format!("{GET}x-a: {}\r\n\r\n", "a".repeat(500_000)), 431),
        (format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(65_536)), 414),
    ];
    for (request, status) in cases {
        let answer = server.raw_answer(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request:.60}: {answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_beyond_its_limit_is_refused_with_and_without_its_length() {
    let (server, _model) = server().await;
    let post = POST.replace("conversations/c/stop", "chat");
    let chunk = format!("8000\r\n{}\r\n", "a".repeat(0x8000));
    let cases = [
        format!("{post}content-length: 10000000\r\n\r\n"),
        format!("{post}transfer-encoding: chunked\r\n\r\n{chunk}{chunk}{chunk}"),
    ];
    for request in cases {
        let answer = server.raw_answer(&request).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
        assert!(answer.contains("\"body_too_large\""), "{answer}");
    }
}

#[tokio::test]
async fn each_address_says_which_methods_it_takes() {
    let (server, _model) = server().await;
    let cases = [
        ("TRACE", "/healthz", 405, "GET,HEAD"),
        ("OPTIONS", "/healthz", 405, "GET,HEAD"),
        ("BREW", "/healthz", 405, "GET,HEAD"),
        ("DELETE", "/api/v1/chat", 405, "POST"),
        ("OPTIONS", "/api/v1/chat", 405, "POST"),
        ("PUT", "/api/v1/conversations", 405, "GET,HEAD"),
        ("HEAD", "/healthz", 200, ""),
        ("HEAD", "/", 200, ""),
    ];
    for (method, path, status, allowed) in cases {
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let answer = server.raw_answer(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{method} {path}: {answer}");
        let allow = answer.lines().find_map(|line| line.strip_prefix("allow: "));
        assert_eq!(allow.unwrap_or_default(), allowed, "{method} {path}");
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        assert_eq!(body.is_empty(), method == "HEAD", "{method} {path}");
        // What was sent is never sent back.
        assert!(!answer.contains("host: localhost"), "{answer}");
    }
}

#[tokio::test]
async fn a_request_cannot_say_where_the_server_goes() {
    let (server, model) = server().await;
    let elsewhere = ScriptedOllama::start().await;
    for address in [elsewhere.base_url(), "file:///etc/passwd".to_owned()] {
        let body = json!({
            "message": "Hello", "voice": address, "url": address, "baseUrl": address,
            "base_url": address, "provider": address,
            "providers": {"ollama": {"kind": "openai", "url": address}},
        });
        assert_eq!(server.chat(body).await.status, 200);
        let model = server.chat(json!({"message": "Hello", "model": address})).await;
        assert_eq!(model.refusal(), (502, "llm_rejected".to_owned()));
    }
    assert_eq!(elsewhere.connections(), 0);
    assert!(model.requests("/api/chat").len() >= 2);
}

#[tokio::test]
async fn requests_that_follow_one_another_are_answered_in_their_order() {
    let (server, _model) = server().await;
    let mut connection = server.raw().await;
    let last = format!("{GET}connection: close\r\n\r\n");
    connection.write_all(format!("{SMUGGLED}{GET}\r\n{last}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, connection.read_to_string(&mut answer)).await.unwrap().unwrap();
    let bodies: Vec<&str> = answer.split("HTTP/1.1 200 OK").skip(1).collect();
    assert_eq!(bodies.len(), 3, "{answer}");
    assert!(bodies[0].contains("\"version\"") && bodies[2].ends_with("ok\n"), "{answer}");
}
