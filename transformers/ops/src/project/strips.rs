//! Strips of source planes: decoded once, shared through the cache.

use std::sync::Arc;

use harmony_model::{ArraySource, ReadError};
use rayon::prelude::*;

use super::array::ResampledArray;
use super::block::Block;
use super::cache::{Look, Strip, StripKey};
use super::element::Real;
use super::gather::transpose;
use super::pages::PlaneAt;
use super::resampler::Resampler;

/// Bytes that are decoded at a time: they stay in the cache between reading and decoding.
const PIECE_BYTES: usize = 256 << 10;

impl ResampledArray {
    /// Decodes a strip of the plane at `at`.
    pub(super) fn load(&self, at: &[u64], extent: &Block) -> Result<Strip, ReadError> {
        let count = extent.count();
        Ok(match &self.resampler {
            Resampler::Pick(_) => {
                let size = self.element.size();
                let mut bytes = vec![0; count * size];
                let line = (extent.width() * size).max(1);
                let rows = self.rows_of_piece(extent);
                bytes.par_chunks_mut(rows * line).enumerate().try_for_each(|(i, part)| {
                    self.read_rows(at, &rows_from(extent, i * rows, part.len() / line), part)
                })?;
                Strip::Bytes(bytes)
            }
            Resampler::Blend(b) if self.works_in_single(&**b) => {
                let mut values = vec![0f32; count];
                let has_fill = self.load_numbers(at, extent, false, &mut values)?;
                Strip::F32 { values, has_fill }
            }
            Resampler::Blend(b) => {
                let mut values = vec![0f64; count];
                let has_fill = self.load_numbers(at, extent, b.on_physical(), &mut values)?;
                Strip::F64 { values, has_fill }
            }
        })
    }

    /// Reads and decodes in pieces; whether anything is missing.
    fn load_numbers<R: Real>(
        &self,
        at: &[u64],
        extent: &Block,
        physical: bool,
        out: &mut [R],
    ) -> Result<bool, ReadError> {
        let (width, size) = (extent.width().max(1), self.element.size());
        let rows = self.rows_of_piece(extent);
        let piece = |(i, part): (usize, &mut [R])| {
            let block = rows_from(extent, i * rows, part.len() / width);
            let mut bytes = vec![0; part.len() * size];
            self.read_rows(at, &block, &mut bytes)?;
            let has_fill = self.element.decode(&bytes, physical, part);
            Ok(self.hide(at, &block, part)? | has_fill)
        };
        out.par_chunks_mut(rows * width).enumerate().map(piece).try_reduce(|| false, |a, b| Ok(a | b))
    }

    /// Rows that are read at a time: whole chunks, none of which is decoded twice.
    fn rows_of_piece(&self, extent: &Block) -> usize {
        if self.col_axis < self.row_axis || !extent.rows.start.is_multiple_of(self.chunk_rows) {
            return extent.height().max(1);
        }
        let fitting = PIECE_BYTES / (extent.width() * self.element.size()).max(1);
        fitting.next_multiple_of(self.chunk_rows).max(self.chunk_rows)
    }

    /// Elements of a block of the plane at `at`, row by row.
    fn read_rows(&self, at: &[u64], block: &Block, out: &mut [u8]) -> Result<(), ReadError> {
        if let Some(pages) = &self.pages {
            return pages.read(PlaneAt { leading: at, number: self.plane_number(at) }, block, out);
        }
        self.read_upright(&*self.inner, self.element.size(), at, block, out)
    }

    /// The same of an array like the inner one, of elements of `size` bytes.
    fn read_upright(
        &self,
        array: &dyn ArraySource,
        size: usize,
        at: &[u64],
        block: &Block,
        out: &mut [u8],
    ) -> Result<(), ReadError> {
        array.read(&self.inner_window(at, block), out)?;
        if self.col_axis < self.row_axis {
            out.copy_from_slice(&transpose(out, block.width(), block.height(), size));
        }
        Ok(())
    }

    /// Makes NaN of numbers that have no source by the coverage of the inner array; whether there are any.
    fn hide<R: Real>(&self, at: &[u64], block: &Block, numbers: &mut [R]) -> Result<bool, ReadError> {
        let Some(coverage) = &self.inner_coverage else { return Ok(false) };
        let mut covered = vec![0; numbers.len()];
        self.read_upright(&**coverage, 1, at, block, &mut covered)?;
        let hidden = numbers.iter_mut().zip(&covered).filter(|(_, c)| **c == 0);
        hidden.for_each(|(n, _)| *n = R::NAN);
        Ok(covered.contains(&0))
    }

    /// The rows and columns of strip `n`.
    pub(super) fn strip_extent(&self, needed: &Block, n: usize) -> Block {
        // Counted from the first row of the source, as its chunks are.
        let rows = n * self.strip_rows..(n + 1) * self.strip_rows;
        Block { rows, cols: needed.cols.clone() }.intersection(needed)
    }

    /// The strips that hold rows of `window`, from the number of the first on.
    pub(super) fn strips(
        &self,
        at: &[u64],
        needed: &Block,
        window: &Block,
    ) -> Result<(usize, Vec<Arc<Strip>>), ReadError> {
        let first = window.rows.start / self.strip_rows;
        let last = (window.rows.end - 1) / self.strip_rows;
        let plane = self.plane_number(at);
        let key = |strip| StripKey { array: self.number, plane, strip };
        // Who makes what is settled before anything is read; then strips are read side by side.
        let looks: Vec<Look> = (first..=last).map(|n| self.cache.look(key(n))).collect();
        let made = looks.into_par_iter().enumerate().map(|(i, look)| match look {
            Look::Ready(strip) => Ok(Some(strip)),
            Look::Yours => self.make(at, needed, key(first + i)).map(Some),
            Look::Busy => Ok(None),
        });
        // All of them are done, whatever becomes of one: none stays promised.
        let made: Vec<Result<Option<Arc<Strip>>, ReadError>> = made.collect();
        let mut found = made.into_iter().collect::<Result<Vec<_>, _>>()?;
        for (i, slot) in found.iter_mut().enumerate().filter(|(_, s)| s.is_none()) {
            *slot = Some(match self.cache.look(key(first + i)) {
                Look::Ready(strip) => strip,
                Look::Yours => self.make(at, needed, key(first + i))?,
                Look::Busy => Arc::new(self.load(at, &self.strip_extent(needed, first + i))?),
            });
        }
        Ok((first, found.into_iter().flatten().collect()))
    }

    pub(super) fn make(&self, at: &[u64], needed: &Block, key: StripKey) -> Result<Arc<Strip>, ReadError> {
        let strip = self.load(at, &self.strip_extent(needed, key.strip)).map(Arc::new);
        match &strip {
            Ok(strip) => self.cache.put(key, strip),
            Err(_) => self.cache.give_up(key),
        }
        strip
    }
}

/// `count` rows of a block from its row `first` on.
fn rows_from(block: &Block, first: usize, count: usize) -> Block {
    let start = block.rows.start + first;
    Block { rows: start..start + count, cols: block.cols.clone() }
}
