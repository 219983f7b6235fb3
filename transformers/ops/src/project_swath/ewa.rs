//! Elliptical weighted averaging: every source cell spreads over the target cells within its ellipse, with weights
//! that fall off like a Gaussian.
//!
//! The method is that of Greene and Heckbert (1986) as NSIDC's MODIS Swath-to-Grid Toolbox uses it; its parameters are
//! the toolbox's. Source positions are fractions of target columns and rows, 0 at the centre of the first cell.

use std::sync::{Arc, LazyLock};

use harmony_model::{ReadError, Request};
use rayon::prelude::*;

use super::ellipse::{Ellipse, Reach};
use super::scans::Scans;
use super::spots::{Placing, Spots};
use crate::project::{Block, Cuts, Kept};

/// Entries of the weight table.
const WEIGHTS: usize = 10_000;
/// Weight at the edge of an ellipse; a target cell with less in all gets nothing.
pub const WEIGHT_MIN: f64 = 0.01;

/// Bytes of positions and ellipses that are kept, unless said otherwise.
const BUDGET: usize = 192 << 20;

/// Bytes of positions and ellipses that a request allows: an eighth of its memory.
pub fn budget(request: &Request) -> usize {
    request.memory.map_or(BUDGET, |memory| usize::try_from(memory / 8).unwrap_or(usize::MAX))
}

/// exp falling from 1 to [`WEIGHT_MIN`] over squared distances 0 … 1.
static TABLE: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let slope = WEIGHT_MIN.ln() / (WEIGHTS - 1) as f64;
    (0..WEIGHTS).map(|i| (slope * i as f64).exp() as f32).collect()
});

/// Where the ellipses come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shapes {
    /// Of each cell, from its neighbours in the same scan.
    Local,
    /// One for each column of a scan, from the middle row and the first and last one, as the toolbox does.
    Scan,
}

/// Whether target cells get means or single values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Mean,
    /// The value of the heaviest cell that has one.
    Heaviest,
}

/// What the ellipses of a source depend on.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    pub scans: Scans,
    pub shapes: Shapes,
    /// Target columns of a whole turn, when columns are longitudes.
    pub period: Option<f32>,
}

/// Positions and ellipses of the cells of a source on a target; shared by all variables. They are computed tile by tile
/// when they are needed.
pub struct Field {
    /// Rows and columns of the source.
    pub shape: [usize; 2],
    cuts: Cuts,
    place: Box<Placing>,
    manner: Manner,
    /// How far each tile reaches.
    reaches: Vec<Reach>,
    kept: Kept<usize, Spots>,
}

impl Field {
    /// Of a source of `shape` rows and columns, cut by `cuts`, whose cells lie where `place` says. About `kept` bytes of
    /// what is computed are kept.
    ///
    /// # Errors
    /// What `place` says.
    pub fn new(
        shape: [usize; 2],
        cuts: Cuts,
        place: Box<Placing>,
        manner: Manner,
        kept: usize,
    ) -> Result<Self, ReadError> {
        let mut field = Field { shape, cuts, place, manner, reaches: Vec::new(), kept: Kept::new(kept) };
        // Page by page, as positions are read.
        let mut tiles: Vec<usize> = (0..cuts.tiles()).collect();
        tiles.sort_by_cached_key(|&n| {
            let tile = cuts.tile(n);
            (cuts.page_of(tile.rows.start, tile.cols.start), n)
        });
        let reach = |&n: &usize| Ok((n, field.spots(n)?.reach()));
        let found: Vec<(usize, Reach)> = tiles.par_iter().map(reach).collect::<Result<_, ReadError>>()?;
        let mut reaches = vec![Reach::NOTHING; found.len()];
        found.into_iter().for_each(|(n, reach)| reaches[n] = reach);
        field.reaches = reaches;
        Ok(field)
    }

    fn spots(&self, tile: usize) -> Result<Arc<Spots>, ReadError> {
        if let Some(spots) = self.kept.get(tile) {
            return Ok(spots);
        }
        let spots = Arc::new(Spots::of(self.cuts.tile(tile), self.shape, &self.place, &self.manner)?);
        self.kept.put(tile, spots.clone(), spots.bytes());
        Ok(spots)
    }

    /// Shifts of longitude under which a source cell can show up on a target.
    fn turns(&self) -> impl Iterator<Item = f32> + use<> {
        let period = self.manner.period;
        [-1.0, 0.0, 1.0]
            .into_iter()
            .filter(move |t| period.is_some() || *t == 0.0)
            .map(move |t| t * period.unwrap_or(0.0))
    }

    /// Numbers of the tiles that reach a block of the target.
    fn tiles_at(&self, target: &Block) -> impl Iterator<Item = usize> {
        let meets = |reach: &Reach| self.turns().any(|turn| reach.meets(target, turn));
        self.reaches.iter().enumerate().filter(move |(_, r)| meets(r)).map(|(n, _)| n)
    }

