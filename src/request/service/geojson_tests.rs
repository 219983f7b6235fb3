use super::*;

fn only(cover: Cover) -> Value {
    let value: Value = serde_json::from_str(&text(vec![cover])).unwrap();
    value["features"][0]["geometry"].clone()
}

fn square(w: f64, s: f64, e: f64, n: f64) -> Ring {
    vec![[w, s], [w, n], [e, n], [e, s], [w, s]]
}

#[test]
fn exteriors_are_counter_clockwise_and_holes_clockwise() {
    let g = only(Cover::Polygons(vec![vec![
        square(0.0, 0.0, 10.0, 10.0),
        vec![[2.0, 2.0], [4.0, 2.0], [4.0, 4.0]],
    ]]));
    let expected = json!([
        [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0], [0.0, 0.0]],
        [[2.0, 2.0], [4.0, 4.0], [4.0, 2.0], [2.0, 2.0]]
    ]);
    assert_eq!(g["coordinates"], expected);
    let again = only(Cover::Polygons(vec![serde_json::from_value(g["coordinates"].clone()).unwrap()]));
    assert_eq!(again, g);
}

#[test]
fn the_antimeridian_cuts_in_two() {
    for (west, east) in [(170.0, -170.0), (170.0, 190.0), (-190.0, -170.0)] {
        let g = only(Cover::Polygons(vec![vec![square(west, -5.0, east, 5.0)]]));
        assert_eq!(g["type"], "MultiPolygon", "{g}");
        let polygons: Vec<Polygon> = serde_json::from_value(g["coordinates"].clone()).unwrap();
        let total: f64 = polygons.iter().map(|p| twice_area(&p[0])).sum();
        assert_eq!((polygons.len(), total), (2, 400.0));
        assert!(
            polygons.iter().flatten().flatten().all(|p| p[0].abs() >= 170.0 && p[0].abs() <= 180.0),
            "{g}"
        );
    }
    let g = only(Cover::Lines(vec![vec![[170.0, 0.0], [-170.0, 10.0]]]));
    assert_eq!(g["coordinates"], json!([[[170.0, 0.0], [180.0, 5.0]], [[-180.0, 5.0], [-170.0, 10.0]]]));
}

#[test]
fn circles_have_four_to_a_hundred_sides() {
    assert_eq!(circle([0.0, 0.0], 5.557).len(), 5);
    let ring = circle([10.0, 50.0], 1_000_000.0);
    assert_eq!(ring.len(), 101);
    assert!(twice_area(&ring) > 0.0 && encloses(&ring, [10.0, 50.0]));
    let g = only(covers(vec![Part::Point([0.0, 0.0])], 0.0001).remove(0));
    assert_eq!(g["type"], "Polygon");
}

#[test]
fn esri_holes_find_their_exterior() {
    let reversed = |mut r: Ring| {
        r.reverse();
        r
    };
    let rings = vec![
        square(0.0, 0.0, 10.0, 10.0),
        square(20.0, 0.0, 30.0, 10.0),
        reversed(square(22.0, 2.0, 24.0, 4.0)),
    ];
    let polygons = by_winding(rings);
    assert_eq!(polygons.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
}
