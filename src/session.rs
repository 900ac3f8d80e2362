//! One connection of one user to one conversation: what it may ask and what it listens to. It knows no wire.

use crate::{
    auth::{Auth, User},
    conversation::{Accepted, Conversation, Conversations, Joined},
    domain::{ChatCommand, Command, Failure, TurnId, random_token},
    hub::Resume,
};

/// A user in a conversation. Rights are settled when it is opened: the conversation is the user's own.
#[derive(Clone)]
pub struct Session {
    user: User,
    conversation: Conversation,
}

/// What a command leads to, beside the events that everybody hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    Accepted(Accepted),
    Pong,
    Nothing,
}

impl Session {
    /// Joins the user's conversation of that name; without a name a new one, which is told by [`Session::name`].
    #[must_use]
    pub fn open(
        conversations: &Conversations,
        auth: &Auth,
        user: User,
        name: Option<&str>,
    ) -> Self {
        let name = name.map_or_else(random_token, str::to_owned);
        let id = auth.conversation(&user.id, &name);
        let conversation = conversations.open(id, user.id.clone(), &name);
        Self { user, conversation }
    }

    /// What the user calls the conversation.
    #[must_use]
    pub fn name(&self) -> &str {
        self.conversation.name()
    }

    #[must_use]
    pub fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    #[must_use]
    pub fn user(&self) -> &User {
        &self.user
    }

    /// Does what a client asks.
    ///
    /// # Errors
    /// Why a message was not taken.
    pub async fn carry_out(&self, command: Command) -> Result<Done, Failure> {
        match command {
            Command::Ping => Ok(Done::Pong),
            Command::Chat(chat) => self.say(chat).await.map(Done::Accepted),
            Command::Stop { turn } => {
                self.stop(turn).await;
                Ok(Done::Nothing)
            }
            Command::Played { turn, chunk, ms } => {
                self.conversation.played(turn, chunk, ms).await;
                Ok(Done::Nothing)
            }
            Command::Typing { is_typing } => {
                self.conversation.typing(self.user.id.clone(), is_typing);
                Ok(Done::Nothing)
            }
            // Who the user is was settled before; a refresh of the same identity changes nothing here.
            Command::Authenticate { .. } => Ok(Done::Nothing),
        }
    }

    /// Stores a message and has it answered.
    ///
    /// # Errors
    /// Why the message was not taken.
    pub async fn say(&self, chat: ChatCommand) -> Result<Accepted, Failure> {
        self.conversation.say(self.user.id.clone(), chat).await
    }

    /// Stops that turn, or the present one.
    pub async fn stop(&self, turn: Option<TurnId>) {
        self.conversation.stop(turn).await;
    }

    /// Listens from after the client's last event when that can be had.
    pub async fn listen(&self, resume: Option<Resume>) -> Joined {
        self.conversation.join(resume).await
    }
}
