//! What documents are made of.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::Result;
use super::rows::{self, count, job_columns, signed};
use crate::catalog::Granule;
use crate::jobs::Submission;
use crate::jobs::job::{ItemStatus, Job, Link};
use crate::jobs::store::{Brief, Depth, Item, ItemFilter, ItemPage, JobFilter, LinkPage, View};

pub async fn submission(tx: &mut SqliteConnection, id: Uuid) -> Result<Option<Submission>> {
    let text: Option<String> = sqlx::query_scalar("SELECT submission FROM jobs WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(tx)
        .await?;
    Ok(text.map(|t| serde_json::from_str(&t)).transpose()?)
}

pub async fn job(tx: &mut SqliteConnection, id: Uuid) -> Result<Option<Job>> {
    let row = sqlx::query(concat!("SELECT ", job_columns!(), " FROM jobs j WHERE j.id = $1"))
        .bind(id.to_string())
        .fetch_optional(tx)
        .await?;
    row.as_ref().map(rows::job).transpose()
}

pub async fn view(tx: &mut SqliteConnection, id: Uuid, page: LinkPage) -> Result<Option<View>> {
    let Some(job) = job(tx, id).await? else { return Ok(None) };
    let least = i64::from(page.located);
    let total: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM job_links WHERE job = $1 AND located >= $2")
        .bind(job.seq)
        .bind(least)
        .fetch_one(&mut *tx)
        .await?;
    let texts: Vec<String> = sqlx::query_scalar(
        "SELECT link FROM job_links WHERE job = $1 AND located >= $2 ORDER BY id LIMIT $3 OFFSET $4",
    )
    .bind(job.seq)
    .bind(least)
    .bind(signed(page.limit))
    .bind(signed(page.offset))
    .fetch_all(&mut *tx)
    .await?;
    let notes =
        sqlx::query("SELECT level, url, message, category FROM job_messages WHERE job = $1 ORDER BY id")
            .bind(job.seq)
            .fetch_all(tx)
            .await?;
    Ok(Some(View {
        total: count(total),
        links: texts.iter().map(|t| Ok(serde_json::from_str(t)?)).collect::<Result<_>>()?,
        notes: notes.iter().map(rows::note).collect::<Result<_>>()?,
        job,
    }))
}

/// Which jobs a filter means; `$1` is the user or null, `$2` a JSON array of labels.
macro_rules! matching {
    () => {
        "FROM jobs j WHERE ($1 IS NULL OR j.username = $1) AND (json_array_length($2) = 0 OR j.seq IN \
         (SELECT job FROM job_labels WHERE label IN (SELECT value FROM json_each($2))))"
    };
}

pub async fn list(
    tx: &mut SqliteConnection,
    filter: &JobFilter,
    offset: u64,
    limit: u64,
) -> Result<(u64, Vec<Job>)> {
    let labels = serde_json::to_string(&filter.labels)?;
    let total: i64 = sqlx::query_scalar(concat!("SELECT COUNT(*) ", matching!()))
        .bind(&filter.user)
        .bind(&labels)
        .fetch_one(&mut *tx)
        .await?;
    let page =
        concat!("SELECT ", job_columns!(), " ", matching!(), " ORDER BY j.seq DESC LIMIT $3 OFFSET $4");
    let rows = sqlx::query(page)
        .bind(&filter.user)
        .bind(&labels)
        .bind(signed(limit))
        .bind(signed(offset))
        .fetch_all(tx)
        .await?;
    Ok((count(total), rows.iter().map(rows::job).collect::<Result<_>>()?))
}

pub async fn briefs(tx: &mut SqliteConnection, ids: &[Uuid]) -> Result<Vec<Brief>> {
    let ids = serde_json::to_string(ids)?;
    let found = "SELECT id, username, status, progress, collections FROM jobs \
                 WHERE id IN (SELECT value FROM json_each($1))";
    let rows = sqlx::query(found).bind(ids).fetch_all(tx).await?;
    let brief = |row: &SqliteRow| -> Result<Brief> {
        Ok(Brief {
            id: rows::uuid(row.try_get("id")?)?,
            username: row.try_get("username")?,
            status: rows::status(row.try_get("status")?)?,
            progress: u32::try_from(row.try_get::<i64, _>("progress")?).unwrap_or(0),
            collections: serde_json::from_str(row.try_get("collections")?)?,
        })
    };
    rows.iter().map(brief).collect()
}

/// Which items a filter means; `$1` job, `$2` step, `$3` and `$4` JSON arrays of states and ids.
macro_rules! matching_items {
    () => {
        "FROM work_items w WHERE w.job = (SELECT seq FROM jobs WHERE id = $1) AND w.step = $2 \
         AND (json_array_length($3) = 0 OR w.status IN (SELECT value FROM json_each($3))) \
         AND (json_array_length($4) = 0 OR w.id IN (SELECT value FROM json_each($4)))"
    };
}

pub async fn items(
    tx: &mut SqliteConnection,
    id: Uuid,
    filter: &ItemFilter,
    offset: u64,
    limit: u64,
) -> Result<ItemPage> {
    let mut states: Vec<&str> = filter.status.iter().map(|s| s.name()).collect();
    if states.contains(&"ready") {
        states.push("waiting");
    }
    let states = serde_json::to_string(&states)?;
    let ids = serde_json::to_string(&filter.ids)?;
    let step = i64::try_from(filter.step).unwrap_or(i64::MAX);
    let id = id.to_string();
    let total: i64 = sqlx::query_scalar(concat!("SELECT COUNT(*) ", matching_items!()))
        .bind(&id)
        .bind(step)
        .bind(&states)
        .bind(&ids)
        .fetch_one(&mut *tx)
        .await?;
    let page = concat!(
        "SELECT w.id, w.status, w.retry_count, w.input, w.message, w.category, w.created_ms, w.updated_ms, \
         (SELECT json_group_array(json(link)) FROM (SELECT link FROM job_links WHERE item = w.id ORDER BY id)) \
         AS outputs ",
        matching_items!(),
        " ORDER BY w.id LIMIT $5 OFFSET $6"
    );
    let found = sqlx::query(page)
        .bind(&id)
        .bind(step)
        .bind(&states)
        .bind(&ids)
        .bind(signed(limit))
        .bind(signed(offset))
        .fetch_all(&mut *tx)
        .await?;
    Ok(ItemPage {
        total: count(total),
        items: found.iter().map(item).collect::<Result<_>>()?,
        statuses: statuses(tx, &id, step).await?,
    })
}

fn item(row: &SqliteRow) -> Result<Item> {
    let outputs: Vec<Link> = serde_json::from_str(row.try_get("outputs")?)?;
    Ok(Item {
        id: row.try_get("id")?,
        status: rows::item_status(row.try_get("status")?)?,
        retry_count: u32::try_from(row.try_get::<i64, _>("retry_count")?).unwrap_or(0),
        input: serde_json::from_str(row.try_get("input")?)?,
        outputs,
        message: row.try_get("message")?,
        category: row.try_get("category")?,
        created_ms: row.try_get("created_ms")?,
        updated_ms: row.try_get("updated_ms")?,
    })
}

async fn statuses(tx: &mut SqliteConnection, id: &str, step: i64) -> Result<Vec<(ItemStatus, u64)>> {
    let by_state = "SELECT CASE status WHEN 'waiting' THEN 'ready' ELSE status END AS state, COUNT(*) AS n \
                    FROM work_items WHERE job = (SELECT seq FROM jobs WHERE id = $1) AND step = $2 \
                    GROUP BY state ORDER BY state";
    let rows = sqlx::query(by_state).bind(id).bind(step).fetch_all(tx).await?;
    rows.iter().map(|row| Ok((rows::item_status(row.try_get("state")?)?, count(row.try_get("n")?)))).collect()
}

pub async fn found_granules(tx: &mut SqliteConnection, id: Uuid) -> Result<Vec<Granule>> {
    let pages: Vec<String> = sqlx::query_scalar(
        "SELECT output FROM work_items WHERE job = (SELECT seq FROM jobs WHERE id = $1) AND step = 1 \
         AND output IS NOT NULL ORDER BY idx",
    )
    .bind(id.to_string())
    .fetch_all(tx)
    .await?;
    let mut granules = Vec::new();
    for page in pages {
        granules.extend(serde_json::from_str::<Vec<Granule>>(&page)?);
    }
    Ok(granules)
}

pub async fn expired(tx: &mut SqliteConnection, now_ms: i64, limit: u32) -> Result<Vec<Uuid>> {
    let old = "SELECT id FROM jobs WHERE data_deleted = 0 AND expires_ms < $1 AND destination IS NULL \
               AND status IN ('successful', 'complete_with_errors', 'failed', 'canceled') LIMIT $2";
    let ids: Vec<String> = sqlx::query_scalar(old).bind(now_ms).bind(limit).fetch_all(tx).await?;
    ids.iter().map(|id| rows::uuid(id)).collect()
}

pub async fn depth(tx: &mut SqliteConnection) -> Result<Depth> {
    let active = "SELECT COALESCE(SUM(ready), 0) FROM jobs WHERE ready > 0 \
                  AND status IN ('accepted', 'running', 'running_with_errors', 'previewing')";
    let ready = sqlx::query_scalar(active).fetch_one(&mut *tx).await?;
    let running = sqlx::query_scalar("SELECT COALESCE(SUM(running), 0) FROM jobs WHERE running > 0")
        .fetch_one(&mut *tx)
        .await?;
    let waiting =
        sqlx::query_scalar("SELECT COUNT(*) FROM work_items WHERE status = 'waiting'").fetch_one(tx).await?;
    Ok(Depth { ready, running, waiting })
}
