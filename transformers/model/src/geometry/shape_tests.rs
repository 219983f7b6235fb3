use proptest::prelude::*;

use super::*;
use crate::Runs;
use crate::geometry::build::Builder;

fn polygon(rings: &[&[(f64, f64)]]) -> Shape {
    let rings = rings.iter().map(|r| r.iter().map(|p| [p.0, p.1]).collect()).collect();
    Shape::new("test", &[Part::Polygon(rings)]).unwrap()
}

fn check(shape: &Shape, places: &[(f64, f64, bool)]) {
    for &(lon, lat, inside) in places {
        for turn in [-360.0, 0.0, 360.0] {
            assert_eq!(shape.contains(lon + turn, lat), inside, "{} {lat}", lon + turn);
        }
    }
}

#[test]
fn a_polygon_across_greenwich_holds_samples_of_0_to_360() {
    let s = polygon(&[&[(-20.0, -30.0), (20.0, -30.0), (20.0, 30.0), (-20.0, 30.0)]]);
    check(
        &s,
        &[
            (0.0, 0.0, true),
            (-20.0, 30.0, true),
            (20.0, -30.0, true),
            (21.0, 0.0, false),
            (180.0, 0.0, false),
        ],
    );
    assert_eq!(s.bounds(), Some(Bbox::new(-20.0, -30.0, 20.0, 30.0).unwrap()));
    let axis: Vec<f64> = (0..360).map(|i| f64::from(i) + 0.5).collect();
    let mask = s.mask_centres(&axis, &[0.0]);
    let runs: Vec<_> = mask.runs_in_row(0).runs().iter().map(|r| (r.start, r.len)).collect();
    assert_eq!(runs, [(0, 20), (340, 20)]);
}

#[test]
fn a_polygon_across_the_antimeridian() {
    let jump: &[(f64, f64)] = &[(170.0, -10.0), (-170.0, -10.0), (-170.0, 10.0), (170.0, 10.0)];
    let beyond: &[(f64, f64)] = &[(170.0, -10.0), (190.0, -10.0), (190.0, 10.0), (170.0, 10.0)];
    let cut = Shape::new(
        "cut",
        &[
            Part::Polygon(vec![vec![[170.0, -10.0], [180.0, -10.0], [180.0, 10.0], [170.0, 10.0]]]),
            Part::Polygon(vec![vec![[-180.0, -10.0], [-170.0, -10.0], [-170.0, 10.0], [-180.0, 10.0]]]),
        ],
    );
    for s in [polygon(&[jump]), polygon(&[beyond]), cut.unwrap()] {
        check(
            &s,
            &[
                (180.0, 0.0, true),
                (175.0, 10.0, true),
                (-170.0, -10.0, true),
                (-169.9, 0.0, false),
                (0.0, 0.0, false),
                (180.0, 10.0, true),
                (180.0, 10.1, false),
            ],
        );
        assert_eq!(s.bounds(), Some(Bbox::new(170.0, -10.0, -170.0, 10.0).unwrap()));
        // Columns −180…180 in steps of 4 centred on multiples of 4: the cells that overlap 170…190.
        let edges: Vec<f64> = (0..=90).map(|i| -182.0 + 4.0 * f64::from(i)).collect();
        let touched = s.mask_touched(&edges, &[-20.0, 0.0, 20.0]).unwrap();
        assert_eq!(touched.runs_in_row(0).indices().collect::<Vec<_>>(), [0, 1, 2, 88, 89]);
    }
}

#[test]
fn the_cut_is_not_a_boundary() {
    // Two tongues across the antimeridian: the meridian between them is outside.
    let s = polygon(&[&[
        (170.0, 0.0),
        (-170.0, 0.0),
        (-170.0, 5.0),
        (175.0, 5.0),
        (175.0, 10.0),
        (-170.0, 10.0),
        (-170.0, 15.0),
        (170.0, 15.0),
    ]]);
    check(
        &s,
        &[
            (180.0, 2.0, true),
            (180.0, 7.0, false),
            (180.0, 12.0, true),
            (172.0, 7.0, true),
            (-180.0, 5.0, true),
        ],
    );
    // One vertex on the meridian.
    let tip = polygon(&[&[(170.0, 0.0), (180.0, 5.0), (170.0, 10.0)]]);
    check(&tip, &[(180.0, 5.0, true), (180.0, 5.1, false), (175.0, 5.0, true), (-179.0, 5.0, false)]);
}

