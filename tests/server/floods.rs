//! Clients that send more than anybody needs: told so, then sent away, and nobody else notices.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{
    scripted_ollama::ScriptedOllama,
    server::{
        PATIENCE, Server, Setup, Socket,
        raw_socket::{FINAL_TEXT, PING, RawSocket, close_code, frame},
    },
};

async fn server() -> (Server, ScriptedOllama) {
    let model = ScriptedOllama::start().await;
    (Server::start(&model).await, model)
}

/// Sends the frame again and again, as fast as it is taken, and reads what comes, until the server ends it.
async fn flood(server: &Server, frame: &[u8]) -> Vec<u8> {
    let (mut reading, mut writing) = RawSocket::open(server, "/ws").await.connection.into_split();
    let many = frame.repeat(100);
    let sending = async { while writing.write_all(&many).await.is_ok() {} };
    let mut told = Vec::new();
    let listening = async {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = reading.read(&mut bytes).await {
            told.extend_from_slice(&bytes[..length]);
        }
    };
    let both = async { tokio::join!(sending, listening) };
    tokio::time::timeout(PATIENCE, both).await.expect("the server ends the flood");
    told
}

async fn assert_answers_at_once(bystander: &mut Socket) {
    let asked = Instant::now();
    bystander.send("ping", json!({})).await;
    bystander.until("pong").await;
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_flood_of_pings_is_answered_only_so_often() {
    let (server, _model) = server().await;
    let mut bystander = server.join("c").await;
    let told = flood(&server, &frame(PING, b"")).await;
    assert_eq!(close_code(&told), 1008);
    let pongs = told.windows(2).filter(|head| *head == [0x8a, 0]).count();
    assert!((1..=400).contains(&pongs), "{pongs}");
    assert_answers_at_once(&mut bystander).await;
}

#[tokio::test]
async fn a_flood_of_commands_is_refused_and_then_sent_away() {
    let (server, model) = server().await;
    let mut bystander = server.join("c").await;
    let chat = json!({"type": "chat", "data": {"message": "", "clientId": "m-1"}}).to_string();
    let told = flood(&server, &frame(FINAL_TEXT, chat.as_bytes())).await;
    assert_eq!(close_code(&told), 1008);
    let told = String::from_utf8_lossy(&told);
    let refusals = told.matches("\"rate_limited\"").count();
    assert!((1..=300).contains(&refusals), "{refusals}");
    assert_answers_at_once(&mut bystander).await;
    assert!(model.requests("/api/chat").is_empty());
}

#[tokio::test]
async fn who_waits_as_long_as_is_said_is_heard_again() {
    let (server, _model) = server().await;
    let mut socket = server.join("c").await;
    let refused = loop {
        socket.send("chat", json!({"message": "", "clientId": "m-1"})).await;
        let error = socket.until("error").await["data"].clone();
        if error["code"] != "empty_message" {
            break error;
        }
    };
    assert_eq!(refused["code"], "rate_limited");
    assert_eq!((&refused["retryable"], &refused["clientId"]), (&json!(true), &json!("m-1")));
    let wait = refused["retryAfterMs"].as_u64().unwrap();
    assert!((1..=100).contains(&wait), "{wait}");
    tokio::time::sleep(Duration::from_millis(wait)).await;
    socket.send("ping", json!({})).await;
    socket.until("pong").await;
}

#[tokio::test]
async fn a_flood_before_sign_in_is_no_different() {
    let model = ScriptedOllama::start().await;
    let server = Setup::new(&model).environment("PARLA_LISTEN", "0.0.0.0:0").start().await;
    let told = flood(&server, &frame(FINAL_TEXT, b"{\"type\": \"ping\"}")).await;
    assert_eq!(close_code(&told), 1008);
    let told = String::from_utf8_lossy(&told);
    let pongs = told.matches("\"pong\"").count();
    assert!((128..=300).contains(&pongs), "{pongs}");
    assert!(told.contains("\"rate_limited\""));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn connections_that_are_reset_in_mid_handshake_or_right_after_it_leave_nothing() {
    let (server, _model) = server().await;
    server.get("/healthz").await;
    let before = (server.held("fd"), server.memory_kib().await);
    for round in 0..3000 {
        let connection = if round % 2 == 0 {
            let mut connection = server.raw().await;
            connection.write_all(b"GET /ws HTTP/1.1\r\nhost: localh").await.unwrap();
            connection
        } else {
            RawSocket::open(&server, "/ws").await.connection
        };
        if round % 4 == 3 {
            let mut byte = [0];
            connection.try_read(&mut byte).ok();
        }
        connection.set_zero_linger().unwrap();
    }
    let began = Instant::now();
    while server.held("fd") > before.0 {
        assert!(began.elapsed() < PATIENCE, "{} open files of {}", server.held("fd"), before.0);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let grown = server.memory_kib().await - before.1;
    assert!(grown < 8 * 1024, "memory grew by {grown} KiB");
}
