//! Inverse bilinear interpolation in the quadrilaterals of a swath.
//!
//! A target lies in a quadrilateral of four neighbouring cells; its place in it, two fractions, is found on the plane
//! that touches the Earth at the target, so neither poles nor the antimeridian are special.

use super::cells::Mesh;
use super::index::NONE;
use super::sphere;

/// Where a target lies in the mesh of cell centres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Number of the quadrilateral's first cell (row, col); [`NONE`] outside the mesh. The others are (row, col + 1),
    /// (row + 1, col + 1) and (row + 1, col).
    pub cell: u32,
    /// Fraction along columns and rows, 0 … 1.
    pub s: f32,
    pub t: f32,
}

impl Place {
    pub const OUTSIDE: Place = Place { cell: NONE, s: 0.0, t: 0.0 };

    /// Weights of the four cells in the order of [`Place::cell`].
    #[inline]
    pub fn weights(self) -> [f64; 4] {
        let (s, t) = (f64::from(self.s), f64::from(self.t));
        [(1.0 - s) * (1.0 - t), s * (1.0 - t), s * t, (1.0 - s) * t]
    }
}

/// Steps from one quadrilateral to the next before the search gives up.
const STEPS: usize = 16;
/// Fractions this much outside are on the edge.
const EDGE: f64 = 1e-7;

/// Places of targets whose nearest cells are `near`. Targets without a nearest cell, and those outside the mesh, are
/// [`Place::OUTSIDE`].
pub fn places(mesh: &impl Mesh, lons: &[f64], lats: &[f64], near: &[u32], out: &mut [Place]) {
    for (((&lon, &lat), &cell), out) in lons.iter().zip(lats).zip(near).zip(out) {
        *out = if cell == NONE { Place::OUTSIDE } else { place(mesh, lon, lat, cell as usize) };
    }
}

/// Walks from a quadrilateral at the nearest cell to the one that holds the target; where the mesh is folded and
/// the walk goes astray, the four around the nearest cell are tried.
fn place(mesh: &impl Mesh, lon: f64, lat: f64, near: usize) -> Place {
    let [rows, cols] = mesh.shape();
    if rows < 2 || cols < 2 {
        return Place::OUTSIDE;
    }
    let plane = Plane::at(lon, lat);
    let (row, col) = (near / cols, near % cols);
    let (mut r, mut c) = (row.min(rows - 2), col.min(cols - 2));
    for _ in 0..STEPS {
        let Some((s, t)) = solve(mesh, &plane, r, c) else { break };
        if is_inside(s) && is_inside(t) {
            return found(r * cols + c, s, t);
        }
        let (next_r, next_c) = (step(r, t, rows - 2), step(c, s, cols - 2));
        if (next_r, next_c) == (r, c) {
            break;
        }
        (r, c) = (next_r, next_c);
    }
    for r in row.saturating_sub(1)..=row.min(rows - 2) {
        for c in col.saturating_sub(1)..=col.min(cols - 2) {
            if let Some((s, t)) = solve(mesh, &plane, r, c)
                && is_inside(s)
                && is_inside(t)
            {
                return found(r * cols + c, s, t);
            }
        }
    }
    Place::OUTSIDE
}

fn found(cell: usize, s: f64, t: f64) -> Place {
    let cell = u32::try_from(cell).unwrap_or(NONE);
    Place { cell, s: s.clamp(0.0, 1.0) as f32, t: t.clamp(0.0, 1.0) as f32 }
}

/// Fractions of the plane's origin in a quadrilateral, also outside 0 … 1; `None` where it has no shape.
fn solve(mesh: &impl Mesh, plane: &Plane, r: usize, c: usize) -> Option<(f64, f64)> {
    let at = |r: usize, c: usize| plane.project(mesh.unit(r, c)?);
    let (a, b) = (at(r, c)?, at(r, c + 1)?);
    let (d, e) = (at(r + 1, c)?, at(r + 1, c + 1)?);
    inverse_bilinear(a, b, e, d)
}

#[inline]
fn is_inside(fraction: f64) -> bool {
    (-EDGE..=1.0 + EDGE).contains(&fraction)
}

/// Index of the next quadrilateral along an axis, given where the target lies relative to this one.
fn step(at: usize, fraction: f64, last: usize) -> usize {
    if fraction < -EDGE {
        at.saturating_sub(1)
    } else if fraction > 1.0 + EDGE {
        (at + 1).min(last)
    } else {
        at
    }
}

/// The plane that touches the sphere at a place, with east and north as axes.
struct Plane {
    up: sphere::Vec3,
    east: sphere::Vec3,
    north: sphere::Vec3,
}

impl Plane {
    fn at(lon: f64, lat: f64) -> Self {
        let (sin_lon, cos_lon) = sphere::sin_cos_deg(lon);
        let (sin_lat, cos_lat) = sphere::sin_cos_deg(lat);
        Plane {
            up: [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat],
            east: [-sin_lon, cos_lon, 0.0],
            north: [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat],
        }
    }

    /// Gnomonic coordinates of a direction; `None` beyond the horizon.
    #[inline]
    fn project(&self, v: sphere::Vec3) -> Option<[f64; 2]> {
        let height = sphere::dot(v, self.up);
        (height > 0.1).then(|| [sphere::dot(v, self.east) / height, sphere::dot(v, self.north) / height])
    }
}

