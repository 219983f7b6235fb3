//! From cells of the target to places on the source grid: control points where the transformation is computed, linear
//! interpolation between them.
//!
//! A target of cylindrical projections (and every resize) is separable: one table for columns and one for rows. Else
//! tiles of [`TILE`] × [`TILE`] cells, each with control points as far apart as the interpolation stays within
//! [`TOLERANCE`]; where nothing does (poles, borders of a map), every cell is transformed.

mod position;
mod scanline;
mod surface;
mod tiles;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use harmony_model::crs::Transform;
use harmony_model::{GridSpec, ModelError};
use rayon::prelude::*;

use self::position::unwrap;
use self::tiles::{Region, Tile};
use super::source::SourceGrid;
use crate::project::Block;

/// Largest error of interpolated positions, in cells of the source.
pub const TOLERANCE: f64 = 0.125;
/// Cells along a side of a tile.
const TILE: usize = 64;
/// Tiles along a side of a region, which is allocated when first needed.
const REGION: usize = 16;
/// Warps that are kept for the next granule, and tiles that one of them may have.
const SHARED: usize = 4;
const LARGEST_SHARED: usize = 1 << 15;
/// There and back again may differ by this part of a target cell.
const ROUND_TRIP: f64 = 0.25;

/// Whether results of a transformation must lead back to where they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// What lies outside the map of either system has no place.
    Checked,
    /// Whatever comes out, as GDAL takes it: beyond the border of a map it goes on with the next turn.
    Blind,
}

/// Positions on the source grid for positions on the target grid, both in fractional cells.
pub struct Warp {
    trust: Trust,
    source: SourceGrid,
    target: GridSpec,
    transform: Transform,
    kind: Kind,
}

enum Kind {
    Separable(Tables),
    Tiles { across: usize, regions: Vec<OnceLock<Box<Region>>> },
}

/// Source positions of target columns and rows; NaN where there are none.
pub struct Tables {
    pub col_centres: Vec<f64>,
    pub row_centres: Vec<f64>,
    pub col_edges: Vec<f64>,
    pub row_edges: Vec<f64>,
}

/// Smallest and largest column and row of some positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    pub cols: [f64; 2],
    pub rows: [f64; 2],
}

impl Reach {
    const NONE: Reach =
        Reach { cols: [f64::INFINITY, f64::NEG_INFINITY], rows: [f64::INFINITY, f64::NEG_INFINITY] };

    fn add(&mut self, p: [f64; 2]) {
        // Comparisons with NaN leave it as it is.
        self.cols = [self.cols[0].min(p[0]), self.cols[1].max(p[0])];
        self.rows = [self.rows[0].min(p[1]), self.rows[1].max(p[1])];
    }

    fn join(mut self, other: Reach) -> Reach {
        self.add([other.cols[0], other.rows[0]]);
        self.add([other.cols[1], other.rows[1]]);
        self
    }

    fn some(self) -> Option<Self> {
        (self.cols[0] <= self.cols[1] && self.rows[0] <= self.rows[1]).then_some(self)
    }
}

/// Which places of cells are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Centres,
    /// The corner with the cell's own numbers (north-west).
    Corners,
}

impl At {
    fn offset(self) -> f64 {
        match self {
            At::Centres => 0.5,
            At::Corners => 0.0,
        }
    }
}

impl Warp {
    /// # Errors
    /// When there is no way between the two CRS.
    pub fn new(source: &SourceGrid, target: &GridSpec, trust: Trust) -> Result<Arc<Self>, ModelError> {
        let transform = Transform::new(&target.crs, &source.crs)?;
        Ok(Warp::through(transform, source, target, trust))
    }

    /// With a transformation from the CRS of the target to that of the source that is there already.
    pub fn through(transform: Transform, source: &SourceGrid, target: &GridSpec, trust: Trust) -> Arc<Self> {
        let mut warp = Warp {
            trust,
            source: source.clone(),
            target: target.clone(),
            transform,
            kind: Kind::Tiles { across: 0, regions: Vec::new() },
        };
        warp.kind = match warp.is_separable() {
            true => Kind::Separable(warp.tables()),
            false => {
                let side = TILE * REGION;
                let (across, down) =
                    ((target.nx as usize).div_ceil(side), (target.ny as usize).div_ceil(side));
                Kind::Tiles { across, regions: (0..across * down).map(|_| OnceLock::new()).collect() }
            }
        };
        Arc::new(warp)
    }

