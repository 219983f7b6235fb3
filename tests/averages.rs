//! Averages of real granules, against numbers worked out from them with numpy.
#![allow(clippy::unwrap_used)] // tests

use std::sync::Arc;

use harmony_model::geometry::Bbox;
use harmony_model::request::Average;
use harmony_model::{Granule, Request};

fn open(name: &str) -> Option<Granule> {
    let shared = std::env::var_os("HARMONY_SHARED").map_or_else(
        || std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")),
        std::path::PathBuf::from,
    );
    let path = shared.join("granules").join(name);
    if !path.exists() {
        eprintln!("skipped: no {}", path.display());
        return None;
    }
    let source = harmony_formats::io::LocalFile::open(&path).unwrap();
    Some(harmony_formats::open(Arc::new(source), &harmony_formats::OpenOptions::default()).unwrap())
}

fn average(granule: Granule, request: Request) -> Granule {
    harmony_ops::compute(granule, &Arc::new(request)).unwrap().granule
}

fn over(average: Average) -> Request {
    Request { average: Some(average), ..Request::default() }
}

fn values(granule: &Granule, path: &str) -> Vec<f64> {
    granule.read_all_physical(granule.find_var(path).unwrap()).unwrap()
}

fn assert_close(found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{found}, not {expected}");
}

#[test]
fn area_mean_of_a_transposed_grid_with_bounds() {
    let Some(granule) = open("GPM_3IMERGHH_bounds.nc4") else { return };
    let out = average(granule, over(Average::Area));
    // The contract's figure weighs by the cosine at the centre of a cell; true areas differ in the sixth digit.
    assert_close(values(&out, "/Grid/precipitationCal")[0], 0.165_289_5, 3e-6);
}

#[test]
fn area_means_of_two_times() {
    let Some(granule) = open("M2T1NXSLV_geo_temporal.nc4") else { return };
    let out = average(granule, over(Average::Area));
    let mean = values(&out, "PS");
    assert_close(mean[0], 99603.371, 1e-7);
    assert_close(mean[1], 99681.440, 1e-7);
}

#[test]
fn time_mean_of_two_times() {
    let Some(granule) = open("M2T1NXSLV_geo_temporal.nc4") else { return };
    let out = average(granule, over(Average::Time));
    let mean = values(&out, "PS");
    assert_eq!(mean.len(), 17 * 21);
    assert_close(mean.iter().copied().fold(f64::NAN, f64::min), 84_622.598, 1e-7);
    assert_close(mean.iter().copied().fold(f64::NAN, f64::max), 101_442.598, 1e-7);
}

#[test]
fn time_mean_of_packed_numbers() {
    let Some(granule) = open("SMALL_total_column_co2.nc") else { return };
    let out = average(granule, over(Average::Time));
    let mean = values(&out, "tcco2");
    assert_close(mean[8 * 320 + 16], 390.210_246_644_807_46, 1e-7);
    assert_eq!(
        (values(&out, "time"), values(&out, "time_bnds")),
        (vec![929_280.0], vec![929_190.0, 929_370.0])
    );
}

#[test]
fn means_of_projected_grids_and_swaths_are_near_plain_ones() {
    for (file, path) in [
        ("test_lcc.nc", "tas"),
        ("africa.nc", "red_var"),
        ("MOD05_L2.A2019336.2315.061.2019337071952.hdf", ""),
    ] {
        let Some(granule) = open(file) else { return };
        if path.is_empty() || granule.find_var(path).is_none() {
            continue;
        }
        let out = average(granule.clone(), over(Average::Area));
        let plain: Vec<f64> = values(&granule, path);
        let mean = values(&out, path);
        let per = plain.len() / mean.len();
        for (m, part) in mean.iter().zip(plain.chunks(per)) {
            let valid: Vec<f64> = part.iter().copied().filter(|v| !v.is_nan()).collect();
            let plain = valid.iter().sum::<f64>() / valid.len() as f64;
            assert!((m - plain).abs() < 0.05 * plain.abs().max(1.0), "{file}: {m}, plain mean {plain}");
        }
    }
}

#[test]
fn a_box_is_weighed_by_the_parts_of_its_cells() {
    let Some(granule) = open("M2T1NXSLV_geo_temporal.nc4") else { return };
    // A box inside one cell has the value of that cell.
    let bbox = vec![Bbox::new(44.9, -25.1, 45.1, -24.9).unwrap()];
    let all = values(&granule, "PS");
    let out = average(granule, Request { bbox, ..over(Average::Area) });
    assert_close(values(&out, "PS")[0], all[10 * 17 + 8], 1e-7);
}
