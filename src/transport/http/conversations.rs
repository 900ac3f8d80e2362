//! Conversations and their messages as lists, and what a client without a socket tells of them.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    app::App,
    auth::Auth,
    dialect::{
        json,
        tutor::{PlayedFields, StopFields, Tutor},
    },
    storage::{Page, StoredMessage},
    transport::{
        error::Problem,
        gate::Caller,
        read::{InConversation, JsonObject, Parameters},
    },
};

use super::items::{ConversationItem, List, MessageItem};

/// Rows in an answer when nothing else is said.
const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

#[derive(Default, Deserialize)]
pub(super) struct Paging {
    cursor: Option<i64>,
    limit: Option<u32>,
}

/// The caller's conversations, the most recently used first.
#[utoipa::path(
    get,
    path = "/api/v1/conversations",
    params(
        ("cursor" = Option<String>, Query, description = "next of the part before"),
        ("limit" = Option<u32>, Query, description = "50 when nothing is said, 200 at most")
    ),
    responses((status = 200, body = List<ConversationItem<'static>>))
)]
pub(super) async fn list(
    State(app): State<App>,
    Caller(user): Caller,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Value>, Problem> {
    let page = paging.page();
    let rows = app.storage.conversations(&user.id, page).await?;
    let next = rows.last().filter(|_| is_full(&rows, page)).map(|row| row.updated_at.to_string());
    let items = rows.iter().map(ConversationItem::new).collect();
    Ok(Json(json!(List::new(items, next))))
}

/// A conversation's messages, the newest first; one that nobody has spoken in yet has none.
#[utoipa::path(
    get,
    path = "/api/v1/conversations/{id}/messages",
    params(
        ("id" = String, Path, description = "The conversation's name"),
        ("cursor" = Option<String>, Query, description = "next of the part before"),
        ("limit" = Option<u32>, Query, description = "50 when nothing is said, 200 at most")
    ),
    responses((status = 200, body = List<MessageItem<'static>>))
)]
pub(super) async fn messages(
    State(app): State<App>,
    InConversation(session): InConversation,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Value>, Problem> {
    let (page, id) = (paging.page(), session.conversation().id());
    let rows = app.storage.messages(id, page).await?;
    let next = rows.first().filter(|_| is_full(&rows, page)).map(|row| row.number.to_string());
    let items = rows.iter().rev().map(|row| MessageItem::new(row, &app.auth)).collect();
    Ok(Json(json!(List::new(items, next))))
}

/// As the socket's `stop`.
#[utoipa::path(
    post,
    path = "/api/v1/conversations/{id}/stop",
    params(("id" = String, Path, description = "The conversation's name")),
    request_body = StopFields,
    responses((status = 204))
)]
pub(super) async fn stop(
    InConversation(session): InConversation,
    JsonObject(object): JsonObject,
) -> Result<StatusCode, Problem> {
    let StopFields { turn_id } = json::typed(object)?;
    session.conversation().stop(turn_id).await;
    Ok(StatusCode::NO_CONTENT)
}

/// As the socket's `played`.
#[utoipa::path(
    post,
    path = "/api/v1/conversations/{id}/played",
    params(("id" = String, Path, description = "The conversation's name")),
    request_body = PlayedFields,
    responses((status = 204))
)]
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
    let mut body = json!(MessageItem::new(stored, auth));
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
