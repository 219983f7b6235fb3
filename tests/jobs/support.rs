//! A catalogue in memory, an engine that does as granules are called, and a service around them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use harmony::catalog::*;
use harmony::config::Config;
use harmony::http::{App, MapService, System, router};
use harmony::jobs::engine::{Engine, EngineError, Made, Output, Work};
use harmony::jobs::{JobQueue, Jobs, Submission};
use harmony::plan::chains::Chains;
use harmony::request::operation::Source;
use serde_json::Value;
use tokio::sync::Semaphore;
use tower::ServiceExt;
use uuid::Uuid;

pub const COLLECTION: &str = "C1-TEST";

/// Granules of one collection, in their order.
#[derive(Default)]
pub struct Fixed {
    pub granules: Vec<Granule>,
    pub collections: Vec<Collection>,
    pub guests: bool,
    pub is_down: AtomicBool,
}

#[async_trait]
impl Catalog for Fixed {
    async fn collections(&self, query: &CollectionQuery) -> Result<Vec<Collection>, CatalogError> {
        let CollectionQuery::Ids(ids) = query else { return Ok(Vec::new()) };
        Ok(self.collections.iter().filter(|c| ids.contains(&c.id)).cloned().collect())
    }

    async fn variables(&self, _: &[String]) -> Result<Vec<Variable>, CatalogError> {
        Ok(Vec::new())
    }

    async fn grids(&self, _: &str) -> Result<Vec<Grid>, CatalogError> {
        Ok(Vec::new())
    }

    async fn granules(&self, query: &GranuleQuery, page: &Page) -> Result<GranulePage, CatalogError> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(CatalogError::Rejected { status: 400, message: "no".into() });
        }
        let all: Vec<&Granule> = self.granules.iter().filter(|g| g.collection == query.collection).collect();
        let start = page.after.as_ref().map_or(0, |a| a.parse::<usize>().unwrap());
        let end = all.len().min(start + page.size as usize);
        let granules = all[start.min(end)..end].iter().map(|g| (*g).clone()).collect();
        let after = (end < all.len()).then(|| end.to_string());
        Ok(GranulePage { hits: all.len() as u64, granules, after })
    }

    async fn guests_may_read(&self, _: &[String]) -> Result<bool, CatalogError> {
        Ok(self.guests)
    }

    async fn health(&self) -> Result<(), CatalogError> {
        Ok(())
    }

    fn root(&self) -> &str {
        ""
    }
}

/// A granule called `name`.
pub fn granule(name: &str) -> Granule {
    Granule {
        id: format!("G{name}-TEST"),
        collection: COLLECTION.into(),
        name: name.into(),
        bbox: Some([-10.0, -5.0, 10.0, 5.0]),
        start: Some("2020-01-01T00:00:00Z".into()),
        end: Some("2020-01-02T00:00:00Z".into()),
        size_bytes: Some(1000),
        links: vec![GranuleLink {
            href: format!("https://data.example/{name}.nc"),
            rel: LinkRel::Data,
            title: None,
            media_type: Some("application/x-netcdf4".into()),
        }],
        location: format!("/nowhere/{name}.nc"),
        ..Granule::default()
    }
}

pub fn granules(n: usize) -> Vec<Granule> {
    (0..n).map(|i| granule(&format!("g{i:04}"))).collect()
}

/// Works as granules are called: `bad…` fails, `flaky…` fails twice, `empty…` has no data, `stuck…` works until it is
/// canceled. With a gate each granule needs a permit.
#[derive(Default)]
pub struct Stub {
    pub runs: AtomicUsize,
    pub canceled: AtomicUsize,
    pub tries: Mutex<HashMap<String, u32>>,
    pub gate: Option<Semaphore>,
    pub pause: Duration,
}

#[async_trait]
impl Engine for Stub {
    async fn run(&self, work: Work, cancel: Arc<AtomicBool>) -> Result<Made, EngineError> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let name = work.granules[0].name.clone();
        let canceled = || async {
            while !cancel.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if name.starts_with("stuck") {
            canceled().await;
            self.canceled.fetch_add(1, Ordering::Relaxed);
            return Err(EngineError::Cancelled);
        }
        if let Some(gate) = &self.gate {
            tokio::select! {
                permit = gate.acquire() => permit.unwrap().forget(),
                () = canceled() => return Err(EngineError::Cancelled),
            }
        }
        tokio::time::sleep(self.pause).await;
        let tried = {
            let mut tries = self.tries.lock().unwrap();
            let n = tries.entry(name.clone()).or_default();
            *n += 1;
            *n
        };
        if name.starts_with("bad") || (name.starts_with("flaky") && tried <= 2) {
            let is_transient = name.starts_with("flaky");
            let message = format!("{name}: it is damaged; replace it");
            return Err(EngineError::Failed { message, is_transient });
        }
        if name.starts_with("empty") {
            return Err(EngineError::NoData(format!("{name}: no data in the selection")));
        }
        let file = format!("{name}_subsetted.nc");
        std::fs::write(work.folder.join(&file), format!("result of {name}")).unwrap();
        let output =
            Output { name: file, media_type: "application/x-netcdf4".into(), bbox: None, temporal: None };
        Ok(Made { outputs: vec![output], notes: Vec::new(), bytes_in: 1000, bytes_out: 500, bytes_read: 100 })
    }
}

