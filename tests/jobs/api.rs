//! The numbered tables of the jobs contract, in process.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use harmony::catalog::Collection;
use harmony::config::Config;
use harmony::jobs::JobQueue;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::support::*;

async fn service_of(n: usize) -> Service {
    Service::new(Fixed { granules: granules(n), ..Fixed::default() }).await
}

/// A service that works on nothing, with a running job.
async fn waiting() -> (Service, Uuid) {
    let catalog = Fixed { granules: granules(3), ..Fixed::default() };
    let service = Service::idle(config(), catalog, Stub::default()).await;
    let id = service.submit(submission(3)).await;
    (service, id)
}

// ---- checklist of §30 ------------------------------------------------------------------------------------------

#[tokio::test]
async fn checklist_1_the_first_status_is_that_of_creation() {
    let service = service_of(1).await;
    // Later than after five seconds the truth is told: on a busy machine it takes a few trials.
    let (id, first) = loop {
        let (wanted, begun) = (submission(1), std::time::Instant::now());
        let id = wanted.id;
        service.jobs.submit(wanted).await.unwrap();
        while !service.jobs.store().job(id).await.unwrap().unwrap().status.is_terminal() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let first = service.get(&format!("/jobs/{id}?linktype=https&page=7")).await.json();
        if begun.elapsed() < Duration::from_secs(5) {
            break (id, first);
        }
    };
    assert_eq!((&first["status"], &first["progress"]), (&json!("running"), &json!(0)));
    assert_eq!(rels(&first), ["canceler", "pauser", "self"]);
    assert_eq!(first["links"][2]["title"], "Job Status");
    let second = service.get(&format!("/jobs/{id}?linktype=https")).await.json();
    assert_eq!((&second["status"], &second["progress"]), (&json!("successful"), &json!(100)));
    assert_eq!(rels(&second), ["stac-catalog-json", "data", "self"]);
    let keys: Vec<&str> = second.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "username",
            "status",
            "message",
            "progress",
            "createdAt",
            "updatedAt",
            "dataExpiration",
            "links",
            "labels",
            "steps",
            "serviceName",
            "request",
            "numInputGranules",
            "jobID",
            "originalDataSize",
            "outputDataSize",
            "dataSizePercentChange"
        ]
    );
}

#[tokio::test]
async fn checklist_2_polling_by_post() {
    let service = service_of(2).await;
    let id = service.submit(submission(2)).await;
    let other = Uuid::new_v4();
    service.done(id).await;
    let body = json!({ "jobIDs": [id, other, id] }).to_string();
    let answer = service.ask("POST", "/jobs/status", &body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({
            "jobStatuses": [{ "jobID": id, "status": "successful", "progress": 100 }],
            "notFoundJobIDs": [other],
        })
    );
    for bad in ["{}", "", r#"{"jobIDs":[]}"#, r#"{"jobIDs":"x"}"#, r#"{"jobIDs":["x"]}"#] {
        assert_eq!(service.ask("POST", "/jobs/status", bad).await.status, 400, "{bad}");
    }
    let many: Vec<Uuid> = (0..2001).map(|_| Uuid::new_v4()).collect();
    let answer = service.ask("POST", "/jobs/status", &json!({ "jobIDs": many }).to_string()).await;
    assert_eq!(answer.status, 400);
    let answer = service.get("/jobs/status").await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.description(), "Error: Invalid format for Job ID 'status'. Job ID must be a UUID.");
}

