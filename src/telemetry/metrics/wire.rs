//! Connections, frames, requests and refusals: what goes over the wire, counted. It knows no socket.

use std::borrow::Cow;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::by_name::{ByName, place};

/// What clients send.
pub const COMMAND_TYPES: &[&str] = &[
    "ping",
    "auth",
    "chat",
    "stop",
    "played",
    "typing",
    "prepare",
    "audio-start",
    "audio-stop",
    "invalid",
];
/// What the server sends.
pub const FRAME_TYPES: &[&str] = &[
    "connected",
    "authenticated",
    "pong",
    "error",
    "message",
    "conversation-start",
    "text-delta",
    "chunk-update",
    "chunk-complete",
    "chunk-failed",
    "conversation-complete",
    "conversation-stopped",
    "conversation-failed",
    "playback-stopped",
    "playback-paused",
    "playback-resumed",
    "latency",
    "transcript",
    "speech-started",
    "speech-stopped",
    "listening",
    "correction",
    "typing",
    "progress",
    "notice",
    "other",
];
/// How the server ends a socket; `gone` is a client that left by itself.
const CLOSE_CODES: &[&str] =
    &["gone", "1002", "1007", "1008", "1009", "1013", "3001", "3008", "4001", "other"];

/// What the wire carries.
#[derive(Clone)]
pub struct WireMetrics {
    open: Family<Connection, Gauge>,
    opened: Family<Connection, Counter>,
    closes: ByName<Counter>,
    received: ByName<Counter>,
    sent: ByName<Counter>,
    requests: Family<Request, Counter>,
    refusals: Family<Refusal, Counter>,
}

/// Whose frames a connection carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Tutor,
    Realtime,
    Listen,
}

/// What carries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    Socket,
    /// Server-Sent Events.
    Events,
    /// WebRTC.
    Call,
}

/// A connection that counts as open until this is dropped.
#[must_use]
pub struct Connected(Gauge);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Connection {
    dialect: &'static str,
    carrier: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    route: Cow<'static, str>,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    code: Cow<'static, str>,
}

impl Dialect {
    fn name(self) -> &'static str {
        match self {
            Self::Tutor => "tutor",
            Self::Realtime => "realtime",
            Self::Listen => "listen",
        }
    }
}

impl Carrier {
    fn name(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Events => "events",
            Self::Call => "call",
        }
    }
}

/// What a frame is counted as: looked up once for all who send it.
#[derive(Clone, Copy, Debug)]
pub struct FrameKind(usize);

impl FrameKind {
    /// By a name of [`FRAME_TYPES`]; the last one for any other.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self(place(FRAME_TYPES, name))
    }
}

impl WireMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let wire = Self {
            open: Family::default(),
            opened: Family::default(),
            closes: ByName::new("code", CLOSE_CODES),
            received: ByName::new("type", COMMAND_TYPES),
            sent: ByName::new("type", FRAME_TYPES),
            requests: Family::default(),
            refusals: Family::default(),
        };
        registry.register("connections", "Connections that are open", wire.open.clone());
        registry.register("connections_opened", "Connections so far", wire.opened.clone());
        registry.register(
            "socket_closes",
            "Sockets that ended, by close code",
            wire.closes.clone(),
        );
        registry.register("messages_received", "Frames of clients", wire.received.clone());
        registry.register("messages_sent", "Frames to clients", wire.sent.clone());
        registry.register("http_requests", "Answers to requests", wire.requests.clone());
        registry.register(
            "refusals",
            "Requests and frames refused, by code",
            wire.refusals.clone(),
        );
        wire
    }

    pub fn open(&self, dialect: Dialect, carrier: Carrier) -> Connected {
        let connection = Connection { dialect: dialect.name(), carrier: carrier.name() };
        self.opened.get_or_create(&connection).inc();
        let open = self.open.get_or_create_owned(&connection);
        open.inc();
        Connected(open)
    }

    /// A socket has ended; `None` when its client has gone by itself.
    pub fn closed(&self, code: Option<u16>) {
        let code = code.map_or_else(|| "gone".to_owned(), |code| code.to_string());
        self.closes.of(&code).inc();
    }

    /// A client's frame: its type, or `invalid`.
    pub fn received(&self, kind: &str) {
        self.received.of(kind).inc();
    }

    pub fn sent(&self, kind: FrameKind) {
        self.sent.at(kind.0).inc();
    }

    /// An answer, by the pattern of its route: the path itself is the client's.
    pub fn answered(&self, route: Option<&str>, status: u16) {
        let route = route.map_or(Cow::Borrowed("other"), |route| Cow::Owned(route.to_owned()));
        self.requests.get_or_create(&Request { route, status }).inc();
    }

    /// A refusal, by a code of the server's own.
    pub fn refused(&self, code: Cow<'static, str>) {
        self.refusals.get_or_create(&Refusal { code }).inc();
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.dec();
    }
}
