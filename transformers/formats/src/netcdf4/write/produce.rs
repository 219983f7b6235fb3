//! One block from the input to stored bytes: read, cut into pieces, encode; or copy what is stored.
//!
//! Everything here runs on worker threads and knows nothing of file positions.

use std::sync::{Arc, Mutex};

use harmony_model::{ByteSource, Heap, ReadError, StoredChunk, Variable, Window};
use rayon::prelude::*;

use super::blocks::{Block, stored_len};
use super::datatype::{clear_references, swap_width};
use super::heap::{HeapBuilder, relocate};
use super::storage::VariableStorage;
use crate::codec::{self, Pooled};
use crate::write::BlockAction;

/// The stored bytes of a block.
pub enum Product {
    /// Copied chunks, one after the other in the first `len` bytes.
    Copied { bytes: Vec<u8>, len: usize, chunks: Vec<StoredPiece> },
    /// Encoded chunks.
    Encoded(Vec<(StoredPiece, Vec<u8>)>),
    /// A part of an unchunked array: the first `len` bytes.
    Plain { bytes: Vec<u8>, len: usize },
    /// Pieces whose elements point to a heap that has no place yet.
    Pointing(Vec<PointingPiece>),
}

/// One stored chunk without its place.
#[derive(Clone, Copy)]
pub struct StoredPiece {
    pub index: u64,
    pub len: u32,
    pub filter_mask: u32,
}

/// A piece that must know the address of its heap before it can be encoded.
pub struct PointingPiece {
    pub index: u64,
    pub elements: Vec<u8>,
    /// Positions of the slots that point into `heap`.
    pub slots: Vec<usize>,
    pub heap: HeapBuilder,
}

/// Buffers kept for later at most: what a few blocks in flight give back.
const POOLED: usize = 16;

/// Buffers that are used again: the first touch of fresh pages costs as much as inflating into them.
#[derive(Default)]
pub struct Pool(Mutex<Vec<Vec<u8>>>);

impl Pool {
    /// A buffer of at least `len` bytes with unspecified content.
    fn take(&self, len: usize) -> Vec<u8> {
        let mut buffer = {
            let mut free = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let fitting = free.iter().position(|b| b.len() >= len);
            fitting.map(|i| free.swap_remove(i)).or_else(|| free.pop()).unwrap_or_default()
        };
        if buffer.len() < len {
            buffer.resize(len, 0);
        }
        buffer
    }

    pub fn put(&self, buffer: Vec<u8>) {
        let mut free = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if free.len() < POOLED {
            free.push(buffer);
        }
    }
}

/// What a block is made from.
pub struct Maker<'a> {
    pub granule: &'a str,
    pub var: &'a Variable,
    pub storage: &'a VariableStorage,
    pub level: Option<u8>,
    pub pool: &'a Pool,
}

