//! A coarse grid over polygons that answers most point tests at once: no edge passes a cell that is not mixed, so all
//! of that cell is inside or all of it outside.

use crate::geometry::bitmask::{BitMask, set_bits};
use crate::geometry::planar::{Edge, PlanarPolygons};
use crate::geometry::raster::{self, SortedAxis};

/// Fewer edges are tested as fast without it.
const FEWEST_EDGES: usize = 32;
/// Cells along either side at most: two masks of 512 KiB stay in the cache.
const MOST_CELLS: usize = 2048;
/// Rows of cells that all edges together may pass, beside those that grow with their number.
const MOST_PASSES: f64 = 4_000_000.0;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct QuickGrid {
    x_min: f64,
    y_min: f64,
    per_x: f64,
    per_y: f64,
    /// Cells that an edge may pass.
    mixed: BitMask,
    inside: BitMask,
}

impl QuickGrid {
    /// `None` when it would not pay.
    pub fn new(polygons: &PlanarPolygons) -> Option<Self> {
        let [x_min, y_min, x_max, y_max] = polygons.bounds()?;
        let (width, height) = (x_max - x_min, y_max - y_min);
        let n = polygons.edges.len();
        if n < FEWEST_EDGES || !(width > 0.0 && height > 0.0 && width.is_finite() && height.is_finite()) {
            return None;
        }
        let cols = ((4.0 * (n as f64).sqrt()) as usize).next_power_of_two().clamp(64, MOST_CELLS);
        let crossed: f64 = polygons.edges.iter().map(|e| (e.y1 - e.y0) / height).sum();
        let rows = cols.min(((MOST_PASSES + 4.0 * n as f64) / crossed.max(1.0)) as usize).max(1);
        let (per_x, per_y) = (cols as f64 / width, rows as f64 / height);
        let empty = BitMask::new(rows, cols);
        let mut grid = QuickGrid { x_min, y_min, per_x, per_y, mixed: empty, inside: BitMask::new(0, 0) };
        // Far more than rounding moves a point, far less than a cell.
        let slack = (1e-9 * width, 1e-9 * height);
        polygons.edges.iter().for_each(|edge| grid.mark(edge, slack));
        let centres =
            |n: usize, min: f64, per: f64| (0..n).map(|i| min + (i as f64 + 0.5) / per).collect::<Vec<_>>();
        let axis = SortedAxis::new(&centres(cols, x_min, per_x), |v| v);
        grid.inside = raster::mask_areas(polygons, &axis, &centres(rows, y_min, per_y));
        Some(grid)
    }

    #[inline]
    fn col(&self, x: f64) -> usize {
        (((x - self.x_min) * self.per_x).max(0.0) as usize).min(self.mixed.cols() - 1)
    }

    #[inline]
    fn row(&self, y: f64) -> usize {
        (((y - self.y_min) * self.per_y).max(0.0) as usize).min(self.mixed.rows() - 1)
    }

    /// Marks every cell that the edge may pass.
    fn mark(&mut self, edge: &Edge, (slack_x, slack_y): (f64, f64)) {
        let (left, right) = edge.x_range();
        let at = |y: f64| {
            if y <= edge.y0 {
                edge.x0
            } else if y >= edge.y1 {
                edge.x1
            } else {
                edge.x_at(y).clamp(left, right)
            }
        };
        let flat = edge.y1 - edge.y0 <= slack_y;
        for row in self.row(edge.y0 - slack_y)..=self.row(edge.y1 + slack_y) {
            let low = self.y_min + row as f64 / self.per_y - slack_y;
            let high = self.y_min + (row + 1) as f64 / self.per_y + slack_y;
            let (a, b) = if flat { (left, right) } else { (at(low), at(high)) };
            let (from, to) = (self.col(a.min(b) - slack_x), self.col(a.max(b) + slack_x));
            set_bits(self.mixed.row_mut(row), from, to + 1);
        }
    }

    /// Whether a place within the bounds is inside, when the grid can tell.
    #[inline]
    pub fn get(&self, x: f64, y: f64) -> Option<bool> {
        let (row, col) = (self.row(y), self.col(x));
        if self.mixed.get(row, col) { None } else { Some(self.inside.get(row, col)) }
    }
}
