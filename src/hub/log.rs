//! One topic's newest events, bounded in number and bytes. Whoever falls off the old end is told, not waited for.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{sync::watch, time::Instant};

use crate::{
    domain::{Chunk, Event, SpeechState, TurnSnapshot, random_token},
    wall_clock,
};

use super::{Interest, Published, RESUME_WINDOW, Subscription};

/// Durable events that a log keeps.
const DURABLE_LIMIT: usize = 512;
/// Bytes of durable events that a log keeps, by estimate; an older event goes when a newer one needs its room.
const DURABLE_BYTES: usize = 1024 * 1024;
/// Transient events have a bound of their own: however many come, they take no room from what can be resumed.
const TRANSIENT_LIMIT: usize = 512;
const TRANSIENT_BYTES: usize = 256 * 1024;
/// What an event costs beside its text, in bytes, by estimate.
const EVENT_BYTES: usize = 256;
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

#[derive(Debug)]
struct State {
    /// `None` where a transient event has been dropped.
    events: VecDeque<Option<Arc<Published>>>,
    /// The position of the oldest event kept.
    first: u64,
    next_seq: u64,
    durable: Kept,
    transient: Kept,
    /// Transient events before this position are gone.
    live_only_from: u64,
    idle_since: Instant,
}

/// The positions and weights of the events of one kind, the oldest first.
#[derive(Debug, Default)]
struct Kept {
    events: VecDeque<(u64, usize)>,
    bytes: usize,
}

impl Kept {
    fn add(&mut self, position: u64, weight: usize) {
        self.events.push_back((position, weight));
        self.bytes += weight;
    }

    fn oldest(&self) -> Option<u64> {
        self.events.front().map(|(position, _)| *position)
    }

    fn remove_oldest(&mut self) -> Option<u64> {
        let (position, weight) = self.events.pop_front()?;
        self.bytes -= weight;
        Some(position)
    }

    /// The newest event stays whatever it weighs.
    fn is_over(&self, limit: usize, bytes: usize) -> bool {
        self.events.len() > limit || (self.bytes > bytes && self.events.len() > 1)
    }
}

impl Log {
    pub(super) fn new() -> Self {
        let state = State {
            events: VecDeque::new(),
            first: 0,
            next_seq: 1,
            durable: Kept::default(),
            transient: Kept::default(),
            live_only_from: 0,
            idle_since: Instant::now(),
        };
        Self {
            epoch: random_token(),
            state: Mutex::new(state),
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
        self.lock().next_seq - 1
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
        let seq = event.is_durable().then_some(state.next_seq);
        state.append(Arc::new(Published::new(seq, wall_clock::now(), event)));
        let tail = state.tail();
        drop(state);
        self.tail.send_replace(tail);
    }

    /// A place after the client's last event when that can be had, else at the newest.
    #[must_use]
    pub fn subscribe(self: &Arc<Self>, interest: &Interest) -> Subscription {
        self.delta_listeners.fetch_add(usize::from(interest.deltas), Ordering::Relaxed);
        let mut tail = self.tail.subscribe();
        let state = self.lock();
        let live_from = state.tail();
        let found = interest
            .resume
            .as_ref()
            .filter(|resume| resume.epoch == self.epoch)
            .and_then(|resume| state.position_after(resume.after));
        let seq = state.next_seq - 1;
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
        let state = self.log.lock();
        let has_missed_live = self.next >= self.live_from && self.next < state.live_only_from;
        if self.next < state.first || has_missed_live {
            return Err(Lagged);
        }
        while taken.len() < BATCH && self.next < state.tail() {
            let is_live = self.next >= self.live_from;
            if let Some(event) = state.at(self.next).filter(|event| is_live || event.seq.is_some())
            {
                taken.push(Arc::clone(event));
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
        self.log.delta_listeners.fetch_sub(usize::from(self.wants_deltas), Ordering::Relaxed);
        self.log.lock().idle_since = Instant::now();
    }
}

impl State {
    fn tail(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    fn at(&self, position: u64) -> Option<&Arc<Published>> {
        let place = usize::try_from(position.checked_sub(self.first)?).ok()?;
        self.events.get(place)?.as_ref()
    }

    fn append(&mut self, published: Arc<Published>) {
        self.idle_since = Instant::now();
        let weight = weight(&published.event);
        if published.seq.is_some() {
            self.next_seq += 1;
            self.durable.add(self.tail(), weight);
        } else {
            self.transient.add(self.tail(), weight);
        }
        self.events.push_back(Some(published));
        while self.transient.is_over(TRANSIENT_LIMIT, TRANSIENT_BYTES) {
            self.drop_oldest_transient();
        }
        while self.durable.is_over(DURABLE_LIMIT, DURABLE_BYTES) {
            self.forget_up_to_oldest_durable();
        }
    }

    /// What is never replayed goes before anything that is; who has not read it yet has fallen behind.
    fn drop_oldest_transient(&mut self) {
        let Some(position) = self.transient.remove_oldest() else { return };
        self.live_only_from = position + 1;
        let place = usize::try_from(position - self.first).unwrap_or(usize::MAX);
        if let Some(slot) = self.events.get_mut(place) {
            *slot = None;
        }
    }

    fn forget_up_to_oldest_durable(&mut self) {
        let Some(position) = self.durable.remove_oldest() else { return };
        while self.first <= position {
            self.events.pop_front();
            self.first += 1;
        }
        while self.transient.oldest().is_some_and(|oldest| oldest < self.first) {
            self.transient.remove_oldest();
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
        let is_next = |slot: &Option<Arc<Published>>| {
            slot.as_ref().is_some_and(|published| published.seq == Some(seq + 1))
        };
        let place = self.events.iter().position(is_next)?;
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
        | Event::ChunkFailed { chunk, .. } => chunk_weight(chunk),
        Event::TextDelta { text, .. }
        | Event::ConversationComplete { text, .. }
        | Event::ConversationStopped { text, .. } => text.len(),
        Event::Correction { correction, .. } => correction.explanation.len(),
        Event::Progress(progress) => progress.text.len(),
        Event::Notice(notice) => notice.text.len(),
        Event::ToolCall { call, .. } => call.arguments_text().len(),
        Event::Transcript(transcript) => transcript.text.len() + transcript.words.len() * 64,
        Event::TurnBegan { .. }
        | Event::ConversationFailed { .. }
        | Event::PlaybackStopped { .. }
        | Event::PlaybackPaused { .. }
        | Event::PlaybackResumed { .. }
        | Event::Latency(_)
        | Event::SpeechStarted
        | Event::SpeechStopped
        | Event::Listening(_)
        | Event::Typing { .. } => 0,
    };
    EVENT_BYTES + text
}

fn snapshot_weight(snapshot: &TurnSnapshot) -> usize {
    snapshot.chunks.iter().map(|chunk| chunk_weight(chunk) + EVENT_BYTES).sum()
}

/// A word's time costs about as much again as the word.
fn chunk_weight(chunk: &Chunk) -> usize {
    let words = match &chunk.speech {
        SpeechState::Ready(audio) => audio.words.len() * 64,
        _ => 0,
    };
    chunk.text.len() * 2 + words
}
