//! The real engine on the project's granules.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use harmony::config::Config;
use harmony::http::{App, MapService, System, router};
use harmony::jobs::engine::LocalEngine;
use harmony::jobs::{Jobs, Submission};
use harmony::plan::chains::Chains;
use harmony::request::operation::Variable;
use harmony::store::StoreOptions;
use harmony_formats::OpenOptions;
use serde_json::{Value, json};

use super::support::*;

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/granules").join(name)
}

fn at(path: &Path) -> harmony::catalog::Granule {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let mut granule = granule(&name);
    granule.bbox = Some([-180.0, -90.0, 180.0, 90.0]);
    granule.location = path.to_string_lossy().into_owned();
    granule
}

async fn service(granules: Vec<harmony::catalog::Granule>) -> Service {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { data: dir.path().into(), ..config() };
    let catalog = Arc::new(Fixed { granules, ..Fixed::default() });
    let engine = Arc::new(LocalEngine::new(256 << 20, 2, StoreOptions::default()));
    let jobs = Jobs::open(&config, catalog.clone(), engine).await.unwrap();
    jobs.start().await.unwrap();
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
    Service { _dir: dir, jobs, engine: Arc::default(), router: router(Arc::new(app)) }
}

fn boxed(n: u64) -> Submission {
    let mut wanted = submission(n);
    wanted.operation.subset.bbox = Some([-30.0, -20.0, 40.0, 25.0]);
    wanted.operation.sources[0].variables = Some(vec![Variable {
        id: "V1-TEST".into(),
        name: "red_var".into(),
        full_path: "/red_var".into(),
        ..Variable::default()
    }]);
    wanted
}

/// A result, opened with our own reader.
async fn read(service: &Service, link: &Value) -> harmony_model::Granule {
    let href = link["href"].as_str().unwrap();
    let answer = service.get(href.strip_prefix("http://localhost:3000").unwrap()).await;
    assert_eq!(answer.status, 200, "{href}");
    let path = service._dir.path().join(link["title"].as_str().unwrap());
    std::fs::write(&path, &answer.body).unwrap();
    let source = harmony_formats::io::open_local(&path).unwrap();
    harmony_formats::open(source, &OpenOptions::default()).unwrap()
}

fn days() -> Vec<harmony::catalog::Granule> {
    (1..=3).map(|day| at(&testdata(&format!("2020_01_0{day}_global.nc")))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn boxes_of_grids() {
    let service = service(days()).await;
    let id = service.submit(boxed(3)).await;
    let status = service.done(id).await;
    assert_eq!(status["status"], "successful", "{status}");
    let data = links(&status, "data");
    assert_eq!(data.len(), 3);
    let bbox: Vec<f64> = data[0]["bbox"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    assert!(bbox[0] >= -31.0 && bbox[2] <= 41.0, "{bbox:?}");
    let granule = read(&service, data[0]).await;
    let red = granule.find_var("/red_var").unwrap();
    assert_eq!(granule.shape(red), [1, 90, 140]);
    assert!(granule.find_var("/green_var").is_none());
    // The place where this server keeps granules is nobody's business in documents.
    assert!(!status.to_string().contains(env!("CARGO_MANIFEST_DIR")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_become_one_file() {
    let service = service(days()).await;
    let mut wanted = boxed(3);
    wanted.operation.extend_dimensions = vec!["time".into()];
    let id = service.submit(wanted).await;
    let status = service.done(id).await;
    assert_eq!(status["status"], "successful", "{status}");
    let data = links(&status, "data");
    assert_eq!((data.len(), &data[0]["bbox"]), (1, &json!([-30.0, -20.0, 40.0, 25.0])));
    let granule = read(&service, data[0]).await;
    let red = granule.find_var("/red_var").unwrap();
    assert_eq!(granule.shape(red), [3, 90, 140]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_formats() {
    let service = service(days()).await;
    for (mime, extension, shown) in [
        ("image/png", "png", "image/png"),
        ("image/tiff", "tif", "image/tiff"),
        ("application/x-netcdf4", "nc", "application/x-netcdf4"),
    ] {
        let mut wanted = boxed(1);
        wanted.operation.format.mime = Some(mime.into());
        let id = service.submit(wanted).await;
        let status = service.done(id).await;
        assert_eq!(status["status"], "successful", "{mime}: {status}");
        let data = links(&status, "data");
        let href = data[0]["href"].as_str().unwrap();
        assert!(href.ends_with(extension), "{href}");
        assert_eq!(data[0]["type"], shown);
        assert_eq!(service.get(href.strip_prefix("http://localhost:3000").unwrap()).await.status, 200);
    }
    let mut wanted = boxed(1);
    wanted.operation.format.mime = Some("application/x-nothing".into());
    let id = service.submit(wanted).await;
    let status = service.done(id).await;
    assert_eq!(
        status["message"],
        "WorkItem failed: format: 'application/x-nothing' can't be written; choose another"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn granules_that_are_gone_damaged_or_empty() {
    let dir = tempfile::tempdir().unwrap();
    let damaged = dir.path().join("damaged.nc");
    let mut bytes = std::fs::read(testdata("2020_01_02_global.nc")).unwrap();
    bytes.truncate(bytes.len() / 2);
    std::fs::write(&damaged, bytes).unwrap();
    let gone = dir.path().join("gone.nc");
    let service = service(vec![at(&testdata("2020_01_01_global.nc")), at(&damaged), at(&gone)]).await;
    for joined in [false, true] {
        let mut wanted = boxed(3);
        if joined {
            wanted.operation.extend_dimensions = vec!["time".into()];
        }
        let id = service.submit(wanted).await;
        let status = service.done(id).await;
        assert_eq!(status["status"], "complete_with_errors", "{status}");
        let errors: Vec<&str> =
            status["errors"].as_array().unwrap().iter().map(|e| e["message"].as_str().unwrap()).collect();
        assert_eq!(errors.len(), 2, "{errors:?}");
        for name in ["damaged.nc", "gone.nc"] {
            assert!(errors.iter().any(|e| e.contains(name)), "{errors:?}");
        }
        assert!(errors.iter().any(|e| e.contains("refresh the catalogue")), "{errors:?}");
        assert!(!status.to_string().contains(&dir.path().display().to_string()), "{status}");
    }
    // A time at which there are no data.
    let mut wanted = boxed(1);
    wanted.operation.temporal = Some(harmony::request::operation::Temporal {
        start: Some("1990-01-01T00:00:00Z".into()),
        end: Some("1990-01-02T00:00:00Z".into()),
    });
    let id = service.submit(wanted).await;
    let status = service.done(id).await;
    assert_eq!((&status["status"], status["warnings"].as_array().unwrap().len()), (&json!("successful"), 1));
}
