//! Reports for administrators: finished jobs, repeated work items, what waits.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use super::escape::html as escape;
use super::figures::{FinishedJob, ServiceFigures};
use super::page;
use super::{App, Problem};
use crate::request::query::{Parameter, parse_query};

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/admin/request-metrics", get(request_metrics))
        .route("/admin/retry-stats", get(retry_stats))
        .route("/admin/dashboard", get(dashboard))
}

/// Columns that say whether a service took part, with its name.
const SERVICES: [(&str, &str); 9] = [
    ("harmonyGdalAdapter", "harmony-gdal-adapter"),
    ("harmonyServiceExample", "harmony-service-example"),
    ("swathProjector", "swath-projector"),
    ("hoss", "hoss"),
    ("maskfill", "maskfill"),
    ("trajectorySubsetter", "trajectory-subsetter"),
    ("podaacConcise", "podaac-concise"),
    ("podaacL2Subsetter", "podaac-l2-subsetter"),
    ("giovanniTimeSeriesAdapter", "giovanni-time-series-adapter"),
];

const COLUMNS: [&str; 10] = [
    "timeTakenSeconds",
    "numInputGranules",
    "totalGranuleSizeMb",
    "numVariables",
    "concatenate",
    "reproject",
    "synchronous",
    "spatialSubset",
    "shapefileSubset",
    "chainLength",
];

async fn request_metrics(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    let query = parse_query(uri.query().unwrap_or_default());
    let is_known = |p: &&Parameter| ["page", "limit"].iter().any(|n| p.name.eq_ignore_ascii_case(n));
    let others: Vec<&str> = query.iter().filter(|p| !is_known(p)).map(|p| p.name.as_str()).collect();
    if !others.is_empty() {
        let others = others.join(", ");
        let message = format!("Invalid parameter(s): {others}. Allowed parameters are: limit and page.");
        return Err(Problem::invalid(message));
    }
    let page = number(&query, "page", 1, u64::MAX)?;
    let limit = number(&query, "limit", 100, 2000)?;
    let jobs = app.system.figures.finished(page, limit).await;
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], table(&jobs)).into_response())
}

fn number(query: &[Parameter], name: &str, default: u64, most: u64) -> Result<u64, Problem> {
    let Some(given) = query.iter().find(|p| p.name.eq_ignore_ascii_case(name)) else { return Ok(default) };
    let bad = || {
        Problem::invalid(format!(
            "Parameter \"{name}\" is invalid. Must be an integer greater than or equal to 1."
        ))
    };
    given.value().trim().parse().ok().filter(|n| *n >= 1).map(|n: u64| n.min(most)).ok_or_else(bad)
}

fn table(jobs: &[FinishedJob]) -> String {
    let names: Vec<String> =
        COLUMNS.iter().copied().chain(SERVICES.map(|(c, _)| c)).map(|c| format!("\"{c}\"")).collect();
    let mut out = names.join(",");
    out.push('\n');
    for job in jobs {
        let flags =
            [job.concatenate, job.reproject, job.synchronous, job.spatial_subset, job.shapefile_subset];
        let _ =
            write!(out, "{},{},{},{}", job.seconds, job.input_granules, job.total_megabytes, job.variables);
        for flag in flags {
            let _ = write!(out, ",{}", u8::from(flag));
        }
        let _ = write!(out, ",{}", job.services.len());
        for (_, service) in SERVICES {
            let _ = write!(out, ",{}", u8::from(job.services.iter().any(|s| s == service)));
        }
        out.push('\n');
    }
    out
}

async fn retry_stats(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let query = parse_query(uri.query().unwrap_or_default());
    let minutes = match query.iter().find(|p| p.name.eq_ignore_ascii_case("numMinutes")) {
        None => 60,
        Some(given) => given
            .value()
            .trim()
            .parse()
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| Problem::invalid("numMinutes must be a positive integer"))?,
    };
    let counts = app.system.figures.retries(minutes).await;
    let document = retry_document(minutes, &counts, app.config.work_item_retry_limit);
    if !prefers_html(&headers) {
        return Ok(Json(document).into_response());
    }
    let rows = document.as_object().into_iter().flatten().map(|(k, v)| [k.clone(), text_of(v)]);
    let body = page::table(&["figure", "value"], rows.map(Vec::from));
    Ok(page::html("Retries", &format!("<h1>Retries</h1>{body}")))
}

