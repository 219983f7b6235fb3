//! Elliptical weighted averaging: every source cell spreads over the target cells within its ellipse, with weights
//! that fall off like a Gaussian.
//!
//! The method is that of Greene and Heckbert (1986) as NSIDC's MODIS Swath-to-Grid Toolbox uses it; its parameters are
//! the toolbox's. Source positions are fractions of target columns and rows, 0 at the centre of the first cell.

use std::sync::LazyLock;

use rayon::prelude::*;

use super::ellipse::{Ellipse, Reach};
use super::scans::Scans;

/// Entries of the weight table.
const WEIGHTS: usize = 10_000;
/// Weight at the edge of an ellipse; a target cell with less in all gets nothing.
pub const WEIGHT_MIN: f64 = 0.01;
/// Columns of source cells whose reach is kept together.
pub(super) const SEGMENT: usize = 64;

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

/// Positions and ellipses of all cells of a source on a target; shared by all variables.
pub struct Field {
    /// Rows and columns of the source.
    pub shape: [usize; 2],
    u: Vec<f32>,
    v: Vec<f32>,
    ellipses: Vec<Ellipse>,
    /// Ellipses are kept per cell, or per column of a scan.
    shapes: Shapes,
    scans: Scans,
    /// Target columns of a whole turn, when columns are longitudes.
    period: Option<f32>,
    segments: Vec<Reach>,
}

/// A block of the target: first row and column, rows and columns.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub row: usize,
    pub col: usize,
    pub rows: usize,
    pub cols: usize,
}

impl Field {
    /// Of a source of `shape` rows and columns whose cells lie at columns `u` and rows `v` of the target (NaN:
    /// nowhere). `period`: columns of a whole turn of longitudes.
    pub fn new(
        shape: [usize; 2],
        u: Vec<f32>,
        v: Vec<f32>,
        scans: Scans,
        shapes: Shapes,
        period: Option<f32>,
    ) -> Self {
        debug_assert!(u.len() == shape[0] * shape[1] && v.len() == u.len());
        let mut field =
            Field { shape, u, v, ellipses: Vec::new(), shapes, scans, period, segments: Vec::new() };
        field.ellipses = match shapes {
            Shapes::Local => field.local_ellipses(),
            Shapes::Scan => field.scan_ellipses(),
        };
        field.segments = field.reaches();
        field
    }

    /// Difference of two columns, the short way around.
    #[inline]
    fn step(&self, from: usize, to: usize) -> [f32; 2] {
        let du = self.u[to] - self.u[from];
        [self.period.map_or(du, |p| du - (du / p).round() * p), self.v[to] - self.v[from]]
    }

    fn local_ellipses(&self) -> Vec<Ellipse> {
        let [_, cols] = self.shape;
        let mut out = vec![Ellipse::POINT; self.u.len()];
        out.par_chunks_mut(cols.max(1)).enumerate().for_each(|(row, out)| {
            let (top, bottom) = self.scans.around(row, self.shape[0]);
            let first = row * cols;
            for (col, out) in out.iter_mut().enumerate() {
                let at = first + col;
                let left = if col > 0 { at - 1 } else { at };
                let right = if col + 1 < cols { at + 1 } else { at };
                let up = if row > top { at - cols } else { at };
                let down = if row + 1 < bottom { at + cols } else { at };
                *out = Ellipse::of(self.slope(left, at, right), self.slope(up, at, down));
            }
        });
        out
    }

    /// Mean step from one cell to the next over three of them, of which the outer ones may be missing.
    #[inline]
    fn slope(&self, before: usize, at: usize, after: usize) -> [f32; 2] {
        let (back, on) = (self.step(before, at), self.step(at, after));
        match (before != at && !back[0].is_nan(), after != at && !on[0].is_nan()) {
            (true, true) => [(back[0] + on[0]) * 0.5, (back[1] + on[1]) * 0.5],
            (true, false) => back,
            (false, true) => on,
            (false, false) => [f32::NAN; 2],
        }
    }

    fn scan_ellipses(&self) -> Vec<Ellipse> {
        let [rows, cols] = self.shape;
        let scans: Vec<(usize, usize)> = self.scans.all(rows).collect();
        let mut out = vec![Ellipse::POINT; scans.len() * cols];
        out.par_chunks_mut(cols.max(1)).zip(scans).for_each(|(out, (top, bottom))| {
            let (height, middle) = (bottom - top, top + (bottom - top) / 2);
            for (col, out) in out.iter_mut().enumerate() {
                // The outermost columns are shaped like their neighbours.
                let inner = col.clamp(1.min(cols - 1), cols.saturating_sub(2).max(1.min(cols - 1)));
                let (left, right) = (inner.saturating_sub(1), (inner + 1).min(cols - 1));
                let along = self.step(middle * cols + left, middle * cols + right);
                let down = self.step(top * cols + inner, (bottom - 1) * cols + inner);
                let mean = |d: [f32; 2], n: usize| [d[0] / n.max(1) as f32, d[1] / n.max(1) as f32];
                *out = Ellipse::of(mean(along, right - left), mean(down, height - 1));
            }
        });
        out
    }

