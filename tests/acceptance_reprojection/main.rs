//! The acceptance tables of the contract of reprojection (§8), row by row: on the shared granule that a row names, else
//! on one of the same geometry that is made here.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod grids;
mod indexed;
mod regridding;
mod swaths;

use common::{Lattice, Run, lattice, near};
use harmony::request::cli::{self, Args};

const GLOBAL: &str = "2020_01_01_7f00ff_global.nc";
const ASCAT: &str = "ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2.nc";
const MERRA: &str = "M2T1NXSLV_geo_temporal.nc4";
const SMAP: &str = "SPL3FTP_subsetted.nc4";
const PROJECTOR: &str = "--compat=harmony-swath-projector";
const REGRIDDER: &str = "--compat=harmony-regridding-service";

/// Mean of what is there, and how many that are.
fn count_mean(values: &[f64]) -> (usize, f64) {
    let valid: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    (valid.len(), valid.iter().sum::<f64>() / valid.len() as f64)
}

fn projected(run: &Run) -> Lattice {
    lattice(&run.output, "/y", "/x")
}

fn geographic(run: &Run) -> Lattice {
    lattice(&run.output, "/lat", "/lon")
}

fn assert_near(got: f64, wanted: f64, tolerance: f64, what: &str) {
    assert!(near(got, wanted, tolerance), "{what}: {got}, not {wanted}");
}

/// The error of arguments that no granule is needed for.
fn usage_error(args: &[&str]) -> String {
    use clap::Parser;
    let args = Args::try_parse_from(["harmony-transform"].iter().chain(args)).unwrap();
    cli::request(&args).unwrap_err().to_string()
}

/// UTM easting and northing of the outline of the geometry of `RGB.byte.tif`, as GDAL puts it in degrees.
const RGB_CORNER: [f64; 2] = [-78.958_649_97, 25.550_873_77];
