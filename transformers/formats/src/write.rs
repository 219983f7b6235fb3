//! What all sinks share: options, the plan of a write, its report, errors, and a file that appears only when complete.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use harmony_model::{Filter, Granule, ReadError, VarId, Window};

/// How a granule is written, whatever the format.
#[derive(Clone)]
pub struct WriteOptions {
    /// Bytes of blocks in flight; one block is always admitted.
    pub memory: u64,
    /// Deflate level of what is compressed here, instead of the input's; chunks copied as stored keep theirs.
    pub deflate_level: Option<u32>,
    /// Compress larger variables that the input stores in one uncompressed piece.
    pub compress_contiguous: bool,
    /// Mark the file as netCDF-4 (`_NCProperties`). Dimension scales are written for every named dimension anyway.
    pub netcdf4: bool,
    /// Set from outside to stop; the output is then removed.
    pub cancel: Option<Arc<AtomicBool>>,
    /// Called with the uncompressed bytes done so far (see [`WritePlan::data_bytes`]).
    pub progress: Option<Arc<dyn Fn(u64) + Send + Sync>>,
    /// Told of the bytes of a result while it is written.
    pub follow: Option<Arc<dyn Follow>>,
    pub encoding: Encoding,
}

/// Reads along while a result is written. Only formats that never go back to bytes once written tell of them; of others
/// nothing is heard before they are complete.
pub trait Follow: Send + Sync {
    /// The result `target` was begun under a temporary name; `file` reads its bytes, whatever becomes of the name.
    /// Gives what is to be told of them; `None`: this result is not followed.
    fn follow(&self, target: &Path, file: File) -> Option<Heard>;
}

/// Called with offset and length of bytes that are in the file and stay as they are; from several threads, in any order.
pub type Heard = Box<dyn Fn(u64, u64) + Send + Sync>;

/// What a user may say about the encoding of results; each format takes what concerns it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Encoding {
    /// `deflate`, `zstd`, `lzw`, `none`, …
    pub compression: Option<String>,
    pub level: Option<u32>,
    /// Chunk lengths by dimension name.
    pub chunks: Vec<(String, u64)>,
    /// Uncompressed bytes a chunk should have.
    pub chunk_bytes: Option<u64>,
    /// Zarr 3: chunks in shards.
    pub sharded: bool,
    /// Rasters: one file with a band for each variable instead of a file for each variable.
    pub stack: bool,
    /// Rasters: longitudes as stored instead of from -180 to 180.
    pub keep_longitudes: bool,
    /// Images: a named colour map, or the text of a colour table.
    pub style: Option<Style>,
    /// Images: physical values of the first and last colour.
    pub range: Option<(f64, f64)>,
    /// Images: also a legend.
    pub legend: bool,
    /// Images for the Global Imagery Browse Services: tiles, world files, `.aux.xml`.
    pub browse: bool,
    /// The reference program whose layout is wanted.
    pub compat: Option<harmony_model::request::Compat>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Style {
    /// A built-in colour map.
    Named(String),
    /// Content of a colour table file (GDAL text, `.cpt`), and what messages call it.
    Table { name: String, text: String },
}

impl Default for WriteOptions {
    fn default() -> Self {
        WriteOptions {
            memory: 128 << 20,
            deflate_level: None,
            compress_contiguous: true,
            netcdf4: true,
            cancel: None,
            progress: None,
            follow: None,
            encoding: Encoding::default(),
        }
    }
}

impl WriteOptions {
    /// Whether somebody asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.as_ref().is_some_and(|c| c.load(Ordering::Relaxed))
    }
}

/// What a write will do, known before a value is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WritePlan {
    pub variables: Vec<VariablePlan>,
    /// Stored bytes that will be fetched.
    pub bytes_read: u64,
    /// Uncompressed bytes of all variables.
    pub data_bytes: u64,
    /// Estimated size of the output; exact when nothing has to be compressed.
    pub output_bytes: u64,
}

