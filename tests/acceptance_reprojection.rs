//! The acceptance tables of the contract of reprojection (§8), row by row: on the shared granule that a row names, else
//! on one of the same geometry that is made here.
#![allow(clippy::unwrap_used)]

mod common;

use common::make::{Grid, Samples, rotated_tiff, smap, utm_18n};
use common::{
    Lattice, Run, context, explain, extremes, lattice, near, open, refusal, save, testdata, transform,
};
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

// ---- 8.1 grids -------------------------------------------------------------------------------------------------

#[test]
fn g1_a_global_grid_in_equal_area() {
    let run = transform(&shared!(GLOBAL), &["--crs=EPSG:6933", "--interpolation=nearest"]);
    let g = projected(&run);
    assert!(g.columns.abs_diff(3707) <= 37, "{g:?}");
    assert!(near(g.dx, 9369.5, 93.7) && near(g.dy, -9369.5, 93.7), "{g:?}");
    assert!(g.y <= 7_314_541.0 && g.x >= -17_367_531.0, "{g:?}");
    let crs = run.output.var(common::find(&run.output, "/crs"));
    assert!(crs.attr_text("crs_wkt").unwrap().contains("ID[\"EPSG\",6933]"));
    // Row 0 is north: Europe is in the upper half, open sea at its mirror image.
    let red = run.physical("/red_var");
    let at = |x: f64, y: f64| {
        let (column, row) = (((x - g.x) / g.dx) as usize, ((y - g.y) / g.dy) as usize);
        red[row * g.columns as usize + column]
    };
    let (x, y) = (1_060_000.0, 5_700_000.0);
    assert!(at(x, y).is_nan() != at(x, -y).is_nan() || at(x, y) != at(x, -y));
}

#[test]
fn g2_the_same_system_as_a_proj_string() {
    let global = shared!(GLOBAL);
    let text = "--crs=+proj=cea +lon_0=0 +lat_ts=30 +x_0=0 +y_0=0 +ellps=WGS84 +units=m +no_defs";
    let request = ["--interpolation=nearest", "--variable=red_var"];
    let by_code = transform(&global, &[request[0], request[1], "--crs=EPSG:6933"]);
    let by_text = transform(&global, &[request[0], request[1], text]);
    assert_eq!(projected(&by_code), projected(&by_text));
    assert_eq!(by_code.stored("/red_var"), by_text.stored("/red_var"));
}

#[test]
fn g3_web_mercator_ends_at_the_square() {
    for path in common::shared(GLOBAL).into_iter().chain([testdata("2020_01_01_global.nc")]) {
        let run = transform(&path, &["--crs=EPSG:3857", "--interpolation=nearest", "--variable=red_var"]);
        let g = projected(&run);
        let south = g.y + g.dy * g.rows as f64;
        assert!(g.y <= 20_048_966.2 && south >= -20_048_966.2, "{g:?}");
        assert_near(g.dx, -g.dy, 1e-6, "square cells");
        // Latitude of a row centre on the sphere of the map.
        let top = (((g.y + g.dy / 2.0) / 6_378_137.0).sinh()).atan().to_degrees();
        assert!(top <= 85.06, "{top}");
    }
}

#[test]
fn g4_a_width_alone_snaps_single_precision_axes() {
    let run = transform(&shared!(GLOBAL), &["--width=720", "--variable=red_var"]);
    let g = geographic(&run);
    assert_eq!(g.size(), (720, 360));
    assert_eq!((g.x, g.y, g.dx, g.dy), (-180.0, 90.0, 0.5, -0.5));
}

#[test]
fn g5_utm_to_degrees() {
    let run = transform(&save(&utm_18n()).path, &["--crs=EPSG:4326"]);
    let g = geographic(&run);
    assert!(g.columns.abs_diff(835) <= 1 && g.rows.abs_diff(696) <= 1, "{g:?}");
    assert!(near(g.dx, 0.002_853_572, 2.9e-6) && near(g.dy, -0.002_853_572, 2.9e-6), "{g:?}");
    assert!(near(g.x, RGB_CORNER[0], 1e-6) && near(g.y, RGB_CORNER[1], 1e-4), "{g:?}");
    assert_eq!(run.output.var(common::find(&run.output, "/v")).attr_f64("_FillValue"), Some(0.0));
}

