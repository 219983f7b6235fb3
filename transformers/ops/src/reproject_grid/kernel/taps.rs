//! Filters of separable warps over cells that are all there: rows first, then columns. What comes out as NaN is looked
//! at again by [`Filter::one`].

use super::filter::{Filter, Scratch, Shape};
use super::frame::{Frame, floor};
use super::linear::{column_under, row_under};
use crate::project::element::Real;
use crate::project::{Block, Plane};

/// Source columns for one target column above which mixing all of them row by row is a waste.
const SPARSE: f64 = 8.0;
/// Source columns of a target column that are not all inside.
const BORDER: u32 = u32::MAX;

/// Cells with a weight that a filter has at most on an axis: those in an open interval.
pub fn most(shape: Shape, scale: f64) -> usize {
    ((2.0 * shape.radius() * scale).ceil() as usize).max(1)
}

/// The first cell nearer than the reach of a filter.
#[inline]
pub(super) fn first_cell(at: f64, reach: f64) -> i64 {
    floor(at - 0.5 - reach) + 1
}

/// Source columns of every target column of a separable warp.
pub struct Columns {
    /// The first of them, or [`BORDER`].
    first: Vec<u32>,
    /// The one under the centre, or [`BORDER`].
    under: Vec<u32>,
    /// Weights, as many for each column as the filter has taps; their sum is one.
    weights: Vec<f64>,
}

impl Columns {
    /// `None` when the warp is not separable or leaves most source columns out.
    pub fn new(frame: &Frame, shape: Shape, scale: f64, taps: usize) -> Option<Self> {
        let centres = &frame.warp.separable()?.col_centres;
        let n = frame.shape[1];
        if n as f64 > SPARSE * centres.len() as f64 * taps as f64 {
            return None;
        }
        let mut columns = Columns {
            first: Vec::with_capacity(centres.len()),
            under: Vec::with_capacity(centres.len()),
            weights: Vec::with_capacity(centres.len() * taps),
        };
        for &x in centres {
            let first = first_cell(x, scale * shape.radius());
            let inside = x.is_finite() && first >= 0 && first + taps as i64 <= n as i64;
            let under = if x.is_finite() { frame.column(column_under(frame, x)) } else { None };
            columns.first.push(if inside { first as u32 } else { BORDER });
            columns.under.push(under.map_or(BORDER, |c| c as u32));
            let start = columns.weights.len();
            columns.weights.extend((0..taps as i64).map(|j| {
                if inside { shape.weight(((first + j) as f64 + 0.5 - x) / scale) } else { f64::NAN }
            }));
            normalise(&mut columns.weights[start..]);
        }
        Some(columns)
    }

    /// From the first to behind the last source column of a part of the target columns.
    fn span(&self, part: std::ops::Range<usize>, taps: usize) -> std::ops::Range<usize> {
        let inside = || self.first[part.clone()].iter().copied().filter(|&c| c != BORDER);
        let (low, high) = inside().fold((u32::MAX, 0), |(low, high), c| (low.min(c), high.max(c)));
        if low == u32::MAX { 0..0 } else { low as usize..high as usize + taps }
    }
}

/// Weights that add up to one; NaN where that can't be.
fn normalise(weights: &mut [f64]) {
    let total: f64 = weights.iter().sum();
    let total = if total > 1e-5 { total } else { f64::NAN };
    weights.iter_mut().for_each(|w| *w /= total);
}

