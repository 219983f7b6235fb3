//! Shapes in the plane of a projected grid.

use crate::geometry::bbox::Bbox;
use crate::geometry::planar::{Edge, PlanarPolygons, RingKind};
use crate::geometry::ring::Cutter;
use crate::geometry::shape::Shape;

/// How a shape is made ready for a projection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Projecting {
    /// Longest piece of an edge in degrees: straight in degrees is curved in the plane.
    pub max_step_deg: f64,
    /// Central meridian: the map is cut on the other side of the Earth (0: at the antimeridian).
    pub centre_lon: f64,
    /// Keep only what lies here. Needed where the projection can't map all of the Earth: what it can't map is left
    /// out, and rings with such a gap are no longer closed.
    pub within: Option<Bbox>,
}

/// Most points a shape is densified to; the step grows when it would be more.
const MOST_POINTS: f64 = 8_000_000.0;

/// A densified edge: points `at..at + len` of the batch.
struct Chain {
    at: usize,
    len: usize,
    ring: u32,
    what: What,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Boundary,
    /// Closes a clipped part.
    Closing,
    /// Closes the cut; the same stretch on the other side of the map begins at that point.
    Seam(usize),
    /// Runs along a pole.
    Cap,
}

impl Shape {
    /// The shape in the plane of `project`, which turns longitudes and latitudes in degrees into x and y in place
    /// (not finite: can't be mapped).
    ///
    /// Where the projection is continuous over the cut (polar maps), what is on either side of it is joined.
    pub fn project(
        &self,
        how: &Projecting,
        project: &mut dyn FnMut(&mut [f64], &mut [f64]),
    ) -> PlanarPolygons {
        let (edges, centre) = self.prepared(how);
        let step = allowed_step(&edges, how.max_step_deg);
        let (mut xs, mut ys, mut chains) = (Vec::new(), Vec::new(), Vec::new());
        for edge in &edges {
            let at = xs.len();
            let len = densify(edge, step, &mut xs, &mut ys);
            let border = (edge.x0 - centre).abs() == 180.0;
            let what = if edge.real {
                What::Boundary
            } else if edge.x0 == edge.x1 && border {
                let twin = Edge { x0: 2.0 * centre - edge.x0, x1: 2.0 * centre - edge.x1, ..*edge };
                densify(&twin, step, &mut xs, &mut ys);
                What::Seam(at + len)
            } else if edge.y0.abs() == 90.0 && edge.y0 == edge.y1 {
                What::Cap
            } else {
                What::Closing
            };
            chains.push(Chain { at, len, ring: edge.ring, what });
        }
        project(&mut xs, &mut ys);
        PlanarPolygons::from_edges(joined(&chains, &xs, &ys), self.plane.rings.clone())
    }

    /// Edges cut opposite the central meridian and clipped, latitudes within −90…90; and the meridian.
    fn prepared(&self, how: &Projecting) -> (Vec<Edge>, f64) {
        let limit = how.within.filter(|b| !b.is_full_longitude());
        let centre = limit.map_or(how.centre_lon, |b| b.west + 0.5 * b.width());
        let mut edges = if centre == 0.0 { self.plane.edges.clone() } else { self.recut(centre) };
        for edge in &mut edges {
            (edge.y0, edge.y1) = (edge.y0.clamp(-90.0, 90.0), edge.y1.clamp(-90.0, 90.0));
        }
        if let Some(b) = how.within {
            let half = 0.5 * b.width();
            let mut clipped = Vec::with_capacity(edges.len());
            edges
                .iter()
                .for_each(|e| clip(e, [centre - half, b.south, centre + half, b.north], &mut clipped));
            edges = clipped;
        }
        (edges, centre)
    }

    /// The same shape cut at the meridian opposite `centre`.
    fn recut(&self, centre: f64) -> Vec<Edge> {
        let mut out = Vec::with_capacity(self.plane.edges.len());
        let mut edges = self.plane.edges.iter().peekable();
        for (ring, &(north, south)) in self.poles.iter().enumerate() {
            let mut cutter = Cutter::new(centre, ring as u32);
            while let Some(edge) = edges.next_if(|e| e.ring == ring as u32) {
                if edge.real {
                    cutter.push([edge.x0, edge.y0], [edge.x1, edge.y1], &mut out);
                }
            }
            if self.plane.rings[ring].kind != RingKind::Line {
                cutter.finish(north, south, &mut out);
            }
        }
        out
    }
}

