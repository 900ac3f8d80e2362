//! The speech pool: a chunk's text becomes sound, made once and in the best order. It knows no conversation.

mod admission;
mod attempt;
mod cache;
#[cfg(test)]
mod fake;
mod flight;
mod key;
mod lane;
mod schedule;
mod speech;
#[cfg(test)]
mod tests;

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use self::{
    admission::Speaking,
    flight::{Flight, Flights, Work},
    lane::Lane,
    schedule::Claims,
};
pub use self::{
    admission::{Admitted, carried},
    cache::{AudioCache, CacheSettings},
    key::CacheKey,
    lane::EngineLoad,
    schedule::{Listener, Place},
    speech::{Speech, SpeechError, SpeechEvent, Spoken},
};
use crate::{
    domain::AudioFrame,
    providers::{SpeechRequest, Synthesizer},
    shutdown::Shutdown,
    telemetry::metrics::PoolMetrics,
};

/// Speaks chunks by the first engine that can; clones share its slots and its cache.
#[derive(Clone)]
pub struct SpeechPool {
    shared: Arc<Shared>,
}

struct Shared {
    lanes: Arc<[Arc<Lane>]>,
    cache: AudioCache,
    settings: PoolSettings,
    metrics: PoolMetrics,
    shutdown: Shutdown,
    arrivals: AtomicU64,
    speaking: Speaking,
    /// The place of the lane that made the newest sound: the one on which the next ones will most likely depend.
    in_use: Arc<AtomicUsize>,
    /// Plain data, never held over an await: a std mutex.
    flights: Mutex<Flights>,
}

/// How much the pool takes on.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    /// Turns that may speak at once, however fast the engines are.
    pub turns: usize,
    /// Jobs beyond the engines' slots that may wait; one more is refused. What few turns are admitted is not meant to
    /// reach it.
    pub waiting: usize,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self { turns: usize::MAX, waiting: 16_384 }
    }
}

/// One chunk to speak.
#[derive(Clone, Debug)]
pub struct SpeechJob {
    pub request: SpeechRequest,
    pub place: Place,
}

impl SpeechPool {
    /// Asks the engines in the given order.
    #[must_use]
    pub fn new(
        engines: Vec<Arc<dyn Synthesizer>>,
        cache: AudioCache,
        settings: PoolSettings,
        metrics: PoolMetrics,
        shutdown: Shutdown,
    ) -> Self {
        let lane = |engine: Arc<dyn Synthesizer>| {
            let metrics = metrics.engine(engine.name());
            Lane::new(engine, metrics)
        };
        let shared = Shared {
            lanes: engines.into_iter().map(lane).collect(),
            cache,
            settings,
            metrics,
            shutdown,
            arrivals: AtomicU64::default(),
            speaking: Speaking::default(),
            in_use: Arc::default(),
            flights: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes on one more turn; `None` when those that speak already need all that the engine in use can make.
    #[must_use]
    pub fn admit(&self) -> Option<Admitted> {
        let shared = &self.shared;
        let (slots, pace) = match shared.lanes.get(shared.in_use.load(Ordering::Relaxed)) {
            Some(lane) => (lane.slots, lane.pace()),
            None => (1, 0.0),
        };
        shared.speaking.admit(slots, pace, shared.settings.turns)
    }

    /// Begins at once, whether or not anybody listens to the events.
    #[must_use]
    pub fn speak(&self, job: SpeechJob) -> Speech {
        let keys = self.shared.keys(&job.request);
        if let Some(spoken) = keys.first().and_then(|key| self.shared.cache.again(key)) {
            return Speech::finished(Ok(spoken));
        }
        let place = Arc::new(job.place);
        let Some(flight) = self.shared.join(keys, job.request, &place) else {
            self.shared.metrics.refused();
            return Speech::finished(Err(SpeechError::AtCapacity));
        };
        Speech::following(flight, place)
    }

    /// A finished file, from memory or disk, verified; `None` when it has to be spoken again.
    pub async fn audio(&self, key: &CacheKey) -> Option<AudioFrame> {
        Some(self.shared.cache.fetch(*key).await?.sound.clone())
    }

    /// How many turns are being spoken.
    #[must_use]
    pub fn turns(&self) -> usize {
        self.shared.speaking.turns()
    }

    /// Bytes of finished sound in memory and on disk.
    #[must_use]
    pub fn cached_bytes(&self) -> (u64, u64) {
        self.shared.cache.held()
    }

    /// Why finished sounds cannot be put on disk, when they cannot.
    #[must_use]
    pub fn cache_trouble(&self) -> Option<String> {
        self.shared.cache.trouble()
    }

    /// How busy each engine is, in their order.
    #[must_use]
    pub fn load(&self) -> Vec<EngineLoad> {
        self.shared.lanes.iter().map(|lane| lane.load()).collect()
    }
}

impl Shared {
    fn keys(&self, request: &SpeechRequest) -> Arc<[CacheKey]> {
        self.lanes.iter().map(|lane| CacheKey::new(&*lane.engine, request)).collect()
    }

    /// Joins the same job in flight or starts it; `None` when there are too many.
    fn join(
        &self,
        keys: Arc<[CacheKey]>,
        request: SpeechRequest,
        place: &Arc<Place>,
    ) -> Option<Arc<Flight>> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.find(&keys) {
            flight.claims.join(place);
            return Some(flight);
        }
        if !flights.has_room(self.capacity()) {
            return None;
        }
        let flight = self.start(keys.clone(), request, place);
        flights.insert(keys, &flight);
        Some(flight)
    }

    fn start(
        &self,
        keys: Arc<[CacheKey]>,
        request: SpeechRequest,
        place: &Arc<Place>,
    ) -> Arc<Flight> {
        let claims = Arc::new(Claims::new(self.arrivals.fetch_add(1, Ordering::Relaxed)));
        claims.join(place);
        let work = Work {
            keys,
            request: Arc::new(request),
            lanes: self.lanes.clone(),
            in_use: Arc::clone(&self.in_use),
            cache: self.cache.clone(),
        };
        Flight::start(work, claims, &self.shutdown)
    }

    fn capacity(&self) -> usize {
        self.settings.waiting + self.lanes.iter().map(|lane| lane.slots).sum::<usize>()
    }
}
