//! Granules as items of a collection, and places that have a name.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::super::Problem;
use super::super::service::{self, address, typed};
use super::metadata::{Place, check_format};
use crate::catalog::{Collection, Granule, GranuleQuery, LinkRel, Page};
use crate::request::query::decode;
use crate::request::service::declared::{self, EdrQuery, LISTING};
use crate::request::service::fields::Fields;
use crate::request::service::{Refusal, coords};

const GEOJSON: &str = "application/geo+json; charset=utf-8";
/// Name of the place that is all of a collection.
const WHOLE: &str = "extent";
/// Items of a page when the request says nothing.
const PAGE: u64 = 10;

/// The granules of a collection, a page at a time; `bbox`, `datetime`, `limit` and `after` choose.
///
/// # Errors
/// A problem for unknown collections and parameters that don't fit.
pub async fn list(at: &Place<'_>, segment: &str) -> Result<Response, Problem> {
    let found = service::find(at.app, at.caller, segment).await?;
    check_format(at)?;
    let mut fields = Fields::from_query(at.uri.query().unwrap_or_default())?;
    declared::check(&mut fields, &LISTING[..3], true)?;
    let temporal = coords::datetime(&fields.text("datetime").unwrap_or_default())?.unwrap_or_default();
    let Some(collection) = found.collections.first() else { return Err(no_item(segment)) };
    let query = GranuleQuery {
        collection: collection.id.clone(),
        bbox: coords::bbox(&fields.text("bbox").unwrap_or_default())?,
        start: temporal.start,
        end: temporal.end,
        ..GranuleQuery::default()
    };
    let size = fields.text("limit").and_then(|t| t.parse().ok()).unwrap_or(PAGE);
    let page = Page { size, after: fields.filled("after") };
    let answer = at.app.catalog.granules(&query, &page).await?;
    let here = address(at.caller, at.uri);
    let mut links = vec![json!({ "href": here, "rel": "self", "type": "application/geo+json" })];
    if let Some(after) = &answer.after {
        let mut next = Fields { list: fields.list.iter().filter(|f| f.name != "after").cloned().collect() };
        next.list.extend(
            Fields::from_pairs(
                [("after".to_owned(), after.clone())],
                crate::request::service::fields::Origin::Query,
            )
            .list,
        );
        let href = format!("{here}?{}", next.to_query());
        links.push(json!({ "href": href, "rel": "next", "type": "application/geo+json" }));
    }
    let features: Vec<Value> = answer.granules.iter().map(|g| feature(at, &here, g)).collect();
    Ok(geojson(&json!({
        "type": "FeatureCollection",
        "numberMatched": answer.hits,
        "numberReturned": features.len(),
        "links": links,
        "features": features,
    })))
}

/// One granule, by concept id or name.
///
/// # Errors
/// As [`list`], and for a granule that is not there.
pub async fn one(at: &Place<'_>, segment: &str, item: &str) -> Result<Response, Problem> {
    let found = service::find(at.app, at.caller, segment).await?;
    check_format(at)?;
    let item = decode(item, false);
    let Some(collection) = found.collections.first() else { return Err(no_item(&item)) };
    let by_id = GranuleQuery {
        collection: collection.id.clone(),
        ids: vec![item.clone()],
        ..GranuleQuery::default()
    };
    let page = Page { size: 1, after: None };
    let mut answer = at.app.catalog.granules(&by_id, &page).await?;
    if answer.granules.is_empty() && !item.contains(['*', '?']) {
        let by_name = GranuleQuery {
            collection: collection.id.clone(),
            names: vec![item.clone()],
            ..GranuleQuery::default()
        };
        answer = at.app.catalog.granules(&by_name, &page).await?;
    }
    let granule = answer.granules.first().ok_or_else(|| no_item(&item))?;
    let here = address(at.caller, at.uri);
    let list = here.rsplit_once('/').map_or(here.as_str(), |(head, _)| head);
    Ok(geojson(&feature(at, list, granule)))
}

fn no_item(item: &str) -> Problem {
    Problem::not_found(format!("The collection has no item {item}."))
}

fn geojson(value: &Value) -> Response {
    (StatusCode::OK, typed(GEOJSON, value.to_string())).into_response()
}

