//! 6.2 grids.

use crate::common::{extremes, refusal, select, testdata, transform};
use crate::{MERRA, SSMIS, common, shared};

fn latitudes_and_longitudes(path: &std::path::Path, bbox: &str) -> [Vec<(u64, u64)>; 2] {
    let selected = select(path, &[&format!("--bbox={bbox}")]).unwrap();
    ["latitude", "longitude"].map(|dim| selected.runs(dim))
}

#[test]
fn g1_negative_longitudes_on_a_0_to_360_grid() {
    let f16 = shared!(SSMIS);
    assert_eq!(latitudes_and_longitudes(&f16, "-30,45,-15,60"), [vec![(540, 599)], vec![(1320, 1379)]]);
    let run = transform(&f16, &["--bbox=-30,45,-15,60"]);
    assert_eq!(run.shape("/wind_speed"), [2, 60, 60]);
    assert_eq!(extremes(&run.physical("/latitude")), (45.125, 59.875));
    let all = common::open(&f16).read_stored(common::find(&common::open(&f16), "/wind_speed")).unwrap();
    let wanted: Vec<f64> =
        (0..2 * 60 * 60).map(|i| all[(i / 3600 * 720 + 540 + i / 60 % 60) * 1440 + 1320 + i % 60]).collect();
    assert_eq!(run.stored("/wind_speed"), wanted);
}

#[test]
fn g2_g3_descending_latitudes() {
    let grid = testdata("packed_0_360.nc4");
    assert_eq!(latitudes_and_longitudes(&grid, "0,0,15,15"), [vec![(25, 29)], vec![(0, 4)]]);
    assert_eq!(latitudes_and_longitudes(&grid, "0,-90,15,90")[0], [(0, 59)]);
}

#[test]
fn g3_the_whole_range_of_latitudes() {
    assert_eq!(latitudes_and_longitudes(&shared!(SSMIS), "0,-90,15,90")[0], [(0, 719)]);
}

#[test]
fn g4_edges_that_only_touch_a_cell() {
    let f16 = shared!(SSMIS);
    assert_eq!(latitudes_and_longitudes(&f16, "0,0,15,15"), [vec![(360, 419)], vec![(0, 59)]]);
    assert_eq!(latitudes_and_longitudes(&f16, "20,0,35,15")[1], [(80, 139)]);
}

#[test]
fn g5_the_whole_globe_is_all_columns() {
    assert_eq!(
        latitudes_and_longitudes(&shared!(SSMIS), "-180,-90,180,90"),
        [vec![(0, 719)], vec![(0, 1439)]]
    );
    let own = testdata("packed_0_360.nc4");
    assert_eq!(latitudes_and_longitudes(&own, "-180,-90,180,90"), [vec![(0, 59)], vec![(0, 119)]]);
}

#[test]
fn g6_a_box_across_the_seam_is_one_piece_with_ascending_longitudes() {
    let f16 = shared!(SSMIS);
    assert_eq!(latitudes_and_longitudes(&f16, "-20,0,20,15")[1], [(1360, 1439), (0, 79)]);
    let run = transform(&f16, &["--bbox=-20,0,20,15"]);
    let longitudes = run.physical("/longitude");
    assert_eq!(longitudes.len(), 160);
    assert_eq!(longitudes, (0..160).map(|i| -19.875 + 0.25 * f64::from(i)).collect::<Vec<_>>());
    assert_eq!(run.shape("/wind_speed"), [2, 60, 160]);
}

#[test]
fn g6_the_same_on_our_grid_with_bounds() {
    let run = transform(&testdata("packed_0_360.nc4"), &["--bbox=-9,0,9,9"]);
    assert_eq!(run.physical("/longitude"), [-7.5, -4.5, -1.5, 1.5, 4.5, 7.5]);
    assert_eq!(run.physical("/lon_bnds"), [-9., -6., -6., -3., -3., 0., 0., 3., 3., 6., 6., 9.]);
}