#[tokio::test]
async fn checklist_3_links_keep_their_order_while_a_job_grows() {
    let engine = Stub { gate: Some(Semaphore::new(0)), ..Stub::default() };
    let catalog = Fixed { granules: granules(6), ..Fixed::default() };
    let service = Service::with(config(), catalog, engine).await;
    let id = service.submit(submission(6)).await;
    let mut before: Vec<Value> = Vec::new();
    for round in 0..3 {
        service.engine.gate.as_ref().unwrap().add_permits(2);
        let data = loop {
            let status = service.status(id).await;
            let data: Vec<Value> = links(&status, "data").into_iter().cloned().collect();
            if data.len() == 2 * (round + 1) {
                break data;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        assert_eq!(data[..before.len()], before);
        before = data;
    }
    service.done(id).await;
    let page = service.get(&format!("/jobs/{id}?linktype=https&limit=4")).await.json();
    assert_eq!(rels(&page), ["stac-catalog-json", "data", "data", "data", "data", "self", "next"]);
    let next = links(&page, "next")[0];
    assert_eq!(next["href"], format!("http://localhost:3000/jobs/{id}?linktype=https&limit=4&page=2"));
    assert_eq!(next["title"], "The next page (2 of 2)");
    let uri = next["href"].as_str().unwrap().strip_prefix("http://localhost:3000").unwrap();
    let page = service.get(uri).await.json();
    assert_eq!(links(&page, "data").len(), 2);
}

#[tokio::test]
async fn checklist_4_pausing_twice_is_a_conflict() {
    let (service, id) = waiting().await;
    assert_eq!(service.get(&format!("/jobs/{id}/pause")).await.status, 302);
    let answer = service.get(&format!("/jobs/{id}/pause")).await;
    assert_eq!(answer.status, 409);
    assert_eq!(
        answer.json(),
        json!({
            "code": "harmony.ConflictError",
            "description": "Error: Job status cannot be updated from paused to paused.",
        })
    );
}

#[tokio::test]
async fn checklist_5_changes_lead_to_the_status() {
    let (service, id) = waiting().await;
    let answer = service.get(&format!("/jobs/{id}/pause?linktype=https")).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (302, format!("/jobs/{id}").as_str()));
    let answer = service.ask("POST", &format!("/jobs/{id}/resume/"), "").await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (302, format!("/jobs/{id}").as_str()));
}

#[tokio::test]
async fn checklist_6_labels() {
    let (service, id) = waiting().await;
    let answer = service.ask("PUT", &format!("/labels?label=a&label=B&jobID={id}"), "").await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json(), json!({ "labels": ["a", "b"] }));
    let body = json!({ "jobId": [id], "label": ["foo, bar"] }).to_string();
    assert_eq!(service.ask("PUT", "/labels", &body).await.json(), json!({ "labels": ["foo", "bar"] }));
    assert_eq!(service.status(id).await["labels"], json!(["a", "b", "bar", "foo"]));
    let listed = |query: &'static str| {
        let service = &service;
        async move { service.get(&format!("/jobs?{query}")).await.json()["count"].clone() }
    };
    assert_eq!(listed("label=A%20").await, 1);
    assert_eq!(listed("label=x,b").await, 1);
    assert_eq!(listed("label=x").await, 0);
    let answer = service.ask("DELETE", &format!("/labels?label=b&label=zzz&jobID={id}"), "").await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0));
    assert_eq!(service.status(id).await["labels"], json!(["a", "bar", "foo"]));
    let answer = service.ask("PUT", &format!("/labels?label=%20&jobID={id}"), "").await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body, "Labels must contain at least one non-whitespace character");
    let answer = service.ask("PUT", "/labels?label=a&jobID=x", "").await;
    assert_eq!(
        (answer.status.as_u16(), answer.description()),
        (400, "Error: jobId x is in invalid format.".into())
    );
    let unknown = Uuid::new_v4();
    let answer = service.ask("PUT", &format!("/labels?label=a&jobID={unknown}"), "").await;
    assert_eq!(answer.description(), format!("Error: Unable to find job {unknown}"));
    let foreign = service.submit(by("somebody", 3)).await;
    let answer = service.ask("PUT", &format!("/labels?label=a&jobID={id},{foreign}"), "").await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.description(), "Error: The requested resource could not be found");
}

#[tokio::test]
async fn checklist_7_limits_of_pages() {
    let (service, id) = waiting().await;
    let answer = service.get("/jobs?limit=2001").await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.description(),
        "Error: Parameter \"limit\" is invalid. Must be an integer greater than or equal to 0 and less than or equal \
         to 2000."
    );
    let page = service.get("/jobs?limit=0").await.json();
    assert_eq!((&page["count"], &page["jobs"], rels(&page)), (&json!(1), &json!([]), vec!["self"]));
    let status = service.get(&format!("/jobs/{id}?page=0")).await;
    assert_eq!(status.status, 400);
    let page = service.get("/jobs?page=5").await.json();
    assert_eq!((&page["jobs"], rels(&page)), (&json!([]), vec!["self", "last"]));
}

