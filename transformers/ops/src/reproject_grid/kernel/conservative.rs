//! First-order conservative remapping: the mean of source cells weighted by the area they share with the target cell
//! (Jones 1999, doi:10.1175/1520-0493(1999)127<2204:FASOCR>2.0.CO;2).
//!
//! Separable warps have exact weights, with true areas of the sphere between parallels. Else the target cell is a
//! quadrilateral on the source grid; cells are weighted by their true area and the part of them it covers.

use std::sync::Arc;

use harmony_model::crs::{Crs, Transform};

use super::super::warp::Warp;
use super::boxes::Corners;
use super::frame::{Frame, blend_both, footprint_of_frame};
use super::overlap::{Polygon, overlaps};
use crate::project::element::Real;
use crate::project::{Blender, Block, Plane};

/// A target cell of which less than this part is covered by valid cells gets no value.
const LEAST_COVER: f64 = 0.5 - 1e-9;
/// Points along a side of a cell that is looked at point by point.
const SAMPLES: usize = 8;

/// Area-weighted means.
pub struct Conservative {
    frame: Frame,
    weights: Weights,
}

footprint_of_frame!(Conservative);

enum Weights {
    /// Of every target column and row.
    Separable { cols: Shares, rows: Shares },
    /// Height of source rows (area of a cell on a meridian's strip).
    Polygons { row_areas: Vec<f64> },
}

/// The cells that each target interval overlaps on one axis.
struct Shares {
    /// Per interval: where its cells begin in `weights`, and the number of its first cell.
    starts: Vec<(usize, i64)>,
    /// True measure and covered part of a cell.
    weights: Vec<(f64, f64)>,
    /// Length of each interval in cells, for the part that is covered.
    lengths: Vec<f64>,
}

impl Shares {
    /// `measure`: true size up to a position, ascending or descending.
    fn new(edges: &[f64], n: usize, wraps: bool, measure: impl Fn(&[f64]) -> Vec<f64>) -> Self {
        let mut shares = Shares { starts: Vec::new(), weights: Vec::new(), lengths: Vec::new() };
        for pair in edges.windows(2) {
            let (low, high) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
            let fine = low.is_finite() && high.is_finite();
            shares.lengths.push(if fine { high - low } else { f64::NAN });
            let (low, high) = if wraps || !fine {
                (low, high)
            } else {
                (low.clamp(0.0, n as f64), high.clamp(0.0, n as f64))
            };
            let first = if fine { low.floor() as i64 } else { 0 };
            shares.starts.push((shares.weights.len(), first));
            if !fine || high <= low {
                continue;
            }
            let mut cuts = vec![low];
            cuts.extend((first + 1..high.ceil() as i64).map(|c| c as f64));
            cuts.push(high);
            let sizes = measure(&cuts);
            let parts = cuts.windows(2).zip(sizes.windows(2));
            shares.weights.extend(parts.map(|(c, s)| ((s[1] - s[0]).abs(), c[1] - c[0])));
        }
        shares.starts.push((shares.weights.len(), 0));
        shares
    }

    fn of(&self, i: usize) -> (i64, &[(f64, f64)]) {
        let (from, first) = self.starts[i];
        (first, &self.weights[from..self.starts[i + 1].0])
    }
}

impl Conservative {
    pub fn new(warp: &Arc<Warp>) -> Self {
        let frame = Frame::of_cells(warp);
        let source = warp.source();
        let along_y = Measure::of(&source.crs);
        let rows = |at: &[f64]| along_y.of_rows(source, at);
        let weights = match warp.separable() {
            Some(t) => {
                let cols = |at: &[f64]| at.iter().map(|&x| source.x.value(x)).collect();
                Weights::Separable {
                    cols: Shares::new(&t.col_edges, frame.shape[1], frame.wraps.is_some(), cols),
                    rows: Shares::new(&t.row_edges, frame.shape[0], false, rows),
                }
            }
            None => {
                let edges: Vec<f64> = (0..=frame.shape[0]).map(|i| i as f64).collect();
                let sizes = rows(&edges);
                Weights::Polygons { row_areas: sizes.windows(2).map(|s| (s[1] - s[0]).abs()).collect() }
            }
        };
        Conservative { frame, weights }
    }

    fn blend<R: Real>(&self, plane: &Plane<R>, block: &Block, out: &mut [R]) {
        match &self.weights {
            Weights::Separable { cols, rows } => self.separable(plane, block, cols, rows, out),
            Weights::Polygons { row_areas } => self.polygons(plane, block, row_areas, out),
        }
    }

    fn separable<R: Real>(
        &self,
        plane: &Plane<R>,
        block: &Block,
        cols: &Shares,
        rows: &Shares,
        out: &mut [R],
    ) {
        let extent = plane.extent();
        for (row, line) in block.rows.clone().zip(out.chunks_exact_mut(block.width())) {
            let (top, down) = rows.of(row);
            for (o, col) in line.iter_mut().zip(block.cols.clone()) {
                let (left, across) = cols.of(col);
                let mut sum = Sum::default();
                for (i, (wy, part_y)) in down.iter().enumerate() {
                    let r = (top + i as i64) as usize;
                    if !extent.rows.contains(&r) {
                        continue;
                    }
                    let values = plane.row(r);
                    for (j, (wx, part_x)) in across.iter().enumerate() {
                        let c = self.frame.column(left + j as i64).filter(|c| extent.cols.contains(c));
                        if let Some(c) = c {
                            sum.add(values[c - extent.cols.start], wx * wy, part_x * part_y);
                        }
                    }
                }
                *o = sum.mean(cols.lengths[col] * rows.lengths[row]);
            }
        }
    }

