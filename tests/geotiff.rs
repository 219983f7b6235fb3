//! GeoTIFFs through everything: their pixels are the same in other formats however their blocks are coded, and what
//! their mask hides stays missing. Masks stand instead of fill values where all codes of bytes are data.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::PathBuf;

use common::make::Grid;
use common::{Run, Saved, find, join, save, transform};
use harmony_model::Window;

/// Sevens on a northern half of the Earth, without a fill value.
fn sevens() -> Saved {
    let grid = Grid {
        name: "seven.nc",
        crs: "EPSG:4326",
        corner: [-180.0, 90.0],
        cell: [1.0, -1.0],
        size: [360, 90],
    };
    save(&grid.of(|_, _| 7u8))
}

/// Values whose differences and bytes are no longer theirs when a block is taken for a chunk.
#[test]
fn blocks_of_a_file_are_no_chunks_of_another_format() {
    let grid = Grid {
        name: "values.nc",
        crs: "EPSG:3857",
        corner: [0.0, 0.0],
        cell: [100.0, -100.0],
        size: [1024, 600],
    };
    let saved = save(&grid.of(|r, c| (r * 7 + c * c % 251) as i16));
    let wanted = common::physical(&common::open(&saved.path), "/v");
    for compression in ["none", "deflate", "lzw", "zstd"] {
        for format in ["cog", "geotiff"] {
            let coded = [&format!("--format={format}"), &format!("--compression={compression}")];
            let file = transform(&saved.path, &coded.map(String::as_str));
            for other in ["netcdf4", "zarr", "zarr2", "netcdf3", "geotiff"] {
                let run = transform(&file.written.output, &[&format!("--format={other}")]);
                assert!(run.physical(&band(&run)) == wanted, "{format} {compression} as {other}");
            }
        }
    }
}

const POLAR: [&str; 2] = ["--crs=EPSG:3413", "--scale-extent=-12000000,-12000000,12000000,12000000"];
const CELLS: [&str; 2] = ["--width=48", "--height=48"];

/// The same on a polar grid whose corners lie beyond the equator, with a mask.
fn masked() -> Run {
    let request = [&POLAR[..], &CELLS, &["--format=geotiff", "--interpolation=near"]].concat();
    transform(&sevens().path, &request)
}

/// Path of the band of a result.
fn band(run: &Run) -> String {
    let names = run.names();
    let band =
        |n: &&&str| !["crs", "lat", "lon", "x", "y", "subset_files"].contains(&n.trim_start_matches('/'));
    (*names.iter().find(band).unwrap()).to_owned()
}

/// Cells of the band that are there are sevens, the others missing: how many of either.
fn counts(run: &Run) -> [usize; 2] {
    let values = run.physical(&band(run));
    assert!(values.iter().all(|v| v.is_nan() || *v == 7.0), "{:?}", run.names());
    let missing = values.iter().filter(|v| v.is_nan()).count();
    [values.len() - missing, missing]
}

#[test]
fn a_mask_comes_back_out_of_its_file() {
    let run = masked();
    let band = run.output.var(find(&run.output, &band(&run)));
    assert!(band.attr("_FillValue").is_none());
    let mut covered = vec![9; 48 * 48];
    band.data.coverage().unwrap().read(&Window::all(&[48, 48]), &mut covered).unwrap();
    let there = covered.iter().filter(|c| **c == 1).count();
    let [sevens, missing] = counts(&run);
    assert_eq!([there, covered.len() - there], [sevens, missing]);
    // A circle in a square whose corners are beyond it.
    assert!(covered[0] == 0 && covered[24 * 48 + 24] == 1 && missing > 300, "{missing}");
}

#[test]
fn a_mask_is_written_again_or_becomes_a_fill_value() {
    let run = masked();
    let wanted = counts(&run);
    for format in ["geotiff", "cog", "netcdf4", "zarr", "netcdf3"] {
        let again = transform(&run.written.output, &[&format!("--format={format}")]);
        assert_eq!(counts(&again), wanted, "{format}");
    }
    let cut = transform(&run.written.output, &["--subset=x(-12000000:0)", "--format=geotiff"]);
    let [sevens, missing] = counts(&cut);
    assert_eq!([sevens * 2, missing * 2], wanted);
}

#[test]
fn what_is_hidden_does_not_count_when_it_is_resampled() {
    let run = masked();
    for method in ["near", "bilinear", "average"] {
        let request = ["--width=12", "--height=12", &format!("--interpolation={method}"), "--format=geotiff"];
        let [sevens, missing] = counts(&transform(&run.written.output, &request));
        assert!(sevens > 80 && missing > 8, "{method}: {sevens} {missing}");
    }
}

#[test]
fn what_is_hidden_does_not_count_in_a_mean() {
    let run = masked();
    let mean = transform(&run.written.output, &["--average=area"]);
    assert_eq!(mean.physical(&band(&mean)), [7.0]);
    // The same in one command: nothing is written between.
    let request = [&POLAR[..], &CELLS, &["--interpolation=near", "--average=area"]].concat();
    let mean = transform(&sevens().path, &request);
    assert_eq!(mean.physical("/v"), [7.0]);
}

#[test]
fn masks_are_joined() {
    let run = masked();
    let folder = tempfile::tempdir().unwrap();
    let copies: Vec<PathBuf> = ["a.tif", "b.tif"].map(|n| folder.path().join(n)).into();
    for copy in &copies {
        std::fs::copy(&run.written.output, copy).unwrap();
    }
    let [sevens, missing] = counts(&run);
    let joined = join(&copies, &["--concatenate", "--format=netcdf4"]);
    assert_eq!(counts(&joined), [2 * sevens, 2 * missing]);
    let whole = sevens_joined();
    assert_eq!(counts(&whole)[1] % 2, 0);
    assert!(counts(&whole)[1] > 600);
}

/// Two granules that are projected and joined in one command.
fn sevens_joined() -> Run {
    let folder = tempfile::tempdir().unwrap();
    let copies: Vec<PathBuf> = ["a.nc", "b.nc"].map(|n| folder.path().join(n)).into();
    let saved = sevens();
    for copy in &copies {
        std::fs::copy(&saved.path, copy).unwrap();
    }
    let request = [&POLAR[..], &CELLS, &["--interpolation=near", "--concatenate"]].concat();
    join(&copies, &request)
}
