//! Keeps a range of a named dimension: `AXIS(MIN:MAX)` by coordinate value, `AXIS[FIRST:LAST]` by index.
//!
//! Geographic axes keep the cells that overlap the range; other axes (levels, wavelengths, …) the values inside it,
//! ends included. A name that is a variable but no dimension masks by its values. Axes without coordinates are
//! numbered from 0. `z`, where no dimension has that name, is the vertical axis.

mod vertical;

use harmony_model::geolocation::{Geolocation, GridAxis, names};
use harmony_model::request::{Comparison, DimensionExtent, DimensionRange, FilterRule};
use harmony_model::{DimId, Runs, VarId};

use crate::error::OpError;
use crate::filter;
use crate::operation::Operation;
use crate::scene::Scene;
use crate::selection::Selection;
use crate::subset_bbox::axis_cells;

pub struct SubsetDimension;

impl Operation for SubsetDimension {
    fn name(&self) -> &'static str {
        "subset_dimension"
    }

    fn summary(&self) -> &'static str {
        "keep a range of a named dimension, by value or by index"
    }

    fn select(&self, scene: &Scene) -> Result<Option<String>, OpError> {
        let ranges = &scene.request.dimensions;
        for range in ranges {
            targets(scene, &range.name)?;
        }
        Ok((!ranges.is_empty())
            .then(|| ranges.iter().map(|r| r.name.as_str()).collect::<Vec<_>>().join(", ")))
    }

    fn resolve(&self, scene: &Scene, selection: &mut Selection) -> Result<(), OpError> {
        for range in &scene.request.dimensions {
            for target in targets(scene, &range.name)? {
                match target {
                    Target::Axis(dim, coordinate) => limit_axis(scene, selection, range, dim, coordinate)?,
                    Target::Samples(var) => limit_samples(scene, selection, range, var)?,
                }
            }
        }
        Ok(())
    }
}

/// What a name stands for.
enum Target {
    /// A dimension and its 1-D coordinate variable.
    Axis(DimId, Option<VarId>),
    /// A variable whose values are tested one by one.
    Samples(VarId),
}

fn targets(scene: &Scene, name: &str) -> Result<Vec<Target>, OpError> {
    let granule = &scene.granule;
    let bare = name.trim_start_matches('/');
    let path = |d: DimId| {
        let dim = granule.dim(d);
        harmony_model::granule::join(&granule.group(dim.group).path, &dim.name)
    };
    let dims = (0..granule.dims.len()).map(DimId);
    let named: Vec<DimId> = dims.filter(|&d| granule.dim(d).name == bare || path(d)[1..] == *bare).collect();
    if !named.is_empty() {
        return Ok(named.into_iter().map(|d| Target::Axis(d, coordinate(scene, d))).collect());
    }
    let vertical = if bare == vertical::NAME { vertical::axes(granule) } else { Vec::new() };
    if !vertical.is_empty() {
        return Ok(vertical.into_iter().map(|(dim, var)| Target::Axis(dim, Some(var))).collect());
    }
    match names::find_variables(granule, name) {
        Ok(vars) => Ok(vars
            .into_iter()
            .map(|v| match granule.var(v).dims.as_slice() {
                [dim] => Target::Axis(*dim, Some(v)),
                _ => Target::Samples(v),
            })
            .collect()),
        Err(missing) => Err(OpError::UnknownDimension {
            granule: granule.name.clone(),
            name: name.into(),
            suggestion: nearest_dimension(scene, bare).or(missing.nearest),
        }),
    }
}

fn nearest_dimension(scene: &Scene, name: &str) -> Option<String> {
    let low = name.to_ascii_lowercase();
    let similar = |d: &&harmony_model::Dimension| {
        let other = d.name.to_ascii_lowercase();
        other.starts_with(&low) || low.starts_with(&other) || other.contains(&low)
    };
    scene.granule.dims.iter().find(similar).map(|d| d.name.clone())
}

fn coordinate(scene: &Scene, dim: DimId) -> Option<VarId> {
    scene.granule.dim_coordinate(dim)
}

fn limit_axis(
    scene: &Scene,
    selection: &mut Selection,
    range: &DimensionRange,
    dim: DimId,
    coordinate: Option<VarId>,
) -> Result<(), OpError> {
    let granule = &scene.granule;
    let n = granule.dim(dim).len;
    let why = format!("nothing along '{}' lies in the range", range.name);
    let runs = match range.extent {
        DimensionExtent::Indices { first, last } => {
            let first = first.unwrap_or(0);
            let end = last.map_or(n, |l| l.saturating_add(1)).min(n);
            Runs::range(first, end.saturating_sub(first))
        }
        DimensionExtent::Values { min, max } => {
            let (min, max) = (min.unwrap_or(f64::NEG_INFINITY), max.unwrap_or(f64::INFINITY));
            match (geographic_axis(scene, dim), coordinate) {
                (Some(axis), Some(var)) if axis.var == var => axis_cells(scene, axis)?.within(min, max),
                (_, Some(var)) => inside(&granule.read_all_physical(var)?, min, max),
                (_, None) => inside(&(0..n).map(|i| i as f64).collect::<Vec<_>>(), min, max),
            }
        }
    };
    selection.limit(granule, dim, &runs, &why);
    Ok(())
}

fn geographic_axis(scene: &Scene, dim: DimId) -> Option<&GridAxis> {
    scene.table.located.iter().find_map(|l| match &l.geolocation {
        Geolocation::Grid { lat, .. } if lat.dim == dim => Some(lat),
        Geolocation::Grid { lon, .. } if lon.dim == dim => Some(lon),
        _ => None,
    })
}

/// Indices of values in `min..max`, ends included up to float32 rounding.
fn inside(values: &[f64], min: f64, max: f64) -> Runs {
    let slack = |v: f64| v.abs() * f64::from(f32::EPSILON);
    let hit = |v: f64| v >= min - slack(v) && v <= max + slack(v);
    Runs::from_indices((0..values.len()).filter(|&i| hit(values[i])).map(|i| i as u64))
}

fn limit_samples(
    scene: &Scene,
    selection: &mut Selection,
    range: &DimensionRange,
    var: VarId,
) -> Result<(), OpError> {
    let DimensionExtent::Values { min, max } = range.extent else {
        let reason =
            format!("'{}' is a variable, not a dimension: it has values but no index range", range.name);
        return Err(scene.refuse("subset_dimension", reason));
    };
    let rule = |comparison, value: Option<f64>| {
        value.map(|value| FilterRule { variable: range.name.clone(), comparison, value })
    };
    for rule in
        [rule(Comparison::GreaterOrEqual, min), rule(Comparison::LessOrEqual, max)].into_iter().flatten()
    {
        filter::apply(scene, selection, var, &rule)?;
    }
    Ok(())
}