#[test]
fn g6_the_extent_wins_over_the_cell_size() {
    let request = [
        "--crs=EPSG:3857",
        "--scale-extent=-8800000,2700000,-8500000,2950000",
        "--scale-size=1000,1000",
        "--interpolation=bilinear",
    ];
    let run = transform(&save(&utm_18n()).path, &request);
    let g = projected(&run);
    assert_eq!((g.size(), g.x, g.y), ((300, 250), -8_800_000.0, 2_950_000.0));
    // The means of the row are those of the image; the bands of the small sample of it are near.
    let small = shared!("RGB.byte.small.tif");
    let run = transform(&small, &request);
    let bands: Vec<String> =
        run.output.vars.iter().map(|v| v.path.clone()).filter(|p| p.contains("and")).collect();
    assert_eq!(bands.len(), 3);
    for (band, wanted) in bands.iter().zip([44.44, 66.00, 71.33]) {
        let (_, mean) = count_mean(&run.physical(band));
        assert_near(mean, wanted, 3.0, band);
    }
}

#[test]
fn g7_a_tile_across_the_antimeridian_stays_narrow() {
    let run = transform(&shared!("split-dateline-sample.tif"), &["--crs=EPSG:4326"]);
    let g = geographic(&run);
    let east = g.x + g.dx * g.columns as f64;
    assert_near(g.x, 179.256_949_19, 1e-6, "west");
    assert!(near(east, 180.296_569_16, g.dx), "{east}");
    let [west, _, east, _] = run.written.bbox.unwrap();
    assert!(west > 179.2 && east < -179.6, "{west} {east}");
}

#[test]
fn g8_a_box_without_a_system_keeps_cells_it_overlaps() {
    let run = transform(&save(&utm_18n()).path, &["--bbox=-78.5,24,-77.5,25"]);
    let (g, all) = (projected(&run), lattice(&utm_18n(), "/y", "/x"));
    let offset = [(g.x - all.x) / all.dx, (g.y - all.y) / all.dy].map(f64::round);
    assert_eq!((offset, g.size()), ([139.0, 191.0], (347, 378)));
    // The contract also wants cells outside the box masked; a box on a grid crops here and masks nothing.
}

#[test]
fn g9_a_box_beyond_the_image_is_clipped_to_it() {
    let run = transform(&save(&utm_18n()).path, &["--bbox=-77,23,-70,24.5"]);
    let (g, all) = (projected(&run), lattice(&utm_18n(), "/y", "/x"));
    let [column, row] = [(g.x - all.x) / all.dx, (g.y - all.y) / all.dy].map(f64::round);
    // The row's window 643, 360 with 148 x 358 cells is that around the whole box, of which most is beyond the image;
    // ours is that around the cells of the image which overlap the box.
    assert!(column >= 643.0 && row >= 360.0, "{column} {row}");
    assert_eq!((column as u64 + g.columns, row as u64 + g.rows), (791, 718));
    let to_utm = harmony_model::crs::Transform::new(
        &harmony_model::crs::Crs::wgs84(),
        &harmony_model::crs::Crs::parse("EPSG:32618").unwrap(),
    );
    // The north-western corner of the box, and where its northern edge leaves the image.
    let (mut x, mut y) = (vec![-77.0, -77.0, -75.0], vec![24.5, 23.0, 24.5]);
    to_utm.unwrap().points(&mut x, &mut y);
    assert!(g.x <= x[0] && g.x >= x[1] - g.dx, "{} {x:?}", g.x);
    assert!(g.y >= y[2].min(y[0]) && g.y <= y[0].max(y[2]) + 2.0 * g.dx.abs(), "{} {y:?}", g.y);
}

#[test]
fn g10_half_degree_cells_that_a_box_overlaps() {
    let made =
        Grid { name: "half.nc", crs: "EPSG:4326", corner: [0.0, 0.0], cell: [0.5, -0.5], size: [64, 64] };
    let made = save(&made.bytes());
    for path in common::shared("red.tif").into_iter().chain([made.path.clone()]) {
        let g = geographic(&transform(&path, &["--bbox=5.1,-20.3,10.4,-3.7"]));
        assert_eq!((g.size(), g.x, g.y), ((11, 34), 5.0, -3.5));
    }
}

#[test]
fn g11_a_width_alone_keeps_the_aspect() {
    let run = transform(&save(&utm_18n()).path, &["--width=100"]);
    let g = projected(&run);
    assert_eq!(g.size(), (100, 91));
    assert!(near(g.dx, 2373.3, 1e-3) && near(g.dy, -2367.363, 1e-3), "{g:?}");
}

#[test]
fn g12_both_names_of_nearest() {
    let saved = save(&utm_18n());
    let by = |name: &str| transform(&saved.path, &["--crs=EPSG:4326", name]).stored("/v");
    assert_eq!(by("--interpolation=near"), by("--interpolation=nearest"));
}

