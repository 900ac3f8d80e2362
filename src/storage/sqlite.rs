//! The store in one SQLite file. One connection writes, a few read; nothing else may open the file to write.

mod inspection;
mod place;
mod reads;
mod schema;
mod writer;
mod writes;

use std::{path::Path, time::Duration};

use futures_util::FutureExt;
use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool, query_scalar, raw_sql,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    ConversationRow, EndedTurn, HeardTurn, NewTurn, Page, Reply, Storage, StorageError,
    StoredAudio, StoredMessage, StoredTurn,
};
use crate::{
    domain::{AudioFileId, ConversationId, TurnId, UserId},
    shutdown::Shutdown,
    telemetry::metrics::StorageMetrics,
};
pub use inspection::inspect;
use place::Place;
use writer::{Write, Writer};

/// How long the start waits for another process that holds the file.
const START_PATIENCE: Duration = Duration::from_secs(5);
/// How long one try to write does; who only reads waits no longer than this.
const TRY_PATIENCE: &str = "PRAGMA busy_timeout = 1000";
/// What is examined within a second on a small machine, in bytes: tens of thousands of turns.
const EXAMINED_BYTES: u64 = 64 << 20;
/// Pages beside the file after which a commit moves them into it, and somebody waits for the disk: 16 MB. Where the
/// writer has a moment to itself it does so long before.
const MOST_BESIDE: &str = "4000";
/// Readers that work at once.
const READERS: u32 = 2;

/// The store; clones share it.
#[derive(Clone)]
pub struct Sqlite {
    readers: SqlitePool,
    writer: Writer,
    place: Place,
}

impl Sqlite {
    /// Opens the file, making it and its tables when they are not there.
    ///
    /// # Errors
    /// When the file cannot be opened, is held or damaged, or belongs to a newer parla.
    pub async fn open(
        file: &Path,
        metrics: StorageMetrics,
        shutdown: &Shutdown,
    ) -> Result<Self, StorageError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A killed process loses nothing in WAL mode; only a failing machine can lose the last moments.
            .synchronous(SqliteSynchronous::Normal)
            .pragma("wal_autocheckpoint", MOST_BESIDE)
            .foreign_keys(true)
            .busy_timeout(START_PATIENCE)
            .disable_statement_logging();
        let mut connection = options.connect().await?;
        examine(&mut connection, file).await?;
        schema::migrate(&mut connection).await?;
        raw_sql(TRY_PATIENCE).execute(&mut connection).await?;
        let place = Place::of(file).map_err(|_| StorageError::Moved)?;
        let readers = SqlitePoolOptions::new()
            .min_connections(0)
            .max_connections(READERS)
            .connect_lazy_with(options.read_only(true).create_if_missing(false));
        let writer = Writer::start(connection, place.clone(), metrics, shutdown);
        Ok(Self { readers, writer, place })
    }

    fn read<T, F>(&self, query: impl FnOnce(SqlitePool) -> F) -> Reply<T>
    where
        F: Future<Output = Result<T, StorageError>> + Send + 'static,
    {
        query(self.readers.clone()).boxed()
    }
}

impl Storage for Sqlite {
    fn begin_turn(&self, turn: NewTurn) -> Reply<()> {
        self.writer.write(Write::Begin(Box::new(turn)))
    }

    fn end_turn(&self, turn: EndedTurn) -> Reply<()> {
        self.writer.write(Write::End(Box::new(turn)))
    }

    fn mark_heard(&self, heard: HeardTurn) -> Reply<()> {
        self.writer.write(Write::Heard(heard))
    }

    fn fail_interrupted(&self) -> Reply<u64> {
        let (interrupted, writer) = (self.read(reads::unfinished), self.writer.clone());
        async move {
            // They are counted while they still stand as unfinished.
            let count = interrupted.await?;
            writer.write(Write::FailInterrupted).await?;
            Ok(count)
        }
        .boxed()
    }

    fn conversation(&self, id: &ConversationId) -> Reply<Option<ConversationRow>> {
        let id = id.clone();
        self.read(|pool| reads::conversation(pool, id))
    }

    fn conversations(&self, owner: &UserId, page: Page) -> Reply<Vec<ConversationRow>> {
        let owner = owner.clone();
        self.read(move |pool| reads::conversations(pool, owner, page))
    }

    fn messages(&self, conversation: &ConversationId, page: Page) -> Reply<Vec<StoredMessage>> {
        let conversation = conversation.clone();
        // Whoever has been told of an end finds it here.
        let written = self.writer.write(Write::Barrier);
        self.read(move |pool| async move {
            written.await?;
            reads::messages(pool, conversation, page).await
        })
    }

    fn turn(&self, turn: &TurnId) -> Reply<Option<StoredTurn>> {
        let turn = turn.clone();
        self.read(|pool| reads::turn(pool, turn))
    }

    fn audio(&self, file: &AudioFileId) -> Reply<Option<StoredAudio>> {
        let file = file.clone();
        self.read(|pool| reads::audio(pool, file))
    }

    fn check(&self) -> Reply<()> {
        let Self { readers, writer, place } = self.clone();
        async move {
            place.check().await?;
            writer.check().await?;
            readers.acquire().await?.ping().await?;
            Ok(())
        }
        .boxed()
    }
}

/// Looks whether the pages are in order, as long as that takes no second.
async fn examine(connection: &mut SqliteConnection, file: &Path) -> Result<(), StorageError> {
    if file.metadata().is_ok_and(|found| found.len() > EXAMINED_BYTES) {
        tracing::info!("the database is too large to be examined at the start");
        return Ok(());
    }
    check_pages(connection).await
}

async fn check_pages(connection: &mut SqliteConnection) -> Result<(), StorageError> {
    let found: String = query_scalar("PRAGMA quick_check(1)").fetch_one(connection).await?;
    // A headline may stand above what is wrong.
    match found.lines().last() {
        Some("ok") => Ok(()),
        wrong => Err(StorageError::Damaged(wrong.unwrap_or_default().to_owned())),
    }
}

/// See "Result and Error Codes" of SQLite's documentation; the lowest byte is the primary code.
impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
        let text = error.to_string();
        match code.map(|code| code & 0xff) {
            // Busy, locked.
            Some(5 | 6) => Self::Held(text),
            // Read-only, input or output, full, cannot be opened.
            Some(8 | 10 | 13 | 14) => Self::Unavailable(text),
            // Corrupt, no database.
            Some(11 | 26) => Self::Damaged(text),
            _ => Self::Database(text),
        }
    }
}
