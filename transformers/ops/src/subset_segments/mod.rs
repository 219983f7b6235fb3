//! Carries a selection of segments on to the samples they own, and back into the index that links them.
//!
//! The samples of a segmented trajectory (ATL03 photons, GEDI waveforms) follow their segments, never their own
//! positions. The index is rewritten for what is left: `begin[i] = 1 + Σ counts before i`. Groups that share the
//! segments' index follow them, and groups with times but no positions follow the times that were kept in their beam.

mod follow;
mod kernel;

use std::sync::Arc;

use harmony_model::dtype::number_bytes;
use harmony_model::geolocation::Segments;
use harmony_model::request::Compat;
use harmony_model::{MemoryArray, Runs, VarId};

use crate::error::OpError;
use crate::operation::Operation;
use crate::scene::Scene;
use crate::selection::{Replacement, Selection};

pub use kernel::{Owned, samples_of_segments};

pub struct SubsetSegments;

impl Operation for SubsetSegments {
    fn name(&self) -> &'static str {
        "subset_segments"
    }

    fn summary(&self) -> &'static str {
        "follow selected segments to the samples they own and rebase the index"
    }

    fn select(&self, scene: &Scene) -> Result<Option<String>, OpError> {
        let request = &scene.request;
        let limits = !request.bbox.is_empty()
            || request.point.is_some()
            || request.shape.is_some()
            || request.time.is_some()
            || !request.dimensions.is_empty()
            || !request.filters.is_empty();
        let n = segments(scene).count();
        Ok((limits && n > 0).then(|| format!("{n} segment index(es)")))
    }

    fn resolve(&self, scene: &Scene, selection: &mut Selection) -> Result<(), OpError> {
        follow::reverse_references(scene, selection)?;
        follow::same_index(scene, selection);
        let all: Vec<Segments> = segments(scene).cloned().collect();
        for s in &all {
            follow_segments(scene, selection, s)?;
        }
        follow::same_index(scene, selection);
        follow::time_only(scene, selection)
    }
}

fn segments(scene: &Scene) -> impl Iterator<Item = &Segments> {
    scene.table.segments.iter()
}

/// Stored integers of a whole variable.
fn integers(scene: &Scene, var: VarId) -> Result<Vec<i64>, OpError> {
    Ok(scene.granule.read_stored(var)?.into_iter().map(|v| v as i64).collect())
}

fn follow_segments(scene: &Scene, selection: &mut Selection, s: &Segments) -> Result<(), OpError> {
    let granule = &scene.granule;
    let chosen = selection.runs(granule, s.segment_dim);
    let total = granule.dim(s.dim).len;
    let samples = selection.runs(granule, s.dim);
    if chosen.is_all(granule.dim(s.segment_dim).len) && samples.is_all(total) {
        return Ok(());
    }
    let begin = integers(scene, s.begin)?;
    let mut owned = samples_of_segments(&begin, &chosen, total);
    if loses_last_segment(scene) {
        owned = owned.without_last_segments(&begin, &chosen);
    }
    let why = format!("the selected segments own no sample along '{}'", granule.dim(s.dim).name);
    selection.limit(granule, s.dim, &owned.samples, &why);
    let kept = selection.runs(granule, s.dim);
    let new_begin = kernel::rebased(&begin, &chosen, total, &kept);
    replace(scene, selection, s.begin, &new_begin.begin);
    if let Some(count) = s.count
        && kept != owned.samples
    {
        replace(scene, selection, count, &new_begin.count);
    }
    Ok(())
}

/// harmony-trajectory-subsetter loses the samples of the last segment when only a time is asked for.
fn loses_last_segment(scene: &Scene) -> bool {
    let r = &scene.request;
    r.compat == Some(Compat::Trajectory) && r.time.is_some() && r.bbox.is_empty() && r.shape.is_none()
}

/// Puts computed integers in place of an index variable, in its own type.
fn replace(scene: &Scene, selection: &mut Selection, var: VarId, values: &[i64]) {
    let variable = scene.granule.var(var);
    let bytes: Option<Vec<Vec<u8>>> =
        values.iter().map(|&v| number_bytes(&variable.dtype, v as f64)).collect();
    if let Some(bytes) = bytes {
        let data = MemoryArray::new(&[values.len() as u64], variable.dtype.size(), bytes.concat());
        selection.replacements.insert(var, Replacement { data: Arc::new(data) });
    }
}

/// The stretch from the first to the last index of `values` inside `range`.
fn stretch(values: &[f64], range: (f64, f64)) -> Runs {
    let inside = |v: &f64| *v >= range.0 && *v <= range.1;
    let first = values.iter().position(inside);
    let last = values.iter().rposition(inside);
    match (first, last) {
        (Some(a), Some(b)) => Runs::range(a as u64, (b - a + 1) as u64),
        _ => Runs::default(),
    }
}
