//! The acceptance tables of the contract of formats (Part C), row by row: on the shared granule that a row names, else
//! on one of the same geometry that is made here.
//!
//! Rows of the WMS and STAC services (W9 to W11, W13, Z14) are not this program's: it has neither. What a map request
//! means for pixels (W5 to W8) is asked of it on the command line.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};

use common::build::{number, var};
use common::make::Grid;
use common::{
    Run, batch, context, explain, extremes, join, lattice, near, open, picture, refusal, results_in, save,
    testdata, transform, try_join, unzipped, world,
};
use harmony_formats::registry::find_output;
use harmony_model::{Attribute, Granule};

const GLOBAL: &str = "2020_01_01_7f00ff_global.nc";
const FIVE: [&str; 5] = [
    GLOBAL,
    "2020_01_02_3200ff_global.nc",
    "2020_01_03_0019ff_global.nc",
    "2020_01_04_0065ff_global.nc",
    "2020_01_05_00b2ff_global.nc",
];
const SSMIS: &str = "f16_ssmis_20200102v7.nc";
const GPM: &str = "GPM_3IMERGHH_bounds.nc4";
const MERRA: &str = "M2T1NXSLV_geo_temporal.nc4";
const AFRICA: &str = "africa.nc";

/// The file of a run whose name ends so.
fn file(run: &Run, end: &str) -> PathBuf {
    let names = results_in(run.folder.path());
    let name = names.iter().find(|n| n.ends_with(end)).unwrap_or_else(|| panic!("*{end} in {names:?}"));
    run.folder.path().join(name)
}

/// A browse image of a granule, as PNG.
fn browse(path: &Path, args: &[&str]) -> Run {
    transform(path, &[args, &["--browse", "--format=png"]].concat())
}

fn assert_world(path: &Path, wanted: [f64; 6]) {
    let found = world(path);
    assert!(found.iter().zip(wanted).all(|(a, b)| near(*a, b, 1e-9)), "{found:?}, not {wanted:?}");
}

fn geographic(name: &str, corner: [f64; 2], cell: f64, size: [usize; 2]) -> Grid<'_> {
    Grid { name, crs: "EPSG:4326", corner, cell: [cell, -cell], size }
}

// ---- C.1 browse ------------------------------------------------------------------------------------------------

#[test]
fn b1_a_red_square() {
    let run = browse(&shared!("red.tif"), &[]);
    let image = picture(&run.written.output);
    assert_eq!(image.size(), (64, 64));
    assert!(image.pixels.iter().all(|p| *p == [204, 17, 17, 255]));
    assert_world(&file(&run, ".pgw"), [0.5, 0.0, 0.0, -0.5, 0.25, -0.25]);
}

#[test]
fn b2_the_same_as_jpeg() {
    let run = transform(&shared!("red.tif"), &["--browse", "--format=jpeg"]);
    let names = results_in(run.folder.path());
    assert!(
        [".jpg", ".jgw", ".jpg.aux.xml"].iter().all(|e| names.iter().any(|n| n.ends_with(e))),
        "{names:?}"
    );
    let mut decoder = jpeg_decoder::Decoder::new(std::fs::File::open(&run.written.output).unwrap());
    let pixels = decoder.decode().unwrap();
    assert_eq!(decoder.info().unwrap().pixel_format, jpeg_decoder::PixelFormat::RGB24);
    let off = |p: &[u8]| p.iter().zip([204u8, 17, 17]).any(|(a, b)| a.abs_diff(b) > 3);
    assert!(!pixels.chunks_exact(3).any(off));
}

#[test]
fn b3_utm_goes_to_degrees_at_its_own_resolution() {
    let small = shared!("RGB.byte.small.tif");
    let run = browse(&small, &[]);
    let image = picture(&run.written.output);
    assert_eq!(image.size(), (54, 45));
    let w = world(&file(&run, ".pgw"));
    let outer = [w[4] - w[0] / 2.0, w[5] - w[3] / 2.0, w[4] + w[0] * 53.5, w[5] + w[3] * 44.5];
    let wanted = [-78.958_649_97, 25.550_618_63, -76.597_800_97, 23.568_866_28];
    assert!(outer.iter().zip(wanted).all(|(a, b)| near(*a, b, 1e-6)), "{outer:?}");
    assert!(image.pixels.iter().any(|p| p[3] == 0) && image.pixels.iter().any(|p| p[3] == 255));
}

