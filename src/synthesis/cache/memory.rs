//! The sounds in memory, and which of them deserve a file. It writes none itself.

use std::{num::NonZeroUsize, sync::Arc};

use lru::LruCache;

use super::bounded::Bounded;
use crate::{
    synthesis::{CacheKey, Spoken},
    telemetry::metrics::CacheMetrics,
};

/// How many sounds are known by name after they have gone.
const KNOWN: NonZeroUsize = NonZeroUsize::new(8192).expect("invariant: not zero");
/// What a sound holds beside its samples, roughly, in bytes.
const OVERHEAD_BYTES: u64 = 1024;

/// Recent sounds, within a limit of bytes.
pub(super) struct Memory {
    sounds: Bounded<Held>,
    /// Made once at least, and lately.
    known: LruCache<CacheKey, ()>,
    metrics: CacheMetrics,
}

struct Held {
    spoken: Arc<Spoken>,
    is_fetched: bool,
}

impl Memory {
    pub(super) fn new(limit_bytes: u64, metrics: CacheMetrics) -> Self {
        Self { sounds: Bounded::new(limit_bytes), known: LruCache::new(KNOWN), metrics }
    }

    /// Bytes of all sounds.
    pub(super) fn held(&self) -> u64 {
        self.sounds.held()
    }

    pub(super) fn get(&mut self, key: &CacheKey) -> Option<Arc<Spoken>> {
        self.sounds.get(key).map(|held| held.spoken.clone())
    }

    /// The sound for somebody who listens to it.
    pub(super) fn fetch(&mut self, key: &CacheKey) -> Option<Arc<Spoken>> {
        let held = self.sounds.get(key)?;
        held.is_fetched = true;
        Some(held.spoken.clone())
    }

    /// Takes the sound in; returns those that have to leave before anybody has fetched them.
    pub(super) fn insert(&mut self, spoken: &Arc<Spoken>, is_fetched: bool) -> Vec<Arc<Spoken>> {
        let bytes = spoken.sound.pcm.len() as u64 + OVERHEAD_BYTES;
        let held = Held { spoken: spoken.clone(), is_fetched };
        let gone = self.sounds.insert(spoken.key, held, bytes);
        self.metrics.evicted("memory", gone.len());
        gone.into_iter().filter(|(_, held)| !held.is_fetched).map(|(_, held)| held.spoken).collect()
    }

    /// Notes that the sound has been made; whether it had been before.
    pub(super) fn note_made(&mut self, key: CacheKey) -> bool {
        self.known.put(key, ()).is_some()
    }
}
