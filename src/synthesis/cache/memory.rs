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

/// Recent sounds. Those that somebody will still fetch have a limit of their own: however many come at once, and
/// however far away their listeners are, none of them makes room for one that has been heard.
pub(super) struct Memory {
    awaited: Bounded<Arc<Spoken>>,
    heard: Bounded<Arc<Spoken>>,
    /// Made once at least, and lately.
    known: LruCache<CacheKey, ()>,
    metrics: CacheMetrics,
}

impl Memory {
    /// Limits in bytes.
    pub(super) fn new(awaited: u64, heard: u64, metrics: CacheMetrics) -> Self {
        let (awaited, heard) = (Bounded::new(awaited), Bounded::new(heard));
        Self { awaited, heard, known: LruCache::new(KNOWN), metrics }
    }

    /// Bytes of all sounds.
    pub(super) fn held(&self) -> u64 {
        self.awaited.held() + self.heard.held()
    }

    pub(super) fn get(&mut self, key: &CacheKey) -> Option<Arc<Spoken>> {
        self.heard.get(key).or_else(|| self.awaited.get(key)).cloned()
    }

    /// The sound for somebody who listens to it.
    pub(super) fn fetch(&mut self, key: &CacheKey) -> Option<Arc<Spoken>> {
        if let Some(spoken) = self.heard.get(key) {
            return Some(spoken.clone());
        }
        let spoken = self.awaited.remove(key)?;
        self.keep(&spoken);
        Some(spoken)
    }

    /// Keeps a sound that somebody listens to.
    pub(super) fn keep(&mut self, spoken: &Arc<Spoken>) {
        let gone = self.heard.insert(spoken.key, spoken.clone(), weight(spoken));
        self.metrics.evicted("memory", gone.len());
    }

    /// Takes in a sound that somebody will fetch; returns those that have to leave before that.
    pub(super) fn insert(&mut self, spoken: &Arc<Spoken>) -> Vec<Arc<Spoken>> {
        let gone = self.awaited.insert(spoken.key, spoken.clone(), weight(spoken));
        self.metrics.evicted("memory", gone.len());
        gone.into_iter().map(|(_, spoken)| spoken).collect()
    }

    /// Notes that the sound has been made; whether it had been before.
    pub(super) fn note_made(&mut self, key: CacheKey) -> bool {
        self.known.put(key, ()).is_some()
    }
}

fn weight(spoken: &Spoken) -> u64 {
    spoken.sound.pcm.len() as u64 + OVERHEAD_BYTES
}
