//! Zarr hierarchies, version 2 and 3, in a directory or any other key-value [`Store`].
//!
//! Groups and arrays become groups and variables; dimensions follow xarray's convention: axes with the same name in a
//! group are the same dimension, and an ancestor's dimension is meant when its extent agrees. Chunks are found through
//! a [`crate::chunked::ChunkLocator`], inner chunks of shards as ranges of the shard. An array with a codec or data type we
//! don't have is listed; reading it says what is missing.

mod codecs;
mod convert;
mod dtype;
mod fill;
mod format;
mod granule;
mod hierarchy;
mod json;
mod locator;
mod meta;
mod store;
#[cfg(test)]
mod tests;
mod texts;
pub mod write;

pub use format::{Zarr, Zarr2};

use std::path::Path;
use std::sync::Arc;

use harmony_model::{Granule, ReadError};

pub use store::{DOCUMENT_LIMIT, DirectoryStore, MemoryStore, Store, is_safe_key, read_document};

/// Names of the documents that make a directory a Zarr hierarchy.
const ROOT_DOCUMENTS: [&str; 4] = ["zarr.json", ".zmetadata", ".zgroup", ".zarray"];

/// Whether a directory is a Zarr hierarchy.
pub fn is_hierarchy(path: &Path) -> bool {
    ROOT_DOCUMENTS.iter().any(|name| path.join(name).is_file())
}

/// Opens a hierarchy in a local directory: reads its metadata, no values.
///
/// # Errors
/// As [`open`].
pub fn open_directory(path: &Path) -> Result<Granule, ReadError> {
    open(Arc::new(DirectoryStore::new(path)))
}

/// Opens a hierarchy: reads its metadata, no values.
///
/// # Errors
/// [`ReadError::Corrupt`] naming the document or array that is wrong, [`ReadError::Unsupported`] when it is no Zarr
/// hierarchy.
pub fn open(store: Arc<dyn Store>) -> Result<Granule, ReadError> {
    let nodes = hierarchy::discover(&store)?;
    granule::build(&store, nodes)
}

/// For fuzzing: takes any bytes as a hierarchy (documents and one chunk, separated by zero bytes) and reads all of it
/// that is small.
#[doc(hidden)]
pub fn exercise(data: &[u8]) {
    let mut store = MemoryStore::default();
    let mut parts = data.splitn(3, |&b| b == 0);
    let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let chunk = parts.next().unwrap_or_default();
    for key in ["zarr.json", "x/zarr.json", ".zgroup", "x/.zarray"] {
        let document = if key.starts_with('x') { second } else { first };
        if !document.is_empty() {
            store.put(key, document);
        }
    }
    for key in ["c/0", "c", "x/c/0", "x/c", "x/0", "x/0.0", "x/c/0/0"] {
        store.put(key, chunk);
    }
    if let Ok(granule) = open(Arc::new(store)) {
        crate::netcdf3::read_small_variables(&granule);
    }
}
