//! Filters around any position, over cells that are all there: a row of cells of a tile at a time, in loops that become
//! vector code. What comes out as NaN is looked at again by [`Filter::one`].

use super::ffi::{self, Loop};
use super::filter::{Filter, Scratch, Shape};
use super::frame::{PIECE, below, index};
use crate::project::element::Real;
use crate::project::{Block, Plane};

/// Rows and columns of cells that a filter may have here; wider ones look at all their cells one by one.
const MOST: usize = 8;

/// Where the cells of a row of target cells are, and their weights; `K` columns are looked at, those beyond the filter
/// without a weight.
struct Row<const K: usize> {
    /// The first of the columns and rows of each, counted from the corner of the plane.
    cols: [i32; PIECE],
    rows: [i32; PIECE],
    across: [[f64; K]; PIECE],
    /// By row, then by target cell.
    down: [[f64; PIECE]; MOST],
    /// Sums of weights, then of weighted values.
    totals: [f64; PIECE],
    sums: [f64; PIECE],
}

impl<const K: usize> Row<K> {
    fn new() -> Box<Self> {
        Box::new(Row {
            cols: [0; PIECE],
            rows: [0; PIECE],
            across: [[0.0; K]; PIECE],
            down: [[0.0; PIECE]; MOST],
            totals: [0.0; PIECE],
            sums: [0.0; PIECE],
        })
    }
}

impl Filter {
    /// Any warp.
    pub(super) fn anywhere<R: Real>(&self, plane: &Plane<R>, block: &Block, out: &mut [R]) {
        match self.taps {
            [1 | 2, down] if down <= MOST => self.in_pieces::<2, R>(plane, block, out),
            [3 | 4, down] if down <= MOST => self.in_pieces::<4, R>(plane, block, out),
            [5 | 6, down] if down <= MOST => self.in_pieces::<6, R>(plane, block, out),
            [7 | 8, down] if down <= MOST => self.in_pieces::<8, R>(plane, block, out),
            _ => self.each_cell(plane, block, out),
        }
    }

    fn in_pieces<const K: usize, R: Real>(&self, plane: &Plane<R>, block: &Block, out: &mut [R]) {
        let mut places = Row::<K>::new();
        let mut scratch = Scratch::default();
        self.frame.by_pieces(block, out, |(xs, ys), line| {
            let filter = self;
            match self.shape {
                Shape::Triangle => {
                    ffi::wide(Blend { filter, weight: triangle, plane, xs, ys, places: &mut places, line });
                }
                shape => {
                    let weight = |d| shape.weight(d);
                    ffi::wide(Blend { filter, weight, plane, xs, ys, places: &mut places, line });
                }
            }
            if line.iter().fold(false, |any, v| any | v.is_nan()) {
                for ((o, &x), &y) in line.iter_mut().zip(xs).zip(ys).filter(|((o, _), _)| o.is_nan()) {
                    *o = self.one(plane, x, y, &mut scratch);
                }
            }
        });
    }

    fn each_cell<R: Real>(&self, plane: &Plane<R>, block: &Block, out: &mut [R]) {
        let mut scratch = Scratch::default();
        self.frame.by_pieces(block, out, |(xs, ys), line| {
            for ((o, &x), &y) in line.iter_mut().zip(xs).zip(ys) {
                *o = self.one(plane, x, y, &mut scratch);
            }
        });
    }
}

/// A row of target cells, at most [`PIECE`] of them.
struct Blend<'a, const K: usize, R, W> {
    filter: &'a Filter,
    weight: W,
    plane: &'a Plane<'a, R>,
    xs: &'a [f64],
    ys: &'a [f64],
    places: &'a mut Row<K>,
    line: &'a mut [R],
}

impl<const K: usize, R: Real, W: Fn(f64) -> f64> Loop for Blend<'_, K, R, W> {
    #[inline(always)]
    fn run(self) {
        let Filter { shape, scale, taps, .. } = *self.filter;
        let (down, reach) = (taps[1], scale.map(|s| s * shape.radius()));
        let inverse = scale.map(|s| 1.0 / s);
        let extent = self.plane.extent();
        let (left, top) = (extent.cols.start as f64, extent.rows.start as f64);
        let n = self.line.len().min(PIECE);
        let (xs, ys, at) = (&self.xs[..n], &self.ys[..n], self.places);
        for ((col, across), &x) in at.cols.iter_mut().zip(&mut at.across).zip(xs) {
            let first = below(x - 0.5 - reach[0]) + 1.0;
            *col = index(first - left);
            let from = first + 0.5 - x;
            *across = std::array::from_fn(|j| (self.weight)((from + j as f64) * inverse[0]));
        }
        for ((row, from), &y) in at.rows.iter_mut().zip(&mut at.totals).zip(ys) {
            let first = below(y - 0.5 - reach[1]) + 1.0;
            *row = index(first - top);
            *from = first + 0.5 - y;
        }
        for (j, weights) in at.down.iter_mut().enumerate().take(down) {
            for (weight, from) in weights.iter_mut().zip(&at.totals[..n]) {
                *weight = (self.weight)((from + j as f64) * inverse[1]);
            }
        }
        for i in 0..n {
            let total = at.down[..down].iter().fold(0.0, |sum, w| sum + w[i]);
            at.totals[i] = total * folded(at.across[i]);
        }
        gather(self.plane, n, down, at);
        for i in 0..n {
            let (sum, total) = (at.sums[i], at.totals[i]);
            self.line[i] = R::from_f64(if total > 1e-5 { sum / total } else { f64::NAN });
        }
    }
}

/// Weighted sums of the cells of a row; NaN where they are not all on the plane.
#[inline(always)]
fn gather<const K: usize, R: Real>(plane: &Plane<R>, n: usize, down: usize, at: &mut Row<K>) {
    let lines = plane.rows();
    for i in 0..n {
        // What lies before the first is behind every end.
        let (col, row) = (at.cols[i] as usize, at.rows[i] as usize);
        let mut sums = [0.0; K];
        let found = lines.get(row..row.wrapping_add(down)).unwrap_or(&[]);
        let mut missing = found.is_empty();
        for (line, weights) in found.iter().zip(&at.down) {
            let Some(cells) = line.get(col..).and_then(|c| c.first_chunk::<K>()) else {
                missing = true;
                break;
            };
            for (sum, cell) in sums.iter_mut().zip(cells) {
                *sum += cell.as_f64() * weights[i];
            }
        }
        for (sum, weight) in sums.iter_mut().zip(&at.across[i]) {
            *sum *= weight;
        }
        at.sums[i] = if missing { f64::NAN } else { folded(sums) };
    }
}

/// The sum, in an order that suits vectors.
#[inline(always)]
fn folded<const K: usize>(values: [f64; K]) -> f64 {
    let half = K / 2;
    (1..half).fold(values[0] + values[half], |sum, j| sum + (values[j] + values[j + half]))
}

/// [`Shape::Triangle`]'s weight without a branch.
#[inline(always)]
fn triangle(distance: f64) -> f64 {
    let weight = 1.0 - distance.abs();
    if weight > 0.0 { weight } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_values_are_in_the_sum() {
        assert_eq!(folded([1.0, 2.0]), 3.0);
        assert_eq!(folded([1.0, 2.0, 4.0, 8.0]), 15.0);
        assert_eq!(folded([1.0, 2.0, 4.0, 8.0, 16.0, 32.0]), 63.0);
    }
}
