//! What a message must fulfil to be taken, and who waits for the answer to that. A repeat finds its first turn.

use std::collections::VecDeque;

use ring::digest::{SHA256, digest};
use tokio::sync::oneshot;
use unicode_segmentation::UnicodeSegmentation;

use crate::{
    domain::{ChatCommand, Failure, MessageId, Role, TurnId},
    storage::{Choices, StoredMessage},
};

use super::super::Accepted;

/// Longest message, in graphemes: what a person calls characters.
const MESSAGE_LIMIT: usize = 8000;
/// Messages of one conversation that may be on their way to the disk; one more is refused.
const UNSTORED: usize = 64;
/// Client ids that are remembered.
const REPEATS: usize = 256;

/// Who waits to hear whether a message was taken.
pub(super) type Answer = oneshot::Sender<Result<Accepted, Failure>>;

#[derive(Default)]
pub(super) struct Admissions {
    /// Of the newest message that was taken.
    settings: Choices,
    /// In the order in which they came.
    waiting: Vec<Waiting>,
    repeats: VecDeque<Repeat>,
}

/// A message on its way to the disk.
pub(super) struct Waiting {
    pub(super) turn: TurnId,
    pub(super) message: MessageId,
    /// What its learner has chosen, in force once it is taken.
    pub(super) settings: Choices,
    pub(super) answers: Vec<Answer>,
}

/// A message that may be sent again.
struct Repeat {
    client_id: String,
    fingerprint: String,
    turn: TurnId,
    message: MessageId,
}

/// What to do with a message.
pub(super) enum Verdict {
    New {
        fingerprint: String,
        answer: Answer,
    },
    /// It has been answered already, or its sender waits with the first one.
    Settled,
}

impl Admissions {
    /// What holds for the next message if it chooses nothing.
    pub(super) fn settings(&self) -> &Choices {
        self.waiting.last().map_or(&self.settings, |waiting| &waiting.settings)
    }

    /// What holds for that message on its way to the disk, else for the conversation.
    pub(super) fn settings_of(&self, turn: &TurnId) -> &Choices {
        let waiting = self.waiting.iter().find(|waiting| waiting.turn == *turn);
        waiting.map_or(&self.settings, |waiting| &waiting.settings)
    }

    pub(super) fn set_settings(&mut self, settings: Choices) {
        self.settings = settings;
    }

    /// A message of an earlier life of the conversation can be repeated too.
    pub(super) fn recall(&mut self, stored: &StoredMessage) {
        let message = &stored.message;
        let (Role::User, Some(client_id), Some(fingerprint)) =
            (message.role, &message.client_id, &stored.fingerprint)
        else {
            return;
        };
        self.remember(Repeat {
            client_id: client_id.clone(),
            fingerprint: fingerprint.clone(),
            turn: message.turn.clone(),
            message: message.id.clone(),
        });
    }

    pub(super) fn judge(&mut self, command: &ChatCommand, answer: Answer) -> Verdict {
        if command.text.graphemes(true).count() > MESSAGE_LIMIT {
            return settle(answer, Err(too_long()));
        }
        let reasons = [&command.choice.scenario, &command.choice.instructions];
        let opens = reasons.into_iter().flatten().any(|reason| !reason.is_empty());
        if command.text.trim().is_empty() && !opens && command.terms.results.is_empty() {
            return settle(answer, Err(empty_message()));
        }
        if self.waiting.len() >= UNSTORED {
            return settle(answer, Err(busy()));
        }
        let fingerprint = fingerprint(command);
        let Some(repeat) = self.find(command.client_id.as_deref()) else {
            return Verdict::New { fingerprint, answer };
        };
        if repeat.fingerprint != fingerprint {
            return settle(answer, Err(other_body()));
        }
        let (turn, message) = (repeat.turn.clone(), repeat.message.clone());
        match self.waiting.iter_mut().find(|waiting| waiting.turn == turn) {
            Some(waiting) => waiting.answers.push(answer),
            None => return settle(answer, Ok(Accepted { turn, message, is_repeat: true })),
        }
        Verdict::Settled
    }