#[tokio::test]
async fn checklist_8_stac() {
    let service = service_of(3).await;
    let id = service.submit(submission(3)).await;
    let status = service.done(id).await;
    let href = links(&status, "stac-catalog-json")[0]["href"].as_str().unwrap().to_owned();
    assert_eq!(href, format!("http://localhost:3000/stac/{id}/"));
    let catalog = service.get(&format!("/stac/{id}/")).await.json();
    let keys: Vec<&str> = catalog.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["id", "stac_version", "title", "type", "description", "links"]);
    assert_eq!(rels(&catalog), ["root", "item", "item", "item", "self"]);
    assert_eq!((&catalog["links"][0]["href"], &catalog["links"][1]["href"]), (&json!("."), &json!("./0")));
    let typed = service.get(&format!("/stac/{id}/?linktype=https&limit=2&page=2")).await.json();
    assert_eq!(typed["links"][0]["href"], "./?linkType=https");
    // Indexes count over all pages.
    assert_eq!(typed["links"][1]["href"], "./2?linkType=https");
    let item = service.get(&format!("/stac/{id}/2?linkType=https")).await.json();
    let data = links(&status, "data")[2]["href"].as_str().unwrap();
    assert_eq!(item["id"], format!("{id}_2"));
    assert_eq!(item["assets"][data]["roles"], json!(["data"]));
    assert_eq!(item["assets"][data]["href"], data);
    assert_eq!(item["properties"]["license"], "various");
    assert_eq!(item["properties"]["datetime"], "2020-01-01T00:00:00.000Z");
    assert_eq!(item["geometry"]["coordinates"][0][0], json!([-10.0, -5.0]));
    assert_eq!(item["links"][1]["href"], "../?linkType=https");
    for (uri, status, text) in [
        (format!("/stac/{id}/9"), 400, "STAC item index is out of bounds".to_owned()),
        (format!("/stac/{id}/x"), 400, "STAC item index is out of bounds".into()),
        (format!("/stac/{id}?page=9"), 400, "The requested paging parameters were out of bounds".into()),
        ("/stac/x".into(), 400, "jobId x is in invalid format.".into()),
    ] {
        let answer = service.get(&uri).await;
        assert_eq!(
            (answer.status.as_u16(), answer.description()),
            (status, format!("Error: {text}")),
            "{uri}"
        );
    }
    let (service, id) = waiting().await;
    let answer = service.get(&format!("/stac/{id}")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.description()),
        (409, format!("Error: Job {id} is not complete"))
    );
    let other = Uuid::new_v4();
    assert_eq!(
        service.get(&format!("/stac/{other}")).await.description(),
        format!("Error: Unable to find job {other}")
    );
}

#[tokio::test]
async fn checklist_9_results() {
    let service = service_of(1).await;
    let id = service.submit(submission(1)).await;
    let status = service.done(id).await;
    let href = links(&status, "data")[0]["href"].as_str().unwrap().to_owned();
    let uri = href.strip_prefix("http://localhost:3000").unwrap();
    let whole = service.get(uri).await;
    assert_eq!((whole.status.as_u16(), &whole.body[..]), (200, &b"result of g0000"[..]));
    assert_eq!(whole.header("cache-control"), "private, max-age=600");
    assert_eq!(whole.header("content-type"), "application/x-netcdf4");
    assert_eq!(whole.header("content-disposition"), "attachment; filename=\"g0000_subsetted.nc\"");
    assert_eq!((whole.header("content-length"), whole.header("content-encoding")), ("15", ""));
    let head = service.ask("HEAD", uri, "").await;
    assert_eq!((head.header("content-length"), head.body.len()), ("15", 0));
    let with = |name: &'static str, value: String| {
        Request::builder()
            .uri(uri)
            .header("host", "localhost")
            .header(name, value)
            .body(Body::empty())
            .unwrap()
    };
    let part = service.send(with("range", "bytes=-5".into())).await;
    assert_eq!((part.status.as_u16(), &part.body[..]), (206, &b"g0000"[..]));
    assert_eq!(part.header("content-range"), "bytes 10-14/15");
    assert_eq!(service.send(with("range", "bytes=99-".into())).await.status, 416);
    let same = service.send(with("if-none-match", whole.header("etag").to_owned())).await;
    assert_eq!((same.status.as_u16(), same.body.len()), (304, 0));
    for missing in [
        format!("/service-results/harmony-local-staging/public/{id}/1/absent.nc"),
        format!("/service-results/harmony-local-staging/public/{id}"),
        format!("/service-results/elsewhere/public/{id}/2/g0000_subsetted.nc"),
        "/service-results/harmony-local-staging/public/../../harmony.db".into(),
        "/service-results/harmony-local-staging/public/..%2F..%2Fharmony.db".into(),
        "/service-results/harmony-local-staging/%2Fetc%2Fpasswd".into(),
    ] {
        let answer = service.get(&missing).await;
        assert_eq!(answer.status, 404, "{missing}");
        assert_eq!(answer.description(), "Error: The requested resource could not be found");
    }
}

