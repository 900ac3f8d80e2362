//! Lists and what stands in them, field by field as `docs/PROTOCOL.md` shows them. It asks the store nothing.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    auth::Auth,
    dialect::tutor::{ChunkFrame, MetadataFrame},
    domain::{Correction, Language, Level, Role},
    storage::{ConversationRow, StoredMessage, TurnState},
    wall_clock,
};

/// A part of a list, and where the next one begins.
#[derive(Serialize, ToSchema)]
pub(super) struct List<T> {
    items: Vec<T>,
    /// To be sent as `cursor`; null at the end.
    #[schema(required)]
    next: Option<String>,
}

/// A conversation and what its learner has chosen.
#[derive(Serialize, ToSchema)]
#[schema(as = Conversation)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConversationItem<'a> {
    id: &'a str,
    number: i64,
    #[schema(value_type = String)]
    language: &'a Language,
    #[schema(value_type = String)]
    level: Level,
    #[schema(required)]
    scenario: Option<&'a str>,
    #[schema(required)]
    voice: Option<&'a str>,
    #[schema(required)]
    model: Option<&'a str>,
    created_at: String,
    updated_at: String,
}

/// A stored message with what belongs to it.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageItem<'a> {
    id: &'a str,
    #[schema(value_type = String)]
    role: Role,
    #[schema(required)]
    sender_id: Option<&'a str>,
    /// People have no names yet.
    #[schema(required)]
    sender_name: Option<&'a str>,
    text: &'a str,
    /// What was said word by word, when the message was spoken.
    #[schema(required)]
    verbatim: Option<&'a str>,
    #[schema(required)]
    client_id: Option<&'a str>,
    turn_id: &'a str,
    created_at: String,
    turn_state: &'a str,
    #[schema(required)]
    turn_code: Option<&'a str>,
    #[schema(required)]
    heard_text: Option<&'a str>,
    /// Of the tutor's messages.
    #[schema(required)]
    chunks: Option<Vec<ChunkFrame<'a>>>,
    #[schema(value_type = Vec<super::bodies::Correction>)]
    corrections: &'a [Correction],
    metadata: MetadataFrame<'a>,
}

impl<T> List<T> {
    pub(super) fn new(items: Vec<T>, next: Option<String>) -> Self {
        Self { items, next }
    }

    /// A list that is never cut.
    pub(super) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

impl<'a> ConversationItem<'a> {
    pub(super) fn new(row: &'a ConversationRow) -> Self {
        let settings = &row.settings;
        Self {
            id: &row.name,
            number: row.number,
            language: &settings.language,
            level: settings.level,
            scenario: settings.scenario.as_deref(),
            voice: settings.voice.as_deref(),
            model: settings.model.as_deref(),
            created_at: wall_clock::rfc3339(row.created_at),
            updated_at: wall_clock::rfc3339(row.updated_at),
        }
    }
}

impl<'a> MessageItem<'a> {
    pub(super) fn new(stored: &'a StoredMessage, auth: &Auth) -> Self {
        let said = &stored.message;
        let chunks = stored.chunks.iter().map(|chunk| ChunkFrame::new(chunk, auth));
        let turn_code = match &stored.state {
            TurnState::Failed(code) => Some(code.as_str()),
            TurnState::Making | TurnState::Complete | TurnState::Stopped => None,
        };
        Self {
            id: said.id.as_str(),
            role: said.role,
            sender_id: said.sender.as_ref().map(|sender| sender.as_str()),
            sender_name: None,
            text: &said.text,
            verbatim: said.verbatim.as_deref(),
            client_id: said.client_id.as_deref(),
            turn_id: said.turn.as_str(),
            created_at: wall_clock::rfc3339(stored.at),
            turn_state: stored.state.name(),
            turn_code,
            heard_text: stored.heard.as_deref(),
            chunks: (said.role == Role::Assistant).then(|| chunks.collect()),
            corrections: &stored.corrections,
            metadata: MetadataFrame::new(&stored.metadata),
        }
    }
}
