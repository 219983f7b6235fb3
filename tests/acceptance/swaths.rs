//! 6.1 swaths and trajectories.

use crate::common::{near, no_data, refusal, select, transform};
use crate::{ASCAT_A, ASCAT_B, JASON, SENTINEL, assert_extent, common, holed, ring, shape_file, shared};
use harmony_model::Filter;

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
