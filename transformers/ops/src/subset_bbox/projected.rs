//! Boxes and outlines on grids with projected axes.
//!
//! The window is the smallest index box around region ∩ grid. Its extremes lie on the region's outline where that is
//! inside the grid, or on the grid's own rim where that is inside the region; so both are followed densely enough.

use std::sync::Arc;

use harmony_model::Runs;
use harmony_model::crs::{Crs, Transform};
use harmony_model::geolocation::{ProjectedAxis, ProjectedAxisSource};
use harmony_model::geometry::{Bbox, BitMask, Projecting, Shape};
use harmony_model::request::Compat;

use super::kernel::{CellRule, Cells, rounded};
use crate::compat::without_last;
use crate::error::OpError;
use crate::mask::Bits;
use crate::region::Region;
use crate::scene::Scene;
use crate::selection::{Crop, Mask, Selection};

/// Points per degree of outline are bounded so that a global box stays cheap.
const MAX_POINTS_PER_EDGE: usize = 20_000;

/// Cell centres of a projected axis in CRS units.
///
/// # Errors
/// When the coordinate variable can't be read.
pub fn axis_centres(scene: &Scene, axis: &ProjectedAxis) -> Result<Vec<f64>, OpError> {
    match &axis.source {
        ProjectedAxisSource::Variable { var, to_crs_units } => {
            let values = scene.granule.read_all_physical(*var)?;
            Ok(values.into_iter().map(|v| v * to_crs_units).collect())
        }
        ProjectedAxisSource::Regular { first, step } => {
            let n = scene.granule.dim(axis.dim).len;
            Ok((0..n).map(|i| first + step * i as f64).collect())
        }
    }
}

/// Narrows the axes of a projected grid to the index box around the part of it that lies in `boxes`.
pub fn limit(
    scene: &Scene,
    selection: &mut Selection,
    (y, x): (&ProjectedAxis, &ProjectedAxis),
    crs: &Crs,
    boxes: &[Bbox],
    why: &str,
) -> Result<(), OpError> {
    let plane = Plane::new(scene, y, x, crs)?;
    // Parts on either side of the antimeridian are followed separately: in the plane they may lie far apart.
    let parts: Vec<Bbox> = boxes.iter().flat_map(Bbox::split).collect();
    let (rows, cols) = match scene.request.compat {
        Some(Compat::Hoss) => hoss_window(&plane, &parts),
        compat => {
            let outline = parts.iter().flat_map(|b| box_outline(b, plane.step_deg)).collect();
            let (rows, cols) = planar_window(&plane, outline, &super::Boxes(boxes));
            match compat {
                Some(Compat::GdalAdapter) => (without_last(&rows), without_last(&cols)),
                Some(Compat::Gdal) if crs.is_geographic() && parts.len() == 1 => {
                    let [width, height] = [parts[0].east - parts[0].west, parts[0].north - parts[0].south];
                    (rounded(&rows, height, &plane.rows, true), rounded(&cols, width, &plane.cols, false))
                }
                _ => (rows, cols),
            }
        }
    };
    selection.limit(&scene.granule, y.dim, &rows, why);
    selection.limit(&scene.granule, x.dim, &cols, why);
    // The window holds the box's corners, which are corners of nothing in the plane. The reference programs that a
    // request may name crop only, or mask in a way of their own.
    if scene.request.compat.is_none() && !crs.is_geographic() {
        mask_outside(selection, &plane, (y, x), crs, boxes, [&rows, &cols])?;
    }
    Ok(())
}

/// Masks the cells of a window that no box touches.
fn mask_outside(
    selection: &mut Selection,
    plane: &Plane,
    (y, x): (&ProjectedAxis, &ProjectedAxis),
    crs: &Crs,
    boxes: &[Bbox],
    [rows, cols]: [&Runs; 2],
) -> Result<(), OpError> {
    // A box without area names the cells that hold it: the window is those.
    let has_area = boxes.iter().all(|b| b.width() > 0.0 && b.north > b.south);
    let ([first_row, row_end], [first_col, col_end]) = (ends(rows), ends(cols));
    if !has_area || row_end == first_row || col_end == first_col {
        return Ok(());
    }
    let how = Projecting { max_step_deg: plane.step_deg, centre_lon: crs.central_meridian(), within: None };
    let (rows, cols) = (plane.rows.slice(first_row, row_end), plane.cols.slice(first_col, col_end));
    let mut touched = BitMask::new(rows.lower.len(), cols.lower.len());
    for b in boxes {
        let outline = Shape::from_bbox(b).project(&how, &mut |xs, ys| plane.forward.points(xs, ys));
        touched.or_with(&outline.mask_touched(&cols.edges(), &rows.edges())?);
    }
    if !touched.is_full() {
        selection.masks.push(Mask {
            dims: vec![y.dim, x.dim],
            source: Arc::new(Bits::from_bitmask([first_row, first_col], touched)),
            crop: Crop::No,
            coordinates_too: false,
            only_with_fill: false,
        });
    }
    Ok(())
}

