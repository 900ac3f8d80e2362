//! Processes that work with a C library: one is at work, one in reserve. A worker is out of its hands while it works: whoever drops it kills it.

pub(super) mod frames;
mod process;
pub(super) mod shift;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lru::LruCache;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

use super::ProviderError;
pub(super) use frames::Frame;
pub(super) use process::Fault;
use process::Process;

/// A worker and its spare.
const WORKERS: usize = 2;
/// What the library leaks comes to little until then.
const JOBS_PER_WORKER: u32 = 10_000;
/// Texts that are remembered as poison; the one not seen for longest is forgotten first.
const POISON: NonZeroUsize = NonZeroUsize::new(1024).expect("invariant: not zero");
/// A worker may have been killed for reasons of its own: a text is tried again after this time.
const POISON_LASTS: Duration = Duration::from_secs(600);
/// So many faults in a row are bad texts; more are a bad worker.
const FREE_FAULTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What one kind of worker does.
pub(super) trait Trade: Send + Sync + 'static {
    /// The argument that makes the program run as such a worker.
    const COMMAND: &'static str;
    /// The engine's name in the settings.
    const NAME: &'static str;
    /// How to get the library.
    const INSTALL: &'static str;
    /// What a worker tells of itself when it greets.
    type Catalogue: DeserializeOwned + Send + Sync;
    type Job: Serialize + Send + Sync;
    type Answer: DeserializeOwned + Send;
}

/// The workers of one engine.
pub(super) struct Crew<T: Trade> {
    program: PathBuf,
    /// How long one job may take.
    patience: Duration,
    /// One job at a time: the spare is there for faults.
    floor: Semaphore,
    state: Mutex<State<T>>,
}

/// Why a job came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The job has brought down every worker that tried it, and none will try again.
    #[error("it brings every worker down")]
    Poison,
    /// No worker came so far as to see the job.
    #[error(transparent)]
    Start(Fault),
    /// A worker failed at the job.
    #[error(transparent)]
    Job(Fault),
    /// Workers keep failing, so none is started for a while.
    #[error("its workers keep failing")]
    Paused(Duration),
}

impl Failure {
    /// What it means to whoever has asked.
    pub(super) fn told_by<T: Trade>(self) -> ProviderError {
        let provider = T::NAME.to_owned();
        let reason = self.to_string();
        match self {
            Self::Poison => ProviderError::Rejected { provider, reason },
            Self::Paused(pause) => ProviderError::AtCapacity { provider, retry_after: Some(pause) },
            Self::Start(Fault::NoLibrary(_)) => {
                ProviderError::Unreachable { provider, reason: format!("{reason}: {}", T::INSTALL) }
            }
            Self::Start(_) => ProviderError::Unreachable { provider, reason },
            Self::Job(Fault::Late) => ProviderError::TimedOut { provider },
            Self::Job(_) => ProviderError::Broken { provider, reason },
        }
    }
}

struct State<T: Trade> {
    /// The spare is the last to be taken.
    idle: Vec<Process<T>>,
    /// Since when.
    poison: LruCache<u64, Instant>,
    /// Since the last job that was done.
    faults: u32,
    not_before: Instant,
}

impl<T: Trade> Crew<T> {
    pub(super) fn new(program: PathBuf, patience: Duration) -> Self {
        let state = State {
            idle: Vec::with_capacity(WORKERS),
            poison: LruCache::new(POISON),
            faults: 0,
            not_before: Instant::now(),
        };
        Self { program, patience, floor: Semaphore::new(1), state: Mutex::new(state) }
    }

    /// What the workers tell of themselves.
    pub(super) async fn catalogue(&self) -> Result<Arc<T::Catalogue>, Failure> {
        let _turn = self.turn().await;
        let (worker, catalogue) = self.ready_worker().await?;
        self.state().idle.push(worker);
        Ok(catalogue)
    }

