//! Samples addressed by segments, groups that follow others, and axes with times alone (ICESat-2, GEDI).

use std::collections::HashSet;

use super::discover::Finder;
use super::glob::{self, Bindings};
use super::products::Product;
use super::{ReverseIndex, Rule, SameIndex, Segments, TimeOnly};
use crate::geolocation::Geolocation;
use crate::granule::{DimId, Granule, GroupId, VarId, join};

/// Variables at or in what `path` names: a variable, or those directly in a group.
fn members(granule: &Granule, path: &str) -> Vec<VarId> {
    if let Some(v) = granule.find_var(path) {
        return vec![v];
    }
    match granule.find_group(path) {
        Some(group) => granule.var_ids().filter(|&v| granule.var(v).group == group).collect(),
        None => Vec::new(),
    }
}

/// Every place of the file that a template means, with what its classes stand for there.
fn places(granule: &Granule, template: &str, product: &Product) -> Vec<(String, Bindings)> {
    let groups = granule.groups.iter().map(|g| &g.path);
    let vars = granule.vars.iter().map(|v| &v.path);
    groups
        .chain(vars)
        .filter_map(|path| Some((path.clone(), glob::bind(template, path, &product.classes)?)))
        .collect()
}

/// The axis that the records of a group run along: the first axis of most of its variables.
fn record_dim(granule: &Granule, vars: &[VarId]) -> Option<DimId> {
    let firsts: Vec<DimId> = vars.iter().filter_map(|&v| granule.var(v).dims.first().copied()).collect();
    let votes = |d: DimId| firsts.iter().filter(|&&f| f == d).count();
    firsts.iter().copied().max_by_key(|&d| (votes(d), std::cmp::Reverse(d)))
}

