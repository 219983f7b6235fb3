//! Submissions, and those who wait for the end of theirs.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak};

use async_trait::async_trait;
use tokio::sync::Notify;
use uuid::Uuid;

use super::birth;
use super::clock::now_ms;
use super::job::{Link, Status};
use super::service::{Jobs, POLL, internal, locked};
use super::store::LinkPage;
use super::{Ending, JobError, JobQueue, Submission};

/// A result and the files that belong to it, at most.
const COMPANIONS: u64 = 8;

/// Those who wait for a synchronous job: told when it ends, and when its result has a first byte.
#[derive(Default)]
pub struct Waiters(Mutex<HashMap<Uuid, Arc<Notify>>>);

impl Waiters {
    /// Who waits for a job, or will.
    fn of(&self, job: Uuid) -> Arc<Notify> {
        locked(&self.0).entry(job).or_default().clone()
    }

    /// Who waits for a job, if somebody does.
    pub fn known(&self, job: Uuid) -> Option<Arc<Notify>> {
        locked(&self.0).get(&job).cloned()
    }

    /// A job has ended.
    pub fn tell(&self, job: Uuid) {
        if let Some(waiter) = locked(&self.0).remove(&job) {
            waiter.notify_one();
        }
    }

    fn forget(&self, job: Uuid) {
        locked(&self.0).remove(&job);
    }
}

impl Jobs {
    async fn ending(&self, id: Uuid) -> Result<Option<Ending>, JobError> {
        let links = LinkPage { offset: 0, limit: COMPANIONS, located: false };
        let view = self.store.view(id, links).await.map_err(internal)?;
        let view = view.ok_or_else(|| internal(format!("job {id} is gone")))?;
        if !view.job.status.is_terminal() {
            return Ok(None);
        }
        Ok(Some(match (view.job.status, view.links.first(), view.total) {
            (Status::Failed | Status::Canceled, ..) => Ending::Failed(view.job.message().into()),
            (_, Some(link), n) if n == 1 || belong_to(link, &view.links, n) => {
                Ending::Result(link.href.clone())
            }
            (_, _, n) => Ending::Results(usize::try_from(n).unwrap_or(usize::MAX)),
        }))
    }
}

/// Whether all `count` links are of the first result: it and files of its name beside it (`.pgw`, `.png.aux.xml`).
fn belong_to(first: &Link, links: &[Link], count: u64) -> bool {
    let name = first.href.rsplit('/').next().unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let beside = |link: &Link| {
        let other = link.href.rsplit('/').next().unwrap_or_default();
        other.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.'))
    };
    links.len() as u64 == count && links.iter().all(beside)
}

/// Cancels a job that nobody waits for any more.
struct Waiting {
    jobs: Weak<Jobs>,
    id: Uuid,
    has_ended: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(jobs) = self.jobs.upgrade() else { return };
        jobs.waiting.fetch_sub(1, Ordering::Relaxed);
        jobs.waiters.forget(self.id);
        if !self.has_ended {
            jobs.abandon(self.id);
        }
    }
}

#[async_trait]
impl JobQueue for Jobs {
    async fn submit(&self, submission: Submission) -> Result<(), JobError> {
        let is_synchronous = submission.operation.is_synchronous;
        if is_synchronous && self.waiting.load(Ordering::Relaxed) >= self.waiting_limit {
            let message =
                "Too many synchronous requests are waiting; try again later, or with forceAsync=true";
            return Err(JobError::Busy { message: message.into(), retry_after_s: 10 });
        }
        let job = birth::from_submission(&submission, &self.settings, now_ms());
        if is_synchronous {
            self.waiters.of(job.id);
        } else {
            self.keep_snapshot(&job);
        }
        let submission = Arc::new(submission);
        self.remember(submission.clone());
        if let Err(error) = self.store.insert(&job, &submission).await {
            locked(&self.snapshots).remove(&job.id);
            self.waiters.forget(job.id);
            return Err(JobError::NotSaved { detail: error.to_string() });
        }
        self.wake.notify_one();
        Ok(())
    }

    async fn wait(&self, job: Uuid) -> Result<Ending, JobError> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let mut waiting = Waiting { jobs: self.me.clone(), id: job, has_ended: false };
        // Whom nobody knows any more has ended already.
        let mut is_told = self.waiters.known(job).is_none();
        let waiter = self.waiters.of(job);
        loop {
            if !is_told {
                // Also without a word: another process may have changed the job.
                let _ = tokio::time::timeout(POLL, waiter.notified()).await;
            }
            is_told = false;
            // What has begun is taken while it grows; failures from here on break off the answer.
            let begun = self.crop.of_job(job).and_then(|growing| growing.address());
            let ending = match begun {
                Some(address) => Some(Ending::Result(address)),
                None => self.ending(job).await?,
            };
            if let Some(ending) = ending {
                waiting.has_ended = true;
                return Ok(ending);
            }
        }
    }
}