#[test]
fn polygons_around_poles() {
    let north = polygon(&[&[(58.41, 76.95), (163.98, 80.56), (-122.99, 81.94), (-26.18, 82.82)]]);
    check(
        &north,
        &[
            (0.0, 90.0, true),
            (180.0, 89.0, true),
            (58.41, 76.95, true),
            (58.41, 76.9, false),
            (-60.0, 80.0, false),
            (58.41, 80.0, true),
        ],
    );
    assert_eq!(north.bounds(), Some(Bbox::new(-180.0, 76.95, 180.0, 90.0).unwrap()));
    let south: &[(f64, f64)] = &[(0.0, -60.0), (-120.0, -60.0), (120.0, -60.0)];
    let ring = polygon(&[south, &[(0.0, -80.0), (120.0, -80.0), (-120.0, -80.0)]]);
    check(
        &ring,
        &[
            (7.0, -90.0, false),
            (0.0, -85.0, false),
            (0.0, -80.0, true),
            (33.0, -70.0, true),
            (180.0, -70.0, true),
            (180.0, -85.0, false),
            (0.0, 0.0, false),
        ],
    );
    assert_eq!(ring.bounds().unwrap().north, -60.0);
}

#[test]
fn all_longitudes_and_all_the_globe() {
    let band = polygon(&[&[(-180.0, -10.0), (180.0, -10.0), (180.0, 10.0), (-180.0, 10.0)]]);
    check(&band, &[(0.0, 0.0, true), (180.0, 0.0, true), (180.0, 10.0, true), (90.0, 11.0, false)]);
    assert!(band.bounds().unwrap().is_full_longitude());
    let globe = polygon(&[&[(0.0, -90.0), (360.0, -90.0), (360.0, 90.0), (0.0, 90.0)]]);
    check(&globe, &[(0.0, 90.0, true), (-77.0, -90.0, true), (180.0, 0.0, true)]);
    let wide = Shape::from_bbox(&Bbox::new(-100.0, -10.0, 150.0, 10.0).unwrap());
    check(&wide, &[(0.0, 0.0, true), (160.0, 0.0, false), (-101.0, 0.0, false), (150.0, 10.0, true)]);
    assert_eq!(Shape::from_bbox(&Bbox::GLOBE).bounds(), Some(Bbox::GLOBE));
}

