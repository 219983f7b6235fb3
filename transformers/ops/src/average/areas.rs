//! How much each cell of a grid or swath counts in a mean over area.

use std::sync::{Arc, Mutex};

use harmony_model::geolocation::{Geolocation, GridAxis};
use harmony_model::geometry::Bbox;
use harmony_model::{DimId, ReadError};

use super::planar::{ProjectedCells, SampleCells};
use crate::error::OpError;
use crate::scene::Scene;
use crate::subset_bbox::kernel::{CellRule, Cells};

/// Weights kept between readings when they are not more than this many.
const KEPT: usize = 4 << 20;

/// Relative areas of the cells of one geolocation, row by row; 0 where a cell does not count.
pub struct Areas {
    kind: Kind,
    pub rows: usize,
    pub cols: usize,
    /// All weights, once they were computed. Never held locked during computation: rayon may give the computing thread
    /// another task that wants them too.
    kept: Mutex<Option<Arc<Vec<f64>>>>,
}

enum Kind {
    Grid(GridCells),
    Projected(ProjectedCells),
    Samples(SampleCells),
}

/// A geographic grid: areas are products. One pair (along rows, along columns) for each requested box, and the whole
/// cells as the limit of their sum.
struct GridCells {
    whole: (Vec<f64>, Vec<f64>),
    parts: Vec<(Vec<f64>, Vec<f64>)>,
}

impl Areas {
    /// The weights of a geolocation; with `transposed` its second axis counts as rows.
    ///
    /// # Errors
    /// When coordinates can't be read or the CRS is not understood.
    pub fn of(scene: &Scene, geolocation: &Geolocation, transposed: bool) -> Result<Option<Self>, OpError> {
        let len = |d: DimId| scene.granule.dim(d).len as usize;
        let (kind, [rows, cols]) = match geolocation {
            Geolocation::Grid { lat, lon } => {
                (Kind::Grid(GridCells::new(scene, lat, lon, transposed)?), [len(lat.dim), len(lon.dim)])
            }
            Geolocation::ProjectedGrid { y, x, crs } => {
                let cells = ProjectedCells::new(scene, y, x, crs, transposed)?;
                (Kind::Projected(cells), [len(y.dim), len(x.dim)])
            }
            Geolocation::Swath { lat, lon, dims } => {
                let cells = SampleCells::new(scene, [*lat, *lon], *dims, transposed);
                (Kind::Samples(cells), [len(dims[0]), len(dims[1])])
            }
            Geolocation::Trajectory { .. } | Geolocation::Segmented(_) => return Ok(None),
        };
        let (rows, cols) = if transposed { (cols, rows) } else { (rows, cols) };
        Ok(Some(Areas { kind, rows, cols, kept: Mutex::new(None) }))
    }

    /// Weights of rows `first..first + n`, row-major.
    ///
    /// # Errors
    /// When positions can't be read.
    pub fn rows(&self, first: usize, n: usize) -> Result<Vec<f64>, ReadError> {
        let part = first * self.cols..(first + n) * self.cols;
        let kept = || self.kept.lock().ok().and_then(|k| k.clone());
        if let Some(all) = kept() {
            return Ok(all[part].to_vec());
        }
        if matches!(self.kind, Kind::Grid(_)) || self.rows.saturating_mul(self.cols) > KEPT {
            return self.compute(first, n);
        }
        let all = Arc::new(self.compute(0, self.rows)?);
        if let Ok(mut kept) = self.kept.lock() {
            *kept = Some(all.clone());
        }
        Ok(all[part].to_vec())
    }

    fn compute(&self, first: usize, n: usize) -> Result<Vec<f64>, ReadError> {
        let mut out = match &self.kind {
            Kind::Grid(cells) => cells.rows(first, n),
            Kind::Projected(cells) => cells.rows(first, n),
            Kind::Samples(cells) => cells.rows(first, n)?,
        };
        out.iter_mut().filter(|w| !(w.is_finite() && **w > 0.0)).for_each(|w| *w = 0.0);
        Ok(out)
    }

    /// West, south, east and north of a geographic grid.
    pub fn extent(scene: &Scene, geolocation: &Geolocation) -> Option<[f64; 4]> {
        let Geolocation::Grid { lat, lon } = geolocation else { return None };
        let range = |axis: &GridAxis| {
            let cells = cells_of(scene, axis).ok()?;
            let low = cells.lower.iter().copied().fold(f64::NAN, f64::min);
            Some((low, cells.upper.iter().copied().fold(f64::NAN, f64::max)))
        };
        let ((south, north), (west, east)) = (range(lat)?, range(lon)?);
        let neat = |v: f64| (v * 1e6).round() / 1e6;
        Some([west, south.max(-90.0), east, north.min(90.0)].map(neat))
    }
}

