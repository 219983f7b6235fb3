//! Bytes: local files and a block cache for metadata.

mod cached;
mod local;

pub use cached::BlockCache;
pub use local::{LocalFile, open_local};
