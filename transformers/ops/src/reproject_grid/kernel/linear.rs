//! Bilinear interpolation between the four nearest cells.

use super::ffi::{self, Loop};
use super::frame::{Frame, PIECE, below, blend_both, floor, footprint_of_frame, index};
use crate::project::element::Real;
use crate::project::{Blender, Block, Plane};

/// Bilinear over two by two cells. Cells without data have no weight; where the cell under the position has none,
/// neither has the result.
pub struct Linear {
    frame: Frame,
    /// For every target column the left one of its source columns and the weight of the right one, when the warp is
    /// separable. [`BORDER`]: they are not both inside.
    columns: Option<Vec<(u32, f64)>>,
}

footprint_of_frame!(Linear);

const BORDER: u32 = u32::MAX;

impl Blender for Linear {
    blend_both!();
}

/// Along one axis: the cell below and the weight of the one above.
#[inline]
fn split(at: f64) -> (i64, f64) {
    let shifted = at - 0.5;
    let below = floor(shifted);
    (below, shifted - below as f64)
}

impl Linear {
    pub fn new(frame: Frame) -> Self {
        let n = frame.shape[1] as i64;
        let column = |x: f64| {
            let (c, right) = split(x);
            let inside = x.is_finite() && c >= 0 && c + 1 < n;
            if inside { (c as u32, right) } else { (BORDER, 0.0) }
        };
        let columns = frame.warp.separable().map(|t| t.col_centres.iter().map(|&x| column(x)).collect());
        Linear { frame, columns }
    }

    fn blend<R: Real>(&self, plane: &Plane<R>, block: &Block, out: &mut [R]) {
        let Some(columns) = &self.columns else { return self.anywhere(plane, block, out) };
        let width = block.width();
        let (mut xs, mut ys) = (vec![0.0; width], vec![0.0; width]);
        for (row, line) in block.rows.clone().zip(out.chunks_exact_mut(width)) {
            self.frame.centres(row, block, &mut xs, &mut ys);
            if !self.on_one_row(plane, &columns[block.cols.clone()], (&xs, ys[0]), line) {
                let cells = line.iter_mut().zip(&xs).zip(&ys);
                cells.for_each(|((o, &x), &y)| *o = self.sparse(plane, x, y));
            }
        }
    }

    /// Cells that lie across the source.
    fn anywhere<R: Real>(&self, plane: &Plane<R>, block: &Block, out: &mut [R]) {
        self.frame.by_pieces(block, out, |(xs, ys), line| {
            ffi::wide(Mix { plane, xs, ys, line });
            for ((o, &x), &y) in line.iter_mut().zip(xs).zip(ys).filter(|((o, _), _)| o.is_nan()) {
                *o = self.sparse(plane, x, y);
            }
        });
    }

    /// A row of a separable warp, which lies between two rows of the source; false when one of them is not there.
    fn on_one_row<R: Real>(
        &self,
        plane: &Plane<R>,
        columns: &[(u32, f64)],
        (xs, y): (&[f64], f64),
        line: &mut [R],
    ) -> bool {
        let inner = plane.extent();
        let (r, below) = split(y);
        if !(y.is_finite() && r >= inner.rows.start as i64 && r + 1 < inner.rows.end as i64) {
            return false;
        }
        let (upper, lower) = (plane.row(r as usize), plane.row(r as usize + 1));
        let down = R::from_f64(below);
        let first = inner.cols.start;
        for ((o, &(c, right)), &x) in line.iter_mut().zip(columns).zip(xs) {
            let at = (c as usize).wrapping_sub(first);
            let value = match (upper.get(at..at.wrapping_add(2)), lower.get(at..at.wrapping_add(2))) {
                (Some(u), Some(l)) => mix([u[0], u[1], l[0], l[1]], R::from_f64(right), down),
                _ => R::NAN,
            };
            *o = if value.is_nan() { self.sparse(plane, x, y) } else { value };
        }
        true
    }

    /// At borders, across the seam and beside missing values.
    #[inline(never)]
    fn sparse<R: Real>(&self, plane: &Plane<R>, x: f64, y: f64) -> R {
        sparse(&self.frame, plane, x, y)
    }
}

