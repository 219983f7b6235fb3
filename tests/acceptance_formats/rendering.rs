//! C.5 rendering.

use std::path::Path;

use crate::common::{lattice, open, picture, testdata, transform};
use crate::{GLOBAL, common, shared};

const WINDOW: [&str; 2] = ["--subset=lon(-20:90)", "--subset=lat(0:60)"];

#[test]
fn w1_a_window_as_one_raster_of_four_bands() {
    let run = transform(&shared!(GLOBAL), &[WINDOW[0], WINDOW[1], "--format=tiff", "--stack"]);
    let g = lattice(&run.output, "/lat", "/lon");
    assert_eq!((g.columns, g.rows), (1100, 600));
    let bands = run.output.vars.iter().filter(|v| v.dims.len() == 2).map(|v| v.name.clone());
    let bands: Vec<String> = bands.collect();
    assert_eq!(bands.len(), 4, "{bands:?}");
    let described = |n: &str| {
        run.output.vars.iter().any(|v| v.name == n || v.attr_text("long_name").is_some_and(|t| t.contains(n)))
    };
    assert!(["red_var", "green_var", "blue_var", "alpha_var"].iter().all(|n| described(n)), "{bands:?}");
}

#[test]
fn w2_one_variable_names_the_file() {
    let request = [WINDOW[0], WINDOW[1], "--format=tiff", "--variable=green_var"];
    let run = transform(&testdata("2020_01_01_global.nc"), &request);
    let name = run.written.output.file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.contains("_green_var_"), "{name}");
    assert_eq!(run.output.vars.iter().filter(|v| v.dims.len() == 2).count(), 1);
}

#[test]
fn w3_red_green_blue_and_alpha_are_a_picture() {
    let global = testdata("2020_01_01_global.nc");
    let image = picture(&transform(&global, &[WINDOW[0], WINDOW[1], "--format=image/png"]).written.output);
    assert_eq!(image.size(), (220, 120));
    // Row 0 is north: 59.75 N is row 0 of the window and row 60 of the granule.
    let input = open(&global);
    let value = |name: &str| common::physical(&input, name)[60 * 720 + 320 + 100];
    let wanted = ["/red_var", "/green_var", "/blue_var", "/alpha_var"].map(|n| value(n) as u8);
    assert_eq!(image.at(100, 0), wanted);
}

#[test]
fn w4_a_picture_of_256_colours() {
    let request = [WINDOW[0], WINDOW[1], "--format=image/gif"];
    let run = transform(&testdata("2020_01_01_global.nc"), &request);
    let bytes = std::fs::read(&run.written.output).unwrap();
    assert_eq!(&bytes[..6], b"GIF89a");
    // Bits 0-2 of the packed field: the size of the global table.
    assert!(bytes[10] & 0x80 != 0 && 2 << (bytes[10] & 7) <= 256);
}

/// A map as a GetMap request asks for it.
fn map(path: &Path, crs: &str, extent: &str, size: [u32; 2]) -> common::Picture {
    let [width, height] = size.map(|v| v.to_string());
    let request = [
        format!("--crs={crs}"),
        format!("--scale-extent={extent}"),
        format!("--width={width}"),
        format!("--height={height}"),
        "--format=png".into(),
        "--interpolation=near".into(),
    ];
    picture(&transform(path, &request.each_ref().map(String::as_str)).written.output)
}

#[test]
fn w5_w6_the_first_pixel_is_90_north_180_west() {
    let global = testdata("2020_01_01_global.nc");
    let by_lon = map(&global, "CRS:84", "-180,-90,180,90", [360, 180]);
    let by_code = map(&global, "EPSG:4326", "-180,-90,180,90", [360, 180]);
    assert_eq!(by_lon.size(), (360, 180));
    assert!(by_lon.pixels == by_code.pixels);
    let input = open(&global);
    let at = |row: usize| {
        ["/red_var", "/green_var", "/blue_var"].map(|n| common::physical(&input, n)[row * 720] as u8)
    };
    let corner = by_lon.at(0, 0);
    assert!([at(0), at(1)].iter().any(|v| v[..] == corner[..3]) || corner[3] > 0, "{corner:?}");
}

#[test]
fn w7_the_square_of_web_mercator() {
    let edge = "-20037508.3428,-20037508.3428,20037508.3428,20037508.3428";
    let image = map(&testdata("2020_01_01_global.nc"), "EPSG:3857", edge, [512, 512]);
    assert_eq!(image.size(), (512, 512));
    // No stripe of nothing at the poles.
    for y in [0, 511] {
        assert!((0..512).all(|x| image.at(x, y)[3] > 0), "row {y}");
    }
}

#[test]
fn w8_continuous_across_the_antimeridian() {
    let image = map(&testdata("2020_01_01_global.nc"), "CRS:84", "170,-10,190,10", [200, 200]);
    assert_eq!(image.size(), (200, 200));
    assert!(image.pixels.iter().all(|p| p[3] > 0));
}

#[test]
fn w12_a_box_across_the_antimeridian_is_one_raster() {
    let request = ["--bbox=170,-45,-170,45", "--format=tiff", "--variable=red_var"];
    let g = lattice(&transform(&testdata("2020_01_01_global.nc"), &request).output, "/lat", "/lon");
    assert_eq!((g.columns, g.x, g.columns as f64 * g.dx), (40, 170.0, 20.0));
}
