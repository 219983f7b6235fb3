//! What a swath covers: the extent of its cells on a target CRS, their size, and how far they lie apart.

use harmony_model::ReadError;
use harmony_model::crs::Transform;

use super::cells::Mesh;
use super::outline::{self, Join};
use super::sphere::{self, EARTH_RADIUS_M};
use super::survey::Zone;
use super::swath::Swath;

/// Extent (xmin, ymin, xmax, ymax) of the edges of the outermost cells and the size of a cell, both in units of the
/// target CRS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inferred {
    pub extent: [f64; 4],
    pub resolution: f64,
}

/// Cells that the size is the median of, at most.
const SAMPLES: usize = 20_000;

/// How a CRS continues or ends, as far as footprints are concerned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Domain {
    pub geographic: bool,
    /// west, south, east, north in degrees that positions are taken from; `west > east` crosses the antimeridian.
    pub usable: [f64; 4],
}

impl Domain {
    /// Whether a position is in it.
    fn holds(&self, lon: f64, lat: f64) -> bool {
        let [west, south, east, north] = self.usable;
        let east_of_west = (lon - west).rem_euclid(360.0);
        let width = if east - west >= 360.0 { 360.0 } else { (east - west).rem_euclid(360.0) };
        (south..=north).contains(&lat) && (east_of_west <= width || (360.0 - east_of_west) < 1e-9)
    }
}

/// The extent and resolution of a swath on a CRS: outlines are followed at the edges of cells, longitudes on the
/// narrowest interval. `None` when no cell has an image there.
///
/// # Errors
/// When positions can't be read.
pub fn infer(swath: &Swath, to_target: &Transform, domain: &Domain) -> Result<Option<Inferred>, ReadError> {
    if domain.geographic { geographic(swath) } else { projected(swath, to_target, domain) }
}

fn geographic(swath: &Swath) -> Result<Option<Inferred>, ReadError> {
    let Some(Zone { west, span, .. }) = swath.survey()?.zone else { return Ok(None) };
    let Some(resolution) = median_size(swath, |places| places, true)? else { return Ok(None) };
    // Longitudes relative to the middle of what is empty, so that a half cell more on either side does not wrap.
    let cut = west - (360.0 - span) * 0.5;
    let place = |lon: f64, lat: f64| (cut + (lon - cut).rem_euclid(360.0), lat);
    // The outline of a swath that holds a pole does not tell its highest latitude: all cells count.
    let (outline, mut bounds) = outline::of(swath, |cells| {
        let mut bounds = Bounds::new();
        for (&lon, &lat) in cells.lons.iter().zip(&cells.lats) {
            if sphere::is_position(lon, lat) {
                bounds.add(place(lon, lat));
            }
        }
        bounds
    })?;
    outline.edges().for_each(|(lon, lat)| bounds.add(place(lon, lat)));
    Ok(on_degrees(bounds, span, resolution))
}

/// The extent of a swath that takes `span` degrees of longitude, from the bounds of its cells.
fn on_degrees(bounds: Bounds, span: f64, resolution: f64) -> Option<Inferred> {
    let [mut xmin, mut ymin, mut xmax, mut ymax] = bounds.0;
    let around_north = ymax > 90.0 - resolution;
    let around_south = ymin < resolution - 90.0;
    (ymin, ymax) = (
        if around_south { -90.0 } else { ymin.max(-90.0) },
        if around_north { 90.0 } else { ymax.min(90.0) },
    );
    if xmax - xmin > 360.0 - 2.0 * resolution || ((around_north || around_south) && span > 180.0) {
        (xmin, xmax) = (-180.0, 180.0);
    }
    // Into −180 … 180 unless it crosses the antimeridian.
    let turn = if xmin >= 180.0 - 1e-9 {
        -360.0
    } else if xmax <= -180.0 + 1e-9 {
        360.0
    } else {
        0.0
    };
    Inferred { extent: [xmin + turn, ymin, xmax + turn, ymax], resolution }.checked()
}

fn projected(swath: &Swath, to_target: &Transform, domain: &Domain) -> Result<Option<Inferred>, ReadError> {
    let (outline, _) = outline::of(swath, |_| Bounds::new())?;
    let every = (swath.count() / (4 * SAMPLES)).max(1);
    let inside: Vec<usize> = (0..swath.count()).step_by(every).collect();
    let mut places: Vec<(f64, f64)> = outline.edges().collect();
    places.extend(swath.gather(&inside)?);
    let on_target = |places: Vec<(f64, f64)>| -> Vec<(f64, f64)> {
        let usable = |p: (f64, f64)| sphere::is_position(p.0, p.1) && domain.holds(p.0, p.1);
        let known = |p| if usable(p) { (sphere::wrap_180(p.0), p.1) } else { (f64::NAN, f64::NAN) };
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = places.into_iter().map(known).unzip();
        to_target.points(&mut xs, &mut ys);
        xs.into_iter().zip(ys).collect()
    };
    let mut bounds = Bounds::new();
    on_target(places).into_iter().for_each(|p| bounds.add(p));
    let resolution = median_size(swath, on_target, false)?;
    Ok(resolution.and_then(|resolution| Inferred { extent: bounds.0, resolution }.checked()))
}

