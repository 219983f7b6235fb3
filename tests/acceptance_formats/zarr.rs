//! C.3 Zarr.

use std::path::PathBuf;

use crate::common::build::var;
use crate::common::{Run, extremes, join, near, open, save, testdata, transform, try_join};
use crate::{FIVE, GLOBAL, GPM, MERRA, SSMIS, common, shared};
use harmony_model::Granule;

/// A document of a Zarr store.
fn document(run: &Run, key: &str) -> serde_json::Value {
    let text = std::fs::read_to_string(run.written.output.join(key));
    serde_json::from_str(&text.unwrap_or_else(|e| panic!("{key}: {e}"))).unwrap()
}

fn assert_equal_values(a: &Granule, b: &Granule) {
    for var in &a.vars {
        let numeric = var.dtype.is_numeric();
        let stored = |g: &Granule| g.read_stored(common::find(g, &var.path)).unwrap();
        if numeric {
            let same = stored(a).iter().zip(&stored(b)).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{}", var.path);
        }
    }
}

#[test]
fn z1_z13_all_values_in_both_versions() {
    for path in common::shared(GLOBAL).into_iter().chain([testdata("packed_0_360.nc4")]) {
        for format in ["zarr", "zarr2"] {
            let run = transform(&path, &[&format!("--format={format}")]);
            assert_equal_values(&open(&path), &run.output);
            if format == "zarr2" {
                assert!(run.written.output.join(".zmetadata").exists());
            } else {
                assert!(document(&run, "zarr.json")["consolidated_metadata"].is_object());
            }
        }
    }
    let run = transform(&testdata("polar_south.nc4"), &["--format=zarr2"]);
    assert_eq!(document(&run, "crs/.zarray")["shape"], serde_json::json!([]));
}

#[test]
fn z2_one_chunk_under_the_rule_of_the_reference() {
    let run = transform(&shared!(GLOBAL), &["--format=zarr2", "--compat=harmony-netcdf-to-zarr"]);
    assert_eq!(document(&run, "red_var/.zarray")["chunks"], serde_json::json!([1, 1800, 3600]));
}

#[test]
fn z3_chunks_of_the_table() {
    // The rule itself is tested row by row in `zarr::write::chunks`; here a row that is small enough to be written.
    let run = transform(&testdata("packed_0_360.nc4"), &["--format=zarr2"]);
    assert_eq!(document(&run, "temperature/.zarray")["chunks"], serde_json::json!([4, 3, 60, 120]));
}

#[test]
fn z4_granules_of_one_time_are_stacked() {
    let paths: Option<Vec<PathBuf>> = FIVE.iter().map(|n| common::shared(n)).collect();
    let Some(paths) = paths else { return };
    let run = join(&paths, &["--format=zarr", "--extend=time", "--variable=red_var"]);
    assert_eq!(run.shape("/red_var")[0], 5);
    let stored: f64 = run.stored("/red_var").iter().sum();
    assert_eq!(stored, 265_323_062.0 + 151_541_920.0 + 3.0 * 77_425_726.0);
    assert!(
        run.written.notices.iter().any(|n| n.contains("equal") || n.contains("same")),
        "{:?}",
        run.written.notices
    );
}

#[test]
fn z5_packed_numbers_and_no_mask_on_zeros() {
    let run = transform(&shared!(SSMIS), &["--format=zarr2", "--variable=wind_speed"]);
    let array = document(&run, "wind_speed/.zarray");
    assert_eq!(
        (&array["dtype"], &array["fill_value"]),
        (&serde_json::json!("<i2"), &serde_json::Value::Null)
    );
    assert!(near(extremes(&run.physical("/wind_speed")).1, 51.0, 1e-5));
    assert_eq!(run.valid("/wind_speed") as u64, run.shape("/wind_speed").iter().product::<u64>());
}

