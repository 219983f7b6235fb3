//! Each route about the system, asked in process.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use super::figures::{FinishedJob, JobFigures, ServiceFigures};
use super::{App, MapService, System, router};
use crate::catalog::{
    Catalog, CatalogError, Collection, CollectionQuery, Granule, GranulePage, GranuleQuery, Grid, Page,
    Variable,
};
use crate::config::Config;
use crate::jobs::engine::LocalEngine;
use crate::jobs::{Ending, JobError, JobQueue, Jobs, Submission};
use crate::logging::LevelHandle;
use crate::plan::chains::Chains;
use crate::store::StoreOptions;

/// Two collections of one short name; only the older one has a service.
struct Shelf {
    is_down: bool,
}

fn shelf() -> Vec<Collection> {
    let one = |id: &str, services: &[&str]| Collection {
        id: id.into(),
        short_name: "harmony_example".into(),
        variables: vec!["V1-TEST".into()],
        services: services.iter().map(|s| (*s).into()).collect(),
        ..Collection::default()
    };
    vec![one("C2-TEST", &[]), one("C1-TEST", &["S1962070864-POCLOUD"])]
}

#[async_trait]
impl Catalog for Shelf {
    async fn collections(&self, query: &CollectionQuery) -> Result<Vec<Collection>, CatalogError> {
        Ok(shelf()
            .into_iter()
            .filter(|c| match query {
                CollectionQuery::Ids(ids) => ids.contains(&c.id),
                CollectionQuery::ShortName(name) => c.short_name == *name,
                CollectionQuery::All => true,
            })
            .collect())
    }

    async fn variables(&self, ids: &[String]) -> Result<Vec<Variable>, CatalogError> {
        let variable = |id: &String| Variable {
            id: id.clone(),
            name: "red_var".into(),
            units: Some("K".into()),
            science_keywords: vec![json!({ "Category": "EARTH SCIENCE", "VariableLevel1": "RED", "Odd": 1 })],
            ..Variable::default()
        };
        Ok(ids.iter().map(variable).collect())
    }

    async fn grids(&self, _name: &str) -> Result<Vec<Grid>, CatalogError> {
        Ok(Vec::new())
    }

    async fn granules(&self, _query: &GranuleQuery, _page: &Page) -> Result<GranulePage, CatalogError> {
        Ok(GranulePage { granules: Vec::<Granule>::new(), ..GranulePage::default() })
    }

    async fn guests_may_read(&self, _collections: &[String]) -> Result<bool, CatalogError> {
        Ok(true)
    }

    async fn health(&self) -> Result<(), CatalogError> {
        match self.is_down {
            true => Err(CatalogError::Unavailable { detail: "It sleeps.".into() }),
            false => Ok(()),
        }
    }

    fn root(&self) -> &str {
        "https://cmr.example.org"
    }
}

struct NoQueue;

#[async_trait]
impl JobQueue for NoQueue {
    async fn submit(&self, _submission: Submission) -> Result<(), JobError> {
        Ok(())
    }

    async fn wait(&self, _job: Uuid) -> Result<Ending, JobError> {
        Ok(Ending::Results(0))
    }
}

struct Figures;

#[async_trait]
impl JobFigures for Figures {
    async fn health(&self) -> Result<(), String> {
        Ok(())
    }

    async fn jobs(&self) -> Vec<(String, u64)> {
        vec![("running".into(), 2)]
    }

    async fn services(&self) -> Vec<ServiceFigures> {
        vec![ServiceFigures { service: "hoss".into(), queued: 4, ..ServiceFigures::default() }]
    }

    async fn retries(&self, _minutes: u32) -> Vec<u64> {
        vec![98, 1]
    }

    async fn finished(&self, page: u64, _limit: u64) -> Vec<FinishedJob> {
        if page == 1 { vec![FinishedJob::default()] } else { Vec::new() }
    }
}

