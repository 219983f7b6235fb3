//! Bilinear interpolation as pyresample does it, for comparison: corners are the nearest cells of the four quadrants
//! around a target, out of its 16 nearest cells; without one in each of them a target gets nothing. Where the equations
//! of an irregular quadrilateral have no solution inside, those of one with parallel uprights and then those of a
//! parallelogram are tried, so that some targets get values that are no exact interpolation. Nor do targets with fewer
//! than 16 cells within the radius: for the others the reference takes the first cell of the swath near the target grid,
//! wherever that is.

use std::sync::Arc;

use harmony_model::ReadError;

use super::cells::Cells;
use super::index::{NONE, SwathIndex};
use super::nearest::several;
use super::sphere;
use super::swath::Swath;
use super::target::TargetGrid;
use super::tiles::Tiles;
use crate::project::{Blender, Block, Footprint, Plane};

/// Neighbours that corners are chosen from.
const NEIGHBOURS: usize = 16;

/// Corners of a target (upper left, upper right, lower left, lower right) and its place between them: to the right and
/// down. In double precision: the reference cuts decimals off, so that the last digit decides.
#[derive(Clone, Copy)]
struct Corners {
    cells: [u32; 4],
    s: f64,
    t: f64,
}

const NOTHING: Corners = Corners { cells: [NONE; 4], s: 0.0, t: 0.0 };

/// Geometry of one swath on one target.
pub struct Quadrants {
    swath: Arc<Swath>,
    target: Arc<TargetGrid>,
    index: SwathIndex,
    radius_m: f64,
    /// Columns and rows of the swath's cells on the target.
    u: Vec<f64>,
    v: Vec<f64>,
    /// What stands for cells that are not within the radius.
    first: u32,
    tiles: Tiles<Corners>,
}

impl Quadrants {
    /// About `kept` bytes of what is found are kept; all cells are in memory as well. `None` when none has a position.
    ///
    /// # Errors
    /// When positions can't be read.
    pub fn new(
        swath: Arc<Swath>,
        target: Arc<TargetGrid>,
        radius_m: f64,
        kept: usize,
    ) -> Result<Option<Self>, ReadError> {
        let whole = swath.whole()?;
        let Some(index) = SwathIndex::of(&whole) else { return Ok(None) };
        let (u, v) = target.fractions(&whole.lons, &whole.lats);
        let tiles = Tiles::new(target.shape(), kept);
        let first = first_cell(&whole, &target, radius_m);
        Ok(Some(Quadrants { swath, target, index, radius_m, u, v, first, tiles }))
    }

    fn of(&self, block: &Block) -> Vec<Corners> {
        let (lons, lats) = self.target.positions(block);
        let cells = block.rows.clone().flat_map(|r| block.cols.clone().map(move |c| (r, c)));
        cells
            .zip(lons.iter().zip(&lats))
            .map(|((row, col), (&lon, &lat))| {
                let near = several::<NEIGHBOURS>(&self.index, lon, lat, self.radius_m);
                self.corners([col as f64, row as f64], &near).unwrap_or(NOTHING)
            })
            .collect()
    }

    fn corners(&self, [col, row]: [f64; 2], near: &[u32]) -> Option<Corners> {
        let mut cells = [NONE; 4];
        let mut at = [[0.0; 2]; 4];
        let stand_in = near.contains(&NONE).then_some(&self.first);
        for &cell in near.iter().chain(stand_in).filter(|c| **c != NONE) {
            let (x, y) = (self.u[cell as usize] - col, row - self.v[cell as usize]);
            let quadrant = match (x < 0.0, x > 0.0, y > 0.0, y < 0.0) {
                (true, _, true, _) => 0,
                (_, true, true, _) => 1,
                (true, _, _, true) => 2,
                (_, true, _, true) => 3,
                _ => continue,
            };
            if cells[quadrant] == NONE {
                cells[quadrant] = cell;
                at[quadrant] = [x, y];
            }
        }
        if cells.contains(&NONE) {
            return None;
        }
        let (s, t) = fractions(at)?;
        Some(Corners { cells, s, t })
    }
}

