//! What users and time do to jobs.

use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::complete::cancel_open;
use super::{JobStoreError, Result, reads, rows};
use crate::jobs::machine::{self, Event};

/// See [`crate::jobs::store::JobStore::change`].
pub async fn change(
    tx: &mut SqliteConnection,
    id: Uuid,
    owner: Option<&str>,
    event: Event,
    now_ms: i64,
) -> Result<()> {
    let job = reads::job(tx, id).await?.filter(|j| owner.is_none_or(|o| o == j.username));
    let mut job = job.ok_or(JobStoreError::NotFound { id })?;
    machine::apply(&mut job, event).map_err(|message| JobStoreError::Conflict { message })?;
    if job.status.is_terminal() {
        cancel_open(tx, &mut job, now_ms).await?;
    }
    rows::save(tx, &job, now_ms).await
}

/// See [`crate::jobs::store::JobStore::label`].
pub async fn label(
    tx: &mut SqliteConnection,
    owner: &str,
    ids: &[Uuid],
    labels: &[String],
    add: bool,
) -> Result<()> {
    for id in ids {
        let row = sqlx::query("SELECT seq, username FROM jobs WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&mut *tx)
            .await?;
        let row = row.ok_or(JobStoreError::NotFound { id: *id })?;
        if row.try_get::<&str, _>("username")? != owner {
            return Err(JobStoreError::NotOwned { id: *id });
        }
        let seq: i64 = row.try_get("seq")?;
        let query = if add {
            "INSERT OR IGNORE INTO job_labels (job, label) VALUES ($1, $2)"
        } else {
            "DELETE FROM job_labels WHERE job = $1 AND label = $2"
        };
        for label in labels {
            sqlx::query(query).bind(seq).bind(label).execute(&mut *tx).await?;
        }
    }
    Ok(())
}

pub async fn data_deleted(tx: &mut SqliteConnection, id: Uuid) -> Result<()> {
    sqlx::query("UPDATE jobs SET data_deleted = 1 WHERE id = $1").bind(id.to_string()).execute(tx).await?;
    Ok(())
}

/// Jobs whose items are forgotten at once, so that other writers get their turn.
const FORGOTTEN_AT_ONCE: u32 = 100;

pub async fn forget_items(tx: &mut SqliteConnection, before_ms: i64) -> Result<u64> {
    let old = "SELECT seq FROM jobs WHERE items_forgotten = 0 AND updated_ms < $1 \
               AND status IN ('successful', 'complete_with_errors', 'failed', 'canceled') LIMIT $2";
    let jobs: Vec<i64> =
        sqlx::query_scalar(old).bind(before_ms).bind(FORGOTTEN_AT_ONCE).fetch_all(&mut *tx).await?;
    let mut forgotten = 0;
    for seq in jobs {
        let done = sqlx::query("DELETE FROM work_items WHERE job = $1").bind(seq).execute(&mut *tx).await?;
        forgotten += done.rows_affected();
        sqlx::query("UPDATE jobs SET items_forgotten = 1 WHERE seq = $1").bind(seq).execute(&mut *tx).await?;
    }
    Ok(forgotten)
}
