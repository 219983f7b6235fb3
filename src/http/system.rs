//! Whether the server is well, how it is set, what it has done: for operators and their programs.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::caller::{NOT_PERMITTED, admins_only};
use super::{App, Caller, Problem};
use crate::catalog::CatalogError;
use crate::request::query::parse_query;

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/health", get(health))
        .route("/admin/health", get(health))
        .route("/readiness", get(async || "OK"))
        .route("/configuration", get(configuration))
        .route("/core/configuration/log-level", get(log_level))
        .route("/metrics", get(metrics))
        .route("/robots.txt", get(robots))
}

async fn health(State(app): State<Arc<App>>) -> Response {
    let database = app.system.figures.health().await.map_err(|detail| {
        tracing::error!(%detail, "the job store does not answer");
        "Unable to query the database".to_owned()
    });
    let catalog = app.catalog.health().await.map_err(|error| match error {
        CatalogError::Unavailable { detail } => format!("CMR is down. {detail}"),
        _ => "Unable to get CMR health info.".to_owned(),
    });
    // Without login nothing depends on Earthdata Login, so that it can't be what is wrong.
    let all = [("db", database), ("cmr", catalog), ("edl", Ok(()))];
    let up = all.iter().all(|(_, state)| state.is_ok());
    let one = |(name, state): &(&str, Result<(), String>)| match state {
        Ok(()) => json!({ "name": name, "status": "up" }),
        Err(message) => json!({ "name": name, "status": "down", "message": message }),
    };
    let (status, word, message) = match up {
        true => (StatusCode::OK, "up", "Harmony is operating normally."),
        false => (StatusCode::SERVICE_UNAVAILABLE, "down", "Harmony is currently down."),
    };
    let dependencies: Vec<Value> = all.iter().map(one).collect();
    let body = json!({ "status": word, "message": message, "dependencies": dependencies });
    (status, Json(body)).into_response()
}

/// The settings in force.
async fn configuration(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Problem> {
    admins_only(&app, &caller)?;
    Ok(Json(&app.config).into_response())
}

async fn log_level(State(app): State<Arc<App>>, caller: Caller, uri: Uri) -> Result<Json<Value>, Problem> {
    if !caller.is_admin {
        return Err(Problem::forbidden(NOT_PERMITTED));
    }
    let query = parse_query(uri.query().unwrap_or_default());
    let [parameter] = query.as_slice() else { return Err(one_level()) };
    if !parameter.name.eq_ignore_ascii_case("level") {
        return Err(one_level());
    }
    let level = parameter.value();
    match app.system.log.set(&level) {
        Some(Ok(before)) => {
            Ok(Json(json!({ "result": format!("Log level was changed from {before} to {level}") })))
        }
        Some(Err(error)) => Err(Problem::internal(error)),
        None => Err(Problem::invalid(format!(
            "Requested to configure log level with invalid level ({level}). Valid levels are: error, warn, info, \
             http, verbose, debug, and silly."
        ))),
    }
}

fn one_level() -> Problem {
    Problem::invalid("Must set log level using a single query parameter (level).")
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let (jobs, services) = (app.system.figures.jobs().await, app.system.figures.services().await);
    let text = app.system.metrics.text(&jobs, &services);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// Pages of jobs and results are nothing for search engines.
async fn robots() -> Response {
    let text = "User-agent: *\nAllow: /$\nAllow: /docs\nDisallow: /\n";
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}
