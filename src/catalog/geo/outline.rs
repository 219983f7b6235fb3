//! One ring, line or place without jumps of longitude.

/// Points in order; a ring is closed from its last point to its first.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    points: Vec<[f64; 2]>,
    is_ring: bool,
    /// west, south, east, north; west in −180…180, east ≥ west.
    bounds: [f64; 4],
    /// Edges by degree of latitude, where there are many.
    bands: Option<Vec<Vec<u32>>>,
}

/// Outlines with more edges than this are sorted into bands.
const MANY: usize = 64;
const BANDS: usize = 181;

impl Outline {
    /// A ring, closed or not, wound either way; edges are never longer than half a turn. One round a pole is closed
    /// over it. `None` when there is no point in it.
    pub fn ring(points: &[[f64; 2]]) -> Option<Self> {
        let mut points = unwrapped(points);
        if points.len() > 1 {
            let (first, last) = (*points.first()?, *points.last()?);
            let turn = step(last[0], first[0]) + last[0] - first[0];
            if turn.abs() > 180.0 {
                close_over_pole(&mut points, turn);
            } else if first == last {
                points.pop();
            }
        }
        Outline::new(points, true)
    }

    /// A line, or a place when there is one point.
    pub fn line(points: &[[f64; 2]]) -> Option<Self> {
        Outline::new(unwrapped(points), false)
    }

    /// The outline of a box; west > east crosses the antimeridian.
    pub fn of_box(bbox: [f64; 4]) -> Option<Self> {
        let [w, s, e, n] = super::unwrap_box(bbox);
        Outline::new(vec![[w, s], [e, s], [e, n], [w, n]], true)
    }