#[test]
fn b4_a_colour_table_across_the_antimeridian() {
    let run = browse(&shared!("split-dateline-sample.tif"), &[]);
    let image = picture(&run.written.output);
    assert_eq!(image.size(), (946, 916));
    let palette = image.palette.unwrap();
    assert_eq!((palette.len(), palette[255][3], palette[1]), (256, 0, [0, 0, 255, 255]));
    let w = world(&file(&run, ".pgw"));
    assert!(near(w[4] - w[0] / 2.0, 179.256_949_19, 1e-6), "{w:?}");
    assert!(near(w[4] + w[0] * 945.5, 180.296_569_16, 1e-6), "{w:?}");
}

/// The level that a picture of a grid of this cell size gets: width, cell and centre of the first cell along x.
#[test]
fn b5_one_degree_at_the_level_of_an_arc_second() {
    // The row's tile is 3601 cells of an arc second wide; the extent and the cell decide.
    let cell = 1.0 / 3600.0;
    let tile = geographic("aster.nc", [22.0 - cell / 2.0, 1.0 + cell / 2.0], cell, [3601, 3601]);
    let mut g = tile.of(|r, c| if r < 100 { -9999i16 } else { (r + c) as i16 });
    let v = g.find_var("/v").unwrap();
    number(&mut g, v, "_FillValue", &[-9999i16]);
    let saved = save(&g);
    let run = browse(&saved.path, &["--crs=EPSG:4326", "--scale-extent=22,0,23,1"]);
    let image = picture(&run.written.output);
    assert_eq!(image.size(), (3641, 3641));
    // The row has 255 for it; ours is the first index where colours run, the last where the file has a palette.
    let clear = image.palette.iter().flatten().filter(|colour| colour[3] == 0).count();
    assert_eq!(clear, 1);
    let w = world(&file(&run, ".pgw"));
    assert!(near(w[0], 0.000_274_649_821_477_616_04, 1e-15), "{w:?}");
    assert!(near(w[4], 22.000_137_324_910_74, 1e-9) && near(w[5], 0.999_862_675_089_261_2, 1e-9), "{w:?}");
}

/// Four bands as bytes on a global grid.
fn global(columns: usize) -> common::Saved {
    save(&geographic("global.nc", [-180.0, 90.0], 360.0 / columns as f64, [columns, columns / 2]).bytes())
}

#[test]
fn b6_a_global_grid_of_a_twentieth_degree_stays() {
    let saved = global(7200);
    let plan = explain(&saved.path, &["--browse", "--format=png"]);
    assert!(plan.outputs[0].variables.iter().any(|v| v.path == "/v" && v.shape == [3600, 7200]), "{plan:?}");
    // The same with fewer cells, drawn.
    let run = browse(&global(720).path, &[]);
    assert_world(&file(&run, ".pgw"), [0.5, 0.0, 0.0, -0.5, -179.75, 89.75]);
    assert_eq!(picture(&run.written.output).size(), (720, 360));
}

#[test]
fn b7_a_cell_size() {
    let run = browse(&global(720).path, &["--crs=EPSG:4326", "--scale-size=1,2"]);
    assert_eq!(picture(&run.written.output).size(), (360, 90));
    assert_world(&file(&run, ".pgw"), [1.0, 0.0, 0.0, -2.0, -179.5, 89.0]);
}

#[test]
fn b8_a_width_and_a_height() {
    let run = browse(&global(720).path, &["--width=180", "--height=180"]);
    assert_eq!(picture(&run.written.output).size(), (180, 180));
    assert_world(&file(&run, ".pgw"), [2.0, 0.0, 0.0, -1.0, -179.0, 89.5]);
}

#[test]
fn b9_five_tiles_of_a_row() {
    let request = ["--crs=EPSG:4326", "--scale-extent=-30,60,-10,70", "--scale-size=0.001,0.0029"];
    let run = browse(&global(720).path, &request);
    let names = results_in(run.folder.path());
    let tiles: Vec<&String> = names.iter().filter(|n| n.ends_with(".png")).collect();
    assert_eq!(tiles.len(), 5, "{names:?}");
    for (i, tile) in tiles.iter().enumerate() {
        assert!(tile.ends_with(&format!("r00c{i:02}.png")), "{tile}");
        let reader = std::io::BufReader::new(std::fs::File::open(run.folder.path().join(tile)).unwrap());
        let info = png::Decoder::new(reader).read_info().unwrap().info().size();
        assert_eq!(info, (if i < 4 { 4096 } else { 3616 }, 3448));
    }
    let w = world(&file(&run, "r00c00.pgw"));
    assert!(near(w[3], -0.002_900_232_018_561_485, 1e-15) && near(w[4], -29.9995, 1e-9), "{w:?}");
    assert!(near(w[5], 69.998_549_883_990_72, 1e-9), "{w:?}");
}

