//! What a search asks for.

use harmony_model::geometry::Part;

use super::{Footprint, Outline, TURNS, boxes_touch};

/// Mean radius of the Earth, metres (IUGG).
const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// Alternatives: what touches any of them is found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Region {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq)]
struct Piece {
    outline: Outline,
    holes: Vec<Outline>,
}

impl Region {
    /// A box; west > east crosses the antimeridian.
    pub fn of_box(bbox: [f64; 4]) -> Self {
        Region::of(Outline::of_box(bbox), Vec::new())
    }

    pub fn of_point(point: [f64; 2]) -> Self {
        Region::of(Outline::line(&[point]), Vec::new())
    }

    pub fn of_line(points: &[[f64; 2]]) -> Self {
        Region::of(Outline::line(points), Vec::new())
    }

    /// A polygon by its rings, the outer one first.
    pub fn of_polygon(rings: &[Vec<[f64; 2]>]) -> Self {
        let Some(outline) = rings.first().and_then(|r| Outline::ring(r)) else { return Region::default() };
        let west = outline.bounds()[0];
        let holes = rings.iter().skip(1).filter_map(|r| Outline::ring(r)).map(|h| h.not_west_of(west));
        let holes = holes.collect();
        Region::of(Some(outline), holes)
    }

    /// All places within so many metres, as a polygon of 72 corners.
    pub fn of_circle(centre: [f64; 2], radius_m: f64) -> Self {
        let (lat, arc) = (centre[1].to_radians(), radius_m / EARTH_RADIUS_M);
        let corner = |i: u32| {
            // Destination along a great circle, by spherical trigonometry.
            let bearing = f64::from(i) * 5f64.to_radians();
            let north = lat.sin() * arc.cos() + lat.cos() * arc.sin() * bearing.cos();
            let to = north.clamp(-1.0, 1.0).asin();
            let turn = (bearing.sin() * arc.sin() * lat.cos()).atan2(arc.cos() - lat.sin() * to.sin());
            [centre[0] + turn.to_degrees(), to.to_degrees()]
        };
        Region::of_polygon(&[(0..72).map(corner).collect()])
    }

    /// The parts of a shape file.
    pub fn of_parts(parts: &[Part]) -> Self {
        let pieces = parts.iter().flat_map(|part| {
            let region = match part {
                Part::Polygon(rings) => Region::of_polygon(rings),
                Part::WoundRings(rings) => Region::of_wound_rings(rings),
                Part::Line(points) => Region::of_line(points),
                Part::Point(point) => Region::of_point(*point),
                Part::Circle { centre, radius_m } => Region::of_circle(*centre, *radius_m),
            };
            region.pieces
        });
        Region { pieces: pieces.collect() }
    }

    /// Polygons of rings whose winding says what they are (ESRI): exteriors clockwise, holes counter-clockwise.
    fn of_wound_rings(rings: &[Vec<[f64; 2]>]) -> Self {
        let outlines = rings.iter().filter_map(|r| Outline::ring(r));
        let (exteriors, holes): (Vec<_>, Vec<_>) = outlines.partition(|o| o.area() <= 0.0);
        let mut pieces: Vec<Piece> =
            exteriors.into_iter().map(|outline| Piece { outline, holes: Vec::new() }).collect();
        for hole in holes {
            let owner = pieces.iter_mut().find(|p| {
                let moved = hole.clone().not_west_of(p.outline.bounds()[0]);
                moved.points().first().is_some_and(|first| p.outline.contains(*first))
            });
            match owner {
                Some(piece) => piece.holes.push(hole.not_west_of(piece.outline.bounds()[0])),
                // Wound the wrong way: a hole in nothing is an area.
                None => pieces.push(Piece { outline: hole, holes: Vec::new() }),
            }
        }
        Region { pieces }
    }

    /// What touches any of several regions.
    pub fn any(regions: impl IntoIterator<Item = Region>) -> Self {
        Region { pieces: regions.into_iter().flat_map(|r| r.pieces).collect() }
    }

    fn of(outline: Option<Outline>, holes: Vec<Outline>) -> Self {
        Region { pieces: outline.map(|outline| Piece { outline, holes }).into_iter().collect() }
    }