#[tokio::test]
async fn checklist_10_and_11_unknown_pages_and_options() {
    let service = service_of(0).await;
    let page = service.get("/invalid-route").await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (404, "text/html; charset=utf-8"));
    let json = service.get("/jobs/x/y/z").await;
    assert_eq!((json.status.as_u16(), json.header("content-type")), (404, "application/json; charset=utf-8"));
    let options = service.ask("OPTIONS", "/jobs/x/pause", "").await;
    assert_eq!((options.status.as_u16(), options.header("access-control-allow-origin")), (204, "*"));
}

// ---- §5 lists --------------------------------------------------------------------------------------------------

#[tokio::test]
async fn lists_are_of_the_caller_and_newest_first() {
    let catalog = Fixed { granules: granules(1), ..Fixed::default() };
    let service = Service::idle(config(), catalog, Stub::default()).await;
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push(service.submit(submission(1)).await.to_string());
    }
    service.submit(by("somebody", 1)).await;
    let answer = service.get("/jobs").await;
    assert_eq!(answer.header("harmony-hits"), "12");
    let page = answer.json();
    let keys: Vec<&str> = page.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["count", "jobs", "links"]);
    let listed: Vec<&str> =
        page["jobs"].as_array().unwrap().iter().map(|j| j["jobID"].as_str().unwrap()).collect();
    ids.reverse();
    assert_eq!(listed, ids[..10]);
    assert_eq!(rels(&page["jobs"][0]), ["canceler", "pauser", "item"]);
    assert_eq!(rels(&page), ["self", "next"]);
    let second = service.get("/jobs/?page=2").await.json();
    assert_eq!(second["jobs"].as_array().unwrap().len(), 2);
    assert_eq!(service.get("/admin/jobs").await.status, 404);
}

#[tokio::test]
async fn administrators_see_and_change_all() {
    let config = Config { admins: vec!["anonymous".into()], ..config() };
    let service = Service::idle(config, Fixed::default(), Stub::default()).await;
    let id = service.submit(by("somebody", 1)).await;
    assert_eq!(service.get("/jobs").await.json()["count"], 0);
    assert_eq!(service.get("/admin/jobs").await.json()["count"], 1);
    let answer = service.get(&format!("/jobs/{id}/cancel")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.description()),
        (404, format!("Error: Unable to find job {id}"))
    );
    let answer = service.get(&format!("/admin/jobs/{id}/cancel")).await;
    assert_eq!(answer.header("location"), format!("/admin/jobs/{id}"));
    assert_eq!(service.get(&format!("/admin/jobs/{id}")).await.json()["username"], "somebody");
    assert_eq!(service.status(id).await["message"], "Canceled by admin.");
    let other = Service::idle(
        Config { admins: vec!["root".into()], ..Config::default() },
        Fixed::default(),
        Stub::default(),
    )
    .await;
    let answer = other.get("/admin/jobs").await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.description(), "Error: You are not permitted to access this resource");
}