impl WritePlan {
    /// The plan of a sink that reads every variable once, whole, and whose size is not known.
    ///
    /// # Errors
    /// When a chunk index can't be read.
    pub fn of_reading(granule: &Granule) -> Result<Self, ReadError> {
        let mut plan = WritePlan::default();
        for var in granule.var_ids() {
            let shape = granule.shape(var);
            let data_bytes = shape.iter().product::<u64>() * granule.var(var).dtype.size() as u64;
            let bytes_read = granule.var(var).data.cost(&Window::all(&shape))?;
            plan.bytes_read += bytes_read;
            plan.data_bytes += data_bytes;
            plan.output_bytes += data_bytes / 2;
            plan.variables.push(VariablePlan {
                var,
                path: granule.var(var).path.clone(),
                shape,
                chunk_shape: None,
                filters: Vec::new(),
                tasks: Vec::new(),
                bytes_read,
                data_bytes,
                output_bytes: data_bytes / 2,
            });
        }
        Ok(plan)
    }
}

/// The part of one variable in a [`WritePlan`].
#[derive(Clone, Debug, PartialEq)]
pub struct VariablePlan {
    pub var: VarId,
    /// Full path.
    pub path: String,
    /// Extents in the output, slowest axis first.
    pub shape: Vec<u64>,
    /// `None`: stored in one piece.
    pub chunk_shape: Option<Vec<u64>>,
    pub filters: Vec<Filter>,
    /// In the order in which they are written.
    pub tasks: Vec<BlockTask>,
    pub bytes_read: u64,
    pub data_bytes: u64,
    /// Estimated stored size.
    pub output_bytes: u64,
}

/// One block of output: the box `shape` at `origin`.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockTask {
    pub origin: Vec<u64>,
    pub shape: Vec<u64>,
    pub action: BlockAction,
    /// Stored bytes it fetches.
    pub bytes_read: u64,
}

/// What is done to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockAction {
    /// Stored chunks are copied as they are; chunks that were never written stay so.
    Copy,
    /// Values are read and encoded.
    Encode,
}

/// What a write did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteReport {
    /// Stored bytes fetched: those of the plan.
    pub bytes_read: u64,
    /// Size of the file.
    pub bytes_written: u64,
    /// Chunks copied as stored.
    pub chunks_copied: u64,
    /// Chunks (or pieces of unchunked variables) read and encoded.
    pub chunks_encoded: u64,
    /// Files written, when it is not just the target itself: tiles, world files.
    pub files: Vec<PathBuf>,
    /// What a user should know: what was left out, what was stretched.
    pub notices: Vec<String>,
}

/// What can go wrong while writing.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    #[error(transparent)]
    Read(ReadError),
    #[error(
        "{target}: no space left on the device; free space there or write to another folder (the unfinished output was removed)"
    )]
    Full { target: String },
    #[error("{target}: can't {action}: {detail}; check that the folder exists and may be written to")]
    Io { target: String, action: &'static str, detail: String },
    #[error("{target}: {object}: {detail}")]
    Unsupported { target: String, object: String, detail: String },
    #[error("interrupted; the unfinished output was removed")]
    Cancelled,
}

impl From<ReadError> for WriteError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Cancelled => WriteError::Cancelled,
            other => WriteError::Read(other),
        }
    }
}

/// A file under a temporary name beside its final one. Dropped before [`PendingFile::finish`], it is removed.
pub struct PendingFile {
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    finished: bool,
    heard: Option<Heard>,
}

impl PendingFile {
    /// Creates the temporary file.
    ///
    /// # Errors
    /// [`WriteError::Io`] when the folder is missing or can't be written to.
    pub fn create(target: &Path) -> Result<Self, WriteError> {
        let name = target.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        for attempt in 0u32.. {
            let temporary = target.with_file_name(format!(".{name}.{}.{attempt}.part", std::process::id()));
            // `create_new` is what keeps two writers of the same name apart.
            match OpenOptions::new().read(true).write(true).create_new(true).open(&temporary) {
                Ok(file) => {
                    let target = target.into();
                    return Ok(PendingFile { file, temporary, target, finished: false, heard: None });
                }
                Err(e) if e.kind() == ErrorKind::AlreadyExists && attempt < 10_000 => {}
                Err(e) => return Err(io_error(target, "create the file", &e)),
            }
        }
        unreachable!("the loop above ends by itself")
    }

