//! The statements that find rows, and how a row becomes a value. They change nothing.

use serde::de::DeserializeOwned;
use sqlx::{Row, SqlitePool, query, query_scalar, sqlite::SqliteRow};

use super::super::{
    Choices, ConversationRow, Page, StorageError, StoredAudio, StoredMessage, StoredTurn, TurnState,
};
use crate::domain::{
    AudioFileId, Chunk, ConversationId, Language, Level, Message, MessageId, Role, Speed, TurnId,
    TurnMetadata, UserId,
};

pub(super) async fn unfinished(pool: SqlitePool) -> Result<u64, StorageError> {
    let count: i64 =
        query_scalar("SELECT count(*) FROM turns WHERE state = 'making'").fetch_one(&pool).await?;
    Ok(count.unsigned_abs())
}

pub(super) async fn conversation(
    pool: SqlitePool,
    id: ConversationId,
) -> Result<Option<ConversationRow>, StorageError> {
    let row = query("SELECT * FROM conversations WHERE id = ?")
        .bind(id.as_str())
        .fetch_optional(&pool)
        .await?;
    row.as_ref().map(conversation_row).transpose()
}

pub(super) async fn conversations(
    pool: SqlitePool,
    owner: UserId,
    page: Page,
) -> Result<Vec<ConversationRow>, StorageError> {
    let rows = query(
        "SELECT * FROM conversations WHERE owner = ?1 AND updated_at < coalesce(?2, 9e18)
         ORDER BY updated_at DESC LIMIT ?3",
    )
    .bind(owner.as_str())
    .bind(page.before)
    .bind(page.limit)
    .fetch_all(&pool)
    .await?;
    rows.iter().map(conversation_row).collect()
}

pub(super) async fn messages(
    pool: SqlitePool,
    conversation: ConversationId,
    page: Page,
) -> Result<Vec<StoredMessage>, StorageError> {
    let rows = query(
        "SELECT m.*, t.answer, t.metadata, t.state, t.failure, t.heard, t.corrections, t.summary
         FROM messages m JOIN turns t ON t.id = m.turn
         WHERE m.conversation = ?1 AND m.number < coalesce(?2, 9e18)
         ORDER BY m.number DESC LIMIT ?3",
    )
    .bind(conversation.as_str())
    .bind(page.before)
    .bind(page.limit)
    .fetch_all(&pool)
    .await?;
    let mut messages = rows.iter().map(stored_message).collect::<Result<Vec<_>, _>>()?;
    messages.reverse();
    for answer in messages.iter_mut().filter(|found| found.message.role == Role::Assistant) {
        answer.chunks = chunks(&pool, answer.message.turn.as_str()).await?;
    }
    Ok(messages)
}

pub(super) async fn turn(pool: SqlitePool, id: TurnId) -> Result<Option<StoredTurn>, StorageError> {
    let row = query("SELECT state, failure FROM turns WHERE id = ?")
        .bind(id.as_str())
        .fetch_optional(&pool)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let answer = query(
        "SELECT m.*, t.answer, t.metadata, t.state, t.failure, t.heard, t.corrections, t.summary
         FROM messages m JOIN turns t ON t.id = m.turn
         WHERE m.turn = ? AND m.role = 'assistant'",
    )
    .bind(id.as_str())
    .fetch_optional(&pool)
    .await?;
    let mut answer = answer.as_ref().map(stored_message).transpose()?;
    if let Some(answer) = &mut answer {
        answer.chunks = chunks(&pool, id.as_str()).await?;
    }
    Ok(Some(StoredTurn { state: turn_state(&row)?, answer }))
}

pub(super) async fn audio(
    pool: SqlitePool,
    file: AudioFileId,
) -> Result<Option<StoredAudio>, StorageError> {
    let row = query(
        "SELECT c.id AS conversation, c.owner, k.body, t.metadata
         FROM chunks k JOIN turns t ON t.id = k.turn JOIN conversations c ON c.id = t.conversation
         WHERE k.audio_file = ?",
    )
    .bind(file.as_str())
    .fetch_optional(&pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let metadata: TurnMetadata = json(&row, "metadata")?;
    Ok(Some(StoredAudio {
        conversation: parsed(&row, "conversation", ConversationId::parse)?,
        owner: parsed(&row, "owner", UserId::parse)?,
        chunk: json(&row, "body")?,
        voice: metadata.voice,
        speed: metadata.speed,
    }))
}

async fn chunks(pool: &SqlitePool, turn: &str) -> Result<Vec<Chunk>, StorageError> {
    let rows = query("SELECT body FROM chunks WHERE turn = ? ORDER BY place")
        .bind(turn)
        .fetch_all(pool)
        .await?;
    rows.iter().map(|row| json(row, "body")).collect()
}

fn conversation_row(row: &SqliteRow) -> Result<ConversationRow, StorageError> {
    Ok(ConversationRow {
        id: parsed(row, "id", ConversationId::parse)?,
        owner: parsed(row, "owner", UserId::parse)?,
        name: row.try_get("name")?,
        number: row.try_get("number")?,
        settings: Choices {
            language: parsed(row, "language", Language::parse)?,
            level: parsed(row, "level", Level::parse)?,
            scenario: row.try_get("scenario")?,
            voice: row.try_get("voice")?,
            model: row.try_get("model")?,
            instructions: None,
            speed: Speed::default(),
        },
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

/// Without its chunks, which are rows of their own.
fn stored_message(row: &SqliteRow) -> Result<StoredMessage, StorageError> {
    let role = parsed(row, "role", Role::parse)?;
    let sender: Option<String> = row.try_get("sender")?;
    Ok(StoredMessage {
        number: row.try_get("number")?,
        message: Message {
            id: parsed(row, "id", MessageId::parse)?,
            role,
            sender: sender.as_deref().and_then(UserId::parse),
            text: row.try_get("text")?,
            verbatim: row.try_get("verbatim")?,
            client_id: row.try_get("client_id")?,
            turn: parsed(row, "turn", TurnId::parse)?,
        },
        fingerprint: row.try_get("fingerprint")?,
        at: row.try_get("at")?,
        answer: parsed(row, "answer", MessageId::parse)?,
        metadata: json(row, "metadata")?,
        state: turn_state(row)?,
        summary: json(row, "summary")?,
        heard: if role == Role::Assistant { row.try_get("heard")? } else { None },
        chunks: Vec::new(),
        corrections: if role == Role::User { json(row, "corrections")? } else { Vec::new() },
    })
}

fn turn_state(row: &SqliteRow) -> Result<TurnState, StorageError> {
    let failure: Option<String> = row.try_get("failure")?;
    match row.try_get::<&str, _>("state")? {
        "making" => Ok(TurnState::Making),
        "complete" => Ok(TurnState::Complete),
        "stopped" => Ok(TurnState::Stopped),
        "failed" => Ok(TurnState::Failed(failure.unwrap_or_default())),
        other => Err(StorageError::Unreadable(format!("no turn state is called {other}"))),
    }
}

fn parsed<T>(
    row: &SqliteRow,
    column: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, StorageError> {
    let text: &str = row.try_get(column)?;
    parse(text).ok_or_else(|| StorageError::Unreadable(format!("{column} is {text:?}")))
}

fn json<T: DeserializeOwned>(row: &SqliteRow, column: &'static str) -> Result<T, StorageError> {
    let text: &str = row.try_get(column)?;
    serde_json::from_str(text)
        .map_err(|error| StorageError::Unreadable(format!("{column}: {error}")))
}