#[test]
fn b10_a_square_of_8192_is_one_file_and_a_larger_one_nine() {
    for (cells, wanted) in [(8192, 1), (8202, 9)] {
        let size = 42.0 / f64::from(cells);
        let request =
            ["--crs=EPSG:4326", "--scale-extent=112,-47,154,-5", &format!("--scale-size={size},{size}")];
        let run = browse(&global(360).path, &request);
        let names = results_in(run.folder.path());
        let images: Vec<&String> = names.iter().filter(|n| n.ends_with(".png")).collect();
        assert_eq!(images.len(), wanted, "{names:?}");
        if wanted == 9 {
            let reader = std::io::BufReader::new(std::fs::File::open(file(&run, "r02c02.png")).unwrap());
            assert_eq!(png::Decoder::new(reader).read_info().unwrap().info().size(), (10, 10));
        }
    }
}

#[test]
fn b11_palette_of_a_tiled_picture_and_empty_tiles() {
    // Values in the first of three columns of tiles only.
    let grid = geographic("strip.nc", [0.0, 16.0], 0.02, [900, 800]);
    let mut g = grid.of(|r, c| if c < 300 { (r % 200) as f32 } else { -9999.0 });
    let v = g.find_var("/v").unwrap();
    number(&mut g, v, "_FillValue", &[-9999f32]);
    let request = [
        "--style=turbo",
        "--crs=EPSG:4326",
        "--scale-extent=0,0,18,16",
        "--scale-size=0.002,0.002",
        "--interpolation=near",
    ];
    let run = browse(&save(&g).path, &request);
    let names = results_in(run.folder.path());
    let images: Vec<&String> = names.iter().filter(|n| n.ends_with(".png")).collect();
    assert!(
        images.iter().any(|n| n.contains("r00c00")) && !images.iter().any(|n| n.contains("c02")),
        "{names:?}"
    );
    let palette = picture(&file(&run, "r00c00.png")).palette.unwrap();
    let transparent = palette.iter().filter(|c| c[3] == 0).count();
    assert!(transparent == 1 && palette.contains(&[48, 18, 59, 255]), "{palette:?}");
}

#[test]
fn b12_a_polar_picture_finer_than_its_data_keeps_their_cell() {
    let extent = "--scale-extent=-4194304,-4194304,4194304,4194304";
    // By the factor of GIBS, 113 777.8 m a degree, these cells have the 2226.276 m of the row.
    let cell = 2_226.276_008_492_569 * 9.0 / 1_024_000.0;
    let globe = save(&geographic("fine.nc", [-176.0, 90.0], cell, [17_900, 50]).bytes());
    let plan = explain(&globe.path, &["--browse", "--format=png", "--crs=EPSG:3413", extent]);
    assert!(plan.outputs[0].variables.iter().any(|v| v.shape == [3768, 3768]), "{plan:?}");
}

#[test]
fn b13_a_tile_of_thirty_metres_across_the_antimeridian() {
    let made = Grid {
        name: "dswx.nc",
        crs: "EPSG:32701",
        corner: [99_960.0, 8_300_040.0],
        cell: [30.0, -30.0],
        size: [3660, 3660],
    };
    let plan = explain(&save(&made.bytes()).path, &["--browse", "--format=png"]);
    let shape = &plan.outputs[0].variables.iter().find(|v| v.path == "/v").unwrap().shape;
    assert!(shape[0].abs_diff(3664) <= 1 && shape[1].abs_diff(3785) <= 1, "{shape:?}");
}

#[test]
fn b14_a_quarter_degree_grid_at_the_pole() {
    let made = save(&geographic("mur25.nc", [-180.0, 90.0], 0.25, [1440, 720]).bytes());
    let extent = "--scale-extent=-4194304,-4194304,4194304,4194304";
    let run = browse(&made.path, &["--crs=EPSG:3413", extent]);
    assert_eq!(picture(&run.written.output).size(), (295, 295));
}

#[test]
fn b15_values_outside_the_range_take_the_end_colours() {
    let grid = geographic("tempo.nc", [-100.0, 40.0], 0.1, [20, 10]);
    let saved = save(&grid.of(|_, c| c as f32));
    let run = transform(&saved.path, &["--format=png", "--style=viridis", "--range=5,10"]);
    let image = picture(&run.written.output);
    assert_eq!(image.at(0, 0), image.at(5, 0));
    assert_eq!(image.at(19, 0), image.at(11, 0));
    assert!(image.pixels.iter().all(|p| p[3] == 255));
}

