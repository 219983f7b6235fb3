//! Documents of the EDR API: landing page, conformance, collections, instances.

use axum::http::Uri;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::super::service::{self, address, document};
use super::super::{App, Caller, Problem};
use crate::catalog::{Collection, CollectionQuery, Variable};
use crate::request::service::Refusal;
use crate::request::service::declared::EdrQuery;
use crate::request::service::fields::Fields;

/// A request for a document.
pub struct Place<'a> {
    pub app: &'a App,
    pub caller: &'a Caller,
    pub uri: &'a Uri,
}

const JSON: &str = "application/json";
const CRS84: &str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84";
const FORMATS: [&str; 5] =
    ["application/netcdf", "image/tiff", "image/png", "text/csv", "application/x-zarr"];

const CONFORMANCE: [&str; 8] = [
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/core",
    "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/collections",
    "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/queries",
    "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/json",
    "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/oas30",
];

fn link(href: &str, rel: &str, media_type: &str, title: &str) -> Value {
    json!({ "href": href, "rel": rel, "type": media_type, "title": title })
}

impl Place<'_> {
    /// Address of the API.
    pub fn root(&self) -> String {
        format!("{}/ogc-api-edr/1.1.0", self.caller.root)
    }
}

pub fn landing(at: &Place<'_>) -> Response {
    let root = address(at.caller, at.uri);
    let api = format!("{root}/api");
    document(&json!({
        "title": "OGC API - Environmental Data Retrieval",
        "description": "Subsets, reprojects and reformats Earth-observation data on demand.",
        "links": [
            link(&format!("{root}/"), "self", JSON, "this document"),
            link(&api, "service-desc", "text/openapi+yaml;version=3.0", "the API definition"),
            link(&api, "service-desc", "application/vnd.oai.openapi;version=3.0", "the API definition"),
            link(&format!("{root}/conformance"), "conformance", JSON, "OGC conformance classes implemented by this API"),
            link(&format!("{root}/collections"), "data", JSON, "Metadata about the resource collections"),
        ],
    }))
}

pub fn conformance() -> Response {
    document(&json!({ "conformsTo": CONFORMANCE }))
}

/// All collections of this server.
pub async fn collections(at: &Place<'_>) -> Result<Response, Problem> {
    check_format(at)?;
    let found = at.app.catalog.collections(&CollectionQuery::All).await?;
    let mut entries = Vec::with_capacity(found.len());
    for collection in &found {
        entries.push(describe(at, collection).await?);
    }
    let here = address(at.caller, at.uri);
    Ok(document(&json!({ "links": [link(&here, "self", JSON, "this document")], "collections": entries })))
}

/// One collection.
pub async fn collection(at: &Place<'_>, segment: &str) -> Result<Response, Problem> {
    let found = service::find(at.app, at.caller, segment).await?;
    check_format(at)?;
    match found.collections.first() {
        Some(collection) => Ok(document(&describe(at, collection).await?)),
        None => Err(Problem::internal("a collection that was found is not there")),
    }
}

/// The versions of a collection: those with the same short name.
pub async fn instances(at: &Place<'_>, segment: &str) -> Result<Response, Problem> {
    let found = service::find(at.app, at.caller, segment).await?;
    check_format(at)?;
    let mut entries = Vec::new();
    for own in &found.collections {
        let versions =
            at.app.catalog.collections(&CollectionQuery::ShortName(own.short_name.clone())).await?;
        let versions = if versions.is_empty() { vec![own.clone()] } else { versions };
        for version in &versions {
            entries.push(describe(at, version).await?);
        }
    }
    let here = address(at.caller, at.uri);
    Ok(document(&json!({ "links": [link(&here, "self", JSON, "this document")], "instances": entries })))
}

pub(super) fn check_format(at: &Place<'_>) -> Result<(), Refusal> {
    let fields = Fields::from_query(at.uri.query().unwrap_or_default())?;
    match fields.text("f").as_deref().map(str::to_ascii_lowercase).as_deref() {
        None | Some("" | "json" | "geojson" | "application/json" | "application/geo+json") => Ok(()),
        Some(other) => Err(Refusal::Invalid(format!(
            "Unsupported format \"{other}\". Currently only the json format is supported."
        ))),
    }
}

