//! From a text to a CRS.

use super::Crs;
use super::ffi::{self, Object, kind};
use super::proj_text::ProjText;
use crate::ModelError;

const REMEDY: &str = "write an EPSG code (EPSG:3413), a PROJ string or WKT";
const EASE_REMEDY: &str =
    "write 'EASE-Grid 2.0 North', 'EASE-Grid 2.0 South' or 'EASE-Grid 2.0 Global' (EPSG:6931, 6932, 6933)";

/// Names that are no PROJ database names, in lower case without blanks and punctuation.
const NAMES: [(&[&str], &str); 14] = [
    (&["wgs84", "wgs1984", "lonlat", "latlon", "geographic"], "EPSG:4326"),
    (&["crs84", "ogccrs84", "ogc13crs84"], "OGC:CRS84"),
    (&["nad83", "ogccrs83"], "EPSG:4269"),
    (&["nad27", "ogccrs27"], "EPSG:4267"),
    (&["wgs72"], "EPSG:4322"),
    (&["webmercator", "googlemercator", "sphericalmercator"], "EPSG:3857"),
    (
        &["easegrid20north", "ease2north", "ease2n", "ease20north", "easegrid20n", "easegrid2north"],
        "EPSG:6931",
    ),
    (
        &["easegrid20south", "ease2south", "ease2s", "ease20south", "easegrid20s", "easegrid2south"],
        "EPSG:6932",
    ),
    (
        &[
            "easegrid20global",
            "easegrid20temperate",
            "ease2global",
            "ease2temperate",
            "ease2m",
            "ease20global",
            "easegrid20m",
            "easegrid2global",
        ],
        "EPSG:6933",
    ),
    (&["easegridnorth", "easenorth"], "EPSG:3408"),
    (&["easegridsouth", "easesouth"], "EPSG:3409"),
    (&["easegridglobal", "easeglobal"], "EPSG:3410"),
    (&["nsidcpolarstereographicnorth", "polarstereographicnorth"], "EPSG:3413"),
    (&["nsidcpolarstereographicsouth"], "EPSG:3976"),
];

/// See [`Crs::parse`].
pub(super) fn parse(text: &str) -> Result<Crs, ModelError> {
    let trimmed = text.trim().trim_matches(['"', '\'']).trim();
    if trimmed.is_empty() {
        return Err(error(text, "it is empty", REMEDY));
    }
    let plain: String =
        trimmed.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    if let Some((_, code)) = NAMES.iter().find(|(names, _)| names.contains(&plain.as_str())) {
        return Ok(Crs { definition: (*code).into() });
    }
    // `EASE-Grid 2.0` without a hemisphere.
    if plain.starts_with("ease") && plain.len() < 12 {
        return Err(error(text, "the name leaves open which EASE grid is meant", EASE_REMEDY));
    }
    let definition =
        reference(trimmed).or_else(|| proj_definition(trimmed)).unwrap_or_else(|| trimmed.to_owned());
    if is_wgs84(&definition) || is_wgs84_wkt(&definition) {
        let code = if definition == "OGC:CRS84" { "OGC:CRS84" } else { "EPSG:4326" };
        return Ok(Crs { definition: code.into() });
    }
    check(text, &definition).map(|()| Crs { definition })
}

/// Has PROJ look at a definition: it must be a CRS on the Earth's surface.
pub(super) fn check(text: &str, definition: &str) -> Result<(), ModelError> {
    if let Err(why) = ffi::available() {
        return Err(error(text, &why, ffi::REMEDY));
    }
    let object = Object::create(definition).map_err(|why| error(text, &why, REMEDY))?;
    // `+type=crs` makes PROJ call anything a CRS.
    if !object.is_crs() || definition.contains("proj=pipeline") {
        return Err(error(text, "it is an operation or a part of a system, not a reference system", REMEDY));
    }
    // A free text is matched approximately by PROJ: only the name itself is meant.
    let is_free = !definition.contains([':', '=', '[', '{']);
    if is_free && object.name().is_none_or(|name| !same_words(&name, definition)) {
        return Err(error(text, "no reference system has that name", REMEDY));
    }
    let inner = object.inner_crs().map(|part| part.inner_crs().unwrap_or(part));
    let plane = inner.as_ref().unwrap_or(&object);
    // Geocentric, vertical, temporal and engineering systems have no place on a map.
    let mappable = matches!(plane.kind(), kind::GEOGRAPHIC_2D | kind::GEOGRAPHIC_3D | kind::PROJECTED);
    if mappable { Ok(()) } else { Err(error(text, "it is not a geographic or projected system", REMEDY)) }
}

fn same_words(a: &str, b: &str) -> bool {
    let words = |t: &str| t.to_lowercase().split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    words(a) == words(b)
}

pub(super) fn error(text: &str, detail: &str, remedy: &str) -> ModelError {
    // WKT fills pages; its beginning tells which one it is.
    let mut short: String = text.trim().chars().take(100).collect();
    if short.len() < text.trim().len() {
        short.push('…');
    }
    ModelError::Crs { text: short, detail: detail.into(), remedy: remedy.into() }
}

