//! GeoJSON (RFC 7946): a collection of points, a line each.

use std::path::Path;

use harmony_model::Granule;

use super::features::{Features, attribute_names, features, parts};
use crate::registry::{Card, Format, Part};
use crate::table::{self, Kind, Row, Stream};
use crate::write::{WriteError, WriteOptions, WritePlan, WriteReport};

pub struct GeoJson;

impl Format for GeoJson {
    fn card(&self) -> &'static Card {
        &Card {
            name: "geojson",
            summary: "GeoJSON points of swaths and trajectories",
            media_types: &["application/geo+json"],
            aliases: &["application/vnd.geo+json"],
            extension: "geojson",
            reads: false,
            writes: true,
        }
    }

    fn parts(&self, granule: Granule, options: &WriteOptions) -> Result<Vec<Part>, WriteError> {
        let _ = options;
        parts(granule, "geojson")
    }

    fn plan(&self, part: &Part, options: &WriteOptions) -> Result<WritePlan, WriteError> {
        let _ = options;
        table::plan_of(&part.granule, &features(&part.granule)?.0.tables)
    }

    fn write(&self, part: &Part, target: &Path, options: &WriteOptions) -> Result<WriteReport, WriteError> {
        let granule = &part.granule;
        let (found, features) = features(granule)?;
        let plan = table::plan_of(granule, &found.tables)?;
        let mut stream = Stream::followed(target, options)?;
        stream.put(b"{\"type\":\"FeatureCollection\",\"features\":[")?;
        let properties = Properties::of(&features);
        let mut first = true;
        let row = |row: &Row, out: &mut Vec<u8>| push_feature(row, &features, &properties, out);
        table::write_rows(granule, &found, &features.table, options, true, row, |bytes| {
            // Every feature begins with a comma, but for the very first.
            let skip = usize::from(first && !bytes.is_empty());
            first &= bytes.is_empty();
            stream.put(&bytes[skip..])
        })?;
        stream.put(b"\n]}\n")?;
        if let Some(progress) = &options.progress {
            progress(plan.data_bytes);
        }
        Ok(WriteReport {
            bytes_read: plan.bytes_read,
            bytes_written: stream.finish()?,
            notices: found.notices,
            ..WriteReport::default()
        })
    }
}

/// The attributes of every feature: column, `"name":`, and whether values are quoted.
struct Properties(Vec<(usize, Vec<u8>, bool)>);

impl Properties {
    fn of(features: &Features) -> Self {
        let names = attribute_names(features);
        let property = |(&i, name): (&usize, String)| {
            let column = &features.table.columns[i];
            let quoted = matches!(column.kind, Kind::Text | Kind::Time(_));
            (i, format!("{}:", json_text(&name)).into_bytes(), quoted)
        };
        Properties(features.attributes.iter().zip(names).map(property).collect())
    }
}

fn json_text(text: &str) -> String {
    serde_json::Value::String(text.into()).to_string()
}

fn push_feature(row: &Row, features: &Features, properties: &Properties, out: &mut Vec<u8>) {
    let Some(place) = features.place(row) else { return };
    out.extend_from_slice(b",\n{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[");
    features.push_place(row, place, out);
    out.extend_from_slice(b"]},\"properties\":{");
    let mut text = Vec::new();
    for (n, (column, name, quoted)) in properties.0.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        out.extend_from_slice(name);
        let infinite = || row.number(*column).is_some_and(f64::is_infinite);
        if row.is_missing(*column) || (!quoted && infinite()) {
            out.extend_from_slice(b"null");
        } else if *quoted {
            text.clear();
            row.push(*column, &mut text);
            out.extend_from_slice(json_text(&String::from_utf8_lossy(&text)).as_bytes());
        } else {
            row.push(*column, out);
        }
    }
    out.extend_from_slice(b"}}");
}