/// Axes of `vars` that are the record axis `dim` under another identity: anonymous ones of its length, first axes.
fn twins(granule: &Granule, vars: &[VarId], dim: DimId) -> Vec<DimId> {
    let target = granule.dim(dim);
    let mut found: Vec<DimId> = vars
        .iter()
        .filter_map(|&v| granule.var(v).dims.first().copied())
        .filter(|&d| d != dim && granule.dim(d).len == target.len)
        .filter(|&d| granule.dim(d).anonymous || target.anonymous)
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Finds segment indices and references to parents of the product table.
pub(super) fn find(finder: &mut Finder) {
    let Some(product) = finder.product.clone() else { return };
    let granule = finder.granule;
    for rule in &product.segments {
        for (path, bindings) in places(granule, &rule.samples, &product) {
            let segments = glob::fill(&rule.segments, &bindings);
            let var = |name: &str| granule.find_var(&join(&segments, &glob::fill(name, &bindings)));
            let Some(begin) = var(&rule.begin) else { continue };
            let samples = members(granule, &path);
            let (Some(dim), &[segment_dim]) = (record_dim(granule, &samples), &granule.var(begin).dims[..])
            else {
                continue;
            };
            let count = rule.count.as_deref().and_then(var);
            add_segments(finder, &product, dim, segment_dim, begin, count);
            let same = twins(granule, &samples, dim);
            finder.add_same(same.iter().map(|&d| SameIndex { dim: d, follows: dim }));
            if let Some(&i) = finder.segmented.get(&dim) {
                same.into_iter().for_each(|d| {
                    finder.segmented.entry(d).or_insert(i);
                });
            }
        }
    }
    for rule in &product.reverse {
        for (path, bindings) in places(granule, &rule.child, &product) {
            let parent = members(granule, &glob::fill(&rule.parent, &bindings));
            let index = granule.find_var(&join(&path, &glob::fill(&rule.index, &bindings)));
            let (Some(index), Some(parent_dim)) = (index, record_dim(granule, &parent)) else { continue };
            if let [dim] = granule.var(index).dims[..]
                && dim != parent_dim
            {
                finder.table.reverse.push(ReverseIndex { dim, parent_dim, index });
            }
        }
    }
}

fn add_segments(
    finder: &mut Finder,
    product: &Product,
    dim: DimId,
    segment_dim: DimId,
    begin: VarId,
    count: Option<VarId>,
) {
    if dim == segment_dim {
        return;
    }
    let track = finder.trajectory_of(begin).map(|i| finder.table.located[i].geolocation.clone());
    let (lat, lon) = match track {
        Some(Geolocation::Trajectory { lat, lon, .. }) => (Some(lat), Some(lon)),
        _ => (None, None),
    };
    let segments = Segments { dim, segment_dim, begin, count, lat, lon };
    finder.table.segments.push(segments.clone());
    if !finder.segmented.contains_key(&dim) {
        let detail = format!("product '{}'", product.name);
        let index = finder.add(Geolocation::Segmented(segments), Rule::ProductTable, detail);
        finder.segmented.insert(dim, index);
    }
}

/// Gives groups that are indexed like another one its trajectory.
pub(super) fn follow(finder: &mut Finder) {
    let Some(product) = finder.product.clone() else { return };
    let granule = finder.granule;
    for rule in &product.same_index {
        for g in (0..granule.groups.len()).map(GroupId) {
            let path = granule.group(g).path.clone();
            let Some(bindings) = rule.groups.iter().find_map(|p| glob::bind(p, &path, &product.classes))
            else {
                continue;
            };
            let leader = glob::fill(&rule.follows, &bindings);
            if leader != path && !finder.table.is_never_subset(granule, g) {
                follow_group(finder, g, &leader);
            }
        }
    }
    place_segments(finder);
}

/// Segments whose group follows another one have that one's positions.
fn place_segments(finder: &mut Finder) {
    let table = &mut finder.table;
    for i in 0..table.segments.len() {
        let begin = table.segments[i].begin;
        let track = table.of_var[begin.0].map(|t| table.located[t].geolocation.clone());
        let (None, Some(Geolocation::Trajectory { lat, lon, .. })) = (table.segments[i].lat, track) else {
            continue;
        };
        (table.segments[i].lat, table.segments[i].lon) = (Some(lat), Some(lon));
        for located in &mut table.located {
            if let Geolocation::Segmented(s) = &mut located.geolocation
                && s.begin == begin
            {
                (s.lat, s.lon) = (Some(lat), Some(lon));
            }
        }
    }
}

fn follow_group(finder: &mut Finder, group: GroupId, leader: &str) {
    let granule = finder.granule;
    let tracks: HashSet<usize> =
        members(granule, leader).iter().filter_map(|v| finder.table.of_var[v.0]).collect();
    let track = tracks.into_iter().find_map(|i| match finder.table.located[i].geolocation {
        Geolocation::Trajectory { dim, .. } => Some((i, dim)),
        _ => None,
    });
    let Some((index, lead)) = track else { return };
    for v in granule.var_ids().filter(|&v| granule.var(v).group == group) {
        let free = finder.table.of_var[v.0].is_none();
        // A named axis of its own is what the product table speaks of, so identity is not asked for.
        let first =
            granule.var(v).dims.first().copied().filter(|&d| granule.dim(d).len == granule.dim(lead).len);
        if let (true, Some(dim)) = (free, first) {
            finder.add_same([SameIndex { dim, follows: lead }]);
            finder.table.of_var[v.0] = Some(index);
        }
    }
}

/// Axes of the product's groups with times and without positions.
pub(super) fn time_only(finder: &mut Finder) {
    let Some(product) = finder.product.clone() else { return };
    let granule = finder.granule;
    for g in (0..granule.groups.len()).map(GroupId) {
        let path = &granule.group(g).path;
        if !product.time_only.iter().any(|p| glob::bind(p, path, &product.classes).is_some()) {
            continue;
        }
        let time = granule.var_ids().find(|&v| {
            let var = granule.var(v);
            var.group == g
                && var.dims.len() == 1
                && finder.table.of_var[v.0].is_none()
                && (finder.roles.roles[v.0].time || var.name == "delta_time")
        });
        let Some(time) = time else { continue };
        let dim = granule.var(time).dims[0];
        let follows = beside(finder, g);
        finder.table.time_only.push(TimeOnly { dim, time, follows });
        let members: Vec<VarId> = granule.var_ids().filter(|&v| granule.var(v).group == g).collect();
        finder
            .add_same(twins(granule, &members, dim).into_iter().map(|d| SameIndex { dim: d, follows: dim }));
    }
}

/// The trajectory of the nearest group around `group`: that of the same beam.
fn beside(finder: &Finder, group: GroupId) -> Option<usize> {
    let granule = finder.granule;
    let mut here = granule.group(group).parent;
    while let Some(around) = here {
        if around == Granule::ROOT {
            return None;
        }
        let found = finder.table.located.iter().position(|l| match l.geolocation {
            Geolocation::Trajectory { lat, .. } => granule.is_within(granule.var(lat).group, around),
            _ => false,
        });
        if found.is_some() {
            return found;
        }
        here = granule.group(around).parent;
    }
    None
}
