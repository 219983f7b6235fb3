//! In which reference system the positions of a shape are.

use harmony_model::geometry::Part;

/// Checks the `.prj` text beside a shapefile; without one positions are longitude and latitude.
pub(super) fn to_lon_lat(parts: Vec<Part>, projection: Option<&str>) -> Result<Vec<Part>, String> {
    match projection.map(str::trim).filter(|t| !t.is_empty()) {
        Some(wkt) if !is_geographic(wkt) => Err(not_ours(&first_name(wkt))),
        _ => Ok(parts),
    }
}

/// Checks the `crs` name of old GeoJSON.
pub(super) fn to_lon_lat_named(parts: Vec<Part>, name: Option<&str>) -> Result<Vec<Part>, String> {
    match name {
        Some(name) if !is_lon_lat_name(name) => Err(not_ours(name)),
        _ => Ok(parts),
    }
}

fn not_ours(name: &str) -> String {
    let shown: String = name.chars().take(60).collect();
    format!(
        "its positions are in '{shown}', not in longitude and latitude (WGS 84); convert it, for example with ogr2ogr \
         -t_srs EPSG:4326"
    )
}

fn is_lon_lat_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let code = name.rsplit([':', '/']).next().unwrap_or_default();
    // CRS84, WGS 84, NAD83, ETRS89: within a few metres of each other.
    matches!(code, "CRS84" | "CRS83" | "4326" | "4269" | "4258" | "4979" | "WGS84" | "WGS 84")
}

/// Whether a WKT is geographic, in degrees from Greenwich, on a datum within metres of WGS 84.
fn is_geographic(wkt: &str) -> bool {
    let text: String = wkt.to_ascii_uppercase().chars().filter(|c| !c.is_whitespace() && *c != '_').collect();
    let geographic =
        ["GEOGCS[", "GEOGCRS[", "GEODCRS[", "GEOGRAPHICCRS["].iter().any(|k| text.starts_with(k));
    let datum = [
        "WGS84",
        "WGS1984",
        "NAD83",
        "NORTHAMERICAN1983",
        "NORTHAMERICANDATUM1983",
        "ETRS",
        "ETRF",
        "GDA94",
        "GDA2020",
        "GRS1980",
        "WORLDGEODETICSYSTEM1984",
        "ITRF",
    ]
    .iter()
    .any(|d| text.contains(d));
    let degrees = text.contains("\"DEGREE") || text.contains("ANGLEUNIT[\"DEG") || !text.contains("UNIT[");
    let greenwich = !text.contains("PRIMEM[")
        || text.contains("PRIMEM[\"GREENWICH\",0")
        || text.contains("PRIMEM[\"REFERENCEMERIDIAN\",0");
    geographic && datum && degrees && greenwich
}

/// The name in a WKT, for messages.
fn first_name(wkt: &str) -> String {
    wkt.split('"').nth(1).unwrap_or(wkt).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_on_wgs84_and_its_relatives_are_ours() {
        let wgs = r#"GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137,298.257223563]],PRIMEM["Greenwich",0],UNIT["Degree",0.017453292519943295]]"#;
        let grads = wgs.replace("Degree", "Grad");
        let paris = wgs.replace("Greenwich\",0", "Paris\",2.337");
        let utm = format!("PROJCS[\"WGS_1984_UTM_Zone_18N\",{wgs},PROJECTION[\"Transverse_Mercator\"]]");
        assert!(
            is_geographic(wgs) && !is_geographic(&grads) && !is_geographic(&paris) && !is_geographic(&utm)
        );
        assert!(to_lon_lat(Vec::new(), Some(&utm)).unwrap_err().contains("WGS_1984_UTM_Zone_18N"));
        assert!(to_lon_lat(Vec::new(), Some(" ")).is_ok() && to_lon_lat(Vec::new(), None).is_ok());
    }

    #[test]
    fn old_geojson_names() {
        for name in [
            "urn:ogc:def:crs:OGC:1.3:CRS84",
            "urn:ogc:def:crs:EPSG::4326",
            "EPSG:4326",
            "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        ] {
            assert!(is_lon_lat_name(name), "{name}");
        }
        assert!(!is_lon_lat_name("urn:ogc:def:crs:EPSG::3857"));
    }
}