impl Filter {
    /// A separable warp: rows are mixed first, then columns of the mixed row.
    pub(super) fn in_two_passes<R: Real>(
        &self,
        columns: &Columns,
        plane: &Plane<R>,
        block: &Block,
        out: &mut [R],
    ) {
        let [across, down] = self.taps;
        let (width, extent) = (block.width(), plane.extent());
        let (mut xs, mut ys) = (vec![0.0; width], vec![0.0; width]);
        let span = columns.span(block.cols.clone(), across);
        let start = span.start.clamp(extent.cols.start, extent.cols.end);
        let span = start..span.end.clamp(start, extent.cols.end);
        let mut mixed = vec![0.0; span.len()];
        let mut weights = vec![0.0; down];
        let mut scratch = Scratch::default();
        for (row, line) in block.rows.clone().zip(out.chunks_exact_mut(width)) {
            self.frame.centres(row, block, &mut xs, &mut ys);
            let y = ys[0];
            let top = first_cell(y, self.scale[1] * self.shape.radius());
            let inside = y.is_finite()
                && top >= extent.rows.start as i64
                && top + down as i64 <= extent.rows.end as i64;
            if inside {
                let distance = |i: usize| ((top + i as i64) as f64 + 0.5 - y) / self.scale[1];
                weights.iter_mut().enumerate().for_each(|(i, w)| *w = self.shape.weight(distance(i)));
                normalise(&mut weights);
                let part = span.start - extent.cols.start..span.end - extent.cols.start;
                for (i, &weight) in weights.iter().enumerate() {
                    let from = &plane.row(top as usize + i)[part.clone()];
                    mix_row(from, weight, i == 0, &mut mixed);
                }
                across_row(columns, (block.cols.start, across), span.start, &mixed, line);
            } else {
                line.fill(R::NAN);
            }
            let under = columns.under[block.cols.clone()].iter();
            let row_under =
                usize::try_from(row_under(&self.frame, y)).ok().filter(|r| extent.rows.contains(r));
            let row_under = row_under.map_or(&[][..], |r| plane.row(r));
            for ((o, &under), &x) in line.iter_mut().zip(under).zip(&xs) {
                if o.is_nan() {
                    let at = (under as usize).wrapping_sub(extent.cols.start);
                    let present = row_under.get(at).is_some_and(|v| !v.is_nan());
                    *o = if present { self.one(plane, x, y, &mut scratch) } else { R::NAN };
                }
            }
        }
    }
}

/// `out` becomes `from` times `weight`, or more by that.
fn mix_row<R: Real>(from: &[R], weight: f64, first: bool, out: &mut [f64]) {
    if first {
        out.iter_mut().zip(from).for_each(|(o, v)| *o = v.as_f64() * weight);
    } else if weight != 0.0 {
        out.iter_mut().zip(from).for_each(|(o, v)| *o += v.as_f64() * weight);
    }
}

/// Columns of a mixed row that begins at source column `start`; `(first, taps)`: first target column, cells of each.
fn across_row<R: Real>(
    columns: &Columns,
    (first, taps): (usize, usize),
    start: usize,
    mixed: &[f64],
    line: &mut [R],
) {
    let from = &columns.first[first..first + line.len()];
    let weights = &columns.weights[first * taps..(first + line.len()) * taps];
    match taps {
        2 => across_fixed::<2, R>(from, weights, start, mixed, line),
        3 => across_fixed::<3, R>(from, weights, start, mixed, line),
        4 => across_fixed::<4, R>(from, weights, start, mixed, line),
        5 => across_fixed::<5, R>(from, weights, start, mixed, line),
        6 => across_fixed::<6, R>(from, weights, start, mixed, line),
        _ => {
            for ((o, &c), w) in line.iter_mut().zip(from).zip(weights.chunks_exact(taps)) {
                let at = (c as usize).wrapping_sub(start);
                let cells = mixed.get(at..at.wrapping_add(taps));
                let sum = cells.map(|m| m.iter().zip(w).map(|(m, w)| m * w).sum::<f64>());
                *o = sum.map_or(R::NAN, R::from_f64);
            }
        }
    }
}

fn across_fixed<const K: usize, R: Real>(
    from: &[u32],
    weights: &[f64],
    start: usize,
    mixed: &[f64],
    line: &mut [R],
) {
    for ((o, &c), w) in line.iter_mut().zip(from).zip(weights.as_chunks::<K>().0) {
        let at = (c as usize).wrapping_sub(start);
        *o = match mixed.get(at..).and_then(|m| m.first_chunk::<K>()) {
            Some(m) => {
                let mut sum = m[0] * w[0];
                for j in 1..K {
                    sum += m[j] * w[j];
                }
                R::from_f64(sum)
            }
            None => R::NAN,
        };
    }
}

