//! 8.3 regridding.

use crate::common::make::Grid;
use crate::common::{extremes, open, refusal, save, testdata, transform};
use crate::{MERRA, REGRIDDER, SMAP, assert_near, common, geographic, projected, shared, usage_error};

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
