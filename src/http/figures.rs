//! What the job store tells to pages of operators.

use async_trait::async_trait;
use serde::Serialize;

/// Figures about jobs and work items.
#[async_trait]
pub trait JobFigures: Send + Sync {
    /// Whether the store answers.
    ///
    /// # Errors
    /// A sentence for people.
    async fn health(&self) -> Result<(), String>;

    /// Jobs by status.
    async fn jobs(&self) -> Vec<(String, u64)>;

    /// Work items of every service that has any.
    async fn services(&self) -> Vec<ServiceFigures>;

    /// Successful work items of the last minutes by how often they were tried again: never, once, …
    async fn retries(&self, minutes: u32) -> Vec<u64>;

    /// Successful jobs, newest first; pages count from 1.
    async fn finished(&self, page: u64, limit: u64) -> Vec<FinishedJob>;
}

/// Work items of one service (chain step).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ServiceFigures {
    pub service: String,
    /// Ready and waiting for a worker.
    pub queued: u64,
    pub running: u64,
    /// Items that changed in the last five minutes, by status.
    pub five_minutes: Vec<(String, u64)>,
    pub sixty_minutes: Vec<(String, u64)>,
}

/// A successful job, as far as `/admin/request-metrics` shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FinishedJob {
    pub seconds: f64,
    pub input_granules: u64,
    pub total_megabytes: f64,
    pub variables: u64,
    pub concatenate: bool,
    pub reproject: bool,
    pub synchronous: bool,
    pub spatial_subset: bool,
    pub shapefile_subset: bool,
    /// Names of the services of its steps, for example `podaac-concise`.
    pub services: Vec<String>,
}

/// Of a server without jobs.
pub struct NoFigures;

#[async_trait]
impl JobFigures for NoFigures {
    async fn health(&self) -> Result<(), String> {
        Ok(())
    }

    async fn jobs(&self) -> Vec<(String, u64)> {
        Vec::new()
    }

    async fn services(&self) -> Vec<ServiceFigures> {
        Vec::new()
    }

    async fn retries(&self, _minutes: u32) -> Vec<u64> {
        Vec::new()
    }

    async fn finished(&self, _page: u64, _limit: u64) -> Vec<FinishedJob> {
        Vec::new()
    }
}
