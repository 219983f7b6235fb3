//! Statistics of the source cells under a target cell.
//!
//! The cells are those of a box along the source's axes. Where the target is turned against the source the box has the
//! target cell's second moments, so it neither grows nor shrinks.

use super::super::warp::At;
use super::frame::{Frame, blend_both, footprint_of_frame};
use crate::project::element::Real;
use crate::project::{Blender, Block, Plane};

/// What is made of the cells in a box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// Cells at the rim count by the part of them that is inside, in these three.
    Mean,
    RootMeanSquare,
    Sum,
    /// The most frequent value; of several the one that reaches its number first.
    Mode,
    Minimum,
    Maximum,
    Quantile(f64),
}

/// A statistic over boxes.
pub struct Boxes {
    frame: Frame,
    statistic: Statistic,
}

footprint_of_frame!(Boxes);

/// A range of source positions on each axis.
#[derive(Clone, Copy, Debug)]
struct Span {
    cols: [f64; 2],
    rows: [f64; 2],
}

/// Overlaps below this part of a cell are rounding.
const SLIVER: f64 = 1e-9;

impl Blender for Boxes {
    fn on_physical(&self) -> bool {
        matches!(self.statistic, Statistic::RootMeanSquare | Statistic::Sum)
    }

    blend_both!();
}

impl Boxes {
    pub fn new(frame: Frame, statistic: Statistic) -> Self {
        Boxes { frame, statistic }
    }

    fn blend<R: Real>(&self, plane: &Plane<R>, block: &Block, out: &mut [R]) {
        let width = block.width();
        let mut spans = vec![None; width];
        let mut lines = Corners::new(width);
        let mut found: Vec<(R, u32)> = Vec::new();
        for (row, line) in block.rows.clone().zip(out.chunks_exact_mut(width)) {
            self.spans(row, block, &mut lines, &mut spans);
            for (o, span) in line.iter_mut().zip(&spans) {
                *o = match span {
                    Some(span) => self.one(plane, span, &mut found),
                    None => R::NAN,
                };
            }
        }
    }

    /// The boxes of a row of target cells.
    fn spans(&self, row: usize, block: &Block, lines: &mut Corners, spans: &mut [Option<Span>]) {
        let ordered = |a: f64, b: f64| [a.min(b), a.max(b)];
        if let Some(t) = self.frame.warp.separable() {
            let rows = ordered(t.row_edges[row], t.row_edges[row + 1]);
            for (span, col) in spans.iter_mut().zip(block.cols.clone()) {
                let cols = ordered(t.col_edges[col], t.col_edges[col + 1]);
                let fine = cols[0].is_finite() && rows[0].is_finite() && (cols[1] + rows[1]).is_finite();
                *span = fine.then_some(Span { cols, rows });
            }
            return;
        }
        lines.read(&self.frame, row, block);
        let turn = self.frame.warp.source().turn;
        let limit = self.frame.shape[1] as f64;
        for (i, span) in spans.iter_mut().enumerate() {
            *span = lines.quad(i, turn).and_then(|q| Span::of(&q, limit)).or_else(|| lines.point(i));
        }
    }

    fn one<R: Real>(&self, plane: &Plane<R>, span: &Span, found: &mut Vec<(R, u32)>) -> R {
        match self.statistic {
            Statistic::Mean => {
                let (sum, total) = self.weighted(plane, span, |v| v);
                if total > 0.0 { R::from_f64(sum / total) } else { R::NAN }
            }
            Statistic::RootMeanSquare => {
                let (sum, total) = self.weighted(plane, span, |v| v * v);
                if total > 0.0 { R::from_f64((sum / total).sqrt()) } else { R::NAN }
            }
            Statistic::Sum => {
                let (sum, total) = self.weighted(plane, span, |v| v);
                if total > 0.0 { R::from_f64(sum) } else { R::NAN }
            }
            Statistic::Minimum => self.fold(plane, span, |a, b| if b < a { b } else { a }),
            Statistic::Maximum => self.fold(plane, span, |a, b| if b > a { b } else { a }),
            Statistic::Mode => {
                self.collect(plane, span, found);
                mode(found)
            }
            Statistic::Quantile(q) => {
                self.collect(plane, span, found);
                quantile(found, q)
            }
        }
    }

