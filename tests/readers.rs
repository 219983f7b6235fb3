//! What is written, read by others (`tests/readers.py`): rasterio, GDAL, xarray, zarr-python, ncdump, the CF checks of
//! compliance-checker, Pillow, pandas, OGR.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::process::Command;

#[test]
fn other_programs_read_what_is_written() {
    let Some(python) = std::env::var_os("HARMONY_PYTHON") else {
        eprintln!("skipped: HARMONY_PYTHON names no Python with the modules of tests/readers.py");
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = std::env::var_os("HARMONY_SHARED").map_or_else(|| root.join("../shared"), Into::into);
    let mut command = Command::new(python);
    command.arg(root.join("tests/readers.py")).arg(env!("CARGO_BIN_EXE_harmony-transform"));
    command.arg(common::testdata(""));
    if shared.is_dir() {
        command.arg(shared);
    }
    let output = command.env_remove("HARMONY_JOBS").env_remove("HARMONY_MEMORY").output().unwrap();
    let (code, text, errors) = common::finished(&output);
    println!("{text}{errors}");
    assert_eq!(code, 0, "{text}{errors}");
}
