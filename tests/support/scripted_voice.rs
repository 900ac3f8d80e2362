//! An OpenAI speech server on a real socket, as strict as the real one, with faults by script. It never guesses.

#![allow(dead_code, unreachable_pub, reason = "each test uses another part of it")]

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt,
};
use futures_util::{StreamExt, stream};
use parla::{audio::wav, domain::AudioFrame, shutdown::Shutdown};
use serde::Deserialize;
use serde_json::json;
use tokio_util::task::AbortOnDropHandle;

const SAMPLE_RATE: u32 = 24_000;
/// How long a character is heard, in milliseconds.
pub const MS_PER_CHAR: u32 = 60;
const VOICES: [&str; 3] = ["alloy", "nova", "pablo"];

/// How the server is to behave.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// The key that requests must carry.
    pub key: Option<&'static str>,
    pub delay: Duration,
    pub delay_per_char: Duration,
    pub faults: Vec<(When, Fault)>,
    /// Whether it lists its voices.
    pub lists_voices: bool,
}

/// Which requests a fault befalls.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// The n-th speech request, counted from zero.
    Request(usize),
    /// Those whose text holds the marker.
    Text(&'static str),
    Always,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// An error status with OpenAI's body; 429 comes with `retry-after: 7`.
    Status(u16),
    Redirect,
    Hang,
    /// The connection ends in the middle of the body.
    CutOff,
    /// The sound comes as it is made, and its second half never is.
    Stall,
    /// Its length is announced, and its second half never comes.
    Stuck,
    /// An error page with status 200.
    Html,
    Empty,
    Mp3,
    /// The header promises more than comes.
    Truncated,
    NoSamples,
    NotANumber,
    /// A body that does not end.
    Endless,
    /// An hour of silence at the lowest rate, so that it is small enough.
    FarTooLong,
    OtherRate,
    /// No fault: what a streaming writer puts in its header.
    BogusSizes,
    /// No fault: another format.
    FloatStereo,
}

/// What was said and from when to when it was made.
#[derive(Clone, Debug)]
pub struct Synthesis {
    pub text: String,
    pub began: Instant,
    pub ended: Instant,
}

/// The running server; dropping it ends it.
pub struct ScriptedVoice {
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
    bodies: Vec<serde_json::Value>,
    syntheses: Vec<Synthesis>,
    running: usize,
    peak: usize,
}

impl ScriptedVoice {
    pub async fn start(script: Script) -> io::Result<Self> {
        Self::start_at("127.0.0.1:0", script).await
    }

    /// Where another one may have been before.
    pub async fn start_at(address: &str, script: Script) -> io::Result<Self> {
        let shared = Arc::new(Shared { script, seen: Mutex::default() });
        let router = Router::new()
            .route("/v1/audio/speech", post(speech))
            .route("/v1/audio/voices", get(voices))
            .with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind(address).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let listener = listener.tap_io(|connection| {
            // The end of a sound must not wait until its beginning is acknowledged; a client may have gone already.
            drop(connection.set_nodelay(true));
        });
        let server = Shutdown::new().spawn("scripted voice", async move {
            axum::serve(listener, router).await.expect("invariant: serving does not end");
        });
        Ok(Self { url, shared, _server: AbortOnDropHandle::new(server) })
    }

    /// Its address, without `/v1`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The bodies of all speech requests so far, refused ones too.
    pub fn requests(&self) -> Vec<serde_json::Value> {
        self.shared.seen().bodies.clone()
    }

    /// What it has said since this was asked last, in the order in which it was done.
    pub fn take_syntheses(&self) -> Vec<Synthesis> {
        std::mem::take(&mut self.shared.seen().syntheses)
    }

    /// How many requests it serves now.
    pub fn running(&self) -> usize {
        self.shared.seen().running
    }

    /// The most that it ever served at once.
    pub fn peak(&self) -> usize {
        self.shared.seen().peak
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

    fn fault(&self, number: usize, text: &str) -> Option<Fault> {
        let befalls = |when: &When| match when {
            When::Request(wanted) => *wanted == number,
            When::Text(marker) => text.contains(marker),
            When::Always => true,
        };
        self.script.faults.iter().find(|(when, _)| befalls(when)).map(|&(_, fault)| fault)
    }
}

/// A request in progress; a client that goes away drops it.
struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.seen().running -= 1;
    }
}

/// The fields that OpenAI knows; any other is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpeechBody {
    model: String,
    input: String,
    voice: String,
    response_format: String,
    speed: Option<f64>,
    instructions: Option<String>,
}

async fn speech(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let began = Instant::now();
    let _running = shared.begin();
    let number = {
        let mut seen = shared.seen();
        seen.bodies.push(serde_json::from_slice(&body).unwrap_or_default());
        seen.bodies.len() - 1
    };
    let speech = match checked(&shared.script, &headers, &body) {
        Ok(speech) => speech,
        Err((status, reason)) => return refusal(status, &reason),
    };
    let chars = u32::try_from(speech.input.chars().count()).unwrap_or(u32::MAX);
    let due = began + shared.script.delay + shared.script.delay_per_char * chars;
    let sound = wav::encode(&tone(chars * MS_PER_CHAR));
    tokio::time::sleep_until(due.into()).await;
    let text = speech.input.clone();
    shared.seen().syntheses.push(Synthesis { text, began, ended: Instant::now() });
    match shared.fault(number, &speech.input) {
        None => audio(sound),
        Some(fault) => faulty(fault, sound).await,
    }
}

