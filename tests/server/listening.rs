//! Deepgram's wire shape over the configured ears, as Deepgram's clients use it, and as nobody should.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{
    scripted_deepgram,
    scripted_hearing::{Fault, Script, Scripted, Spoken},
    scripted_ollama::ScriptedOllama,
    server::{Server, Setup, Socket},
};

const RAW: &str = "/v1/listen?encoding=linear16&sample_rate=16000";
const LIVE: &str = "/v1/listen?model=nova-3&language=en-US&punctuate=true&interim_results=true&endpointing=500\
                    &utterance_end_ms=1000&vad_events=true&encoding=linear16&sample_rate=16000";
const WAV: &[u8] = include_bytes!("../recordings/speech.wav");
const SPOKEN: Spoken = Spoken { from_ms: 100, to_ms: 1_200, text: "Where is the station?" };

#[tokio::test]
async fn speech_becomes_words_that_change_then_stand_and_end_with_the_silence() {
    let (server, deepgram) = hearing(Script::of(&[SPOKEN])).await;
    let mut socket = server.socket(LIVE).await;
    say(&mut socket, &with_silence(3_000), 3_200).await;
    let frames = socket.take_until(|frame| frame["type"] == "UtteranceEnd").await;
    let finals: Vec<&Value> = frames.iter().filter(|frame| frame["is_final"] == true).collect();
    assert_eq!(text(&finals), "Where is the station?");
    assert!(frames.iter().any(|frame| frame["is_final"] == false), "{frames:?}");
    assert!(frames.iter().any(|frame| frame["type"] == "SpeechStarted"), "{frames:?}");
    let ends = finals.iter().filter(|result| result["speech_final"] == true).count();
    assert_eq!(ends, 1, "{frames:?}");
    let end = frames.last().unwrap()["last_word_end"].as_f64().unwrap();
    assert!((1.0..1.5).contains(&end), "{end}");
    let word = &finals[0]["channel"]["alternatives"][0]["words"][0];
    assert_eq!((&word["word"], &word["punctuated_word"]), (&json!("where"), &json!("Where")));
    assert_eq!(word["start"], 0.1);
    socket.send_text(r#"{"type":"CloseStream"}"#).await;
    let metadata = socket.until("Metadata").await;
    let duration = metadata["duration"].as_f64().unwrap();
    assert!((4.2..4.4).contains(&duration), "{metadata}");
    assert_eq!(metadata["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(socket.closed().await.0, 1000);
    assert_eq!(deepgram.received()[0].query["language"], "en-US");
}

#[tokio::test]
async fn minutes_that_come_at_once_are_heard_to_the_last_word() {
    let said = |minute: u64| Spoken {
        from_ms: minute * 60_000 + 55_000,
        to_ms: minute * 60_000 + 57_000,
        text: "una parola",
    };
    let (server, _deepgram) = hearing(Script::of(&[0, 1, 2].map(said))).await;
    let mut socket = server.socket(RAW).await;
    say(&mut socket, &vec![0; 180 * 32_000], 1_000_000).await;
    socket.send_text(r#"{"type":"CloseStream"}"#).await;
    let frames = socket.rest().await;
    let ends = frames.iter().filter_map(|frame| {
        let words = frame["channel"]["alternatives"][0]["words"].as_array()?;
        words.last().map(|word| word["end"].as_f64().unwrap())
    });
    assert_eq!(ends.collect::<Vec<_>>(), [57.0, 117.0, 177.0], "{frames:?}");
    assert_eq!(frames.last().unwrap()["duration"], 180.0);
}

#[tokio::test]
async fn telephones_are_heard_and_finalize_is_answered_at_once() {
    let (server, _deepgram) = hearing(Script::of(&[SPOKEN])).await;
    let mut socket = server.socket("/v1/listen?encoding=mulaw&sample_rate=8000").await;
    say(&mut socket, &[0xff; 8_000], 160).await;
    socket.send_text(r#"{"type":"Finalize"}"#).await;
    let frames = socket.take_until(|frame| frame["from_finalize"] == true).await;
    assert_eq!(text(&frames.iter().collect::<Vec<_>>()), "Where is the station?");
    socket.send_message(Message::binary(Vec::new())).await;
    let duration = socket.until("Metadata").await["duration"].as_f64().unwrap();
    assert!((0.99..=1.0).contains(&duration), "{duration}");
    assert_eq!(socket.closed().await.0, 1000);
}

#[tokio::test]
async fn keys_are_carried_as_deepgrams_are() {
    let (model, deepgram) = (ScriptedOllama::start().await, scripted(Script::of(&[SPOKEN])).await);
    let setup = Setup::new(&model).ears(deepgram.url());
    let server = setup.environment("PARLA_LISTEN", "0.0.0.0:0").start().await;
    let key = server.key();
    let (header, bearer) = (format!("Token {key}"), format!("bearer {key}"));
    for value in [&header, &bearer] {
        server.socket_with(RAW, &[("authorization", value)]).await.unwrap();
    }
    let offers = [
        (format!("token, {key}"), "token"),
        (format!("bearer,{key}, x-deepgram-session-id, 1-2"), "bearer"),
    ];
    for (offer, selected) in offers {
        let socket = server.socket_with(RAW, &[("sec-websocket-protocol", &offer)]).await.unwrap();
        assert_eq!(socket.protocol.as_deref(), Some(selected));
    }
    for (name, value) in
        [("authorization", "Token guess"), ("sec-websocket-protocol", "token, guess")]
    {
        assert_eq!(server.socket_with(RAW, &[(name, value)]).await.err(), Some(401));
    }
    assert!(
        deepgram
            .received()
            .iter()
            .all(|seen| { seen.authorization.as_deref() == Some("Token dg-canary-4711") })
    );
}

#[tokio::test]
async fn a_refusal_has_deepgrams_shape() {
    let (server, _deepgram) = hearing(Script::of(&[SPOKEN])).await;
    let refused = handshake(&server, "/v1/listen?sample_rate=16000").await;
    assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
    assert!(refused.contains("dg-error: encoding is missing"), "{refused}");
    assert!(refused.contains(r#""err_code":"INVALID_QUERY_PARAMETER""#), "{refused}");
    let plain = server.get(RAW).await;
    assert_eq!((plain.status, &plain.json()["err_code"]), (426, &json!("UPGRADE_REQUIRED")));
    let model = ScriptedOllama::start().await;
    let deaf = Setup::new(&model).environment("PARLA_STT", "none").start().await;
    let refused = handshake(&deaf, RAW).await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains(r#""NO_EARS""#), "{refused}");
}

#[tokio::test]
async fn who_sends_nothing_is_sent_away_after_ten_seconds_unless_they_will_go_on() {
    let (server, _deepgram) = hearing(Script::of(&[SPOKEN])).await;
    let mut socket = server.socket(RAW).await;
    let began = Instant::now();
    sleep(Duration::from_secs(3)).await;
    socket.send_text(r#"{"type":"KeepAlive"}"#).await;
    assert_eq!(socket.closed().await, (1011, "NET-0001".to_owned()));
    let waited = began.elapsed();
    assert!((13.0..15.0).contains(&waited.as_secs_f32()), "{waited:?}");
}

#[tokio::test]
async fn what_cannot_be_understood_is_told() {
    let (server, _deepgram) = hearing(Script::of(&[SPOKEN])).await;
    let mut socket = server.socket("/v1/listen?encoding=opus").await;
    socket.send_message(Message::binary(vec![0xff; 500])).await;
    assert_eq!(socket.closed().await, (1008, "DATA-0000".to_owned()));
    let mut socket = server.socket(RAW).await;
    for _ in 0..10 {
        socket.send_text("{}").await;
        assert_eq!(socket.next().await["type"], "Error");
    }
    assert_eq!(socket.closed().await.0, 1008);
    let (server, _deepgram) = hearing(Script::failing(&[], &[Fault::Refuse(401)])).await;
    let mut socket = server.socket(RAW).await;
    let error = socket.until("Error").await.to_string();
    assert!(error.contains("hearing_failed") && !error.contains("canary"), "{error}");
    assert_eq!(socket.closed().await, (1011, "NET-0000".to_owned()));
}

#[tokio::test]
async fn who_leaves_without_a_word_leaves_nothing_behind() {
    let (server, _deepgram) = hearing(Script::failing(&[], &[Fault::Stall { at_ms: 500 }])).await;
    let open = r#"parla_connections{dialect="listen",carrier="socket"}"#;
    let mut sockets = Vec::new();
    for _ in 0..4 {
        let mut socket = server.socket(RAW).await;
        say(&mut socket, &vec![0; 320_000], 32_000).await;
        sockets.push(socket);
    }
    assert_eq!(server.metrics().await.value(open), 4.0);
    drop(sockets);
    let left = Instant::now();
    while server.metrics().await.value(open) > 0.0 {
        assert!(left.elapsed() < Duration::from_secs(20), "somebody is still there");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn the_embedded_ear_hears_live_what_the_embedded_voice_says() {
    let model = ScriptedOllama::start().await;
    let server = Setup::new(&model).environment("PARLA_STT", "pocketsphinx").start().await;
    let mut socket = server.socket(LIVE).await;
    say(&mut socket, &with_silence(2_000), 3_200).await;
    socket.send_text(r#"{"type":"CloseStream"}"#).await;
    let frames = socket.rest().await;
    let said = frames.iter().find(|frame| frame["speech_final"] == true).unwrap();
    let alternative = &said["channel"]["alternatives"][0];
    assert_ne!(alternative["transcript"], "", "{frames:?}");
    assert!(alternative["words"][0]["start"].as_f64() < Some(1.0), "{alternative}");
}

async fn hearing(script: Script) -> (Server, Scripted) {
    let (model, deepgram) = (ScriptedOllama::start().await, scripted(script).await);
    (Setup::new(&model).ears(deepgram.url()).start().await, deepgram)
}

async fn scripted(script: Script) -> Scripted {
    scripted_deepgram::start(script).await.unwrap()
}

/// The recorded sentence's samples, then silence of so many milliseconds.
fn with_silence(ms: usize) -> Vec<u8> {
    [&WAV[44..], &vec![0; ms * 32]].concat()
}

async fn say(socket: &mut Socket, sound: &[u8], frame: usize) {
    for frame in sound.chunks(frame) {
        socket.send_message(Message::binary(frame.to_vec())).await;
    }
}

fn text(finals: &[&Value]) -> String {
    let texts = finals.iter().map(|result| &result["channel"]["alternatives"][0]["transcript"]);
    let texts: Vec<&str> =
        texts.filter_map(Value::as_str).filter(|text| !text.is_empty()).collect();
    texts.join(" ")
}

async fn handshake(server: &Server, path: &str) -> String {
    let head = format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    server.raw_head(&head).await
}