impl Maker<'_> {
    /// Makes one block.
    ///
    /// # Errors
    /// What the input says, and [`ReadError::Unsupported`] when a filter refuses.
    pub fn make(&self, block: &Block) -> Result<Product, ReadError> {
        if block.task.action == BlockAction::Copy {
            return self.copy(block);
        }
        let (bytes, len) = self.read(block)?;
        if self.storage.has_slots {
            let made = self.pointing(block, &bytes[..len]);
            self.pool.put(bytes);
            return made.map(Product::Pointing);
        }
        if self.storage.chunk_shape.is_none() {
            return Ok(Product::Plain { bytes, len });
        }
        let encoded = self.encode_pieces(block, &bytes[..len]);
        self.pool.put(bytes);
        encoded.map(Product::Encoded)
    }

    /// The elements of the block in stored byte order.
    fn read(&self, block: &Block) -> Result<(Vec<u8>, usize), ReadError> {
        let task = &block.task;
        let len = task.shape.iter().product::<u64>() as usize * self.storage.element_size;
        let mut bytes = self.pool.take(len);
        let elements = &mut bytes[..len];
        self.var.data.read(&Window::block(&task.origin, &task.shape), elements)?;
        if self.storage.has_references {
            clear_references(&self.var.dtype, elements);
        }
        if self.storage.swap {
            harmony_model::dtype::swap_bytes(elements, swap_width(&self.var.dtype));
        }
        Ok((bytes, len))
    }

    fn encode_pieces(
        &self,
        block: &Block,
        elements: &[u8],
    ) -> Result<Vec<(StoredPiece, Vec<u8>)>, ReadError> {
        let piece = |index: u64| {
            let cut = self.cut(block, index);
            let mut scratch = Pooled::take();
            let raw = match cut.as_slice(elements) {
                Some(slice) => slice,
                None => {
                    let out = scratch.slice(self.storage.piece_bytes() as usize);
                    cut.copy(elements, out);
                    out
                }
            };
            self.encode(index, raw)
        };
        // A lone piece gains nothing from the machinery, and small variables are mostly that.
        match block.pieces.end - block.pieces.start {
            1 => Ok(vec![piece(block.pieces.start)?]),
            _ => block.pieces.clone().into_par_iter().map(piece).collect(),
        }
    }

    /// Runs a whole chunk through the filters.
    pub fn encode(&self, index: u64, raw: &[u8]) -> Result<(StoredPiece, Vec<u8>), ReadError> {
        let fail = |detail: String| {
            ReadError::unsupported(self.granule, format!("variable '{}'", self.var.path), detail)
        };
        let (bytes, filter_mask) =
            codec::encode(&self.storage.filters, raw, self.level).map_err(|e| fail(e.to_string()))?;
        let len = u32::try_from(bytes.len()).map_err(|_| fail("a chunk is larger than 4 GiB".into()))?;
        Ok((StoredPiece { index, len, filter_mask }, bytes))
    }

    /// Where piece `index` lies in the block.
    fn cut(&self, block: &Block, index: u64) -> Cut<'_> {
        let origin = self.storage.piece_origin(index);
        let from: Vec<u64> = origin.iter().zip(&block.task.origin).map(|(o, b)| o - b).collect();
        let whole = &self.storage.piece_shape;
        let held = from.iter().zip(whole).zip(&block.task.shape).map(|((f, w), b)| (*w).min(b - f)).collect();
        let fill = self.storage.fill.as_deref().filter(|_| !self.storage.has_slots);
        Cut {
            block: block.task.shape.clone(),
            from,
            held,
            whole: whole.clone(),
            size: self.storage.element_size,
            fill,
        }
    }

    fn pointing(&self, block: &Block, elements: &[u8]) -> Result<Vec<PointingPiece>, ReadError> {
        let input: Arc<dyn Heap> = self.var.data.heap().ok_or_else(|| {
            let what = format!("variable '{}'", self.var.path);
            ReadError::corrupt(self.granule, what, "its texts or sequences are missing")
        })?;
        let padded = self.storage.chunk_shape.is_some();
        let piece = |index: u64| {
            let mut cut = self.cut(block, index);
            if !padded {
                cut.whole.clone_from(&cut.held);
            }
            let count = cut.whole.iter().product::<u64>() as usize;
            let mut own = vec![0; count * self.storage.element_size];
            cut.copy(elements, &mut own);
            let mut heap = HeapBuilder::default();
            let slots = relocate(&self.var.dtype, &mut own, &*input, &mut heap)?;
            Ok(PointingPiece { index, elements: own, slots, heap })
        };
        block.pieces.clone().into_par_iter().map(piece).collect()
    }

    /// Fetches stored chunks, neighbours in one read.
    fn copy(&self, block: &Block) -> Result<Product, ReadError> {
        let len = block.task.bytes_read as usize;
        let mut bytes = self.pool.take(len);
        let mut chunks = Vec::new();
        let mut ranges: Vec<(Arc<dyn ByteSource>, u64, u64)> = Vec::new();
        for index in block.pieces.clone() {
            let Some(Some(chunk)) = self.storage.stored.get(index as usize) else { continue };
            let StoredChunk::At { source, offset, len, filter_mask } = chunk else { continue };
            chunks.push(StoredPiece { index, len: stored_len(chunk) as u32, filter_mask: *filter_mask });
            match ranges.last_mut() {
                Some((s, at, n)) if Arc::ptr_eq(s, source) && at.checked_add(*n) == Some(*offset) => {
                    *n += len
                }
                _ => ranges.push((source.clone(), *offset, *len)),
            }
        }
        fetch(&ranges, &mut bytes[..len])?;
        Ok(Product::Copied { bytes, len, chunks })
    }
}

