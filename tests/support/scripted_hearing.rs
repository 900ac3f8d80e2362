//! What the stand-ins for streaming ears share: a script of what is said when, faults, and the socket. It knows no wire.

#![allow(dead_code, unreachable_pub, reason = "each test uses another part of it")]

mod passages;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{
        Query, State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
    serve::ListenerExt,
};
use parla::shutdown::Shutdown;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

pub use passages::{Passage, Passages, Spoken};

/// How a stand-in is to behave.
#[derive(Clone, Debug)]
pub struct Script {
    /// The key that connections must bring.
    pub key: Option<&'static str>,
    /// What the connections meet, in their order; the last one is met by all that follow.
    pub sessions: Vec<Session>,
    /// Deepgram: how long it bears neither sound nor `KeepAlive`.
    pub idle: Duration,
    /// AssemblyAI: how far sound may be ahead of the clock.
    pub ahead: Duration,
}

/// What is said in the sound of one connection, whatever the sound is, and what goes wrong.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// In their order, without overlaps.
    pub spoken: Vec<Spoken>,
    pub faults: Vec<Fault>,
}

/// What goes wrong; places are milliseconds of sound received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An error status instead of a socket; 429 comes with `retry-after: 7`.
    Refuse(u16),
    /// The handshake is not answered.
    Hang,
    Close {
        at_ms: u64,
        code: u16,
        reason: &'static str,
    },
    /// The connection ends without a close.
    Cut {
        at_ms: u64,
    },
    /// Nothing is answered any more, to pings neither.
    Stall {
        at_ms: u64,
    },
    /// Nothing is told any more; pings are answered.
    Mute {
        at_ms: u64,
    },
    /// One text that is no JSON.
    Garbage {
        at_ms: u64,
    },
    /// One frame of two megabytes.
    Huge {
        at_ms: u64,
    },
    /// Every final result comes twice.
    DoubleFinals,
    /// Final results have no words.
    EmptyFinals,
    NoConfidence,
    /// Words of a result run backwards in time.
    Backwards,
    /// `Finalize` or `ForceEndpoint` is not answered.
    IgnoresFlush,
}

/// What one connection has brought.
#[derive(Clone, Debug, Default)]
pub struct Received {
    pub query: BTreeMap<String, String>,
    pub authorization: Option<String>,
    /// Bytes of each binary frame.
    pub frames: Vec<usize>,
    /// All text frames.
    pub texts: Vec<Value>,
    /// What it was told, and when.
    pub told: Vec<(std::time::Instant, Value)>,
}

/// One service's wire: what it makes of frames.
pub trait Ear: Send + Sync + 'static {
    /// Why it refuses the connection, with a status.
    fn refusal(script: &Script, received: &Received) -> Option<(u16, String)>;
    fn begin(script: &Script, session: Session) -> Self;
    fn greeting(&self) -> Vec<Answer> {
        Vec::new()
    }
    fn sound(&mut self, pcm: &[u8]) -> Vec<Answer>;
    fn text(&mut self, text: &Value) -> Vec<Answer>;
    /// When it closes a silent connection, and with what.
    fn idle(&self) -> Option<(Duration, Answer)> {
        None
    }
}

/// What an ear sends.
#[derive(Clone, Debug)]
pub enum Answer {
    Text(Value),
    Close(u16, &'static str),
}

/// A running stand-in; dropping it ends it.
pub struct Scripted {
    url: String,
    shared: Arc<Shared>,
    _server: AbortOnDropHandle<()>,
}

struct Shared {
    script: Script,
    seen: Mutex<Vec<Received>>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            key: None,
            sessions: vec![Session::default()],
            idle: Duration::from_secs(10),
            ahead: Duration::from_millis(500),
        }
    }
}

impl Script {
    /// Every connection hears the same and nothing goes wrong.
    pub fn of(spoken: &[Spoken]) -> Self {
        Self::failing(spoken, &[])
    }

    pub fn failing(spoken: &[Spoken], faults: &[Fault]) -> Self {
        let session = Session { spoken: spoken.to_vec(), faults: faults.to_vec() };
        Self { sessions: vec![session], ..Self::default() }
    }
}

impl Session {
    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }
}

impl Received {
    /// How much sound came, in milliseconds at 16 kHz.
    pub fn sound_ms(&self) -> u64 {
        ms(self.frames.iter().sum())
    }

    /// The `type` of each text frame.
    pub fn kinds(&self) -> Vec<&str> {
        self.texts.iter().filter_map(|text| text["type"].as_str()).collect()
    }
}

impl Scripted {
    pub async fn start<E: Ear>(path: &str, script: Script) -> io::Result<Self> {
        let shared = Arc::new(Shared { script, seen: Mutex::default() });
        let router = Router::new().route(path, get(connect::<E>)).with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("ws://{}", listener.local_addr()?);
        let listener = listener.tap_io(|connection| {
            // Words must not wait until those before them are acknowledged; a client may have gone already.
            drop(connection.set_nodelay(true));
        });
        let server = Shutdown::new().spawn("scripted hearing", async move {
            axum::serve(listener, router).await.expect("invariant: serving does not end");
        });
        Ok(Self { url, shared, _server: AbortOnDropHandle::new(server) })
    }

