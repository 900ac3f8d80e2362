//! Conversations and their messages as lists, and what a client without a socket tells of them.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    app::App,
    auth::Auth,
    dialect::{
        json,
        tutor::{ChunkFrame, MetadataFrame, PlayedFields, StopFields, Tutor},
    },
    domain::Role,
    storage::{ConversationRow, Page, StoredMessage, TurnState},
    transport::{
        error::Problem,
        gate::Caller,
        read::{InConversation, JsonObject, Parameters},
    },
    wall_clock,
};

/// Rows in an answer when nothing else is said.
const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

#[derive(Default, Deserialize)]
pub(super) struct Paging {
    cursor: Option<i64>,
    limit: Option<u32>,
}

/// The caller's conversations, the most recently used first.
pub(super) async fn list(
    State(app): State<App>,
    Caller(user): Caller,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Value>, Problem> {
    let page = paging.page();
    let rows = app.storage.conversations(&user.id, page).await?;
    let next = rows.last().filter(|_| is_full(&rows, page)).map(|row| row.updated_at.to_string());
    let items: Vec<Value> = rows.iter().map(conversation).collect();
    Ok(Json(json!({"items": items, "next": next})))
}

/// A conversation's messages, the newest first; one that nobody has spoken in yet has none.
pub(super) async fn messages(
    State(app): State<App>,
    InConversation(session): InConversation,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Value>, Problem> {
    let (page, id) = (paging.page(), session.conversation().id());
    let rows = app.storage.messages(id, page).await?;
    let next = rows.first().filter(|_| is_full(&rows, page)).map(|row| row.number.to_string());
    let items: Vec<Value> = rows.iter().rev().map(|row| message(row, &app.auth)).collect();
    Ok(Json(json!({"items": items, "next": next})))
}

/// As the socket's `stop`.
pub(super) async fn stop(
    InConversation(session): InConversation,
    JsonObject(object): JsonObject,
) -> Result<StatusCode, Problem> {
    let StopFields { turn_id } = json::typed(object)?;
    session.conversation().stop(turn_id).await;
    Ok(StatusCode::NO_CONTENT)
}

/// As the socket's `played`.
pub(super) async fn played(
    InConversation(session): InConversation,
    JsonObject(object): JsonObject,
) -> Result<StatusCode, Problem> {
    let PlayedFields { turn_id, chunk_index, ms } = json::typed(object)?;
    session.conversation().played(turn_id, chunk_index, ms).await;
    Ok(StatusCode::NO_CONTENT)
}

/// A turn from the store, in the shape of one that was waited for.
pub(super) fn stored_turn(conversation: &str, stored: &StoredMessage, auth: &Auth) -> Value {
    let mut body = message(stored, auth);
    body["conversationId"] = json!(conversation);
    body["messageId"] = json!(stored.answer);
    body["complete"] = json!(true);
    if let Some(summary) = &stored.summary {
        body["source"] = json!(summary.form);
        if let (Value::Object(body), Value::Object(ending)) =
            (&mut body, Tutor::ending(summary.usage, summary.timings))
        {
            body.extend(ending);
        }
    }
    body
}

fn message(stored: &StoredMessage, auth: &Auth) -> Value {
    let said = &stored.message;
    let chunks: Vec<ChunkFrame<'_>> =
        stored.chunks.iter().map(|chunk| ChunkFrame::new(chunk, auth)).collect();
    let code = match &stored.state {
        TurnState::Failed(code) => Some(code),
        TurnState::Making | TurnState::Complete | TurnState::Stopped => None,
    };
    json!({
        "id": said.id,
        "role": said.role,
        "senderId": said.sender,
        "senderName": null,
        "text": said.text,
        "clientId": said.client_id,
        "turnId": said.turn,
        "createdAt": wall_clock::rfc3339(stored.at),
        "turnState": stored.state.name(),
        "turnCode": code,
        "heardText": stored.heard,
        "chunks": (said.role == Role::Assistant).then_some(chunks),
        "corrections": stored.corrections,
        "metadata": MetadataFrame::new(&stored.metadata),
    })
}

fn conversation(row: &ConversationRow) -> Value {
    let settings = &row.settings;
    json!({
        "id": row.name,
        "number": row.number,
        "language": settings.language,
        "level": settings.level,
        "scenario": settings.scenario,
        "voice": settings.voice,
        "model": settings.model,
        "createdAt": wall_clock::rfc3339(row.created_at),
        "updatedAt": wall_clock::rfc3339(row.updated_at),
    })
}

impl Paging {
    fn page(&self) -> Page {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
        Page { before: self.cursor, limit }
    }
}

/// There may be more.
fn is_full<T>(rows: &[T], page: Page) -> bool {
    rows.len() >= usize::try_from(page.limit).unwrap_or(usize::MAX)
}
