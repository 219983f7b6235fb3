//! The exact nearest cell of a swath for every cell of a target.

use super::index::{Band, NONE, Point, SwathIndex};
use super::sphere;

/// The nearest cells of some targets among all that were looked at so far: indexes may hold a part of the swath each.
pub struct Found {
    /// Numbers of cells, [`NONE`] where none is near enough. Of cells at the same distance it is the one with the lowest
    /// number.
    pub cells: Vec<u32>,
    /// Squared chords to them, or that of the search radius.
    d2: Vec<f32>,
}

impl Found {
    /// Nothing yet for so many targets, of which none shall get a cell more than `radius_m` metres away.
    pub fn nothing(targets: usize, radius_m: f64) -> Self {
        let limit2 = sphere::chord_of_metres(radius_m).powi(2) as f32;
        Found { cells: vec![NONE; targets], d2: vec![limit2; targets] }
    }

    /// Length of the chord to the cell of a target that has one.
    pub fn chord(&self, target: usize) -> f64 {
        f64::from(self.d2[target]).sqrt()
    }

    /// Looks at the cells of an index for targets at `lons`, `lats` (degrees).
    ///
    /// Neighbouring targets should follow each other: the neighbour of one bounds the search for the next.
    pub fn look_at(&mut self, index: &SwathIndex, lons: &[f64], lats: &[f64]) {
        let mut last: Option<Point> = None;
        let mut place = Place::at(0.0, 0.0);
        let targets = lons.iter().zip(lats).zip(self.cells.iter_mut().zip(&mut self.d2));
        for ((&lon, &lat), (cell, d2)) in targets {
            if !sphere::is_position(lon, lat) {
                continue;
            }
            let mut best = Best { point: Point { cell: *cell, ..Point::default() }, d2: *d2 };
            place.moved_to(lon, lat);
            let mut search = Search::new(index, &place, &mut best);
            if let Some(p) = last {
                search.offer(p);
            }
            search.run();
            if best.point.cell != *cell {
                last = Some(best.point);
                (*cell, *d2) = (best.point.cell, best.d2);
            }
        }
    }
}

/// What a search looks for.
trait Wanted {
    /// Squared chord that a cell may have at most.
    fn limit2(&self) -> f32;
    /// Takes a cell at that squared chord, or not.
    fn offer(&mut self, p: Point, d2: f32);
}

/// The nearest one.
struct Best {
    point: Point,
    /// Squared chord to it, or that of the search radius.
    d2: f32,
}

impl Wanted for Best {
    #[inline]
    fn limit2(&self) -> f32 {
        self.d2
    }

    #[inline]
    fn offer(&mut self, p: Point, d2: f32) {
        if d2 < self.d2 || (d2 == self.d2 && p.cell < self.point.cell) {
            (self.point, self.d2) = (p, d2);
        }
    }
}

/// The nearest `K`, nearest first.
struct Several<const K: usize> {
    found: [(f32, u32); K],
    count: usize,
    limit2: f32,
}

impl<const K: usize> Wanted for Several<K> {
    #[inline]
    fn limit2(&self) -> f32 {
        if self.count == K { self.found[K - 1].0 } else { self.limit2 }
    }

    fn offer(&mut self, p: Point, d2: f32) {
        let new = (d2, p.cell);
        if d2 > self.limit2 || (self.count == K && new >= self.found[K - 1]) {
            return;
        }
        self.count = (self.count + 1).min(K);
        let mut at = self.count - 1;
        while at > 0 && new < self.found[at - 1] {
            self.found[at] = self.found[at - 1];
            at -= 1;
        }
        self.found[at] = new;
    }
}

/// Numbers of up to `K` nearest cells within a radius, nearest first; the rest is [`NONE`].
pub fn several<const K: usize>(index: &SwathIndex, lon: f64, lat: f64, radius_m: f64) -> [u32; K] {
    let limit2 = sphere::chord_of_metres(radius_m).powi(2) as f32;
    let mut wanted = Several { found: [(f32::INFINITY, NONE); K], count: 0, limit2 };
    if sphere::is_position(lon, lat) {
        Search::new(index, &Place::at(lon, lat), &mut wanted).run();
    }
    wanted.found.map(|(_, cell)| cell)
}