fn feature(at: &Place<'_>, list: &str, granule: &Granule) -> Value {
    let absolute = |href: &str| {
        if href.starts_with('/') { format!("{}{href}", at.caller.root) } else { href.to_owned() }
    };
    let mut links = vec![
        json!({ "href": format!("{list}/{}", granule.id), "rel": "self", "type": "application/geo+json" }),
    ];
    for link in granule.links.iter().filter(|l| l.rel != LinkRel::S3) {
        let rel = match link.rel {
            LinkRel::Browse => "preview",
            LinkRel::Metadata => "describedby",
            _ => "data",
        };
        let mut out = json!({ "href": absolute(&link.href), "rel": rel });
        if let Some(title) = &link.title {
            out["title"] = json!(title);
        }
        if let Some(kind) = &link.media_type {
            out["type"] = json!(kind);
        }
        links.push(out);
    }
    let datetime =
        format!("{}/{}", granule.start.as_deref().unwrap_or(".."), granule.end.as_deref().unwrap_or(".."));
    json!({
        "type": "Feature",
        "id": granule.id,
        "geometry": geometry(granule),
        "properties": { "label": granule.name, "datetime": datetime, "edrqueryendpoint": list },
        "links": links,
    })
}

fn geometry(granule: &Granule) -> Value {
    match (granule.polygons.as_slice(), granule.bbox) {
        ([ring], _) => json!({ "type": "Polygon", "coordinates": [ring] }),
        ([], Some(bbox)) => outline(bbox),
        ([], None) => Value::Null,
        (rings, _) => {
            let polygons: Vec<_> = rings.iter().map(|r| [r]).collect();
            json!({ "type": "MultiPolygon", "coordinates": polygons })
        }
    }
}

/// A box as a polygon, in two pieces where it crosses the antimeridian.
fn outline([w, s, e, n]: [f64; 4]) -> Value {
    let ring = |w: f64, e: f64| json!([[[w, s], [e, s], [e, n], [w, n], [w, s]]]);
    if w <= e {
        return json!({ "type": "Polygon", "coordinates": ring(w, e) });
    }
    json!({ "type": "MultiPolygon", "coordinates": [ring(w, 180.0), ring(-180.0, e)] })
}

/// The places of a collection that have a name: its whole extent. Any other place is named by its `lon,lat`.
///
/// # Errors
/// A problem for unknown collections.
pub async fn locations(at: &Place<'_>, segment: &str) -> Result<Response, Problem> {
    let found = service::find(at.app, at.caller, segment).await?;
    check_format(at)?;
    let here = address(at.caller, at.uri);
    let mut features = Vec::new();
    if let Some(collection) = found.collections.first() {
        let mut place = Map::new();
        place.insert("type".into(), json!("Feature"));
        place.insert("id".into(), json!(WHOLE));
        place.insert("geometry".into(), outline(whole(collection)));
        let label = format!("All of {}", collection.short_name);
        place.insert(
            "properties".into(),
            json!({ "label": label, "edrqueryendpoint": format!("{here}/{WHOLE}") }),
        );
        features.push(Value::Object(place));
    }
    Ok(geojson(&json!({ "type": "FeatureCollection", "features": features })))
}

fn whole(collection: &Collection) -> [f64; 4] {
    collection.boxes.first().copied().unwrap_or([-180.0, -90.0, 180.0, 90.0])
}

/// The query that a location stands for, the name of its parameter and its value.
///
/// # Errors
/// A problem for unknown collections and places.
pub async fn location(
    at: &Place<'_>,
    segment: &str,
    name: &str,
) -> Result<(EdrQuery, &'static str, String), Problem> {
    let found = service::find(at.app, at.caller, segment).await?;
    let name = decode(name, false);
    if name.eq_ignore_ascii_case(WHOLE) && !found.collections.is_empty() {
        // No box: a limit that limits nothing would only ask for a chain that can do it.
        return Ok((EdrQuery::Cube, "bbox", String::new()));
    }
    let numbers: Option<Vec<f64>> = name.split(',').map(|t| t.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some([lon, lat]) if lon.abs() <= 180.0 && lat.abs() <= 90.0 => {
            Ok((EdrQuery::Position, "coords", format!("POINT ({lon} {lat})")))
        }
        _ => {
            Err(Refusal::NotFound(format!("The collection has no location {name}. Use {WHOLE} or LON,LAT."))
                .into())
        }
    }
}
