//! The acceptance tables of the contract of concatenation (§6), row by row: on the shared granules that are those of a
//! row or like them, else on granules made here.
//!
//! Of the rows of a service's catalogue E14 is asked of a running service; C6 and B4 are asked for what a run without
//! one has of them.
#![allow(clippy::unwrap_used)]

mod batching;
#[path = "../common/mod.rs"]
mod common;
mod extending;
#[cfg(feature = "service")]
#[path = "../server/mod.rs"]
mod server;
#[cfg(feature = "service")]
mod service;
mod stacking;

use std::path::PathBuf;

use common::build::{granule, number, var};
use common::{Run, Saved, find, join, save, testdata};
use harmony_model::dtype::Number;
use harmony_model::{Attribute, Granule};

const ASCAT: [&str; 2] = [
    "ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2.nc",
    "ascat_20150702_102400_metopa_45146_eps_o_250_2300_ovw.l2.nc",
];
const GRIDS: [&str; 5] = [
    "2020_01_01_7f00ff_global.nc",
    "2020_01_02_3200ff_global.nc",
    "2020_01_03_0019ff_global.nc",
    "2020_01_04_0065ff_global.nc",
    "2020_01_05_00b2ff_global.nc",
];
const ALTIMETRY: [&str; 2] = [
    "S6A_P4_2__HR_RED__NR_014_191_20210403T004056_20210403T005056_F00.nc",
    "S6A_P4_2__HR_RED__NR_014_192_20210403T005056_20210403T010056_F00.nc",
];

/// Shared granules; `None` where they are not here.
fn all(names: &[&str]) -> Option<Vec<PathBuf>> {
    names.iter().map(|n| common::shared(n)).collect()
}

fn paths(saved: &[Saved]) -> Vec<PathBuf> {
    saved.iter().map(|s| s.path.clone()).collect()
}

fn stack(saved: &[Saved]) -> Run {
    join(&paths(saved), &["--concatenate"])
}

fn extend(saved: &[Saved], dim: &str) -> Run {
    join(&paths(saved), &[&format!("--extend={dim}")])
}

/// Sum of the stored numbers of one slab.
fn slab_sum(run: &Run, path: &str, slab: usize) -> f64 {
    let stored = run.stored(path);
    let n = stored.len() / run.shape(path)[0] as usize;
    stored[slab * n..(slab + 1) * n].iter().sum()
}

fn texts(g: &Granule, path: &str) -> Vec<String> {
    g.read_texts(find(g, path)).unwrap()
}

fn dims(g: &Granule, path: &str) -> Vec<String> {
    g.var(find(g, path)).dims.iter().map(|d| g.dim(*d).name.clone()).collect()
}

/// Variables along one dimension.
fn plain<T: Number>(name: &str, variables: &[(&str, &[T])], attrs: &[Attribute]) -> Granule {
    let mut g = granule(name, "made for a test");
    let x = g.add_dim(Granule::ROOT, "x", variables[0].1.len() as u64);
    for (v, values) in variables {
        let id = var(&mut g, Granule::ROOT, v, &[x], values, &[]);
        attrs.iter().for_each(|a| g.vars[id.0].set_attr(a.clone()));
    }
    g
}

fn series(name: &str, units: &str, times: &[i32]) -> Saved {
    let mut g = granule(name, "a series");
    let time = g.add_dim(Granule::ROOT, "time", times.len() as u64);
    g.dims[time.0].unlimited = true;
    var(&mut g, Granule::ROOT, "time", &[time], times, &[("units", units), ("standard_name", "time")]);
    let values: Vec<f32> = times.iter().map(|&t| t as f32 + 0.5).collect();
    let v = var(&mut g, Granule::ROOT, "v", &[time], &values, &[("units", "K")]);
    number(&mut g, v, "_FillValue", &[-9f32]);
    save(&g)
}

fn days() -> Vec<PathBuf> {
    ["01", "02", "03"].iter().map(|d| testdata(&format!("2020_01_{d}_global.nc"))).collect()
}
