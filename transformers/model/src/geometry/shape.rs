//! Shapes of requests on the Earth.

use rayon::prelude::*;

use crate::error::ModelError;
use crate::geometry::bbox::{Bbox, wrap_lon};
use crate::geometry::bitmask::BitMask;
use crate::geometry::build::Builder;
use crate::geometry::planar::{Edge, PlanarPolygons};
use crate::geometry::raster::{self, CellAxis, SortedAxis};

/// Most vertices that a shape may have.
pub const MOST_VERTICES: usize = 5_000_000;

/// One part of a shape as its file gives it; `[lon, lat]` in degrees.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Exterior ring first, then holes; closed or not, wound either way.
    Polygon(Vec<Vec<[f64; 2]>>),
    /// Rings of which winding says what they are (ESRI: exteriors clockwise, holes counter-clockwise).
    WoundRings(Vec<Vec<[f64; 2]>>),
    Line(Vec<[f64; 2]>),
    Point([f64; 2]),
    /// All places within so many metres.
    Circle {
        centre: [f64; 2],
        radius_m: f64,
    },
}

/// Polygons, lines and places to select by; a place is in when it is in any part.
///
/// Parts across the antimeridian are split there and rings round a pole are closed over it. A ring whose edges jump by
/// more than 180° of longitude crosses the antimeridian.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    pub(crate) plane: PlanarPolygons,
    /// For each ring whether it goes round the north and the south pole.
    pub(crate) poles: Vec<(bool, bool)>,
    bounds: Option<Bbox>,
}

impl Shape {
    /// Builds and prepares a shape. `file` is what messages call it.
    ///
    /// # Errors
    /// [`ModelError::Shape`] naming part and vertex: not finite, out of range, too few or too many vertices.
    pub fn new(file: &str, parts: &[Part]) -> Result<Self, ModelError> {
        let mut builder = Builder::new(file, MOST_VERTICES);
        for (index, part) in parts.iter().enumerate() {
            builder.add(index, part)?;
        }
        let built = builder.finish();
        let plane = PlanarPolygons::from_edges(built.edges, built.rings);
        Ok(Shape { plane, poles: built.poles, bounds: built.bounds })
    }

    /// The polygon of a box; a box without width or height is a line or a place.
    pub fn from_bbox(bbox: &Bbox) -> Self {
        let (w, s, n) = (bbox.west, bbox.south, bbox.north);
        // Vertices in the middle: no edge may be longer than half a turn.
        let (middle, e) = (w + 0.5 * bbox.width(), w + bbox.width());
        let part = if bbox.width() > 0.0 && n > s {
            Part::Polygon(vec![vec![[w, s], [middle, s], [e, s], [e, n], [middle, n], [w, n]]])
        } else {
            Part::Line(vec![[w, s], [middle, 0.5 * (s + n)], [e, n]])
        };
        Shape::new("box", &[part]).expect("the corners of a checked box are finite and in range")
    }

    /// Whether nothing can be in it.
    pub fn is_empty(&self) -> bool {
        self.plane.is_empty()
    }

    /// The smallest box around it, the shorter way across the antimeridian; `None` when it is empty.
    pub fn bounds(&self) -> Option<Bbox> {
        self.bounds
    }

    /// Whether the boxes of two of its rings overlap without one holding the other: GEOS finds such a shape invalid, and
    /// GDAL then masks nothing.
    pub fn has_crossing_rings(&self) -> bool {
        let mut boxes: Vec<[f64; 4]> = vec![[f64::MAX, f64::MAX, f64::MIN, f64::MIN]; self.plane.rings.len()];
        for e in &self.plane.edges {
            let Some(b) = boxes.get_mut(e.ring as usize) else { continue };
            *b = [b[0].min(e.x0), b[1].min(e.y0), b[2].max(e.x0), b[3].max(e.y0)];
        }
        let holds = |a: &[f64; 4], b: &[f64; 4]| a[0] <= b[0] && a[1] <= b[1] && a[2] >= b[2] && a[3] >= b[3];
        let apart = |a: &[f64; 4], b: &[f64; 4]| a[2] < b[0] || b[2] < a[0] || a[3] < b[1] || b[3] < a[1];
        let pairs = boxes.iter().enumerate().flat_map(|(i, a)| boxes[i + 1..].iter().map(move |b| (a, b)));
        pairs.into_iter().any(|(a, b)| !apart(a, b) && !holds(a, b) && !holds(b, a))
    }