#[tokio::test]
async fn jobs_of_others_are_seen_when_their_data_are_open() {
    let open = |has_eula, guests| Fixed {
        collections: vec![Collection { id: COLLECTION.into(), has_eula, ..Collection::default() }],
        guests,
        ..Fixed::default()
    };
    for (catalog, status) in [
        (open(Some(false), true), 200),
        (open(Some(false), false), 404),
        (open(None, true), 404),
        (open(Some(true), true), 404),
    ] {
        let service = Service::idle(config(), catalog, Stub::default()).await;
        let id = service.submit(by("somebody", 1)).await;
        let answer = service.get(&format!("/jobs/{id}")).await;
        assert_eq!(answer.status, status);
        let steps = service.get(&format!("/jobs/{id}/steps")).await.status;
        assert_eq!(steps, if status == 200 { 200 } else { 403 });
        if status == 404 {
            assert_eq!(answer.description(), "Error: The requested resource could not be found");
            let body = json!({ "jobIDs": [id] }).to_string();
            assert_eq!(
                service.ask("POST", "/jobs/status", &body).await.json()["notFoundJobIDs"],
                json!([id])
            );
        }
    }
}

#[tokio::test]
async fn what_is_no_job_is_refused() {
    let (service, id) = waiting().await;
    let loud = id.to_string().to_uppercase();
    for bad in ["x", loud.as_str(), "00000000-0000-1000-8000-000000000000"] {
        let answer = service.get(&format!("/jobs/{bad}")).await;
        assert_eq!(answer.status, 400);
        let text = format!("Error: Invalid format for Job ID '{bad}'. Job ID must be a UUID.");
        assert_eq!(answer.description(), text);
        assert_eq!(service.get(&format!("/jobs/{bad}/pause")).await.description(), text);
    }
    let answer = service.get(&format!("/jobs/{id}?LinkType=FOO")).await;
    assert_eq!(answer.description(), "Error: Invalid linkType 'foo' must be http, https, or s3");
}

// ---- §9, §11 ---------------------------------------------------------------------------------------------------

#[tokio::test]
async fn every_change_of_every_state() {
    let conflict = |change: &str, from: &str| match change {
        "resume" => format!("Job status is {from} - only paused jobs can be resumed."),
        "skip-preview" => format!("Job status is {from} - only previewing jobs can skip preview."),
        "pause" => format!("Job status cannot be updated from {from} to paused."),
        _ => format!("Job status cannot be updated from {from} to canceled."),
    };
    let allowed = |change: &str, from: &str| match (change, from) {
        ("pause", "running" | "previewing") => Some("paused"),
        ("resume", "paused") | ("skip-preview", "previewing" | "paused") => Some("running"),
        ("cancel", "running" | "previewing" | "paused") => Some("canceled"),
        _ => None,
    };
    let config = Config { preview_threshold: 3, ..config() };
    let service = Service::idle(config, Fixed::default(), Stub::default()).await;
    for from in ["running", "previewing", "paused", "canceled"] {
        for change in ["pause", "resume", "skip-preview", "cancel"] {
            let id = service.submit(submission(if from == "previewing" { 3 } else { 2 })).await;
            if from == "paused" || from == "canceled" {
                let first = if from == "paused" { "pause" } else { "cancel" };
                assert_eq!(service.get(&format!("/jobs/{id}/{first}")).await.status, 302);
            }
            let answer = service.ask("POST", &format!("/jobs/{id}/{change}"), "").await;
            match allowed(change, from) {
                Some(to) => {
                    assert_eq!(answer.status, 302, "{from} {change}");
                    assert_eq!(service.status(id).await["status"], to);
                }
                None => {
                    assert_eq!(answer.status, 409, "{from} {change}");
                    assert_eq!(answer.description(), format!("Error: {}", conflict(change, from)));
                }
            }
        }
    }
}

#[tokio::test]
async fn many_jobs_at_once() {
    let (service, a) = waiting().await;
    let b = service.submit(submission(3)).await;
    let ids = |all: &[Uuid]| json!({ "jobIDs": all }).to_string();
    for (route, to) in [("pause", "paused"), ("resume", "running"), ("cancel", "canceled")] {
        let answer = service.ask("POST", &format!("/jobs/{route}"), &ids(&[a, b])).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "status": to })));
    }
    let c = service.submit(submission(3)).await;
    let answer = service.ask("POST", "/jobs/cancel", &ids(&[c, a, b])).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (
            500,
            json!({
                "code": "harmony.ServerError",
                "description": "Error: Could not change all job statuses. Proccessed 1.",
            })
        )
    );
    assert_eq!(service.status(c).await["message"], "Canceled by user.");
    let answer = service.ask("POST", "/jobs/pause", "{}").await;
    assert_eq!(answer.description(), "Error: Could not change all job statuses. Proccessed 0.");
}

