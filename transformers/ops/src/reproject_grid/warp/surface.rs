//! Positions in a tile from few exact ones: the polynomial through a lattice of three or five points a side, where it is
//! as good as exact. Transforming a point takes as long as a hundred values of a polynomial.

use super::position::unwrap;
use super::{TILE, Warp};

/// Largest error of a surface that stands for exact positions, in cells of the source: what is left of the tolerance
/// beside that of linear interpolation.
const EXACT_ENOUGH: f64 = 0.01;

/// A polynomial on each axis through `side` × `side` evenly spaced points of a tile.
pub(super) struct Surface {
    side: usize,
    points: Vec<[f64; 2]>,
}

impl Warp {
    /// The surface of a tile from its lattice of three points a side, or from one of five; `None` where neither is good.
    pub(super) fn surface(&self, tile: (usize, usize), coarse: &[[f64; 2]]) -> Option<Surface> {
        let square = Surface { side: 3, points: coarse.to_vec() };
        // Where the error of a polynomial through evenly spaced points is about the largest.
        if self.follows(&square, tile, [0.25, 0.75]) {
            return Some(square);
        }
        let finer = Surface { side: 5, points: self.lattice(tile.0, tile.1, TILE / 4, false) };
        self.follows(&finer, tile, [0.125, 0.875]).then_some(finer)
    }

    /// Whether a surface is right at four points of the tile: those at two places of each axis, in parts of its side.
    fn follows(&self, surface: &Surface, tile: (usize, usize), places: [f64; 2]) -> bool {
        let [top, left] = self.origin(tile).map(|v| v as f64);
        let places = places.map(|p| p * TILE as f64);
        let cells: Vec<[f64; 2]> = places.iter().flat_map(|&y| places.map(|x| [x, y])).collect();
        let mut xs: Vec<f64> = cells.iter().map(|c| left + c[0]).collect();
        let mut ys: Vec<f64> = cells.iter().map(|c| top + c[1]).collect();
        self.exact(&mut xs, &mut ys);
        cells.iter().zip(xs.into_iter().zip(ys)).all(|(&cell, (x, y))| {
            let found = surface.at(cell);
            let mut columns = [found[0], x];
            unwrap(&mut columns, self.source.turn);
            (found[0] - columns[1]).abs() <= EXACT_ENOUGH && (found[1] - y).abs() <= EXACT_ENOUGH
        })
    }
}

impl Surface {
    /// Points `step` cells apart, row by row.
    pub(super) fn lattice(&self, step: usize) -> Vec<[f64; 2]> {
        let weights: Vec<[f64; 5]> = (0..=TILE).step_by(step).map(|c| self.weights(c as f64)).collect();
        let mut out = Vec::with_capacity(weights.len() * weights.len());
        for down in &weights {
            let mut mixed = [[0.0; 2]; 5];
            for (c, m) in mixed.iter_mut().enumerate().take(self.side) {
                *m = weighted(down, (0..self.side).map(|r| self.points[r * self.side + c]));
            }
            out.extend(weights.iter().map(|across| weighted(across, mixed[..self.side].iter().copied())));
        }
        out
    }

    /// The position of a place of the tile: column and row, in cells from its corner.
    fn at(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let (across, down) = (self.weights(x), self.weights(y));
        let row =
            |r: usize| weighted(&across, self.points[r * self.side..(r + 1) * self.side].iter().copied());
        weighted(&down, (0..self.side).map(row))
    }

    /// Lagrange's weights of the points of an axis for a place on it.
    fn weights(&self, place: f64) -> [f64; 5] {
        let at = place / TILE as f64 * (self.side - 1) as f64;
        let mut weights = [0.0; 5];
        for (i, w) in weights.iter_mut().enumerate().take(self.side) {
            let others = (0..self.side).filter(|&j| j != i);
            *w = others.fold(1.0, |w, j| w * (at - j as f64) / (i as f64 - j as f64));
        }
        weights
    }
}

fn weighted(weights: &[f64], points: impl Iterator<Item = [f64; 2]>) -> [f64; 2] {
    weights.iter().zip(points).fold([0.0; 2], |sum, (w, p)| [sum[0] + w * p[0], sum[1] + w * p[1]])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A surface through values of a function of the place in the tile.
    fn through(side: usize, value: impl Fn(f64, f64) -> [f64; 2]) -> Surface {
        let place = |i: usize| (i * TILE / (side - 1)) as f64;
        let points = (0..side * side).map(|i| value(place(i % side), place(i / side))).collect();
        Surface { side, points }
    }

    #[test]
    fn polynomials_of_the_degree_are_met_everywhere() {
        let square = |x: f64, y: f64| [3.0 + 0.5 * x - 0.01 * x * x + 0.002 * x * y, y - 0.003 * y * y];
        let quartic = |x: f64, y: f64| [1e-5 * x.powi(4) - x * y, 2.0 - 1e-4 * y.powi(3) * x];
        for (side, value) in [(3, &square as &dyn Fn(f64, f64) -> [f64; 2]), (5, &quartic)] {
            let surface = through(side, value);
            for (i, point) in surface.lattice(4).into_iter().enumerate() {
                let want = value((i % 17 * 4) as f64, (i / 17 * 4) as f64);
                let off = (point[0] - want[0]).abs().max((point[1] - want[1]).abs());
                assert!(off < 1e-8, "{side} {i}: {off}");
            }
            let (got, want) = (surface.at([13.0, 50.0]), value(13.0, 50.0));
            assert!((got[0] - want[0]).abs() < 1e-8 && (got[1] - want[1]).abs() < 1e-8);
        }
    }

    #[test]
    fn its_own_points_are_kept_exactly() {
        let surface = through(3, |x, y| [x.sin() * 1e4, y.cos()]);
        assert_eq!(surface.lattice(TILE / 2), surface.points);
    }
}
