//! A CRS as GeoKeys (OGC 19-008r4): the EPSG code where there is one, else projection, parameters and figure.

use harmony_model::Attribute;
use harmony_model::crs::Crs;

use super::projections;
use super::wkt::{code_of, name_of};

pub const USER_DEFINED: u16 = 32767;

/// Keys of the directory.
pub mod key {
    pub const MODEL_TYPE: u16 = 1024;
    pub const RASTER_TYPE: u16 = 1025;
    pub const CITATION: u16 = 1026;
    pub const GEODETIC_CRS: u16 = 2048;
    pub const GEODETIC_CITATION: u16 = 2049;
    pub const DATUM: u16 = 2050;
    pub const ANGULAR_UNITS: u16 = 2054;
    pub const ELLIPSOID: u16 = 2056;
    pub const SEMI_MAJOR: u16 = 2057;
    pub const SEMI_MINOR: u16 = 2058;
    pub const INVERSE_FLATTENING: u16 = 2059;
    pub const PRIME_MERIDIAN_LONGITUDE: u16 = 2061;
    pub const PROJECTED_CRS: u16 = 3072;
    pub const PROJECTED_CITATION: u16 = 3073;
    pub const PROJECTION: u16 = 3074;
    pub const METHOD: u16 = 3075;
    pub const LINEAR_UNITS: u16 = 3076;
    pub const LINEAR_UNIT_SIZE: u16 = 3077;
    pub const PARALLEL_1: u16 = 3078;
    pub const PARALLEL_2: u16 = 3079;
    pub const NATURAL_LON: u16 = 3080;
    pub const NATURAL_LAT: u16 = 3081;
    pub const FALSE_EASTING: u16 = 3082;
    pub const FALSE_NORTHING: u16 = 3083;
    pub const FALSE_ORIGIN_LON: u16 = 3084;
    pub const FALSE_ORIGIN_LAT: u16 = 3085;
    pub const FALSE_ORIGIN_EASTING: u16 = 3086;
    pub const FALSE_ORIGIN_NORTHING: u16 = 3087;
    pub const CENTRE_LON: u16 = 3088;
    pub const CENTRE_LAT: u16 = 3089;
    pub const SCALE: u16 = 3092;
    pub const STRAIGHT_LON: u16 = 3095;
}

/// The three GeoTIFF tags.
#[derive(Debug, Default, PartialEq)]
pub struct GeoKeys {
    pub directory: Vec<u16>,
    pub doubles: Vec<f64>,
    pub text: String,
}

enum Value {
    Short(u16),
    Double(f64),
    Text(String),
}

/// Keys in the making.
#[derive(Default)]
pub struct Keys(Vec<(u16, Value)>);

impl Keys {
    pub fn short(&mut self, key: u16, value: u16) {
        self.0.push((key, Value::Short(value)));
    }

    pub fn double(&mut self, key: u16, value: f64) {
        self.0.push((key, Value::Double(value)));
    }

    pub fn text(&mut self, key: u16, value: &str) {
        self.0.push((key, Value::Text(value.chars().filter(|c| c.is_ascii() && *c != '\0').collect())));
    }

    pub fn remove(&mut self, key: u16) {
        self.0.retain(|(k, _)| *k != key);
    }

    fn has(&self, key: u16, value: u16) -> bool {
        self.0.iter().any(|(k, v)| *k == key && matches!(v, Value::Short(v) if *v == value))
    }

    /// Takes the names away.
    fn undefine(&mut self) {
        self.remove(key::GEODETIC_CITATION);
        let names = ["GCS Name", "Datum", "Ellipsoid", "Primem"].map(|part| format!("{part} = undefined|"));
        self.text(key::GEODETIC_CITATION, &names.concat());
        for (key, value) in &mut self.0 {
            match *key {
                key::CITATION => *value = Value::Text("undefined".into()),
                key::ELLIPSOID => *value = Value::Short(USER_DEFINED),
                _ => {}
            }
        }
    }

    fn finish(mut self) -> GeoKeys {
        self.0.sort_by_key(|(key, _)| *key);
        let mut out = GeoKeys { directory: vec![1, 1, 0, self.0.len() as u16], ..GeoKeys::default() };
        for (key, value) in self.0 {
            let entry = match value {
                Value::Short(v) => [key, 0, 1, v],
                Value::Double(v) => {
                    out.doubles.push(v);
                    [key, super::super::tags::GEO_DOUBLE_PARAMS, 1, out.doubles.len() as u16 - 1]
                }
                Value::Text(v) => {
                    let at = out.text.len() as u16;
                    out.text += &v;
                    out.text.push('|');
                    [key, super::super::tags::GEO_ASCII_PARAMS, v.len() as u16 + 1, at]
                }
            };
            out.directory.extend(entry);
        }
        out
    }
}

/// Keys of a CRS for a raster of areas. `undefined`: a system without a name is called so, and known by its figure
/// alone, as programs do that make it from CF parameters.
///
/// # Errors
/// What it is that GeoTIFF has no words for.
pub fn of(crs: &Crs, undefined: bool) -> Result<GeoKeys, String> {
    let mut keys = Keys::default();
    keys.short(key::RASTER_TYPE, 1);
    let geographic = crs.is_geographic();
    keys.short(key::MODEL_TYPE, if geographic { 2 } else { 1 });
    let name = crs.name();
    match (epsg_code(crs), geographic) {
        (Some(code), true) => {
            keys.short(key::GEODETIC_CRS, code);
            keys.short(key::ANGULAR_UNITS, 9102);
            keys.text(key::GEODETIC_CITATION, name.as_deref().unwrap_or("WGS 84"));
        }
        (Some(code), false) => {
            keys.short(key::PROJECTED_CRS, code);
            keys.text(key::CITATION, name.as_deref().unwrap_or("unnamed"));
            linear_units(crs, &mut keys);
        }
        (None, true) => geodetic(crs, &crs.to_cf_attributes(), &mut keys),
        (None, false) => projections::user_defined(crs, &mut keys)?,
    }
    if undefined && name.is_none() && keys.has(key::DATUM, USER_DEFINED) {
        keys.undefine();
    }
    Ok(keys.finish())
}

