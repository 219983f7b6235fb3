use proptest::prelude::*;

use super::*;

fn square(x: f64, y: f64, size: f64) -> Vec<[f64; 2]> {
    vec![[x, y], [x + size, y], [x + size, y + size], [x, y + size]]
}

fn cells(mask: &BitMask) -> Vec<(usize, usize)> {
    (0..mask.rows())
        .flat_map(|r| mask.runs_in_row(r).indices().map(move |c| (r, c as usize)).collect::<Vec<_>>())
        .collect()
}

#[test]
fn columns_of_any_order_come_back() {
    for axis in [
        vec![0.0, 1.0, 2.0, 3.0],
        vec![3.0, 2.0, 1.0, 0.0],
        vec![2.0, 3.0, 0.0, 1.0],
        vec![1.0, f64::NAN, 0.0, 2.0],
    ] {
        let p = PlanarPolygons::from_rings(&[vec![square(0.5, 0.5, 2.0)]]);
        let mask = p.mask_centres(&axis, &[1.0]);
        for (col, x) in axis.iter().enumerate() {
            assert_eq!(mask.get(0, col), p.contains(*x, 1.0), "{axis:?} {col}");
        }
    }
}

#[test]
fn a_square_on_cell_borders_touches_only_its_cells() {
    let p = PlanarPolygons::from_rings(&[vec![square(1.0, 1.0, 2.0)]]);
    let edges: Vec<f64> = (0..6).map(f64::from).collect();
    let down: Vec<f64> = edges.iter().rev().copied().collect();
    assert_eq!(cells(&p.mask_touched(&edges, &edges).unwrap()), [(1, 1), (1, 2), (2, 1), (2, 2)]);
    assert_eq!(cells(&p.mask_touched(&edges, &down).unwrap()), [(2, 1), (2, 2), (3, 1), (3, 2)]);
    assert_eq!(cells(&p.mask_touched(&down, &edges).unwrap()), [(1, 2), (1, 3), (2, 2), (2, 3)]);
    assert!(p.mask_touched(&[0.0, 1.0, 1.0], &edges).is_err() && p.mask_touched(&[0.0], &edges).is_err());
}

#[test]
fn a_small_polygon_touches_the_cells_it_is_in() {
    let edges: Vec<f64> = (0..6).map(f64::from).collect();
    let p = PlanarPolygons::from_rings(&[vec![square(2.9, 2.1, 0.2)]]);
    assert_eq!(cells(&p.mask_touched(&edges, &edges).unwrap()), [(2, 2), (2, 3)]);
    assert!(p.mask_centres(&[2.5, 3.5], &[2.5]).is_empty());
}

#[test]
fn the_boundary_of_a_hole_is_touched_and_its_inside_is_not() {
    let edges: Vec<f64> = (0..=10).map(f64::from).collect();
    let p = PlanarPolygons::from_rings(&[vec![square(0.0, 0.0, 10.0), square(2.5, 2.5, 5.0)]]);
    let mask = p.mask_touched(&edges, &edges).unwrap();
    assert_eq!(mask.count(), 100 - 16);
    assert!(mask.get(2, 2) && mask.get(7, 4) && !mask.get(3, 3) && !mask.get(6, 6));
}

/// Whether the polygon's boundary meets the open cell, by sampling: a slow reference for the touched rule.
fn boundary_meets(ring: &[[f64; 2]], x: f64, y: f64) -> bool {
    ring.iter().zip(ring.iter().cycle().skip(1)).any(|(a, b)| {
        (0..=4000).any(|i| {
            let t = f64::from(i) / 4000.0;
            let (px, py) = (a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]));
            px > x && px < x + 1.0 && py > y && py < y + 1.0
        })
    })
}

fn ring_strategy(lattice: bool) -> impl Strategy<Value = Vec<[f64; 2]>> {
    // Vertices on quarter cells meet centres and borders often; others never do.
    let coordinate = move || {
        prop_oneof![
            (0..=40u32).prop_map(|v| f64::from(v) / 4.0),
            if lattice {
                (0..=40u32).prop_map(|v| f64::from(v) / 4.0).boxed()
            } else {
                (0.0..10.0f64).boxed()
            },
        ]
    };
    prop::collection::vec((coordinate(), coordinate()).prop_map(|(x, y)| [x, y]), 3..12)
}

proptest! {
    #[test]
    fn rows_and_points_agree(
        polygons in prop::collection::vec(prop::collection::vec(ring_strategy(true), 1..4), 1..4),
        offset in prop_oneof![Just(0.0), Just(0.25), 0.0..1.0f64],
    ) {
        let p = PlanarPolygons::from_rings(&polygons);
        let axis: Vec<f64> = (0..24).map(|i| f64::from(i) * 0.5 - 1.0 + offset).collect();
        let mask = p.mask_centres(&axis, &axis);
        for (row, y) in axis.iter().enumerate() {
            for (col, x) in axis.iter().enumerate() {
                prop_assert_eq!(mask.get(row, col), p.contains(*x, *y), "{} {}", x, y);
            }
        }
    }

    #[test]
    fn points_agree_with_a_slow_reference(ring in ring_strategy(false), x in 0.0..10.0f64, y in 0.0..10.0f64) {
        let p = PlanarPolygons::from_rings(&[vec![ring.clone()]]);
        let odd = ring.iter().zip(ring.iter().cycle().skip(1)).filter(|(a, b)| {
            (a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0]
        }).count() % 2 == 1;
        prop_assert_eq!(p.contains(x, y), odd);
    }

    #[test]
    fn touched_cells_are_centres_and_boundary(ring in ring_strategy(false)) {
        let p = PlanarPolygons::from_rings(&[vec![ring.clone()]]);
        let edges: Vec<f64> = (0..=10).map(f64::from).collect();
        let mask = p.mask_touched(&edges, &edges).unwrap();
        for row in 0..10 {
            for col in 0..10 {
                let (x, y) = (col as f64, row as f64);
                // Sampling can miss a corner cut; what it finds must be set.
                if p.contains(x + 0.5, y + 0.5) || boundary_meets(&ring, x, y) {
                    prop_assert!(mask.get(row, col), "{} {}", col, row);
                }
                if mask.get(row, col) {
                    let near = (-1..=5).any(|i| (-1..=5).any(|j| p.contains(x + f64::from(i) / 4.0, y + f64::from(j) / 4.0)))
                        || boundary_meets(&ring, x, y) || !p.bands.within(y, y + 1.0).is_empty();
                    prop_assert!(near);
                }
            }
        }
    }
}
