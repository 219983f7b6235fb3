//! Maps of the project's own granules.

use std::path::Path;

use harmony_model::crs::Crs;

use super::*;

fn testdata(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/granules").join(name).display().to_string()
}

fn layer(name: &str, variable: &str) -> Layer {
    Layer {
        collection: "C1-TEST".into(),
        what: What::Variable(variable.into()),
        granules: vec![testdata(name)],
        reference: vec![testdata(name)],
        ..Layer::default()
    }
}

fn view(crs: &str, extent: [f64; 4], width: u32, height: u32) -> View {
    View { crs: Crs::parse(crs).unwrap(), extent, width, height }
}

fn draw(layer: &Layer, view: &View) -> Picture {
    Maps::new(Limits::default()).draw(std::slice::from_ref(layer), view, [255; 3], true).unwrap()
}

#[test]
fn colours_of_continents_are_where_they_are() {
    let mut all = layer("2020_01_01_global.nc", "");
    all.what = What::All;
    let picture = draw(&all, &view("EPSG:4326", [-180.0, -90.0, 180.0, 90.0], 360, 180));
    let mercator =
        draw(&all, &view("EPSG:3857", [-20037508.34, -20037508.34, 20037508.34, 20037508.34], 512, 512));
    // The middle of Africa and of Siberia.
    let at = |lon: f64, lat: f64| picture.at((lon + 180.0) as u32, (90.0 - lat) as u32);
    let merc = |lon: f64, lat: f64| {
        let y = (std::f64::consts::FRAC_PI_4 + lat.to_radians() / 2.0).tan().ln();
        let row = (0.5 - y / (2.0 * std::f64::consts::PI)) * 512.0;
        mercator.at(((lon + 180.0) / 360.0 * 512.0) as u32, row as u32)
    };
    for (lon, lat) in [(20.3, 5.3), (100.3, 60.3), (-100.3, 45.3), (-150.3, 0.3)] {
        // Pixels of the two maps don't have the same middle.
        let (a, b) = (at(lon, lat), merc(lon, lat));
        assert!(a.iter().zip(b).all(|(x, y)| x.abs_diff(y) <= 4), "{lon} {lat}: {a:?} {b:?}");
    }
    assert!(at(20.3, 5.3)[3] > 0);
}

#[test]
fn a_polar_granule_is_drawn_in_its_own_and_in_another_system() {
    let south = layer("polar_south.nc4", "distance");
    let maps = Maps::new(Limits::default());
    let own = view("EPSG:3031", [-2e6, -2e6, 2e6, 2e6], 200, 200);
    let got = maps.values_at(&south, &own, 150, 100, 1).unwrap();
    // 150 of 200 pixels of 20 km: 1010 km from the pole along x, 10 km along y.
    let want = (1010f64.hypot(10.0) / 100.0) as f32;
    let value = got[0].value.unwrap() as f32;
    assert!((value - want).abs() < 0.6, "{value} {want}");
    let world = view("EPSG:4326", [-180.0, -90.0, 180.0, -60.0], 360, 30);
    let picture = maps.draw(std::slice::from_ref(&south), &world, [255; 3], true).unwrap();
    assert!(!picture.empty);
    assert!(picture.at(180, 29)[3] == 255 && picture.at(10, 29)[3] == 255);
}

#[test]
fn packed_values_are_physical_and_planes_are_chosen() {
    let mut t = layer("packed_0_360.nc4", "temperature");
    let maps = Maps::new(Limits::default());
    let world = view("EPSG:4326", [-180.0, -90.0, 180.0, 90.0], 120, 60);
    let newest = maps.values_at(&t, &world, 60, 30, 1).unwrap()[0].clone();
    t.times = dimension::parse_times("2020-01-01/2020-01-20").unwrap();
    t.axes = vec![("elevation".into(), "500".into())];
    let opened = maps.open(&t.granules[0]).unwrap();
    let info = opened.infos().into_iter().find(|i| i.path == "/temperature").unwrap();
    assert_eq!(
        info.axes.iter().map(|a| (a.name.as_str(), a.is_time)).collect::<Vec<_>>(),
        [("time", true), ("level", false)]
    );
    let level = info.axes[1].values[1].clone();
    t.axes = vec![("elevation".into(), level.clone())];
    let earlier = maps.values_at(&t, &world, 60, 30, 1).unwrap()[0].clone();
    assert_eq!(earlier.axes[1].1, level);
    assert_ne!(newest.axes[0].1, earlier.axes[0].1);
    assert!(newest.value.unwrap() > 150.0 && newest.value.unwrap() < 400.0);
    t.axes = vec![("elevation".into(), "-1".into())];
    let error = maps.values_at(&t, &world, 60, 30, 1).unwrap_err().to_string();
    assert!(error.contains("ELEVATION '-1'") && error.contains(&level), "{error}");
}

