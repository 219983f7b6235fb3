//! Jobs: lists, status documents, changes, labels, steps.

mod changes;
pub(super) mod document;
mod labels;
mod steps;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::paging::{PageLinks, Paging, Params, either, get_or_post};
use super::{App, Caller, Problem};
use crate::jobs::store::{JobFilter, JobStoreError, LinkPage};

pub use document::{LinkType, href};

/// Jobs of a list when the request doesn't say.
const LIST_PAGE: u64 = 10;
/// Links of a document when the request doesn't say.
const LINK_PAGE: u64 = 2000;

pub fn routes() -> Router<Arc<App>> {
    let mut all = Router::new();
    for (path, method) in [
        ("/jobs", get(list_own)),
        ("/admin/jobs", get(list_all)),
        // By GET it is a job that is called "status".
        ("/jobs/status", post(changes::statuses).get(no_job)),
        ("/jobs/cancel", post(changes::cancel_many).get(no_job)),
        ("/jobs/pause", post(changes::pause_many).get(no_job)),
        ("/jobs/resume", post(changes::resume_many).get(no_job)),
        ("/jobs/skip-preview", post(changes::skip_preview_many).get(no_job)),
        ("/jobs/{id}", get(show)),
        ("/admin/jobs/{id}", get(show)),
        ("/jobs/{id}/cancel", get_or_post(changes::cancel)),
        ("/jobs/{id}/pause", get_or_post(changes::pause)),
        ("/jobs/{id}/resume", get_or_post(changes::resume)),
        ("/jobs/{id}/skip-preview", get_or_post(changes::skip_preview)),
        ("/admin/jobs/{id}/cancel", get_or_post(changes::admin_cancel)),
        ("/admin/jobs/{id}/pause", get_or_post(changes::admin_pause)),
        ("/admin/jobs/{id}/resume", get_or_post(changes::admin_resume)),
        ("/admin/jobs/{id}/skip-preview", get_or_post(changes::admin_skip_preview)),
        ("/jobs/{id}/steps", get(steps::show)),
        ("/admin/jobs/{id}/steps", get(steps::show)),
        ("/labels", put(labels::add).delete(labels::remove)),
    ] {
        all = either(all, path, method);
    }
    all
}

/// A document.
fn answer(value: &Value) -> Response {
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    let mut response = value.to_string().into_response();
    response.headers_mut().insert(axum::http::header::CONTENT_TYPE, json);
    response
}

/// Job ids are written in one way.
pub fn parse_id(text: &str) -> Option<Uuid> {
    let id = Uuid::parse_str(text).ok()?;
    let is_v4 = id.get_version_num() == 4 && id.get_variant() == uuid::Variant::RFC4122;
    (is_v4 && id.to_string() == text).then_some(id)
}

fn job_id(text: &str) -> Result<Uuid, Problem> {
    parse_id(text).ok_or_else(|| {
        Problem::invalid(format!("Invalid format for Job ID '{text}'. Job ID must be a UUID."))
    })
}

pub fn unknown(id: Uuid) -> Problem {
    Problem::not_found(format!("Unable to find job {id}"))
}

const NOT_FOUND: &str = "The requested resource could not be found";

impl From<JobStoreError> for Problem {
    fn from(error: JobStoreError) -> Self {
        match error {
            JobStoreError::NotFound { id } => unknown(id),
            JobStoreError::NotOwned { .. } => Problem::not_found(NOT_FOUND),
            JobStoreError::Conflict { message } => Problem::conflict(message),
            other => Problem::internal(other),
        }
    }
}

/// Whether a caller may see a job: its owner, an administrator, or everybody when all of its data are open.
///
/// # Errors
/// What the catalogue says.
pub async fn may_see(
    app: &App,
    caller: &Caller,
    owner: &str,
    collections: &[String],
) -> Result<bool, Problem> {
    if caller.is_admin || caller.name == owner {
        return Ok(true);
    }
    if collections.is_empty() {
        return Ok(false);
    }
    let query = crate::catalog::CollectionQuery::Ids(collections.to_vec());
    let found = app.catalog.collections(&query).await?;
    let is_open = |id: &String| found.iter().any(|c| c.id == *id && c.has_eula == Some(false));
    Ok(collections.iter().all(is_open) && app.catalog.guests_may_read(collections).await?)
}

async fn list_own(State(app): State<Arc<App>>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    let user = Some(caller.name.clone());
    list(&app, &caller, &uri, user).await
}

async fn list_all(State(app): State<Arc<App>>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    list(&app, &caller, &uri, None).await
}

async fn list(app: &App, caller: &Caller, uri: &Uri, user: Option<String>) -> Result<Response, Problem> {
    let params = Params::of(uri);
    let paging = Paging::of(&params, LIST_PAGE)?;
    let labels = params.list("label").into_iter().map(|l| l.trim().to_lowercase()).filter(|l| !l.is_empty());
    let filter = JobFilter { user, labels: labels.collect() };
    let (total, jobs) = app.jobs.store().list(&filter, paging.offset(), paging.limit).await?;
    let address = format!("{}{}", caller.root, uri.path());
    let links = PageLinks {
        address: &address,
        params: &params,
        page_name: "page",
        with_limit: true,
        extraneous: false,
    };
    let jobs: Vec<Value> = jobs.iter().map(|job| document::brief(job, &caller.root)).collect();
    let body = json!({ "count": total, "jobs": jobs, "links": links.links(paging, total) });
    let mut response = answer(&body);
    response.headers_mut().insert("Harmony-Hits", HeaderValue::from(total));
    Ok(response)
}

async fn no_job(uri: Uri) -> Problem {
    let name = uri.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
    match job_id(&name) {
        Err(problem) => problem,
        Ok(id) => unknown(id),
    }
}

async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    let params = Params::of(&uri);
    let link_type = LinkType::of(&params)?;
    let paging = Paging::of(&params, LINK_PAGE)?;
    let page = LinkPage { offset: paging.offset(), limit: paging.limit, located: false };
    let view = app.jobs.store().view(id, page).await?.ok_or_else(|| unknown(id))?;
    if !may_see(&app, &caller, &view.job.username, &view.job.collections).await? {
        return Err(Problem::not_found(NOT_FOUND));
    }
    if let Some(snapshot) = app.jobs.take_snapshot(id) {
        return Ok(answer(&document::snapshot(&snapshot, &caller.root)));
    }
    let address = format!("{}{}", caller.root, uri.path());
    let links = PageLinks {
        address: &address,
        params: &params,
        page_name: "page",
        with_limit: true,
        extraneous: false,
    };
    let pages = links.links(paging, view.total);
    Ok(answer(&document::full(&view, &caller.root, link_type, pages)?))
}

/// A JSON body; nothing and what is not JSON are an empty object.
fn body_of(bytes: &[u8]) -> Map<String, Value> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn redirect(location: &str) -> Response {
    let mut response = StatusCode::FOUND.into_response();
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(axum::http::header::LOCATION, location);
    }
    response
}
