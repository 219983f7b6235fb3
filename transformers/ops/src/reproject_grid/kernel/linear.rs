//! Bilinear interpolation between the four nearest cells.

use super::frame::{Frame, blend_both, footprint_of_frame};
use crate::project::element::Real;
use crate::project::{Blender, Block, Plane};

/// Bilinear over two by two cells. Cells without data have no weight; where the cell under the position has none,
/// neither has the result.
pub struct Linear {
    pub frame: Frame,
}

footprint_of_frame!(Linear);

impl Blender for Linear {
    blend_both!();
}

/// Along one axis: the cell below and the weight of the one above.
#[inline]
fn split(at: f64) -> (i64, f64) {
    let shifted = at - 0.5;
    let below = shifted.floor();
    (below as i64, shifted - below)
}

impl Linear {
    fn blend<R: Real>(&self, plane: &Plane<R>, block: &Block, out: &mut [R]) {
        let width = block.width();
        let (mut xs, mut ys) = (vec![0.0; width], vec![0.0; width]);
        let inner = plane.extent().clone();
        let separable = self.frame.warp.separable().is_some();
        for (row, line) in block.rows.clone().zip(out.chunks_exact_mut(width)) {
            self.frame.centres(row, block, &mut xs, &mut ys);
            if separable && !plane.has_fill() && self.on_one_row(plane, &xs, ys[0], line) {
                continue;
            }
            for ((o, &x), &y) in line.iter_mut().zip(&xs).zip(&ys) {
                let ((c, right), (r, below)) = (split(x), split(y));
                // NaN saturates to 0 as an integer, its weight stays NaN and makes the sum one.
                let inside = c >= inner.cols.start as i64
                    && c + 1 < inner.cols.end as i64
                    && r >= inner.rows.start as i64
                    && r + 1 < inner.rows.end as i64;
                let value = if inside {
                    let (c, r) = (c as usize - inner.cols.start, r as usize);
                    let (upper, lower) = (&plane.row(r)[c..c + 2], &plane.row(r + 1)[c..c + 2]);
                    mix([upper[0], upper[1], lower[0], lower[1]], right, below)
                } else {
                    R::NAN
                };
                *o = if value.is_nan() { self.sparse(plane, x, y) } else { value };
            }
        }
    }

    /// A row of a separable warp on data without gaps; false when it lies at the border of the source.
    fn on_one_row<R: Real>(&self, plane: &Plane<R>, xs: &[f64], y: f64, line: &mut [R]) -> bool {
        let inner = plane.extent();
        let (r, below) = split(y);
        if !(y.is_finite() && r >= inner.rows.start as i64 && r + 1 < inner.rows.end as i64) {
            return false;
        }
        let (upper, lower) = (plane.row(r as usize), plane.row(r as usize + 1));
        let down = R::from_f64(below);
        let first = inner.cols.start as i64;
        for (o, &x) in line.iter_mut().zip(xs) {
            let (c, right) = split(x);
            let at = c - first;
            let value = match (usize::try_from(at).ok().and_then(|i| upper.get(i..i + 2)), x.is_finite()) {
                (Some(u), true) => {
                    let l = &lower[at as usize..at as usize + 2];
                    let t = R::from_f64(right);
                    let (a, b) = (u[0] + (u[1] - u[0]) * t, l[0] + (l[1] - l[0]) * t);
                    a + (b - a) * down
                }
                _ => self.sparse(plane, x, y),
            };
            *o = value;
        }
        true
    }

    /// At borders, across the seam and beside missing values.
    #[inline(never)]
    fn sparse<R: Real>(&self, plane: &Plane<R>, x: f64, y: f64) -> R {
        sparse(&self.frame, plane, x, y)
    }
}

#[inline]
fn mix<R: Real>(corners: [R; 4], right: f64, below: f64) -> R {
    let (t, d) = (R::from_f64(right), R::from_f64(below));
    let upper = corners[0] + (corners[1] - corners[0]) * t;
    let lower = corners[2] + (corners[3] - corners[2]) * t;
    upper + (lower - upper) * d
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
    if !(x.is_finite() && y.is_finite()) || !is_present(frame, plane, x, y) {
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
    const EDGE: f64 = 1e-9;
    let [ny, nx] = frame.shape;
    let end = |at: f64, n: usize| if at > n as f64 && at <= n as f64 + EDGE { n as f64 } else { at };
    let (x, y) = (end(x + EDGE, nx), end(y + EDGE, ny));
    let row = if y == ny as f64 { ny as i64 - 1 } else { y.floor() as i64 };
    let col = if x == nx as f64 && frame.wraps.is_none() { nx as i64 - 1 } else { x.floor() as i64 };
    !value(frame, plane, row, col).is_nan()
}
