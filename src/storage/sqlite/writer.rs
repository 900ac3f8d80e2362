//! The one task that writes. What waits together is committed together: one sync serves many conversations.

use futures_util::FutureExt;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::{
    super::{EndedTurn, HeardTurn, NewTurn, Reply, StorageError},
    writes,
};
use crate::shutdown::Shutdown;

/// Writes that may wait; whoever comes after them waits for room.
const QUEUE: usize = 1024;
/// Writes in one transaction: enough to share a sync, few enough to answer soon.
const BATCH: usize = 64;

/// One change.
pub(super) enum Write {
    Begin(Box<NewTurn>),
    End(Box<EndedTurn>),
    Heard(HeardTurn),
    FailInterrupted,
    /// Nothing but its place in the order: it is done when everything before it is.
    Barrier,
}

/// A handle to the writing task.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Order>,
}

struct Order {
    write: Write,
    done: oneshot::Sender<Result<(), StorageError>>,
}

impl Writer {
    pub(super) fn start(connection: SqliteConnection, shutdown: &Shutdown) -> Self {
        let (queue, orders) = mpsc::channel(QUEUE);
        shutdown.spawn("storage writer", run(connection, orders));
        Self { queue }
    }

    /// Takes its place in the order of writes at once, when there is room; resolves when the change is on disk.
    pub(super) fn write(&self, write: Write) -> Reply<()> {
        let (done, answer) = oneshot::channel();
        let queue = self.queue.clone();
        let waiting = match queue.try_send(Order { write, done }) {
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
            answer.await.map_err(|_| StorageError::Closed)?
        }
        .boxed()
    }
}

/// Ends when the last handle is gone and the queue is empty, so that a shutdown loses nothing.
async fn run(mut connection: SqliteConnection, mut orders: mpsc::Receiver<Order>) {
    let mut batch = Vec::with_capacity(BATCH);
    while orders.recv_many(&mut batch, BATCH).await > 0 {
        match commit(&mut connection, &batch).await {
            Ok(()) => batch.drain(..).for_each(|order| answer(order, Ok(()))),
            // Each alone would wait as long as all together, and the last one for minutes.
            Err(error @ StorageError::Unavailable(_)) => {
                batch.drain(..).for_each(|order| answer(order, Err(error.clone())));
            }
            Err(_) => each_alone(&mut connection, &mut batch).await,
        }
    }
    drop(connection.close().await);
}

/// One bad change must not take its neighbours with it.
async fn each_alone(connection: &mut SqliteConnection, batch: &mut Vec<Order>) {
    for order in batch.drain(..) {
        let result = commit(connection, std::slice::from_ref(&order)).await;
        answer(order, result);
    }
}

async fn commit(connection: &mut SqliteConnection, orders: &[Order]) -> Result<(), StorageError> {
    if orders.iter().all(|order| matches!(order.write, Write::Barrier)) {
        return Ok(());
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for order in orders {
        match &order.write {
            Write::Begin(turn) => writes::begin(&mut transaction, turn).await?,
            Write::End(turn) => writes::end(&mut transaction, turn).await?,
            Write::Heard(heard) => writes::heard(&mut transaction, heard).await?,
            Write::FailInterrupted => writes::fail_interrupted(&mut transaction).await?,
            Write::Barrier => {}
        }
    }
    Ok(transaction.commit().await?)
}

/// Whoever asked may be gone; the change stands all the same.
fn answer(order: Order, result: Result<(), StorageError>) {
    if let Err(error) = &result {
        tracing::error!(code = "storage_failed", %error, "a change could not be saved");
    }
    drop(order.done.send(result));
}
