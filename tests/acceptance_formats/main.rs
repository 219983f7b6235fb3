//! The acceptance tables of the contract of formats (Part C), row by row: on the shared granule that a row names, else
//! on one of the same geometry that is made here.
//!
//! Rows of the WMS and STAC services (W9 to W11, W13, Z14) are asked of a running service. What a map request means for
//! pixels (W5 to W8) is asked on the command line.
#![allow(clippy::unwrap_used)]

mod browse;
mod cog;
#[path = "../common/mod.rs"]
mod common;
mod others;
mod rendering;
#[cfg(feature = "service")]
#[path = "../server/mod.rs"]
mod server;
#[cfg(feature = "service")]
mod service;
mod tables;
mod zarr;

use std::path::{Path, PathBuf};

use common::make::Grid;
use common::{Run, near, results_in, transform, world};

const GLOBAL: &str = "2020_01_01_7f00ff_global.nc";
const FIVE: [&str; 5] = [
    GLOBAL,
    "2020_01_02_3200ff_global.nc",
    "2020_01_03_0019ff_global.nc",
    "2020_01_04_0065ff_global.nc",
    "2020_01_05_00b2ff_global.nc",
];
const SSMIS: &str = "f16_ssmis_20200102v7.nc";
const GPM: &str = "GPM_3IMERGHH_bounds.nc4";
const MERRA: &str = "M2T1NXSLV_geo_temporal.nc4";
const AFRICA: &str = "africa.nc";

/// The file of a run whose name ends so.
fn file(run: &Run, end: &str) -> PathBuf {
    let names = results_in(run.folder.path());
    let name = names.iter().find(|n| n.ends_with(end)).unwrap_or_else(|| panic!("*{end} in {names:?}"));
    run.folder.path().join(name)
}

/// A browse image of a granule, as PNG.
fn browse(path: &Path, args: &[&str]) -> Run {
    transform(path, &[args, &["--browse", "--format=png"]].concat())
}

fn assert_world(path: &Path, wanted: [f64; 6]) {
    let found = world(path);
    assert!(found.iter().zip(wanted).all(|(a, b)| near(*a, b, 1e-9)), "{found:?}, not {wanted:?}");
}

fn geographic(name: &str, corner: [f64; 2], cell: f64, size: [usize; 2]) -> Grid<'_> {
    Grid { name, crs: "EPSG:4326", corner, cell: [cell, -cell], size }
}
