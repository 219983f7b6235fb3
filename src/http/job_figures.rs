//! Figures of the job store, as pages of operators show them.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::figures::{FinishedJob, JobFigures, ServiceFigures};
use crate::jobs::store::{Finished, StepFigures};
use crate::jobs::{Jobs, clock};

const MINUTE_MS: i64 = 60_000;
const MEGABYTE: f64 = 1024.0 * 1024.0;

/// The store of `Jobs`. Where it fails the figures are empty; `health` says so.
pub struct StoreFigures(pub Arc<Jobs>);

/// Names of the steps of a job: the search for granules and the work on them.
fn service_name(step: usize) -> &'static str {
    if step == 1 { "harmonyservices/query-cmr" } else { "harmony/engine" }
}

impl StoreFigures {
    async fn since(&self, minutes: i64) -> BTreeMap<usize, Vec<(String, u64)>> {
        let since_ms = if minutes == 0 { 0 } else { clock::now_ms() - minutes * MINUTE_MS };
        let mut by_step: BTreeMap<usize, Vec<(String, u64)>> = BTreeMap::new();
        for StepFigures { step, status, items } in self.0.store().steps(since_ms).await.unwrap_or_default() {
            by_step.entry(step).or_default().push((status, items));
        }
        by_step
    }
}

#[async_trait]
impl JobFigures for StoreFigures {
    async fn health(&self) -> Result<(), String> {
        self.0.store().depth().await.map(drop).map_err(|e| e.to_string())
    }

    async fn jobs(&self) -> Vec<(String, u64)> {
        self.0.store().statuses().await.unwrap_or_default()
    }

    async fn services(&self) -> Vec<ServiceFigures> {
        let (all, mut five, mut sixty) = (self.since(0).await, self.since(5).await, self.since(60).await);
        let of = |items: &[(String, u64)], names: &[&str]| {
            items.iter().filter(|(s, _)| names.contains(&s.as_str())).map(|(_, n)| n).sum()
        };
        all.iter()
            .map(|(&step, items)| ServiceFigures {
                service: service_name(step).into(),
                queued: of(items, &["ready", "waiting", "queued"]),
                running: of(items, &["running"]),
                five_minutes: five.remove(&step).unwrap_or_default(),
                sixty_minutes: sixty.remove(&step).unwrap_or_default(),
            })
            .collect()
    }

    async fn retries(&self, minutes: u32) -> Vec<u64> {
        let since_ms = clock::now_ms() - i64::from(minutes) * MINUTE_MS;
        self.0.store().retries(since_ms).await.unwrap_or_default()
    }

    async fn finished(&self, page: u64, limit: u64) -> Vec<FinishedJob> {
        let offset = page.saturating_sub(1).saturating_mul(limit);
        self.0.store().finished(offset, limit).await.unwrap_or_default().into_iter().map(row).collect()
    }
}

fn row(Finished { job, submission }: Finished) -> FinishedJob {
    let operation = submission.operation;
    let variables =
        operation.sources.iter().filter_map(|s| s.variables.as_ref()).map(Vec::len).sum::<usize>();
    FinishedJob {
        seconds: (job.updated_ms - job.created_ms) as f64 / 1000.0,
        input_granules: job.num_input_granules,
        total_megabytes: job.counts.bytes_in as f64 / MEGABYTE,
        variables: variables as u64,
        concatenate: operation.concatenate,
        reproject: operation.format.crs.is_some(),
        synchronous: operation.is_synchronous,
        spatial_subset: operation.subset.bbox.is_some(),
        shapefile_subset: operation.subset.shape.is_some(),
        services: job.chain.split('/').next_back().map(|c| vec![c.to_owned()]).unwrap_or_default(),
    }
}
