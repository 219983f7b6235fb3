//! Where the documents and chunks of a Zarr hierarchy are: a key-value store.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use harmony_model::source::check_range;
use harmony_model::{ByteSource, MemorySource, ReadError};

/// Metadata documents are small; consolidated metadata of the largest catalogues takes some 100 MB.
pub const DOCUMENT_LIMIT: u64 = 512 * 1024 * 1024;

/// Key-value access to one hierarchy. Keys are relative, separated by `/`.
pub trait Store: Send + Sync {
    /// What messages call it.
    fn name(&self) -> &str;

    /// A whole small document; `None` when there is none. At most [`DOCUMENT_LIMIT`] bytes.
    ///
    /// # Errors
    /// [`ReadError`] when it is there but can't be read.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError>;

    /// A chunk or shard to read from; `None` when it was never written.
    ///
    /// # Errors
    /// [`ReadError`] when it is there but can't be opened.
    fn open(&self, key: &str) -> Result<Option<Arc<dyn ByteSource>>, ReadError>;

    /// Several at once, in that order; stores with slow requests make them in parallel.
    ///
    /// # Errors
    /// As [`Store::open`].
    fn open_many(&self, keys: &[String]) -> Result<Vec<Option<Arc<dyn ByteSource>>>, ReadError> {
        keys.iter().map(|key| self.open(key)).collect()
    }

    /// Names directly below `prefix` (empty: the root) that may be nodes, in any order; `None` when the store can't
    /// list (plain HTTP): it then needs consolidated metadata.
    ///
    /// # Errors
    /// [`ReadError`] when the listing fails.
    fn list(&self, prefix: &str) -> Result<Option<Vec<String>>, ReadError>;
}

/// Whether a key stays inside its store on every kind of store: metadata comes from outside.
pub fn is_safe_key(key: &str) -> bool {
    key.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0']))
}

/// A hierarchy in a local directory.
pub struct DirectoryStore {
    name: String,
    root: PathBuf,
}

impl DirectoryStore {
    pub fn new(root: &Path) -> Self {
        DirectoryStore { name: root.display().to_string(), root: root.into() }
    }

    fn path(&self, key: &str) -> Result<PathBuf, ReadError> {
        if is_safe_key(key) {
            return Ok(self.root.join(key));
        }
        Err(ReadError::corrupt(&self.name, format!("key '{key}'"), "it points out of the store"))
    }

    fn io(path: &Path, error: &std::io::Error) -> ReadError {
        let detail = error.to_string();
        ReadError::Io { source_name: path.display().to_string(), offset: 0, len: 0, detail }
    }
}

impl Store for DirectoryStore {
    fn name(&self) -> &str {
        &self.name
    }

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let Some(object) = self.open(key)? else { return Ok(None) };
        read_document(object.as_ref()).map(Some)
    }

    fn open(&self, key: &str) -> Result<Option<Arc<dyn ByteSource>>, ReadError> {
        let path = self.path(key)?;
        match std::fs::metadata(&path) {
            Ok(meta) if meta.is_file() => {
                let name = path.display().to_string();
                Ok(Some(Arc::new(FileObject { name, path, len: meta.len() })))
            }
            Ok(_) => Ok(None),
            Err(e) if is_absent(&e) => Ok(None),
            Err(e) => Err(Self::io(&path, &e)),
        }
    }

    fn list(&self, prefix: &str) -> Result<Option<Vec<String>>, ReadError> {
        let path = if prefix.is_empty() { self.root.clone() } else { self.path(prefix)? };
        let io = |e: std::io::Error| Self::io(&path, &e);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&path).map_err(io)? {
            let entry = entry.map_err(io)?;
            // Links count: a store may be put together from several places.
            let folder = std::fs::metadata(entry.path()).is_ok_and(|m| m.is_dir());
            if let (true, Ok(name)) = (folder, entry.file_name().into_string()) {
                names.push(name);
            }
        }
        Ok(Some(names))
    }
}

/// `NotADirectory`: a chunk key with `/` below something that is a file.
fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// All bytes of a document.
///
/// # Errors
/// [`ReadError::TooLarge`] above [`DOCUMENT_LIMIT`]; [`ReadError::Io`].
pub fn read_document(object: &dyn ByteSource) -> Result<Vec<u8>, ReadError> {
    let len = object.len();
    if len > DOCUMENT_LIMIT {
        return Err(ReadError::TooLarge {
            source_name: object.name().into(),
            object: "the metadata".into(),
            claimed: len,
            limit: DOCUMENT_LIMIT,
        });
    }
    let mut bytes = vec![0; len as usize];
    object.read_at(0, &mut bytes)?;
    Ok(bytes)
}

/// A chunk file. It is opened for each read: a store has many thousands, and a process few file handles.
struct FileObject {
    name: String,
    path: PathBuf,
    len: u64,
}

impl ByteSource for FileObject {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), ReadError> {
        check_range(&self.name, self.len, offset, out.len() as u64)?;
        let mut read = || {
            let mut file = File::open(&self.path)?;
            if offset > 0 {
                file.seek(SeekFrom::Start(offset))?;
            }
            file.read_exact(out)
        };
        read().map_err(|e| ReadError::Io {
            source_name: self.name.clone(),
            offset,
            len: self.len - offset,
            detail: e.to_string(),
        })
    }
}

/// A hierarchy in memory: stores made on the fly, tests.
#[derive(Default)]
pub struct MemoryStore {
    objects: BTreeMap<String, Vec<u8>>,
}

impl MemoryStore {
    /// Adds or replaces an object.
    pub fn put(&mut self, key: &str, bytes: impl Into<Vec<u8>>) {
        self.objects.insert(key.into(), bytes.into());
    }
}

impl Store for MemoryStore {
    fn name(&self) -> &str {
        "memory.zarr"
    }

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.objects.get(key).cloned())
    }

    fn open(&self, key: &str) -> Result<Option<Arc<dyn ByteSource>>, ReadError> {
        let object = self.objects.get(key);
        Ok(object.map(|b| Arc::new(MemorySource::new(key, b.clone())) as Arc<dyn ByteSource>))
    }

    fn list(&self, prefix: &str) -> Result<Option<Vec<String>>, ReadError> {
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let below = self.objects.keys().filter_map(|k| k.strip_prefix(&prefix)?.split_once('/'));
        let mut names: Vec<String> = below.map(|(name, _)| name.to_owned()).collect();
        names.dedup();
        Ok(Some(names))
    }
}