#[test]
fn b16_a_reversed_extent() {
    use clap::Parser;
    let args = ["harmony-transform", "--crs=EPSG:4326", "--scale-extent=23,0,22,1"];
    let args = harmony::request::cli::Args::try_parse_from(args).unwrap();
    let error = harmony::request::cli::request(&args).unwrap_err().to_string();
    assert!(error.contains("must be in order [xmin,ymin,xmax,ymax]"), "{error}");
}

#[test]
fn b17_an_image_that_is_nowhere() {
    let image = shared!("LC08_CU_002010_20130416_20170727_C01_V01_SRB2.tif");
    let error = refusal(&image, &["--browse", "--format=png"]).to_string();
    assert!(error.contains("Input geotiff must have defined CRS."), "{error}");
}

#[test]
fn b18_south_up_becomes_north_up_and_nothing_is_no_failure() {
    let grid =
        Grid { name: "up.nc", crs: "EPSG:4326", corner: [-180.0, -90.0], cell: [0.5, 0.5], size: [720, 360] };
    let saved = save(&grid.of(|r, _| if r < 180 { 10u8 } else { 200 }));
    let run = browse(&saved.path, &[]);
    let image = picture(&run.written.output);
    assert_eq!(image.size(), (720, 360));
    assert_ne!(image.at(0, 0), image.at(0, 359));
    assert_world(&file(&run, ".pgw"), [0.5, 0.0, 0.0, -0.5, -179.75, 89.75]);
    let mut empty = grid.of(|_, _| 0u8);
    let v = empty.find_var("/v").unwrap();
    number(&mut empty, v, "_FillValue", &[0u8]);
    let saved = save(&empty);
    let (summary, folder) = batch(&[&saved.path], &["--browse", "--format=png"]);
    assert_eq!(summary.failed(), 0, "{summary:?}");
    assert!(
        !results_in(folder.path()).iter().any(|n| n.ends_with(".png")),
        "{:?}",
        results_in(folder.path())
    );
}

#[test]
fn b19_zone_60_across_the_antimeridian() {
    let made = Grid {
        name: "z60.nc",
        crs: "EPSG:32660",
        corner: [569_985.0, 6_200_000.0],
        cell: [300.0, -300.0],
        size: [700, 700],
    };
    let run = browse(&save(&made.bytes()).path, &[]);
    let w = world(&file(&run, ".pgw"));
    let image = picture(&run.written.output);
    let (west, east) = (w[4], w[4] + w[0] * f64::from(image.width));
    assert!(west > 177.0 && east > 180.0 && east < 183.0, "{west} {east}");
}

#[test]
fn b20_equal_values_have_equal_colours_in_all_tiles() {
    let grid = geographic("ramp.nc", [0.0, 16.0], 0.02, [900, 800]);
    let saved = save(&grid.of(|r, _| r as f32));
    let request =
        ["--crs=EPSG:4326", "--scale-extent=0,0,18,16", "--scale-size=0.002,0.002", "--interpolation=near"];
    let run = browse(&saved.path, &request);
    let names = results_in(run.folder.path());
    let tiles: Vec<&String> = names.iter().filter(|n| n.ends_with(".png") && n.contains("r00")).collect();
    assert!(tiles.len() > 1, "{names:?}");
    let first = picture(&run.folder.path().join(tiles[0]));
    for other in &tiles[1..] {
        let other = picture(&run.folder.path().join(other));
        assert_eq!(other.height, first.height);
        assert!((0..first.height).all(|y| other.at(0, y) == first.at(0, y)));
    }
}

/// Red, green, blue and opacity of sixteen bits.
fn deep() -> Granule {
    let grid = geographic("rgba.nc", [0.0, 10.0], 0.5, [20, 20]);
    let mut g = grid.of(|r, _| (r * 3000) as u16);
    let base = g.vars[g.find_var("/v").unwrap().0].clone();
    g.vars.retain(|v| v.path != "/v");
    for name in ["red", "green", "blue"] {
        let mut band = base.clone();
        (band.name, band.path) = (name.into(), format!("/{name}"));
        g.vars.push(band);
    }
    let dims = base.dims.clone();
    var(&mut g, Granule::ROOT, "alpha", &dims, &[65535u16; 400], &[("grid_mapping", "crs")]);
    g
}

#[test]
fn b21_opaque_cells_stay_opaque() {
    let run = transform(&save(&deep()).path, &["--format=png"]);
    let image = picture(&run.written.output);
    assert!(image.pixels.iter().all(|p| p[3] == 255));
}

