//! Polygons in a plane, prepared for many point tests: edges sorted into bands of y.

use crate::ModelError;
use crate::geometry::bitmask::BitMask;
use crate::geometry::quick::QuickGrid;
use crate::geometry::raster;

/// One edge; `y0 ≤ y1`. An edge that is not `real` closes a cut: it counts for parity and is not boundary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Edge {
    pub x0: f64,
    pub y0: f64,
    pub x1: f64,
    pub y1: f64,
    pub ring: u32,
    pub real: bool,
}

impl Edge {
    pub fn new(a: [f64; 2], b: [f64; 2], ring: u32, real: bool) -> Self {
        let (a, b) = if a[1] <= b[1] { (a, b) } else { (b, a) };
        Edge { x0: a[0], y0: a[1], x1: b[0], y1: b[1], ring, real }
    }

    /// Whether the parallel through `y` crosses it; half-open, so that a vertex is crossed once.
    #[inline]
    pub fn crosses(&self, y: f64) -> bool {
        self.y0 <= y && y < self.y1
    }

    /// Where it does. Every caller uses this one formula, so that rows and points agree to the last bit.
    #[inline]
    pub fn x_at(&self, y: f64) -> f64 {
        self.x0 + (y - self.y0) * ((self.x1 - self.x0) / (self.y1 - self.y0))
    }

    #[inline]
    pub fn x_range(&self) -> (f64, f64) {
        if self.x0 <= self.x1 { (self.x0, self.x1) } else { (self.x1, self.x0) }
    }

    /// Whether the point is on it, within `tolerance` of distance.
    pub fn touches(&self, x: f64, y: f64, tolerance: f64) -> bool {
        let (left, right) = self.x_range();
        if x < left - tolerance || x > right + tolerance || y < self.y0 - tolerance || y > self.y1 + tolerance
        {
            return false;
        }
        let (dx, dy) = (self.x1 - self.x0, self.y1 - self.y0);
        let cross = dx * (y - self.y0) - dy * (x - self.x0);
        cross.abs() <= tolerance * (dx.abs() + dy).max(tolerance)
    }
}

/// What a ring is to its polygon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RingKind {
    Exterior,
    Hole,
    /// Not a ring: lines and points, of which only the boundary counts.
    Line,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ring {
    pub polygon: u32,
    pub kind: RingKind,
}

/// Polygons with holes (and lines) in one plane: degrees, or the units of a CRS.
///
/// A place is inside when it is inside or on the boundary of any polygon and not strictly inside one of that polygon's
/// holes. Within a ring the even-odd rule decides, so self-touching and self-crossing rings have a meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanarPolygons {
    /// Sorted by ring; rings are sorted by polygon, exterior first.
    pub(crate) edges: Vec<Edge>,
    pub(crate) rings: Vec<Ring>,
    pub(crate) bands: Bands,
    /// Distance within which a point is on an edge: a few units in the last place of the largest coordinate.
    pub(crate) tolerance: f64,
    /// Smallest and largest x.
    x_range: (f64, f64),
    quick: Option<QuickGrid>,
}

impl PlanarPolygons {
    /// Polygons given as rings of `[x, y]` (exterior first, then holes), closed or not. Vertices that are not finite
    /// are left out: what a projection can't map is not there.
    pub fn from_rings(polygons: &[Vec<Vec<[f64; 2]>>]) -> Self {
        let (mut edges, mut rings) = (Vec::new(), Vec::new());
        for (polygon, parts) in polygons.iter().enumerate() {
            for (i, part) in parts.iter().enumerate() {
                let ring = rings.len() as u32;
                let kind = if i == 0 { RingKind::Exterior } else { RingKind::Hole };
                rings.push(Ring { polygon: polygon as u32, kind });
                let finite: Vec<_> =
                    part.iter().copied().filter(|p| p[0].is_finite() && p[1].is_finite()).collect();
                let next = finite.iter().cycle().skip(1);
                edges.extend(finite.iter().zip(next).map(|(a, b)| Edge::new(*a, *b, ring, true)));
            }
        }
        PlanarPolygons::from_edges(edges, rings)
    }