/// A service in this process.
pub struct Service {
    pub _dir: tempfile::TempDir,
    pub jobs: Arc<Jobs>,
    pub engine: Arc<Stub>,
    pub router: Router,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    pub fn description(&self) -> String {
        self.json()["description"].as_str().unwrap().to_owned()
    }
}

pub fn config() -> Config {
    Config { workers: 2, work_item_retry_limit: 3, ..Config::default() }
}

impl Service {
    pub async fn new(catalog: Fixed) -> Self {
        Service::with(config(), catalog, Stub::default()).await
    }

    /// A service that works.
    pub async fn with(config: Config, catalog: Fixed, engine: Stub) -> Self {
        let service = Service::idle(config, catalog, engine).await;
        service.jobs.start().await.unwrap();
        service
    }

    /// A service that takes jobs and doesn't work on them.
    pub async fn idle(mut config: Config, catalog: Fixed, engine: Stub) -> Self {
        let dir = tempfile::tempdir().unwrap();
        config.data = dir.path().into();
        let (catalog, engine) = (Arc::new(catalog), Arc::new(engine));
        let jobs = Jobs::open(&config, catalog.clone(), engine.clone()).await.unwrap();
        let maps = Arc::new(MapService::new(&config).unwrap());
        let app = App {
            config,
            catalog,
            queue: jobs.clone(),
            jobs: jobs.clone(),
            chains: Chains::default(),
            system: System::default(),
            maps,
        };
        Service { _dir: dir, jobs, engine, router: router(Arc::new(app)) }
    }

    pub async fn ask(&self, method: &str, uri: &str, body: &str) -> Answer {
        let request = Request::builder().method(method).uri(uri).header("host", "localhost:3000");
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 24).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, uri: &str) -> Answer {
        self.ask("GET", uri, "").await
    }

    pub async fn submit(&self, submission: Submission) -> Uuid {
        let id = submission.id;
        self.jobs.submit(submission).await.unwrap();
        id
    }

    /// The status document; the snapshot of a new job is not for us.
    pub async fn status(&self, id: Uuid) -> Value {
        let _ = self.jobs.take_snapshot(id);
        self.get(&format!("/jobs/{id}?linktype=https")).await.json()
    }

    /// The status document once the job is in one of these states.
    pub async fn until(&self, id: Uuid, states: &[&str]) -> Value {
        for _ in 0..2000 {
            let status = self.status(id).await;
            if states.contains(&status["status"].as_str().unwrap()) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("job {id} is not {states:?}: {}", self.status(id).await);
    }

    pub async fn done(&self, id: Uuid) -> Value {
        self.until(id, &["successful", "complete_with_errors", "failed", "canceled"]).await
    }
}

/// An asynchronous job over all granules of the collection.
pub fn submission(n: u64) -> Submission {
    let id = Uuid::new_v4();
    let mut submission = Submission {
        id,
        chain: "test/chain".into(),
        queries: vec![GranuleQuery { collection: COLLECTION.into(), ..GranuleQuery::default() }],
        granule_limit: n,
        num_input_granules: n,
        request_url: "http://localhost:3000/C1-TEST/ogc-api-coverages/1.0.0/x".into(),
        ignore_errors: true,
        provider: "test".into(),
        root: "http://localhost:3000".into(),
        ..Submission::default()
    };
    submission.operation.user = "anonymous".into();
    submission.operation.request_id = id.to_string();
    submission.operation.sources =
        vec![Source { collection: COLLECTION.into(), short_name: "TEST".into(), ..Source::default() }];
    submission
}

pub fn by(user: &str, n: u64) -> Submission {
    let mut submission = submission(n);
    submission.operation.user = user.into();
    submission
}

/// Links with a relation.
pub fn links<'a>(status: &'a Value, rel: &str) -> Vec<&'a Value> {
    status["links"].as_array().unwrap().iter().filter(|l| l["rel"] == rel).collect()
}

/// All relations, in order.
pub fn rels(status: &Value) -> Vec<&str> {
    status["links"].as_array().unwrap().iter().map(|l| l["rel"].as_str().unwrap()).collect()
}
