//! Finds the actor of a conversation, starting it with the first command. It holds no conversation's state.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};

use crate::{
    domain::{ConversationId, UserId},
    hub::{Hub, Log, Topic},
    prompts::lessons::Lessons,
    providers::ChatModel,
    shutdown::Shutdown,
    storage::Storage,
    synthesis::SpeechPool,
};

use super::{
    AudioFiles, Conversation,
    actor::{Actor, Request},
    prompt::Prompter,
};

/// Requests that may wait for one actor; whoever comes after them waits for room.
const MAILBOX: usize = 64;

/// All conversations; clones share them.
#[derive(Clone)]
pub struct Conversations {
    shared: Arc<Shared>,
}

/// What every conversation works with.
pub struct ConversationParts {
    pub hub: Hub,
    pub storage: Arc<dyn Storage>,
    pub model: Arc<dyn ChatModel>,
    pub speech: SpeechPool,
    pub lessons: Arc<Lessons>,
    pub prompter: Prompter,
    pub audio_files: AudioFiles,
    pub settings: ConversationSettings,
    pub shutdown: Shutdown,
    /// The origin of [`crate::domain::Millis`], the same for all conversations.
    pub began: Instant,
}

/// The bounds of a conversation.
#[derive(Clone, Debug)]
pub struct ConversationSettings {
    /// Messages of the past that a conversation remembers.
    pub history_messages: u32,
    /// An actor without work ends after this time.
    pub idle: Duration,
    /// A turn that nobody has listened to for this long is stopped.
    pub abandoned: Duration,
}

impl Default for ConversationSettings {
    fn default() -> Self {
        Self {
            history_messages: 200,
            idle: Duration::from_secs(120),
            abandoned: Duration::from_secs(120),
        }
    }
}

struct Shared {
    parts: ConversationParts,
    /// The actors that are awake. A std mutex: it guards look-ups and is never held over an await.
    awake: Mutex<HashMap<ConversationId, mpsc::Sender<Request>>>,
}

impl Conversations {
    #[must_use]
    pub fn new(parts: ConversationParts) -> Self {
        Self { shared: Arc::new(Shared { parts, awake: Mutex::default() }) }
    }

    /// A handle to the conversation that its owner calls `name`; nothing begins yet.
    #[must_use]
    pub fn open(&self, id: ConversationId, owner: UserId, name: &str) -> Conversation {
        Conversation { id, owner, name: name.into(), directory: self.clone() }
    }

    pub(super) fn parts(&self) -> &ConversationParts {
        &self.shared.parts
    }

    pub(super) fn log(&self, id: &ConversationId) -> Arc<Log> {
        self.parts().hub.log(&Topic::Conversation(id.clone()))
    }

    /// Wakes the actor when it is asleep.
    pub(super) async fn send(
        &self,
        conversation: &Conversation,
        request: Request,
    ) -> Result<(), mpsc::error::SendError<Request>> {
        let mailbox = self.wake(conversation);
        mailbox.send(request).await
    }

    /// Whether an actor was there to take it.
    pub(super) async fn send_if_awake(
        &self,
        conversation: &Conversation,
        request: Request,
    ) -> bool {
        let mailbox = self.awake().get(&conversation.id).cloned();
        match mailbox {
            Some(mailbox) => mailbox.send(request).await.is_ok(),
            None => false,
        }
    }

    /// Lets an actor go when nobody holds its mailbox; whoever comes later wakes a new one.
    pub(super) fn retire(&self, id: &ConversationId, mailbox: &mpsc::Receiver<Request>) -> bool {
        let mut awake = self.awake();
        let is_alone = awake.get(id).is_none_or(|sender| sender.strong_count() == 1);
        if is_alone && mailbox.is_empty() {
            awake.remove(id);
            return true;
        }
        false
    }

    fn wake(&self, conversation: &Conversation) -> mpsc::Sender<Request> {
        let mut awake = self.awake();
        if let Some(mailbox) = awake.get(&conversation.id) {
            return mailbox.clone();
        }
        let (mailbox, requests) = mpsc::channel(MAILBOX);
        let actor = Actor::new(self.clone(), conversation, requests);
        self.parts().shutdown.spawn("conversation", actor.run());
        awake.insert(conversation.id.clone(), mailbox.clone());
        mailbox
    }

    fn awake(&self) -> MutexGuard<'_, HashMap<ConversationId, mpsc::Sender<Request>>> {
        self.shared.awake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