    /// `edges` sorted by ring, `rings` by polygon with the exterior first; all coordinates finite.
    pub(crate) fn from_edges(edges: Vec<Edge>, rings: Vec<Ring>) -> Self {
        let largest =
            edges.iter().fold(0f64, |m, e| m.max(e.x0.abs()).max(e.x1.abs()).max(e.y1.abs()).max(e.y0.abs()));
        let tolerance = 8.0 * f64::EPSILON * largest;
        let bands = Bands::new(&edges, tolerance);
        let x_range = edges
            .iter()
            .map(Edge::x_range)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |r, e| (r.0.min(e.0), r.1.max(e.1)));
        let mut polygons = PlanarPolygons { edges, rings, bands, tolerance, x_range, quick: None };
        polygons.quick = QuickGrid::new(&polygons);
        polygons
    }

    #[cfg(test)]
    pub(crate) fn without_quick_grid(&self) -> Self {
        PlanarPolygons { quick: None, ..self.clone() }
    }

    pub fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    /// `[xmin, ymin, xmax, ymax]` of all edges; `None` when there are none.
    pub fn bounds(&self) -> Option<[f64; 4]> {
        (!self.is_empty()).then_some([self.x_range.0, self.bands.y_min, self.x_range.1, self.bands.y_max])
    }

    pub(crate) fn has_lines(&self) -> bool {
        self.rings.iter().any(|r| r.kind == RingKind::Line)
    }

    /// Whether the place is inside or on the boundary.
    pub fn contains(&self, x: f64, y: f64) -> bool {
        let near = x >= self.x_range.0 - self.tolerance && x <= self.x_range.1 + self.tolerance;
        if !near || !self.bands.reach(y) {
            return false; // also NaN
        }
        if let Some(inside) = self.quick.as_ref().and_then(|q| q.get(x, y)) {
            return inside;
        }
        let mut walk = Walk::default();
        for &i in self.bands.at(y) {
            let edge = &self.edges[i as usize];
            if walk.ring != Some(edge.ring) && walk.next(edge.ring, &self.rings) {
                return true;
            }
            let (left, right) = edge.x_range();
            if x > right + self.tolerance {
                continue;
            }
            walk.boundary |= edge.real && x >= left - self.tolerance && edge.touches(x, y, self.tolerance);
            walk.odd ^= edge.crosses(y) && x < edge.x_at(y);
        }
        walk.end(&self.rings)
    }

    /// Sets the cells whose centre is inside or on the boundary; lines and points set the cells they pass.
    ///
    /// `x`: centres of the columns; `y`: centres of the rows; any order.
    pub fn mask_centres(&self, x: &[f64], y: &[f64]) -> BitMask {
        raster::mask_centres(self, &raster::SortedAxis::new(x, |v| v), x, y)
    }

    /// Sets the cells whose inside the polygons touch at all (GDAL's `ALL_TOUCHED`).
    ///
    /// `x_edges`, `y_edges`: one more than there are columns and rows, monotonic.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] when the edges are not monotonic.
    pub fn mask_touched(&self, x_edges: &[f64], y_edges: &[f64]) -> Result<BitMask, ModelError> {
        let axis = raster::CellAxis::new("x", x_edges)?;
        let centres = raster::SortedAxis::new(&axis.centres(x_edges), |v| v);
        raster::mask_touched(self, &centres, &axis, &[0.0], y_edges)
    }
}

/// The state of a point test that walks over edges, ring by ring.
#[derive(Default)]
struct Walk {
    ring: Option<u32>,
    /// Of the ring so far.
    odd: bool,
    boundary: bool,
    /// Of the polygon so far: in or on its exterior; strictly inside a hole.
    inside: bool,
    cut: bool,
}

impl Walk {
    /// Goes on to another ring; true when the polygon that ends here holds the point.
    fn next(&mut self, ring: u32, rings: &[Ring]) -> bool {
        let Some(before) = self.ring.replace(ring) else { return false };
        self.finish_ring(rings[before as usize].kind);
        if rings[before as usize].polygon == rings[ring as usize].polygon {
            return false;
        }
        let held = self.inside && !self.cut;
        (self.inside, self.cut) = (false, false);
        held
    }

    fn finish_ring(&mut self, kind: RingKind) {
        match kind {
            RingKind::Exterior => self.inside |= self.odd || self.boundary,
            RingKind::Hole => self.cut |= self.odd && !self.boundary,
            RingKind::Line => self.inside |= self.boundary,
        }
        (self.odd, self.boundary) = (false, false);
    }

    fn end(mut self, rings: &[Ring]) -> bool {
        let Some(last) = self.ring else { return false };
        self.finish_ring(rings[last as usize].kind);
        self.inside && !self.cut
    }
}

/// Edges by bands of y: band *b* lists, in ring order, the edges that reach into it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bands {
    pub y_min: f64,
    pub y_max: f64,
    tolerance: f64,
    per_y: f64,
    /// Where each band begins in `items`; one more than there are bands.
    starts: Vec<usize>,
    items: Vec<u32>,
}

/// More bands do not pay: their index alone is then larger than the caches.
const MOST_BANDS: f64 = 262_144.0;

