//! A directory under a temporary name beside its final one.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::write::{WriteError, io_error};

/// A directory that appears under its name only when it is complete. Dropped before [`PendingTree::finish`], it is
/// removed.
pub(super) struct PendingTree {
    root: PathBuf,
    target: PathBuf,
    written: AtomicU64,
    finished: bool,
}

impl PendingTree {
    /// Creates the temporary directory.
    ///
    /// # Errors
    /// [`WriteError::Io`] when the folder is missing or can't be written to, or when `target` is a directory that is no
    /// Zarr hierarchy.
    pub(super) fn create(target: &Path) -> Result<Self, WriteError> {
        refuse_foreign(target)?;
        PendingTree::beside(target)
    }

    /// A temporary directory beside `target` that will not get its name.
    ///
    /// # Errors
    /// [`WriteError::Io`] when the folder is missing or can't be written to.
    pub(super) fn beside(target: &Path) -> Result<Self, WriteError> {
        for attempt in 0u32.. {
            let root = beside(target, attempt, "part");
            match std::fs::create_dir(&root) {
                Ok(()) => {
                    let written = AtomicU64::new(0);
                    return Ok(PendingTree { root, target: target.into(), written, finished: false });
                }
                Err(e) if e.kind() == ErrorKind::AlreadyExists && attempt < 10_000 => {}
                Err(e) => return Err(io_error(target, "create the folder", &e)),
            }
        }
        unreachable!("the loop above ends by itself")
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Bytes written so far.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Creates the file of a key, with the folders it needs; may be called from several threads.
    ///
    /// # Errors
    /// [`WriteError::Full`] or [`WriteError::Io`].
    pub(super) fn open(&self, key: &str) -> Result<File, WriteError> {
        let path = self.root.join(key);
        let created = File::create_new(&path).or_else(|e| match (e.kind(), path.parent()) {
            (ErrorKind::NotFound, Some(parent)) => {
                std::fs::create_dir_all(parent)?;
                File::create_new(&path)
            }
            _ => Err(e),
        });
        created.map_err(|e| self.failed("create a file of the store", &e))
    }

    /// Appends to a file of the tree.
    ///
    /// # Errors
    /// As [`PendingTree::open`].
    pub(super) fn append(&self, file: &mut File, bytes: &[u8]) -> Result<(), WriteError> {
        file.write_all(bytes).map_err(|e| self.failed("write", &e))?;
        self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Writes the file of a key.
    ///
    /// # Errors
    /// As [`PendingTree::open`].
    pub(super) fn put(&self, key: &str, bytes: &[u8]) -> Result<(), WriteError> {
        let mut file = self.open(key)?;
        self.append(&mut file, bytes)
    }

    fn failed(&self, action: &'static str, error: &std::io::Error) -> WriteError {
        io_error(&self.target, action, error)
    }

    /// Gives the directory its name. An older store of that name is replaced.
    ///
    /// # Errors
    /// [`WriteError::Io`].
    pub(super) fn finish(mut self) -> Result<(), WriteError> {
        let old = self.set_aside()?;
        if let Err(error) = std::fs::rename(&self.root, &self.target) {
            if let Some(old) = &old {
                // The older store is worth more than a second message.
                let _ = std::fs::rename(old, &self.target);
            }
            return Err(self.failed("give the folder its name", &error));
        }
        self.finished = true;
        if let Some(old) = old {
            remove(&old);
        }
        Ok(())
    }

    /// A directory can't be renamed onto one that is not empty: moves the older store out of the way.
    fn set_aside(&self) -> Result<Option<PathBuf>, WriteError> {
        if !self.target.exists() {
            return Ok(None);
        }
        refuse_foreign(&self.target)?;
        let old = (0..10_000).map(|i| beside(&self.target, i, "old")).find(|p| !p.exists());
        let old = old.unwrap_or_else(|| beside(&self.target, 10_000, "old"));
        std::fs::rename(&self.target, &old).map_err(|e| self.failed("replace the older store", &e))?;
        Ok(Some(old))
    }
}

/// What is not a store must not be replaced by one.
fn refuse_foreign(target: &Path) -> Result<(), WriteError> {
    let empty = || std::fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
    if !target.exists() || super::super::is_hierarchy(target) || (target.is_dir() && empty()) {
        return Ok(());
    }
    Err(WriteError::Unsupported {
        target: target.display().to_string(),
        object: "the result".into(),
        detail: "something that is no Zarr store has this name; move it or take another name".into(),
    })
}

fn beside(target: &Path, attempt: u32, ending: &str) -> PathBuf {
    let name = target.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    target.with_file_name(format!(".{name}.{}.{attempt}.{ending}", std::process::id()))
}

fn remove(path: &Path) {
    // Nothing better can be done about a failure here: what counts has been decided before.
    let _ = std::fs::remove_dir_all(path);
}

impl Drop for PendingTree {
    fn drop(&mut self) {
        if !self.finished {
            remove(&self.root);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_store_replaces_an_older_one_but_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a.zarr");
        for content in ["one", "two"] {
            let tree = PendingTree::create(&target).unwrap();
            tree.put(".zgroup", b"{}").unwrap();
            tree.put(&format!("x/c/{content}"), b"abc").unwrap();
            assert_eq!(tree.written(), 5);
            tree.finish().unwrap();
        }
        assert_eq!(names(dir.path()), ["a.zarr"]);
        assert_eq!(names(&target.join("x/c")), ["two"]);
        let foreign = dir.path().join("data");
        std::fs::create_dir(&foreign).unwrap();
        std::fs::write(foreign.join("precious"), b"1").unwrap();
        assert!(PendingTree::create(&foreign).err().unwrap().to_string().contains("no Zarr store"));
    }

    #[test]
    fn an_abandoned_tree_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let tree = PendingTree::create(&dir.path().join("a.zarr")).unwrap();
        tree.put("x/0.0", b"1").unwrap();
        drop(tree);
        assert!(names(dir.path()).is_empty());
        assert!(PendingTree::create(Path::new("/nowhere/at/all/a.zarr")).is_err());
    }
}
