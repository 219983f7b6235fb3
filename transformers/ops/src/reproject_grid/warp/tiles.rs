//! Control points: tiles of the target with a lattice of exact positions.

use std::ops::Range;
use std::sync::OnceLock;

use super::position::unwrap;
use super::{At, Kind, REGION, Reach, TILE, TOLERANCE, Warp};
use crate::project::Block;

pub(super) struct Region {
    tiles: Vec<OnceLock<Tile>>,
}

pub(super) enum Tile {
    /// No cell has a place on the source.
    Nowhere,
    /// Control points every `step` cells, `TILE / step + 1` a side, row-major: column and row on the source.
    Control { step: usize, points: Vec<[f64; 2]> },
    /// Every cell is transformed by itself.
    Exact(Box<Exact>),
}

/// Positions of every cell of a tile.
pub(super) struct Exact {
    centres: Vec<[f64; 2]>,
    /// One more a side; few kernels ask for them.
    corners: OnceLock<Vec<[f64; 2]>>,
}

impl Warp {
    pub(super) fn tiled_row(&self, row: usize, col: usize, at: At, xs: &mut [f64], ys: &mut [f64]) {
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

    pub(super) fn tile_row(
        &self,
        tile: (usize, usize),
        row: usize,
        col: usize,
        at: At,
        xs: &mut [f64],
        ys: &mut [f64],
    ) {
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

    pub(super) fn tile(&self, (row, col): (usize, usize)) -> Option<&Tile> {
        let Kind::Tiles { across, regions } = &self.kind else { return None };
        let region = regions.get(row / REGION * across + col / REGION)?;
        let region = region.get_or_init(|| {
            Box::new(Region { tiles: (0..REGION * REGION).map(|_| OnceLock::new()).collect() })
        });
        let tile = &region.tiles[row % REGION * REGION + col % REGION];
        Some(tile.get_or_init(|| self.make_tile(row, col)))
    }

    /// First row and column of a tile. The last tiles end with the grid, so that none reaches beyond the map.
    pub(super) fn origin(&self, (row, col): (usize, usize)) -> [usize; 2] {
        let [ny, nx] = self.target_shape();
        [(row * TILE).min(ny.saturating_sub(TILE)), (col * TILE).min(nx.saturating_sub(TILE))]
    }

    /// The parts of a block that lie on one tile each, row by row of them.
    pub(super) fn tiles_of(&self, block: &Block) -> Vec<Block> {
        let cuts = |range: &Range<usize>| -> Vec<Range<usize>> {
            let end = range.end;
            let next = |&at: &usize| Some((at / TILE + 1) * TILE).filter(|&next| next < end);
            let starts = std::iter::successors((!range.is_empty()).then_some(range.start), next);
            starts.map(|at| at..((at / TILE + 1) * TILE).min(end)).collect()
        };
        let cols = cuts(&block.cols);
        let across =
            |rows: Range<usize>| cols.iter().map(move |c| Block { rows: rows.clone(), cols: c.clone() });
        cuts(&block.rows).into_iter().flat_map(across).collect()
    }

    pub(super) fn exact_points(&self, tile: (usize, usize), at: At) -> Vec<[f64; 2]> {
        let side = if at == At::Centres { TILE } else { TILE + 1 };
        let [top, left] = self.origin(tile);
        let place = |first: usize, i: usize| (first + i) as f64 + at.offset();
        let mut xs: Vec<f64> = (0..side * side).map(|i| place(left, i % side)).collect();
        let mut ys: Vec<f64> = (0..side * side).map(|i| place(top, i / side)).collect();
        self.checked(&mut xs, &mut ys);
        xs.into_iter().zip(ys).map(|(x, y)| [x, y]).collect()
    }

    pub(super) fn tile_reach(&self, tile: (usize, usize)) -> Reach {
        let mut reach = Reach::NONE;
        match self.tile(tile) {
            None | Some(Tile::Nowhere) => {}
            Some(Tile::Control { points, .. }) => points.iter().for_each(|&p| reach.add(p)),
            Some(Tile::Exact(exact)) => exact.centres.iter().for_each(|&p| reach.add(p)),
        }
        reach
    }

    pub(super) fn make_tile(&self, row: usize, col: usize) -> Tile {
        let exact = || {
            let centres = self.exact_points((row, col), At::Centres);
            Tile::Exact(Box::new(Exact { centres, corners: OnceLock::new() }))
        };
        let has_place = |p: &[f64; 2]| !p[0].is_nan();
        // The first lattice also tells whether the tile lies on both maps.
        let coarse = self.lattice(row, col, TILE / 2, true);
        if !coarse.iter().all(has_place) {
            let none = || !self.lattice(row, col, TILE / 8, true).iter().any(has_place);
            return if !coarse.iter().any(has_place) && none() { Tile::Nowhere } else { exact() };
        }
        let surface = self.surface((row, col), &coarse);
        let mut points = coarse;
        let mut step = TILE;
        loop {
            let n = 2 * TILE / step + 1;
            if is_close(&points, n) {
                return Tile::Control { step, points: every_other(&points, n) };
            }
            step /= 2;
            if step < 2 {
                return exact();
            }
            points = match &surface {
                Some(surface) => surface.lattice(step / 2),
                None => self.lattice(row, col, step / 2, false),
            };
        }
    }

    /// Source positions on a lattice of the tile, one point every `step` cells, continuous in longitude.
    pub(super) fn lattice(&self, row: usize, col: usize, step: usize, check: bool) -> Vec<[f64; 2]> {
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
}

/// Whether every second point of an `n` × `n` lattice predicts the others.
fn is_close(points: &[[f64; 2]], n: usize) -> bool {
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
        // Exact, wherever the row starts: positions do not depend on what else is asked for.
        let from = here - c as f64 * size;
        for (i, (px, py)) in xs[done..end].iter_mut().zip(&mut ys[done..end]).enumerate() {
            let along = from + i as f64;
            (*px, *py) = (a[0] + slope[0] * along, a[1] + slope[1] * along);
        }
        done = end;
    }
}
