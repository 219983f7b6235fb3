//! Separable filters: triangle, cubic convolution, B-spline, Lanczos. When the target is coarser than the source they
//! are widened by the ratio, which keeps what the target can't show out of it.

use std::f64::consts::PI;
use std::sync::Arc;

use super::super::warp::Warp;
use super::Support;
use super::frame::{Frame, blend_both, footprint_of_frame};
use super::linear::{Linear, is_present, sparse, value};
use super::taps::{self, Columns};
use crate::project::element::Real;
use crate::project::{Blender, Block, Plane, Resampler};

/// The weight of a cell by its distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Triangle,
    /// Cubic convolution with a = -0.5 (Keys 1981).
    Cubic,
    /// Cubic B-spline; smooths.
    Spline,
    /// Sinc in a window of three lobes.
    Lanczos,
}

impl Shape {
    /// Distance from which on weights are zero.
    pub fn radius(self) -> f64 {
        match self {
            Shape::Triangle => 1.0,
            Shape::Cubic | Shape::Spline => 2.0,
            Shape::Lanczos => 3.0,
        }
    }

    #[inline]
    pub fn weight(self, distance: f64) -> f64 {
        let d = distance.abs();
        if d >= self.radius() {
            return 0.0;
        }
        match self {
            Shape::Triangle => 1.0 - d,
            Shape::Cubic if d <= 1.0 => d * d * (1.5 * d - 2.5) + 1.0,
            Shape::Cubic => ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0,
            Shape::Spline if d <= 1.0 => d * d * (0.5 * d - 1.0) + 2.0 / 3.0,
            Shape::Spline => (2.0 - d).powi(3) / 6.0,
            Shape::Lanczos if d == 0.0 => 1.0,
            Shape::Lanczos => 3.0 * (PI * d).sin() * (PI * d / 3.0).sin() / (PI * d).powi(2),
        }
    }
}

/// Ratios below this are no reason to widen.
const WIDEN_ABOVE: f64 = 1.0 / 0.95;

/// A filter of fixed width on both axes.
pub struct Filter {
    pub(super) frame: Frame,
    pub(super) shape: Shape,
    /// Source cells in one unit of the filter, along columns and rows; 1 unless widened.
    pub(super) scale: [f64; 2],
    /// Cells with a weight at most, along columns and rows.
    pub(super) taps: [usize; 2],
    /// For every target column its source columns, when the warp is separable.
    pub(super) columns: Option<Columns>,
}

/// Weights on both axes.
#[derive(Default)]
pub(super) struct Scratch {
    across: Vec<f64>,
    down: Vec<f64>,
}

footprint_of_frame!(Filter);

/// The resampler of a filter for a warp.
pub fn resampler(warp: &Arc<Warp>, shape: Shape, support: Support) -> Resampler {
    let scale = match support {
        Support::Widened => shrinkage(warp).map(widening),
        Support::Narrow => [1.0; 2],
    };
    if shape == Shape::Triangle && scale == [1.0, 1.0] {
        return Resampler::Blend(Arc::new(Linear::new(Frame::of_points(warp, [1.0; 2]))));
    }
    Resampler::Blend(Arc::new(Filter::of(warp, shape, scale)))
}

/// Source cells in a target cell on each axis: of the part of the source that the target covers, as GDAL counts them.
/// A target much larger than its source thus leaves filters narrow.
fn shrinkage(warp: &Arc<Warp>) -> [f64; 2] {
    let [ny, nx] = warp.target_shape();
    let whole = Block::all([ny, nx]);
    match Frame::of_points(warp, [0.0; 2]).covered(&whole) {
        Some([cols, rows]) => [cols / nx as f64, rows / ny as f64],
        None => warp.ratio(),
    }
}

/// Widening for a ratio of cells; near whole numbers become whole.
fn widening(ratio: f64) -> f64 {
    if !(ratio > WIDEN_ABOVE && ratio.is_finite()) {
        return 1.0;
    }
    if (ratio - ratio.round()).abs() < 0.05 { ratio.round() } else { ratio }
}

/// First cell and weights of the cells around a position on one axis.
fn weights(shape: Shape, at: f64, scale: f64, out: &mut Vec<f64>) -> i64 {
    let reach = shape.radius() * scale;
    let first = (at - 0.5 - reach).ceil() as i64;
    let last = (at - 0.5 + reach).floor() as i64;
    out.clear();
    out.extend((first..=last).map(|i| shape.weight((i as f64 + 0.5 - at) / scale)));
    first
}

impl Blender for Filter {
    blend_both!();
}

impl Filter {
    /// A filter `scale` times as wide as its shape, along columns and rows.
    pub(super) fn of(warp: &Arc<Warp>, shape: Shape, scale: [f64; 2]) -> Self {
        // Two more: loops of a fixed length look at cells beyond the filter, which have no weight.
        let frame = Frame::of_points(warp, scale.map(|s| s * shape.radius() + 2.0));
        let taps = scale.map(|s| taps::most(shape, s));
        let columns = Columns::new(&frame, shape, scale[0], taps[0]);
        Filter { frame, shape, scale, taps, columns }
    }

    pub(super) fn blend<R: Real>(&self, plane: &Plane<R>, block: &Block, out: &mut [R]) {
        match &self.columns {
            Some(columns) => self.in_two_passes(columns, plane, block, out),
            None => self.anywhere(plane, block, out),
        }
    }

    /// At borders, across the seam and beside missing values: whatever cells there are.
    #[inline(never)]
    pub(super) fn one<R: Real>(&self, plane: &Plane<R>, x: f64, y: f64, scratch: &mut Scratch) -> R {
        if !(x.is_finite() && y.is_finite() && is_present(&self.frame, plane, x, y)) {
            return R::NAN;
        }
        let Scratch { across, down } = scratch;
        let left = weights(self.shape, x, self.scale[0], across);
        let top = weights(self.shape, y, self.scale[1], down);
        let (mut sum, mut total, mut gaps) = (0.0, 0.0, false);
        for (i, wy) in down.iter().enumerate().filter(|(_, w)| **w != 0.0) {
            let row = top + i as i64;
            for (j, wx) in across.iter().enumerate().filter(|(_, w)| **w != 0.0) {
                let v = value(&self.frame, plane, row, left + j as i64);
                if v.is_nan() {
                    gaps = true;
                } else {
                    sum += v.as_f64() * wx * wy;
                    total += wx * wy;
                }
            }
        }
        // Negative lobes beside a gap would overshoot: there the plain mean of four is better.
        if gaps && self.shape == Shape::Cubic && self.scale == [1.0, 1.0] {
            return sparse(&self.frame, plane, x, y);
        }
        // Negative lobes may leave next to nothing of the weights, or less.
        if total > 1e-5 { R::from_f64(sum / total) } else { sparse(&self.frame, plane, x, y) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_add_up_to_one_wherever_the_position_lies() {
        for shape in [Shape::Triangle, Shape::Cubic, Shape::Spline, Shape::Lanczos] {
            let mut w = Vec::new();
            for at in [0.5, 0.75, 1.0, 1.3] {
                weights(shape, at, 1.0, &mut w);
                let tolerance = if shape == Shape::Lanczos { 0.02 } else { 1e-12 };
                assert!((w.iter().sum::<f64>() - 1.0).abs() < tolerance, "{shape:?} {at}");
            }
        }
    }
}