#[test]
fn g7_a_point_in_the_outer_half_cell() {
    let f16 = shared!(SSMIS);
    for point in ["--point=359.95,0.1", "--point=-0.05,0.1", "--bbox=-0.05,0.1,-0.05,0.1"] {
        let selected = select(&f16, &[point]).unwrap();
        assert_eq!(selected.runs("longitude"), [(1439, 1439)], "{point}");
        assert_eq!(selected.runs("latitude"), [(360, 360)], "{point}");
    }
}

#[test]
fn g8_the_reference_fills_the_width_and_we_declare_the_fill() {
    let run = transform(&shared!(SSMIS), &["--bbox=-20,0,20,15", "--compat=hoss", "--variable=wind_speed"]);
    assert_eq!(run.shape("/wind_speed"), [2, 60, 1440]);
    let wind = run.output.var(common::find(&run.output, "/wind_speed"));
    let fill = wind.attr_f64("_FillValue").unwrap();
    let stored = run.stored("/wind_speed");
    let filled = |col: usize| (0..120).all(|row| stored[row * 1440 + col] == fill);
    assert!((80..1360).all(filled));
    assert!(!(0..80).chain(1360..1440).all(filled));
    assert_eq!(run.physical("/longitude")[1439], 359.875);
}

#[test]
fn g9_box_and_time_of_a_global_model() {
    let merra = shared!(MERRA);
    let selected =
        select(&merra, &["--bbox=40,-30,50,-20", "--time=2021-01-10T01:00:00Z/2021-01-10T03:00:00Z"])
            .unwrap();
    assert_eq!(selected.runs("lon"), [(352, 368)]);
    assert_eq!(selected.runs("lat"), [(120, 140)]);
    assert_eq!(selected.runs("time"), [(1, 2)]);
}

#[test]
fn g9_values_equal_those_of_the_reference() {
    let (whole, wanted) = (shared!("M2T1NXSLV_temporal.nc4"), shared!("M2T1NXSLV_geo_temporal.nc4"));
    let (run, wanted) = (transform(&whole, &["--bbox=40,-30,50,-20"]), common::open(&wanted));
    for name in ["/PS", "/lat", "/lon"] {
        assert_eq!(run.physical(name), common::physical(&wanted, name), "{name}");
    }
}

#[test]
fn g10_the_cell_on_the_antimeridian() {
    let selected = select(&shared!(MERRA), &["--bbox=179.8,0,-179.9,10"]).unwrap();
    assert_eq!(selected.runs("lon"), [(0, 0)]);
}

#[test]
fn g11_the_end_of_the_last_hour_is_the_last_step() {
    let selected = select(&shared!(MERRA), &["--time=2021-01-10T23:45:00Z/2021-01-10T23:59:00Z"]).unwrap();
    assert_eq!(selected.runs("time"), [(23, 23)]);
}

#[test]
fn g12_bounds_decide_which_cells_overlap() {
    let selected = select(&shared!("GPM_3IMERGHH_prefetch.nc4"), &["--bbox=-30,30,-15,45"]).unwrap();
    assert_eq!(selected.runs("/Grid/lon"), [(1500, 1649)]);
    assert_eq!(selected.runs("/Grid/lat"), [(1200, 1349)]);
}

#[test]
fn g12_the_reference_s_own_answer_is_left_as_it_is() {
    let answer = shared!("GPM_3IMERGHH_bounds.nc4");
    let run = transform(&answer, &["--bbox=-30,30,-15,45"]);
    assert_eq!(run.shape("/Grid/precipitationCal"), [1, 150, 150]);
}

#[test]
fn g13_axes_that_hold_cell_edges() {
    let selected = select(&shared!("ATL16_variables.nc4"), &["--bbox=-10,-45,10,45"]).unwrap();
    assert_eq!(selected.runs("global_grid_lat"), [(15, 44)]);
    assert_eq!(selected.runs("global_grid_lon"), [(56, 63)]);
}