#[test]
fn places_lines_and_circles() {
    let s = Shape::new("test", &[Part::Point([10.0, 20.0]), Part::Line(vec![[170.0, 0.0], [-170.0, 10.0]])])
        .unwrap();
    check(
        &s,
        &[
            (10.0, 20.0, true),
            (10.0, 20.1, false),
            (180.0, 5.0, true),
            (180.0, 5.1, false),
            (-170.0, 10.0, true),
        ],
    );
    let lons: Vec<f64> = (0..36).map(|i| f64::from(i) * 10.0).collect();
    let lats: Vec<f64> = (0..18).map(|i| f64::from(i) * 10.0 - 85.0).collect();
    let mask = s.mask_centres(&lons, &lats);
    // The place is on the border of two rows: it belongs to the upper one.
    let set: Vec<_> = mask.row_runs().indices().map(|r| (r, mask.runs_in_row(r as usize))).collect();
    assert_eq!(set, [(9, Runs::range(17, 3)), (11, Runs::range(1, 1))]);

    let circle =
        Shape::new("test", &[Part::Circle { centre: [-118.2832, 34.03321], radius_m: 136_593.0 }]).unwrap();
    // 1° of latitude is 110.9 km here: the circle reaches 1.2314° north.
    check(
        &circle,
        &[
            (-118.2832, 34.03321, true),
            (-118.2832, 35.264, true),
            (-118.2832, 35.266, false),
            (-116.81, 34.03, true),
            (-116.79, 34.03, false),
        ],
    );
    let date_line =
        Shape::new("test", &[Part::Circle { centre: [179.5, 0.0], radius_m: 200_000.0 }]).unwrap();
    check(&date_line, &[(-179.0, 0.0, true), (178.0, 0.0, true), (-178.6, 0.0, false), (0.0, 0.0, false)]);
    let pole = Shape::new("test", &[Part::Circle { centre: [30.0, 85.0], radius_m: 1_000_000.0 }]).unwrap();
    check(
        &pole,
        &[
            (30.0, 90.0, true),
            (-150.0, 86.1, true),
            (-150.0, 85.9, false),
            (30.0, 76.1, true),
            (30.0, 75.9, false),
        ],
    );
    let near_pole = Shape::new("test", &[Part::Circle { centre: [0.0, 85.0], radius_m: 550_000.0 }]).unwrap();
    check(
        &near_pole,
        &[
            (0.0, 89.9, true),
            (0.0, 90.0, false),
            (180.0, 89.9, false),
            (60.0, 88.0, true),
            (90.0, 88.0, false),
        ],
    );
}

