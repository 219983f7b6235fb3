//! The source cell in which the centre of a target cell lies.

use super::ffi::{self, Loop};
use super::frame::{Frame, below, floor, footprint_of_frame, index};
use crate::project::{Block, NOWHERE, Picker};

/// Positions this close below an edge are on it: they come from decimal fractions.
const EDGE: f64 = 1e-9;

/// Nearest neighbour.
pub struct Near {
    frame: Frame,
    /// Source column of every target column, when the warp is separable.
    columns: Option<Vec<u32>>,
}

footprint_of_frame!(Near);

impl Near {
    pub fn new(frame: Frame) -> Self {
        let columns =
            frame.warp.separable().map(|t| t.col_centres.iter().map(|&x| column(&frame, x)).collect());
        Near { frame, columns }
    }
}

/// The cell number on an axis of `n` cells; its far end belongs to the last cell.
#[inline]
fn cell(at: f64, n: usize) -> Option<usize> {
    let at = at + EDGE;
    // NaN compares as outside.
    if !(at >= 0.0 && at <= n as f64 + 2.0 * EDGE) {
        return None;
    }
    Some((at as usize).min(n - 1))
}

#[inline]
fn column(frame: &Frame, x: f64) -> u32 {
    let (at, n) = (x + EDGE, frame.shape[1]);
    if at >= 0.0 && at < n as f64 {
        return at as u32;
    }
    let found = match frame.wraps {
        Some(_) if x.is_finite() => frame.column(floor(at)),
        _ => cell(x, n),
    };
    found.map_or(NOWHERE, |c| c as u32)
}

impl Picker for Near {
    fn along(&self, row: usize) -> Option<(u32, &[u32])> {
        let centre = *self.frame.warp.separable()?.row_centres.get(row)?;
        let found = cell(centre, self.frame.shape[0]);
        Some((found.map_or(NOWHERE, |r| r as u32), self.columns.as_ref()?))
    }

    fn pick(&self, block: &Block, rows: &mut [u32], cols: &mut [u32]) {
        if self.frame.warp.is_nowhere(block) {
            return;
        }
        let width = block.width();
        let (mut xs, mut ys) = (vec![0.0; width], vec![0.0; width]);
        let lines = rows.chunks_exact_mut(width).zip(cols.chunks_exact_mut(width));
        for (row, (rows, cols)) in block.rows.clone().zip(lines) {
            if let Some((r, columns)) = self.along(row) {
                if r == NOWHERE {
                    continue;
                }
                cols.copy_from_slice(&columns[block.cols.clone()]);
                for (r_out, &c) in rows.iter_mut().zip(&*cols) {
                    *r_out = if c == NOWHERE { NOWHERE } else { r };
                }
                continue;
            }
            self.frame.centres(row, block, &mut xs, &mut ys);
            ffi::wide(Under { shape: self.frame.shape, xs: &xs, ys: &ys, rows, cols });
            for (((r, c), &x), &y) in
                rows.iter_mut().zip(cols).zip(&xs).zip(&ys).filter(|(((r, _), _), _)| **r == NOWHERE)
            {
                let col = column(&self.frame, x);
                if let (Some(found), true) = (cell(y, self.frame.shape[0]), col != NOWHERE) {
                    (*r, *c) = (found as u32, col);
                }
            }
        }
    }
}

/// Rows and columns of the cells under positions that lie within the grid, [`NOWHERE`] for all others.
struct Under<'a> {
    shape: [usize; 2],
    xs: &'a [f64],
    ys: &'a [f64],
    rows: &'a mut [u32],
    cols: &'a mut [u32],
}

impl Loop for Under<'_> {
    #[inline(always)]
    fn run(self) {
        let [ny, nx] = self.shape.map(|n| n as f64);
        let n = self.rows.len();
        let (xs, ys, cols) = (&self.xs[..n], &self.ys[..n], &mut self.cols[..n]);
        for i in 0..n {
            let (x, y) = (xs[i] + EDGE, ys[i] + EDGE);
            let inside = (x >= 0.0) & (x < nx) & (y >= 0.0) & (y < ny);
            let (row, col) = (index(below(y)) as u32, index(below(x)) as u32);
            self.rows[i] = if inside { row } else { NOWHERE };
            cols[i] = if inside { col } else { NOWHERE };
        }
    }
}
