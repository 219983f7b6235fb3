//! 8.1 grids.

use crate::common::make::{Grid, rotated_tiff, utm_18n};
use crate::common::{
    Lattice, Run, context, extremes, find, lattice, near, physical, save, testdata, transform,
};
use crate::{
    GLOBAL, RGB_CORNER, assert_near, common, count_mean, geographic, projected, shared, usage_error,
};

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
    assert_masked(&run, &g, [-78.5, 24.0, -77.5, 25.0]);
    // A picture without a number to spare gets a mask, a netCDF file of it a number that it does not use.
    let mut image = utm_18n();
    let v = image.find_var("/v").unwrap();
    image.vars[v.0].attrs.retain(|a| a.name != "_FillValue");
    image.vars[v.0].fill = None;
    let tiff = transform(&save(&image).path, &["--format=geotiff"]);
    for format in ["geotiff", "netcdf4"] {
        let request = ["--bbox=-78.5,24,-77.5,25", &format!("--format={format}")];
        let run = transform(&tiff.written.output, &request);
        let names = run.names();
        let band = names.iter().find(|n| !["/x", "/y", "/crs"].contains(n)).unwrap();
        assert_eq!(physical(&run.output, band).len(), 347 * 378);
        assert_eq!(run.output.var(find(&run.output, band)).attr("_FillValue").is_some(), format == "netcdf4");
        assert_masked(&run, &projected(&run), [-78.5, 24.0, -77.5, 25.0]);
    }
}

/// Cells of the only variable are missing where they lie outside a box, and there where they lie inside.
fn assert_masked(run: &Run, g: &Lattice, [west, south, east, north]: [f64; 4]) {
    let way = harmony_model::crs::Transform::new(
        &harmony_model::crs::Crs::parse("EPSG:32618").unwrap(),
        &harmony_model::crs::Crs::wgs84(),
    );
    let way = way.unwrap();
    let names = run.names();
    let band = names.iter().find(|n| !["/x", "/y", "/crs"].contains(n)).unwrap();
    let values = run.physical(band);
    // A cell is 0.003 degrees wide.
    let margin = 0.003;
    let (mut inside, mut outside) = (0, 0);
    for (i, value) in values.iter().enumerate() {
        let (row, column) = (i as u64 / g.columns, i as u64 % g.columns);
        let (mut x, mut y) = ([g.x + (column as f64 + 0.5) * g.dx], [g.y + (row as f64 + 0.5) * g.dy]);
        way.points(&mut x, &mut y);
        let depth = (x[0] - west).min(east - x[0]).min(y[0] - south).min(north - y[0]);
        if depth > margin {
            assert!(!value.is_nan(), "{} {} is inside", x[0], y[0]);
            inside += 1;
        } else if depth < -margin {
            assert!(value.is_nan(), "{} {} is outside", x[0], y[0]);
            outside += 1;
        }
    }
    assert!(inside > 100_000 && outside > 1000, "{inside} {outside}");
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
