//! Tables of jobs. Times are milliseconds; documents that are only read whole are JSON.

use sqlx::SqlitePool;

use super::Result;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    username TEXT NOT NULL,
    status TEXT NOT NULL,
    progress INTEGER NOT NULL,
    messages TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    chain TEXT NOT NULL,
    request_url TEXT NOT NULL,
    num_input_granules INTEGER NOT NULL,
    collections TEXT NOT NULL,
    provider TEXT NOT NULL,
    destination TEXT,
    is_async INTEGER NOT NULL,
    ignore_errors INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    data_deleted INTEGER NOT NULL DEFAULT 0,
    items_forgotten INTEGER NOT NULL DEFAULT 0,
    counts TEXT NOT NULL,
    steps TEXT NOT NULL,
    ready INTEGER NOT NULL,
    running INTEGER NOT NULL,
    submission TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS jobs_by_user ON jobs (username, seq);
CREATE INDEX IF NOT EXISTS jobs_ready ON jobs (seq) WHERE ready > 0;
CREATE INDEX IF NOT EXISTS jobs_running ON jobs (username, running) WHERE running > 0;
CREATE INDEX IF NOT EXISTS jobs_expiring ON jobs (expires_ms) WHERE data_deleted = 0;
CREATE INDEX IF NOT EXISTS jobs_remembered ON jobs (updated_ms) WHERE items_forgotten = 0;
CREATE TABLE IF NOT EXISTS job_labels (
    job INTEGER NOT NULL REFERENCES jobs (seq),
    label TEXT NOT NULL,
    PRIMARY KEY (job, label)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS job_labels_by_label ON job_labels (label, job);
CREATE TABLE IF NOT EXISTS work_items (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job INTEGER NOT NULL REFERENCES jobs (seq),
    step INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_count INTEGER NOT NULL DEFAULT 0,
    lost_count INTEGER NOT NULL DEFAULT 0,
    worker TEXT,
    lease_until INTEGER,
    wait_until INTEGER,
    input TEXT NOT NULL,
    output TEXT,
    message TEXT,
    category TEXT,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    started_ms INTEGER,
    UNIQUE (job, step, idx)
) STRICT;
CREATE INDEX IF NOT EXISTS work_items_ready ON work_items (job, step, id) WHERE status = 'ready';
CREATE INDEX IF NOT EXISTS work_items_running ON work_items (lease_until) WHERE status = 'running';
CREATE INDEX IF NOT EXISTS work_items_waiting ON work_items (wait_until) WHERE status = 'waiting';
CREATE TABLE IF NOT EXISTS job_links (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job INTEGER NOT NULL REFERENCES jobs (seq),
    item INTEGER NOT NULL,
    located INTEGER NOT NULL,
    link TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS job_links_by_job ON job_links (job, id);
CREATE INDEX IF NOT EXISTS job_links_by_item ON job_links (item);
CREATE TABLE IF NOT EXISTS job_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job INTEGER NOT NULL REFERENCES jobs (seq),
    item INTEGER NOT NULL,
    level TEXT NOT NULL,
    url TEXT NOT NULL,
    message TEXT NOT NULL,
    category TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS job_messages_by_job ON job_messages (job, id);
";

/// Makes what is missing.
pub async fn migrate(pool: &SqlitePool) -> Result<()> {
    sqlx::raw_sql(TABLES).execute(pool).await?;
    Ok(())
}
