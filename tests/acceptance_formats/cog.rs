//! C.2 COG.

use std::path::Path;

use crate::common::build::{number, var};
use crate::common::make::Grid;
use crate::common::{explain, lattice, near, open, refusal, results_in, save, testdata, transform};
use crate::{GLOBAL, GPM, MERRA, SSMIS, common, shared};
use harmony_model::{Attribute, Granule};

#[test]
fn c1_a_global_grid_as_cog() {
    for (path, size) in common::shared(GLOBAL)
        .map(|p| (p, [3600, 1800]))
        .into_iter()
        .chain([(testdata("2020_01_01_global.nc"), [720, 360])])
    {
        let run = transform(&path, &["--format=cog", "--variable=red_var"]);
        let g = lattice(&run.output, "/lat", "/lon");
        assert_eq!([g.columns, g.rows], size);
        assert_eq!((g.x, g.y, g.dx), (-180.0, 90.0, 360.0 / size[0] as f64));
        let band = run.output.vars.iter().find(|v| v.dims.len() == 2).unwrap();
        assert_eq!(band.dtype, harmony_model::DType::U8);
        if size[0] == 3600 {
            assert_eq!(band.attr_f64("_FillValue"), Some(0.0));
        }
        assert_eq!(overviews(&run.written.output).first().copied(), Some([size[0] / 2, size[1] / 2]));
    }
}

/// Widths and heights of the reduced images of a classic TIFF, from its directories.
fn overviews(path: &Path) -> Vec<[u64; 2]> {
    let bytes = std::fs::read(path).unwrap();
    let u16_at = |at: usize| u64::from(u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()));
    let u32_at = |at: usize| u64::from(u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()));
    let (mut next, mut sizes) = (u32_at(4) as usize, Vec::new());
    while next != 0 {
        let count = u16_at(next) as usize;
        let entry = |tag: u64| {
            let at = (0..count).map(|i| next + 2 + 12 * i).find(|&at| u16_at(at) == tag)?;
            Some(if u16_at(at + 2) == 3 { u16_at(at + 8) } else { u32_at(at + 8) })
        };
        // Bit 0 of NewSubfileType: a reduced image; bit 2: a mask.
        if entry(254).unwrap_or(0) == 1 {
            sizes.push([entry(256).unwrap(), entry(257).unwrap()]);
        }
        next = u32_at(next + 2 + 12 * count) as usize;
    }
    sizes
}

#[test]
fn c2_a_file_for_each_gridded_variable() {
    let global = testdata("2020_01_01_global.nc");
    let run = transform(&global, &["--format=cog"]);
    let wanted = ["alpha_var", "blue_var", "green_var", "red_var"];
    let wanted: Vec<String> =
        wanted.iter().map(|v| format!("2020_01_01_global_{v}_reformatted.tif")).collect();
    assert_eq!(results_in(run.folder.path()), wanted);
}

/// A global quarter-degree grid, south-up and from 0 to 360, as ocean salinity comes.
fn ocean() -> Granule {
    let grid = Grid {
        name: "smap.nc",
        crs: "EPSG:4326",
        corner: [0.0, -90.0],
        cell: [0.25, 0.25],
        size: [1440, 720],
    };
    let mut g = grid.of(|r, c| (r * 1440 + c) as f32);
    let v = g.find_var("/v").unwrap();
    (g.vars[v.0].name, g.vars[v.0].path) = ("sss_smap".into(), "/sss_smap".into());
    number(&mut g, v, "_FillValue", &[-9999f32]);
    g.vars[v.0].set_attr(Attribute::text("long_name", "sea surface salinity"));
    g.vars[v.0].set_attr(Attribute::text("units", "1e-3"));
    g
}

#[test]
fn c3_c4_north_up_from_the_antimeridian() {
    let run = transform(&save(&ocean()).path, &["--format=cog", "--variable=sss_smap"]);
    let g = lattice(&run.output, "/lat", "/lon");
    assert_eq!((g.x, g.y, g.dx, g.dy), (-180.0, 90.0, 0.25, -0.25));
    let band = run.output.vars.iter().find(|v| v.dims.len() == 2).unwrap();
    let values = run.physical(&band.path);
    // Flipped, and rolled by half of the columns.
    for (row, column) in [(0, 0), (0, 1439), (719, 0), (300, 900)] {
        let wanted = (719 - row) * 1440 + (column + 720) % 1440;
        assert_eq!(values[row * 1440 + column], wanted as f64, "{row} {column}");
    }
    let text = |n: &str| band.attr_text(n);
    assert!(text("long_name").is_some_and(|t| t.contains("sea surface salinity")), "{:?}", text("long_name"));
    assert_eq!(text("units").as_deref(), Some("1e-3"));
    assert_eq!(band.attr_f64("_FillValue"), Some(-9999.0));
    assert!(overviews(&run.written.output).first() == Some(&[720, 360]));
}