// ---- C.2 COG ---------------------------------------------------------------------------------------------------

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
    // A name that is not there is a mistake of the request: nothing is written, and it is named.
    let error = refusal(&saved.path, &["--format=cog", "--variable=v", "--variable=nope"]).to_string();
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
    // Fourteen gigabytes are planned here; `geotiff::tests` writes a small BigTIFF and reads it back.
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

// ---- C.3 Zarr --------------------------------------------------------------------------------------------------

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

// ---- C.4 CSV and averaging -------------------------------------------------------------------------------------

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// A grid in groups: weights at the root, columns of gas in a group.
fn tempo() -> Granule {
    let mut g = geographic("TEMPO_HCHO_L3.nc", [-87.0, 41.5], 0.02, [3, 2]).of(|r, c| (r * 3 + c) as f32);
    let v = g.find_var("/v").unwrap();
    (g.vars[v.0].name, g.vars[v.0].path) = ("weight".into(), "/weight".into());
    let [lat, lon] = g.vars[v.0].dims.clone()[..] else { panic!("two axes") };
    let time = g.add_dim(Granule::ROOT, "time", 1);
    let text = [("units", "seconds since 2024-06-01"), ("standard_name", "time")];
    var(&mut g, Granule::ROOT, "time", &[time], &[60.0f64], &text);
    let product = g.add_group(Granule::ROOT, "product");
    let values = [1.5f64, -1e30, 2.0, -1e30, 3.0, 4.0];
    let column = var(&mut g, product, "vertical_column", &[time, lat, lon], &values, &[]);
    number(&mut g, column, "_FillValue", &[-1e30f64]);
    g
}

#[test]
fn t1_t2_t4_a_table_for_each_list_of_dimensions() {
    let run = transform(&save(&tempo()).path, &["--format=text/csv"]);
    let members = unzipped(&run.written.output);
    let names: Vec<&str> = members.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!(
        names,
        [
            "TEMPO_HCHO_L3.nc-0_reformatted.csv",
            "TEMPO_HCHO_L3.nc-1_reformatted.csv",
            "Readme.md",
            "Readme.json"
        ]
    );
    let table = |i: usize| String::from_utf8(members[i].1.clone()).unwrap();
    let first = table(0);
    let mut lines = first.lines();
    assert_eq!(lines.next(), Some("lat,lon,/weight"));
    assert_eq!(lines.next(), Some("41.49,-86.99,0.0"));
    // Rows in which all is missing are left out.
    let second = table(1);
    assert_eq!(second.lines().next(), Some("time,lat,lon,/product/vertical_column"));
    assert_eq!(second.lines().count(), 1 + 4);
}

#[test]
fn t3_a_swath_is_one_table_with_places() {
    let run = transform(&shared!(AFRICA), &["--format=text/csv"]);
    let table = text(&run.written.output);
    assert_eq!(table.lines().next(), Some("time,ni,nj,lat,lon,/red_var,/green_var,/blue_var,/alpha_var"));
}

/// Two half-hours of rain on 0.1 degrees, in single precision as GPM has it; one cell is missing.
fn imerg(name: &str, minute: i32, base: f32) -> Granule {
    let mut g = geographic(name, [-110.0, 35.0], 0.1, [320, 100]).of(|_, _| 0f32);
    let v = g.find_var("/v").unwrap();
    let [lat, lon] = g.vars[v.0].dims.clone()[..] else { panic!("two axes") };
    g.vars.remove(v.0);
    for (text, value) in [("product_short_name", "GPM_3IMERGHH"), ("product_version", "07")] {
        g.groups[0].attrs.push(Attribute::text(text, value));
    }
    let time = g.add_dim(Granule::ROOT, "time", 1);
    g.dims[time.0].unlimited = true;
    let text = [("units", "minutes since 2021-08-29T07:30:00Z"), ("standard_name", "time")];
    var(&mut g, Granule::ROOT, "time", &[time], &[minute], &text);
    let mut values: Vec<f32> = (0..32_000).map(|i| base + (i % 7) as f32).collect();
    values[0] = -9999.9;
    let text = [("units", "mm/hr"), ("long_name", "precipitation rate"), ("grid_mapping", "crs")];
    let p = var(&mut g, Granule::ROOT, "precipitation", &[time, lat, lon], &values, &text);
    number(&mut g, p, "_FillValue", &[-9999.9f32]);
    g
}

