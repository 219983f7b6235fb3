//! A service over the project's own granules, in memory.
#![allow(clippy::unwrap_used, clippy::print_stdout, dead_code)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use harmony::catalog::{
    Catalog, CatalogError, Collection, CollectionQuery, Granule, GranulePage, GranuleQuery, Grid, Page,
    Variable,
};
use harmony::config::Config;
use harmony::http::{App, MapService, System, router};
use harmony::jobs::Jobs;
use harmony::jobs::engine::LocalEngine;
use harmony::plan::chains::{Capabilities, Chain, Chains};
use harmony::store::StoreOptions;
use serde::Deserialize;
use serde_json::Value;
use tower::ServiceExt;

/// A collection that guests may not read.
pub const CLOSED: &str = "C7-LOCAL";

/// Collections, variables and granules in memory.
#[derive(Default)]
struct Memory {
    collections: Vec<Collection>,
    variables: Vec<Variable>,
    granules: Vec<Granule>,
}

fn testdata(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/granules").join(name).display().to_string()
}

impl Memory {
    fn sample() -> Self {
        let mut out = Memory::default();
        let example = ["S1257851197-EEDTEST"];
        let colours = ["red_var", "green_var", "blue_var", "alpha_var"];
        let named = |ids: [&str; 4]| -> Vec<(String, String)> {
            ids.into_iter().zip(colours).map(|(id, name)| (id.to_owned(), name.to_owned())).collect()
        };
        let days = ["2020_01_01_global.nc", "2020_01_02_global.nc", "2020_01_03_global.nc"];
        let first = named([
            "V1233801695-EEDTEST",
            "V1233801696-EEDTEST",
            "V1233801697-EEDTEST",
            "V1233801716-EEDTEST",
        ]);
        out.add("C1233800302-EEDTEST", "harmony_example", "1", &example, first, &days, "2019");
        let second = named([
            "V1234088187-EEDTEST",
            "V1234088188-EEDTEST",
            "V1234088189-EEDTEST",
            "V1234088190-EEDTEST",
        ]);
        out.add("C1234088182-EEDTEST", "harmony_example", "2", &example, second, &days, "2020");
        out.add("C1243745256-EEDTEST", "none", "1", &[], Vec::new(), &days, "2020");
        let one = |id: &str, name: &str| vec![(id.to_owned(), name.to_owned())];
        out.add("C1243747507-EEDTEST", "modis", "1", &example, one("V1-EEDTEST", "red_var"), &days, "2020");
        out.add("C1244968414-EEDTEST", "plain", "1", &example, Vec::new(), &days, "2020");
        let others = vec![
            ("V91-LOCAL".to_owned(), "temperature".to_owned()),
            ("V92-LOCAL".to_owned(), "wind_speed".to_owned()),
            ("V94-LOCAL".to_owned(), "a<script>\"'&x".to_owned()),
        ];
        let files = ["packed_0_360.nc4"];
        out.add("C9-LOCAL", "local", "1", &example, others, &files, "2020");
        out.variables.last_mut().unwrap().long_name = Some("evil ]]> name".into());
        out.add(
            "C8-LOCAL",
            "south",
            "1",
            &example,
            one("V93-LOCAL", "distance"),
            &["polar_south.nc4"],
            "2020",
        );
        out.add(CLOSED, "closed", "1", &example, one("V95-LOCAL", "red_var"), &days, "2020");
        out
    }

    #[allow(clippy::too_many_arguments)]
    fn add(
        &mut self,
        id: &str,
        short_name: &str,
        version: &str,
        services: &[&str],
        variables: Vec<(String, String)>,
        files: &[&str],
        revised: &str,
    ) {
        for (i, file) in files.iter().enumerate() {
            let day = format!("2020-01-0{}", i + 1);
            let number =
                if id == "C1234088182-EEDTEST" { 1_234_088_197 + i } else { 100 + self.granules.len() };
            self.granules.push(Granule {
                id: format!("G{number}-EEDTEST"),
                collection: id.into(),
                name: if i == 0 { "2020_01_01_7f00ff_antimeridian".into() } else { (*file).into() },
                bbox: Some([-180.0, -90.0, 180.0, 90.0]),
                start: Some(format!("{day}T00:00:00Z")),
                end: Some(format!("{day}T23:59:59Z")),
                location: testdata(file),
                ..Granule::default()
            });
        }
        let ids = variables.iter().map(|(id, _)| id.clone()).collect();
        self.variables.extend(variables.into_iter().map(|(id, name)| Variable {
            id,
            long_name: Some(name.clone()),
            name,
            ..Variable::default()
        }));
        self.collections.push(Collection {
            id: id.into(),
            short_name: short_name.into(),
            version: version.into(),
            data_center: "EEDTEST".into(),
            variables: ids,
            services: services.iter().map(|s| (*s).to_owned()).collect(),
            revised: revised.into(),
            ..Collection::default()
        });
    }
}