    fn polygons<R: Real>(&self, plane: &Plane<R>, block: &Block, row_areas: &[f64], out: &mut [R]) {
        let mut corners = Corners::new(block.width());
        let turn = self.frame.warp.source().turn;
        let extent = plane.extent();
        let rows = extent.rows.start as i64..extent.rows.end as i64;
        for (row, line) in block.rows.clone().zip(out.chunks_exact_mut(block.width())) {
            corners.read(&self.frame, row, block);
            for (i, o) in line.iter_mut().enumerate() {
                let quad = corners.quad(i, turn).map(|q| Polygon::of(&q)).filter(|p| {
                    let [x0, x1] = p.range(0);
                    turn.is_none_or(|t| x1 - x0 < t / 4.0)
                });
                let Some(quad) = quad else {
                    *o = self.sampled(plane, row, block.cols.start + i, row_areas.len());
                    continue;
                };
                let mut sum = Sum::default();
                overlaps(&quad, rows.clone(), |r, c, area| {
                    if let Some(c) = self.frame.column(c).filter(|c| extent.cols.contains(c)) {
                        let r = r as usize;
                        sum.add(plane.at(r, c), area * row_areas[r], area);
                    }
                });
                *o = sum.mean(quad.area());
            }
        }
    }

    /// Cells around a pole or at the border of a map: the mean of points spread over the target cell.
    fn sampled<R: Real>(&self, plane: &Plane<R>, row: usize, col: usize, rows: usize) -> R {
        let place = |i: usize| (i as f64 + 0.5) / SAMPLES as f64;
        let mut xs: Vec<f64> = (0..SAMPLES * SAMPLES).map(|i| col as f64 + place(i % SAMPLES)).collect();
        let mut ys: Vec<f64> = (0..SAMPLES * SAMPLES).map(|i| row as f64 + place(i / SAMPLES)).collect();
        self.frame.warp.exact(&mut xs, &mut ys);
        let extent = plane.extent();
        let mut sum = Sum::default();
        for (x, y) in xs.iter().zip(&ys) {
            if !(*y >= 0.0 && *y <= rows as f64 && x.is_finite()) {
                continue;
            }
            let r = (*y as usize).min(rows - 1);
            let c = self.frame.column(x.floor() as i64).filter(|c| extent.cols.contains(c));
            if let (Some(c), true) = (c, extent.rows.contains(&r)) {
                sum.add(plane.at(r, c), 1.0, 1.0);
            }
        }
        sum.mean((SAMPLES * SAMPLES) as f64)
    }
}

impl Blender for Conservative {
    blend_both!();
}

/// A weighted mean in the making.
#[derive(Default)]
struct Sum {
    value: f64,
    weight: f64,
    covered: f64,
}

impl Sum {
    #[inline]
    fn add<R: Real>(&mut self, value: R, weight: f64, covered: f64) {
        if !value.is_nan() {
            self.value += value.as_f64() * weight;
            self.weight += weight;
            self.covered += covered;
        }
    }

    /// The mean if enough of `whole` is covered.
    fn mean<R: Real>(&self, whole: f64) -> R {
        if self.weight > 0.0 && self.covered >= LEAST_COVER * whole {
            R::from_f64(self.value / self.weight)
        } else {
            R::NAN
        }
    }
}

/// True size along the row axis: areas between parallels go with the sine of the latitude.
enum Measure {
    Sine,
    /// Rows of a cylindrical projection are parallels.
    Cylinder(Transform),
    Planar,
}

impl Measure {
    fn of(crs: &Crs) -> Self {
        if crs.is_geographic() {
            return Measure::Sine;
        }
        let text = crs.proj_string().unwrap_or_default();
        let cylinder =
            ["merc", "eqc", "mill", "webmerc"].iter().any(|p| text.contains(&format!("+proj={p} ")));
        match Transform::new(crs, &Crs::wgs84()) {
            Ok(to_degrees) if cylinder => Measure::Cylinder(to_degrees),
            _ => Measure::Planar,
        }
    }

    fn of_rows(&self, source: &super::super::source::SourceGrid, at: &[f64]) -> Vec<f64> {
        let mut ys: Vec<f64> = at.iter().map(|&r| source.y.value(r)).collect();
        if let Measure::Cylinder(to_degrees) = self {
            let mut xs = vec![source.x.value(0.5 * source.x.len() as f64); ys.len()];
            to_degrees.points(&mut xs, &mut ys);
        }
        match self {
            Measure::Planar => ys,
            _ => ys.iter().map(|y| y.clamp(-90.0, 90.0).to_radians().sin()).collect(),
        }
    }
}