    /// Calls `each` with every present value and its weight, row by row.
    #[inline]
    fn visit<R: Real>(&self, plane: &Plane<R>, span: &Span, mut each: impl FnMut(R, f64)) {
        let extent = plane.extent();
        let (top, bottom) = cells(span.rows);
        let (left, right) = cells(span.cols);
        let rows = top.max(extent.rows.start as i64)..bottom.min(extent.rows.end as i64);
        for row in rows {
            let down = self.share(span.rows, row, top, bottom);
            let line = plane.row(row as usize);
            for col in left..right {
                let Some(c) = self.frame.column(col).filter(|c| extent.cols.contains(c)) else { continue };
                let v = line[c - extent.cols.start];
                if !v.is_nan() {
                    each(v, down * self.share(span.cols, col, left, right));
                }
            }
        }
    }

    /// The part of a cell inside a range from cell `first` to before `end`. Of a range within one cell it is all: only
    /// sums need to know how little it is.
    fn share(&self, range: [f64; 2], cell: i64, first: i64, end: i64) -> f64 {
        if first + 1 == end {
            return if self.statistic == Statistic::Sum { (range[1] - range[0]).min(1.0) } else { 1.0 };
        }
        if cell == first {
            1.0 - (range[0] - first as f64)
        } else if cell + 1 == end {
            1.0 - (end as f64 - range[1])
        } else {
            1.0
        }
    }

    fn weighted<R: Real>(&self, plane: &Plane<R>, span: &Span, of: impl Fn(f64) -> f64) -> (f64, f64) {
        let (mut sum, mut total) = (0.0, 0.0);
        self.visit(plane, span, |v, w| {
            sum += of(v.as_f64()) * w;
            total += w;
        });
        (sum, total)
    }

    fn fold<R: Real>(&self, plane: &Plane<R>, span: &Span, choose: impl Fn(R, R) -> R) -> R {
        let mut best = R::NAN;
        self.visit(plane, span, |v, _| best = if best.is_nan() { v } else { choose(best, v) });
        best
    }

    fn collect<R: Real>(&self, plane: &Plane<R>, span: &Span, found: &mut Vec<(R, u32)>) {
        found.clear();
        self.visit(plane, span, |v, _| found.push((v, found.len() as u32)));
    }
}

/// First cell and the one after the last of a range of positions; at least one.
fn cells(range: [f64; 2]) -> (i64, i64) {
    let first = (range[0] + SLIVER).floor() as i64;
    (first, ((range[1] - SLIVER).ceil() as i64).max(first + 1))
}

fn mode<R: Real>(found: &mut [(R, u32)]) -> R {
    found.sort_unstable_by(|a, b| a.0.as_f64().total_cmp(&b.0.as_f64()).then(a.1.cmp(&b.1)));
    let mut best: Option<(usize, u32, R)> = None;
    for run in found.chunk_by(|a, b| a.0 == b.0) {
        let (count, reached, value) = (run.len(), run[run.len() - 1].1, run[0].0);
        if best.is_none_or(|(n, at, _)| count > n || (count == n && reached < at)) {
            best = Some((count, reached, value));
        }
    }
    best.map_or(R::NAN, |b| b.2)
}

fn quantile<R: Real>(found: &mut [(R, u32)], q: f64) -> R {
    if found.is_empty() {
        return R::NAN;
    }
    let at = ((found.len() as f64 * q).ceil() as usize).clamp(1, found.len()) - 1;
    found.select_nth_unstable_by(at, |a, b| a.0.as_f64().total_cmp(&b.0.as_f64())).1.0
}