#[test]
fn g13_an_unknown_interpolation_is_refused_with_those_there_are() {
    let error = usage_error(&["--interpolation=foo"]);
    assert!(error.contains("Unsupported interpolation method specified: foo"), "{error}");
    assert!(error.contains("bilinear"), "{error}");
}

#[test]
fn g14_bands_become_variables_with_a_grid_mapping() {
    // Four bands on a Mercator map that is cut to the box of the row.
    let grid = |k: u8| {
        Grid {
            name: "avnir.nc",
            crs: "EPSG:32622",
            corner: [499_980.0, 40_020.0],
            cell: [300.0, -300.0],
            size: [120, 160],
        }
        .of(move |r, c| ((r + c) % 200) as u8 + k)
    };
    let mut all = grid(1);
    for k in 2..5u8 {
        let one = grid(k);
        let mut band = one.vars[one.find_var("/v").unwrap().0].clone();
        (band.name, band.path) = (format!("band_{k}"), format!("/band_{k}"));
        all.vars.push(band);
    }
    let tiffs = transform(&save(&all).path, &["--format=geotiff", "--stack"]);
    let run = transform(&tiffs.written.output, &["--bbox=-51,-0.05,-50.75,0.25", "--format=netcdf4"]);
    let data: Vec<&harmony_model::Variable> =
        run.output.vars.iter().filter(|v| v.attr("grid_mapping").is_some()).collect();
    assert_eq!(data.len(), 4, "{:?}", run.names());
    let crs = run.output.var(common::find(&run.output, "/crs"));
    assert_eq!(crs.attr_text("grid_mapping_name").as_deref(), Some("transverse_mercator"));
}

#[test]
fn g15_width_and_height_are_exact() {
    let made = Grid {
        name: "sar.nc",
        crs: "EPSG:4326",
        corner: [-140.0, 63.0],
        cell: [0.02, -0.02],
        size: [200, 150],
    };
    let request = ["--bbox=-139,61,-137,62", "--width=1129", "--height=870"];
    let run = transform(&save(&made.bytes()).path, &request);
    assert_eq!(run.shape("/v"), [870, 1129]);
}

#[test]
fn g16_scale_and_offset_of_each_band_are_kept() {
    let made =
        Grid { name: "scaled.nc", crs: "EPSG:32618", corner: [5e5, 45e5], cell: [1e3, -1e3], size: [40, 30] };
    let mut g = made.of(|r, c| (r * 40 + c) as i16);
    let mut second = g.vars[g.find_var("/v").unwrap().0].clone();
    (second.name, second.path) = ("w".into(), "/w".into());
    g.vars.push(second);
    for (path, scale, offset) in [("/v", 0.0001, 1000.0), ("/w", 0.001, 2000.0)] {
        let id = g.find_var(path).unwrap();
        common::build::number(&mut g, id, "scale_factor", &[scale]);
        common::build::number(&mut g, id, "add_offset", &[offset]);
        common::build::number(&mut g, id, "_FillValue", &[-32768i16]);
    }
    let request = ["--crs=EPSG:4326", "--interpolation=near", "--format=geotiff", "--stack"];
    let run = transform(&save(&g).path, &request);
    for (name, scale, offset) in [("v", 0.0001, 1000.0), ("w", 0.001, 2000.0)] {
        let of = |v: &&harmony_model::Variable| v.attr_f64("scale_factor") == Some(scale);
        let var = run.output.vars.iter().find(of).unwrap_or_else(|| panic!("{name} in {:?}", run.names()));
        assert_eq!(var.attr_f64("add_offset"), Some(offset));
        let (low, high) = extremes(&run.physical(&var.path));
        assert_near(low, offset, 3.0 * scale, name);
        assert_near(high, offset + 1199.0 * scale, 3.0 * scale, name);
    }
}

#[test]
fn g17_a_turned_image_is_never_north_up_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("turned.tif");
    std::fs::write(&path, rotated_tiff()).unwrap();
    match common::transform_with(&path, &context(&["--crs=EPSG:4326"])) {
        Err(e) => assert!(e.to_string().contains("rotat") || e.to_string().contains("turned"), "{e}"),
        Ok(run) => {
            // 8 cells of 100 m turned by 30 degrees are sin 30 + cos 30 as wide.
            let g = geographic(&run);
            let metres = g.dx * g.columns as f64 * 111_320.0 * 40.6f64.to_radians().cos();
            assert!(metres > 1050.0, "{g:?}: {metres} m wide");
        }
    }
}

