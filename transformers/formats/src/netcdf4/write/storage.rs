//! How each variable is stored in the output: chunks, filters, fill value, and which stored chunks are copied.

use harmony_model::{Filter, Granule, ReadError, Storage, StoredChunk, VarId, Variable, filter};

use super::datatype::has_references;
use crate::codec::can_encode;
use crate::write::WriteOptions;

/// Uncompressed arrays up to this size stay in one piece.
const SMALL: u64 = 64 << 10;
/// Chunks that we choose ourselves, and pieces of unchunked arrays.
const DEFAULT_CHUNK: u64 = 1 << 20;
/// Clipped chunks below this are merged: each costs an index entry and a run of the encoder.
const TINY_CHUNK: u64 = 16 << 10;
const MANY_CHUNKS: u64 = 16;
/// Chunks of one variable: a bound against shapes that no file can mean.
const MAX_CHUNKS: u64 = 1 << 26;
const DEFAULT_LEVEL: u32 = 4;

/// The storage of one variable.
pub struct VariableStorage {
    pub shape: Vec<u64>,
    pub element_size: usize,
    /// Uncompressed bytes of the array.
    pub data_bytes: u64,
    /// `None`: one piece.
    pub chunk_shape: Option<Vec<u64>>,
    pub filters: Vec<Filter>,
    /// One element as stored, if the file is to declare a fill value.
    pub fill: Option<Vec<u8>>,
    /// Extents of chunks, or of the pieces in which an unchunked array is written.
    pub piece_shape: Vec<u64>,
    /// Pieces along each axis.
    pub counts: Vec<u64>,
    /// For each chunk what the input has stored; `None`: nothing that can be copied. Empty: nothing at all.
    pub stored: Vec<Option<StoredChunk>>,
    /// Elements hold slots or addresses of the input.
    pub has_slots: bool,
    pub has_references: bool,
    /// Stored byte order is not the native one.
    pub swap: bool,
}

impl VariableStorage {
    /// Number of pieces; bounded by [`VariableStorage::of`].
    pub fn chunk_count(&self) -> u64 {
        self.counts.iter().product()
    }

    /// Whether a chunk was never written in the input and stays so.
    pub fn is_missing(&self, index: u64) -> bool {
        matches!(self.stored.get(index as usize), Some(Some(StoredChunk::Missing)))
    }

    /// Bytes of a whole piece.
    pub fn piece_bytes(&self) -> u64 {
        self.piece_shape.iter().product::<u64>() * self.element_size as u64
    }

    /// Decides for one variable.
    ///
    /// # Errors
    /// When its size overflows, or what the chunk index of the input says.
    pub fn of(granule: &Granule, id: VarId, options: &WriteOptions) -> Result<Self, ReadError> {
        let var = granule.var(id);
        let fail = |detail: &str| {
            ReadError::unsupported(&granule.name, format!("variable '{}'", var.path), detail.to_owned())
        };
        let shape = granule.shape(id);
        let element_size = var.dtype.size();
        if element_size == 0 || element_size > u32::MAX as usize {
            return Err(fail("its elements have no size that HDF5 can store; leave the variable out"));
        }
        if shape.len() > 32 {
            return Err(fail("it has more than 32 dimensions; leave the variable out"));
        }
        let data_bytes = shape
            .iter()
            .try_fold(element_size as u64, |n, &d| n.checked_mul(d))
            .filter(|&n| n < i64::MAX as u64)
            .ok_or_else(|| fail("its size overflows; the file is damaged: fetch it again"))?;
        let mut s = VariableStorage {
            element_size,
            data_bytes,
            chunk_shape: None,
            filters: Vec::new(),
            fill: fill_value(var),
            piece_shape: default_chunk(&shape, element_size),
            counts: Vec::new(),
            stored: Vec::new(),
            has_slots: var.dtype.has_slots(),
            has_references: has_references(&var.dtype),
            swap: var.big_endian != cfg!(target_endian = "big"),
            shape,
        };
        let unlimited = var.dims.iter().any(|d| granule.dim(*d).unlimited);
        s.choose_layout(var, unlimited, options)?;
        s.counts = s.shape.iter().zip(&s.piece_shape).map(|(n, c)| n.div_ceil(*c)).collect();
        let chunks = s.counts.iter().try_fold(1u64, |n, &c| n.checked_mul(c));
        if chunks.is_none_or(|n| n > MAX_CHUNKS) {
            return Err(fail(
                "it would have more than 67 million chunks; take larger chunks or a smaller part",
            ));
        }
        s.choose_filters(granule, var, options)?;
        Ok(s)
    }

