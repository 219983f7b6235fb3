//! Local files, read by position: no shared cursor, so threads don't wait for each other.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use harmony_model::source::check_range;
use harmony_model::{ByteSource, ReadError};

/// An open local file.
pub struct LocalFile {
    file: File,
    path: PathBuf,
    name: String,
    len: u64,
}

impl LocalFile {
    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// [`ReadError::Open`] when there is none, it is a directory, or it may not be read.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let name = path.display().to_string();
        let fail = |detail: String| ReadError::Open { source_name: name.clone(), detail };
        let file = File::open(path).map_err(|e| fail(why_not(&e)))?;
        let meta = file.metadata().map_err(|e| fail(why_not(&e)))?;
        if meta.is_dir() {
            return Err(fail("is a directory; name a file in it".into()));
        }
        if !meta.is_file() {
            return Err(fail(
                "is not a regular file; copy its content to one (it is read by position)".into(),
            ));
        }
        Ok(LocalFile { file, path: path.into(), len: meta.len(), name })
    }
}

/// What went wrong and what to do, in the user's words.
fn why_not(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file; check the path".into(),
        ErrorKind::PermissionDenied => "may not be read; check its permissions".into(),
        ErrorKind::NotADirectory => "a part of the path is not a directory; check the path".into(),
        _ => format!("can't be opened: {error}"),
    }
}

impl ByteSource for LocalFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), ReadError> {
        check_range(&self.name, self.len, offset, out.len() as u64)?;
        self.file.read_exact_at(out, offset).map_err(|e| ReadError::Io {
            source_name: self.name.clone(),
            offset,
            len: out.len() as u64,
            detail: match e.kind() {
                ErrorKind::UnexpectedEof => "the file became shorter while it was read".into(),
                _ => e.to_string(),
            },
        })
    }

    fn local_path(&self) -> Option<&Path> {
        Some(&self.path)
    }
}

/// Opens a local file as a byte source.
///
/// # Errors
/// As [`LocalFile::open`].
pub fn open_local(path: impl AsRef<Path>) -> Result<Arc<dyn ByteSource>, ReadError> {
    Ok(Arc::new(LocalFile::open(path.as_ref())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_by_position_and_not_past_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.bin");
        std::fs::write(&path, b"0123456789").unwrap();
        let file = open_local(&path).unwrap();
        let mut out = [0; 3];
        file.read_at(4, &mut out).unwrap();
        assert_eq!((&out, file.len()), (b"456", 10));
        assert_eq!(file.local_path(), Some(path.as_path()));
        assert!(matches!(file.read_at(8, &mut out), Err(ReadError::Io { .. })));
    }

    #[test]
    fn what_can_not_be_opened_is_named_with_a_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let message = |p: &Path| LocalFile::open(p).err().unwrap().to_string();
        assert!(message(&dir.path().join("none")).contains("no such file"));
        assert!(message(dir.path()).contains("is a directory"));
        std::fs::write(dir.path().join("f"), b"").unwrap();
        assert!(message(&dir.path().join("f/g")).contains("check the path"));
    }
}
