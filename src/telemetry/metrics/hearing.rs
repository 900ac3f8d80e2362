//! Microphones, sound and transcripts, counted. It knows no engine but by name, and never what was said.

use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::{by_name::ByName, seconds};

/// What goes into the ears and what comes out.
#[derive(Clone)]
pub struct HearingMetrics {
    microphones: Gauge,
    heard: Counter<f64, AtomicU64>,
    dropped: Counter<f64, AtomicU64>,
    transcripts: ByName<Counter>,
    finals: Histogram,
    failures: Family<Ear, Counter>,
}

/// A microphone that counts as open until this is dropped.
pub struct OpenMicrophone(Gauge);

/// The ears are those of the settings.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ear {
    engine: String,
}

impl HearingMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let hearing = Self {
            microphones: Gauge::default(),
            heard: Counter::default(),
            dropped: Counter::default(),
            transcripts: ByName::new("kind", &["partial", "final"]),
            finals: seconds(),
            failures: Family::default(),
        };
        let help = "Microphones that are listened to";
        registry.register("hearing_microphones", help, hearing.microphones.clone());
        let help = "Seconds of sound that came from microphones";
        registry.register("hearing_audio_seconds", help, hearing.heard.clone());
        let help = "Seconds of sound dropped because no engine took them";
        registry.register("hearing_dropped_seconds", help, hearing.dropped.clone());
        registry.register("hearing_transcripts", "Transcripts told", hearing.transcripts.clone());
        let help = "Seconds from the end of a voice to its final transcript";
        registry.register("hearing_final_seconds", help, hearing.finals.clone());
        let help = "Listenings that an engine has failed in";
        registry.register("hearing_failures", help, hearing.failures.clone());
        hearing
    }

    #[must_use]
    pub fn opened(&self) -> OpenMicrophone {
        self.microphones.inc();
        OpenMicrophone(self.microphones.clone())
    }

    pub fn heard(&self, sound_ms: u64) {
        self.heard.inc_by(sound_ms as f64 / 1000.0);
    }

    pub fn dropped(&self, sound_ms: u64) {
        self.dropped.inc_by(sound_ms as f64 / 1000.0);
    }

    pub fn told(&self, is_final: bool) {
        self.transcripts.of(if is_final { "final" } else { "partial" }).inc();
    }

    /// The first final words came so long after a voice had ended.
    pub fn finished(&self, after: Duration) {
        self.finals.observe(after.as_secs_f64());
    }

    /// An engine that has not failed yet.
    pub fn expect(&self, engine: &str) {
        drop(self.failures.get_or_create(&Ear { engine: engine.to_owned() }));
    }

    /// That engine has failed while it listened; the next one, if there is one, goes on.
    pub fn failed(&self, engine: &str) {
        self.failures.get_or_create(&Ear { engine: engine.to_owned() }).inc();
    }
}

impl Drop for OpenMicrophone {
    fn drop(&mut self) {
        self.0.dec();
    }
}
