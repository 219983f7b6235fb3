//! `coords`, `bbox`, `datetime` and `z` of the EDR API.

use harmony_model::geometry::Part;
use harmony_model::time::DateTime;

use super::declared::EdrQuery;
use super::geojson::{self, Cover, Polygon};
use super::refusal::Refusal;
use crate::request::operation::{Dimension, Temporal};
use crate::request::wkt::parse_wkt;

/// Where data is wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    Point([f64; 2]),
    /// A GeoJSON text.
    Shape(String),
}

fn wrong(message: impl std::fmt::Display) -> Refusal {
    Refusal::parameter("coords", message)
}

/// The first word of a WKT and what follows it.
fn keyword(wkt: &str) -> (&str, &str) {
    let end = wkt.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(wkt.len());
    (&wkt[..end], wkt[end..].trim())
}

/// The place that `coords` of a query means. `precision` in degrees is how wide points and lines are.
///
/// # Errors
/// [`Refusal::Invalid`] for a geometry that is malformed or of a kind that the query does not take.
pub fn place(query: EdrQuery, wkt: &str, precision: f64) -> Result<Place, Refusal> {
    let wkt = wkt.trim();
    let half = precision / 2.0;
    match query {
        EdrQuery::Area => area(wkt),
        EdrQuery::Trajectory => {
            let parts = strict(wkt, &["LINESTRING", "MULTILINESTRING"])?;
            shape(wkt, segments(&lines(&parts), |_| [half, half]))
        }
        _ => {
            let parts = strict(wkt, &["POINT", "MULTIPOINT"])?;
            match parts[..] {
                [Part::Point(place)] if wkt.starts_with("POINT") => Ok(Place::Point(place)),
                _ => shape(wkt, points(&parts).map(|p| vec![square(p, half)]).collect()),
            }
        }
    }
}

/// Everything within a distance of points.
///
/// # Errors
/// As [`place`], and for a distance that is none.
pub fn radius(wkt: &str, within: &str, units: &str) -> Result<Place, Refusal> {
    let metres = distance("within", within, "within-units", units)?;
    let parts = strict(wkt.trim(), &["POINT", "MULTIPOINT"])?;
    shape(wkt, points(&parts).map(|p| vec![geojson::circle(p, metres)]).collect())
}

/// Everything along a line, half of the width to either side.
///
/// # Errors
/// As [`place`], and for a width that is none.
pub fn corridor(wkt: &str, width: &str, units: &str) -> Result<Place, Refusal> {
    let metres = distance("corridor-width", width, "width-units", units)?;
    let lines = lines(&strict(wkt.trim(), &["LINESTRING", "MULTILINESTRING"])?);
    let half = metres / 2.0;
    let degrees = move |lat: f64| {
        let north = half / 111_195.0;
        // Near the poles a degree of longitude has no length: half the world is wide enough.
        [(north / lat.to_radians().cos().max(1e-6)).min(90.0), north.min(90.0)]
    };
    let mut polygons = segments(&lines, degrees);
    // Rectangles leave a gap on the outer side of a bend.
    let bends = lines.iter().flat_map(|l| l.iter().skip(1).take(l.len().saturating_sub(2)));
    polygons.extend(bends.map(|p| vec![geojson::circle(*p, half)]));
    shape(wkt, polygons)
}

fn shape(wkt: &str, polygons: Vec<Polygon>) -> Result<Place, Refusal> {
    if polygons.is_empty() {
        return Err(wrong(format!("invalid WKT {} format: {wkt}", keyword(wkt).0)));
    }
    Ok(Place::Shape(geojson::text(vec![Cover::Polygons(polygons)])))
}

/// The parts of a geometry of one of these kinds, in capitals, with plain decimals and two ordinates.
fn strict(wkt: &str, kinds: &[&str]) -> Result<Vec<Part>, Refusal> {
    let (kind, rest) = keyword(wkt);
    if !kinds.contains(&kind) {
        return Err(wrong(format!("invalid WKT format: {wkt}")));
    }
    let parts = parse_wkt(wkt).map_err(|_| wrong(format!("Invalid WKT string: {wkt}")))?;
    let plain = rest.chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || "(),.-".contains(c));
    let pairs = rest.split(',').all(|p| p.replace(['(', ')'], " ").split_whitespace().count() == 2);
    let packed: String = rest.chars().filter(|c| !c.is_whitespace()).collect();
    let doubled = kind != "MULTIPOINT" || packed.starts_with("((");
    if plain && pairs && doubled {
        Ok(parts)
    } else {
        Err(wrong(format!("invalid WKT {kind} format: {wkt}")))
    }
}