#[test]
fn t5_the_series_of_area_means_of_joined_granules() {
    let saved: Vec<common::Saved> =
        (0..5).map(|i| save(&imerg(&format!("imerg_{i}.nc"), 30 * i, i as f32))).collect();
    let paths: Vec<&PathBuf> = saved.iter().map(|s| &s.path).collect();
    let request = [
        "--average=area",
        "--extend=time",
        "--variable=precipitation",
        "--bbox=-110,25,-78,35",
        "--time=2021-08-29T07:30:00Z/2021-08-29T09:30:00Z",
        "--format=csv",
    ];
    let run = join(&paths, &request);
    let table = text(&run.written.output);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(
        lines[..6],
        [
            "User Start Date:,2021-08-29T07:30:00.000Z",
            "User End Date:,2021-08-29T09:30:00.000Z",
            "User Bounding Box:,\"-110, 25, -78, 35\"",
            "Fill Value:,-9999.900390625",
            ",",
            "time,mean_GPM_3IMERGHH_07_precipitation",
        ]
    );
    assert_eq!(lines.len(), 6 + 5);
    for (i, line) in lines[6..].iter().enumerate() {
        let (time, value) = line.split_once(',').unwrap();
        assert_eq!(
            time,
            ["07:30", "08:00", "08:30", "09:00", "09:30"].map(|t| format!("2021-08-29T{t}:00"))[i]
        );
        assert!(near(value.parse().unwrap(), i as f64 + 3.0, 0.01), "{line}");
    }
    let name = run.written.output.file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(name, "GIOVANNI-areaAvgTimeSeries.precipitation.20210829-20210829.110W_25N_78W_35N.csv");
}

#[test]
fn t6_the_map_of_time_means_over_all_granules() {
    let saved: Vec<common::Saved> =
        (0..5).map(|i| save(&imerg(&format!("imerg_{i}.nc"), 30 * i, (i * i) as f32))).collect();
    let paths: Vec<&PathBuf> = saved.iter().map(|s| &s.path).collect();
    for joining in ["--concatenate", "--extend=time"] {
        let request =
            ["--average=time", joining, "--variable=precipitation", "--bbox=-110,25,-78,35", "--format=tiff"];
        let run = join(&paths, &request);
        let g = lattice(&run.output, "/lat", "/lon");
        assert_eq!((g.columns, g.rows), (320, 100));
        assert!(near(g.x, -110.0, 1e-8) && near(g.y, 35.0, 1e-8) && near(g.dx, 0.1, 1e-8), "{g:?}");
        let bands: Vec<_> = run.output.vars.iter().filter(|v| v.dims.len() == 2).collect();
        assert_eq!(bands.len(), 1, "{joining}: {:?}", run.names());
        assert!(near(bands[0].attr_f64("_FillValue").unwrap(), -9999.9, 1e-3));
        let root: Vec<_> = run.output.groups[0].attrs.iter().chain(&bands[0].attrs).collect();
        assert!(
            root.iter()
                .any(|a| a.name == "cell_methods" && a.as_text().is_some_and(|t| t.contains("time: mean")))
        );
        let values = run.physical(&bands[0].path);
        // The mean of 0, 1, 4, 9 and 16 is 6.
        assert!(values[0].is_nan());
        for i in [1usize, 5, 319, 31_999] {
            assert!(near(values[i], 6.0 + (i % 7) as f64, 1e-5), "{joining} {i}: {}", values[i]);
        }
    }
}

#[test]
fn t7_cells_count_by_their_area() {
    let run = transform(&shared!(GPM), &["--average=area", "--format=csv"]);
    let table = text(&run.written.output);
    let value: f64 = table.lines().last().unwrap().split(',').nth(1).unwrap().parse().unwrap();
    assert!(near(value, 0.165_289_5, 3e-6 * 0.165), "{value}");
}

#[test]
fn t8_area_means_of_two_steps() {
    let run = transform(&shared!(MERRA), &["--average=area", "--format=csv"]);
    let table = text(&run.written.output);
    let values: Vec<f64> =
        table.lines().skip(6).map(|l| l.split(',').nth(1).unwrap().parse().unwrap()).collect();
    assert!(near(values[0], 99_603.371, 0.01) && near(values[1], 99_681.440, 0.01), "{values:?}");
}

#[test]
fn t9_the_time_mean_of_two_steps() {
    let run = transform(&shared!(MERRA), &["--average=time"]);
    assert_eq!(run.shape("/PS"), [1, 21, 17]);
    let (low, high) = extremes(&run.physical("/PS"));
    assert!(near(low, 84_622.598, 0.01) && near(high, 101_442.598, 0.01), "{low} {high}");
}

#[test]
fn t10_another_average() {
    let error = harmony::request::url::parse_request("average=foo").unwrap_err().to_string();
    assert!(error.contains("query parameter \"average\""), "{error}");
    assert!(error.contains("must be either \"time\" or \"area\""), "{error}");
}

