//! Which actors are awake, and how to reach them. It starts none.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::mpsc;

use crate::domain::ConversationId;

use super::request::Request;

/// Requests that may wait for one actor; whoever comes after them waits for room.
const MAILBOX: usize = 64;

/// Boxed: a channel has room for 32 of what it carries even while it is empty.
pub(super) type Requests = mpsc::Receiver<Box<Request>>;
type Mailbox = mpsc::Sender<Box<Request>>;

/// The actors that are awake; clones share the list. A std mutex: it guards look-ups, never an await.
#[derive(Clone, Default)]
pub(super) struct Roster {
    awake: Arc<Mutex<HashMap<ConversationId, Mailbox>>>,
}

impl Roster {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.awake().len()
    }

    /// The mailbox of an actor that is awake.
    pub(super) fn find(&self, id: &ConversationId) -> Option<Mailbox> {
        self.awake().get(id).filter(|mailbox| !mailbox.is_closed()).cloned()
    }

    /// The mailbox of the actor; `start` is given the other end when there is none yet.
    pub(super) fn find_or_start(
        &self,
        id: &ConversationId,
        start: impl FnOnce(Requests),
    ) -> Mailbox {
        let mut awake = self.awake();
        // An actor that has broken down leaves a closed mailbox: another one takes its place.
        if let Some(mailbox) = awake.get(id).filter(|mailbox| !mailbox.is_closed()) {
            return mailbox.clone();
        }
        let (mailbox, requests) = mpsc::channel(MAILBOX);
        start(requests);
        awake.insert(id.clone(), mailbox.clone());
        mailbox
    }

    /// Lets an actor go when nobody holds its mailbox; whoever comes later starts a new one.
    pub(super) fn retire(&self, id: &ConversationId, mailbox: &Requests) -> bool {
        let mut awake = self.awake();
        let is_alone = awake.get(id).is_none_or(|sender| sender.strong_count() == 1);
        if is_alone && mailbox.is_empty() {
            awake.remove(id);
            return true;
        }
        false
    }

    fn awake(&self) -> MutexGuard<'_, HashMap<ConversationId, Mailbox>> {
        self.awake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
