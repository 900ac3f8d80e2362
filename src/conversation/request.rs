//! What is asked of a conversation's actor.

use tokio::sync::oneshot;

use crate::{
    domain::{ChatCommand, Failure, LessonChoice, TurnId, UserId},
    hub::Interest,
};

use super::{Accepted, Joined};

/// One request, with where its answer goes.
pub(super) enum Request {
    Say { user: UserId, command: ChatCommand, reply: oneshot::Sender<Result<Accepted, Failure>> },
    Stop { turn: Option<TurnId> },
    Played { turn: TurnId, index: usize, ms: u64 },
    Prepare { choice: LessonChoice },
    Join { interest: Interest, reply: oneshot::Sender<Joined> },
}
