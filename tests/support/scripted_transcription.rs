//! An OpenAI transcription server on a real socket, as strict as the real one, with answers and faults by script. It hears nothing.

#![allow(dead_code, unreachable_pub, reason = "each test uses another part of it")]

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use parla::{audio::wav, shutdown::Shutdown};
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

/// OpenAI's own limit, in bytes.
const MAX_BODY_BYTES: usize = 25 << 20;

/// How the server is to behave.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// The key that requests must carry.
    pub key: Option<&'static str>,
    /// Knows `json` only, as OpenAI's newer models.
    pub is_terse: bool,
    /// What it answers to the n-th request that it takes; afterwards the last again.
    pub replies: Vec<Reply>,
}

/// One answer.
#[derive(Clone, Debug)]
pub enum Reply {
    Text(&'static str),
    /// The same after a while.
    Late(Duration, &'static str),
    /// A body as it is.
    Json(Value),
    /// An error status with OpenAI's body; 429 comes with `retry-after: 7`.
    Status(u16),
    Hang,
    Garbage,
    /// An error page with status 200.
    Html,
}

/// What was asked, refused or not.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The fields of text, several values of one name joined by a comma.
    pub fields: BTreeMap<String, String>,
    /// How long the sound is, in milliseconds; 0 when it is none.
    pub sound_ms: u64,
}

/// The running server; dropping it ends it.
pub struct ScriptedTranscription {
    url: String,
    shared: Arc<Shared>,
    _server: AbortOnDropHandle<()>,
}

struct Shared {
    script: Script,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    asked: Vec<Asked>,
    taken: usize,
    running: usize,
    peak: usize,
}

impl ScriptedTranscription {
    pub async fn start(script: Script) -> io::Result<Self> {
        let shared = Arc::new(Shared { script, seen: Mutex::default() });
        let router = Router::new()
            .route("/v1/audio/transcriptions", post(transcribe))
            .route("/inference", post(transcribe))
            .route("/v1/models", get(models))
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let server = Shutdown::new().spawn("scripted transcription", async move {
            axum::serve(listener, router).await.expect("invariant: serving does not end");
        });
        Ok(Self { url, shared, _server: AbortOnDropHandle::new(server) })
    }

    /// Its address, without `/v1`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All requests so far, in the order in which they came.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.seen().asked.clone()
    }

    /// The most that it ever served at once.
    pub fn peak(&self) -> usize {
        self.shared.seen().peak
    }

    /// How many it serves now.
    pub fn running(&self) -> usize {
        self.shared.seen().running
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(self: &Arc<Self>) -> Running {
        let mut seen = self.seen();
        seen.running += 1;
        seen.peak = seen.peak.max(seen.running);
        Running(self.clone())
    }

    fn next_reply(&self) -> Reply {
        let number = self.seen().taken;
        self.seen().taken += 1;
        let replies = &self.script.replies;
        replies.get(number).or(replies.last()).cloned().unwrap_or(Reply::Text("hello"))
    }
}

/// A request in progress; a client that goes away drops it.
struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.seen().running -= 1;
    }
}

async fn models(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if !has_key(&shared.script, &headers) {
        return refusal(401, "Incorrect API key provided");
    }
    Json(json!({"object": "list", "data": [{"id": "whisper-1"}]})).into_response()
}

async fn transcribe(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let _running = shared.begin();
    let parts = parts(&headers, &body);
    let asked = parts.as_ref().map(|parts| parts.asked()).unwrap_or_default();
    shared.seen().asked.push(asked.clone());
    let refused = match &parts {
        _ if !has_key(&shared.script, &headers) => {
            Some((401, "Incorrect API key provided: sk-canary-4711".to_owned()))
        }
        Err(reason) => Some((400, reason.clone())),
        Ok(parts) => wrong(parts, shared.script.is_terse).map(|reason| (400, reason)),
    };
    if let Some((status, reason)) = refused {
        return refusal(status, &reason);
    }
    let is_verbose = asked.fields["response_format"] == "verbose_json";
    match shared.next_reply() {
        Reply::Text(text) => answer(text, is_verbose, asked.sound_ms),
        Reply::Late(delay, text) => {
            tokio::time::sleep(delay).await;
            answer(text, is_verbose, asked.sound_ms)
        }
        Reply::Json(body) => Json(body).into_response(),
        Reply::Status(status) => refusal(status, "as the script says"),
        Reply::Hang => std::future::pending().await,
        Reply::Garbage => "{\"text\": \"the learner said th".into_response(),
        Reply::Html => "<!doctype html><title>502 Bad Gateway</title>".into_response(),
    }
}

fn has_key(script: &Script, headers: &HeaderMap) -> bool {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    script.key.is_none_or(|key| shown == Some(&format!("Bearer {key}")))
}