    fn new(mut points: Vec<[f64; 2]>, is_ring: bool) -> Option<Self> {
        points.retain(|p| p[0].is_finite() && p[1].is_finite());
        let first = *points.first()?;
        let start = [first[0], first[1], first[0], first[1]];
        let around =
            |b: [f64; 4], p: &[f64; 2]| [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])];
        let mut bounds = points.iter().fold(start, around);
        let shift = if (-180.0..=180.0).contains(&bounds[0]) {
            0.0
        } else {
            -360.0 * ((bounds[0] + 180.0) / 360.0).floor()
        };
        if shift != 0.0 {
            points.iter_mut().for_each(|p| p[0] += shift);
            (bounds[0], bounds[2]) = (bounds[0] + shift, bounds[2] + shift);
        }
        let bands = (points.len() > MANY).then(|| sorted_into_bands(&points, is_ring));
        Some(Outline { points, is_ring, bounds, bands })
    }

    /// The same one turn further east, where it begins west of `west`: on the turn of a ring that has it as hole.
    pub fn not_west_of(mut self, west: f64) -> Self {
        if self.bounds[0] < west {
            self.points.iter_mut().for_each(|p| p[0] += 360.0);
            (self.bounds[0], self.bounds[2]) = (self.bounds[0] + 360.0, self.bounds[2] + 360.0);
        }
        self
    }

    /// west, south, east, north; east may be beyond 180.
    pub fn bounds(&self) -> [f64; 4] {
        self.bounds
    }

    /// Area in square degrees, positive when it is wound counter-clockwise.
    pub fn area(&self) -> f64 {
        let next = self.points.iter().cycle().skip(1);
        0.5 * self.points.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum::<f64>()
    }

    pub fn points(&self) -> &[[f64; 2]] {
        &self.points
    }

    fn edge(&self, i: usize) -> ([f64; 2], [f64; 2]) {
        let next = if i + 1 < self.points.len() { i + 1 } else { 0 };
        (self.points[i], self.points[next])
    }

    /// Edges that reach into the latitudes, some of them perhaps twice.
    fn edges_between(&self, south: f64, north: f64) -> impl Iterator<Item = ([f64; 2], [f64; 2])> + '_ {
        let count = edge_count(&self.points, self.is_ring);
        let (plain, sorted) = match &self.bands {
            None => (0..count, None),
            Some(bands) => (0..0, Some(bands[band(south)..=band(north)].iter().flatten())),
        };
        plain.chain(sorted.into_iter().flatten().map(|&i| i as usize)).map(|i| self.edge(i))
    }

    /// Whether the place, at exactly this longitude, is inside or on the boundary.
    pub fn contains(&self, p: [f64; 2]) -> bool {
        self.place(p) != Place::Outside
    }

    /// Whether the place is inside and not on the boundary.
    pub fn contains_strictly(&self, p: [f64; 2]) -> bool {
        self.place(p) == Place::Inside
    }

    fn place(&self, p: [f64; 2]) -> Place {
        let b = &self.bounds;
        if p[0] < b[0] || p[0] > b[2] || p[1] < b[1] || p[1] > b[3] {
            return Place::Outside;
        }
        let mut odd = false;
        // One band: each edge at this latitude is met once.
        for (a, b) in self.edges_between(p[1], p[1]) {
            if touch((a, b), (p, p)) {
                return Place::Boundary;
            }
            let crosses = (a[1] <= p[1]) != (b[1] <= p[1]);
            odd ^= crosses && p[0] < a[0] + (p[1] - a[1]) * ((b[0] - a[0]) / (b[1] - a[1]));
        }
        if odd && self.is_ring { Place::Inside } else { Place::Outside }
    }

    /// Whether any edge of the other, moved by `turn` degrees, touches an edge of this one.
    pub fn crosses(&self, other: &Outline, turn: f64) -> bool {
        let moved = |p: [f64; 2]| [p[0] + turn, p[1]];
        (0..edge_count(&other.points, other.is_ring)).any(|i| {
            let (a, b) = other.edge(i);
            let (a, b) = (moved(a), moved(b));
            let (south, north) = (a[1].min(b[1]), a[1].max(b[1]));
            self.edges_between(south, north).any(|own| touch(own, (a, b)))
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Inside,
    Boundary,
    Outside,
}

fn edge_count(points: &[[f64; 2]], is_ring: bool) -> usize {
    match points.len() {
        0 | 1 => points.len(),
        n => n - usize::from(!is_ring),
    }
}

fn band(lat: f64) -> usize {
    // Clamped: a NaN becomes 0.
    (lat + 90.0).floor().clamp(0.0, (BANDS - 1) as f64) as usize
}

fn sorted_into_bands(points: &[[f64; 2]], is_ring: bool) -> Vec<Vec<u32>> {
    let mut bands = vec![Vec::new(); BANDS];
    for i in 0..edge_count(points, is_ring) {
        let (a, b) = (points[i], points[(i + 1) % points.len()]);
        for slot in &mut bands[band(a[1].min(b[1]))..=band(a[1].max(b[1]))] {
            slot.push(u32::try_from(i).unwrap_or(u32::MAX));
        }
    }
    bands
}

/// The way from one longitude to the next, not longer than half a turn.
fn step(from: f64, to: f64) -> f64 {
    let direct = to - from;
    if direct.abs() <= 180.0 { direct } else { direct - 360.0 * (direct / 360.0).round() }
}

fn unwrapped(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut at = None;
    let mut lay = |p: &[f64; 2]| {
        let lon = at.map_or(p[0], |before: f64| before + step(before, p[0]));
        at = Some(lon);
        [lon, p[1]]
    };
    points.iter().map(&mut lay).collect()
}

/// A ring that does not come back to where it began goes round a pole: the one it is nearer to.
fn close_over_pole(points: &mut Vec<[f64; 2]>, turn: f64) {
    let mean = points.iter().map(|p| p[1]).sum::<f64>() / points.len() as f64;
    let pole = if mean >= 0.0 { 90.0 } else { -90.0 };
    let first = points[0];
    let end = first[0] + turn;
    if points.last() != Some(&[end, first[1]]) {
        points.push([end, first[1]]);
    }
    points.extend([[end, pole], [first[0], pole]]);
}

/// Twice the signed area of a triangle: on which side of a–b the point is.
fn side(a: [f64; 2], b: [f64; 2], p: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
}

/// Whether two segments have a point in common.
fn touch((a, b): ([f64; 2], [f64; 2]), (c, d): ([f64; 2], [f64; 2])) -> bool {
    for i in 0..2 {
        if a[i].max(b[i]) < c[i].min(d[i]) || c[i].max(d[i]) < a[i].min(b[i]) {
            return false;
        }
    }
    let apart = |x: f64, y: f64| (x > 0.0 && y > 0.0) || (x < 0.0 && y < 0.0);
    !apart(side(a, b, c), side(a, b, d)) && !apart(side(c, d, a), side(c, d, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_across_the_antimeridian_and_round_poles() {
        let across = Outline::ring(&[[170.0, 0.0], [-170.0, 0.0], [-170.0, 10.0], [170.0, 10.0]]).unwrap();
        assert_eq!(across.bounds(), [170.0, 0.0, 190.0, 10.0]);
        assert!(across.contains([180.0, 5.0]) && across.contains([190.0, 0.0]));
        assert!(!across.contains([0.0, 5.0]) && !across.contains_strictly([190.0, 0.0]));
        let cap: Vec<[f64; 2]> = (0..8).map(|i| [f64::from(i) * 45.0 - 180.0, 70.0]).collect();
        let cap = Outline::ring(&cap).unwrap();
        assert_eq!(cap.bounds(), [-180.0, 70.0, 180.0, 90.0]);
        assert!(cap.contains([10.0, 89.0]) && !cap.contains([10.0, 60.0]));
    }

    #[test]
    fn bands_give_the_same_answer() {
        let circle = |n: u32| -> Vec<[f64; 2]> {
            (0..n)
                .map(|i| {
                    let a = f64::from(i) / f64::from(n) * std::f64::consts::TAU;
                    [20.0 * a.cos(), 20.0 * a.sin()]
                })
                .collect()
        };
        let many = Outline::ring(&circle(1000)).unwrap();
        assert!(many.bands.is_some());
        let plain = Outline { bands: None, ..many.clone() };
        let small = Outline::of_box([13.0, 13.0, 15.0, 15.0]).unwrap();
        for i in 0..500 {
            let p = [f64::from(i % 50) - 25.0, f64::from(i / 10) - 25.0];
            assert_eq!(many.contains(p), plain.contains(p), "{p:?}");
        }
        assert!(many.crosses(&small, 0.0) && plain.crosses(&small, 0.0));
        assert!(!many.crosses(&Outline::of_box([15.0, 15.0, 16.0, 16.0]).unwrap(), 0.0));
    }

    #[test]
    fn touching_segments() {
        let at = |x, y| [x, y];
        assert!(touch((at(0., 0.), at(2., 2.)), (at(0., 2.), at(2., 0.))));
        assert!(touch((at(0., 0.), at(2., 0.)), (at(2., 0.), at(3., 5.))));
        assert!(!touch((at(0., 0.), at(2., 0.)), (at(2.1, 0.), at(3., 0.))));
        assert!(!touch((at(0., 0.), at(4., 4.)), (at(3., 0.), at(4., 3.5))));
    }
}
