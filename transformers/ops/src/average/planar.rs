//! Areas of cells that are not bounded by meridians and parallels, on the sphere.
//!
//! A cell is a small quadrilateral in space: half the cross product of its diagonals is its area. That needs no care at
//! the poles or the antimeridian, and its error (second order in the size of a cell) is nearly the same for all cells.

use harmony_model::crs::{Crs, Transform};
use harmony_model::geolocation::ProjectedAxis;
use harmony_model::geometry::Bbox;
use harmony_model::{ArraySource, DType, DimId, Packing, ReadError, Runs, VarId, Window};
use std::sync::Arc;

use crate::error::OpError;
use crate::scene::Scene;
use crate::subset_bbox::axis_centres;
use crate::subset_bbox::kernel::{CellRule, Cells};

/// PROJ names of projections that keep areas: all cells of a size in the plane are of a size on Earth.
const EQUAL_AREA: [&str; 14] = [
    "aea", "bonne", "cea", "collg", "eck4", "eck6", "eqearth", "goode", "igh", "laea", "leac", "moll",
    "sinu", "wag1",
];

type Vec3 = [f64; 3];

/// Cells of a projected grid.
pub struct ProjectedCells {
    /// Extents along rows and columns in CRS units.
    rows: Cells,
    cols: Cells,
    /// Whether rows are x.
    transposed: bool,
    to_geographic: Transform,
    equal_area: bool,
    /// Cells count when their centre is in one of them; the index window of a box is larger than the box.
    boxes: Vec<Bbox>,
}

impl ProjectedCells {
    pub fn new(
        scene: &Scene,
        y: &ProjectedAxis,
        x: &ProjectedAxis,
        crs: &Crs,
        transposed: bool,
    ) -> Result<Self, OpError> {
        let cells = |axis| Ok::<_, OpError>(Cells::new(&axis_centres(scene, axis)?, CellRule::Centres, 0.0));
        let (ys, xs) = (cells(y)?, cells(x)?);
        let (rows, cols) = if transposed { (xs, ys) } else { (ys, xs) };
        let text = crs.proj_string().unwrap_or_default();
        let name = text.split_whitespace().find_map(|w| w.strip_prefix("+proj=")).unwrap_or_default();
        Ok(ProjectedCells {
            rows,
            cols,
            transposed,
            to_geographic: Transform::new(crs, &Crs::wgs84())?,
            equal_area: EQUAL_AREA.contains(&name),
            boxes: scene.request.bbox.clone(),
        })
    }

    pub fn rows(&self, first: usize, n: usize) -> Vec<f64> {
        let flat = |c: &Cells, i: usize| if c.upper[i] > c.lower[i] { c.upper[i] - c.lower[i] } else { 1.0 };
        let mut out = Vec::with_capacity(n * self.cols.lower.len());
        for r in first..first + n {
            if self.equal_area {
                let height = flat(&self.rows, r);
                out.extend((0..self.cols.lower.len()).map(|c| height * flat(&self.cols, c)));
            } else {
                self.add_row(r, &mut out);
            }
            if !self.boxes.is_empty() {
                let start = out.len() - self.cols.lower.len();
                self.keep_boxes(r, &mut out[start..]);
            }
        }
        out
    }

    /// Geographic positions at `row` (x or y) and each of `cols`.
    fn geographic(&self, row: f64, cols: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (mut a, mut b) = (vec![row; cols.len()], cols.to_vec());
        let (x, y) = if self.transposed { (&mut a, &mut b) } else { (&mut b, &mut a) };
        self.to_geographic.points(x, y);
        if self.transposed { (a, b) } else { (b, a) }
    }

    fn add_row(&self, r: usize, out: &mut Vec<f64>) {
        let corners = |row: f64, cols: &[f64]| {
            let (lon, lat) = self.geographic(row, cols);
            lon.iter().zip(&lat).map(|(&x, &y)| on_sphere(x, y)).collect::<Vec<Vec3>>()
        };
        let (low, high) = (self.rows.lower[r], self.rows.upper[r]);
        let (a, b) = (corners(low, &self.cols.lower), corners(low, &self.cols.upper));
        let (c, d) = (corners(high, &self.cols.upper), corners(high, &self.cols.lower));
        // A grid of one row or column has cells without extent there: all that can be said is that they are alike.
        let flat = low == high || self.cols.lower.first() == self.cols.upper.first();
        let area = |i: usize| length(cross(minus(c[i], a[i]), minus(d[i], b[i]))) / 2.0;
        out.extend((0..a.len()).map(|i| if flat && a[i][0].is_finite() { 1.0 } else { area(i) }));
    }

    fn keep_boxes(&self, r: usize, weights: &mut [f64]) {
        let row = f64::midpoint(self.rows.lower[r], self.rows.upper[r]);
        let (lon, lat) = self.geographic(row, &self.cols.centres());
        for ((w, &x), &y) in weights.iter_mut().zip(&lon).zip(&lat) {
            if !self.boxes.iter().any(|b| b.contains(x, y)) {
                *w = 0.0;
            }
        }
    }
}

