//! Keeps one worker at work and one in reserve. A worker is out of its hands while it works: whoever drops it kills it.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lru::LruCache;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

use super::{
    process::{Fault, Process},
    wire::{Answer, Catalogue, Frame, Job},
};

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

/// The workers of one engine.
pub(super) struct Crew {
    program: PathBuf,
    /// How long one job may take.
    patience: Duration,
    /// One job at a time: the spare is there for faults.
    floor: Semaphore,
    state: Mutex<State>,
}

/// Why a job came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The text has brought down every worker that tried it, and none will try again.
    #[error("the text brings the voice down")]
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

struct State {
    /// The spare is the last to be taken.
    idle: Vec<Process>,
    /// Since when.
    poison: LruCache<u64, Instant>,
    /// Since the last job that was done.
    faults: u32,
    not_before: Instant,
}

impl Crew {
    pub(super) fn new(program: PathBuf, patience: Duration) -> Self {
        let state = State {
            idle: Vec::with_capacity(WORKERS),
            poison: LruCache::new(POISON),
            faults: 0,
            not_before: Instant::now(),
        };
        Self { program, patience, floor: Semaphore::new(1), state: Mutex::new(state) }
    }

    /// What the workers can speak.
    pub(super) async fn catalogue(&self) -> Result<Arc<Catalogue>, Failure> {
        let _turn = self.turn().await;
        let (worker, catalogue) = self.ready_worker().await?;
        self.state().idle.push(worker);
        Ok(catalogue)
    }

    /// Has a job done that `job` makes of what the workers can speak; `text` is what it may be remembered by.
    pub(super) async fn perform(
        &self,
        text: &impl Hash,
        job: impl Fn(&Catalogue) -> Job,
    ) -> Result<Frame<Answer>, Failure> {
        let _turn = self.turn().await;
        let text = fingerprint(text);
        if self.state().is_poison(text) {
            return Err(Failure::Poison);
        }
        let first = match self.attempt(&job).await {
            Err(failure @ (Failure::Job(_) | Failure::Start(Fault::BrokeOff(_)))) => failure,
            outcome => return outcome,
        };
        let second = self.attempt(&job).await;
        if let (Failure::Job(_), Err(Failure::Job(_))) = (first, &second) {
            self.state().poison.put(text, Instant::now());
        }
        second
    }

    async fn attempt(&self, job: &impl Fn(&Catalogue) -> Job) -> Result<Frame<Answer>, Failure> {
        let (mut worker, catalogue) = self.ready_worker().await?;
        let outcome = worker.perform(&job(&catalogue), self.patience).await;
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
    async fn ready_worker(&self) -> Result<(Process, Arc<Catalogue>), Failure> {
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
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_poison(&mut self, text: u64) -> bool {
        self.poison.get(&text).is_some_and(|since| since.elapsed() < POISON_LASTS)
    }

    /// A worker that still runs; behind it a spare is left, or starting.
    fn take(&mut self, program: &Path) -> Result<Process, Failure> {
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

    fn succeeded(&mut self, worker: Process) {
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
        tracing::warn!(%fault, faults = self.faults, ?pause, "an eSpeak worker failed");
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