#[test]
fn t11_the_series_of_a_point() {
    // The place is on the edge of two cells of a quarter degree: it is in one.
    let run = transform(&shared!(SSMIS), &["--point=-118.25,34.05", "--variable=wind_speed", "--format=csv"]);
    let table = text(&run.written.output);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[1].starts_with("2020-01-02T01:00:00Z,") && lines[1].ends_with(",51"), "{table}");
}

#[test]
fn t12_missing_cells_do_not_count_and_nothing_is_fill() {
    let grid = geographic("holes.nc", [0.0, 1.0], 0.5, [2, 4]);
    let mut g = grid.of(|_, _| 0f32);
    let v = g.find_var("/v").unwrap();
    let dims = g.vars[v.0].dims.clone();
    g.vars.remove(v.0);
    let time = g.add_dim(Granule::ROOT, "time", 2);
    let when = [("units", "hours since 2020-01-01"), ("standard_name", "time")];
    var(&mut g, Granule::ROOT, "time", &[time], &[0i32, 1], &when);
    let mut values = [-999f32; 16];
    values[..4].copy_from_slice(&[5.0, 5.0, -999.0, 5.0]);
    let dims = [&[time], &dims[..]].concat();
    let v = var(&mut g, Granule::ROOT, "v", &dims, &values, &[("grid_mapping", "crs")]);
    number(&mut g, v, "_FillValue", &[-999f32]);
    let run = transform(&save(&g).path, &["--average=area", "--format=csv"]);
    let table = text(&run.written.output);
    assert!(table.ends_with("2020-01-01T00:00:00,5.0\n2020-01-01T01:00:00,-999.0"), "{table}");
}

// ---- C.5 rendering ---------------------------------------------------------------------------------------------

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

// ---- C.6 other formats -----------------------------------------------------------------------------------------

fn format_name(text: &str) -> Option<&'static str> {
    find_output(text).map(|f| f.card().name)
}

#[test]
fn f1_names_of_netcdf4() {
    for text in [
        "application/netcdf",
        "application/x-netcdf",
        "application/x-netcdf4",
        "application/netcdf4",
        "NETCDF-4",
        "netcdf-4",
    ] {
        assert_eq!(format_name(text), Some("netcdf4"), "{text}");
    }
}

#[test]
fn f2_addresses_of_opendap_are_another_format() {
    // A format of its own, which we do not write: it must not become netCDF-4 in silence.
    assert_eq!(format_name("Application/X-NetCDF4; profile=\"opendap_url\""), None);
}

#[test]
fn f3_names_of_geotiff() {
    for text in ["GeoTIFF", "geotiff", "image/tiff"] {
        assert!(matches!(format_name(text), Some("geotiff" | "cog")), "{text}: {:?}", format_name(text));
        assert_eq!(format_name(text), format_name("geotiff"), "{text}");
    }
}

#[test]
fn f4_unsigned_bytes_in_the_classic_format() {
    let global = testdata("2020_01_01_global.nc");
    for path in common::shared(AFRICA).into_iter().chain([global]) {
        let run = transform(&path, &["--format=netcdf-3"]);
        let bytes = std::fs::read(&run.written.output).unwrap();
        assert_eq!(&bytes[..4], b"CDF\x01");
        let red = run.output.var(common::find(&run.output, "/red_var"));
        assert_eq!(red.dtype, harmony_model::DType::I8);
        assert_eq!(red.attr_text("_Unsigned").as_deref(), Some("true"));
        let same = |a: &f64, b: &f64| a == b || (a.is_nan() && b.is_nan());
        let (old, new) = (common::physical(&open(&path), "/red_var"), run.physical("/red_var"));
        assert!(old.iter().zip(&new).all(|(a, b)| same(a, b)));
    }
}

#[test]
fn f5_groups_are_flattened() {
    for path in common::shared("SPL3FTP_subsetted.nc4").into_iter().chain([testdata("altimetry_groups.nc4")])
    {
        let run = transform(&path, &["--format=netcdf-3"]);
        assert_eq!(run.output.groups.len(), 1);
        let grouped: Vec<_> = run.output.vars.iter().filter_map(|v| v.attr_text("group_path")).collect();
        assert!(!grouped.is_empty());
    }
}