/// The step, or a longer one that keeps within [`MOST_POINTS`].
fn allowed_step(edges: &[Edge], step: f64) -> f64 {
    let total: f64 = edges.iter().map(extent).sum();
    let step = if step > 0.0 { step } else { 1.0 };
    step.max(total / MOST_POINTS)
}

fn extent(edge: &Edge) -> f64 {
    (edge.x1 - edge.x0).abs().max(edge.y1 - edge.y0)
}

/// Appends the points of an edge, ends included; returns how many.
fn densify(edge: &Edge, step: f64, xs: &mut Vec<f64>, ys: &mut Vec<f64>) -> usize {
    let pieces = (extent(edge) / step).ceil().max(1.0) as usize;
    for i in 0..pieces {
        let t = i as f64 / pieces as f64;
        xs.push(edge.x0 + t * (edge.x1 - edge.x0));
        ys.push(edge.y0 + t * (edge.y1 - edge.y0));
    }
    xs.push(edge.x1);
    ys.push(edge.y1);
    pieces + 1
}

/// Clips one edge of closed rings to a box `[w, s, e, n]`: what is outside is moved onto the border, which leaves the
/// parity of every place inside as it was.
fn clip(edge: &Edge, [w, s, e, n]: [f64; 4], out: &mut Vec<Edge>) {
    let (dx, dy) = (edge.x1 - edge.x0, edge.y1 - edge.y0);
    let mut cuts = [0.0, 1.0, 1.0, 1.0, 1.0, 1.0];
    for (cut, (from, delta, border)) in
        cuts[1..5].iter_mut().zip([(edge.x0, dx, w), (edge.x0, dx, e), (edge.y0, dy, s), (edge.y0, dy, n)])
    {
        let t = (border - from) / delta;
        *cut = if t > 0.0 && t < 1.0 { t } else { 1.0 };
    }
    cuts.sort_by(f64::total_cmp);
    let at = |t: f64| if t == 1.0 { [edge.x1, edge.y1] } else { [edge.x0 + t * dx, edge.y0 + t * dy] };
    let bounded = |p: [f64; 2]| [p[0].clamp(w, e), p[1].clamp(s, n)];
    let point = edge.x0 == edge.x1 && edge.y0 == edge.y1;
    for pair in cuts.windows(2).filter(|c| c[0] < c[1]) {
        let middle = at(0.5 * (pair[0] + pair[1]));
        let inside = (w..=e).contains(&middle[0]) && (s..=n).contains(&middle[1]);
        let (a, b) = (bounded(at(pair[0])), bounded(at(pair[1])));
        if a != b || (point && inside) {
            out.push(Edge::new(a, b, edge.ring, edge.real && inside));
        }
    }
}

