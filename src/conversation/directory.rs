//! Finds the actor of a conversation, starting it with the first command. It holds no conversation's state.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::domain::{ConversationId, UserId};

use super::{
    Conversation, actor::Actor, parts::ConversationParts, request::Request, roster::Roster,
};

/// All conversations; clones share them.
#[derive(Clone)]
pub struct Conversations {
    parts: Arc<ConversationParts>,
    roster: Roster,
}

impl Conversations {
    #[must_use]
    pub fn new(parts: ConversationParts) -> Self {
        Self { parts: Arc::new(parts), roster: Roster::default() }
    }

    /// A handle to the conversation that its owner calls `name`; nothing begins yet.
    #[must_use]
    pub fn open(&self, id: ConversationId, owner: UserId, name: &str) -> Conversation {
        Conversation { id, owner, name: name.into(), directory: self.clone() }
    }

    /// How many are awake: somebody speaks in them or has just spoken.
    #[must_use]
    pub fn awake(&self) -> usize {
        self.roster.len()
    }

    pub(super) fn parts(&self) -> &ConversationParts {
        &self.parts
    }

    /// Wakes the actor when it is asleep.
    pub(super) async fn send(
        &self,
        conversation: &Conversation,
        request: Request,
    ) -> Result<(), mpsc::error::SendError<Box<Request>>> {
        let mailbox = self.roster.find_or_start(&conversation.id, |requests| {
            let shared = (Arc::clone(&self.parts), self.roster.clone());
            let actor = Actor::new(conversation, shared, requests);
            self.parts.shutdown.spawn("conversation", actor.run());
        });
        mailbox.send(request.into()).await
    }

    /// Whether an actor was there to take it.
    pub(super) async fn send_if_awake(
        &self,
        conversation: &Conversation,
        request: Request,
    ) -> bool {
        match self.roster.find(&conversation.id) {
            Some(mailbox) => mailbox.send(request.into()).await.is_ok(),
            None => false,
        }
    }
}
