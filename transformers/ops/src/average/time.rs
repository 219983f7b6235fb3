//! Means over time.

use std::sync::Arc;

use harmony_model::{DimId, Filter, Granule, Storage, VarId};

use super::attributes::{describe_request, drop_references, extend_cell_methods};
use super::stored::{Mean, Stored};
use super::time_axis::MeanAxis;
use super::time_source::TimeMean;
use super::{NAME, is_categorical, leave_out, named};
use crate::error::OpError;
use crate::scene::Scene;
use crate::transform::Transformed;

/// What would be averaged, in words.
pub fn describe(scene: &Scene) -> Result<String, OpError> {
    let dims = time_dims(scene)?;
    let text = |&(dim, axis): &(DimId, usize)| {
        let path = &scene.granule.var(scene.times.axes[axis].var).path;
        format!("{} times of {path}", scene.granule.dim(dim).len)
    };
    Ok(format!("mean over {}", dims.iter().map(text).collect::<Vec<_>>().join(" and ")))
}

/// The axes that are times and nothing else, each with its index among the time axes. The times of a swath or
/// trajectory run along its track: their mean would be one over places.
fn time_dims(scene: &Scene) -> Result<Vec<(DimId, usize)>, OpError> {
    let horizontal: Vec<DimId> = scene.table.located.iter().flat_map(|l| l.geolocation.dims()).collect();
    let mut out: Vec<(DimId, usize)> = Vec::new();
    let mut along_track = false;
    for (i, axis) in scene.times.axes.iter().enumerate() {
        let long: Vec<DimId> = axis.dims.iter().copied().filter(|&d| scene.granule.dim(d).len != 1).collect();
        let dims = if long.is_empty() { axis.dims.clone() } else { long };
        match dims.as_slice() {
            [dim] if !horizontal.contains(dim) => {
                if !out.iter().any(|(d, _)| d == dim) {
                    out.push((*dim, i));
                }
            }
            [] => {}
            _ => along_track = true,
        }
    }
    if out.is_empty() {
        let reason = match along_track {
            true => {
                "its times run along the track of the instrument; average over area, or project it onto a grid \
                     (--crs) first"
            }
            false => "no variable has a time axis; average over area, or join granules along time first",
        };
        return Err(scene.refuse(NAME, reason));
    }
    Ok(out)
}

/// Paths of the dimensions that a mean over time is taken over; none where no time has a dimension of its own.
pub fn time_dimensions(scene: &Scene) -> Vec<String> {
    let granule = &scene.granule;
    let path = |(dim, _): (DimId, usize)| {
        let dim = granule.dim(dim);
        harmony_model::granule::join(&granule.group(dim.group).path, &dim.name)
    };
    time_dims(scene).map(|dims| dims.into_iter().map(path).collect()).unwrap_or_default()
}

/// The granule with every time axis of length one.
pub fn apply(scene: &Scene) -> Result<Transformed, OpError> {
    let axes = time_dims(scene)?
        .into_iter()
        .map(|(dim, axis)| MeanAxis::read(scene, dim, axis))
        .collect::<Result<Vec<_>, _>>()?;
    let mut out = Granule::clone(&scene.granule);
    let mut notices = Vec::new();
    let named = named(scene);
    let mut gone: Vec<VarId> = Vec::new();
    for id in scene.granule.var_ids() {
        let own: Vec<&MeanAxis> =
            axes.iter().filter(|a| scene.granule.var(id).dims.contains(&a.dim)).collect();
        let time = |a: &MeanAxis| {
            let axis = &scene.times.axes[a.axis];
            axis.var == id || axis.bounds == Some(id)
        };
        if axes.iter().any(time) {
            continue;
        }
        if own.is_empty() {
            let needs_time = named.contains(&id) && scene.times.for_var(id).is_none();
            if needs_time && !scene.table.is_coordinate(id) {
                leave_out(scene, &named, id, "has no time axis", &mut notices)?;
            }
            continue;
        }
        if let Some(why) = objection(scene, id, named.contains(&id)) {
            leave_out(scene, &named, id, why, &mut notices)?;
            gone.push(id);
            continue;
        }
        average(scene, id, &own, &mut out);
    }
    for a in &axes {
        out.dims[a.dim.0].len = 1;
    }
    for a in &axes {
        a.put(&mut out, &scene.times.axes[a.axis]);
    }
    remove(&mut out, &gone);
    describe_request(scene, &mut out, axes.iter().find_map(|a| a.utc), None);
    Ok(Transformed { granule: out, notices })
}

