//! From cells of the target to places on the source grid: control points where the transformation is computed, linear
//! interpolation between them.
//!
//! A target of cylindrical projections (and every resize) is separable: one table for columns and one for rows. Else
//! tiles of [`TILE`] × [`TILE`] cells, each with control points as far apart as the interpolation stays within
//! [`TOLERANCE`]; where nothing does (poles, borders of a map), every cell is transformed.

use std::sync::{Arc, OnceLock};

use harmony_model::crs::Transform;
use harmony_model::{GridSpec, ModelError};
use rayon::prelude::*;

use super::source::SourceGrid;
use crate::project::Block;

/// Largest error of interpolated positions, in cells of the source.
pub const TOLERANCE: f64 = 0.125;
/// Cells along a side of a tile.
const TILE: usize = 64;
/// Tiles along a side of a region, which is allocated when first needed.
const REGION: usize = 16;
/// There and back again may differ by this part of a target cell.
const ROUND_TRIP: f64 = 0.25;

/// Positions on the source grid for positions on the target grid, both in fractional cells.
pub struct Warp {
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

struct Region {
    tiles: Vec<OnceLock<Tile>>,
}

enum Tile {
    /// No cell has a place on the source.
    Nowhere,
    /// Control points every `step` cells, `TILE / step + 1` a side, row-major: column and row on the source.
    Control { step: usize, points: Vec<[f64; 2]> },
    /// Every cell is transformed by itself.
    Exact(Box<Exact>),
}

/// Positions of every cell of a tile.
struct Exact {
    centres: Vec<[f64; 2]>,
    /// One more a side; few kernels ask for them.
    corners: OnceLock<Vec<[f64; 2]>>,
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
    pub fn new(source: &SourceGrid, target: &GridSpec) -> Result<Arc<Self>, ModelError> {
        let transform = Transform::new(&target.crs, &source.crs)?;
        let mut warp = Warp {
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
        Ok(Arc::new(warp))
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

    /// Exact source positions of target positions, in place: columns in `xs`, rows in `ys`. Columns of geographic
    /// sources are continuous near the middle of the source grid, not folded into it.
    pub fn exact(&self, xs: &mut [f64], ys: &mut [f64]) {
        let grid = &self.target;
        for (x, y) in xs.iter_mut().zip(ys.iter_mut()) {
            (*x, *y) = (grid.x0 + *x * grid.dx, grid.y0 + *y * grid.dy);
        }
        self.transform.points(xs, ys);
        self.to_cells(xs, ys);
    }

    /// As [`Warp::exact`], but NaN for what does not come back: places outside the maps of the two CRS.
    fn checked(&self, xs: &mut [f64], ys: &mut [f64]) {
        if self.transform.is_identity() {
            return self.exact(xs, ys);
        }
        let grid = &self.target;
        let (asked_x, asked_y) = (xs.to_vec(), ys.to_vec());
        for (x, y) in xs.iter_mut().zip(ys.iter_mut()) {
            (*x, *y) = (grid.x0 + *x * grid.dx, grid.y0 + *y * grid.dy);
        }
        self.transform.points(xs, ys);
        let (mut back_x, mut back_y) = (xs.to_vec(), ys.to_vec());
        self.transform.inverse_points(&mut back_x, &mut back_y);
        let turn = if grid.crs.is_geographic() { 360.0 } else { 0.0 };
        for i in 0..xs.len() {
            let mut off_x = back_x[i] - (grid.x0 + asked_x[i] * grid.dx);
            if turn > 0.0 {
                off_x -= turn * (off_x / turn).round();
            }
            let latitude = grid.y0 + asked_y[i] * grid.dy;
            // On a pole all longitudes are the same place.
            if turn > 0.0 && latitude.abs() > 89.999_999 {
                off_x = 0.0;
            }
            let off_y = back_y[i] - latitude;
            let close = off_x.abs() <= ROUND_TRIP * grid.dx && off_y.abs() <= ROUND_TRIP * grid.dy.abs();
            let on_earth = turn == 0.0 || latitude.abs() <= 90.0 + 1e-9;
            if !(close && on_earth) {
                (xs[i], ys[i]) = (f64::NAN, f64::NAN);
            }
        }
        self.to_cells(xs, ys);
    }

    fn to_cells(&self, xs: &mut [f64], ys: &mut [f64]) {
        for (x, y) in xs.iter_mut().zip(ys.iter_mut()) {
            let (col, row) = (self.column(*x), self.source.y.position(*y));
            let fine = col.is_finite() && row.is_finite();
            (*x, *y) = if fine { (col, row) } else { (f64::NAN, f64::NAN) };
        }
    }

    /// Column of an x; a longitude is taken on the turn on which it lies nearest to the middle of the grid.
    fn column(&self, x: f64) -> f64 {
        if self.source.turn.is_none() {
            return self.source.x.position(x);
        }
        let (west, east) = self.source.x.extent();
        let middle = f64::midpoint(west, east);
        self.source.x.position(x - 360.0 * ((x - middle) / 360.0).round())
    }

    /// Folds columns to the turn whose middle is that of the grid.
    fn fold(&self, xs: &mut [f64]) {
        let Some(turn) = self.source.turn else { return };
        let middle = self.source.x.len() as f64 / 2.0;
        let inverse = 1.0 / turn;
        xs.iter_mut().for_each(|x| *x -= turn * ((*x - middle) * inverse).round());
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
            }
        }
        if !matches!((&self.kind, at), (Kind::Separable(_), At::Centres)) {
            self.fold(xs);
        }
    }

