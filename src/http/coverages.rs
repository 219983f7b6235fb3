//! OGC API Coverages 1.0.0: `/{collections}/ogc-api-coverages/1.0.0/…`.
//!
//! Paths are taken apart here and not by the router: collections are compared as they were written, and literal parts in
//! any case.

mod listing;
mod offering;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::{any, get};
use serde_json::json;

use self::offering::Part;
use super::form::{Form, read_form};
use super::service::{self, address, document, no_page, segments, typed};
use super::{App, Caller, Problem, openapi};
use crate::request::service::coverages;
use crate::request::service::declared::{self, COVERAGES};
use crate::request::service::fields::Fields;

const VERSION: &str = "1.0.0";
/// Where the document names the collection.
const COLLECTION_POINTER: &str = "/servers/0/variables/cmrCollectionId/default";

/// Routes of the API and of its description.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/{collections}/ogc-api-coverages", any(dispatch))
        .route("/{collections}/ogc-api-coverages/", any(dispatch))
        .route("/{collections}/ogc-api-coverages/{*rest}", any(dispatch))
        .route("/ogc-api-coverages", any(no_collection))
        .route("/ogc-api-coverages/", any(no_collection))
        .route("/ogc-api-coverages/{*rest}", any(no_collection))
        .route("/schemas/ogc-api-coverages/1.0.0/ogc-api-coverages-v1.0.0.yml", get(schema))
}

async fn schema() -> Response {
    typed(openapi::MEDIA_TYPE, openapi::yaml(&openapi::parse(openapi::COVERAGES)))
}

async fn no_collection() -> Problem {
    Problem::not_found(
        "Services can only be invoked when a valid collection is supplied in the URL path before the service name.",
    )
}

async fn dispatch(
    State(app): State<Arc<App>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let parts = segments(&uri);
    let [collections, _, VERSION, rest @ ..] = &parts[..] else { return Err(no_page(&method)) };
    let lower: Vec<String> = rest.iter().map(|s| s.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let is_get = matches!(method, Method::GET | Method::HEAD);
    let variables = match lower[..] {
        ["collections", _, "coverage", "rangeset"] => Some(rest[1]),
        // As the user documentation of the reference writes it.
        [first, "coverage", "rangeset"] if first != "collections" => Some(rest[0]),
        _ => None,
    };
    if let Some(variables) = variables.filter(|_| is_get || method == Method::POST) {
        return rangeset(&app, caller, request, collections, variables).await;
    }
    if !is_get {
        return Err(no_page(&method));
    }
    match lower[..] {
        [] => landing(&app, &caller, &uri, collections).await,
        ["api"] => description(&app, &caller, collections).await,
        ["conformance"] => {
            service::find(&app, &caller, collections).await?;
            Ok(document(&json!({ "conformsTo": CONFORMANCE })))
        }
        ["collections"] => listing::all(&app, &caller, &uri, collections).await,
        ["collections", _] => listing::one(&app, &caller, &uri, collections, rest[1]).await,
        ["collections", _, "coverage"] => {
            offering::part(&app, &caller, &uri, (collections, rest[1]), Part::Description).await
        }
        ["collections", _, "coverage", what] => match Part::find(what) {
            Some(part) => offering::part(&app, &caller, &uri, (collections, rest[1]), part).await,
            None => Err(no_page(&method)),
        },
        _ => Err(no_page(&method)),
    }
}

const CONFORMANCE: [&str; 3] = [
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-coverages-1/1.0/conf/core",
];

async fn landing(
    app: &App,
    caller: &Caller,
    uri: &axum::http::Uri,
    segment: &str,
) -> Result<Response, Problem> {
    service::find(app, caller, segment).await?;
    let root = address(caller, uri);
    let link = |path: &str, rel: &str, kind: &str, title: &str| json!({ "href": format!("{root}{path}"), "rel": rel, "type": kind, "title": title });
    let json_type = "application/json";
    Ok(document(&json!({ "links": [
        link("/", "self", json_type, "this document"),
        link("/api", "service-desc", "text/openapi+yaml;version=3.0", "the API definition"),
        link("/conformance", "conformance", json_type, "OGC conformance classes implemented by this API"),
        link("/collections", "data", json_type, "Metadata about the resource collections"),
    ] })))
}

async fn description(app: &App, caller: &Caller, segment: &str) -> Result<Response, Problem> {
    let found = service::find(app, caller, segment).await?;
    let ids: Vec<&str> = found.collections.iter().map(|c| c.id.as_str()).collect();
    let mut document = openapi::parse(openapi::COVERAGES);
    if let Some(default) = document.pointer_mut(COLLECTION_POINTER) {
        *default = json!(ids.join("/"));
    }
    Ok(typed(openapi::MEDIA_TYPE, openapi::yaml(&document)))
}

async fn rangeset(
    app: &Arc<App>,
    caller: Caller,
    request: Request,
    segment: &str,
    variables: &str,
) -> Result<Response, Problem> {
    let found = service::find(app, &caller, segment).await?;
    let (head, body) = request.into_parts();
    let is_post = head.method == Method::POST;
    let mut query = Fields::from_query(head.uri.query().unwrap_or_default())?;
    declared::check(&mut query, COVERAGES, !is_post)?;
    let form = if is_post { read_form(&head.headers, body, &app.config).await? } else { Form::default() };
    let fields = Fields::merged(form.fields, query)?;
    let variables = variables.to_owned();
    let (state, read) = (app.clone(), fields.clone());
    // Shapes of millions of vertices take seconds.
    let parse = move || coverages::parse(&variables, &read, form.upload, is_post, &state.config);
    let wanted = match is_post {
        true => tokio::task::spawn_blocking(parse).await.map_err(Problem::internal)??,
        false => parse()?,
    };
    service::answer(app, caller, (&head.uri, &head.headers), found, &fields, wanted).await
}
