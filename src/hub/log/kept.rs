//! The events of a log within their bounds. It wakes nobody.

use std::{collections::VecDeque, sync::Arc};

use crate::domain::{Chunk, Event, SpeechState, TurnSnapshot};

use super::super::Published;

/// Durable events that a log keeps.
const DURABLE_LIMIT: usize = 512;
/// Bytes of durable events that a log keeps, by estimate; an older event goes when a newer one needs its room.
const DURABLE_BYTES: usize = 1024 * 1024;
/// Transient events have a bound of their own: however many come, they take no room from what can be resumed.
const TRANSIENT_LIMIT: usize = 512;
const TRANSIENT_BYTES: usize = 256 * 1024;
/// What an event costs beside its text, in bytes, by estimate.
const EVENT_BYTES: usize = 256;

/// What is kept of a topic's events. Each has a position; positions only grow.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The oldest first.
    slots: VecDeque<Slot>,
    /// The position after the newest event.
    tail: u64,
    /// The newest sequence number.
    seq: u64,
    durable: Load,
    transient: Load,
    /// Durable events before this position are gone.
    durable_from: u64,
    /// Transient events before this position are gone, whoever has not taken them.
    transient_from: u64,
}

#[derive(Debug)]
struct Slot {
    position: u64,
    weight: usize,
    /// Listeners who have not taken it. A transient event goes with the last one: it is never replayed.
    untaken: usize,
    published: Arc<Published>,
}

/// How much there is of one kind.
#[derive(Debug, Default)]
struct Load {
    events: usize,
    bytes: usize,
}

impl Load {
    fn add(&mut self, weight: usize) {
        self.events += 1;
        self.bytes += weight;
    }

    fn remove(&mut self, weight: usize) {
        self.events -= 1;
        self.bytes -= weight;
    }

    /// The newest event stays whatever it weighs.
    fn is_over(&self, limit: usize, bytes: usize) -> bool {
        self.events > limit || (self.bytes > bytes && self.events > 1)
    }
}

impl Slot {
    fn is_durable(&self) -> bool {
        self.published.seq.is_some()
    }
}

impl Kept {
    /// The position after the newest event.
    pub(super) fn tail(&self) -> u64 {
        self.tail
    }

    /// The newest sequence number; 0 before the first.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// Adds an event that so many listeners are to take.
    pub(super) fn append(&mut self, published: Arc<Published>, listeners: usize) {
        let position = self.tail;
        self.tail += 1;
        let weight = weight(&published.event);
        let slot = Slot { position, weight, untaken: listeners, published };
        if let Some(seq) = slot.published.seq {
            self.seq = seq;
        } else if listeners == 0 {
            return;
        }
        self.load(&slot).add(weight);
        self.slots.push_back(slot);
        while self.transient.is_over(TRANSIENT_LIMIT, TRANSIENT_BYTES) {
            self.transient_from = self.drop_oldest(|slot| !slot.is_durable());
        }
        while self.durable.is_over(DURABLE_LIMIT, DURABLE_BYTES) {
            self.durable_from = self.drop_oldest(Slot::is_durable);
        }
    }

    /// Whether events are gone that somebody at `next`, to whom transient ones are new from `live_from` on, has not seen.
    pub(super) fn has_lost(&self, next: u64, live_from: u64) -> bool {
        next < self.durable_from || (next >= live_from && next < self.transient_from)
    }

    /// Takes an event for one listener, the first from a position on; where the next one may stand, and the event if it
    /// is one for them.
    pub(super) fn take(
        &mut self,
        from: u64,
        live_from: u64,
    ) -> Option<(u64, Option<Arc<Published>>)> {
        let place = self.slots.partition_point(|slot| slot.position < from);
        let slot = self.slots.get_mut(place)?;
        let (next, is_live) = (slot.position + 1, slot.position >= live_from);
        if slot.is_durable() {
            return Some((next, Some(Arc::clone(&slot.published))));
        }
        if !is_live {
            return Some((next, None));
        }
        slot.untaken = slot.untaken.saturating_sub(1);
        let published = Arc::clone(&slot.published);
        if slot.untaken == 0 {
            self.remove(place);
        }
        Some((next, Some(published)))
    }

    /// Where the event after `seq` stands; `None` when it is gone or `seq` is of the future.
    pub(super) fn position_after(&self, seq: u64) -> Option<u64> {
        if seq >= self.seq {
            return (seq == self.seq).then_some(self.tail);
        }
        let is_next = |slot: &&Slot| slot.published.seq == Some(seq + 1);
        self.slots.iter().find(is_next).map(|slot| slot.position)
    }

    /// The position after it: who has not taken it yet has fallen behind.
    fn drop_oldest(&mut self, is_meant: impl Fn(&Slot) -> bool) -> u64 {
        let place = self.slots.iter().position(is_meant);
        let slot = place.and_then(|place| self.remove(place));
        slot.expect("invariant: there are more than may be").position + 1
    }

    fn remove(&mut self, place: usize) -> Option<Slot> {
        let slot = self.slots.remove(place)?;
        let weight = slot.weight;
        self.load(&slot).remove(weight);
        Some(slot)
    }

    fn load(&mut self, slot: &Slot) -> &mut Load {
        if slot.is_durable() { &mut self.durable } else { &mut self.transient }
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
        Event::TextDelta { text, .. } | Event::ConversationStopped { text, .. } => text.len(),
        Event::ConversationComplete(completion) => completion.text.len(),
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
