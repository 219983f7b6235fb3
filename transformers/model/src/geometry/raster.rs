//! Which cells of two rectilinear axes polygons select.

use rayon::prelude::*;

use crate::error::ModelError;
use crate::geometry::bitmask::{BitMask, set_bits};
use crate::geometry::planar::{Edge, PlanarPolygons, RingKind};

/// Column centres in ascending order and the way back to columns.
pub(crate) struct SortedAxis {
    values: Vec<f64>,
    segments: Vec<Segment>,
    cols: usize,
}

/// Neighbours in sorted order that are neighbouring columns too.
struct Segment {
    /// First position in sorted order.
    at: usize,
    len: usize,
    col: usize,
    descending: bool,
}

impl SortedAxis {
    /// `place` brings a value into the plane of the polygons (wraps longitudes). Values that are not finite have no
    /// place.
    pub fn new(values: &[f64], place: impl Fn(f64) -> f64) -> Self {
        let mut sorted: Vec<(f64, usize)> =
            values.iter().enumerate().filter(|(_, v)| v.is_finite()).map(|(i, v)| (place(*v), i)).collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut segments: Vec<Segment> = Vec::new();
        for (at, &(_, col)) in sorted.iter().enumerate() {
            if let Some(s) = segments.last_mut() {
                let last = if s.descending { s.col.wrapping_sub(s.len - 1) } else { s.col + s.len - 1 };
                if (s.len == 1 || !s.descending) && col == last + 1 {
                    s.len += 1;
                    continue;
                }
                if (s.len == 1 || s.descending) && col + 1 == last {
                    (s.len, s.descending) = (s.len + 1, true);
                    continue;
                }
            }
            segments.push(Segment { at, len: 1, col, descending: false });
        }
        let cols = values.len();
        SortedAxis { values: sorted.into_iter().map(|(v, _)| v).collect(), segments, cols }
    }

    /// Sets the columns of the sorted positions `start..end`.
    fn set(&self, start: usize, end: usize, words: &mut [u64]) {
        let from = self.segments.partition_point(|s| s.at + s.len <= start);
        for s in self.segments[from..].iter().take_while(|s| s.at < end) {
            let (lo, hi) = (start.max(s.at) - s.at, end.min(s.at + s.len) - s.at);
            if s.descending {
                set_bits(words, s.col + 1 - hi, s.col + 1 - lo);
            } else {
                set_bits(words, s.col + lo, s.col + hi);
            }
        }
    }

    /// First position whose value is not less than `x`.
    fn lower(&self, x: f64) -> usize {
        self.values.partition_point(|v| *v < x)
    }
}

/// Cell edges along one axis, brought into ascending order.
pub(crate) struct CellAxis {
    edges: Vec<f64>,
    flipped: bool,
}

impl CellAxis {
    pub fn new(name: &str, edges: &[f64]) -> Result<Self, ModelError> {
        let up = edges.windows(2).all(|w| w[0] < w[1]);
        let down = edges.windows(2).all(|w| w[0] > w[1]);
        if edges.len() < 2 || !(up || down) || edges.iter().any(|e| !e.is_finite()) {
            return Err(ModelError::Invalid(format!(
                "the {} cell edges along {name} must be finite, at least two, and strictly rising or falling",
                edges.len()
            )));
        }
        let mut edges = edges.to_vec();
        if down {
            edges.reverse();
        }
        Ok(CellAxis { edges, flipped: down })
    }

    pub fn len(&self) -> usize {
        self.edges.len() - 1
    }

    pub fn range(&self) -> (f64, f64) {
        (self.edges[0], self.edges[self.len()])
    }

    /// Cell centres in the order of the `original` edges.
    pub fn centres(&self, original: &[f64]) -> Vec<f64> {
        original.windows(2).map(|w| 0.5 * (w[0] + w[1])).collect()
    }

    /// Low and high edge of a cell in the original order.
    fn cell(&self, index: usize) -> (f64, f64) {
        let i = if self.flipped { self.len() - 1 - index } else { index };
        (self.edges[i], self.edges[i + 1])
    }

