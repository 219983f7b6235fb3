//! CF grid mappings (CF 1.11 Appendix F) to CRS.

use super::Crs;
use super::parse;
use super::proj_text::ProjText;
use crate::ModelError;
use crate::attribute::Attribute;

/// One grid mapping of CF and the PROJ projection that computes it.
pub(super) struct Mapping {
    pub cf: &'static str,
    pub proj: &'static str,
    pub parallels: Parallels,
    pub params: &'static [Param],
}

/// What `standard_parallel` means to the projection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Parallels {
    None,
    /// One: `lat_ts`
    TrueScale,
    /// One or two: `lat_1`, `lat_2`
    Cone,
}

/// A parameter: CF attribute, PROJ key, whether the mapping makes no sense without it.
pub(super) struct Param {
    pub cf: &'static str,
    pub key: &'static str,
    pub required: bool,
}

const fn must(cf: &'static str, key: &'static str) -> Param {
    Param { cf, key, required: true }
}

const fn may(cf: &'static str, key: &'static str) -> Param {
    Param { cf, key, required: false }
}

const LAT: Param = must("latitude_of_projection_origin", "lat_0");
const LON: Param = must("longitude_of_projection_origin", "lon_0");
const MERIDIAN: Param = must("longitude_of_central_meridian", "lon_0");
const SCALE: Param = may("scale_factor_at_projection_origin", "k_0");
const HEIGHT: Param = must("perspective_point_height", "h");

/// Where products write one name for another.
const LONGITUDES: [&str; 3] = [
    "longitude_of_projection_origin",
    "longitude_of_central_meridian",
    "straight_vertical_longitude_from_pole",
];

const fn mapping(
    cf: &'static str,
    proj: &'static str,
    parallels: Parallels,
    params: &'static [Param],
) -> Mapping {
    Mapping { cf, proj, parallels, params }
}

/// Grid mappings that are lists of parameters; `latitude_longitude` and `rotated_latitude_longitude` are apart. Of two
/// with the same projection the first is written for it.
pub(super) const MAPPINGS: &[Mapping] = &[
    mapping("albers_conical_equal_area", "aea", Parallels::Cone, &[LAT, MERIDIAN]),
    mapping("azimuthal_equidistant", "aeqd", Parallels::None, &[LAT, LON]),
    mapping("geostationary", "geos", Parallels::None, &[LON, HEIGHT]),
    mapping("lambert_azimuthal_equal_area", "laea", Parallels::None, &[LAT, LON]),
    mapping(
        "lambert_conformal_conic",
        "lcc",
        Parallels::Cone,
        &[may("latitude_of_projection_origin", "lat_0"), MERIDIAN, SCALE],
    ),
    mapping("lambert_cylindrical_equal_area", "cea", Parallels::TrueScale, &[MERIDIAN, SCALE]),
    mapping("mercator", "merc", Parallels::TrueScale, &[LON, SCALE]),
    mapping(
        "oblique_mercator",
        "omerc",
        Parallels::None,
        &[
            LAT,
            must("longitude_of_projection_origin", "lonc"),
            must("azimuth_of_central_line", "alpha"),
            SCALE,
        ],
    ),
    mapping("orthographic", "ortho", Parallels::None, &[LAT, LON]),
    mapping(
        "polar_stereographic",
        "stere",
        Parallels::TrueScale,
        &[
            may("latitude_of_projection_origin", "lat_0"),
            must("straight_vertical_longitude_from_pole", "lon_0"),
            SCALE,
        ],
    ),
    mapping("sinusoidal", "sinu", Parallels::None, &[LON]),
    mapping("stereographic", "stere", Parallels::None, &[LAT, LON, SCALE]),
    mapping(
        "transverse_mercator",
        "tmerc",
        Parallels::None,
        &[LAT, MERIDIAN, may("scale_factor_at_central_meridian", "k_0")],
    ),
    mapping("vertical_perspective", "nsper", Parallels::None, &[LAT, LON, HEIGHT]),
];

/// The attributes of one grid mapping variable.
struct Attrs<'a>(&'a [Attribute]);

