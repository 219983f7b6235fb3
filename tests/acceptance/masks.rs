//! 6.3 masks.

use crate::common::{no_data, testdata, transform};
use crate::{common, ring, shape_file};

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