/// The EPSG code of a CRS, also of the OGC's names of the same systems.
fn epsg_code(crs: &Crs) -> Option<u16> {
    let code = crs.authority_code()?;
    match code.as_str() {
        "OGC:CRS84" => return Some(4326),
        "OGC:CRS83" => return Some(4269),
        "OGC:CRS27" => return Some(4267),
        _ => {}
    }
    code.strip_prefix("EPSG:")?.parse().ok().filter(|c| (1024..USER_DEFINED).contains(c))
}

pub fn linear_units(crs: &Crs, keys: &mut Keys) {
    let metres = crs.units_to_metre().unwrap_or(1.0);
    let near = |v: f64| (metres - v).abs() < v * 1e-9;
    let code = match () {
        () if near(1.0) => 9001,
        () if near(0.3048) => 9002,
        () if near(1200.0 / 3937.0) => 9003,
        () if near(1000.0) => 9036,
        () => USER_DEFINED,
    };
    keys.short(key::LINEAR_UNITS, code);
    if code == USER_DEFINED {
        keys.double(key::LINEAR_UNIT_SIZE, metres);
    }
}

pub fn find(attrs: &[Attribute], name: &str) -> Option<f64> {
    attrs.iter().find(|a| a.name == name).and_then(Attribute::as_f64)
}

pub fn find_text(attrs: &[Attribute], name: &str) -> Option<String> {
    attrs.iter().find(|a| a.name == name).and_then(Attribute::as_text)
}

/// The geodetic CRS: by the code of the one inside the WKT, else by its names and figure.
pub fn geodetic(crs: &Crs, attrs: &[Attribute], keys: &mut Keys) {
    keys.short(key::ANGULAR_UNITS, 9102);
    let wkt = crs.wkt1_gdal().unwrap_or_default();
    let of_datum = || {
        let datum = code_of(&wkt, "DATUM")?;
        GEODETIC_OF_DATUM.iter().find(|(d, _)| *d == datum).map(|(_, code)| *code)
    };
    if let Some(code) = code_of(&wkt, "GEOGCS").or_else(of_datum) {
        keys.short(key::GEODETIC_CRS, code);
        return;
    }
    let a = find(attrs, "semi_major_axis").unwrap_or(6_378_137.0);
    let rf = find(attrs, "inverse_flattening").unwrap_or(0.0);
    keys.short(key::GEODETIC_CRS, USER_DEFINED);
    keys.short(key::DATUM, code_of(&wkt, "DATUM").unwrap_or(USER_DEFINED));
    keys.short(key::ELLIPSOID, code_of(&wkt, "SPHEROID").unwrap_or(USER_DEFINED));
    keys.text(key::GEODETIC_CITATION, &figure_citation(&wkt, attrs));
    keys.double(key::SEMI_MAJOR, a);
    match rf == 0.0 {
        true => keys.double(key::SEMI_MINOR, a),
        false => keys.double(key::INVERSE_FLATTENING, rf),
    }
    if let Some(meridian) = find(attrs, "longitude_of_prime_meridian").filter(|m| *m != 0.0) {
        keys.double(key::PRIME_MERIDIAN_LONGITUDE, meridian);
    }
}

/// The 2-D system in degrees from Greenwich on a datum: EPSG codes of both.
const GEODETIC_OF_DATUM: [(u16, u16); 4] = [(6326, 4326), (6269, 4269), (6267, 4267), (6258, 4258)];

/// Names of the parts of a geodetic CRS, as GDAL puts them into the citation. One that is known by its ellipsoid only
/// is called as EPSG calls such systems.
fn figure_citation(wkt: &str, attrs: &[Attribute]) -> String {
    let known =
        |keyword| name_of(wkt, keyword).filter(|n| !n.eq_ignore_ascii_case("unknown") && *n != "unnamed");
    let given = find_text(attrs, "reference_ellipsoid_name");
    let ellipsoid = known("SPHEROID").map(str::to_owned).or(given);
    let (of, spheroid) = match &ellipsoid {
        Some(name) => (format!("{name} ellipsoid"), format!("{name} spheroid")),
        None => ("custom spheroid".into(), "custom spheroid".into()),
    };
    let gcs = known("GEOGCS").map_or_else(|| format!("Unknown datum based upon the {of}"), str::to_owned);
    // What a file calls "unnamed" keeps that name: readers compare names of datums that have no code.
    let datum = name_of(wkt, "DATUM").filter(|d| !d.to_ascii_lowercase().starts_with("unknown"));
    let datum = datum.map_or_else(|| format!("Not specified (based on {spheroid})"), str::to_owned);
    let meridian = name_of(wkt, "PRIMEM").unwrap_or("Greenwich");
    let ellipsoid = ellipsoid.unwrap_or_else(|| "Custom spheroid".into());
    format!("GCS Name = {gcs}|Datum = {datum}|Ellipsoid = {ellipsoid}|Primem = {meridian}|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wgs84_is_one_code() {
        let keys = of(&Crs::wgs84(), true).unwrap();
        assert_eq!(keys.directory[..8], [1, 1, 0, 5, 1024, 0, 1, 2]);
        assert!(keys.directory.chunks(4).any(|k| k == [2048, 0, 1, 4326]));
        assert!(keys.text.ends_with('|') && keys.doubles.is_empty());
    }
}