    #[inline]
    fn ellipse(&self, row: usize, col: usize) -> &Ellipse {
        match self.shapes {
            Shapes::Local => &self.ellipses[row * self.shape[1] + col],
            Shapes::Scan => &self.ellipses[self.scans.number(row) * self.shape[1] + col],
        }
    }

    fn reaches(&self) -> Vec<Reach> {
        let [rows, cols] = self.shape;
        let row = |row: usize| {
            (0..cols).step_by(SEGMENT).map(move |from| {
                let mut reach = Reach::NOTHING;
                for col in from..(from + SEGMENT).min(cols) {
                    let (at, e) = (row * cols + col, self.ellipse(row, col));
                    reach.add(self.u[at], self.v[at], e);
                }
                reach
            })
        };
        (0..rows).into_par_iter().flat_map_iter(row).collect()
    }

    /// Shifts of longitude under which a source cell can show up on a target.
    fn turns(&self) -> impl Iterator<Item = f32> + use<> {
        let period = self.period;
        [-1.0, 0.0, 1.0]
            .into_iter()
            .filter(move |t| period.is_some() || *t == 0.0)
            .map(move |t| t * period.unwrap_or(0.0))
    }

    /// First row, end row, first column, end column of the source cells that reach a block; `None` without any.
    pub fn window(&self, target: &Target) -> Option<[usize; 4]> {
        let per_row = self.shape[1].div_ceil(SEGMENT).max(1);
        let mut found: Option<[usize; 4]> = None;
        for (i, reach) in self.segments.iter().enumerate() {
            if !self.turns().any(|turn| reach.meets(target, turn)) {
                continue;
            }
            let (row, from) = (i / per_row, i % per_row * SEGMENT);
            let to = (from + SEGMENT).min(self.shape[1]);
            let w = found.get_or_insert([row, row + 1, from, to]);
            *w = [w[0].min(row), w[1].max(row + 1), w[2].min(from), w[3].max(to)];
        }
        found
    }

    /// Target values of a block, row-major. `value` gives the source value at (row, col), NaN for none. A target cell
    /// gets NaN when cells with a value hold less than `share` of the weight that reaches it.
    pub fn spread(
        &self,
        target: &Target,
        mode: Mode,
        share: f64,
        value: impl Fn(usize, usize) -> f64,
        out: &mut [f64],
    ) {
        let Some([top, bottom, ..]) = self.window(target) else {
            out.fill(f64::NAN);
            return;
        };
        let mut sums =
            Sums { sum: out, weight: vec![0.0; target.rows * target.cols], missing: Vec::new(), mode };
        sums.sum.fill(0.0);
        if share > 0.0 {
            sums.missing = vec![0.0; target.rows * target.cols];
        }
        let table: &[f32] = &TABLE;
        let per_row = self.shape[1].div_ceil(SEGMENT).max(1);
        for row in top..bottom {
            for segment in 0..per_row {
                let reach = &self.segments[row * per_row + segment];
                for turn in self.turns().filter(|t| reach.meets(target, *t)) {
                    for col in segment * SEGMENT..((segment + 1) * SEGMENT).min(self.shape[1]) {
                        let at = row * self.shape[1] + col;
                        let centre = [self.u[at] + turn, self.v[at]];
                        if !(centre[0].is_nan() || centre[1].is_nan()) {
                            splat(self.ellipse(row, col), centre, target, table, value(row, col), &mut sums);
                        }
                    }
                }
            }
        }
        sums.finish(share);
    }
}

/// What a block of the target has received.
struct Sums<'a> {
    sum: &'a mut [f64],
    weight: Vec<f64>,
    /// Weight of cells without a value; empty when nobody asks.
    missing: Vec<f64>,
    mode: Mode,
}

impl Sums<'_> {
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

    fn finish(&mut self, share: f64) {
        for (i, (sum, &weight)) in self.sum.iter_mut().zip(&self.weight).enumerate() {
            let missing = self.missing.get(i).copied().unwrap_or(0.0);
            if weight < WEIGHT_MIN || weight < share * (weight + missing) {
                *sum = f64::NAN;
            } else if self.mode == Mode::Mean {
                *sum /= weight;
            }
        }
    }
}

