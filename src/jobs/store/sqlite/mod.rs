//! The store in one SQLite file, beside the catalogue: write-ahead log, one writer, several readers.

mod changes;
mod complete;
mod figures;
mod queue;
mod reads;
mod rows;
mod schema;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};
use uuid::Uuid;

use super::{
    Brief, Claimed, Completion, Depth, Finished, ItemFilter, ItemPage, JobFilter, JobStore, JobStoreError,
    LinkPage, Publish, Reap, StepFigures, Ticket, View,
};
use crate::catalog::Granule;
use crate::jobs::Submission;
use crate::jobs::birth::Settings;
use crate::jobs::job::{Job, Status};
use crate::jobs::machine::Event;

type Result<T> = std::result::Result<T, JobStoreError>;

/// Longest wait for another writer of the file (the catalogue).
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
const READERS: u32 = 4;

/// Jobs in SQLite. Only one process may use the file.
pub struct SqliteStore {
    /// One connection: writers queue here instead of being refused by the database.
    writer: SqlitePool,
    readers: SqlitePool,
    settings: Settings,
}

impl SqliteStore {
    /// Opens or makes the database.
    ///
    /// # Errors
    /// [`JobStoreError::Database`] when it can't be opened or is of a newer version of this program.
    pub async fn open(path: &Path, settings: Settings) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true);
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        schema::migrate(&writer).await?;
        let readers =
            SqlitePoolOptions::new().max_connections(READERS).connect_with(options.read_only(true)).await?;
        Ok(SqliteStore { writer, readers, settings })
    }

    /// A transaction that has the right to write from its beginning: none fails later because another one wrote.
    async fn write(&self) -> Result<Transaction<'static, Sqlite>> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// A transaction that sees one moment.
    async fn read(&self) -> Result<Transaction<'static, Sqlite>> {
        Ok(self.readers.begin().await?)
    }
}

#[async_trait]
impl JobStore for SqliteStore {
    async fn insert(&self, job: &Job, submission: &Submission) -> Result<()> {
        let mut tx = self.write().await?;
        queue::insert(&mut tx, job, submission).await?;
        Ok(tx.commit().await?)
    }

    async fn submission(&self, id: Uuid) -> Result<Option<Submission>> {
        reads::submission(&mut *self.readers.acquire().await?, id).await
    }

    async fn claim(&self, worker: &str, n: usize, now_ms: i64, until_ms: i64) -> Result<Vec<Claimed>> {
        let mut tx = self.write().await?;
        let claimed = queue::claim(&mut tx, worker, n, now_ms, until_ms).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    async fn renew(&self, worker: &str, items: &[Ticket], until_ms: i64) -> Result<Vec<i64>> {
        let mut tx = self.write().await?;
        let lost = queue::renew(&mut tx, worker, items, until_ms).await?;
        tx.commit().await?;
        Ok(lost)
    }

    async fn release(&self, items: &[Ticket], now_ms: i64) -> Result<()> {
        let mut tx = self.write().await?;
        queue::release(&mut tx, items, now_ms).await?;
        Ok(tx.commit().await?)
    }

    async fn reap(&self, which: Reap<'_>, now_ms: i64) -> Result<Vec<Ticket>> {
        let mut tx = self.write().await?;
        let taken = queue::reap(&mut tx, which, &self.settings, now_ms).await?;
        tx.commit().await?;
        Ok(taken)
    }

    async fn complete(
        &self,
        ticket: &Ticket,
        completion: Completion,
        publish: Publish,
        now_ms: i64,
    ) -> Result<Option<Status>> {
        let mut tx = self.write().await?;
        let status = complete::complete(&mut tx, ticket, completion, publish, &self.settings, now_ms).await?;
        tx.commit().await?;
        Ok(status)
    }

    async fn change(&self, id: Uuid, owner: Option<&str>, event: Event, now_ms: i64) -> Result<()> {
        let mut tx = self.write().await?;
        changes::change(&mut tx, id, owner, event, now_ms).await?;
        Ok(tx.commit().await?)
    }

    async fn job(&self, id: Uuid) -> Result<Option<Job>> {
        Ok(reads::job(&mut *self.readers.acquire().await?, id).await?)
    }

    async fn view(&self, id: Uuid, links: LinkPage) -> Result<Option<View>> {
        reads::view(&mut *self.read().await?, id, links).await
    }

    async fn list(&self, filter: &JobFilter, offset: u64, limit: u64) -> Result<(u64, Vec<Job>)> {
        reads::list(&mut *self.read().await?, filter, offset, limit).await
    }

    async fn briefs(&self, ids: &[Uuid]) -> Result<Vec<Brief>> {
        reads::briefs(&mut *self.readers.acquire().await?, ids).await
    }

    async fn label(&self, owner: &str, ids: &[Uuid], labels: &[String], add: bool) -> Result<()> {
        let mut tx = self.write().await?;
        changes::label(&mut tx, owner, ids, labels, add).await?;
        Ok(tx.commit().await?)
    }

    async fn items(&self, id: Uuid, filter: &ItemFilter, offset: u64, limit: u64) -> Result<ItemPage> {
        reads::items(&mut *self.read().await?, id, filter, offset, limit).await
    }

    async fn found_granules(&self, id: Uuid) -> Result<Vec<Granule>> {
        reads::found_granules(&mut *self.read().await?, id).await
    }

    async fn expired(&self, now_ms: i64, limit: u32) -> Result<Vec<Uuid>> {
        reads::expired(&mut *self.read().await?, now_ms, limit).await
    }

    async fn data_deleted(&self, id: Uuid) -> Result<()> {
        let mut tx = self.write().await?;
        changes::data_deleted(&mut tx, id).await?;
        Ok(tx.commit().await?)
    }

    async fn forget_items(&self, before_ms: i64) -> Result<u64> {
        let mut tx = self.write().await?;
        let forgotten = changes::forget_items(&mut tx, before_ms).await?;
        tx.commit().await?;
        Ok(forgotten)
    }

    async fn depth(&self) -> Result<Depth> {
        reads::depth(&mut *self.read().await?).await
    }

    async fn statuses(&self) -> Result<Vec<(String, u64)>> {
        figures::jobs(&mut *self.read().await?).await
    }

    async fn steps(&self, since_ms: i64) -> Result<Vec<StepFigures>> {
        figures::steps(&mut *self.read().await?, since_ms).await
    }

    async fn retries(&self, since_ms: i64) -> Result<Vec<u64>> {
        figures::retries(&mut *self.read().await?, since_ms).await
    }

    async fn finished(&self, offset: u64, limit: u64) -> Result<Vec<Finished>> {
        figures::finished(&mut *self.read().await?, offset, limit).await
    }
}