/// The outer bounds and the code of a COG of a grid.
fn cog(grid: &Grid) -> ([f64; 4], String) {
    let run = transform(&save(&grid.bytes()).path, &["--format=cog"]);
    let g = lattice(&run.output, "/y", "/x");
    let wkt = run.output.vars.iter().find_map(|v| v.attr_text("crs_wkt")).unwrap();
    ([g.x, g.y + g.dy * g.rows as f64, g.x + g.dx * g.columns as f64, g.y], wkt)
}

fn assert_bounds(found: [f64; 4], wanted: [f64; 4], tolerance: f64) {
    assert!(found.iter().zip(wanted).all(|(a, b)| near(*a, b, tolerance)), "{found:?}, not {wanted:?}");
}

#[test]
fn c5_ease_grid_2_global() {
    let cell = 9_008.055_210_146 * 4.0;
    let corner = [-17_367_530.445, 7_314_540.831];
    let (bounds, wkt) =
        cog(&Grid { name: "ease.nc", crs: "EPSG:6933", corner, cell: [cell, -cell], size: [964, 406] });
    assert!(wkt.contains("ID[\"EPSG\",6933]"), "{wkt}");
    assert_bounds(bounds, [-17_367_531.32, -7_314_541.20, 17_367_531.32, 7_314_541.20], 1.5);
}

#[test]
fn c6_absent_variables_are_named_and_the_rest_is_written() {
    let grid = Grid {
        name: "gcov.nc",
        crs: "EPSG:3031",
        corner: [-1_060_560.0, 270_000.0],
        cell: [720.0, -720.0],
        size: [427, 473],
    };
    let mut g = grid.bytes();
    let mut second = g.vars[g.find_var("/v").unwrap().0].clone();
    (second.name, second.path) = ("w".into(), "/w".into());
    g.vars.push(second);
    let saved = save(&g);
    let run = transform(&saved.path, &["--format=cog", "--variable=v", "--variable=w"]);
    assert_eq!(results_in(run.folder.path()).len(), 2);
    let l = lattice(&run.output, "/y", "/x");
    assert_bounds(
        [l.x, l.y + l.dy * l.rows as f64, l.x + l.dx * l.columns as f64, l.y],
        [-1_060_560.0, -70_560.0, -753_120.0, 270_000.0],
        1e-3,
    );
    let run = transform(&saved.path, &["--format=cog", "--variable=v", "--variable=nope", "--variable=w"]);
    assert_eq!(results_in(run.folder.path()).len(), 2);
    assert!(run.written.notices.iter().any(|n| n.contains("'nope'")), "{:?}", run.written.notices);
    // Nothing else is asked for: a mistake.
    let error = refusal(&saved.path, &["--format=cog", "--variable=nope"]).to_string();
    assert!(error.contains("'nope'"), "{error}");
}

#[test]
fn c7_utm_15n() {
    let grid = Grid {
        name: "gunw.nc",
        crs: "EPSG:32615",
        corner: [318_960.0, 5_320_080.0],
        cell: [720.0, -720.0],
        size: [503, 497],
    };
    let (bounds, wkt) = cog(&grid);
    assert!(wkt.contains("ID[\"EPSG\",32615]"), "{wkt}");
    assert_bounds(bounds, [318_960.0, 4_962_240.0, 681_120.0, 5_320_080.0], 1e-3);
}

#[test]
fn c8_a_system_from_cf_attributes_alone() {
    let run = transform(&testdata("ease2_north.nc4"), &["--format=cog"]);
    let wkt = run.output.vars.iter().find_map(|v| v.attr_text("crs_wkt")).unwrap();
    assert!(wkt.contains("Lambert Azimuthal Equal Area") || wkt.contains("6931"), "{wkt}");
}

#[test]
fn c9_packed_planes_with_times() {
    let run = transform(&shared!(SSMIS), &["--format=cog", "--variable=wind_speed"]);
    let g = lattice(&run.output, "/lat", "/lon");
    assert_eq!((g.columns, g.rows, g.x, g.y), (1440, 720, -180.0, 90.0));
    let bands: Vec<_> = run.output.vars.iter().filter(|v| v.attr("scale_factor").is_some()).collect();
    assert_eq!(bands.len(), 2);
    for (band, hour) in bands.iter().zip(["01", "02"]) {
        assert!(near(band.attr_f64("scale_factor").unwrap(), 0.2, 1e-7));
        let name = format!("{} {}", band.path, band.attr_text("long_name").unwrap_or_default());
        assert!(name.contains(&format!("2020-01-02T{hour}:00:00Z")), "{name}");
    }
    let all: Vec<String> = run.output.groups[0].attrs.iter().map(|a| a.name.clone()).collect();
    assert!(all.iter().any(|n| n.contains("flag_values")), "{all:?}");
}

