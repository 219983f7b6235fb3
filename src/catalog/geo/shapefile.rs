//! Shapes that searches send along, within the limits of CMR and with its words.

use harmony_model::geometry::Part;

use super::Region;
use crate::catalog::CatalogError;

/// Largest shape, bytes. CMR takes a million; Harmony itself sends shapes of its users on.
const MOST_BYTES: usize = 64 << 20;
const MOST_POINTS: usize = 500_000;

/// The region of an uploaded shape of any kind that the engine reads.
///
/// # Errors
/// [`CatalogError::Rejected`] with CMR's words.
pub fn region(bytes: &[u8]) -> Result<Region, CatalogError> {
    let refuse = |message: String| CatalogError::Rejected { status: 400, message };
    if bytes.len() > MOST_BYTES {
        return Err(refuse(format!("Shapefile size exceeds the {MOST_BYTES} byte limit")));
    }
    let text = bytes.iter().find(|b| !b.is_ascii_whitespace());
    if text == Some(&b'{')
        && let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes)
        && value.get("features").and_then(|f| f.as_array()).is_some_and(Vec::is_empty)
    {
        return Err(refuse("Shapefile has no features".into()));
    }
    let parts = crate::request::shape::parts_of(bytes).map_err(|text| {
        match text.split_once("its positions are in '").and_then(|(_, rest)| rest.split_once('\'')) {
            Some((crs, _)) => refuse(format!("Cannot transform source CRS [{crs}] to WGS 84")),
            None => refuse("Failed to parse shapefile".into()),
        }
    })?;
    let points: usize = parts.iter().map(points).sum();
    if points == 0 {
        return Err(refuse("Shapefile has no points".into()));
    }
    if points > MOST_POINTS {
        return Err(refuse(format!("Number of points in shapefile exceeds the limit of {MOST_POINTS}")));
    }
    Ok(Region::of_parts(&parts))
}

fn points(part: &Part) -> usize {
    match part {
        Part::Polygon(rings) | Part::WoundRings(rings) => rings.iter().map(Vec::len).sum(),
        Part::Line(points) => points.len(),
        Part::Point(_) | Part::Circle { .. } => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_as_cmr_says_it() {
        let words = |text: &str| region(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(words(r#"{"type":"FeatureCollection","features":[]}"#), "Shapefile has no features");
        assert_eq!(words("{\"type\":"), "Failed to parse shapefile");
        let empty = r#"{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null}]}"#;
        assert_eq!(words(empty), "Shapefile has no points");
        let crs =
            r#"{"type":"Point","coordinates":[1,2],"crs":{"type":"name","properties":{"name":"EPSG:3857"}}}"#;
        assert_eq!(words(crs), "Cannot transform source CRS [EPSG:3857] to WGS 84");
    }
}
