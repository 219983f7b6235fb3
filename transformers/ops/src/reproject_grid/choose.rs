//! Which kernel a variable gets.

use harmony_model::request::Compat;
use harmony_model::{DType, Interpolation, Request, Variable};

use super::warp::Warp;

/// Source cells in a target cell, along a side, above which means over areas beat interpolation.
const COARSER: f64 = 1.25;
/// The same for integers: pictures and packed data, which are resampled for looks.
const SHRINKS: f64 = 2.0;

/// A kernel, and whether it stands in for the one that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    pub method: Interpolation,
    pub instead_of: Option<Interpolation>,
}

/// Whether numbers of a variable are codes.
pub fn is_categorical(var: &Variable) -> bool {
    let flags = ["flag_values", "flag_masks", "flag_meanings", "color_table", "legend"];
    matches!(var.dtype, DType::Enum { .. })
        || (var.dtype.is_integer() && flags.iter().any(|a| var.attr(a).is_some()))
}

/// The kernel for a variable.
pub fn choose(request: &Request, var: &Variable, warp: &Warp) -> Choice {
    use Interpolation as I;
    let plain = |method| Choice { method, instead_of: None };
    // What is not a number can only be taken over.
    if !(var.dtype.is_numeric() || matches!(var.dtype, DType::Enum { .. })) {
        return plain(I::Nearest);
    }
    let categorical = is_categorical(var);
    match request.target.interpolation {
        Some(asked) if categorical => match asked {
            I::Bilinear | I::Cubic | I::CubicSpline | I::Lanczos => {
                Choice { method: I::Nearest, instead_of: Some(asked) }
            }
            I::Average | I::RootMeanSquare | I::Sum | I::Conservative => {
                Choice { method: I::Mode, instead_of: Some(asked) }
            }
            _ => plain(asked),
        },
        Some(asked) => plain(asked),
        None if categorical || request.browse => plain(I::Nearest),
        None if request.compat_is(Compat::ServiceExample) || request.compat_is(Compat::Gdal) => {
            plain(I::Nearest)
        }
        None if request.compat_is(Compat::GdalAdapter) => plain(I::Bilinear),
        None => {
            let [cols, rows] = warp.ratio();
            let ratio = (cols * rows).sqrt();
            plain(match var.dtype.is_float() {
                true if ratio > COARSER => I::Conservative,
                false if ratio > SHRINKS => I::Average,
                _ => I::Bilinear,
            })
        }
    }
}
