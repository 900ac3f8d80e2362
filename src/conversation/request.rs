//! What is asked of a conversation's actor.

use tokio::sync::oneshot;

use crate::{
    domain::{ChatCommand, Failure, LessonChoice, TurnId, UserId},
    hub::Interest,
    recognition::Microphone,
    storage::HeardTurn,
};

use super::{
    Accepted, Joined,
    voice::{VoiceId, VoiceManner, VoiceStart},
};

/// One request, with where its answer goes.
pub(super) enum Request {
    Say { user: UserId, command: ChatCommand, reply: oneshot::Sender<Result<Accepted, Failure>> },
    Stop { turn: Option<TurnId> },
    Played { turn: TurnId, index: usize, ms: u64 },
    Cut { heard: HeardTurn },
    Prepare { choice: LessonChoice },
    Hear { user: UserId, start: VoiceStart, reply: oneshot::Sender<Result<Opened, Failure>> },
    Voice { id: VoiceId, order: VoiceOrder },
    Join { interest: Interest, reply: oneshot::Sender<Joined> },
}

/// An open microphone and its name.
pub(super) type Opened = (Microphone, VoiceId);

/// What the owner of a voice asks for.
pub(super) enum VoiceOrder {
    /// What was said so far is the learner's turn.
    Commit,
    /// What was said so far is forgotten.
    Clear,
    Manner(VoiceManner),
}
