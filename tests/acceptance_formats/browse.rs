//! C.1 browse.

use crate::common::build::{number, var};
use crate::common::make::Grid;
use crate::common::{batch, explain, near, picture, refusal, results_in, save, transform, world};
use crate::{assert_world, browse, common, file, geographic, shared};
use harmony_model::Granule;

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
    let palette = image.palette.as_ref().unwrap();
    let clear: Vec<usize> = (0..palette.len()).filter(|&i| palette[i][3] == 0).collect();
    assert_eq!(clear, [255]);
    assert_eq!(image.at(1800, 10)[3], 0);
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
