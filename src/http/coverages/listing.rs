//! Variables as OGC collections.

use axum::http::Uri;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::super::service::{self, address, document};
use super::super::{App, Caller, Problem};
use crate::catalog::{Collection, Variable};
use crate::request::query::decode;
use crate::request::service::declared::{self, LISTING};
use crate::request::service::fields::Fields;
use crate::request::service::{Refusal, variables};

/// All variables of the collections.
///
/// # Errors
/// A problem for unknown collections and for parameters that don't fit.
pub async fn all(app: &App, caller: &Caller, uri: &Uri, segment: &str) -> Result<Response, Problem> {
    let found = service::find(app, caller, segment).await?;
    let mut fields = Fields::from_query(uri.query().unwrap_or_default())?;
    declared::check(&mut fields, LISTING, true)?;
    check_format(&fields)?;
    let here = address(caller, uri);
    let root = here.strip_suffix("/collections").map_or_else(|| parent(&here), str::to_owned);
    let (mut links, mut entries) = (Vec::new(), Vec::new());
    for collection in &found.collections {
        let name = format!("{} v{}", collection.short_name, collection.version);
        let link = |title: String, href: &str, rel: &str| json!({ "title": title, "href": href, "rel": rel, "type": "application/json" });
        links.push(link(format!("OGC coverages API root for {name}"), &root, "root"));
        links.push(link(format!("Collections listing for {name}"), &here, "self"));
        for (id, variable) in offered(app, collection).await? {
            let name = variable.as_ref().map_or("all", |v| v.name.as_str());
            let href = format!("{here}/{}/coverage/rangeset", encode(name));
            entries.push(entry(collection, &id, variable.as_ref(), &href));
        }
    }
    Ok(document(&json!({ "links": links, "collections": entries })))
}

/// One variable, or `all`.
///
/// # Errors
/// As [`all`], and for a variable that is not there.
pub async fn one(
    app: &App,
    caller: &Caller,
    uri: &Uri,
    segment: &str,
    variable: &str,
) -> Result<Response, Problem> {
    let found = service::find(app, caller, segment).await?;
    check_format(&Fields::from_query(uri.query().unwrap_or_default())?)?;
    let name = decode(variable, false);
    let href = format!("{}/coverage/rangeset", address(caller, uri));
    for collection in &found.collections {
        let offered = offered(app, collection).await?;
        if name == "all" {
            if let Some((id, None)) = offered.first() {
                return Ok(document(&entry(collection, id, None, &href)));
            }
            continue;
        }
        let known: Vec<Variable> = offered.into_iter().filter_map(|(_, v)| v).collect();
        if let Some(variable) = variables::find(&known, &name) {
            return Ok(document(&entry(collection, &variable.id, Some(variable), &href)));
        }
    }
    let message = format!("Coverages were not found for the provided variables: {name}");
    Err(Refusal::Invalid(message).into())
}

fn parent(address: &str) -> String {
    address.rsplit_once('/').map_or(address, |(head, _)| head).to_owned()
}

fn check_format(fields: &Fields) -> Result<(), Refusal> {
    match fields.text("f").as_deref() {
        Some("html") => Err(Refusal::Invalid(
            "Unsupported format \"html\". Currently only the json format is supported.".into(),
        )),
        _ => Ok(()),
    }
}

/// Ids and variables that may be asked for; `None` is all of them together.
pub async fn offered(app: &App, collection: &Collection) -> Result<Vec<(String, Option<Variable>)>, Problem> {
    let known = app.catalog.variables(&collection.variables).await?;
    let restriction = app.chains.list.iter().find_map(|chain| chain.allowed_variables(&collection.id));
    let all = restriction.is_none().then(|| ("all".to_owned(), None));
    let allowed = |v: &Variable| restriction.is_none_or(|ids| ids.contains(&v.id));
    let rest = known.into_iter().filter(allowed).map(|v| (v.id.clone(), Some(v)));
    Ok(all.into_iter().chain(rest).collect())
}

fn entry(collection: &Collection, id: &str, variable: Option<&Variable>, href: &str) -> Value {
    let name = variable.map_or("all", |v| v.name.as_str());
    let long_name = match variable {
        Some(v) => v.long_name.as_deref().unwrap_or(name),
        None => "All variables",
    };
    let product = format!("{} v{}", collection.short_name, collection.version);
    let center = collection.archive_center.as_deref().unwrap_or(&collection.data_center);
    let mut out = Map::new();
    out.insert("id".into(), json!(format!("{}/{id}", collection.id)));
    out.insert("title".into(), json!(format!("{name} {product}")));
    out.insert("description".into(), json!(format!("{long_name} {product} ({center})")));
    let title = format!("Perform rangeset request for {name}");
    out.insert("links".into(), json!([{ "title": title, "href": href }]));
    if let Some(extent) = extent(collection) {
        out.insert("extent".into(), extent);
    }
    out.insert("itemType".into(), json!("Variable"));
    Value::Object(out)
}

fn extent(collection: &Collection) -> Option<Value> {
    let mut out = Map::new();
    if let Some([west, south, east, north]) = collection.boxes.first() {
        // Clients know this order: south, west, north, east.
        out.insert(
            "spatial".into(),
            json!({ "bbox": [south, west, north, east], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84" }),
        );
    }
    if collection.time_start.is_some() || collection.time_end.is_some() {
        let interval = json!([collection.time_start, collection.time_end]);
        let trs = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian";
        out.insert("temporal".into(), json!({ "interval": interval, "trs": trs }));
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

/// A name as a path segment.
fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'_'
            | b'.'
            | b'~'
            | b'!'
            | b'*'
            | b'('
            | b')' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
