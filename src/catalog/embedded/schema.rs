//! Tables of the catalogue, in the file that jobs share.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::failed;
use crate::catalog::CatalogError;

/// Version of the tables below.
const VERSION: i64 = 1;

/// One statement each. `change` counts writes, so that a reader knows what is new to it; rows are marked as deleted
/// rather than deleted, so that what comes back has its concept id again.
const TABLES: [&str; 8] = [
    "CREATE TABLE IF NOT EXISTS catalog_meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS catalog_documents (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, natural_key TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
        change INTEGER NOT NULL, body TEXT NOT NULL)",
    "CREATE UNIQUE INDEX IF NOT EXISTS catalog_documents_key ON catalog_documents (kind, natural_key)",
    "CREATE INDEX IF NOT EXISTS catalog_documents_change ON catalog_documents (change)",
    "CREATE TABLE IF NOT EXISTS catalog_granules (
        key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, collection TEXT NOT NULL, name TEXT NOT NULL,
        producer_id TEXT, location TEXT NOT NULL, modified_ms INTEGER NOT NULL, size_bytes INTEGER,
        start INTEGER, \"end\" INTEGER, west REAL, south REAL, east REAL, north REAL, outline BLOB NOT NULL,
        revised_ms INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0, change INTEGER NOT NULL)",
    "CREATE UNIQUE INDEX IF NOT EXISTS catalog_granules_place ON catalog_granules (collection, location)",
    "CREATE INDEX IF NOT EXISTS catalog_granules_change ON catalog_granules (change)",
    "CREATE TABLE IF NOT EXISTS catalog_granule_bodies (key INTEGER PRIMARY KEY, body TEXT NOT NULL)",
];

/// First number that a concept of our own gets.
const FIRST_NUMBER: i64 = 1_000_000_001;

/// One connection that writes, and some that read.
pub struct Pools {
    pub writer: SqlitePool,
    pub readers: SqlitePool,
}

/// Opens the file, or a database in memory, and brings its tables up to date.
pub async fn open(file: Option<&Path>) -> Result<Pools, CatalogError> {
    let pools = match file {
        Some(file) => {
            let options = SqliteConnectOptions::new()
                .filename(file)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Normal)
                .busy_timeout(Duration::from_secs(30));
            let writer = pool(1).connect_with(options.clone()).await;
            let writer = writer.map_err(|e| CatalogError::Failed {
                detail: format!("{}: the database can't be opened ({e}); check --data", file.display()),
            })?;
            let readers = pool(4).connect_with(options).await.map_err(failed)?;
            Pools { writer, readers }
        }
        None => {
            let options = SqliteConnectOptions::new().in_memory(true);
            let writer = pool(1).connect_with(options).await.map_err(failed)?;
            Pools { readers: writer.clone(), writer }
        }
    };
    migrate(&pools.writer).await?;
    Ok(pools)
}

fn pool(connections: u32) -> SqlitePoolOptions {
    // A database in memory lives as long as its connection.
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
}

async fn migrate(writer: &SqlitePool) -> Result<(), CatalogError> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    for statement in TABLES {
        sqlx::query(statement).execute(&mut *transaction).await.map_err(failed)?;
    }
    for (name, value) in [("version", VERSION), ("change", 0), ("next_number", FIRST_NUMBER)] {
        sqlx::query("INSERT OR IGNORE INTO catalog_meta (name, value) VALUES (?, ?)")
            .bind(name)
            .bind(value)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    let found: i64 = sqlx::query_scalar("SELECT value FROM catalog_meta WHERE name = 'version'")
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
    if found != VERSION {
        let detail = format!(
            "the catalogue has tables of version {found}, this program knows {VERSION}; use the program that made \
             it, or another --data folder"
        );
        return Err(CatalogError::Failed { detail });
    }
    transaction.commit().await.map_err(failed)
}
