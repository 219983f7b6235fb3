//! Root attributes of a subset: what the kept data cover, and where they came from.

mod extent;
mod provenance;

use harmony_model::granule::set_attr;
use harmony_model::{Attribute, DType, Granule};

pub use extent::{Extent, LongitudeSpan, extent_of};
pub use provenance::{Provenance, append_history};

/// Attributes that describe the swath's centre line or old extremes and can't be kept true.
const STALE: [&str; 8] = [
    "start_center_longitude",
    "start_center_latitude",
    "end_center_longitude",
    "end_center_latitude",
    "northernmost_latitude",
    "southernmost_latitude",
    "easternmost_longitude",
    "westernmost_longitude",
];

/// Rewrites extents, times and names on the root of a granule after what it holds now.
pub fn refresh(granule: &mut Granule, extent: &Extent, output_name: &str) {
    let attrs = &mut granule.groups[0].attrs;
    attrs.retain(|a| !STALE.contains(&a.name.as_str()));
    if let (Some((west, east)), Some((south, north))) = (extent.longitude, extent.latitude) {
        set_attr(attrs, Attribute::text("geospatial_bounds", &outline(west, south, east, north)));
        set_attr(attrs, Attribute::text("geospatial_bounds_crs", "EPSG:4326"));
        for (name, value) in [
            ("geospatial_lat_min", south),
            ("geospatial_lat_max", north),
            ("geospatial_lon_min", west),
            ("geospatial_lon_max", east),
        ] {
            update_number(attrs, name, value);
        }
    }
    if let Some((start, end)) = extent.time {
        update_text(attrs, "time_coverage_start", &start.to_string());
        update_text(attrs, "time_coverage_end", &end.to_string());
        update_text(attrs, "time_coverage_duration", &duration(end.micros - start.micros));
    }
    for name in ["product_name", "granule_name"] {
        update_text(attrs, name, output_name);
    }
}

/// Sets a number only where the attribute exists, keeping its type; a text stays a text.
fn update_number(attrs: &mut [Attribute], name: &str, value: f64) {
    let Some(attr) = attrs.iter_mut().find(|a| a.name == name) else { return };
    if attr.dtype.is_text() {
        *attr = retext(attr, &format!("{value:.5}"));
    } else if let Some(bytes) = harmony_model::dtype::number_bytes(&attr.dtype, value) {
        attr.bytes = bytes;
        if let harmony_model::AttrShape::Simple(dims) = &mut attr.shape {
            *dims = vec![1];
        }
    }
}

/// Sets a text only where a text attribute of that name exists.
fn update_text(attrs: &mut [Attribute], name: &str, value: &str) {
    if let Some(attr) = attrs.iter_mut().find(|a| a.name == name && a.dtype.is_text()) {
        *attr = retext(attr, value);
    }
}

fn retext(old: &Attribute, value: &str) -> Attribute {
    match old.dtype {
        DType::String => Attribute::strings(&old.name, &[value]),
        _ => Attribute::text(&old.name, value),
    }
}

/// Well-known text of the box, counter-clockwise; two polygons when it crosses the antimeridian.
pub(crate) fn outline(west: f64, south: f64, east: f64, north: f64) -> String {
    let ring = |w: f64, e: f64| {
        format!(
            "(({w:.5} {south:.5}, {e:.5} {south:.5}, {e:.5} {north:.5}, {w:.5} {north:.5}, {w:.5} {south:.5}))"
        )
    };
    if west <= east {
        format!("POLYGON{}", ring(west, east))
    } else {
        format!("MULTIPOLYGON({}, {})", ring(west, 180.0), ring(-180.0, east))
    }
}

/// ISO 8601 duration in seconds.
pub(crate) fn duration(micros: i64) -> String {
    let seconds = micros as f64 / 1e6;
    format!("PT{seconds}S")
}

/// Adds provenance to the root of a granule.
pub fn sign(granule: &mut Granule, provenance: &Provenance) {
    append_history(&mut granule.groups[0].attrs, provenance);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extent_across_the_antimeridian_is_two_polygons() {
        let text = outline(170.0, -10.0, -170.0, 10.0);
        assert!(text.starts_with("MULTIPOLYGON(((170.00000 -10.00000, 180.00000 -10.00000"), "{text}");
    }

    #[test]
    fn a_text_attribute_stays_a_text() {
        let mut attrs = vec![Attribute::text("geospatial_lat_min", "-90")];
        update_number(&mut attrs, "geospatial_lat_min", 12.5);
        assert_eq!(attrs[0].as_text().unwrap(), "12.50000");
    }
}
