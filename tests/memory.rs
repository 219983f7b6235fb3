//! The program keeps to `--memory`, whatever it does with granules that are larger.
//!
//! The peak is what Linux tells of the process while it runs; elsewhere the tests are skipped.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use common::build::{axis, chunked, granule, number, var};
use common::{program, save_as};
use harmony_model::{ArraySource, Attribute, DType, DimId, Granule, ReadError, Window};

/// What is asked for, and said to the program.
const MEMORY: u64 = 128 << 20;
/// Rows and columns of the swath: positions, one value and an index of them all take three times as much.
const SWATH: [usize; 2] = [3600, 3000];
/// Rows and columns of the grid: as doubles more than twice as much.
const GRID: [usize; 2] = [4800, 7200];

/// Values of a plane, computed when they are read.
struct Computed<F>(F);

impl<F: Fn(f64, f64) -> f64 + Send + Sync> ArraySource for Computed<F> {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let cols: Vec<u64> = window.0[1].indices().collect();
        let cells = window.0[0].indices().flat_map(|r| cols.iter().map(move |&c| (r as f64, c as f64)));
        for ((row, col), bytes) in cells.zip(out.chunks_exact_mut(4)) {
            bytes.copy_from_slice(&((self.0)(row, col) as f32).to_ne_bytes());
        }
        Ok(())
    }

    fn cost(&self, _: &Window) -> Result<u64, ReadError> {
        Ok(0)
    }
}

/// Adds a plane of floats in chunks of 500 × 500.
fn plane(
    g: &mut Granule,
    name: &str,
    dims: [DimId; 2],
    text: &[(&str, &str)],
    value: impl Fn(f64, f64) -> f64 + Send + Sync + 'static,
) {
    let id = g.add_var(Granule::ROOT, name, DType::F32, dims.to_vec(), Arc::new(Computed(value)));
    g.vars[id.0].attrs = text.iter().map(|(k, v)| Attribute::text(k, v)).collect();
    if name == "v" {
        number(g, id, "_FillValue", &[-9999f32]);
    }
    chunked(g, id, &[500, 500], 1);
}

fn value(row: f64, col: f64) -> f64 {
    280.0 + 10.0 * (row / 200.0).sin() * (col / 150.0).cos()
}

/// Cells about a kilometre apart, tilted against the meridians.
fn swath(folder: &Path) -> PathBuf {
    let mut g = granule("swath.nc", "made for a test");
    let dims = [("row", SWATH[0]), ("col", SWATH[1])].map(|(n, len)| g.add_dim(Granule::ROOT, n, len as u64));
    let lat = |row: f64, col: f64| 43.0 + 0.0083 * (row - 1800.0) - 0.0017 * (col - 1500.0);
    let east = |row: f64, col: f64| 0.0017 * (row - 1800.0) + 0.0083 * (col - 1500.0);
    let lon = move |row: f64, col: f64| east(row, col) / lat(row, col).to_radians().cos();
    plane(&mut g, "lat", dims, &[("units", "degrees_north")], lat);
    plane(&mut g, "lon", dims, &[("units", "degrees_east")], lon);
    plane(&mut g, "v", dims, &[("coordinates", "lat lon")], value);
    let path = folder.join("swath.nc");
    save_as(&g, &path);
    path
}

fn grid(folder: &Path) -> PathBuf {
    let mut g = granule("grid.nc", "made for a test");
    let dims = [("lat", GRID[0]), ("lon", GRID[1])].map(|(n, len)| g.add_dim(Granule::ROOT, n, len as u64));
    let step = 180.0 / GRID[0] as f64;
    let north = [("units", "degrees_north"), ("standard_name", "latitude")];
    let east = [("units", "degrees_east"), ("standard_name", "longitude")];
    var(&mut g, Granule::ROOT, "lat", &dims[..1], &axis(90.0 - step / 2.0, -step, GRID[0]), &north);
    var(&mut g, Granule::ROOT, "lon", &dims[1..], &axis(-180.0 + 0.025, 0.05, GRID[1]), &east);
    plane(&mut g, "v", dims, &[("units", "K")], value);
    let path = folder.join("grid.nc");
    save_as(&g, &path);
    path
}

/// The most memory that the process took so far, in bytes; `None` once it has ended, and where nobody tells.
fn peak(process: &Child) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{}/status", process.id())).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

/// Runs the program with `args` and sees that it keeps to its memory.
fn keeps_to_it(folder: &Path, input: &Path, args: &[&str]) {
    let output = folder.join("result");
    let mut process = program()
        .args(args)
        .args(["--overwrite", "--quiet", "--memory", "128MiB", "--output"])
        .args([&output, input])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut most = 0;
    while process.try_wait().unwrap().is_none() {
        most = peak(&process).map_or(most, |now| now.max(most));
        std::thread::sleep(Duration::from_millis(3));
    }
    let done = process.wait_with_output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    eprintln!("{args:?}: {} MiB", most >> 20);
    assert!(most <= MEMORY, "{args:?} took {} of {} MiB", most >> 20, MEMORY >> 20);
}

/// Whether the system tells of the memory of processes.
fn is_told() -> bool {
    let told = std::fs::read_to_string("/proc/self/status").is_ok_and(|text| text.contains("VmHWM"));
    if !told {
        eprintln!("skipped: no VmHWM in /proc");
    }
    told
}

#[test]
fn swaths() {
    if !is_told() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let swath = swath(folder.path());
    let target = ["--crs=EPSG:4326", "--scale-extent=-15,30,15,56", "--width=1500", "--height=1300"];
    for method in ["near", "bilinear", "ewa"] {
        let how = format!("--interpolation={method}");
        keeps_to_it(folder.path(), &swath, &[&target[..], &[&how]].concat());
    }
    // The grid is inferred.
    keeps_to_it(
        folder.path(),
        &swath,
        &["--crs=EPSG:3035", "--scale-size=4000,4000", "--interpolation=near"],
    );
}

#[test]
fn grids() {
    if !is_told() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let grid = grid(folder.path());
    let whole = |args: &[&str]| keeps_to_it(folder.path(), &grid, args);
    whole(&["--crs=EPSG:6933", "--interpolation=bilinear", "--width=2000", "--height=900"]);
    whole(&["--subset=lat(-80:80)", "--level=1"]);
    whole(&["--format=image/tiff", "--subset=lat(-60:60)"]);
    whole(&["--format=cog"]);
    whole(&["--format=zarr"]);
}