    fn choose_layout(
        &mut self,
        var: &Variable,
        unlimited: bool,
        options: &WriteOptions,
    ) -> Result<(), ReadError> {
        let empty = self.data_bytes == 0;
        if self.shape.is_empty() || (empty && !unlimited) {
            return Ok(());
        }
        match &var.storage {
            Storage::Contiguous => {
                let compress = options.compress_contiguous && self.data_bytes > SMALL && !self.has_slots;
                if compress {
                    self.filters = default_filters(self.element_size, &var.dtype, options);
                }
                if compress || unlimited {
                    self.chunk_shape = Some(self.piece_shape.clone());
                }
            }
            Storage::Chunked { shape: input, filters } => {
                self.piece_shape = self.clipped(var, input)?;
                self.chunk_shape = Some(self.piece_shape.clone());
                self.filters = filters.clone();
            }
        }
        Ok(())
    }

    /// The input's chunks, clipped to the output's shape where they exceed it and can't be copied.
    fn clipped(&self, var: &Variable, input: &[u64]) -> Result<Vec<u64>, ReadError> {
        let bytes = |c: &[u64]| {
            let size = self.element_size as u64;
            c.iter().try_fold(size, |n, &d| n.checked_mul(d)).filter(|&n| n <= u64::from(u32::MAX))
        };
        let usable = input.len() == self.shape.len() && !input.contains(&0) && bytes(input).is_some();
        let fits = usable && input.iter().zip(&self.shape).all(|(c, n)| c <= n);
        if fits {
            return Ok(input.into());
        }
        // An axis that can grow may have chunks longer than itself.
        if usable && !self.must_decode() && var.data.stored_chunk(&vec![0; input.len()], input)?.is_some() {
            return Ok(input.into());
        }
        if input.len() != self.shape.len() || input.contains(&0) {
            return Ok(self.piece_shape.clone());
        }
        let clipped: Vec<u64> = input.iter().zip(&self.shape).map(|(&c, &n)| c.min(n).max(1)).collect();
        let count: u64 =
            clipped.iter().zip(&self.shape).fold(1, |n: u64, (c, s)| n.saturating_mul(s.div_ceil(*c)));
        match bytes(&clipped) {
            Some(n) if n >= TINY_CHUNK || count <= MANY_CHUNKS => Ok(clipped),
            _ => Ok(self.piece_shape.clone()),
        }
    }

    /// Stored chunks can't be copied because their elements point into the input.
    fn must_decode(&self) -> bool {
        self.has_slots || self.has_references
    }

    fn choose_filters(
        &mut self,
        granule: &Granule,
        var: &Variable,
        options: &WriteOptions,
    ) -> Result<(), ReadError> {
        let Some(chunk) = self.chunk_shape.clone() else { return Ok(()) };
        let is_hdf5 = granule.format.starts_with("netcdf4") || granule.format.starts_with("hdf");
        let readable = |f: &Filter| match is_hdf5 {
            true => f.id < 65000,
            // What libhdf5 knows without plug-ins: a file of another format never promised one.
            false => matches!(f.id, filter::DEFLATE | filter::SHUFFLE | filter::FLETCHER32),
        };
        let is_input = var.storage.chunk_shape() == Some(&chunk[..]) && var.storage.filters() == self.filters;
        let expressible = self.filters.iter().all(readable) && is_expressible(&self.filters);
        if is_input && expressible && !self.must_decode() {
            self.stored = self.find_stored(var, &chunk)?;
            if var.fill.is_none() && self.stored.iter().flatten().any(|s| matches!(s, StoredChunk::Missing)) {
                // What was never written reads as HDF5's default in the input, whatever the attribute says.
                self.fill = None;
            }
        }
        let all_copied = !self.stored.is_empty() && self.stored.iter().all(Option::is_some);
        let encodable = expressible && self.filters.iter().all(can_encode);
        if !all_copied && !encodable {
            self.stored.clear();
            self.filters = default_filters(self.element_size, &var.dtype, options);
        }
        if let (Some(level), false) = (options.deflate_level, all_copied) {
            self.filters.iter_mut().filter(|f| f.id == filter::DEFLATE).for_each(|f| f.params = vec![level]);
        }
        Ok(())
    }

