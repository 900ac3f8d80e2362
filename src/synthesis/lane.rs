//! One engine and its slots. It never holds more requests open than the engine serves at once.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;

use super::schedule::{Claims, Queue};
use crate::{providers::Synthesizer, telemetry::metrics::EngineMetrics};

/// How much of what is known of an engine's pace stays with each new sound.
const KEPT: f64 = 0.95;
/// What an engine's usual pace counts for at the start, in milliseconds of sound: the first sounds of an engine that
/// wakes up tell little.
const USUAL_MS: f64 = 30_000.0;

/// How busy an engine is.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineLoad {
    pub engine: String,
    pub slots: usize,
    /// Slots in use.
    pub busy: usize,
    /// Jobs that wait for a slot.
    pub waiting: usize,
    /// Synthesis time ÷ audio time of the latest sounds; `None` before the first one.
    pub real_time_factor: Option<f64>,
}

/// An engine with the jobs that wait for it.
pub(super) struct Lane {
    pub(super) engine: Arc<dyn Synthesizer>,
    pub(super) slots: usize,
    pub(super) metrics: EngineMetrics,
    /// Plain data, never held over an await: a std mutex.
    state: Mutex<State>,
}

struct State {
    free: usize,
    waiting: Queue<oneshot::Sender<Slot>>,
    pace: Pace,
}

/// How long an engine takes, the latest sounds counting most; both in milliseconds.
struct Pace {
    synthesis: f64,
    audio: f64,
    is_measured: bool,
}

/// Leave to ask the engine once; dropping it passes the leave on.
pub(super) struct Slot(Arc<Lane>);

/// A job's place at an engine.
pub(super) enum Entry {
    Granted(Slot),
    Waiting(oneshot::Receiver<Slot>),
}

impl Entry {
    /// Waits for its turn.
    pub(super) async fn slot(self) -> Slot {
        match self {
            Self::Granted(slot) => slot,
            Self::Waiting(granted) => {
                granted.await.expect("invariant: only grants that nobody waits for are dropped")
            }
        }
    }
}

impl Lane {
    pub(super) fn new(engine: Arc<dyn Synthesizer>, metrics: EngineMetrics) -> Arc<Self> {
        let slots = engine.slots().max(1);
        let waiting = Queue::default();
        let pace = Pace::usual(engine.usual_pace());
        let state = State { free: slots, waiting, pace };
        Arc::new(Self { engine, slots, metrics, state: Mutex::new(state) })
    }

    /// Takes a place among those who wait, or a slot when one is free. Dropping the entry gives it up.
    pub(super) fn enter(self: &Arc<Self>, claims: Arc<Claims>) -> Entry {
        let mut state = self.state();
        if state.free > 0 {
            state.free -= 1;
            return Entry::Granted(Slot(self.clone()));
        }
        let (grant, granted) = oneshot::channel();
        state.forget_the_gone();
        state.waiting.push(claims, grant);
        Entry::Waiting(granted)
    }

    /// Remembers what a sound took to make, the measure for how many turns the engine can carry.
    pub(super) fn record(&self, synthesis: Duration, audio_ms: u64) {
        self.metrics.made(synthesis, audio_ms);
        self.state().pace.add(synthesis, audio_ms);
    }

    /// Synthesis time ÷ audio time, as far as it is known.
    pub(super) fn pace(&self) -> f64 {
        self.state().pace.value()
    }

    pub(super) fn load(&self) -> EngineLoad {
        let mut state = self.state();
        state.forget_the_gone();
        EngineLoad {
            engine: self.engine.name().to_owned(),
            slots: self.slots,
            busy: self.slots - state.free,
            waiting: state.waiting.len(),
            real_time_factor: state.pace.is_measured.then(|| state.pace.value()),
        }
    }

    fn pass_on(self: &Arc<Self>) {
        let next = {
            let mut state = self.state();
            state.forget_the_gone();
            let next = state.waiting.pick();
            state.free += usize::from(next.is_none());
            next
        };
        if let Some(grant) = next {
            // Who has gone in this very moment hands the slot back, and its drop passes it on again.
            drop(grant.send(Slot(self.clone())));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pace {
    fn usual(value: f64) -> Self {
        Self { synthesis: value * USUAL_MS, audio: USUAL_MS, is_measured: false }
    }

    fn add(&mut self, synthesis: Duration, audio_ms: u64) {
        self.synthesis = KEPT * self.synthesis + synthesis.as_secs_f64() * 1000.0;
        self.audio = KEPT * self.audio + audio_ms as f64;
        self.is_measured = true;
    }

    /// Synthesis time ÷ audio time.
    fn value(&self) -> f64 {
        self.synthesis / self.audio.max(1.0)
    }
}

impl State {
    fn forget_the_gone(&mut self) {
        self.waiting.retain(|grant| !grant.is_closed());
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.pass_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(sounds: usize, synthesis_ms: u64, audio_ms: u64) -> f64 {
        let mut pace = Pace::usual(0.01);
        (0..sounds).for_each(|_| pace.add(Duration::from_millis(synthesis_ms), audio_ms));
        pace.value()
    }

    #[test]
    fn an_engine_that_wakes_up_is_not_held_to_be_slow_and_a_slow_one_is_found_out() {
        assert!(after(1, 300, 600) < 0.03);
        assert!(after(60, 4_000, 5_000) > 0.7);
    }
}