    /// Its address without a path, `ws://…`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the connections have brought so far, refused ones too.
    pub fn received(&self) -> Vec<Received> {
        self.shared.seen().clone()
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Vec<Received>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session(&self, number: usize) -> Session {
        let sessions = &self.script.sessions;
        sessions.get(number).or(sessions.last()).cloned().unwrap_or_default()
    }
}

/// The length of 16-bit samples at 16 kHz.
pub fn ms(bytes: usize) -> u64 {
    bytes as u64 / 32
}

async fn connect<E: Ear>(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let authorization = headers.get(header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let received = Received { query, authorization, ..Received::default() };
    let refusal = E::refusal(&shared.script, &received);
    let number = {
        let mut seen = shared.seen();
        seen.push(received);
        seen.len() - 1
    };
    let session = shared.session(number);
    for fault in &session.faults {
        match fault {
            Fault::Hang => return std::future::pending().await,
            Fault::Refuse(status) => return refused(*status, "as the script says"),
            _ => {}
        }
    }
    if let Some((status, reason)) = refusal {
        return refused(status, &reason);
    }
    let ear = E::begin(&shared.script, session.clone());
    let attendance = Attendance { shared, session, number, ear };
    upgrade.on_upgrade(|socket| attendance.attend(socket))
}

fn refused(status: u16, reason: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(json!({ "error": reason }))).into_response();
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("7"));
    }
    response
}

/// One connection.
struct Attendance<E> {
    shared: Arc<Shared>,
    session: Session,
    number: usize,
    ear: E,
}

impl<E: Ear> Attendance<E> {
    async fn attend(mut self, mut socket: WebSocket) {
        let mut last_sign = Instant::now();
        if self.send(&mut socket, self.ear.greeting()).await.is_none() {
            return;
        }
        loop {
            let idle = self.ear.idle();
            let patience =
                idle.as_ref().map_or(Duration::from_secs(600), |(patience, _)| *patience);
            let answers = match timeout_at(last_sign + patience, socket.recv()).await {
                Err(_) => idle.into_iter().map(|(_, close)| close).collect(),
                Ok(Some(Ok(Message::Binary(pcm)))) => {
                    last_sign = Instant::now();
                    self.shared.seen()[self.number].frames.push(pcm.len());
                    self.ear.sound(&pcm)
                }
                Ok(Some(Ok(Message::Text(text)))) => {
                    last_sign = Instant::now();
                    let text = serde_json::from_str(&text).unwrap_or(Value::Null);
                    self.shared.seen()[self.number].texts.push(text.clone());
                    self.ear.text(&text)
                }
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => continue,
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => return,
            };
            if self.go_wrong(&mut socket).await.is_none() {
                return;
            }
            if !self.is_mute() && self.send(&mut socket, answers).await.is_none() {
                return;
            }
        }
    }

    fn is_mute(&self) -> bool {
        let heard_ms = self.shared.seen()[self.number].sound_ms();
        let mutes = |fault: &Fault| matches!(fault, Fault::Mute { at_ms } if heard_ms >= *at_ms);
        self.session.faults.iter().any(mutes)
    }

    /// `None` ends the connection.
    async fn go_wrong(&mut self, socket: &mut WebSocket) -> Option<()> {
        let heard_ms = self.shared.seen()[self.number].sound_ms();
        let is_due = |fault: &Fault| match *fault {
            Fault::Close { at_ms, .. }
            | Fault::Cut { at_ms }
            | Fault::Stall { at_ms }
            | Fault::Garbage { at_ms }
            | Fault::Huge { at_ms } => heard_ms >= at_ms,
            _ => false,
        };
        let Some(due) = self.session.faults.iter().position(is_due) else { return Some(()) };
        match self.session.faults.remove(due) {
            Fault::Close { code, reason, .. } => {
                self.send(socket, vec![Answer::Close(code, reason)]).await
            }
            Fault::Stall { .. } => std::future::pending().await,
            Fault::Garbage { .. } => socket.send(Message::text("<html>")).await.ok(),
            Fault::Huge { .. } => socket.send(Message::text("x".repeat(2 << 20))).await.ok(),
            _ => None,
        }
    }

    /// `None` ends the connection.
    async fn send(&self, socket: &mut WebSocket, answers: Vec<Answer>) -> Option<()> {
        for answer in answers {
            match answer {
                Answer::Text(text) => {
                    let frame = Message::text(text.to_string());
                    let told = (std::time::Instant::now(), text);
                    self.shared.seen()[self.number].told.push(told);
                    socket.send(frame).await.ok()?;
                }
                Answer::Close(code, reason) => {
                    let close = CloseFrame { code, reason: reason.into() };
                    socket.send(Message::Close(Some(close))).await.ok()?;
                    // A service waits for the answer; a client that is gone has answered.
                    while let Some(Ok(_)) = socket.recv().await {}
                    return None;
                }
            }
        }
        Some(())
    }
}
