//! The speech pool and the audio cache, counted. It knows no engine but by name.

use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::{by_name::ByName, seconds};

/// What waits for voices and what they make, by engine.
#[derive(Clone)]
pub struct PoolMetrics {
    slots: Family<Engine, Gauge>,
    busy: Family<Engine, Gauge>,
    waiting: Family<Engine, Gauge>,
    waits: Family<Engine, Histogram>,
    syntheses: Family<Engine, Histogram>,
    audio: Family<Engine, Counter<f64, AtomicU64>>,
    failures: Family<Engine, Counter>,
    refusals: Counter,
}

/// One engine's part of it.
#[derive(Clone)]
pub struct EngineMetrics {
    waits: Histogram,
    syntheses: Histogram,
    audio: Counter<f64, AtomicU64>,
    failures: Counter,
}

/// How often a sound was there already.
#[derive(Clone)]
pub struct CacheMetrics {
    lookups: ByName<Counter>,
    bytes: ByName<Gauge>,
    evictions: ByName<Counter>,
}

/// The engines are those of the settings.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Engine {
    engine: String,
}

impl PoolMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let pool = Self {
            slots: Family::default(),
            busy: Family::default(),
            waiting: Family::default(),
            waits: Family::new_with_constructor(seconds),
            syntheses: Family::new_with_constructor(seconds),
            audio: Family::default(),
            failures: Family::default(),
            refusals: Counter::default(),
        };
        registry.register("speech_slots", "Requests an engine serves at once", pool.slots.clone());
        registry.register("speech_busy", "Requests an engine is serving", pool.busy.clone());
        registry.register("speech_waiting", "Chunks that wait for a slot", pool.waiting.clone());
        let help = "Seconds that a chunk waited for a slot";
        registry.register("speech_wait_seconds", help, pool.waits.clone());
        let help = "Seconds that an engine took for a chunk";
        registry.register("speech_synthesis_seconds", help, pool.syntheses.clone());
        registry.register("speech_audio_seconds", "Seconds of sound made", pool.audio.clone());
        registry.register("speech_failures", "Chunks an engine failed at", pool.failures.clone());
        let help = "Chunks refused because too many waited";
        registry.register("speech_refusals", help, pool.refusals.clone());
        pool
    }

    #[must_use]
    pub fn engine(&self, name: &str) -> EngineMetrics {
        let engine = Engine { engine: name.to_owned() };
        EngineMetrics {
            waits: self.waits.get_or_create_owned(&engine),
            syntheses: self.syntheses.get_or_create_owned(&engine),
            audio: self.audio.get_or_create_owned(&engine),
            failures: self.failures.get_or_create_owned(&engine),
        }
    }

    /// How busy an engine is at this moment.
    pub fn set_load(&self, engine: &str, slots: usize, busy: usize, waiting: usize) {
        let engine = Engine { engine: engine.to_owned() };
        for (family, count) in [(&self.slots, slots), (&self.busy, busy), (&self.waiting, waiting)]
        {
            family.get_or_create(&engine).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    pub fn refused(&self) {
        self.refusals.inc();
    }
}

impl EngineMetrics {
    pub fn waited(&self, wait: Duration) {
        self.waits.observe(wait.as_secs_f64());
    }

    pub fn made(&self, synthesis: Duration, audio_ms: u64) {
        self.syntheses.observe(synthesis.as_secs_f64());
        self.audio.inc_by(audio_ms as f64 / 1000.0);
    }

    pub fn failed(&self) {
        self.failures.inc();
    }
}

impl CacheMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let cache = Self {
            lookups: ByName::new("found", &["memory", "disk", "nowhere"]),
            bytes: ByName::new("place", &["memory", "disk"]),
            evictions: ByName::new("place", &["memory", "disk"]),
        };
        let help = "Sounds looked for, by where they were found";
        registry.register("audio_cache_lookups", help, cache.lookups.clone());
        registry.register("audio_cache_bytes", "Bytes of sound held", cache.bytes.clone());
        let help = "Sounds that made room for others";
        registry.register("audio_cache_evictions", help, cache.evictions.clone());
        cache
    }

    /// A sound was looked for and found in `place`: memory, disk or nowhere.
    pub fn looked_up(&self, place: &str) {
        self.lookups.of(place).inc();
    }

    pub fn set_bytes(&self, place: &str, bytes: u64) {
        self.bytes.of(place).set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub fn evicted(&self, place: &str, sounds: usize) {
        self.evictions.of(place).inc_by(sounds as u64);
    }
}
