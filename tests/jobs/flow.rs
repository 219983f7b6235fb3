//! From submission to the end of a job.

use std::sync::atomic::Ordering;
use std::time::Duration;

use harmony::config::Config;
use harmony::jobs::{Ending, GranuleValidation, JobQueue};
use serde_json::json;
use tokio::sync::Semaphore;

use super::support::*;

fn with(names: &[&str]) -> Fixed {
    Fixed { granules: names.iter().map(|n| granule(n)).collect(), ..Fixed::default() }
}

#[tokio::test]
async fn granules_of_several_pages_become_results_in_order() {
    let config = Config { cmr_max_page_size: 3, ..config() };
    let service =
        Service::with(config, Fixed { granules: granules(8), ..Fixed::default() }, Stub::default()).await;
    let id = service.submit(submission(7)).await;
    let status = service.done(id).await;
    assert_eq!((&status["status"], &status["progress"]), (&json!("successful"), &json!(100)));
    assert_eq!(status["message"], "The job has completed successfully");
    let data = links(&status, "data");
    assert_eq!(data.len(), 7);
    assert_eq!(data[0]["bbox"], json!([-10.0, -5.0, 10.0, 5.0]));
    assert_eq!(
        data[0]["temporal"],
        json!({ "start": "2020-01-01T00:00:00.000Z", "end": "2020-01-02T00:00:00.000Z" })
    );
    assert_eq!(status["originalDataSize"], "6.84 KiB");
    assert_eq!(status["outputDataSize"], "3.42 KiB");
    assert_eq!(status["dataSizePercentChange"], "50.00% reduction");
    // Nothing is left of attempts.
    assert_eq!(std::fs::read_dir(service._dir.path().join("work")).unwrap().count(), 0);
}

#[tokio::test]
async fn fewer_granules_than_expected_correct_the_job() {
    let service = Service::new(with(&["a", "b"])).await;
    let id = service.submit(submission(5)).await;
    let status = service.done(id).await;
    assert_eq!((&status["status"], &status["numInputGranules"]), (&json!("successful"), &json!(2)));
    let none = Service::new(Fixed::default()).await;
    let id = none.submit(submission(5)).await;
    let status = none.done(id).await;
    assert_eq!(
        (&status["status"], &status["message"]),
        (&json!("failed"), &json!("No matching granules found."))
    );
}

#[tokio::test]
async fn a_job_without_a_search_counts_its_granules_itself() {
    let service = Service::new(Fixed { granules: granules(6), ..Fixed::default() }).await;
    let mut wanted = submission(4);
    wanted.num_input_granules = 6;
    wanted.validate = Some(GranuleValidation {
        reason: 2,
        has_granule_limit: true,
        max_results: 4,
        ..GranuleValidation::default()
    });
    let id = service.submit(wanted).await;
    let status = service.done(id).await;
    assert_eq!(status["numInputGranules"], 4);
    assert_eq!(
        status["message"],
        "CMR query identified 6 granules, but the request has been limited to process only the first 4 granules \
         because you requested 4 maxResults."
    );
}

#[tokio::test]
async fn one_bad_granule_of_many() {
    let service = Service::new(with(&["a", "bad", "b", "flaky"])).await;
    let id = service.submit(submission(4)).await;
    let status = service.done(id).await;
    assert_eq!((&status["status"], &status["progress"]), (&json!("complete_with_errors"), &json!(100)));
    assert_eq!(status["message"], "The job has completed with errors. See the errors field for more details");
    assert_eq!(
        status["errors"],
        json!([{ "url": "https://data.example/bad.nc", "message": "WorkItem failed: bad: it is damaged; replace it" }])
    );
    assert_eq!(links(&status, "data").len(), 3);
    assert!(status.get("warnings").is_none());
}