impl Inferred {
    fn checked(self) -> Option<Self> {
        let [xmin, ymin, xmax, ymax] = self.extent;
        let finite = self.extent.iter().all(|v| v.is_finite()) && self.resolution.is_finite();
        (finite && xmin <= xmax && ymin <= ymax && self.resolution > 0.0).then(|| {
            // A single cell, or a line of them, has the width of a cell.
            let widen = |lo: f64, hi: f64| {
                let missing = (self.resolution - (hi - lo)).max(0.0) * 0.5;
                (lo - missing, hi + missing)
            };
            let ((xmin, xmax), (ymin, ymax)) = (widen(xmin, xmax), widen(ymin, ymax));
            Inferred { extent: [xmin, ymin, xmax, ymax], ..self }
        })
    }
}

/// A rectangle around points.
pub(super) struct Bounds(pub [f64; 4]);

impl Join for Bounds {
    fn join(&mut self, other: Self) {
        let [xmin, ymin, xmax, ymax] = other.0;
        self.add((xmin, ymin));
        self.add((xmax, ymax));
    }
}

impl Bounds {
    fn new() -> Self {
        Bounds([f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY])
    }

    fn add(&mut self, (x, y): (f64, f64)) {
        if x.is_finite() && y.is_finite() {
            let b = &mut self.0;
            *b = [b[0].min(x), b[1].min(y), b[2].max(x), b[3].max(y)];
        }
    }
}

/// Cells, evenly over the swath, each with its neighbour to the right and the one below; of lines, with the next one
/// twice.
fn sampled(swath: &Swath) -> Vec<usize> {
    let ([rows, cols], count) = (swath.shape, swath.count());
    let every = (count / SAMPLES).max(1);
    if rows < 2 || cols < 2 {
        return (1..count).step_by(every).flat_map(|at| [at - 1, at, at]).collect();
    }
    // A step that shares no factor with the number of columns visits all of them.
    let every = if every > 1 && cols.is_multiple_of(every) { every + 1 } else { every };
    let inner = |at: &usize| at / cols + 1 < rows && at % cols + 1 < cols;
    (0..count).step_by(every).filter(inner).flat_map(|at| [at, at + 1, at + cols]).collect()
}

/// Square root of the median cell area on what `place` makes of positions; for swaths of a single row or column the
/// median step.
fn median_size(
    swath: &Swath,
    place: impl Fn(Vec<(f64, f64)>) -> Vec<(f64, f64)>,
    degrees: bool,
) -> Result<Option<f64>, ReadError> {
    let step = |a: (f64, f64), b: (f64, f64)| {
        let dx = b.0 - a.0;
        (if degrees { dx - (dx / 360.0).round() * 360.0 } else { dx }, b.1 - a.1)
    };
    let flat = swath.shape.contains(&1);
    let size = |p: &[(f64, f64)]| {
        let (u, v) = (step(p[0], p[1]), step(p[0], p[2]));
        if flat {
            return u.0.hypot(u.1);
        }
        // In degrees of latitude: where those of longitude are short, cells are not any larger.
        let stretched = if degrees { sphere::sin_cos_deg(p[0].1).1 } else { 1.0 };
        ((u.0 * v.1 - u.1 * v.0).abs() * stretched).sqrt()
    };
    let places = place(swath.gather(&sampled(swath))?);
    Ok(median(&mut places.chunks_exact(3).map(size).collect()))
}

