//! One array of the store: everything that is decided before a value is read.

use std::sync::OnceLock;

use harmony_model::{DType, Granule, ReadError, Storage, StoredChunk, VarId};

use super::chunks::{self, Wanted};
use super::codec::Compression;
use super::element::{Element, Kind};
use super::{Fail, Version};
use crate::netcdf4::write::blocks::{self, Block};
use crate::netcdf4::write::storage::VariableStorage;
use crate::write::{BlockAction, BlockTask, WriteError, WriteOptions};

/// Files of one array at most: no file system likes more.
const MOST_KEYS: u64 = 1 << 22;
/// Arrays above this are sharded in version 3, so that they are not scattered over thousands of files.
const SHARDED_ABOVE: u64 = 1 << 30;
const SHARD: u64 = 64 << 20;
/// Chunks inside of shards: what a reader fetches at once.
const INNER_CHUNK: u64 = 1 << 20;
/// Coordinates of a dimension are one chunk up to this size.
const ONE_CHUNK: u64 = 64 << 20;

/// An array as it will be written.
pub(super) struct ZarrArray {
    pub id: VarId,
    pub element: Element,
    pub compression: Compression,
    /// Chunks (inner ones, where there are shards), filters and stored chunks to be copied.
    pub storage: VariableStorage,
    /// Extents of shards.
    pub shard: Option<Vec<u64>>,
    /// One element as stored, when the metadata name a fill value.
    pub fill: Option<Vec<u8>>,
    pub work: Vec<Work>,
    /// A chunk of nothing but the fill value, encoded.
    pub blank: OnceLock<Vec<u8>>,
}

/// What is made in one go.
pub(super) enum Work {
    /// A block of chunks, each with its own key.
    Chunks(Block),
    /// The rows of chunks of one shard, in order, and the number of the shard along every axis.
    Shard { at: Vec<u64>, rows: Vec<Block> },
}

impl Work {
    pub(super) fn blocks(&self) -> &[Block] {
        match self {
            Work::Chunks(block) => std::slice::from_ref(block),
            Work::Shard { rows, .. } => rows,
        }
    }
}

impl ZarrArray {
    /// Decides for one variable.
    ///
    /// # Errors
    /// When the array would be too large or the chunk index of the input can't be read.
    pub(super) fn of(
        granule: &Granule,
        id: VarId,
        element: Element,
        options: &WriteOptions,
        fail: &Fail<'_>,
    ) -> Result<Self, WriteError> {
        let version = fail.version;
        let object = || format!("variable '{}'", element.var.path);
        let compression =
            Compression::of(options, version).map_err(|e| fail.unsupported("the compression", e))?;
        let shape: Vec<u64> = element.dims.iter().map(|&d| granule.dim(d).len).collect();
        let data_bytes = shape.iter().try_fold(element.item, |n, &d| n.checked_mul(d));
        let data_bytes = data_bytes.filter(|&n| n < i64::MAX as u64);
        let data_bytes =
            data_bytes.ok_or_else(|| fail.unsupported(&object(), "its size overflows".into()))?;
        let sharded = version == Version::V3
            && element.kind != Kind::Text
            && !shape.is_empty()
            && (options.encoding.sharded || data_bytes > SHARDED_ABOVE);
        let chunk = match input_chunk(&element, &shape, &compression)? {
            Some(chunk) if !sharded => chunk,
            _ => chunk_shape(granule, id, &element, &shape, sharded, options),
        };
        let fill = fill(&element, version);
        let mut storage = storage(&element, shape, chunk, data_bytes, &compression);
        storage.fill.clone_from(&fill);
        let shard = sharded
            .then(|| chunks::shard(&storage.shape, &storage.piece_shape, storage.element_size as u64, SHARD));
        let keys = match &shard {
            Some(shard) => {
                storage.shape.iter().zip(shard).fold(1u64, |n, (s, c)| n.saturating_mul(s.div_ceil(*c)))
            }
            None => storage.chunk_count(),
        };
        if keys > MOST_KEYS || storage.counts.iter().try_fold(1u64, |n, &c| n.checked_mul(c)).is_none() {
            let detail = format!("it would have {keys} chunk files; take larger chunks or a smaller part");
            return Err(fail.unsupported(&object(), detail));
        }
        let mut array = ZarrArray {
            id,
            element,
            compression,
            storage,
            shard,
            fill,
            work: Vec::new(),
            blank: OnceLock::new(),
        };
        array.copy_stored(version)?;
        array.work = array.plan_work(options.memory)?;
        Ok(array)
    }

