//! What people and the tutor have said, as it is stored and shown.

use serde::{Deserialize, Serialize};

use super::{MessageId, TurnId, UserId};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    User,
    Assistant,
}

impl Role {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::User, Self::Assistant].into_iter().find(|role| role.name() == name)
    }
}

/// One stored message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub id: MessageId,
    pub role: Role,
    /// `None` for the tutor.
    pub sender: Option<UserId>,
    pub text: String,
    /// What a learner said, with hesitations, when the message was spoken.
    pub verbatim: Option<String>,
    /// The client's own name for the message, so that a repeat is recognised.
    pub client_id: Option<String>,
    pub turn: TurnId,
}

/// Something the learner could say better; never shown or spoken as text of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// What the learner wrote.
    pub original: String,
    pub suggestion: String,
    pub explanation: String,
}