    fn tiled_row(&self, row: usize, col: usize, at: At, xs: &mut [f64], ys: &mut [f64]) {
        let [ny, nx] = self.target_shape();
        let (mut from, end) = (col, col + xs.len());
        // Corners past the last cell belong to the last tile.
        let tile_row = row.min(ny - 1) / TILE;
        while from < end {
            let tile_col = from.min(nx - 1) / TILE;
            let last = (tile_col + 1) * TILE >= nx;
            let to = if last { end } else { end.min((tile_col + 1) * TILE) };
            let part = from - col..to - col;
            self.tile_row((tile_row, tile_col), row, from, at, &mut xs[part.clone()], &mut ys[part]);
            from = to;
        }
    }

    fn tile_row(&self, tile: (usize, usize), row: usize, col: usize, at: At, xs: &mut [f64], ys: &mut [f64]) {
        let offset = at.offset();
        match self.tile(tile) {
            None | Some(Tile::Nowhere) => {
                xs.fill(f64::NAN);
                ys.fill(f64::NAN);
            }
            Some(Tile::Exact(exact)) => {
                let (points, side) = match at {
                    At::Centres => (&exact.centres, TILE),
                    At::Corners => {
                        (exact.corners.get_or_init(|| self.exact_points(tile, At::Corners)), TILE + 1)
                    }
                };
                let [top, left] = self.origin(tile);
                let from = (row - top) * side + col - left;
                for (i, (x, y)) in xs.iter_mut().zip(ys).enumerate() {
                    [*x, *y] = points[from + i];
                }
            }
            Some(Tile::Control { step, points }) => {
                let [top, left] = self.origin(tile);
                let (y, x) = ((row - top) as f64 + offset, (col - left) as f64 + offset);
                interpolate(*step, points, y, x, xs, ys);
            }
        }
    }

    fn tile(&self, (row, col): (usize, usize)) -> Option<&Tile> {
        let Kind::Tiles { across, regions } = &self.kind else { return None };
        let region = regions.get(row / REGION * across + col / REGION)?;
        let region = region.get_or_init(|| {
            Box::new(Region { tiles: (0..REGION * REGION).map(|_| OnceLock::new()).collect() })
        });
        let tile = &region.tiles[row % REGION * REGION + col % REGION];
        Some(tile.get_or_init(|| self.make_tile(row, col)))
    }

    /// First row and column of a tile. The last tiles end with the grid, so that none reaches beyond the map.
    fn origin(&self, (row, col): (usize, usize)) -> [usize; 2] {
        let [ny, nx] = self.target_shape();
        [(row * TILE).min(ny.saturating_sub(TILE)), (col * TILE).min(nx.saturating_sub(TILE))]
    }

