//! Keeps what was observed in a time range, both ends included.
//!
//! A time axis with bounds keeps the steps that overlap the range; one without keeps the instants inside it, or, when
//! the whole range lies within one step, that step. Samples with times of their own are kept one by one, samples of
//! segments with their segment. Times are compared at microsecond resolution.

mod kernel;

use harmony_model::geolocation::Segments;
use harmony_model::time::TimeAxis;
use harmony_model::{DimId, Runs, VarId, Window};

use crate::error::OpError;
use crate::mask::Bits;
use crate::operation::Operation;
use crate::region::{mask_swath, unset_bits};
use crate::scene::Scene;
use crate::selection::Selection;

pub use kernel::{instants, steps};

pub struct SubsetTime;

impl Operation for SubsetTime {
    fn name(&self) -> &'static str {
        "subset_time"
    }

    fn summary(&self) -> &'static str {
        "keep a time range, per time step or per sample"
    }

    fn select(&self, scene: &Scene) -> Result<Option<String>, OpError> {
        let Some(range) = &scene.request.time else { return Ok(None) };
        if scene.times.axes.is_empty() {
            if let Some((_, problem)) = scene.times.problems.first() {
                return Err(problem.clone().into());
            }
            let reason =
                "it has no variable with times; leave out --time, or name the product with --short-name";
            return Err(scene.refuse(self.name(), reason));
        }
        let text = |t: Option<harmony_model::time::DateTime>| t.map_or("..".into(), |t| t.to_string());
        Ok(Some(format!("{}/{}", text(range.start), text(range.end))))
    }

    fn resolve(&self, scene: &Scene, selection: &mut Selection) -> Result<(), OpError> {
        let Some(range) = &scene.request.time else { return Ok(()) };
        let used: Vec<&TimeAxis> = (0..scene.times.axes.len())
            .filter(|&i| governs(scene, selection, i))
            .map(|i| &scene.times.axes[i])
            .collect();
        for axis in used.iter().filter(|axis| !follows_segments(scene, axis, &used)) {
            let start = range.start.as_ref().map_or(f64::NEG_INFINITY, |t| axis.bound(t));
            let end = range.end.as_ref().map_or(f64::INFINITY, |t| axis.bound(t));
            limit(scene, selection, axis, (start, end))?;
        }
        Ok(())
    }
}

/// Whether a kept variable lies on this time axis, and the axis is the one chosen for it.
fn governs(scene: &Scene, selection: &Selection, index: usize) -> bool {
    let of_var = &scene.times.of_var;
    scene.granule.var_ids().any(|v| selection.keeps(v) && of_var.get(v.0) == Some(&Some(index)))
}

/// Whether a single time is that of the data: of something with a place, or the only time there is. Others are epochs
/// and the like (ATL03 `atlas_sdp_gps_epoch`).
fn dates_the_data(scene: &Scene, selection: &Selection, axis: &TimeAxis) -> bool {
    let granule = &scene.granule;
    let single = |a: &TimeAxis| a.dims.iter().all(|d| granule.dim(*d).len <= 1);
    let its_own = |v: VarId| {
        let time = scene.times.of_var.get(v.0).copied().flatten();
        time.is_some_and(|i| scene.times.axes[i].var == axis.var)
    };
    let located = |v: &VarId| scene.table.of_var.get(v.0).copied().flatten().is_some();
    scene.times.axes.iter().all(single)
        || granule.var_ids().filter(located).any(|v| selection.keeps(v) && its_own(v))
}

/// Whether the samples on this axis belong to segments that have times of their own: those decide for whole segments.
fn follows_segments(scene: &Scene, axis: &TimeAxis, used: &[&TimeAxis]) -> bool {
    let led = |s: &Segments| axis.dims == [s.dim] && used.iter().any(|a| a.dims == [s.segment_dim]);
    scene.table.segments.iter().any(led)
}

fn limit(
    scene: &Scene,
    selection: &mut Selection,
    axis: &TimeAxis,
    range: (f64, f64),
) -> Result<(), OpError> {
    let granule = &scene.granule;
    let why = format!("no time of '{}' lies in the range", granule.var(axis.var).path);
    // Axes of length one (a time for all of the granule) select nothing by themselves.
    let long: Vec<DimId> = axis.dims.iter().copied().filter(|&d| granule.dim(d).len > 1).collect();
    match long.as_slice() {
        [] => {
            let at = axis.read_all(granule)?;
            let inside = match axis.bounds_seconds(granule)?.as_deref() {
                Some([b]) => !steps(&[*b], range).is_empty(),
                _ => at.is_empty() || !instants(&at, range).is_empty(),
            };
            if !inside && dates_the_data(scene, selection, axis) {
                selection.refuse_all(why);
            }
        }
        [dim] => {
            let values = axis.read_all(granule)?;
            let runs = match axis.bounds_seconds(granule)? {
                Some(bounds) => steps(&bounds, range),
                None if is_grid_step(scene, *dim) => kernel::nearest_or_instants(&values, range),
                None => instants(&values, range),
            };
            selection.limit(granule, *dim, &runs, &why);
        }
        [row, col] => {
            let bits = sample_times(scene, axis, [*row, *col], range)?;
            mask_swath(scene, selection, [*row, *col], bits, &why);
        }
        _ => {
            let reason = format!("'{}' has more than two axes", granule.var(axis.var).path);
            return Err(scene.refuse("subset_time", reason));
        }
    }
    Ok(())
}

/// Whether `dim` is the time dimension of gridded data: then a step stands for an interval, not for an instant.
fn is_grid_step(scene: &Scene, dim: DimId) -> bool {
    scene.table.located.iter().all(|l| !l.geolocation.dims().contains(&dim))
}

/// Hits of a time per sample.
fn sample_times(
    scene: &Scene,
    axis: &TimeAxis,
    dims: [DimId; 2],
    range: (f64, f64),
) -> Result<Bits, OpError> {
    let granule = &scene.granule;
    let (rows, cols) = (granule.dim(dims[0]).len, granule.dim(dims[1]).len);
    let mut bits = unset_bits(scene, rows, cols)?;
    let step = ((1 << 20) / cols.max(1)).max(1);
    let mut start = 0;
    while start < rows {
        let count = step.min(rows - start);
        let window = Window(
            axis.dims
                .iter()
                .map(|d| match dims.iter().position(|x| x == d) {
                    Some(0) => Runs::range(start, count),
                    Some(_) => Runs::all(cols),
                    None => Runs::range(0, 1),
                })
                .collect(),
        );
        let values = axis.read_seconds(granule, &window)?;
        for i in instants(&values, range).indices() {
            bits.set(start + i / cols, i % cols);
        }
        start += count;
    }
    Ok(bits)
}
