//! Every Coverages and EDR case of the request contract, against the router in process.
#![cfg(feature = "service")]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "conformance/expect.rs"]
mod expect;
#[path = "conformance/more.rs"]
mod more;
#[path = "conformance/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, header};
use harmony::config::Config;
use harmony::http::{App, MapService, System, router};
use harmony::jobs::{Ending, Submission};
use harmony::plan::chains::{Chain, Chains};
use harmony::request::service::declared::{self, COVERAGES, EdrQuery};
use harmony::request::service::fields::Fields;
use harmony::request::service::{Wanted, coverages, edr};
use serde_json::Value;
use tower::ServiceExt;
use world::{Memory, Recorder};

const BOUNDARY: &str = "the-boundary-of-the-form";

/// The contract's cases; `None` where the shared folder is absent.
fn contract() -> Option<Value> {
    let root = std::env::var_os("HARMONY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let file = root.join("contract/requests-cases.json");
    let Ok(text) = std::fs::read_to_string(&file) else {
        println!("skipped: {} is absent", file.display());
        return None;
    };
    Some(serde_json::from_str(&text).expect("the contract is JSON"))
}

fn chains(list: &Value) -> Chains {
    Chains::new(serde_json::from_value::<Vec<Chain>>(list.clone()).expect("chains of the contract"))
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn config(case: &Value, data: &Path) -> Config {
    let mut config =
        Config { max_granule_limit: 2100, preview_threshold: 500, data: data.into(), ..Config::default() };
    for need in texts(&case["needs"]) {
        match need.strip_prefix("setting:").and_then(|s| s.split_once('=')) {
            Some(("MAX_GRANULE_LIMIT", n)) => config.max_granule_limit = n.parse().unwrap(),
            Some(("PREVIEW_THRESHOLD", n)) => config.preview_threshold = n.parse().unwrap(),
            Some(("ALLOW_SERVICE_SELECTION", v)) => config.allow_service_selection = v == "true",
            Some((name, _)) => panic!("{name} is not known"),
            None => {}
        }
    }
    config
}

fn ending(case: &Value) -> Ending {
    texts(&case["needs"])
        .iter()
        .find_map(|need| {
            let failed = need.strip_prefix("stub_service_error:").map(|t| Ending::Failed(t.into()));
            failed.or_else(|| need.strip_prefix("stub_service_result:").map(|t| Ending::Result(t.into())))
        })
        .unwrap_or_else(|| Ending::Result("http://example.com".into()))
}

fn query(case: &Value) -> String {
    if let Some(raw) = case["raw_query"].as_str() {
        return raw.to_owned();
    }
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    for pair in case["query"].as_array().into_iter().flatten() {
        out.append_pair(pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
    }
    out.finish()
}

fn form(parts: &[Value]) -> String {
    let mut out = String::new();
    for part in parts {
        out += &format!("--{BOUNDARY}\r\nContent-Disposition: form-data; ");
        match part.as_array() {
            Some(pair) => {
                out += &format!("name={}\r\n\r\n{}\r\n", pair[0], pair[1].as_str().unwrap());
            }
            None => {
                out += &format!("name={}; filename={}\r\n", part["name"], part["filename"]);
                let (kind, content) =
                    (part["content_type"].as_str().unwrap(), part["content"].as_str().unwrap());
                out += &format!("Content-Type: {kind}\r\n\r\n{content}\r\n");
            }
        }
    }
    out + &format!("--{BOUNDARY}--\r\n")
}

fn request(case: &Value) -> Request<Body> {
    let query = query(case);
    let mark = if query.is_empty() { "" } else { "?" };
    let uri = format!("{}{mark}{query}", case["path"].as_str().unwrap());
    let mut builder = Request::builder().method(case["method"].as_str().unwrap()).uri(uri);
    builder = builder.header(header::HOST, "127.0.0.1:4000");
    for (name, value) in case["headers"].as_object().into_iter().flatten() {
        builder = builder.header(name, value.as_str().unwrap());
    }
    let body = match (case["form"].as_array(), case["body"].as_str()) {
        (Some(parts), _) => {
            let kind = format!("multipart/form-data; boundary={BOUNDARY}");
            builder = builder.header(header::CONTENT_TYPE, kind);
            form(parts)
        }
        (None, body) => body.unwrap_or_default().to_owned(),
    };
    builder.header(header::CONTENT_LENGTH, body.len()).body(Body::from(body)).unwrap()
}

/// What the front end makes of a request, before anything is looked up.
fn parsed(case: &Value, config: &Config) -> Wanted {
    let mut fields = Fields::from_query(&query(case)).unwrap();
    let segments: Vec<&str> = case["path"].as_str().unwrap().split('/').collect();
    if case["api"] == "edr" {
        let kind = EdrQuery::find(segments[5]).unwrap();
        let declared = kind.declared();
        declared::check(&mut fields, &declared, true).unwrap();
        return edr::parse(kind, &declared, &fields, config).unwrap();
    }
    declared::check(&mut fields, COVERAGES, true).unwrap();
    coverages::parse(segments[5], &fields, None, false, config).unwrap()
}

/// The job's members that follow from its submission; the names of those that don't.
fn job(submission: &Submission, expect: &Value, out: &mut Vec<String>, open: &mut Vec<String>) {
    for (name, wanted) in expect["job"].as_object().into_iter().flatten() {
        let actual = match name.as_str() {
            "numInputGranules" => serde_json::json!(submission.num_input_granules),
            "labels" => {
                let mut labels = submission.labels.clone();
                labels.sort();
                serde_json::json!(labels)
            }
            "message" if expect["job"]["status"] != "previewing" => match submission.messages.is_empty() {
                true => serde_json::json!("The job is being processed"),
                false => serde_json::json!(submission.messages.join(" ")),
            },
            other => {
                open.push(other.to_owned());
                continue;
            }
        };
        if !expect::same(&actual, wanted) {
            out.push(format!("job: {name} is {actual} instead of {wanted}"));
        }
    }
    for part in texts(&expect["job_message_contains"]) {
        if !submission.messages.join(" ").contains(part) {
            out.push(format!("job: message lacks {part}"));
        }
    }
    if !expect["job_link"].is_null() {
        open.push("job_link".into());
    }
}

/// Complaints, and what could not be checked.
async fn run(case: &Value, contract: &Value, memory: &Arc<Memory>) -> (Vec<String>, Vec<String>) {
    let (mut out, mut open) = (Vec::new(), Vec::new());
    let (expect, data) = (&case["expect"], tempfile::tempdir().unwrap());
    let config = config(case, data.path());
    if texts(&case["needs"]).contains(&"parse_only") {
        let operation = serde_json::to_value(parsed(case, &config).operation).unwrap();
        expect::operation(&operation, expect, &mut out);
        return (out, open);
    }
    let list = if case["chains"].is_null() { &contract["catalog"]["chains"] } else { &case["chains"] };
    let queue = Arc::new(Recorder::new(ending(case)));
    let app = App {
        maps: Arc::new(MapService::new(&config).unwrap()),
        jobs: world::idle_jobs(&config, memory).await,
        config,
        catalog: memory.clone(),
        queue: queue.clone(),
        chains: chains(list),
        system: System::default(),
    };
    let answer = router(Arc::new(app)).oneshot(request(case)).await.unwrap();
    let (head, body) = answer.into_parts();
    let text = axum::body::to_bytes(body, 1 << 24).await.unwrap();
    let text = String::from_utf8_lossy(&text);
    if expect["status"].as_u64().is_some_and(|s| s != u64::from(head.status.as_u16())) {
        out.push(format!("status {} instead of {}: {text}", head.status, expect["status"]));
    }
    let of = |name: &str| head.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    for (name, value) in expect["headers"].as_object().into_iter().flatten() {
        if of(name) != value {
            out.push(format!("{name} is {} instead of {value}", of(name)));
        }
    }
    if expect["content_type"].as_str().is_some_and(|t| t != of("content-type")) {
        out.push(format!("content type {}", of("content-type")));
    }
    redirect(of("location"), expect, &mut out);
    expect::body(&text, expect, &mut out);
    let last = queue.last.lock().unwrap().clone();
    let wants = ["operation", "operation_absent", "operation_lengths", "operation_set", "chain", "job"];
    match last {
        Some(submission) => {
            expect::operation(&serde_json::to_value(&submission.operation).unwrap(), expect, &mut out);
            if expect["chain"].as_str().is_some_and(|c| c != submission.chain) {
                out.push(format!("chain {}", submission.chain));
            }
            job(&submission, expect, &mut out, &mut open);
        }
        None if wants.iter().any(|w| !expect[*w].is_null()) => out.push("no job".into()),
        None => {}
    }
    (out, open)
}

fn redirect(location: &str, expect: &Value, out: &mut Vec<String>) {
    if expect["redirect"].as_str().is_some_and(|r| r != location) {
        out.push(format!("redirect to {location} instead of {}", expect["redirect"]));
    }
    if let Some(pattern) = expect["redirect_pattern"].as_str() {
        assert!(pattern.starts_with("^/jobs/[0-9a-f]{8}-"), "another pattern: {pattern}");
        let id = location.strip_prefix("/jobs/").unwrap_or_default();
        if id.len() != 36 || uuid::Uuid::try_parse(id).is_err() {
            out.push(format!("redirect to {location}"));
        }
    }
    for part in texts(&expect["redirect_contains"]) {
        if !location.contains(part) {
            out.push(format!("redirect to {location} without {part}"));
        }
    }
}

#[test]
fn cases_of_the_request_contract() {
    let Some(contract) = contract() else { return };
    let listed: toml::Table = include_str!("conformance/differences.toml").parse().unwrap();
    let listed: BTreeMap<&str, &str> = listed["difference"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (d["case"].as_str().unwrap(), d["reason"].as_str().unwrap()))
        .collect();
    let memory = Arc::new(Memory::of_contract(&contract["catalog"]));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let only = std::env::var("CASE").unwrap_or_default();
    let (mut passed, mut differ, mut pending, mut wms, mut failed) = (0, 0, Vec::new(), 0, Vec::new());
    for case in contract["cases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        if case["api"] == "wms" {
            wms += 1;
            continue;
        }
        if !id.contains(&only) {
            continue;
        }
        let (complaints, open) = runtime.block_on(run(case, &contract, &memory));
        match (complaints.is_empty(), listed.contains_key(id)) {
            (true, true) => failed.push(format!("{id}: passes, take it out of differences.toml")),
            (true, false) => {
                passed += 1;
                if !open.is_empty() {
                    pending.push(format!("{id} ({})", open.join(", ")));
                }
            }
            (false, true) => differ += 1,
            (false, false) => failed.push(format!("{id}: {}", complaints.join("\n  "))),
        }
    }
    let known = |id: &&&str| contract["cases"].as_array().unwrap().iter().any(|c| c["id"] == **id);
    failed.extend(listed.keys().filter(|id| !known(id)).map(|id| format!("{id} is listed and is no case")));
    println!("{passed} passed, {differ} listed as different, {wms} of WMS left out");
    println!("of those that passed, not checked without a job store: {pending:?}");
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}
