//! Where jobs and their work are kept. One trait; the queue, the state and the results of a job are changed in the
//! same transactions, so that no second copy has to be reconciled.

mod sqlite;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Submission;
use super::job::{ItemStatus, Job, Level, Link, Note, Status};
use super::machine::Event;
use crate::catalog::Granule;

pub use sqlite::SqliteStore;

/// Keeps jobs and hands out their work. Every method is one transaction, and what it reports is durable.
#[async_trait]
pub trait JobStore: Send + Sync {
    /// Stores a job with its first item: the first page of its granules.
    async fn insert(&self, job: &Job, submission: &Submission) -> Result<(), JobStoreError>;

    /// What the job was made from.
    async fn submission(&self, id: Uuid) -> Result<Option<Submission>, JobStoreError>;

    /// Takes up to `n` items: of the user with the fewest items in work, and among those of the oldest job. The lease
    /// ends at `until_ms`.
    async fn claim(
        &self,
        worker: &str,
        n: usize,
        now_ms: i64,
        until_ms: i64,
    ) -> Result<Vec<Claimed>, JobStoreError>;

    /// Moves the leases of a worker's items; those that it has lost are returned.
    async fn renew(&self, worker: &str, items: &[Ticket], until_ms: i64) -> Result<Vec<i64>, JobStoreError>;

    /// Gives items back undone, without counting against them.
    async fn release(&self, items: &[Ticket], now_ms: i64) -> Result<(), JobStoreError>;

    /// Returns items whose lease has ended, of all workers or of all but `alive`, to the queue; those that were lost
    /// too often fail. Gives the tickets that were taken away.
    async fn reap(&self, which: Reap<'_>, now_ms: i64) -> Result<Vec<Ticket>, JobStoreError>;

    /// Completes an item, if its ticket is still good: `publish` moves its results into place, links, notes and
    /// further items are stored, and the job is brought up to date. `None`: the ticket is void, nothing was done.
    ///
    /// # Errors
    /// [`JobStoreError::Publish`] when `publish` failed; nothing was changed then.
    async fn complete(
        &self,
        ticket: &Ticket,
        completion: Completion,
        publish: Publish,
        now_ms: i64,
    ) -> Result<Option<Status>, JobStoreError>;

    /// Applies what a user does to a job; with `owner` only to one of that user's.
    ///
    /// # Errors
    /// [`JobStoreError::NotFound`]; [`JobStoreError::Conflict`] with the message for the user.
    async fn change(
        &self,
        id: Uuid,
        owner: Option<&str>,
        event: Event,
        now_ms: i64,
    ) -> Result<(), JobStoreError>;

    async fn job(&self, id: Uuid) -> Result<Option<Job>, JobStoreError>;

    /// A job with a page of its links and all its notes, as of one moment.
    async fn view(&self, id: Uuid, links: LinkPage) -> Result<Option<View>, JobStoreError>;

    /// Jobs, newest first, and how many there are.
    async fn list(
        &self,
        filter: &JobFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(u64, Vec<Job>), JobStoreError>;

    /// Those of the jobs that exist, in any order.
    async fn briefs(&self, ids: &[Uuid]) -> Result<Vec<Brief>, JobStoreError>;

    /// Adds or removes labels of one user's jobs, all or none.
    ///
    /// # Errors
    /// [`JobStoreError::NotFound`] for a job that doesn't exist, [`JobStoreError::NotOwned`] for another's.
    async fn label(
        &self,
        owner: &str,
        ids: &[Uuid],
        labels: &[String],
        add: bool,
    ) -> Result<(), JobStoreError>;

    /// Items of a step.
    async fn items(
        &self,
        id: Uuid,
        filter: &ItemFilter,
        offset: u64,
        limit: u64,
    ) -> Result<ItemPage, JobStoreError>;

    /// Granules that the query step of a job has found, in order.
    async fn found_granules(&self, id: Uuid) -> Result<Vec<Granule>, JobStoreError>;

    /// Jobs that ended and whose data expired before `now_ms`, at most `limit`.
    async fn expired(&self, now_ms: i64, limit: u32) -> Result<Vec<Uuid>, JobStoreError>;

    /// Notes that the data of a job are gone.
    async fn data_deleted(&self, id: Uuid) -> Result<(), JobStoreError>;

    /// Forgets the items of jobs that ended before `before_ms`.
    async fn forget_items(&self, before_ms: i64) -> Result<u64, JobStoreError>;

    /// Items by state, for metrics.
    async fn depth(&self) -> Result<Depth, JobStoreError>;

    /// Jobs by status.
    async fn statuses(&self) -> Result<Vec<(String, u64)>, JobStoreError>;

    /// Items that changed since `since_ms`, by step and status.
    async fn steps(&self, since_ms: i64) -> Result<Vec<StepFigures>, JobStoreError>;

    /// Successful items since `since_ms` by how often they were tried again: never, once, …
    async fn retries(&self, since_ms: i64) -> Result<Vec<u64>, JobStoreError>;

    /// Successful jobs, newest first.
    async fn finished(&self, offset: u64, limit: u64) -> Result<Vec<Finished>, JobStoreError>;
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobStoreError {
    #[error("the job store failed: {detail}")]
    Database { detail: String },
    #[error("results can't be moved into place: {detail}")]
    Publish { detail: String },
    #[error("Unable to find job {id}")]
    NotFound { id: Uuid },
    #[error("job {id} belongs to another user")]
    NotOwned { id: Uuid },
    #[error("{message}")]
    Conflict { message: String },
}

impl From<sqlx::Error> for JobStoreError {
    fn from(error: sqlx::Error) -> Self {
        JobStoreError::Database { detail: error.to_string() }
    }
}

impl From<serde_json::Error> for JobStoreError {
    fn from(error: serde_json::Error) -> Self {
        JobStoreError::Database { detail: format!("a stored document can't be read: {error}") }
    }
}

/// Moves results into place while the completing transaction is open.
pub type Publish = Box<dyn FnOnce() -> Result<(), String> + Send>;

/// The right to complete an item: void once the lease was lost and the item was given to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    pub item: i64,
    pub attempt: i64,
}

/// An item in work.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    pub ticket: Ticket,
    pub job: Uuid,
    /// From 1.
    pub step: usize,
    pub input: Input,
}

/// What an item works on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A page of a source's granules.
    Query(Query),
    Granule(Box<Granule>),
    /// All granules that the query step found, as one.
    All,
}

