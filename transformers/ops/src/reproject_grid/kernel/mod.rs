//! Kernels: how a target cell is made of source cells.

mod around;
mod boxes;
mod conservative;
mod ffi;
mod filter;
mod frame;
mod linear;
mod near;
mod overlap;
mod taps;

use std::sync::Arc;

use harmony_model::Interpolation;

use super::warp::Warp;
use crate::project::Resampler;

pub use filter::Shape;
use frame::Frame;

/// What filters do where the target is coarser than the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// They grow by the ratio, as GDAL's.
    Widened,
    /// They keep to the nearest cells, as CDO's.
    Narrow,
}

/// The resampler of a method; `None` for those that are no kernels on grids (EWA).
pub fn resampler(warp: &Arc<Warp>, method: Interpolation, support: Support) -> Option<Resampler> {
    use Interpolation as I;
    let boxes =
        |statistic| Some(Resampler::Blend(Arc::new(boxes::Boxes::new(Frame::of_cells(warp), statistic))));
    let filter = |shape| Some(filter::resampler(warp, shape, support));
    match method {
        I::Nearest => Some(Resampler::Pick(Arc::new(near::Near::new(Frame::of_points(warp, [0.0; 2]))))),
        I::Bilinear => filter(Shape::Triangle),
        I::Cubic => filter(Shape::Cubic),
        I::CubicSpline => filter(Shape::Spline),
        I::Lanczos => filter(Shape::Lanczos),
        I::Average => boxes(boxes::Statistic::Mean),
        I::RootMeanSquare => boxes(boxes::Statistic::RootMeanSquare),
        I::Sum => boxes(boxes::Statistic::Sum),
        I::Mode => boxes(boxes::Statistic::Mode),
        I::Minimum => boxes(boxes::Statistic::Minimum),
        I::Maximum => boxes(boxes::Statistic::Maximum),
        I::Median => boxes(boxes::Statistic::Quantile(0.5)),
        I::FirstQuartile => boxes(boxes::Statistic::Quantile(0.25)),
        I::ThirdQuartile => boxes(boxes::Statistic::Quantile(0.75)),
        I::Conservative => Some(Resampler::Blend(Arc::new(conservative::Conservative::new(warp)))),
        I::Ewa | I::EwaNearest => None,
    }
}
