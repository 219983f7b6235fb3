//! What a swath covers: the extent of its cells on a target CRS, their size, and how far they lie apart.

use harmony_model::crs::Transform;
use rayon::prelude::*;

use super::bilinear::Mesh;
use super::index::narrowest;
use super::sphere::{self, EARTH_RADIUS_M};

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

/// The extent and resolution of a mesh on a CRS: outlines are followed at the edges of cells, longitudes on the
/// narrowest interval. `None` when no cell has an image there.
pub fn infer(mesh: &Mesh, to_target: &Transform, domain: &Domain) -> Option<Inferred> {
    if domain.geographic { geographic(mesh) } else { projected(mesh, to_target, domain) }
}

fn geographic(mesh: &Mesh) -> Option<Inferred> {
    let (west, span) = narrowest(mesh.lons, mesh.lats)?;
    let resolution = median_size(mesh, |at| Some((mesh.lons[at], mesh.lats[at])), true)?;
    // Longitudes relative to the middle of what is empty, so that a half cell more on either side does not wrap.
    let cut = west - (360.0 - span) * 0.5;
    let mut bounds = Bounds::new();
    for (lon, lat) in outline(mesh) {
        bounds.add(cut + (lon - cut).rem_euclid(360.0), lat);
    }
    // The outline of a swath that holds a pole does not tell its highest latitude.
    for (&lon, &lat) in mesh.lons.iter().zip(mesh.lats) {
        if sphere::is_position(lon, lat) {
            bounds.add(cut + (lon - cut).rem_euclid(360.0), lat);
        }
    }
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

fn projected(mesh: &Mesh, to_target: &Transform, domain: &Domain) -> Option<Inferred> {
    let mut bounds = Bounds::new();
    let every = (mesh.lons.len() / (4 * SAMPLES)).max(1);
    let inside = mesh.lons.iter().copied().zip(mesh.lats.iter().copied()).step_by(every);
    let mut places: Vec<(f64, f64)> = outline(mesh).collect();
    places.extend(inside.filter(|p| sphere::is_position(p.0, p.1)));
    let (mut xs, mut ys): (Vec<f64>, Vec<f64>) =
        places.into_iter().filter(|p| domain.holds(p.0, p.1)).map(|p| (sphere::wrap_180(p.0), p.1)).unzip();
    to_target.points(&mut xs, &mut ys);
    xs.iter().zip(&ys).for_each(|(&x, &y)| bounds.add(x, y));
    let place = |at: usize| {
        let (lon, lat) = (mesh.lons[at], mesh.lats[at]);
        (sphere::is_position(lon, lat) && domain.holds(lon, lat)).then(|| (sphere::wrap_180(lon), lat))
    };
    let resolution = median_projected_size(mesh, to_target, place)?;
    Inferred { extent: bounds.0, resolution }.checked()
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

struct Bounds([f64; 4]);

impl Bounds {
    fn new() -> Self {
        Bounds([f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY])
    }

    fn add(&mut self, x: f64, y: f64) {
        if x.is_finite() && y.is_finite() {
            let b = &mut self.0;
            *b = [b[0].min(x), b[1].min(y), b[2].max(x), b[3].max(y)];
        }
    }
}

/// First and last valid cells of a line of cells, and the valid ones beside them further in.
fn ends(mesh: &Mesh, cells: impl DoubleEndedIterator<Item = usize> + Clone) -> Vec<(usize, Option<usize>)> {
    let valid = |at: &usize| sphere::is_position(mesh.lons[*at], mesh.lats[*at]);
    let mut forward = cells.clone().filter(valid);
    let mut backward = cells.rev().filter(valid);
    let first = forward.next().map(|a| (a, forward.next()));
    let last = backward.next().map(|a| (a, backward.next()));
    first.into_iter().chain(last).collect()
}

/// First and last valid cells of every row and every column, with their inner neighbours: the outline of a swath.
pub(super) fn outer_cells(mesh: &Mesh) -> Vec<(usize, Option<usize>)> {
    let cols = mesh.cols.max(1);
    let rows = mesh.lons.len() / cols;
    let of_rows = (0..rows).into_par_iter().flat_map_iter(|r| ends(mesh, r * cols..(r + 1) * cols));
    let of_cols =
        (0..cols).into_par_iter().flat_map_iter(|c| ends(mesh, (0..rows).map(move |r| r * cols + c)));
    of_rows.chain(of_cols).collect()
}

/// Longitudes and latitudes of the outer edges of the outermost cells: half a step further out than their centres.
fn outline(mesh: &Mesh) -> impl Iterator<Item = (f64, f64)> {
    outer_cells(mesh).into_iter().map(|(at, inner)| {
        let outer = sphere::unit(mesh.lons[at], mesh.lats[at]);
        let Some(inner) = inner else { return (mesh.lons[at], mesh.lats[at]) };
        let inner = sphere::unit(mesh.lons[inner], mesh.lats[inner]);
        // A gap is not a cell's width: no step is longer than some 200 km.
        if sphere::chord(outer, inner) > 0.03 {
            return (mesh.lons[at], mesh.lats[at]);
        }
        let half = |k: usize| outer[k] + 0.5 * (outer[k] - inner[k]);
        sphere::lon_lat([half(0), half(1), half(2)])
    })
}

/// Cells, evenly over the mesh, that have a neighbour to the right and one below.
fn sampled(mesh: &Mesh) -> impl Iterator<Item = usize> {
    let cols = mesh.cols.max(1);
    let rows = mesh.lons.len() / cols;
    let every = (mesh.lons.len() / SAMPLES).max(1);
    // A step that shares no factor with the number of columns visits all of them.
    let every = if every > 1 && cols.is_multiple_of(every) { every + 1 } else { every };
    (0..mesh.lons.len()).step_by(every).filter(move |at| at / cols + 1 < rows && at % cols + 1 < cols)
}

/// Square root of the median cell area; for meshes of a single row or column the median step.
fn median_size(mesh: &Mesh, place: impl Fn(usize) -> Option<(f64, f64)>, degrees: bool) -> Option<f64> {
    let valid = |at: usize| place(at).filter(|p| p.0.is_finite() && p.1.is_finite());
    let step = |a: (f64, f64), b: (f64, f64)| {
        let dx = b.0 - a.0;
        (if degrees { dx - (dx / 360.0).round() * 360.0 } else { dx }, b.1 - a.1)
    };
    let cols = mesh.cols.max(1);
    let mut sizes: Vec<f64> = if mesh.lons.len() / cols > 1 && cols > 1 {
        sampled(mesh)
            .filter_map(|at| {
                let (a, right, below) = (valid(at)?, valid(at + 1)?, valid(at + cols)?);
                let (u, v) = (step(a, right), step(a, below));
                // In degrees of latitude: where those of longitude are short, cells are not any larger.
                let stretched = if degrees { sphere::sin_cos_deg(a.1).1 } else { 1.0 };
                Some(((u.0 * v.1 - u.1 * v.0).abs() * stretched).sqrt())
            })
            .collect()
    } else {
        let every = (mesh.lons.len() / SAMPLES).max(1);
        (1..mesh.lons.len())
            .step_by(every)
            .filter_map(|at| {
                let d = step(valid(at - 1)?, valid(at)?);
                Some(d.0.hypot(d.1))
            })
            .collect()
    };
    median(&mut sizes)
}

fn median_projected_size(
    mesh: &Mesh,
    to_target: &Transform,
    place: impl Fn(usize) -> Option<(f64, f64)>,
) -> Option<f64> {
    let cols = mesh.cols.max(1);
    let flat = mesh.lons.len() / cols <= 1 || cols <= 1;
    let every = (mesh.lons.len() / SAMPLES).max(1);
    let cells: Vec<usize> = if flat {
        (0..mesh.lons.len().saturating_sub(1)).step_by(every).collect()
    } else {
        sampled(mesh).collect()
    };
    // Each sampled cell with its neighbours, one after the other.
    let mut wanted = Vec::with_capacity(cells.len() * 3);
    for at in cells {
        wanted.extend(if flat { [at, at + 1, at + 1] } else { [at, at + 1, at + cols] });
    }
    let (mut xs, mut ys): (Vec<f64>, Vec<f64>) =
        wanted.iter().map(|&at| place(at).unwrap_or((f64::NAN, f64::NAN))).unzip();
    to_target.points(&mut xs, &mut ys);
    let mut sizes: Vec<f64> = xs
        .chunks_exact(3)
        .zip(ys.chunks_exact(3))
        .map(|(x, y)| {
            let (u, v) = ((x[1] - x[0], y[1] - y[0]), (x[2] - x[0], y[2] - y[0]));
            if flat { u.0.hypot(u.1) } else { (u.0 * v.1 - u.1 * v.0).abs().sqrt() }
        })
        .collect();
    median(&mut sizes)
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

/// For each cell how far it reaches for targets: `cells` times the longer one of the mean distances to its neighbours
/// along rows and along columns, at most `cap_m`, in metres. Cells without neighbours reach `cap_m`.
pub fn reach(mesh: &Mesh, cells: f64, cap_m: f64) -> Vec<f32> {
    let cols = mesh.cols.max(1);
    let rows = mesh.lons.len() / cols;
    let mut out = vec![0f32; mesh.lons.len()];
    let unit = |at: usize| {
        sphere::is_position(mesh.lons[at], mesh.lats[at]).then(|| sphere::unit(mesh.lons[at], mesh.lats[at]))
    };
    out.par_chunks_mut(cols).enumerate().for_each(|(row, out)| {
        for (col, out) in out.iter_mut().enumerate() {
            let at = row * cols + col;
            let Some(own) = unit(at) else { continue };
            let mean = |pair: [Option<usize>; 2]| {
                let distances = pair.into_iter().flatten().filter_map(unit).map(|v| sphere::chord(own, v));
                let (sum, n) = distances.fold((0.0, 0), |(s, n), d| (s + d, n + 1));
                if n == 0 { 0.0 } else { sum / f64::from(n) }
            };
            let across = mean([(col > 0).then(|| at - 1), (col + 1 < cols).then(|| at + 1)]);
            let along = mean([(row > 0).then(|| at - cols), (row + 1 < rows).then(|| at + cols)]);
            let size = across.max(along) * EARTH_RADIUS_M;
            *out = if size > 0.0 { (cells * size).min(cap_m) as f32 } else { cap_m as f32 };
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use harmony_model::crs::Crs;

    const WORLD: Domain = Domain { geographic: true, usable: [-180.0, -90.0, 180.0, 90.0] };

    fn on_degrees(lons: &[f64], lats: &[f64], cols: usize) -> Option<Inferred> {
        let same = Transform::new(&Crs::wgs84(), &Crs::wgs84()).unwrap();
        infer(&Mesh { lons, lats, cols }, &same, &WORLD)
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
        let got = infer(&Mesh { lons: &lons, lats: &lats, cols: 50 }, &to, &north).unwrap();
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
        let got = reach(&Mesh { lons: &lons, lats: &lats, cols: 50 }, 3.0, 1e6);
        assert!((f64::from(got[20 * 50 + 25]) / (0.6f64.to_radians() * EARTH_RADIUS_M) - 1.0).abs() < 1e-3);
        let capped = reach(&Mesh { lons: &lons, lats: &lats, cols: 50 }, 3.0, 50_000.0);
        assert!(capped.iter().all(|r| *r == 50_000.0));
        assert_eq!(reach(&Mesh { lons: &[1.0], lats: &[2.0], cols: 1 }, 3.0, 7.0), [7.0]);
    }
}
