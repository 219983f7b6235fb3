//! The values of a dataset as an array of the model.

use std::sync::{Arc, OnceLock};

use harmony_model::dtype::{DType, SLOT, swap_bytes};
use harmony_model::memory::copy_window;
use harmony_model::{ArraySource, Filter, Heap, ReadError, Storage, StoredChunk, Window, filter};

use super::array_index;
use super::bytes::{Bad, Res, corrupt};
use super::chunk_table::{Entry, Grid, Table, btree1, btree2};
use super::dataset::Dataset;
use super::file::File;
use super::global_heap::{Slot, VariableHeap};
use super::layout::{Chunked, IndexKind, Layout, swap_width};
use crate::chunked::{ChunkLocator, ChunkedArray, ChunkedSpec, ContiguousArray, ContiguousSpec};

/// Array and storage of the dataset. `shape`: extents of its dimensions, which an unlimited dimension may make longer
/// than its own.
pub(super) fn source(
    file: &Arc<File>,
    dataset: &Dataset,
    object: &str,
    shape: &[u64],
) -> Res<(Arc<dyn ArraySource>, Storage)> {
    let dtype = &dataset.stored.dtype;
    let element = Element {
        size: dataset.stored.size,
        swap_width: if dataset.stored.big_endian { swap_width(dtype) } else { 1 },
        heap: heap(file, dataset, object),
    };
    let (array, storage): (Arc<dyn ArraySource>, _) = match &dataset.layout {
        Layout::Chunked(chunked) => chunked_array(file, dataset, chunked, object, shape, &element)?,
        _ if *shape != *dataset.space.dims() && !is_null(dataset) => {
            let detail = "an unlimited dimension is longer than this array, which can't grow";
            (refused(file, object, detail), Storage::Contiguous)
        }
        Layout::Compact(bytes) => (compact(dataset, bytes, shape, &element)?, Storage::Contiguous),
        Layout::Contiguous(addr) => {
            (contiguous(file, dataset, *addr, object, shape, &element)?, Storage::Contiguous)
        }
        Layout::Elsewhere(detail) => (refused(file, object, detail), Storage::Contiguous),
    };
    if shape.contains(&0) {
        // Nothing to look up, however long the other axes claim to be.
        let empty =
            Compact { bytes: Vec::new(), shape: shape.into(), size: dtype.size(), heap: element.heap };
        return Ok((Arc::new(empty), storage));
    }
    if element.size != dtype.size() {
        return Ok((
            Arc::new(Widened { inner: array, offset: file.sizes.offset, heap: element.heap }),
            storage,
        ));
    }
    if element.swap_width > 1 && matches!(dtype, DType::Array { .. }) {
        return Ok((Arc::new(Reordered(array)), storage));
    }
    Ok((array, storage))
}

fn is_null(dataset: &Dataset) -> bool {
    dataset.space == super::dataspace::Space::Null
}

/// What all layouts need to know of an element.
struct Element {
    size: usize,
    swap_width: usize,
    heap: Option<Arc<dyn Heap>>,
}

fn heap(file: &Arc<File>, dataset: &Dataset, object: &str) -> Option<Arc<dyn Heap>> {
    let dtype = &dataset.stored.dtype;
    let swap_width = match dtype {
        DType::VLen(_) if dataset.stored.big_endian => innermost(dtype).swap_width(),
        _ => 1,
    };
    let heap = VariableHeap { file: file.clone(), object: object.into(), swap_width };
    dtype.has_slots().then(|| Arc::new(heap) as Arc<dyn Heap>)
}

fn innermost(dtype: &DType) -> &DType {
    match dtype {
        DType::VLen(base) | DType::Array { base, .. } => innermost(base),
        other => other,
    }
}

fn fill(dataset: &Dataset) -> Vec<u8> {
    // Slots of short addresses are widened after reading: zeros are the only fill that survives that.
    let fits = dataset.stored.size == dataset.stored.dtype.size();
    dataset.fill.clone().filter(|_| fits).unwrap_or_default()
}

fn compact(dataset: &Dataset, bytes: &[u8], shape: &[u64], element: &Element) -> Res<Arc<dyn ArraySource>> {
    let count = dataset.space.count()?;
    let size = count.checked_mul(element.size as u64).and_then(|n| usize::try_from(n).ok());
    let Some(bytes) = size.and_then(|n| bytes.get(..n)) else {
        return corrupt("its compact data are shorter than its shape");
    };
    let mut bytes = bytes.to_vec();
    swap_bytes(&mut bytes, element.swap_width);
    Ok(Arc::new(Compact { bytes, shape: shape.into(), size: element.size, heap: element.heap.clone() }))
}