async fn voices(State(shared): State<Arc<Shared>>) -> Response {
    if shared.script.lists_voices {
        Json(json!({ "voices": VOICES })).into_response()
    } else {
        refusal(404, "Invalid URL (GET /v1/audio/voices)")
    }
}

fn checked(script: &Script, headers: &HeaderMap, body: &[u8]) -> Result<SpeechBody, (u16, String)> {
    let value = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let wanted = script.key.map(|key| format!("Bearer {key}"));
    if wanted.is_some() && value(header::AUTHORIZATION) != wanted.as_deref() {
        return Err((401, "Incorrect API key provided".to_owned()));
    }
    if value(header::CONTENT_TYPE) != Some("application/json") {
        return Err((400, "expected application/json".to_owned()));
    }
    let speech: SpeechBody =
        serde_json::from_slice(body).map_err(|error| (400, error.to_string()))?;
    match wrong_field(&speech) {
        Some(reason) => Err((400, reason.to_owned())),
        None => Ok(speech),
    }
}

fn wrong_field(speech: &SpeechBody) -> Option<&'static str> {
    let formats = BTreeSet::from(["mp3", "opus", "aac", "flac", "wav", "pcm"]);
    if speech.model.is_empty() {
        Some("you must provide a model parameter")
    } else if !(1..=4096).contains(&speech.input.chars().count()) {
        Some("input must have 1 to 4096 characters")
    } else if !VOICES.contains(&speech.voice.as_str()) {
        Some("voice is not one of those")
    } else if !formats.contains(speech.response_format.as_str()) {
        Some("response_format is not one of those")
    } else if speech.speed.is_some_and(|speed| !(0.25..=4.0).contains(&speed)) {
        Some("speed must be between 0.25 and 4")
    } else if speech.instructions.as_ref().is_some_and(|text| text.chars().count() > 4096) {
        Some("instructions must have at most 4096 characters")
    } else {
        None
    }
}

async fn faulty(fault: Fault, sound: Bytes) -> Response {
    let half = sound.slice(..sound.len() / 2);
    match fault {
        Fault::Status(status) => refusal(status, "as the script says"),
        Fault::Redirect => {
            (StatusCode::FOUND, [(header::LOCATION, "http://127.0.0.1:1/")]).into_response()
        }
        Fault::Hang => std::future::pending().await,
        Fault::CutOff => {
            let cut = Err(io::Error::other("as the script says"));
            Body::from_stream(stream::iter([Ok(half), cut])).into_response()
        }
        Fault::Stall => {
            let begun = stream::iter([Ok::<_, io::Error>(half)]);
            Body::from_stream(begun.chain(stream::pending())).into_response()
        }
        Fault::Stuck => {
            let begun = stream::iter([Ok::<_, io::Error>(half)]);
            let length = [(header::CONTENT_LENGTH, sound.len())];
            (length, Body::from_stream(begun.chain(stream::pending()))).into_response()
        }
        Fault::Html => audio("<!doctype html><title>502 Bad Gateway</title>".into()),
        Fault::Empty => audio(Bytes::new()),
        Fault::Mp3 => audio(Bytes::from_static(b"ID3\x04\0\0\0\0\0\0\xff\xfb\x90\0")),
        Fault::Truncated => audio(half),
        Fault::NoSamples => audio(wav::encode(&tone(0))),
        Fault::NotANumber => audio(float_stereo(&[0.1, f32::NAN])),
        Fault::Endless => {
            let zeros = Bytes::from_static(&[0; 65_536]);
            let endless = stream::repeat_with(move || Ok::<_, io::Error>(zeros.clone()));
            Body::from_stream(endless).into_response()
        }
        Fault::FarTooLong => audio(wav::encode(&silence(8_000, 1_000_000))),
        Fault::OtherRate => audio(wav::encode(&silence(16_000, 300))),
        Fault::BogusSizes => audio(with_bogus_sizes(&sound)),
        Fault::FloatStereo => audio(float_stereo(&[0.25; 4800])),
    }
}

fn audio(body: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "audio/wav")], body).into_response()
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

/// A quiet tone of 200 Hz.
fn tone(ms: u32) -> AudioFrame {
    let wave = (0..SAMPLE_RATE / 200).flat_map(|index| {
        let angle = f64::from(index) * 200.0 * std::f64::consts::TAU / f64::from(SAMPLE_RATE);
        ((angle.sin() * 2000.0) as i16).to_le_bytes()
    });
    let wave: Vec<u8> = wave.collect();
    let bytes = (ms * SAMPLE_RATE / 1000 * 2) as usize;
    let mut pcm = wave.repeat(bytes.div_ceil(wave.len()));
    pcm.truncate(bytes);
    AudioFrame { sample_rate: SAMPLE_RATE, pcm: pcm.into() }
}

fn silence(sample_rate: u32, ms: usize) -> AudioFrame {
    AudioFrame { sample_rate, pcm: vec![0; ms * sample_rate as usize / 1000 * 2].into() }
}

fn with_bogus_sizes(file: &[u8]) -> Bytes {
    let mut file = file.to_vec();
    for offset in [4, 40] {
        file.splice(offset..offset + 4, [0xFF; 4]);
    }
    file.into()
}

fn float_stereo(samples: &[f32]) -> Bytes {
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut file = io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).expect("invariant: a valid format");
    for &sample in samples {
        writer.write_sample(sample).expect("invariant: memory can be written");
    }
    writer.finalize().expect("invariant: whole frames are written");
    file.into_inner().into()
}
