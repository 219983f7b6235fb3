//! Work that is asked for twice at the same time is done once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::engine::{Engine, EngineError, Made, Work};
use super::folders::{self, Folders};

/// How often those who wait for another's work look whether they are still wanted.
const LOOK: Duration = Duration::from_millis(100);

/// Work in progress, by what it is.
#[derive(Default)]
pub struct Sharing {
    running: Mutex<HashMap<String, Wait>>,
    number: AtomicU64,
}

type Wait = watch::Receiver<Option<Result<Arc<Shared>, EngineError>>>;

/// Results of finished work that others wait for; the files go with the last of them.
struct Shared {
    folder: PathBuf,
    made: Made,
}

impl Drop for Shared {
    fn drop(&mut self) {
        // What stays is swept at the next start.
        let _ = folders::remove(&self.folder);
    }
}

/// Forgets work that has ended, however it ended.
struct Entry<'a> {
    sharing: &'a Sharing,
    key: String,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.sharing.lock().remove(&self.key);
    }
}

/// What makes two pieces of work the same: everything that decides about the result.
fn key(work: &Work) -> String {
    let operation = super::engine::parameters(&work.operation);
    let granules: Vec<_> = work.granules.iter().map(|g| (&g.location, &g.collection, &g.name)).collect();
    serde_json::json!([operation, granules, work.is_joined, work.skip_failures, shape(work)]).to_string()
}

/// Parameters don't tell uploads apart.
fn shape(work: &Work) -> serde_json::Value {
    serde_json::to_value(&work.operation.subset.shape).unwrap_or_default()
}

impl Sharing {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Wait>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the work, or waits for the same work that is being done and takes its results.
    ///
    /// # Errors
    /// Those of the engine.
    pub async fn run(
        &self,
        engine: &dyn Engine,
        folders: &Folders,
        work: Work,
        cancel: &Arc<AtomicBool>,
    ) -> Result<Made, EngineError> {
        let key = key(&work);
        loop {
            let (sender, receiver) = watch::channel(None);
            let other = {
                let mut running = self.lock();
                match running.get(&key) {
                    Some(other) => Some(other.clone()),
                    None => {
                        running.insert(key.clone(), receiver);
                        None
                    }
                }
            };
            let Some(other) = other else {
                let entry = Entry { sharing: self, key };
                let folder = work.folder.clone();
                let result = engine.run(work, cancel.clone()).await;
                drop(entry);
                // Nobody can come to wait any more.
                if sender.receiver_count() > 0 {
                    let number = self.number.fetch_add(1, Ordering::Relaxed);
                    hand_over(&result, folder, folders.shared(number), &sender).await;
                }
                return result;
            };
            if let Some(result) = wait(other, &work, cancel).await {
                return result;
            }
        }
    }
}

/// Makes results available to those who wait.
async fn hand_over(
    result: &Result<Made, EngineError>,
    from: PathBuf,
    to: PathBuf,
    sender: &watch::Sender<Option<Result<Arc<Shared>, EngineError>>>,
) {
    let shared = match result {
        Ok(made) => {
            let shared = Shared { folder: to.clone(), made: made.clone() };
            let linked = tokio::task::spawn_blocking(move || folders::link_tree(&from, &to)).await;
            match linked {
                Ok(Ok(())) => Ok(Arc::new(shared)),
                // They do it themselves then.
                _ => return,
            }
        }
        Err(EngineError::Cancelled) => return,
        Err(error) => Err(error.clone()),
    };
    sender.send_replace(Some(shared));
}

/// The results of another's work; `None` when it gave none and the work has to be done again.
async fn wait(mut other: Wait, work: &Work, cancel: &AtomicBool) -> Option<Result<Made, EngineError>> {
    let finished = loop {
        if cancel.load(Ordering::Relaxed) {
            return Some(Err(EngineError::Cancelled));
        }
        match tokio::time::timeout(LOOK, other.wait_for(Option::is_some)).await {
            Ok(Ok(finished)) => break finished.clone()?,
            Ok(Err(_)) => return None,
            Err(_) => {}
        }
    };
    match finished {
        Ok(shared) => {
            let folder = work.folder.clone();
            let taken = tokio::task::spawn_blocking(move || {
                folders::link_tree(&shared.folder, &folder).map(|()| shared.made.clone())
            });
            taken.await.ok()?.ok().map(Ok)
        }
        Err(error) => Some(Err(error)),
    }
}
