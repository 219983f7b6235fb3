//! Map projections of the General Cartographic Transformation Package (GCTP), which HDF-EOS grids are defined in.
//!
//! Codes and the order of the 13 parameters: HDF-EOS Library User's Guide, volume 2, appendix G.

use harmony_model::Attribute;

use super::odl::Group;

/// The corner that index (0, 0) stands at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Corner {
    #[default]
    UpperLeft,
    UpperRight,
    LowerLeft,
    LowerRight,
}

impl Corner {
    /// From `HDFE_GD_UL` and its kin (HDF-EOS5: `HE5_HDFE_GD_UL`).
    pub fn parse(text: &str) -> Self {
        match text.rsplit('_').next().unwrap_or_default() {
            "UR" => Corner::UpperRight,
            "LL" => Corner::LowerLeft,
            "LR" => Corner::LowerRight,
            _ => Corner::UpperLeft,
        }
    }
}

/// A projection as HDF-EOS defines it.
#[derive(Clone, Debug, PartialEq)]
pub struct Gctp {
    /// Without prefix: `GEO`, `UTM`, `SNSOID`, …
    pub code: String,
    /// UTM zone; negative in the south.
    pub zone: i32,
    /// Number of the spheroid, -1: given by the first two parameters.
    pub sphere: i32,
    /// Metres, and angles as packed degrees ([`packed_degrees`]).
    pub params: [f64; 13],
}

/// Degrees of `DDDMMMSSS.SS`: degrees × 10⁶ + minutes × 10³ + seconds.
pub fn packed_degrees(packed: f64) -> f64 {
    let value = packed.abs();
    let degrees = (value / 1e6).trunc();
    let minutes = ((value - degrees * 1e6) / 1e3).trunc();
    let seconds = value - degrees * 1e6 - minutes * 1e3;
    (degrees + minutes / 60.0 + seconds / 3600.0).copysign(packed)
}

/// `DDDMMMSSS.SS` of degrees, rounded to a hundredth of a second.
pub fn pack_degrees(degrees: f64) -> f64 {
    let hundredths = (degrees.abs() * 360_000.0).round();
    let (whole, rest) = ((hundredths / 360_000.0).floor(), hundredths.rem_euclid(360_000.0));
    let (minutes, seconds) = ((rest / 6_000.0).floor(), rest.rem_euclid(6_000.0) / 100.0);
    (whole * 1e6 + minutes * 1e3 + seconds).copysign(degrees)
}

/// Semi-major and semi-minor axes in metres by GCTP spheroid number.
const SPHEROIDS: [(f64, f64); 22] = [
    (6_378_206.4, 6_356_583.8),         // Clarke 1866
    (6_378_249.145, 6_356_514.869_55),  // Clarke 1880
    (6_377_397.155, 6_356_078.962_84),  // Bessel
    (6_378_157.5, 6_356_772.2),         // International 1967
    (6_378_388.0, 6_356_911.946_13),    // International 1909
    (6_378_135.0, 6_356_750.519_915),   // WGS 72
    (6_377_276.345_2, 6_356_075.413_3), // Everest
    (6_378_145.0, 6_356_759.769_356),   // WGS 66
    (6_378_137.0, 6_356_752.314_14),    // GRS 1980
    (6_377_563.396, 6_356_256.91),      // Airy
    (6_377_304.063, 6_356_103.039),     // modified Everest
    (6_377_340.189, 6_356_034.448),     // modified Airy
    (6_378_137.0, 6_356_752.314_245),   // WGS 84
    (6_378_155.0, 6_356_773.320_5),     // Southeast Asia
    (6_378_160.0, 6_356_774.719),       // Australian National
    (6_378_245.0, 6_356_863.018_8),     // Krassovsky
    (6_378_270.0, 6_356_794.343_479),   // Hough
    (6_378_166.0, 6_356_784.283_666),   // Mercury 1960
    (6_378_150.0, 6_356_768.337_303),   // modified Mercury 1968
    (6_370_997.0, 6_370_997.0),         // sphere of radius 6370997 m
    (6_371_228.0, 6_371_228.0),         // sphere of radius 6371228 m
    (6_371_007.181, 6_371_007.181),     // authalic sphere of GRS 1980 (MODIS)
];

