//! The embedded catalogue in the search dialect of CMR, so that clients of CMR, and other instances of this program,
//! find what is here.

mod collections;
mod concepts;
mod granules;
mod params;
mod values;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::{Value, json};
use uuid::Uuid;

use self::params::Params;
use super::App;
use crate::catalog::CatalogError;
use crate::catalog::embedded::Embedded;
use crate::catalog::embedded::records::Kind;

/// Below `/search` and `/access-control`.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/search/health", get(health))
        .route("/search/concepts/{*id}", get(concept))
        .route("/search/{what}", any(search))
        .route("/access-control/permissions", get(permissions))
}

/// A refusal in CMR's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub errors: Vec<String>,
}

impl Refusal {
    pub fn bad(error: impl Into<String>) -> Self {
        Refusal { status: 400, errors: vec![error.into()] }
    }

    pub fn not_found(error: impl Into<String>) -> Self {
        Refusal { status: 404, errors: vec![error.into()] }
    }

    /// What the catalogue says.
    pub fn of(error: CatalogError) -> Self {
        match error {
            CatalogError::Rejected { status, message } => Refusal { status, errors: vec![message] },
            CatalogError::Unavailable { detail } | CatalogError::Failed { detail } => {
                tracing::error!(%detail, "the catalogue failed");
                Refusal { status: 500, errors: vec!["An Internal Error has occurred.".into()] }
            }
        }
    }
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    Umm,
    /// References.
    Xml,
}

/// What was found, before it is written.
pub struct Answer {
    pub hits: u64,
    pub items: Vec<Item>,
    /// Sort values of the last item.
    pub after: Option<Vec<Value>>,
    pub title: &'static str,
    /// JSON is a feed, as for collections and granules.
    pub is_feed: bool,
}

/// One concept in the form that was asked for.
pub struct Item {
    pub id: String,
    pub name: String,
    pub body: Value,
}

/// The request's own address and parameters.
pub struct Asked<'a> {
    pub catalog: &'a Embedded,
    pub params: Params,
    pub headers: HeaderMap,
    /// Scheme and host.
    pub root: String,
    pub form: Form,
}

async fn search(State(app): State<Arc<App>>, Path(what): Path<String>, request: Request) -> Response {
    let started = Instant::now();
    let address = request.uri().to_string();
    let head = request.headers().clone();
    let root = super::caller::root(&app.config.public_root, &head);
    let found = answer(&app, &what, request, root.clone()).await;
    let response = match found {
        Ok((form, answer)) => write(form, &answer, &format!("{root}{address}"), &root, started),
        Err(refusal) => refusal.into_response(),
    };
    with_headers(response, &head, started)
}

async fn answer(app: &App, what: &str, request: Request, root: String) -> Result<(Form, Answer), Refusal> {
    let catalog = app.catalog.embedded().ok_or_else(|| {
        Refusal::not_found("This server has no catalogue of its own; ask the CMR that it is configured for.")
    })?;
    if ![Method::GET, Method::POST, Method::HEAD].contains(request.method()) {
        return Err(Refusal { status: 405, errors: vec!["Use GET or POST.".into()] });
    }
    let (name, extension) = match what.split_once('.') {
        Some((name, extension)) => (name, Some(extension)),
        None => (what, None),
    };
    let form = form(extension, request.headers())?;
    let (params, headers) = Params::read(request).await?;
    let asked = Asked { catalog, params, headers, root, form };
    let answer = match name {
        "collections" => collections::search(&asked).await,
        "granules" => granules::search(&asked).await,
        "variables" => concepts::search(&asked, Kind::Variable).await,
        "services" => concepts::search(&asked, Kind::Service).await,
        "grids" => concepts::search(&asked, Kind::Grid).await,
        "visualizations" => concepts::search(&asked, Kind::Visualization).await,
        "tools" => Ok(Answer { hits: 0, items: Vec::new(), after: None, title: "", is_feed: false }),
        other => Err(Refusal::not_found(format!("There is no search for [{other}] here."))),
    }?;
    Ok((form, answer))
}

/// The form that an extension or the Accept header names.
fn form(extension: Option<&str>, headers: &HeaderMap) -> Result<Form, Refusal> {
    let refuse = |kind: &str| {
        Refusal::bad(format!("The mime types specified in the accept header [{kind}] are not supported."))
    };
    if let Some(extension) = extension {
        return match extension {
            "json" => Ok(Form::Json),
            "xml" => Ok(Form::Xml),
            e if e == "umm_json" || e.starts_with("umm_json_v") => Ok(Form::Umm),
            other => Err(refuse(other)),
        };
    }
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or("*/*");
    for kind in accept.split(',') {
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/json" => return Ok(Form::Json),
            "application/vnd.nasa.cmr.umm_results+json" | "application/vnd.nasa.cmr.umm+json" => {
                return Ok(Form::Umm);
            }
            "application/xml" | "text/xml" | "text/html" | "*/*" => return Ok(Form::Xml),
            _ => {}
        }
    }
    Err(refuse(accept))
}