/// Reads the ranges one after the other into `out`, which is as long as all of them.
fn fetch(ranges: &[(Arc<dyn ByteSource>, u64, u64)], mut out: &mut [u8]) -> Result<(), ReadError> {
    for group in ranges.chunk_by(|a, b| Arc::ptr_eq(&a.0, &b.0)) {
        let source = &group[0].0;
        let many = if source.is_remote() && group.len() > 1 {
            let wanted: Vec<(u64, u64)> = group.iter().map(|r| (r.1, r.2)).collect();
            Some(source.read_ranges(&wanted)?)
        } else {
            None
        };
        for (i, (_, offset, len)) in group.iter().enumerate() {
            let (part, rest) = std::mem::take(&mut out).split_at_mut(*len as usize);
            match &many {
                Some(read) if read[i].len() == part.len() => part.copy_from_slice(&read[i]),
                _ => source.read_at(*offset, part)?,
            }
            out = rest;
        }
    }
    Ok(())
}

/// A piece of a block: `held` elements from `from`, padded with `fill` to `whole`.
struct Cut<'a> {
    block: Vec<u64>,
    from: Vec<u64>,
    held: Vec<u64>,
    whole: Vec<u64>,
    size: usize,
    fill: Option<&'a [u8]>,
}

impl Cut<'_> {
    /// The piece in place, when it is whole and one run of the block's bytes.
    fn as_slice<'e>(&self, elements: &'e [u8]) -> Option<&'e [u8]> {
        if self.held != self.whole {
            return None;
        }
        // Single indices, then one run, then whole axes.
        let run = self.held.iter().position(|&n| n != 1).unwrap_or(self.held.len());
        let after = run + 1;
        if after < self.held.len() && self.held[after..] != self.block[after..] {
            return None;
        }
        let start = self.start() * self.size;
        let len = self.held.iter().product::<u64>() as usize * self.size;
        elements.get(start..start + len)
    }

    /// Position of its first element in the block.
    fn start(&self) -> usize {
        self.from.iter().zip(&self.block).fold(0, |at, (f, n)| at * n + f) as usize
    }

    /// Copies it to `out`, row by row.
    fn copy(&self, elements: &[u8], out: &mut [u8]) {
        if self.held != self.whole {
            fill_with(self.fill, out);
        }
        let Some((&row, outer)) = self.held.split_last() else {
            out.copy_from_slice(&elements[..self.size]);
            return;
        };
        let row_bytes = row as usize * self.size;
        let strides = |shape: &[u64]| -> Vec<usize> {
            let mut strides = vec![self.size; shape.len()];
            for a in (0..shape.len().saturating_sub(1)).rev() {
                strides[a] = strides[a + 1] * shape[a + 1] as usize;
            }
            strides
        };
        let (input, output) = (strides(&self.block), strides(&self.whole));
        let base = self.start() * self.size;
        let mut at = vec![0u64; outer.len()];
        for _ in 0..outer.iter().product::<u64>() {
            let offset =
                |strides: &[usize]| -> usize { at.iter().zip(strides).map(|(&i, s)| i as usize * s).sum() };
            let (i, o) = (base + offset(&input), offset(&output));
            out[o..o + row_bytes].copy_from_slice(&elements[i..i + row_bytes]);
            for a in (0..outer.len()).rev() {
                at[a] += 1;
                if at[a] < outer[a] {
                    break;
                }
                at[a] = 0;
            }
        }
    }
}

/// Repeats one element; zeros without one.
fn fill_with(element: Option<&[u8]>, out: &mut [u8]) {
    match element {
        Some(e) if e.iter().any(|&b| b != e[0]) => {
            out.chunks_exact_mut(e.len()).for_each(|o| o.copy_from_slice(e));
        }
        Some(e) => out.fill(e[0]),
        None => out.fill(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(from: [u64; 2], held: [u64; 2], whole: [u64; 2], fill: Option<&[u8]>) -> Cut<'_> {
        Cut { block: vec![4, 6], from: from.into(), held: held.into(), whole: whole.into(), size: 1, fill }
    }

    #[test]
    fn whole_rows_are_taken_in_place() {
        let elements: Vec<u8> = (0..24).collect();
        assert_eq!(cut([1, 0], [2, 6], [2, 6], None).as_slice(&elements).unwrap(), &elements[6..18]);
        assert_eq!(cut([1, 2], [1, 3], [1, 3], None).as_slice(&elements).unwrap(), [8, 9, 10]);
        assert!(cut([1, 2], [2, 3], [2, 3], None).as_slice(&elements).is_none());
    }

    #[test]
    fn an_edge_piece_is_padded_with_the_fill_value() {
        let elements: Vec<u8> = (0..24).collect();
        let mut out = [0; 9];
        cut([3, 4], [1, 2], [3, 3], Some(&[99])).copy(&elements, &mut out);
        assert_eq!(out, [22, 23, 99, 99, 99, 99, 99, 99, 99]);
    }
}