#[test]
fn wrong_parts_are_refused_with_their_place() {
    let p = |ring: &[[f64; 2]]| Part::Polygon(vec![ring.to_vec()]);
    for (part, words) in [
        (p(&[[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]), "fewer than 3 distinct"),
        (p(&[]), "fewer than 3 distinct"),
        (p(&[[0.0, 0.0], [1.0, f64::NAN], [0.0, 1.0]]), "vertex 2 (1, NaN) is not finite"),
        (p(&[[0.0, 0.0], [1.0, 91.0], [0.0, 1.0]]), "latitude outside"),
        (p(&[[500_000.0, 0.0], [1.0, 1.0], [0.0, 1.0]]), "longitude far outside"),
        (Part::Circle { centre: [0.0, 0.0], radius_m: -1.0 }, "radius is -1"),
        (Part::Circle { centre: [0.0, 0.0], radius_m: f64::NAN }, "radius is NaN"),
    ] {
        let message = Shape::new("a.geojson", &[part]).unwrap_err().to_string();
        assert!(message.contains(words) && message.starts_with("a.geojson: "), "{message}");
    }
    let mut builder = Builder::new("big.shp", 5);
    let message = builder.add(0, &Part::Line(vec![[0.0, 0.0]; 6])).unwrap_err().to_string();
    assert!(message.contains("more than 5 vertices"), "{message}");
    let empty = Shape::new("none", &[]).unwrap();
    assert!(empty.is_empty() && empty.bounds().is_none() && !empty.contains(0.0, 0.0));
}

/// Even-odd on the sphere by definition: crossings of the meridian between the place and the north pole.
fn slow_contains(ring: &[[f64; 2]], lon: f64, lat: f64, north: bool) -> bool {
    let n = ring.len();
    let crossings = (0..n)
        .filter(|&i| {
            let (a, b) = (ring[i], ring[(i + 1) % n]);
            let step = |to: f64, from: f64| (to - from + 180.0).rem_euclid(360.0) - 180.0;
            let (x0, dx) = (step(a[0], lon), step(b[0], a[0]));
            // The edge in the frame of the meridian, in every turn it may be seen in.
            [-360.0, 0.0, 360.0]
                .iter()
                .filter(|t| {
                    let (x0, x1) = (x0 + **t, x0 + **t + dx);
                    (x0 > 0.0) != (x1 > 0.0) && a[1] + (b[1] - a[1]) * (-x0 / (x1 - x0)) > lat
                })
                .count()
                % 2
                == 1
        })
        .count();
    (crossings % 2 == 1) != north
}

#[test]
fn the_quick_grid_changes_nothing() {
    // Enough vertices that the grid is used, some of them on its cell borders.
    let star = |n: i32, turn: f64| -> Vec<[f64; 2]> {
        (0..n)
            .map(|i| {
                let a = f64::from(i) / f64::from(n) * std::f64::consts::TAU;
                let r = 40.0 + 25.0 * (a * 7.0 + turn).sin() + f64::from(i % 3);
                [wrap_lon((170.0 + r * a.cos()).round()), (r * a.sin()).round()]
            })
            .collect()
    };
    let rings = vec![star(400, 0.0), star(90, 1.0).iter().map(|p| [p[0], 0.3 * p[1]]).collect()];
    let shape = Shape::new("star", &[Part::Polygon(rings)]).unwrap();
    let exact = shape.plane.without_quick_grid();
    assert!(exact != shape.plane, "the grid is in use");
    for i in 0..200_000u32 {
        let (x, y) = (f64::from(i % 720) * 0.5 - 180.0, f64::from(i / 720) * 0.5 - 70.0);
        for (x, y) in [(x, y), (x + 0.123, y + 0.077)] {
            assert_eq!(shape.plane.contains(x, y), exact.contains(x, y), "{x} {y}");
        }
    }
}

proptest! {
    #[test]
    fn rings_anywhere_agree_with_the_definition(
        ring in prop::collection::vec((0.0..360.0f64, -85.0..85.0f64), 3..9),
        shift in prop_oneof![Just(0.0), Just(-180.0)],
        places in prop::collection::vec((-180.0..360.0f64, -89.0..89.0f64), 20),
    ) {
        // Neighbours nearer than 180°, so that "the shorter way" is what both mean.
        let mut at = ring[0].0 + shift;
        let ring: Vec<[f64; 2]> = ring.iter().map(|&(lon, lat)| {
            at += (lon - 180.0) * 0.9;
            [wrap_lon(at), lat]
        }).collect();
        let unwrapped = crate::geometry::ring::Unwrapped::new(ring.clone());
        prop_assume!(unwrapped.turn.abs() <= 360.0);
        let north = unwrapped.pole() == Some(crate::geometry::ring::Pole::North);
        let shape = Shape::new("t", &[Part::Polygon(vec![ring.clone()])]).unwrap();
        for (lon, lat) in places {
            prop_assert_eq!(shape.contains(lon, lat), slow_contains(&ring, lon, lat, north), "{} {}", lon, lat);
        }
    }

    #[test]
    fn grids_and_places_agree(
        ring in prop::collection::vec(((-36..=36i32).prop_map(|v| f64::from(v) * 5.0), (-18..=18i32).prop_map(|v| f64::from(v) * 5.0)), 3..9),
        hole in prop::collection::vec((-180.0..180.0f64, -90.0..90.0f64), 3..6),
        first in prop_oneof![Just(-180.0), Just(0.0), Just(2.5), Just(-180.3)],
        descending in any::<bool>(),
    ) {
        let rings = [ring, hole].iter().map(|r| r.iter().map(|p| [p.0, p.1]).collect()).collect();
        let Ok(shape) = Shape::new("t", &[Part::Polygon(rings)]) else { return Ok(()) };
        let mut lons: Vec<f64> = (0..73).map(|i| first + 5.0 * f64::from(i)).collect();
        if descending {
            lons.reverse();
        }
        let lats: Vec<f64> = (0..37).map(|i| -90.0 + 5.0 * f64::from(i)).collect();
        let mask = shape.mask_centres(&lons, &lats);
        let (many_lons, many_lats): (Vec<f64>, Vec<f64>) = lats.iter().flat_map(|y| lons.iter().map(move |x| (*x, *y))).unzip();
        let mut out = vec![false; many_lons.len()];
        shape.contains_many(&many_lons, &many_lats, &mut out);
        prop_assert_eq!(mask, BitMask::from_bools(lats.len(), lons.len(), &out));
    }
}