    /// Whether the place is inside or on the boundary; `lon` in any convention. NaN is nowhere.
    #[inline]
    pub fn contains(&self, lon: f64, lat: f64) -> bool {
        lat.abs() <= 90.0 && self.plane.contains(wrap_lon(lon), lat)
    }

    /// The shape with every vertex moved to 0…360 on its own, as l2ss-py does for 0–360 data: a part across Greenwich
    /// is turned inside out. Only for comparison with that program.
    pub fn vertices_in_0_360(&self) -> PlanarPolygons {
        let turn = |x: f64| x.rem_euclid(360.0);
        let edges = self
            .plane
            .edges
            .iter()
            .map(|e| Edge::new([turn(e.x0), e.y0], [turn(e.x1), e.y1], e.ring, e.real));
        PlanarPolygons::from_edges(edges.collect(), self.plane.rings.clone())
    }

    /// [`Shape::contains`] for many places in parallel; the three slices are equally long.
    pub fn contains_many(&self, lons: &[f64], lats: &[f64], out: &mut [bool]) {
        const BLOCK: usize = 4096; // some microseconds of work at least
        debug_assert!(lons.len() == lats.len() && lats.len() == out.len());
        out.par_chunks_mut(BLOCK).zip(lons.par_chunks(BLOCK).zip(lats.par_chunks(BLOCK))).for_each(
            |(out, (lons, lats))| {
                for ((inside, &lon), &lat) in out.iter_mut().zip(lons).zip(lats) {
                    *inside = self.contains(lon, lat);
                }
            },
        );
    }

    /// The cells of a grid whose centre is inside or on the boundary; lines and points set the cells they pass.
    ///
    /// `x`: longitudes of the column centres in any convention; `y`: latitudes of the row centres.
    pub fn mask_centres(&self, x: &[f64], y: &[f64]) -> BitMask {
        let mut mask = raster::mask_areas(&self.plane, &SortedAxis::new(x, wrap_lon), y);
        if self.plane.has_lines()
            && let (Some(x_edges), Some(y_edges)) =
                (raster::edges_between(&continuous(x)), raster::edges_between(y))
            && let (Ok(cells), Ok(rows)) =
                (CellAxis::new("longitude", &x_edges), CellAxis::new("latitude", &y_edges))
        {
            raster::draw_rows(&self.plane, &cells, &shifts(&cells), &rows, true, &mut mask);
        }
        mask
    }

    /// The cells of a grid whose inside the shape touches at all (GDAL's `ALL_TOUCHED`).
    ///
    /// `x_edges`, `y_edges`: longitudes and latitudes of the cell edges, one more than there are columns and rows.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] when edges are not monotonic.
    pub fn mask_touched(&self, x_edges: &[f64], y_edges: &[f64]) -> Result<BitMask, ModelError> {
        let x_edges = continuous(x_edges);
        let cells = CellAxis::new("longitude", &x_edges)?;
        let centres = SortedAxis::new(&cells.centres(&x_edges), wrap_lon);
        raster::mask_touched(&self.plane, &centres, &cells, &shifts(&cells), y_edges)
    }
}

/// Longitudes without the jump from +180 to −180 or from 360 to 0.
fn continuous(lons: &[f64]) -> Vec<f64> {
    let mut offset = 0.0;
    let mut before = None;
    lons.iter()
        .map(|&lon| {
            if let Some(before) = before.replace(lon) {
                let jump: f64 = lon - before;
                if jump.abs() > 180.0 {
                    offset -= 360.0 * (jump / 360.0).round();
                }
            }
            lon + offset
        })
        .collect()
}

/// By how much −180…180 must be moved to cover the axis, however it is numbered.
fn shifts(cells: &CellAxis) -> Vec<f64> {
    let (west, east) = cells.range();
    // A file's axis is a few turns at most; garbage must not loop.
    let (first, last) =
        (((west - 180.0) / 360.0).floor().max(-4.0) as i32, ((east + 180.0) / 360.0).ceil().min(4.0) as i32);
    (first..=last).map(|turn| 360.0 * f64::from(turn)).collect()
}

#[cfg(test)]
#[path = "shape_tests.rs"]
mod tests;
