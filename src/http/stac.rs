//! Results of a job as a SpatioTemporal Asset Catalog (STAC 1.0.0).

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::jobs::{LinkType, href, parse_id, unknown};
use super::paging::{PAGE_LIMIT, PageLinks, Paging, Params, either};
use super::{App, Caller, Problem};
use crate::jobs::iso;
use crate::jobs::job::{Job, Link, Status};
use crate::jobs::store::{LinkPage, View};

const TIMESTAMPS: &str = "https://stac-extensions.github.io/timestamps/v1.0.0/schema.json";

pub fn routes() -> Router<Arc<App>> {
    let all = either(Router::new(), "/stac/{id}", get(catalog));
    either(all, "/stac/{id}/{index}", get(item))
}

fn answer(value: &Value) -> Response {
    let mut response = value.to_string().into_response();
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn job_id(text: &str) -> Result<Uuid, Problem> {
    parse_id(text).ok_or_else(|| Problem::invalid(format!("jobId {text} is in invalid format.")))
}

/// A job that has results, with a page of those that have place and time.
async fn view(app: &App, id: Uuid, offset: u64, limit: u64) -> Result<View, Problem> {
    let page = LinkPage { offset, limit, located: true };
    let view = app.jobs.store().view(id, page).await?.ok_or_else(|| unknown(id))?;
    if !view.job.status.has_succeeded() {
        return Err(Problem::conflict(format!("Job {id} is not complete")));
    }
    Ok(view)
}

fn nothing(id: Uuid) -> Problem {
    Problem::not_found(format!("Service did not provide STAC items for job {id}"))
}

/// What links of these documents end in.
fn suffix(link_type: Option<LinkType>, params: &Params) -> String {
    match (link_type, params.any_case("linktype")) {
        (Some(_), Some(text)) => format!("?linkType={}", text.to_lowercase()),
        _ => String::new(),
    }
}

async fn catalog(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    let params = Params::of(&uri);
    let paging = Paging::of(&params, PAGE_LIMIT)?;
    let suffix = suffix(LinkType::parse(&params)?, &params);
    let view = view(&app, id, paging.offset(), paging.limit).await?;
    if view.total == 0 && view.job.status == Status::CompleteWithErrors {
        return Err(nothing(id));
    }
    if paging.page > paging.last(view.total).max(1) {
        return Err(Problem::invalid("The requested paging parameters were out of bounds"));
    }
    let mut links = vec![json!({ "href": root_href(&suffix), "rel": "root", "title": "root" })];
    for (i, link) in view.links.iter().enumerate() {
        let index = paging.offset() + i as u64;
        let mut item = Map::new();
        item.insert("href".into(), json!(format!("./{index}{suffix}")));
        item.insert("rel".into(), json!("item"));
        if let Some(title) = &link.title {
            item.insert("title".into(), json!(title));
        }
        links.push(Value::Object(item));
    }
    let address = format!("{}{}", caller.root, uri.path());
    let pages = PageLinks {
        address: &address,
        params: &params,
        page_name: "page",
        with_limit: true,
        extraneous: false,
    };
    links.extend(pages.links(paging, view.total));
    Ok(answer(&json!({
        "id": id,
        "stac_version": "1.0.0",
        "title": format!("Harmony output for {id}"),
        "type": "Catalog",
        "description": format!("Harmony output for {}", view.job.request_url),
        "links": links,
    })))
}

fn root_href(suffix: &str) -> String {
    if suffix.is_empty() { ".".into() } else { format!("./{suffix}") }
}

async fn item(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    Path((id, index)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    let params = Params::of(&uri);
    let link_type = LinkType::parse(&params)?;
    let suffix = suffix(link_type, &params);
    let beyond = || Problem::invalid("STAC item index is out of bounds");
    let number: u64 = index.parse().ok().filter(|n| *n < 1 << 62).ok_or_else(beyond)?;
    let view = view(&app, id, number, 1).await?;
    if view.total == 0 {
        return Err(nothing(id));
    }
    let link = view.links.first().ok_or_else(beyond)?;
    // Here objects of a cloud are named as such, unless something else is asked for.
    let href = href(link, &view.job, &caller.root, link_type.unwrap_or(LinkType::S3))?;
    let document = item_document(&view.job, link, number, href, &suffix).ok_or_else(beyond)?;
    Ok(answer(&document))
}

fn item_document(job: &Job, link: &Link, index: u64, href: String, suffix: &str) -> Option<Value> {
    let (bbox, [start, end]) = (link.bbox?, link.temporal?);
    let mut properties = Map::new();
    for (key, value) in [
        ("created", json!(iso(job.created_ms))),
        ("license", json!("various")),
        ("start_datetime", json!(iso(start))),
        ("end_datetime", json!(iso(end))),
        ("datetime", json!(iso(start))),
        ("expires", json!(job.expiration())),
    ] {
        if !value.is_null() {
            properties.insert(key.into(), value);
        }
    }
    Some(json!({
        "id": format!("{}_{index}", job.id),
        "stac_version": "1.0.0",
        "title": format!("Harmony output #{index} in job {}", job.id),
        "description": format!("Harmony out for {}", job.request_url),
        "type": "Feature",
        "stac_extensions": [TIMESTAMPS],
        "bbox": bbox,
        "geometry": geometry(bbox),
        "properties": properties,
        "assets": { href.clone(): asset(link, &href) },
        "links": [
            { "href": root_href(suffix), "rel": "self", "title": "self" },
            { "href": format!("../{suffix}"), "rel": "root", "title": "parent" },
        ],
    }))
}

fn geometry([west, south, east, north]: [f64; 4]) -> Value {
    let ring = |w: f64, e: f64| json!([[[w, south], [w, north], [e, north], [e, south], [w, south]]]);
    if west > east {
        return json!({ "type": "MultiPolygon", "coordinates": [ring(-180.0, east), ring(west, 180.0)] });
    }
    json!({ "type": "Polygon", "coordinates": ring(west, east) })
}

fn asset(link: &Link, href: &str) -> Value {
    let media_type = link.media_type.as_deref().unwrap_or_default();
    let role = match media_type {
        "application/json" | "text/xml" => "metadata",
        t if t.starts_with("image/") => "overview",
        _ => "data",
    };
    let mut all = Map::new();
    all.insert("href".into(), json!(href));
    for (key, value) in [("title", &link.title), ("type", &link.media_type)] {
        if let Some(text) = value {
            all.insert(key.into(), json!(text));
        }
    }
    all.insert("roles".into(), json!([role]));
    Value::Object(all)
}