#[async_trait]
impl Catalog for Memory {
    async fn collections(&self, query: &CollectionQuery) -> Result<Vec<Collection>, CatalogError> {
        let mut found: Vec<Collection> = self
            .collections
            .iter()
            .filter(|c| match query {
                CollectionQuery::Ids(ids) => ids.contains(&c.id),
                CollectionQuery::ShortName(name) => c.short_name == *name,
                CollectionQuery::All => true,
            })
            .cloned()
            .collect();
        found.sort_by(|a, b| b.revised.cmp(&a.revised));
        Ok(found)
    }

    async fn variables(&self, ids: &[String]) -> Result<Vec<Variable>, CatalogError> {
        Ok(ids.iter().filter_map(|id| self.variables.iter().find(|v| v.id == *id)).cloned().collect())
    }

    async fn grids(&self, _: &str) -> Result<Vec<Grid>, CatalogError> {
        Ok(Vec::new())
    }

    async fn granules(&self, query: &GranuleQuery, page: &Page) -> Result<GranulePage, CatalogError> {
        let within = |g: &&Granule| {
            let names = query.names.is_empty() || query.names.contains(&g.name);
            let ids = query.ids.is_empty() || query.ids.contains(&g.id);
            let from = query.start.as_ref().is_none_or(|s| g.end.as_ref().is_none_or(|e| e >= s));
            let to = query.end.as_ref().is_none_or(|e| g.start.as_ref().is_none_or(|s| s <= e));
            g.collection == query.collection && names && ids && from && to
        };
        let all: Vec<Granule> = self.granules.iter().filter(within).cloned().collect();
        let hits = all.len() as u64;
        Ok(GranulePage { hits, granules: all.into_iter().take(page.size as usize).collect(), after: None })
    }

    async fn guests_may_read(&self, collections: &[String]) -> Result<bool, CatalogError> {
        Ok(!collections.iter().any(|c| c == CLOSED))
    }

    async fn health(&self) -> Result<(), CatalogError> {
        Ok(())
    }

    fn root(&self) -> &str {
        ""
    }
}

/// Jobs that nothing is submitted to. Their folder is gone at once: what is open stays usable.
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

/// The service.
pub struct Server {
    router: Router,
}

/// An answer.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
    }
}

impl Server {
    pub fn new() -> Self {
        Server::with(Config::default())
    }

    pub fn with(config: Config) -> Self {
        Server::over(Memory::sample(), config)
    }

    /// Over one file with these variables, as the collection `C1-LOCAL`.
    pub fn of_file(file: &Path, variables: &[&str]) -> Self {
        let mut memory = Memory::default();
        let named = |(i, name): (usize, &&str)| (format!("V{i}-LOCAL"), (*name).to_owned());
        let variables = variables.iter().enumerate().map(named).collect();
        let file = file.display().to_string();
        memory.add("C1-LOCAL", "one", "1", &["S1257851197-EEDTEST"], variables, &[&file], "2020");
        Server::over(memory, Config::default())
    }

    fn over(memory: Memory, config: Config) -> Self {
        let chain = |name: &str, service: &str| Chain {
            name: name.into(),
            umm_s: Some(service.into()),
            capabilities: Capabilities::default(),
            ..Chain::default()
        };
        let chains = Chains::new([chain("harmony/service-example", "S1257851197-EEDTEST")]);
        let catalog: Arc<dyn Catalog> = Arc::new(memory);
        let jobs = no_jobs(catalog.clone());
        let maps = Arc::new(MapService::new(&config).unwrap());
        let app = App { config, catalog, queue: jobs.clone(), jobs, chains, maps, system: System::default() };
        Server { router: router(Arc::new(app)) }
    }

    pub async fn get(&self, url: &str) -> Reply {
        self.get_with(url, &[]).await
    }

    pub async fn get_with(&self, url: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = Request::builder().uri(url).header("host", "127.0.0.1:3000");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    /// Listens on a free port of this machine, for clients that need one.
    pub async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = self.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    /// The PNG at an address.
    pub async fn map(&self, url: &str) -> Picture {
        let reply = self.get(url).await;
        assert_eq!(reply.status, StatusCode::OK, "{url}: {}", reply.text());
        decoded(&reply.body)
    }

    /// Red, green, blue and alpha of a sample granule, from the north-west.
    pub fn stored(&self, name: &str) -> Vec<[u8; 4]> {
        let source = harmony::store::open(&testdata(name), &Default::default()).unwrap();
        let granule = harmony_formats::open(source, &Default::default()).unwrap();
        let band = |name: &str| {
            let raster = harmony_formats::raster::rasters(&granule, &Default::default())
                .unwrap()
                .into_iter()
                .find(|r| r.path.ends_with(name))
                .unwrap();
            raster.read(&granule, 0, 0..360, 0..720).unwrap()
        };
        let all = ["red_var", "green_var", "blue_var", "alpha_var"].map(band);
        (0..360 * 720).map(|i| [0, 1, 2, 3].map(|b: usize| all[b][i])).collect()
    }
}

/// Pixels of a PNG as red, green, blue, opacity.
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub pixels: Vec<[u8; 4]>,
}