#[test]
fn c10_a_transposed_grid() {
    let gpm = shared!(GPM);
    let run = transform(&gpm, &["--format=cog", "--variable=/Grid/precipitationCal"]);
    let g = lattice(&run.output, "/lat", "/lon");
    assert_eq!((g.columns, g.rows), (150, 150));
    assert!(near(g.x, -30.0, 1e-9) && near(g.y, 45.0, 1e-9), "{g:?}");
    let band = run.output.vars.iter().find(|v| v.dims.len() == 2).unwrap();
    assert!(near(band.attr_f64("_FillValue").unwrap(), -9999.9, 1e-3));
    // From (lon, lat ascending) to rows from the north.
    let (old, new) = (common::physical(&open(&gpm), "/Grid/precipitationCal"), run.physical(&band.path));
    for (row, column) in [(0, 0), (0, 149), (149, 0), (17, 90)] {
        let (a, b) = (new[row * 150 + column], old[column * 150 + 149 - row]);
        assert!(a == b || (a.is_nan() && b.is_nan()), "{row} {column}: {a} {b}");
    }
}

#[test]
fn c11_edges_are_half_a_cell_outside_centres() {
    let run = transform(&shared!(MERRA), &["--format=cog", "--variable=PS"]);
    let g = lattice(&run.output, "/lat", "/lon");
    assert_eq!((g.columns, g.rows, g.dx, g.dy), (17, 21, 0.625, -0.5));
    assert_eq!((g.x, g.y), (39.6875, -19.75));
    let bands: Vec<_> = run.output.vars.iter().filter(|v| v.dims.len() == 2).collect();
    assert_eq!(bands.len(), 2);
    assert!(bands.iter().all(|b| near(b.attr_f64("_FillValue").unwrap(), 1e15, 1e8)));
}

#[test]
fn c12_an_unknown_variable_is_named() {
    let error = refusal(&testdata("2020_01_01_global.nc"), &["--format=tiff", "--variable=thor"]).to_string();
    assert!(error.contains("'thor'"), "{error}");
}

#[test]
fn c13_a_swath_asks_for_a_system() {
    let error = refusal(&testdata("swath_antimeridian.nc4"), &["--format=tiff"]).to_string();
    assert!(error.contains("--crs"), "{error}");
}

#[test]
fn c14_what_a_classic_file_cannot_hold_is_planned_as_a_large_one() {
    // Fourteen gigabytes are planned here; `geotiff::big_tests` writes small BigTIFFs and reads them back.
    let request =
        ["--format=cog", "--crs=EPSG:4326", "--width=60000", "--height=60000", "--interpolation=near"];
    let plan = explain(&testdata("2020_01_01_global.nc"), &[&request[..], &["--variable=red_var"]].concat());
    assert!(plan.outputs[0].variables.iter().any(|v| v.shape.ends_with(&[60000, 60000])), "{plan:?}");
}

#[test]
fn c15_bands_of_a_utm_cube() {
    let grid = Grid {
        name: "planet.nc",
        crs: "EPSG:32722",
        corner: [466_266.0, 8_084_700.0],
        cell: [3.0, -3.0],
        size: [10, 12],
    };
    let mut g = grid.of(|r, c| (r + c) as f64);
    let v = g.find_var("/v").unwrap();
    let crs = g.find_var("/crs").unwrap();
    (g.vars[crs.0].name, g.vars[crs.0].path) = ("spatial_ref".into(), "/spatial_ref".into());
    g.vars[v.0].set_attr(Attribute::text("grid_mapping", "spatial_ref"));
    let time = g.add_dim(Granule::ROOT, "time", 2);
    let text = [("units", "seconds since 2016-12-19T10:27:29"), ("standard_name", "time")];
    var(&mut g, Granule::ROOT, "time", &[time], &[0.0f64, 872_712.66], &text);
    let dims = [&[time], &g.vars[v.0].dims.clone()[..]].concat();
    let values: Vec<f64> = (0..240).map(f64::from).collect();
    var(&mut g, Granule::ROOT, "green", &dims, &values, &[("grid_mapping", "spatial_ref")]);
    let run = transform(&save(&g).path, &["--format=cog", "--variable=green"]);
    assert_eq!(run.output.vars.iter().filter(|v| v.dims.len() == 2).count(), 2);
    let wkt = run.output.vars.iter().find_map(|v| v.attr_text("crs_wkt")).unwrap();
    assert!(wkt.contains("ID[\"EPSG\",32722]"), "{wkt}");
}