    /// Rows and columns of the source around the cells that reach a block; `None` without any.
    pub fn window(&self, target: &Block) -> Option<Block> {
        self.tiles_at(target).map(|n| self.cuts.tile(n)).reduce(|a, b| a.union(&b))
    }

    /// Target values of a block, row-major. `value` gives the source value at (row, col), NaN for none. A target cell
    /// gets NaN when cells with a value hold less than `share` of the weight that reaches it.
    ///
    /// # Errors
    /// When positions can't be read.
    pub fn spread(
        &self,
        target: &Block,
        mode: Mode,
        share: f64,
        value: impl Fn(usize, usize) -> f64,
        out: &mut [f64],
    ) -> Result<(), ReadError> {
        let mut sums = Sums::of(target.count(), mode, share);
        let tiles: Vec<usize> = self.tiles_at(target).collect();
        let across = self.cuts.cols.tiles().max(1);
        // Cells come in the order of the source: which of two equal weights was first is seen in the result.
        for line in tiles.chunk_by(|a, b| a / across == b / across) {
            let spots = line.iter().map(|&n| self.spots(n)).collect::<Result<Vec<_>, _>>()?;
            for row in spots.first().map_or(0..0, |s| s.block.rows.clone()) {
                for spots in &spots {
                    self.add_row(spots, row, target, &value, &mut sums);
                }
            }
        }
        out.copy_from_slice(&sums.finish(share));
        Ok(())
    }

    /// Adds a row of a tile to what a block of the target has received.
    fn add_row(
        &self,
        spots: &Spots,
        row: usize,
        target: &Block,
        value: &impl Fn(usize, usize) -> f64,
        sums: &mut Sums,
    ) {
        let table: &[f32] = &TABLE;
        let i = row - spots.block.rows.start;
        for turn in self.turns().filter(|t| spots.rows[i].meets(target, *t)) {
            let first = i * spots.block.width();
            for (at, col) in (first..).zip(spots.block.cols.clone()) {
                let centre = [spots.u[at] + turn, spots.v[at]];
                if !(centre[0].is_nan() || centre[1].is_nan()) {
                    splat(&spots.ellipses[at], centre, target, table, value(row, col), sums);
                }
            }
        }
    }
}

/// What a block of the target has received.
struct Sums {
    sum: Vec<f64>,
    weight: Vec<f64>,
    /// Weight of cells without a value; empty when nobody asks.
    missing: Vec<f64>,
    mode: Mode,
}

impl Sums {
    fn of(cells: usize, mode: Mode, share: f64) -> Self {
        let missing = vec![0.0; if share > 0.0 { cells } else { 0 }];
        Sums { sum: vec![0.0; cells], weight: vec![0.0; cells], missing, mode }
    }

    #[inline]
    fn add(&mut self, at: usize, weight: f64, value: f64) {
        if value.is_nan() {
            if let Some(m) = self.missing.get_mut(at) {
                *m = if self.mode == Mode::Mean { *m + weight } else { m.max(weight) };
            }
        } else if self.mode == Mode::Mean {
            self.weight[at] += weight;
            self.sum[at] += weight * value;
        } else if weight > self.weight[at] {
            self.weight[at] = weight;
            self.sum[at] = value;
        }
    }

    fn finish(mut self, share: f64) -> Vec<f64> {
        for (i, (sum, &weight)) in self.sum.iter_mut().zip(&self.weight).enumerate() {
            let missing = self.missing.get(i).copied().unwrap_or(0.0);
            if weight < WEIGHT_MIN || weight < share * (weight + missing) {
                *sum = f64::NAN;
            } else if self.mode == Mode::Mean {
                *sum /= weight;
            }
        }
        self.sum
    }
}

/// Adds one source cell to the target cells inside its ellipse.
#[inline]
fn splat(e: &Ellipse, [u0, v0]: [f32; 2], target: &Block, table: &[f32], value: f64, sums: &mut Sums) {
    let (top, left, width) = (target.rows.start, target.cols.start, target.width());
    let span = |centre: f32, reach: f32, first: usize, n: usize| {
        let (lo, hi) = ((centre - reach).floor() - first as f32, (centre + reach).floor() - first as f32);
        (lo.max(0.0) as usize, if hi < 0.0 { 0 } else { (hi as usize + 1).min(n) })
    };
    let (u1, u2) = span(u0, e.reach_u, left, width);
    let (v1, v2) = span(v0, e.reach_v, top, target.height());
    for row in v1..v2 {
        let dv = (top + row) as f32 - v0;
        let (cv, bv) = (e.c * dv * dv, e.b * dv);
        for col in u1..u2 {
            let du = (left + col) as f32 - u0;
            let q = (e.a * du + bv) * du + cv;
            if (0.0..1.0).contains(&q) {
                let weight = table[((q * WEIGHTS as f32) as usize).min(WEIGHTS - 1)];
                sums.add(row * width + col, f64::from(weight), value);
            }
        }
    }
}

#[cfg(test)]
#[path = "ewa_tests.rs"]
mod tests;