    fn exact_points(&self, tile: (usize, usize), at: At) -> Vec<[f64; 2]> {
        let side = if at == At::Centres { TILE } else { TILE + 1 };
        let [top, left] = self.origin(tile);
        let place = |first: usize, i: usize| (first + i) as f64 + at.offset();
        let mut xs: Vec<f64> = (0..side * side).map(|i| place(left, i % side)).collect();
        let mut ys: Vec<f64> = (0..side * side).map(|i| place(top, i / side)).collect();
        self.checked(&mut xs, &mut ys);
        xs.into_iter().zip(ys).map(|(x, y)| [x, y]).collect()
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

    fn tile_reach(&self, tile: (usize, usize)) -> Reach {
        let mut reach = Reach::NONE;
        match self.tile(tile) {
            None | Some(Tile::Nowhere) => {}
            Some(Tile::Control { points, .. }) => points.iter().for_each(|&p| reach.add(p)),
            Some(Tile::Exact(exact)) => exact.centres.iter().for_each(|&p| reach.add(p)),
        }
        reach
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

    fn make_tile(&self, row: usize, col: usize) -> Tile {
        let exact = || {
            let centres = self.exact_points((row, col), At::Centres);
            Tile::Exact(Box::new(Exact { centres, corners: OnceLock::new() }))
        };
        let mut step = TILE;
        // The first lattice also tells whether the tile lies on both maps.
        let coarse = self.lattice(row, col, TILE / 8, true);
        if coarse.iter().all(|p| p[0].is_nan()) {
            return Tile::Nowhere;
        }
        if coarse.iter().any(|p| p[0].is_nan()) {
            return exact();
        }
        while step >= 2 {
            let half = step / 2;
            let points = if half == TILE / 8 { coarse.clone() } else { self.lattice(row, col, half, false) };
            if self.is_close(&points, TILE / half + 1) {
                return Tile::Control { step, points: every_other(&points, TILE / half + 1) };
            }
            step = half;
        }
        exact()
    }

    /// Source positions on a lattice of the tile, one point every `step` cells, continuous in longitude.
    fn lattice(&self, row: usize, col: usize, step: usize, check: bool) -> Vec<[f64; 2]> {
        let n = TILE / step + 1;
        let [top, left] = self.origin((row, col));
        let (mut xs, mut ys) = (Vec::with_capacity(n * n), Vec::with_capacity(n * n));
        for r in 0..n {
            for c in 0..n {
                xs.push((left + c * step) as f64);
                ys.push((top + r * step) as f64);
            }
        }
        if check {
            self.checked(&mut xs, &mut ys);
        } else {
            self.exact(&mut xs, &mut ys);
        }
        for r in 0..n {
            if r > 0
                && let Some(turn) = self.source.turn
            {
                let above = xs[(r - 1) * n];
                xs[r * n] += turn * ((above - xs[r * n]) / turn).round();
            }
            unwrap(&mut xs[r * n..(r + 1) * n], self.source.turn);
        }
        xs.into_iter().zip(ys).map(|(x, y)| [x, y]).collect()
    }

    /// Whether every second point of an `n` × `n` lattice predicts the others.
    fn is_close(&self, points: &[[f64; 2]], n: usize) -> bool {
        let at = |r: usize, c: usize| points[r * n + c];
        let mean = |a: [f64; 2], b: [f64; 2]| [f64::midpoint(a[0], b[0]), f64::midpoint(a[1], b[1])];
        let near = |a: [f64; 2], b: [f64; 2]| {
            (a[0] - b[0]).abs() <= 0.9 * TOLERANCE && (a[1] - b[1]).abs() <= 0.9 * TOLERANCE
        };
        let cells = || (0..n - 1).step_by(2).flat_map(|r| (0..n - 1).step_by(2).map(move |c| (r, c)));
        cells().all(|(r, c)| {
            let [a, b, d, e] = [at(r, c), at(r, c + 2), at(r + 2, c), at(r + 2, c + 2)];
            near(mean(a, b), at(r, c + 1))
                && near(mean(a, d), at(r + 1, c))
                && near(mean(b, e), at(r + 1, c + 2))
                && near(mean(d, e), at(r + 2, c + 1))
                && near(mean(mean(a, b), mean(d, e)), at(r + 1, c + 1))
        })
    }
}

/// Removes jumps of a turn from a row of columns.
fn unwrap(xs: &mut [f64], turn: Option<f64>) {
    let Some(turn) = turn else { return };
    for i in 1..xs.len() {
        let jump = ((xs[i - 1] - xs[i]) / turn).round();
        if jump.is_finite() {
            xs[i] += turn * jump;
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(1.0)
}

fn every_other(points: &[[f64; 2]], n: usize) -> Vec<[f64; 2]> {
    (0..n).step_by(2).flat_map(|r| (0..n).step_by(2).map(move |c| points[r * n + c])).collect()
}

/// Positions along a row from the control points of a tile; `y`, `x`: where the row starts, in cells of the tile.
fn interpolate(step: usize, points: &[[f64; 2]], y: f64, x: f64, xs: &mut [f64], ys: &mut [f64]) {
    let n = TILE / step + 1;
    let size = step as f64;
    let r = ((y / size) as usize).min(n - 2);
    let down = y / size - r as f64;
    let (upper, lower) = (&points[r * n..(r + 1) * n], &points[(r + 1) * n..(r + 2) * n]);
    let on_row = |c: usize| {
        let (a, b) = (upper[c], lower[c]);
        [a[0] + (b[0] - a[0]) * down, a[1] + (b[1] - a[1]) * down]
    };
    let mut done = 0;
    while done < xs.len() {
        let here = x + done as f64;
        let c = ((here / size) as usize).min(n - 2);
        // Up to the next control point; the last interval takes what lies beyond.
        let left = if c + 2 == n {
            xs.len() - done
        } else {
            (((c + 1) as f64 * size - here).ceil() as usize).max(1)
        };
        let end = (done + left).min(xs.len());
        let (a, b) = (on_row(c), on_row(c + 1));
        let slope = [(b[0] - a[0]) / size, (b[1] - a[1]) / size];
        let from = here - c as f64 * size;
        let base = [a[0] + slope[0] * from, a[1] + slope[1] * from];
        for (i, (px, py)) in xs[done..end].iter_mut().zip(&mut ys[done..end]).enumerate() {
            (*px, *py) = (base[0] + slope[0] * i as f64, base[1] + slope[1] * i as f64);
        }
        done = end;
    }
}