    /// As [`Warp::new`]; granules of a job that lie on the same grid share one.
    ///
    /// # Errors
    /// As [`Warp::new`].
    pub fn shared(source: &SourceGrid, target: &GridSpec, trust: Trust) -> Result<Arc<Self>, ModelError> {
        static RECENT: Mutex<VecDeque<Arc<Warp>>> = Mutex::new(VecDeque::new());
        let recent = || RECENT.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |w: &&Arc<Warp>| w.trust == trust && w.source == *source && w.target == *target;
        let known = recent().iter().find(same).cloned();
        if let Some(warp) = known {
            return Ok(warp);
        }
        let warp = Warp::new(source, target, trust)?;
        if warp.tiles() <= LARGEST_SHARED {
            let mut recent = recent();
            recent.truncate(SHARED - 1);
            recent.push_front(warp.clone());
        }
        Ok(warp)
    }

    pub fn source(&self) -> &SourceGrid {
        &self.source
    }

    pub fn target(&self) -> &GridSpec {
        &self.target
    }

    /// Rows and columns of the target.
    pub fn target_shape(&self) -> [usize; 2] {
        [self.target.ny as usize, self.target.nx as usize]
    }

    /// The tables of a separable warp.
    pub fn separable(&self) -> Option<&Tables> {
        match &self.kind {
            Kind::Separable(tables) => Some(tables),
            Kind::Tiles { .. } => None,
        }
    }

    /// Whether columns depend on x alone and rows on y alone, tried out on a lattice.
    fn is_separable(&self) -> bool {
        if self.transform.is_identity() {
            return true;
        }
        const N: usize = 7;
        let at = |i: usize, n: u64| (0.03 + 0.94 * i as f64 / (N - 1) as f64) * n as f64;
        let (mut xs, mut ys) = (Vec::new(), Vec::new());
        for r in 0..N {
            for c in 0..N {
                xs.push(at(c, self.target.nx));
                ys.push(at(r, self.target.ny));
            }
        }
        self.checked(&mut xs, &mut ys);
        if xs.iter().chain(&ys).any(|v| v.is_nan()) {
            return false;
        }
        let turn = self.source.turn.unwrap_or(f64::INFINITY);
        let same = |a: f64, b: f64| {
            let d = (a - b).abs();
            d.min((d - turn).abs()) < 1e-6
        };
        (0..N).all(|r| (0..N).all(|c| same(xs[r * N + c], xs[c]) && (ys[r * N + c] - ys[r * N]).abs() < 1e-6))
    }

    fn tables(&self) -> Tables {
        let (nx, ny) = (self.target.nx as usize, self.target.ny as usize);
        let (mid_x, mid_y) = (nx as f64 / 2.0, ny as f64 / 2.0);
        let column = |n: usize, offset: f64| {
            let mut xs: Vec<f64> = (0..n).map(|i| i as f64 + offset).collect();
            let mut ys = vec![mid_y; n];
            self.checked(&mut xs, &mut ys);
            xs
        };
        let row = |n: usize, offset: f64| {
            let mut ys: Vec<f64> = (0..n).map(|i| i as f64 + offset).collect();
            let mut xs = vec![mid_x; n];
            self.checked(&mut xs, &mut ys);
            ys
        };
        let mut col_edges = column(nx + 1, 0.0);
        unwrap(&mut col_edges, self.source.turn);
        let mut col_centres = column(nx, 0.5);
        self.fold(&mut col_centres);
        Tables { col_centres, row_centres: row(ny, 0.5), col_edges, row_edges: row(ny + 1, 0.0) }
    }

    /// Source positions along a row of the target: columns in `xs`, rows in `ys`, for cells `col..col + xs.len()`.
    /// With [`At::Corners`], row and column may be one past the last. Columns are folded around the grid's middle.
    pub fn row(&self, row: usize, col: usize, at: At, xs: &mut [f64], ys: &mut [f64]) {
        match &self.kind {
            Kind::Separable(t) => {
                let (cols, rows) = match at {
                    At::Centres => (&t.col_centres, &t.row_centres),
                    At::Corners => (&t.col_edges, &t.row_edges),
                };
                xs.copy_from_slice(&cols[col..col + xs.len()]);
                ys.fill(rows[row]);
            }
            Kind::Tiles { .. } => {
                self.tiled_row(row, col, at, xs, ys);
                if self.trust == Trust::Blind && at == At::Centres {
                    self.approximate(row, col, xs, ys);
                }
            }
        }
        if !matches!((&self.kind, at), (Kind::Separable(_), At::Centres)) {
            self.fold(xs);
        }
    }

