//! Which rings are exteriors and which their holes, when only winding says so (ESRI shapefiles).

use crate::geometry::ring::Unwrapped;

/// Edge tests that finding the exteriors of the holes of one record may cost (about 0.1 s).
const MOST_TESTS: u64 = 20_000_000;

/// The rings of one record, sorted out.
pub(crate) enum Classified {
    /// Each with its exterior first.
    Polygons(Vec<Vec<Unwrapped>>),
    /// Too many to sort out in time: the even-odd rule over all of them is the same unless exteriors overlap.
    EvenOdd(Vec<Unwrapped>),
}

/// Groups rings into polygons.
///
/// Clockwise rings are exteriors; a counter-clockwise one is a hole of the smallest exterior around it. When no ring
/// is clockwise the writer wound them the wrong way: then nesting alone decides. A hole around which there is no
/// exterior is a polygon of its own.
pub(crate) fn classify(rings: Vec<Unwrapped>) -> Classified {
    if rings.len() < 2 {
        return Classified::Polygons(rings.into_iter().map(|r| vec![r]).collect());
    }
    let mut boxed: Vec<Boxed> = rings.into_iter().map(Boxed::new).collect();
    // Largest last, so that the first ring found around another one is the closest.
    boxed.sort_by(|a, b| a.area.abs().total_cmp(&b.area.abs()));
    let by_winding = boxed.iter().any(|b| b.area < 0.0);
    match owners(&boxed, by_winding) {
        Some(owners) => Classified::Polygons(group(boxed, &owners)),
        None => Classified::EvenOdd(boxed.into_iter().map(|b| b.ring).collect()),
    }
}

struct Boxed {
    ring: Unwrapped,
    area: f64,
    lon: (f64, f64),
    lat: (f64, f64),
}

impl Boxed {
    fn new(ring: Unwrapped) -> Self {
        Boxed { area: ring.twice_area(), lon: ring.lon_range(), lat: ring.lat_range(), ring }
    }

    fn may_hold(&self, inner: &Boxed) -> bool {
        inner.lat.0 >= self.lat.0
            && inner.lat.1 <= self.lat.1
            && inner.lon.1 - inner.lon.0 <= self.lon.1 - self.lon.0
    }

    /// Whether most of a few vertices of `inner` are inside; the rings may share some.
    fn holds(&self, inner: &Boxed) -> bool {
        let vertices = &inner.ring.vertices;
        let sample: Vec<_> = vertices.iter().step_by(vertices.len().div_ceil(5)).collect();
        let inside = sample.iter().filter(|v| self.contains(v[0], v[1])).count();
        inside > 0 && 2 * inside >= sample.len()
    }

    fn contains(&self, lon: f64, lat: f64) -> bool {
        // The other ring may have been unwrapped into another turn.
        [-360.0, 0.0, 360.0].iter().any(|turn| {
            let x = lon + turn;
            let crossed = |a: [f64; 2], b: [f64; 2]| {
                (a[1] > lat) != (b[1] > lat) && x < a[0] + (lat - a[1]) * (b[0] - a[0]) / (b[1] - a[1])
            };
            self.ring.edges().filter(|(a, b)| crossed(*a, *b)).count() % 2 == 1
        })
    }
}

/// For each ring (sorted by area) the exterior it is a hole of; `None` when finding out takes too long.
fn owners(rings: &[Boxed], by_winding: bool) -> Option<Vec<Option<usize>>> {
    let mut tests = 0u64;
    let mut owners = vec![None; rings.len()];
    // From the largest: whether the ring around is itself a hole is then known.
    for i in (0..rings.len()).rev() {
        if by_winding && rings[i].area < 0.0 {
            continue;
        }
        for outer in i + 1..rings.len() {
            tests += 1;
            if by_winding && rings[outer].area >= 0.0 || !rings[outer].may_hold(&rings[i]) {
                continue;
            }
            tests += 15 * rings[outer].ring.vertices.len() as u64;
            if tests > MOST_TESTS {
                return None;
            }
            if rings[outer].holds(&rings[i]) {
                // By nesting: inside a hole is an island, a new exterior.
                owners[i] = owners[outer].is_none().then_some(outer);
                break;
            }
        }
        if tests > MOST_TESTS {
            return None;
        }
    }
    Some(owners)
}

fn group(rings: Vec<Boxed>, owners: &[Option<usize>]) -> Vec<Vec<Unwrapped>> {
    let mut polygons: Vec<Vec<Unwrapped>> = Vec::new();
    let mut polygon_of = vec![0; rings.len()];
    for (i, boxed) in rings.into_iter().enumerate().rev() {
        match owners[i] {
            Some(owner) => polygons[polygon_of[owner]].push(boxed.ring),
            None => {
                polygon_of[i] = polygons.len();
                polygons.push(vec![boxed.ring]);
            }
        }
    }
    polygons
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: f64, y: f64, size: f64, clockwise: bool) -> Unwrapped {
        let mut v = vec![[x, y], [x + size, y], [x + size, y + size], [x, y + size]];
        if clockwise {
            v.reverse();
        }
        Unwrapped::new(v)
    }

    /// Heights of the rings, largest polygon first.
    fn sizes(rings: Vec<Unwrapped>) -> Vec<Vec<f64>> {
        match classify(rings) {
            Classified::Polygons(p) => {
                p.iter().map(|p| p.iter().map(|r| r.lat_range().1 - r.lat_range().0).collect()).collect()
            }
            Classified::EvenOdd(_) => Vec::new(),
        }
    }

    #[test]
    fn a_hole_goes_to_the_smallest_exterior_around_it() {
        let rings = vec![
            square(0.0, 0.0, 20.0, true),
            square(1.0, 1.0, 18.0, false),
            square(5.0, 5.0, 8.0, true),
            square(6.0, 6.0, 2.0, false),
        ];
        assert_eq!(sizes(rings), [vec![20.0, 18.0], vec![8.0, 2.0]]);
    }

    #[test]
    fn overlapping_exteriors_stay_two() {
        assert_eq!(sizes(vec![square(0.0, 0.0, 10.0, true), square(5.0, 5.0, 11.0, true)]), [[11.0], [10.0]]);
    }

    #[test]
    fn rings_all_wound_the_wrong_way_nest() {
        let rings = vec![
            square(0.0, 0.0, 10.0, false),
            square(2.0, 2.0, 5.0, false),
            square(3.0, 3.0, 1.0, false),
            square(50.0, 0.0, 4.0, false),
        ];
        assert_eq!(sizes(rings), [vec![10.0, 5.0], vec![4.0], vec![1.0]]);
        assert_eq!(sizes(vec![square(0.0, 0.0, 10.0, true), square(20.0, 2.0, 3.0, false)]), [[10.0], [3.0]]);
    }

    #[test]
    fn very_many_rings_do_not_take_for_ever() {
        let rings = (0..20_000).map(|i| square(f64::from(i % 300) / 2.0, 0.0, 20.0, i % 2 == 0)).collect();
        assert!(matches!(classify(rings), Classified::EvenOdd(r) if r.len() == 20_000));
    }
}