fn retry_document(minutes: u32, counts: &[u64], limit: u32) -> Value {
    let mut by_retries = Map::new();
    let highest = u64::from(limit).max(counts.len().saturating_sub(1) as u64);
    for (retries, place) in (0..=highest).zip(0_usize..) {
        by_retries.insert(retries.to_string(), json!(counts.get(place).copied().unwrap_or(0)));
    }
    let items: u64 = counts.iter().sum();
    let retries: u64 = counts.iter().zip(0..).map(|(n, times)| n * times).sum();
    let executions = items + retries;
    let percent = |part: u64| match executions {
        0 => "0.00%".to_owned(),
        all => format!("{:.2}%", part as f64 * 100.0 / all as f64),
    };
    json!({
        "numMinutes": minutes,
        "counts": by_retries,
        "totalWorkItems": items,
        "totalRetries": retries,
        "totalWorkItemExecutions": executions,
        "percentSuccessful": percent(items),
        "percentRetried": percent(retries),
    })
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether a browser asks: HTML is named before JSON or anything.
fn prefers_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let place = |kind: &str| accept.find(kind);
    match (place("text/html"), place("application/json")) {
        (Some(html), Some(json)) => html < json,
        (html, _) => html.is_some(),
    }
}

async fn dashboard(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let query = parse_query(uri.query().unwrap_or_default());
    let version = query.iter().find(|p| p.name.eq_ignore_ascii_case("version")).map(|p| p.value());
    if version.is_some_and(|v| v != "1-alpha") {
        return Err(Problem::invalid("Invalid API version. Supported versions are: 1-alpha"));
    }
    let services = app.system.figures.services().await;
    if prefers_html(&headers) {
        return Ok(dashboard_page(&services));
    }
    let counts = |list: &[(String, u64)]| {
        Value::Object(list.iter().map(|(status, n)| (status.clone(), json!(n))).collect())
    };
    let one = |s: &ServiceFigures| {
        let figures = json!({
            "queued": s.queued,
            "running": s.running,
            "fiveMinutes": counts(&s.five_minutes),
            "sixtyMinutes": counts(&s.sixty_minutes),
        });
        (s.service.clone(), figures)
    };
    let services: Map<String, Value> = services.iter().map(one).collect();
    Ok(Json(json!({ "version": "1-alpha", "services": services })).into_response())
}

fn dashboard_page(services: &[ServiceFigures]) -> Response {
    let words = |list: &[(String, u64)]| {
        list.iter().map(|(status, n)| format!("{status} {n}")).collect::<Vec<_>>().join(", ")
    };
    let row = |s: &ServiceFigures| {
        let numbers = [s.queued.to_string(), s.running.to_string()];
        let [queued, running] = numbers;
        vec![s.service.clone(), queued, running, words(&s.five_minutes), words(&s.sixty_minutes)]
    };
    let heads = ["service", "queued", "running", "last 5 minutes", "last 60 minutes"];
    let body = match services {
        [] => format!("<p>{}</p>", escape("No service has any work.")),
        list => page::table(&heads, list.iter().map(row)),
    };
    page::html("Dashboard", &format!("<h1>Services</h1>{body}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_counted_with_their_first_attempt() {
        let document = retry_document(60, &[97, 1, 0], 5);
        assert_eq!(document["counts"].as_object().unwrap().len(), 6);
        assert_eq!((&document["totalWorkItems"], &document["totalRetries"]), (&json!(98), &json!(1)));
        assert_eq!(document["percentSuccessful"], "98.99%");
        assert_eq!(retry_document(5, &[], 5)["percentRetried"], "0.00%");
    }

    #[test]
    fn tables_have_a_column_for_every_known_service() {
        let job = FinishedJob {
            seconds: 1.5,
            services: vec!["query-cmr".into(), "hoss".into()],
            ..FinishedJob::default()
        };
        let table = table(&[job]);
        let rows: Vec<Vec<&str>> = table.lines().map(|l| l.split(',').collect()).collect();
        assert_eq!((rows[0].len(), rows[1].len()), (19, 19));
        assert_eq!((rows[0][13], rows[1][13], rows[1][9]), ("\"hoss\"", "1", "2"));
    }
}