    /// Takes over the input's compressed chunks where their grid and their compression are those of the store.
    fn copy_stored(&mut self, version: Version) -> Result<(), ReadError> {
        let var = &self.element.var;
        let Storage::Chunked { shape, filters } = &var.storage else { return Ok(()) };
        let right_order = var.dtype.size() == 1 || !var.big_endian;
        let is_plain = self.element.kind == Kind::Number && self.shard.is_none() && right_order;
        if !is_plain || *shape != self.storage.piece_shape {
            return Ok(());
        }
        let Some(kept) = self.compression.kept(filters, &self.storage.filters, version) else {
            return Ok(());
        };
        let mut stored = self.storage.find_stored(var, shape)?;
        // A filter mask or a chunk that was never written can't be said here.
        let plain = |s: &StoredChunk| matches!(s, StoredChunk::At { filter_mask: 0, .. });
        stored.iter_mut().for_each(|s| *s = s.take().filter(plain));
        if stored.iter().all(Option::is_some) && !stored.is_empty() {
            self.storage.filters = kept;
            self.storage.stored = stored;
        }
        Ok(())
    }

    fn plan_work(&self, memory: u64) -> Result<Vec<Work>, ReadError> {
        if self.storage.shape.contains(&0) {
            return Ok(Vec::new());
        }
        match &self.shard {
            None => {
                let blocks = match self.element.kind {
                    Kind::Text => single_chunks(self),
                    _ => blocks::plan(&self.element.var, &self.storage, memory),
                };
                Ok(blocks?.into_iter().map(Work::Chunks).collect())
            }
            Some(shard) => shards(self, shard),
        }
    }

    /// Bytes that a block of it holds while it is made.
    pub(super) fn memory_of(&self, block: &Block) -> u64 {
        let elements = block.task.shape.iter().fold(1u64, |n, &d| n.saturating_mul(d));
        match (block.task.action, self.element.kind) {
            (BlockAction::Copy, _) => block.task.bytes_read,
            (_, Kind::Text) => elements.saturating_mul(self.element.item.max(16) * 3),
            _ => elements.saturating_mul(self.storage.element_size as u64 * 2),
        }
    }
}

/// The input's chunks, when they are to be kept and can be.
fn input_chunk(
    element: &Element,
    shape: &[u64],
    compression: &Compression,
) -> Result<Option<Vec<u64>>, ReadError> {
    let Storage::Chunked { shape: chunk, .. } = &element.var.storage else { return Ok(None) };
    if !compression.keeps_input || chunk.len() != shape.len() || chunk.contains(&0) || shape.contains(&0) {
        return Ok(None);
    }
    let first = element.var.data.stored_chunk(&vec![0; shape.len()], chunk)?;
    Ok(first.map(|_| chunk.clone()))
}

fn chunk_shape(
    granule: &Granule,
    id: VarId,
    element: &Element,
    shape: &[u64],
    sharded: bool,
    options: &WriteOptions,
) -> Vec<u64> {
    let encoding = &options.encoding;
    let plain = encoding.compat == Some(harmony_model::request::Compat::NetcdfToZarr);
    let given: Vec<Option<u64>> = element
        .dims
        .iter()
        .map(|&d| {
            let name = &granule.dim(d).name;
            encoding.chunks.iter().find(|(n, _)| n.trim_start_matches('/') == name).map(|(_, len)| *len)
        })
        .collect();
    let is_coordinate = matches!(element.dims[..], [d] if granule.dim_coordinate(d) == Some(id));
    let default = match () {
        () if plain => chunks::REFERENCE_BUDGET,
        () if is_coordinate => ONE_CHUNK,
        () if sharded => INNER_CHUNK,
        () => chunks::BUDGET,
    };
    let budget = encoding.chunk_bytes.unwrap_or(default);
    let is_time: Vec<bool> =
        element.dims.iter().map(|&d| !is_coordinate && is_time_axis(granule, d)).collect();
    let input = match &element.var.storage {
        Storage::Chunked { shape, .. } if shape.len() >= element.dims.len() => {
            Some(&shape[..element.dims.len()])
        }
        _ => None,
    };
    let elements = (budget / element.item.max(1)).max(1);
    let mut lengths =
        chunks::lengths(&Wanted { shape, elements, given: &given, is_time: &is_time, input, plain });
    if plain {
        // The reference's rule saw one granule, not what several became.
        for (len, &dim) in lengths.iter_mut().zip(&element.dims) {
            let times = granule.dim_coordinate(dim).filter(|_| is_time_axis(granule, dim));
            let stored = times.and_then(|v| granule.var(v).storage.chunk_shape()?.first().copied());
            *len = (*len).min(stored.unwrap_or(*len).max(1));
        }
    }
    lengths
}

/// Whether a dimension is time: its coordinates count from an epoch, or it is called so.
fn is_time_axis(granule: &Granule, dim: harmony_model::DimId) -> bool {
    let by_units = granule
        .dim_coordinate(dim)
        .and_then(|v| granule.var(v).attr_text("units"))
        .map(|units| units.contains(" since "));
    by_units.unwrap_or_else(|| granule.dim(dim).name.eq_ignore_ascii_case("time"))
}

