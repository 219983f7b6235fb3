//! Jobs from submission to their end: takes requests, hands items to workers, renews leases, cleans up.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::birth::Settings;
use super::clock::now_ms;
use super::engine::Engine;
use super::folders::Folders;
use super::growing::{Crop, Growing};
use super::job::Job;
use super::machine::Event;
use super::sharing::Sharing;
use super::store::{Claimed, JobStore, JobStoreError, Reap, SqliteStore, Ticket};
use super::waiting::Waiters;
use super::{JobError, Observer, Submission};
use crate::catalog::Catalog;
use crate::config::Config;

/// How long an item belongs to its worker without a sign of life.
pub(super) const LEASE: Duration = Duration::from_secs(60);
/// Waiting workers look for work that nobody told them of.
pub(super) const POLL: Duration = Duration::from_secs(1);
/// A job's first status is that of its creation, if it is asked for within this.
const SNAPSHOT: Duration = Duration::from_secs(5);
/// Items taken in one transaction.
const AT_ONCE: usize = 4;
pub(super) const DAY_MS: i64 = 86_400_000;
/// Longest wait for running items when the service stops.
const STOP: Duration = Duration::from_secs(30);

/// The jobs of a service.
pub struct Jobs {
    /// Itself, for tasks that outlive a call.
    pub(super) me: Weak<Jobs>,
    pub(super) store: Arc<dyn JobStore>,
    pub(super) catalog: Arc<dyn Catalog>,
    pub(super) engine: Arc<dyn Engine>,
    pub(super) folders: Folders,
    pub(super) settings: Settings,
    pub(super) sharing: Sharing,
    /// Name of this process among workers.
    pub(super) worker: String,
    workers: usize,
    pub(super) waiting_limit: usize,
    pub(super) waiting: AtomicUsize,
    /// There may be work.
    pub(super) wake: Notify,
    pub(super) waiters: Waiters,
    pub(super) crop: Crop,
    pub(super) running: Mutex<HashMap<Ticket, (Uuid, Arc<AtomicBool>)>>,
    pub(super) snapshots: Mutex<HashMap<Uuid, (Instant, Job)>>,
    pub(super) submissions: Mutex<Vec<Arc<Submission>>>,
    observer: OnceLock<Arc<dyn Observer>>,
    stopping: AtomicBool,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Jobs {
    /// Opens the jobs of `config.data`. Nothing is worked on before [`Jobs::start`].
    ///
    /// # Errors
    /// The folder or the database can't be made or opened.
    pub async fn open(
        config: &Config,
        catalog: Arc<dyn Catalog>,
        engine: Arc<dyn Engine>,
    ) -> Result<Arc<Self>, JobError> {
        let settings = Settings {
            preview_threshold: config.preview_threshold,
            page_size: config.cmr_max_page_size.max(1),
            expiration_ms: i64::try_from(config.data_expiration_days)
                .unwrap_or(i64::MAX)
                .saturating_mul(DAY_MS),
            retry_limit: config.work_item_retry_limit,
            max_errors: config.max_errors_for_job,
            max_percent_errors: config.max_percent_errors_for_job,
            min_done_for_check: config.min_done_items_for_fail_check,
        };
        std::fs::create_dir_all(&config.data)
            .map_err(|e| internal(format!("{}: {e}", config.data.display())))?;
        let store = SqliteStore::open(&config.data.join("harmony.db"), settings).await.map_err(internal)?;
        Ok(Arc::new_cyclic(|me| Jobs {
            me: me.clone(),
            store: Arc::new(store),
            catalog,
            engine,
            folders: Folders::new(&config.data, &config.staging_bucket),
            settings,
            sharing: Sharing::default(),
            worker: Uuid::new_v4().to_string(),
            workers: workers(config),
            waiting_limit: config.max_simultaneous_requests.saturating_mul(4).max(1),
            waiting: AtomicUsize::new(0),
            wake: Notify::new(),
            waiters: Waiters::default(),
            crop: Crop::default(),
            running: Mutex::default(),
            snapshots: Mutex::default(),
            submissions: Mutex::default(),
            observer: OnceLock::new(),
            stopping: AtomicBool::new(false),
            tasks: Mutex::default(),
        }))
    }

    /// The store, for documents.
    pub fn store(&self) -> &dyn JobStore {
        &*self.store
    }

    /// The folder that `/service-results/<bucket>/` stands for.
    pub fn results(&self) -> PathBuf {
        self.folders.results()
    }

    /// Tells `observer` what work takes; the first one stays.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        let _ = self.observer.set(observer);
    }

    pub(super) fn observer(&self) -> Option<&dyn Observer> {
        self.observer.get().map(|o| &**o)
    }

    /// Takes up what earlier processes left, and begins to work.
    ///
    /// # Errors
    /// The store or the data folder fails.
    pub async fn start(&self) -> Result<(), JobError> {
        // One process has the database: whatever runs for another worker has lost it.
        let taken = self.store.reap(Reap::AllBut(&self.worker), now_ms()).await.map_err(internal)?;
        if !taken.is_empty() {
            tracing::info!(items = taken.len(), "work of an earlier process is taken up again");
        }
        let folders = self.folders.clone();
        let swept = tokio::task::spawn_blocking(move || folders.sweep()).await;
        swept.map_err(internal)?.map_err(internal)?;
        let Some(me) = self.me.upgrade() else { return Ok(()) };
        let (a, b) = (me.clone(), me.clone());
        let mut tasks = locked(&self.tasks);
        tasks.push(tokio::spawn(async move { me.dispatch().await }));
        tasks.push(tokio::spawn(async move { a.keep_leases().await }));
        tasks.push(tokio::spawn(async move { b.expire().await }));
        Ok(())
    }