    /// The message is being stored; its sender hears when it is.
    pub(super) fn wait(&mut self, waiting: Waiting, command: &ChatCommand, fingerprint: String) {
        if let Some(client_id) = command.client_id.clone() {
            let (turn, message) = (waiting.turn.clone(), waiting.message.clone());
            self.remember(Repeat { client_id, fingerprint, turn, message });
        }
        self.waiting.push(waiting);
    }

    pub(super) fn fingerprint_of(&self, turn: &TurnId) -> Option<String> {
        let repeat = self.repeats.iter().find(|repeat| repeat.turn == *turn)?;
        Some(repeat.fingerprint.clone())
    }

    pub(super) fn accept(&mut self, turn: &TurnId) {
        let Some(Waiting { message, settings, answers, .. }) = self.take(turn) else { return };
        self.settings = settings;
        for (place, answer) in answers.into_iter().enumerate() {
            let (turn, message) = (turn.clone(), message.clone());
            let accepted = Accepted { turn, message, is_repeat: place > 0 };
            drop(answer.send(Ok(accepted)));
        }
    }

    /// The message was not taken: its choices hold for nothing, and the same client id may be tried again.
    pub(super) fn refuse(&mut self, turn: &TurnId, failure: &Failure) {
        self.repeats.retain(|repeat| repeat.turn != *turn);
        for answer in self.take(turn).into_iter().flat_map(|waiting| waiting.answers) {
            drop(answer.send(Err(failure.clone())));
        }
    }

    fn take(&mut self, turn: &TurnId) -> Option<Waiting> {
        let place = self.waiting.iter().position(|waiting| waiting.turn == *turn)?;
        Some(self.waiting.remove(place))
    }

    fn find(&self, client_id: Option<&str>) -> Option<&Repeat> {
        let client_id = client_id?;
        self.repeats.iter().find(|repeat| repeat.client_id == client_id)
    }

    fn remember(&mut self, repeat: Repeat) {
        if self.repeats.len() >= REPEATS {
            self.repeats.pop_front();
        }
        self.repeats.push_back(repeat);
    }
}

pub(super) fn storage_unavailable() -> Failure {
    failure("storage_unavailable", "the conversation cannot be read or saved at the moment", true)
}

pub(super) fn too_many_answers() -> Failure {
    failure("at_capacity", "as many answers as one learner may have at once are being made", true)
}

pub(super) fn voices_are_full() -> Failure {
    failure("at_capacity", "as many tutors are speaking as the voices can keep up with", true)
}

/// Whoever asked may have gone.
fn settle(answer: Answer, result: Result<Accepted, Failure>) -> Verdict {
    drop(answer.send(result));
    Verdict::Settled
}

/// Everything that makes the request what it is, so that another body under the same client id is noticed.
fn fingerprint(command: &ChatCommand) -> String {
    let choice = &command.choice;
    let parts = [
        Some(command.text.as_str()),
        choice.language.as_ref().map(|language| language.as_str()),
        choice.level.map(|level| level.name()),
        choice.scenario.as_deref(),
        choice.voice.as_deref(),
        choice.model.as_deref(),
    ];
    let text =
        parts.map(|part| part.map_or_else(String::new, |part| format!("{}:{part}", part.len())));
    let hash = digest(&SHA256, text.join("|").as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn too_long() -> Failure {
    failure("MESSAGE_TOO_LONG", "a message has at most 8000 characters", false)
}

fn empty_message() -> Failure {
    failure("empty_message", "say something, or choose a scenario to let the tutor open", false)
}

fn other_body() -> Failure {
    failure("idempotency_conflict", "another message was sent under this client id", false)
}

fn busy() -> Failure {
    failure("busy", "earlier messages are still being saved", true)
}

fn failure(code: &'static str, message: &str, retryable: bool) -> Failure {
    Failure { code, message: message.to_owned(), retryable }
}