struct Search<'a, W> {
    index: &'a SwathIndex,
    target: Point,
    lat: f64,
    east: f64,
    /// One over the cosine of the latitude.
    inverse_cos: f64,
    wanted: &'a mut W,
}

/// Squared degrees in a squared chord, for short ones.
const DEGREES2: f64 = (180.0 / std::f64::consts::PI) * (180.0 / std::f64::consts::PI);
/// Squared chords up to this are as good as squared angles (to 1e-4).
const SHORT2: f32 = 2.5e-3;
/// Room for rounding, in squared degrees: bins are visited once too often rather than not at all. It covers half a metre
/// of error in a position, whatever the distance.
const SPARE: f64 = 1.0 + 4e-4;
const SPARE_DEG2: f64 = 1.5e-7;
/// Degrees of longitude up to which an angle may stand for its sine.
const NARROW: f64 = 3.0;

impl<'a, W: Wanted> Search<'a, W> {
    fn new(index: &'a SwathIndex, place: &Place, wanted: &'a mut W) -> Self {
        Search {
            index,
            target: place.relative_to(index.origin),
            lat: place.lat,
            east: index.eastwards(place.lon),
            inverse_cos: place.inverse_cos,
            wanted,
        }
    }

    #[inline]
    fn offer(&mut self, p: Point) {
        let (dx, dy, dz) = (p.x - self.target.x, p.y - self.target.y, p.z - self.target.z);
        self.wanted.offer(p, dx * dx + dy * dy + dz * dz);
    }

    /// The present bound in squared degrees, rounded up.
    #[inline]
    fn reach2(&self) -> f64 {
        let chord2 = self.wanted.limit2();
        if chord2 < SHORT2 {
            return f64::from(chord2) * DEGREES2 * SPARE + SPARE_DEG2;
        }
        let half = (f64::from(chord2).sqrt() * 0.5).min(1.0);
        (2.0 * half.asin().to_degrees()).powi(2) * SPARE + SPARE_DEG2
    }

    /// Visits bands from the target's own outwards, as long as they can hold something nearer.
    #[inline]
    fn run(&mut self) {
        let (height, bands) = (self.index.height, self.index.bands.len() as i64);
        let up = self.lat - self.index.south;
        let own = ((up * self.index.per_height + 1.0) as i64 - 1).clamp(-1, bands);
        self.visit(own, 0.0);
        let (mut below, mut above) = (own - 1, own + 1);
        while below >= 0 || above < bands {
            if below >= 0 {
                let gap = (up - (below + 1) as f64 * height).max(0.0);
                below = if gap * gap > self.reach2() { -1 } else { self.visit(below, gap) - 1 };
            }
            if above < bands {
                let gap = (above as f64 * height - up).max(0.0);
                above = if gap * gap > self.reach2() { bands } else { self.visit(above, gap) + 1 };
            }
        }
    }

    /// Offers the cells of a band, `gap` degrees away, that can be near enough.
    #[inline]
    fn visit(&mut self, band: i64, gap: f64) -> i64 {
        let Some(b) = usize::try_from(band).ok().and_then(|b| self.index.bands.get(b)) else { return band };
        let reach2 = self.reach2();
        // On the plane the gap uses up a part of the distance. That holds on the sphere only for short ones.
        let along2 = if reach2 < 1.0 { (reach2 - gap * gap).max(0.0) } else { reach2 };
        // The smaller cosine, that of the target or of the band, makes up for what the gap does to the width.
        let half = along2.sqrt() * self.inverse_cos.max(b.inverse_cos) * 1.001;
        let half = if half < NARROW { half } else { self.wide(along2.sqrt(), b) };
        let (lo, hi) = (self.east - half, self.east + half);
        if lo >= 0.0 && hi < 360.0 {
            if lo <= self.index.span {
                self.scan(b.first + b.column(lo), b.first + b.column(hi) + 1);
            }
        } else if half >= 180.0 {
            self.scan(b.first, b.first + b.bins);
        } else {
            for turn in [-360.0, 0.0, 360.0] {
                let (lo, hi) = (lo + turn, hi + turn);
                if hi >= 0.0 && lo <= self.index.span {
                    self.scan(b.first + b.column(lo.max(0.0)), b.first + b.column(hi) + 1);
                }
            }
        }
        band
    }

