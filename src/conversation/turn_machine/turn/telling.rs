//! What clients are told of a turn, and in which order: the two forms of `stream` differ here and nowhere else.

use std::sync::Arc;

use crate::domain::{Chunk, Completion, Ending, Event, Failure, SpeechState};

use super::{super::Effect, Turn};

impl Turn {
    pub(super) fn tell_new_chunk(&mut self, index: usize, out: &mut Vec<Effect>) {
        if !self.ask.stream {
            return;
        }
        if self.announced {
            self.update(index, out);
        } else {
            self.announced = true;
            self.publish(Event::ConversationStart(self.snapshot()), out);
        }
        if matches!(self.chunks.get(index).map(|chunk| &chunk.speech), Some(SpeechState::Silent)) {
            self.tell_speech(index, out);
        }
    }

    /// The model has ended: everybody gets the whole list. Who did not ask for a stream sees it first as pending,
    /// then what the voices have reached.
    pub(super) fn announce_whole(&mut self, out: &mut Vec<Effect>) {
        if self.chunks.is_empty() {
            return;
        }
        let was_announced = std::mem::replace(&mut self.announced, true);
        let shown = if was_announced { self.chunks.clone() } else { as_pending(&self.chunks) };
        self.publish(Event::ConversationStart(self.snapshot_of(shown)), out);
        if !was_announced {
            for index in 0..self.chunks.len() {
                self.catch_up(index, out);
            }
        }
    }

    fn catch_up(&mut self, index: usize, out: &mut Vec<Effect>) {
        let chunk = Arc::clone(&self.chunks[index]);
        if matches!(chunk.speech, SpeechState::Ready(_) | SpeechState::Failed(_)) {
            let mut processing = (*chunk).clone();
            processing.speech = SpeechState::Processing;
            let (turn, chunk) = (self.id().clone(), Arc::new(processing));
            self.publish(Event::ChunkUpdate { turn, index, chunk }, out);
        }
        if chunk.speech != SpeechState::Pending {
            self.tell_speech(index, out);
        }
    }

    pub(super) fn update(&mut self, index: usize, out: &mut Vec<Effect>) {
        let (turn, chunk) = (self.id().clone(), Arc::clone(&self.chunks[index]));
        self.publish(Event::ChunkUpdate { turn, index, chunk }, out);
    }

    pub(super) fn tell_speech(&mut self, index: usize, out: &mut Vec<Effect>) {
        self.update(index, out);
        let (turn, chunk) = (self.id().clone(), Arc::clone(&self.chunks[index]));
        match chunk.speech {
            SpeechState::Ready(_) | SpeechState::Silent => {
                self.publish(Event::ChunkComplete { turn, index, chunk }, out);
            }
            SpeechState::Failed(_) => {
                self.publish(Event::ChunkFailed { turn, index, chunk }, out);
            }
            SpeechState::Pending | SpeechState::Processing => {}
        }
    }

    pub(super) fn complete_event(&self, ending: Ending) -> Event {
        Event::ConversationComplete(Arc::new(Completion {
            turn: self.id().clone(),
            message: self.ask.answer.clone(),
            text: self.text.clone(),
            chunks: self.chunks.len(),
            ending,
            timings: self.timings,
        }))
    }

    pub(super) fn failed_event(&self, failure: &Failure) -> Event {
        Event::ConversationFailed { turn: self.id().clone(), failure: failure.clone() }
    }
}

fn as_pending(chunks: &[Arc<Chunk>]) -> Vec<Arc<Chunk>> {
    let pending = |chunk: &Arc<Chunk>| {
        let mut chunk = (**chunk).clone();
        chunk.speech = SpeechState::Pending;
        Arc::new(chunk)
    };
    chunks.iter().map(pending).collect()
}
