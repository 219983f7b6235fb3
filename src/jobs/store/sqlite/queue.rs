//! Handing out work: insertion, fair claims, leases.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::rows::{self, signed};
use super::{Result, complete};
use crate::jobs::Submission;
use crate::jobs::birth::Settings;
use crate::jobs::job::{Job, Level, Note};
use crate::jobs::store::{Claimed, Completion, Input, NewItem, Outcome, Query, Reap, Ticket};

/// An item whose worker vanished that often is what makes workers vanish.
const LOST_LIMIT: i64 = 25;

pub async fn insert(tx: &mut SqliteConnection, job: &Job, submission: &Submission) -> Result<()> {
    let seq = sqlx::query(
        "INSERT INTO jobs (id, username, status, progress, messages, created_ms, updated_ms, chain, request_url, \
         num_input_granules, collections, provider, destination, is_async, ignore_errors, expires_ms, counts, steps, \
         ready, running, submission) \
         VALUES ($1, $2, $3, 0, $4, $5, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 0, $18)",
    )
    .bind(job.id.to_string())
    .bind(&job.username)
    .bind(job.status.name())
    .bind(serde_json::to_string(&job.messages)?)
    .bind(job.created_ms)
    .bind(&job.chain)
    .bind(&job.request_url)
    .bind(signed(job.num_input_granules))
    .bind(serde_json::to_string(&job.collections)?)
    .bind(&job.provider)
    .bind(&job.destination)
    .bind(job.is_async)
    .bind(job.ignore_errors)
    .bind(job.expires_ms)
    .bind(serde_json::to_string(&job.counts)?)
    .bind(serde_json::to_string(&job.steps)?)
    .bind(job.counts.ready)
    .bind(serde_json::to_string(submission)?)
    .execute(&mut *tx)
    .await?
    .last_insert_rowid();
    for label in &job.labels {
        sqlx::query("INSERT OR IGNORE INTO job_labels (job, label) VALUES ($1, $2)")
            .bind(seq)
            .bind(label)
            .execute(&mut *tx)
            .await?;
    }
    let first = NewItem { step: 1, index: 0, input: Input::Query(Query::default()) };
    add_item(tx, seq, &first, job.created_ms).await?;
    Ok(())
}

/// Adds an item, unless it is there; whether it was added.
pub async fn add_item(tx: &mut SqliteConnection, job: i64, item: &NewItem, now_ms: i64) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO work_items (job, step, idx, status, input, created_ms, updated_ms) \
         VALUES ($1, $2, $3, 'ready', $4, $5, $5) ON CONFLICT (job, step, idx) DO NOTHING",
    )
    .bind(job)
    .bind(i64::try_from(item.step).unwrap_or(i64::MAX))
    .bind(signed(item.index))
    .bind(serde_json::to_string(&item.input)?)
    .bind(now_ms)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The job that is next: of the user with the fewest items in work, the oldest. A job that makes a preview has one item
/// in work at a time, so that it stops after the first result.
const NEXT_JOB: &str = "\
    SELECT j.seq, j.id, j.status FROM jobs j \
    WHERE j.ready > 0 AND (j.status IN ('accepted', 'running', 'running_with_errors') \
        OR (j.status = 'previewing' AND j.running = 0)) \
    ORDER BY (SELECT COALESCE(SUM(r.running), 0) FROM jobs r WHERE r.running > 0 AND r.username = j.username), j.seq \
    LIMIT 1";

/// Later steps first: results before more work.
const TAKE: &str = "\
    UPDATE work_items SET status = 'running', attempts = attempts + 1, worker = $2, lease_until = $3, \
        started_ms = $4, updated_ms = $4 \
    WHERE id = (SELECT id FROM work_items WHERE job = $1 AND status = 'ready' ORDER BY step DESC, id LIMIT 1) \
    RETURNING id, attempts, step, input";

pub async fn claim(
    tx: &mut SqliteConnection,
    worker: &str,
    n: usize,
    now_ms: i64,
    until_ms: i64,
) -> Result<Vec<Claimed>> {
    wake(tx, now_ms).await?;
    let mut claimed = Vec::new();
    while claimed.len() < n {
        // One by one: each choice sees the claims before it, so that users alternate.
        let Some(job) = sqlx::query(NEXT_JOB).fetch_optional(&mut *tx).await? else { break };
        let seq: i64 = job.try_get("seq")?;
        let row = sqlx::query(TAKE)
            .bind(seq)
            .bind(worker)
            .bind(until_ms)
            .bind(now_ms)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = row else {
            // The count says there is one: counts are wrong, and are put right.
            recount(tx, seq).await?;
            continue;
        };
        let mut state = load(tx, seq).await?;
        state.counts.ready -= 1;
        state.counts.running += 1;
        rows::save(tx, &state, 0).await?;
        claimed.push(Claimed {
            ticket: ticket(&row)?,
            job: state.id,
            step: usize::try_from(row.try_get::<i64, _>("step")?).unwrap_or(1),
            input: serde_json::from_str(row.try_get("input")?)?,
        });
    }
    Ok(claimed)
}

