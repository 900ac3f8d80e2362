//! Which prompt a server has read beforehand: one at a time, none twice, and none against a learner who waits.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::providers::ChatRequest;

/// What a server's cache is held to contain; clones share it.
#[derive(Clone, Default)]
pub(super) struct Warmth {
    state: Arc<Mutex<State>>,
    /// Counts the answers that were asked for.
    answers: watch::Sender<u64>,
}

#[derive(Clone, Copy, Default)]
enum State {
    /// Nothing that is worth knowing.
    #[default]
    Unknown,
    /// A prompt is being read.
    Reading,
    /// That prompt was the last one.
    Read(u64),
}

/// Leave to let one prompt be read; dropping it before its end forgets the prompt.
pub(super) struct Reading {
    warmth: Warmth,
    prompt: u64,
    answers: watch::Receiver<u64>,
    is_done: bool,
}

impl Warmth {
    /// An answer is asked for: it goes before whatever is only being read.
    pub(super) fn answer_begins(&self) {
        self.answers.send_modify(|count| *count += 1);
        let mut state = self.state();
        if let State::Read(_) = *state {
            *state = State::Unknown;
        }
    }

    /// `None` when the prompt has been read or another one is being read.
    pub(super) fn read(&self, model: &str, request: &ChatRequest) -> Option<Reading> {
        let prompt = hash(model, request);
        let mut state = self.state();
        match *state {
            State::Reading => return None,
            State::Read(last) if last == prompt => return None,
            State::Read(_) | State::Unknown => *state = State::Reading,
        }
        let answers = self.answers.subscribe();
        Some(Reading { warmth: self.clone(), prompt, answers, is_done: false })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    /// Resolves when an answer is asked for.
    pub(super) async fn is_in_the_way(&mut self) {
        // The sender lives in the warmth that this holds.
        drop(self.answers.changed().await);
    }

    pub(super) fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        *self.warmth.state() = if self.is_done { State::Read(self.prompt) } else { State::Unknown };
    }
}

fn hash(model: &str, request: &ChatRequest) -> u64 {
    let mut hasher = DefaultHasher::new();
    (model, &request.system).hash(&mut hasher);
    for message in &request.messages {
        message.text.hash(&mut hasher);
    }
    hasher.finish()
}
