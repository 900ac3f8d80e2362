//! Tells every client of a topic what has happened: a log with cursors. It knows events, not sockets or shapes.
//!
//! A topic keeps its newest events; a subscriber is a position in that log and a wake-up. Resuming is a position in
//! the past, a slow reader is one that fell off the old end, and a broadcast has no queue per client. The lock is a
//! std mutex: it guards a few pointer moves and is never held over an await.

mod frame;
mod log;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    domain::{ConversationId, Event, UserId},
    wall_clock::UnixMillis,
};

pub use frame::Frame;
pub use log::{Cursor, Lagged, Log};

/// How long a log outlives its last client: a dropped connection has that long to come back and resume.
pub const RESUME_WINDOW: Duration = Duration::from_secs(120);
/// How many dialects may encode the same event.
pub const DIALECTS: usize = 3;

/// What a client can listen to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    Conversation(ConversationId),
    User(UserId),
}

/// An event as it stands in a log.
#[derive(Debug)]
pub struct Published {
    /// From 1 without gaps for durable events, `None` for transient ones.
    pub seq: Option<u64>,
    pub at: UnixMillis,
    pub event: Event,
    /// Most dialects never ask for most events.
    frames: [OnceLock<Box<Frame>>; DIALECTS],
    /// One listener is all who were there for it. Frames that nobody shares would only wait to be forgotten.
    is_for_one: bool,
}

/// Where a client that comes back had got to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    pub epoch: String,
    /// The newest sequence number that the client has seen.
    pub after: u64,
}

/// What a listener wants to hear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// To go on from there when that can be had.
    pub resume: Option<Resume>,
    /// Text as it is released; while nobody wants it, it is not published.
    pub deltas: bool,
}

/// A place in a log.
pub struct Subscription {
    pub cursor: Cursor,
    /// The newest sequence number at that moment.
    pub seq: u64,
    /// Everything after the client's last event follows; else it needs a snapshot.
    pub recovered: bool,
}

/// All topics; clones share them.
#[derive(Clone, Default)]
pub struct Hub {
    topics: Arc<Mutex<HashMap<Topic, Arc<Log>>>>,
}

impl Published {
    fn new(seq: Option<u64>, at: UnixMillis, event: Event, listeners: usize) -> Self {
        let frames = [const { OnceLock::new() }; DIALECTS];
        Self { seq, at, event, frames, is_for_one: listeners == 1 }
    }

    /// The event as one dialect writes it, encoded once for all who were there for it.
    pub fn frame(&self, dialect: usize, encode: impl FnOnce() -> Frame) -> Frame {
        match self.frames.get(dialect).filter(|_| !self.is_for_one) {
            Some(slot) => Frame::clone(slot.get_or_init(|| encode().into())),
            None => encode(),
        }
    }
}

impl Hub {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The log of a topic, which begins when somebody first asks for it.
    #[must_use]
    pub fn log(&self, topic: &Topic) -> Arc<Log> {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        match topics.get(topic) {
            Some(log) => Arc::clone(log),
            None => Arc::clone(topics.entry(topic.clone()).or_insert_with(|| Arc::new(Log::new()))),
        }
    }

    /// How many topics there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets logs that nobody has listened or written to for [`RESUME_WINDOW`]. To be called now and then.
    pub fn sweep(&self, now: Instant) {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        topics.retain(|_, log| Arc::strong_count(log) > 1 || !log.is_abandoned(now));
    }
}

#[cfg(test)]
mod tests;
