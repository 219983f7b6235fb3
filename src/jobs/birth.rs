//! The job that a submission becomes.

use std::collections::BTreeMap;

use super::Submission;
use super::job::{Counts, Job, Status, StepState, TEXT_LIMIT, shortened};

/// The job that a submission becomes.
pub fn from_submission(submission: &Submission, settings: &Settings, now_ms: i64) -> Job {
    // Somebody waits for a synchronous job: it must not stop.
    let previewing = !submission.skip_preview
        && !submission.operation.is_synchronous
        && submission.num_input_granules >= settings.preview_threshold;
    let aggregated = is_aggregated(submission);
    let pages = submission.num_input_granules.div_ceil(settings.page_size.max(1)).max(1);
    let mut steps = vec![StepState {
        service: "harmonyservices/query-cmr".into(),
        weight: 0.1,
        total: pages,
        ..StepState::default()
    }];
    if !submission.download_only {
        steps.push(StepState {
            service: concat!("harmony/engine:", env!("CARGO_PKG_VERSION")).into(),
            weight: 1.0,
            total: if aggregated { 1 } else { submission.num_input_granules },
            ..StepState::default()
        });
    }
    let mut job = Job {
        seq: 0,
        id: submission.id,
        username: submission.operation.user.clone(),
        status: if previewing { Status::Previewing } else { Status::Running },
        progress: 0,
        messages: BTreeMap::new(),
        created_ms: now_ms,
        updated_ms: now_ms,
        chain: submission.chain.clone(),
        request_url: shortened(&submission.request_url, TEXT_LIMIT),
        num_input_granules: submission.num_input_granules,
        collections: submission.operation.sources.iter().map(|s| s.collection.clone()).collect(),
        provider: submission.provider.clone(),
        destination: submission.destination.clone(),
        is_async: !submission.operation.is_synchronous,
        ignore_errors: submission.ignore_errors,
        labels: labels(&submission.labels),
        expires_ms: now_ms.saturating_add(settings.expiration_ms),
        counts: Counts { ready: 1, ..Counts::default() },
        steps,
    };
    job.note(&submission.messages.join(" "));
    job
}

/// Whether all granules become one item.
pub fn is_aggregated(submission: &Submission) -> bool {
    let operation = &submission.operation;
    !submission.download_only && (operation.concatenate || !operation.extend_dimensions.is_empty())
}

/// Sorted, each once.
fn labels(given: &[String]) -> Vec<String> {
    let mut all = given.to_vec();
    all.sort();
    all.dedup();
    all
}

/// Settings that a job is made with and judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    pub preview_threshold: u64,
    /// Granules of a page of the catalogue.
    pub page_size: u64,
    pub expiration_ms: i64,
    pub retry_limit: u32,
    pub max_errors: u64,
    pub max_percent_errors: u64,
    pub min_done_for_check: u64,
}
