//! OGC API Environmental Data Retrieval 1.1.0: `/ogc-api-edr/1.1.0/…`.

mod items;
mod metadata;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::{any, get};

use super::form::read_json;
use super::service::{self, no_page, segments, typed};
use super::{App, Caller, Problem, openapi};
use crate::request::service::body::body_fields;
use crate::request::service::declared::{self, EdrQuery};
use crate::request::service::edr;
use crate::request::service::fields::Fields;

const VERSION: &str = "1.1.0";

/// Routes of the API and of its description.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/ogc-api-edr", any(dispatch))
        .route("/ogc-api-edr/", any(dispatch))
        .route("/ogc-api-edr/{*rest}", any(dispatch))
        .route("/schemas/ogc-api-edr/1.1.0/ogc-api-edr-v1.1.0.yml", get(schema))
}

async fn schema() -> Response {
    typed(openapi::MEDIA_TYPE, openapi::yaml(&openapi::parse(openapi::EDR)))
}

async fn dispatch(
    State(app): State<Arc<App>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let parts = segments(&uri);
    let [_, VERSION, rest @ ..] = &parts[..] else { return Err(no_page(&method)) };
    let lower: Vec<String> = rest.iter().map(|s| s.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let is_get = matches!(method, Method::GET | Method::HEAD);
    let query = match lower[..] {
        ["collections", _, name] => EdrQuery::find(name).map(|q| (q, rest[1])),
        // An instance is a collection of its own.
        ["collections", _, "instances", _, name] => EdrQuery::find(name).map(|q| (q, rest[3])),
        // Places have no instances: the collection itself is asked.
        _ => None,
    };
    if let Some((kind, segment)) = query.filter(|_| is_get || method == Method::POST) {
        return run(&app, caller, request, kind, segment).await;
    }
    if !is_get {
        return Err(no_page(&method));
    }
    let at = metadata::Place { app: &app, caller: &caller, uri: &uri };
    match lower[..] {
        [] => Ok(metadata::landing(&at)),
        ["api"] => Ok(schema().await),
        ["conformance"] => Ok(metadata::conformance()),
        ["collections"] => metadata::collections(&at).await,
        ["collections", _] => metadata::collection(&at, rest[1]).await,
        ["collections", _, "instances"] => metadata::instances(&at, rest[1]).await,
        ["collections", _, "instances", _] => metadata::collection(&at, rest[3]).await,
        ["collections", _, "items"] => items::list(&at, rest[1]).await,
        ["collections", _, "items", _] => items::one(&at, rest[1], rest[3]).await,
        ["collections", _, "locations"] => items::locations(&at, rest[1]).await,
        ["collections", _, "locations", _] => {
            let query = items::location(&at, rest[1], rest[3]).await?;
            located(&app, caller, request, rest[1], query).await
        }
        _ => Err(no_page(&method)),
    }
}

async fn run(
    app: &Arc<App>,
    caller: Caller,
    request: Request,
    kind: EdrQuery,
    segment: &str,
) -> Result<Response, Problem> {
    let found = service::find(app, &caller, segment).await?;
    let declared = kind.declared();
    let (head, body) = request.into_parts();
    let is_post = head.method == Method::POST;
    let mut query = Fields::from_query(head.uri.query().unwrap_or_default())?;
    declared::check(&mut query, &declared, !is_post)?;
    let body = if is_post { read_json(&head.headers, body).await? } else { None };
    let body = body.map(|json| body_fields(&json, kind)).transpose()?.unwrap_or_default();
    let fields = Fields::merged(body, query)?;
    let wanted = edr::parse(kind, &declared, &fields, &app.config)?;
    service::answer(app, caller, (&head.uri, &head.headers), found, &fields, wanted).await
}

/// A named location is a cube or a position with the other parameters of the request.
async fn located(
    app: &Arc<App>,
    caller: Caller,
    request: Request,
    segment: &str,
    (kind, name, value): (EdrQuery, &'static str, String),
) -> Result<Response, Problem> {
    let found = service::find(app, &caller, segment).await?;
    let declared = kind.declared();
    let (head, _) = request.into_parts();
    let given = Fields::from_query(head.uri.query().unwrap_or_default())?;
    let place = url::form_urlencoded::Serializer::new(String::new()).append_pair(name, &value).finish();
    let mut all = Fields::merged(Fields::from_query(&place)?, given.clone())?;
    declared::check(&mut all, &declared, true)?;
    let wanted = edr::parse(kind, &declared, &all, &app.config)?;
    service::answer(app, caller, (&head.uri, &head.headers), found, &given, wanted).await
}
