//! Which cell of a field a pixel shows.
//!
//! Between longitudes and latitudes and web Mercator one table for columns and one for rows say it; any other pair of
//! systems goes through the engine's control points ([`Warp`]), which stay within an eighth of a cell.

use std::f64::consts::PI;
use std::sync::Arc;

use harmony_model::GridSpec;
use harmony_model::crs::Crs;
use harmony_ops::reproject_grid::{At, SourceGrid, Trust, Warp};

use super::{MapError, Maps, View};

/// From a coordinate of the view to one of the grid, along one axis.
type Along = fn(f64) -> f64;

/// Radius of the sphere of web Mercator (EPSG:3857).
const RADIUS: f64 = 6_378_137.0;

/// Northing of web Mercator beyond which there is nothing: a metre from the pole on the ground, five times the edge of the
/// square world.
const FARTHEST: f64 = 1e8;

/// A grid and a view, as far as positions depend on them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlaceKey {
    source: (String, [u64; 4], [u64; 2]),
    view: (String, [u64; 4], [u32; 2]),
}

/// Positions of the centres of pixels on a grid, in fractional cells; NaN where there are none.
pub enum Placement {
    /// Columns depend on x alone, rows on y alone.
    Separable {
        cols: Vec<f64>,
        rows: Vec<f64>,
        cells_per_pixel: f64,
    },
    Free {
        warp: Arc<Warp>,
        cells_per_pixel: f64,
    },
}

impl Placement {
    /// Cells of the grid along a pixel.
    pub fn cells_per_pixel(&self) -> f64 {
        match self {
            Placement::Separable { cells_per_pixel, .. } | Placement::Free { cells_per_pixel, .. } => {
                *cells_per_pixel
            }
        }
    }

    /// Positions along a row of the view.
    pub fn row(&self, row: usize, xs: &mut [f64], ys: &mut [f64]) {
        match self {
            Placement::Separable { cols, rows, .. } => {
                xs.copy_from_slice(&cols[..xs.len()]);
                ys.fill(rows[row]);
            }
            Placement::Free { warp, .. } => warp.row(row, 0, At::Centres, xs, ys),
        }
    }
}

impl Maps {
    /// Where the pixels of a view lie on a grid.
    ///
    /// # Errors
    /// [`MapError::Crs`] when there is no way between their systems.
    pub(super) fn place(&self, grid: &GridSpec, view: &View) -> Result<Arc<Placement>, MapError> {
        let bits = |v: [f64; 4]| v.map(f64::to_bits);
        let key = PlaceKey {
            source: (
                grid.crs.definition.clone(),
                bits([grid.x0, grid.y0, grid.dx, grid.dy]),
                [grid.nx, grid.ny],
            ),
            view: (view.crs.definition.clone(), bits(view.extent), [view.width, view.height]),
        };
        self.places.get(&key, |_| {
            let placement = self.placed(grid, view)?;
            let weight = match &placement {
                Placement::Separable { cols, rows, .. } => (cols.len() + rows.len()) * 8,
                // Control points are a few per tile; where every cell is transformed, all of them: around poles.
                Placement::Free { .. } => view.pixels(),
            };
            Ok((Arc::new(placement), weight as u64 + 256))
        })
    }

    fn placed(&self, grid: &GridSpec, view: &View) -> Result<Placement, MapError> {
        let same = grid.crs.definition == view.crs.definition;
        let plain = |crs: &Crs| matches!(crs.definition.as_str(), "EPSG:4326" | "OGC:CRS84");
        let (from_mercator, to_mercator) = (is_web_mercator(&view.crs), is_web_mercator(&grid.crs));
        let (x, y): (Along, Along) = if same || (plain(&grid.crs) && plain(&view.crs)) {
            (|x| x, |y| y)
        } else if plain(&grid.crs) && from_mercator {
            (longitude, latitude)
        } else if to_mercator && plain(&view.crs) {
            (easting, northing)
        } else {
            return self.warped(grid, view);
        };
        Ok(separable(grid, view, x, y))
    }

    fn warped(&self, grid: &GridSpec, view: &View) -> Result<Placement, MapError> {
        let transform = self.transform(&view.crs, &grid.crs)?;
        let warp = Warp::through(transform, &SourceGrid::of(grid), &view.grid(), Trust::Checked);
        let [cols, rows] = warp.ratio();
        Ok(Placement::Free { warp, cells_per_pixel: (cols * rows).sqrt() })
    }
}

/// Whether a system is web Mercator.
pub fn is_web_mercator(crs: &Crs) -> bool {
    matches!(crs.definition.as_str(), "EPSG:3857" | "EPSG:900913" | "EPSG:3785")
}

fn longitude(x: f64) -> f64 {
    (x / RADIUS).to_degrees()
}