    /// Degrees of longitude that `angle` degrees of distance can make between this latitude and those of a band:
    /// sin(angle) / cos(latitude) is the sine of the half width.
    #[cold]
    fn wide(&self, angle: f64, band: &Band) -> f64 {
        let sine = angle.min(90.0).to_radians().sin() * self.inverse_cos.max(band.inverse_cos);
        if angle + self.lat.abs() >= 90.0 || sine >= 1.0 { 180.0 } else { sine.asin().to_degrees() * 1.001 }
    }

    #[inline]
    fn scan(&mut self, from: u32, to: u32) {
        let range = self.index.starts[from as usize] as usize..self.index.starts[to as usize] as usize;
        let index = self.index;
        for p in &index.points[range] {
            self.offer(*p);
        }
    }
}

/// A target: its position and what follows from the latitude, which neighbours often share.
struct Place {
    lon: f64,
    lat: f64,
    sin_lat: f64,
    cos_lat: f64,
    inverse_cos: f64,
}

impl Place {
    fn at(lon: f64, lat: f64) -> Self {
        let (sin_lat, cos_lat) = sphere::sin_cos_deg(lat);
        // At the poles any longitude is near.
        Place { lon, lat, sin_lat, cos_lat, inverse_cos: 1.0 / cos_lat.max(1e-12) }
    }

    /// The next target.
    #[inline]
    fn moved_to(&mut self, lon: f64, lat: f64) {
        if lat == self.lat {
            self.lon = lon;
        } else {
            *self = Place::at(lon, lat);
        }
    }

