//! Where the cells of a target are, and where swath cells are on it.

use harmony_model::crs::{Crs, Transform};
use harmony_model::{GridSpec, ModelError};

use super::footprint::Domain;
use super::sphere;
use crate::project::Block;

/// A target grid and the way to it.
pub struct TargetGrid {
    pub grid: GridSpec,
    /// From longitude and latitude to the grid's CRS.
    to_grid: Transform,
    geographic: bool,
    /// South and north: what lies beyond has no place on the target.
    latitudes: Option<[f64; 2]>,
}

impl TargetGrid {
    /// # Errors
    /// When there is no way to the CRS of the grid.
    pub fn new(grid: GridSpec) -> Result<Self, ModelError> {
        let to_grid = Self::way_to(&grid.crs)?;
        let geographic = grid.crs.is_geographic();
        Ok(TargetGrid { grid, to_grid, geographic, latitudes: None })
    }

    /// The same with nothing beyond the latitudes of `domain`: a square around a hemisphere has corners that lie on the
    /// other one.
    pub fn within(self, domain: &Domain) -> Self {
        let [_, south, _, north] = domain.usable;
        TargetGrid { latitudes: Some([south, north]), ..self }
    }

    fn is_beyond(&self, lat: f64) -> bool {
        self.latitudes.is_some_and(|[south, north]| !(south..=north).contains(&lat))
    }

    /// Rows and columns.
    pub fn shape(&self) -> [usize; 2] {
        [self.grid.ny as usize, self.grid.nx as usize]
    }

    /// Longitudes and latitudes of the centres of a block, row-major; NaN or infinite where there is no place on Earth.
    pub fn positions(&self, block: &Block) -> (Vec<f64>, Vec<f64>) {
        let mut xs = Vec::with_capacity(block.count());
        let mut ys = Vec::with_capacity(block.count());
        for row in block.rows.clone() {
            let y = self.grid.y_centre(row as f64);
            xs.extend(block.cols.clone().map(|c| self.grid.x_centre(c as f64)));
            ys.resize(xs.len(), y);
        }
        if !self.to_grid.is_identity() {
            self.to_grid.inverse_points(&mut xs, &mut ys);
        }
        if self.latitudes.is_some() {
            xs.iter_mut().zip(&mut ys).filter(|(_, y)| self.is_beyond(**y)).for_each(|(x, y)| {
                (*x, *y) = (f64::NAN, f64::NAN);
            });
        }
        (xs, ys)
    }

    /// Columns and rows of positions in degrees, as fractions: 0 is the centre of the first. NaN where a position has no
    /// place on the target.
    pub fn fractions(&self, lons: &[f64], lats: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let mut xs: Vec<f64> = lons.iter().map(|&lon| sphere::wrap_180(lon)).collect();
        let mut ys = lats.to_vec();
        if !self.to_grid.is_identity() {
            self.to_grid.points(&mut xs, &mut ys);
        }
        for ((x, y), &lat) in xs.iter_mut().zip(&mut ys).zip(lats) {
            (*x, *y) = if x.is_finite() && y.is_finite() && !self.is_beyond(lat) {
                (self.columns_from_west(*x) - 0.5, (*y - self.grid.y0) / self.grid.dy - 0.5)
            } else {
                (f64::NAN, f64::NAN)
            };
        }
        (xs, ys)
    }

    /// Whether its columns are longitudes and its rows latitudes.
    pub fn is_geographic(&self) -> bool {
        self.geographic
    }

    /// Columns from the western edge; longitudes are brought onto the grid, or west of it, whichever is nearer.
    fn columns_from_west(&self, x: f64) -> f64 {
        let east = x - self.grid.x0;
        if !self.geographic {
            return east / self.grid.dx;
        }
        let spare = (360.0 - self.grid.dx * self.grid.nx as f64).max(0.0) * 0.5;
        ((east + spare).rem_euclid(360.0) - spare) / self.grid.dx
    }

