//! Puts the result together.

use std::collections::HashMap;
use std::sync::Arc;

use harmony_model::request::Compat;
use harmony_model::{Attribute, DimId, Dimension, Granule, GroupId, NamedType};

use super::attrs;
use super::digest::GroupDigest;
use super::layout::Layout;
use super::per_granule::{INDEX, add, add_files, free_name};
use super::union::Union;
use super::variables::Maker;
use super::{Job, Joined};
use crate::error::OpError;

/// The result of a job: lazy, its variables read through those of the granules.
///
/// # Errors
/// When granules don't go together or can't be read.
pub fn assemble(job: Job, mut notices: Vec<String>) -> Result<Joined, OpError> {
    let union = Union::of(&job)?;
    let layout = Arc::new(Layout::of(&job, &union));
    let mut out = Granule::new(job.name(0), job.digests[0].format);
    let (groups, differing) = add_groups(&job, &union, &mut out, &mut notices);
    let stack_dim = job.stacked.then(|| add_stack_dim(&job, &union, &mut out));
    let dims = add_dims(&job, &union, &layout, &groups, &mut out);
    for t in &union.types {
        if let Some(&group) = groups.get(&*t.group) {
            out.types.push(NamedType { group, name: t.name.clone(), dtype: t.dtype.clone() });
        }
    }
    let names: Vec<String> = (0..job.digests.len()).map(|slot| job.name(slot).to_owned()).collect();
    let maker = Maker { job: &job, union: &union, layout: &layout, dims: &dims, stack_dim };
    for var in &union.vars {
        let group = groups.get(&*var.first().group).copied().unwrap_or(Granule::ROOT);
        let made = maker.make(var, group, &mut notices)?;
        out.vars.push(made);
    }
    if let Some(dim) = stack_dim {
        add_files(&mut out, Granule::ROOT, dim, &names);
    }
    add(&mut out, differing, stack_dim, &names);
    let used: Vec<usize> = job.digests.iter().map(|d| d.member).collect();
    let derived_from = used.iter().map(|&m| job.pool.members()[m].source.clone()).collect();
    Ok(Joined { granule: out, notices, used, derived_from })
}

type Differing = Vec<(String, Vec<attrs::Entry>)>;

/// All groups with their attributes; gives their numbers by path, and the attributes that differ.
fn add_groups(
    job: &Job,
    union: &Union,
    out: &mut Granule,
    notices: &mut Vec<String>,
) -> (HashMap<Arc<str>, GroupId>, Differing) {
    let mut ids: HashMap<Arc<str>, GroupId> = HashMap::new();
    let mut differing = Vec::new();
    for group in &union.groups {
        let (parent, name) = group.path.rsplit_once('/').unwrap_or(("", ""));
        let parent = ids.get(parent).copied().unwrap_or(Granule::ROOT);
        let id = if &*group.path == "/" { Granule::ROOT } else { out.add_group(parent, name) };
        ids.insert(group.path.clone(), id);
        let own = |(slot, of): (usize, &Option<usize>)| -> Option<&[Arc<Attribute>]> {
            let g: &GroupDigest = &job.digests[slot].groups[(*of)?];
            Some(&g.attrs)
        };
        let lists: Vec<_> = group.of.iter().enumerate().map(own).collect();
        let (kept, more) = attrs::of_group(&lists, job.compat, notices);
        out.groups[id.0].attrs = kept;
        differing.push((group.path.to_string(), more));
    }
    (ids, differing)
}

/// The dimension of stacked granules.
fn add_stack_dim(job: &Job, union: &Union, out: &mut Granule) -> DimId {
    let taken = |n: &str| {
        let dim = union.dims.iter().any(|d| &*d.group == "/" && d.name == n);
        dim || union.vars.iter().any(|v| &*v.first().group == "/" && v.first().name == n)
    };
    out.add_dim(Granule::ROOT, &free_name(INDEX, taken), job.digests.len() as u64)
}

fn add_dims(
    job: &Job,
    union: &Union,
    layout: &Layout,
    groups: &HashMap<Arc<str>, GroupId>,
    out: &mut Granule,
) -> Vec<DimId> {
    let mut ids = Vec::new();
    for (dim, made) in union.dims.iter().zip(&layout.dims) {
        let appended = made.starts.is_some();
        out.dims.push(Dimension {
            group: groups.get(&*dim.group).copied().unwrap_or(Granule::ROOT),
            name: dim.name.clone(),
            len: made.len,
            // Only where granules were appended can more be appended.
            unlimited: dim.unlimited && appended && job.compat != Some(Compat::Stitchee),
            anonymous: dim.anonymous && !job.stacked && !appended,
        });
        ids.push(DimId(out.dims.len() - 1));
    }
    ids
}
