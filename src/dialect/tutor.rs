//! The tutor dialect: `{"type", "data", "timestamp", "conversationId", "seq"?, "epoch"?}`. Frames only, no sockets.

mod body;
mod decode;
mod encode;
mod frames;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    auth::Auth,
    conversation::Joined,
    domain::{Event, Failure, MessageId, Timings, TurnSnapshot, Usage},
    hub::{Frame, Published},
    limits::TooFast,
    wall_clock::{self, UnixMillis},
};

use super::{Slot, json::BadInput};

pub use body::{ChatBody, ChatFields};
pub use decode::{PlayedFields, StopFields, decode};
use frames::Envelope;
pub use frames::{ChunkFrame, MetadataFrame, TimingsFrame, UsageFrame, frame_type, framed};

/// One connection's side of the dialect.
#[derive(Clone)]
pub struct Tutor {
    auth: Auth,
    /// What the client calls the conversation.
    conversation: String,
    epoch: String,
    /// The client has asked for text deltas.
    deltas: bool,
}

/// Where a client stands in its conversation's events.
pub struct Place<'a> {
    seq: u64,
    /// Only for a client that wanted to resume.
    recovered: Option<bool>,
    /// The newest stored message, for a client that has to reload the history.
    last_message: Option<&'a MessageId>,
}

/// Something the client did wrong or the server cannot do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorReply {
    pub code: &'static str,
    pub message: String,
    /// What to do about it.
    pub hint: Option<&'static str>,
    pub retryable: bool,
    /// When it may be tried again, in milliseconds, where that is known.
    pub retry_after_ms: Option<u64>,
    /// The client's own name for the message that this is about.
    pub client_id: Option<String>,
}

impl<'a> Place<'a> {
    /// A client that has been listening all the time.
    #[must_use]
    pub fn at(seq: u64) -> Self {
        Self { seq, recovered: None, last_message: None }
    }

    #[must_use]
    pub fn new(joined: &'a Joined, wants_to_resume: bool) -> Self {
        Self {
            seq: joined.seq,
            recovered: wants_to_resume.then_some(joined.recovered),
            last_message: joined.last_message.as_ref(),
        }
    }
}

impl Tutor {
    #[must_use]
    pub fn new(auth: Auth, conversation: &str, epoch: &str, deltas: bool) -> Self {
        let (conversation, epoch) = (conversation.to_owned(), epoch.to_owned());
        Self { auth, conversation, epoch, deltas }
    }

    /// The frame of an event; `None` when this client does not see it. It is encoded once for all clients.
    #[must_use]
    pub fn encode(&self, published: &Published) -> Option<Frame> {
        match &published.event {
            Event::TextDelta { .. } if !self.deltas => return None,
            Event::TurnBegan { .. } | Event::ToolCall { .. } => return None,
            _ => {}
        }
        Some(published.frame(Slot::Tutor as usize, || {
            framed(self.write(published.seq, published.at, &published.event))
        }))
    }

    /// The picture of a turn for a client that comes in its middle; it has no number of its own.
    #[must_use]
    pub fn encode_snapshot(&self, snapshot: &Arc<TurnSnapshot>) -> String {
        self.write(None, wall_clock::now(), &Event::ConversationStart(Arc::clone(snapshot)))
    }

    /// The first frame of a connection; `place` comes later when it has not signed in yet.
    #[must_use]
    pub fn encode_connected(&self, connection: &str, place: Option<&Place<'_>>) -> String {
        let mut data = json!({
            "connectionId": connection,
            "conversationId": self.conversation,
            "timestamp": wall_clock::rfc3339(wall_clock::now()),
            "authRequired": place.is_none(),
        });
        self.add_place(&mut data, place);
        self.envelope("connected", &data)
    }

    /// The client has signed in; from here on it hears the conversation.
    #[must_use]
    pub fn encode_authenticated(&self, user: &str, place: &Place<'_>) -> String {
        let mut data = json!({"userId": user, "expiresAt": null});
        self.add_place(&mut data, Some(place));
        self.envelope("authenticated", &data)
    }

    /// What is told of a turn when it has ended.
    #[must_use]
    pub fn ending(usage: Option<Usage>, timings: Timings) -> Value {
        encode::ending(usage, timings)
    }

    /// The data of an event's frame; null for what this dialect does not tell.
    #[must_use]
    pub fn data(&self, event: &Event) -> Value {
        self.name_and_data(event).map_or(Value::Null, |(_, data)| json!(data))
    }

    #[must_use]
    pub fn encode_pong(&self) -> String {
        self.envelope("pong", &json!({}))
    }

    #[must_use]
    pub fn encode_error(&self, error: &ErrorReply) -> String {
        self.envelope(
            "error",
            &json!({
                "code": error.code,
                "message": error.message,
                "hint": error.hint,
                "retryable": error.retryable,
                "retryAfterMs": error.retry_after_ms,
                "clientId": error.client_id,
            }),
        )
    }

    fn add_place(&self, data: &mut Value, place: Option<&Place<'_>>) {
        data["epoch"] = json!(place.map(|_| &self.epoch));
        data["seq"] = json!(place.map(|place| place.seq));
        let Some(place) = place else { return };
        if let Some(recovered) = place.recovered {
            data["recovered"] = json!(recovered);
            if !recovered {
                data["lastMessageId"] = json!(place.last_message);
            }
        }
    }

    fn write(&self, seq: Option<u64>, at: UnixMillis, event: &Event) -> String {
        match self.name_and_data(event) {
            Some((kind, data)) => self.numbered(seq, kind, at, &data),
            None => String::new(),
        }
    }

    fn envelope<T: Serialize>(&self, kind: &str, data: &T) -> String {
        self.numbered(None, kind, wall_clock::now(), data)
    }

    fn numbered<T: Serialize>(
        &self,
        seq: Option<u64>,
        kind: &str,
        at: UnixMillis,
        data: &T,
    ) -> String {
        let envelope = Envelope {
            kind,
            data,
            timestamp: wall_clock::rfc3339(at),
            conversation_id: &self.conversation,
            seq,
            epoch: seq.map(|_| self.epoch.as_str()),
        };
        serde_json::to_string(&envelope)
            .expect("invariant: frames have text keys and finite numbers")
    }
}

impl From<Failure> for ErrorReply {
    fn from(failure: Failure) -> Self {
        let Failure { code, message, retryable } = failure;
        Self { code, message, hint: None, retryable, retry_after_ms: None, client_id: None }
    }
}

impl From<TooFast> for ErrorReply {
    fn from(too_fast: TooFast) -> Self {
        let message = too_fast.to_string();
        let ms = u64::try_from(too_fast.wait.as_millis()).unwrap_or(u64::MAX);
        Self {
            code: "rate_limited",
            message,
            hint: None,
            retryable: true,
            // A part of a millisecond is waited for as well.
            retry_after_ms: Some(ms.saturating_add(1)),
            client_id: None,
        }
    }
}

impl From<BadInput> for ErrorReply {
    fn from(bad: BadInput) -> Self {
        let hint = Some("docs/PROTOCOL.md shows every frame");
        let (code, message) = (bad.code(), bad.to_string());
        Self { code, message, hint, retryable: false, retry_after_ms: None, client_id: None }
    }
}
