//! Turns, counted and measured when they end. Nothing here is touched while a model writes.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use super::{by_name::ByName, seconds};
use crate::domain::{Latency, Timings, Usage};

/// The stages of a turn for which its learner waits.
const WAITS: &[&str] = &[
    "final_transcript",
    "end_of_turn",
    "first_token",
    "first_chunk",
    "first_audio",
    "first_heard",
];

/// What became of turns.
#[derive(Clone)]
pub struct TurnMetrics {
    outcomes: ByName<Counter>,
    failures: Family<Failed, Counter>,
    first_token: Histogram,
    first_chunk: Histogram,
    first_audio: Histogram,
    total: Histogram,
    waits: ByName<Histogram>,
    tokens: ByName<Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failed {
    code: &'static str,
}

impl TurnMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let turns = Self {
            outcomes: ByName::new("outcome", &["complete", "stopped", "failed"]),
            failures: Family::default(),
            first_token: seconds(),
            first_chunk: seconds(),
            first_audio: seconds(),
            total: seconds(),
            waits: ByName::made("stage", WAITS, seconds),
            tokens: ByName::new("kind", &["prompt", "completion"]),
        };
        registry.register("turns", "Turns that ended", turns.outcomes.clone());
        registry.register("turn_failures", "Turns that failed, by code", turns.failures.clone());
        let mut measured = |name, what: &str, histogram: &Histogram| {
            let help = format!("Seconds from the learner's message to {what}");
            registry.register(name, help, histogram.clone());
        };
        measured("turn_first_token_seconds", "the model's first text", &turns.first_token);
        measured("turn_first_chunk_seconds", "the first sentence", &turns.first_chunk);
        measured("turn_first_audio_seconds", "the first sentence's sound", &turns.first_audio);
        measured("turn_seconds", "the end of the turn's making", &turns.total);
        let help = "Seconds from the end of the learner's speech, or from their message, by stage";
        registry.register("turn_wait_seconds", help, turns.waits.clone());
        registry.register("model_tokens", "Tokens that models counted", turns.tokens.clone());
        turns
    }

    /// A turn has ended as `outcome`, `failure` being its code when it failed.
    pub fn ended(&self, outcome: &str, failure: Option<&'static str>, timings: &Timings) {
        self.outcomes.of(outcome).inc();
        if let Some(code) = failure {
            self.failures.get_or_create(&Failed { code }).inc();
        }
        // A turn that was stopped has no end of its making.
        let total_ms = (outcome != "stopped").then_some(timings.total_ms);
        let stages = [
            (&self.first_token, timings.first_token_ms),
            (&self.first_chunk, timings.first_chunk_ms),
            (&self.first_audio, timings.first_audio_ms),
            (&self.total, total_ms),
        ];
        for (histogram, ms) in stages {
            if let Some(ms) = ms {
                histogram.observe(ms as f64 / 1000.0);
            }
        }
    }

    /// How long a learner has waited for a turn.
    pub fn waited(&self, latency: &Latency) {
        let stages = [
            latency.final_transcript_ms,
            latency.end_of_turn_ms,
            latency.first_token_ms,
            latency.first_chunk_ms,
            latency.first_audio_ms,
            latency.first_heard_ms,
        ];
        for (name, ms) in WAITS.iter().zip(stages) {
            if let Some(ms) = ms {
                self.waits.of(name).observe(ms as f64 / 1000.0);
            }
        }
    }

    /// What the model has counted of a turn.
    pub fn used(&self, usage: Usage) {
        self.tokens.of("prompt").inc_by(usage.prompt_tokens);
        self.tokens.of("completion").inc_by(usage.completion_tokens);
    }
}
