//! The time axis of a mean over time: one time amid bounds around all that was averaged.

use std::sync::Arc;

use harmony_model::dtype::number_bytes;
use harmony_model::request::Compat;
use harmony_model::time::TimeAxis;
use harmony_model::{Attribute, DType, DimId, Granule, MemoryArray, Storage, VarId};

use crate::error::OpError;
use crate::scene::Scene;

/// An axis that means are taken over.
pub struct MeanAxis {
    pub dim: DimId,
    /// Index into the scene's time axes.
    pub axis: usize,
    pub weights: Arc<[f64]>,
    /// First and last time in stored units of the time variable, and the bounds around them.
    span: Span,
    /// UTC seconds of that span, when it is in the real calendar (or in one called `julian`, as GPM does and means UTC).
    pub utc: Option<[f64; 2]>,
}

/// In units of the time variable, or in seconds since 1970 where that has none.
enum Span {
    Stored([f64; 2]),
    Seconds([f64; 2]),
}

impl MeanAxis {
    /// Reads times and bounds of `dim`.
    ///
    /// # Errors
    /// When the times can't be read.
    pub fn read(scene: &Scene, dim: DimId, axis: usize) -> Result<Self, OpError> {
        let granule = &scene.granule;
        let time = &scene.times.axes[axis];
        let n = granule.dim(dim).len as usize;
        let bounds = time.bounds_seconds(granule)?.filter(|b| b.len() == n);
        let weights = match &bounds {
            // cdo weighs every step alike.
            Some(bounds) if scene.request.compat != Some(Compat::Nco) => lengths(bounds),
            _ => vec![1.0; n],
        };
        let seconds = time.read_all(granule)?;
        let mut around = extremes(seconds.iter().copied());
        if let Some(bounds) = &bounds {
            around = extremes(bounds.iter().flatten().copied());
        }
        let span = if time.units().is_some() && granule.var(time.var).dtype.is_numeric() {
            let source = match time.bounds.filter(|_| bounds.is_some()) {
                Some(bounds) if same_units(granule, bounds, time.var) => bounds,
                _ => time.var,
            };
            Span::Stored(extremes(granule.read_all_physical(source)?.into_iter()))
        } else {
            Span::Seconds(around)
        };
        let real = time.is_utc() || time.calendar() == harmony_model::time::Calendar::Julian;
        let utc = (real && around.iter().all(|s| s.is_finite())).then_some(around);
        Ok(MeanAxis { dim, axis, weights: weights.into(), span, utc })
    }

    /// Puts the time and its bounds into `granule`, in which `dim` has length one already.
    pub fn put(&self, granule: &mut Granule, time: &TimeAxis) {
        let [low, high] = match self.span {
            Span::Stored(span) | Span::Seconds(span) => span,
        };
        let middle = f64::midpoint(low, high);
        let var = &mut granule.vars[time.var.0];
        if let Span::Seconds(_) = self.span {
            var.dtype = DType::F64;
            var.attrs.clear();
            var.set_attr(Attribute::text("standard_name", "time"));
            var.set_attr(Attribute::text("units", "seconds since 1970-01-01T00:00:00Z"));
            var.set_attr(Attribute::text("calendar", time.calendar().name()));
            var.dims = vec![self.dim];
        }
        var.attrs.retain(|a| !matches!(a.name.as_str(), "scale_factor" | "add_offset" | "actual_range"));
        set_values(var, &[1], &[middle]);
        let bounds = match time.bounds {
            Some(bounds) => bounds,
            None => add_bounds(granule, time.var, self.dim),
        };
        set_values(&mut granule.vars[bounds.0], &[1, 2], &[low, high]);
    }
}

/// Lengths of the steps; all alike when some step has none.
fn lengths(bounds: &[[f64; 2]]) -> Vec<f64> {
    let lengths: Vec<f64> = bounds.iter().map(|b| b[1] - b[0]).collect();
    let first = lengths.first().copied().unwrap_or(1.0);
    let usable = lengths.iter().all(|l| l.is_finite() && *l > 0.0);
    // Half-hours that differ by a rounded millisecond are equal.
    let equal = lengths.iter().all(|l| (l - first).abs() <= 1e-6 * first);
    if usable && !equal { lengths } else { vec![1.0; bounds.len()] }
}

/// Smallest and largest; NaN when there is none.
fn extremes(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.filter(|v| v.is_finite()).fold([f64::NAN; 2], |[a, b], v| [a.min(v), b.max(v)])
}

/// Whether the bounds say no other units than their parent.
fn same_units(granule: &Granule, bounds: VarId, time: VarId) -> bool {
    let units = granule.var(bounds).attr_text("units");
    units.is_none() || units == granule.var(time).attr_text("units")
}

/// Puts numbers into a variable: in its own type when it holds them exactly, else as doubles.
fn set_values(var: &mut harmony_model::Variable, shape: &[u64], values: &[f64]) {
    let exact = |v: &f64| {
        let bytes = number_bytes(&var.dtype, *v)?;
        let back = harmony_model::dtype::to_f64s(&var.dtype, &bytes)?;
        (back.first() == Some(v)).then_some(bytes)
    };
    let same: Option<Vec<Vec<u8>>> = values.iter().map(exact).collect();
    var.data = match same {
        Some(bytes) => Arc::new(MemoryArray::new(shape, var.dtype.size(), bytes.concat())),
        None => {
            var.dtype = DType::F64;
            let fills = ["_FillValue", "missing_value", "valid_range", "valid_min", "valid_max"];
            var.attrs.retain(|a| !fills.contains(&a.name.as_str()));
            var.fill = None;
            Arc::new(MemoryArray::of(shape, values))
        }
    };
    var.big_endian = false;
    var.storage = Storage::Contiguous;
}

/// A new bounds variable for a time variable on `dim`.
fn add_bounds(granule: &mut Granule, time: VarId, dim: DimId) -> VarId {
    let (group, name) = (granule.var(time).group, granule.var(time).name.clone());
    let free = |text: &str| !granule.vars.iter().any(|v| v.group == group && v.name == text);
    let mut bounds = format!("{name}_bnds");
    while !free(&bounds) {
        bounds.push('_');
    }
    let pair = |d: &harmony_model::Dimension| d.group == group && d.name == "bnds" && d.len == 2;
    let two = granule.dims.iter().position(pair).map(DimId);
    let two = two.unwrap_or_else(|| {
        let taken = granule.dims.iter().any(|d| d.group == group && d.name == "bnds");
        granule.add_dim(group, if taken { "time_bnds_nv" } else { "bnds" }, 2)
    });
    granule.vars[time.0].set_attr(Attribute::text("bounds", &bounds));
    let data = Arc::new(MemoryArray::of(&[1, 2], &[0.0f64; 2]));
    granule.add_var(group, &bounds, DType::F64, vec![dim, two], data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_weigh_by_their_length_only_when_lengths_differ() {
        assert_eq!(lengths(&[[0.0, 31.0], [31.0, 59.0]]), [31.0, 28.0]);
        assert_eq!(lengths(&[[0.0, 1800.0], [1800.0, 3_600.000_1]]), [1.0, 1.0]);
        assert_eq!(lengths(&[[0.0, 0.0], [1.0, 2.0]]), [1.0, 1.0]);
    }
}
