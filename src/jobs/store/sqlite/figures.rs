//! Counts for operators.

use sqlx::{Row, SqliteConnection};

use super::Result;
use super::rows::{self, count, job_columns, signed};
use crate::jobs::Submission;
use crate::jobs::store::{Finished, StepFigures};

/// Jobs by status.
pub async fn jobs(tx: &mut SqliteConnection) -> Result<Vec<(String, u64)>> {
    let rows = sqlx::query("SELECT status, COUNT(*) AS n FROM jobs GROUP BY status ORDER BY status")
        .fetch_all(tx)
        .await?;
    rows.iter().map(|row| Ok((row.try_get("status")?, count(row.try_get("n")?)))).collect()
}

/// Items that changed since `since_ms` by step and status.
pub async fn steps(tx: &mut SqliteConnection, since_ms: i64) -> Result<Vec<StepFigures>> {
    let rows = sqlx::query(
        "SELECT step, status, COUNT(*) AS n FROM work_items WHERE updated_ms >= $1 GROUP BY step, status \
         ORDER BY step, status",
    )
    .bind(since_ms)
    .fetch_all(tx)
    .await?;
    let figures = |row: &sqlx::sqlite::SqliteRow| -> Result<StepFigures> {
        Ok(StepFigures {
            step: usize::try_from(row.try_get::<i64, _>("step")?).unwrap_or_default(),
            status: row.try_get("status")?,
            items: count(row.try_get("n")?),
        })
    };
    rows.iter().map(figures).collect()
}

/// Successful items since `since_ms` by number of retries.
pub async fn retries(tx: &mut SqliteConnection, since_ms: i64) -> Result<Vec<u64>> {
    let rows = sqlx::query(
        "SELECT retry_count, COUNT(*) AS n FROM work_items WHERE status = 'successful' AND updated_ms >= $1 \
         GROUP BY retry_count",
    )
    .bind(since_ms)
    .fetch_all(tx)
    .await?;
    let mut counts = Vec::new();
    for row in &rows {
        let retries = usize::try_from(row.try_get::<i64, _>("retry_count")?).unwrap_or_default().min(1000);
        counts.resize(counts.len().max(retries + 1), 0);
        counts[retries] += count(row.try_get("n")?);
    }
    Ok(counts)
}

/// Successful jobs, newest first.
pub async fn finished(tx: &mut SqliteConnection, offset: u64, limit: u64) -> Result<Vec<Finished>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        job_columns!(),
        ", j.submission FROM jobs j WHERE j.status = 'successful' ORDER BY j.seq DESC LIMIT $1 OFFSET $2"
    ))
    .bind(signed(limit))
    .bind(signed(offset))
    .fetch_all(tx)
    .await?;
    let one = |row: &sqlx::sqlite::SqliteRow| -> Result<Finished> {
        let submission: Submission = serde_json::from_str(row.try_get("submission")?)?;
        Ok(Finished { job: rows::job(row)?, submission })
    };
    rows.iter().map(one).collect()
}