fn contiguous(
    file: &Arc<File>,
    dataset: &Dataset,
    addr: Option<u64>,
    object: &str,
    shape: &[u64],
    element: &Element,
) -> Res<Arc<dyn ArraySource>> {
    let size = dataset.space.count()?.checked_mul(element.size as u64);
    // Nothing is stored of an empty array, whatever its address says.
    let addr = addr.filter(|_| size != Some(0));
    if let Some(addr) = addr
        && !size.is_some_and(|size| file.holds(addr, size))
    {
        return corrupt("its data lie outside the file");
    }
    Ok(Arc::new(ContiguousArray::new(ContiguousSpec {
        object: object.into(),
        source: file.source.clone(),
        offset: addr.map(|addr| addr + file.base),
        shape: shape.into(),
        element_size: element.size,
        swap_width: element.swap_width,
        fill: fill(dataset),
        record_stride: None,
        heap: element.heap.clone(),
    })))
}

fn chunked_array(
    file: &Arc<File>,
    dataset: &Dataset,
    chunked: &Chunked,
    object: &str,
    shape: &[u64],
    element: &Element,
) -> Res<(Arc<dyn ArraySource>, Storage)> {
    if chunked.element_size != element.size as u64 {
        return corrupt("its chunks have elements of another size");
    }
    let (extent, max) = (dataset.space.dims(), dataset.space.max());
    let grid = Grid::new(shape, extent, max, &chunked.shape, chunked.element_size)?;
    let index = ChunkIndex {
        file: file.clone(),
        object: object.into(),
        chunked: chunked.clone(),
        grid,
        filtered: !dataset.filters.is_empty(),
        deflates: deflates(&dataset.filters),
        table: OnceLock::new(),
    };
    let array = ChunkedArray::new(ChunkedSpec {
        object: object.into(),
        source_name: file.name().into(),
        shape: shape.into(),
        chunk_shape: chunked.shape.clone(),
        element_size: element.size,
        swap_width: element.swap_width,
        filters: dataset.filters.clone(),
        fill: fill(dataset),
        locator: Arc::new(index),
        heap: element.heap.clone(),
    });
    let storage = Storage::Chunked { shape: chunked.shape.clone(), filters: dataset.filters.clone() };
    Ok((Arc::new(array), storage))
}

/// Deflate makes at most 1032 bytes of one.
const DEFLATE_RATIO: u64 = 1033;

fn deflates(filters: &[Filter]) -> usize {
    let known = |f: &Filter| matches!(f.id, filter::DEFLATE | filter::SHUFFLE | filter::FLETCHER32);
    if !filters.iter().all(known) {
        return 0;
    }
    filters.iter().filter(|f| f.id == filter::DEFLATE).count()
}

/// The chunk index of one dataset, read when a chunk is first asked for.
struct ChunkIndex {
    file: Arc<File>,
    object: String,
    chunked: Chunked,
    grid: Grid,
    filtered: bool,
    /// Number of deflate steps; 0 when there is another kind of compression.
    deflates: usize,
    table: OnceLock<Result<Table, ReadError>>,
}

impl ChunkIndex {
    fn load(&self) -> Res<Table> {
        let (file, grid) = (self.file.as_ref(), &self.grid);
        let mut entries = Vec::new();
        if let Some(addr) = self.chunked.addr {
            match self.chunked.index {
                IndexKind::BTree1 => btree1(file, grid, addr, &mut entries)?,
                IndexKind::BTree2 => btree2(file, grid, addr, &mut entries)?,
                IndexKind::FixedArray => array_index::fixed(file, grid, addr, self.filtered, &mut entries)?,
                IndexKind::ExtensibleArray => {
                    array_index::extensible(file, grid, addr, self.filtered, &mut entries)?;
                }
                IndexKind::Single(stored) => {
                    let (len, mask) = stored.unwrap_or((grid.chunk_bytes, 0));
                    entries.push(Entry { number: 0, addr, len, mask });
                }
                IndexKind::Implicit => {}
            }
        }
        if self.chunked.raw_edges && self.filtered {
            for entry in entries.iter_mut().filter(|e| grid.is_partial(e.number)) {
                entry.mask = u32::MAX;
            }
        }
        if let Some(entry) = entries.iter().find(|e| !self.is_plausible(e)) {
            let (len, size) = (entry.len, grid.chunk_bytes);
            return corrupt(format!("chunk {} of {len} bytes can't unpack to {size}", entry.number));
        }
        Table::new(file, entries)
    }

