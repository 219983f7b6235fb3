//! The rules of joining on small granules made by hand.

mod extending;
mod stacking;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use harmony_model::dtype::{Number, to_f64s};
use harmony_model::request::{Aggregate, Compat};
use harmony_model::{Attribute, DType, DimId, Granule, GroupId, MemoryArray, Runs, VarId, Window};

use super::{Joined, Member, join};
use crate::error::OpError;

const ROOT: GroupId = Granule::ROOT;

fn member(granule: Granule) -> Member {
    let granule = Arc::new(granule);
    let (name, source) = (granule.name.clone(), format!("/data/{}", granule.name));
    Member { name, source, open: Arc::new(move || Ok(granule.clone())) }
}

fn add<T: Number>(
    g: &mut Granule,
    group: GroupId,
    name: &str,
    dims: &[DimId],
    values: &[T],
    attrs: &[Attribute],
) {
    let shape: Vec<u64> = dims.iter().map(|d| g.dim(*d).len).collect();
    let id = g.add_var(group, name, T::DTYPE, dims.into(), Arc::new(MemoryArray::of(&shape, values)));
    g.vars[id.0].attrs = attrs.to_vec();
}

fn units(text: &str) -> Attribute {
    Attribute::text("units", text)
}

/// One time axis and a variable of it.
fn series(name: &str, unit: &str, times: &[i32], values: &[f32]) -> Granule {
    let mut g = Granule::new(name, "netcdf4");
    let t = g.add_dim(ROOT, "time", times.len() as u64);
    add(&mut g, ROOT, "time", &[t], times, &[units(unit)]);
    add(&mut g, ROOT, "v", &[t], values, &[units("K")]);
    g
}

fn stack(granules: Vec<Granule>) -> Result<Joined, OpError> {
    join(granules.into_iter().map(member).collect(), &Aggregate::Stack, None)
}

fn extend(granules: Vec<Granule>, dim: &str) -> Result<Joined, OpError> {
    let aggregate = Aggregate::Extend { dims: vec![dim.into()], stack: false };
    join(granules.into_iter().map(member).collect(), &aggregate, None)
}

fn find(g: &Granule, path: &str) -> VarId {
    g.find_var(path).unwrap_or_else(|| panic!("{path} is missing"))
}

/// Stored numbers, shape and dimension names.
fn values(g: &Granule, path: &str) -> Vec<f64> {
    g.read_stored(find(g, path)).unwrap()
}

fn dims(g: &Granule, path: &str) -> Vec<String> {
    g.var(find(g, path)).dims.iter().map(|d| g.dim(*d).name.clone()).collect()
}

fn fill(g: &Granule, path: &str) -> Option<f64> {
    g.var(find(g, path)).attr_f64("_FillValue")
}

fn plain<T: Number>(name: &str, variables: &[(&str, &[T])], attrs: &[Attribute]) -> Granule {
    let mut g = Granule::new(name, "netcdf4");
    let x = g.add_dim(ROOT, "x", variables[0].1.len() as u64);
    for (v, values) in variables {
        add(&mut g, ROOT, v, &[x], values, attrs);
    }
    g
}

fn strip(name: &str, first: i32, orbit: Option<i32>, extra: bool) -> Granule {
    let mut g = Granule::new(name, "netcdf4");
    let y = g.add_dim(ROOT, "row", 2);
    let x = g.add_dim(ROOT, "col", 2);
    g.dims[y.0].unlimited = true;
    add(&mut g, ROOT, "row", &[y], &[first, first + 1], &[]);
    add(&mut g, ROOT, "d", &[x, y], &[first; 4], &[Attribute::numbers("_FillValue", &[-1i32])]);
    add(&mut g, ROOT, "fixed", &[x], &[1i32, 2], &[]);
    if let Some(orbit) = orbit {
        add(&mut g, ROOT, "orbit", &[], &[orbit], &[]);
    }
    if extra {
        add(&mut g, ROOT, "e", &[y], &[7i16, 7], &[Attribute::numbers("_FillValue", &[-3i16])]);
    }
    g
}