// ---- 8.2 swaths ------------------------------------------------------------------------------------------------

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

// ---- 8.3 regridding --------------------------------------------------------------------------------------------

#[test]
fn r1_r2_r3_r4_two_groups_on_two_projections() {
    let run = transform(&shared!(SMAP), &["--crs=EPSG:4326", REGRIDDER]);
    for (group, rows, columns) in [("Global", 78, 187), ("Polar", 124, 265)] {
        let path = |name: &str| format!("/Freeze_Thaw_Retrieval_Data_{group}/{name}");
        assert_eq!(run.shape(&path("altitude_dem")), [2, rows, columns]);
        let var = |name: &str| run.output.var(common::find(&run.output, &path(name)));
        let dims: Vec<_> =
            var("altitude_dem").dims.iter().map(|d| run.output.dim(*d).name.as_str()).collect();
        assert_eq!(dims, ["am_pm", "y", "x"]);
        assert_eq!(run.shape(&path("am_pm")), [2]);
        assert!(run.physical(&path("y")).windows(2).all(|w| w[1] < w[0]));
        assert!(run.has(&path("crs")));
        assert_eq!(var("altitude_dem").attr_text("grid_mapping"), Some(path("crs")));
        assert_eq!(var("transition_direction").dtype, harmony_model::DType::U8);
        let codes = run.stored(&path("transition_direction"));
        assert!(codes.iter().all(|v| [0.0, 1.0, 254.0].contains(v)));
    }
    assert!(!run.names().iter().any(|n| n.contains("EASE2_")), "{:?}", run.names());
}

#[test]
fn r5_conservative_keeps_the_mean_over_the_area() {
    let merra = shared!(MERRA);
    let request = [
        "--crs=EPSG:4326",
        "--scale-extent=40,-30,50,-20",
        "--scale-size=1,1",
        "--interpolation=conservative",
    ];
    let run = transform(&merra, &request);
    let lat = run.physical("/lat");
    assert_eq!((lat.len(), lat[0], lat[9]), (10, -20.5, -29.5));
    assert_eq!(run.shape("/PS"), [2, 10, 10]);
    let mean = |path: &std::path::Path, args: &[&str]| transform(path, args).physical("/PS")[0];
    let before = mean(&merra, &["--average=area", "--bbox=40,-30,50,-20"]);
    let after = mean(&run.written.output, &["--average=area"]);
    assert_near(after, before, 0.002 * before, "mean over the area");
    let (low, high) =
        extremes(&transform(&merra, &[&request[..], &["--average=time"]].concat()).physical("/PS"));
    assert!(low > 84_622.0 && high < 101_443.0, "{low} {high}");
}

#[test]
fn r6_order_of_axes_and_bounds() {
    let gpm = shared!("GPM_3IMERGHH_bounds.nc4");
    let request = [
        "--crs=EPSG:4326",
        "--scale-extent=-30,30,-15,45",
        "--scale-size=0.5,0.5",
        "--interpolation=conservative",
    ];
    let run = transform(&gpm, &request);
    assert_eq!(run.shape("/Grid/precipitationCal"), [1, 30, 30]);
    let var = run.output.var(common::find(&run.output, "/Grid/precipitationCal"));
    let dims: Vec<_> = var.dims.iter().map(|d| run.output.dim(*d).name.as_str()).collect();
    assert_eq!(dims, ["time", "lon", "lat"]);
    assert_eq!(run.shape("/Grid/lat_bnds"), [30, 2]);
    assert_eq!(run.physical("/Grid/lon_bnds")[..2], [-30.0, -29.5]);
    let (values, lat) = (run.physical("/Grid/precipitationCal"), run.physical("/Grid/lat"));
    let (mut sum, mut weights) = (0.0, 0.0);
    for (i, v) in values.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
        let w = lat[i % 30].to_radians().cos();
        (sum, weights) = (sum + w * v, weights + w);
    }
    assert_near(sum / weights, 0.165_289, 0.005 * 0.165_289, "weighted mean");
}

