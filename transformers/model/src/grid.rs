//! Regular grids: where the cells of a raster are.

use crate::crs::Crs;

/// A regular grid in a CRS, as an affine without rotation. Cell (row, col) covers
/// `x0 + col·dx … x0 + (col+1)·dx` and `y0 + row·dy … y0 + (row+1)·dy`.
#[derive(Clone, Debug, PartialEq)]
pub struct GridSpec {
    pub crs: Crs,
    /// Outer corner of the first cell, in units of the CRS (degrees when geographic).
    pub x0: f64,
    pub y0: f64,
    /// Positive.
    pub dx: f64,
    /// Negative: the first row is the northern one.
    pub dy: f64,
    /// Columns.
    pub nx: u64,
    /// Rows.
    pub ny: u64,
}

impl GridSpec {
    /// A north-up grid of `nx` × `ny` cells that fills the extent xmin, ymin, xmax, ymax exactly.
    pub fn filling(crs: Crs, extent: [f64; 4], nx: u64, ny: u64) -> Self {
        let [west, south, east, north] = extent;
        GridSpec {
            crs,
            x0: west,
            y0: north,
            dx: (east - west) / nx as f64,
            dy: (south - north) / ny as f64,
            nx,
            ny,
        }
    }

    /// xmin, ymin, xmax, ymax: outer edges.
    pub fn extent(&self) -> [f64; 4] {
        let (x1, y1) = (self.x0 + self.dx * self.nx as f64, self.y0 + self.dy * self.ny as f64);
        [self.x0.min(x1), self.y0.min(y1), self.x0.max(x1), self.y0.max(y1)]
    }

    /// x of the centre of a column.
    pub fn x_centre(&self, col: f64) -> f64 {
        self.x0 + (col + 0.5) * self.dx
    }

    /// y of the centre of a row.
    pub fn y_centre(&self, row: f64) -> f64 {
        self.y0 + (row + 0.5) * self.dy
    }

    /// Centres of all columns.
    pub fn x_centres(&self) -> Vec<f64> {
        (0..self.nx).map(|i| self.x_centre(i as f64)).collect()
    }

    /// Centres of all rows.
    pub fn y_centres(&self) -> Vec<f64> {
        (0..self.ny).map(|i| self.y_centre(i as f64)).collect()
    }

    /// GDAL's six numbers: x0, dx, 0, y0, 0, dy.
    pub fn geo_transform(&self) -> [f64; 6] {
        [self.x0, self.dx, 0.0, self.y0, 0.0, self.dy]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_fills_its_extent_from_the_north_west() {
        let grid = GridSpec::filling(Crs::wgs84(), [-20.0, 10.0, 60.0, 35.0], 80, 25);
        assert_eq!((grid.dx, grid.dy), (1.0, -1.0));
        assert_eq!((grid.x_centre(0.0), grid.y_centre(0.0)), (-19.5, 34.5));
        assert_eq!(grid.extent(), [-20.0, 10.0, 60.0, 35.0]);
        assert_eq!(grid.geo_transform(), [-20.0, 1.0, 0.0, 35.0, 0.0, -1.0]);
    }
}
