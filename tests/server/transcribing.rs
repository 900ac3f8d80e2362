//! Recordings over HTTP: in every format, from every kind of client, and everything that is no recording.

use std::time::{Duration, Instant};

use reqwest::{Method, multipart};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{sleep, timeout},
};

use crate::support::{
    scripted_deepgram,
    scripted_hearing::{Fault, Script, Scripted, Session, Spoken},
    scripted_ollama::ScriptedOllama,
    server::{Answer, PATIENCE, Server, Setup},
};

const ROUTE: &str = "/api/v1/transcribe";
const WAV: &[u8] = include_bytes!("../recordings/speech.wav");
const SPOKEN: Spoken = Spoken { from_ms: 200, to_ms: 1_000, text: "Where is the station?" };

#[tokio::test]
async fn a_recording_of_any_format_becomes_words_with_their_times() {
    let (server, deepgram) = hearing(Script::of(&[SPOKEN])).await;
    let files: [(&str, &[u8]); 6] = [
        ("audio/wav", WAV),
        ("audio/mpeg", include_bytes!("../recordings/speech.mp3")),
        ("audio/ogg", include_bytes!("../recordings/speech.ogg")),
        ("audio/ogg; codecs=opus", include_bytes!("../recordings/speech.opus")),
        ("audio/flac", include_bytes!("../recordings/speech.flac")),
        ("video/webm", include_bytes!("../recordings/streamed.webm")),
    ];
    for (kind, file) in files {
        let answer = send(&server, kind, file).await;
        assert_eq!(answer.status, 200, "{kind}: {answer:?}");
        let heard = answer.json();
        assert_eq!(heard["text"], "Where is the station?", "{kind}");
        let duration = heard["duration"].as_f64().unwrap();
        assert!((1.2..1.4).contains(&duration), "{kind}: {duration}");
    }
    let heard = send(&server, "audio/wav", WAV).await.json();
    let [segment] = heard["segments"].as_array().unwrap().as_slice() else { panic!("{heard}") };
    assert_eq!((&segment["start"], &segment["end"]), (&json!(0.2), &json!(1.0)));
    let word = json!({"text": "is", "start": 0.4, "end": 0.6, "confidence": 0.98});
    assert_eq!((&segment["words"][1], &segment["confidence"]), (&word, &json!(0.97)));
    assert_eq!(heard["language"], Value::Null);
    assert!(deepgram.received().iter().all(|seen| seen.query["language"] == "multi"));
}

#[tokio::test]
async fn a_form_brings_the_language_with_the_file() {
    let (server, deepgram) = hearing(Script::of(&[SPOKEN])).await;
    let heard = form(&server, &[("language", "es-MX"), ("model", "any")], Some(WAV)).await;
    assert_eq!((heard.status, heard.json()["language"].clone()), (200, json!("es-MX")));
    let path = format!("{ROUTE}?language=pt-BR");
    let request = server.request(Method::POST, &path).header("content-type", "audio/wav");
    assert_eq!(Answer::of(request.body(WAV)).await.json()["language"], "pt-BR");
    let languages = deepgram.received().into_iter().map(|seen| seen.query["language"].clone());
    assert_eq!(languages.collect::<Vec<_>>(), ["es-MX", "pt-BR"]);
    let wrong = form(&server, &[("language", "../..")], Some(WAV)).await;
    assert_eq!(wrong.refusal(), (422, "invalid_field".to_owned()));
    let empty = form(&server, &[("language", "es")], None).await;
    assert_eq!(empty.refusal(), (422, "invalid_field".to_owned()));
}

#[tokio::test]
async fn a_recording_of_minutes_is_heard_to_its_last_word() {
    let said = |minute: u64| Spoken {
        from_ms: minute * 60_000 + 55_000,
        to_ms: minute * 60_000 + 57_000,
        text: "una parola",
    };
    let (server, _deepgram) = hearing(Script::of(&[0, 1, 2, 3].map(said))).await;
    let answer = send(&server, "audio/wav", &wav(240)).await;
    let heard = answer.json();
    let ends = heard["segments"].as_array().unwrap().iter().map(|segment| segment["end"].as_f64());
    assert_eq!(ends.collect::<Vec<_>>(), [57.0, 117.0, 177.0, 237.0].map(Some), "{heard}");
}

#[tokio::test]
async fn what_is_no_recording_is_refused_by_what_it_is() {
    let (server, deepgram) = hearing(Script::of(&[SPOKEN])).await;
    let html = b"<!doctype html><script>alert(1)</script>".as_slice();
    let cases: [(&str, &[u8], u16, &str); 7] = [
        ("audio/wav", html, 422, "not_audio"),
        ("audio/wav", b"", 422, "not_audio"),
        ("audio/wav", &WAV[..WAV.len() / 2], 422, "bad_audio"),
        ("application/json", b"{}", 415, "unsupported_media_type"),
        ("multipart/form-data", b"--", 400, "bad_body"),
        ("multipart/form-data; boundary=b", b"--b\r\nbroken", 400, "bad_body"),
        ("audio/wav", &wav(601), 413, "recording_too_long"),
    ];
    for (kind, body, status, code) in cases {
        let refusal = send(&server, kind, body).await.refusal();
        assert_eq!(refusal, (status, code.to_owned()), "{kind}, {} bytes", body.len());
    }
    assert_eq!(deepgram.received().len(), 0, "nothing of it is paid for");
}

