//! The one task that writes. What waits together is committed together: one sync serves many conversations.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use sqlx::{Connection, SqliteConnection, query};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    super::{EndedTurn, HeardTurn, NewTurn, Reply, StorageError},
    place::Place,
    writes,
};
use crate::{shutdown::Shutdown, telemetry::metrics::StorageMetrics};

/// Writes that may wait; whoever comes after them waits for room.
const QUEUE: usize = 1024;
/// Writes in one transaction: enough to share a sync, few enough to answer soon.
const BATCH: usize = 64;
/// Changes after which what stands beside the file is moved into it: a megabyte or so.
const TIDY_AFTER: usize = 64;
/// How long a change waits while another process holds the file, give or take one try. A copy being made, or somebody
/// looking in, takes seconds; a learner waits no longer than this to hear that their message is lost.
const HELD_PATIENCE: Duration = Duration::from_secs(40);

/// One change.
pub(super) enum Write {
    Begin(Box<NewTurn>),
    End(Box<EndedTurn>),
    Heard(HeardTurn),
    FailInterrupted,
    /// Nothing but its place in the order: it is done when everything before it is, or has to wait for others.
    Barrier,
    /// Changes nothing, but is written.
    Probe,
}

/// A handle to the writing task.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Order>,
    /// The newest change came to nothing for reasons that may pass.
    is_refused: Arc<AtomicBool>,
    metrics: StorageMetrics,
}

struct Order {
    write: Write,
    since: Instant,
    done: oneshot::Sender<Result<(), StorageError>>,
}

impl Writer {
    pub(super) fn start(
        connection: SqliteConnection,
        place: Place,
        metrics: StorageMetrics,
        shutdown: &Shutdown,
    ) -> Self {
        let (queue, orders) = mpsc::channel(QUEUE);
        let is_refused = Arc::new(AtomicBool::new(false));
        let desk = Desk {
            connection,
            place,
            is_refused: Arc::clone(&is_refused),
            is_held: false,
            beside: 0,
        };
        shutdown.spawn("storage writer", desk.run(orders));
        Self { queue, is_refused, metrics }
    }

    /// Takes its place in the order of writes at once, when there is room; resolves when the change is on disk.
    pub(super) fn write(&self, write: Write) -> Reply<()> {
        let (done, answer) = oneshot::channel();
        let (queue, metrics, asked) = (self.queue.clone(), self.metrics.clone(), Instant::now());
        let is_change = !matches!(write, Write::Barrier);
        let waiting = match queue.try_send(Order { write, since: asked, done }) {
            Ok(()) => None,
            Err(mpsc::error::TrySendError::Full(order)) => Some(order),
            Err(mpsc::error::TrySendError::Closed(_)) => {
                return async { Err(StorageError::Closed) }.boxed();
            }
        };
        async move {
            if let Some(order) = waiting {
                queue.send(order).await.map_err(|_| StorageError::Closed)?;
            }
            let result = answer.await.map_err(|_| StorageError::Closed)?;
            if is_change {
                metrics.written(asked.elapsed(), result.is_ok());
            }
            result
        }
        .boxed()
    }

    /// Whether changes are taken. Asking writes only after a failure: nothing else would tell when that has passed.
    pub(super) async fn check(&self) -> Result<(), StorageError> {
        if self.is_refused.load(Ordering::Relaxed) {
            self.write(Write::Probe).await
        } else {
            Ok(())
        }
    }
}

/// What the writing task works with.
struct Desk {
    connection: SqliteConnection,
    place: Place,
    is_refused: Arc<AtomicBool>,
    /// Another process holds the file, and the log says so already.
    is_held: bool,
    /// Changes since what stood beside the file was moved into it.
    beside: usize,
}