fn latitude(y: f64) -> f64 {
    // Further out all is one point, the pole, which is no part of the map.
    if y.abs() > FARTHEST { f64::NAN } else { (y / RADIUS).sinh().atan().to_degrees() }
}

fn easting(lon: f64) -> f64 {
    lon.to_radians() * RADIUS
}

fn northing(lat: f64) -> f64 {
    // Beyond a pole there is no map; on it there is no end.
    if lat.abs() > 90.0 { f64::NAN } else { (PI / 4.0 + lat.to_radians() / 2.0).tan().ln() * RADIUS }
}

fn separable(grid: &GridSpec, view: &View, x: Along, y: Along) -> Placement {
    let target = view.grid();
    let geographic = grid.crs.is_geographic();
    let middle = grid.x0 + grid.dx * grid.nx as f64 / 2.0;
    let column = |i: u64| {
        let mut x = x(target.x_centre(i as f64));
        if geographic {
            x -= 360.0 * ((x - middle) / 360.0).round();
        }
        inside((x - grid.x0) / grid.dx, grid.nx)
    };
    let row = |i: u64| {
        let y = y(target.y_centre(i as f64));
        let on_earth = !geographic || y.abs() <= 90.0;
        if on_earth { inside((y - grid.y0) / grid.dy, grid.ny) } else { f64::NAN }
    };
    let cols: Vec<f64> = (0..target.nx).map(column).collect();
    let rows: Vec<f64> = (0..target.ny).map(row).collect();
    let along_x = (x(target.x_centre(1.0)) - x(target.x_centre(0.0))) / grid.dx;
    let half = target.ny as f64 / 2.0;
    let along_y = (y(target.y_centre(half)) - y(target.y_centre(half - 1.0))) / grid.dy;
    let ratio = (along_x * along_y).abs().sqrt();
    Placement::Separable { cols, rows, cells_per_pixel: if ratio.is_finite() { ratio } else { 1.0 } }
}

/// A position within an axis of `n` cells; the rounding of arithmetic does not lead out of it.
fn inside(at: f64, n: u64) -> f64 {
    let n = n as f64;
    if at >= 0.0 && at < n {
        at
    } else if at > -1e-6 && at < 0.0 {
        0.0
    } else if at >= n && at < n + 1e-6 {
        n - 1e-9
    } else {
        f64::NAN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(crs: &str, extent: [f64; 4], width: u32, height: u32) -> View {
        View { crs: Crs::parse(crs).unwrap(), extent, width, height }
    }

    fn world() -> GridSpec {
        GridSpec::filling(Crs::wgs84(), [-180.0, -90.0, 180.0, 90.0], 360, 180)
    }

    #[test]
    fn a_box_across_180_is_continuous() {
        let maps = Maps::new(super::super::Limits::default());
        let place = maps.place(&world(), &view("EPSG:4326", [170.0, -10.0, 190.0, 10.0], 20, 20)).unwrap();
        let (mut xs, mut ys) = (vec![0.0; 20], vec![0.0; 20]);
        place.row(0, &mut xs, &mut ys);
        assert_eq!((xs[0], xs[9], xs[10], xs[19]), (350.5, 359.5, 0.5, 9.5));
        assert_eq!(ys[0], 80.5);
        assert_eq!(place.cells_per_pixel(), 1.0);
    }

    #[test]
    fn mercator_is_a_square_world() {
        let maps = Maps::new(super::super::Limits::default());
        let end = PI * RADIUS;
        let place = maps.place(&world(), &view("EPSG:3857", [-end, -end, end, end], 512, 512)).unwrap();
        let (mut xs, mut ys) = (vec![0.0; 512], vec![0.0; 512]);
        place.row(0, &mut xs, &mut ys);
        assert!((ys[0] - (90.0 - 85.02)).abs() < 0.01, "{}", ys[0]);
        place.row(256, &mut xs, &mut ys);
        assert!(xs[0] < 0.4 && xs[511] > 359.6 && (ys[0] - 90.35).abs() < 0.01);
        // Forth and back is the same.
        assert!((latitude(northing(37.5)) - 37.5).abs() < 1e-12);
        assert!((longitude(easting(-120.0)) + 120.0).abs() < 1e-12);
    }

    #[test]
    fn beyond_the_poles_is_nothing() {
        let maps = Maps::new(super::super::Limits::default());
        let place = maps.place(&world(), &view("EPSG:4326", [-180.0, -180.0, 180.0, 180.0], 36, 36)).unwrap();
        let (mut xs, mut ys) = (vec![0.0; 36], vec![0.0; 36]);
        place.row(0, &mut xs, &mut ys);
        assert!(ys[0].is_nan());
        place.row(18, &mut xs, &mut ys);
        assert_eq!(ys[0], 95.0);
    }
}
