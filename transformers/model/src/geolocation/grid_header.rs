//! Grids that TRMM and GPM files describe in one text (`GridHeader`, before version 7 `GridStructure`).

use std::collections::HashMap;

use super::{ProjectedAxis, ProjectedAxisSource};
use crate::crs::Crs;
use crate::geolocation::Geolocation;
use crate::granule::{DimId, Granule, GroupId, VarId};

/// A regular geographic grid: centre of the first cell and step of either axis, in degrees.
struct Header {
    lat: Axis,
    lon: Axis,
}

struct Axis {
    first: f64,
    step: f64,
    len: u64,
}

/// Reads `LatitudeResolution=5; NorthBoundingCoordinate=40; …; Origin=SOUTHWEST;`, also in the older form
/// `OBJECT=Origin; Value=Southwest; END_OBJECT=Origin;`.
fn parse(text: &str) -> Option<Header> {
    let mut fields: HashMap<String, &str> = HashMap::new();
    let mut object = "";
    for (key, value) in text.split([';', '\n']).filter_map(|t| t.split_once('=')) {
        let (key, value) = (key.trim(), value.trim().trim_matches('"'));
        match key {
            "OBJECT" => object = value,
            "Value" => drop(fields.insert(object.to_ascii_lowercase(), value)),
            _ => drop(fields.insert(key.to_ascii_lowercase(), value)),
        }
    }
    let number = |name: &str| fields.get(name)?.trim_end_matches("deg").trim().parse::<f64>().ok();
    let (north, south) = (number("northboundingcoordinate")?, number("southboundingcoordinate")?);
    let (east, west) = (number("eastboundingcoordinate")?, number("westboundingcoordinate")?);
    let origin = fields.get("origin")?.to_ascii_lowercase();
    let axis = |low: f64, high: f64, resolution: f64, descending: bool| {
        let cells = ((high - low) / resolution).round();
        if !(resolution > 0.0 && (1.0..1e7).contains(&cells)) {
            return None;
        }
        let (first, step) = match descending {
            false => (low + resolution / 2.0, resolution),
            true => (high - resolution / 2.0, -resolution),
        };
        Some(Axis { first, step, len: cells as u64 })
    };
    Some(Header {
        lat: axis(south, north, number("latituderesolution")?, origin.contains("north"))?,
        lon: axis(west, east, number("longituderesolution")?, origin.contains("east"))?,
    })
}

/// The grid that the header of a variable's group, or of one around it, gives to its axes: those called after
/// latitude and longitude whose lengths are right.
pub(super) fn by_header(granule: &Granule, v: VarId) -> Option<(Geolocation, String)> {
    let var = granule.var(v);
    let axis_of = |word: &str, len: u64| {
        var.dims.iter().copied().find(|&d| {
            let dim = granule.dim(d);
            dim.len == len && dim.name.to_ascii_lowercase().contains(word)
        })
    };
    let mut here: Option<GroupId> = Some(var.group);
    while let Some(g) = here {
        for attr in &granule.group(g).attrs {
            if !(attr.name.starts_with("GridHeader") || attr.name.starts_with("GridStructure")) {
                continue;
            }
            let Some(header) = attr.as_text().as_deref().and_then(parse) else { continue };
            if let (Some(y), Some(x)) = (axis_of("lat", header.lat.len), axis_of("lon", header.lon.len)) {
                let axis = |dim: DimId, a: &Axis| ProjectedAxis {
                    dim,
                    source: ProjectedAxisSource::Regular { first: a.first, step: a.step },
                };
                let crs = Crs { definition: "OGC:CRS84".into() };
                let geolocation =
                    Geolocation::ProjectedGrid { y: axis(y, &header.lat), x: axis(x, &header.lon), crs };
                return Some((geolocation, format!("attribute '{}'", attr.name)));
            }
        }
        here = granule.group(g).parent;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_header_are_read() {
        let new = "BinMethod=ARITHMETIC_MEAN;\nRegistration=CENTER;\nLatitudeResolution=5;\n\
                   LongitudeResolution=5;\nNorthBoundingCoordinate=40;\nSouthBoundingCoordinate=-40;\n\
                   EastBoundingCoordinate=180;\nWestBoundingCoordinate=-180;\nOrigin=NORTHWEST;\n";
        let header = parse(new).unwrap();
        assert_eq!((header.lat.first, header.lat.step, header.lat.len), (37.5, -5.0, 16));
        assert_eq!((header.lon.first, header.lon.step, header.lon.len), (-177.5, 5.0, 72));
        let old = |name: &str, value: &str| format!("OBJECT={name};\n\tValue={value};\nEND_OBJECT={name};\n");
        let text = [
            old("LatitudeResolution", "\"1deg\""),
            old("LongitudeResolution", "\"1deg\""),
            old("NorthBoundingCoordinate", "40"),
            old("SouthBoundingCoordinate", "-40"),
            old("EastBoundingCoordinate", "180"),
            old("WestBoundingCoordinate", "-180"),
            old("Origin", "Southwest"),
        ]
        .concat();
        let header = parse(&text).unwrap();
        assert_eq!((header.lat.first, header.lat.len, header.lon.len), (-39.5, 80, 360));
        assert!(parse(&text.replace("1deg", "0")).is_none());
        assert!(parse("nothing").is_none());
    }
}
