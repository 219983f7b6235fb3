//! Numbers are those of world files that the reference program wrote, and of its tables.

use harmony_model::GridSpec;
use harmony_model::crs::{Crs, proj_available};
use harmony_model::request::TargetRequest;

use super::{gibs_grid, preferred_crs};

fn crs(text: &str) -> Crs {
    Crs::parse(text).unwrap()
}

/// Upper left corner, cell and size.
fn grid(system: &str, corner: [f64; 2], cell: f64, size: [u64; 2]) -> GridSpec {
    GridSpec { crs: crs(system), x0: corner[0], y0: corner[1], dx: cell, dy: -cell, nx: size[0], ny: size[1] }
}

/// Lines 1, 4, 5 and 6 of the world file.
fn world(g: &GridSpec) -> [f64; 4] {
    [g.dx, g.dy, g.x_centre(0.0), g.y_centre(0.0)]
}

fn assert_near(got: [f64; 4], expected: [f64; 4]) {
    for (g, e) in got.iter().zip(expected) {
        // The rule by which golden cases are judged.
        let bound = 1e-6 * e.abs() + 1e-6 * expected[0].abs();
        assert!((g - e).abs() <= bound, "{got:?}, expected {expected:?}");
    }
}

fn target(system: Option<&str>, extent: Option<[f64; 4]>, cell_size: Option<[f64; 2]>) -> TargetRequest {
    TargetRequest { crs: system.map(crs), extent, cell_size, ..TargetRequest::default() }
}

const GLOBE: [f64; 2] = [-180.0, 90.0];

#[test]
fn a_grid_that_gibs_knows_stays_as_it_is_when_it_is_coarse() {
    let source = grid("EPSG:4326", GLOBE, 0.05, [7200, 3600]);
    let got = gibs_grid(&source, &TargetRequest::default()).unwrap();
    assert_eq!((got.nx, got.ny), (7200, 3600));
    assert_near(world(&got), [0.05, -0.05, -179.975, 89.975]);
}

#[test]
fn a_size_or_a_cell_size_decides_before_the_level() {
    let source = grid("EPSG:4326", GLOBE, 0.05, [7200, 3600]);
    let got = gibs_grid(&source, &target(Some("EPSG:4326"), None, Some([1.0, 2.0]))).unwrap();
    assert_eq!((got.nx, got.ny), (360, 90));
    assert_near(world(&got), [1.0, -2.0, -179.5, 89.0]);
    let both = TargetRequest { width: Some(180), height: Some(180), ..TargetRequest::default() };
    let got = gibs_grid(&source, &both).unwrap();
    assert_near(world(&got), [2.0, -1.0, -179.0, 89.5]);
    let alone = TargetRequest { width: Some(180), ..TargetRequest::default() };
    assert_eq!(gibs_grid(&source, &alone).unwrap().nx, 7200);
}

#[test]
fn rows_are_rounded_and_the_extent_is_kept() {
    let source = grid("EPSG:4326", GLOBE, 0.05, [7200, 3600]);
    let extent = Some([-30.0, 60.0, -10.0, 70.0]);
    let got = gibs_grid(&source, &target(Some("EPSG:4326"), extent, Some([0.001, 0.0029]))).unwrap();
    assert_eq!((got.nx, got.ny), (20_000, 3448));
    assert_near(world(&got), [0.001, -0.002900232018561485, -29.9995, 69.99854988399072]);
}

#[test]
fn a_fine_grid_takes_the_nearest_level() {
    let source = grid("EPSG:4326", [21.9998611, 1.0001389], 1.0 / 3600.0, [3601, 3601]);
    let got = gibs_grid(&source, &target(Some("EPSG:4326"), Some([22.0, 0.0, 23.0, 1.0]), None)).unwrap();
    assert_eq!((got.nx, got.ny), (3641, 3641));
    let cell = 0.00027464982147761604;
    assert_near(world(&got), [cell, -cell, 22.00013732491074, 0.9998626750892612]);
}

#[test]
fn degrees_become_metres_by_the_factor_of_gibs() {
    let source = grid("EPSG:4326", GLOBE, 0.25, [1440, 720]);
    let extent = Some([-4_194_304.0, -4_194_304.0, 4_194_304.0, 4_194_304.0]);
    let got = gibs_grid(&source, &target(Some("EPSG:3413"), extent, None)).unwrap();
    assert_eq!((got.nx, got.ny), (295, 295));
}

