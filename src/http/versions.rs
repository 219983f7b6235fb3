//! `/versions`, `/service-image-tag` and `/service-deployment`: services with their versions. All of them are parts of
//! this program and have its version.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::deployments::{Deployment, Order};
use super::{App, Caller, Problem};
use crate::plan::chains::Chains;
use crate::request::query::parse_query;

/// Version of the program, which is the tag of all services.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/versions", get(versions))
        .route("/service-image-tag", get(all_tags))
        .route("/service-image-tag/{service}", get(one_tag).put(deploy))
        .route("/service-deployment", get(deployments))
        .route("/service-deployment/{id}", get(deployment))
        .route("/service-deployments-state", get(state).put(set_state))
        .route("/deployment-logs/{id}", get(logs))
}

async fn versions(State(app): State<Arc<App>>) -> Json<Value> {
    let chain = |c: &Arc<crate::plan::chains::Chain>| {
        let images: Vec<Value> =
            c.steps.iter().map(|s| json!({ "image": s.image, "tag": VERSION })).collect();
        json!({ "name": c.name, "images": images })
    };
    Json(Value::Array(app.chains.list.iter().map(chain).collect()))
}

/// Services by name, with their images.
fn images(chains: &Chains) -> BTreeMap<&str, &str> {
    chains.list.iter().flat_map(|c| &c.steps).map(|s| (s.service(), s.image.as_str())).collect()
}

fn tags(chains: &Chains) -> Map<String, Value> {
    images(chains).into_keys().map(|name| (name.to_owned(), json!(VERSION))).collect()
}

async fn all_tags(State(app): State<Arc<App>>) -> Json<Value> {
    Json(Value::Object(tags(&app.chains)))
}

async fn one_tag(State(app): State<Arc<App>>, Path(service): Path<String>) -> Result<Json<Value>, Problem> {
    known(&app.chains, &service)?;
    Ok(Json(json!({ "tag": VERSION })))
}

/// The image of a service.
fn known<'a>(chains: &'a Chains, service: &str) -> Result<&'a str, Problem> {
    images(chains).get(service).copied().ok_or_else(|| {
        let map = serde_json::to_string_pretty(&tags(chains)).unwrap_or_default();
        let message =
            format!("Service {service} does not exist.\nThe existing services and their images are\n{map}");
        plain(StatusCode::NOT_FOUND, message)
    })
}

fn plain(status: StatusCode, message: impl Into<String>) -> Problem {
    Problem::plain_invalid(message).with_status(status)
}

fn check_permission(caller: &Caller) -> Result<(), Problem> {
    if caller.is_admin {
        return Ok(());
    }
    let message = format!("User {} does not have permission to access this resource", caller.name);
    Err(plain(StatusCode::FORBIDDEN, message))
}

const TAG_RULE: &str = "A tag name may contain lowercase and uppercase characters, digits, periods and dashes. A tag \
                        name may not start with a period or a dash and may contain a maximum of 128 characters.";

/// Checks in the order of the contract; a tag other than the one that is there can't be had.
async fn deploy(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(service): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    check_permission(&caller)?;
    let switch = app.system.deployments.switch();
    if !switch.enabled {
        let message = format!("Service deployment is disabled. Reason: {}.", switch.message);
        return Err(plain(StatusCode::LOCKED, message));
    }
    let body: Map<String, Value> = serde_json::from_slice(&body).unwrap_or_default();
    let Some(tag) = body.get("tag").and_then(Value::as_str).filter(|t| !t.is_empty()) else {
        return Err(plain(StatusCode::BAD_REQUEST, "'tag' is a required body parameter"));
    };
    let others = body.keys().map(String::as_str).filter(|k| !matches!(*k, "tag" | "regression_test_version"));
    let others = others.collect::<Vec<_>>().join(", ");
    if !others.is_empty() {
        let message = format!(
            "Invalid body parameter(s): {others}. Allowed body parameters are: tag and regression_test_version."
        );
        return Err(plain(StatusCode::BAD_REQUEST, message));
    }
    let image = known(&app.chains, &service)?;
    if !is_tag(tag) {
        return Err(plain(StatusCode::BAD_REQUEST, TAG_RULE));
    }
    if tag != VERSION {
        return Err(plain(StatusCode::NOT_FOUND, format!("{image}:{tag} is unreachable")));
    }
    let regression = body.get("regression_test_version").and_then(Value::as_str).unwrap_or("latest");
    let record = app.system.deployments.record(&Order {
        user: &caller.name,
        service: &service,
        tag,
        regression_test_version: regression,
        root: &caller.root,
    });
    let link = format!("{}/service-deployment/{}", caller.root, record.deployment_id);
    Ok((StatusCode::ACCEPTED, Json(json!({ "tag": tag, "statusLink": link }))).into_response())
}

fn is_tag(tag: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    tag.len() <= 128 && tag.chars().all(fits) && tag.starts_with(|c: char| c.is_ascii_alphanumeric())
}

async fn deployments(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<Vec<Deployment>>, Problem> {
    let query = parse_query(uri.query().unwrap_or_default());
    let value = |name: &str| query.iter().find(|p| p.name.eq_ignore_ascii_case(name)).map(|p| p.value());
    let status = value("status");
    if let Some(s) = status.as_deref().filter(|s| !matches!(*s, "running" | "successful" | "failed")) {
        let message = format!(
            "\"{s}\" is not a valid deployment status. Valid statuses are [\"running\",\"successful\",\"failed\"]"
        );
        return Err(plain(StatusCode::BAD_REQUEST, message));
    }
    Ok(Json(app.system.deployments.list(status.as_deref(), value("service").as_deref())))
}

fn find(app: &App, id: &str) -> Option<Deployment> {
    app.system.deployments.find(Uuid::parse_str(id).ok()?)
}

fn no_deployment() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "error": "Deployment does not exist" }))).into_response()
}

async fn deployment(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    find(&app, &id).map_or_else(no_deployment, |d| Json(d).into_response())
}

async fn logs(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    let lines = |d: Deployment| {
        Json(json!([
            format!("{} deployment of {}:{} requested by {}", d.created_at, d.service, d.tag, d.username),
            format!("{} {} {} is part of this program: nothing to load", d.updated_at, d.service, d.tag),
            format!("{} {}", d.updated_at, d.status),
        ]))
        .into_response()
    };
    find(&app, &id).map_or_else(no_deployment, lines)
}

async fn state(State(app): State<Arc<App>>) -> Response {
    Json(app.system.deployments.switch()).into_response()
}

async fn set_state(State(app): State<Arc<App>>, caller: Caller, body: Bytes) -> Result<Response, Problem> {
    check_permission(&caller)?;
    let body: Map<String, Value> = serde_json::from_slice(&body).unwrap_or_default();
    let enabled = match body.get("enabled") {
        None => return Err(plain(StatusCode::BAD_REQUEST, "'enabled' is a required body parameter")),
        Some(Value::Bool(enabled)) => *enabled,
        Some(_) => {
            return Err(plain(StatusCode::BAD_REQUEST, "'enabled' can only take value of true or false"));
        }
    };
    let word = if enabled { "enabled" } else { "disabled" };
    let default = || format!("Manually {word} by {}", caller.name);
    let message = body.get("message").and_then(Value::as_str).map_or_else(default, str::to_owned);
    match app.system.deployments.set_switch(enabled, message) {
        Ok(switch) => Ok(Json(switch).into_response()),
        Err(reason) => {
            let message =
                format!("Unable to acquire service deployment lock. Reason: {reason}. Try again later.");
            Err(plain(StatusCode::LOCKED, message))
        }
    }
}