fn storage(
    element: &Element,
    shape: Vec<u64>,
    chunk: Vec<u64>,
    data_bytes: u64,
    compression: &Compression,
) -> VariableStorage {
    let size = match element.kind {
        Kind::Text => element.item as usize,
        _ => element.var.dtype.size(),
    };
    // A code unit of four bytes shuffles as well as a number: three of its bytes are mostly zero.
    let shuffled = if element.kind == Kind::Unicode { 4 } else { size };
    VariableStorage {
        counts: shape.iter().zip(&chunk).map(|(n, c)| n.div_ceil(*c)).collect(),
        element_size: size,
        data_bytes,
        filters: compression.filters(shuffled, element.kind != Kind::Text),
        fill: None,
        chunk_shape: Some(chunk.clone()),
        piece_shape: chunk,
        shape,
        stored: Vec::new(),
        has_slots: false,
        has_references: false,
        swap: cfg!(target_endian = "big"),
    }
}

/// The fill value of the metadata as one native element: that of the attribute; version 3 must have one, and takes
/// zero when there is none.
fn fill(element: &Element, version: Version) -> Option<Vec<u8>> {
    if element.kind != Kind::Number {
        return (version == Version::V3).then(Vec::new);
    }
    let dtype = &element.var.dtype;
    let zero = || (version == Version::V3).then(|| vec![0; dtype.size()]);
    let Some(attr) = element.var.attr("_FillValue") else { return zero() };
    if attr.dtype == *dtype && attr.bytes.len() == dtype.size() {
        return Some(attr.bytes.clone());
    }
    let converted = attr.as_f64().and_then(|v| exact(dtype, v));
    converted.or_else(zero)
}

/// The element of a numeric type that is exactly `v` (to the precision of `float32`).
fn exact(dtype: &DType, v: f64) -> Option<Vec<u8>> {
    let bytes = harmony_model::dtype::number_bytes(dtype, v)?;
    let back = harmony_model::dtype::to_f64s(dtype, &bytes)?;
    (back[0] == v || dtype.is_float()).then_some(bytes)
}

/// A block for each chunk.
fn single_chunks(array: &ZarrArray) -> Result<Vec<Block>, ReadError> {
    (0..array.storage.chunk_count()).map(|index| row(array, index, 1)).collect()
}

/// The block of `count` chunks along the last axis.
fn row(array: &ZarrArray, first: u64, count: u64) -> Result<Block, ReadError> {
    let storage = &array.storage;
    let origin = storage.piece_origin(first);
    let mut lens = storage.piece_shape.clone();
    if let Some(last) = lens.last_mut() {
        *last *= count;
    }
    let room = storage.shape.iter().zip(&origin).map(|(n, o)| n - o);
    let shape: Vec<u64> = lens.iter().zip(room).map(|(&len, room)| len.min(room)).collect();
    let bytes_read = array.element.var.data.cost(&harmony_model::Window::block(&origin, &shape))?;
    let task = BlockTask { origin, shape, action: BlockAction::Encode, bytes_read };
    Ok(Block { task, pieces: first..first + count })
}

/// The shards in row-major order, each cut into rows of chunks.
fn shards(array: &ZarrArray, shard: &[u64]) -> Result<Vec<Work>, ReadError> {
    let storage = &array.storage;
    let per: Vec<u64> = shard.iter().zip(&storage.piece_shape).map(|(s, c)| s / c).collect();
    let grid: Vec<u64> = storage.counts.iter().zip(&per).map(|(n, p)| n.div_ceil(*p)).collect();
    let mut out = Vec::new();
    for number in 0..grid.iter().product() {
        let at = unravel(number, &grid);
        let held: Vec<u64> =
            at.iter().zip(&per).zip(&storage.counts).map(|((a, p), n)| (*p).min(n - a * p)).collect();
        let Some((&row_len, outer)) = held.split_last() else { continue };
        let mut rows = Vec::new();
        for number in 0..outer.iter().product() {
            let mut within = unravel(number, outer);
            within.push(0);
            let chunk = within.iter().zip(&at).zip(&per).map(|((w, a), p)| a * p + w);
            let first = chunk.zip(&storage.counts).fold(0, |n, (i, count)| n * count + i);
            rows.push(row(array, first, row_len)?);
        }
        out.push(Work::Shard { at, rows });
    }
    Ok(out)
}

/// Indices along every axis of element `number` of a row-major array.
pub(super) fn unravel(mut number: u64, shape: &[u64]) -> Vec<u64> {
    let mut out = vec![0; shape.len()];
    for (index, &n) in out.iter_mut().zip(shape).rev() {
        *index = number % n.max(1);
        number /= n.max(1);
    }
    out
}
