//! Shapes as GeoJSON that any reader understands: circles as polygons, cut at the antimeridian, rings wound as RFC 7946
//! wants them.

use harmony_model::geometry::Part;
use serde_json::{Value, json};

pub type Ring = Vec<[f64; 2]>;
pub type Polygon = Vec<Ring>;

/// Mean length of a degree, in metres, that turns the precision of points into a radius.
const METRES_PER_DEGREE: f64 = 111_139.0;
/// Radius of the sphere that circles are drawn on.
const EARTH_RADIUS_M: f64 = 6_378_137.0;
const MOST_SIDES: f64 = 100.0;
const SIDES_BASE: f64 = 0.99999;

/// What a feature covers.
#[derive(Clone, Debug, PartialEq)]
pub enum Cover {
    Polygons(Vec<Polygon>),
    Lines(Vec<Vec<[f64; 2]>>),
}

/// A `FeatureCollection` with one feature for each cover, as a text.
pub fn text(covers: Vec<Cover>) -> String {
    let features: Vec<Value> = covers.into_iter().filter_map(feature).collect();
    json!({ "type": "FeatureCollection", "features": features }).to_string()
}

/// Covers of the parts of a shape file. `precision` in degrees is the diameter of points without a radius.
pub fn covers(parts: Vec<Part>, precision: f64) -> Vec<Cover> {
    let polygon = |p: Polygon| Cover::Polygons(vec![p]);
    parts
        .into_iter()
        .map(|part| match part {
            Part::Polygon(rings) => polygon(rings),
            Part::WoundRings(rings) => Cover::Polygons(by_winding(rings)),
            Part::Line(line) => Cover::Lines(vec![line]),
            Part::Point(place) => polygon(vec![circle(place, precision * METRES_PER_DEGREE / 2.0)]),
            Part::Circle { centre, radius_m } => polygon(vec![circle(centre, radius_m)]),
        })
        .collect()
}

/// A ring around a place.
pub fn circle([lon, lat]: [f64; 2], radius_m: f64) -> Ring {
    let sides =
        ((MOST_SIDES - 3.0) * (1.0 - SIDES_BASE.powf(radius_m)) + 3.0).ceil().clamp(3.0, MOST_SIDES) as usize;
    let angle = (radius_m / EARTH_RADIUS_M).min(std::f64::consts::FRAC_PI_2);
    let (lat, lon) = (lat.to_radians(), lon.to_radians());
    let mut ring: Ring = (0..sides)
        .map(|i| {
            let bearing = -std::f64::consts::TAU * i as f64 / sides as f64;
            let y = (lat.sin() * angle.cos() + lat.cos() * angle.sin() * bearing.cos()).clamp(-1.0, 1.0);
            let east = bearing.sin() * angle.sin() * lat.cos();
            let x = lon + east.atan2(angle.cos() - lat.sin() * y);
            [x.to_degrees(), y.asin().to_degrees()]
        })
        .collect();
    ring.push(ring[0]);
    ring
}

/// Comparisons of holes with edges of exteriors that are worth their time: a second or so.
const MOST_COMPARISONS: usize = 300_000_000;

/// Rings whose winding says what they are (ESRI): exteriors clockwise, holes counter-clockwise and inside one of them.
fn by_winding(rings: Vec<Ring>) -> Vec<Polygon> {
    let count = rings.iter().filter(|r| twice_area(r) > 0.0).count();
    if count == rings.len() {
        return rings.into_iter().map(|r| vec![r]).collect();
    }
    let vertices: usize = rings.iter().map(Vec::len).sum();
    let search = count.saturating_mul(vertices) <= MOST_COMPARISONS;
    let mut polygons: Vec<Polygon> = Vec::new();
    let mut holes = Vec::new();
    for ring in rings {
        if twice_area(&ring) <= 0.0 {
            polygons.push(vec![ring]);
        } else if search {
            holes.push(ring);
        } else if let Some(last) = polygons.last_mut() {
            // Writers put holes after their exterior.
            last.push(ring);
        }
    }
    for hole in holes {
        let owner = hole.first().and_then(|p| polygons.iter().position(|poly| encloses(&poly[0], *p)));
        match owner {
            Some(at) => polygons[at].push(hole),
            None => polygons.push(vec![hole]),
        }
    }
    polygons
}

