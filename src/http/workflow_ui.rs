//! Jobs and their work items as pages: for people, without any script or outside file.

mod tables;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use uuid::Uuid;

use super::jobs::{document, may_see, parse_id, unknown};
use super::paging::{Paging, Params, either, number};
use super::{App, Caller, Problem, page};
use crate::jobs::job::Job;
use crate::jobs::retry::Retry;
use crate::jobs::store::{Item, ItemFilter, JobFilter};

/// Jobs on a page when the request doesn't say.
const JOBS: u64 = 10;
/// Items on a page when the request doesn't say.
const ITEMS: u64 = 100;
const MOST: u64 = 2000;

pub fn routes() -> Router<Arc<App>> {
    let mut all = Router::new();
    for (path, method) in [
        ("/workflow-ui/{id}", get(job_page)),
        ("/workflow-ui/{id}/work-items", get(items)),
        ("/workflow-ui/{id}/work-items/{item}", get(one_item)),
        ("/workflow-ui/{id}/links", get(links)),
        ("/workflow-ui/{id}/{item}/retry", post(retry)),
        ("/admin/workflow-ui/{id}", get(job_page)),
        ("/admin/workflow-ui/{id}/work-items", get(items)),
        ("/logs/{id}/{item}", get(logs)),
    ] {
        all = either(all, path, method);
    }
    all.route("/workflow-ui", get(own_jobs))
        .route("/workflow-ui/", get(without_slash))
        .route("/workflow-ui/jobs", post(own_table))
        .route("/admin/workflow-ui", get(all_jobs))
        .route("/admin/workflow-ui/", get(without_slash))
        .route("/admin/workflow-ui/jobs", post(all_table))
}

async fn without_slash(uri: Uri) -> Response {
    let path = uri.path().trim_end_matches('/');
    let to = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let location = HeaderValue::from_str(&to).unwrap_or(HeaderValue::from_static("/workflow-ui"));
    (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, location)]).into_response()
}

fn fragment(html: String) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}

/// Which page; what is out of range is put into it.
fn paging(params: &Params, default: u64) -> Paging {
    let read = |name: &str, default: u64, most: u64| {
        let given = params.exact(name).and_then(|v| v.trim().parse::<i64>().ok());
        given.map_or(default, |n| u64::try_from(n).unwrap_or(1).clamp(1, most))
    };
    Paging { page: read("page", 1, u64::MAX), limit: read("limit", default, MOST) }
}

/// The jobs of a user, or of all, as a table with links to other pages.
async fn table(app: &App, uri: &Uri, user: Option<String>) -> Result<(u64, String), Problem> {
    let params = Params::of(uri);
    let paging = paging(&params, JOBS);
    let labels = params.list("label").into_iter().map(|l| l.trim().to_lowercase()).filter(|l| !l.is_empty());
    let filter = JobFilter { user, labels: labels.collect() };
    let (total, jobs) = app.jobs.store().list(&filter, paging.offset(), paging.limit).await?;
    let base = uri.path().trim_end_matches("/jobs");
    Ok((total, tables::jobs(&jobs, base, filter.user.is_none()) + &tables::pages(base, paging, total)))
}

async fn jobs_page(app: &App, uri: &Uri, user: Option<String>) -> Result<Response, Problem> {
    let (total, table) = table(app, uri, user).await?;
    let mut response = page::html("Jobs", &format!("<h1>Jobs</h1>{table}"));
    response.headers_mut().insert("Harmony-Hits", HeaderValue::from(total));
    Ok(response)
}

async fn own_jobs(State(app): State<Arc<App>>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    jobs_page(&app, &uri, Some(caller.name)).await
}

async fn all_jobs(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    jobs_page(&app, &uri, None).await
}

async fn own_table(State(app): State<Arc<App>>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    table(&app, &uri, Some(caller.name)).await.map(|(_, html)| fragment(html))
}

async fn all_table(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    table(&app, &uri, None).await.map(|(_, html)| fragment(html))
}

/// A job that the caller may look at, and whether it is the caller's to change.
async fn job(app: &App, caller: &Caller, id: &str) -> Result<(Job, bool), Problem> {
    let id: Uuid = parse_id(id).ok_or_else(|| {
        Problem::invalid(format!("Invalid format for Job ID '{id}'. Job ID must be a UUID."))
    })?;
    let job = app.jobs.store().job(id).await?.ok_or_else(|| unknown(id))?;
    if !may_see(app, caller, &job.username, &job.collections).await? {
        return Err(forbidden());
    }
    let is_own = caller.is_admin || caller.name == job.username;
    Ok((job, is_own))
}