/// Why there is no mean of a variable.
fn objection(scene: &Scene, id: VarId, named: bool) -> Option<&'static str> {
    let var = scene.granule.var(id);
    if Stored::of(var).is_none() {
        return Some("does not hold numbers");
    }
    (is_categorical(var) && !named)
        .then_some("holds flags, of which there is no mean (name it to have one all the same)")
}

/// Replaces a variable by its mean over each of `axes` in turn.
fn average(scene: &Scene, id: VarId, axes: &[&MeanAxis], out: &mut Granule) {
    for a in axes {
        let shape: Vec<u64> = {
            let done = |d: &DimId| axes.iter().take_while(|x| x.dim != a.dim).any(|x| x.dim == *d);
            let len = |d: &DimId| if done(d) { 1 } else { scene.granule.dim(*d).len };
            out.vars[id.0].dims.iter().map(len).collect()
        };
        let var = &mut out.vars[id.0];
        let Some(axis) = var.dims.iter().position(|d| *d == a.dim) else { continue };
        let Some(stored) = Stored::of(var) else { continue };
        let mean = Mean::of(&stored);
        let chunks = var.storage.chunk_shape().map(<[u64]>::to_vec);
        let compressed = !var.storage.filters().is_empty();
        let source = TimeMean {
            inner: var.data.clone(),
            shape,
            axis,
            chunk: chunks.as_ref().and_then(|c| c.get(axis).copied()).unwrap_or(1),
            weights: a.weights.clone(),
            stored,
            mean: mean.clone(),
        };
        mean.dress(var);
        var.storage = storage(chunks, axis, compressed, mean.dtype.size() as u32);
        var.data = Arc::new(source);
        let name = &scene.granule.var(scene.times.axes[a.axis].var).name;
        extend_cell_methods(&mut out.vars[id.0], name);
    }
}

/// Chunks of the input with one step each, so that a chunk of the result needs whole chunks of the input.
fn storage(chunks: Option<Vec<u64>>, axis: usize, compressed: bool, size: u32) -> Storage {
    let Some(mut shape) = chunks.filter(|c| c.len() > axis) else { return Storage::Contiguous };
    shape[axis] = 1;
    let filters = if compressed { vec![Filter::shuffle(size), Filter::deflate(4)] } else { Vec::new() };
    Storage::Chunked { shape, filters }
}

/// Removes variables and what refers to them.
pub fn remove(granule: &mut Granule, gone: &[VarId]) {
    if gone.is_empty() {
        return;
    }
    let before = granule.clone();
    drop_references(granule, |_, i, word| {
        let found = before.resolve_var(before.vars[i].group, word);
        found.is_some_and(|v| gone.contains(&v))
    });
    let mut index = 0;
    granule.vars.retain(|_| {
        index += 1;
        !gone.contains(&VarId(index - 1))
    });
    drop_dims(granule, &before);
}

/// Removes dims that were used before and are not any more.
fn drop_dims(granule: &mut Granule, before: &Granule) {
    let used = |g: &Granule, d: usize| g.vars.iter().any(|v| v.dims.contains(&DimId(d)));
    let stays: Vec<bool> = (0..granule.dims.len())
        .map(|d| used(granule, d) || !(d < before.dims.len() && used(before, d)))
        .collect();
    let new: Vec<DimId> = stays
        .iter()
        .scan(0, |n, &s| {
            *n += usize::from(s);
            Some(DimId(n.saturating_sub(1)))
        })
        .collect();
    for var in &mut granule.vars {
        var.dims.iter_mut().for_each(|d| *d = new[d.0]);
    }
    let mut index = 0;
    granule.dims.retain(|_| {
        index += 1;
        stays[index - 1]
    });
}