    /// Around the source positions of a block of the target, a little more; `None` when there are none.
    pub fn reach(&self, block: &Block) -> Option<Reach> {
        if block.is_empty() {
            return None;
        }
        let mut reach = Reach::NONE;
        match &self.kind {
            Kind::Separable(t) => {
                let cols = t.col_edges[block.cols.start..=block.cols.end]
                    .iter()
                    .chain(&t.col_centres[block.cols.clone()]);
                let rows = t.row_edges[block.rows.start..=block.rows.end]
                    .iter()
                    .chain(&t.row_centres[block.rows.clone()]);
                cols.for_each(|&x| reach.add([x, f64::NAN]));
                rows.for_each(|&y| reach.add([f64::NAN, y]));
            }
            Kind::Tiles { .. } => {
                let rows = block.rows.start / TILE..(block.rows.end - 1) / TILE + 1;
                let cols = block.cols.start / TILE..(block.cols.end - 1) / TILE + 1;
                let of_row = |row: usize| {
                    cols.clone().map(|col| self.tile_reach((row, col))).fold(Reach::NONE, Reach::join)
                };
                // Small blocks are asked for from within tasks; only the whole grid is worth spreading.
                reach = if rows.len() * cols.len() > 256 {
                    rows.into_par_iter().map(of_row).reduce(|| Reach::NONE, Reach::join)
                } else {
                    rows.map(of_row).fold(Reach::NONE, Reach::join)
                };
            }
        }
        reach.some()
    }

    /// Parts of a block that lie near one place of the source each, row by row of them.
    pub fn split(&self, block: &Block) -> Vec<Block> {
        // Positions of a blind warp are those of whole rows.
        match self.kind {
            Kind::Tiles { .. } if self.trust == Trust::Checked => self.tiles_of(block),
            _ => vec![block.clone()],
        }
    }

    /// Whether a part that lies on one tile has no place on the source; false for larger ones.
    pub fn is_nowhere(&self, part: &Block) -> bool {
        let (row, col) = (part.rows.start / TILE, part.cols.start / TILE);
        let is_in_one = part.rows.end <= (row + 1) * TILE && part.cols.end <= (col + 1) * TILE;
        is_in_one && self.trust == Trust::Checked && matches!(self.tile((row, col)), Some(Tile::Nowhere))
    }

    /// Number of tiles; 0 when none are needed.
    pub fn tiles(&self) -> usize {
        match self.kind {
            Kind::Separable(_) => 0,
            Kind::Tiles { .. } => self.target_shape().iter().map(|n| n.div_ceil(TILE)).product(),
        }
    }

    /// Source cells along columns and rows in one target cell, in the middle of where there are any: medians over a
    /// lattice. Turned axes count by their length.
    pub fn ratio(&self) -> [f64; 2] {
        const N: usize = 16;
        let [ny, nx] = self.target_shape();
        let (mut along_cols, mut along_rows) = (Vec::new(), Vec::new());
        for i in 0..N * N {
            let x = ((i % N) as f64 + 0.5) / N as f64 * nx as f64;
            let y = ((i / N) as f64 + 0.5) / N as f64 * ny as f64;
            let (mut xs, mut ys) = ([x - 0.5, x + 0.5, x, x], [y, y, y - 0.5, y + 0.5]);
            self.checked(&mut xs, &mut ys);
            unwrap(&mut xs, self.source.turn);
            let cols = (xs[1] - xs[0]).hypot(xs[3] - xs[2]);
            let rows = (ys[1] - ys[0]).hypot(ys[3] - ys[2]);
            let inside = ys[0] >= -1.0 && ys[0] <= self.source.y.len() as f64 + 1.0;
            let inside = inside && xs[0] >= -1.0 && xs[0] <= self.source.x.len() as f64 + 1.0;
            if cols.is_finite() && rows.is_finite() && inside {
                along_cols.push(cols);
                along_rows.push(rows);
            }
        }
        [median(along_cols), median(along_rows)]
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(1.0)
}
