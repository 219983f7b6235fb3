//! What part of the Earth a map shows.

use harmony_model::crs::{Crs, Transform};

use super::place::is_web_mercator;
use super::{MapError, Maps, View};

/// Points a side of the lattice that is looked at.
const SIDE: usize = 21;

impl Maps {
    /// west, south, east, north in degrees of what a view shows; `west > east` crosses the antimeridian. `None` when no
    /// part of it is on Earth.
    ///
    /// # Errors
    /// [`MapError::Crs`].
    pub fn degrees(&self, view: &View) -> Result<Option<[f64; 4]>, MapError> {
        let [x0, y0, x1, y1] = view.extent;
        if view.crs.is_geographic() && matches!(view.crs.definition.as_str(), "EPSG:4326" | "OGC:CRS84") {
            return Ok(degrees(view.extent));
        }
        if is_web_mercator(&view.crs) {
            let lon = |x: f64| (x / 6_378_137.0).to_degrees();
            let lat = |y: f64| (y / 6_378_137.0).sinh().atan().to_degrees();
            return Ok(degrees([lon(x0), lat(y0), lon(x1), lat(y1)]));
        }
        let way = self.transform(&view.crs, &Crs::wgs84())?;
        Ok(around(&way, view))
    }
}

/// A box of longitudes and latitudes as a catalogue takes it.
pub fn degrees([west, south, east, north]: [f64; 4]) -> Option<[f64; 4]> {
    let (south, north) = (south.max(-90.0), north.min(90.0));
    let is_box = south <= north && west < east;
    if !is_box {
        return None;
    }
    if east - west >= 360.0 {
        return Some([-180.0, south, 180.0, north]);
    }
    let turn = |lon: f64| (lon + 180.0).rem_euclid(360.0) - 180.0;
    let (w, mut e) = (turn(west), turn(east));
    // The eastern edge of the world is not its western one.
    if e == -180.0 {
        e = 180.0;
    }
    Some([w, south, e, north])
}

/// The box around a lattice of points of the view; with a pole in it, all longitudes.
fn around(way: &Transform, view: &View) -> Option<[f64; 4]> {
    let [x0, y0, x1, y1] = view.extent;
    let at = |a: f64, b: f64, i: usize| a + (b - a) * i as f64 / (SIDE - 1) as f64;
    let (mut lons, mut lats): (Vec<f64>, Vec<f64>) =
        (0..SIDE * SIDE).map(|i| (at(x0, x1, i % SIDE), at(y0, y1, i / SIDE))).unzip();
    way.points(&mut lons, &mut lats);
    let known: Vec<(f64, f64)> = lons
        .into_iter()
        .zip(lats)
        .filter(|(lon, lat)| lon.is_finite() && lat.is_finite() && lat.abs() <= 90.0)
        .collect();
    if known.is_empty() {
        return None;
    }
    let mut south = known.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
    let mut north = known.iter().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
    // A lattice misses its own extremes by up to half a step.
    let slack = (north - south) / (SIDE - 1) as f64;
    (south, north) = ((south - slack).max(-90.0), (north + slack).min(90.0));
    let holds = |lat: f64| {
        let (mut xs, mut ys) = ([0.0], [lat]);
        way.inverse_points(&mut xs, &mut ys);
        (x0..=x1).contains(&xs[0]) && (y0..=y1).contains(&ys[0])
    };
    let poles = [holds(90.0), holds(-90.0)];
    if poles[0] || poles[1] {
        return Some([
            -180.0,
            if poles[1] { -90.0 } else { south },
            180.0,
            if poles[0] { 90.0 } else { north },
        ]);
    }
    let mut lons: Vec<f64> = known.iter().map(|p| (p.0 + 180.0).rem_euclid(360.0) - 180.0).collect();
    lons.sort_by(f64::total_cmp);
    // The box is what is left of the circle without its widest gap.
    let (first, last) = (lons[0], lons[lons.len() - 1]);
    let mut gap = (first + 360.0 - last, last, first);
    for pair in lons.windows(2) {
        if pair[1] - pair[0] > gap.0 {
            gap = (pair[1] - pair[0], pair[0], pair[1]);
        }
    }
    let slack = ((360.0 - gap.0) / (SIDE - 1) as f64).min(gap.0 / 2.0);
    degrees([gap.2 - slack, south, if gap.2 > gap.1 { gap.1 + 360.0 } else { gap.1 } + slack, north])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_brought_to_one_turn() {
        assert_eq!(degrees([170.0, -10.0, 190.0, 10.0]), Some([170.0, -10.0, -170.0, 10.0]));
        assert_eq!(degrees([-200.0, -100.0, 200.0, 95.0]), Some([-180.0, -90.0, 180.0, 90.0]));
        assert_eq!(degrees([0.0, -10.0, 180.0, 10.0]), Some([0.0, -10.0, 180.0, 10.0]));
        assert_eq!(degrees([0.0, 91.0, 10.0, 95.0]), None);
    }

    #[test]
    fn a_polar_map_shows_all_longitudes() {
        let maps = Maps::new(super::super::Limits::default());
        let Ok(crs) = Crs::parse("EPSG:3413") else { return };
        let view = |extent| View { crs: crs.clone(), extent, width: 10, height: 10 };
        let [w, s, e, n] = maps.degrees(&view([-3e6, -3e6, 3e6, 3e6])).unwrap().unwrap();
        assert_eq!((w, e, n), (-180.0, 180.0, 90.0));
        assert!((45.0..55.0).contains(&s), "{s}");
        // Off the pole, around the meridian opposite to the one that points down (135 E).
        let [w, _, e, n] = maps.degrees(&view([-1e6, 2e6, 1e6, 3e6])).unwrap().unwrap();
        assert!(w > 100.0 && e < 175.0 && w < e && n < 90.0, "{w} {e} {n}");
    }
}