    /// Creates the temporary file of a writer that never changes bytes once written, for those who read along.
    ///
    /// # Errors
    /// As [`PendingFile::create`].
    pub fn followed(target: &Path, options: &WriteOptions) -> Result<Self, WriteError> {
        let mut pending = PendingFile::create(target)?;
        if let Some(follow) = &options.follow {
            let own = pending.file.try_clone().map_err(|e| io_error(target, "read along", &e))?;
            pending.heard = follow.follow(target, own);
        }
        Ok(pending)
    }

    /// Writes all of `bytes` at `offset`; may be called from several threads.
    ///
    /// # Errors
    /// [`WriteError::Full`] or [`WriteError::Io`].
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), WriteError> {
        write_all_at(&self.file, offset, bytes).map_err(|e| io_error(&self.target, "write", &e))?;
        if let Some(heard) = &self.heard {
            heard(offset, bytes.len() as u64);
        }
        Ok(())
    }

    /// Reads back what was written at `offset`, all of `out`.
    ///
    /// # Errors
    /// [`WriteError::Io`] when there is less.
    pub fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), WriteError> {
        read_exact_at(&self.file, offset, out).map_err(|e| io_error(&self.target, "read back", &e))
    }

    /// Cuts or extends the file to `len` bytes and gives it its final name.
    ///
    /// # Errors
    /// [`WriteError::Full`] or [`WriteError::Io`].
    pub fn finish(mut self, len: u64) -> Result<(), WriteError> {
        self.file.set_len(len).map_err(|e| io_error(&self.target, "set the length of the file", &e))?;
        std::fs::rename(&self.temporary, &self.target)
            .map_err(|e| io_error(&self.target, "give the file its name", &e))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for PendingFile {
    fn drop(&mut self) {
        if !self.finished {
            // Nothing better can be done about a failure here; the error that led here is already on its way.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(unix)]
fn write_all_at(file: &File, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(unix)]
fn read_exact_at(file: &File, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut offset: u64, mut out: &mut [u8]) -> std::io::Result<()> {
    while !out.is_empty() {
        let n = std::os::windows::fs::FileExt::seek_read(file, out, offset)?;
        if n == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        (offset, out) = (offset + n as u64, &mut out[n..]);
    }
    Ok(())
}

#[cfg(windows)]
fn write_all_at(file: &File, mut offset: u64, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let n = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        if n == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        (offset, bytes) = (offset + n as u64, &bytes[n..]);
    }
    Ok(())
}

pub(crate) fn io_error(target: &Path, action: &'static str, error: &std::io::Error) -> WriteError {
    let target = target.display().to_string();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            WriteError::Full { target }
        }
        _ => WriteError::Io { target, action, detail: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Offsets and lengths, in order.
    #[derive(Default)]
    struct Pieces(Arc<std::sync::Mutex<Vec<(u64, u64)>>>);

    impl Follow for Pieces {
        fn follow(&self, target: &Path, file: File) -> Option<Heard> {
            assert_eq!((target.file_name().unwrap(), file.metadata().unwrap().len()), ("a.csv".as_ref(), 0));
            let all = self.0.clone();
            Some(Box::new(move |offset, len| all.lock().unwrap().push((offset, len))))
        }
    }

    #[test]
    fn who_reads_along_hears_of_every_byte() {
        let dir = tempfile::tempdir().unwrap();
        let pieces = Arc::new(Pieces::default());
        let options = WriteOptions { follow: Some(pieces.clone()), ..WriteOptions::default() };
        let pending = PendingFile::followed(&dir.path().join("a.csv"), &options).unwrap();
        pending.write_at(0, b"abc").unwrap();
        pending.write_at(3, b"de").unwrap();
        pending.finish(5).unwrap();
        assert_eq!(*pieces.0.lock().unwrap(), [(0, 3), (3, 2)]);
    }

    #[test]
    fn a_file_appears_only_when_finished() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a.nc");
        let pending = PendingFile::create(&target).unwrap();
        pending.write_at(3, b"abc").unwrap();
        let mut back = [0; 2];
        pending.read_at(4, &mut back).unwrap();
        assert_eq!(&back, b"bc");
        assert!(!target.exists());
        pending.finish(6).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"\0\0\0abc");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_abandoned_file_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        drop(PendingFile::create(&dir.path().join("a.nc")).unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = PendingFile::create(Path::new("/nowhere/at/all/a.nc")).err().unwrap();
        assert!(error.to_string().contains("/nowhere/at/all/a.nc"), "{error}");
    }
}
