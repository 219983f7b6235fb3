//! What has to be done from time to time: leases, expired data.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::clock::now_ms;
use super::folders;
use super::service::{DAY_MS, Jobs, LEASE, locked};
use super::store::{JobStoreError, Reap, Ticket};

const HOUR: Duration = Duration::from_secs(3600);
/// Items of finished jobs are kept that long.
const ITEMS_KEPT_MS: i64 = 14 * DAY_MS;

impl Jobs {
    /// Renews leases and takes back those that have run out.
    pub(super) async fn keep_leases(self: Arc<Self>) {
        while !self.is_stopping() {
            tokio::time::sleep(LEASE / 3).await;
            let tickets: Vec<Ticket> = locked(&self.running).keys().copied().collect();
            let now = now_ms();
            // First: after a jump of the clock all leases look old.
            let renewed = self.store.renew(&self.worker, &tickets, now + LEASE.as_millis() as i64).await;
            for item in renewed.unwrap_or_default() {
                for (_, (_, cancel)) in locked(&self.running).iter().filter(|(t, _)| t.item == item) {
                    cancel.store(true, Ordering::Relaxed);
                }
            }
            match self.store.reap(Reap::Expired, now).await {
                Ok(taken) if !taken.is_empty() => self.wake.notify_one(),
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "leases can't be checked"),
            }
        }
    }

    /// Deletes data whose time has come, every hour.
    pub(super) async fn expire(self: Arc<Self>) {
        while !self.is_stopping() {
            if let Err(error) = self.expire_now(now_ms()).await {
                tracing::error!(%error, "expired data can't be deleted");
            }
            tokio::time::sleep(HOUR).await;
        }
    }

    /// Deletes the results of jobs that expired before `now_ms`; the jobs stay. Gives their number.
    ///
    /// # Errors
    /// The store fails.
    pub async fn expire_now(&self, now_ms: i64) -> Result<usize, JobStoreError> {
        let mut deleted = 0;
        loop {
            let jobs = self.store.expired(now_ms, 100).await?;
            for job in &jobs {
                let folder = self.folders.of_job(*job);
                let removed = tokio::task::spawn_blocking(move || folders::remove(&folder)).await;
                if let Ok(Err(error)) = removed {
                    tracing::error!(%error, %job, "its expired results can't be deleted");
                    return Ok(deleted);
                }
                self.store.data_deleted(*job).await?;
                deleted += 1;
            }
            if jobs.is_empty() {
                break;
            }
        }
        while self.store.forget_items(now_ms.saturating_sub(ITEMS_KEPT_MS)).await? > 0 {}
        Ok(deleted)
    }
}