impl Attrs<'_> {
    fn find(&self, name: &str) -> Option<&Attribute> {
        self.0.iter().find(|a| a.name == name)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.find(name)?.as_text().map(|t| t.trim().to_owned()).filter(|t| !t.is_empty())
    }

    /// Numbers, also when they are written as a text.
    fn numbers(&self, name: &str) -> Option<Vec<f64>> {
        let attr = self.find(name)?;
        let parsed =
            |t: String| t.split([' ', ',']).filter(|w| !w.is_empty()).map(|w| w.parse().ok()).collect();
        attr.as_f64s().or_else(|| attr.as_text().and_then(parsed)).filter(|v| v.iter().all(|x| x.is_finite()))
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.numbers(name)?.first().copied()
    }
}

/// See [`Crs::from_cf_attributes`].
pub(super) fn from_attributes(attributes: &[Attribute]) -> Result<Crs, ModelError> {
    let attrs = Attrs(attributes);
    let mut refused = None;
    for name in ["crs_wkt", "spatial_ref", "esri_pe_string"] {
        match attrs.text(name).map(|wkt| parse::parse(&wkt)) {
            Some(Ok(crs)) => return Ok(crs),
            Some(Err(why)) => refused = refused.or(Some(why)),
            None => {}
        }
    }
    // A code knows the datum; parameters without an ellipsoid leave it open.
    let (by_code, by_parameters) = (|| from_code(&attrs), || from_parameters(&attrs));
    let mut result = if ellipsoid(&attrs).is_some() {
        by_parameters().or_else(|why| by_code().ok_or(why))
    } else {
        by_code().map_or_else(by_parameters, Ok)
    };
    if let (Err(_), Some(why), None) = (&result, refused, attrs.text("grid_mapping_name")) {
        // There were no parameters to fall back on: the WKT is what is wrong.
        result = Err(why);
    }
    result
}

/// A code or PROJ string beside the CF parameters.
fn from_code(attrs: &Attrs) -> Option<Crs> {
    for name in [
        "epsg_code",
        "srid",
        "spatial_epsg",
        "EPSG_code",
        "epsg",
        "proj4",
        "proj4text",
        "proj4_params",
        "proj4string",
    ] {
        let number = attrs.find(name).and_then(Attribute::as_f64).map(|n| format!("EPSG:{n}"));
        if let Some(crs) = number.or_else(|| attrs.text(name)).and_then(|t| parse::parse(&t).ok()) {
            return Some(crs);
        }
    }
    None
}

/// From the CF parameters alone: a PROJ string, not checked by PROJ.
fn from_parameters(attrs: &Attrs) -> Result<Crs, ModelError> {
    let remedy = "the grid mapping variable needs the attributes of CF Appendix F, or crs_wkt";
    let Some(name) = attrs.text("grid_mapping_name") else {
        return Err(parse::error("grid mapping", "it has neither grid_mapping_name nor crs_wkt", remedy));
    };
    let mut proj = projection(&name, attrs).map_err(|why| parse::error(&name, &why, remedy))?;
    push_ellipsoid(attrs, &mut proj);
    if proj.get("proj") != Some("longlat") && proj.get("proj") != Some("ob_tran") {
        proj.push("units", "m");
    }
    proj.push("no_defs", "");
    proj.push("type", "crs");
    Ok(Crs { definition: proj.to_string() })
}

/// The projection and its parameters.
fn projection(name: &str, attrs: &Attrs) -> Result<ProjText, String> {
    let mut proj = ProjText::default();
    match name.to_ascii_lowercase().as_str() {
        "latitude_longitude" => proj.push("proj", "longlat"),
        "rotated_latitude_longitude" => rotated_pole(attrs, &mut proj)?,
        "universal_transverse_mercator" => utm(attrs, &mut proj)?,
        low => {
            let mapping =
                MAPPINGS.iter().find(|m| m.cf == low).ok_or("CF has no grid mapping of that name")?;
            proj.push("proj", mapping.proj);
            for param in mapping.params {
                push_parameter(attrs, param, &mut proj)?;
            }
            push_parallels(attrs, mapping, &mut proj)?;
            if mapping.proj == "geos" {
                proj.push("sweep", sweep(attrs));
            }
            proj.push("x_0", attrs.number("false_easting").unwrap_or(0.0));
            proj.push("y_0", attrs.number("false_northing").unwrap_or(0.0));
        }
    }
    Ok(proj)
}