impl Picture {
    pub fn at(&self, x: u32, y: u32) -> [u8; 4] {
        self.pixels[(y * self.width + x) as usize]
    }
}

pub fn png_of(bytes: &[u8]) -> Picture {
    decoded(bytes)
}

pub fn decoded(bytes: &[u8]) -> Picture {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().unwrap();
    let mut out = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut out).unwrap();
    out.truncate(info.buffer_size());
    let pixels = match info.color_type {
        png::ColorType::Rgb => out.chunks_exact(3).map(|p| [p[0], p[1], p[2], 255]).collect(),
        png::ColorType::Rgba => out.chunks_exact(4).map(|p| [p[0], p[1], p[2], p[3]]).collect(),
        other => panic!("{other:?}"),
    };
    Picture { width: info.width, height: info.height, pixels }
}

/// A case that is deliberately answered otherwise.
#[derive(Deserialize)]
struct Difference {
    why: String,
    status: u16,
    /// Must be in the body (or in a header's value).
    contains: Option<String>,
}

/// Every WMS case of the contract: as the reference has it, or as listed.
pub async fn contract_cases() {
    let shared = std::env::var_os("HARMONY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let Ok(text) = std::fs::read_to_string(shared.join("contract/requests-cases.json")) else {
        println!("skipped: the contract is not at hand");
        return;
    };
    let list = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/differences_wms.toml"),
    )
    .unwrap();
    let differences: BTreeMap<String, Difference> = toml::from_str(&list).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let server = Server::new();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for case in document["cases"].as_array().unwrap().iter().filter(|c| c["api"] == "wms") {
        seen += 1;
        let id = case["id"].as_str().unwrap();
        let reply = server.get(&address(case)).await;
        let problem = match differences.get(id) {
            Some(difference) => differs(&reply, difference),
            None => objection(&reply, &case["expect"]),
        };
        if let Some(problem) = problem {
            wrong.push(format!("{id}: {problem} ({} {})", reply.status, reply.text()));
        }
    }
    assert!(seen >= 30, "{seen}");
    for (id, difference) in &differences {
        assert!(text.contains(&format!("\"{id}\"")) && !difference.why.is_empty(), "{id} is no case");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn address(case: &Value) -> String {
    let encode = |t: &str| url::form_urlencoded::byte_serialize(t.as_bytes()).collect::<String>();
    let pair = |p: &Value| format!("{}={}", encode(p[0].as_str().unwrap()), encode(p[1].as_str().unwrap()));
    let query: Vec<String> = case["query"].as_array().unwrap().iter().map(pair).collect();
    format!("{}?{}", case["path"].as_str().unwrap(), query.join("&"))
}

fn differs(reply: &Reply, difference: &Difference) -> Option<String> {
    if reply.status.as_u16() != difference.status {
        return Some(format!("status is not the listed {}", difference.status));
    }
    let words = difference.contains.as_ref()?;
    (!reply.text().contains(words)).then(|| format!("the listed '{words}' is not there"))
}

fn objection(reply: &Reply, expect: &Value) -> Option<String> {
    if Some(u64::from(reply.status.as_u16())) != expect["status"].as_u64() {
        return Some(format!("status is not {}", expect["status"]));
    }
    let text = reply.text();
    if let Some(json) = expect.get("json")
        && serde_json::from_str::<Value>(&text).ok().as_ref() != Some(json)
    {
        return Some(format!("body is not {json}"));
    }
    if let Some(media_type) = expect["content_type"].as_str()
        && reply.header("content-type") != media_type
    {
        return Some(format!("content type {}", reply.header("content-type")));
    }
    if let Some(message) = expect["html_message"].as_str()
        && !text.contains(&format!("<span class=\"message\">{message}</span>"))
    {
        return Some(format!("no page with '{message}'"));
    }
    let words = |key: &str| expect[key].as_array().cloned().unwrap_or_default();
    let has = |w: &Value| text.contains(w.as_str().unwrap_or_default());
    if let Some(missing) = words("text_contains").iter().find(|w| !has(w)) {
        return Some(format!("{missing} is not there"));
    }
    words("text_excludes").iter().find(|w| has(w)).map(|w| format!("{w} is there"))
}
