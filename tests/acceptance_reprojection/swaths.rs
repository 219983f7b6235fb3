//! 8.2 swaths.

use crate::common::{Run, extremes, near, open, refusal, save, testdata, transform};
use crate::{ASCAT, PROJECTOR, assert_near, common, count_mean, geographic, projected, shared};

#[test]
fn s1_the_grid_of_the_swath_projector() {
    let run = transform(&shared!("africa.nc"), &["--crs=EPSG:4326", PROJECTOR]);
    let g = geographic(&run);
    assert_eq!(g.size(), (627, 573));
    assert!(near(g.dx, 0.155_427_60, 1e-6) && near(g.dy, -0.155_398_82, 1e-6), "{g:?}");
    let (x, y) = (run.physical("/lon")[0], run.physical("/lat")[0]);
    assert!(near(x, -30.279_021_43, 1e-6) && near(y, 47.295_007_95, 1e-6), "{x} {y}");
}

const EUROPE: [&str; 3] = ["--crs=EPSG:4326", "--scale-extent=-20,10,60,35", PROJECTOR];

/// The swath of Africa on the extent of rows S2 to S5.
fn europe(africa: &std::path::Path, method: &str) -> Run {
    transform(africa, &[EUROPE[0], EUROPE[1], EUROPE[2], method])
}

#[test]
fn s2_an_extent_without_a_size() {
    let run = europe(&shared!("africa.nc"), "--interpolation=near");
    let g = geographic(&run);
    assert_eq!(g.size(), (515, 161));
    assert!(near(g.dx, 0.155_339_81, 1e-7) && near(g.dy, -0.155_279_50, 1e-7), "{g:?}");
    let (x, y) = (run.physical("/lon")[0], run.physical("/lat")[0]);
    assert!(near(x, -19.922_330_10, 1e-7) && near(y, 34.922_360_25, 1e-7), "{x} {y}");
}

#[test]
fn s3_s4_s5_valid_cells_by_method() {
    let africa = shared!("africa.nc");
    for (method, name, cells, mean, tolerance) in [
        ("near", "/alpha_var", 70_407.0, 217.5, 0.01),
        ("ewa-nn", "/alpha_var", 75_333.0, 212.3, 0.01),
        ("ewa", "/alpha_var", 75_333.0, 212.3, 0.02),
        ("ewa", "/green_var", 50_226.0, f64::NAN, 0.02),
    ] {
        let run = europe(&africa, &format!("--interpolation={method}"));
        let (count, m) = count_mean(&run.physical(name));
        assert_near(count as f64, cells, tolerance * cells, &format!("{method} {name}"));
        assert!(mean.is_nan() || near(m, mean, 0.01 * mean), "{method} {name}: mean {m}");
    }
}

#[test]
fn s6_an_island_is_all_valid_and_has_no_red() {
    let request = [EUROPE[0], "--scale-extent=42,-27,52,-10", PROJECTOR, "--interpolation=ewa-nn"];
    let run = transform(&shared!("africa.nc"), &request);
    assert_eq!(geographic(&run).size(), (64, 109));
    assert_eq!((run.valid("/alpha_var"), run.valid("/red_var")), (6976, 0));
}

#[test]
fn s7_a_lambert_conic() {
    let crs = "--crs=+proj=lcc +lat_1=43 +lat_2=62 +lat_0=30 +lon_0=10 +ellps=intl";
    let run = transform(&shared!("africa.nc"), &[crs, "--interpolation=near", PROJECTOR]);
    assert_eq!(projected(&run).size(), (661, 598));
    let mapping = run.output.vars.iter().find_map(|v| v.attr_text("grid_mapping_name"));
    assert_eq!(mapping.as_deref(), Some("lambert_conformal_conic"));
}

#[test]
fn s8_equal_area() {
    let run = transform(&shared!("africa.nc"), &["--crs=EPSG:6933", "--interpolation=near", PROJECTOR]);
    let g = projected(&run);
    assert_eq!(g.size(), (572, 624));
    assert_near(g.dx, 16446.5, 0.01 * 16446.5, "cell");
}

#[test]
fn s9_types_and_packing_are_kept() {
    let run = transform(&shared!("africa.nc"), &["--crs=EPSG:4326", "--scale-extent=-20,10,60,35"]);
    for name in ["/red_var", "/green_var", "/blue_var", "/alpha_var"] {
        let var = run.output.var(common::find(&run.output, name));
        assert_eq!(var.dtype, harmony_model::DType::U8, "{name}");
        assert!(var.attr("coordinates").is_none(), "{name}");
    }
    let green = run.output.var(common::find(&run.output, "/green_var"));
    assert_eq!((green.attr_f64("scale_factor"), green.attr_f64("add_offset")), (Some(2.0), Some(0.0)));
    assert_eq!(run.shape("/time"), [1]);
}

