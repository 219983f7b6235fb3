//! Arrays stored in one piece, or in one piece per record (netCDF-3).

use std::sync::Arc;

use harmony_model::{ArraySource, ByteSource, Heap, ReadError, Window};
use rayon::prelude::*;

use super::array::{check_output, check_window};
use super::ffi::SharedOut;
use super::fill::Fill;
use super::layout::{Layout, Part, Piece};
use super::swap_bytes;
use crate::codec::Pooled;

/// Reads collected before they are done: bounds what is held of a window of very many.
const BATCH_PIECES: usize = 4096;
const BATCH_BYTES: u64 = 64 << 20;
/// Less than this is read by the calling thread alone.
const MIN_PARALLEL_BYTES: u64 = 1 << 20;

/// What a [`ContiguousArray`] is made of.
pub struct ContiguousSpec {
    /// What messages call the variable.
    pub object: String,
    pub source: Arc<dyn ByteSource>,
    /// First byte in the source; `None`: never written, every element is the fill value.
    pub offset: Option<u64>,
    pub shape: Vec<u64>,
    pub element_size: usize,
    /// Bytes that change place to become native order; 1: stored order is native (or order means nothing).
    pub swap_width: usize,
    /// One element in native order; empty: zeros.
    pub fill: Vec<u8>,
    /// Bytes from one index of axis 0 to the next, where that is not simply the size of what lies below it: netCDF-3
    /// interleaves the records of its variables.
    pub record_stride: Option<u64>,
    /// Resolves the slots of elements that point out of the array.
    pub heap: Option<Arc<dyn Heap>>,
}

/// An array stored in one piece: windows are read from the source without detour.
pub struct ContiguousArray {
    object: String,
    source: Arc<dyn ByteSource>,
    offset: Option<u64>,
    shape: Vec<u64>,
    element_size: usize,
    swap_width: usize,
    fill: Fill,
    record_stride: Option<u64>,
    heap: Option<Arc<dyn Heap>>,
}

impl ContiguousArray {
    /// Nothing is checked or read yet; what is wrong with the description is said when it is used.
    pub fn new(spec: ContiguousSpec) -> Self {
        ContiguousArray {
            fill: Fill::new(spec.fill, spec.element_size),
            object: spec.object,
            source: spec.source,
            offset: spec.offset,
            shape: spec.shape,
            element_size: spec.element_size,
            swap_width: spec.swap_width,
            record_stride: spec.record_stride,
            heap: spec.heap,
        }
    }

    fn layout(&self, window: &Window) -> Result<Layout, ReadError> {
        check_window(self.source.name(), &self.object, window, &self.shape)?;
        Layout::new(window, &self.shape, self.element_size, self.record_stride)
            .filter(|layout| self.offset.unwrap_or(0).checked_add(layout.end()).is_some())
            .ok_or_else(|| {
                let detail = format!("an array of shape {:?} is larger than any file", self.shape);
                ReadError::corrupt(self.source.name(), &self.object, detail)
            })
    }

    fn read_batch(
        &self,
        layout: &Layout,
        offset: u64,
        out: &SharedOut,
        batch: &[Piece],
    ) -> Result<(), ReadError> {
        let bytes: u64 = batch.iter().map(|p| p.len).sum();
        if self.source.is_remote() {
            return self.read_remote(layout, offset, out, batch);
        }
        let one = |piece: &Piece| self.read_piece(layout, offset, out, piece);
        if bytes < MIN_PARALLEL_BYTES || batch.len() == 1 {
            return batch.iter().try_for_each(one);
        }
        let min_len = batch.len() / (bytes / (MIN_PARALLEL_BYTES / 4)).max(1) as usize;
        batch.par_iter().with_min_len(min_len.max(1)).try_for_each(one)
    }

    fn read_piece(
        &self,
        layout: &Layout,
        offset: u64,
        out: &SharedOut,
        piece: &Piece,
    ) -> Result<(), ReadError> {
        let len = piece.len as usize;
        if let Part::All = piece.part {
            // SAFETY: pieces share no output byte: each is the image of other positions of the window.
            let target = unsafe { out.piece(piece.to, len) };
            self.source.read_at(offset + piece.start, target)?;
            swap_bytes(target, self.swap_width);
            return Ok(());
        }
        let mut bytes = Pooled::take();
        let bytes = bytes.slice(len);
        self.source.read_at(offset + piece.start, bytes)?;
        self.scatter(layout, out, piece, bytes);
        Ok(())
    }

    fn scatter(&self, layout: &Layout, out: &SharedOut, piece: &Piece, bytes: &[u8]) {
        layout.scatter(piece, |from, to, len| {
            // SAFETY: as in `read_piece`.
            let target = unsafe { out.piece(to, len) };
            target.copy_from_slice(&bytes[from..from + len]);
            swap_bytes(target, self.swap_width);
        });
    }

    fn read_remote(
        &self,
        layout: &Layout,
        offset: u64,
        out: &SharedOut,
        batch: &[Piece],
    ) -> Result<(), ReadError> {
        let ranges: Vec<_> = batch.iter().map(|p| (offset + p.start, p.len)).collect();
        let answers = self.source.read_ranges(&ranges)?;
        for (i, piece) in batch.iter().enumerate() {
            match answers.get(i) {
                Some(bytes) if bytes.len() as u64 == piece.len => self.scatter(layout, out, piece, bytes),
                _ => {
                    return Err(ReadError::Io {
                        source_name: self.source.name().into(),
                        offset: offset + piece.start,
                        len: piece.len,
                        detail: "the answer is incomplete".into(),
                    });
                }
            }
        }
        Ok(())
    }
}

impl ArraySource for ContiguousArray {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let layout = self.layout(window)?;
        check_output(self.source.name(), &self.object, window, self.element_size, out.len())?;
        let Some(offset) = self.offset else {
            self.fill.write(out);
            return Ok(());
        };
        let out = SharedOut::new(out);
        let (mut batch, mut bytes) = (Vec::new(), 0);
        layout.pieces(&mut |piece: Piece| {
            bytes += piece.len;
            batch.push(piece);
            if batch.len() < BATCH_PIECES && bytes < BATCH_BYTES {
                return Ok(());
            }
            bytes = 0;
            self.read_batch(&layout, offset, &out, &std::mem::take(&mut batch))
        })?;
        self.read_batch(&layout, offset, &out, &batch)
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        let layout = self.layout(window)?;
        let mut total = 0u64;
        if self.offset.is_some() {
            layout.pieces(&mut |piece: Piece| {
                total = total.saturating_add(piece.len);
                Ok::<(), ReadError>(())
            })?;
        }
        Ok(total)
    }

    fn heap(&self) -> Option<Arc<dyn Heap>> {
        self.heap.clone()
    }
}
