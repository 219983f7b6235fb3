//! Work items of a job, step by step.

mod files;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::super::paging::{PageLinks, Paging, Params, number, page_refusal};
use super::{App, Caller, NOT_FOUND, Problem, answer, job_id, may_see};
use crate::jobs::job::{ItemStatus, Job, StepState};
use crate::jobs::store::{Input, Item, ItemFilter, ItemPage};
use files::Files;

const ITEMS: u64 = 50;
const MOST_ITEMS: u64 = 1000;
/// What is said of files that users can't reach.
const PRIVATE: &str = "<private file location>";

/// What the query asks for.
struct Wish {
    /// From 1; empty: all.
    steps: Vec<u64>,
    status: Vec<ItemStatus>,
    ids: Vec<i64>,
    limit: u64,
    resolve: bool,
    /// Files of an item on one page; `None`: all of them.
    files: Option<u64>,
}

/// Parameters without a number in their names, lower case.
const NAMES: [&str; 6] = ["step", "status", "workitem", "limit", "resolvefiles", "wilimit"];

fn is_known(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let numbered = |start: &str, ends: &[&str]| {
        let rest = name.strip_prefix(start);
        let middle = rest.and_then(|r| ends.iter().find_map(|end| r.strip_suffix(end)));
        middle.is_some_and(|m| !m.is_empty() && m.bytes().all(|b| b.is_ascii_digit()))
    };
    NAMES.contains(&name.as_str())
        || numbered("step", &["page"])
        || numbered("workitem", &["inputpage", "outputpage"])
}

fn read(params: &Params) -> Result<Wish, Problem> {
    let unknown: Vec<&str> = params.names().filter(|name| !is_known(name)).collect();
    if !unknown.is_empty() {
        return Err(Problem::invalid(format!(
            "Invalid parameter(s): {}. Allowed parameters are: step, status, workItem, and limit.",
            unknown.join(", ")
        )));
    }
    // A list may come as one encoded text.
    let values = |name: &str| -> Vec<String> {
        let all = params.list(name);
        all.iter().flat_map(|v| v.split(',')).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty()).collect()
    };
    let positive = |name: &str| -> Result<Vec<u64>, Problem> {
        let parse = |v: &String| v.parse::<u64>().ok().filter(|n| *n > 0 && *n < 1 << 62);
        let all: Option<Vec<u64>> = values(name).iter().map(parse).collect();
        all.ok_or_else(|| Problem::invalid(format!("{name} must be a positive integer")))
    };
    let status: Option<Vec<ItemStatus>> =
        values("status").iter().map(|s| ItemStatus::parse(&s.to_lowercase())).collect();
    let status = status.ok_or_else(|| {
        let names: Vec<&str> = ItemStatus::ALL.iter().map(|(_, name)| *name).collect();
        Problem::invalid(format!("status must be one of: {}", names.join(", ")))
    })?;
    let limit = |name: &str| {
        let given = params.any_case(name).and_then(|l| l.trim().parse::<i64>().ok());
        given.map(|l| u64::try_from(l).unwrap_or(1).clamp(1, MOST_ITEMS))
    };
    Ok(Wish {
        steps: positive("step")?,
        status,
        ids: positive("workItem")?.into_iter().map(u64::cast_signed).collect(),
        limit: limit("limit").unwrap_or(ITEMS),
        files: limit("wiLimit"),
        resolve: params.any_case("resolveFiles").is_some_and(|v| v.eq_ignore_ascii_case("true")),
    })
}

pub async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    let params = Params::of(&uri);
    let wish = read(&params)?;
    let job = app.jobs.store().job(id).await?.ok_or_else(|| Problem::not_found(NOT_FOUND))?;
    if !may_see(&app, &caller, &job.username, &job.collections).await? {
        return Err(Problem::forbidden("You do not have permission to access the requested resource"));
    }
    let address = format!("{}{}", caller.root, uri.path());
    let mut steps = Vec::new();
    for (i, state) in job.steps.iter().enumerate() {
        let index = i + 1;
        if wish.steps.is_empty() || wish.steps.contains(&(index as u64)) {
            steps.extend(step(&app, &caller, &job, (index, state), &wish, &params, &address).await?);
        }
    }
    let mut all = Map::new();
    for (key, value) in [
        ("jobID", json!(job.id)),
        ("serviceName", json!(job.chain)),
        ("status", json!(job.status.name())),
        ("progress", json!(job.progress)),
        ("message", json!(job.message())),
        ("username", json!(job.username)),
        ("numInputGranules", json!(job.num_input_granules)),
        ("request", json!(job.request_url)),
        ("steps", Value::Array(steps)),
    ] {
        all.insert(key.into(), value);
    }
    Ok(answer(&Value::Object(all)))
}

/// One step; `None` when a filter leaves nothing of it.
async fn step(
    app: &App,
    caller: &Caller,
    job: &Job,
    (index, state): (usize, &StepState),
    wish: &Wish,
    params: &Params,
    address: &str,
) -> Result<Option<Value>, Problem> {
    let page_name = format!("step{index}page");
    let page = number(params.any_case(&page_name), 1, u64::MAX, 1)
        .ok_or_else(|| Problem::invalid(page_refusal(&page_name)))?;
    let filter = ItemFilter { step: index, status: wish.status.clone(), ids: wish.ids.clone() };
    let load = |page: u64| {
        let offset = (page - 1).saturating_mul(wish.limit);
        app.jobs.store().items(job.id, &filter, offset, wish.limit)
    };
    let mut paging = Paging { page, limit: wish.limit };
    let mut found: ItemPage = load(page).await?;
    let last = paging.last(found.total).max(1);
    if page > last {
        paging.page = last;
        found = load(last).await?;
    }
    let is_filtered = !wish.status.is_empty() || !wish.ids.is_empty();
    if is_filtered && found.total == 0 {
        return Ok(None);
    }
    let statuses: Map<String, Value> =
        found.statuses.iter().map(|(s, n)| (s.name().to_owned(), json!(n))).collect();
    let is_joined = wish.resolve && found.items.iter().any(|i| i.input == Input::All);
    let joined = if is_joined { app.jobs.store().found_granules(job.id).await? } else { Vec::new() };
    let files = Files {
        job,
        root: &caller.root,
        address,
        params,
        resolve: wish.resolve,
        limit: wish.files,
        joined: &joined,
    };
    let items: Result<Vec<Value>, Problem> = found.items.iter().map(|i| item(i, &files)).collect();
    let mut all = Map::new();
    all.insert("serviceID".into(), json!(state.service));
    all.insert("stepIndex".into(), json!(index));
    all.insert("workItemCount".into(), json!(state.total));
    all.insert("statuses".into(), Value::Object(statuses));
    all.insert("workItems".into(), Value::Array(items?));
    if last > 1 {
        let links = PageLinks { address, params, page_name: &page_name, with_limit: false, extraneous: true };
        all.insert(
            "paging".into(),
            json!({
                "currentPage": paging.page,
                "lastPage": last,
                "total": found.total,
                "links": links.links(paging, found.total),
            }),
        );
    }
    Ok(Some(Value::Object(all)))
}

fn item(item: &Item, files: &Files) -> Result<Value, Problem> {
    let mut all = Map::new();
    all.insert("id".into(), json!(item.id));
    all.insert("status".into(), json!(item.status.name()));
    all.insert("retryCount".into(), json!(item.retry_count));
    files.add(item, &mut all)?;
    Ok(Value::Object(all))
}