/// Samples of a swath: a cell reaches halfway to its neighbours.
pub struct SampleCells {
    lat: Positions,
    lon: Positions,
    /// Samples along rows and columns.
    shape: [usize; 2],
}

/// One of the two position variables.
struct Positions {
    data: Arc<dyn ArraySource>,
    dtype: DType,
    packing: Packing,
    /// Axes of the variable that are rows and columns.
    axes: [usize; 2],
    rank: usize,
}

impl SampleCells {
    /// `dims`: rows and columns of the swath.
    pub fn new(scene: &Scene, vars: [VarId; 2], dims: [DimId; 2], transposed: bool) -> Self {
        let dims = if transposed { [dims[1], dims[0]] } else { dims };
        let positions = |id: VarId| {
            let var = scene.granule.var(id);
            let axis = |d: DimId| var.dims.iter().position(|x| *x == d);
            Positions {
                data: var.data.clone(),
                dtype: var.dtype.clone(),
                packing: Packing::of(var),
                axes: [axis(dims[0]).unwrap_or(0), axis(dims[1]).unwrap_or(1)],
                rank: var.dims.len(),
            }
        };
        SampleCells {
            lat: positions(vars[0]),
            lon: positions(vars[1]),
            shape: dims.map(|d| scene.granule.dim(d).len as usize),
        }
    }

    pub fn rows(&self, first: usize, n: usize) -> Result<Vec<f64>, ReadError> {
        let [rows, cols] = self.shape;
        let (from, to) = (first.saturating_sub(1), (first + n + 1).min(rows));
        let lat = self.lat.read(from, to - from, cols)?;
        let lon = self.lon.read(from, to - from, cols)?;
        let places: Vec<Vec3> = lon.iter().zip(&lat).map(|(&x, &y)| on_sphere(x, y)).collect();
        let at = |r: usize, c: usize| places[(r - from) * cols + c];
        let mut out = Vec::with_capacity(n * cols);
        for r in first..first + n {
            for c in 0..cols {
                let along = |i: usize, n: usize, place: &dyn Fn(usize) -> Vec3| step(i, n, place);
                let down = along(r, rows, &|i| at(i, c));
                let across = along(c, cols, &|i| at(r, i));
                out.push(match (down, across) {
                    (Some(a), Some(b)) => length(cross(a, b)),
                    (Some(a), None) if cols == 1 => length(a),
                    (None, Some(b)) if rows == 1 => length(b),
                    (None, None) if rows == 1 && cols == 1 => 1.0,
                    _ => 0.0,
                });
            }
        }
        Ok(out)
    }
}

/// The vector across sample `i` of `n`: half of that between its neighbours, or that to the one it has. `None` when its
/// own position or both neighbours are missing.
fn step(i: usize, n: usize, place: &dyn Fn(usize) -> Vec3) -> Option<Vec3> {
    let good = |p: Vec3| p[0].is_finite().then_some(p);
    let here = good(place(i))?;
    let before = i.checked_sub(1).and_then(|i| good(place(i)));
    let after = (i + 1 < n).then(|| place(i + 1)).and_then(good);
    match (before, after) {
        (Some(a), Some(b)) => Some(minus(b, a).map(|v| v / 2.0)),
        (Some(a), None) => Some(minus(here, a)),
        (None, Some(b)) => Some(minus(b, here)),
        (None, None) => None,
    }
}

impl Positions {
    /// Degrees of `n` rows from `first`, row-major in rows and columns; further axes of the variable at their first
    /// index.
    fn read(&self, first: usize, n: usize, cols: usize) -> Result<Vec<f64>, ReadError> {
        let mut axes = vec![Runs::range(0, 1); self.rank];
        axes[self.axes[0]] = Runs::range(first as u64, n as u64);
        axes[self.axes[1]] = Runs::all(cols as u64);
        let mut bytes = vec![0; n * cols * self.dtype.size()];
        self.data.read(&Window(axes), &mut bytes)?;
        let values = self.packing.unpack(&self.dtype, &bytes).unwrap_or_else(|| vec![f64::NAN; n * cols]);
        if self.axes[0] < self.axes[1] {
            return Ok(values);
        }
        Ok((0..n * cols).map(|i| values[(i % cols) * n + i / cols]).collect())
    }
}

/// The unit vector to a place.
fn on_sphere(lon: f64, lat: f64) -> Vec3 {
    if !(lat.abs() <= 90.0 && lon.abs() <= 720.0) {
        return [f64::NAN; 3];
    }
    let ((s, c), (sl, cl)) = (lat.to_radians().sin_cos(), lon.to_radians().sin_cos());
    [c * cl, c * sl, s]
}

fn minus(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn length(a: Vec3) -> f64 {
    (a[0] * a[0] + a[1] * a[1] + a[2] * a[2]).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_takes_what_neighbours_it_has() {
        let places = [on_sphere(0.0, 0.0), [f64::NAN; 3], on_sphere(2.0, 0.0), on_sphere(3.0, 0.0)];
        let at = |i: usize| places[i];
        assert!(step(0, 4, &at).is_none() && step(1, 4, &at).is_none());
        let one_degree = 1f64.to_radians();
        assert!((length(step(2, 4, &at).unwrap()) - one_degree).abs() < 1e-5);
    }
}
