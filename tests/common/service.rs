//! A server with a catalogue of its own, for tests over HTTP.
#![allow(dead_code, clippy::unwrap_used)]

use std::sync::Arc;

use harmony::catalog::embedded::Embedded;
use harmony::catalog::embedded::records::{CollectionRecord, GranuleRecord, VariableRecord};
use harmony::catalog::{Catalog, Collection, Granule, Variable};
use harmony::config::Config;
use harmony::http::{App, MapService, System};
use harmony::jobs::Jobs;
use harmony::jobs::engine::LocalEngine;
use harmony::store::StoreOptions;

/// Serves CMR's dialect of a catalogue; the root address.
pub async fn serve(catalog: Arc<dyn Catalog>) -> String {
    // The folder is gone at once: what is open stays usable, and these tests make no jobs.
    let dir = tempfile::tempdir().unwrap();
    let config = Config { data: dir.path().into(), ..Config::default() };
    let engine = Arc::new(LocalEngine::new(1 << 20, 1, StoreOptions::default()));
    let jobs = Jobs::open(&config, catalog.clone(), engine).await.unwrap();
    let system = System::default();
    let maps = Arc::new(MapService::new(&config).unwrap());
    let app = App { config, catalog, queue: jobs.clone(), jobs, chains: Default::default(), system, maps };
    let router = harmony::http::cmr::routes().with_state(Arc::new(app));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    root
}

pub const FIRST: &str = "C1233800302-EEDTEST";
pub const SECOND: &str = "C1234088182-EEDTEST";
pub const HIDDEN: &str = "C1234000000-EEDTEST";

/// The collections that the contract's examples are about: 177 granules in the first one.
pub async fn example() -> Embedded {
    let catalog = Embedded::in_memory().await.unwrap();
    for (id, version, revised) in
        [(FIRST, "1", "2019-01-01"), (SECOND, "2", "2021-01-01"), (HIDDEN, "9", "2018-01-01")]
    {
        let collection = Collection {
            id: id.into(),
            short_name: if id == HIDDEN { "hidden".into() } else { "harmony_example".into() },
            version: version.into(),
            title: format!("Harmony Example Data v{version}"),
            data_center: "EEDTEST".into(),
            boxes: vec![[-180.0, -90.0, 180.0, 90.0]],
            native_format: Some("netCDF-4".into()),
            has_eula: Some(false),
            revised: revised.into(),
            ..Collection::default()
        };
        let restricted = id == HIDDEN;
        let record = CollectionRecord { collection, restricted, ..CollectionRecord::default() };
        catalog.insert_collection(record).await.unwrap();
    }
    let red = Variable {
        id: "V1233801695-EEDTEST".into(),
        name: "red_var".into(),
        long_name: Some("Red Channel".into()),
        kind: Some("SCIENCE_VARIABLE".into()),
        ..Variable::default()
    };
    let red = VariableRecord { variable: red, collections: vec![FIRST.into()], umm: None };
    catalog.insert_variables(vec![red]).await.unwrap();
    catalog.insert_granules((0..177).map(granule).collect()).await.unwrap();
    catalog
}

/// Ten-degree boxes in rows along the latitudes, one a day; number 0 crosses the antimeridian.
fn granule(i: u64) -> GranuleRecord {
    let (west, south) = ((i % 36) as f64 * 10.0 - 180.0, (i / 36) as f64 * 20.0 - 50.0);
    let bbox =
        if i == 0 { [175.0, south, -175.0, south + 10.0] } else { [west, south, west + 10.0, south + 10.0] };
    let day = 1 + i % 28;
    let granule = Granule {
        id: format!("G{}-EEDTEST", 1_233_800_343 + i),
        collection: FIRST.into(),
        name: format!("{:03}_{:02}_7f00ff_region", 1 + i / 12, i % 12),
        bbox: Some(bbox),
        start: Some(format!("2020-01-{day:02}T00:00:00.000Z")),
        end: Some(format!("2020-01-{day:02}T01:59:59.000Z")),
        size_bytes: Some(1_572_864),
        location: format!("/data/{i}.nc"),
        ..Granule::default()
    };
    GranuleRecord { granule, ..GranuleRecord::default() }
}
