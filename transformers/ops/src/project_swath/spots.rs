//! Where the cells of a tile of the source lie on the target, and their ellipses.

use harmony_model::ReadError;

use super::ellipse::{Ellipse, Reach};
use super::ewa::{Manner, Shapes};
use crate::project::Block;

/// Columns and rows of the target, as fractions, at which the cells of a block of the source lie; NaN: nowhere.
pub type Placing = dyn Fn(&Block) -> Result<(Vec<f32>, Vec<f32>), ReadError> + Send + Sync;

/// The cells of a tile of the source, row-major.
pub struct Spots {
    pub block: Block,
    pub u: Vec<f32>,
    pub v: Vec<f32>,
    pub ellipses: Vec<Ellipse>,
    /// How far each row reaches.
    pub rows: Vec<Reach>,
}

/// Cells of a source on a target, of which a tile is the middle.
struct Around {
    block: Block,
    u: Vec<f32>,
    v: Vec<f32>,
    period: Option<f32>,
}

impl Spots {
    /// Of the tile `block` of a source of `shape` rows and columns.
    ///
    /// # Errors
    /// What `place` says.
    pub fn of(block: Block, shape: [usize; 2], place: &Placing, manner: &Manner) -> Result<Self, ReadError> {
        let around = Around::of(&widened(&block, [1, 1], shape), place, manner.period)?;
        let line = |row: usize| {
            let first = around.index(row, block.cols.start);
            first..first + block.width()
        };
        let own = |values: &[f32]| -> Vec<f32> {
            block.rows.clone().flat_map(|row| values[line(row)].iter().copied()).collect()
        };
        let (u, v) = (own(&around.u), own(&around.v));
        let ellipses = match manner.shapes {
            Shapes::Local => around.local_ellipses(&block, shape, manner),
            Shapes::Scan => scan_ellipses(&block, shape, place, manner)?,
        };
        let mut spots = Spots { block, u, v, ellipses, rows: Vec::new() };
        spots.rows = (0..spots.block.height()).map(|row| spots.reach_of(row)).collect();
        Ok(spots)
    }

    fn reach_of(&self, row: usize) -> Reach {
        let mut reach = Reach::NOTHING;
        for at in row * self.block.width()..(row + 1) * self.block.width() {
            reach.add(self.u[at], self.v[at], &self.ellipses[at]);
        }
        reach
    }

    /// How far the tile reaches.
    pub fn reach(&self) -> Reach {
        let mut reach = Reach::NOTHING;
        self.rows.iter().for_each(|row| reach.join(row));
        reach
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.u.len() * (2 * size_of::<f32>() + size_of::<Ellipse>()) + self.rows.len() * size_of::<Reach>()
    }
}

/// A block with some more rows and columns around it, as far as there are any.
fn widened(block: &Block, [rows, cols]: [usize; 2], shape: [usize; 2]) -> Block {
    Block {
        rows: block.rows.start.saturating_sub(rows)..(block.rows.end + rows).min(shape[0]),
        cols: block.cols.start.saturating_sub(cols)..(block.cols.end + cols).min(shape[1]),
    }
}

impl Around {
    fn of(block: &Block, place: &Placing, period: Option<f32>) -> Result<Self, ReadError> {
        let (u, v) = place(block)?;
        Ok(Around { block: block.clone(), u, v, period })
    }

    #[inline]
    fn index(&self, row: usize, col: usize) -> usize {
        (row - self.block.rows.start) * self.block.width() + col - self.block.cols.start
    }

    /// Difference of two places, columns the short way around.
    #[inline]
    fn step(&self, from: [f32; 2], to: [f32; 2]) -> [f32; 2] {
        let du = to[0] - from[0];
        [self.period.map_or(du, |p| du - (du / p).round() * p), to[1] - from[1]]
    }

    #[inline]
    fn place(&self, at: usize) -> [f32; 2] {
        [self.u[at], self.v[at]]
    }

    fn local_ellipses(&self, tile: &Block, [rows, cols]: [usize; 2], manner: &Manner) -> Vec<Ellipse> {
        let width = self.block.width();
        let mut out = Vec::with_capacity(tile.count());
        for row in tile.rows.clone() {
            let (top, bottom) = manner.scans.around(row, rows);
            for col in tile.cols.clone() {
                let at = self.index(row, col);
                let left = if col > 0 { at - 1 } else { at };
                let right = if col + 1 < cols { at + 1 } else { at };
                let up = if row > top { at - width } else { at };
                let down = if row + 1 < bottom { at + width } else { at };
                out.push(Ellipse::of(self.slope(left, at, right), self.slope(up, at, down)));
            }
        }
        out
    }

    /// Mean step from one cell to the next over three of them, of which the outer ones may be missing.
    #[inline]
    fn slope(&self, before: usize, at: usize, after: usize) -> [f32; 2] {
        let (back, on) =
            (self.step(self.place(before), self.place(at)), self.step(self.place(at), self.place(after)));
        match (before != at && !back[0].is_nan(), after != at && !on[0].is_nan()) {
            (true, true) => [(back[0] + on[0]) * 0.5, (back[1] + on[1]) * 0.5],
            (true, false) => back,
            (false, true) => on,
            (false, false) => [f32::NAN; 2],
        }
    }
}

/// One ellipse for each column of a scan, given to all cells of it.
fn scan_ellipses(
    tile: &Block,
    shape: [usize; 2],
    place: &Placing,
    manner: &Manner,
) -> Result<Vec<Ellipse>, ReadError> {
    let [rows, cols] = shape;
    let last = cols.saturating_sub(1);
    let mut out = Vec::with_capacity(tile.count());
    let mut row = tile.rows.start;
    while row < tile.rows.end {
        let (top, bottom) = manner.scans.around(row, rows);
        let (height, middle) = (bottom - top, top + (bottom - top) / 2);
        let line = |row: usize| {
            let block = widened(&Block { rows: row..row + 1, cols: tile.cols.clone() }, [0, 2], shape);
            Around::of(&block, place, manner.period)
        };
        let (first, centre, end) = (line(top)?, line(middle)?, line(bottom - 1)?);
        let ellipse = |col: usize| {
            // The outermost columns are shaped like their neighbours.
            let inner = col.clamp(1.min(last), last.saturating_sub(1).max(1.min(last)));
            let (left, right) = (inner.saturating_sub(1), (inner + 1).min(last));
            let at = |line: &Around, col: usize| line.place(col - line.block.cols.start);
            let along = centre.step(at(&centre, left), at(&centre, right));
            let down = centre.step(at(&first, inner), at(&end, inner));
            let mean = |d: [f32; 2], n: usize| [d[0] / n.max(1) as f32, d[1] / n.max(1) as f32];
            Ellipse::of(mean(along, right - left), mean(down, height - 1))
        };
        let of_scan: Vec<Ellipse> = tile.cols.clone().map(ellipse).collect();
        for _ in row..bottom.min(tile.rows.end) {
            out.extend_from_slice(&of_scan);
        }
        row = bottom;
    }
    Ok(out)
}
