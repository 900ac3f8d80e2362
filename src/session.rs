//! One connection of one user to one conversation: what it may ask and what it listens to. It knows no wire.

use crate::{
    audio::intake::{AudioFormat, Encoding},
    auth::{Auth, User},
    conversation::{
        Accepted, Conversation, Conversations, Joined, VoiceManner, VoiceStart, unsupported_audio,
    },
    domain::{AudioStart, ChatCommand, Failure, random_token},
    hub::Interest,
    recognition::Microphone,
};

/// A user in a conversation. Rights are settled when it is opened: the conversation is the user's own.
#[derive(Clone)]
pub struct Session {
    user: User,
    conversation: Conversation,
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

    /// Hands in a message; the future that comes back resolves when it is on disk.
    ///
    /// # Errors
    /// Of the future: why the message was not taken.
    pub async fn say(
        &self,
        chat: ChatCommand,
    ) -> impl Future<Output = Result<Accepted, Failure>> + Send + use<> {
        self.conversation.say(self.user.id.clone(), chat).await
    }

    /// Opens a microphone for this user.
    ///
    /// # Errors
    /// When nobody can hear, or not in that format.
    pub async fn hear(&self, start: AudioStart) -> Result<Microphone, Failure> {
        let AudioStart { sample_rate, encoding, mode, choice } = start;
        let encoding = Encoding::parse(&encoding).map_err(|error| unsupported_audio(&error))?;
        let format = AudioFormat { encoding, sample_rate, channels: 1 };
        let start = VoiceStart { format, choice, manner: VoiceManner::of(mode), reports: None };
        let (microphone, _) = self.conversation.hear(self.user.id.clone(), start).await?;
        Ok(microphone)
    }

    /// Tells the others that this user is typing.
    pub fn typing(&self, is_typing: bool) {
        self.conversation.typing(self.user.id.clone(), is_typing);
    }

    /// Listens from after the client's last event when that can be had.
    pub async fn listen(&self, interest: Interest) -> Joined {
        self.conversation.join(interest).await
    }
}
