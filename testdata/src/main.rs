//! Writes the small granules that tests and examples use (fixed seed), and the large ones of the benches.
//!
//! `harmony-testdata granules [DIR]` · `harmony-testdata samples [DIR]` · `harmony-testdata bench DIR`

mod bench;
mod build;
mod classic;
mod grids;
mod hdfeos;
mod land;
mod swath;
mod trajectories;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use harmony_formats::write::WriteOptions;
use harmony_model::Granule;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let folder = |default: &str| PathBuf::from(args.get(1).map_or(default, String::as_str));
    let done = match args.first().map(String::as_str) {
        Some("granules") => small(&folder("testdata/granules")),
        Some("samples") => small(&folder("samples")),
        Some("bench") => bench::write(&folder("bench-data")),
        _ => Err("usage: harmony-testdata granules|samples|bench [DIR]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::FAILURE
        }
    }
}

/// Writes one granule under a name.
fn save(folder: &Path, granule: &Granule, options: &WriteOptions) -> Outcome {
    harmony_formats::netcdf4::write::write(granule, &folder.join(&granule.name), options)?;
    Ok(())
}

fn small(folder: &Path) -> Outcome {
    std::fs::create_dir_all(folder)?;
    let plain = WriteOptions { compress_contiguous: false, ..WriteOptions::default() };
    let hdf5 = WriteOptions { netcdf4: false, ..plain.clone() };
    for (day, tint) in [(1, [0u8, 127, 255]), (2, [0, 200, 50]), (3, [255, 25, 0])] {
        save(folder, &grids::example(day, tint), &plain)?;
    }
    save(folder, &grids::packed_0_360(), &plain)?;
    save(folder, &grids::ease2_north(), &plain)?;
    save(folder, &grids::polar_stereographic(), &plain)?;
    save(folder, &swath::antimeridian(), &plain)?;
    save(folder, &trajectories::altimetry(), &plain)?;
    save(folder, &trajectories::photons(), &hdf5)?;
    save(folder, &hdfeos::level2(), &hdf5)?;
    std::fs::write(folder.join("trajectory_classic.nc"), classic::trajectory())?;
    Ok(())
}