impl Desk {
    /// Ends when the last handle is gone and the queue is empty, so that a shutdown loses nothing.
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut batch = Vec::with_capacity(BATCH);
        while is_there_more(&mut batch, &mut orders).await {
            self.settle(&mut batch).await;
            if self.beside >= TIDY_AFTER && batch.is_empty() && orders.is_empty() {
                self.tidy().await;
            }
        }
        // What is written last stands in a second file until now: whoever copies the first alone gets all of it.
        drop(query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut self.connection).await);
        drop(self.connection.close().await);
    }

    /// Carries the orders out; only those that may wait for another process stay.
    async fn settle(&mut self, batch: &mut Vec<Order>) {
        if batch.iter().all(|order| matches!(order.write, Write::Barrier)) {
            return batch.drain(..).for_each(|order| answer(order, Ok(())));
        }
        let outcome = self.commit(batch).await;
        self.note(&outcome);
        self.beside += batch.len();
        match outcome {
            Ok(_) => batch.drain(..).for_each(|order| answer(order, Ok(()))),
            Err(error @ StorageError::Held(_)) => refuse_late(batch, &error),
            // Each alone would fare no better.
            Err(error) if error.may_pass() => {
                batch.drain(..).for_each(|order| answer(order, Err(error.clone())));
            }
            Err(_) => self.each_alone(batch).await,
        }
    }

    /// One bad change must not take its neighbours with it.
    async fn each_alone(&mut self, batch: &mut Vec<Order>) {
        for order in batch.drain(..) {
            let result = self.commit(std::slice::from_ref(&order)).await;
            answer(order, result.map(drop));
        }
    }

    /// Whether anything has changed.
    async fn commit(&mut self, orders: &[Order]) -> Result<bool, StorageError> {
        let db = &mut self.connection;
        // By hand: SQLite ends a transaction by itself when its disk is full, and a guard would wait for its end for ever.
        let begin = query("BEGIN IMMEDIATE").execute(&mut *db);
        let (in_place, begun) = tokio::join!(self.place.check(), begin);
        begun?;
        let outcome = match in_place {
            Ok(()) => write_and_commit(db, orders).await,
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            drop(query("ROLLBACK").execute(&mut *db).await);
        }
        outcome
    }

    /// Moves what stands beside the file into it. That waits for the disk, milliseconds or more, and SQLite would have a
    /// learner's message wait for it. The first commit behind it waits once more, so that is one of nobody's.
    async fn tidy(&mut self) {
        self.beside = 0;
        // Where it fails it comes again.
        drop(query("PRAGMA wal_checkpoint(PASSIVE)").execute(&mut self.connection).await);
        drop(writes::probe(&mut self.connection).await);
    }

    fn note(&mut self, outcome: &Result<bool, StorageError>) {
        let is_refused = matches!(outcome, Err(error) if error.may_pass());
        // Where nothing was to change, such as at the end of a turn whose beginning was refused, nothing was tried.
        if !matches!(outcome, Ok(false)) {
            self.is_refused.store(is_refused, Ordering::Relaxed);
        }
        let is_held = matches!(outcome, Err(StorageError::Held(_)));
        if is_held && !self.is_held {
            tracing::warn!(
                code = "storage_held",
                "another process holds the database: changes wait"
            );
        }
        self.is_held = is_held;
    }
}

/// Waits for orders unless some are left; those join what has come meanwhile.
async fn is_there_more(batch: &mut Vec<Order>, orders: &mut mpsc::Receiver<Order>) -> bool {
    if batch.is_empty() {
        return orders.recv_many(batch, BATCH).await > 0;
    }
    while batch.len() < QUEUE
        && let Ok(order) = orders.try_recv()
    {
        batch.push(order);
    }
    true
}

async fn write_and_commit(
    db: &mut SqliteConnection,
    orders: &[Order],
) -> Result<bool, StorageError> {
    let mut has_changed = false;
    for order in orders {
        has_changed |= match &order.write {
            Write::Begin(turn) => writes::begin(db, turn).await.map(|()| true)?,
            Write::End(turn) => writes::end(db, turn).await?,
            Write::Heard(heard) => writes::heard(db, heard).await?,
            Write::FailInterrupted => writes::fail_interrupted(db).await?,
            Write::Probe => writes::probe(db).await.map(|()| true)?,
            Write::Barrier => false,
        };
    }
    query("COMMIT").execute(db).await?;
    Ok(has_changed)
}

/// A file that is held can be read: who waits to read is let go, who has waited long to write is refused.
fn refuse_late(batch: &mut Vec<Order>, error: &StorageError) {
    let is_over = |order: &mut Order| {
        matches!(order.write, Write::Barrier) || order.since.elapsed() >= HELD_PATIENCE
    };
    batch.extract_if(.., is_over).for_each(|order| answer(order, Err(error.clone())));
}

/// Whoever asked may be gone; the change stands all the same. Where nothing was to change, nothing has failed.
fn answer(order: Order, result: Result<(), StorageError>) {
    let result = if matches!(order.write, Write::Barrier) { Ok(()) } else { result };
    if let Err(error) = &result {
        tracing::error!(code = "storage_failed", %error, "a change could not be saved");
    }
    drop(order.done.send(result));
}

#[cfg(test)]
mod tests {
    use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};

    use super::*;
    use crate::{domain::TurnId, storage::sqlite::schema};

    #[tokio::test]
    async fn only_a_change_proves_that_changes_are_taken_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("parla.db");
        let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        schema::migrate(&mut connection).await.unwrap();
        let (place, is_refused) = (Place::of(&file).unwrap(), Arc::new(AtomicBool::new(true)));
        let mut desk =
            Desk { connection, place, is_refused: is_refused.clone(), is_held: false, beside: 0 };
        let unknown = HeardTurn { turn: TurnId::random(), chunks: 0, ms: 0, text: String::new() };
        for (write, is_refused_after) in [(Write::Heard(unknown), true), (Write::Probe, false)] {
            let (done, answer) = oneshot::channel();
            desk.settle(&mut vec![Order { write, since: Instant::now(), done }]).await;
            answer.await.unwrap().unwrap();
            assert_eq!(is_refused.load(Ordering::Relaxed), is_refused_after);
        }
    }
}
