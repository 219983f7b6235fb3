//! Which variables come along with requested ones.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{GeolocationTable, ProjectedAxisSource, glob};
use crate::geolocation::Geolocation;
use crate::granule::{DimId, Granule, GroupId, VarId};

/// Attributes that name other variables (CF 1.10 appendix A).
const REFERENCES: [&str; 12] = [
    "ancillary_variables",
    "bounds",
    "cell_measures",
    "coordinates",
    "geometry",
    "grid_mapping",
    "interior_ring",
    "node_coordinates",
    "node_count",
    "nodes",
    "part_node_count",
    "subset_control_variables",
];

/// Names in a reference attribute: separated by blanks or commas, a trailing `:` removed (`crs: x y`), HDF5's
/// nameless scales (`FakeDim0`) dropped.
pub fn references(text: &str) -> Vec<String> {
    text.split(|c: char| c.is_whitespace() || c == ',')
        .map(|t| t.trim_end_matches(':'))
        .filter(|t| {
            let last = t.rsplit('/').next().unwrap_or(t);
            let fake = last.strip_prefix("FakeDim").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
            !t.is_empty() && !fake
        })
        .map(str::to_owned)
        .collect()
}

/// The requested variables and all that is needed to understand them, in the order of the file.
///
/// Added, again and again until nothing is new: dimension coordinates, what reference attributes name, latitude,
/// longitude or projected axes of the geolocation and the times on its axes, segment indices, parents' indices, and
/// variables that the product requires with any request.
pub fn closure(granule: &Granule, wanted: &[VarId], table: &GeolocationTable) -> Vec<VarId> {
    let mut kept: BTreeSet<VarId> = BTreeSet::new();
    let mut open: Vec<VarId> = wanted.to_vec();
    if !wanted.is_empty() {
        open.extend(required(granule, table));
    }
    let around = Surroundings::of(granule, table);
    let mut resolved: HashMap<(GroupId, String), Option<VarId>> = HashMap::new();
    while let Some(v) = open.pop() {
        if !kept.insert(v) {
            continue;
        }
        let var = granule.var(v);
        for name in REFERENCES {
            let Some(text) = var.attr_text(name) else { continue };
            for reference in references(&text) {
                let key = (var.group, reference);
                let found = match resolved.get(&key) {
                    Some(&found) => found,
                    None => {
                        let found = granule.resolve_var(key.0, &key.1);
                        resolved.insert(key, found);
                        found
                    }
                };
                open.extend(found);
            }
        }
        open.extend(around.of_dims(&var.dims));
        open.extend(positions(table, v));
    }
    kept.into_iter().collect()
}

/// Variables that the product table wants with every variable request.
fn required(granule: &Granule, table: &GeolocationTable) -> Vec<VarId> {
    let Some(product) = &table.product else { return Vec::new() };
    granule
        .var_ids()
        .filter(|&v| {
            let var = granule.var(v);
            product.required.iter().any(|p| glob::matches(p, &var.path))
                || (var.path.to_ascii_lowercase().starts_with("/metadata")
                    && !product.never_subset.is_empty())
        })
        .collect()
}

/// Variables of a geolocation.
fn positions(table: &GeolocationTable, v: VarId) -> Vec<VarId> {
    let Some(located) = table.of(v) else { return Vec::new() };
    let axis = |s: &ProjectedAxisSource| match s {
        ProjectedAxisSource::Variable { var, .. } => Some(*var),
        ProjectedAxisSource::Regular { .. } => None,
    };
    match &located.geolocation {
        Geolocation::Grid { lat, lon } => vec![lat.var, lon.var],
        Geolocation::ProjectedGrid { y, x, .. } => {
            [axis(&y.source), axis(&x.source)].into_iter().flatten().collect()
        }
        Geolocation::Swath { lat, lon, .. } | Geolocation::Trajectory { lat, lon, .. } => vec![*lat, *lon],
        Geolocation::Segmented(_) => Vec::new(),
    }
}

/// What belongs to axes: their coordinates, times, segment indices.
struct Surroundings {
    of_dim: HashMap<DimId, Vec<VarId>>,
    /// Times on two axes and more.
    broad_times: Vec<(Vec<DimId>, VarId)>,
    /// Axes that have times of their own.
    timed: HashSet<DimId>,
}

impl Surroundings {
    fn of(granule: &Granule, table: &GeolocationTable) -> Self {
        let mut of_dim: HashMap<DimId, Vec<VarId>> = HashMap::new();
        let mut broad_times = Vec::new();
        // A coordinate variable that is a time needs no further times beside it.
        let mut own_time: HashSet<DimId> = HashSet::new();
        for v in granule.var_ids() {
            let var = granule.var(v);
            let [d] = var.dims[..] else { continue };
            let dim = granule.dim(d);
            if dim.group == var.group && dim.name == var.name {
                of_dim.entry(d).or_default().push(v);
                own_time.extend(table.times.contains(&v).then_some(d));
            }
        }
        let mut timed = own_time.clone();
        for &t in &table.times {
            match granule.var(t).dims[..] {
                [] => {}
                [d] if own_time.contains(&d) => {}
                [d] => {
                    of_dim.entry(d).or_default().push(t);
                    timed.insert(d);
                }
                ref dims => broad_times.push((dims.to_vec(), t)),
            }
        }
        for s in &table.segments {
            let all = [Some(s.begin), s.count, s.lat, s.lon];
            of_dim.entry(s.dim).or_default().extend(all.into_iter().flatten());
        }
        for r in &table.reverse {
            of_dim.entry(r.dim).or_default().push(r.index);
        }
        for t in &table.time_only {
            of_dim.entry(t.dim).or_default().push(t.time);
        }
        for s in &table.same_index {
            let more = of_dim.get(&s.follows).cloned().unwrap_or_default();
            of_dim.entry(s.dim).or_default().extend(more);
        }
        Surroundings { of_dim, broad_times, timed }
    }

    fn of_dims(&self, dims: &[DimId]) -> Vec<VarId> {
        let mut found: Vec<VarId> =
            dims.iter().filter_map(|d| self.of_dim.get(d)).flatten().copied().collect();
        let timed = dims.iter().any(|d| self.timed.contains(d));
        for (axes, t) in &self.broad_times {
            let part = axes.iter().all(|a| dims.contains(a));
            if part && (!timed || axes.len() < dims.len() && axes.iter().any(|a| !self.timed.contains(a))) {
                found.push(*t);
            }
        }
        found
    }
}