#[tokio::test]
async fn too_much_is_refused_before_it_has_come() {
    let (server, _deepgram) = hearing(Script::of(&[SPOKEN])).await;
    let head = "POST /api/v1/transcribe HTTP/1.1\r\nhost: localhost\r\ncontent-type: audio/wav\r\n";
    let announced = server.raw_answer(&format!("{head}content-length: 26000000\r\n\r\n")).await;
    assert!(announced.starts_with("HTTP/1.1 413") && announced.contains("body_too_large"));
    // What does not say how long it is is read until it is too much.
    let mut connection = server.raw().await;
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n");
    connection.write_all(chunked.as_bytes()).await.unwrap();
    let chunk = [b"100000\r\n".as_slice(), &vec![0; 0x10_0000], b"\r\n"].concat();
    for _ in 0..30 {
        if connection.write_all(&chunk).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    drop(timeout(PATIENCE, connection.read_to_end(&mut answer)).await.unwrap());
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
    // Other bodies are as small as ever.
    let chat = server.chat(json!({"message": "a".repeat(70_000)})).await;
    assert_eq!(chat.refusal(), (413, "body_too_large".to_owned()));
}

#[tokio::test]
async fn without_ears_and_with_ears_that_fail_it_says_so() {
    let model = ScriptedOllama::start().await;
    let deaf = Setup::new(&model).environment("PARLA_STT", "none").start().await;
    let refusal = send(&deaf, "audio/wav", WAV).await.refusal();
    assert_eq!(refusal, (503, "no_ears".to_owned()));
    let (server, _deepgram) = hearing(Script::failing(&[SPOKEN], &[Fault::Refuse(401)])).await;
    let failed = send(&server, "audio/wav", WAV).await;
    assert_eq!(failed.refusal(), (502, "hearing_failed".to_owned()));
    assert!(!String::from_utf8_lossy(&failed.body).contains("canary"));
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_work_and_makes_room() {
    let stalls = Session { faults: vec![Fault::Stall { at_ms: 100 }], ..Session::default() };
    let hears = Session { spoken: vec![SPOKEN], ..Session::default() };
    let sessions = [vec![stalls; 8], vec![hears]].concat();
    let (server, deepgram) = hearing(Script { sessions, ..Script::default() }).await;
    let length = WAV.len();
    let head = format!(
        "POST {ROUTE} HTTP/1.1\r\nhost: localhost\r\ncontent-type: audio/wav\r\ncontent-length: {length}\r\n\r\n"
    );
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = server.raw().await;
        client.write_all(&[head.as_bytes(), WAV].concat()).await.unwrap();
        clients.push(client);
    }
    while deepgram.received().len() < 8 {
        sleep(Duration::from_millis(20)).await;
    }
    let refusal = send(&server, "audio/wav", WAV).await.refusal();
    assert_eq!(refusal, (503, "at_capacity".to_owned()));
    drop(clients);
    let left = Instant::now();
    while send(&server, "audio/wav", WAV).await.status != 200 {
        assert!(left.elapsed() < Duration::from_secs(2), "their work goes on");
    }
}

#[tokio::test]
async fn the_embedded_ear_hears_what_the_embedded_voice_says() {
    let model = ScriptedOllama::start().await;
    let server = Setup::new(&model).environment("PARLA_STT", "pocketsphinx").start().await;
    let answer = send(&server, "audio/wav", WAV).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let heard = answer.json();
    let words = heard["segments"][0]["words"].as_array().unwrap();
    assert!(!words.is_empty() && words.iter().all(|word| word["end"].as_f64() <= Some(1.4)));
    let foreign = form(&server, &[("language", "es")], Some(WAV)).await;
    assert_eq!(foreign.refusal(), (502, "hearing_failed".to_owned()));
}

async fn hearing(script: Script) -> (Server, Scripted) {
    let (model, deepgram) =
        (ScriptedOllama::start().await, scripted_deepgram::start(script).await.unwrap());
    (Setup::new(&model).ears(deepgram.url()).start().await, deepgram)
}

async fn send(server: &Server, kind: &str, body: &[u8]) -> Answer {
    let request = server.request(Method::POST, ROUTE).header("content-type", kind);
    Answer::of(request.body(body.to_vec())).await
}

async fn form(server: &Server, fields: &[(&str, &str)], file: Option<&'static [u8]>) -> Answer {
    let mut form = multipart::Form::new();
    for (name, value) in fields {
        form = form.text((*name).to_owned(), (*value).to_owned());
    }
    if let Some(file) = file {
        form = form.part("file", multipart::Part::bytes(file).file_name("speech.wav"));
    }
    Answer::of(server.request(Method::POST, ROUTE).multipart(form)).await
}

/// Silence of so many seconds.
fn wav(seconds: u32) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
    (0..seconds * 16_000).for_each(|_| writer.write_sample(0i16).unwrap());
    writer.finalize().unwrap();
    file.into_inner()
}