    #[inline]
    fn relative_to(&self, origin: sphere::Vec3) -> Point {
        let (sin_lon, cos_lon) = sphere::sin_cos_deg(self.lon);
        let v = sphere::sub([self.cos_lat * cos_lon, self.cos_lat * sin_lon, self.sin_lat], origin);
        Point { x: v[0] as f32, y: v[1] as f32, z: v[2] as f32, cell: NONE }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cells::Cells;
    use super::super::index::Gathered;
    use super::super::survey::Zone;
    use super::*;

    fn index(lons: &[f64], lats: &[f64]) -> SwathIndex {
        let block = crate::project::Block::all([1, lons.len()]);
        SwathIndex::of(&Cells { block, lons: lons.into(), lats: lats.into() }).unwrap()
    }

    /// Any order of anything must find what a full scan finds.
    fn brute(lons: &[f64], lats: &[f64], lon: f64, lat: f64, radius_m: f64) -> Option<(usize, f64)> {
        let t = sphere::unit(lon, lat);
        (0..lons.len())
            .filter(|&i| sphere::is_position(lons[i], lats[i]))
            .map(|i| (i, sphere::chord(sphere::unit(lons[i], lats[i]), t)))
            .filter(|(_, d)| *d <= sphere::chord_of_metres(radius_m))
            .min_by(|a, b| a.1.total_cmp(&b.1))
    }

    fn check(lons: &[f64], lats: &[f64], targets: &[(f64, f64)], radius_m: f64) {
        let index = index(lons, lats);
        let (x, y): (Vec<f64>, Vec<f64>) = targets.iter().copied().unzip();
        let mut found = Found::nothing(x.len(), radius_m);
        found.look_at(&index, &x, &y);
        for (k, &cell) in found.cells.iter().enumerate() {
            let want = brute(lons, lats, x[k], y[k], radius_m);
            match want {
                None => assert_eq!(cell, NONE, "target {:?}", targets[k]),
                Some((_, d)) => {
                    assert_ne!(cell, NONE, "target {:?} at {d}", targets[k]);
                    let c = cell as usize;
                    let got = sphere::chord(sphere::unit(lons[c], lats[c]), sphere::unit(x[k], y[k]));
                    assert!((got - d).abs() < 3e-7, "target {:?}: {got} instead of {d}", targets[k]);
                }
            }
        }
    }

    /// Numbers that look random and are the same on every machine.
    fn noise(seed: &mut u64) -> f64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 11) as f64 / (1u64 << 53) as f64
    }

    #[test]
    fn scattered_cells_over_the_whole_globe() {
        let mut s = 1;
        let lons: Vec<f64> = (0..3000).map(|_| noise(&mut s) * 720.0 - 360.0).collect();
        let lats: Vec<f64> = (0..3000).map(|_| noise(&mut s) * 180.0 - 90.0).collect();
        let targets: Vec<(f64, f64)> =
            (0..2000).map(|_| (noise(&mut s) * 360.0 - 180.0, noise(&mut s) * 180.0 - 90.0)).collect();
        check(&lons, &lats, &targets, 300_000.0);
        check(&lons, &lats, &targets, 5_000_000.0);
        check(&lons, &lats, &targets, 2e7);
    }

    #[test]
    fn a_tilted_swath_over_the_antimeridian_and_one_over_the_pole() {
        let tilted = |i: f64, j: f64| (178.0 + 0.05 * j + 0.01 * i, 50.0 + 0.05 * i - 0.012 * j);
        let polar = |i: f64, j: f64| {
            let (x, y): (f64, f64) = (0.3 * (i - 30.0) + 0.1 * j, 0.25 * (j - 30.0));
            (y.atan2(x).to_degrees(), 90.0 - x.hypot(y))
        };
        let place = [&tilted as &dyn Fn(f64, f64) -> (f64, f64), &polar];
        for f in place {
            let cells = (0..60).flat_map(|i| (0..60).map(move |j| (i, j)));
            let (lons, lats): (Vec<f64>, Vec<f64>) =
                cells.map(|(i, j)| f(f64::from(i), f64::from(j))).unzip();
            let fine = (0..40).flat_map(|i| (0..40).map(move |j| (i, j)));
            let targets: Vec<(f64, f64)> = fine
                .map(|(i, j)| f(f64::from(i) * 1.8 - 5.0, f64::from(j) * 1.8 - 5.0))
                .filter(|t| sphere::is_position(t.0, t.1))
                .collect();
            check(&lons, &lats, &targets, 8_000.0);
            check(&lons, &lats, &targets, 60_000.0);
        }
    }

    #[test]
    fn several_neighbours_come_nearest_first() {
        let mut s = 5;
        let lons: Vec<f64> = (0..2000).map(|_| noise(&mut s) * 4.0 + 178.0).collect();
        let lats: Vec<f64> = (0..2000).map(|_| noise(&mut s) * 4.0 - 2.0).collect();
        let index = index(&lons, &lats);
        for _ in 0..200 {
            let (lon, lat) = (noise(&mut s) * 6.0 + 177.0, noise(&mut s) * 6.0 - 3.0);
            let got = several::<16>(&index, lon, lat, 30_000.0);
            let t = sphere::unit(lon, lat);
            let mut all: Vec<f64> =
                (0..2000).map(|i| sphere::chord(sphere::unit(lons[i], lats[i]), t)).collect();
            all.sort_by(f64::total_cmp);
            for (k, &cell) in got.iter().enumerate() {
                let near = all[k] <= sphere::chord_of_metres(30_000.0);
                assert_eq!(cell != NONE, near);
                if near {
                    let c = cell as usize;
                    assert!((sphere::chord(sphere::unit(lons[c], lats[c]), t) - all[k]).abs() < 3e-7);
                }
            }
        }
    }

    #[test]
    fn the_lowest_number_wins_a_tie_whatever_is_looked_at_first() {
        let origin = sphere::unit(0.5, 0.0);
        let part = |lons: &[f64], first: usize| {
            let block = crate::project::Block { rows: 0..1, cols: first..first + lons.len() };
            let mut gathered = Gathered::default();
            let cells = Cells { block, lons: lons.into(), lats: vec![0.0; lons.len()] };
            gathered.add(&cells, &Zone { south: -1.0, north: 1.0, west: -5.0, span: 10.0 }, 3);
            SwathIndex::build(&gathered, origin).unwrap()
        };
        let (whole, head, tail) = (part(&[1.0, 0.0, 0.0], 0), part(&[1.0, 0.0], 0), part(&[0.0], 2));
        for order in [vec![&whole], vec![&head, &tail], vec![&tail, &head]] {
            let mut found = Found::nothing(3, 50_000.0);
            order.iter().for_each(|index| found.look_at(index, &[0.1, f64::NAN, 0.9], &[0.0; 3]));
            assert_eq!(found.cells, [1, NONE, 0]);
        }
    }
}