    /// Sets the cells whose open interval `left..=right` meets; `closed`: the cells that hold it, lower edge included.
    fn set(&self, left: f64, right: f64, closed: bool, words: &mut [u64]) {
        let (low, high) = self.range();
        if right < low || left > high {
            return;
        }
        let n = self.len();
        let (first, end) = if closed {
            let of = |x: f64| self.edges.partition_point(|e| *e <= x).saturating_sub(1).min(n - 1);
            (of(left), of(right) + 1)
        } else {
            let first = self.edges.partition_point(|e| *e <= left).saturating_sub(1);
            (first, self.edges.partition_point(|e| *e < right).min(n))
        };
        // A stretch of no width on an edge between two cells is in neither.
        if first < end {
            if self.flipped { set_bits(words, n - end, n - first) } else { set_bits(words, first, end) }
        }
    }
}

/// What filling one row needs; kept between rows.
#[derive(Default)]
struct Scratch {
    crossings: Vec<f64>,
    exterior: Vec<(usize, usize)>,
    holes: Vec<(usize, usize)>,
    /// Sorted positions that may lie on an edge: asked one by one.
    boundary: Vec<(usize, usize)>,
}

/// The centre rule; lines and points set the cells between the centres that they pass.
pub(crate) fn mask_centres(polygons: &PlanarPolygons, axis: &SortedAxis, x: &[f64], y: &[f64]) -> BitMask {
    let mut mask = mask_areas(polygons, axis, y);
    if polygons.has_lines()
        && let (Some(x_edges), Some(y_edges)) = (edges_between(x), edges_between(y))
        && let (Ok(cells), Ok(rows)) = (CellAxis::new("x", &x_edges), CellAxis::new("y", &y_edges))
    {
        draw_rows(polygons, &cells, &[0.0], &rows, true, &mut mask);
    }
    mask
}

/// The centre rule for areas alone.
pub(crate) fn mask_areas(polygons: &PlanarPolygons, axis: &SortedAxis, y: &[f64]) -> BitMask {
    let mut mask = BitMask::new(y.len(), axis.cols);
    mask.par_rows_mut().zip(y).for_each_init(Scratch::default, |scratch, (words, &y)| {
        fill_row(polygons, axis, y, words, scratch);
    });
    mask
}

/// Edges halfway between centres; the outer cells are as wide as their neighbours. `None` for fewer than two.
pub(crate) fn edges_between(centres: &[f64]) -> Option<Vec<f64>> {
    let [first, second, ..] = *centres else { return None };
    let (last, before) = (centres[centres.len() - 1], centres[centres.len() - 2]);
    let mut edges = Vec::with_capacity(centres.len() + 1);
    edges.push(first - 0.5 * (second - first));
    edges.extend(centres.windows(2).map(|w| 0.5 * (w[0] + w[1])));
    edges.push(last + 0.5 * (last - before));
    Some(edges)
}

/// The touched rule: `shifts` are added to the polygons' x (copies of the Earth side by side).
pub(crate) fn mask_touched(
    polygons: &PlanarPolygons,
    centres: &SortedAxis,
    cells: &CellAxis,
    shifts: &[f64],
    y_edges: &[f64],
) -> Result<BitMask, ModelError> {
    let rows = CellAxis::new("y", y_edges)?;
    let mut mask = mask_areas(polygons, centres, &rows.centres(y_edges));
    draw_rows(polygons, cells, shifts, &rows, false, &mut mask);
    Ok(mask)
}

/// Sets what the edges pass through.
pub(crate) fn draw_rows(
    polygons: &PlanarPolygons,
    cells: &CellAxis,
    shifts: &[f64],
    rows: &CellAxis,
    lines_only: bool,
    mask: &mut BitMask,
) {
    mask.par_rows_mut().enumerate().for_each(|(row, words)| {
        let (low, high) = rows.cell(row);
        let last = high == rows.range().1;
        for &i in polygons.bands.within(low, high) {
            let edge = &polygons.edges[i as usize];
            let line = polygons.rings[edge.ring as usize].kind == RingKind::Line;
            if !edge.real || (lines_only && !line) {
                continue;
            }
            if let Some((left, right)) = stretch(edge, low, high, line, last) {
                shifts.iter().for_each(|shift| cells.set(left + shift, right + shift, line, words));
            }
        }
    });
}