#[test]
fn swaths_and_trajectories_are_drawn() {
    let maps = Maps::new(Limits::default());
    let wind = layer("swath_antimeridian.nc4", "wind_speed");
    let whole = view("EPSG:4326", [0.0, -90.0, 360.0, 90.0], 360, 180);
    let picture = maps.draw(std::slice::from_ref(&wind), &whole, [255; 3], true).unwrap();
    let seen: Vec<u32> = (0..360 * 180).filter(|i| picture.at(i % 360, i / 360)[3] > 0).collect();
    assert!(seen.len() > 50, "{}", seen.len());
    // On both sides of 180.
    assert!(seen.iter().any(|i| i % 360 < 180) && seen.iter().any(|i| i % 360 >= 180));
    let flags = layer("swath_antimeridian.nc4", "quality_flag");
    let legend = maps.legend(&flags).unwrap();
    assert!(legend.height > 60);
    let track = layer("trajectory_classic.nc", "ssha");
    let picture = maps.draw(std::slice::from_ref(&track), &whole, [255; 3], true).unwrap();
    assert!(!picture.empty);
}

#[test]
fn the_newest_granule_is_on_top_and_tiles_match() {
    let mut all = layer("2020_01_01_global.nc", "red_var");
    all.granules.insert(0, testdata("2020_01_02_global.nc"));
    let maps = Maps::new(Limits::default());
    let whole = view("EPSG:4326", [-180.0, -90.0, 180.0, 90.0], 720, 360);
    let big = maps.draw(std::slice::from_ref(&all), &whole, [255; 3], true).unwrap();
    let second = layer("2020_01_02_global.nc", "red_var");
    let alone = Layer { reference: all.reference.clone(), ..second };
    assert_eq!(big.rgba(), maps.draw(&[alone], &whole, [255; 3], true).unwrap().rgba());
    let tile = view("EPSG:4326", [0.0, 0.0, 90.0, 90.0], 180, 180);
    let part = maps.draw(std::slice::from_ref(&all), &tile, [255; 3], true).unwrap();
    for (x, y) in [(0, 0), (10, 100), (179, 179), (40, 120)] {
        assert_eq!(part.at(x, y), big.at(360 + x, y), "{x} {y}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    let maps = Maps::new(Limits { max_side: 100, ..Limits::default() });
    let red = layer("2020_01_01_global.nc", "red_var");
    let large = view("EPSG:4326", [-180.0, -90.0, 180.0, 90.0], 101, 1);
    assert!(matches!(
        maps.draw(std::slice::from_ref(&red), &large, [0; 3], true),
        Err(MapError::TooLarge(_))
    ));
    let small = view("EPSG:4326", [-180.0, -90.0, 180.0, 90.0], 10, 10);
    let absent = Layer { what: What::Variable("nothing".into()), ..red.clone() };
    assert!(matches!(maps.draw(&[absent], &small, [0; 3], true), Err(MapError::Variable(_))));
    let styled = Layer { style: StyleSpec::parse("no_such").unwrap(), ..red.clone() };
    let error = maps.draw(&[styled], &small, [0; 3], true).unwrap_err().to_string();
    assert!(error.contains("viridis"), "{error}");
    let gone = Layer { granules: vec!["/no/such.nc".into()], reference: vec![], ..red };
    assert!(matches!(maps.draw(&[gone], &small, [0; 3], true), Err(MapError::Read { .. })));
}

#[test]
fn memory_stays_within_the_setting() {
    let maps = Maps::new(Limits { cache_bytes: 1 << 20, ..Limits::default() });
    let red = layer("2020_01_01_global.nc", "red_var");
    for i in 0..8 {
        let west = -180.0 + 45.0 * f64::from(i);
        maps.draw(
            std::slice::from_ref(&red),
            &view("EPSG:4326", [west, -90.0, west + 45.0, 90.0], 90, 360),
            [0; 3],
            true,
        )
        .unwrap();
        assert!(maps.cached_bytes() <= 2 << 20, "{}", maps.cached_bytes());
    }
}

#[test]
fn overviews_of_a_cog_are_used_where_they_are_fine_enough() {
    use harmony_formats::registry::{find_output, open};
    use harmony_formats::write::WriteOptions;
    let source = crate::store::open(&testdata("2020_01_01_global.nc"), &Default::default()).unwrap();
    let granule = open(source, &Default::default()).unwrap();
    let options = WriteOptions::default();
    let format = find_output("cog").unwrap();
    let parts = format.parts(granule, &options).unwrap();
    let part = parts.iter().find(|p| p.label.as_deref() == Some("red_var")).unwrap_or(&parts[0]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("red.tif");
    format.write(part, &file, &options).unwrap();
    let maps = Maps::new(Limits::default());
    let opened = maps.open(&file.display().to_string()).unwrap();
    let field = &opened.fields[0];
    assert!(field.stages.len() > 1, "no overviews");
    let (main, smaller) = (&field.stages[0].raster.grid, &field.stages[1].raster.grid);
    assert_eq!((main.nx, smaller.nx), (720, 360));
    assert_eq!(main.extent(), smaller.extent());
    // A fourth of the resolution: as the overview says, near what the file does.
    let cog = Layer { granules: vec![file.display().to_string()], reference: vec![], ..layer("", "") };
    let cog = Layer { what: What::All, ..cog };
    let world = view("EPSG:4326", [-180.0, -90.0, 180.0, 90.0], 360, 180);
    let from_nc = layer("2020_01_01_global.nc", "red_var");
    for (x, y) in [(200, 85), (280, 30), (80, 45)] {
        let value = |l: &Layer| maps.values_at(l, &world, x, y, 1).unwrap()[0].value.unwrap();
        assert!((value(&cog) - value(&from_nc)).abs() <= 4.0, "{x} {y}: {} {}", value(&cog), value(&from_nc));
    }
}

#[test]
fn a_large_map_is_made_of_the_maps_of_its_parts() {
    let maps = Maps::new(Limits { cache_bytes: 1 << 20, ..Limits::default() });
    let mut colours = layer("2020_01_01_global.nc", "");
    colours.what = What::All;
    let layers = [colours, layer("polar_south.nc4", "distance")];
    // Four strips.
    let whole = view("EPSG:4326", [-180.0, -90.0, 180.0, 90.0], 1024, 1024);
    let large = maps.draw(&layers, &whole, [255; 3], true).unwrap();
    for (row, south) in [(0, 45.0), (256, 0.0), (512, -45.0), (768, -90.0)] {
        let part = view("EPSG:4326", [-180.0, south, 180.0, south + 45.0], 1024, 256);
        let part = maps.draw(&layers, &part, [255; 3], true).unwrap();
        let same = (0..256).all(|y| (0..1024).all(|x| part.at(x, y) == large.at(x, row + y)));
        assert!(same, "rows from {row}");
    }
}

#[test]
fn a_small_cache_stays_small_and_changes_no_picture() {
    let limit = 256 << 10;
    let small = Maps::new(Limits { cache_bytes: limit, ..Limits::default() });
    let large = Maps::new(Limits::default());
    let layers = ["red_var", "green_var", "blue_var"].map(|v| layer("2020_01_01_global.nc", v));
    let mut most = 0;
    for i in 0..64u32 {
        let (col, row) = (f64::from(i % 8), f64::from(i / 8));
        let (west, north) = (col * 45.0 - 180.0, 90.0 - row * 22.5);
        let tile = view("EPSG:4326", [west, north - 22.5, west + 45.0, north], 64, 32);
        for layer in &layers {
            let one = std::slice::from_ref(layer);
            let picture = small.draw(one, &tile, [255; 3], true).unwrap();
            assert_eq!(picture, large.draw(one, &tile, [255; 3], true).unwrap());
            most = most.max(small.cached_bytes());
        }
    }
    // One block is kept, however large it is.
    let block = 720 * 360 * 4 + 128;
    assert!(most > 0 && most <= limit.max(block), "{most}");
    assert!(large.cached_bytes() > limit);
}