fn write(form: Form, answer: &Answer, address: &str, root: &str, started: Instant) -> Response {
    let took = started.elapsed().as_millis() as u64;
    let bodies = || answer.items.iter().map(|i| i.body.clone()).collect::<Vec<Value>>();
    let (kind, text) = match form {
        Form::Json if answer.is_feed => {
            let now = harmony_model::time::DateTime { micros: crate::catalog::embedded::now_ms() * 1000 };
            let updated = crate::catalog::umm::millis_text(&now.to_string());
            let feed = json!({ "feed": {
                "updated": updated, "id": address, "title": answer.title, "entry": bodies(),
            } });
            ("application/json;charset=utf-8", feed.to_string())
        }
        Form::Json => {
            let body = json!({ "hits": answer.hits, "took": took, "items": bodies() });
            ("application/json;charset=utf-8", body.to_string())
        }
        Form::Umm => {
            let body = json!({ "hits": answer.hits, "took": took, "items": bodies() });
            ("application/vnd.nasa.cmr.umm_results+json;version=1.9.0; charset=utf-8", body.to_string())
        }
        Form::Xml => ("application/xml; charset=utf-8", references(answer, root, took)),
    };
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert("cmr-hits", HeaderValue::from(answer.hits));
    if let Some(after) = &answer.after
        && let Ok(value) = HeaderValue::from_str(&ascii(&Value::Array(after.clone()).to_string()))
    {
        headers.insert("cmr-search-after", value);
    }
    response
}

/// JSON text that fits into a header: what is not ASCII is escaped.
fn ascii(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            let mut units = [0u16; 2];
            c.encode_utf16(&mut units).iter().for_each(|u| out.push_str(&format!("\\u{u:04x}")));
        }
    }
    out
}

fn references(answer: &Answer, root: &str, took: u64) -> String {
    let escape = super::escape::xml;
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><results><hits>{}</hits><took>{took}</took><references>",
        answer.hits
    );
    for item in &answer.items {
        out.push_str(&format!(
            "<reference><name>{}</name><id>{id}</id><location>{}/search/concepts/{id}/1</location>\
             <revision-id>1</revision-id></reference>",
            escape(&item.name),
            escape(root),
            id = escape(&item.id),
        ));
    }
    out.push_str("</references></results>");
    out
}

/// Headers that every answer has.
fn with_headers(mut response: Response, request: &HeaderMap, started: Instant) -> Response {
    const EXPOSED: &str = "CMR-Hits, CMR-Request-Id, X-Request-Id, CMR-Scroll-Id, CMR-Search-After, CMR-Timed-Out, \
                           CMR-Shapefile-Original-Point-Count, CMR-Shapefile-Simplified-Point-Count";
    let headers = response.headers_mut();
    let given = request.get("cmr-request-id").or_else(|| request.get("x-request-id")).cloned();
    let id = given.unwrap_or_else(|| {
        HeaderValue::from_str(&Uuid::new_v4().to_string()).unwrap_or_else(|_| HeaderValue::from_static(""))
    });
    headers.insert("cmr-request-id", id.clone());
    headers.insert("x-request-id", id);
    headers.insert("cmr-took", HeaderValue::from(started.elapsed().as_millis() as u64));
    headers.entry("cmr-hits").or_insert(HeaderValue::from(0));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    let any: HeaderName = header::ACCESS_CONTROL_ALLOW_ORIGIN;
    headers.insert(any, HeaderValue::from_static("*"));
    response
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = (status, json!({ "errors": self.errors }).to_string()).into_response();
        let kind = HeaderValue::from_static("application/json;charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

async fn health(State(app): State<Arc<App>>) -> Response {
    match app.catalog.health().await {
        Ok(()) => axum::Json(json!({ "catalog": { "ok?": true } })).into_response(),
        Err(e) => {
            tracing::error!(detail = ?e, "the catalogue is not well");
            (StatusCode::SERVICE_UNAVAILABLE, axum::Json(json!({ "catalog": { "ok?": false } })))
                .into_response()
        }
    }
}

async fn concept(State(app): State<Arc<App>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let started = Instant::now();
    let root = super::caller::root(&app.config.public_root, &headers);
    let response = match concepts::one(&app, &id, &headers, &root).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    };
    with_headers(response, &headers, started)
}

async fn permissions(State(app): State<Arc<App>>, request: Request) -> Response {
    let (started, head) = (Instant::now(), request.headers().clone());
    let response = match concepts::permissions(&app, request).await {
        Ok(map) => axum::Json(map).into_response(),
        Err(refusal) => refusal.into_response(),
    };
    with_headers(response, &head, started)
}
