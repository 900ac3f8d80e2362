//! Which tables there are, and how those of an older parla become today's. It never touches those of a newer one.

use sqlx::{AssertSqlSafe, Connection, SqliteConnection, query_scalar, raw_sql};

use super::super::StorageError;

/// What makes each version of the tables from the one before, the first from nothing. Entries are added, never changed:
/// a database keeps the number of those that it has seen as its `user_version`.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql"), include_str!("spoken.sql")];

/// Brings the tables to this parla's version, all of the way or not at all.
///
/// # Errors
/// When the file is no database, or a newer parla has written it.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), StorageError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let found = version(&mut transaction).await?;
    for (migration, version) in MIGRATIONS.iter().zip(1..).filter(|(_, version)| *version > found) {
        raw_sql(*migration).execute(&mut *transaction).await?;
        let stamp = format!("PRAGMA user_version = {version}");
        raw_sql(AssertSqlSafe(stamp)).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}

/// The version of the tables.
///
/// # Errors
/// When the file is no database, or a newer parla has written it.
pub(super) async fn version(connection: &mut SqliteConnection) -> Result<i64, StorageError> {
    let known = MIGRATIONS.len() as i64;
    let found: i64 = query_scalar("PRAGMA user_version").fetch_one(connection).await?;
    if found > known { Err(StorageError::Newer { found, known }) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};

    use super::*;
    use crate::{shutdown::Shutdown, storage::Sqlite, telemetry::metrics::Metrics};

    async fn raw(file: &Path) -> SqliteConnection {
        SqliteConnectOptions::new().filename(file).create_if_missing(true).connect().await.unwrap()
    }

    #[tokio::test]
    async fn a_database_of_a_newer_parla_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("parla.db");
        raw_sql("PRAGMA user_version = 99").execute(&mut raw(&file).await).await.unwrap();
        let refused =
            Sqlite::open(&file, Metrics::default().storage, &Shutdown::new()).await.err().unwrap();
        assert!(matches!(refused, StorageError::Newer { found: 99, known: 2 }), "{refused}");
        let tables: i64 = query_scalar("SELECT count(*) FROM sqlite_schema")
            .fetch_one(&mut raw(&file).await)
            .await
            .unwrap();
        assert_eq!(tables, 0);
    }

    #[tokio::test]
    async fn a_database_keeps_its_version() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("parla.db");
        for _ in 0..2 {
            drop(Sqlite::open(&file, Metrics::default().storage, &Shutdown::new()).await.unwrap());
            let version: i64 =
                query_scalar("PRAGMA user_version").fetch_one(&mut raw(&file).await).await.unwrap();
            assert_eq!(version, 2);
        }
    }
}