    /// Whether the stored bytes can hold the chunk at all: asked before memory is taken for it. Known of deflate
    /// alone, which the common pipelines have as their only compression.
    fn is_plausible(&self, entry: &Entry) -> bool {
        let common = self.deflates == 1;
        !common
            || entry.mask != 0
            || self.grid.chunk_bytes <= entry.len.saturating_add(64).saturating_mul(DEFLATE_RATIO)
    }

    fn implicit(&self, chunk: u64) -> Res<Option<Entry>> {
        let Some(start) = self.chunked.addr else { return Ok(None) };
        let position = self.grid.position(chunk);
        let at = position.and_then(|p| p.checked_mul(self.grid.chunk_bytes)?.checked_add(start));
        match at.filter(|&at| self.file.holds(at, self.grid.chunk_bytes)) {
            Some(addr) => Ok(Some(Entry { number: chunk, addr, len: self.grid.chunk_bytes, mask: 0 })),
            None => corrupt(format!("chunk {chunk} lies outside the file")),
        }
    }

    fn entry(&self, chunk: u64) -> Result<Option<Entry>, ReadError> {
        let at = |bad: Bad| bad.at(self.file.name(), &self.object);
        if self.chunked.index == IndexKind::Implicit {
            return self.implicit(chunk).map_err(at);
        }
        match self.table.get_or_init(|| self.load().map_err(at)) {
            Ok(table) => Ok(table.get(chunk)),
            Err(error) => Err(error.clone()),
        }
    }
}

impl ChunkLocator for ChunkIndex {
    fn locate(&self, chunk: u64) -> Result<StoredChunk, ReadError> {
        Ok(match self.entry(chunk)? {
            Some(e) => StoredChunk::At {
                source: self.file.source.clone(),
                offset: e.addr + self.file.base,
                len: e.len,
                filter_mask: e.mask,
            },
            None => StoredChunk::Missing,
        })
    }
}

/// Values that came with the header.
struct Compact {
    bytes: Vec<u8>,
    shape: Vec<u64>,
    size: usize,
    heap: Option<Arc<dyn Heap>>,
}

impl ArraySource for Compact {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        copy_window(&self.bytes, &self.shape, self.size, window, out);
        Ok(())
    }

    fn cost(&self, _: &Window) -> Result<u64, ReadError> {
        Ok(0)
    }

    fn heap(&self) -> Option<Arc<dyn Heap>> {
        self.heap.clone()
    }
}

/// Slots of a file with short addresses, made as long as those of others.
struct Widened {
    inner: Arc<dyn ArraySource>,
    offset: usize,
    heap: Option<Arc<dyn Heap>>,
}

impl ArraySource for Widened {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let size = Slot::stored_size(self.offset);
        let mut stored = vec![0; out.len() / SLOT * size];
        self.inner.read(window, &mut stored)?;
        for (slot, stored) in out.chunks_exact_mut(SLOT).zip(stored.chunks_exact(size)) {
            let (len, rest) = stored.split_at(4);
            let (addr, index) = rest.split_at(self.offset);
            slot.fill(0);
            slot[..4].copy_from_slice(len);
            slot[4..4 + self.offset].copy_from_slice(addr);
            slot[12..].copy_from_slice(index);
        }
        Ok(())
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.inner.cost(window)
    }

    fn heap(&self) -> Option<Arc<dyn Heap>> {
        self.heap.clone()
    }
}

/// Arrays as elements have no byte order of their own in the model: their chunks can't be copied as they are.
struct Reordered(Arc<dyn ArraySource>);

impl ArraySource for Reordered {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        self.0.read(window, out)
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.0.cost(window)
    }

    fn heap(&self) -> Option<Arc<dyn Heap>> {
        self.0.heap()
    }
}

/// Values that can't be read; says why when someone wants them, so that the rest of the file is of use.
struct Refused(ReadError);

fn refused(file: &File, object: &str, detail: &str) -> Arc<dyn ArraySource> {
    Arc::new(Refused(ReadError::unsupported(file.name(), object, detail)))
}

impl ArraySource for Refused {
    fn read(&self, _: &Window, _: &mut [u8]) -> Result<(), ReadError> {
        Err(self.0.clone())
    }

    fn cost(&self, _: &Window) -> Result<u64, ReadError> {
        Err(self.0.clone())
    }
}