/// The first cell in the box around the target grid in degrees, a search radius larger; of all cells where the grid goes
/// round a pole or across the antimeridian.
fn first_cell(swath: &Cells, target: &TargetGrid, radius_m: f64) -> u32 {
    let [rows, cols] = target.shape();
    let rims = [
        Block { rows: 0..1, cols: 0..cols },
        Block { rows: rows.saturating_sub(1)..rows, cols: 0..cols },
        Block { rows: 0..rows, cols: 0..1 },
        Block { rows: 0..rows, cols: cols.saturating_sub(1)..cols },
    ];
    let (mut west, mut east, mut south, mut north) = (f64::MAX, f64::MIN, f64::MAX, f64::MIN);
    let mut widest = 0.0f64;
    for (lons, lats) in rims.iter().map(|rim| target.positions(rim)) {
        lons.windows(2).for_each(|w| widest = widest.max((w[1] - w[0]).abs()));
        lons.iter().for_each(|&v| (west, east) = (west.min(v), east.max(v)));
        lats.iter().for_each(|&v| (south, north) = (south.min(v), north.max(v)));
    }
    let reach = (radius_m / sphere::EARTH_RADIUS_M).to_degrees();
    let across = reach / south.abs().max(north.abs()).min(89.0).to_radians().cos();
    let whole = widest > 180.0;
    let is_near = |lon: f64, lat: f64| {
        let beside = lon >= west - across && lon <= east + across;
        whole || (beside && lat >= south - reach && lat <= north + reach)
    };
    let places = swath.lons.iter().zip(&swath.lats);
    let found =
        places.enumerate().find(|(_, (lon, lat))| sphere::is_position(**lon, **lat) && is_near(**lon, **lat));
    found.and_then(|(i, _)| u32::try_from(i).ok()).unwrap_or(NONE)
}

/// Fractions to the right and down of the origin between upper left, upper right, lower left and lower right corner;
/// `y` points up.
fn fractions([p1, p2, p3, p4]: [[f64; 2]; 4]) -> Option<(f64, f64)> {
    let both = |s: f64, t: f64| (is_fraction(s) && is_fraction(t)).then_some((s, t));
    let irregular = || {
        let t = root(p1, p2, p3, p4);
        both(share([p1[1], p3[1], p2[1], p4[1]], t), t)
    };
    let uprights_parallel = || {
        let s = root(p1, p3, p2, p4);
        both(s, share([p1[1], p2[1], p3[1], p4[1]], s))
    };
    let parallelogram = || {
        let (along, down) = ([p2[0] - p1[0], p2[1] - p1[1]], [p3[0] - p1[0], p3[1] - p1[1]]);
        let t = (along[1] * p1[0] - along[0] * p1[1]) / (along[0] * down[1] - along[1] * down[0]);
        // The sign of the second term is that of the reference.
        both((down[0] * t - p1[0]) / along[0], t)
    };
    irregular().or_else(uprights_parallel).or_else(parallelogram)
}

fn is_fraction(v: f64) -> bool {
    (0.0..=1.0).contains(&v)
}

/// The fraction of the sides `a` to `c` and `b` to `d` whose ends are in line with the origin: a root of a quadratic
/// equation, of two the one with the positive square root first, else the root of its linear part. NaN without any.
fn root(a: [f64; 2], b: [f64; 2], c: [f64; 2], d: [f64; 2]) -> f64 {
    let cross = |p: [f64; 2], q: [f64; 2]| p[0] * q[1] - p[1] * q[0];
    let (left, right) = ([c[0] - a[0], c[1] - a[1]], [d[0] - b[0], d[1] - b[1]]);
    let (square, linear, constant) = (cross(left, right), cross(left, b) + cross(a, right), cross(a, b));
    let radical = (linear * linear - 4.0 * square * constant).sqrt();
    let candidates =
        [(radical - linear) / (2.0 * square), (-linear - radical) / (2.0 * square), -constant / linear];
    candidates.into_iter().find(|v| is_fraction(*v)).unwrap_or(f64::NAN)
}

/// The other fraction by heights alone: `first`, `second` are those of the ends of one side, `third`, `fourth` of the
/// opposite one, `f` the fraction along both.
fn share([first, second, third, fourth]: [f64; 4], f: f64) -> f64 {
    let here = first + (second - first) * f;
    -here / (third + (fourth - third) * f - here)
}