/// `EPSG:n` and its relatives: URN, URL, CURIE, a bare number. The result is written `AUTHORITY:code`.
fn reference(text: &str) -> Option<String> {
    let low = text.to_ascii_lowercase();
    if low.contains(['+', '=', '{', '"']) {
        return None;
    }
    if low.bytes().all(|b| b.is_ascii_digit()) {
        return Some(format!("EPSG:{text}"));
    }
    if let Some(rest) =
        low.strip_prefix("urn:ogc:def:crs:").or_else(|| low.strip_prefix("urn:x-ogc:def:crs:"))
    {
        let parts: Vec<&str> = rest.split(':').collect();
        // authority, version (may be empty), code
        return match parts[..] {
            [authority, _, code] => authority_code(authority, code),
            [authority, code] => authority_code(authority, code),
            _ => None,
        };
    }
    if let Some((_, rest)) = low.split_once("opengis.net/") {
        if let Some(rest) = rest.strip_prefix("def/crs/") {
            let parts: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
            return match parts[..] {
                [authority, _, code] => authority_code(authority, code),
                [authority, code] => authority_code(authority, code),
                _ => None,
            };
        }
        return rest.strip_prefix("gml/srs/epsg.xml#").and_then(|code| authority_code("epsg", code));
    }
    let inside = low.trim_start_matches('[').trim_end_matches(']');
    let (authority, code) = inside.split_once(':')?;
    authority_code(authority.trim(), code.trim())
}

/// The authority as PROJ's database writes it.
fn authority_code(authority: &str, code: &str) -> Option<String> {
    let known = match authority {
        "epsg" | "epsga" => "EPSG",
        "esri" => "ESRI",
        "ogc" | "crs" => "OGC",
        "ignf" => "IGNF",
        "nkg" => "NKG",
        other if other.starts_with("iau_") && other.len() == 8 => {
            return Some(format!("IAU_{}:{code}", &other[4..]));
        }
        "iau" => "IAU_2015",
        _ => return None,
    };
    let numeric = !code.is_empty() && code.bytes().all(|b| b.is_ascii_digit());
    match (known, numeric) {
        ("OGC", _) => match code.trim_start_matches("crs") {
            "84" => Some("OGC:CRS84".into()),
            "83" => Some("EPSG:4269".into()),
            "27" => Some("EPSG:4267".into()),
            _ => None,
        },
        ("IGNF", _) => Some(format!("IGNF:{}", code.to_ascii_uppercase())),
        (_, true) => Some(format!("{known}:{code}")),
        _ => None,
    }
}

/// A PROJ string in a form that makes a CRS of it.
fn proj_definition(text: &str) -> Option<String> {
    if text.starts_with(['{', '[']) || text.contains('[') {
        return None;
    }
    let proj = ProjText::parse(text);
    if let Some(init) = proj.get("init") {
        // `+init=epsg:4326` of old: the code says it all.
        return init.split_once(':').and_then(|(a, code)| authority_code(&a.to_ascii_lowercase(), code));
    }
    if !proj.has("proj") {
        return None;
    }
    let mut out = proj;
    // Without it PROJ takes the string for an operation.
    if !out.has("type") {
        out.push("type", "crs");
    }
    Some(out.to_string())
}

/// Whether a definition is WGS 84 in longitude and latitude, whatever the axis order: needs no PROJ.
pub(super) fn is_wgs84(definition: &str) -> bool {
    if matches!(definition, "EPSG:4326" | "OGC:CRS84" | "EPSG:4979") {
        return true;
    }
    let proj = ProjText::parse(definition);
    matches!(proj.get("proj"), Some("longlat" | "latlong" | "latlon" | "lonlat"))
        && (proj.get("datum") == Some("WGS84") || proj.get("ellps") == Some("WGS84") && !proj.has("datum"))
        && proj.keys().all(|k| matches!(k, "proj" | "datum" | "ellps" | "no_defs" | "type" | "wktext"))
}

/// Whether WKT says that it is EPSG:4326; files carry it by the thousand.
pub(super) fn is_wgs84_wkt(wkt: &str) -> bool {
    let packed: String = wkt.chars().filter(|c| !c.is_whitespace()).collect();
    let starts =
        ["GEOGCS[\"WGS84\"", "GEOGCRS[\"WGS84\"", "GEODCRS[\"WGS84\""].iter().any(|s| packed.starts_with(s));
    let ends = ["AUTHORITY[\"EPSG\",\"4326\"]]", "ID[\"EPSG\",4326]]"].iter().any(|e| packed.ends_with(e));
    starts && ends
}

/// Whether coordinates are longitude and latitude, where the definition shows it by itself.
pub(super) fn known_geographic(definition: &str) -> Option<bool> {
    if is_wgs84(definition) {
        return Some(true);
    }
    let proj = definition.starts_with('+').then(|| ProjText::parse(definition))?;
    Some(matches!(proj.get("proj")?, "longlat" | "latlong" | "latlon" | "lonlat"))
}
