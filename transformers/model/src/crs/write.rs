//! CRS to the attributes of a CF grid mapping variable.

use super::Crs;
use super::cf::{MAPPINGS, Mapping, Parallels, wrap_longitude};
use super::info::{self, Info};
use super::parse;
use super::proj_text::ProjText;
use crate::attribute::Attribute;

/// EPSG:4326, so that the most frequent output needs no PROJ.
const WGS84_WKT2: &str = concat!(
    "GEOGCRS[\"WGS 84\",DATUM[\"World Geodetic System 1984\",",
    "ELLIPSOID[\"WGS 84\",6378137,298.257223563,LENGTHUNIT[\"metre\",1]]],",
    "PRIMEM[\"Greenwich\",0,ANGLEUNIT[\"degree\",0.0174532925199433]],CS[ellipsoidal,2],",
    "AXIS[\"geodetic latitude (Lat)\",north,ORDER[1],ANGLEUNIT[\"degree\",0.0174532925199433]],",
    "AXIS[\"geodetic longitude (Lon)\",east,ORDER[2],ANGLEUNIT[\"degree\",0.0174532925199433]],",
    "ID[\"EPSG\",4326]]"
);
const WGS84_WKT1: &str = concat!(
    "GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,298.257223563,AUTHORITY[\"EPSG\",\"7030\"]],",
    "AUTHORITY[\"EPSG\",\"6326\"]],PRIMEM[\"Greenwich\",0,AUTHORITY[\"EPSG\",\"8901\"]],",
    "UNIT[\"degree\",0.0174532925199433,AUTHORITY[\"EPSG\",\"9122\"]],AUTHORITY[\"EPSG\",\"4326\"]]"
);

/// See [`Crs::to_cf_attributes`].
pub(super) fn attributes(crs: &Crs) -> Vec<Attribute> {
    if parse::is_wgs84(&crs.definition) {
        return wgs84();
    }
    let info = info::of(&crs.definition);
    // A PROJ string speaks for itself where PROJ is missing.
    let own = crs.definition.starts_with('+').then(|| crs.definition.clone());
    let text = info.as_ref().and_then(|i| i.proj_string.clone()).or(own);
    let mut out = text.map(|t| parameters(&ProjText::parse(&t), info.as_deref())).unwrap_or_default();
    if let Some(info) = info {
        push_figure(&info, &mut out);
        push_texts(&info, &mut out);
    }
    out
}

fn wgs84() -> Vec<Attribute> {
    vec![
        Attribute::text("grid_mapping_name", "latitude_longitude"),
        number("longitude_of_prime_meridian", 0.0),
        number("semi_major_axis", 6_378_137.0),
        number("inverse_flattening", 298.257_223_563),
        Attribute::text("geographic_crs_name", "WGS 84"),
        Attribute::text("crs_wkt", WGS84_WKT2),
        Attribute::text("spatial_ref", WGS84_WKT1),
    ]
}

fn number(name: &str, value: f64) -> Attribute {
    Attribute::numbers(name, &[value])
}

/// `grid_mapping_name` and parameters; empty where CF has no such grid mapping.
fn parameters(proj: &ProjText, info: Option<&Info>) -> Vec<Attribute> {
    let named = |name: &str| vec![Attribute::text("grid_mapping_name", name)];
    match proj.get("proj") {
        Some("longlat" | "latlong" | "latlon" | "lonlat") => named("latitude_longitude"),
        Some("ob_tran") => rotated_pole(proj),
        Some("utm") => utm(proj),
        Some(name) => {
            let mapping = MAPPINGS.iter().find(|m| m.proj == name && fits(m, proj));
            mapping.map(|m| mapped(m, proj, info)).unwrap_or_default()
        }
        None => Vec::new(),
    }
}

/// Both stereographic mappings are one projection of PROJ; parameters that CF has no words for make another one of it.
fn fits(mapping: &Mapping, proj: &ProjText) -> bool {
    let polar = proj.number("lat_0").is_some_and(|lat| lat.abs() == 90.0);
    let swiss = mapping.proj == "omerc"
        && ["lon_1", "lat_1", "lon_2", "no_uoff", "no_off"].iter().any(|k| proj.has(k));
    let pole_fits = match mapping.cf {
        "polar_stereographic" => polar,
        "stereographic" => !polar,
        _ => true,
    };
    pole_fits && !swiss && !proj.has("axis")
}