/// Name, CF parameter names and PROJ text of a projection.
struct Definition {
    cf_name: Option<&'static str>,
    /// CF parameters.
    cf: Vec<(&'static str, Vec<f64>)>,
    /// `+proj=… +lon_0=…`, without ellipsoid.
    proj: String,
}

impl Gctp {
    /// From the `Projection`, `ZoneCode`, `SphereCode` and `ProjParams` of a grid.
    pub fn from_odl(grid: &Group) -> Option<Self> {
        let code = grid.text("Projection")?;
        let code = code.rsplit("GCTP_").next().unwrap_or(code).to_ascii_uppercase();
        let int = |key: &str| grid.value(key).and_then(|v| v.number()).map(|v| v as i32);
        let mut params = [0.0; 13];
        if let Some(given) = grid.value("ProjParams").and_then(|v| v.numbers()) {
            params.iter_mut().zip(given).for_each(|(p, g)| *p = g);
        }
        // Without a number, parameters that start with an Earth-like radius are meant to be used.
        let sphere = int("SphereCode").unwrap_or(if params[0].abs() > 1e6 { -1 } else { 0 });
        Some(Gctp { code, zone: int("ZoneCode").unwrap_or(0), sphere, params })
    }

    /// Longitude and latitude are the axes themselves.
    pub fn is_geographic(&self) -> bool {
        self.code == "GEO"
    }

    /// Semi-major and semi-minor axis in metres.
    ///
    /// A negative spheroid number: the first parameter is the semi-major axis, the second the semi-minor one or, up
    /// to 1, the squared eccentricity, of either sign (as GCTP's `sphdz` reads it).
    pub fn axes(&self) -> (f64, f64) {
        if let Ok(number) = usize::try_from(self.sphere) {
            // A geographic grid without a spheroid means the Earth as everyone measures it today.
            let known = if self.is_geographic() && number == 0 { None } else { SPHEROIDS.get(number) };
            return known.copied().unwrap_or(SPHEROIDS[12]);
        }
        let (major, second) = (self.params[0].abs(), self.params[1].abs());
        match (major > 0.0, second) {
            (true, b) if b > 1.0 => (major, b),
            (true, e2) if e2 > 0.0 => (major, major * (1.0 - e2).sqrt()),
            (true, _) => (major, major),
            (false, _) if self.is_geographic() => SPHEROIDS[12],
            (false, b) if b > 0.0 => SPHEROIDS[0],
            (false, _) => SPHEROIDS[19],
        }
    }

    /// The PROJ definition; `None` when PROJ has no such projection or its parameters are missing.
    pub fn proj_text(&self) -> Option<String> {
        let (a, b) = self.axes();
        let ellipsoid = match (a, b) {
            (a, b) if (a, b) == SPHEROIDS[12] => "+datum=WGS84".to_owned(),
            (a, b) if (a, b) == SPHEROIDS[0] => "+ellps=clrk66".to_owned(),
            (a, b) if (a, b) == SPHEROIDS[8] => "+ellps=GRS80".to_owned(),
            (a, b) if a == b => format!("+R={a}"),
            (a, b) => format!("+a={a} +b={b}"),
        };
        let proj = self.definition()?.proj;
        let units = if self.is_geographic() { "" } else { " +units=m" };
        Some(format!("{proj} {ellipsoid}{units} +no_defs"))
    }

    /// Attributes of the CF grid mapping variable: name, parameters and ellipsoid (CF 1.11, appendix F), and the PROJ
    /// definition as `proj4` for what CF has no name for.
    pub fn cf_attributes(&self) -> Option<Vec<Attribute>> {
        let definition = self.definition()?;
        let mut out = Vec::new();
        if let Some(name) = definition.cf_name {
            out.push(Attribute::text("grid_mapping_name", name));
            out.extend(definition.cf.iter().map(|(name, values)| Attribute::numbers(name, values)));
        }
        let (a, b) = self.axes();
        out.push(Attribute::numbers("semi_major_axis", &[a]));
        // CF's encoding of a sphere is an inverse flattening of 0.
        out.push(Attribute::numbers("inverse_flattening", &[if a == b { 0.0 } else { a / (a - b) }]));
        out.push(Attribute::numbers("longitude_of_prime_meridian", &[0.0]));
        out.push(Attribute::text("proj4", &self.proj_text()?));
        Some(out)
    }

