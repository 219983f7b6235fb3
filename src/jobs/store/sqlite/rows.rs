//! Rows as the types of jobs, and back.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::Result;
use crate::jobs::job::{Counts, ItemStatus, Job, Level, Note, Status};
use crate::jobs::store::JobStoreError;

/// What [`job`] needs of a job `j`.
macro_rules! job_columns {
    () => {
        "j.seq, j.id, j.username, j.status, j.progress, j.messages, j.created_ms, j.updated_ms, j.chain, \
         j.request_url, j.num_input_granules, j.collections, j.provider, j.destination, j.is_async, \
         j.ignore_errors, j.expires_ms, j.counts, j.steps, \
         (SELECT json_group_array(label) FROM (SELECT label FROM job_labels WHERE job = j.seq ORDER BY label)) \
         AS labels"
    };
}
pub(super) use job_columns;

fn damaged(what: &str) -> JobStoreError {
    JobStoreError::Database { detail: format!("a stored row is damaged: {what}") }
}

/// A count, which the database keeps signed.
pub fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A count as the database keeps it.
pub fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub fn uuid(text: &str) -> Result<Uuid> {
    Uuid::parse_str(text).map_err(|_| damaged("the id of a job"))
}

pub fn status(text: &str) -> Result<Status> {
    Status::parse(text).ok_or_else(|| damaged("the status of a job"))
}

/// Items that wait for another try are ready for everybody else.
pub fn item_status(text: &str) -> Result<ItemStatus> {
    let text = if text == "waiting" { "ready" } else { text };
    ItemStatus::parse(text).ok_or_else(|| damaged("the status of a work item"))
}

pub fn job(row: &SqliteRow) -> Result<Job> {
    let json = |column: &str| row.try_get::<String, _>(column);
    Ok(Job {
        seq: row.try_get("seq")?,
        id: uuid(row.try_get("id")?)?,
        username: row.try_get("username")?,
        status: status(row.try_get("status")?)?,
        progress: u32::try_from(row.try_get::<i64, _>("progress")?).unwrap_or(0),
        messages: serde_json::from_str(&json("messages")?)?,
        created_ms: row.try_get("created_ms")?,
        updated_ms: row.try_get("updated_ms")?,
        chain: row.try_get("chain")?,
        request_url: row.try_get("request_url")?,
        num_input_granules: count(row.try_get("num_input_granules")?),
        collections: serde_json::from_str(&json("collections")?)?,
        provider: row.try_get("provider")?,
        destination: row.try_get("destination")?,
        is_async: row.try_get("is_async")?,
        ignore_errors: row.try_get("ignore_errors")?,
        labels: serde_json::from_str(&json("labels")?)?,
        expires_ms: row.try_get("expires_ms")?,
        counts: serde_json::from_str(&json("counts")?)?,
        steps: serde_json::from_str(&json("steps")?)?,
    })
}

pub fn note(row: &SqliteRow) -> Result<Note> {
    let level = if row.try_get::<&str, _>("level")? == "error" { Level::Error } else { Level::Warning };
    Ok(Note {
        level,
        url: row.try_get("url")?,
        message: row.try_get("message")?,
        category: row.try_get("category")?,
    })
}

/// Writes what changes of a job.
pub async fn save(tx: &mut SqliteConnection, job: &Job, now_ms: i64) -> Result<()> {
    let Counts { ready, running, .. } = job.counts;
    sqlx::query(
        "UPDATE jobs SET status = $1, progress = $2, messages = $3, updated_ms = max(updated_ms, $4), \
         num_input_granules = $5, counts = $6, steps = $7, ready = $8, running = $9 WHERE seq = $10",
    )
    .bind(job.status.name())
    .bind(job.progress)
    .bind(serde_json::to_string(&job.messages)?)
    .bind(now_ms)
    .bind(signed(job.num_input_granules))
    .bind(serde_json::to_string(&job.counts)?)
    .bind(serde_json::to_string(&job.steps)?)
    .bind(ready)
    .bind(running)
    .bind(job.seq)
    .execute(tx)
    .await?;
    Ok(())
}
