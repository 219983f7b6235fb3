//! Extents of the result's dimensions, and where every granule's indices go along them.

use std::collections::HashMap;
use std::sync::Arc;

use super::Job;
use super::axes::AxisMap;
use super::union::Union;

/// How one dimension of the result is made up.
pub struct DimLayout {
    pub len: u64,
    /// For each granule.
    pub maps: Vec<AxisMap>,
    /// Where each granule begins, and the end: granules are appended along it.
    pub starts: Option<Arc<[u64]>>,
    /// Values of the coordinate variable, when they are the union of different ones.
    pub labels: Option<Vec<f64>>,
}

/// All dimensions of the result.
pub struct Layout {
    pub dims: Vec<DimLayout>,
}

impl Layout {
    pub fn of(job: &Job, union: &Union) -> Self {
        let one = |d: usize| -> DimLayout {
            if job.is_along(&union.dims[d].group, &union.dims[d].name) {
                appended(job, union, d)
            } else if let Some(layout) = labelled(job, union, d) {
                layout
            } else {
                padded(job, union, d)
            }
        };
        Layout { dims: (0..union.dims.len()).map(one).collect() }
    }

    /// Extents of union dimensions.
    pub fn shape(&self, dims: &[usize]) -> Vec<u64> {
        dims.iter().map(|&d| self.dims[d].len).collect()
    }

    /// Whether the granule at `slot` covers all of `dims` but those that granules are appended along.
    pub fn covers(&self, slot: usize, dims: &[usize]) -> bool {
        dims.iter().map(|&d| &self.dims[d]).all(|d| d.starts.is_some() || d.maps[slot].covers(d.len))
    }
}

fn lens<'a>(job: &'a Job, union: &'a Union, dim: usize) -> impl Iterator<Item = Option<u64>> + 'a {
    let of = &union.dims[dim].of;
    of.iter().zip(&job.digests).map(|(own, digest)| own.map(|i| digest.lens[i]))
}

fn appended(job: &Job, union: &Union, dim: usize) -> DimLayout {
    let mut starts = vec![0];
    let mut maps = Vec::new();
    let mut at = 0u64;
    for len in lens(job, union, dim) {
        let len = len.unwrap_or(0);
        maps.push(AxisMap::Offset { start: at, len });
        at = at.saturating_add(len);
        starts.push(at);
    }
    DimLayout { len: at, maps, starts: Some(starts.into()), labels: None }
}

fn padded(job: &Job, union: &Union, dim: usize) -> DimLayout {
    let maps: Vec<AxisMap> =
        lens(job, union, dim).map(|n| AxisMap::Offset { start: 0, len: n.unwrap_or(0) }).collect();
    let len = lens(job, union, dim).flatten().max().unwrap_or(0);
    DimLayout { len, maps, starts: None, labels: None }
}

/// The union of different coordinate values; `None` when they are the same, or tell nothing.
fn labelled(job: &Job, union: &Union, dim: usize) -> Option<DimLayout> {
    let of = &union.dims[dim].of;
    let all: Vec<Option<&Arc<Vec<f64>>>> = of
        .iter()
        .zip(&job.digests)
        .map(|(own, digest)| match own {
            None => Some(None),
            // A granule that has the dimension without telling labels spoils them for all.
            Some(i) => digest.labels[*i].as_ref().map(Some),
        })
        .collect::<Option<_>>()?;
    let mut distinct: Vec<&Arc<Vec<f64>>> = Vec::new();
    for labels in all.iter().flatten() {
        if !distinct.iter().any(|d| Arc::ptr_eq(d, labels)) {
            distinct.push(labels);
        }
    }
    if distinct.len() < 2 || !same_encoding(union, dim) {
        return None;
    }
    let labels = merged(&distinct);
    // Stacked granules share an axis only where they share values; else each one has its own coordinates.
    if job.stacked && labels.len() == distinct.iter().map(|d| d.len()).sum::<usize>() {
        return None;
    }
    let place: HashMap<u64, u64> = labels.iter().map(|v| v.to_bits()).zip(0..).collect();
    let maps_of: Vec<AxisMap> = distinct
        .iter()
        .map(|d| {
            AxisMap::from_places(
                &d.iter().filter_map(|v| place.get(&v.to_bits()).copied()).collect::<Vec<_>>(),
            )
        })
        .collect();
    let map = |labels: &Option<&Arc<Vec<f64>>>| {
        let at = labels.and_then(|l| distinct.iter().position(|d| Arc::ptr_eq(d, l)));
        at.map_or(AxisMap::Offset { start: 0, len: 0 }, |i| maps_of[i].clone())
    };
    let maps = all.iter().map(map).collect();
    Some(DimLayout { len: labels.len() as u64, maps, starts: None, labels: Some(labels) })
}

/// Whether stored coordinates mean the same in all granules.
fn same_encoding(union: &Union, dim: usize) -> bool {
    let d = &union.dims[dim];
    let var = union.vars.iter().find(|v| v.first().group == d.group && v.first().name == d.name);
    let same = |name: &str, schemas: &[Arc<super::digest::VarSchema>]| {
        schemas.iter().all(|s| s.attr(name) == schemas[0].attr(name))
    };
    var.is_some_and(|v| ["units", "scale_factor", "add_offset"].iter().all(|n| same(n, &v.schemas)))
}

/// All values once: ascending or descending where all of them are, else in the order of appearance.
fn merged(all: &[&Arc<Vec<f64>>]) -> Vec<f64> {
    let mut seen = std::collections::HashSet::new();
    let mut out: Vec<f64> =
        all.iter().flat_map(|l| l.iter().copied()).filter(|v| seen.insert(v.to_bits())).collect();
    let ordered = |less: fn(f64, f64) -> bool| all.iter().all(|l| l.windows(2).all(|w| less(w[0], w[1])));
    if ordered(|a, b| a < b) {
        out.sort_unstable_by(f64::total_cmp);
    } else if ordered(|a, b| a > b) {
        out.sort_unstable_by(|a, b| b.total_cmp(a));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_direction() {
        let lists = |a: &[f64], b: &[f64]| (Arc::new(a.to_vec()), Arc::new(b.to_vec()));
        let (a, b) = lists(&[3.0, 2.0], &[4.0, 3.0]);
        assert_eq!(merged(&[&a, &b]), [4.0, 3.0, 2.0]);
        let (a, b) = lists(&[1.0, 5.0], &[0.0, 1.0, 2.0]);
        assert_eq!(merged(&[&a, &b]), [0.0, 1.0, 2.0, 5.0]);
        let (a, b) = lists(&[1.0, 5.0, 3.0], &[2.0, 5.0]);
        assert_eq!(merged(&[&a, &b]), [1.0, 5.0, 3.0, 2.0]);
    }
}