fn area(wkt: &str) -> Result<Place, Refusal> {
    let unsupported = match keyword(wkt).0.to_ascii_uppercase().as_str() {
        "POINT" => Some("Point"),
        "MULTIPOINT" => Some("MultiPoint"),
        "LINESTRING" => Some("LineString"),
        "MULTILINESTRING" => Some("MultiLineString"),
        "GEOMETRYCOLLECTION" => Some("GeometryCollection"),
        _ => None,
    };
    if let Some(name) = unsupported {
        return Err(wrong(format!("Unsupported WKT type {name}.")));
    }
    let unreadable = || wrong(format!("Unable to parse WKT string {wkt}."));
    let parts = parse_wkt(wkt).map_err(|_| unreadable())?;
    let polygons: Vec<Polygon> = parts
        .into_iter()
        .filter_map(|p| if let Part::Polygon(rings) = p { Some(rings) } else { None })
        .collect();
    if polygons.is_empty() {
        return Err(unreadable());
    }
    shape(wkt, polygons)
}

fn points(parts: &[Part]) -> impl Iterator<Item = [f64; 2]> + '_ {
    parts.iter().filter_map(|p| if let Part::Point(place) = p { Some(*place) } else { None })
}

fn lines(parts: &[Part]) -> Vec<Vec<[f64; 2]>> {
    parts.iter().filter_map(|p| if let Part::Line(line) = p { Some(line.clone()) } else { None }).collect()
}

fn square([x, y]: [f64; 2], half: f64) -> Vec<[f64; 2]> {
    let corners = [(-half, -half), (half, -half), (half, half), (-half, half), (-half, -half)];
    corners.iter().map(|(dx, dy)| [x + dx, y + dy]).collect()
}

/// A rectangle round each edge, with flat ends. `half` gives half of its width at a latitude, in degrees of longitude
/// and of latitude.
fn segments(lines: &[Vec<[f64; 2]>], half: impl Fn(f64) -> [f64; 2]) -> Vec<Polygon> {
    let mut out = Vec::new();
    for pair in lines.iter().flat_map(|line| line.windows(2)) {
        let ([x1, y1], [x2, y2]) = (pair[0], pair[1]);
        let [hx, hy] = half((y1 + y2) / 2.0);
        if hx <= 0.0 || hy <= 0.0 {
            continue;
        }
        // The short way round.
        let mut dx = x2 - x1;
        if dx.abs() > 180.0 {
            dx -= 360.0 * dx.signum();
        }
        // To the left of the edge, measured where a degree is equally long both ways.
        let (u, v) = (dx / hx, (y2 - y1) / hy);
        let length = u.hypot(v);
        if length == 0.0 {
            continue;
        }
        let (nx, ny) = (-v / length * hx, u / length * hy);
        let x2 = x1 + dx;
        let start = [x1 + nx, y1 + ny];
        out.push(vec![vec![start, [x2 + nx, y2 + ny], [x2 - nx, y2 - ny], [x1 - nx, y1 - ny], start]]);
    }
    out
}

/// A distance in metres.
fn distance(name: &str, text: &str, units_name: &str, units: &str) -> Result<f64, Refusal> {
    let metres = match units.trim().to_ascii_lowercase().as_str() {
        "m" | "metre" | "metres" | "meter" | "meters" => 1.0,
        "km" | "kilometre" | "kilometres" | "kilometer" | "kilometers" => 1000.0,
        "mi" | "mile" | "miles" => 1609.344,
        "nm" | "nmi" | "nautical miles" => 1852.0,
        "ft" | "foot" | "feet" => 0.3048,
        "deg" | "degree" | "degrees" => 111_195.0,
        _ => {
            return Err(Refusal::parameter(
                units_name,
                format!("has an unknown unit \"{units}\"; write m, km, mi, nmi, ft or degrees"),
            ));
        }
    };
    let value = text.trim().parse::<f64>().ok().filter(|v| v.is_finite() && *v > 0.0);
    let value = value.map(|v| v * metres).filter(|v| *v < 10_000_000.0);
    value.ok_or_else(|| {
        Refusal::parameter(
            name,
            format!("has an invalid value \"{text}\"; write a positive distance below 10000 km"),
        )
    })
}

