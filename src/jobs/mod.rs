//! Jobs: what becomes of a request that was accepted.
//!
//! - [`job`], [`machine`]: what a job is and how it changes; pure
//! - [`store`]: where jobs, their queue and their results are kept
//! - [`service`]: takes submissions, hands out work, ends jobs
//! - [`engine`]: does the work

pub mod birth;
pub mod clock;
pub mod engine;
mod extent;
mod folders;
mod granules;
pub mod growing;
pub mod job;
pub mod machine;
pub mod media;
pub mod retry;
pub mod service;
mod sharing;
pub mod store;
mod upkeep;
mod waiting;
mod work;

pub use clock::{iso, now_ms};
pub use service::Jobs;

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::catalog::GranuleQuery;
use crate::request::operation::DataOperation;

/// Takes requests and tells what became of them.
#[async_trait]
pub trait JobQueue: Send + Sync {
    /// Stores a job and begins its work.
    ///
    /// # Errors
    /// [`JobError`]; no job exists then.
    async fn submit(&self, submission: Submission) -> Result<(), JobError>;

    /// Waits for the end of a job that was submitted as synchronous. Dropping the future (a client that went away)
    /// cancels the job.
    ///
    /// # Errors
    /// [`JobError`].
    async fn wait(&self, job: Uuid) -> Result<Ending, JobError>;
}

/// Is told what the work on granules takes.
pub trait Observer: Send + Sync {
    /// A stage of the work on an item: `search` for granules, `transform` of them, `store` of what was made.
    fn stage(&self, name: &'static str, took: Duration);

    /// Bytes of inputs that were fetched, and of results.
    fn moved(&self, read: u64, written: u64);
}

/// A request that was found good, with everything a job needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Submission {
    /// Version 4; also `operation.request_id`.
    pub id: Uuid,
    pub operation: DataOperation,
    /// Name of the service chain that was chosen, for example `podaac/l2-subsetter`.
    pub chain: String,
    /// Whether results are the granules themselves, by their own links (`harmony/download`).
    pub download_only: bool,
    /// One for each source of the operation.
    pub queries: Vec<GranuleQuery>,
    /// Granules that will be worked on at most, over all sources.
    pub granule_limit: u64,
    /// What the job says it works on: the smaller of hits and limit.
    pub num_input_granules: u64,
    /// No search was made yet: the count is the number of ids given, and the job checks it (§5.3 of the request
    /// contract). What the message about a limit needs.
    pub validate: Option<GranuleValidation>,
    /// The client's URL, form fields merged in.
    pub request_url: String,
    pub labels: Vec<String>,
    /// Notes for the user, joined by a space in messages.
    pub messages: Vec<String>,
    pub ignore_errors: bool,
    pub skip_preview: bool,
    /// A `file://` folder, or an address of an object store, below which results go to `<job>/`.
    pub destination: Option<String>,
    /// Provider of the first collection, lower case.
    pub provider: String,
    /// Scheme and host that links of this job begin with where no request says otherwise.
    pub root: String,
}

/// What a job needs to count its granules itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GranuleValidation {
    /// 0 collection, 1 service, 2 maxResults, 3 system, 4 none.
    pub reason: u8,
    pub has_granule_limit: bool,
    pub service_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape_type: Option<String>,
    pub max_results: u64,
}

/// How a synchronous job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// One result: path of this server or address, for a redirect. It may still be growing.
    Result(String),
    /// It succeeded with that many results, which is not one.
    Results(usize),
    /// The job's message.
    Failed(String),
}

/// Why the queue could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    #[error("Failed to save job to database.")]
    NotSaved { detail: String },
    #[error("The service request failed due to an internal error")]
    Internal { detail: String },
    /// Too much is waiting already.
    #[error("{message}")]
    Busy { message: String, retry_after_s: u32 },
}

impl JobError {
    /// What is wrong, for operators and logs.
    pub fn into_detail(self) -> String {
        match self {
            JobError::NotSaved { detail } | JobError::Internal { detail } => detail,
            JobError::Busy { message, .. } => message,
        }
    }
}
