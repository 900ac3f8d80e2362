//! Looks at a database from outside, also while a server uses it. It changes nothing, nor makes a file beside it.

use std::{path::Path, time::Duration};

use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use super::{check_pages, schema};
use crate::storage::StorageError;

/// A server holds the file for moments only.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether this parla can use the database: its version, and whether its pages are in order.
///
/// # Errors
/// When it cannot.
pub async fn inspect(file: &Path) -> Result<(), StorageError> {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let options = SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        // Without a log nobody is at work on the file, and whoever reads it otherwise begins a log.
        .immutable(!Path::new(&log).exists())
        .busy_timeout(PATIENCE)
        .disable_statement_logging();
    let mut connection = options.connect().await?;
    schema::version(&mut connection).await?;
    check_pages(&mut connection).await?;
    Ok(connection.close().await?)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs};

    use super::*;
    use crate::{shutdown::Shutdown, storage::Sqlite, telemetry::metrics::Metrics};

    fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
        entries
            .map(|entry| {
                (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
            })
            .collect()
    }

    #[tokio::test]
    async fn a_database_at_rest_is_inspected_and_left_as_it_is_to_the_byte() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("parla.db");
        let shutdown = Shutdown::new();
        drop(Sqlite::open(&file, Metrics::default().storage, &shutdown).await.unwrap());
        shutdown.finish(Duration::from_secs(5)).await;
        let before = files(folder.path());
        assert_eq!(before.len(), 1, "{:?}", before.keys());
        inspect(&file).await.unwrap();
        assert_eq!(files(folder.path()), before);
    }

    #[tokio::test]
    async fn a_database_in_use_is_inspected_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("parla.db");
        let storage = Sqlite::open(&file, Metrics::default().storage, &Shutdown::new()).await;
        let _storage = storage.unwrap();
        inspect(&file).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_no_database_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("parla.db");
        fs::write(&file, "not a database at all ".repeat(100)).unwrap();
        assert!(matches!(inspect(&file).await, Err(StorageError::Damaged(_))));
        let missing = inspect(&folder.path().join("nothing.db")).await;
        assert!(matches!(missing, Err(StorageError::Unavailable(_))));
    }
}