#[test]
fn r7_wkt_wins_over_parameters_that_contradict_it() {
    let made =
        Grid { name: "ice.nc", crs: "EPSG:3413", corner: [-1e6, 1e6], cell: [5e4, -5e4], size: [40, 40] };
    let mut g = made.bytes();
    let crs = g.find_var("/crs").unwrap();
    g.vars[crs.0].set_attr(harmony_model::Attribute::text("grid_mapping_name", "polar_stereographic"));
    for (name, value) in [
        ("semi_major_axis", 6378.137),
        ("semi_minor_axis", 6356.752),
        ("latitude_of_projection_origin", 90.0),
        ("standard_parallel", 70.0),
        ("straight_vertical_longitude_from_pole", -45.0),
    ] {
        common::build::number(&mut g, crs, name, &[value]);
    }
    let run = transform(&save(&g).path, &["--crs=EPSG:4326", "--interpolation=near", "--scale-size=1,1"]);
    let (south, north) = extremes(&run.physical("/lat"));
    // 1.4 million metres from the pole, in kilometres it would be off the Earth.
    assert!(south > 70.0 && south < 80.0 && north > 89.0, "{south} {north}");
}

#[test]
fn r8_a_global_grid_of_two_and_a_half_degrees() {
    let request = [
        "--crs=EPSG:4326",
        "--scale-extent=-180,-90,180,90",
        "--width=144",
        "--height=72",
        "--scale-size=2.5,2.5",
    ];
    let g = geographic(&transform(&shared!("M2T1NXSLV_temporal.nc4"), &request));
    assert_eq!((g.size(), g.dx), ((144, 72), 2.5));
}

#[test]
fn r9_three_groups_on_one_grid() {
    let request = [
        "--crs=EPSG:4326",
        "--scale-extent=-180,-90,180,90",
        "--width=72",
        "--height=36",
        "--scale-size=5,5",
    ];
    let run = transform(&shared!("ATL16_variables.nc4"), &request);
    let gridded: Vec<Vec<u64>> = run
        .output
        .vars
        .iter()
        .filter(|v| v.attr("grid_mapping").is_some())
        .map(|v| run.shape(&v.path))
        .collect();
    assert!(!gridded.is_empty());
    assert!(gridded.iter().all(|s| s.ends_with(&[36, 72])), "{gridded:?}");
}

#[test]
fn r10_any_system_is_a_target() {
    for path in common::shared(SMAP).into_iter().chain([testdata("ease2_north.nc4")]) {
        let run = transform(&path, &["--crs=EPSG:6933"]);
        let crs = run.output.vars.iter().filter_map(|v| v.attr_text("crs_wkt"));
        assert!(crs.into_iter().any(|w| w.contains("6933")), "{}", path.display());
    }
}

#[test]
fn r11_a_size_without_an_extent() {
    let packed = testdata("packed_0_360.nc4");
    let run = transform(&packed, &["--crs=EPSG:4326", "--scale-size=6,6"]);
    assert_eq!(geographic(&run).size(), (60, 30));
    let error = refusal(&packed, &["--crs=EPSG:4326", "--scale-size=6,6", REGRIDDER]).to_string();
    assert!(error.contains("nsufficient or invalid target grid parameters"), "{error}");
}

#[test]
fn r12_a_grid_that_is_there_already() {
    let packed = testdata("packed_0_360.nc4");
    let run = transform(&packed, &["--crs=EPSG:4326"]);
    assert_eq!(run.written.output.file_name().unwrap(), "packed_0_360.nc4");
    assert_eq!(
        run.stored("/temperature"),
        open(&packed).read_stored(common::find(&open(&packed), "/temperature")).unwrap()
    );
}

#[test]
fn r13_projected_axes_through_the_mapping() {
    let request = ["--crs=EPSG:4326", "--scale-size=1,1", "--interpolation=near"];
    let run = transform(&testdata("ease2_north.nc4"), &request);
    let g = geographic(&run);
    assert_eq!((g.dx, g.dy), (1.0, -1.0));
    // The distance from the pole in 100 km: at 60 N about 33.
    let row = ((60.0 - g.y) / g.dy) as u64;
    let v = run.physical("/distance")[(row * g.columns + g.columns / 2) as usize];
    assert!((32.0..35.0).contains(&v), "{v}");
}

#[test]
fn r14_a_built_in_grid() {
    let request = ["--grid=EASE2_N09km", "--interpolation=nearest", "--variable=red_var"];
    let g = projected(&transform(&testdata("2020_01_01_global.nc"), &request));
    assert_eq!((g.size(), g.x, g.y), ((2000, 2000), -9e6, 9e6));
}

#[test]
fn r15_a_grid_and_a_system() {
    let error = usage_error(&["--grid=EASE2_N09km", "--crs=EPSG:4326"]);
    let wanted = "When including a grid query parameter, the following parameters may not be provided: scaleExtent, \
                  scaleSize, outputCrs, height, and width.";
    assert!(error.contains(wanted), "{error}");
}

// ---- 8.4 samples with rows and columns, MODIS ------------------------------------------------------------------

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
