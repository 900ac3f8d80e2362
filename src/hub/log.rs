//! One topic's newest events, bounded in number and bytes. Whoever falls off the old end is told, not waited for.

mod kept;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{sync::watch, time::Instant};

use crate::{
    domain::{Event, random_token},
    wall_clock,
};

use self::kept::Kept;
use super::{Interest, Published, RESUME_WINDOW, Subscription};

/// Events that a cursor takes at a time: enough for one flush, too few to starve the other sockets.
const BATCH: usize = 64;

/// A topic's log.
#[derive(Debug)]
pub struct Log {
    epoch: String,
    state: Mutex<State>,
    /// The position after the newest event.
    tail: watch::Sender<u64>,
    /// Listeners that want text as it is released.
    delta_listeners: AtomicUsize,
}

#[derive(Debug)]
struct State {
    kept: Kept,
    idle_since: Instant,
}

/// One listener's place in a log.
#[derive(Debug)]
pub struct Cursor {
    log: Arc<Log>,
    next: u64,
    /// What is older is a replay, and transient events are not replayed.
    live_from: u64,
    tail: watch::Receiver<u64>,
    wants_deltas: bool,
}

/// The listener was too slow: events it has not seen are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fell out of the log")]
pub struct Lagged;

impl Log {
    pub(super) fn new() -> Self {
        Self {
            epoch: random_token(),
            state: Mutex::new(State { kept: Kept::default(), idle_since: Instant::now() }),
            tail: watch::Sender::new(0),
            delta_listeners: AtomicUsize::new(0),
        }
    }

    /// Names this life of the log: sequence numbers of another epoch mean nothing here.
    #[must_use]
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The newest sequence number; 0 before the first.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.lock().kept.seq()
    }

    /// Whether anybody listens.
    #[must_use]
    pub fn has_listeners(&self) -> bool {
        self.tail.receiver_count() > 0
    }

    /// Appends an event and wakes everybody.
    pub fn publish(&self, event: Event) {
        let is_delta = matches!(event, Event::TextDelta { .. });
        if is_delta && self.delta_listeners.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut state = self.lock();
        state.idle_since = Instant::now();
        let seq = event.is_durable().then(|| state.kept.seq() + 1);
        let listeners = self.tail.receiver_count();
        let published = Arc::new(Published::new(seq, wall_clock::now(), event, listeners));
        state.kept.append(published, listeners);
        let tail = state.kept.tail();
        drop(state);
        self.tail.send_replace(tail);
    }

    /// A place after the client's last event when that can be had, else at the newest.
    #[must_use]
    pub fn subscribe(self: &Arc<Self>, interest: &Interest) -> Subscription {
        self.delta_listeners.fetch_add(usize::from(interest.deltas), Ordering::Relaxed);
        let mut tail = self.tail.subscribe();
        let state = self.lock();
        let live_from = state.kept.tail();
        let found = interest
            .resume
            .as_ref()
            .filter(|resume| resume.epoch == self.epoch)
            .and_then(|resume| state.kept.position_after(resume.after));
        let seq = state.kept.seq();
        drop(state);
        let next = found.unwrap_or(live_from);
        if next < live_from {
            tail.mark_changed();
        }
        let wants_deltas = interest.deltas;
        let cursor = Cursor { log: Arc::clone(self), next, live_from, tail, wants_deltas };
        Subscription { cursor, seq, recovered: found.is_some() }
    }

    pub(super) fn is_abandoned(&self, now: Instant) -> bool {
        !self.has_listeners() && now.duration_since(self.lock().idle_since) >= RESUME_WINDOW
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cursor {
    #[must_use]
    pub fn epoch(&self) -> &str {
        &self.log.epoch
    }

    /// The newest sequence number of the log, whether or not this cursor has reached it.
    #[must_use]
    pub fn newest_seq(&self) -> u64 {
        self.log.seq()
    }

    #[cfg(test)]
    pub(super) fn position(&self) -> u64 {
        self.next
    }

    /// Waits for the next events and takes what there is, at most a batch. Cancel-safe.
    ///
    /// # Errors
    /// [`Lagged`] when events that this listener has not seen are gone.
    pub async fn next(&mut self) -> Result<Vec<Arc<Published>>, Lagged> {
        // Whoever knows all does not lock the log: thousands wait for the next event of one.
        let mut is_news = self.tail.has_changed().unwrap_or(true);
        loop {
            let events = if is_news { self.take()? } else { Vec::new() };
            if !events.is_empty() {
                return Ok(events);
            }
            // The sender lives in the log, which this cursor keeps alive.
            if self.tail.changed().await.is_err() {
                return Err(Lagged);
            }
            is_news = true;
        }
    }

    /// Takes what there is without waiting.
    ///
    /// # Errors
    /// [`Lagged`] when events that this listener has not seen are gone.
    pub fn take(&mut self) -> Result<Vec<Arc<Published>>, Lagged> {
        self.tail.mark_unchanged();
        let mut taken = Vec::new();
        let mut state = self.log.lock();
        if state.kept.has_lost(self.next, self.live_from) {
            return Err(Lagged);
        }
        while let Some((next, event)) = state.kept.take(self.next, self.live_from) {
            self.next = next;
            taken.extend(event);
            if taken.len() == BATCH {
                self.tail.mark_changed();
                return Ok(taken);
            }
        }
        self.next = state.kept.tail();
        Ok(taken)
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        self.log.delta_listeners.fetch_sub(usize::from(self.wants_deltas), Ordering::Relaxed);
        self.log.lock().idle_since = Instant::now();
    }
}
