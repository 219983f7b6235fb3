//! Files of one result: they appear together or not at all.

use std::path::{Path, PathBuf};

use crate::write::{PendingFile, WriteError, WriteOptions};

/// Where encoded bytes go, in order.
pub trait Sink: Send {
    /// Appends `bytes`.
    ///
    /// # Errors
    /// What the file says.
    fn put(&mut self, bytes: &[u8]) -> Result<(), WriteError>;
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// A file that grows; small pieces are collected.
pub struct FileSink {
    file: PendingFile,
    target: PathBuf,
    written: u64,
    waiting: Vec<u8>,
}

/// Bytes collected before they are handed to the system.
const COLLECT: usize = 1 << 18;

impl FileSink {
    /// Begins a file under a temporary name.
    ///
    /// # Errors
    /// As [`PendingFile::create`].
    pub fn create(target: &Path) -> Result<Self, WriteError> {
        Ok(FileSink::on(PendingFile::create(target)?, target))
    }

    /// Begins a file that others may read while it grows.
    ///
    /// # Errors
    /// As [`PendingFile::followed`].
    pub fn followed(target: &Path, options: &WriteOptions) -> Result<Self, WriteError> {
        Ok(FileSink::on(PendingFile::followed(target, options)?, target))
    }

    fn on(file: PendingFile, target: &Path) -> Self {
        FileSink { file, target: target.into(), written: 0, waiting: Vec::new() }
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        self.file.write_at(self.written, &self.waiting)?;
        self.written += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}

impl Sink for FileSink {
    fn put(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= COLLECT { self.flush() } else { Ok(()) }
    }
}

/// The files of a result. Dropped before [`Outputs::commit`], those that are already complete are removed.
#[derive(Default)]
pub struct Outputs {
    done: Vec<PathBuf>,
    bytes: u64,
    kept: bool,
}

impl Outputs {
    /// Gives a file its name.
    ///
    /// # Errors
    /// As [`PendingFile::finish`].
    pub fn finish(&mut self, mut sink: FileSink) -> Result<(), WriteError> {
        sink.flush()?;
        sink.file.finish(sink.written)?;
        self.bytes += sink.written;
        self.done.push(sink.target);
        Ok(())
    }

    /// A small file at once.
    ///
    /// # Errors
    /// As [`Outputs::finish`].
    pub fn write(&mut self, target: &Path, bytes: &[u8]) -> Result<(), WriteError> {
        let mut sink = FileSink::create(target)?;
        sink.put(bytes)?;
        self.finish(sink)
    }

    /// Keeps the files; gives their names in order of completion and their bytes together.
    pub fn commit(mut self) -> (Vec<PathBuf>, u64) {
        self.kept = true;
        (std::mem::take(&mut self.done), self.bytes)
    }
}

impl Drop for Outputs {
    fn drop(&mut self) {
        if !self.kept {
            for path in &self.done {
                // The error that led here is already on its way.
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_only_when_all_of_them_are_there() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        let mut outputs = Outputs::default();
        outputs.write(&a, b"1").unwrap();
        drop(outputs);
        assert!(!a.exists());
        let mut outputs = Outputs::default();
        outputs.write(&a, b"12").unwrap();
        outputs.write(&b, b"345").unwrap();
        assert_eq!(outputs.commit(), (vec![a.clone(), b], 5));
        assert_eq!(std::fs::read(a).unwrap(), b"12");
    }
}
