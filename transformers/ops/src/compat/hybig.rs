//! The browse image generator's grey levels: they run between the least and greatest value of what a picture is made
//! from, a tenth more on every side than the picture shows.

use std::ops::Range;

use harmony_model::request::BROWSE_RANGE;
use harmony_model::{Attribute, Granule, GridSpec, ReadError, Runs, VarId, Window};

use crate::browse::transformed_extent;
use crate::error::OpError;
use crate::reproject_grid::{Axis, LocatedGrid};
use crate::scene::Scene;

/// What is read besides what is seen, on every side, as a share of it.
const AROUND: f64 = 0.1;
/// Values that are read at a time.
const VALUES: u64 = 1 << 20;

/// Tells of variables on `source` that are moved to `target` between which values their grey levels run.
///
/// # Errors
/// When values can't be read.
pub fn say_ranges(
    scene: &Scene,
    granule: &mut Granule,
    source: &LocatedGrid,
    target: &GridSpec,
    vars: &[VarId],
) -> Result<(), OpError> {
    // Where the picture has no image in the source, the reference writes none.
    let Ok([west, south, east, north]) = transformed_extent(target, &source.grid.crs) else { return Ok(()) };
    let (wide, high) = ((east - west) * AROUND, (north - south) * AROUND);
    let cols = touched(&source.grid.x, west - wide, east + wide);
    let rows = touched(&source.grid.y, south - high, north + high);
    for &v in vars {
        let var = scene.granule.var(v);
        if var.dims != [source.row, source.col] || !var.dtype.is_numeric() {
            continue;
        }
        let range = range_of(&scene.granule, v, &rows, &cols)?;
        let moved = granule.vars.iter_mut().find(|moved| moved.path == var.path);
        if let (Some(moved), Some((low, high))) = (moved, range) {
            moved.set_attr(Attribute::numbers(BROWSE_RANGE, &[low, high]));
        }
    }
    Ok(())
}

/// Cells between two coordinates, those in part included.
fn touched(axis: &Axis, low: f64, high: f64) -> Range<u64> {
    let (a, b) = (axis.position(low), axis.position(high));
    let len = axis.len() as f64;
    let start = a.min(b).floor().clamp(0.0, len);
    let end = a.max(b).ceil().clamp(start, len);
    start as u64..end as u64
}

/// Least and greatest value of a part of a variable; `None` when there is none.
fn range_of(
    granule: &Granule,
    var: VarId,
    rows: &Range<u64>,
    cols: &Range<u64>,
) -> Result<Option<(f64, f64)>, ReadError> {
    let mut range: Option<(f64, f64)> = None;
    let step = (VALUES / (cols.end - cols.start).max(1)).max(1);
    for start in rows.clone().step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
        let window = Window(vec![
            Runs::range(start, step.min(rows.end - start)),
            Runs::range(cols.start, cols.end - cols.start),
        ]);
        for value in granule.read_physical(var, &window)?.into_iter().filter(|v| !v.is_nan()) {
            let (low, high) = range.unwrap_or((value, value));
            range = Some((low.min(value), high.max(value)));
        }
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_counted_along_either_direction() {
        let east = Axis::Regular { start: 0.0, step: 1.0, len: 10 };
        assert_eq!(touched(&east, 2.2, 4.0), 2..4);
        assert_eq!(touched(&east, -5.0, 50.0), 0..10);
        let south = Axis::Regular { start: 10.0, step: -1.0, len: 10 };
        assert_eq!(touched(&south, 2.2, 4.0), 6..8);
        assert_eq!(touched(&south, 20.0, 30.0), 0..0);
    }
}