fn mapped(mapping: &Mapping, proj: &ProjText, info: Option<&Info>) -> Vec<Attribute> {
    let mut out = vec![Attribute::text("grid_mapping_name", mapping.cf)];
    for param in mapping.params {
        // PROJ writes `k` and `k_0` for the same.
        let value = proj.number(param.key).or_else(|| proj.number("k").filter(|_| param.key == "k_0"));
        match value {
            Some(v) => out.push(number(param.cf, v)),
            None if param.required => out.push(number(param.cf, 0.0)),
            None => {}
        }
    }
    let parallels = match mapping.parallels {
        Parallels::None => Vec::new(),
        Parallels::TrueScale => proj.number("lat_ts").into_iter().collect(),
        Parallels::Cone => {
            let (first, second) = (proj.number("lat_1"), proj.number("lat_2"));
            // PROJ 1SP: `lat_1` alone, equal to `lat_0`.
            [first, second].into_iter().flatten().collect()
        }
    };
    if !parallels.is_empty() {
        // A scale of 1 at the origin would contradict the parallel.
        if mapping.parallels == Parallels::TrueScale {
            out.retain(|a| a.name != "scale_factor_at_projection_origin");
        }
        out.push(Attribute::numbers("standard_parallel", &parallels));
    }
    if mapping.proj == "geos" {
        // CF wants it; the projection has none but the equator.
        out.push(number("latitude_of_projection_origin", 0.0));
        out.push(Attribute::text("sweep_angle_axis", proj.get("sweep").unwrap_or("y")));
    }
    // PROJ strings give false origins in metres, CF in the units of the axes.
    let unit = info.and_then(|i| i.units_to_metre).unwrap_or(1.0);
    out.push(number("false_easting", proj.number("x_0").unwrap_or(0.0) / unit));
    out.push(number("false_northing", proj.number("y_0").unwrap_or(0.0) / unit));
    out
}

fn rotated_pole(proj: &ProjText) -> Vec<Attribute> {
    let is_plain = matches!(proj.get("o_proj"), Some("longlat" | "latlong" | "latlon" | "lonlat"));
    let (Some(lat), true) = (proj.number("o_lat_p"), is_plain) else { return Vec::new() };
    vec![
        Attribute::text("grid_mapping_name", "rotated_latitude_longitude"),
        number("grid_north_pole_latitude", lat),
        number("grid_north_pole_longitude", wrap_longitude(proj.number("lon_0").unwrap_or(0.0) - 180.0)),
        number("north_pole_grid_longitude", proj.number("o_lon_p").unwrap_or(0.0)),
    ]
}

fn utm(proj: &ProjText) -> Vec<Attribute> {
    let Some(zone) = proj.number("zone") else { return Vec::new() };
    vec![
        Attribute::text("grid_mapping_name", "transverse_mercator"),
        number("latitude_of_projection_origin", 0.0),
        number("longitude_of_central_meridian", zone * 6.0 - 183.0),
        number("scale_factor_at_central_meridian", 0.9996),
        number("false_easting", 500_000.0),
        number("false_northing", if proj.has("south") { 10_000_000.0 } else { 0.0 }),
    ]
}

fn push_figure(info: &Info, out: &mut Vec<Attribute>) {
    out.push(number("longitude_of_prime_meridian", info.prime_meridian));
    if let Some((name, a, rf)) = &info.ellipsoid {
        out.push(number("semi_major_axis", *a));
        out.push(number("inverse_flattening", *rf));
        push_names(info, name, out);
    }
}

/// Names of the ellipsoid, the prime meridian and the datum: all three or none (CF 1.8, table F.1); of a projected
/// system also that of the geographic one beneath it.
fn push_names(info: &Info, ellipsoid: &str, out: &mut Vec<Attribute>) {
    let wkt = info.wkt2.as_deref().unwrap_or_default();
    let greenwich = || (info.prime_meridian == 0.0).then_some("Greenwich");
    let datum = quoted(wkt, "ENSEMBLE[\"").or_else(|| quoted(wkt, "DATUM[\""));
    let meridian = quoted(wkt, "PRIMEM[\"").or_else(greenwich);
    let known = |name: &str| !name.is_empty() && name != "unknown";
    if let (true, Some(datum), Some(meridian)) = (known(ellipsoid), datum.filter(|d| known(d)), meridian) {
        out.push(Attribute::text("reference_ellipsoid_name", ellipsoid));
        out.push(Attribute::text("prime_meridian_name", meridian));
        // Newer releases of PROJ speak of the ensemble of a datum's realisations; CF has the names of datums.
        let datum = datum.strip_suffix(" ensemble").unwrap_or(datum);
        out.push(Attribute::text("horizontal_datum_name", datum));
    }
    let base = quoted(wkt, "BASEGEOGCRS[\"").filter(|b| known(b) && !info.geographic);
    if let Some(base) = base {
        out.push(Attribute::text("geographic_crs_name", base));
    }
}

/// The name that follows `key`, which ends with the quotation mark.
fn quoted<'a>(wkt: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = wkt.split_once(key)?;
    rest.split_once('"').map(|(name, _)| name)
}

fn push_texts(info: &Info, out: &mut Vec<Attribute>) {
    let kind = if info.geographic { "geographic_crs_name" } else { "projected_crs_name" };
    let texts = [(kind, &info.name), ("crs_wkt", &info.wkt2), ("spatial_ref", &info.wkt1_gdal)];
    for (name, text) in texts {
        if let Some(text) = text {
            out.push(Attribute::text(name, text));
        }
    }
}