/// Jobs that nobody asks for. Their folder is gone at once: what is open stays usable.
fn no_jobs(catalog: Arc<dyn Catalog>) -> Arc<Jobs> {
    let open = move || {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { data: dir.path().into(), ..Config::default() };
        let engine = Arc::new(LocalEngine::new(1 << 20, 1, StoreOptions::default()));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(Jobs::open(&config, catalog, engine)).unwrap()
    };
    std::thread::spawn(open).join().unwrap()
}

fn server(config: Config, is_down: bool) -> Arc<App> {
    let catalog: Arc<dyn Catalog> = Arc::new(Shelf { is_down });
    let maps = Arc::new(MapService::new(&config).unwrap());
    let system = System::new(&config, Arc::new(Figures), LevelHandle::default());
    Arc::new(App {
        config,
        jobs: no_jobs(catalog.clone()),
        catalog,
        queue: Arc::new(NoQueue),
        chains: Chains::builtin(),
        system,
        maps,
    })
}

/// A server whose user may everything, with a folder of its own.
fn admins() -> (Arc<App>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let admins = vec!["anonymous".to_owned()];
    (server(Config { data: dir.path().into(), admins, ..Config::default() }, false), dir)
}

fn users() -> Arc<App> {
    server(Config { data: "absent".into(), ..Config::default() }, false)
}

struct Answer {
    status: StatusCode,
    kind: String,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }
}

async fn ask(app: &Arc<App>, method: &str, path: &str, body: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost:3000")
        .header(header::CONTENT_LENGTH, body.len())
        .body(Body::from(body.to_owned()))
        .unwrap();
    let response = router(Arc::clone(app)).oneshot(request).await.unwrap();
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).map(|v| v.to_str().unwrap().to_owned());
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    Answer { status, kind: kind.unwrap_or_default(), text: String::from_utf8(bytes.to_vec()).unwrap() }
}

async fn get(app: &Arc<App>, path: &str) -> Answer {
    ask(app, "GET", path, "").await
}

#[tokio::test]
async fn capabilities_in_three_versions() {
    let app = users();
    let two = get(&app, "/capabilities?collectionid=C1-TEST").await.json();
    let keys: Vec<&str> = two.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "conceptId",
            "shortName",
            "variableSubset",
            "bboxSubset",
            "shapeSubset",
            "temporalSubset",
            "concatenate",
            "reproject",
            "outputFormats",
            "services",
            "variables",
            "capabilitiesVersion"
        ]
    );
    assert_eq!(two["services"][0]["name"], "podaac/l2-subsetter");
    assert_eq!(two["services"][0]["href"], "https://cmr.example.org/search/concepts/S1962070864-POCLOUD");
    assert_eq!(two["services"][1]["name"], "harmony/engine");
    assert_eq!(
        two["variables"],
        json!([{ "name": "red_var",
        "href": "https://cmr.example.org/search/concepts/V1-TEST" }])
    );
    assert_eq!((&two["capabilitiesVersion"], &two["bboxSubset"]), (&json!("2"), &json!(true)));
    let one = get(&app, "/capabilities?shortName=harmony_example&version=1").await.json();
    assert_eq!((&one["conceptId"], &one["variables"]), (&json!("C1-TEST"), &json!(["red_var"])));
    assert_eq!(one["services"][0].as_object().unwrap().len(), 2);
    let three = get(&app, "/capabilities?collectionId=C2-TEST&version=3").await.json();
    assert_eq!(three["capabilitiesVersion"], "3-alpha");
    assert_eq!(
        three["summary"]["outputFormats"][0],
        json!({ "name": "NETCDF-4", "mimeType": "application/netcdf" })
    );
    assert_eq!(three["summary"]["reprojection"]["supported"], true);
    assert_eq!(
        three["variables"][0]["scienceKeywords"],
        json!([{ "category": "EARTH SCIENCE", "variableLevel1": "RED" }])
    );
}

