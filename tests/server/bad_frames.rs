//! Frames that no good client sends: an error as long as it can be told, a close code when it cannot.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{
    scripted_ollama::ScriptedOllama,
    server::{
        Server, Socket,
        raw_socket::{
            CONTINUATION, FINAL_CONTINUATION, FINAL_TEXT, FIRST_TEXT, PING, RawSocket, frame, head,
        },
    },
};

async fn server() -> (Server, ScriptedOllama) {
    let model = ScriptedOllama::start().await;
    (Server::start(&model).await, model)
}

async fn error(socket: &mut Socket, text: &str) -> Value {
    socket.send_text(text).await;
    let frame = socket.next().await;
    assert_eq!(frame["type"], "error", "{text:.60}");
    frame["data"].clone()
}

#[tokio::test]
async fn a_bad_frame_is_told_by_name_and_the_socket_stays() {
    let (server, _model) = server().await;
    let mut socket = server.join("c").await;
    let deep = format!("{{\"type\": \"chat\", \"data\": {}", "[".repeat(10_000));
    let cases = [
        ("{\"type\":", "bad_json", ""),
        ("[]", "bad_json", ""),
        (&*deep, "too_deep", ""),
        ("{\"type\": \"dance\"}", "unknown_type", "dance"),
        ("{\"data\": {}}", "invalid_field", "type"),
        ("{\"type\": \"chat\", \"data\": {\"message\": 42}}", "invalid_field", "data.message"),
        ("{\"type\": \"chat\", \"data\": []}", "invalid_field", "data"),
        (
            "{\"type\": \"played\", \"data\": {\"turnId\": \"t\"}}",
            "invalid_field",
            "data.chunkIndex",
        ),
        ("{\"type\": \"stop\", \"data\": {\"turnId\": \"a b\"}}", "invalid_field", "data.turnId"),
    ];
    for (text, code, named) in cases {
        let error = error(&mut socket, text).await;
        assert_eq!(error["code"], code, "{text:.60}");
        assert!(error["message"].as_str().unwrap().contains(named), "{error}");
        // A good frame in between: these are not ten in a row.
        socket.send("ping", json!({})).await;
        assert_eq!(socket.next().await["type"], "pong");
    }
    let empty = error(&mut socket, "{\"type\": \"chat\", \"data\": {\"message\": \"\"}}").await;
    assert_eq!(empty["code"], "empty_message");
    let long = json!({"type": "chat", "data": {"message": "é".repeat(8001)}}).to_string();
    assert_eq!(error(&mut socket, &long).await["code"], "MESSAGE_TOO_LONG");
}

#[tokio::test]
async fn ten_bad_frames_in_a_row_close_the_socket() {
    let (server, _model) = server().await;
    let mut socket = server.join("c").await;
    for _ in 0..10 {
        assert_eq!(error(&mut socket, "{").await["code"], "bad_json");
    }
    assert_eq!(socket.closed().await.0, 1008);
}

#[tokio::test]
async fn a_binary_frame_is_never_read_as_json() {
    let (server, _model) = server().await;
    let mut socket = server.join("c").await;
    let chat = json!({"type": "chat", "data": {"message": "Hello"}}).to_string();
    socket.send_message(Message::binary(chat.into_bytes())).await;
    assert_eq!(socket.next().await["type"], "error");
    assert_eq!(server.present("c", &mut socket).await, Vec::<Value>::new());
}

/// The code with which the server closes after these bytes.
async fn close_code(server: &Server, frames: &[u8]) -> u16 {
    let mut socket = RawSocket::open(server, "/ws").await;
    socket.send(frames).await;
    socket.close_code().await
}

#[tokio::test]
async fn a_large_frame_is_refused_by_its_head_alone() {
    let (server, _model) = server().await;
    let refused = async || {
        let began = Instant::now();
        assert_eq!(close_code(&server, &head(FINAL_TEXT, 10_000_000)).await, 1009);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        server.memory_kib().await
    };
    // What a server still does after its start is over with the first one.
    let before = refused().await;
    assert!(refused().await - before < 1024, "memory grew");
    let mut fragments = frame(FIRST_TEXT, &[b'a'; 1000]);
    for _ in 0..70 {
        fragments.extend(frame(CONTINUATION, &[b'a'; 1000]));
    }
    assert_eq!(close_code(&server, &fragments).await, 1009);
}

#[tokio::test]
async fn text_that_is_not_utf_8_and_broken_frames_close_with_their_code() {
    let (server, _model) = server().await;
    let invalid = frame(FINAL_TEXT, &[0xc3, 0x28]);
    assert_eq!(close_code(&server, &invalid).await, 1007);
    let split = [frame(FIRST_TEXT, &[0xc3]), frame(FINAL_CONTINUATION, &[0x28])].concat();
    assert_eq!(close_code(&server, &split).await, 1007);
    let reserved_bits = head(FINAL_TEXT | 0x40, 0);
    let reserved_kind = head(0x83, 0);
    let unmasked = vec![FINAL_TEXT, 2, b'{', b'}'];
    let long_ping = frame(PING, &[0; 126]);
    for broken in [reserved_bits, reserved_kind, unmasked, long_ping] {
        assert_eq!(close_code(&server, &broken).await, 1002, "{:x?}", &broken[..2]);
    }
}