    /// Columns of a whole turn, when columns are longitudes.
    pub fn period(&self) -> Option<f32> {
        self.geographic.then(|| (360.0 / self.grid.dx) as f32)
    }
}

impl TargetGrid {
    /// From longitude and latitude on WGS 84.
    ///
    /// # Errors
    /// When PROJ knows no way to `crs`.
    pub fn way_to(crs: &Crs) -> Result<Transform, ModelError> {
        let wgs84 = Crs::wgs84();
        if crs.same_as(&wgs84) { Transform::new(&wgs84, &wgs84) } else { Transform::new(&wgs84, crs) }
    }

    /// The part of the Earth that a CRS is good for, as far as an inferred extent may reach: the hemisphere of its pole for
    /// polar projections, all but the poles for Mercator, half the globe about the central meridian for transverse ones.
    pub fn domain(crs: &Crs) -> Domain {
        let text = crs.proj_string().unwrap_or_else(|| crs.definition.clone());
        let words: Vec<(&str, &str)> =
            text.split_whitespace().filter_map(|w| w.trim_start_matches('+').split_once('=')).collect();
        let word = |key: &str| words.iter().find(|(k, _)| *k == key).map(|(_, v)| *v);
        let number = |key: &str| word(key).and_then(|v| v.parse::<f64>().ok());
        let all = [-180.0, -90.0, 180.0, 90.0];
        let lat_0 = number("lat_0").unwrap_or(0.0);
        let usable = match word("proj") {
            Some("stere" | "ups" | "laea" | "aeqd" | "ortho" | "gnom") if lat_0.abs() > 89.0 => {
                if lat_0 > 0.0 { [-180.0, 0.0, 180.0, 90.0] } else { [-180.0, -90.0, 180.0, 0.0] }
            }
            Some("ups") => {
                if text.contains("+south") {
                    [-180.0, -90.0, 180.0, 0.0]
                } else {
                    [-180.0, 0.0, 180.0, 90.0]
                }
            }
            Some("merc" | "webmerc") => [-180.0, -85.051_128_779_806_6, 180.0, 85.051_128_779_806_6],
            Some("utm" | "tmerc" | "etmerc" | "gstmerc") => {
                let middle = crs.central_meridian();
                [middle - 60.0, -90.0, middle + 60.0, 90.0]
            }
            Some("lcc") => {
                let parallels = [number("lat_1"), number("lat_2")].into_iter().flatten();
                let middle = parallels.chain((lat_0 != 0.0).then_some(lat_0)).fold(0.0, |a, b| a + b);
                if middle >= 0.0 { [-180.0, -60.0, 180.0, 90.0] } else { [-180.0, -90.0, 180.0, 60.0] }
            }
            _ => all,
        };
        Domain { geographic: crs.is_geographic(), usable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_by_projection() {
        let usable = |text: &str| TargetGrid::domain(&Crs::parse(text).unwrap()).usable;
        assert_eq!(usable("EPSG:3413"), [-180.0, 0.0, 180.0, 90.0]);
        assert_eq!(usable("EPSG:3031"), [-180.0, -90.0, 180.0, 0.0]);
        assert_eq!(usable("EPSG:32633"), [-45.0, -90.0, 75.0, 90.0]);
        assert!(usable("EPSG:3857")[3] < 85.06);
        assert_eq!(usable("EPSG:6933"), [-180.0, -90.0, 180.0, 90.0]);
        assert!(TargetGrid::domain(&Crs::wgs84()).geographic);
    }

    #[test]
    fn cells_just_west_of_a_grid_have_negative_columns() {
        let grid = GridSpec::filling(Crs::wgs84(), [170.0, -10.0, 190.0, 10.0], 20, 20);
        let target = TargetGrid::new(grid).unwrap();
        assert!((target.columns_from_west(169.5) + 0.5).abs() < 1e-9);
        assert!((target.columns_from_west(-175.0) - 15.0).abs() < 1e-9);
        assert_eq!(target.period(), Some(360.0));
    }
}