#[tokio::test]
async fn capabilities_refuses_in_the_words_of_the_reference() {
    let app = users();
    let cases = [
        ("", 400, "Must specify either collectionId or shortName"),
        ("?collectionId=a&shortName=b", 400, "Must specify only one of collectionId or shortName, not both"),
        (
            "?collectionId=C1-TEST&version=4",
            400,
            "Invalid API version 4, supported versions: 1, 2, and 3-alpha",
        ),
        (
            "?shortName=x&version=4",
            404,
            "Unable to find collection short name x in the CMR. Please make sure the short name is correct and that \
             you have access to the collection.",
        ),
    ];
    for (query, status, message) in cases {
        let answer = get(&app, &format!("/capabilities{query}")).await;
        assert_eq!(answer.status.as_u16(), status, "{query}");
        assert_eq!(answer.json()["description"], format!("Error: {message}"));
    }
}

#[tokio::test]
async fn versions_and_tags() {
    let app = users();
    let versions = get(&app, "/versions").await.json();
    assert_eq!(versions.as_array().unwrap().len(), 26);
    assert_eq!(versions[4]["name"], "podaac/concise");
    assert_eq!(versions[4]["images"][1]["image"], "podaac/concise");
    let tags = get(&app, "/service-image-tag").await.json();
    let names: Vec<&String> = tags.as_object().unwrap().keys().collect();
    assert!(names.is_sorted() && names.iter().any(|n| *n == "query-cmr"), "{names:?}");
    assert!(get(&app, "/service-image-tag/hoss").await.json()["tag"].is_string());
    let unknown = get(&app, "/service-image-tag/nobody").await;
    assert_eq!(unknown.status, 404);
    assert!(
        unknown.text.starts_with(
            "Service nobody does not exist.\nThe existing services and their images are\n{\n  \""
        )
    );
    let refused = ask(&app, "PUT", "/service-image-tag/hoss", "{}").await;
    let why = "User anonymous does not have permission to access this resource";
    assert_eq!((refused.status.as_u16(), refused.text.as_str()), (403, why));
}

#[tokio::test]
async fn deployments_are_checked_in_order_and_recorded() {
    let (app, _dir) = admins();
    let put = async |service: &str, body: Value| {
        ask(&app, "PUT", &format!("/service-image-tag/{service}"), &body.to_string()).await
    };
    let refusals = [
        ("nobody", json!({ "x": 1 }), 400, "'tag' is a required body parameter"),
        (
            "nobody",
            json!({ "tag": "1", "x": 1 }),
            400,
            "Invalid body parameter(s): x. Allowed body parameters are: tag and regression_test_version.",
        ),
        ("nobody", json!({ "tag": "-1" }), 404, "Service nobody does not exist."),
        ("hoss", json!({ "tag": "-1" }), 400, "A tag name may contain lowercase"),
        ("hoss", json!({ "tag": "999" }), 404, "nasa/harmony-opendap-subsetter:999 is unreachable"),
    ];
    for (service, body, status, message) in refusals {
        let answer = put(service, body).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
        assert!(answer.text.starts_with(message), "{}", answer.text);
    }
    let done = put("hoss", json!({ "tag": super::versions::VERSION })).await;
    assert_eq!(done.status, 202);
    let link = done.json()["statusLink"].as_str().unwrap().to_owned();
    let record = get(&app, link.strip_prefix("http://localhost:3000").unwrap()).await.json();
    assert_eq!(
        (&record["status"], &record["regressionTestVersion"]),
        (&json!("successful"), &json!("latest"))
    );
    let id = record["deploymentId"].as_str().unwrap();
    assert!(get(&app, &format!("/deployment-logs/{id}")).await.json().is_array());
    assert_eq!(get(&app, "/service-deployment?status=successful").await.json().as_array().unwrap().len(), 1);
    assert_eq!(get(&app, "/service-deployment?status=odd").await.status, 400);
    let none = get(&app, &format!("/service-deployment/{}", Uuid::new_v4())).await;
    assert_eq!((none.status.as_u16(), none.json()), (404, json!({ "error": "Deployment does not exist" })));
}