/// A row of target cells, at most [`PIECE`] of them; NaN where the four cells are not all there.
struct Mix<'a, R> {
    plane: &'a Plane<'a, R>,
    xs: &'a [f64],
    ys: &'a [f64],
    line: &'a mut [R],
}

impl<R: Real> Loop for Mix<'_, R> {
    #[inline(always)]
    fn run(self) {
        let n = self.line.len().min(PIECE);
        let (mut cols, mut rows) = ([0; PIECE], [0; PIECE]);
        let (mut right, mut down) = ([R::ZERO; PIECE], [R::ZERO; PIECE]);
        let (extent, lines) = (self.plane.extent(), self.plane.rows());
        let places = [
            (self.xs, extent.cols.start, &mut cols, &mut right),
            (self.ys, extent.rows.start, &mut rows, &mut down),
        ];
        for (at, start, cells, weights) in places {
            for i in 0..n {
                let shifted = at[i] - 0.5;
                let first = below(shifted);
                cells[i] = index(first - start as f64);
                weights[i] = R::from_f64(shifted - first);
            }
        }
        for i in 0..n {
            // What lies before the first is behind every end.
            let (col, row) = (cols[i] as usize, rows[i] as usize);
            let pair =
                |row: usize| lines.get(row).and_then(|l| l.get(col..)).and_then(|l| l.first_chunk::<2>());
            self.line[i] = match (pair(row), pair(row.wrapping_add(1))) {
                (Some(&[a, b]), Some(&[c, d])) => mix([a, b, c, d], right[i], down[i]),
                _ => R::NAN,
            };
        }
    }
}

#[inline(always)]
fn mix<R: Real>(corners: [R; 4], right: R, below: R) -> R {
    let upper = corners[0] + (corners[1] - corners[0]) * right;
    let lower = corners[2] + (corners[3] - corners[2]) * right;
    upper + (lower - upper) * below
}

/// The value of a source cell, columns brought into the grid; NaN outside.
#[inline]
pub fn value<R: Real>(frame: &Frame, plane: &Plane<R>, row: i64, col: i64) -> R {
    let extent = plane.extent();
    match frame.column(col) {
        Some(c)
            if row >= extent.rows.start as i64
                && row < extent.rows.end as i64
                && extent.cols.contains(&c) =>
        {
            plane.at(row as usize, c)
        }
        _ => R::NAN,
    }
}

/// Bilinear of the cells that are there, if the one under the position is.
pub fn sparse<R: Real>(frame: &Frame, plane: &Plane<R>, x: f64, y: f64) -> R {
    if !(x.is_finite() && y.is_finite() && is_present(frame, plane, x, y)) {
        return R::NAN;
    }
    let ((c, right), (r, below)) = (split(x), split(y));
    let (mut sum, mut total) = (0.0, 0.0);
    for (row, down) in [(r, 1.0 - below), (r + 1, below)] {
        for (col, across) in [(c, 1.0 - right), (c + 1, right)] {
            let v = value(frame, plane, row, col);
            if !v.is_nan() {
                sum += v.as_f64() * down * across;
                total += down * across;
            }
        }
    }
    if total > 1e-5 { R::from_f64(sum / total) } else { R::NAN }
}

/// Whether the cell under a position has data. The far ends of the axes belong to their last cells.
pub fn is_present<R: Real>(frame: &Frame, plane: &Plane<R>, x: f64, y: f64) -> bool {
    !value(frame, plane, row_under(frame, y), column_under(frame, x)).is_nan()
}

/// Positions this close below an edge are on it.
const EDGE: f64 = 1e-9;

/// Row of the cell under a position; it may lie outside.
pub fn row_under(frame: &Frame, y: f64) -> i64 {
    let n = frame.shape[0];
    let y = at_end(y + EDGE, n);
    if y == n as f64 { n as i64 - 1 } else { floor(y) }
}

/// Column of the cell under a position, not yet brought into the grid.
pub fn column_under(frame: &Frame, x: f64) -> i64 {
    let n = frame.shape[1];
    let x = at_end(x + EDGE, n);
    if x == n as f64 && frame.wraps.is_none() { n as i64 - 1 } else { floor(x) }
}

fn at_end(at: f64, n: usize) -> f64 {
    if at > n as f64 && at <= n as f64 + EDGE { n as f64 } else { at }
}
