//! From the vertices of a ring as users write them to edges on the cylinder −180…180.
//!
//! A ring is cut where it meets the antimeridian. The cut is closed by *seams*: edges along ±180 that count for
//! parity and are not boundary, so nothing is selected because of them.

use crate::geometry::bbox::wrap_lon;
use crate::geometry::planar::Edge;

/// Seams of a ring round a pole end here: beyond the pole, so that the pole itself is inside.
pub(crate) const BEYOND_POLE_DEG: f64 = 91.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pole {
    North,
    South,
}

/// A ring whose longitudes go on continuously (beyond ±180 if it must).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unwrapped {
    /// Not closed: the last vertex is joined to the first (plus `turn`).
    pub vertices: Vec<[f64; 2]>,
    /// What the longitude gains in going round: 0, or ±360 round a pole.
    pub turn: f64,
}

impl Unwrapped {
    /// Interprets a ring without repeated vertices.
    ///
    /// An edge that jumps by more than 180° goes the shorter way, across the antimeridian. An edge of exactly 360° is
    /// taken so too, unless that leaves nothing of the ring: −180…180 is how users write "all longitudes".
    pub fn new(vertices: Vec<[f64; 2]>) -> Self {
        let jumps = || edges_of(&vertices).map(|(a, b)| (b[0] - a[0]).abs()).filter(|d| *d > 180.0);
        if jumps().next().is_none() {
            return Unwrapped { vertices, turn: 0.0 };
        }
        let wrapped = unwrap(&vertices);
        let (west, east) = wrapped.lon_range();
        if jumps().all(|d| d == 360.0)
            && twice_area(&vertices) != 0.0
            && (east - west == 0.0 || wrapped.turn != 0.0)
        {
            return Unwrapped { vertices, turn: 0.0 };
        }
        wrapped
    }

    /// Smallest and largest longitude.
    pub fn lon_range(&self) -> (f64, f64) {
        let end = self.vertices[0][0] + self.turn;
        let lons = || self.vertices.iter().map(|v| v[0]);
        (lons().fold(end, f64::min), lons().fold(end, f64::max))
    }

    pub fn lat_range(&self) -> (f64, f64) {
        let lats = || self.vertices.iter().map(|v| v[1]);
        (lats().fold(f64::INFINITY, f64::min), lats().fold(f64::NEG_INFINITY, f64::max))
    }

    /// Twice the signed area in square degrees; positive: counter-clockwise.
    pub fn twice_area(&self) -> f64 {
        twice_area(&self.vertices)
    }

    /// The edges, each with continuous longitudes.
    pub fn edges(&self) -> impl Iterator<Item = ([f64; 2], [f64; 2])> + '_ {
        let n = self.vertices.len();
        let turn = self.turn;
        edges_of(&self.vertices)
            .enumerate()
            .map(move |(i, (a, b))| if i + 1 == n { (a, [b[0] + turn, b[1]]) } else { (a, b) })
    }

    /// The pole that a ring with a turn goes round: the one on the side where it keeps most of its way.
    pub fn pole(&self) -> Option<Pole> {
        if self.turn == 0.0 {
            return None;
        }
        // Mean latitude over the way round; on the equator the left hand side, as RFC 7946 winds exteriors.
        let mean: f64 = self.edges().map(|(a, b)| (b[0] - a[0]) * (a[1] + b[1])).sum::<f64>() * self.turn;
        let north = mean > 0.0 || (mean == 0.0 && self.turn > 0.0);
        Some(if north { Pole::North } else { Pole::South })
    }
}

fn edges_of(vertices: &[[f64; 2]]) -> impl Iterator<Item = ([f64; 2], [f64; 2])> + '_ {
    vertices.iter().copied().zip(vertices.iter().copied().cycle().skip(1))
}

fn twice_area(vertices: &[[f64; 2]]) -> f64 {
    // Relative to the first vertex: small rings far from the origin keep their digits.
    let Some(&[x, y]) = vertices.first() else { return 0.0 };
    edges_of(vertices).map(|(a, b)| (a[0] - x) * (b[1] - y) - (b[0] - x) * (a[1] - y)).sum()
}

fn unwrap(vertices: &[[f64; 2]]) -> Unwrapped {
    let mut out = Vec::with_capacity(vertices.len());
    let mut offset = 0.0;
    let mut turns = |from: f64, to: f64| {
        let delta = to - from;
        if delta > 180.0 {
            offset -= 360.0 * ((delta + 180.0) / 360.0).floor();
        } else if delta < -180.0 {
            offset += 360.0 * ((180.0 - delta) / 360.0).floor();
        }
        offset
    };
    out.push(vertices[0]);
    for pair in vertices.windows(2) {
        let shift = turns(pair[0][0], pair[1][0]);
        out.push([pair[1][0] + shift, pair[1][1]]);
    }
    let turn = turns(vertices[vertices.len() - 1][0], vertices[0][0]);
    Unwrapped { vertices: out, turn }
}

/// Cuts edges into the window `centre − 180 … centre + 180` and closes them there.
pub(crate) struct Cutter {
    centre: f64,
    ring: u32,
    /// Latitudes at which the ring passes the cut.
    crossings: Vec<f64>,
}

impl Cutter {
    pub fn new(centre: f64, ring: u32) -> Self {
        Cutter { centre, ring, crossings: Vec::new() }
    }

    /// Which copy of the window a longitude is in; its west edge belongs to it.
    fn window(&self, lon: f64) -> f64 {
        ((lon - self.centre + 180.0) / 360.0).floor()
    }