fn encloses(ring: &[[f64; 2]], [x, y]: [f64; 2]) -> bool {
    let mut inside = false;
    for i in 0..ring.len() {
        let ([x1, y1], [x2, y2]) = (ring[i], ring[(i + 1) % ring.len()]);
        if (y1 > y) != (y2 > y) && x < (x2 - x1) * (y - y1) / (y2 - y1) + x1 {
            inside = !inside;
        }
    }
    inside
}

/// Positive when counter-clockwise.
fn twice_area(ring: &[[f64; 2]]) -> f64 {
    (0..ring.len())
        .map(|i| {
            let ([x1, y1], [x2, y2]) = (ring[i], ring[(i + 1) % ring.len()]);
            x1 * y2 - x2 * y1
        })
        .sum()
}

fn feature(cover: Cover) -> Option<Value> {
    let geometry = match cover {
        Cover::Polygons(polygons) => {
            let mut pieces: Vec<Polygon> =
                polygons.into_iter().flat_map(cut_polygon).filter_map(wound).collect();
            match pieces.len() {
                0 => return None,
                1 => json!({ "type": "Polygon", "coordinates": pieces.remove(0) }),
                _ => json!({ "type": "MultiPolygon", "coordinates": pieces }),
            }
        }
        Cover::Lines(lines) => {
            let mut pieces: Vec<Ring> = lines.into_iter().flat_map(cut_line).map(rounded).collect();
            match pieces.len() {
                0 => return None,
                1 => json!({ "type": "LineString", "coordinates": pieces.remove(0) }),
                _ => json!({ "type": "MultiLineString", "coordinates": pieces }),
            }
        }
    };
    Some(json!({ "type": "Feature", "properties": {}, "geometry": geometry }))
}

/// Six decimals, closed, exterior counter-clockwise and holes clockwise; `None` when nothing is left.
fn wound(polygon: Polygon) -> Option<Polygon> {
    let mut out = Polygon::new();
    for (i, ring) in polygon.into_iter().enumerate() {
        let mut ring = rounded(ring);
        ring.dedup();
        if ring.first() != ring.last() {
            ring.push(ring[0]);
        }
        if ring.len() < 4 {
            if i == 0 {
                return None;
            }
            continue;
        }
        if (twice_area(&ring) < 0.0) == (i == 0) {
            ring.reverse();
        }
        out.push(ring);
    }
    (!out.is_empty()).then_some(out)
}

fn rounded(ring: Ring) -> Ring {
    // Adding zero makes a negative zero positive.
    let round = |v: f64| (v * 1e6).round() / 1e6 + 0.0;
    ring.into_iter().map(|[x, y]| [round(x), round(y)]).collect()
}

/// Longitude in −180…180; both ends stay as they are.
fn wrapped(lon: f64) -> f64 {
    if lon.abs() <= 180.0 { lon } else { (lon + 180.0).rem_euclid(360.0) - 180.0 }
}

/// Longitudes made continuous from the first one on: an edge takes the short way round.
fn continuous(line: &[[f64; 2]]) -> Ring {
    let mut out = Ring::with_capacity(line.len());
    let mut turns = 0.0;
    let mut before: Option<f64> = None;
    for [lon, lat] in line {
        let lon = wrapped(*lon);
        if let Some(before) = before {
            let step = lon - before;
            if step > 180.0 {
                turns -= 360.0;
            } else if step < -180.0 {
                turns += 360.0;
            }
        }
        before = Some(lon);
        out.push([lon + turns, *lat]);
    }
    out
}

/// Worlds that longitudes of −540…540 lie in: shift and bounds.
const WORLDS: [(f64, f64, f64); 3] = [(0.0, -180.0, 180.0), (-360.0, 180.0, 540.0), (360.0, -540.0, -180.0)];