async fn describe(at: &Place<'_>, collection: &Collection) -> Result<Value, Problem> {
    let variables = at.app.catalog.variables(&collection.variables).await?;
    let href = format!("{}/collections/{}", at.root(), collection.id);
    let title = match collection.title.as_str() {
        "" => format!("{} v{}", collection.short_name, collection.version),
        title => title.to_owned(),
    };
    let mut out = Map::new();
    out.insert("id".into(), json!(collection.id));
    out.insert("title".into(), json!(title));
    out.insert("description".into(), json!(collection.summary));
    out.insert("keywords".into(), json!([collection.short_name]));
    out.insert("links".into(), links(&href));
    out.insert("extent".into(), extent(collection));
    out.insert("data_queries".into(), data_queries(&href));
    out.insert("crs".into(), json!(["CRS84", "EPSG:4326"]));
    out.insert("output_formats".into(), json!(FORMATS));
    out.insert("parameter_names".into(), parameters(&variables));
    Ok(Value::Object(out))
}

fn links(href: &str) -> Value {
    let mut all = vec![link(href, "self", JSON, "this document")];
    for query in EdrQuery::ALL {
        let name = query.name();
        all.push(link(&format!("{href}/{name}"), "data", "application/netcdf", name));
    }
    all.push(link(&format!("{href}/items"), "items", "application/geo+json", "granules"));
    all.push(link(&format!("{href}/instances"), "instances", JSON, "versions"));
    Value::Array(all)
}

fn data_queries(href: &str) -> Value {
    let mut out = Map::new();
    let own = EdrQuery::ALL.into_iter().map(EdrQuery::name).chain(["items", "locations", "instances"]);
    for name in own {
        let mut variables = json!({ "title": name, "query_type": name });
        if !matches!(name, "items" | "instances") {
            variables["output_formats"] = json!(FORMATS);
            variables["default_output_format"] = json!(FORMATS[0]);
            variables["crs_details"] = json!([{ "crs": "CRS84", "wkt": "GEOGCS[\"WGS 84\"]" }]);
        }
        match name {
            "radius" => variables["within_units"] = json!(["m", "km", "mi", "nmi", "ft", "degrees"]),
            "corridor" => {
                variables["width_units"] = json!(["m", "km", "mi", "nmi", "ft", "degrees"]);
                variables["height_units"] = json!(["m"]);
            }
            _ => {}
        }
        let link = json!({ "href": format!("{href}/{name}"), "rel": "data", "variables": variables });
        out.insert(name.into(), json!({ "link": link }));
    }
    Value::Object(out)
}

/// Space and time; a collection that says nothing may be anywhere.
fn extent(collection: &Collection) -> Value {
    let boxes: Vec<[f64; 4]> = match collection.boxes.as_slice() {
        [] => vec![[-180.0, -90.0, 180.0, 90.0]],
        some => some.to_vec(),
    };
    let mut out = json!({ "spatial": { "bbox": boxes, "crs": CRS84 } });
    if collection.time_start.is_some() || collection.time_end.is_some() {
        out["temporal"] = json!({
            "interval": [[collection.time_start, collection.time_end]],
            "values": [format!(
                "{}/{}",
                collection.time_start.as_deref().unwrap_or(".."),
                collection.time_end.as_deref().unwrap_or("..")
            )],
            "trs": "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian",
        });
    }
    out
}

fn parameters(variables: &[Variable]) -> Value {
    let mut out = Map::new();
    for v in variables {
        let label = v.long_name.as_deref().unwrap_or(&v.name);
        let mut parameter = json!({ "type": "Parameter", "id": v.id, "description": label });
        if let Some(units) = &v.units {
            parameter["unit"] = json!({ "label": units, "symbol": units });
        }
        parameter["observedProperty"] = json!({ "label": label });
        out.insert(v.name.clone(), parameter);
    }
    Value::Object(out)
}