#[test]
fn g14_an_albers_box() {
    // The granule is the reference's answer to this box: all of it must be kept.
    let above = shared!("ABoVE_TVPRM_bbox.nc4");
    let run = transform(&above, &["--bbox=-160,68,-145,70"]);
    assert_eq!(run.shape("/NEE"), [10, 20, 20]);
    let (lat, lon) = (run.physical("/lat"), run.physical("/lon"));
    let inside = |(y, x): &(f64, f64)| (68.0..=70.0).contains(y) && (-160.0..=-145.0).contains(x);
    assert_eq!(lat.into_iter().zip(lon).filter(inside).count(), 147);
    let smaller = transform(&above, &["--bbox=-155,68.5,-150,69.5"]);
    let shape = smaller.shape("/NEE");
    assert!(shape[1] < 20 && shape[2] < 20, "{shape:?}");
}

#[test]
fn g15_ease_grid_2_global() {
    let selected = select(&shared!("SC_SPL3FTP_004_prefetch.nc4"), &["--bbox=-105,35,-100,40"]).unwrap();
    assert_eq!(selected.runs("dim2"), [(200, 214)]);
    assert_eq!(selected.runs("dim1"), [(72, 86)]);
}

#[test]
fn g16_ease_grid_2_north_with_coordinates_that_are_fill() {
    let selected = select(&shared!("SC_SPL3FTP_004_Polar_prefetch.nc4"), &["--bbox=-60,60,-30,80"]).unwrap();
    assert_eq!(selected.runs("dim1"), [(265, 329)]);
    assert_eq!(selected.runs("dim2"), [(170, 234)]);
}

#[test]
fn g17_a_box_around_the_pole() {
    let selected = select(&shared!("SC_SPL3FTP_004_Polar_prefetch.nc4"), &["--bbox=-180,80,180,90"]).unwrap();
    assert_eq!(selected.runs("dim1"), [(219, 280)]);
    assert_eq!(selected.runs("dim2"), [(219, 280)]);
}

#[test]
fn g17_a_box_around_the_pole_on_our_grids() {
    // Lambert azimuthal equal area: r = 2 R sin((90° − 80°) / 2) is about 1112 km; cells of 90 km around the middle.
    let selected = select(&testdata("ease2_north.nc4"), &["--bbox=-180,80,180,90"]).unwrap();
    assert_eq!(selected.runs("y"), [(87, 112)]);
    assert_eq!(selected.runs("x"), [(87, 112)]);
    let run = transform(&testdata("polar_south.nc4"), &["--bbox=-180,-90,180,-80"]);
    let [rows, cols] = run.shape("/distance")[..] else { panic!("two axes") };
    assert_eq!(rows, cols);
    assert_eq!(extremes(&run.physical("/y")).0, -extremes(&run.physical("/y")).1);
}

#[test]
fn g18_a_missing_grid_mapping_is_named() {
    let mut granule = common::open(&testdata("polar_south.nc4"));
    granule.vars.retain(|v| v.name != "crs");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("without.nc4");
    harmony_formats::netcdf4::write::write(&granule, &path, &Default::default()).unwrap();
    let text = refusal(&path, &["--bbox=-180,-90,180,-80"]).to_string();
    assert!(text.contains("crs") && text.contains("grid mapping") && text.contains("without.nc4"), "{text}");
}

#[test]
fn g19_a_named_dimension_intersects_with_the_box() {
    let f16 = shared!(SSMIS);
    let selected = select(&f16, &["--subset=latitude(10:12)"]).unwrap();
    assert_eq!(selected.runs("latitude"), [(400, 407)]);
    let selected = select(&f16, &["--subset=latitude(10:12)", "--bbox=0,11,10,20"]).unwrap();
    assert_eq!(selected.runs("latitude"), [(404, 407)]);
    assert_eq!(selected.runs("longitude"), [(0, 39)]);
}
