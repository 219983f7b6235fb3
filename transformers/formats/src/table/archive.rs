//! Zip archives written straight into a pending file.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::write::{PendingFile, WriteError, WriteOptions};

/// A pending file as a stream that can seek.
pub struct Stream {
    file: PendingFile,
    at: u64,
    len: u64,
    /// What a write met: `io::Error` can't carry it with its meaning.
    error: Option<WriteError>,
}

impl Stream {
    /// # Errors
    /// As [`PendingFile::create`].
    pub fn create(target: &Path) -> Result<Self, WriteError> {
        Ok(Stream::on(PendingFile::create(target)?))
    }

    /// A stream that others may read while it grows: nothing may seek in it.
    ///
    /// # Errors
    /// As [`PendingFile::followed`].
    pub fn followed(target: &Path, options: &WriteOptions) -> Result<Self, WriteError> {
        Ok(Stream::on(PendingFile::followed(target, options)?))
    }

    fn on(file: PendingFile) -> Self {
        Stream { file, at: 0, len: 0, error: None }
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    /// As [`PendingFile::write_at`].
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.file.write_at(self.at, bytes)?;
        self.at += bytes.len() as u64;
        self.len = self.len.max(self.at);
        Ok(())
    }

    /// Gives the file its name; returns its size.
    ///
    /// # Errors
    /// As [`PendingFile::finish`].
    pub fn finish(self) -> Result<u64, WriteError> {
        let len = self.len;
        self.file.finish(len).map(|()| len)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.put(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(e) => {
                let text = e.to_string();
                self.error = Some(e);
                Err(io::Error::other(text))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Stream {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

/// An archive in the making. The same content gives the same bytes.
pub struct Archive {
    zip: ZipWriter<Stream>,
    target: String,
}

impl Archive {
    /// # Errors
    /// As [`PendingFile::create`].
    pub fn create(target: &Path) -> Result<Self, WriteError> {
        Ok(Archive { zip: ZipWriter::new(Stream::create(target)?), target: target.display().to_string() })
    }

    /// Begins a member; what is put next is its content.
    ///
    /// # Errors
    /// [`WriteError`] of the file.
    pub fn begin(&mut self, name: &str) -> Result<(), WriteError> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            // Speed: text shrinks nearly as well at level 3 as at 6.
            .compression_level(Some(3))
            .last_modified_time(DateTime::default())
            .large_file(true);
        let begun = self.zip.start_file(name, options);
        begun.map_err(|e| error(&self.target, &e.to_string()))
    }

    /// Appends to the member begun last.
    ///
    /// # Errors
    /// [`WriteError`] of the file.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.zip.write_all(bytes).map_err(|e| error(&self.target, &e.to_string()))
    }

    /// Gives the archive its name; returns its size.
    ///
    /// # Errors
    /// [`WriteError`] of the file.
    pub fn finish(self) -> Result<u64, WriteError> {
        let mut stream = self.zip.finish().map_err(|e| error(&self.target, &e.to_string()))?;
        match stream.error.take() {
            Some(e) => Err(e),
            None => stream.finish(),
        }
    }
}

fn error(target: &str, detail: &str) -> WriteError {
    WriteError::Io { target: target.into(), action: "write the archive", detail: detail.into() }
}
