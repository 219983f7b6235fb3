//! Items that a user wants to be tried again while they run.

use std::sync::atomic::Ordering;

use uuid::Uuid;

use super::clock::now_ms;
use super::job::{Level, Note};
use super::service::{Jobs, locked};
use super::store::{Completion, Item, ItemFilter, JobStoreError, Outcome, Ticket};

/// What became of the wish to try an item again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    Queued,
    /// It was tried as often as it may be.
    Exhausted,
    /// It is not running.
    Idle,
}

impl Jobs {
    /// An item of a job.
    ///
    /// # Errors
    /// The store fails.
    pub async fn item(
        &self,
        job: Uuid,
        steps: usize,
        id: i64,
    ) -> Result<Option<(usize, Item)>, JobStoreError> {
        for step in 1..=steps {
            let filter = ItemFilter { step, status: Vec::new(), ids: vec![id] };
            let found = self.store.items(job, &filter, 0, 1).await?;
            if let Some(item) = found.items.into_iter().next() {
                return Ok(Some((step, item)));
            }
        }
        Ok(None)
    }

    /// Gives up the attempt that runs and queues another; counts as a failed one.
    ///
    /// # Errors
    /// The store fails.
    pub async fn retry(&self, job: Uuid, item: &Item) -> Result<Retry, JobStoreError> {
        let running = |ticket: &Ticket, of: Uuid| ticket.item == item.id && of == job;
        let found =
            locked(&self.running).iter().find(|(t, (of, _))| running(t, *of)).map(|(t, r)| (*t, r.1.clone()));
        let Some((ticket, cancel)) = found else { return Ok(Retry::Idle) };
        if item.retry_count >= self.settings.retry_limit {
            return Ok(Retry::Exhausted);
        }
        let note = Note {
            level: Level::Error,
            url: "unknown".into(),
            message: "WorkItem failed: it was tried again by request".into(),
            category: None,
        };
        let outcome = Outcome::Failed { note, retry_ms: Some(0), fatal: None };
        let completion = Completion { outcome, ..Completion::default() };
        let done = self.store.complete(&ticket, completion, Box::new(|| Ok(())), now_ms()).await?;
        // The ticket is void now, whatever the computation still brings.
        cancel.store(true, Ordering::Relaxed);
        self.wake.notify_one();
        Ok(if done.is_some() { Retry::Queued } else { Retry::Idle })
    }
}