    /// Ends work in progress; it is taken up at the next start.
    pub async fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.wake.notify_one();
        let tasks = std::mem::take(&mut *locked(&self.tasks));
        let deadline = Instant::now() + STOP;
        while Instant::now() < deadline {
            let running: Vec<_> = locked(&self.running).values().map(|(_, cancel)| cancel.clone()).collect();
            if running.is_empty() && tasks.first().is_none_or(JoinHandle::is_finished) {
                break;
            }
            running.iter().for_each(|cancel| cancel.store(true, Ordering::Relaxed));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tasks.iter().for_each(JoinHandle::abort);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Hands items to workers until the service stops.
    async fn dispatch(self: Arc<Self>) {
        let slots = Arc::new(Semaphore::new(self.workers));
        while !self.is_stopping() {
            let free = slots.available_permits().min(AT_ONCE);
            let claimed = if free == 0 { Vec::new() } else { self.claim(free).await };
            if claimed.is_empty() {
                let _ = tokio::time::timeout(POLL, self.wake.notified()).await;
                continue;
            }
            let is_empty = claimed.len() < free;
            for item in claimed {
                let Ok(slot) = slots.clone().acquire_owned().await else { return };
                let me = self.clone();
                tokio::spawn(async move {
                    me.work_on(item).await;
                    drop(slot);
                    me.wake.notify_one();
                });
            }
            // Asking again would only keep those who write waiting. Who adds work says so.
            if is_empty {
                let _ = tokio::time::timeout(POLL, self.wake.notified()).await;
            }
        }
    }

    async fn claim(&self, n: usize) -> Vec<Claimed> {
        let now = now_ms();
        match self.store.claim(&self.worker, n, now, now + LEASE.as_millis() as i64).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(%error, "no work can be taken");
                Vec::new()
            }
        }
    }

    async fn work_on(self: &Arc<Self>, item: Claimed) {
        let cancel = Arc::new(AtomicBool::new(self.is_stopping()));
        let (ticket, job) = (item.ticket, item.job);
        locked(&self.running).insert(ticket, (job, cancel.clone()));
        // In a task of its own, so that a bug in one item can't keep its entry for ever.
        let me = self.clone();
        let done = tokio::spawn(async move { me.process(item, cancel).await }).await;
        locked(&self.running).remove(&ticket);
        match done {
            Ok(Some(status)) if status.is_terminal() => self.has_ended(job),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, item = ticket.item, "a worker broke down"),
        }
    }

    fn has_ended(&self, job: Uuid) {
        self.cancel_running(job);
        self.waiters.tell(job);
    }

    /// Ends computations of a job that has no use for them.
    fn cancel_running(&self, job: Uuid) {
        for (_, cancel) in locked(&self.running).values().filter(|(j, _)| *j == job) {
            cancel.store(true, Ordering::Relaxed);
        }
    }

    /// Applies what a user does; with `owner` only to one of that user's jobs.
    ///
    /// # Errors
    /// Those of [`JobStore::change`].
    pub async fn change(&self, id: Uuid, owner: Option<&str>, event: Event) -> Result<(), JobStoreError> {
        self.store.change(id, owner, event, now_ms()).await?;
        locked(&self.snapshots).remove(&id);
        match event {
            Event::Cancel { .. } => self.has_ended(id),
            Event::Resume | Event::SkipPreview => self.wake.notify_one(),
            Event::Pause => {}
        }
        Ok(())
    }

    /// A job as it was made, once, and only shortly after: clients that follow the redirect of a submission must not
    /// find it done already.
    pub fn take_snapshot(&self, id: Uuid) -> Option<Job> {
        locked(&self.snapshots).remove(&id).filter(|(made, _)| made.elapsed() < SNAPSHOT).map(|(_, job)| job)
    }

    pub(super) fn keep_snapshot(&self, job: &Job) {
        let mut all = locked(&self.snapshots);
        all.retain(|_, (made, _)| made.elapsed() < SNAPSHOT);
        all.insert(job.id, (Instant::now(), job.clone()));
    }

    /// The result that is being made for somebody who waits, if it is in that folder and has that name.
    pub fn growing(&self, job: Uuid, folder: &str) -> Option<Arc<Growing>> {
        self.crop.of_job(job).filter(|growing| growing.is_in(folder))
    }

    /// Ends a job whose result nobody takes any more.
    pub fn abandon(&self, id: Uuid) {
        let Some(jobs) = self.me.upgrade() else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // It may have ended in the meantime.
                let _ = jobs.change(id, None, Event::Cancel { by_admin: false }).await;
            });
        }
    }
}

fn workers(config: &Config) -> usize {
    match config.workers {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        n => n,
    }
}

pub(super) fn internal(error: impl std::fmt::Display) -> JobError {
    JobError::Internal { detail: error.to_string() }
}
