//! Tallies of the rows of cells in one block of a variable.

use harmony_model::dtype::Number;
use harmony_model::with_numeric;

use super::kernel::{Missing, Tally, tally_columns, tally_row};
use super::stored::Stored;

/// The five-fold shape that every variable with two horizontal axes has: other axes before, between and behind them.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub outer: usize,
    pub rows: usize,
    pub mid: usize,
    pub cols: usize,
    pub inner: usize,
}

impl Shape {
    /// Of extents, with the axes of rows and columns.
    pub fn of(shape: &[u64], [rows, cols]: [usize; 2]) -> Self {
        let product = |part: &[u64]| part.iter().product::<u64>() as usize;
        Shape {
            outer: product(&shape[..rows]),
            rows: shape[rows] as usize,
            mid: product(&shape[rows + 1..cols]),
            cols: shape[cols] as usize,
            inner: product(&shape[cols + 1..]),
        }
    }
}

/// Tallies of a block in memory, [outer][rows][mid][inner]; `weights` are those of its rows and all columns.
pub fn tally_block(bytes: &[u8], shape: Shape, weights: &[f64], stored: &Stored, full: bool) -> Vec<Tally> {
    with_numeric!(&stored.dtype, T => typed::<T>(bytes, shape, weights, stored, full), else => Vec::new())
}

fn typed<T: Number>(bytes: &[u8], shape: Shape, weights: &[f64], stored: &Stored, full: bool) -> Vec<Tally> {
    let fills: Vec<T> = stored.packing.fills();
    let missing = Missing::new(&fills);
    let mut out = vec![Tally::default(); shape.outer * shape.rows * shape.mid * shape.inner];
    let row_bytes = shape.cols * shape.inner * std::mem::size_of::<T>();
    let rows = bytes.chunks_exact(row_bytes.max(1)).zip(out.chunks_exact_mut(shape.inner.max(1)));
    for (i, (row, tallies)) in rows.enumerate() {
        let at = i / shape.mid % shape.rows * shape.cols;
        let weights = &weights[at..at + shape.cols];
        match tallies {
            [one] => *one = tally_row(row, weights, missing, full),
            many => tally_columns(row, weights, missing, full, many),
        }
    }
    out
}

/// Adds the tallies of a block to those of its results (indexed [outer][mid][inner] within the block), row by row.
pub fn merge_block(
    tallies: &[Tally],
    shape: Shape,
    mut result: impl FnMut(usize) -> usize,
    into: &mut [Tally],
) {
    for (i, tally) in tallies.iter().enumerate() {
        let (inner, rest) = (i % shape.inner, i / shape.inner);
        let (mid, outer) = (rest % shape.mid, rest / shape.mid / shape.rows);
        into[result((outer * shape.mid + mid) * shape.inner + inner)].merge(tally);
    }
}