// ---- §16 -------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn steps_show_the_items() {
    let mut all = granules(3);
    all.push(granule("bad"));
    let service = Service::new(Fixed { granules: all, ..Fixed::default() }).await;
    let id = service.submit(submission(4)).await;
    service.done(id).await;
    let steps = service.get(&format!("/jobs/{id}/steps")).await.json();
    let keys: Vec<&str> = steps.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "jobID",
            "serviceName",
            "status",
            "progress",
            "message",
            "username",
            "numInputGranules",
            "request",
            "steps"
        ]
    );
    let (first, second) = (&steps["steps"][0], &steps["steps"][1]);
    assert_eq!((&first["serviceID"], &first["stepIndex"]), (&json!("harmonyservices/query-cmr"), &json!(1)));
    assert_eq!(first["workItems"][0]["inputFiles"], Value::Null);
    assert_eq!(second["statuses"], json!({ "failed": 1, "successful": 3 }));
    assert_eq!(second["workItems"][0]["inputFiles"], json!(["https://data.example/g0000.nc"]));
    let output = second["workItems"][0]["outputFiles"][0].as_str().unwrap();
    assert!(
        output.starts_with(&format!(
            "http://localhost:3000/service-results/harmony-local-staging/public/{id}/"
        ))
    );
    let of = |query: &str| {
        let uri = format!("/jobs/{id}/steps?{query}");
        let service = &service;
        async move { service.get(&uri).await }
    };
    let failed = of("status=failed&status=warning").await.json();
    assert_eq!(failed["steps"].as_array().unwrap().len(), 1);
    assert_eq!(failed["steps"][0]["workItems"].as_array().unwrap().len(), 1);
    let first_id = second["workItems"][0]["id"].as_i64().unwrap();
    let some =
        of(&format!("workItem={first_id}%2C{}&resolveFiles=true&wiLimit=7", first_id + 1)).await.json();
    assert_eq!(some["steps"][0]["workItems"].as_array().unwrap().len(), 2);
    let paged = of("step=2&limit=2&step2Page=9").await.json();
    let paging = &paged["steps"][0]["paging"];
    assert_eq!(
        (&paging["currentPage"], &paging["lastPage"], &paging["total"]),
        (&json!(2), &json!(2), &json!(4))
    );
    assert_eq!(rels(paging), ["first", "prev", "self"]);
    let resolved = of("step=1&resolveFiles=true").await.json();
    assert_eq!(resolved["steps"][0]["workItems"][0]["inputFiles"], json!([]));
    for (query, text) in [
        ("step=x", "step must be a positive integer"),
        ("workItem=0", "workItem must be a positive integer"),
        (
            "status=done",
            "status must be one of: ready, queued, running, successful, failed, canceled, warning",
        ),
        ("step1Page=0", "Parameter \"step1page\" is invalid. Must be an integer greater than or equal to 1."),
        (
            "staus=x",
            "Invalid parameter(s): staus. Allowed parameters are: step, status, workItem, and limit.",
        ),
    ] {
        let answer = of(query).await;
        assert_eq!(
            (answer.status.as_u16(), answer.description()),
            (400, format!("Error: {text}")),
            "{query}"
        );
    }
}

// ---- load ------------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_at_once() {
    let service = std::sync::Arc::new(service_of(1).await);
    let mut clients = Vec::new();
    for _ in 0..50 {
        let service = service.clone();
        clients.push(tokio::spawn(async move {
            let mut wanted = submission(1);
            wanted.operation.is_synchronous = true;
            let id = service.submit(wanted).await;
            service.jobs.wait(id).await.unwrap()
        }));
    }
    for client in clients {
        assert!(matches!(client.await.unwrap(), harmony::jobs::Ending::Result(_)));
    }
    assert!(service.engine.runs.load(Ordering::Relaxed) <= 50);
}