/// Adds one source cell to the target cells inside its ellipse.
#[inline]
fn splat(e: &Ellipse, [u0, v0]: [f32; 2], target: &Target, table: &[f32], value: f64, sums: &mut Sums) {
    let span = |centre: f32, reach: f32, first: usize, n: usize| {
        let (lo, hi) = ((centre - reach).floor() - first as f32, (centre + reach).floor() - first as f32);
        (lo.max(0.0) as usize, if hi < 0.0 { 0 } else { (hi as usize + 1).min(n) })
    };
    let (u1, u2) = span(u0, e.reach_u, target.col, target.cols);
    let (v1, v2) = span(v0, e.reach_v, target.row, target.rows);
    for row in v1..v2 {
        let dv = (target.row + row) as f32 - v0;
        let (cv, bv) = (e.c * dv * dv, e.b * dv);
        for col in u1..u2 {
            let du = (target.col + col) as f32 - u0;
            let q = (e.a * du + bv) * du + cv;
            if (0.0..1.0).contains(&q) {
                let weight = table[((q * WEIGHTS as f32) as usize).min(WEIGHTS - 1)];
                sums.add(row * target.cols + col, f64::from(weight), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Target = Target { row: 0, col: 0, rows: 12, cols: 16 };

    /// Source cells at twice the density of the target, tilted.
    fn field(shapes: Shapes) -> Field {
        let at = |i: usize, j: usize| {
            (j as f32 * 0.5 + i as f32 * 0.05 - 0.3, i as f32 * 0.5 - j as f32 * 0.04 + 0.6)
        };
        let (u, v) = (0..24).flat_map(|i| (0..32).map(move |j| at(i, j))).unzip();
        Field::new([24, 32], u, v, Scans::of_rows(4), shapes, None)
    }

    #[test]
    fn a_linear_field_stays_linear_and_a_constant_one_constant() {
        for shapes in [Shapes::Local, Shapes::Scan] {
            let f = field(shapes);
            let mut out = vec![0.0; 12 * 16];
            f.spread(&WHOLE, Mode::Mean, 0.5, |_, _| 7.0, &mut out);
            assert!(out.iter().filter(|v| !v.is_nan()).all(|v| (*v - 7.0).abs() < 1e-9));
            assert!(out.iter().filter(|v| !v.is_nan()).count() > 150);
            let value = |i: usize, j: usize| f64::from(f.u[i * 32 + j]);
            f.spread(&WHOLE, Mode::Mean, 0.5, value, &mut out);
            for row in 2..9 {
                for col in 3..12 {
                    assert!(
                        (out[row * 16 + col] - col as f64).abs() < 0.12,
                        "{row} {col} {}",
                        out[row * 16 + col]
                    );
                }
            }
        }
    }

    #[test]
    fn blocks_of_any_size_give_the_same_values() {
        let f = field(Shapes::Local);
        let value = |i: usize, j: usize| if (i + j).is_multiple_of(7) { f64::NAN } else { (i * j) as f64 };
        for mode in [Mode::Mean, Mode::Heaviest] {
            let mut whole = vec![0.0; 12 * 16];
            f.spread(&WHOLE, mode, 0.5, value, &mut whole);
            for (rows, cols) in [(1, 1), (5, 3), (12, 2)] {
                for row in (0..12).step_by(rows) {
                    for col in (0..16).step_by(cols) {
                        let t = Target { row, col, rows: rows.min(12 - row), cols: cols.min(16 - col) };
                        let mut part = vec![0.0; t.rows * t.cols];
                        f.spread(&t, mode, 0.5, value, &mut part);
                        for (k, p) in part.iter().enumerate() {
                            let w = whole[(row + k / t.cols) * 16 + col + k % t.cols];
                            assert!(w.to_bits() == p.to_bits(), "{row} {col} {w} {p}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_target_cell_needs_half_of_its_weight_from_valid_cells() {
        let f = field(Shapes::Local);
        let mut out = vec![0.0; 12 * 16];
        // Values in the left half only.
        f.spread(&WHOLE, Mode::Mean, 0.5, |_, j| if j < 16 { 1.0 } else { f64::NAN }, &mut out);
        let strict = out.iter().filter(|v| !v.is_nan()).count();
        f.spread(&WHOLE, Mode::Mean, 0.0, |_, j| if j < 16 { 1.0 } else { f64::NAN }, &mut out);
        let loose = out.iter().filter(|v| !v.is_nan()).count();
        assert!(strict < loose, "{strict} {loose}");
        assert!(out.iter().all(|v| v.is_nan() || *v == 1.0));
    }

    #[test]
    fn longitudes_go_around() {
        // A ring of 36 columns; the target begins in its middle.
        let u = (0..36).map(|j| ((j + 18) % 36) as f32).collect::<Vec<_>>();
        let u: Vec<f32> = u.iter().chain(&u).chain(&u).copied().collect();
        let v: Vec<f32> = (0..108).map(|i| (i / 36) as f32).collect();
        let f = Field::new([3, 36], u, v, Scans::Whole, Shapes::Local, Some(36.0));
        let mut out = vec![0.0; 36];
        let t = Target { row: 1, col: 0, rows: 1, cols: 36 };
        f.spread(&t, Mode::Heaviest, 0.5, |_, j| j as f64, &mut out);
        let want: Vec<f64> = (0..36).map(|c| f64::from((c + 18) % 36)).collect();
        assert_eq!(out, want);
    }
}