#[tokio::test]
async fn deployments_can_be_switched_off() {
    let (app, _dir) = admins();
    let put = async |body: &str| ask(&app, "PUT", "/service-deployments-state", body).await;
    assert_eq!(put("{}").await.text, "'enabled' is a required body parameter");
    assert_eq!(put("{\"enabled\":1}").await.text, "'enabled' can only take value of true or false");
    let off = put("{\"enabled\":false}").await.json();
    assert_eq!(off, json!({ "enabled": false, "message": "Manually disabled by anonymous" }));
    assert_eq!(put("{\"enabled\":false}").await.status, 423);
    let refused = ask(&app, "PUT", "/service-image-tag/hoss", "{\"tag\":\"1\"}").await;
    assert_eq!(refused.text, "Service deployment is disabled. Reason: Manually disabled by anonymous.");
    assert!(put("{\"enabled\":true,\"message\":\"on\"}").await.status.is_success());
    assert_eq!(
        get(&app, "/service-deployments-state").await.json(),
        json!({ "enabled": true, "message": "on" })
    );
}

#[tokio::test]
async fn there_is_no_cloud_and_the_answer_says_so() {
    let app = users();
    let answer = get(&app, "/cloud-access").await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["code"].as_str()),
        (404, Some("harmony.NotFoundError"))
    );
    let script = get(&app, "/cloud-access.sh").await;
    assert_eq!((script.status.as_u16(), script.kind.as_str()), (404, "application/x-sh; charset=utf-8"));
    for (query, part) in [
        ("", "required parameter"),
        ("?bucketPath=a%20b", "unsupported characters"),
        ("?BUCKETPATH=a//b", "repeated forward slashes"),
        ("?bucketPath=s3://a/b", "only available on AWS"),
    ] {
        let answer = get(&app, &format!("/staging-bucket-policy{query}")).await;
        assert!(answer.status == 400 && answer.text.contains(part), "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn health_names_what_is_down() {
    let up = get(&users(), "/health").await;
    assert_eq!((up.status.as_u16(), up.json()["dependencies"].as_array().unwrap().len()), (200, 3));
    let app = server(Config { data: "absent".into(), ..Config::default() }, true);
    let down = get(&app, "/health").await;
    assert_eq!(
        (down.status.as_u16(), down.json()["message"].as_str()),
        (503, Some("Harmony is currently down."))
    );
    assert_eq!(down.json()["dependencies"][1]["message"], "CMR is down. It sleeps.");
    assert_eq!(get(&app, "/readiness").await.text, "OK");
    assert_eq!(get(&app, "/admin/health").await.status, 404);
    assert_eq!(get(&app, "/configuration").await.status, 404);
}

#[tokio::test]
async fn the_log_level_can_be_changed() {
    let (app, _dir) = admins();
    let level = async |query: &str| get(&app, &format!("/core/configuration/log-level{query}")).await;
    let changed = level("?level=silly").await.json();
    assert_eq!(changed, json!({ "result": "Log level was changed from info to silly" }));
    for query in ["", "?level=info&x=1", "?loud=info"] {
        assert!(
            level(query).await.text.contains("Must set log level using a single query parameter (level).")
        );
    }
    assert!(level("?level=loud").await.text.contains("invalid level (loud)"));
    assert_eq!(get(&users(), "/core/configuration/log-level?level=info").await.status, 403);
    assert_eq!(get(&app, "/configuration").await.json()["port"], 3000);
}

#[tokio::test]
async fn reports_are_for_administrators() {
    let (app, _dir) = admins();
    let csv = get(&app, "/admin/request-metrics").await;
    assert!(csv.kind.starts_with("text/csv") && csv.text.lines().count() == 2, "{}", csv.text);
    assert_eq!(get(&app, "/admin/request-metrics?page=2").await.text.lines().count(), 1);
    assert!(get(&app, "/admin/request-metrics?x=1").await.text.contains("Invalid parameter(s): x."));
    assert_eq!(get(&app, "/admin/request-metrics?page=0").await.status, 400);
    let retries = get(&app, "/admin/retry-stats?numMinutes=5").await.json();
    assert_eq!((&retries["numMinutes"], &retries["counts"]["1"]), (&json!(5), &json!(1)));
    assert!(get(&app, "/admin/retry-stats?numMinutes=-5").await.text.contains("must be a positive integer"));
    assert_eq!(get(&app, "/admin/dashboard").await.json()["services"]["hoss"]["queued"], 4);
    assert_eq!(get(&app, "/admin/dashboard?version=2").await.status, 400);
    assert_eq!(get(&users(), "/admin/dashboard").await.status, 404);
}

#[tokio::test]
async fn pages_need_nothing_from_outside() {
    let app = users();
    for (path, part) in [
        ("/", "Harmony allows you to seamlessly"),
        ("/docs", "Harmony Documentation"),
        ("/docs/api", "coverage/rangeset"),
        ("/docs/edr-api", "/cube"),
    ] {
        let page = get(&app, path).await;
        assert_eq!(page.status, 200);
        assert!(page.kind.starts_with("text/html") && page.text.contains(part), "{path}");
        assert!(!page.text.contains("src=") && !page.text.contains("<link rel=\"stylesheet"), "{path}");
    }
    assert!(get(&app, "/robots.txt").await.text.contains("Disallow: /"));
    assert!(get(&app, "/docs").await.text.contains("http://localhost:3000/jobs"));
}

#[tokio::test]
async fn requests_are_counted() {
    let app = users();
    get(&app, "/versions").await;
    get(&app, "/nowhere").await;
    let text = get(&app, "/metrics").await.text;
    for line in [
        "harmony_http_requests_total{route=\"versions\",method=\"GET\",status=\"200\"} 1",
        "harmony_http_requests_total{route=\"other\",method=\"GET\",status=\"404\"} 1",
        "harmony_jobs{status=\"running\"} 2",
        "harmony_queue_items{service=\"hoss\"} 4",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused_at_once() {
    let app = users();
    let long = format!("/versions?x={}", "a".repeat(60_000));
    assert_eq!(get(&app, &long).await.status, 200);
    let longer = format!("/versions?x={}", "a".repeat(64_500));
    assert_eq!(get(&app, &longer).await.status, 414);
    let many = format!("/versions?{}", "a&".repeat(10_001));
    assert_eq!(get(&app, &many).await.status, 400);
    let huge = Request::builder()
        .method("POST")
        .uri("/ogc-api-edr/1.1.0/collections/C1-TEST/cube")
        .header(header::CONTENT_LENGTH, 200_000)
        .body(Body::empty())
        .unwrap();
    let response = router(Arc::clone(&app)).oneshot(huge).await.unwrap();
    assert_eq!(response.status(), 413);
}

#[tokio::test]
async fn too_many_at_once_are_told_when_to_come_back() {
    let app = users();
    let free = u32::try_from(app.system.places.available_permits()).unwrap();
    let _all = app.system.places.acquire_many(free).await.unwrap();
    let request = Request::builder().uri("/versions").body(Body::empty()).unwrap();
    let response = router(Arc::clone(&app)).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()[header::RETRY_AFTER], "10");
    assert_eq!(get(&app, "/readiness").await.status, 200);
}

#[tokio::test]
async fn clients_that_stop_sending_are_left() {
    let (app, _dir) = admins();
    let never = futures_util::stream::pending::<Result<axum::body::Bytes, std::io::Error>>();
    let request = Request::builder()
        .method("PUT")
        .uri("/service-deployments-state")
        .header(header::TRANSFER_ENCODING, "chunked")
        .body(Body::from_stream(never))
        .unwrap();
    let response = router(app).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 400);
}
