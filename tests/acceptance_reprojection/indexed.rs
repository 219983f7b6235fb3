//! 8.4 samples with rows and columns, MODIS.

use crate::common::make::{Samples, smap};
use crate::common::{explain, extremes, near, open, save, transform};
use crate::{assert_near, common, projected, shared};

const TWICE: Samples = Samples {
    group: "Soil_Moisture_Retrieval_Data",
    rows: &[0, 160, 160, 203],
    columns: &[2, 535, 535, 723],
};

/// Shapes of the result of a SMAP granule by path, without computing it.
fn shapes(product: &str, groups: &[&str]) -> Vec<(String, Vec<u64>)> {
    let samples: Vec<Samples> = groups.iter().map(|&group| Samples { group, ..TWICE }).collect();
    let saved = save(&smap(product, &samples));
    let plan = explain(&saved.path, &["--crs=EPSG:4326"]);
    plan.outputs[0].variables.iter().map(|v| (v.path.clone(), v.shape.clone())).collect()
}

fn assert_shape(shapes: &[(String, Vec<u64>)], path: &str, wanted: &[u64]) {
    let found = shapes.iter().find(|(p, _)| p == path).unwrap_or_else(|| panic!("{path} in {shapes:?}"));
    assert_eq!(found.1, wanted, "{path}");
}

#[test]
fn m1_m5_m6_m7_m8_samples_of_36_km() {
    let run = transform(&save(&smap("SPL2SMP", &[TWICE])).path, &["--crs=EPSG:4326", "--format=netcdf4"]);
    let path = |name: &str| format!("/Soil_Moisture_Retrieval_Data/{name}");
    for name in ["crs", "x-dim", "y-dim"] {
        assert!(run.has(&path(name)), "{:?}", run.names());
    }
    assert_eq!(run.shape(&path("sigma0_hh_mean")), [406, 964]);
    let x = run.physical(&path("x-dim"));
    assert_near(x[0], -17_367_530.445_161_5 + 36_032.220_840_584 / 2.0, 1e-6, "first column");
    // Four samples in three cells.
    assert_eq!(run.valid(&path("sigma0_hh_mean")), 3);
    assert_eq!(run.shape(&path("landcover")), [3, 406, 964]);
    let layered = run.output.var(common::find(&run.output, &path("landcover")));
    assert_eq!(layered.attr_f64("_FillValue"), Some(f64::from(i16::MAX)));
}

#[test]
fn m2_nine_kilometres_and_the_pole() {
    let all = shapes("SPL2SMP_E", &["Soil_Moisture_Retrieval_Data", "Soil_Moisture_Retrieval_Data_Polar"]);
    assert_shape(&all, "/Soil_Moisture_Retrieval_Data/sigma0_hh_mean", &[1624, 3856]);
    assert_shape(&all, "/Soil_Moisture_Retrieval_Data_Polar/sigma0_hh_mean", &[2000, 2000]);
}

#[test]
fn m3_nine_and_three_kilometres() {
    let all = shapes("SPL2SMAP", &["Soil_Moisture_Retrieval_Data", "Soil_Moisture_Retrieval_Data_3km"]);
    assert_shape(&all, "/Soil_Moisture_Retrieval_Data/sigma0_hh_mean", &[1624, 3856]);
    assert_shape(&all, "/Soil_Moisture_Retrieval_Data_3km/sigma0_hh_mean", &[4872, 11568]);
}

#[test]
fn m4_radar_without_texts() {
    let groups = ["Radar_Data", "Ancillary_Data", "Soil_Moisture_Retrieval_Data"];
    let all = shapes("SPL2SMA", &groups);
    for group in groups {
        assert_shape(&all, &format!("/{group}/sigma0_hh_mean"), &[4872, 11568]);
    }
    assert!(!all.iter().any(|(p, _)| p.contains("overpass_time_utc")), "{all:?}");
}

#[test]
fn m9_a_raster_of_the_samples_in_a_box() {
    // Cells of three kilometres in the middle of Europe.
    let europe = Samples { group: "Radar_Data", rows: &[640, 641, 700], columns: &[5900, 5901, 6000] };
    let mut g = smap("SPL2SMA", &[europe]);
    for (name, values) in [("latitude", [47.0f32, 46.9, 44.0]), ("longitude", [3.6, 3.63, 6.7])] {
        let id = g.find_var(&format!("/Radar_Data/{name}")).unwrap();
        g.vars[id.0].data = std::sync::Arc::new(harmony_model::MemoryArray::of(&[3], &values));
    }
    let request = ["--bbox=-8.2,42,12.7,52.8", "--variable=Radar_Data/sigma0_hh_mean", "--crs=EPSG:6933"];
    let run = transform(&save(&g).path, &[&request[..], &["--format=geotiff"]].concat());
    let g = projected(&run);
    assert!(near(g.dx, 3_002.685, 1e-3) && near(g.dy, -3_002.685, 1e-3), "{g:?}");
    let wkt = run.output.vars.iter().find_map(|v| v.attr_text("crs_wkt")).unwrap();
    assert!(wkt.contains("6933"), "{wkt}");
}

#[test]
fn m10_a_sinusoidal_tile_lands_in_antarctica() {
    let tile = shared!("MOD09GA.A2008296.h14v17.006.2015181011753.hdf");
    let request = ["--crs=EPSG:4326", "--interpolation=near", "--variable=/MODIS_Grid_1km_2D/Range_1"];
    let run = transform(&tile, &request);
    let lat = run.output.vars.iter().find(|v| v.name == "lat").unwrap().path.clone();
    let (south, north) = extremes(&run.physical(&lat));
    assert!(south >= -90.0 && north <= -79.9, "{south} {north}");
    let input = open(&tile);
    let sphere =
        input.vars.iter().filter_map(|v| v.attr_f64("semi_major_axis").or(v.attr_f64("earth_radius")));
    assert!(sphere.into_iter().any(|r| near(r, 6_371_007.181, 1e-3)));
}

#[test]
fn m11_a_modis_swath_by_cell_size() {
    // The cloud mask of the row is not shared; water vapour of the same instrument is.
    let swath = shared!("MOD05_L2.A2019336.2315.061.2019337071952.hdf");
    let request = [
        "--crs=EPSG:4326",
        "--interpolation=near",
        "--scale-size=0.05,0.05",
        "--scale-extent=-179,70,-150,80",
    ];
    let run = transform(&swath, &request);
    let gridded = run.output.vars.iter().find(|v| v.attr("grid_mapping").is_some()).unwrap();
    assert_eq!(run.shape(&gridded.path), [200, 580]);
    assert!(run.output.vars.iter().any(|v| v.attr("grid_mapping").is_some() && run.valid(&v.path) > 0));
}
