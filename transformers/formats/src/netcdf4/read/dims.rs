//! Which axis is which dimension.
//!
//! netCDF-4 keeps dimensions as HDF5 dimension scales: a scale dataset is the dimension, and variables refer to it
//! by address (`DIMENSION_LIST`) or id (`_Netcdf4Coordinates`). Where a file has no scales, its axes get anonymous
//! dimensions as netCDF-C makes them up.

use std::collections::{HashMap, HashSet};

use harmony_model::{DimId, Dimension, Granule, GroupId};

use super::dataset::Dataset;
use super::dataspace::{Space, UNLIMITED};
use super::walk::{Contents, Named};

/// Adds the dimensions to the granule and gives those of each dataset, in the order of `contents`.
pub(super) fn assign(contents: &Contents, granule: &mut Granule) -> Vec<Vec<DimId>> {
    let scales = Scales::declare(contents, granule);
    let mut axes: Vec<_> = contents.datasets.iter().map(|named| scales.axes(&named.dataset)).collect();
    for (named, axes) in contents.datasets.iter().zip(&mut axes) {
        fit(&named.dataset, axes, granule);
    }
    anonymous(contents, axes, granule)
}

/// Dimensions by the ways in which variables name them.
struct Scales {
    by_addr: HashMap<u64, DimId>,
    by_id: HashMap<i64, DimId>,
}

impl Scales {
    /// Declares one dimension for each scale, in the order of their netCDF ids, in the group of their first name.
    fn declare(contents: &Contents, granule: &mut Granule) -> Scales {
        let mut scales = Scales { by_addr: HashMap::new(), by_id: HashMap::new() };
        let mut found: Vec<(&Named, u64, bool)> = Vec::new();
        // Converters from HDF4 list datasets as dimensions without marking them as scales.
        let lists = contents.datasets.iter().filter_map(|n| n.dataset.marks.scales.as_ref());
        let listed: HashSet<u64> = lists.flatten().filter_map(|s| *s).collect();
        for named in &contents.datasets {
            let is_dim = named.dataset.marks.is_scale
                || (listed.contains(&named.dataset.addr) && named.dataset.space.dims().len() == 1);
            if let Some((len, unlimited)) = named.dataset.first_axis().filter(|_| is_dim) {
                found.push((named, len, unlimited));
            }
        }
        found.sort_by_key(|(named, ..)| named.dataset.marks.dim_id.unwrap_or(i64::MAX));
        for (named, len, unlimited) in found {
            if scales.by_addr.contains_key(&named.dataset.addr) {
                continue; // a second link to the same scale
            }
            let dim = granule.add_dim(named.group, &named.name, len);
            granule.dims[dim.0].unlimited = unlimited;
            scales.by_addr.insert(named.dataset.addr, dim);
            if let Some(id) = named.dataset.marks.dim_id {
                scales.by_id.entry(id).or_insert(dim);
            }
        }
        scales
    }

    /// The dimension of each axis as far as the file names it.
    fn axes(&self, dataset: &Dataset) -> Vec<Option<DimId>> {
        let rank = dataset.space.dims().len();
        if let Some(ids) = &dataset.marks.coordinates {
            let dims: Vec<_> = ids.iter().map(|id| self.by_id.get(id).copied()).collect();
            if dims.iter().all(Option::is_some) {
                return dims;
            }
        }
        let mut dims = match &dataset.marks.scales {
            Some(scales) => scales.iter().map(|s| self.by_addr.get(&(*s)?).copied()).collect(),
            None => vec![None; rank],
        };
        if let (Some(first), Some(own)) = (dims.first_mut(), self.by_addr.get(&dataset.addr)) {
            *first = Some(*own);
        }
        dims
    }
}

/// Compares the lengths of axes with those of their dimensions. An unlimited dimension is as long as the longest of
/// its variables; an axis of another length than a limited one is not that dimension, whatever the file says.
fn fit(dataset: &Dataset, axes: &mut [Option<DimId>], granule: &mut Granule) {
    for (axis, &len) in axes.iter_mut().zip(dataset.space.dims()) {
        let Some(id) = *axis else { continue };
        let dim = &mut granule.dims[id.0];
        if dim.unlimited {
            dim.len = dim.len.max(len);
        } else if dim.len != len {
            *axis = None;
        }
    }
}

/// Gives every axis without a dimension one that the group shares among axes of the same length and growth; axes of
/// one variable never share.
fn anonymous(contents: &Contents, axes: Vec<Vec<Option<DimId>>>, granule: &mut Granule) -> Vec<Vec<DimId>> {
    let mut out: Vec<Vec<DimId>> = vec![Vec::new(); axes.len()];
    let mut made: HashMap<(GroupId, u64, bool), Vec<DimId>> = HashMap::new();
    for i in numbering_order(contents, granule) {
        let named = &contents.datasets[i];
        if let Space::Null = named.dataset.space {
            out[i] = vec![phony(granule, named.group, 0, false)];
            continue;
        }
        let (lens, max) = (named.dataset.space.dims(), named.dataset.space.max());
        for (axis, known) in axes[i].iter().enumerate() {
            let (len, unlimited) = (lens[axis], max[axis] == UNLIMITED);
            let dim = known.unwrap_or_else(|| {
                let shared = made.entry((named.group, len, unlimited)).or_default();
                match shared.iter().find(|d| !out[i].contains(d)) {
                    Some(dim) => *dim,
                    None => {
                        let dim = phony(granule, named.group, len, unlimited);
                        shared.push(dim);
                        dim
                    }
                }
            });
            out[i].push(dim);
        }
    }
    out
}

fn phony(granule: &mut Granule, group: GroupId, len: u64, unlimited: bool) -> DimId {
    let name = format!("phony_dim_{}", granule.dims.len());
    granule.dims.push(Dimension { group, name, len, unlimited, anonymous: true });
    DimId(granule.dims.len() - 1)
}

/// Datasets in the order in which netCDF-C numbers their axes: a group after the groups below it.
fn numbering_order(contents: &Contents, granule: &Granule) -> Vec<usize> {
    // Groups stand in depth-first order, so the last one is reached last on the way down: a group follows its
    // children when it is listed by where its subtree ends, the deepest first.
    let n = granule.groups.len();
    let mut end: Vec<usize> = (0..n).collect();
    let mut depth = vec![0usize; n];
    for g in 1..n {
        depth[g] = granule.groups[g].parent.map_or(0, |p| depth[p.0] + 1);
    }
    for g in (1..n).rev() {
        if let Some(parent) = granule.groups[g].parent {
            end[parent.0] = end[parent.0].max(end[g]);
        }
    }
    let mut order: Vec<usize> = (0..contents.datasets.len()).collect();
    order.sort_by_key(|&i| {
        let g = contents.datasets[i].group.0;
        (end[g], std::cmp::Reverse(depth[g]))
    });
    order
}