/// The first index of runs, and the one behind the last.
fn ends(runs: &Runs) -> [u64; 2] {
    [runs.indices().min().unwrap_or(0), runs.upper()]
}

/// HOSS's window: an outline with points as far apart as the smallest diagonal of a cell, moved into the extent of the
/// cell centres in degrees; of its points inside the grid, the extremes.
fn hoss_window(plane: &Plane, parts: &[Bbox]) -> (Runs, Runs) {
    let (xs, ys) = (plane.cols.centres(), plane.rows.centres());
    let mut lon: Vec<f64> = ys.iter().flat_map(|_| xs.iter().copied()).collect();
    let mut lat: Vec<f64> = ys.iter().flat_map(|y| xs.iter().map(move |_| *y)).collect();
    plane.inverse.points(&mut lon, &mut lat);
    let n = xs.len();
    let diagonals = (0..lon.len().saturating_sub(n + 1)).filter(|i| i % n + 1 < n);
    let step = diagonals
        .map(|i| (lon[i + n + 1] - lon[i]).hypot(lat[i + n + 1] - lat[i]))
        .filter(|d| d.is_finite() && *d > 0.0)
        .fold(f64::INFINITY, f64::min);
    let range = |v: &[f64]| {
        let finite = v.iter().copied().filter(|v| v.is_finite());
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
    };
    let ((w, e), (s, t)) = (range(&lon), range(&lat));
    let outline = parts.iter().flat_map(|b| box_outline(b, step));
    let (mut px, mut py): (Vec<f64>, Vec<f64>) = outline.map(|(x, y)| (x.clamp(w, e), y.clamp(s, t))).unzip();
    plane.forward.points(&mut px, &mut py);
    let ((x0, x1), (y0, y1)) = (range(&xs), range(&ys));
    let inside = |x: f64, y: f64| x >= x0 - 1e-9 && x <= x1 + 1e-9 && y >= y0 - 1e-9 && y <= y1 + 1e-9;
    let found: (Vec<f64>, Vec<f64>) = px.into_iter().zip(py).filter(|&(x, y)| inside(x, y)).unzip();
    if found.0.is_empty() {
        return (Runs::default(), Runs::default());
    }
    let ((xa, xb), (ya, yb)) = (range(&found.0), range(&found.1));
    (plane.rows.within(ya, yb), plane.cols.within(xa, xb))
}

/// A projected grid made ready for geographic questions.
pub struct Plane {
    pub rows: Cells,
    pub cols: Cells,
    /// Longitude, latitude in degrees → x, y in CRS units.
    pub forward: Transform,
    pub inverse: Transform,
    /// Size of a cell in degrees, at the middle of the grid: how densely outlines are followed.
    pub step_deg: f64,
}

impl Plane {
    /// # Errors
    /// When axes can't be read or the CRS is not understood.
    pub fn new(scene: &Scene, y: &ProjectedAxis, x: &ProjectedAxis, crs: &Crs) -> Result<Self, OpError> {
        let (ys, xs) = (axis_centres(scene, y)?, axis_centres(scene, x)?);
        let geographic = Crs::parse("OGC:CRS84")?;
        let forward = Transform::new(&geographic, crs)?;
        let inverse = Transform::new(crs, &geographic)?;
        let step_deg = cell_size_deg(&inverse, &ys, &xs);
        let rounding = f64::from(f32::EPSILON);
        Ok(Plane {
            rows: Cells::new(&ys, CellRule::Centres, rounding),
            cols: Cells::new(&xs, CellRule::Centres, rounding),
            forward,
            inverse,
            step_deg,
        })
    }
}

