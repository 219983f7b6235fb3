//! Blocks of the target that are computed part by part, each from what of the source lies around it.

use std::sync::Arc;

use harmony_model::ReadError;
use rayon::prelude::*;

use super::array::ResampledArray;
use super::block::Block;
use super::gather::fill_with;

/// Rows and columns of a part; parts are cut at multiples of them.
pub const PART: [usize; 2] = [64, 512];
/// Windows of the source of which all that is kept would be made: one of them is at hand for each thread.
const WINDOWS: usize = 24;
/// Parts of no more cells are computed whatever they need.
const LEAST_CELLS: usize = 64;

impl ResampledArray {
    /// Computes `block` of the plane at `at`, row-major, into `out`.
    pub(super) fn compute_parts(&self, at: &[u64], block: &Block, out: &mut [u8]) -> Result<(), ReadError> {
        let line = (block.width() * self.element.size()).max(1);
        let mut bands = Vec::new();
        let mut rest = out;
        for rows in cut(&block.rows, PART[0]) {
            let (band, tail) = rest.split_at_mut(rows.len() * line);
            rest = tail;
            bands.push((Block { rows, cols: block.cols.clone() }, band));
        }
        bands.into_par_iter().try_for_each(|(band, out)| self.compute_band(at, &band, out))
    }

    fn compute_band(&self, at: &[u64], band: &Block, out: &mut [u8]) -> Result<(), ReadError> {
        for cols in cut(&band.cols, PART[1]) {
            self.compute_part(at, &Block { rows: band.rows.clone(), cols }, band, out)?;
        }
        self.resampler.footprint().failure().map_or(Ok(()), Err)
    }

    /// Computes a part of `band` to its place in `out`; in halves where it needs much of the source.
    fn compute_part(&self, at: &[u64], part: &Block, band: &Block, out: &mut [u8]) -> Result<(), ReadError> {
        let (size, footprint) = (self.element.size(), self.resampler.footprint());
        let window = footprint.window(part);
        if let Some(failure) = footprint.failure() {
            return Err(failure);
        }
        let needs = window.as_ref().map_or(0, |w| w.count() * size.max(4));
        if needs > self.cache.budget() / WINDOWS && part.count() > LEAST_CELLS {
            return halves(part).iter().try_for_each(|half| self.compute_part(at, half, band, out));
        }
        let mut values = vec![0; part.count() * size];
        match window {
            Some(window) if !window.is_empty() => {
                let strip = Arc::new(self.load(at, &window)?);
                self.compute_from(&window, &[strip], part, &mut values);
            }
            _ => fill_with(&mut values, self.element.fill()),
        }
        for (row, line) in part.rows.clone().zip(values.chunks_exact(part.width() * size)) {
            let cell = (row - band.rows.start) * band.width() + part.cols.start - band.cols.start;
            out[cell * size..cell * size + line.len()].copy_from_slice(line);
        }
        Ok(())
    }
}

/// The two halves of a block of more than one cell, across its longer side.
fn halves(block: &Block) -> [Block; 2] {
    let Block { rows, cols } = block;
    if block.width() >= block.height() {
        let middle = cols.start + block.width() / 2;
        [cols.start..middle, middle..cols.end].map(|cols| Block { rows: rows.clone(), cols })
    } else {
        let middle = rows.start + block.height() / 2;
        [rows.start..middle, middle..rows.end].map(|rows| Block { rows, cols: cols.clone() })
    }
}

/// Pieces of a range that end at multiples of `step`.
fn cut(range: &std::ops::Range<usize>, step: usize) -> impl Iterator<Item = std::ops::Range<usize>> + use<> {
    let (start, end) = (range.start, range.end);
    (start / step..end.div_ceil(step)).map(move |n| (n * step).max(start)..((n + 1) * step).min(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_end_at_multiples_and_halves_are_the_whole() {
        assert_eq!(cut(&(70..200), 64).collect::<Vec<_>>(), [70..128, 128..192, 192..200]);
        assert_eq!(cut(&(64..64), 64).count(), 0);
        let [a, b] = halves(&Block { rows: 3..8, cols: 1..4 });
        assert_eq!((a.rows, b.rows, a.cols, b.cols), (3..5, 5..8, 1..4, 1..4));
    }
}