    /// What the input has stored for every chunk; empty when that is nothing.
    pub fn find_stored(&self, var: &Variable, chunk: &[u64]) -> Result<Vec<Option<StoredChunk>>, ReadError> {
        let mut stored = Vec::new();
        let mut any = false;
        for index in 0..self.chunk_count() {
            let found = var.data.stored_chunk(&self.piece_origin(index), chunk)?;
            // The index of the output has 32 bits for the length of a chunk.
            let found = found.filter(|s| match s {
                StoredChunk::Missing => true,
                StoredChunk::At { len, .. } => u32::try_from(*len).is_ok(),
            });
            any |= found.is_some();
            stored.push(found);
        }
        Ok(if any { stored } else { Vec::new() })
    }

    /// First element of a piece along every axis.
    pub fn piece_origin(&self, mut index: u64) -> Vec<u64> {
        let mut origin = vec![0; self.counts.len()];
        for axis in (0..self.counts.len()).rev() {
            origin[axis] = index % self.counts[axis] * self.piece_shape[axis];
            index /= self.counts[axis];
        }
        origin
    }
}

/// Shuffle (where there is something to shuffle) and deflate.
fn default_filters(size: usize, dtype: &harmony_model::DType, options: &WriteOptions) -> Vec<Filter> {
    let level = options.deflate_level.unwrap_or(DEFAULT_LEVEL);
    let mut filters = Vec::new();
    if size > 1 && !dtype.is_text() {
        filters.push(Filter::shuffle(size as u32));
    }
    filters.push(Filter::deflate(level));
    filters
}

/// Whether the pipeline message can hold them.
fn is_expressible(filters: &[Filter]) -> bool {
    filters.len() <= 32 && filters.iter().all(|f| f.params.len() < 4096 && f.name.len() < 4096)
}

/// About [`DEFAULT_CHUNK`] bytes: the last axes whole, an even part of the axis before them, 1 along the others.
fn default_chunk(shape: &[u64], element_size: usize) -> Vec<u64> {
    let mut chunk = vec![1; shape.len()];
    let mut room = (DEFAULT_CHUNK / element_size as u64).max(1);
    for (c, &n) in chunk.iter_mut().zip(shape).rev() {
        let n = n.max(1);
        if n <= room {
            *c = n;
            room /= n;
            continue;
        }
        *c = n.div_ceil(n.div_ceil(room));
        break;
    }
    chunk
}

/// The fill value as stored: what the file declared, else the attribute if it has the variable's type.
fn fill_value(var: &Variable) -> Option<Vec<u8>> {
    let size = var.dtype.size();
    let from_attribute = || {
        let attr = var.attr("_FillValue").filter(|a| a.dtype == var.dtype)?;
        Some(attr.bytes.clone())
    };
    let mut fill = var.fill.clone().or_else(from_attribute).filter(|f| f.len() == size)?;
    super::datatype::clear_references(&var.dtype, &mut fill);
    if var.big_endian != cfg!(target_endian = "big") {
        harmony_model::dtype::swap_bytes(&mut fill, super::datatype::swap_width(&var.dtype));
    }
    Some(fill)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_chunk_has_whole_rows_in_even_parts() {
        assert_eq!(default_chunk(&[10, 1000, 1000], 4), [1, 250, 1000]);
        assert_eq!(default_chunk(&[5, 10, 10], 8), [5, 10, 10]);
        assert_eq!(default_chunk(&[3, 300_000], 8), [1, 100_000]);
        assert_eq!(default_chunk(&[0, 7], 8), [1, 7]);
        assert_eq!(default_chunk(&[], 8), [0; 0]);
    }
}
