//! Bilinear interpolation as pyresample does it, for comparison: corners are the nearest cells of the four quadrants
//! around a target, out of its 16 nearest cells; without one in each of them a target gets nothing.

use std::sync::Arc;

use super::bilinear::inverse_bilinear;
use super::index::{NONE, SwathIndex};
use super::nearest::several;
use super::swath::Swath;
use super::target::TargetGrid;
use super::tiles::Tiles;
use crate::project::{Blender, Block, Footprint, Plane};

/// Neighbours that corners are chosen from.
const NEIGHBOURS: usize = 16;

/// Corners of a target (upper left, upper right, lower right, lower left) and its place between them.
#[derive(Clone, Copy)]
struct Corners {
    cells: [u32; 4],
    s: f32,
    t: f32,
}

const NOTHING: Corners = Corners { cells: [NONE; 4], s: 0.0, t: 0.0 };

/// Geometry of one swath on one target.
pub struct Quadrants {
    swath: Arc<Swath>,
    target: Arc<TargetGrid>,
    index: SwathIndex,
    radius_m: f64,
    /// Columns and rows of the swath's cells on the target.
    u: Vec<f32>,
    v: Vec<f32>,
    tiles: Tiles<Corners>,
}

impl Quadrants {
    /// `None` when no cell has a position.
    pub fn new(swath: Arc<Swath>, target: Arc<TargetGrid>, radius_m: f64) -> Option<Self> {
        let index = SwathIndex::build(&swath.lons, &swath.lats)?;
        let (u, v) = target.fractions(&swath);
        let tiles = Tiles::new(target.shape());
        Some(Quadrants { swath, target, index, radius_m, u, v, tiles })
    }

    fn of(&self, block: &Block) -> Vec<Corners> {
        let (lons, lats) = self.target.positions(block);
        let cells = block.rows.clone().flat_map(|r| block.cols.clone().map(move |c| (r, c)));
        cells
            .zip(lons.iter().zip(&lats))
            .map(|((row, col), (&lon, &lat))| {
                let near = several::<NEIGHBOURS>(&self.index, lon, lat, self.radius_m);
                self.corners([col as f32, row as f32], &near).unwrap_or(NOTHING)
            })
            .collect()
    }

    fn corners(&self, [col, row]: [f32; 2], near: &[u32]) -> Option<Corners> {
        let mut cells = [NONE; 4];
        let mut at = [[0.0; 2]; 4];
        for &cell in near.iter().filter(|c| **c != NONE) {
            let (x, y) = (self.u[cell as usize] - col, self.v[cell as usize] - row);
            let quadrant = match (x < 0.0, x > 0.0, y < 0.0, y > 0.0) {
                (true, _, true, _) => 0,
                (_, true, true, _) => 1,
                (_, true, _, true) => 2,
                (true, _, _, true) => 3,
                _ => continue,
            };
            if cells[quadrant] == NONE {
                cells[quadrant] = cell;
                at[quadrant] = [f64::from(x), f64::from(y)];
            }
        }
        if cells.contains(&NONE) {
            return None;
        }
        let (s, t) = inverse_bilinear(at[0], at[1], at[2], at[3])?;
        let inside = (0.0..=1.0).contains(&s) && (0.0..=1.0).contains(&t);
        inside.then_some(Corners { cells, s: s as f32, t: t as f32 })
    }
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
        g.tiles.each_row(
            block,
            |b| g.of(b),
            |row, col, corners| {
                let at = (row - block.rows.start) * block.width() + col - block.cols.start;
                for (c, out) in corners.iter().zip(&mut out[at..]) {
                    if c.cells[0] == NONE {
                        *out = real(f64::NAN);
                        continue;
                    }
                    let (s, t) = (f64::from(c.s), f64::from(c.t));
                    let weights = [(1.0 - s) * (1.0 - t), s * (1.0 - t), s * t, (1.0 - s) * t];
                    let value = |cell: u32| number(plane.at(cell as usize / width, cell as usize % width));
                    let sum: f64 = c.cells.iter().zip(weights).map(|(cell, w)| w * value(*cell)).sum();
                    *out = real(if self.truncates { sum.trunc() } else { sum });
                }
            },
        );
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
        let (lons, lats) = cells.map(|(i, j)| (f64::from(j) * 0.1, 5.0 - f64::from(i) * 0.1)).unzip();
        let swath = Arc::new(Swath { lons, lats, shape: [8, 8], dims: [None, None] });
        let grid = GridSpec::filling(Crs::wgs84(), [-0.2, 4.3, 0.6, 4.9], 8, 6);
        let target = Arc::new(TargetGrid::new(grid).unwrap());
        let geometry = Arc::new(Quadrants::new(swath, target, 50_000.0).unwrap());
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
