//! How far a map may be used: what of a larger source is left out of a target grid by default.

use harmony_model::crs::Crs;

/// Latitude at which web Mercator ends in the EPSG database, y = 20 048 966.1 m.
const MERCATOR_END: f64 = 85.06;
/// Latitude at which the global EASE-Grid 2.0 ends, y = 7 314 540.83 m.
const EASE2_END: f64 = 85.044_566_4;

/// A part of the Earth in degrees.
#[derive(Clone, Debug, PartialEq)]
pub struct Domain {
    pub south: f64,
    pub north: f64,
    /// West and east, west < east; `None`: all round.
    pub longitudes: Option<[f64; 2]>,
    /// In words.
    pub text: String,
}

impl Domain {
    fn latitudes(south: f64, north: f64, text: String) -> Self {
        Domain { south, north, longitudes: None, text }
    }

    pub fn contains(&self, lon: f64, lat: f64) -> bool {
        let across = self.longitudes.is_none_or(|[w, e]| (lon - w).rem_euclid(360.0) <= e - w);
        lat >= self.south && lat <= self.north && across
    }

    /// Points on its border.
    pub fn border(&self, steps: usize) -> (Vec<f64>, Vec<f64>) {
        let [west, east] = self.longitudes.unwrap_or([-180.0, 180.0]);
        let at = |a: f64, b: f64, i: usize| a + (b - a) * i as f64 / steps as f64;
        let parallels = [self.south, self.north].into_iter();
        let parallels = parallels.flat_map(|lat| (0..=steps).map(move |i| (at(west, east, i), lat)));
        let meridians = [west, east].into_iter();
        let meridians =
            meridians.flat_map(|lon| (0..=steps).map(move |i| (lon, at(self.south, self.north, i))));
        parallels.chain(meridians).unzip()
    }
}

/// The domain of a projected CRS for a source that covers `degrees` (west, south, east, north), when the source reaches
/// beyond it so far that the map would be of no use.
pub fn of(crs: &Crs, degrees: [f64; 4]) -> Option<Domain> {
    if crs.is_geographic() {
        return None;
    }
    let [west, south, east, north] = degrees;
    let text = crs.proj_string().unwrap_or_else(|| crs.definition.clone());
    let proj = |name: &str| text.split_whitespace().any(|t| t == format!("+proj={name}"));
    let number = |key: &str| {
        let start = format!("+{key}=");
        text.split_whitespace().find_map(|t| t.strip_prefix(&start)?.parse::<f64>().ok())
    };
    let within = |s: f64, n: f64| south >= s && north <= n;
    let band =
        |s: f64, n: f64| (!within(s, n)).then(|| Domain::latitudes(s, n, format!("latitudes {s} to {n}")));
    if proj("merc") || proj("webmerc") {
        return band(-MERCATOR_END, MERCATOR_END);
    }
    if proj("cea") && number("lat_ts") == Some(30.0) {
        return band(-EASE2_END, EASE2_END);
    }
    let pole = number("lat_0").filter(|lat| lat.abs() == 90.0);
    if let (Some(pole), true) = (pole, ["stere", "laea", "aeqd", "ups"].iter().any(|p| proj(p))) {
        // A little beyond the equator is still a map.
        let beyond = if pole > 0.0 { south < -30.0 } else { north > 30.0 };
        let (s, n, name) = if pole > 0.0 { (0.0, 90.0, "northern") } else { (-90.0, 0.0, "southern") };
        return beyond.then(|| Domain::latitudes(s, n, format!("the {name} hemisphere")));
    }
    if ["moll", "robin", "eqearth", "sinu", "eqc", "cea", "mill", "geos", "ortho", "nsper"]
        .iter()
        .any(|p| proj(p))
    {
        return None;
    }
    let area = crs.area_of_use()?;
    let [w, s, mut e, n] = area;
    if e < w {
        e += 360.0;
    }
    let (wide, tall) = (east - west, north - south);
    let too_large = wide > 1.5 * (e - w) + 10.0 || tall > 1.5 * (n - s) + 10.0;
    too_large.then(|| Domain {
        south: s,
        north: n,
        longitudes: Some([w, e]),
        text: format!("the CRS's area of use, longitudes {w} to {} and latitudes {s} to {n}", area[2]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_may_cross_the_antimeridian() {
        let domain =
            Domain { south: 0.0, north: 10.0, longitudes: Some([170.0, 190.0]), text: String::new() };
        assert!(domain.contains(-175.0, 5.0) && domain.contains(175.0, 5.0) && !domain.contains(0.0, 5.0));
    }
}
