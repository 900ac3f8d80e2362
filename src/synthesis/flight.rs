//! One job on its way through the engines, shared by all who wait for it. It is made once and asks in order.

use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    AudioCache, CacheKey, SpeechError, Spoken,
    attempt::{Sound, attempt},
    lane::{Entry, Lane},
    schedule::Claims,
};
use crate::{
    providers::{ProviderError, SpeechRequest, Urgency},
    shutdown::Shutdown,
};

/// Jobs that are being made, by their keys with all engines.
#[derive(Default)]
pub(super) struct Flights {
    flights: HashMap<Arc<[CacheKey]>, Weak<Flight>>,
    /// How many there may be until those that are over are swept out: a sweep for each job would be work for all.
    sweep_at: usize,
}

/// A job in the making; dropping the last handle gives it up.
pub(super) struct Flight {
    pub(super) claims: Arc<Claims>,
    progress: watch::Receiver<Progress>,
    task: AbortOnDropHandle<()>,
}

type Outcome = Result<Arc<Spoken>, SpeechError>;

/// How far a job is.
#[derive(Debug, Default)]
struct Progress {
    started: bool,
    outcome: Option<Outcome>,
}

/// All that it takes to make a sound.
pub(super) struct Work {
    /// One key per lane.
    pub(super) keys: Arc<[CacheKey]>,
    pub(super) request: Arc<SpeechRequest>,
    pub(super) lanes: Arc<[Arc<Lane>]>,
    /// Where the lane is noted that has made a sound.
    pub(super) in_use: Arc<AtomicUsize>,
    pub(super) cache: AudioCache,
}

impl Flights {
    /// The job under those keys, while it is being made.
    pub(super) fn find(&self, keys: &Arc<[CacheKey]>) -> Option<Arc<Flight>> {
        self.flights.get(keys)?.upgrade().filter(|flight| !flight.is_over())
    }

    /// Whether another one stays within the limit.
    pub(super) fn has_room(&mut self, limit: usize) -> bool {
        if self.flights.len() >= self.sweep_at.min(limit) {
            self.flights
                .retain(|_, flight| flight.upgrade().is_some_and(|flight| !flight.is_over()));
            self.sweep_at = 2 * self.flights.len() + 64;
        }
        self.flights.len() < limit
    }

    pub(super) fn insert(&mut self, keys: Arc<[CacheKey]>, flight: &Arc<Flight>) {
        self.flights.insert(keys, Arc::downgrade(flight));
    }
}

impl Flight {
    /// Takes its place at the first engine at once: tasks begin in any order, chunks are due in theirs.
    pub(super) fn start(work: Work, claims: Arc<Claims>, shutdown: &Shutdown) -> Arc<Self> {
        let entry = work.lanes.first().map(|lane| lane.enter(claims.clone()));
        let (tell, progress) = watch::channel(Progress::default());
        let claimed = claims.clone();
        let task = shutdown.spawn("speech", async move {
            let outcome = work.make(entry, &claimed, &tell).await;
            tell.send_replace(Progress { started: true, outcome: Some(outcome) });
        });
        Arc::new(Self { claims, progress, task: AbortOnDropHandle::new(task) })
    }

    /// Nothing more will come of it: whoever asks after that starts anew.
    pub(super) fn is_over(&self) -> bool {
        self.progress.borrow().outcome.is_some() || self.task.is_finished()
    }

    /// Resolves when the job no longer waits.
    pub(super) async fn started(&self) {
        let mut progress = self.progress.clone();
        // An error says that the task is gone, which the outcome tells.
        drop(progress.wait_for(|progress| progress.started).await);
    }

    pub(super) async fn outcome(&self) -> Outcome {
        let mut progress = self.progress.clone();
        let finished = progress.wait_for(|progress| progress.outcome.is_some()).await;
        let outcome = finished.ok().and_then(|progress| progress.outcome.clone());
        outcome.unwrap_or(Err(SpeechError::Failed("TTS was cut off")))
    }
}

impl Work {
    /// The first sound that an engine gives, or the last engine's error.
    async fn make(
        &self,
        mut entry: Option<Entry>,
        claims: &Arc<Claims>,
        tell: &watch::Sender<Progress>,
    ) -> Outcome {
        let mut outcome = Err(SpeechError::Failed("TTS is off"));
        for (place, (lane, &key)) in self.lanes.iter().zip(self.keys.iter()).enumerate() {
            if let Some(spoken) = self.cache.get(key).await {
                return Ok(spoken);
            }
            let entry = entry.take().unwrap_or_else(|| lane.enter(claims.clone()));
            let asked = Instant::now();
            let _slot = entry.slot().await;
            lane.metrics.waited(asked.elapsed());
            tell.send_modify(|progress| progress.started = true);
            match self.ask(lane, key, claims.wanted()).await {
                Ok(spoken) => {
                    self.in_use.store(place, Ordering::Relaxed);
                    return Ok(spoken);
                }
                Err(error) => {
                    lane.metrics.failed();
                    tracing::warn!(code = "tts_failed", %error, "a voice failed");
                    outcome = Err(error.into());
                }
            }
        }
        outcome
    }

    async fn ask(
        &self,
        lane: &Lane,
        key: CacheKey,
        urgency: Urgency,
    ) -> Result<Arc<Spoken>, ProviderError> {
        let engine = &*lane.engine;
        let asked = Instant::now();
        let answer = timeout(engine.patience(), attempt(engine, &self.request, urgency)).await;
        let late = |_| Err(ProviderError::TimedOut { provider: engine.name().to_owned() });
        let Sound { frame, words } = answer.unwrap_or_else(late)?;
        lane.record(asked.elapsed(), frame.duration_ms());
        let spoken = Arc::new(Spoken {
            key,
            engine: engine.name().to_owned(),
            sound: frame,
            words,
            emotion: engine.emotion_applied(self.request.emotion),
        });
        self.cache.put(&spoken);
        Ok(spoken)
    }
}