    fn place(&self, lon: f64, window: f64) -> f64 {
        if self.centre == 0.0 && (-1.0..=1.0).contains(&window) && (-540.0..540.0).contains(&lon) {
            // Exactly what wrap_lon does to samples: equal inputs stay equal.
            return if lon == 180.0 + 360.0 * window { 180.0 } else { wrap_lon(lon) };
        }
        lon - 360.0 * window
    }

    /// Adds one edge with continuous longitudes.
    pub fn push(&mut self, a: [f64; 2], b: [f64; 2], out: &mut Vec<Edge>) {
        let (first, last) = (self.window(a[0]), self.window(b[0]));
        if first == last {
            let (x0, x1) = (self.place(a[0], first), self.place(b[0], first));
            return out.push(Edge::new([x0, a[1]], [x1, b[1]], self.ring, true));
        }
        let step = if last > first { 1.0 } else { -1.0 };
        let (mut window, mut from) = (first, a);
        while window != last {
            // The meridian between this window and the next one on the way.
            let border = self.centre - 180.0 + 360.0 * window.max(window + step);
            let lat = lat_at(a, b, border);
            self.crossings.push(lat);
            self.piece(from, [border, lat], window, out);
            from = [border, lat];
            window += step;
        }
        self.piece(from, b, last, out);
    }

    fn piece(&self, a: [f64; 2], b: [f64; 2], window: f64, out: &mut Vec<Edge>) {
        let (west, east) = (self.centre - 180.0, self.centre + 180.0);
        let place = |lon: f64| self.place(lon, window).clamp(west, east);
        out.push(Edge::new([place(a[0]), a[1]], [place(b[0]), b[1]], self.ring, true));
    }

    /// Closes the cut with seams; a ring round poles is closed over them.
    pub fn finish(mut self, north: bool, south: bool, out: &mut Vec<Edge>) {
        let (west, east) = (self.centre - 180.0, self.centre + 180.0);
        for (_, lat) in
            [(north, BEYOND_POLE_DEG), (south, -BEYOND_POLE_DEG)].into_iter().filter(|(is, _)| *is)
        {
            self.crossings.push(lat);
            out.push(Edge::new([west, lat], [east, lat], self.ring, false));
        }
        self.crossings.sort_by(f64::total_cmp);
        for pair in self.crossings.chunks_exact(2).filter(|p| p[0] < p[1]) {
            for lon in [west, east] {
                out.push(Edge::new([lon, pair[0]], [lon, pair[1]], self.ring, false));
            }
        }
    }
}

fn lat_at(a: [f64; 2], b: [f64; 2], lon: f64) -> f64 {
    if lon == a[0] {
        return a[1];
    }
    if lon == b[0] {
        return b[1];
    }
    let lat = a[1] + (b[1] - a[1]) * ((lon - a[0]) / (b[0] - a[0]));
    lat.clamp(a[1].min(b[1]), a[1].max(b[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(lonlat: &[(f64, f64)]) -> Unwrapped {
        Unwrapped::new(lonlat.iter().map(|p| [p.0, p.1]).collect())
    }

    #[test]
    fn a_jump_goes_the_shorter_way() {
        let r = ring(&[(175.0, 48.0), (175.0, 1.0), (-174.0, 0.0), (-177.0, 47.0)]);
        assert_eq!((r.lon_range(), r.turn), ((175.0, 186.0), 0.0));
    }

    #[test]
    fn all_longitudes_are_not_a_jump() {
        let globe = ring(&[(-180.0, -90.0), (180.0, -90.0), (180.0, 90.0), (-180.0, 90.0)]);
        assert_eq!(globe.lon_range(), (-180.0, 180.0));
        let crossing = ring(&[
            (170.0, 0.0),
            (180.0, 0.0),
            (-180.0, 0.0),
            (-170.0, 0.0),
            (-170.0, 9.0),
            (-180.0, 9.0),
            (180.0, 9.0),
            (170.0, 9.0),
        ]);
        assert_eq!(crossing.lon_range(), (170.0, 190.0));
        let line_round = ring(&[(-180.0, 60.0), (-90.0, 60.0), (0.0, 60.0), (90.0, 60.0), (180.0, 60.0)]);
        assert_eq!((line_round.turn, line_round.pole()), (360.0, Some(Pole::North)));
    }

    #[test]
    fn a_ring_round_a_pole_knows_which() {
        let north = ring(&[(58.41, 76.95), (163.98, 80.56), (-122.99, 81.94), (-26.18, 82.82)]);
        assert_eq!((north.turn, north.pole()), (360.0, Some(Pole::North)));
        let south = ring(&[(0.0, -60.0), (-120.0, -50.0), (120.0, -70.0)]);
        assert_eq!((south.turn, south.pole()), (-360.0, Some(Pole::South)));
        assert_eq!(ring(&[(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]).pole(), None);
    }

    #[test]
    fn a_cut_has_seams_on_both_sides() {
        let r = ring(&[(170.0, 0.0), (-170.0, 0.0), (-170.0, 10.0), (170.0, 10.0)]);
        let (mut cutter, mut edges) = (Cutter::new(0.0, 0), Vec::new());
        r.edges().for_each(|(a, b)| cutter.push(a, b, &mut edges));
        cutter.finish(false, false, &mut edges);
        let seams: Vec<_> = edges.iter().filter(|e| !e.real).map(|e| (e.x0, e.y0, e.y1)).collect();
        assert_eq!(seams, [(-180.0, 0.0, 10.0), (180.0, 0.0, 10.0)]);
        assert!(edges.iter().all(|e| e.x0.abs() <= 180.0 && e.x1.abs() <= 180.0));
    }
}