/// Edges between projected points; seams and caps only where the map is really cut.
fn joined(chains: &[Chain], xs: &[f64], ys: &[f64]) -> Vec<Edge> {
    let largest = xs.iter().chain(ys).filter(|v| v.is_finite()).fold(0f64, |m, v| m.max(v.abs()));
    let same = |i: usize, j: usize| (xs[i] - xs[j]).abs().max((ys[i] - ys[j]).abs()) <= 1e-9 * largest;
    let mut out = Vec::with_capacity(xs.len());
    for chain in chains {
        let range = chain.at..chain.at + chain.len;
        let gone = match chain.what {
            What::Seam(twin) => range.clone().zip(twin..).all(|(i, j)| same(i, j) || !xs[i].is_finite()),
            What::Cap => range.clone().all(|i| same(i, chain.at)),
            What::Boundary | What::Closing => false,
        };
        if gone {
            continue;
        }
        for i in chain.at..chain.at + chain.len - 1 {
            let (a, b) = ([xs[i], ys[i]], [xs[i + 1], ys[i + 1]]);
            if a.iter().chain(&b).all(|v| v.is_finite()) {
                out.push(Edge::new(a, b, chain.ring, chain.what == What::Boundary));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::shape::Part;

    /// Azimuthal equidistant round the north pole, degrees of distance.
    fn polar(xs: &mut [f64], ys: &mut [f64]) {
        for (x, y) in xs.iter_mut().zip(ys) {
            let (sin, cos) = x.to_radians().sin_cos();
            let r = 90.0 - *y;
            (*x, *y) = (r * sin, -r * cos);
        }
    }

    fn shape(parts: &[Part]) -> Shape {
        Shape::new("test", parts).unwrap()
    }

    fn how(centre_lon: f64, within: Option<Bbox>) -> Projecting {
        Projecting { max_step_deg: 1.0, centre_lon, within }
    }

    fn agrees(
        shape: &Shape,
        plane: &PlanarPolygons,
        forward: &mut dyn FnMut(&mut [f64], &mut [f64]),
        within: &Bbox,
    ) {
        for lat in (-89..=90).step_by(7) {
            for lon in (-180..180).step_by(11) {
                // Off the lattice of vertices, so that no curved edge decides.
                let (lon, lat) = (f64::from(lon) + 0.37, (f64::from(lat) + 0.21).min(90.0));
                let (mut x, mut y) = ([lon], [lat]);
                forward(&mut x, &mut y);
                if within.contains(lon, lat) {
                    assert_eq!(plane.contains(x[0], y[0]), shape.contains(lon, lat), "{lon} {lat}");
                }
            }
        }
    }

    #[test]
    fn a_ring_round_the_pole_on_a_polar_map() {
        for lat in [60.0, -60.0] {
            let s = shape(&[Part::Polygon(vec![vec![[0.0, lat], [90.0, lat], [180.0, lat], [-90.0, lat]]])]);
            let plane = s.project(&how(0.0, None), &mut polar);
            agrees(&s, &plane, &mut polar, &Bbox::GLOBE);
        }
        let s = shape(&[Part::Polygon(vec![vec![[0.0, 60.0], [90.0, 60.0], [180.0, 60.0], [-90.0, 60.0]]])]);
        assert!(s.project(&how(0.0, None), &mut polar).contains(0.0, 0.0), "the pole itself");
    }

    #[test]
    fn a_polygon_over_the_antimeridian_has_no_seam_on_a_polar_map() {
        let s =
            shape(&[Part::Polygon(vec![vec![[160.0, 50.0], [-160.0, 50.0], [-160.0, 70.0], [160.0, 70.0]]])]);
        let plane = s.project(&how(0.0, None), &mut polar);
        assert!(plane.edges.iter().all(|e| e.real));
        let (mut x, mut y) = ([180.0], [60.0]);
        polar(&mut x, &mut y);
        assert!(plane.contains(x[0], y[0]) && plane.contains(0.0, y[0]));
        agrees(&s, &plane, &mut polar, &Bbox::GLOBE);
    }

    #[test]
    fn a_map_cut_elsewhere_and_a_window_of_it() {
        let mut centred = |xs: &mut [f64], _: &mut [f64]| {
            // Plate carrée centred on 150° E; ends stay on their side of the map.
            xs.iter_mut().for_each(|x| {
                if *x < -30.0 {
                    *x += 360.0;
                }
            });
        };
        let s = shape(&[Part::Polygon(vec![vec![
            [100.0, -40.0],
            [-100.0, -50.0],
            [-60.0, 40.0],
            [120.0, 70.0],
        ]])]);
        let plane = s.project(&how(150.0, None), &mut centred);
        agrees(&s, &plane, &mut centred, &Bbox::GLOBE);
        let window = Bbox::new(130.0, -30.0, -120.0, 50.0).unwrap();
        let plane = s.project(&how(150.0, Some(window)), &mut centred);
        agrees(&s, &plane, &mut centred, &window);
        let bounds = plane.bounds().unwrap();
        assert!(bounds[0] >= 130.0 && bounds[2] <= 240.0 && bounds[3] <= 50.0, "{bounds:?}");
    }

    #[test]
    fn what_can_not_be_mapped_is_left_out() {
        let s = shape(&[Part::Polygon(vec![vec![[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]]])]);
        let plane = s.project(&how(0.0, None), &mut |x, _| x.fill(f64::NAN));
        assert!(plane.is_empty());
    }
}
