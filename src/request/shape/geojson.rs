//! GeoJSON (RFC 7946), and the `crs` member of its predecessor.

use harmony_model::geometry::Part;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::reference;

/// Any GeoJSON object; which members it needs is up to its type.
#[derive(Deserialize)]
struct Object {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    features: Option<Vec<Object>>,
    #[serde(default)]
    geometry: Option<Box<Object>>,
    #[serde(default)]
    geometries: Option<Vec<Object>>,
    #[serde(default)]
    coordinates: Option<Coordinates>,
    #[serde(default)]
    properties: Option<Properties>,
    #[serde(default)]
    crs: Option<NamedCrs>,
}

#[derive(Deserialize, Default)]
struct Properties {
    /// Metres round a point (Earthdata Search writes it).
    #[serde(default)]
    radius: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct NamedCrs {
    #[serde(default)]
    properties: Option<CrsName>,
}

#[derive(Deserialize)]
struct CrsName {
    #[serde(default)]
    name: Option<String>,
}

/// Nested arrays of numbers; a position is an array that begins with a number.
enum Coordinates {
    Number(f64),
    Position([f64; 2]),
    List(Vec<Coordinates>),
}

impl<'de> Deserialize<'de> for Coordinates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CoordinatesVisitor)
    }
}

struct CoordinatesVisitor;

impl<'de> Visitor<'de> for CoordinatesVisitor {
    type Value = Coordinates;

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("a position [lon, lat] or an array of them")
    }

    fn visit_f64<E>(self, v: f64) -> Result<Coordinates, E> {
        Ok(Coordinates::Number(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Coordinates, E> {
        Ok(Coordinates::Number(v as f64))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Coordinates, E> {
        Ok(Coordinates::Number(v as f64))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Coordinates, A::Error> {
        let mut list = Vec::new();
        match seq.next_element::<Coordinates>()? {
            None => return Ok(Coordinates::List(list)),
            Some(Coordinates::Number(lon)) => {
                let missing = || serde::de::Error::custom("a position needs two numbers: [lon, lat]");
                let lat = seq.next_element::<f64>()?.ok_or_else(missing)?;
                // Height and whatever else follows.
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Coordinates::Position([lon, lat]));
            }
            Some(first) => list.push(first),
        }
        while let Some(next) = seq.next_element::<Coordinates>()? {
            list.push(next);
        }
        Ok(Coordinates::List(list))
    }
}

/// The parts of a GeoJSON text.
pub(super) fn parts(text: &[u8]) -> Result<Vec<Part>, String> {
    let object: Object = serde_json::from_slice(text).map_err(|e| {
        format!("not valid GeoJSON: {e}; correct it there (any GeoJSON validator shows the place)")
    })?;
    let crs = object.crs.as_ref().and_then(|c| c.properties.as_ref()?.name.clone());
    let mut out = Vec::new();
    collect(&object, None, &mut out)?;
    reference::to_lon_lat_named(out, crs.as_deref())
}

/// Depth is bounded: the JSON reader refuses more than 128 levels.
fn collect(object: &Object, radius: Option<f64>, out: &mut Vec<Part>) -> Result<(), String> {
    match object.kind.as_str() {
        "FeatureCollection" => {
            let features = object.features.as_ref().ok_or("a FeatureCollection has no 'features'")?;
            for (i, feature) in features.iter().enumerate() {
                collect(feature, None, out).map_err(|e| format!("feature {}: {e}", i + 1))?;
            }
            Ok(())
        }
        "Feature" => match &object.geometry {
            Some(geometry) => collect(geometry, radius_of(object)?, out),
            None => Ok(()), // RFC 7946 allows a feature without place
        },
        "GeometryCollection" => {
            let members = object.geometries.as_ref().ok_or("a GeometryCollection has no 'geometries'")?;
            members.iter().try_for_each(|g| collect(g, radius, out))
        }
        kind => {
            let coordinates = match &object.coordinates {
                Some(c) => c,
                None if GEOMETRIES.contains(&kind) => return Err(format!("a {kind} has no 'coordinates'")),
                None => return Err(format!("'{kind}' is not a GeoJSON type")),
            };
            geometry(kind, coordinates, radius, out)
        }
    }
}

const GEOMETRIES: [&str; 6] =
    ["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"];

fn radius_of(feature: &Object) -> Result<Option<f64>, String> {
    let Some(value) = feature.properties.as_ref().and_then(|p| p.radius.as_ref()) else { return Ok(None) };
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    match number {
        _ if value.is_null() => Ok(None),
        Some(radius) => Ok(Some(radius)),
        None => Err(format!("its property radius is {value}, not a number of metres")),
    }
}

fn geometry(
    kind: &str,
    coordinates: &Coordinates,
    radius: Option<f64>,
    out: &mut Vec<Part>,
) -> Result<(), String> {
    let point = |centre| match radius {
        Some(radius_m) => Part::Circle { centre, radius_m },
        None => Part::Point(centre),
    };
    let wrong = || format!("the coordinates of a {kind} are nested wrongly");
    match kind {
        "Point" => {
            // An empty array is an empty point.
            if !matches!(coordinates, Coordinates::List(l) if l.is_empty()) {
                out.push(point(position(coordinates).ok_or_else(wrong)?));
            }
        }
        "MultiPoint" => out.extend(positions(coordinates).ok_or_else(wrong)?.into_iter().map(point)),
        "LineString" => out.push(Part::Line(positions(coordinates).ok_or_else(wrong)?)),
        "MultiLineString" => out.extend(rings(coordinates).ok_or_else(wrong)?.into_iter().map(Part::Line)),
        "Polygon" => out.push(Part::Polygon(rings(coordinates).ok_or_else(wrong)?)),
        "MultiPolygon" => {
            let polygons = list(coordinates, rings).ok_or_else(wrong)?;
            out.extend(polygons.into_iter().map(Part::Polygon));
        }
        other => return Err(format!("'{other}' is not a GeoJSON type")),
    }
    // Empty geometries are allowed and select nothing.
    out.retain(|part| {
        !matches!(part, Part::Line(l) if l.is_empty()) && !matches!(part, Part::Polygon(r) if r.is_empty())
    });
    Ok(())
}

fn position(c: &Coordinates) -> Option<[f64; 2]> {
    match c {
        Coordinates::Position(p) => Some(*p),
        _ => None,
    }
}

fn list<T>(c: &Coordinates, item: impl Fn(&Coordinates) -> Option<T>) -> Option<Vec<T>> {
    match c {
        Coordinates::List(members) => members.iter().map(item).collect(),
        _ => None,
    }
}

fn positions(c: &Coordinates) -> Option<Vec<[f64; 2]>> {
    list(c, position)
}

fn rings(c: &Coordinates) -> Option<Vec<Vec<[f64; 2]>>> {
    list(c, positions)
}
