//! Frames that no good client sends: an error as long as it can be told, a close code when it cannot.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{
    scripted_ollama::ScriptedOllama,
    server::{PATIENCE, Server, Socket},
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

/// A socket below the protocol.
async fn raw_socket(server: &Server) -> TcpStream {
    let mut connection = server.raw().await;
    let request = "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    connection.write_all(request.as_bytes()).await.unwrap();
    connection
}

/// A frame's head as clients write it, with a mask of zeros.
fn head(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first];
    if length < 126 {
        head.push(0x80 | length as u8);
    } else {
        head.push(0x80 | 127);
        head.extend(length.to_be_bytes());
    }
    head.extend([0; 4]);
    head
}

/// The code with which the server closes after these bytes.
async fn close_code(server: &Server, frames: &[u8]) -> u16 {
    let mut connection = raw_socket(server).await;
    connection.write_all(frames).await.unwrap();
    let mut told = Vec::new();
    // After a close frame the end may be a reset: what was said before it counts.
    drop(timeout(PATIENCE, connection.read_to_end(&mut told)).await.expect("the server closes"));
    // The last frame: two bytes of head, of which the first says "close", then the code.
    let at = told.windows(2).rposition(|head| head[0] == 0x88 && head[1] < 126);
    let at = at.unwrap_or_else(|| panic!("no close frame in {}", String::from_utf8_lossy(&told)));
    u16::from_be_bytes([told[at + 2], told[at + 3]])
}

const FINAL_TEXT: u8 = 0x81;
const FIRST_TEXT: u8 = 0x01;
const CONTINUATION: u8 = 0x00;
const FINAL_CONTINUATION: u8 = 0x80;

#[tokio::test]
async fn a_large_frame_is_refused_by_its_head_alone() {
    let (server, _model) = server().await;
    let before = server.memory_kib().await;
    let began = Instant::now();
    assert_eq!(close_code(&server, &head(FINAL_TEXT, 10_000_000)).await, 1009);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(server.memory_kib().await - before < 1024, "memory grew");
    let mut fragments = [head(FIRST_TEXT, 1000), vec![b'a'; 1000]].concat();
    for _ in 0..70 {
        fragments.extend([head(CONTINUATION, 1000), vec![b'a'; 1000]].concat());
    }
    assert_eq!(close_code(&server, &fragments).await, 1009);
}

#[tokio::test]
async fn text_that_is_not_utf_8_and_broken_frames_close_with_their_code() {
    let (server, _model) = server().await;
    let invalid = [head(FINAL_TEXT, 2), vec![0xc3, 0x28]].concat();
    assert_eq!(close_code(&server, &invalid).await, 1007);
    let split = [head(FIRST_TEXT, 1), vec![0xc3], head(FINAL_CONTINUATION, 1), vec![0x28]].concat();
    assert_eq!(close_code(&server, &split).await, 1007);
    let reserved_bits = head(FINAL_TEXT | 0x40, 0);
    let reserved_kind = head(0x83, 0);
    let unmasked = vec![FINAL_TEXT, 2, b'{', b'}'];
    let long_ping = [head(0x89, 126), vec![0; 126]].concat();
    for broken in [reserved_bits, reserved_kind, unmasked, long_ping] {
        assert_eq!(close_code(&server, &broken).await, 1002, "{:x?}", &broken[..2]);
    }
}