fn ticket(row: &SqliteRow) -> Result<Ticket> {
    Ok(Ticket { item: row.try_get("id")?, attempt: row.try_get("attempts")? })
}

pub async fn load(tx: &mut SqliteConnection, seq: i64) -> Result<Job> {
    let row = sqlx::query(concat!("SELECT ", rows::job_columns!(), " FROM jobs j WHERE j.seq = $1"))
        .bind(seq)
        .fetch_one(tx)
        .await?;
    rows::job(&row)
}

/// Counts the open items of a job anew.
async fn recount(tx: &mut SqliteConnection, seq: i64) -> Result<()> {
    let mut job = load(tx, seq).await?;
    let count = "SELECT COALESCE(SUM(status = 'ready'), 0), COALESCE(SUM(status = 'running'), 0), \
                 COALESCE(SUM(status = 'waiting'), 0) FROM work_items WHERE job = $1";
    let (ready, running, waiting): (i64, i64, i64) =
        sqlx::query_as(count).bind(seq).fetch_one(&mut *tx).await?;
    (job.counts.ready, job.counts.running, job.counts.waiting) = (ready, running, waiting);
    rows::save(tx, &job, 0).await
}

/// Makes items ready whose pause before another try is over.
async fn wake(tx: &mut SqliteConnection, now_ms: i64) -> Result<()> {
    let due = "UPDATE work_items SET status = 'ready', wait_until = NULL \
               WHERE status = 'waiting' AND wait_until <= $1 RETURNING job";
    for row in sqlx::query(due).bind(now_ms).fetch_all(&mut *tx).await? {
        let mut job = load(tx, row.try_get("job")?).await?;
        job.counts.waiting -= 1;
        job.counts.ready += 1;
        rows::save(tx, &job, 0).await?;
    }
    Ok(())
}

pub async fn renew(
    tx: &mut SqliteConnection,
    worker: &str,
    items: &[Ticket],
    until_ms: i64,
) -> Result<Vec<i64>> {
    let mut lost = Vec::new();
    for ticket in items {
        let done = sqlx::query(
            "UPDATE work_items SET lease_until = $4 \
             WHERE id = $1 AND attempts = $2 AND worker = $3 AND status = 'running'",
        )
        .bind(ticket.item)
        .bind(ticket.attempt)
        .bind(worker)
        .bind(until_ms)
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            lost.push(ticket.item);
        }
    }
    Ok(lost)
}

pub async fn release(tx: &mut SqliteConnection, items: &[Ticket], now_ms: i64) -> Result<()> {
    for ticket in items {
        give_back(tx, ticket, false, now_ms).await?;
    }
    Ok(())
}

/// Makes a running item ready again, if the ticket is still good.
async fn give_back(tx: &mut SqliteConnection, ticket: &Ticket, was_lost: bool, now_ms: i64) -> Result<()> {
    let row = sqlx::query(
        "UPDATE work_items SET status = 'ready', worker = NULL, lease_until = NULL, updated_ms = $4, \
         lost_count = lost_count + $3 WHERE id = $1 AND attempts = $2 AND status = 'running' RETURNING job",
    )
    .bind(ticket.item)
    .bind(ticket.attempt)
    .bind(was_lost)
    .bind(now_ms)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(row) = row {
        let mut job = load(tx, row.try_get("job")?).await?;
        job.counts.running -= 1;
        job.counts.ready += 1;
        rows::save(tx, &job, 0).await?;
    }
    Ok(())
}

pub async fn reap(
    tx: &mut SqliteConnection,
    which: Reap<'_>,
    settings: &Settings,
    now_ms: i64,
) -> Result<Vec<Ticket>> {
    let query = match which {
        Reap::Expired => sqlx::query(
            "SELECT id, attempts, lost_count FROM work_items WHERE status = 'running' AND lease_until < $1",
        )
        .bind(now_ms),
        Reap::AllBut(alive) => sqlx::query(
            "SELECT id, attempts, lost_count FROM work_items WHERE status = 'running' AND worker IS NOT $1",
        )
        .bind(alive.to_owned()),
    };
    let mut taken = Vec::new();
    for row in query.fetch_all(&mut *tx).await? {
        let ticket = ticket(&row)?;
        if row.try_get::<i64, _>("lost_count")? >= LOST_LIMIT {
            fail_lost(tx, &ticket, settings, now_ms).await?;
        } else {
            give_back(tx, &ticket, true, now_ms).await?;
        }
        taken.push(ticket);
    }
    Ok(taken)
}

async fn fail_lost(
    tx: &mut SqliteConnection,
    ticket: &Ticket,
    settings: &Settings,
    now_ms: i64,
) -> Result<()> {
    let note = Note {
        level: Level::Error,
        url: "unknown".into(),
        message: format!(
            "WorkItem failed: the server ended {LOST_LIMIT} times while it worked on this; try a smaller request"
        ),
        category: None,
    };
    let completion = Completion {
        outcome: Outcome::Failed { note, retry_ms: None, fatal: None },
        ..Completion::default()
    };
    complete::complete(tx, ticket, completion, Box::new(|| Ok(())), settings, now_ms).await?;
    Ok(())
}
