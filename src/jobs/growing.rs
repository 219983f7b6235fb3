//! A result that is sent while it is made: who asked for it reads along behind the writer.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use harmony_formats::write::{Follow, Heard};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

/// How far a result is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Bytes from the beginning that stay as they are.
    pub ready: u64,
    pub end: Option<End>,
}

/// How the writing of a result ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is whole, and in its place.
    Complete,
    /// It never will be.
    Broken,
}

/// A result in the making. Readers have their own handle of the file: it may be renamed or deleted meanwhile.
pub struct Growing {
    /// Address of the folder in which the result will be, without a slash at the end.
    folder: String,
    result: Mutex<Option<(String, Arc<File>)>>,
    pieces: Mutex<Pieces>,
    extent: watch::Sender<Extent>,
    /// Told once, when there is a first byte.
    first: Arc<Notify>,
}

/// Bytes behind the part that is ready: offset and end of pieces that were written ahead of others.
#[derive(Default)]
struct Pieces {
    ready: u64,
    ahead: BTreeMap<u64, u64>,
}

impl Pieces {
    /// Adds a piece; how much from the beginning is ready then.
    fn add(&mut self, offset: u64, len: u64) -> u64 {
        let end = offset.saturating_add(len);
        let known = self.ahead.entry(offset).or_insert(end);
        *known = end.max(*known);
        while let Some(entry) = self.ahead.first_entry().filter(|e| *e.key() <= self.ready) {
            self.ready = self.ready.max(entry.remove());
        }
        self.ready
    }
}

impl Growing {
    /// Nothing yet. `first` is told when a reader would find something.
    pub fn new(folder: &str, first: Arc<Notify>) -> Arc<Self> {
        Arc::new(Growing {
            folder: folder.to_owned(),
            result: Mutex::default(),
            pieces: Mutex::default(),
            extent: watch::Sender::default(),
            first,
        })
    }

    fn result(&self) -> Option<(String, Arc<File>)> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Address of the result, as soon as a part of it can be read.
    pub fn address(&self) -> Option<String> {
        let has_begun = self.extent.borrow().ready > 0;
        let (name, _) = self.result().filter(|_| has_begun)?;
        Some(format!("{}/{}", self.folder, super::folders::encode(&name)))
    }

    /// The bytes that are there, if this is the result of that name.
    pub fn file(&self, name: &str) -> Option<Arc<File>> {
        self.result().filter(|(own, _)| own == name).map(|(_, file)| file)
    }

    /// Whether its folder has that address.
    pub fn is_in(&self, folder: &str) -> bool {
        self.folder == folder
    }

    pub fn extent(&self) -> watch::Receiver<Extent> {
        self.extent.subscribe()
    }

    /// Nothing is written any more.
    pub fn finish(&self, end: End) {
        // Gaps that no writer filled are zeros of a file that is whole.
        let length = self.result().and_then(|(_, file)| file.metadata().ok()).map_or(0, |about| about.len());
        self.extent.send_modify(|extent| {
            extent.end = Some(end);
            if end == End::Complete {
                extent.ready = length;
            }
        });
    }
}

/// The writer's end of a [`Growing`].
pub struct Follower(pub Arc<Growing>);

impl Follow for Follower {
    fn follow(&self, target: &Path, file: File) -> Option<Heard> {
        let mut result = self.0.result.lock().unwrap_or_else(PoisonError::into_inner);
        // Of several results none is the answer.
        if result.is_some() {
            return None;
        }
        let name = target.file_name()?.to_string_lossy().into_owned();
        *result = Some((name, Arc::new(file)));
        let growing = self.0.clone();
        Some(Box::new(move |offset, len| {
            let ready = growing.pieces.lock().unwrap_or_else(PoisonError::into_inner).add(offset, len);
            let is_first = growing.extent.borrow().ready == 0 && ready > 0;
            growing.extent.send_if_modified(|extent| {
                let more = ready > extent.ready;
                extent.ready = extent.ready.max(ready);
                more
            });
            if is_first {
                growing.first.notify_one();
            }
        }))
    }
}

/// Results in the making of jobs that somebody waits for.
#[derive(Default)]
pub struct Crop(Mutex<HashMap<Uuid, Arc<Growing>>>);

impl Crop {
    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Arc<Growing>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn of_job(&self, job: Uuid) -> Option<Arc<Growing>> {
        self.all().get(&job).cloned()
    }

    /// Puts the result of a new attempt in the place of an earlier one's.
    pub fn sow(&self, job: Uuid, growing: Arc<Growing>) {
        self.all().insert(job, growing);
    }

    /// Ends what `growing` of the job is; a later attempt's stays.
    pub fn reap(&self, job: Uuid, growing: &Arc<Growing>, end: End) {
        growing.finish(end);
        let mut all = self.all();
        if all.get(&job).is_some_and(|own| Arc::ptr_eq(own, growing)) {
            all.remove(&job);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_in_any_order_are_ready_from_the_beginning() {
        let mut pieces = Pieces::default();
        assert_eq!(pieces.add(10, 5), 0);
        assert_eq!(pieces.add(15, 5), 0);
        assert_eq!(pieces.add(0, 10), 20);
        assert_eq!(pieces.add(25, 1), 20);
        assert_eq!(pieces.add(20, 5), 26);
        assert!(pieces.ahead.is_empty());
    }

    #[tokio::test]
    async fn a_result_can_be_read_behind_its_writer() {
        let dir = tempfile::tempdir().unwrap();
        let growing = Growing::new("/service-results/b/public/j/1", Arc::default());
        let follower = Follower(growing.clone());
        let file = File::create_new(dir.path().join("x")).unwrap();
        let heard = follower.follow(Path::new("/w/a b.csv"), file.try_clone().unwrap()).unwrap();
        assert!(follower.follow(Path::new("/w/c.csv"), file.try_clone().unwrap()).is_none());
        let seen = growing.extent();
        assert_eq!((growing.address(), *seen.borrow()), (None, Extent::default()));
        std::io::Write::write_all(&mut &file, b"abc").unwrap();
        heard(0, 3);
        assert_eq!(growing.address().as_deref(), Some("/service-results/b/public/j/1/a%20b.csv"));
        assert!(growing.file("a b.csv").is_some() && growing.file("c.csv").is_none());
        file.set_len(5).unwrap();
        growing.finish(End::Complete);
        assert_eq!(*seen.borrow(), Extent { ready: 5, end: Some(End::Complete) });
    }

    #[test]
    fn a_later_attempt_is_not_ended_by_an_earlier_one() {
        let (crop, job) = (Crop::default(), Uuid::new_v4());
        let (first, second) = (Growing::new("/a", Arc::default()), Growing::new("/b", Arc::default()));
        crop.sow(job, first.clone());
        crop.sow(job, second.clone());
        crop.reap(job, &first, End::Broken);
        assert!(Arc::ptr_eq(&crop.of_job(job).unwrap(), &second));
        crop.reap(job, &second, End::Complete);
        assert!(crop.of_job(job).is_none());
    }
}