#[test]
fn a_reversed_extent_and_one_without_a_system_are_refused() {
    let source = grid("EPSG:4326", GLOBE, 0.25, [1440, 720]);
    let refused = |t: &TargetRequest| gibs_grid(&source, t).unwrap_err().to_string();
    let text = refused(&target(Some("EPSG:4326"), Some([23.0, 0.0, 22.0, 1.0]), None));
    assert!(text.starts_with("Harmony ScaleExtents must be in order [xmin,ymin,xmax,ymax]."), "{text}");
    let text = refused(&target(None, Some([22.0, 0.0, 23.0, 1.0]), None));
    assert!(text.starts_with("Harmony message must include a crs with scaleExtent or scaleSizes."), "{text}");
    let text = refused(&target(Some("EPSG:4326"), None, Some([0.0, 1.0])));
    assert!(text.contains("not positive"), "{text}");
    let huge = TargetRequest { width: Some(u64::MAX), height: Some(1), ..TargetRequest::default() };
    assert!(refused(&huge).contains("can't be made"));
}

#[test]
fn the_system_follows_the_origin_of_the_projection_not_the_place() {
    if proj_available().is_err() {
        return;
    }
    let of = |text: &str| preferred_crs(&crs(text)).definition;
    assert_eq!(of("EPSG:3031"), "EPSG:3031");
    assert_eq!(of("EPSG:6931"), "EPSG:3413");
    assert_eq!(of("EPSG:6932"), "EPSG:3031");
    assert_eq!(of("EPSG:32661"), "EPSG:3413");
    assert_eq!(of("EPSG:3411"), "EPSG:3413");
    assert_eq!(of("EPSG:6933"), "EPSG:4326");
    assert_eq!(of("EPSG:32618"), "EPSG:4326");
}

#[test]
fn utm_grids_land_where_the_reference_puts_them() {
    if proj_available().is_err() {
        return;
    }
    let cases = [
        // B3
        (
            grid("EPSG:32618", [101_985.0, 2_826_915.0], 5000.0, [47, 43]),
            [54, 45],
            [0.04371942577778859, -0.044038940972459605, -78.93679025250508, 25.528599157001686],
        ),
        // Sentinel-2 true colour
        (
            grid("EPSG:32634", [699_960.0, 3_600_000.0], 100.0, [1098, 1098]),
            [1084, 923],
            [0.0010981441516713932, -0.0010987661184420614, 23.106625315603992, 32.51878548863697],
        ),
        // B4: across the antimeridian
        (
            grid("EPSG:32701", [99_960.0, 8_300_020.0], 150.0, [732, 732]),
            [946, 916],
            [0.0010989640251348653, -0.001098548342827288, 179.25749867148372, -15.346002979868201],
        ),
    ];
    for (source, size, expected) in cases {
        let got = gibs_grid(&source, &TargetRequest::default()).unwrap();
        assert_eq!([got.nx, got.ny], size);
        assert_near(world(&got), expected);
    }
}

#[test]
fn an_equal_area_grid_on_another_datum_goes_to_degrees_and_to_the_pole() {
    if proj_available().is_err() {
        return;
    }
    let text =
        "+proj=cea +lat_ts=33.75 +lon_0=-117.333333333333 +x_0=0 +y_0=0 +datum=NAD27 +units=m +no_defs";
    let source = grid(text, [-28_493.166784412522, 4_255_884.543802191], 60.02213698319374, [514, 515]);
    let got = gibs_grid(&source, &TargetRequest::default()).unwrap();
    assert_eq!((got.nx, got.ny), (606, 508));
    let expected = [0.0005494654790261138, -0.0005489458585250447, -117.64144674265151, 33.94355974875138];
    assert_near(world(&got), expected);
    let got = gibs_grid(&source, &target(Some("EPSG:3413"), None, None)).unwrap();
    assert_eq!((got.nx, got.ny), (755, 753));
    let expected = [63.97425453730224, -64.03564896933817, -6325192.298256763, -1965791.6000266713];
    assert_near(world(&got), expected);
}

#[test]
fn a_pole_inside_makes_it_all_longitudes() {
    if proj_available().is_err() {
        return;
    }
    let source = grid("EPSG:3413", [-4_194_304.0, 4_194_304.0], 32_768.0, [256, 256]);
    let got = super::transformed_extent(&source, &Crs::wgs84()).unwrap();
    assert_eq!((got[0], got[2], got[3]), (-180.0, 180.0, 90.0));
    assert!(got[1] > 30.0 && got[1] < 40.0, "{got:?}");
}