#[tokio::test]
async fn errors_end_a_job_that_does_not_allow_them() {
    let service = Service::new(with(&["bad", "stuck"])).await;
    let mut wanted = submission(2);
    wanted.ignore_errors = false;
    let id = service.submit(wanted).await;
    let status = service.done(id).await;
    assert_eq!(
        (&status["status"], &status["message"]),
        (&json!("failed"), &json!("WorkItem failed: bad: it is damaged; replace it"))
    );
    // The other granule's computation ended too.
    for _ in 0..200 {
        if service.engine.canceled.load(Ordering::Relaxed) == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // It may not have begun.
    assert_eq!(service.engine.runs.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn too_many_errors_end_a_job() {
    let names: Vec<String> = (0..20).map(|i| format!("bad{i:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let service = Service::new(with(&names)).await;
    let id = service.submit(submission(20)).await;
    let status = service.done(id).await;
    assert_eq!(
        status["message"],
        "75 percent maximum errors exceeded. See the errors fields for more details"
    );
    let config = Config { max_errors_for_job: 3, ..config() };
    let service = Service::with(config, with(&names), Stub::default()).await;
    let id = service.submit(submission(20)).await;
    let status = service.done(id).await;
    assert_eq!(
        status["message"],
        "Maximum allowed errors 3 exceeded. See the errors fields for more details"
    );
    assert!(status["progress"].as_u64().unwrap() < 100);
}

#[tokio::test]
async fn endings_without_results() {
    let service = Service::new(with(&["bad1", "bad2", "empty"])).await;
    let id = service.submit(submission(3)).await;
    let status = service.done(id).await;
    assert_eq!(
        status["message"],
        "The job failed with 2 errors and 1 warnings. See the errors and warnings fields of the job status page for \
         more details."
    );
    let service = Service::new(with(&["empty"])).await;
    let id = service.submit(submission(1)).await;
    let status = service.done(id).await;
    assert_eq!(
        (&status["status"], &status["message"]),
        (&json!("successful"), &json!("WorkItem warned: empty: no data in the selection"))
    );
    assert_eq!(status["warnings"].as_array().unwrap().len(), 1);
    let service = Service::new(with(&["empty1", "empty2"])).await;
    let id = service.submit(submission(2)).await;
    let status = service.done(id).await;
    assert_eq!(
        status["message"],
        "The job succeeded with 2 warnings. See the warnings field of the job status page for more details."
    );
}

#[tokio::test]
async fn a_catalogue_that_refuses_ends_the_job() {
    let catalog = with(&["a"]);
    catalog.is_down.store(true, Ordering::Relaxed);
    let service = Service::new(catalog).await;
    let id = service.submit(submission(1)).await;
    let status = service.done(id).await;
    assert_eq!(
        (&status["status"], &status["message"]),
        (&json!("failed"), &json!("Failed to query CMR for granule information"))
    );
}

#[tokio::test]
async fn a_preview_pauses_after_the_first_result() {
    let config = Config { preview_threshold: 3, ..config() };
    let catalog = Fixed { granules: granules(5), ..Fixed::default() };
    let service = Service::with(config, catalog, Stub::default()).await;
    let mut wanted = submission(5);
    wanted.messages = vec!["A note.".into()];
    let id = wanted.id;
    service.jobs.submit(wanted).await.unwrap();
    let first = service.get(&format!("/jobs/{id}")).await.json();
    assert_eq!(first["status"], "previewing");
    assert_eq!(first["message"], "The job is generating a preview before auto-pausing. A note.");
    assert_eq!(rels(&first), ["canceler", "pauser", "preview-skipper", "self"]);
    let status = service.until(id, &["paused"]).await;
    assert_eq!(links(&status, "data").len(), 1);
    assert_eq!(status["message"], "The job is paused and may be resumed using the provided link");
    assert_eq!(rels(&status), ["canceler", "resumer", "data", "self"]);
    assert_eq!(service.get(&format!("/jobs/{id}/resume")).await.status, 302);
    let status = service.done(id).await;
    assert_eq!((links(&status, "data").len(), &status["message"]), (5, &json!("A note.")));
    // Without a preview.
    let mut wanted = submission(5);
    wanted.skip_preview = true;
    let id = service.submit(wanted).await;
    assert_eq!(service.done(id).await["status"], "successful");
}

#[tokio::test]
async fn canceling_reaches_the_computation() {
    let service = Service::new(with(&["stuck", "stuck2", "stuck3"])).await;
    let id = service.submit(submission(3)).await;
    while service.engine.runs.load(Ordering::Relaxed) < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(service.ask("POST", &format!("/jobs/{id}/cancel"), "").await.status, 302);
    let status = service.status(id).await;
    assert_eq!((&status["status"], &status["message"]), (&json!("canceled"), &json!("Canceled by user.")));
    while service.engine.canceled.load(Ordering::Relaxed) < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(service.engine.runs.load(Ordering::Relaxed), 2);
}

fn synchronous(n: u64) -> harmony::jobs::Submission {
    let mut wanted = submission(n);
    wanted.operation.is_synchronous = true;
    wanted
}

#[tokio::test]
async fn synchronous_jobs_are_waited_for() {
    let service = Service::new(with(&["a"])).await;
    let id = service.submit(synchronous(1)).await;
    let ending = service.jobs.wait(id).await.unwrap();
    let Ending::Result(href) = ending else { panic!("{ending:?}") };
    assert!(href.starts_with(&format!("/service-results/harmony-local-staging/public/{id}/")), "{href}");
    assert_eq!(service.get(&href).await.body, "result of a");
    let service = Service::new(with(&["bad"])).await;
    let id = service.submit(synchronous(1)).await;
    let ending = service.jobs.wait(id).await.unwrap();
    assert_eq!(ending, Ending::Failed("WorkItem failed: bad: it is damaged; replace it".into()));
    let service = Service::new(with(&["empty"])).await;
    let id = service.submit(synchronous(1)).await;
    assert_eq!(service.jobs.wait(id).await.unwrap(), Ending::Results(0));
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_synchronous_job() {
    let service = Service::new(with(&["stuck"])).await;
    let id = service.submit(synchronous(1)).await;
    let gone = tokio::time::timeout(Duration::from_millis(200), service.jobs.wait(id)).await;
    assert!(gone.is_err());
    assert_eq!(service.done(id).await["status"], "canceled");
}

/// A service with two jobs over the same granule, both of them in work.
async fn twice(name: &str) -> (Service, uuid::Uuid, uuid::Uuid) {
    let engine = Stub { gate: Some(Semaphore::new(0)), ..Stub::default() };
    let service = Service::with(config(), with(&[name]), engine).await;
    let (first, second) = (service.submit(submission(1)).await, service.submit(submission(1)).await);
    let in_work = |id| {
        let store = service.jobs.store();
        async move {
            let filter = harmony::jobs::store::ItemFilter { step: 2, ..Default::default() };
            let items = store.items(id, &filter, 0, 1).await.unwrap().items;
            items.first().is_some_and(|i| i.status == harmony::jobs::job::ItemStatus::Running)
        }
    };
    while !(in_work(first).await && in_work(second).await) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Claimed is not yet asked for.
    tokio::time::sleep(Duration::from_secs(1)).await;
    service.engine.gate.as_ref().unwrap().add_permits(2);
    (service, first, second)
}

#[tokio::test]
async fn the_same_work_is_done_once() {
    let (service, first, second) = twice("a").await;
    let (a, b) = (service.done(first).await, service.done(second).await);
    assert_eq!(service.engine.runs.load(Ordering::Relaxed), 1);
    for (status, id) in [(a, first), (b, second)] {
        let href = links(&status, "data")[0]["href"].as_str().unwrap().to_owned();
        assert!(href.contains(&id.to_string()));
        let path = href.strip_prefix("http://localhost:3000").unwrap();
        assert_eq!(service.get(path).await.body, "result of a");
    }
    // Failures are shared, cancellation is not.
    let (service, first, second) = twice("bad").await;
    assert_eq!(service.done(first).await["status"], "failed");
    assert_eq!(service.done(second).await["status"], "failed");
    assert_eq!(service.engine.runs.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn who_shares_work_goes_on_when_the_first_is_canceled() {
    let engine = Stub { gate: Some(Semaphore::new(0)), ..Stub::default() };
    let service = Service::with(config(), with(&["a"]), engine).await;
    let first = service.submit(submission(1)).await;
    while service.engine.runs.load(Ordering::Relaxed) < 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let second = service.submit(submission(1)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    service.get(&format!("/jobs/{first}/cancel")).await;
    service.engine.gate.as_ref().unwrap().add_permits(1);
    assert_eq!(service.done(second).await["status"], "successful");
}

#[tokio::test]
async fn downloads_link_the_granules_themselves() {
    let service = Service::new(Fixed { granules: granules(3), ..Fixed::default() }).await;
    let mut wanted = submission(3);
    wanted.download_only = true;
    let id = service.submit(wanted).await;
    let status = service.done(id).await;
    let data = links(&status, "data");
    assert_eq!((data.len(), &data[0]["href"]), (3, &json!("https://data.example/g0000.nc")));
    assert_eq!(data[0]["title"], "g0000.nc");
    let item = |query: &str| {
        let uri = format!("/jobs/{id}/steps?{query}");
        let service = &service;
        async move { service.get(&uri).await.json()["steps"][0]["workItems"][0].clone() }
    };
    let all = item("resolveFiles=true").await;
    assert!(all["outputFiles"].as_array().unwrap().len() == 3 && all.get("outputPaging").is_none());
    let paged = item(&format!("resolveFiles=true&wiLimit=2&workItem{}outputPage=2", all["id"])).await;
    assert_eq!(paged["outputFiles"], json!(["https://data.example/g0002.nc"]));
    let paging = &paged["outputPaging"];
    assert_eq!(
        (&paging["currentPage"], &paging["lastPage"], &paging["total"]),
        (&json!(2), &json!(2), &json!(3))
    );
    assert_eq!(service.engine.runs.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn joined_granules_are_one_item() {
    let config = Config { cmr_max_page_size: 2, ..config() };
    let catalog = Fixed { granules: granules(5), ..Fixed::default() };
    let service = Service::with(config, catalog, Stub::default()).await;
    let mut wanted = submission(5);
    wanted.operation.concatenate = true;
    let id = service.submit(wanted).await;
    let status = service.done(id).await;
    assert_eq!((&status["status"], links(&status, "data").len()), (&json!("successful"), 1));
    assert_eq!(service.engine.runs.load(Ordering::Relaxed), 1);
    let steps = service.get(&format!("/jobs/{id}/steps")).await.json();
    assert_eq!(steps["steps"][0]["workItemCount"], 3);
    assert_eq!(steps["steps"][1]["statuses"], json!({ "successful": 1 }));
    let resolved = service.get(&format!("/jobs/{id}/steps?step=2&resolveFiles=true&wiLimit=4")).await.json();
    let item = &resolved["steps"][0]["workItems"][0];
    assert_eq!((item["inputFiles"].as_array().unwrap().len(), &item["inputPaging"]["total"]), (4, &json!(5)));
}

#[tokio::test]
async fn destinations_get_the_results() {
    let service = Service::new(with(&["a"])).await;
    let out = service._dir.path().join("out");
    let mut wanted = submission(1);
    wanted.destination = Some(format!("file://{}", out.display()));
    let id = service.submit(wanted).await;
    let status = service.done(id).await;
    assert!(status.get("dataExpiration").is_none());
    assert_eq!(
        status["message"],
        "The job has completed successfully. The results have been placed in the requested custom destination. Any \
         further changes to the result files or their location are outside of Harmony's control."
    );
    let href = links(&status, "data")[0]["href"].as_str().unwrap();
    let path = href.strip_prefix("file://").unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), "result of a");
}

#[tokio::test]
async fn a_service_that_stops_goes_on_later() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config();
    config.data = dir.path().into();
    let catalog = std::sync::Arc::new(with(&["stuck", "a"]));
    let engine = std::sync::Arc::new(Stub::default());
    let jobs = harmony::jobs::Jobs::open(&config, catalog.clone(), engine.clone()).await.unwrap();
    jobs.start().await.unwrap();
    let wanted = submission(2);
    let id = wanted.id;
    jobs.submit(wanted).await.unwrap();
    while engine.runs.load(Ordering::Relaxed) < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    jobs.stop().await;
    drop(jobs);
    let renamed = std::sync::Arc::new(Fixed::default());
    let engine = std::sync::Arc::new(Stub::default());
    let jobs = harmony::jobs::Jobs::open(&config, renamed, engine.clone()).await.unwrap();
    let job = jobs.store().job(id).await.unwrap().unwrap();
    assert_eq!((job.counts.running, job.counts.open()), (0, 1));
    jobs.start().await.unwrap();
    while engine.runs.load(Ordering::Relaxed) < 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    jobs.stop().await;
}

#[tokio::test]
async fn data_expire_and_jobs_stay() {
    let service = Service::new(with(&["a"])).await;
    let id = service.submit(submission(1)).await;
    let status = service.done(id).await;
    let href = links(&status, "data")[0]["href"].as_str().unwrap().to_owned();
    let path = href.strip_prefix("http://localhost:3000").unwrap();
    let now = harmony::jobs::now_ms();
    assert_eq!(service.jobs.expire_now(now).await.unwrap(), 0);
    assert_eq!(service.get(path).await.status, 200);
    assert_eq!(service.jobs.expire_now(now + 31 * 86_400_000).await.unwrap(), 1);
    assert_eq!(service.get(path).await.status, 404);
    assert_eq!(links(&service.status(id).await, "data").len(), 1);
}
