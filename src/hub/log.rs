//! One topic's newest events, bounded in number and bytes. Whoever falls off the old end is told, not waited for.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::watch, time::Instant};

use crate::{
    domain::{Event, TurnSnapshot, random_token},
    wall_clock,
};

use super::{Published, RESUME_WINDOW, Resume, Subscription};

/// Durable events that a log keeps.
const DURABLE_LIMIT: usize = 512;
/// Bytes of text that a log keeps, by estimate; an older event goes when a newer one needs its room.
const BYTE_LIMIT: usize = 1024 * 1024;
/// What an event costs beside its text, in bytes, by estimate.
const EVENT_BYTES: usize = 256;
/// Events that a cursor takes at a time: enough for one flush, too few to starve the other sockets.
const BATCH: usize = 64;

/// A topic's log. Only its owner publishes; anyone may listen.
#[derive(Debug)]
pub struct Log {
    epoch: String,
    state: Mutex<State>,
    /// The position after the newest event.
    tail: watch::Sender<u64>,
}

/// One listener's place in a log.
#[derive(Debug)]
pub struct Cursor {
    log: Arc<Log>,
    next: u64,
    /// What is older is a replay, and transient events are not replayed.
    live_from: u64,
    tail: watch::Receiver<u64>,
}

/// The listener was too slow: events it has not seen are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fell out of the log")]
pub struct Lagged;

#[derive(Debug)]
struct State {
    events: VecDeque<Arc<Published>>,
    /// The position of the oldest event kept.
    first: u64,
    next_seq: u64,
    durable: usize,
    bytes: usize,
    idle_since: Instant,
}

impl Log {
    pub(super) fn new() -> Self {
        let state = State {
            events: VecDeque::new(),
            first: 0,
            next_seq: 1,
            durable: 0,
            bytes: 0,
            idle_since: Instant::now(),
        };
        Self { epoch: random_token(), state: Mutex::new(state), tail: watch::Sender::new(0) }
    }

    /// Names this life of the log: sequence numbers of another epoch mean nothing here.
    #[must_use]
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The newest sequence number; 0 before the first.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.lock().next_seq - 1
    }

    /// Whether anybody listens.
    #[must_use]
    pub fn has_listeners(&self) -> bool {
        self.tail.receiver_count() > 0
    }

    /// Appends an event and wakes everybody.
    pub fn publish(&self, event: Event) {
        let mut state = self.lock();
        let seq = event.is_durable().then_some(state.next_seq);
        state.append(Arc::new(Published::new(seq, wall_clock::now(), event)));
        let tail = state.tail();
        drop(state);
        self.tail.send_replace(tail);
    }

    /// A place after the client's last event when that can be had, else at the newest.
    #[must_use]
    pub fn subscribe(self: &Arc<Self>, resume: Option<&Resume>) -> Subscription {
        let tail = self.tail.subscribe();
        let state = self.lock();
        let live_from = state.tail();
        let found = resume
            .filter(|resume| resume.epoch == self.epoch)
            .and_then(|resume| state.position_after(resume.after));
        let seq = state.next_seq - 1;
        drop(state);
        let next = found.unwrap_or(live_from);
        let cursor = Cursor { log: Arc::clone(self), next, live_from, tail };
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

    /// Waits for the next events and takes what there is, at most a batch. Cancel-safe.
    ///
    /// # Errors
    /// [`Lagged`] when events that this listener has not seen are gone.
    pub async fn next(&mut self) -> Result<Vec<Arc<Published>>, Lagged> {
        loop {
            let events = self.take()?;
            if !events.is_empty() {
                return Ok(events);
            }
            // The sender lives in the log, which this cursor keeps alive.
            if self.tail.changed().await.is_err() {
                return Err(Lagged);
            }
        }
    }

    /// Takes what there is without waiting.
    ///
    /// # Errors
    /// [`Lagged`] when events that this listener has not seen are gone.
    pub fn take(&mut self) -> Result<Vec<Arc<Published>>, Lagged> {
        self.tail.mark_unchanged();
        let mut taken = Vec::new();
        let state = self.log.lock();
        if self.next < state.first {
            return Err(Lagged);
        }
        while taken.len() < BATCH
            && let Some(published) = state.at(self.next)
        {
            if published.seq.is_some() || self.next >= self.live_from {
                taken.push(Arc::clone(published));
            }
            self.next += 1;
        }
        if state.tail() > self.next {
            self.tail.mark_changed();
        }
        Ok(taken)
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        self.log.lock().idle_since = Instant::now();
    }
}

impl State {
    fn tail(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    fn at(&self, position: u64) -> Option<&Arc<Published>> {
        self.events.get(usize::try_from(position.checked_sub(self.first)?).ok()?)
    }

    fn append(&mut self, published: Arc<Published>) {
        self.idle_since = Instant::now();
        self.bytes += weight(&published.event);
        if published.seq.is_some() {
            self.next_seq += 1;
            self.durable += 1;
        }
        self.events.push_back(published);
        while (self.durable > DURABLE_LIMIT || self.bytes > BYTE_LIMIT) && self.events.len() > 1 {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.events.pop_front() {
            self.first += 1;
            self.bytes -= weight(&oldest.event);
            self.durable -= usize::from(oldest.seq.is_some());
        }
    }

    /// Where the event after `seq` stands; `None` when it is gone or `seq` is of the future.
    fn position_after(&self, seq: u64) -> Option<u64> {
        if seq >= self.next_seq {
            return None;
        }
        if seq == self.next_seq - 1 {
            return Some(self.tail());
        }
        let place = self.events.iter().position(|published| published.seq == Some(seq + 1))?;
        Some(self.first + place as u64)
    }
}

/// What an event costs to keep, in bytes, by estimate: its own text and a share of the frames made of it.
fn weight(event: &Event) -> usize {
    let text = match event {
        Event::Message(message) => message.text.len(),
        Event::ConversationStart(snapshot) => snapshot_weight(snapshot),
        Event::ChunkUpdate { chunk, .. }
        | Event::ChunkComplete { chunk, .. }
        | Event::ChunkFailed { chunk, .. } => chunk.text.len() * 2,
        Event::TextDelta { text, .. }
        | Event::ConversationComplete { text, .. }
        | Event::ConversationStopped { text, .. } => text.len(),
        Event::Correction { correction, .. } => correction.explanation.len(),
        Event::TurnBegan { .. }
        | Event::ConversationFailed { .. }
        | Event::PlaybackStopped { .. }
        | Event::PlaybackPaused { .. }
        | Event::PlaybackResumed { .. }
        | Event::Typing { .. } => 0,
    };
    EVENT_BYTES + text
}

fn snapshot_weight(snapshot: &TurnSnapshot) -> usize {
    snapshot.chunks.iter().map(|chunk| chunk.text.len() * 2 + EVENT_BYTES).sum()
}
