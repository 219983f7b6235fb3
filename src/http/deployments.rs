//! Deployments of services: here all of them are part of the program, so that a deployment changes nothing. It is
//! recorded all the same, for those who ask later who wanted what.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use harmony_model::time::DateTime;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Records that are kept; the oldest go first.
const MOST_RECORDS: usize = 1000;

/// One deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    pub deployment_id: Uuid,
    pub username: String,
    pub service: String,
    pub tag: String,
    pub regression_test_version: String,
    pub status: String,
    pub message: String,
    pub created_at: String,
    pub updated_at: String,
}

/// Whether services may be deployed, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    pub enabled: bool,
    pub message: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
struct Store {
    switch: Switch,
    /// Oldest first.
    records: Vec<Deployment>,
}

impl Default for Store {
    fn default() -> Self {
        let switch = Switch { enabled: true, message: "Service deployments are enabled".into() };
        Store { switch, records: Vec::new() }
    }
}

/// What a deployment is asked for with.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    pub user: &'a str,
    pub service: &'a str,
    pub tag: &'a str,
    pub regression_test_version: &'a str,
    /// Scheme and host of links.
    pub root: &'a str,
}

/// All deployments, in memory and, where there is a file, on disk.
#[derive(Default)]
pub struct Deployments {
    file: Option<PathBuf>,
    store: Mutex<Store>,
}

impl Deployments {
    /// Reads what is in the file, if it can be read; changes are written to it.
    pub fn open(file: PathBuf) -> Self {
        let read = std::fs::read(&file).ok().and_then(|bytes| match serde_json::from_slice(&bytes) {
            Ok(store) => Some(store),
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "deployments can't be read and begin anew");
                None
            }
        });
        Deployments { file: Some(file), store: Mutex::new(read.unwrap_or_default()) }
    }

    fn with<T>(&self, read: impl FnOnce(&Store) -> T) -> T {
        read(&self.store.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Store) -> T) -> T {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let out = change(&mut store);
        if let Some(file) = &self.file
            && let Err(error) = write(file, &store)
        {
            tracing::error!(file = %file.display(), %error, "deployments can't be kept; check space and permissions");
        }
        out
    }

    pub fn switch(&self) -> Switch {
        self.with(|store| store.switch.clone())
    }

    /// Allows or forbids deployments.
    ///
    /// # Errors
    /// The reason why they are forbidden, where they are already.
    pub fn set_switch(&self, enabled: bool, message: String) -> Result<Switch, String> {
        self.change(|store| {
            if !enabled && !store.switch.enabled {
                return Err(store.switch.message.clone());
            }
            store.switch = Switch { enabled, message };
            Ok(store.switch.clone())
        })
    }

    /// Records a deployment of what is there already.
    pub fn record(&self, order: &Order<'_>) -> Deployment {
        let id = Uuid::new_v4();
        let now = now();
        let record = Deployment {
            deployment_id: id,
            username: order.user.into(),
            service: order.service.into(),
            tag: order.tag.into(),
            regression_test_version: order.regression_test_version.into(),
            status: "successful".into(),
            message: format!("Deployment successful. See details at: {}/deployment-logs/{id}", order.root),
            created_at: now.clone(),
            updated_at: now,
        };
        self.change(|store| {
            store.records.push(record.clone());
            let surplus = store.records.len().saturating_sub(MOST_RECORDS);
            store.records.drain(..surplus);
            store.switch.message = format!("Re-enable service deployment after successful deployment: {id}");
        });
        record
    }

    pub fn find(&self, id: Uuid) -> Option<Deployment> {
        self.with(|store| store.records.iter().find(|d| d.deployment_id == id).cloned())
    }

    /// Newest first, of a status and a service if these are given.
    pub fn list(&self, status: Option<&str>, service: Option<&str>) -> Vec<Deployment> {
        let fits =
            |d: &&Deployment| status.is_none_or(|s| d.status == s) && service.is_none_or(|s| d.service == s);
        self.with(|store| store.records.iter().rev().filter(fits).cloned().collect())
    }
}

/// Writes beside the file and renames, so that it is whole at any moment.
fn write(file: &std::path::Path, store: &Store) -> std::io::Result<()> {
    let beside = file.with_extension("json.tmp");
    std::fs::write(&beside, serde_json::to_vec_pretty(store)?)?;
    std::fs::rename(&beside, file)
}

/// Now, RFC 3339 in UTC with milliseconds.
fn now() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(0);
    let whole = DateTime { micros: seconds.saturating_mul(1_000_000) }.to_string();
    format!("{}.{:03}Z", whole.trim_end_matches('Z'), since.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("deployments.json");
        let order = Order {
            user: "ann",
            service: "hoss",
            tag: "1.0",
            regression_test_version: "latest",
            root: "http://h",
        };
        let first = Deployments::open(file.clone());
        let record = first.record(&order);
        first.set_switch(false, "closed".into()).unwrap();
        let again = Deployments::open(file);
        assert_eq!(again.find(record.deployment_id), Some(record.clone()));
        assert_eq!(again.list(Some("successful"), Some("hoss")).len(), 1);
        assert!(again.list(Some("failed"), None).is_empty());
        assert_eq!(again.set_switch(false, "closed again".into()), Err("closed".into()));
        assert!(again.set_switch(true, "open".into()).unwrap().enabled);
        assert_eq!(record.created_at.len(), "2026-01-01T00:00:00.000Z".len());
    }
}