/// Where the search for granules stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Query {
    /// Index of the source.
    pub source: usize,
    pub after: Option<String>,
    /// Granules found so far, over all sources.
    pub taken: u64,
}

/// What became of an item.
#[derive(Clone, Debug, Default)]
pub struct Completion {
    pub outcome: Outcome,
    pub links: Vec<Link>,
    /// Besides the one of the outcome.
    pub notes: Vec<Note>,
    pub next: Vec<NewItem>,
    /// Granules found by a query item whose job joins them.
    pub granules: Vec<Granule>,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// The number of granules, where it turns out to be another one than the job was made with.
    pub num_input_granules: Option<u64>,
    /// What limits the job, known only now.
    pub message: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub enum Outcome {
    #[default]
    Successful,
    Warning(Note),
    Failed {
        note: Note,
        /// Try again after that many milliseconds, unless it was tried too often.
        retry_ms: Option<i64>,
        /// Message with which the job ends, whatever it allows.
        fatal: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct NewItem {
    pub step: usize,
    /// Place in its step, from 0: adding an item twice adds it once.
    pub index: u64,
    pub input: Input,
}

/// Whose leases end.
#[derive(Clone, Copy, Debug)]
pub enum Reap<'a> {
    /// Those that have run out.
    Expired,
    /// Also those of all workers but this one: they are known to be gone.
    AllBut(&'a str),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkPage {
    pub offset: u64,
    pub limit: u64,
    /// Only links with place and time.
    pub located: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub job: Job,
    /// Links on all pages.
    pub total: u64,
    pub links: Vec<Link>,
    pub notes: Vec<Note>,
}

impl View {
    pub fn notes(&self, level: Level) -> impl Iterator<Item = &Note> {
        self.notes.iter().filter(move |n| n.level == level)
    }
}

/// Which jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// `None`: everybody's.
    pub user: Option<String>,
    /// Any of them; empty: all jobs.
    pub labels: Vec<String>,
}

/// The little that polling clients want.
#[derive(Clone, Debug, PartialEq)]
pub struct Brief {
    pub id: Uuid,
    pub username: String,
    pub status: Status,
    pub progress: u32,
    pub collections: Vec<String>,
}

/// Which items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemFilter {
    pub step: usize,
    /// Any of them; empty: all.
    pub status: Vec<ItemStatus>,
    pub ids: Vec<i64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemPage {
    /// Items that match, on all pages.
    pub total: u64,
    pub items: Vec<Item>,
    /// Items of the whole step by state.
    pub statuses: Vec<(ItemStatus, u64)>,
}

/// An item as people see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub id: i64,
    pub status: ItemStatus,
    pub retry_count: u32,
    pub input: Input,
    pub outputs: Vec<Link>,
    pub message: Option<String>,
    pub category: Option<String>,
    pub created_ms: i64,
    pub updated_ms: i64,
}

/// Items of a step in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepFigures {
    /// From 1.
    pub step: usize,
    pub status: String,
    pub items: u64,
}

/// A job that succeeded, with what it was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    pub job: Job,
    pub submission: Submission,
}

/// The queue in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Items that may be claimed, of jobs that are active.
    pub ready: i64,
    pub running: i64,
    pub waiting: i64,
}
