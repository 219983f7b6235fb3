//! Separable filters: triangle, cubic convolution, B-spline, Lanczos. When the target is coarser than the source they
//! are widened by the ratio, which keeps what the target can't show out of it.

use std::f64::consts::PI;
use std::sync::Arc;

use super::super::warp::Warp;
use super::frame::{Frame, blend_both, footprint_of_frame};
use super::linear::{Linear, is_present, sparse, value};
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
    fn radius(self) -> f64 {
        match self {
            Shape::Triangle => 1.0,
            Shape::Cubic | Shape::Spline => 2.0,
            Shape::Lanczos => 3.0,
        }
    }

    fn weight(self, distance: f64) -> f64 {
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
    frame: Frame,
    shape: Shape,
    /// Source cells in one unit of the filter, along columns and rows; 1 unless widened.
    scale: [f64; 2],
}

footprint_of_frame!(Filter);

/// The resampler of a filter for a warp.
pub fn resampler(warp: &Arc<Warp>, shape: Shape) -> Resampler {
    let scale = shrinkage(warp).map(widening);
    if shape == Shape::Triangle && scale == [1.0, 1.0] {
        return Resampler::Blend(Arc::new(Linear::new(Frame::of_points(warp, [1.0; 2]))));
    }
    let frame = Frame::of_points(warp, scale.map(|s| s * shape.radius()));
    Resampler::Blend(Arc::new(Filter { frame, shape, scale }))
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
    fn blend<R: Real>(&self, plane: &Plane<R>, block: &Block, out: &mut [R]) {
        let width = block.width();
        let (mut xs, mut ys) = (vec![0.0; width], vec![0.0; width]);
        let (mut across, mut down) = (Vec::new(), Vec::new());
        for (row, line) in block.rows.clone().zip(out.chunks_exact_mut(width)) {
            self.frame.centres(row, block, &mut xs, &mut ys);
            for ((o, &x), &y) in line.iter_mut().zip(&xs).zip(&ys) {
                *o = self.one(plane, x, y, &mut across, &mut down);
            }
        }
    }

    fn one<R: Real>(
        &self,
        plane: &Plane<R>,
        x: f64,
        y: f64,
        across: &mut Vec<f64>,
        down: &mut Vec<f64>,
    ) -> R {
        if !(x.is_finite() && y.is_finite() && is_present(&self.frame, plane, x, y)) {
            return R::NAN;
        }
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
