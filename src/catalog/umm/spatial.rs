//! Places as CMR writes them.

use serde_json::{Value, json};

/// `S W N E`, blank separated.
pub fn box_text([w, s, e, n]: [f64; 4]) -> String {
    format!("{s} {w} {n} {e}")
}

/// Reads `S W N E` as west, south, east, north.
pub fn read_box(text: &str) -> Option<[f64; 4]> {
    match numbers(text)?[..] {
        [s, w, n, e] => Some([w, s, e, n]),
        _ => None,
    }
}

/// `lat lon lat lon …`; a ring is closed.
pub fn points_text(points: &[[f64; 2]], is_ring: bool) -> String {
    let closing = closing(points, is_ring);
    let all = points.iter().chain(closing);
    all.map(|p| format!("{} {}", p[1], p[0])).collect::<Vec<_>>().join(" ")
}

/// Reads `lat lon lat lon …`.
pub fn read_points(text: &str) -> Option<Vec<[f64; 2]>> {
    let numbers = numbers(text)?;
    numbers.len().is_multiple_of(2).then(|| numbers.chunks_exact(2).map(|p| [p[1], p[0]]).collect())
}

fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split_whitespace().map(|t| t.parse().ok().filter(|v: &f64| v.is_finite())).collect()
}

fn closing(points: &[[f64; 2]], is_ring: bool) -> Option<&[f64; 2]> {
    points.first().filter(|f| is_ring && points.last() != Some(f))
}

/// Points of UMM.
pub fn umm_points(points: &[[f64; 2]], is_ring: bool) -> Value {
    let all = points.iter().chain(closing(points, is_ring));
    Value::Array(all.map(|p| json!({ "Longitude": p[0], "Latitude": p[1] })).collect())
}

/// Reads points of UMM.
pub fn read_umm_points(value: &Value) -> Vec<[f64; 2]> {
    let point = |p: &Value| Some([p.get("Longitude")?.as_f64()?, p.get("Latitude")?.as_f64()?]);
    value.as_array().into_iter().flatten().filter_map(point).collect()
}

/// Rectangles of UMM.
pub fn umm_rectangle([w, s, e, n]: [f64; 4]) -> Value {
    json!({
        "WestBoundingCoordinate": w, "NorthBoundingCoordinate": n,
        "EastBoundingCoordinate": e, "SouthBoundingCoordinate": s,
    })
}

/// Reads a rectangle of UMM.
pub fn read_umm_rectangle(value: &Value) -> Option<[f64; 4]> {
    let side = |name: &str| value.get(name)?.as_f64();
    Some([
        side("WestBoundingCoordinate")?,
        side("SouthBoundingCoordinate")?,
        side("EastBoundingCoordinate")?,
        side("NorthBoundingCoordinate")?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latitude_comes_first() {
        assert_eq!(read_box("-90 -180 90 180"), Some([-180.0, -90.0, 180.0, 90.0]));
        assert_eq!(box_text([1.0, 2.0, 3.5, 4.0]), "2 1 4 3.5");
        let ring = vec![[0.0, 1.0], [2.0, 1.0], [2.0, 3.0]];
        assert_eq!(points_text(&ring, true), "1 0 1 2 3 2 1 0");
        assert_eq!(read_points("1 0 1 2").unwrap(), [[0.0, 1.0], [2.0, 1.0]]);
        assert_eq!(read_points("1 0 1"), None);
        assert_eq!(read_box("a b c d"), None);
    }
}