fn push_parameter(attrs: &Attrs, param: &Param, proj: &mut ProjText) -> Result<(), String> {
    let others = if param.cf.starts_with("longitude_of") || param.cf.starts_with("straight") {
        &LONGITUDES[..]
    } else {
        &[]
    };
    let value = attrs.number(param.cf).or_else(|| others.iter().find_map(|name| attrs.number(name)));
    match value {
        Some(v) => proj.push(param.key, v),
        None if param.required => return Err(format!("attribute {} is missing", param.cf)),
        None => {}
    }
    Ok(())
}

fn push_parallels(attrs: &Attrs, mapping: &Mapping, proj: &mut ProjText) -> Result<(), String> {
    let parallels = attrs.numbers("standard_parallel").unwrap_or_default();
    match (mapping.parallels, parallels.as_slice()) {
        (Parallels::None, _) => {}
        (Parallels::TrueScale, [at, ..]) => proj.push("lat_ts", at),
        (Parallels::TrueScale, []) => {}
        (Parallels::Cone, []) => return Err("attribute standard_parallel is missing".into()),
        (Parallels::Cone, [first]) => {
            proj.push("lat_1", first);
            if mapping.proj == "aea" {
                proj.push("lat_2", first);
            } else if !proj.has("lat_0") {
                proj.push("lat_0", first);
            }
        }
        (Parallels::Cone, [first, second, ..]) => {
            proj.push("lat_1", first);
            proj.push("lat_2", second);
        }
    }
    if mapping.cf == "polar_stereographic" && !proj.has("lat_0") {
        // The parallel says which pole.
        let parallel = parallels.first().ok_or("attribute latitude_of_projection_origin is missing")?;
        proj.push("lat_0", 90f64.copysign(*parallel));
    }
    Ok(())
}

/// The axis that a geostationary instrument sweeps; `fixed_angle_axis` names the other one.
fn sweep(attrs: &Attrs) -> &'static str {
    let says = |name: &str, axis: &str| attrs.text(name).is_some_and(|a| a.eq_ignore_ascii_case(axis));
    if says("sweep_angle_axis", "x") || says("fixed_angle_axis", "y") { "x" } else { "y" }
}

fn rotated_pole(attrs: &Attrs, proj: &mut ProjText) -> Result<(), String> {
    let need = |name: &str| attrs.number(name).ok_or_else(|| format!("attribute {name} is missing"));
    let (lat, lon) = (need("grid_north_pole_latitude")?, need("grid_north_pole_longitude")?);
    proj.push("proj", "ob_tran");
    proj.push("o_proj", "longlat");
    proj.push("o_lat_p", lat);
    proj.push("o_lon_p", attrs.number("north_pole_grid_longitude").unwrap_or(0.0));
    // The rotated meridian 0 runs through the old pole, opposite to the new one.
    proj.push("lon_0", wrap_longitude(lon + 180.0));
    Ok(())
}

/// −180…180
pub(super) fn wrap_longitude(lon: f64) -> f64 {
    if (-180.0..=180.0).contains(&lon) { lon } else { (lon + 180.0).rem_euclid(360.0) - 180.0 }
}

/// Not of CF, but written by several tools.
fn utm(attrs: &Attrs, proj: &mut ProjText) -> Result<(), String> {
    let zone = attrs.number("utm_zone_number").ok_or("attribute utm_zone_number is missing")?;
    if !(1.0..=60.0).contains(&zone.abs()) {
        return Err(format!("there is no UTM zone {zone}"));
    }
    proj.push("proj", "utm");
    proj.push("zone", zone.abs());
    let south = attrs.text("hemisphere").is_some_and(|h| h.to_ascii_lowercase().starts_with('s'));
    if zone < 0.0 || south {
        proj.push("south", "");
    }
    Ok(())
}