#[cfg(test)]
mod tests {
    use harmony_model::crs::Crs;
    use harmony_model::{GridSpec, Interpolation};

    use super::super::{Support, resampler};
    use super::*;
    use crate::project::Resampler;
    use crate::reproject_grid::{SourceGrid, Trust, Warp};

    const SHAPE: [usize; 2] = [90, 180];

    /// A field with a gap, and a target that shrinks it.
    fn case(code: &str, side: f64, cells: u64) -> (SourceGrid, GridSpec, Vec<f32>) {
        let world =
            GridSpec::filling(Crs::wgs84(), [-180.0, -90.0, 180.0, 90.0], SHAPE[1] as u64, SHAPE[0] as u64);
        let target = GridSpec::filling(Crs::parse(code).unwrap(), [-side, -side, side, side], cells, cells);
        let value = |i: usize| {
            let (r, c) = (i / SHAPE[1], i % SHAPE[1]);
            let gap = (20..30).contains(&r) && (40..90).contains(&c);
            if gap { f32::NAN } else { (r * r % 97) as f32 + (c * 7 % 31) as f32 }
        };
        (SourceGrid::of(&world), target, (0..SHAPE[0] * SHAPE[1]).map(value).collect())
    }

    fn blended(kernel: &Resampler, field: &[f32], block: &Block) -> Vec<f32> {
        let Resampler::Blend(kernel) = kernel else { panic!("a blender") };
        let mut out = vec![0.0; block.count()];
        kernel.blend_f32(&Plane::of(SHAPE, field, true), block, &mut out);
        out
    }

    #[test]
    fn cells_that_are_all_there_give_what_any_cells_give() {
        for (code, side, cells) in [("EPSG:3857", 20e6, 70), ("EPSG:3413", 4e6, 60)] {
            let (source, target, field) = case(code, side, cells);
            let warp = Warp::new(&source, &target, Trust::Checked).unwrap();
            for (method, shape) in [
                (Interpolation::Bilinear, Shape::Triangle),
                (Interpolation::Cubic, Shape::Cubic),
                (Interpolation::Lanczos, Shape::Lanczos),
            ] {
                let kernel = resampler(&warp, method, Support::Widened).unwrap();
                let block = Block::all([cells as usize; 2]);
                let got = blended(&kernel, &field, &block);
                let filter = Filter::of(&warp, shape, [1.4, 1.2]);
                let plane = Plane::of(SHAPE, &field, true);
                let mut out = vec![0f32; block.count()];
                filter.blend(&plane, &block, &mut out);
                let mut scratch = Scratch::default();
                let (mut xs, mut ys) = (vec![0.0; cells as usize], vec![0.0; cells as usize]);
                for row in 0..cells as usize {
                    filter.frame.centres(row, &block, &mut xs, &mut ys);
                    for col in 0..cells as usize {
                        let want = filter.one(&plane, xs[col], ys[col], &mut scratch);
                        let got = out[row * cells as usize + col];
                        let same = got.is_nan() && want.is_nan() || (got - want).abs() < 1e-3;
                        assert!(same, "{code} {shape:?} {row} {col}: {got} instead of {want}");
                    }
                }
                // Parts of the target are the same bits, whatever else is computed.
                for (rows, cols) in [(0..7, 0..11), (20..41, 13..57), (33..34, 5..6)] {
                    let part = Block { rows, cols };
                    let alone = blended(&kernel, &field, &part);
                    for (i, v) in alone.iter().enumerate() {
                        let at = (part.rows.start + i / part.width()) * cells as usize
                            + part.cols.start
                            + i % part.width();
                        assert_eq!(v.to_bits(), got[at].to_bits(), "{code} {shape:?}");
                    }
                }
            }
        }
    }
}
