//! What outlives the process: conversations, messages, turns, chunks. It stores and finds; it decides nothing.

mod sqlite;

#[cfg(test)]
mod contract;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        AudioFileId, Chunk, ConversationId, Correction, Language, Level, Message, MessageId, Speed,
        TextForm, Timings, TurnId, TurnMetadata, TurnSnapshot, Usage, UserId,
    },
    wall_clock::UnixMillis,
};

pub use sqlite::{Sqlite, inspect};

/// Keeps conversations. Every write is on disk when its future resolves; writes are carried out in their order.
///
/// Another database implements this trait and passes the suite in `storage/contract.rs`. A look-up answers `None`
/// for what is not there; [`StorageError`] is for a store that does not work.
pub trait Storage: Send + Sync {
    /// Puts a turn's beginning and the learner's message on disk; the conversation becomes a row with its first.
    fn begin_turn(&self, turn: NewTurn) -> Reply<()>;

    /// Puts a turn's end on disk: the tutor's message, its chunks, how it ended.
    fn end_turn(&self, turn: EndedTurn) -> Reply<()>;

    /// Notes how far a turn was heard, and what the model shall see of it.
    fn mark_heard(&self, heard: HeardTurn) -> Reply<()>;

    /// Marks turns that a crash has left unfinished as failed; returns how many there were.
    fn fail_interrupted(&self) -> Reply<u64>;

    fn conversation(&self, id: &ConversationId) -> Reply<Option<ConversationRow>>;

    /// A user's conversations, the most recently used first, `limit` at most, older than `before`.
    fn conversations(&self, owner: &UserId, page: Page) -> Reply<Vec<ConversationRow>>;

    /// A conversation's messages in their order: the newest `limit` of those before `page.before`.
    fn messages(&self, conversation: &ConversationId, page: Page) -> Reply<Vec<StoredMessage>>;

    /// How a turn stands, with the tutor's message when there is one.
    fn turn(&self, turn: &TurnId) -> Reply<Option<StoredTurn>>;

    /// The chunk that an audio file belongs to.
    fn audio(&self, file: &AudioFileId) -> Reply<Option<StoredAudio>>;

    /// Whether it works, for `/readyz`.
    fn check(&self) -> Reply<()>;
}

/// An answer of the store.
pub type Reply<T> = BoxFuture<'static, Result<T, StorageError>>;

/// The store does not work.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StorageError {
    /// Another process writes to the database, and has for long.
    #[error("another process holds the database: {0}")]
    Held(String),
    /// The database takes nothing at the moment: the disk is full or fails.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// What is written is found by nobody.
    #[error("the database's file is not where it was opened: its folder was moved or deleted")]
    Moved,
    /// Its pages are not in order.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The database said no.
    #[error("the database failed: {0}")]
    Database(String),
    /// A version that is to come has changed the tables.
    #[error(
        "a newer parla has written it: its tables are of version {found}, this parla knows {known}"
    )]
    Newer { found: i64, known: i64 },
    /// What is stored cannot be read.
    #[error("a stored row cannot be read: {0}")]
    Unreadable(String),
    /// The writer has ended: the server is going down.
    #[error("the database is closed")]
    Closed,
}

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Only what stands before this position; `None` for the newest.
    pub before: Option<i64>,
    pub limit: u32,
}

/// A conversation and what its learner has chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationRow {
    pub id: ConversationId,
    pub owner: UserId,
    /// What its clients call it.
    pub name: String,
    /// Unique per owner, from 1.
    pub number: i64,
    pub settings: Choices,
    pub created_at: UnixMillis,
    /// When its newest turn began; also its place in lists, unique per owner: a moment that is taken becomes the next.
    pub updated_at: UnixMillis,
}

/// The setting of a conversation, kept until somebody chooses otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    pub language: Language,
    pub level: Level,
    pub scenario: Option<String>,
    pub voice: Option<String>,
    pub model: Option<String>,
    /// What the app asks of the tutor. It says so anew whenever it comes back: this is not stored.
    pub instructions: Option<String>,
    /// Of one answer; not stored here, but with the turn.
    pub speed: Speed,
}

/// The beginning of a turn.
#[derive(Clone, Debug)]
pub struct NewTurn {
    pub conversation: ConversationId,
    pub owner: UserId,
    pub name: String,
    pub settings: Choices,
    pub turn: TurnId,
    pub answer: MessageId,
    pub metadata: Arc<TurnMetadata>,
    /// `None` when the tutor opens.
    pub message: Option<Arc<Message>>,
    /// Tells two requests under one client id apart.
    pub fingerprint: Option<String>,
    pub at: UnixMillis,
}

/// The end of a turn.
#[derive(Clone, Debug)]
pub struct EndedTurn {
    pub conversation: ConversationId,
    pub snapshot: Arc<TurnSnapshot>,
    pub text: String,
    pub corrections: Vec<Correction>,
    pub summary: TurnSummary,
    pub state: TurnState,
    pub at: UnixMillis,
}

/// What is told of a turn when it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnSummary {
    pub form: TextForm,
    pub usage: Option<Usage>,
    pub timings: Timings,
}

/// How a turn stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnState {
    Making,
    Complete,
    Stopped,
    /// With the failure's code.
    Failed(String),
}

/// How far a turn was heard.
#[derive(Clone, Debug)]
pub struct HeardTurn {
    pub turn: TurnId,
    pub chunks: usize,
    /// Into the chunk after those, in milliseconds.
    pub ms: u64,
    /// What the model shall see of it.
    pub text: String,
}

/// A message with what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredMessage {
    /// Its place in the conversation; grows with every message.
    pub number: i64,
    pub message: Message,
    pub fingerprint: Option<String>,
    pub at: UnixMillis,
    /// The answer to this message, or that this message is.
    pub answer: MessageId,
    pub metadata: TurnMetadata,
    pub state: TurnState,
    /// `None` until the turn has ended.
    pub summary: Option<TurnSummary>,
    /// What was heard of a tutor's message that was interrupted.
    pub heard: Option<String>,
    /// Of the tutor's message.
    pub chunks: Vec<Chunk>,
    /// Of the learner's message.
    pub corrections: Vec<Correction>,
}

/// A turn as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredTurn {
    pub state: TurnState,
    pub answer: Option<StoredMessage>,
}

/// Where an audio file comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredAudio {
    pub conversation: ConversationId,
    pub owner: UserId,
    pub chunk: Chunk,
    pub voice: Option<String>,
    pub speed: Speed,
}

impl StorageError {
    /// Whether it says nothing of the change: the same change may be taken later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Held(_) | Self::Unavailable(_) | Self::Moved)
    }
}

impl TurnState {
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Making => "making",
            Self::Complete => "complete",
            Self::Stopped => "stopped",
            Self::Failed(_) => "failed",
        }
    }
}