/// What the attributes say about the figure of the Earth, as PROJ parameters.
fn ellipsoid(attrs: &Attrs) -> Option<Vec<(&'static str, String)>> {
    // Kilometres, in some files.
    let metres = |v: f64| if v < 10_000.0 { v * 1000.0 } else { v };
    let sphere = |r: f64| Some(vec![("R", r.to_string())]);
    if let Some(a) = attrs.number("semi_major_axis").filter(|a| *a > 0.0).map(metres) {
        let flattening = attrs.number("inverse_flattening");
        let b = attrs.number("semi_minor_axis").filter(|b| *b > 0.0).map(metres);
        let rf = flattening.or_else(|| b.map(|b| if a == b { 0.0 } else { a / (a - b) }));
        // Semi-minor axes are rounded: 1e-4 of the inverse flattening is less than a millimetre.
        let near = |value: f64| rf.is_some_and(|rf| (rf - value).abs() < 1e-4);
        return match rf {
            _ if a == 6_378_137.0 && near(298.257_222_101) => {
                // WGS 84 and GRS 80 differ by 3.5e-5 in it.
                let wgs84 = rf.is_some_and(|rf| (rf - 298.257_223_563).abs() < 5e-7)
                    || flattening.is_none() && b == Some(6_356_752.314_245);
                Some(vec![if wgs84 || is_wgs84_named(attrs) {
                    ("datum", "WGS84".into())
                } else {
                    ("ellps", "GRS80".into())
                }])
            }
            Some(0.0) => sphere(a),
            Some(rf) => Some(vec![("a", a.to_string()), ("rf", rf.to_string())]),
            None if is_wgs84_named(attrs) || a == 6_378_137.0 => Some(vec![("datum", "WGS84".into())]),
            None => sphere(a),
        };
    }
    if let Some(r) = attrs.number("earth_radius").filter(|r| *r > 0.0).map(metres) {
        return sphere(r);
    }
    if is_wgs84_named(attrs) {
        return Some(vec![("datum", "WGS84".into())]);
    }
    let named = DATUM_ATTRIBUTES.iter().filter_map(|n| attrs.text(n)).map(|t| plain(&t)).collect::<Vec<_>>();
    let has = |words: &[&str]| named.iter().any(|n| words.iter().any(|w| n.contains(w)));
    if has(&["grs80", "grs1980"]) {
        Some(vec![("ellps", "GRS80".into())])
    } else if has(&["nad83", "northamericandatum1983"]) {
        Some(vec![("datum", "NAD83".into())])
    } else {
        None
    }
}

const DATUM_ATTRIBUTES: [&str; 3] =
    ["horizontal_datum_name", "reference_ellipsoid_name", "geographic_crs_name"];

fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn is_wgs84_named(attrs: &Attrs) -> bool {
    DATUM_ATTRIBUTES.iter().filter_map(|n| attrs.text(n)).any(|t| {
        let t = plain(&t);
        t.contains("wgs84") || t.contains("wgs1984") || t.contains("worldgeodeticsystem1984")
    })
}

fn push_ellipsoid(attrs: &Attrs, proj: &mut ProjText) {
    // CF leaves it open; WGS 84 is what readers assume.
    let parameters = ellipsoid(attrs).unwrap_or_else(|| vec![("datum", "WGS84".into())]);
    parameters.into_iter().for_each(|(key, value)| proj.push(key, value));
    if let Some(meridian) = attrs.number("longitude_of_prime_meridian").filter(|m| *m != 0.0) {
        proj.push("pm", meridian);
    }
    if let Some(shift) =
        attrs.numbers("towgs84").filter(|s| matches!(s.len(), 3 | 6 | 7) && !proj.has("datum"))
    {
        let mut seven = shift;
        seven.resize(if seven.len() == 3 { 3 } else { 7 }, 0.0);
        proj.push("towgs84", seven.iter().map(f64::to_string).collect::<Vec<_>>().join(","));
    }
}
