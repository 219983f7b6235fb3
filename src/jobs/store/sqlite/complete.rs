//! The transaction that completes an item.

use sqlx::{Row, SqliteConnection};

use super::queue::{add_item, load};
use super::rows::{self, count};
use super::{JobStoreError, Result};
use crate::jobs::birth::Settings;
use crate::jobs::job::{ItemStatus, Job, Level, Link, Note, Status, TEXT_LIMIT, shortened};
use crate::jobs::machine::{self, Handled};
use crate::jobs::store::{Completion, Outcome, Publish, Ticket};

/// See [`crate::jobs::store::JobStore::complete`].
pub async fn complete(
    tx: &mut SqliteConnection,
    ticket: &Ticket,
    completion: Completion,
    publish: Publish,
    settings: &Settings,
    now_ms: i64,
) -> Result<Option<Status>> {
    let held = sqlx::query(
        "SELECT job, step, retry_count FROM work_items WHERE id = $1 AND attempts = $2 AND status = 'running'",
    )
    .bind(ticket.item)
    .bind(ticket.attempt)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(held) = held else { return Ok(None) };
    let mut job = load(tx, held.try_get("job")?).await?;
    let step = usize::try_from(held.try_get::<i64, _>("step")?).unwrap_or(1);
    let retries: i64 = held.try_get("retry_count")?;
    if let Outcome::Failed { retry_ms: Some(pause), note, .. } = &completion.outcome
        && retries < i64::from(settings.retry_limit)
    {
        // Pauses double: what is down needs time.
        let pause = pause.saturating_mul(1 << retries.clamp(0, 10));
        try_again(tx, ticket, &mut job, note, now_ms.saturating_add(pause), now_ms).await?;
        return Ok(Some(job.status));
    }
    // The write lock is held and the ticket is good: nobody else moves results of this item.
    publish().map_err(|detail| JobStoreError::Publish { detail })?;
    settle(tx, ticket.item, &completion, now_ms).await?;
    add_results(tx, ticket.item, &mut job, &completion, now_ms).await?;
    count_in(&mut job, step, &completion);
    let (status, own, fatal) = match &completion.outcome {
        Outcome::Successful => (ItemStatus::Successful, None, None),
        Outcome::Warning(note) => (ItemStatus::Warning, Some(note), None),
        Outcome::Failed { note, fatal, .. } => (ItemStatus::Failed, Some(note), fatal.as_deref()),
    };
    let last = |level| {
        let mut notes = completion.notes.iter().chain(own).rev();
        notes.find(|n| n.level == level).map(|n| n.message.as_str())
    };
    let (error, warning) = (last(Level::Error), last(Level::Warning));
    let handled = Handled { step, status, error, warning, fatal };
    machine::after_item(&mut job, &handled, settings);
    if job.status.is_terminal() && job.counts.open() > 0 {
        cancel_open(tx, &mut job, now_ms).await?;
    }
    rows::save(tx, &job, now_ms).await?;
    Ok(Some(job.status))
}

async fn try_again(
    tx: &mut SqliteConnection,
    ticket: &Ticket,
    job: &mut Job,
    note: &Note,
    at_ms: i64,
    now_ms: i64,
) -> Result<()> {
    sqlx::query(
        "UPDATE work_items SET status = 'waiting', retry_count = retry_count + 1, wait_until = $2, \
         lease_until = NULL, message = $3, updated_ms = $4 WHERE id = $1",
    )
    .bind(ticket.item)
    .bind(at_ms)
    .bind(&note.message)
    .bind(now_ms)
    .execute(&mut *tx)
    .await?;
    job.counts.running -= 1;
    job.counts.waiting += 1;
    // Retries are silent: the job's own time of change stays.
    rows::save(tx, job, 0).await
}

/// Marks the item as done.
async fn settle(tx: &mut SqliteConnection, item: i64, completion: &Completion, now_ms: i64) -> Result<()> {
    let (status, note) = match &completion.outcome {
        Outcome::Successful => ("successful", None),
        Outcome::Warning(note) => ("warning", Some(note)),
        Outcome::Failed { note, .. } => ("failed", Some(note)),
    };
    let output =
        (!completion.granules.is_empty()).then(|| serde_json::to_string(&completion.granules)).transpose()?;
    sqlx::query(
        "UPDATE work_items SET status = $2, message = $3, category = $4, output = $5, lease_until = NULL, \
         updated_ms = $6 WHERE id = $1",
    )
    .bind(item)
    .bind(status)
    .bind(note.map(|n| n.message.as_str()))
    .bind(note.and_then(|n| n.category.as_deref()))
    .bind(output)
    .bind(now_ms)
    .execute(tx)
    .await?;
    Ok(())
}

