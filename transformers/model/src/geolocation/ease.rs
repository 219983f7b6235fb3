//! Named grids of the product table: which one a variable lies on, and where in it.
//!
//! The two EASE-Grid 2.0 projections are computed here: finding the place of a subset needs a few forward
//! transformations, and discovery should not need PROJ for them. Formulas: Snyder, Map Projections – A Working
//! Manual (USGS PP 1395, 1987), ellipsoidal cylindrical equal area (10-12…10-15) and Lambert azimuthal equal area,
//! polar aspect (24-23…24-25).

use super::products::GridDefinition;

/// WGS 84.
const A: f64 = 6_378_137.0;
const E2: f64 = 0.006_694_379_990_141_316;

/// Snyder (3-12).
fn q(sin_lat: f64) -> f64 {
    let e = E2.sqrt();
    let es = e * sin_lat;
    (1.0 - E2) * (sin_lat / (1.0 - es * es) - ((1.0 - es) / (1.0 + es)).ln() / (2.0 * e))
}

/// Projected place of a position in degrees; `None` for a CRS that is not one of the EASE-Grid 2.0 ones.
fn forward(crs: &str, lat: f64, lon: f64) -> Option<(f64, f64)> {
    let (sin_lat, lambda) = (lat.to_radians().sin(), lon.to_radians());
    match crs {
        "EPSG:6933" => {
            let (sin_ts, cos_ts) = 30f64.to_radians().sin_cos();
            let k0 = cos_ts / (1.0 - E2 * sin_ts * sin_ts).sqrt();
            Some((A * k0 * lambda, A * q(sin_lat) / (2.0 * k0)))
        }
        "EPSG:6931" => {
            let rho = A * (q(1.0) - q(sin_lat)).max(0.0).sqrt();
            Some((rho * lambda.sin(), -rho * lambda.cos()))
        }
        "EPSG:6932" => {
            let rho = A * (q(1.0) + q(sin_lat)).max(0.0).sqrt();
            Some((rho * lambda.sin(), rho * lambda.cos()))
        }
        _ => None,
    }
}

/// Row and column of the named grid that its cell (0, 0) has, from samples of (row, column, latitude, longitude)
/// in degrees. `None` when the samples are not cell centres of that grid, or too few to tell.
pub(super) fn offset_from_positions(
    grid: &GridDefinition,
    samples: impl Iterator<Item = (u64, u64, f64, f64)>,
) -> Option<(i64, i64)> {
    // Stored as float32 in degrees: a thousandth of a cell; half a cell off would be another grid.
    const TOLERANCE: f64 = 0.1;
    let mut offset = Offset::default();
    for (row, col, lat, lon) in samples {
        if !(lat.abs() <= 90.0 && lon.abs() <= 360.0) {
            continue;
        }
        let (x, y) = forward(&grid.crs, lat, lon)?;
        let at_row = (grid.y0 - y) / grid.cell - 0.5 - row as f64;
        let at_col = (x - grid.x0) / grid.cell - 0.5 - col as f64;
        if (at_row - at_row.round()).abs() > TOLERANCE || (at_col - at_col.round()).abs() > TOLERANCE {
            return None;
        }
        offset.add(row, col, at_row.round() as i64, at_col.round() as i64)?;
    }
    offset.certain()
}

/// The same from samples of (row, column, row in the grid, column in the grid).
pub(super) fn offset_from_indices(samples: impl Iterator<Item = (u64, u64, f64, f64)>) -> Option<(i64, i64)> {
    let mut offset = Offset::default();
    for (row, col, grid_row, grid_col) in samples {
        if !(grid_row >= 0.0 && grid_col >= 0.0 && grid_row < 65535.0 && grid_col < 65535.0) {
            continue;
        }
        offset.add(row, col, grid_row as i64 - row as i64, grid_col as i64 - col as i64)?;
    }
    offset.certain()
}

/// All samples must agree, in more than one row and column: with one alone any grid would fit.
#[derive(Default)]
struct Offset {
    found: Option<(i64, i64)>,
    first: (u64, u64),
    rows_differ: bool,
    cols_differ: bool,
}

impl Offset {
    fn add(&mut self, row: u64, col: u64, at_row: i64, at_col: i64) -> Option<()> {
        match self.found {
            None => {
                self.found = Some((at_row, at_col));
                self.first = (row, col);
            }
            Some(found) if found != (at_row, at_col) => return None,
            Some(_) => {
                self.rows_differ |= row != self.first.0;
                self.cols_differ |= col != self.first.1;
            }
        }
        Some(())
    }

    fn certain(self) -> Option<(i64, i64)> {
        self.found.filter(|_| self.rows_differ && self.cols_differ)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corner_of_the_global_grid_is_where_the_definition_says() {
        // The northern edge of EASE2_M36km: 7314540.83 m is 85.0445664° N (Brodzik et al. 2012, table 3).
        let (x, y) = forward("EPSG:6933", 85.044_566_4, -180.0).unwrap();
        assert!((x + 17_367_530.445).abs() < 0.01, "{x}");
        assert!((y - 7_314_540.83).abs() < 1.0, "{y}");
    }

    #[test]
    fn the_pole_is_the_middle_of_the_polar_grid() {
        let (x, y) = forward("EPSG:6931", 90.0, 12.0).unwrap();
        assert!(x.abs() < 1e-3 && y.abs() < 1e-3);
        let (x, y) = forward("EPSG:6931", 0.0, 90.0).unwrap();
        // Radius of the equator in the equal-area azimuthal projection: a·sqrt(q_p) = 9 009 964.76 m.
        assert!((x - 9_009_964.76).abs() < 0.5 && y.abs() < 1e-3, "{x} {y}");
    }
}