impl Bands {
    fn new(edges: &[Edge], tolerance: f64) -> Self {
        let y_min = edges.iter().fold(f64::INFINITY, |m, e| m.min(e.y0));
        let y_max = edges.iter().fold(f64::NEG_INFINITY, |m, e| m.max(e.y1));
        let height = y_max - y_min;
        let total: f64 = edges.iter().map(|e| e.y1 - e.y0).sum();
        // As many bands as keep the lists linear in the number of edges: each edge is in 1 + its share of the height.
        let wanted = if total > 0.0 {
            (4.0 * edges.len() as f64 * height / total).min(2.0 * edges.len() as f64)
        } else {
            1.0
        };
        let count = wanted.clamp(1.0, MOST_BANDS) as usize;
        let per_y = if height > 0.0 && height.is_finite() { count as f64 / height } else { 0.0 };
        let mut bands =
            Bands { y_min, y_max, tolerance, per_y, starts: vec![0; count + 1], items: Vec::new() };
        for edge in edges {
            let (first, last) = bands.range_of(edge);
            bands.starts[first + 1..=last + 1].iter_mut().for_each(|n| *n += 1);
        }
        for b in 0..count {
            bands.starts[b + 1] += bands.starts[b];
        }
        let mut next = bands.starts.clone();
        bands.items = vec![0; bands.starts[count]];
        for (i, edge) in edges.iter().enumerate() {
            let (first, last) = bands.range_of(edge);
            for at in &mut next[first..=last] {
                bands.items[*at] = i as u32;
                *at += 1;
            }
        }
        bands
    }

    fn range_of(&self, edge: &Edge) -> (usize, usize) {
        (self.band(edge.y0 - self.tolerance), self.band(edge.y1 + self.tolerance))
    }

    /// Monotonic in `y`, so an edge is listed in the band of every y it reaches.
    fn band(&self, y: f64) -> usize {
        let last = self.starts.len() - 2;
        (((y - self.y_min) * self.per_y).max(0.0) as usize).min(last)
    }

    #[inline]
    pub fn reach(&self, y: f64) -> bool {
        y >= self.y_min - self.tolerance && y <= self.y_max + self.tolerance
    }

    /// The edges that may reach `y`.
    #[inline]
    pub fn at(&self, y: f64) -> &[u32] {
        if self.reach(y) {
            let band = self.band(y);
            &self.items[self.starts[band]..self.starts[band + 1]]
        } else {
            &[]
        }
    }

    /// The edges that may reach a y within `low..=high`; an edge may come more than once.
    pub fn within(&self, low: f64, high: f64) -> &[u32] {
        if high >= self.y_min - self.tolerance && low <= self.y_max + self.tolerance {
            &self.items[self.starts[self.band(low)]..self.starts[self.band(high) + 1]]
        } else {
            &[]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: f64, y: f64, size: f64) -> Vec<[f64; 2]> {
        vec![[x, y], [x + size, y], [x + size, y + size], [x, y + size]]
    }

    #[test]
    fn a_hole_is_outside_and_its_boundary_inside() {
        let p = PlanarPolygons::from_rings(&[vec![square(0.0, 0.0, 10.0), square(4.0, 4.0, 2.0)]]);
        for (x, y, inside) in [
            (1.0, 1.0, true),
            (5.0, 5.0, false),
            (4.0, 5.0, true),
            (5.0, 6.0, true),
            (6.0, 6.0, true),
            (0.0, 0.0, true),
            (10.0, 10.0, true),
            (10.0, 3.0, true),
            (3.0, 10.0, true),
            (10.000001, 3.0, false),
            (3.0, -0.000001, false),
            (f64::NAN, 1.0, false),
            (1.0, f64::NAN, false),
            (f64::INFINITY, 1.0, false),
        ] {
            assert_eq!(p.contains(x, y), inside, "{x} {y}");
        }
        assert_eq!(p.bounds(), Some([0.0, 0.0, 10.0, 10.0]));
    }

    #[test]
    fn overlapping_polygons_are_a_union() {
        // The second fills half of the first one's hole.
        let p = PlanarPolygons::from_rings(&[
            vec![square(0.0, 0.0, 10.0), square(4.0, 4.0, 2.0)],
            vec![square(5.0, 5.0, 10.0)],
        ]);
        assert!(
            p.contains(5.5, 5.5) && !p.contains(4.5, 4.5) && p.contains(7.0, 7.0) && p.contains(12.0, 12.0)
        );
    }

    #[test]
    fn overlapping_holes_and_a_crossing_exterior_have_a_meaning() {
        let p = PlanarPolygons::from_rings(&[vec![
            square(0.0, 0.0, 10.0),
            square(2.0, 2.0, 4.0),
            square(4.0, 4.0, 4.0),
        ]]);
        assert!(!p.contains(5.0, 5.0) && !p.contains(3.0, 3.0) && p.contains(9.0, 9.0));
        let bow = PlanarPolygons::from_rings(&[vec![vec![[0.0, 0.0], [4.0, 4.0], [4.0, 0.0], [0.0, 4.0]]]]);
        assert!(
            bow.contains(0.5, 2.0)
                && bow.contains(3.5, 2.0)
                && !bow.contains(2.0, 3.5)
                && bow.contains(2.0, 2.0)
        );
    }

    #[test]
    fn nothing_contains_nothing() {
        let p = PlanarPolygons::from_rings(&[]);
        assert!(!p.contains(0.0, 0.0) && p.bounds().is_none());
        assert!(p.mask_centres(&[0.0, 1.0], &[0.0]).is_empty());
        let dot = PlanarPolygons::from_rings(&[vec![vec![[1.0, 1.0]]]]);
        assert!(dot.contains(1.0, 1.0) && !dot.contains(1.0, 1.1));
    }
}
