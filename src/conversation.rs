//! One conversation: who may speak, what the tutor answers, and what becomes of each chunk.
//!
//! A [`Conversation`] is a handle. Its actor begins with the first command and ends when nothing has happened for a
//! while; only the actor changes the conversation, and what it decides stands in the two pure machines.

pub mod parser;
pub mod prompt;
pub mod turn_machine;
pub mod turn_taking;

mod actor;
mod audio_files;
mod directory;
mod heard;
mod memory;
mod parts;
mod request;
mod roster;
mod voice;

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::{
    domain::{
        ChatCommand, ConversationId, Event, Failure, LessonChoice, MessageId, TurnId, TurnSnapshot,
        UserId,
    },
    hub::{Cursor, Interest, Subscription},
    recognition::Microphone,
    storage::{HeardTurn, Page},
};

use request::{Request, VoiceOrder};

pub use audio_files::{AudioFile, AudioFiles};
pub use directory::Conversations;
pub use heard::heard_text;
pub use parts::{ConversationParts, ConversationSettings};
pub use voice::{VoiceId, VoiceManner, VoiceReport, VoiceStart, unsupported_audio};

/// A handle to one conversation, cheap to clone. Holding one costs nothing while nobody speaks.
#[derive(Clone)]
pub struct Conversation {
    id: ConversationId,
    owner: UserId,
    name: Arc<str>,
    directory: Conversations,
}

/// A message that is on disk and being answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub turn: TurnId,
    /// The learner's message; the tutor's when the tutor opens.
    pub message: MessageId,
    /// The same request was accepted before: this is its turn, nothing new has begun.
    pub is_repeat: bool,
}

/// A listener's beginning.
pub struct Joined {
    pub cursor: Cursor,
    /// The newest sequence number at that moment.
    pub seq: u64,
    /// Everything after the client's last event follows.
    pub recovered: bool,
    /// The turn in progress, for a listener that has not recovered.
    pub snapshot: Option<Arc<TurnSnapshot>>,
    /// The newest stored message, for a listener that wanted to resume and has to reload the history instead.
    pub last_message: Option<MessageId>,
}

impl Conversation {
    /// The name inside parla; clients never see it.
    #[must_use]
    pub fn id(&self) -> &ConversationId {
        &self.id
    }

    /// What its clients call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Hands in a learner's message, in its place among the user's other requests, to be stored and answered.
    /// The future that comes back resolves when the message is on disk.
    ///
    /// # Errors
    /// Of the future: a message that is too long, a repeat under another text, a full queue, or a store that does
    /// not work.
    pub async fn say(
        &self,
        user: UserId,
        command: ChatCommand,
    ) -> impl Future<Output = Result<Accepted, Failure>> + Send + use<> {
        let (reply, answer) = oneshot::channel();
        let is_draining = self.directory.parts().shutdown.is_draining();
        let request = Request::Say { user, command, reply };
        let sent = !is_draining && self.directory.send(self, request).await.is_ok();
        async move {
            if !sent {
                return Err(going_down());
            }
            answer.await.unwrap_or_else(|_| Err(going_down()))
        }
    }

    /// Stops that turn, or the present one; nothing when nobody speaks.
    pub async fn stop(&self, turn: Option<TurnId>) {
        self.directory.send_if_awake(self, Request::Stop { turn }).await;
    }

    /// Notes how far a client has played.
    pub async fn played(&self, turn: TurnId, index: usize, ms: u64) {
        self.directory.send_if_awake(self, Request::Played { turn, index, ms }).await;
    }

    /// No more of the turn than that was heard, whatever is still to be: it ends, and the model sees no more of it.
    pub async fn cut(&self, heard: HeardTurn) {
        // A conversation that is ending has nobody left who would be shown it.
        drop(self.directory.send(self, Request::Cut { heard }).await);
    }

    /// Lets the model get ready for a message with that choice; nothing is remembered of it.
    pub async fn prepare(&self, choice: LessonChoice) {
        // A conversation that is ending has no message to get ready for.
        drop(self.directory.send(self, Request::Prepare { choice }).await);
    }

    /// Opens a microphone; dropping it ends the learner's turn with what was said until then.
    ///
    /// # Errors
    /// When nobody can hear, or not in that format.
    pub async fn hear(
        &self,
        user: UserId,
        start: VoiceStart,
    ) -> Result<(Microphone, VoiceId), Failure> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Hear { user, start, reply };
        if self.directory.parts().shutdown.is_draining()
            || self.directory.send(self, request).await.is_err()
        {
            return Err(going_down());
        }
        answer.await.unwrap_or_else(|_| Err(going_down()))
    }

    /// Says that the learner's turn is over, for a microphone in manual mode.
    pub async fn commit_voice(&self, id: VoiceId) {
        self.order_voice(id, VoiceOrder::Commit).await;
    }

    /// Forgets what was said since the last turn.
    pub async fn clear_voice(&self, id: VoiceId) {
        self.order_voice(id, VoiceOrder::Clear).await;
    }

    /// Changes what is made of the voice from here on.
    pub async fn retune_voice(&self, id: VoiceId, manner: VoiceManner) {
        self.order_voice(id, VoiceOrder::Manner(manner)).await;
    }

    async fn order_voice(&self, id: VoiceId, order: VoiceOrder) {
        self.directory.send_if_awake(self, Request::Voice { id, order }).await;
    }

    /// Tells the others that somebody is typing.
    pub fn typing(&self, user: UserId, is_typing: bool) {
        self.directory.parts().log(&self.id).publish(Event::Typing { user, is_typing });
    }

    /// Listens from after the client's last event when that can be had, else from now with a snapshot.
    pub async fn join(&self, interest: Interest) -> Joined {
        let (reply, answer) = oneshot::channel();
        let request = Request::Join { interest: interest.clone(), reply };
        let woken = self.directory.send_if_awake(self, request).await;
        let told = if woken { answer.await.ok() } else { None };
        let mut joined = told.unwrap_or_else(|| {
            Joined::new(self.directory.parts().log(&self.id).subscribe(&interest), None)
        });
        if interest.resume.is_some() && !joined.recovered {
            joined.last_message = self.last_message().await;
        }
        joined
    }

    /// `None` as well when the store does not answer: the client reloads the history in either case.
    async fn last_message(&self) -> Option<MessageId> {
        let page = Page { before: None, limit: 1 };
        let messages = self.directory.parts().storage.messages(&self.id, page).await.ok()?;
        messages.into_iter().next().map(|stored| stored.message.id)
    }
}

impl Joined {
    fn new(subscription: Subscription, snapshot: Option<Arc<TurnSnapshot>>) -> Self {
        let Subscription { cursor, seq, recovered } = subscription;
        let snapshot = snapshot.filter(|_| !recovered);
        Self { cursor, seq, recovered, snapshot, last_message: None }
    }
}

fn going_down() -> Failure {
    Failure {
        code: "shutting_down",
        message: "the server is going down".to_owned(),
        retryable: true,
    }
}