#[test]
fn z6_groups_and_bounds() {
    let run = transform(&shared!(GPM), &["--format=zarr"]);
    for name in ["lat", "lon", "time"] {
        assert!(run.has(&format!("/Grid/{name}")), "{:?}", run.names());
    }
    assert_eq!(run.shape("/Grid/lat_bnds"), [150, 2]);
}

#[test]
fn z7_fill_value_as_member_and_attribute() {
    let run = transform(&shared!(MERRA), &["--format=zarr2"]);
    let wanted = f64::from(1e15f32);
    assert_eq!(document(&run, "PS/.zarray")["fill_value"].as_f64(), Some(wanted));
    assert_eq!(document(&run, "PS/.zattrs")["_FillValue"].as_f64(), Some(wanted));
    assert_eq!(run.shape("/PS"), [2, 21, 17]);
}

#[test]
fn z8_two_groups_and_characters() {
    let run = transform(&shared!("SPL3FTP_subsetted.nc4"), &["--format=zarr"]);
    for group in ["Global", "Polar"] {
        let path = format!("/Freeze_Thaw_Retrieval_Data_{group}/altitude_dem");
        let mapping = run.output.var(common::find(&run.output, &path)).attr_text("grid_mapping").unwrap();
        assert!(mapping.starts_with('/') && run.has(&mapping), "{mapping}");
    }
}

#[test]
fn z9_nested_groups_and_fills() {
    let atl = shared!("ATL16_variables.nc4");
    let run = transform(&atl, &["--format=zarr"]);
    let input = open(&atl);
    assert_eq!(input.groups.len(), run.output.groups.len());
    for var in input.vars.iter().filter(|v| v.dtype.is_float()) {
        let kept = run.output.var(common::find(&run.output, &var.path));
        assert_eq!(
            var.attr_f64("_FillValue").map(f64::to_bits),
            kept.attr_f64("_FillValue").map(f64::to_bits)
        );
    }
}

/// A series of three steps from an epoch.
fn series(name: &str, units: &str, first: i32) -> common::Saved {
    let mut g = common::build::granule(name, "a series");
    let time = g.add_dim(Granule::ROOT, "time", 3);
    g.dims[time.0].unlimited = true;
    let text = [("units", units), ("standard_name", "time")];
    var(&mut g, Granule::ROOT, "time", &[time], &[first, first + 1, first + 2], &text);
    let values: Vec<f32> = (0..3).map(|i| (first + i) as f32).collect();
    var(&mut g, Granule::ROOT, "v", &[time], &values, &[("units", "1")]);
    save(&g)
}

#[test]
fn z10_the_earliest_epoch_and_sorted_times() {
    let late = series("b.nc", "seconds since 2020-01-02", 0);
    let early = series("a.nc", "seconds since 2020-01-01", 5);
    let run = join(&[&late.path, &early.path], &["--format=zarr", "--extend=time"]);
    let time = run.output.var(common::find(&run.output, "/time"));
    assert!(time.attr_text("units").unwrap().contains("2020-01-01"));
    assert_eq!(run.stored("/time"), [5.0, 6.0, 7.0, 86400.0, 86401.0, 86402.0]);
}

#[test]
fn z11_a_dimension_of_time_in_one_granule_only() {
    let timed = series("a.nc", "seconds since 2020-01-01", 0);
    let plain = series("b.nc", "1", 0);
    let error =
        try_join(&[&timed.path, &plain.path], &["--format=zarr", "--extend=time"]).map(|_| ()).unwrap_err();
    assert!(error.contains("time") && error.contains("b.nc"), "{error}");
}

#[test]
fn z12_sizes_of_chunks_are_exact_or_refused() {
    let size = |text: &str| harmony::request::grammar::parse_size(text);
    assert_eq!(size("26 Mi").unwrap(), 26 << 20);
    assert_eq!(size("26.8 Mi").unwrap(), (26.8 * f64::from(1 << 20)) as u64);
    assert_eq!(size("26.8 MB").unwrap(), 26_800_000);
    assert!(size("26.8 Mx").is_err());
}