    fn definition(&self) -> Option<Definition> {
        let p = &self.params;
        let (lon, lat) = (packed_degrees(p[4]), packed_degrees(p[5]));
        let offsets = format!("+x_0={} +y_0={}", p[6], p[7]);
        let shift = [("false_easting", vec![p[6]]), ("false_northing", vec![p[7]])];
        let make = |cf_name: Option<&'static str>, cf: Vec<(&'static str, f64)>, proj: String| {
            let cf = cf.into_iter().map(|(n, v)| (n, vec![v])).chain(shift.iter().cloned()).collect();
            Some(Definition { cf_name, cf, proj: format!("{proj} {offsets}") })
        };
        let origin = vec![("longitude_of_projection_origin", lon), ("latitude_of_projection_origin", lat)];
        match self.code.as_str() {
            "GEO" => Some(Definition {
                cf_name: Some("latitude_longitude"),
                cf: Vec::new(),
                proj: "+proj=longlat".into(),
            }),
            "UTM" => self.utm(),
            "PS" => {
                // The pole is the one on the side of the true-scale latitude.
                let pole = if lat < 0.0 { -90.0 } else { 90.0 };
                let cf = vec![
                    ("straight_vertical_longitude_from_pole", lon),
                    ("latitude_of_projection_origin", pole),
                    ("standard_parallel", lat),
                ];
                let proj = format!("+proj=stere +lat_0={pole} +lat_ts={lat} +lon_0={lon}");
                make(Some("polar_stereographic"), cf, proj)
            }
            "SNSOID" => make(
                Some("sinusoidal"),
                vec![("longitude_of_projection_origin", lon)],
                format!("+proj=sinu +lon_0={lon}"),
            ),
            "LAMAZ" => {
                let proj = format!("+proj=laea +lat_0={lat} +lon_0={lon}");
                make(Some("lambert_azimuthal_equal_area"), origin, proj)
            }
            "CEA" | "BCEA" => {
                let cf = vec![("longitude_of_central_meridian", lon), ("standard_parallel", lat)];
                let proj = format!("+proj=cea +lat_ts={lat} +lon_0={lon}");
                make(Some("lambert_cylindrical_equal_area"), cf, proj)
            }
            "ALBERS" => self.conic("albers_conical_equal_area", "aea"),
            "LAMCC" => self.conic("lambert_conformal_conic", "lcc"),
            "EQUIDC" => {
                let second = if p[8] == 0.0 { p[2] } else { p[3] };
                let (one, two) = (packed_degrees(p[2]), packed_degrees(second));
                let proj = format!("+proj=eqdc +lat_0={lat} +lon_0={lon} +lat_1={one} +lat_2={two}");
                make(None, Vec::new(), proj)
            }
            "TM" => {
                let factor = if p[2] == 0.0 { 1.0 } else { p[2] };
                Some(transverse_mercator(factor, lon, lat, p[6], p[7]))
            }
            "MERCAT" => {
                let cf = vec![("longitude_of_projection_origin", lon), ("standard_parallel", lat)];
                make(Some("mercator"), cf, format!("+proj=merc +lat_ts={lat} +lon_0={lon}"))
            }
            "STEREO" => {
                let proj = format!("+proj=stere +lat_0={lat} +lon_0={lon}");
                let cf = [origin, vec![("scale_factor_at_projection_origin", 1.0)]].concat();
                make(Some("stereographic"), cf, proj)
            }
            "AZMEQD" => {
                let proj = format!("+proj=aeqd +lat_0={lat} +lon_0={lon}");
                make(Some("azimuthal_equidistant"), origin, proj)
            }
            "ORTHO" => make(Some("orthographic"), origin, format!("+proj=ortho +lat_0={lat} +lon_0={lon}")),
            "GNOMON" => make(None, Vec::new(), format!("+proj=gnom +lat_0={lat} +lon_0={lon}")),
            "GVNSP" if p[2] > 0.0 => {
                let cf = [origin, vec![("perspective_point_height", p[2])]].concat();
                let proj = format!("+proj=nsper +h={} +lat_0={lat} +lon_0={lon}", p[2]);
                make(Some("vertical_perspective"), cf, proj)
            }
            "POLYC" => make(None, Vec::new(), format!("+proj=poly +lat_0={lat} +lon_0={lon}")),
            "EQRECT" => make(None, Vec::new(), format!("+proj=eqc +lat_ts={lat} +lon_0={lon}")),
            other => {
                let name = match other {
                    "MILLER" => "mill",
                    "VGRINT" => "vandg",
                    "ROBIN" => "robin",
                    "GOOD" => "igh",
                    "MOLL" => "moll",
                    "HAMMER" => "hammer",
                    "WAGIV" => "wag4",
                    "WAGVII" => "wag7",
                    _ => return None,
                };
                make(None, Vec::new(), format!("+proj={name} +lon_0={lon}"))
            }
        }
    }