#[test]
fn f6_an_ascii_grid_from_the_north() {
    let run = transform(
        &shared!(MERRA),
        &["--format=ascii", "--variable=PS", "--time=2021-01-10T01:00:00Z/2021-01-10T02:00:00Z"],
    );
    let grid = text(&run.written.output);
    let head: Vec<&str> = grid.lines().take(2).collect();
    let number = |l: &str| l.split_whitespace().last().unwrap().parse::<f64>().unwrap();
    assert_eq!((number(head[0]), number(head[1])), (17.0, 21.0));
    let rows: Vec<&str> = grid.lines().rev().take(21).collect();
    let first = number(rows[20]);
    // The easternmost cell of the northernmost row.
    let stored = common::physical(&open(&shared!(MERRA)), "/PS");
    assert!(near(first, stored[20 * 17 + 16], 0.01), "{first}");
}

#[test]
fn f7_the_structure_of_hdf_eos_follows_the_window() {
    let tile = shared!("MOD09GA.A2008296.h14v17.006.2015181011753.hdf");
    let run = transform(&tile, &["--bbox=-180,-81,-170,-80", "--format=application/x-hdf"]);
    let text = harmony_formats::hdfeos::struct_metadata(&run.output).unwrap();
    let structure = harmony_formats::hdfeos::Structure::parse(&text);
    for grid in &structure.grids {
        let axes = harmony_formats::hdfeos::grid_axes(grid).unwrap();
        let x = run.physical(&format!("/{}/XDim", grid.name));
        let y = run.physical(&format!("/{}/YDim", grid.name));
        assert_eq!((axes.x.len(), axes.y.len()), (x.len(), y.len()), "{}", grid.name);
        assert!(near(axes.x[0], x[0], 1e-2) && near(axes.y[0], y[0], 1e-2), "{}", grid.name);
    }
    assert!(structure.grids.iter().any(|g| g.y_size < 1200));
}

#[test]
fn f8_a_picture_for_google_earth() {
    let run = transform(&shared!(MERRA), &["--format=kml"]);
    let members = unzipped(&run.written.output);
    let (_, document) = members.iter().find(|(n, _)| n == "doc.kml").unwrap();
    let document = String::from_utf8_lossy(document);
    for part in ["<north>-19.75<", "<south>-30.25<", "<east>50.3125<", "<west>39.6875<"] {
        assert!(document.contains(part), "{part} in {document}");
    }
}

#[test]
fn f9_a_shapefile_has_five_members() {
    // A vector collection is not among our inputs; points of a trajectory are.
    let run = transform(&testdata("trajectory_classic.nc"), &["--format=application/shapefile+zip"]);
    let members = unzipped(&run.written.output);
    let ends: Vec<&str> = members.iter().map(|(n, _)| n.rsplit('.').next().unwrap()).collect();
    assert!(["shp", "shx", "dbf", "prj", "cpg"].iter().all(|e| ends.contains(e)), "{ends:?}");
    let (_, prj) = members.iter().find(|(n, _)| n.ends_with(".prj")).unwrap();
    assert!(String::from_utf8_lossy(prj).contains("WGS_1984"));
}

#[test]
fn f10_points_of_an_orbit() {
    for (path, name) in common::shared("ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2.nc")
        .into_iter()
        .chain([testdata("swath_antimeridian.nc4")])
        .map(|p| (p, "wind_speed"))
    {
        let run = transform(&path, &["--format=geojson", "--variable=wind_speed"]);
        let document: serde_json::Value = serde_json::from_str(&text(&run.written.output)).unwrap();
        let features = document["features"].as_array().unwrap();
        let granule = open(&path);
        let [values, lat] = [name, "lat"].map(|n| common::physical(&granule, &format!("/{n}")));
        let placed = values.iter().zip(&lat).filter(|(v, y)| !v.is_nan() && !y.is_nan()).count();
        assert_eq!(features.len(), placed);
        let lons = features.iter().map(|f| f["geometry"]["coordinates"][0].as_f64().unwrap());
        assert!(lons.into_iter().all(|x| (-180.0..=180.0).contains(&x)));
    }
}

#[test]
fn f11_the_other_name_of_jpeg() {
    assert_eq!(format_name("image/jpg"), Some("jpeg"));
}

#[test]
fn f12_selected_groups_of_hdf5_stay_as_they_are() {
    for path in common::shared("ATL03_gt1l.h5").into_iter().chain([testdata("atl03_like.h5")]) {
        let run = transform(&path, &["--variable=/gt1l", "--format=application/x-hdf"]);
        let input = open(&path);
        let below = |g: &Granule| {
            let mut all: Vec<String> =
                g.vars.iter().map(|v| v.path.clone()).filter(|p| p.starts_with("/gt1l/")).collect();
            all.sort();
            all
        };
        assert_eq!(below(&run.output), below(&input));
        assert_eq!(context(&["--format=application/x-hdf"]).format.card().name, "hdf5");
        assert!(run.written.output.to_string_lossy().ends_with(".h5"));
    }
}
