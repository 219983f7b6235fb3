//! Groups that follow the selected segments: by the same index, by a reference to their parent, or by time alone.

use std::collections::BTreeMap;

use harmony_model::geolocation::Geolocation;
use harmony_model::{DimId, Runs, Window};

use super::{integers, replace, stretch};
use crate::error::OpError;
use crate::scene::Scene;
use crate::selection::Selection;

const PARENT_GONE: &str = "the segments it belongs to are not selected";

/// Dimensions of another group with the same index (ATL03 `geophys_corr` follows `geolocation`).
pub fn same_index(scene: &Scene, selection: &mut Selection) {
    for s in &scene.table.same_index {
        if let Some(runs) = selection.dims.get(&s.follows).cloned() {
            selection.limit(&scene.granule, s.dim, &runs, PARENT_GONE);
        }
    }
}

/// Children that carry the 1-based index of their parent: kept where the parent is, renumbered.
pub fn reverse_references(scene: &Scene, selection: &mut Selection) -> Result<(), OpError> {
    let granule = &scene.granule;
    for r in &scene.table.reverse {
        let Some(parents) = selection.dims.get(&r.parent_dim).cloned() else { continue };
        let index = integers(scene, r.index)?;
        let position: BTreeMap<u64, i64> = parents.indices().zip(1i64..).collect();
        let parent = |i: u64| index.get(i as usize).and_then(|&p| position.get(&(p.checked_sub(1)? as u64)));
        let kept: Runs = Runs::from_indices((0..index.len() as u64).filter(|&i| parent(i).is_some()));
        selection.limit(granule, r.dim, &kept, PARENT_GONE);
        let left = selection.runs(granule, r.dim);
        let renumbered: Vec<i64> = left.indices().filter_map(|i| parent(i).copied()).collect();
        replace(scene, selection, r.index, &renumbered);
    }
    Ok(())
}

/// Groups with times but no positions keep the stretch between the first and the last time that was kept in their
/// own beam; a time request has already limited them by itself.
pub fn time_only(scene: &Scene, selection: &mut Selection) -> Result<(), OpError> {
    let granule = &scene.granule;
    let spatial =
        !scene.request.bbox.is_empty() || scene.request.shape.is_some() || scene.request.point.is_some();
    if !spatial {
        return Ok(());
    }
    for t in &scene.table.time_only {
        let Some(followed) = t.follows.and_then(|i| scene.table.located.get(i)) else { continue };
        let mut range: Option<(f64, f64)> = None;
        for leader in leaders(scene, &followed.geolocation) {
            let Some(axis) = scene.times.for_dims(&[leader]) else { continue };
            let runs = selection.runs(granule, leader);
            for v in axis.read_seconds(granule, &Window(vec![runs]))? {
                if v.is_finite() {
                    range = Some(range.map_or((v, v), |(a, b)| (a.min(v), b.max(v))));
                }
            }
        }
        let Some(axis) = scene.times.axes.iter().find(|a| a.var == t.time) else { continue };
        let values = axis.read_seconds(granule, &Window::all(&[granule.dim(t.dim).len]))?;
        let runs = range.map_or_else(Runs::default, |r| stretch(&values, r));
        selection.limit(granule, t.dim, &runs, "no time of its beam is selected");
    }
    Ok(())
}

/// The axes of a trajectory and of the samples its segments own.
fn leaders(scene: &Scene, geolocation: &Geolocation) -> Vec<DimId> {
    let mut dims = geolocation.dims();
    for s in &scene.table.segments {
        if dims.contains(&s.segment_dim) && !dims.contains(&s.dim) {
            dims.push(s.dim);
        }
    }
    dims
}