/// The x range of the part of an edge inside `low..high`. Touching the border of the row is not inside, except that a
/// `line` belongs to the row whose lower border it lies on (`last`: and to the last row at its upper one).
fn stretch(edge: &Edge, low: f64, high: f64, line: bool, last: bool) -> Option<(f64, f64)> {
    let inside = if edge.y0 == edge.y1 {
        (edge.y0 > low || (line && edge.y0 == low)) && (edge.y0 < high || (line && last && edge.y0 == high))
    } else {
        edge.y1 > low && edge.y0 < high
    };
    if !inside {
        return None;
    }
    let (left, right) = edge.x_range();
    if edge.y0 == edge.y1 {
        return Some((left, right));
    }
    let at = |y: f64| {
        if y <= edge.y0 {
            edge.x0
        } else if y >= edge.y1 {
            edge.x1
        } else {
            edge.x_at(y).clamp(left, right)
        }
    };
    let (a, b) = (at(low), at(high));
    Some((a.min(b), a.max(b)))
}

fn fill_row(polygons: &PlanarPolygons, axis: &SortedAxis, y: f64, words: &mut [u64], scratch: &mut Scratch) {
    let mut ring: Option<u32> = None;
    for &i in polygons.bands.at(y) {
        let edge = &polygons.edges[i as usize];
        if ring != Some(edge.ring) {
            finish_ring(polygons, axis, ring.replace(edge.ring), Some(edge.ring), words, scratch);
        }
        if polygons.rings[edge.ring as usize].kind != RingKind::Line && edge.crosses(y) {
            scratch.crossings.push(edge.x_at(y));
        }
        if edge.real {
            let near = boundary_range(edge, y, polygons.tolerance);
            let (lo, hi) = near.map_or((0, 0), |(left, right)| (axis.lower(left), axis.lower(right)));
            // `right` itself may be a value: `lower` finds the first one not less than it.
            let hi = hi + axis.values[hi..].iter().take_while(|v| near.is_some_and(|n| **v <= n.1)).count();
            if lo < hi {
                scratch.boundary.push((lo, hi));
            }
        }
    }
    finish_ring(polygons, axis, ring, None, words, scratch);
    scratch.boundary.sort_unstable();
    let mut done = 0;
    for (lo, hi) in scratch.boundary.drain(..) {
        for at in lo.max(done)..hi {
            if polygons.contains(axis.values[at], y) {
                axis.set(at, at + 1, words);
            }
        }
        done = done.max(hi);
    }
}

/// Where on the parallel `y` points can be on the edge within the tolerance; a little wider than needed.
fn boundary_range(edge: &Edge, y: f64, tolerance: f64) -> Option<(f64, f64)> {
    if y < edge.y0 - tolerance || y > edge.y1 + tolerance {
        return None;
    }
    let (left, right) = edge.x_range();
    let dy = edge.y1 - edge.y0;
    if dy <= 4.0 * tolerance {
        return Some((left - tolerance, right + tolerance));
    }
    // |cross| ≤ tolerance · (|dx| + dy): the width along the parallel grows with the inverse of the slope.
    let width = 2.0 * tolerance * ((right - left) / dy + 2.0);
    let x = edge.x_at(y);
    Some(((x - width).max(left - tolerance), (x + width).min(right + tolerance)))
}

/// Ends a ring, and its polygon when `next` belongs to another one.
fn finish_ring(
    polygons: &PlanarPolygons,
    axis: &SortedAxis,
    ring: Option<u32>,
    next: Option<u32>,
    words: &mut [u64],
    scratch: &mut Scratch,
) {
    let Some(ring) = ring.map(|r| polygons.rings[r as usize]) else { return };
    scratch.crossings.sort_unstable_by(f64::total_cmp);
    let spans = if ring.kind == RingKind::Hole { &mut scratch.holes } else { &mut scratch.exterior };
    for pair in scratch.crossings.chunks_exact(2) {
        // Inside between crossings as in the point test: the number of crossings beyond x is odd.
        let (lo, hi) = (axis.lower(pair[0]), axis.lower(pair[1]));
        if lo < hi {
            spans.push((lo, hi));
        }
    }
    scratch.crossings.clear();
    if next.is_some_and(|n| polygons.rings[n as usize].polygon == ring.polygon) {
        return;
    }
    scratch.holes.sort_unstable();
    for (lo, hi) in scratch.exterior.drain(..) {
        let mut at = lo;
        for &(from, to) in &scratch.holes {
            if from >= hi {
                break;
            }
            if at < from {
                axis.set(at, from, words);
            }
            at = at.max(to);
        }
        axis.set(at.min(hi), hi, words);
    }
    scratch.holes.clear();
}

#[cfg(test)]
#[path = "raster_tests.rs"]
mod tests;