/// Fractions (s, t) for which `a(1−s)(1−t) + b·s(1−t) + e·s·t + d(1−s)t` is the origin, by Newton's method.
fn inverse_bilinear(a: [f64; 2], b: [f64; 2], e: [f64; 2], d: [f64; 2]) -> Option<(f64, f64)> {
    let along = [b[0] - a[0], b[1] - a[1]];
    let down = [d[0] - a[0], d[1] - a[1]];
    let twist = [a[0] - b[0] + e[0] - d[0], a[1] - b[1] + e[1] - d[1]];
    let size = along[0].abs().max(along[1].abs()).max(down[0].abs()).max(down[1].abs());
    let (mut s, mut t) = (0.5, 0.5);
    for _ in 0..8 {
        let x = a[0] + along[0] * s + down[0] * t + twist[0] * s * t;
        let y = a[1] + along[1] * s + down[1] * t + twist[1] * s * t;
        let (xs, xt) = (along[0] + twist[0] * t, down[0] + twist[0] * s);
        let (ys, yt) = (along[1] + twist[1] * t, down[1] + twist[1] * s);
        let det = xs * yt - xt * ys;
        if det.abs() <= 1e-9 * size * size {
            return None;
        }
        let (ds, dt) = ((x * yt - y * xt) / det, (y * xs - x * ys) / det);
        (s, t) = (s - ds, t - dt);
        if ds.abs() + dt.abs() < 1e-10 {
            return Some((s, t));
        }
        // Far outside only the direction counts.
        if s.abs().max(t.abs()) > 1e3 {
            return Some((s, t));
        }
    }
    (s.is_finite() && t.is_finite()).then_some((s, t))
}

/// The value at a place of a mesh with `cols` columns; `value` gives that of the cell at (row, col), NaN for none.
/// Cells without a value carry no weight; NaN when those that have one hold less than `share` of it.
#[inline]
pub fn interpolate(place: Place, cols: usize, share: f64, value: impl Fn(usize, usize) -> f64) -> f64 {
    if place.cell == NONE {
        return f64::NAN;
    }
    let (row, col) = (place.cell as usize / cols, place.cell as usize % cols);
    let cells = [(row, col), (row, col + 1), (row + 1, col + 1), (row + 1, col)];
    let (mut sum, mut weight) = (0.0, 0.0);
    for ((r, c), w) in cells.into_iter().zip(place.weights()) {
        let v = value(r, c);
        if w > 0.0 && !v.is_nan() {
            sum += v * w;
            weight += w;
        }
    }
    if weight > 0.0 && weight >= share { sum / weight } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::super::cells::Cells;
    use super::*;
    use crate::project::Block;

    fn mesh(f: impl Fn(f64, f64) -> (f64, f64)) -> Cells {
        let cells = (0..20).flat_map(|i| (0..30).map(move |j| (i, j)));
        let (lons, lats) = cells.map(|(i, j)| f(f64::from(i), f64::from(j))).unzip();
        Cells { block: Block::all([20, 30]), lons, lats }
    }

    fn check(f: impl Fn(f64, f64) -> (f64, f64)) {
        let mesh = mesh(&f);
        for k in 0..400 {
            let (i, j) = (f64::from(k % 20) * 0.94 + 0.3, f64::from(k / 20) * 1.43 + 0.2);
            let (lon, lat) = f(i, j);
            let near = (i.round() as usize * 30 + j.round() as usize) as u32;
            let mut place = [Place::OUTSIDE];
            places(&mesh, &[lon], &[lat], &[near], &mut place);
            let got_i = f64::from(place[0].cell / 30) + f64::from(place[0].t);
            let got_j = f64::from(place[0].cell % 30) + f64::from(place[0].s);
            // A quarter of a thousandth of a cell is the curvature of the mesh.
            assert!((got_i - i).abs() < 3e-3 && (got_j - j).abs() < 3e-3, "{i},{j}: {:?}", place[0]);
        }
    }

    #[test]
    fn places_are_found_in_tilted_meshes_at_the_antimeridian_and_at_the_pole() {
        check(|i, j| (10.0 + 0.1 * j + 0.02 * i, 40.0 + 0.1 * i - 0.03 * j));
        check(|i, j| {
            let lon = 179.0 + 0.1 * j;
            (if lon > 180.0 { lon - 360.0 } else { lon }, -20.0 - 0.1 * i)
        });
        check(|i, j| {
            let (x, y): (f64, f64) = (0.1 * (j - 15.3), 0.1 * (i - 9.7));
            (y.atan2(x).to_degrees(), 90.0 - x.hypot(y))
        });
    }

    #[test]
    fn outside_the_mesh_there_is_no_place() {
        let mesh = mesh(|i, j| (j, i));
        let mut place = [Place::OUTSIDE; 3];
        places(&mesh, &[-0.4, 29.2, 5.0], &[3.0, 3.0, -0.2], &[90, 119, 5], &mut place);
        assert_eq!(place, [Place::OUTSIDE; 3]);
    }

    #[test]
    fn cells_without_a_value_carry_no_weight() {
        let place = |s, t| Place { cell: 0, s, t };
        let plane = [[1.0, f64::NAN], [3.0, f64::NAN]];
        let at = |p| interpolate(p, 2, 0.5, |r, c| plane[r][c]);
        assert_eq!(at(place(0.25, 0.5)), 2.0); // the first column holds three quarters
        assert_eq!(at(place(0.0, 0.0)), 1.0);
        assert!(at(place(1.0, 0.0)).is_nan() && at(Place::OUTSIDE).is_nan());
    }
}