impl Span {
    /// The box with the moments of a quadrilateral; `None` when it is wider than `limit` columns.
    fn of(quad: &[[f64; 2]; 4], limit: f64) -> Option<Span> {
        let [a, b, c, d] = *quad;
        let half = |axis: usize| {
            let along = (b[axis] - a[axis] + (c[axis] - d[axis])) / 2.0;
            let down = (d[axis] - a[axis] + (c[axis] - b[axis])) / 2.0;
            along.hypot(down) / 2.0
        };
        let middle = |axis: usize| (a[axis] + b[axis] + c[axis] + d[axis]) / 4.0;
        let range = |axis: usize| [middle(axis) - half(axis), middle(axis) + half(axis)];
        let span = Span { cols: range(0), rows: range(1) };
        (span.cols[1] - span.cols[0] <= limit).then_some(span)
    }
}

/// Positions of the corners of a row of target cells, and of their centres.
pub struct Corners {
    upper: [Vec<f64>; 2],
    lower: [Vec<f64>; 2],
    centres: [Vec<f64>; 2],
}

impl Corners {
    pub fn new(width: usize) -> Self {
        let line = |n| [vec![0.0; n], vec![0.0; n]];
        Corners { upper: line(width + 1), lower: line(width + 1), centres: line(width) }
    }

    pub fn read(&mut self, frame: &Frame, row: usize, block: &Block) {
        let start = block.cols.start;
        for (at, [xs, ys]) in [(row, &mut self.upper), (row + 1, &mut self.lower)] {
            frame.warp.row(at, start, At::Corners, xs, ys);
        }
        let [xs, ys] = &mut self.centres;
        frame.warp.row(row, start, At::Centres, xs, ys);
    }

    /// The corners of cell `i` in order around it, continuous in longitude; `None` when one has no place.
    pub fn quad(&self, i: usize, turn: Option<f64>) -> Option<[[f64; 2]; 4]> {
        let at = |l: &[Vec<f64>; 2], i: usize| [l[0][i], l[1][i]];
        let mut quad =
            [at(&self.upper, i), at(&self.upper, i + 1), at(&self.lower, i + 1), at(&self.lower, i)];
        if quad.iter().flatten().any(|v| !v.is_finite()) {
            return None;
        }
        if let Some(turn) = turn {
            let middle = self.centres[0][i];
            if !middle.is_finite() {
                return None;
            }
            quad.iter_mut().for_each(|p| p[0] += turn * ((middle - p[0]) / turn).round());
        }
        Some(quad)
    }

    /// The cell under the centre alone.
    fn point(&self, i: usize) -> Option<Span> {
        let (x, y) = (self.centres[0][i], self.centres[1][i]);
        (x.is_finite() && y.is_finite())
            .then(|| Span { cols: [x.floor(), x.floor() + 1.0], rows: [y.floor(), y.floor() + 1.0] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(values: &[f32]) -> Vec<(f32, u32)> {
        values.iter().enumerate().map(|(i, v)| (*v, i as u32)).collect()
    }

    #[test]
    fn the_mode_is_the_most_frequent_value_that_reaches_its_number_first() {
        assert_eq!(mode(&mut numbered(&[3.0, 1.0, 1.0, 3.0, 2.0])), 1.0);
        assert!(mode::<f32>(&mut []).is_nan());
    }

    #[test]
    fn quantiles_are_values_that_are_there() {
        let values = [100.0, 101.0, 106.0, 107.0];
        assert_eq!(quantile(&mut numbered(&values), 0.25), 100.0);
        assert_eq!(quantile(&mut numbered(&values), 0.5), 101.0);
        assert_eq!(quantile(&mut numbered(&values), 0.75), 106.0);
    }

    #[test]
    fn a_square_turned_by_45_degrees_keeps_its_area() {
        let r = 2f64.sqrt();
        let span = Span::of(&[[0.0, -r], [r, 0.0], [0.0, r], [-r, 0.0]], 100.0).unwrap();
        let area = (span.cols[1] - span.cols[0]) * (span.rows[1] - span.rows[0]);
        assert!((area - 4.0).abs() < 1e-12);
    }
}