fn forbidden() -> Problem {
    Problem::forbidden("You do not have permission to access the requested resource")
}

/// All items of a job with their steps, of one page, and how many there are.
async fn page_of(app: &App, job: &Job, paging: Paging) -> Result<(u64, Vec<(usize, Item)>), Problem> {
    let (mut total, mut found) = (0, Vec::new());
    let mut skip = paging.offset();
    for step in 1..=job.steps.len() {
        let left = paging.limit.saturating_sub(found.len() as u64);
        let filter = ItemFilter { step, ..ItemFilter::default() };
        let page = app.jobs.store().items(job.id, &filter, skip, left).await?;
        total += page.total;
        skip = skip.saturating_sub(page.total);
        found.extend(
            page.items.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)).map(|i| (step, i)),
        );
    }
    Ok((total, found))
}

async fn job_page(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (job, is_own) = job(&app, &caller, &id).await?;
    let paging = paging(&Params::of(&uri), ITEMS);
    let (total, found) = page_of(&app, &job, paging).await?;
    let body = tables::job(&job, &found, is_own) + &tables::pages(uri.path(), paging, total);
    Ok(page::html(&format!("Job {}", job.id), &body))
}

/// The table alone; nothing more when the job has ended and its state was asked for.
async fn items(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (job, is_own) = job(&app, &caller, &id).await?;
    let params = Params::of(&uri);
    if job.status.is_terminal() && params.exact("checkJobStatus").as_deref() == Some("true") {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let paging = paging(&params, ITEMS);
    let (total, found) = page_of(&app, &job, paging).await?;
    let base = uri.path().trim_end_matches("/work-items");
    Ok(fragment(tables::items(&job, &found, is_own) + &tables::pages(base, paging, total)))
}

/// An item of a job by the text of its number.
async fn item_of(app: &App, job: &Job, item: &str) -> Result<(usize, Item), Problem> {
    let missing = || Problem::not_found(format!("Unable to find item {item}"));
    let id = number(Some(item.to_owned()), 1, i64::MAX.unsigned_abs(), 0).ok_or_else(missing)?;
    app.jobs.item(job.id, job.steps.len(), id.cast_signed()).await?.ok_or_else(missing)
}

async fn one_item(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, item)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (job, is_own) = job(&app, &caller, &id).await?;
    let (step, item) = item_of(&app, &job, &item).await?;
    Ok(fragment(tables::item(&job, step, &item, is_own)))
}

async fn links(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (job, is_own) = job(&app, &caller, &id).await?;
    if !is_own {
        return Err(forbidden());
    }
    let root = if caller.is_admin { format!("{}/admin", caller.root) } else { caller.root.clone() };
    let all = Params::of(&uri).exact("all").as_deref() == Some("true");
    Ok(super::service::document(&Value::Array(document::state_links(&job, &root, all))))
}

async fn retry(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, item)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (job, is_own) = job(&app, &caller, &id).await?;
    if !is_own {
        return Err(forbidden());
    }
    let (_, item) = item_of(&app, &job, &item).await?;
    let message = match app.jobs.retry(job.id, &item).await? {
        Retry::Queued => "The item was successfully requeued.".to_owned(),
        Retry::Exhausted => "The item does not have any retries left.".to_owned(),
        Retry::Idle => {
            let status = item.status.name();
            return Err(Problem::conflict(format!(
                "Item {} is {status} - only running items can be tried again.",
                item.id
            )));
        }
    };
    Ok(super::service::document(&json!({ "message": message })))
}

/// What is known of the attempts of an item. The log itself is the operator's.
async fn logs(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, item)): Path<(String, String)>,
) -> Result<Response, Problem> {
    if !caller.is_admin {
        return Err(forbidden());
    }
    let (job, _) = job(&app, &caller, &id).await?;
    let (step, item) = item_of(&app, &job, &item).await?;
    let service = job.steps.get(step - 1).map_or("", |s| s.service.as_str());
    let record = json!({
        "requestId": job.id, "workItemId": item.id, "serviceId": service, "status": item.status.name(),
        "retryCount": item.retry_count, "message": item.message,
        "timestamp": crate::jobs::iso(item.updated_ms),
    });
    Ok(super::service::document(&json!([record])))
}