/// Stores links, notes and further items.
async fn add_results(
    tx: &mut SqliteConnection,
    item: i64,
    job: &mut Job,
    completion: &Completion,
    now_ms: i64,
) -> Result<()> {
    for link in &completion.links {
        add_link(tx, job.seq, item, link).await?;
    }
    let own = match &completion.outcome {
        Outcome::Warning(note) | Outcome::Failed { note, .. } => Some(note),
        Outcome::Successful => None,
    };
    for note in completion.notes.iter().chain(own) {
        add_note(tx, job.seq, item, note).await?;
        match note.level {
            Level::Error => job.counts.errors += 1,
            Level::Warning => job.counts.warnings += 1,
        }
    }
    for next in &completion.next {
        if add_item(tx, job.seq, next, now_ms).await? {
            job.counts.ready += 1;
        }
    }
    Ok(())
}

async fn add_link(tx: &mut SqliteConnection, job: i64, item: i64, link: &Link) -> Result<()> {
    let located = link.bbox.is_some() && link.temporal.is_some();
    sqlx::query("INSERT INTO job_links (job, item, located, link) VALUES ($1, $2, $3, $4)")
        .bind(job)
        .bind(item)
        .bind(located)
        .bind(serde_json::to_string(link)?)
        .execute(tx)
        .await?;
    Ok(())
}

async fn add_note(tx: &mut SqliteConnection, job: i64, item: i64, note: &Note) -> Result<()> {
    sqlx::query(
        "INSERT INTO job_messages (job, item, level, url, message, category) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(job)
    .bind(item)
    .bind(note.level.name())
    .bind(&note.url)
    .bind(shortened(&note.message, TEXT_LIMIT))
    .bind(&note.category)
    .execute(tx)
    .await?;
    Ok(())
}

/// Counts a completed item in its job.
fn count_in(job: &mut Job, step: usize, completion: &Completion) {
    job.counts.running -= 1;
    job.counts.data_links += completion.links.len() as u64;
    job.counts.bytes_in = job.counts.bytes_in.saturating_add(completion.bytes_in);
    job.counts.bytes_out = job.counts.bytes_out.saturating_add(completion.bytes_out);
    if let Some(state) = job.steps.get_mut(step.saturating_sub(1)) {
        match &completion.outcome {
            Outcome::Successful => state.successful += 1,
            Outcome::Warning(_) => state.warning += 1,
            Outcome::Failed { .. } => state.failed += 1,
        }
    }
    if let Some(found) = completion.num_input_granules {
        // An aggregated step has one item whatever the number.
        if let Some(work) = job.steps.get_mut(1)
            && work.total == job.num_input_granules
            && !completion.next.iter().any(|n| n.input == crate::jobs::store::Input::All)
        {
            work.total = found;
        }
        job.num_input_granules = found;
    }
    if let Some(message) = &completion.message {
        job.note(message);
    }
}

/// Cancels what is not done of a job.
pub async fn cancel_open(tx: &mut SqliteConnection, job: &mut Job, now_ms: i64) -> Result<()> {
    let open = "SELECT step, COUNT(*) AS n FROM work_items \
                WHERE job = $1 AND status IN ('ready', 'waiting', 'running') GROUP BY step";
    for row in sqlx::query(open).bind(job.seq).fetch_all(&mut *tx).await? {
        let step = usize::try_from(row.try_get::<i64, _>("step")?).unwrap_or(1);
        if let Some(state) = job.steps.get_mut(step.saturating_sub(1)) {
            state.canceled += count(row.try_get("n")?);
        }
    }
    sqlx::query(
        "UPDATE work_items SET status = 'canceled', lease_until = NULL, wait_until = NULL, updated_ms = $2 \
         WHERE job = $1 AND status IN ('ready', 'waiting', 'running')",
    )
    .bind(job.seq)
    .bind(now_ms)
    .execute(tx)
    .await?;
    (job.counts.ready, job.counts.running, job.counts.waiting) = (0, 0, 0);
    Ok(())
}