    /// Zone of `ZoneCode`, or that of the place in the first two parameters.
    fn utm(&self) -> Option<Definition> {
        let zone = match self.zone {
            0 if self.params[0] != 0.0 || self.params[1] != 0.0 => {
                let (lon, lat) = (packed_degrees(self.params[0]), packed_degrees(self.params[1]));
                let zone = (((lon + 180.0) / 6.0).floor() as i32).clamp(0, 59) + 1;
                if lat < 0.0 { -zone } else { zone }
            }
            zone => zone,
        };
        if !(1..=60).contains(&zone.abs()) {
            return None;
        }
        let meridian = f64::from(zone.abs()) * 6.0 - 183.0;
        let northing = if zone < 0 { 1e7 } else { 0.0 };
        Some(transverse_mercator(0.9996, meridian, 0.0, 5e5, northing))
    }

    fn conic(&self, cf_name: &'static str, proj: &str) -> Option<Definition> {
        let p = &self.params;
        let [one, two, lon, lat] = [p[2], p[3], p[4], p[5]].map(packed_degrees);
        Some(Definition {
            cf_name: Some(cf_name),
            cf: vec![
                ("standard_parallel", vec![one, two]),
                ("longitude_of_central_meridian", vec![lon]),
                ("latitude_of_projection_origin", vec![lat]),
                ("false_easting", vec![p[6]]),
                ("false_northing", vec![p[7]]),
            ],
            proj: format!(
                "+proj={proj} +lat_0={lat} +lon_0={lon} +lat_1={one} +lat_2={two} +x_0={} +y_0={}",
                p[6], p[7]
            ),
        })
    }
}

fn transverse_mercator(factor: f64, lon: f64, lat: f64, east: f64, north: f64) -> Definition {
    Definition {
        cf_name: Some("transverse_mercator"),
        cf: vec![
            ("scale_factor_at_central_meridian", vec![factor]),
            ("longitude_of_central_meridian", vec![lon]),
            ("latitude_of_projection_origin", vec![lat]),
            ("false_easting", vec![east]),
            ("false_northing", vec![north]),
        ],
        proj: format!("+proj=tmerc +lat_0={lat} +lon_0={lon} +k_0={factor} +x_0={east} +y_0={north}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gctp(code: &str, zone: i32, sphere: i32, params: &[f64]) -> Gctp {
        let mut all = [0.0; 13];
        all[..params.len()].copy_from_slice(params);
        Gctp { code: code.into(), zone, sphere, params: all }
    }

    #[test]
    fn packed_degrees_hold_minutes_and_seconds() {
        assert_eq!(packed_degrees(-45_000_000.0), -45.0);
        assert_eq!(packed_degrees(30_030_000.0), 30.5);
        assert!((packed_degrees(1_001_036.0) - (1.0 + 1.0 / 60.0 + 0.01)).abs() < 1e-12);
    }

    #[test]
    fn a_negative_second_parameter_is_an_eccentricity_too() {
        // NSIDC polar stereographic, Hughes ellipsoid
        let north = gctp("PS", 0, -1, &[6_378_273.0, -0.006694, 0.0, 0.0, -45e6, 70e6]);
        let (a, b) = north.axes();
        assert_eq!(a, 6_378_273.0);
        assert!((b - 6_356_889.0).abs() < 2.0);
        let text = north.proj_text().unwrap();
        assert!(
            text.starts_with("+proj=stere +lat_0=90 +lat_ts=70 +lon_0=-45 +x_0=0 +y_0=0 +a=6378273 +b="),
            "{text}"
        );
    }

    #[test]
    fn utm_zone_and_spheroid_give_a_transverse_mercator() {
        let utm = gctp("UTM", -40, 0, &[]);
        assert_eq!(
            utm.proj_text().unwrap(),
            "+proj=tmerc +lat_0=0 +lon_0=57 +k_0=0.9996 +x_0=500000 +y_0=10000000 +ellps=clrk66 +units=m +no_defs"
        );
        assert_eq!(gctp("UTM", 77, 0, &[]).proj_text(), None);
    }

    #[test]
    fn what_proj_does_not_know_is_none() {
        assert_eq!(gctp("SOM", 0, 0, &[]).proj_text(), None);
        assert_eq!(gctp("GEO", 0, 0, &[]).proj_text().unwrap(), "+proj=longlat +datum=WGS84 +no_defs");
    }
}
