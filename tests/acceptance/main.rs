//! The acceptance tables of the contract of subsetting (§6), row by row, on the real granules that are shared, and on
//! the project's own granules where a row's granule is not.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod grids;
mod masks;
mod segments;
mod swaths;

use common::near;

const ASCAT_A: &str = "ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2.nc";
const ASCAT_B: &str = "ascat_20150702_102400_metopa_45146_eps_o_250_2300_ovw.l2.nc";
const JASON: &str = "JA1_GPN_2PeP001_002_20020115_060706_20020115_070316.nc";
const SENTINEL: &str = "S6A_P4_2__HR_RED__NR_014_191_20210403T004056_20210403T005056_F00.nc";
const SSMIS: &str = "f16_ssmis_20200102v7.nc";
const MERRA: &str = "M2T1NXSLV_prefetch.nc4";
const ATL03: &str = "ATL03_gt1l.h5";

/// Writes a GeoJSON geometry into a folder of its own.
struct ShapeFile {
    _folder: tempfile::TempDir,
    path: String,
}

fn shape_file(kind: &str, coordinates: &str) -> ShapeFile {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shape.geojson");
    std::fs::write(&path, format!(r#"{{"type": "{kind}", "coordinates": {coordinates}}}"#)).unwrap();
    ShapeFile { path: path.to_string_lossy().into_owned(), _folder: folder }
}

fn ring(w: f64, s: f64, e: f64, n: f64) -> String {
    format!("[[{w},{s}],[{e},{s}],[{e},{n}],[{w},{n}],[{w},{s}]]")
}

impl ShapeFile {
    fn option(&self) -> String {
        format!("--shape={}", self.path)
    }
}

/// S11's polygon: 60–180 × 55–83 with a hole.
fn holed() -> ShapeFile {
    let (outer, hole) = (ring(60.0, 55.0, 180.0, 83.0), ring(100.0, 60.0, 140.0, 75.0));
    shape_file("Polygon", &format!("[{outer},{hole}]"))
}

/// Asserts the box of what was kept, in the order west, south, east, north.
fn assert_extent(run: &common::Run, wanted: [f64; 4]) {
    let kept = run.written.bbox.unwrap();
    let same = kept.iter().zip(wanted).all(|(a, b)| near(*a, b, 6e-6));
    assert!(same, "kept {kept:?}, wanted {wanted:?}");
}
