//! The public API: one file per group of routes. Handlers parse, call and encode.

pub mod admin;
mod caller;
pub mod capabilities;
pub mod cloud;
pub mod cmr;
pub mod coverages;
pub mod deployments;
pub mod docs;
pub mod edr;
mod escape;
pub mod figures;
mod form;
pub mod granules;
pub mod job_figures;
pub mod jobs;
pub mod layers;
pub mod listen;
mod map_answers;
pub mod map_granules;
pub mod map_prepare;
pub mod map_service;
pub mod metrics;
pub mod middleware;
pub mod openapi;
pub mod openapi_page;
pub mod page;
pub mod paging;
pub mod problem;
mod refusals;
mod remembered;
pub mod results;
mod service;
pub mod stac;
mod state;
pub mod system;
#[cfg(test)]
mod system_tests;
pub mod tiles;
pub mod versions;
pub mod wms;
mod workflow_ui;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

pub use caller::Caller;
pub use map_service::MapService;
pub use problem::Problem;
pub use state::System;

use crate::catalog::Catalog;
use crate::config::Config;
use crate::jobs::{JobQueue, Jobs};
use crate::plan::chains::Chains;

/// What all handlers share.
pub struct App {
    pub config: Config,
    pub catalog: Arc<dyn Catalog>,
    pub queue: Arc<dyn JobQueue>,
    /// What the queue works on, for documents and changes.
    pub jobs: Arc<Jobs>,
    pub chains: Chains,
    /// Counters, log, deployments, places for requests.
    pub system: System,
    pub maps: Arc<MapService>,
}

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    // The last layer sees a request first.
    Router::new()
        .merge(coverages::routes())
        .merge(edr::routes())
        .merge(granules::routes())
        .merge(admin::routes())
        .merge(capabilities::routes())
        .merge(cloud::routes())
        .merge(docs::routes())
        .merge(system::routes())
        .merge(versions::routes())
        .merge(jobs::routes())
        .merge(stac::routes())
        .merge(results::routes())
        .merge(cmr::routes())
        .merge(wms::routes())
        .merge(tiles::routes())
        .merge(workflow_ui::routes())
        .route_layer(from_fn_with_state(Arc::clone(&app), caller::guard_admin))
        .fallback(no_such_page)
        .layer(from_fn_with_state(Arc::clone(&app), middleware::admit))
        .layer(from_fn_with_state(Arc::clone(&app), middleware::bound))
        .layer(from_fn(shape_errors))
        .layer(from_fn_with_state(Arc::clone(&app), middleware::measure))
        .layer(from_fn(identify))
        .layer(from_fn(cross_origin))
        .with_state(app)
}

async fn no_such_page(method: Method) -> Problem {
    Problem::not_found(match method {
        Method::POST => "The requested POST page was not found.",
        _ => "The requested page was not found.",
    })
}

/// Gives every request an id, which its log lines and a job that it makes carry.
async fn identify(mut request: Request, next: Next) -> Response {
    use tracing::Instrument;
    let id = Uuid::new_v4();
    request.extensions_mut().insert(id);
    let span = tracing::info_span!("request", %id, method = %request.method(), path = request.uri().path());
    async move {
        let started = std::time::Instant::now();
        let response = next.run(request).await;
        let ms = started.elapsed().as_millis();
        tracing::info!(status = response.status().as_u16(), ms = ms as u64, "answered");
        response
    }
    .instrument(span)
    .await
}

/// Words in paths below which errors are JSON; elsewhere they are pages for people.
const JSON_PATHS: [&str; 13] = [
    "jobs",
    "labels",
    "capabilities",
    "ogc-api-coverages",
    "ogc-api-edr",
    "service-results",
    "service-deployment",
    "service-image-tag",
    "stac",
    "metrics",
    "health",
    "configuration",
    "/search/",
];

fn is_json_path(uri: &Uri) -> bool {
    let path = uri.path();
    let in_ui = path.contains("workflow-ui/") && ["links", "logs", "retry"].iter().any(|w| path.contains(w));
    in_ui || JSON_PATHS.iter().any(|word| path.contains(word))
}

/// Shows problems as JSON or as a page, by path.
async fn shape_errors(request: Request, next: Next) -> Response {
    let json = is_json_path(request.uri());
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem.response(json),
        None => response,
    }
}

/// Any page may ask, without credentials.
async fn cross_origin(request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let preflight = request.method() == Method::OPTIONS;
    let mut response =
        if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    let origin = origin.unwrap_or_else(|| HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if preflight {
        add_preflight(headers);
    }
    response
}

fn add_preflight(headers: &mut HeaderMap) {
    let all = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, Content-Length, Accept"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Content-Encoding, Content-Disposition"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    for (name, value) in all {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
