//! What a worker does with an item: look up a page of granules, or make results.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::Submission;
use super::clock::{self, now_ms};
use super::engine::{EngineError, Made, Work};
use super::extent::{self, EARTH};
use super::folders::{Place, encode};
use super::growing::{End, Follower, Growing};
use super::job::{Level, Link, Note, Status};
use super::service::Jobs;
use super::store::{Claimed, Completion, Input, JobStoreError, Outcome, Publish, Ticket};
use crate::catalog::{Granule, LinkRel};

/// Submissions kept in memory: all items of a job read the same one.
const REMEMBERED: usize = 32;
/// Pause before the first retry; it doubles.
const RETRY_MS: i64 = 500;
/// How often a completion is tried again when the store fails.
const STORE_RETRIES: u32 = 30;

impl Jobs {
    /// Does an item; the state of its job afterwards, if the item was still ours.
    pub(super) async fn process(&self, item: Claimed, cancel: Arc<AtomicBool>) -> Option<Status> {
        let submission = match self.submission(item.job).await {
            Ok(submission) => submission,
            Err(error) => {
                tracing::error!(%error, job = %item.job, "its submission can't be read");
                self.give_back(&item.ticket).await;
                return None;
            }
        };
        match &item.input {
            Input::Query(query) => {
                let begun = Instant::now();
                let completion = self.find_granules(&submission, query).await;
                self.took("search", begun);
                self.complete(&item.ticket, completion, None).await
            }
            Input::Granule(granule) => {
                let granules = vec![(**granule).clone()];
                self.make(&item, &submission, granules, cancel).await
            }
            Input::All => match self.store.found_granules(item.job).await {
                Ok(granules) => self.make(&item, &submission, granules, cancel).await,
                Err(error) => {
                    tracing::error!(%error, job = %item.job, "its granules can't be read");
                    self.give_back(&item.ticket).await;
                    None
                }
            },
        }
    }

    async fn submission(&self, job: Uuid) -> Result<Arc<Submission>, JobStoreError> {
        let remembered = || self.submissions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = remembered().iter().find(|s| s.id == job) {
            return Ok(known.clone());
        }
        let found = self.store.submission(job).await?.ok_or(JobStoreError::NotFound { id: job })?;
        let found = Arc::new(found);
        self.remember(found.clone());
        Ok(found)
    }

