//! Arrays in files: in compressed chunks ([`ChunkedArray`]) or in one piece ([`ContiguousArray`]).
//!
//! A format's reader says where the bytes are; fetching, decoding and scattering them in parallel is the same for
//! HDF5, Zarr and netCDF-3.

mod array;
mod axes;
mod contiguous;
mod ffi;
mod fill;
mod layout;
mod remote;

#[cfg(test)]
mod contiguous_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use harmony_model::{Filter, Heap, ReadError, StoredChunk};

pub use array::ChunkedArray;
pub use contiguous::{ContiguousArray, ContiguousSpec};

/// Decoded chunks larger than this are refused unless the array is told otherwise.
pub const MAX_CHUNK_BYTES: u64 = 4 << 30;

/// Finds stored chunks by row-major chunk number in the chunk grid: the grid has `shape / chunk_shape`, rounded up,
/// chunks along each axis, and the last axis varies fastest.
///
/// May be called from rayon workers, so an implementation must not wait for rayon work while it holds a lock.
pub trait ChunkLocator: Send + Sync {
    /// Where chunk number `chunk` is stored.
    ///
    /// # Errors
    /// When the chunk index can't be read.
    fn locate(&self, chunk: u64) -> Result<StoredChunk, ReadError>;

    /// The same for several ascending numbers at once; a remote index can answer with fewer requests.
    ///
    /// # Errors
    /// As [`ChunkLocator::locate`].
    fn locate_many(&self, chunks: &[u64]) -> Result<Vec<StoredChunk>, ReadError> {
        chunks.iter().map(|&chunk| self.locate(chunk)).collect()
    }
}

/// What a [`ChunkedArray`] is made of.
pub struct ChunkedSpec {
    /// What messages call the variable.
    pub object: String,
    /// What messages call the file.
    pub source_name: String,
    pub shape: Vec<u64>,
    /// Extents of every stored chunk; those at the upper edge hang over.
    pub chunk_shape: Vec<u64>,
    pub element_size: usize,
    /// Bytes that change place to become native order; 1: stored order is native (or order means nothing).
    pub swap_width: usize,
    /// In the order of writing.
    pub filters: Vec<Filter>,
    /// One element in native order, for chunks never written; empty: zeros.
    pub fill: Vec<u8>,
    pub locator: Arc<dyn ChunkLocator>,
    /// Resolves the slots of elements that point out of the array.
    pub heap: Option<Arc<dyn Heap>>,
}

/// Reverses the bytes of every `width` bytes; 0 and 1 leave everything as it is.
pub(crate) fn swap_bytes(bytes: &mut [u8], width: usize) {
    match width {
        0 | 1 => {}
        2 => swap_each(bytes, |b: [u8; 2]| u16::from_ne_bytes(b).swap_bytes().to_ne_bytes()),
        4 => swap_each(bytes, |b: [u8; 4]| u32::from_ne_bytes(b).swap_bytes().to_ne_bytes()),
        8 => swap_each(bytes, |b: [u8; 8]| u64::from_ne_bytes(b).swap_bytes().to_ne_bytes()),
        n => bytes.chunks_exact_mut(n).for_each(<[u8]>::reverse),
    }
}

fn swap_each<const N: usize>(bytes: &mut [u8], swap: impl Fn([u8; N]) -> [u8; N]) {
    let (words, _) = bytes.as_chunks_mut::<N>();
    words.iter_mut().for_each(|word| *word = swap(*word));
}