/// Values on that geometry.
#[derive(Clone)]
pub struct QuadrantBilinear {
    pub geometry: Arc<Quadrants>,
    /// Decimals are cut off, as a cast to an integer type does.
    pub truncates: bool,
}

impl QuadrantBilinear {
    fn blend<T: Copy>(
        &self,
        plane: &Plane<T>,
        block: &Block,
        out: &mut [T],
        number: impl Fn(T) -> f64,
        real: impl Fn(f64) -> T,
    ) {
        let g = &self.geometry;
        let width = g.swath.shape[1];
        let done = g.tiles.each_row(
            block,
            |b| Ok(g.of(b)),
            |row, col, corners| {
                let at = (row - block.rows.start) * block.width() + col - block.cols.start;
                for (c, out) in corners.iter().zip(&mut out[at..]) {
                    if c.cells[0] == NONE {
                        *out = real(f64::NAN);
                        continue;
                    }
                    let (s, t) = (c.s, c.t);
                    let value = |i: usize| {
                        let cell = c.cells[i] as usize;
                        number(plane.at(cell / width, cell % width))
                    };
                    // In the order of the reference, for the sake of the last digit.
                    let sum = value(0) * (1.0 - s) * (1.0 - t)
                        + value(1) * s * (1.0 - t)
                        + value(2) * (1.0 - s) * t
                        + value(3) * s * t;
                    *out = real(if self.truncates { sum.trunc() } else { sum });
                }
            },
        );
        debug_assert!(done.is_ok(), "nothing is read");
    }
}

impl Footprint for QuadrantBilinear {
    fn source_shape(&self) -> [usize; 2] {
        self.geometry.swath.shape
    }

    fn target_shape(&self) -> [usize; 2] {
        self.geometry.target.shape()
    }

    fn window(&self, _: &Block) -> Option<Block> {
        Some(Block::all(self.source_shape()))
    }
}

impl Blender for QuadrantBilinear {
    fn on_physical(&self) -> bool {
        true
    }

    fn blend_f32(&self, plane: &Plane<f32>, block: &Block, out: &mut [f32]) {
        self.blend(plane, block, out, f64::from, |v| v as f32);
    }

    fn blend_f64(&self, plane: &Plane<f64>, block: &Block, out: &mut [f64]) {
        self.blend(plane, block, out, |v| v, |v| v);
    }
}

#[cfg(test)]
mod tests {
    use harmony_model::GridSpec;
    use harmony_model::crs::Crs;

    use super::*;

    #[test]
    fn a_target_between_four_cells_gets_their_mean_and_one_outside_nothing() {
        let cells = (0..8).flat_map(|i| (0..8).map(move |j| (i, j)));
        let (lons, lats): (Vec<f64>, Vec<f64>) =
            cells.map(|(i, j)| (f64::from(j) * 0.1, 5.0 - f64::from(i) * 0.1)).unzip();
        let swath = Arc::new(Swath::of(&lons, &lats, [8, 8], [None, None]));
        let grid = GridSpec::filling(Crs::wgs84(), [-0.2, 4.3, 0.6, 4.9], 8, 6);
        let target = Arc::new(TargetGrid::new(grid).unwrap());
        let geometry = Arc::new(Quadrants::new(swath, target, 50_000.0, 1 << 20).unwrap().unwrap());
        let values: Vec<f64> = (0..64).map(|k| f64::from(k % 8) + 10.0 * f64::from(k / 8)).collect();
        let plane = Plane::of([8, 8], &values, false);
        let mut out = vec![0.0; 48];
        let mut b = QuadrantBilinear { geometry, truncates: false };
        b.blend_f64(&plane, &Block::all([6, 8]), &mut out);
        assert!(out[0].is_nan() && out[1].is_nan());
        assert!((out[2] - 15.5).abs() < 1e-3, "{}", out[2]);
        b.truncates = true;
        b.blend_f64(&plane, &Block::all([6, 8]), &mut out);
        assert_eq!(out[2], 15.0);
    }
}