    /// Keeps a submission for its items.
    pub(super) fn remember(&self, submission: Arc<Submission>) {
        let mut all = self.submissions.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.remove(0);
        }
        all.push(submission);
    }

    async fn give_back(&self, ticket: &Ticket) {
        // A void ticket changes nothing; a store that fails leaves it to the lease.
        let _ = self.store.release(std::slice::from_ref(ticket), now_ms()).await;
    }

    /// Stores what became of an item, trying again while the store fails. With a place, results move there.
    async fn complete(
        &self,
        ticket: &Ticket,
        completion: Completion,
        place: Option<&Place>,
    ) -> Option<Status> {
        let begun = Instant::now();
        let status = self.record(ticket, completion, place).await;
        self.took("store", begun);
        status
    }

    async fn record(&self, ticket: &Ticket, completion: Completion, place: Option<&Place>) -> Option<Status> {
        let mut completion = completion;
        let mut place = place.cloned();
        for round in 0..STORE_RETRIES {
            let publish: Publish = match place.clone() {
                Some(place) => Box::new(move || place.publish().map_err(|e| e.to_string())),
                None => Box::new(|| Ok(())),
            };
            match self.store.complete(ticket, completion.clone(), publish, now_ms()).await {
                Ok(status) => return status,
                Err(JobStoreError::Publish { detail }) => {
                    let error = EngineError::Failed {
                        message: format!("results can't be stored: {detail}"),
                        is_transient: true,
                    };
                    completion = failed(&error, "unknown".into());
                    place = None;
                }
                Err(error) => {
                    tracing::error!(%error, item = ticket.item, round, "a result can't be recorded");
                    if self.is_stopping() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
        self.give_back(ticket).await;
        None
    }

    /// Makes the results of granules and completes the item.
    async fn make(
        &self,
        item: &Claimed,
        submission: &Submission,
        granules: Vec<Granule>,
        cancel: Arc<AtomicBool>,
    ) -> Option<Status> {
        let place = match self.folders.place(item.job, &item.ticket, submission.destination.as_deref()) {
            Ok(place) => place,
            Err(message) => {
                let error = EngineError::Failed { message, is_transient: false };
                return self.complete(&item.ticket, failed(&error, "unknown".into()), None).await;
            }
        };
        let url = granules.first().map_or_else(|| "unknown".into(), url_of);
        let growing = self.grow(submission, &place);
        let made = self.run(item, submission, granules.clone(), (&place, growing.as_ref()), &cancel).await;
        let is_made = made.is_ok();
        let status = match made {
            Ok(made) if made.outputs.is_empty() => {
                let message = "Service did not return any outputs.".to_owned();
                let error = EngineError::Failed { message, is_transient: false };
                self.complete(&item.ticket, failed(&error, url), None).await
            }
            Ok(made) => {
                let completion = succeeded(made, &granules, submission, &place);
                self.complete(&item.ticket, completion, Some(&place)).await
            }
            Err(EngineError::Cancelled) => {
                self.give_back(&item.ticket).await;
                None
            }
            Err(EngineError::NoData(message)) => {
                let note = Note {
                    level: Level::Warning,
                    url,
                    message: format!("WorkItem warned: {message}"),
                    category: Some("nodata".into()),
                };
                let completion = Completion { outcome: Outcome::Warning(note), ..Completion::default() };
                self.complete(&item.ticket, completion, None).await
            }
            Err(error) => self.complete(&item.ticket, failed(&error, url), None).await,
        };
        if let Some(growing) = growing {
            let end = if is_made && status.is_some() { End::Complete } else { End::Broken };
            self.crop.reap(item.job, &growing, end);
        }
        let unused = place;
        let _ = tokio::task::spawn_blocking(move || unused.discard()).await;
        status
    }

    /// The result of a synchronous job can be read while it is made.
    fn grow(&self, submission: &Submission, place: &Place) -> Option<Arc<Growing>> {
        if !submission.operation.is_synchronous || submission.destination.is_some() {
            return None;
        }
        let growing = Growing::new(&place.href, self.waiters.known(submission.id).unwrap_or_default());
        self.crop.sow(submission.id, growing.clone());
        Some(growing)
    }

    async fn run(
        &self,
        item: &Claimed,
        submission: &Submission,
        granules: Vec<Granule>,
        (place, growing): (&Place, Option<&Arc<Growing>>),
        cancel: &Arc<AtomicBool>,
    ) -> Result<Made, EngineError> {
        let own = place.clone();
        let prepared = tokio::task::spawn_blocking(move || own.prepare()).await;
        let trouble = match prepared {
            Ok(Ok(())) => None,
            Ok(Err(e)) => Some(e.to_string()),
            Err(e) => Some(e.to_string()),
        };
        if let Some(detail) = trouble {
            let message = format!("results can't be stored: {detail}");
            return Err(EngineError::Failed { message, is_transient: true });
        }
        let work = Work {
            operation: Arc::new(submission.operation.clone()),
            granules,
            is_joined: item.input == Input::All,
            skip_failures: submission.ignore_errors,
            folder: place.attempt.clone(),
            follow: growing.map(|growing| Arc::new(Follower(growing.clone()))),
        };
        let begun = Instant::now();
        let made = self.sharing.run(&*self.engine, &self.folders, work, cancel).await;
        self.took("transform", begun);
        if let (Some(observer), Ok(made)) = (self.observer(), &made) {
            observer.moved(made.bytes_read, made.bytes_out);
        }
        made
    }

    fn took(&self, stage: &'static str, begun: Instant) {
        if let Some(observer) = self.observer() {
            observer.stage(stage, begun.elapsed());
        }
    }
}

pub(super) fn failed(error: &EngineError, url: String) -> Completion {
    let (message, is_transient) = match error {
        EngineError::Failed { message, is_transient } => (message.clone(), *is_transient),
        other => (other.to_string(), false),
    };
    let message = if message.is_empty() {
        "WorkItem failed with an unknown error".into()
    } else {
        format!("WorkItem failed: {message}")
    };
    let note = Note { level: Level::Error, url, message, category: None };
    let retry_ms = is_transient.then_some(RETRY_MS);
    Completion { outcome: Outcome::Failed { note, retry_ms, fatal: None }, ..Completion::default() }
}

/// Where users find a granule.
fn url_of(granule: &Granule) -> String {
    let data = granule.links.iter().find(|l| l.rel == LinkRel::Data);
    data.map_or_else(|| "unknown".into(), |l| l.href.clone())
}

fn succeeded(made: Made, granules: &[Granule], submission: &Submission, place: &Place) -> Completion {
    let all: Vec<&Granule> = granules.iter().collect();
    let known = extent::of_granules(&all, &submission.operation);
    let links = made.outputs.iter().map(|output| {
        let temporal = output.temporal.as_ref().or(known.1.as_ref());
        Link {
            href: format!("{}/{}", place.href, encode(&output.name)),
            title: Some(output.name.clone()),
            media_type: Some(output.media_type.clone()),
            rel: "data".into(),
            bbox: Some(output.bbox.or(known.0).unwrap_or(EARTH)),
            temporal: Some(instants(temporal)),
        }
    });
    let notes = made.notes.iter().map(|(i, level, text)| {
        let (verb, category) = match level {
            Level::Error => ("failed", None),
            Level::Warning => ("warned", Some("nodata".to_owned())),
        };
        let url = granules.get(*i).map_or_else(|| "unknown".into(), url_of);
        Note { level: *level, url, message: format!("WorkItem {verb}: {text}"), category }
    });
    Completion {
        outcome: Outcome::Successful,
        links: links.collect(),
        notes: notes.collect(),
        bytes_in: made.bytes_in,
        bytes_out: made.bytes_out,
        ..Completion::default()
    }
}

/// Start and end of a result. Every link has them, since clients rely on it: what has no time is from any time until
/// now.
pub(super) fn instants(temporal: Option<&[String; 2]>) -> [i64; 2] {
    let [start, end] = temporal.map(|t| [clock::parse(&t[0]), clock::parse(&t[1])]).unwrap_or_default();
    match (start, end) {
        (Some(start), Some(end)) => [start, end],
        (Some(one), None) | (None, Some(one)) => [one, one],
        (None, None) => [0, now_ms()],
    }
}