fn range(ring: &[[f64; 2]]) -> (f64, f64) {
    ring.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), [x, _]| (a.min(*x), b.max(*x)))
}

fn cut_polygon(polygon: Polygon) -> Vec<Polygon> {
    let rings: Vec<Ring> = polygon.iter().map(|r| continuous(r)).collect();
    let Some(exterior) = rings.first().filter(|r| !r.is_empty()) else { return Vec::new() };
    let (west, east) = range(exterior);
    // A ring round a pole does not come back to its beginning: it has no inside on a flat map.
    let open = exterior.last().zip(exterior.first()).is_some_and(|(a, b)| (a[0] - b[0]).abs() > 180.0);
    if open || (west >= -180.0 && east <= 180.0) {
        return vec![
            polygon.into_iter().map(|r| r.into_iter().map(|[x, y]| [wrapped(x), y]).collect()).collect(),
        ];
    }
    let middle = (west + east) / 2.0;
    WORLDS
        .iter()
        .filter_map(|(shift, low, high)| {
            let mut piece = Polygon::new();
            for (i, ring) in rings.iter().enumerate() {
                let ring = if i == 0 { ring.clone() } else { beside(ring, middle) };
                let part = clip(&clip(&ring, *low, true), *high, false);
                match part.len() {
                    0..3 if i == 0 => return None,
                    0..3 => continue,
                    _ => piece.push(part.into_iter().map(|[x, y]| [x + shift, y]).collect()),
                }
            }
            Some(piece)
        })
        .collect()
}

/// A hole turned by whole circles to where its exterior is.
fn beside(ring: &[[f64; 2]], middle: f64) -> Ring {
    let (west, east) = range(ring);
    let turns = ((middle - (west + east) / 2.0) / 360.0).round() * 360.0;
    ring.iter().map(|[x, y]| [x + turns, *y]).collect()
}

/// The part of a ring on one side of a meridian (Sutherland and Hodgman).
fn clip(ring: &[[f64; 2]], limit: f64, keep_east: bool) -> Ring {
    let inside = |x: f64| if keep_east { x >= limit } else { x <= limit };
    let mut out = Ring::new();
    for i in 0..ring.len() {
        let (a, b) = (ring[i], ring[(i + 1) % ring.len()]);
        if inside(a[0]) {
            out.push(a);
        }
        if inside(a[0]) != inside(b[0]) {
            out.push([limit, a[1] + (b[1] - a[1]) * (limit - a[0]) / (b[0] - a[0])]);
        }
    }
    // What only touches the meridian has no area.
    if out.iter().all(|[x, _]| *x == limit) { Ring::new() } else { out }
}

fn cut_line(line: Vec<[f64; 2]>) -> Vec<Ring> {
    let line = continuous(&line);
    let mut pieces = Vec::new();
    let mut piece: Ring = Vec::new();
    let world = |x: f64| ((x + 180.0) / 360.0).floor();
    for pair in line.windows(2) {
        let ([x1, y1], [x2, y2]) = (pair[0], pair[1]);
        // The end of one world is the beginning of the next: the middle of the edge says which it is.
        let home = if x1.rem_euclid(360.0) == 180.0 { world((x1 + x2) / 2.0) } else { world(x1) };
        if piece.is_empty() {
            piece.push([x1 - home * 360.0, y1]);
        }
        let (low, high) = (home * 360.0 - 180.0, home * 360.0 + 180.0);
        if (low..=high).contains(&x2) {
            piece.push([x2 - home * 360.0, y2]);
            continue;
        }
        let edge = if x2 > high { high } else { low };
        let y = y1 + (y2 - y1) * (edge - x1) / (x2 - x1);
        piece.push([edge - home * 360.0, y]);
        pieces.push(std::mem::take(&mut piece));
        let next = if x2 > high { home + 1.0 } else { home - 1.0 };
        piece = vec![[edge - next * 360.0, y], [x2 - next * 360.0, y2]];
    }
    if piece.len() > 1 {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
#[path = "geojson_tests.rs"]
mod tests;