    /// Whether a box, unwrapped, may have to do with it.
    #[inline]
    pub fn may_touch(&self, bounds: &[f64; 4]) -> bool {
        self.pieces.iter().any(|p| boxes_touch(&p.outline.bounds(), bounds))
    }

    /// Whether it has a place in common with a footprint.
    pub fn touches(&self, footprint: &Footprint) -> bool {
        let outlines = footprint.outlines();
        self.pieces.iter().any(|p| outlines.iter().any(|o| p.touches(o)))
    }
}

impl Piece {
    fn touches(&self, other: &Outline) -> bool {
        boxes_touch(&self.outline.bounds(), &other.bounds())
            && TURNS.iter().any(|&t| self.touches_at(other, t))
    }

    fn touches_at(&self, other: &Outline, turn: f64) -> bool {
        let moved = |p: &[f64; 2]| [p[0] + turn, p[1]];
        let back = |p: &[f64; 2]| [p[0] - turn, p[1]];
        let holds =
            |p: [f64; 2]| self.outline.contains(p) && !self.holes.iter().any(|h| h.contains_strictly(p));
        other.points().iter().any(|p| holds(moved(p)))
            || self.outline.points().iter().any(|p| other.contains(back(p)))
            || self.outline.crosses(other, turn)
            || self.holes.iter().any(|h| {
                let inside = h.points().first().is_some_and(|p| self.outline.contains(*p));
                inside && (h.points().iter().any(|p| other.contains(back(p))) || h.crosses(other, turn))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(bbox: [f64; 4]) -> Footprint {
        Footprint { bbox: Some(bbox), ..Footprint::default() }
    }

    #[test]
    fn boxes_meet_across_the_antimeridian() {
        let region = Region::of_box([175.0, -5.0, -175.0, 5.0]);
        assert!(region.touches(&boxed([-179.0, 0.0, -178.0, 1.0])));
        assert!(region.touches(&boxed([178.0, 0.0, 179.0, 1.0])));
        assert!(region.touches(&boxed([-180.0, -90.0, 180.0, 90.0])));
        assert!(!region.touches(&boxed([0.0, 0.0, 10.0, 1.0])));
        assert!(Region::of_point([-175.0, 5.0]).touches(&boxed([170.0, 0.0, -175.0, 5.0])));
    }

    #[test]
    fn what_lies_in_a_hole_is_not_found() {
        let ring = |a: f64, b: f64| vec![[a, a], [b, a], [b, b], [a, b], [a, a]];
        let region = Region::of_polygon(&[ring(0.0, 30.0), ring(10.0, 20.0)]);
        assert!(!region.touches(&boxed([12.0, 12.0, 18.0, 18.0])));
        assert!(region.touches(&boxed([12.0, 12.0, 20.0, 18.0])));
        assert!(region.touches(&boxed([5.0, 5.0, 25.0, 25.0])));
        assert!(region.touches(&boxed([-50.0, -50.0, 50.0, 50.0])));
        assert!(region.touches(&boxed([1.0, 1.0, 2.0, 2.0])));
    }

    #[test]
    fn footprints_decide_rather_than_their_boxes() {
        let triangle = vec![vec![[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]];
        let footprint =
            Footprint { polygons: triangle, bbox: Some([0.0, 0.0, 10.0, 10.0]), ..Default::default() };
        assert!(!Region::of_point([9.0, 9.0]).touches(&footprint));
        assert!(Region::of_point([5.0, 5.0]).touches(&footprint));
        let track = Footprint { lines: vec![vec![[170.0, 0.0], [-170.0, 20.0]]], ..Default::default() };
        assert!(Region::of_box([-178.0, 10.0, -176.0, 14.0]).touches(&track));
        assert!(!Region::of_box([-178.0, 0.0, -176.0, 4.0]).touches(&track));
    }

    #[test]
    fn circles_have_their_radius() {
        let region = Region::of_circle([179.9, 60.0], 100_000.0);
        assert!(region.touches(&boxed([-179.0, 60.0, -178.9, 60.1])));
        assert!(!region.touches(&boxed([-178.0, 60.0, -177.9, 60.1])));
    }
}