fn cell_size_deg(inverse: &Transform, ys: &[f64], xs: &[f64]) -> f64 {
    let (r, c) = (ys.len() / 2, xs.len() / 2);
    let near = |v: &[f64], i: usize| if i + 1 < v.len() { v[i + 1] } else { v[i.saturating_sub(1)] };
    let (mut px, mut py) = ([xs[c], near(xs, c)], [ys[r], near(ys, r)]);
    inverse.points(&mut px, &mut py);
    let step = (px[1] - px[0]).abs().min(360.0 - (px[1] - px[0]).abs()).hypot(py[1] - py[0]);
    if step.is_finite() && step > 0.0 { step.clamp(1e-3, 1.0) } else { 0.25 }
}

/// The smallest index box of `plane` that holds every part of it inside `region`, whose outline (longitude,
/// latitude in degrees, dense) is given.
pub fn planar_window(plane: &Plane, outline: Vec<(f64, f64)>, region: &dyn Region) -> (Runs, Runs) {
    let span = |c: &Cells| {
        let low = c.lower.iter().copied().fold(f64::INFINITY, f64::min);
        (low, c.upper.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    };
    let ((x0, x1), (y0, y1)) = (span(&plane.cols), span(&plane.rows));
    let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = outline.into_iter().unzip();
    plane.forward.points(&mut xs, &mut ys);
    let inside = |x: f64, y: f64| x >= x0 && x <= x1 && y >= y0 && y <= y1;
    let mut found: Vec<(f64, f64)> = xs.into_iter().zip(ys).filter(|&(x, y)| inside(x, y)).collect();
    let (rim_x, rim_y) = rim(plane);
    let (mut lon, mut lat) = (rim_x.clone(), rim_y.clone());
    plane.inverse.points(&mut lon, &mut lat);
    let mut hit = vec![false; lon.len()];
    region.contains_many(&lon, &lat, &mut hit);
    found.extend(rim_x.into_iter().zip(rim_y).zip(hit).filter(|(_, h)| *h).map(|(p, _)| p));
    if found.is_empty() {
        return (Runs::default(), Runs::default());
    }
    let extremes = |pick: fn(&(f64, f64)) -> f64| {
        found.iter().map(pick).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
    };
    let ((xa, xb), (ya, yb)) = (extremes(|p| p.0), extremes(|p| p.1));
    (plane.rows.within(ya, yb), plane.cols.within(xa, xb))
}

/// Points along the outer edge of the grid, at every cell edge.
fn rim(plane: &Plane) -> (Vec<f64>, Vec<f64>) {
    let edges = |c: &Cells| -> Vec<f64> {
        let mut e: Vec<f64> = c.lower.iter().chain(&c.upper).copied().filter(|v| v.is_finite()).collect();
        e.sort_by(f64::total_cmp);
        e.dedup();
        e
    };
    let (ex, ey) = (edges(&plane.cols), edges(&plane.rows));
    let (Some((&left, &right)), Some((&bottom, &top))) =
        (ex.first().zip(ex.last()), ey.first().zip(ey.last()))
    else {
        return (Vec::new(), Vec::new());
    };
    let along_x = ex.iter().flat_map(|&x| [(x, bottom), (x, top)]);
    let along_y = ey.iter().flat_map(|&y| [(left, y), (right, y)]);
    along_x.chain(along_y).unzip()
}

/// The outline of a box that does not cross the antimeridian, a point at least every `step` degrees.
fn box_outline(b: &Bbox, step: f64) -> Vec<(f64, f64)> {
    let corners =
        [(b.west, b.south), (b.east, b.south), (b.east, b.north), (b.west, b.north), (b.west, b.south)];
    corners.windows(2).flat_map(|e| edge_points(e[0], e[1], step)).collect()
}

/// Points from `a` (included) towards `b` (excluded).
pub fn edge_points(a: (f64, f64), b: (f64, f64), step: f64) -> impl Iterator<Item = (f64, f64)> {
    let length = (b.0 - a.0).hypot(b.1 - a.1);
    let n = ((length / step).ceil() as usize).clamp(1, MAX_POINTS_PER_EDGE);
    (0..n).map(move |i| {
        let t = i as f64 / n as f64;
        (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1))
    })
}
