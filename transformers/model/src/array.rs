//! Lazy arrays: what a variable's values are read through.

use std::sync::Arc;

use crate::error::ReadError;
use crate::runs::Runs;
use crate::source::ByteSource;

/// An orthogonal selection: index runs along every axis; elements are those of the outer product, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window(pub Vec<Runs>);

impl Window {
    /// Everything of an array of that shape.
    pub fn all(shape: &[u64]) -> Self {
        Window(shape.iter().map(|&n| Runs::all(n)).collect())
    }

    /// The box of `count` elements from `start`.
    pub fn block(start: &[u64], count: &[u64]) -> Self {
        Window(start.iter().zip(count).map(|(&s, &n)| Runs::range(s, n)).collect())
    }

    /// Extents of what it selects.
    pub fn shape(&self) -> Vec<u64> {
        self.0.iter().map(Runs::len).collect()
    }

    /// Number of elements; saturates.
    pub fn count(&self) -> u64 {
        self.0.iter().map(Runs::len).fold(1, u64::saturating_mul)
    }

    /// What `inner` (in positions of this window) selects, in indices of the array.
    pub fn compose(&self, inner: &Window) -> Window {
        Window(self.0.iter().zip(&inner.0).map(|(o, i)| o.compose(i)).collect())
    }

    /// The box `start`, `count` when every axis is one run.
    pub fn as_block(&self) -> Option<(Vec<u64>, Vec<u64>)> {
        self.0
            .iter()
            .map(|r| match r.runs() {
                [run] => Some((run.start, run.len)),
                [] => Some((0, 0)),
                _ => None,
            })
            .collect::<Option<Vec<_>>>()
            .map(|v| v.into_iter().unzip())
    }
}

/// Where the bytes of one stored chunk are.
#[derive(Clone)]
pub enum StoredChunk {
    /// Never written: every element is the fill value.
    Missing,
    /// `len` bytes at `offset`, filtered; bit *n* of `filter_mask` says that filter *n* was skipped (HDF5).
    At { source: Arc<dyn ByteSource>, offset: u64, len: u64, filter_mask: u32 },
}

/// The same array in fewer, larger cells, stored beside it.
#[derive(Clone)]
pub struct Overview {
    /// Its extents, axis by axis those of the array divided by what cells were put together.
    pub shape: Vec<u64>,
    /// Extents of its stored chunks, where it has some.
    pub chunk: Option<Vec<u64>>,
    pub data: Arc<dyn ArraySource>,
}

/// The values of one variable. Reading is parallel inside and may be called from several threads.
///
/// An operation wraps the source of its input; the file reader is the innermost one.
pub trait ArraySource: Send + Sync {
    /// Writes the elements of `window`, native byte order, row-major, into `out` (exactly as long as they are).
    ///
    /// # Errors
    /// [`ReadError`] naming file and object.
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError>;

    /// Stored bytes that [`ArraySource::read`] of that window fetches: what `--explain` promises.
    ///
    /// # Errors
    /// When the chunk index can't be read.
    fn cost(&self, window: &Window) -> Result<u64, ReadError>;

    /// The stored chunk that is exactly the box `origin`, `shape` of this array in the storage of the variable
    /// ([`crate::Storage::Chunked`]), if there is one; at the upper edge the stored chunk hangs over.
    /// `None`: read and encode it again.
    ///
    /// # Errors
    /// When the chunk index can't be read.
    fn stored_chunk(&self, origin: &[u64], shape: &[u64]) -> Result<Option<StoredChunk>, ReadError> {
        let _ = (origin, shape);
        Ok(None)
    }

    /// Which elements were computed from anything at all: an array of the same shape, one unsigned byte for each
    /// element, 0 where it lies outside of what the data are made of. `None`: everywhere, or a fill value tells. Arrays
    /// whose type has no number to spare tell it so; who stores them declares a fill value or keeps a mask.
    fn coverage(&self) -> Option<Arc<dyn ArraySource>> {
        None
    }

    /// Smaller versions of the array that its file holds, from the finest to the coarsest; none when values were changed
    /// or cut on the way. No file says by which kernel they were made, so they are good for looking at data, not for
    /// computing with them.
    ///
    /// # Errors
    /// When the file's list of them is damaged.
    fn overviews(&self) -> Result<Vec<Overview>, ReadError> {
        Ok(Vec::new())
    }

    /// Resolves the slots of `String`, `VLen` and types that hold them.
    fn heap(&self) -> Option<Arc<dyn Heap>> {
        None
    }
}

/// Data with a coverage of their own.
pub struct Covered {
    pub data: Arc<dyn ArraySource>,
    pub coverage: Arc<dyn ArraySource>,
}

impl ArraySource for Covered {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        self.data.read(window, out)
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.data.cost(window)
    }

    fn coverage(&self) -> Option<Arc<dyn ArraySource>> {
        Some(self.coverage.clone())
    }
}

/// Values that live outside their elements.
///
/// A slot is 16 opaque bytes; what they mean is known to the heap alone (HDF5: length, heap address, object index).
pub trait Heap: Send + Sync {
    /// The bytes behind a slot: `element_size` bytes for each of its elements (1 for text). An empty slot (all zero)
    /// gives no bytes.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] when the slot points nowhere.
    fn get(&self, slot: &[u8], element_size: usize) -> Result<Vec<u8>, ReadError>;
}
