//! Clients that take or give their bytes too slowly: nobody waits for them for long.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{sleep, timeout},
};

use crate::support::{
    scripted_ollama::{Script, ScriptedOllama},
    server::{
        Answer, Server,
        raw_socket::{CONTINUATION, FIRST_TEXT, PONG, RawSocket, close_code, frame},
    },
};

async fn server() -> (Server, ScriptedOllama) {
    let model = ScriptedOllama::start().await;
    (Server::start(&model).await, model)
}

fn assert_about(waited: Duration, seconds: u64) {
    assert!(waited.abs_diff(Duration::from_secs(seconds)) < Duration::from_secs(2), "{waited:?}");
}

/// One that has just shown that it lives, so that it is not asked whether it does.
async fn living_socket(server: &Server) -> RawSocket {
    let mut socket = RawSocket::open(server, "/ws").await;
    socket.send(&frame(PONG, b"")).await;
    socket
}

#[tokio::test]
async fn a_message_that_is_never_whole_is_given_up_after_ten_seconds() {
    let (server, _model) = server().await;
    let began = Instant::now();
    let at_once = async {
        let mut socket = living_socket(&server).await;
        let empty = frame(CONTINUATION, b"").repeat(60_000);
        socket.send(&[frame(FIRST_TEXT, b"{"), empty].concat()).await;
        socket.told().await
    };
    let one_by_one = async {
        let socket = living_socket(&server).await;
        let (mut reading, mut writing) = socket.connection.into_split();
        writing.write_all(&frame(FIRST_TEXT, b"")).await.unwrap();
        let sending = async {
            while writing.write_all(&frame(CONTINUATION, b"a")).await.is_ok() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let mut told = Vec::new();
        tokio::select! {
            _ = reading.read_to_end(&mut told) => {}
            () = sending => { reading.read_to_end(&mut told).await.ok(); }
        }
        told
    };
    let half_a_frame = async {
        let mut socket = living_socket(&server).await;
        socket.send(&[0x81, 0xfe, 0x40]).await;
        socket.told().await
    };
    let told = tokio::join!(at_once, one_by_one, half_a_frame);
    for told in [told.0, told.1, told.2] {
        assert_eq!(close_code(&told), 1008);
    }
    assert_about(began.elapsed(), 11);
}

#[tokio::test]
async fn a_head_that_comes_line_by_line_is_given_up_and_others_are_served_meanwhile() {
    let (server, _model) = server().await;
    let began = Instant::now();
    let slow = (0..300).map(|_| async {
        let mut connection = server.raw().await;
        let mut answer = Vec::new();
        let (mut reading, mut writing) = connection.split();
        let sending = async {
            let mut line: &[u8] = b"GET /healthz HTTP/1.1\r\n";
            while writing.write_all(line).await.is_ok() {
                line = b"x-a: b\r\n";
                sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::select! {
            _ = reading.read_to_end(&mut answer) => {}
            () = sending => {}
        }
        began.elapsed()
    });
    let others = async {
        for _ in 0..40 {
            let asked = Instant::now();
            assert_eq!(server.get("/healthz").await.status, 200);
            assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
            sleep(Duration::from_millis(200)).await;
        }
    };
    let (waited, ()) = tokio::join!(join_all(slow), others);
    let longest = waited.into_iter().max().unwrap();
    assert!(longest < Duration::from_secs(20), "{longest:?}");
}

#[tokio::test]
async fn half_a_request_does_not_hold_up_the_end() {
    let (mut server, _model) = server().await;
    let mut begun = server.raw().await;
    begun.write_all(b"GET /healthz HTTP/1.1\r\nhost: loc").await.unwrap();
    let mut again = server.raw().await;
    let whole = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    again.write_all(whole).await.unwrap();
    let mut answer = [0; 1024];
    assert!(again.read(&mut answer).await.unwrap() > 0);
    again.write_all(b"GET /healthz HTTP/1.1\r\nhost: loc").await.unwrap();
    let began = Instant::now();
    server.terminate().await;
    assert!(server.ended().await.success());
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

/// Messages that are more than the log keeps and the system's buffers hold.
const MESSAGES: usize = 200;

/// Says them all; when that was done.
async fn talk_at_length(server: &Server) -> Instant {
    let long = "😀".repeat(8000);
    for _ in 0..MESSAGES {
        let body = json!({"message": long, "conversationId": "c", "useWebSocket": true});
        assert_eq!(server.chat(body).await.status, 202);
    }
    Instant::now()
}

/// Reads a little now and then, until there is nothing more.
async fn dawdle(socket: &mut RawSocket, told: &mut Vec<u8>) {
    let mut bytes = [0; 4096];
    while let Ok(length @ 1..) = socket.connection.read(&mut bytes).await {
        told.extend_from_slice(&bytes[..length]);
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_reader_that_falls_behind_is_closed_and_the_others_miss_nothing() {
    let (server, model) = server().await;
    model.always(Script::silence());
    let mut slow = RawSocket::open_small(&server, "/ws?conversationId=c").await;
    let mut stuck = RawSocket::open_small(&server, "/ws?conversationId=c").await;
    let mut bystander = server.join("c").await;
    let listening = async {
        for _ in 0..MESSAGES {
            bystander.until("message").await;
        }
    };
    let mut told = Vec::new();
    let dawdling = timeout(Duration::from_secs(8), dawdle(&mut slow, &mut told));
    let (_, talked, ()) = tokio::join!(dawdling, talk_at_length(&server), listening);
    told.extend(slow.told().await);
    // It is told that it has missed something.
    assert_eq!(close_code(&told), 3008);
    // The other one never did, and is not waited for.
    sleep(Duration::from_secs(12).saturating_sub(talked.elapsed())).await;
    assert!(stuck.told().await.len() < MESSAGES * 32_000);
}

#[tokio::test]
#[ignore = "takes up to half a minute"]
async fn a_peer_that_has_vanished_is_noticed_within_33_seconds() {
    let (server, _model) = server().await;
    let began = Instant::now();
    let mut silent = RawSocket::open(&server, "/ws").await;
    assert_eq!(silent.close_code().await, 3008);
    assert!(began.elapsed() < Duration::from_secs(35), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_client_that_closes_its_side_has_gone() {
    let (server, model) = server().await;
    model.always(Script::silence());
    let mut socket = RawSocket::open(&server, "/ws").await;
    socket.connection.shutdown().await.unwrap();
    let began = Instant::now();
    socket.told().await;
    let mut waiting = server.raw().await;
    let body = json!({"message": "Hello"}).to_string();
    let request = format!(
        "POST /api/v1/chat HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    waiting.write_all(request.as_bytes()).await.unwrap();
    model.requested("/api/chat", 1).await;
    waiting.shutdown().await.unwrap();
    let mut answer = Vec::new();
    waiting.read_to_end(&mut answer).await.unwrap();
    assert!(answer.is_empty() && began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_early_refusal_arrives_although_the_client_is_still_sending() {
    let (server, _model) = server().await;
    let request = server.request(Method::POST, "/api/v1/chat").body(vec![b' '; 20_000_000]);
    let answer = Answer::of(request.header("content-type", "application/json")).await;
    assert_eq!(answer.refusal(), (413, "body_too_large".to_owned()));
    assert_eq!(answer.header("connection"), "close");
}