/// The project's swath with a history.
fn with_history(name: &str) -> common::Saved {
    let mut g = open(&testdata("swath_antimeridian.nc4"));
    g.groups[0].attrs.push(harmony_model::Attribute::text(name, "made once"));
    g.groups[0].attrs.push(harmony_model::Attribute::text("history_json", r#"[{"program": "first"}]"#));
    save(&g)
}

#[test]
fn s10_history_is_appended() {
    let request = ["--crs=EPSG:4326", "--scale-extent=170,-20,190,20", "--interpolation=bilinear"];
    let run = transform(&with_history("history").path, &request);
    let history = run.text("history").unwrap();
    assert!(history.starts_with("made once\n") && history.lines().count() == 2, "{history}");
    let records: Vec<serde_json::Value> = serde_json::from_str(&run.text("history_json").unwrap()).unwrap();
    assert_eq!(records.len(), 2);
}

#[test]
fn s11_a_capital_history_stays_the_only_one() {
    let request = ["--crs=EPSG:4326", "--scale-extent=170,-20,190,20", "--interpolation=bilinear"];
    let run = transform(&with_history("History").path, &request);
    assert!(run.text("History").unwrap().starts_with("made once\n"));
    assert!(run.text("history").is_none());
}

#[test]
fn s12_an_orbit_gets_cells_of_its_own_size() {
    let orbit = shared!(ASCAT);
    let g = geographic(&transform(&orbit, &["--crs=EPSG:4326", "--variable=wind_speed"]));
    assert!((0.20..0.26).contains(&g.dx) && (0.20..0.26).contains(&-g.dy), "{g:?}");
    let g = geographic(&transform(&orbit, &["--crs=EPSG:4326", "--variable=wind_speed", PROJECTOR]));
    assert_eq!(g.size(), (549, 273));
}

#[test]
fn s13_a_polar_map_of_an_orbit_holds_its_hemisphere() {
    let run = transform(&shared!(ASCAT), &["--crs=EPSG:3413", "--variable=wind_speed"]);
    let g = projected(&run);
    assert!(
        [g.x, g.y, g.dx * g.columns as f64, g.dy * g.rows as f64].iter().all(|v| v.abs() < 2.6e7),
        "{g:?}"
    );
    // The equator is 12.4 million metres from the pole.
    let speed = run.physical("/wind_speed");
    assert!(run.valid("/wind_speed") > 1000);
    for (i, _) in speed.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
        let (row, column) = ((i as u64 / g.columns) as f64 + 0.5, (i as u64 % g.columns) as f64 + 0.5);
        let radius = (g.x + g.dx * column).hypot(g.y + g.dy * row);
        assert!(radius < 12.5e6, "{radius}");
    }
}

#[test]
fn s14_packed_coordinates_and_values() {
    let orbit = shared!(ASCAT);
    let run = transform(&orbit, &["--crs=EPSG:4326", "--interpolation=bilinear", "--variable=wind_speed"]);
    let (low, high) = extremes(&run.physical("/wind_speed"));
    let (from, to) = extremes(&common::physical(&open(&orbit), "/wind_speed"));
    assert!(low >= from && high <= to, "{low} {high}");
    let var = run.output.var(common::find(&run.output, "/wind_speed"));
    assert_eq!(var.dtype, harmony_model::DType::I16);
    let fill = var.attr_f64("_FillValue").unwrap();
    let stored = run.stored("/wind_speed");
    assert_eq!(stored.iter().filter(|v| **v == fill).count(), stored.len() - run.valid("/wind_speed"));
}

#[test]
fn s15_a_width_without_a_height() {
    let swath = testdata("swath_antimeridian.nc4");
    let error = refusal(&swath, &["--crs=EPSG:4326", "--width=1000"]).to_string();
    assert!(error.contains("height is missing"), "{error}");
}

#[test]
fn s16_sizes_that_agree_and_that_do_not() {
    let swath = testdata("swath_antimeridian.nc4");
    let request = ["--crs=EPSG:4326", "--scale-extent=-20,10,60,35", "--scale-size=1,1", "--height=25"];
    let with = |width| [request[0], request[1], request[2], request[3], width];
    let run = transform(&swath, &with("--width=80"));
    assert_eq!(geographic(&run).size(), (80, 25));
    let error = refusal(&swath, &with("--width=81")).to_string();
    assert!(error.contains("81") && error.contains("80"), "{error}");
}

#[test]
fn s17_a_method_that_swaths_do_not_have() {
    let error = refusal(&testdata("swath_antimeridian.nc4"), &["--crs=EPSG:4326", "--interpolation=cubic"]);
    let error = error.to_string();
    assert!(["cubic", "ewa-nn", "ewa", "near", "bilinear"].iter().all(|n| error.contains(n)), "{error}");
}

#[test]
fn s18_the_members_of_a_projected_swath() {
    let request = ["--crs=EPSG:4326", "--scale-extent=42,-27,52,-10"];
    let run = transform(&shared!("africa.nc"), &request);
    let wanted =
        ["/alpha_var", "/blue_var", "/green_var", "/lat", "/latitude_longitude", "/lon", "/red_var", "/time"];
    assert_eq!(run.names(), wanted);
}
