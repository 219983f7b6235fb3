//! What a job is: its states, their texts, links and notes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::clock;

/// Longest text that is kept of a failure.
const MESSAGE_LIMIT: usize = 3096;
/// Longest text that is shown of requests and notes.
pub const TEXT_LIMIT: usize = 4096;

/// State of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Accepted,
    Running,
    RunningWithErrors,
    Previewing,
    Paused,
    Successful,
    CompleteWithErrors,
    Failed,
    Canceled,
}

/// All states with their names and default messages.
const STATUSES: [(Status, &str, &str); 9] = [
    (Status::Accepted, "accepted", "The job has been accepted and is waiting to be processed"),
    (Status::Running, "running", "The job is being processed"),
    (
        Status::RunningWithErrors,
        "running_with_errors",
        "The job is being processed, but some items have failed processing",
    ),
    (Status::Previewing, "previewing", "The job is generating a preview before auto-pausing"),
    (Status::Paused, "paused", "The job is paused and may be resumed using the provided link"),
    (Status::Successful, "successful", "The job has completed successfully"),
    (
        Status::CompleteWithErrors,
        "complete_with_errors",
        "The job has completed with errors. See the errors field for more details",
    ),
    (Status::Failed, "failed", "The job failed with an unknown error"),
    (Status::Canceled, "canceled", "The job was canceled"),
];

impl Status {
    fn row(self) -> &'static (Status, &'static str, &'static str) {
        STATUSES.iter().find(|(s, ..)| *s == self).expect("the table has all states")
    }

    pub fn name(self) -> &'static str {
        self.row().1
    }

    pub fn default_message(self) -> &'static str {
        self.row().2
    }

    pub fn parse(name: &str) -> Option<Self> {
        STATUSES.iter().find(|(_, n, _)| *n == name).map(|(s, ..)| *s)
    }

    pub fn is_terminal(self) -> bool {
        matches!(self, Status::Successful | Status::CompleteWithErrors | Status::Failed | Status::Canceled)
    }

    /// Whether its items are handed to workers.
    pub fn is_active(self) -> bool {
        matches!(self, Status::Accepted | Status::Running | Status::RunningWithErrors | Status::Previewing)
    }

    /// Whether its results are complete.
    pub fn has_succeeded(self) -> bool {
        matches!(self, Status::Successful | Status::CompleteWithErrors)
    }
}

/// A job as its document and its transitions need it; links and notes are kept apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Grows with every job of this store.
    pub seq: i64,
    pub id: Uuid,
    pub username: String,
    pub status: Status,
    /// 0…100.
    pub progress: u32,
    /// What is shown in a state instead of its default message.
    pub messages: BTreeMap<Status, String>,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub chain: String,
    pub request_url: String,
    pub num_input_granules: u64,
    /// Concept ids.
    pub collections: Vec<String>,
    pub provider: String,
    pub destination: Option<String>,
    pub is_async: bool,
    pub ignore_errors: bool,
    pub labels: Vec<String>,
    /// When its data are deleted.
    pub expires_ms: i64,
    pub counts: Counts,
    /// By step, from 1.
    pub steps: Vec<StepState>,
}

/// What a job has, counted as it happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    pub errors: u64,
    pub warnings: u64,
    pub data_links: u64,
    /// Items that may be claimed.
    pub ready: i64,
    pub running: i64,
    /// Items that are tried again later.
    pub waiting: i64,
    /// Of all granules that results were made from, and of the results.
    pub bytes_in: u64,
    pub bytes_out: u64,
}

impl Counts {
    /// Items that are not done.
    pub fn open(&self) -> i64 {
        self.ready + self.running + self.waiting
    }
}

/// One step of a job and its items by state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepState {
    pub service: String,
    pub weight: f64,
    /// Items it will have.
    pub total: u64,
    pub successful: u64,
    pub failed: u64,
    pub warning: u64,
    pub canceled: u64,
}

impl StepState {
    pub fn completed(&self) -> u64 {
        self.successful + self.failed + self.warning + self.canceled
    }
}

impl Job {
    /// The message of its state.
    pub fn message(&self) -> &str {
        self.messages.get(&self.status).map_or(self.status.default_message(), String::as_str)
    }

    /// Sets the message of a state, cut to what is kept.
    pub fn say(&mut self, status: Status, message: &str) {
        self.messages.insert(status, shortened(message, MESSAGE_LIMIT));
    }

    /// Sets the messages that a request's notes stand in.
    pub fn note(&mut self, notes: &str) {
        let (mut running, mut successful) = (notes.to_owned(), notes.to_owned());
        if self.destination.is_some() {
            append(&mut running, Status::Running, IN_PROGRESS_ELSEWHERE);
            append(&mut successful, Status::Successful, PLACED_ELSEWHERE);
        }
        for (status, text) in [(Status::Running, running), (Status::Successful, successful)] {
            if !text.is_empty() {
                self.say(status, &text);
            }
        }
        if !notes.is_empty() {
            self.say(Status::Previewing, &format!("{}. {notes}", Status::Previewing.default_message()));
        }
    }

    /// When its data go, for documents; results that were placed elsewhere are not ours to delete.
    pub fn expiration(&self) -> Option<String> {
        self.destination.is_none().then(|| clock::iso(self.expires_ms))
    }
}

const IN_PROGRESS_ELSEWHERE: &str = "Once results are sent to the requested destination, any changes to the result \
                                     files or their location are outside of Harmony's control.";
const PLACED_ELSEWHERE: &str = "The results have been placed in the requested custom destination. Any further changes \
                                to the result files or their location are outside of Harmony's control.";

fn append(text: &mut String, status: Status, sentence: &str) {
    if text.is_empty() {
        text.push_str(status.default_message());
    }
    if !text.ends_with('.') {
        text.push('.');
    }
    text.push(' ');
    text.push_str(sentence);
}

/// At most `limit` characters; what was cut ends in `...`.
pub fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit.saturating_sub(3)).chain("...".chars()).collect()
}

/// A stored link of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Absolute, or beginning with `/` for this server.
    pub href: String,
    pub title: Option<String>,
    pub media_type: Option<String>,
    pub rel: String,
    /// west, south, east, north.
    pub bbox: Option<[f64; 4]>,
    /// Start and end in milliseconds.
    pub temporal: Option<[i64; 2]>,
}

/// What went wrong with one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub level: Level,
    /// Address of the input, or `unknown`.
    pub url: String,
    pub message: String,
    pub category: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error,
    Warning,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
        }
    }
}

/// State of a work item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    Ready,
    Queued,
    Running,
    Successful,
    Failed,
    Canceled,
    Warning,
}

impl ItemStatus {
    pub const ALL: [(ItemStatus, &str); 7] = [
        (ItemStatus::Ready, "ready"),
        (ItemStatus::Queued, "queued"),
        (ItemStatus::Running, "running"),
        (ItemStatus::Successful, "successful"),
        (ItemStatus::Failed, "failed"),
        (ItemStatus::Canceled, "canceled"),
        (ItemStatus::Warning, "warning"),
    ];

    pub fn name(self) -> &'static str {
        ItemStatus::ALL.iter().find(|(s, _)| *s == self).expect("the table has all states").1
    }

    pub fn parse(name: &str) -> Option<Self> {
        ItemStatus::ALL.iter().find(|(_, n)| *n == name).map(|(s, _)| *s)
    }

    pub fn is_completed(self) -> bool {
        !matches!(self, ItemStatus::Ready | ItemStatus::Queued | ItemStatus::Running)
    }
}
