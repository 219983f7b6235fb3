//! The acceptance tables of the contract of subsetting (§6), row by row, on the real granules that are shared, and on
//! the project's own granules where a row's granule is not.
#![allow(clippy::unwrap_used)]

mod common;

use common::{extremes, near, no_data, refusal, select, testdata, transform};
use harmony_model::{Filter, Storage};

const ASCAT_A: &str = "ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2.nc";
const ASCAT_B: &str = "ascat_20150702_102400_metopa_45146_eps_o_250_2300_ovw.l2.nc";
const JASON: &str = "JA1_GPN_2PeP001_002_20020115_060706_20020115_070316.nc";
const SENTINEL: &str = "S6A_P4_2__HR_RED__NR_014_191_20210403T004056_20210403T005056_F00.nc";
const SSMIS: &str = "f16_ssmis_20200102v7.nc";
const MERRA: &str = "M2T1NXSLV_prefetch.nc4";
const ATL03: &str = "ATL03_gt1l.h5";

/// Writes a GeoJSON geometry into a folder of its own.
struct ShapeFile {
    _folder: tempfile::TempDir,
    path: String,
}

fn shape_file(kind: &str, coordinates: &str) -> ShapeFile {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shape.geojson");
    std::fs::write(&path, format!(r#"{{"type": "{kind}", "coordinates": {coordinates}}}"#)).unwrap();
    ShapeFile { path: path.to_string_lossy().into_owned(), _folder: folder }
}

fn ring(w: f64, s: f64, e: f64, n: f64) -> String {
    format!("[[{w},{s}],[{e},{s}],[{e},{n}],[{w},{n}],[{w},{s}]]")
}

impl ShapeFile {
    fn option(&self) -> String {
        format!("--shape={}", self.path)
    }
}

/// S11's polygon: 60–180 × 55–83 with a hole.
fn holed() -> ShapeFile {
    let (outer, hole) = (ring(60.0, 55.0, 180.0, 83.0), ring(100.0, 60.0, 140.0, 75.0));
    shape_file("Polygon", &format!("[{outer},{hole}]"))
}

/// Asserts the box of what was kept, in the order west, south, east, north.
fn assert_extent(run: &common::Run, wanted: [f64; 4]) {
    let kept = run.written.bbox.unwrap();
    let same = kept.iter().zip(wanted).all(|(a, b)| near(*a, b, 6e-6));
    assert!(same, "kept {kept:?}, wanted {wanted:?}");
}

// ---- 6.1 swaths and trajectories -------------------------------------------------------------------------------

#[test]
fn s1_a_western_box_keeps_709_rows_of_42_cells() {
    let a = shared!(ASCAT_A);
    let request = ["--bbox=-180,-90,0,0"];
    let selected = select(&a, &request).unwrap();
    assert_eq!(selected.runs("NUMROWS"), [(797, 1505)]);
    assert_eq!(selected.runs("NUMCELLS"), [(0, 41)]);
    assert_eq!(selected.inside(), 21999);
    let run = transform(&a, &request);
    assert_eq!(run.shape("/wind_speed"), [709, 42]);
    assert_eq!(run.valid("/wind_speed"), 12354);
    assert_extent(&run, [-179.99596, -89.36809, -0.00073, -0.00666]);
    // Coordinates stay valid under the mask, the longitudes as stored (0–360).
    assert_eq!(run.valid("/lat"), 709 * 42);
}

#[test]
fn s2_the_same_box_on_the_next_orbit() {
    let b = shared!(ASCAT_B);
    let request = ["--bbox=-180,-90,0,0"];
    assert_eq!(select(&b, &request).unwrap().inside(), 19474);
    let run = transform(&b, &request);
    assert_eq!(run.shape("/wind_speed"), [523, 42]);
    assert_eq!(run.valid("/wind_speed"), 11689);
}

#[test]
fn s3_a_polar_box_is_cut_to_rows_and_columns_with_a_sample() {
    let a = shared!(ASCAT_A);
    let selected = select(&a, &["--bbox=0,80,180,90"]).unwrap();
    assert_eq!(selected.runs("NUMROWS"), [(343, 434)]);
    assert_eq!(selected.runs("NUMCELLS"), [(21, 41)]);
    assert_eq!(selected.inside(), 1791);
    assert_eq!(transform(&a, &["--bbox=0,80,180,90"]).shape("/wind_speed"), [92, 21]);
}

#[test]
fn s4_no_cut_keeps_whole_scan_lines() {
    let a = shared!(ASCAT_A);
    let request = ["--bbox=0,80,180,90", "--no-cut"];
    assert_eq!(select(&a, &request).unwrap().inside(), 1791);
    assert_eq!(transform(&a, &request).shape("/wind_speed"), [92, 42]);
}

#[test]
fn s5_pixel_subset_masks_nothing() {
    let a = shared!(ASCAT_A);
    let run = transform(&a, &["--bbox=0,80,180,90", "--pixel-subset"]);
    assert_eq!(run.shape("/wind_speed"), [92, 21]);
    assert_eq!(run.valid("/lat"), 1932);
    assert!(near(run.physical("/lat")[0], 78.81273, 1e-9));
    assert!(near(run.physical("/lon")[0], 159.20833, 1e-9));
    assert_eq!(run.stored("/wind_speed").iter().sum::<f64>(), -62_440_673.0);
}

#[test]
fn s6_rows_that_are_glued_keep_their_index() {
    let a = shared!(ASCAT_A);
    let request = ["--bbox=170,-30,-170,30"];
    let selected = select(&a, &request).unwrap();
    assert_eq!(selected.inside(), 6192);
    assert_eq!(selected.runs("NUMROWS"), [(0, 129), (1459, 1631)]);
    let run = transform(&a, &request);
    assert_eq!(run.shape("/wind_speed"), [303, 42]);
    assert_eq!(run.valid("/wind_speed"), 6045);
    let index = run.stored("/NUMROWS_index");
    let wanted: Vec<f64> = (0..130).chain(1459..1632).map(f64::from).collect();
    assert_eq!(index, wanted);
    // West is greater than east: what was kept crosses the antimeridian.
    let [west, _, east, _] = run.written.bbox.unwrap();
    assert!((170.0..=180.0).contains(&west) && (-180.0..=-170.0).contains(&east), "{west} {east}");
    assert!(run.text("geospatial_bounds").unwrap().starts_with("MULTIPOLYGON"));
}

#[test]
fn s7_a_box_across_the_antimeridian_without_a_gap() {
    let b = shared!(ASCAT_B);
    let request = ["--bbox=170,-30,-170,30"];
    let selected = select(&b, &request).unwrap();
    assert_eq!(selected.runs("NUMROWS"), [(0, 73)]);
    assert_eq!(selected.runs("NUMCELLS"), [(27, 41)]);
    assert_eq!(selected.inside(), 551);
    assert!(!transform(&b, &request).has("/NUMROWS_index"));
}

#[test]
fn s8_a_box_across_greenwich_on_longitudes_0_to_360() {
    let a = shared!(ASCAT_A);
    let request = ["--bbox=-20,-30,20,30"];
    let selected = select(&a, &request).unwrap();
    assert_eq!(selected.runs("NUMROWS"), [(648, 939)]);
    assert_eq!(selected.inside(), 11504);
    let run = transform(&a, &request);
    assert_eq!(run.shape("/wind_speed"), [292, 42]);
    let [west, _, east, _] = run.written.bbox.unwrap();
    assert!(near(west, -17.14462, 1e-5) && near(east, 15.95433, 1e-5), "{west} {east}");
}

#[test]
fn s9_a_polygon_equal_to_that_box_gives_the_same_samples() {
    let a = shared!(ASCAT_A);
    let shape = shape_file("Polygon", &format!("[{}]", ring(-20.0, -30.0, 20.0, 30.0)));
    let selected = select(&a, &[&shape.option()]).unwrap();
    assert_eq!(selected.inside(), 11504);
    assert_eq!(selected.runs("NUMROWS"), [(648, 939)]);
}

#[test]
fn s10_an_esri_shapefile() {
    let (a, shape) = (shared!(ASCAT_A), shared!("shapes/test.shp"));
    let selected = select(&a, &[&format!("--shape={}", shape.display())]).unwrap();
    assert_eq!(selected.runs("NUMROWS"), [(296, 433)]);
    assert_eq!(selected.runs("NUMCELLS"), [(0, 36)]);
    assert_eq!(selected.inside(), 2908);
}

#[test]
fn s11_a_polygon_with_a_hole() {
    let a = shared!(ASCAT_A);
    let selected = select(&a, &[&holed().option()]).unwrap();
    assert_eq!(selected.runs("NUMROWS"), [(240, 439)]);
    assert_eq!(selected.runs("NUMCELLS").len(), 1);
    assert_eq!(selected.inside(), 4403);
    assert_eq!(transform(&a, &[&holed().option()]).shape("/wind_speed"), [200, 41]);
}

#[test]
fn s12_an_hour_masks_nothing_and_leaves_times_as_stored() {
    let a = shared!(ASCAT_A);
    let request = ["--time=2015-07-02T09:00:00Z/2015-07-02T10:00:00Z"];
    assert_eq!(select(&a, &request).unwrap().runs("NUMROWS"), [(288, 1248)]);
    let (run, input) = (transform(&a, &request), common::open(&a));
    assert_eq!(run.shape("/wind_speed"), [961, 42]);
    for name in ["/time", "/wind_speed", "/lat"] {
        let (old, new) = (common::find(&input, name), common::find(&run.output, name));
        let (all, kept) = (&common::content(&input, old)[0], &common::content(&run.output, new)[0]);
        let row = kept.len() / 961;
        assert_eq!(kept[..], all[288 * row..1249 * row], "{name}");
        assert_eq!(run.output.var(new).dtype, input.var(old).dtype, "{name}");
        for attr in &input.var(old).attrs {
            let kept = run.output.var(new).attr(&attr.name).unwrap();
            assert_eq!(
                (attr.as_text(), attr.as_f64s()),
                (kept.as_text(), kept.as_f64s()),
                "{name}:{}",
                attr.name
            );
        }
    }
}

#[test]
fn s13_a_box_beside_the_track_is_no_data() {
    let text = no_data(&shared!(ASCAT_A), &["--bbox=10,50,11,51"]);
    assert!(text.contains("no data") && text.contains("box"), "{text}");
}

#[test]
fn s14_two_variables_bring_their_coordinates() {
    let run = transform(&shared!(ASCAT_A), &["--variable=wind_speed", "--variable=wind_dir"]);
    assert_eq!(run.names(), ["/lat", "/lon", "/time", "/wind_dir", "/wind_speed"]);
}

#[test]
fn s15_an_unknown_variable_is_named() {
    let error = refusal(&shared!(ASCAT_A), &["--variable=nope"]);
    assert!(!error.is_no_data() && error.to_string().contains("'nope'"), "{error}");
}

#[test]
fn s16_shape_and_time_intersect() {
    let a = shared!(ASCAT_A);
    let shape = holed();
    let second = [shape.option(), "--time=2015-07-02T09:00:00Z/2015-07-02T09:00:01Z".into()];
    let selected = select(&a, &[&second[0], &second[1]]).unwrap();
    assert_eq!(selected.runs("NUMROWS"), [(288, 288)]);
    assert_eq!(selected.runs("NUMCELLS"), [(0, 29)]);
    assert_eq!(selected.inside(), 30);
    let selected = select(&a, &[&second[0], "--time=2015-07-02T09:00:00Z/2015-07-02T10:00:00Z"]).unwrap();
    assert_eq!(selected.inside(), 3320);
    let run = transform(&a, &[&second[0], "--time=2015-07-02T09:00:00Z/2015-07-02T10:00:00Z"]);
    assert_eq!(run.shape("/wind_speed"), [152, 41]);
}

#[test]
fn s17_a_box_without_width_holds_no_sample() {
    no_data(&shared!(ASCAT_A), &["--bbox=10,-30,10,30"]);
}

#[test]
fn s18_a_trajectory_is_compacted_and_its_bounds_are_degrees() {
    let j = shared!(JASON);
    let request = ["--bbox=-180,-90,0,0"];
    assert_eq!(select(&j, &request).unwrap().runs("time"), [(701, 2239)]);
    let run = transform(&j, &request);
    assert_eq!(run.shape("/lat"), [1539]);
    assert_eq!(run.shape("/range_20hz_ku"), [1539, 20]);
    for name in ["/lat", "/lon", "/time"] {
        assert_eq!(run.valid(name), 1539, "{name}");
        assert!(run.output.var(common::find(&run.output, name)).attr("_FillValue").is_none(), "{name}");
    }
    assert_extent(&run, [-94.24963, -66.14824, -11.43312, -0.01655]);
}

#[test]
fn s19_times_are_bit_identical() {
    let j = shared!(JASON);
    let run = transform(&j, &["--bbox=-180,-90,0,90", "--time=2002-01-15T06:07:06Z/2002-01-15T06:30:16Z"]);
    assert_eq!(run.shape("/time"), [412]);
    let input = common::open(&j);
    let all = &common::content(&input, common::find(&input, "/time"))[0];
    let kept = &common::content(&run.output, common::find(&run.output, "/time"))[0];
    assert_eq!(kept[..], all[..412 * 8]);
}

#[test]
fn s20_groups_share_the_dimension_of_their_parent() {
    let s6 = shared!(SENTINEL);
    let request = ["--bbox=-10,66,10,67"];
    assert_eq!(select(&s6, &request).unwrap().runs("/data_01/time"), [(442, 492)]);
    let run = transform(&s6, &request);
    assert_eq!(run.shape("/data_01/time"), [51]);
    let ku: Vec<_> = run.output.vars.iter().filter(|v| v.path.starts_with("/data_01/ku/")).collect();
    assert!(!ku.is_empty());
    ku.iter().for_each(|v| assert_eq!(run.shape(&v.path), [51], "{}", v.path));
    let declared: Vec<_> = run.output.dims.iter().map(|d| &run.output.group(d.group).path).collect();
    assert_eq!(declared, ["/data_01"]);
}

#[test]
fn s21_a_larger_box() {
    let selected = select(&shared!(SENTINEL), &["--bbox=-40,60,20,90"]).unwrap();
    assert_eq!(selected.runs("/data_01/time"), [(140, 572)]);
}

#[test]
fn s22_the_utc_time_is_chosen() {
    let s6 = shared!(SENTINEL);
    let request = ["--time=2021-04-03T00:45:00Z/2021-04-03T00:46:00Z"];
    assert_eq!(transform(&s6, &request).shape("/data_01/time"), [61]);
}

#[test]
fn s25_provenance_and_bounds_of_a_swath() {
    let run = transform(&shared!(ASCAT_A), &["--bbox=-180,-90,0,0"]);
    let records: serde_json::Value = serde_json::from_str(&run.text("history_json").unwrap()).unwrap();
    let last = records.as_array().unwrap().last().unwrap();
    assert_eq!(last["parameters"]["bbox"], serde_json::json!([-180.0, -90.0, 0.0, 0.0]));
    let numbers = run.text("geospatial_bounds").unwrap();
    let numbers: Vec<f64> =
        numbers.split(|c: char| !"+-.0123456789".contains(c)).filter_map(|t| t.parse().ok()).collect();
    assert_eq!(numbers.len(), 10);
    assert!(numbers.chunks(2).all(|p| p[0].abs() <= 180.0 && p[1].abs() <= 90.0), "{numbers:?}");
    for name in ["northernmost_latitude", "southernmost_latitude", "easternmost_longitude"] {
        assert!(run.text(name).is_none(), "{name}");
    }
    // Arrays of a few disk blocks stay in one piece.
    let deflated = |f: &Filter| f.id == harmony_model::filter::DEFLATE;
    let large = run.output.vars.iter().filter(|v| v.dtype.size() * 709 * 42 > 65536 && v.dims.len() == 2);
    large.for_each(|v| assert!(v.storage.filters().iter().any(deflated), "{} {:?}", v.path, v.storage));
}

// ---- 6.2 grids -------------------------------------------------------------------------------------------------

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

// ---- 6.3 masks -------------------------------------------------------------------------------------------------
// The granules of this table are not shared: the same sentences on the project's own.

/// Cells of the packed grid's first field that are not fill.
fn kept_cells(args: &[&str]) -> Vec<(i64, i64)> {
    let run = transform(&testdata("2020_01_01_global.nc"), args);
    let (lat, lon) = (run.physical("/lat"), run.physical("/lon"));
    let alpha = run.physical("/alpha_var");
    let cell = |v: f64| (v * 4.0).round() as i64;
    let all = lat.iter().flat_map(|&y| lon.iter().map(move |&x| (cell(y), cell(x))));
    all.zip(alpha).filter(|(_, v)| !v.is_nan()).map(|(c, _)| c).collect()
}

#[test]
fn m1_m14_the_centre_rule_keeps_a_part_of_what_is_touched() {
    // A triangle: centres inside it are counted by hand below.
    let shape = shape_file("Polygon", "[[[10.1,10.1],[20.1,10.1],[10.1,20.1],[10.1,10.1]]]");
    let centre = kept_cells(&[&shape.option()]);
    let touched = kept_cells(&[&shape.option(), "--shape-rule=touched"]);
    assert!(centre.len() < touched.len());
    assert!(centre.iter().all(|c| touched.contains(c)));
    let inside = |&(y, x): &(i64, i64)| {
        let (y, x) = (y as f64 / 4.0, x as f64 / 4.0);
        y >= 10.1 && x >= 10.1 && x + y <= 30.2
    };
    assert!(centre.iter().all(inside));
    // Centres at 10.25, 10.75, … in both directions with x + y ≤ 30.2: 20 in the first row, one less in each row.
    let by_hand: usize =
        (0..20).map(|row| (0..20).filter(|col| 20.5 + 0.5 * f64::from(row + col) <= 30.2).count()).sum();
    assert_eq!(centre.len(), by_hand);
}

#[test]
fn m1_what_is_masked_gets_a_fill_value_and_coordinates_stay() {
    let shape = shape_file("Polygon", "[[[10.1,10.1],[20.1,10.1],[10.1,20.1],[10.1,10.1]]]");
    let run = transform(&testdata("2020_01_01_global.nc"), &[&shape.option()]);
    let red = run.output.var(common::find(&run.output, "/red_var"));
    assert!(red.attr("_FillValue").is_some());
    assert_eq!(run.valid("/lat"), run.shape("/lat")[0] as usize);
    assert_eq!(run.valid("/lon"), run.shape("/lon")[0] as usize);
}

#[test]
fn m6_a_polygon_around_the_pole_on_a_projected_grid() {
    // A cap: its edge runs along 80° N.
    let cap = "[[[-180,80],[-90,80],[0,80],[90,80],[180,80],[180,90],[-180,90],[-180,80]]]";
    let shape = shape_file("Polygon", cap);
    let grid = testdata("ease2_north.nc4");
    let run = transform(&grid, &[&shape.option()]);
    // The variable holds the distance from the pole in 100 km. Snyder (1987), eq. 24-23: ρ = a √(q_p − q).
    let e = (1.0f64 / 298.257_223_563 * (2.0 - 1.0 / 298.257_223_563)).sqrt();
    let q = |sin: f64| {
        let es = e * sin;
        (1.0 - e * e) * (sin / (1.0 - es * es) - ((1.0 - es) / (1.0 + es)).ln() / (2.0 * e))
    };
    let radius = 63.781_37 * (q(1.0) - q(80f64.to_radians().sin())).sqrt();
    let input = common::physical(&common::open(&grid), "/distance");
    let kept: Vec<f64> = run.physical("/distance").into_iter().filter(|v| !v.is_nan()).collect();
    assert_eq!(kept.len(), input.iter().filter(|v| **v <= radius).count());
    assert!(kept.len() > 400 && kept.iter().all(|v| *v <= radius));
    assert_eq!(run.shape("/distance"), [24, 24]);
}

#[test]
fn m13_a_polygon_outside_the_data_is_no_data() {
    let shape = shape_file("Polygon", &format!("[{}]", ring(10.0, 10.0, 20.0, 20.0)));
    no_data(&testdata("polar_south.nc4"), &[&shape.option()]);
    no_data(&testdata("swath_antimeridian.nc4"), &[&shape.option()]);
}

// ---- 6.4 segmented trajectories --------------------------------------------------------------------------------

/// Segments, photons, background, ocean samples of a subset.
fn lengths(run: &common::Run) -> [u64; 4] {
    [
        "geolocation/segment_id",
        "heights/h_ph",
        "bckgrd_atlas/bckgrd_rate",
        "signal_find_output/ocean/bckgrd_mean",
    ]
    .map(|name| {
        let found = run.output.find_var(&format!("/gt1l/{name}"));
        // A group that nothing is left of is not written.
        found.map_or(0, |v| run.output.shape(v)[0])
    })
}

fn begins(run: &common::Run) -> Vec<f64> {
    run.stored("/gt1l/geolocation/ph_index_beg")
}

const R2_BOX: &str = "--bbox=95.10,87.29,95.12,87.30";

#[test]
fn r1_the_first_four_segments() {
    let run = transform(&shared!(ATL03), &["--bbox=178,87,180,88"]);
    assert_eq!(lengths(&run), [4, 304, 2, 2]);
    assert_eq!(begins(&run), [1.0, 78.0, 161.0, 234.0]);
    assert_eq!(run.shape("/gt1l/geophys_corr/dac"), [4]);
}

#[test]
fn r2_seven_segments_in_the_middle() {
    let atl03 = shared!(ATL03);
    let selected = select(&atl03, &[R2_BOX]).unwrap();
    let photons = (1623, 2098);
    let segment_dim =
        selected.scene.granule.var(common::find(&selected.scene.granule, "/gt1l/geolocation/segment_id"));
    let runs = selected.cut.selection.runs(&selected.scene.granule, segment_dim.dims[0]);
    assert_eq!(runs.indices().collect::<Vec<_>>(), (22..29).collect::<Vec<_>>());
    let run = transform(&atl03, &[R2_BOX]);
    assert_eq!(lengths(&run), [7, 476, 4, 3]);
    let b = begins(&run);
    assert_eq!((b[0], b[1], b[2], b[6]), (1.0, 60.0, 122.0, 405.0));
    let h = run.physical("/gt1l/heights/h_ph");
    assert!(near(h[0], 12.397579, 1e-6) && near(h[475], 12.269059, 1e-6), "{} {}", h[0], h[475]);
    let input = common::open(&atl03);
    let all = common::physical(&input, "/gt1l/heights/h_ph");
    assert_eq!(h, all[photons.0..=photons.1]);
}

#[test]
fn r3_two_runs_keep_the_background_from_first_to_last_time() {
    let run = transform(&shared!(ATL03), &["--bbox=-180,87.2975,180,87.2985"]);
    let [segments, photons, background, ocean] = lengths(&run);
    assert_eq!((segments, photons), (12, 885));
    assert_eq!(begins(&run)[11], 819.0);
    assert_eq!((background, ocean), (11362, 8647));
}

#[test]
fn r4_a_box_across_the_antimeridian() {
    let run = transform(&shared!(ATL03), &["--bbox=95.165,87,-170,88"]);
    assert_eq!(lengths(&run)[..2], [6, 467]);
}

#[test]
fn r5_a_box_around_everything_changes_no_index() {
    let atl03 = shared!(ATL03);
    let run = transform(&atl03, &["--bbox=90,87,180,88"]);
    assert_eq!(lengths(&run), [40, 2909, 11378, 8659]);
    let input = common::open(&atl03);
    assert_eq!(
        begins(&run),
        input.read_stored(common::find(&input, "/gt1l/geolocation/ph_index_beg")).unwrap()
    );
}

#[test]
fn r6_a_box_elsewhere_is_no_data() {
    no_data(&shared!(ATL03), &["--bbox=0,0,10,10"]);
}

#[test]
fn r7_a_time_range_keeps_the_photons_of_its_last_segment() {
    let run = transform(&shared!(ATL03), &["--time=2018-10-14T00:26:50Z/2018-10-14T00:26:51Z"]);
    assert_eq!(lengths(&run)[..2], [4, 304]);
}

#[test]
fn r8_fractions_of_a_second_count() {
    let atl03 = shared!(ATL03);
    let run = transform(&atl03, &["--time=2018-10-14T00:26:50.7990Z/2018-10-14T00:26:50.8010Z"]);
    assert_eq!(lengths(&run)[..2], [1, 83]);
    let input = common::open(&atl03);
    let ids = input.read_stored(common::find(&input, "/gt1l/geolocation/segment_id")).unwrap();
    assert_eq!(run.stored("/gt1l/geolocation/segment_id"), [ids[1]]);
}

#[test]
fn r9_a_range_between_samples_is_no_data() {
    no_data(&shared!(ATL03), &["--time=2018-10-14T00:27:00Z/2018-10-14T00:27:40Z"]);
}

#[test]
fn r10_one_variable_brings_what_makes_it_readable() {
    let run = transform(&shared!(ATL03), &[R2_BOX, "--variable=/gt1l/heights/h_ph"]);
    for name in [
        "heights/h_ph",
        "heights/lat_ph",
        "heights/lon_ph",
        "heights/delta_time",
        "geolocation/ph_index_beg",
        "geolocation/segment_ph_cnt",
        "geolocation/reference_photon_lat",
        "geolocation/reference_photon_lon",
        "geolocation/delta_time",
    ] {
        assert!(run.has(&format!("/gt1l/{name}")), "{name} in {:?}", run.names());
    }
    assert!(!run.has("/gt1l/heights/quality_ph") && !run.has("/gt1l/bckgrd_atlas/bckgrd_rate"));
    assert!(run.output.find_group("/METADATA").is_some());
    assert_eq!(begins(&run)[1], 60.0);
}

#[test]
fn r11_a_box_without_width_is_no_data() {
    no_data(&shared!(ATL03), &["--bbox=95.11,87.2955,95.11,87.2965"]);
}

#[test]
fn r12_begins_are_sums_of_counts_and_storage_is_kept() {
    let atl03 = shared!(ATL03);
    for request in [R2_BOX, "--bbox=178,87,180,88", "--bbox=-180,87.2975,180,87.2985"] {
        let run = transform(&atl03, &[request]);
        assert_indices(&run, "/gt1l");
        let h = run.output.var(common::find(&run.output, "/gt1l/heights/h_ph"));
        assert!(matches!(h.storage, Storage::Chunked { .. }));
        assert!(h.storage.filters().iter().any(|f| f.id == harmony_model::filter::DEFLATE));
        assert!(h.attr("coordinates").is_some());
    }
}

/// `ph_index_beg[i] = 1 + Σ counts before` where there are photons; the counts add up to the photons.
fn assert_indices(run: &common::Run, beam: &str) {
    let begins = run.stored(&format!("{beam}/geolocation/ph_index_beg"));
    let counts = run.stored(&format!("{beam}/geolocation/segment_ph_cnt"));
    let mut next = 1.0;
    for (b, c) in begins.iter().zip(&counts) {
        let empty = *c == 0.0;
        assert!(if empty { *b == 0.0 } else { *b == next }, "{b} {c} {next}");
        next += c;
    }
    assert_eq!(next - 1.0, run.shape(&format!("{beam}/heights/h_ph"))[0] as f64);
}

#[test]
fn r12_r14_the_same_on_our_granule_with_empty_segments_and_at_its_end() {
    let photons = testdata("atl03_like.h5");
    for (request, segments) in
        [("--bbox=80,-9,110,-7", 6), ("--bbox=80,31,110,90", 5), ("--bbox=80,-2,110,2", 21)]
    {
        let run = transform(&photons, &[request]);
        for beam in ["/gt1l", "/gt2l", "/gt3l"] {
            assert_indices(&run, beam);
            assert_eq!(
                run.shape(&format!("{beam}/geolocation/ph_index_beg")),
                [segments],
                "{request} {beam}"
            );
        }
    }
}

#[test]
fn r15_the_hole_of_a_multipolygon_is_honoured() {
    let atl03 = shared!(ATL03);
    let (outer, hole) = (ring(95.10, 87.29, 95.12, 87.30), ring(95.108, 87.2901, 95.112, 87.2999));
    let shape = shape_file("MultiPolygon", &format!("[[{outer},{hole}]]"));
    let input = common::open(&atl03);
    let at = |name: &str| common::physical(&input, &format!("/gt1l/geolocation/reference_photon_{name}"));
    let inside = |(x, y): (f64, f64)| {
        let within = |w: f64, s: f64, e: f64, n: f64| (w..=e).contains(&x) && (s..=n).contains(&y);
        within(95.10, 87.29, 95.12, 87.30) && !within(95.108, 87.2901, 95.112, 87.2999)
    };
    let wanted = at("lon").into_iter().zip(at("lat")).filter(|&p| inside(p)).count() as u64;
    assert!(wanted > 0 && wanted < 7, "{wanted}");
    let run = transform(&atl03, &[&shape.option()]);
    assert_eq!(lengths(&run)[0], wanted);
    assert_indices(&run, "/gt1l");
}

#[test]
fn r17_a_subset_of_a_subset_is_consistent_again() {
    let atl03 = shared!(ATL03);
    let first = transform(&atl03, &["--bbox=95.09,87.28,95.13,87.31"]);
    let second = transform(&first.written.output, &[R2_BOX]);
    let direct = transform(&atl03, &[R2_BOX]);
    assert_eq!(lengths(&second)[..2], lengths(&direct)[..2]);
    assert_eq!(begins(&second), begins(&direct));
    let again = transform(&direct.written.output, &[R2_BOX]);
    assert_eq!(begins(&again), begins(&direct));
    assert_eq!(lengths(&again), lengths(&direct));
}