/// The sound lasts as long as its words, evenly.
fn answer(text: &str, is_verbose: bool, sound_ms: u64) -> Response {
    if !is_verbose {
        return Json(json!({"text": text, "usage": {"type": "duration", "seconds": 1}}))
            .into_response();
    }
    let words: Vec<&str> = text.split(' ').collect();
    let seconds = sound_ms as f64 / 1000.0 / words.len() as f64;
    let words = words.iter().enumerate().map(|(index, word)| {
        let start = index as f64 * seconds;
        json!({"word": word, "start": start, "end": start + seconds})
    });
    let words: Vec<Value> = words.collect();
    let segment = json!({"id": 0, "text": text, "avg_logprob": -0.1, "no_speech_prob": 0.01,
        "compression_ratio": 0.8});
    Json(json!({"task": "transcribe", "language": "english", "duration": sound_ms as f64 / 1000.0,
        "text": text, "segments": [segment], "words": words}))
    .into_response()
}

fn refusal(status: u16, reason: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({ "error": { "message": reason, "type": "invalid_request_error" } });
    let mut response = (status, Json(body)).into_response();
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("7"));
    }
    response
}

/// The body's parts: fields of text, and the file.
#[derive(Debug, Default)]
struct Parts {
    fields: Vec<(String, String)>,
    file_name: Option<String>,
    file: Bytes,
}

impl Parts {
    fn asked(&self) -> Asked {
        let mut fields = BTreeMap::<String, String>::new();
        for (name, value) in &self.fields {
            let field = fields.entry(name.clone()).or_default();
            *field = if field.is_empty() { value.clone() } else { format!("{field},{value}") };
        }
        let sound_ms = wav::decode(&self.file).map_or(0, |sound| sound.duration_ms());
        Asked { fields, sound_ms }
    }
}

fn parts(headers: &HeaderMap, body: &Bytes) -> Result<Parts, String> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let boundary = kind.and_then(|kind| kind.strip_prefix("multipart/form-data; boundary="));
    let boundary = format!("\r\n--{}", boundary.ok_or("expected multipart/form-data")?);
    let whole = [b"\r\n", body.as_ref()].concat();
    let places = find_all(&whole, boundary.as_bytes());
    if !whole.ends_with(format!("{boundary}--\r\n").as_bytes()) {
        return Err("the body is not whole".to_owned());
    }
    let mut parts = Parts::default();
    for pair in places.windows(2) {
        let part = &whole[pair[0] + boundary.len() + 2..pair[1]];
        let head_bytes = *find_all(part, b"\r\n\r\n").first().ok_or("a part without a head")?;
        let head = String::from_utf8_lossy(&part[..head_bytes]).into_owned();
        let attribute = |name: &str| {
            let (_, rest) = head.split_once(&format!("{name}=\""))?;
            rest.split_once('"').map(|(value, _)| value.to_owned())
        };
        let content = &part[head_bytes + 4..];
        let name = attribute("form-data; name").ok_or("a part without a name")?;
        if name == "file" {
            parts.file_name = attribute("filename");
            parts.file = Bytes::copy_from_slice(content);
        } else {
            let text = String::from_utf8(content.to_vec()).map_err(|error| error.to_string())?;
            parts.fields.push((name, text));
        }
    }
    Ok(parts)
}

fn find_all(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    let places = bytes.windows(wanted.len()).enumerate();
    places.filter(|(_, window)| *window == wanted).map(|(place, _)| place).collect()
}

fn wrong(parts: &Parts, is_terse: bool) -> Option<String> {
    let known = BTreeSet::from([
        "model",
        "language",
        "prompt",
        "response_format",
        "temperature",
        "timestamp_granularities[]",
    ]);
    if let Some((name, _)) = parts.fields.iter().find(|(name, _)| !known.contains(name.as_str())) {
        return Some(format!("unknown field {name}"));
    }
    let asked = parts.asked();
    let field = |name: &str| asked.fields.get(name).map(String::as_str);
    let format = field("response_format").unwrap_or("json");
    let sound = wav::decode(&parts.file);
    if field("model").is_none_or(str::is_empty) {
        Some("you must provide a model parameter".to_owned())
    } else if parts.file_name.as_ref().is_none_or(|name| !name.ends_with(".wav")) {
        Some("the file's name has to tell its format".to_owned())
    } else if !matches!(format, "json" | "verbose_json") {
        Some("response_format is not one of those".to_owned())
    } else if is_terse && format != "json" {
        Some("response_format 'verbose_json' is not compatible with this model".to_owned())
    } else if field("timestamp_granularities[]").is_some() && format != "verbose_json" {
        Some("timestamp_granularities need verbose_json".to_owned())
    } else if field("language").is_some_and(|tag| !(2..=3).contains(&tag.len())) {
        Some("language has to be of ISO 639".to_owned())
    } else {
        match sound {
            Err(error) => Some(error.to_string()),
            Ok(sound) if sound.sample_rate != 16_000 => Some("not 16 kHz".to_owned()),
            Ok(sound) if sound.duration_ms() < 100 => Some("audio file is too short".to_owned()),
            Ok(_) => None,
        }
    }
}
