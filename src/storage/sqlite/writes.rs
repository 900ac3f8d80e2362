//! The statements that change rows. Each runs inside a transaction that somebody else commits.

use serde::Serialize;
use sqlx::{AssertSqlSafe, SqliteConnection, query, query_scalar};

use super::super::{EndedTurn, HeardTurn, NewTurn, StorageError, TurnState};
use crate::domain::{Chunk, Message, Role, SpeechState};
use crate::wall_clock::UnixMillis;

/// The code of a turn that the process did not live to end.
const INTERRUPTED: &str = "interrupted";

pub(super) async fn begin(db: &mut SqliteConnection, turn: &NewTurn) -> Result<(), StorageError> {
    let settings = &turn.settings;
    query(
        "INSERT INTO conversations
            (id, owner, name, number, language, level, scenario, voice, model, created_at, updated_at)
         VALUES (?1, ?2, ?3, (SELECT coalesce(max(number), 0) + 1 FROM conversations WHERE owner = ?2),
            ?4, ?5, ?6, ?7, ?8, ?9,
            max(?9, (SELECT coalesce(max(updated_at), 0) + 1 FROM conversations WHERE owner = ?2)))
         ON CONFLICT (id) DO UPDATE SET language = ?4, level = ?5, scenario = ?6, voice = ?7, model = ?8,
            updated_at = excluded.updated_at",
    )
    .bind(turn.conversation.as_str())
    .bind(turn.owner.as_str())
    .bind(&turn.name)
    .bind(settings.language.as_str())
    .bind(settings.level.name())
    .bind(settings.scenario.as_deref())
    .bind(settings.voice.as_deref())
    .bind(settings.model.as_deref())
    .bind(turn.at)
    .execute(&mut *db)
    .await?;
    query(
        "INSERT INTO turns (id, conversation, answer, metadata, state, began_at)
         VALUES (?, ?, ?, ?, 'making', ?)",
    )
    .bind(turn.turn.as_str())
    .bind(turn.conversation.as_str())
    .bind(turn.answer.as_str())
    .bind(json(turn.metadata.as_ref())?)
    .bind(turn.at)
    .execute(&mut *db)
    .await?;
    if let Some(learner) = &turn.message {
        let fingerprint = turn.fingerprint.as_deref();
        message(db, turn.conversation.as_str(), learner, fingerprint, turn.at).await?;
    }
    Ok(())
}

/// Whether there is such a turn.
pub(super) async fn end(db: &mut SqliteConnection, turn: &EndedTurn) -> Result<bool, StorageError> {
    let failure = match &turn.state {
        TurnState::Failed(code) => Some(code.as_str()),
        TurnState::Making | TurnState::Complete | TurnState::Stopped => None,
    };
    let id = turn.snapshot.turn.as_str();
    let known = query(
        "UPDATE turns SET state = ?, failure = ?, corrections = ?, summary = ?, metadata = ?,
            ended_at = ?
         WHERE id = ?",
    )
    .bind(turn.state.name())
    .bind(failure)
    .bind(json(&turn.corrections)?)
    .bind(json(&turn.summary)?)
    .bind(json(turn.snapshot.metadata.as_ref())?)
    .bind(turn.at)
    .bind(id)
    .execute(&mut *db)
    .await?;
    let is_known = known.rows_affected() > 0;
    if !is_known || turn.text.is_empty() {
        return Ok(is_known);
    }
    let answer = Message {
        id: turn.snapshot.message.clone(),
        role: Role::Assistant,
        sender: None,
        text: turn.text.clone(),
        verbatim: None,
        client_id: None,
        turn: turn.snapshot.turn.clone(),
    };
    message(db, turn.conversation.as_str(), &answer, None, turn.at).await?;
    let rows: Vec<_> = turn.snapshot.chunks.iter().map(|chunk| ChunkRow::of(chunk)).collect();
    // One statement for all of them: each costs a change of threads.
    query(
        "INSERT INTO chunks (turn, place, audio_file, body)
         SELECT ?, key, value ->> 'file', value -> 'body' FROM json_each(?)",
    )
    .bind(id)
    .bind(json(&rows)?)
    .execute(db)
    .await?;
    Ok(true)
}

#[derive(Serialize)]
struct ChunkRow<'a> {
    file: Option<&'a str>,
    body: &'a Chunk,
}

impl<'a> ChunkRow<'a> {
    fn of(body: &'a Chunk) -> Self {
        let file = match &body.speech {
            SpeechState::Ready(audio) => Some(audio.file.as_str()),
            _ => None,
        };
        Self { file, body }
    }
}

/// Whether there is such a turn.
pub(super) async fn heard(
    db: &mut SqliteConnection,
    heard: &HeardTurn,
) -> Result<bool, StorageError> {
    let known = query("UPDATE turns SET heard = ?, heard_chunks = ?, heard_ms = ? WHERE id = ?")
        .bind(&heard.text)
        .bind(i64::try_from(heard.chunks).unwrap_or(i64::MAX))
        .bind(i64::try_from(heard.ms).unwrap_or(i64::MAX))
        .bind(heard.turn.as_str())
        .execute(db)
        .await?;
    Ok(known.rows_affected() > 0)
}

/// Whether there were any.
pub(super) async fn fail_interrupted(db: &mut SqliteConnection) -> Result<bool, StorageError> {
    let interrupted =
        query("UPDATE turns SET state = 'failed', failure = ? WHERE state = 'making'")
            .bind(INTERRUPTED)
            .execute(db)
            .await?;
    Ok(interrupted.rows_affected() > 0)
}

/// Says again which version the tables have.
pub(super) async fn probe(db: &mut SqliteConnection) -> Result<(), StorageError> {
    let version: i64 = query_scalar("PRAGMA user_version").fetch_one(&mut *db).await?;
    query(AssertSqlSafe(format!("PRAGMA user_version = {version}"))).execute(db).await?;
    Ok(())
}

async fn message(
    db: &mut SqliteConnection,
    conversation: &str,
    message: &Message,
    fingerprint: Option<&str>,
    at: UnixMillis,
) -> Result<(), StorageError> {
    query(
        "INSERT INTO messages
            (id, conversation, turn, role, sender, text, verbatim, client_id, fingerprint, at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(message.id.as_str())
    .bind(conversation)
    .bind(message.turn.as_str())
    .bind(message.role.name())
    .bind(message.sender.as_ref().map(|sender| sender.as_str()))
    .bind(&message.text)
    .bind(message.verbatim.as_deref())
    .bind(message.client_id.as_deref())
    .bind(fingerprint)
    .bind(at)
    .execute(db)
    .await?;
    Ok(())
}

fn json<T: Serialize>(value: &T) -> Result<String, StorageError> {
    serde_json::to_string(value).map_err(|error| StorageError::Unreadable(error.to_string()))
}
