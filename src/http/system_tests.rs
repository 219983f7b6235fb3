//! Each route about the system, asked in process: a server for it, and what asks.

mod services;
mod state;

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
