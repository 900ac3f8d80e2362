//! What the server counts and measures, for `/metrics`. Labels are closed sets: never what a client has sent.
//!
//! Each part of the house is handed its own section, cheap to clone. Everything is counted where it happens by an
//! atomic addition; histograms take a lock, and so belong to chunks, turns and requests, never to single tokens.

mod by_name;
mod calls;
mod hearing;
mod process;
mod speech;
mod storage;
mod turns;
mod wire;

use std::{any::Any, panic, sync::Arc};

use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};

use self::process::Process;
pub use self::{
    calls::{CallMetrics, Dropped, Ending, OpenCall},
    hearing::{HearingMetrics, OpenMicrophone},
    speech::{CacheMetrics, EngineMetrics, PoolMetrics},
    storage::StorageMetrics,
    turns::TurnMetrics,
    wire::{COMMAND_TYPES, Carrier, Connected, Dialect, FRAME_TYPES, FrameKind, WireMetrics},
};

/// What [`Metrics::text`] is written in.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// From a millisecond, which a cached sound takes, to half a minute, which a patient learner waits, in seconds.
const SECONDS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0];

/// All metrics of one server; clones share them.
#[derive(Clone)]
pub struct Metrics {
    pub wire: WireMetrics,
    pub turns: TurnMetrics,
    pub pool: PoolMetrics,
    pub hearing: HearingMetrics,
    pub cache: CacheMetrics,
    pub storage: StorageMetrics,
    pub calls: CallMetrics,
    /// Conversations that somebody speaks in or has just spoken in.
    pub conversations: Gauge,
    panics: Counter,
    registry: Arc<Registry>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Process));
        let parla = registry.sub_registry_with_prefix("parla");
        let conversations = Gauge::default();
        let help = "Conversations that are awake";
        parla.register("conversations_awake", help, conversations.clone());
        let panics = Counter::default();
        parla.register("panics", "Panics, each the end of one task", panics.clone());
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        parla.register("build", "Which parla this is", version);
        Self {
            wire: WireMetrics::new(parla),
            turns: TurnMetrics::new(parla),
            pool: PoolMetrics::new(parla),
            hearing: HearingMetrics::new(parla),
            cache: CacheMetrics::new(parla),
            storage: StorageMetrics::new(parla),
            calls: CallMetrics::new(parla),
            conversations,
            panics,
            registry: Arc::new(registry),
        }
    }
}

impl Metrics {
    /// All of them as they stand, in the text form of `OpenMetrics`.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        text::encode(&mut text, &self.registry).expect("invariant: a String takes all text");
        text
    }

    /// Counts and logs every panic of the process from here on, whichever task or thread it ends.
    pub fn watch_panics(&self) {
        let panics = self.panics.clone();
        panic::set_hook(Box::new(move |panic| {
            panics.inc();
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let reason = reason(panic.payload());
            tracing::error!(code = "panic", reason, "a task panicked at {place}");
        }));
    }
}

fn reason(payload: &dyn Any) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason")
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}