    /// Has a job done that `job` makes of what the workers can do; `text` is what it may be remembered by.
    pub(super) async fn perform(
        &self,
        text: &impl Hash,
        job: impl Fn(&T::Catalogue) -> T::Job,
        body: &[u8],
    ) -> Result<Frame<T::Answer>, Failure> {
        let _turn = self.turn().await;
        let text = fingerprint(text);
        if self.state().is_poison(text) {
            return Err(Failure::Poison);
        }
        let first = match self.attempt(&job, body).await {
            Err(failure @ (Failure::Job(_) | Failure::Start(Fault::BrokeOff(_)))) => failure,
            outcome => return outcome,
        };
        let second = self.attempt(&job, body).await;
        if let (Failure::Job(_), Err(Failure::Job(_))) = (first, &second) {
            self.state().poison.put(text, Instant::now());
        }
        second
    }

    /// Whether a job would have to wait.
    pub(super) fn is_busy(&self) -> bool {
        self.floor.available_permits() == 0
    }

    async fn attempt(
        &self,
        job: &impl Fn(&T::Catalogue) -> T::Job,
        body: &[u8],
    ) -> Result<Frame<T::Answer>, Failure> {
        let (mut worker, catalogue) = self.ready_worker().await?;
        let outcome = worker.perform(&job(&catalogue), body, self.patience).await;
        let mut state = self.state();
        match outcome {
            Ok(answer) => {
                state.succeeded(worker);
                Ok(answer)
            }
            Err(fault) => Err(Failure::Job(state.noted(fault))),
        }
    }

    /// A worker that has greeted.
    async fn ready_worker(&self) -> Result<(Process<T>, Arc<T::Catalogue>), Failure> {
        let mut worker = self.state().take(&self.program)?;
        match worker.catalogue(self.patience).await {
            Ok(catalogue) => Ok((worker, catalogue)),
            Err(fault) => Err(Failure::Start(self.state().noted(fault))),
        }
    }

    async fn turn(&self) -> SemaphorePermit<'_> {
        self.floor.acquire().await.expect("invariant: the semaphore is never closed")
    }

    /// The lock guards plain data and is never held over an await.
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Trade> State<T> {
    fn is_poison(&mut self, text: u64) -> bool {
        self.poison.get(&text).is_some_and(|since| since.elapsed() < POISON_LASTS)
    }

    /// A worker that still runs; behind it a spare is left, or starting.
    fn take(&mut self, program: &Path) -> Result<Process<T>, Failure> {
        self.idle.retain_mut(Process::is_running);
        let filled = self.fill(program);
        if self.idle.is_empty() {
            filled?;
        }
        Ok(self.idle.pop().expect("invariant: one was left, or two were started"))
    }

    /// Starts what is missing, unless workers have failed too often of late.
    fn fill(&mut self, program: &Path) -> Result<(), Failure> {
        let pause = self.not_before.saturating_duration_since(Instant::now());
        if !pause.is_zero() {
            return Err(Failure::Paused(pause));
        }
        while self.idle.len() < WORKERS {
            let worker = Process::start(program).map_err(|fault| self.noted(fault));
            self.idle.insert(0, worker.map_err(Failure::Start)?);
        }
        Ok(())
    }

    fn succeeded(&mut self, worker: Process<T>) {
        self.faults = 0;
        if worker.jobs < JOBS_PER_WORKER {
            self.idle.push(worker);
        }
    }

    /// Counts a fault: the more in a row, the longer nothing is started.
    fn noted(&mut self, fault: Fault) -> Fault {
        self.faults += 1;
        let pause = pause_after(self.faults);
        self.not_before = Instant::now() + pause;
        tracing::warn!(engine = T::NAME, %fault, faults = self.faults, ?pause, "a worker failed");
        fault
    }
}

fn pause_after(faults: u32) -> Duration {
    match faults.checked_sub(FREE_FAULTS + 1) {
        None => Duration::ZERO,
        Some(doublings) => {
            FIRST_PAUSE.saturating_mul(2u32.saturating_pow(doublings)).min(LONGEST_PAUSE)
        }
    }
}

fn fingerprint(text: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_with_the_faults_and_has_an_end() {
        let pauses = [1, 4, 5, 6, 7, 100].map(|faults| pause_after(faults).as_millis());
        assert_eq!(pauses, [0, 0, 100, 200, 400, 30_000]);
    }
}