/// `west,south,east,north`, or with heights between; `None` when it is empty.
///
/// # Errors
/// [`Refusal::Invalid`] for other counts, for what is no number, and for a place off the Earth.
pub fn bbox(text: &str) -> Result<Option<[f64; 4]>, Refusal> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let four = match parts[..] {
        [w, s, e, n] | [w, s, _, e, n, _] => [w, s, e, n],
        _ => return Err(Refusal::invalid("Parameter \"bbox\" can only have 4 or 6 numbers.")),
    };
    let mut out = [0.0; 4];
    for (i, part) in four.iter().enumerate() {
        let limit = if i % 2 == 0 { 180.0 } else { 90.0 };
        let value = part.parse::<f64>().ok().filter(|v| v.abs() <= limit);
        out[i] = value.ok_or_else(|| {
            Refusal::invalid(format!(
                "Parameter \"bbox\" has the value \"{part}\", not a number between -{limit} and {limit}."
            ))
        })?;
    }
    if out[1] > out[3] {
        return Err(Refusal::invalid("Parameter \"bbox\" has a south that is greater than its north."));
    }
    Ok(Some(out))
}

/// `START/END` with `..` or nothing for an open end, unchanged; a single instant is a start.
///
/// # Errors
/// [`Refusal::Invalid`] for what is no time.
pub fn datetime(text: &str) -> Result<Option<Temporal>, Refusal> {
    let end = |text: &str| match text.trim() {
        "" | ".." => Ok(None),
        text => DateTime::parse(text)
            .map(|t| Some((t, text.to_owned())))
            .map_err(|_| Refusal::parameter("datetime", format!("has an invalid date time \"{text}\""))),
    };
    let (start, stop) = text.split_once('/').unwrap_or((text, ""));
    let (start, stop) = (end(start)?, end(stop)?);
    if let (Some((a, _)), Some((b, _))) = (&start, &stop)
        && a > b
    {
        return Err(Refusal::parameter("datetime", format!("ends before it starts: \"{text}\"")));
    }
    let temporal = Temporal { start: start.map(|(_, t)| t), end: stop.map(|(_, t)| t) };
    Ok((temporal != Temporal::default()).then_some(temporal))
}

/// Heights: a level, `MIN/MAX` with `..` for an open end, or a list of levels (the range that holds them).
///
/// The dimension is called `z`: the engine takes the vertical axis of the granule for it, whatever its name.
///
/// # Errors
/// [`Refusal::Invalid`] for what is no height.
pub fn heights(text: &str, extent: Option<f64>) -> Result<Option<Dimension>, Refusal> {
    let unreadable = |part: &str| {
        Refusal::parameter(
            "z",
            format!("has an invalid numeric value \"{part}\"; write a level, MIN/MAX or a list"),
        )
    };
    let number = |part: &str| match part.trim() {
        ".." | "" => Ok(None),
        part => part.parse::<f64>().ok().filter(|v| v.is_finite()).map(Some).ok_or_else(|| unreadable(part)),
    };
    if text.trim().is_empty() {
        return Ok(None);
    }
    let (min, max) = match text.split_once('/') {
        // Rn/min/step: a series of levels.
        Some((count, rest)) if count.starts_with(['R', 'r']) => {
            let (from, step) = rest.split_once('/').ok_or_else(|| unreadable(text))?;
            let count = count[1..].parse::<u32>().ok().filter(|n| *n > 0).ok_or_else(|| unreadable(text))?;
            let (from, step) = (number(from)?, number(step)?);
            let to = from.zip(step).map(|(from, step)| from + step * f64::from(count - 1));
            (from, to)
        }
        Some((min, max)) => (number(min)?, number(max)?),
        None => {
            let levels = text.split(',').map(number).collect::<Result<Vec<_>, _>>()?;
            let levels: Vec<f64> = levels.into_iter().flatten().collect();
            let least = levels.iter().copied().reduce(f64::min);
            let half = extent.filter(|_| levels.len() == 1).unwrap_or(0.0) / 2.0;
            (least.map(|v| v - half), levels.iter().copied().reduce(f64::max).map(|v| v + half))
        }
    };
    let (min, max) = match (min, max) {
        (None, None) => return Ok(None),
        (Some(a), Some(b)) if a > b => (Some(b), Some(a)),
        ends => ends,
    };
    Ok(Some(Dimension { name: "z".into(), min, max }))
}

#[cfg(test)]
#[path = "coords_tests.rs"]
mod tests;