impl GridCells {
    fn new(scene: &Scene, lat: &GridAxis, lon: &GridAxis, transposed: bool) -> Result<Self, OpError> {
        let (lat, lon) = (cells_of(scene, lat)?, cells_of(scene, lon)?);
        let order = |(a, b): (Vec<f64>, Vec<f64>)| if transposed { (b, a) } else { (a, b) };
        let whole = order((bands(&lat, -90.0, 90.0), widths(&lon, None)));
        let part = |b: &Bbox| order((bands(&lat, b.south, b.north), widths(&lon, Some(b))));
        // A box without extent was answered with whole cells.
        let has_extent = |b: &&Bbox| b.north > b.south && b.width() > 0.0;
        let boxes = &scene.request.bbox;
        let all_have = boxes.iter().filter(has_extent).count() == boxes.len();
        let parts = if all_have { boxes.iter().map(part).collect() } else { Vec::new() };
        Ok(GridCells { whole, parts })
    }

    fn rows(&self, first: usize, n: usize) -> Vec<f64> {
        let (rows, cols) = &self.whole;
        let mut out = Vec::with_capacity(n * cols.len());
        for r in first..first + n {
            for c in 0..cols.len() {
                let whole = rows[r] * cols[c];
                let inside: f64 = self.parts.iter().map(|(a, b)| a[r] * b[c]).sum();
                out.push(if self.parts.is_empty() { whole } else { inside.min(whole) });
            }
        }
        out
    }
}

/// The cells of an axis: CF bounds where there are any, else halfway to the neighbours. Unlike a subset, a mean needs
/// extents even where a reference program looks at centres only.
fn cells_of(scene: &Scene, axis: &GridAxis) -> Result<Cells, OpError> {
    let granule = &scene.granule;
    if let Some(bounds) = axis.bounds {
        let edges = granule.read_all_physical(bounds)?;
        if edges.len() as u64 == 2 * granule.dim(axis.dim).len {
            let (a, b): (Vec<f64>, Vec<f64>) = edges.chunks_exact(2).map(|e| (e[0], e[1])).unzip();
            return Ok(Cells::from_bounds(&a, &b));
        }
    }
    let rule = if axis.edges { CellRule::LowerEdges } else { CellRule::Centres };
    Ok(Cells::new(&granule.read_all_physical(axis.var)?, rule, 0.0))
}

/// Area of a band between two parallels is proportional to the difference of the sines of their latitudes. Cells
/// without extent (a single latitude, an axis that turns back) count by the cosine.
fn bands(cells: &Cells, south: f64, north: f64) -> Vec<f64> {
    let band = |(&low, &high): (&f64, &f64)| {
        if low == high {
            return low.to_radians().cos();
        }
        let (low, high) = (low.max(south).max(-90.0), high.min(north).min(90.0));
        (high.to_radians().sin() - low.to_radians().sin()).max(0.0)
    };
    cells.lower.iter().zip(&cells.upper).map(band).collect()
}

/// Degrees of longitude of the cells, inside the box when there is one. Cells without extent count 1.
fn widths(cells: &Cells, within: Option<&Bbox>) -> Vec<f64> {
    let width = |(&low, &high): (&f64, &f64)| {
        let whole = high - low;
        match within {
            _ if low == high => 1.0,
            Some(b) if !b.is_full_longitude() => overlap(low, high, b.west, b.west + b.width()).min(whole),
            _ => whole,
        }
    };
    cells.lower.iter().zip(&cells.upper).map(width).collect()
}

/// Degrees that `low..high` shares with `west..east`, whole turns aside.
fn overlap(low: f64, high: f64, west: f64, east: f64) -> f64 {
    let first = ((west - high) / 360.0).ceil();
    let shared = |turn: f64| ((high + turn).min(east) - (low + turn).max(west)).max(0.0);
    [first, first + 1.0].into_iter().map(|k| shared(k * 360.0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_add_up_to_the_sphere_and_stop_at_the_poles() {
        let lat: Vec<f64> = (0..=360).map(|i| -90.0 + 0.5 * f64::from(i)).collect();
        let cells = Cells::new(&lat, CellRule::Centres, 0.0);
        let sum: f64 = bands(&cells, -90.0, 90.0).iter().sum();
        assert!((sum - 2.0).abs() < 1e-12);
    }

    #[test]
    fn only_the_part_inside_the_box_counts() {
        let cells = Cells::new(&[0.5, 1.5, 2.5], CellRule::Centres, 0.0);
        let b = Bbox::new(0.25, -10.0, 2.0, 10.0).unwrap();
        assert_eq!(widths(&cells, Some(&b)), [0.75, 1.0, 0.0]);
        let seam = Cells::new(&[359.5, 0.5], CellRule::Points, 0.0);
        assert_eq!(widths(&seam, None), [1.0, 1.0]);
        assert_eq!(overlap(359.0, 360.0, -0.5, 10.0), 0.5);
        assert_eq!(overlap(-180.0, 180.0, 170.0, 190.0), 20.0);
    }
}
