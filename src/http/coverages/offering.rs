//! A variable as a coverage: its domain, its range and what else is known, in the JSON of OGC's Coverage Implementation
//! Schema 1.1. Values themselves are the rangeset's business.

use axum::http::Uri;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::super::service::{self, address, document};
use super::super::{App, Caller, Problem};
use super::listing;
use crate::catalog::{Collection, Variable};
use crate::request::query::decode;
use crate::request::service::{Refusal, variables};

/// What of a coverage is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `coverage` itself and `description`: domain and range, and links to the rest.
    Description,
    DomainSet,
    RangeType,
    Metadata,
    /// Everything, with the values by reference.
    All,
}

impl Part {
    /// The part that a path asks for below `coverage`.
    pub fn find(name: &str) -> Option<Self> {
        Some(match name {
            "description" => Part::Description,
            "domainset" => Part::DomainSet,
            "rangetype" => Part::RangeType,
            "metadata" => Part::Metadata,
            "all" => Part::All,
            _ => return None,
        })
    }
}

/// The document of a part.
///
/// # Errors
/// A problem for unknown collections and variables.
pub async fn part(
    app: &App,
    caller: &Caller,
    uri: &Uri,
    (segment, variable): (&str, &str),
    part: Part,
) -> Result<Response, Problem> {
    let found = service::find(app, caller, segment).await?;
    let name = decode(variable, false);
    let here = address(caller, uri);
    // Literal parts of a path may be in any case.
    let at = here.to_ascii_lowercase().rfind("/coverage").unwrap_or(here.len());
    let root = format!("{}/coverage", &here[..at]);
    for collection in &found.collections {
        let offered = listing::offered(app, collection).await?;
        let whole = name == "all" && offered.iter().any(|(_, v)| v.is_none());
        let known: Vec<Variable> = offered.into_iter().filter_map(|(_, v)| v).collect();
        let fields = match variables::find(&known, &name) {
            Some(one) if !whole => vec![one.clone()],
            None if !whole => continue,
            _ => known,
        };
        let coverage = Coverage { collection, name: &name, fields: &fields, root: &root };
        return Ok(document(&coverage.part(part)));
    }
    Err(Refusal::Invalid(format!("Coverages were not found for the provided variables: {name}")).into())
}

struct Coverage<'a> {
    collection: &'a Collection,
    /// As it was asked for.
    name: &'a str,
    fields: &'a [Variable],
    /// Address of the coverage.
    root: &'a str,
}

impl Coverage<'_> {
    fn part(&self, part: Part) -> Value {
        match part {
            Part::DomainSet => self.domain(),
            Part::RangeType => self.range(),
            Part::Metadata => self.metadata(),
            Part::Description => self.head(),
            Part::All => {
                let mut all = self.head();
                all["metadata"] = self.metadata();
                all["rangeSet"] =
                    json!({ "type": "RangeSetRef", "fileReference": [format!("{}/rangeset", self.root)] });
                all
            }
        }
    }

    fn head(&self) -> Value {
        let collection = self.collection;
        let link = |path: &str, rel: &str| json!({ "href": format!("{}{path}", self.root), "rel": rel, "type": "application/json" });
        json!({
            "type": "CoverageByDomainAndRange",
            "id": format!("{}/{}", collection.id, self.name),
            "title": format!("{} {} v{}", self.name, collection.short_name, collection.version),
            "domainSet": self.domain(),
            "rangeType": self.range(),
            "links": [
                link("/description", "self"),
                link("/domainset", "http://www.opengis.net/def/rel/ogc/1.0/coverage-domainset"),
                link("/rangetype", "http://www.opengis.net/def/rel/ogc/1.0/coverage-rangetype"),
                link("/metadata", "http://www.opengis.net/def/rel/ogc/1.0/coverage-metadata"),
                json!({ "href": format!("{}/rangeset", self.root),
                    "rel": "http://www.opengis.net/def/rel/ogc/1.0/coverage-rangeset" }),
            ],
        })
    }

    /// Granules of a collection have grids of their own; what they share is an envelope.
    fn domain(&self) -> Value {
        let mut axes = Vec::new();
        if let Some([west, south, east, north]) = self.collection.boxes.first() {
            for (label, low, high) in [("Lon", west, east), ("Lat", south, north)] {
                axes.push(json!({ "type": "AxisExtent", "axisLabel": label, "lowerBound": low,
                    "upperBound": high, "uomLabel": "deg" }));
            }
        }
        let (start, end) = (&self.collection.time_start, &self.collection.time_end);
        if start.is_some() || end.is_some() {
            axes.push(json!({ "type": "AxisExtent", "axisLabel": "time", "lowerBound": start,
                "upperBound": end, "uomLabel": "ISO8601" }));
        }
        let labels: Vec<Value> = axes.iter().map(|a| a["axisLabel"].clone()).collect();
        json!({
            "type": "DomainSet",
            "envelope": {
                "type": "EnvelopeByAxis",
                "srsName": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
                "axisLabels": labels,
                "axis": axes,
            },
        })
    }

    fn range(&self) -> Value {
        let fields: Vec<Value> = self.fields.iter().map(field).collect();
        json!({ "type": "DataRecord", "field": fields })
    }

    fn metadata(&self) -> Value {
        let collection = self.collection;
        let fields = self.fields.iter().map(|v| {
            let about = json!({ "dimensions": v.dimensions, "scienceKeywords": v.science_keywords,
                "relatedUrls": v.related_urls });
            (v.name.clone(), about)
        });
        json!({
            "collection": {
                "id": collection.id, "shortName": collection.short_name, "version": collection.version,
                "title": collection.title, "summary": collection.summary, "format": collection.native_format,
            },
            "fields": fields.collect::<Map<String, Value>>(),
        })
    }
}

fn field(variable: &Variable) -> Value {
    let mut out = Map::new();
    out.insert("type".into(), json!("Quantity"));
    out.insert("id".into(), json!(variable.id));
    out.insert("name".into(), json!(variable.name));
    if let Some(long_name) = &variable.long_name {
        out.insert("description".into(), json!(long_name));
    }
    let code = variable.units.as_deref().unwrap_or("1");
    out.insert("uom".into(), json!({ "type": "UnitReference", "code": code }));
    if let Some(data_type) = &variable.data_type {
        out.insert("encodingInfo".into(), json!({ "dataType": data_type }));
    }
    Value::Object(out)
}