/// The median of the positive, finite ones.
fn median(values: &mut Vec<f64>) -> Option<f64> {
    values.retain(|v| v.is_finite() && *v > 0.0);
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    Some(*values.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// How far a cell reaches for targets: `cells` times the longer one of the mean distances to its neighbours along rows
/// and along columns, at most `cap_m`, in metres. A cell without neighbours reaches `cap_m`.
pub fn reach(mesh: &impl Mesh, row: usize, col: usize, cells: f64, cap_m: f64) -> f64 {
    let [rows, cols] = mesh.shape();
    let unit = |(row, col): (usize, usize)| mesh.unit(row, col);
    let Some(own) = unit((row, col)) else { return 0.0 };
    let mean = |pair: [Option<(usize, usize)>; 2]| {
        let distances = pair.into_iter().flatten().filter_map(unit).map(|v| sphere::chord(own, v));
        let (sum, n) = distances.fold((0.0, 0), |(s, n), d| (s + d, n + 1));
        if n == 0 { 0.0 } else { sum / f64::from(n) }
    };
    let across = mean([(col > 0).then(|| (row, col - 1)), (col + 1 < cols).then(|| (row, col + 1))]);
    let along = mean([(row > 0).then(|| (row - 1, col)), (row + 1 < rows).then(|| (row + 1, col))]);
    let size = across.max(along) * EARTH_RADIUS_M;
    if size > 0.0 { (cells * size).min(cap_m) } else { cap_m }
}

#[cfg(test)]
mod tests {
    use harmony_model::crs::Crs;

    use super::*;

    const WORLD: Domain = Domain { geographic: true, usable: [-180.0, -90.0, 180.0, 90.0] };

    fn swath(lons: &[f64], lats: &[f64], cols: usize) -> Swath {
        Swath::of(lons, lats, [lons.len() / cols, cols], [None, None])
    }

    fn on_degrees(lons: &[f64], lats: &[f64], cols: usize) -> Option<Inferred> {
        let same = Transform::new(&Crs::wgs84(), &Crs::wgs84()).unwrap();
        infer(&swath(lons, lats, cols), &same, &WORLD).unwrap()
    }

    fn mesh(f: impl Fn(f64, f64) -> (f64, f64)) -> (Vec<f64>, Vec<f64>) {
        (0..40).flat_map(|i| (0..50).map(move |j| (i, j))).map(|(i, j)| f(f64::from(i), f64::from(j))).unzip()
    }

    fn close(a: [f64; 4], b: [f64; 4], tolerance: f64) {
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < tolerance), "{a:?} {b:?}");
    }

    #[test]
    fn a_regular_swath_reaches_half_a_cell_further_than_its_centres() {
        let (mut lons, lats) = mesh(|i, j| (10.0 + 0.1 * j, 5.0 - 0.1 * i));
        lons[777] = f64::NAN;
        let got = on_degrees(&lons, &lats, 50).unwrap();
        close(got.extent, [9.95, 1.05, 14.95, 5.05], 1e-4);
        assert!((got.resolution - 0.1).abs() < 1e-3, "in degrees of latitude");
    }

    #[test]
    fn longitudes_take_the_narrowest_interval() {
        let crossing = mesh(|i, j| (sphere::wrap_180(178.0 + 0.1 * j), 5.0 - 0.1 * i));
        close(on_degrees(&crossing.0, &crossing.1, 50).unwrap().extent, [177.95, 1.05, 182.95, 5.05], 1e-4);
        let western = mesh(|i, j| (200.0 + 0.1 * j, 5.0 - 0.1 * i));
        close(on_degrees(&western.0, &western.1, 50).unwrap().extent, [-160.05, 1.05, -155.05, 5.05], 1e-4);
    }

    #[test]
    fn a_swath_over_the_pole_reaches_it() {
        let (lons, lats) = mesh(|i, j| {
            let (x, y): (f64, f64) = (0.2 * (j - 20.3), 0.2 * (i - 18.7));
            (y.atan2(x).to_degrees(), 90.0 - x.hypot(y))
        });
        let got = on_degrees(&lons, &lats, 50).unwrap();
        assert_eq!((got.extent[0], got.extent[2], got.extent[3]), (-180.0, 180.0, 90.0));
        let polar = Crs::parse("EPSG:3413").unwrap();
        let to = Transform::new(&Crs::wgs84(), &polar).unwrap();
        let north = Domain { geographic: false, usable: [-180.0, 0.0, 180.0, 90.0] };
        let got = infer(&swath(&lons, &lats, 50), &to, &north).unwrap().unwrap();
        assert!((got.resolution / 21_600.0 - 1.0).abs() < 0.05, "{got:?}");
        let cells =
            (got.extent[2] - got.extent[0]) * (got.extent[3] - got.extent[1]) / got.resolution.powi(2);
        assert!(cells > 2000.0 && cells < 4200.0, "{got:?}");
    }

    #[test]
    fn nothing_valid_has_no_footprint_and_one_cell_has_no_size() {
        assert_eq!(on_degrees(&[f64::NAN; 4], &[0.0; 4], 2), None);
        assert_eq!(on_degrees(&[1.0], &[1.0], 1), None);
        let line = on_degrees(&[1.0, 1.1, 1.2], &[0.0; 3], 3).unwrap();
        close(line.extent, [0.95, -0.05, 1.25, 0.05], 1e-6);
    }

    #[test]
    fn cells_reach_as_far_as_their_neighbours_are() {
        let (lons, lats) = mesh(|i, j| (10.0 + 0.1 * j, 0.2 * (i - 20.0)));
        let mesh = swath(&lons, &lats, 50).whole().unwrap();
        let got = reach(&mesh, 20, 25, 3.0, 1e6);
        assert!((got / (0.6f64.to_radians() * EARTH_RADIUS_M) - 1.0).abs() < 1e-3);
        assert_eq!(reach(&mesh, 0, 49, 3.0, 50_000.0), 50_000.0);
        assert_eq!(reach(&swath(&[1.0], &[2.0], 1).whole().unwrap(), 0, 0, 3.0, 7.0), 7.0);
    }
}
