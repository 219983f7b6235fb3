//! The catalogue of the contract and a queue that remembers.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use harmony::catalog::{
    Catalog, CatalogError, Collection, CollectionQuery, Granule, GranulePage, GranuleQuery, Grid, Page,
    Variable,
};
use harmony::config::Config;
use harmony::jobs::engine::LocalEngine;
use harmony::jobs::{Ending, JobError, JobQueue, Jobs, Submission};
use harmony::store::StoreOptions;
use harmony_model::time::DateTime;
use serde_json::Value;
use uuid::Uuid;

/// Everything in memory.
#[derive(Default)]
pub struct Memory {
    pub collections: Vec<Collection>,
    pub variables: Vec<Variable>,
    pub granules: Vec<Granule>,
    pub grids: Vec<Grid>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn variable(id: &str, name: &str, kind: &str) -> Variable {
    Variable { id: id.into(), name: name.into(), kind: Some(kind.into()), ..Variable::default() }
}

/// Variables of a collection where the contract tells about them in words.
fn variables_of(collection: &Value) -> Vec<Variable> {
    const SCIENCE: &str = "SCIENCE_VARIABLE";
    let id = text(&collection["id"]);
    let mut out: Vec<Variable> = Vec::new();
    if let Some(named) = collection["variables"].as_object() {
        let named = named.iter().filter(|(name, _)| !name.starts_with('('));
        out.extend(named.map(|(name, id)| variable(&text(id), name, SCIENCE)));
    }
    match id.as_str() {
        "C1233800302-EEDTEST" => out.push(variable("V1233801716-EEDTEST", "blue_var", SCIENCE)),
        "C1243747507-EEDTEST" => {
            out.push(variable("V1244967897-EEDTEST", "chlorophyll_a", "COORDINATE"));
            let more = (1..8)
                .map(|i| variable(&format!("V9000{i}-EEDTEST"), &format!("coordinate_{i}"), "COORDINATE"));
            out.extend(more);
            out.push(variable("V90009-EEDTEST", "sea_surface_temperature", SCIENCE));
        }
        "C1244141250-EEDTEST" => {
            let mut first = variable("V1244147073-EEDTEST", "science/grids/data/amplitude", SCIENCE);
            first.long_name = Some("Amplitude".into());
            out.push(first);
            out.extend(
                (1..9).map(|i| variable(&format!("V8000{i}-EEDTEST"), &format!("science/v{i}"), SCIENCE)),
            );
        }
        _ => {}
    }
    out
}

fn granule(collection: &str, id: &str, name: &str, bbox: [f64; 4], times: [&str; 2]) -> Granule {
    Granule {
        id: id.into(),
        collection: collection.into(),
        name: name.into(),
        bbox: Some(bbox),
        start: Some(times[0].into()),
        end: Some(times[1].into()),
        ..Granule::default()
    }
}

fn granules_of(collection: &str) -> Vec<Granule> {
    let world = [-180.0, -90.0, 180.0, 90.0];
    let mut out = Vec::new();
    let (mut count, mut times) = (5, ["2020-01-01T00:00:00Z", "2020-01-03T00:00:00Z"]);
    if ["C1233800302-EEDTEST", "C1234088182-EEDTEST"].contains(&collection) {
        (count, times) = (177, ["2019-06-01T00:00:00Z", "2019-06-02T00:00:00Z"]);
    }
    match collection {
        "C1233800302-EEDTEST" => {
            let day = ["2020-01-02T00:00:00Z", "2020-01-02T01:00:00Z"];
            out.push(granule(collection, "G1233800352-EEDTEST", "box", [-20.0, 0.0, 20.0, 10.0], day));
            let day = ["2020-01-01T00:00:00Z", "2020-01-01T22:00:00Z"];
            out.push(granule(collection, "G1233800343-EEDTEST", "globe", world, day));
            for (i, name) in ["oceania_east", "asia_east"].iter().enumerate() {
                let name = format!("001_0{}_7f00ff_{name}", [8, 3][i]);
                out.push(granule(collection, &format!("G700{i}-EEDTEST"), &name, world, times));
            }
            for i in 0..10 {
                out.push(granule(collection, &format!("G71{i}-EEDTEST"), &format!("001_x{i}"), world, times));
            }
        }
        "C1234088182-EEDTEST" => {
            let names = [("G1234088197-EEDTEST", "first"), ("G7-EEDTEST", "2020_01_01_7f00ff_antimeridian")];
            out.extend(names.map(|(id, name)| granule(collection, id, name, world, times)));
        }
        _ => {}
    }
    while out.len() < count {
        let i = out.len();
        let digits: String = collection.chars().filter(char::is_ascii_digit).collect();
        out.push(granule(collection, &format!("G{digits}{i}-X"), &format!("002_{i}"), world, times));
    }
    out
}

impl Memory {
    /// The catalogue that the contract describes.
    pub fn of_contract(catalog: &Value) -> Self {
        let mut out = Memory::default();
        // The youngest of its name, without a service.
        out.collections.push(Collection {
            id: "C1111111111-EEDTEST".into(),
            short_name: "harmony_example".into(),
            version: "3".into(),
            ..Collection::default()
        });
        let mut listed: Vec<&Value> = catalog["collections"].as_array().unwrap().iter().collect();
        listed.swap(0, 1);
        for c in listed {
            let variables = variables_of(c);
            let id = text(&c["id"]);
            let boxes = c["boxes"].as_array().into_iter().flatten().filter_map(|b| {
                let v: Vec<f64> = b.as_str()?.split(' ').filter_map(|t| t.parse().ok()).collect();
                Some([v[1], v[0], v[3], v[2]])
            });
            out.collections.push(Collection {
                id: id.clone(),
                short_name: c["short_name"].as_str().map_or_else(|| format!("name_of_{id}"), str::to_owned),
                version: text(&c["version_id"]),
                data_center: text(&c["data_center"]),
                boxes: boxes.collect(),
                time_start: c["time_start"].as_str().map(str::to_owned),
                time_end: c["time_end"].as_str().map(str::to_owned),
                variables: variables.iter().map(|v| v.id.clone()).collect(),
                services: c["services"].as_array().into_iter().flatten().map(text).collect(),
                ..Collection::default()
            });
            out.variables.extend(variables);
            out.granules.extend(granules_of(&id));
        }
        out.grids.push(Grid {
            name: "LambertDurbin".into(),
            crs: "+proj=lcc +lat_0=30 +lon_0=10 +lat_1=43 +lat_2=62 +x_0=0 +y_0=0 +ellps=intl +units=m +no_defs".into(),
            x: [1.0, 8_000_000.0],
            y: [1_000_000.0, 8_000_000.0],
            resolution: [20.0, 30.0],
            width: 6000,
            height: 4000,
        });
        out
    }
}

fn matches(granule: &Granule, query: &GranuleQuery) -> bool {
    let time = |t: &Option<String>| t.as_deref().and_then(|t| DateTime::parse(t).ok());
    let before = |a: Option<DateTime>, b: Option<DateTime>| a.zip(b).is_none_or(|(a, b)| a <= b);
    let [w, s, e, n] = granule.bbox.unwrap();
    granule.collection == query.collection
        && (query.ids.is_empty() || query.ids.contains(&granule.id))
        && (query.names.is_empty() || query.names.iter().any(|p| fits(p, &granule.name)))
        && before(time(&granule.start), time(&query.end))
        && before(time(&query.start), time(&granule.end))
        && query.bbox.is_none_or(|[qw, qs, qe, qn]| qw > qe || (w <= qe && qw <= e && s <= qn && qs <= n))
        && query.point.is_none_or(|[x, y]| (w..=e).contains(&x) && (s..=n).contains(&y))
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((head, tail)) => name.starts_with(head) && name.ends_with(tail),
        None => pattern == name,
    }
}

#[async_trait]
impl Catalog for Memory {
    async fn collections(&self, query: &CollectionQuery) -> Result<Vec<Collection>, CatalogError> {
        let wanted = |c: &&Collection| match query {
            CollectionQuery::Ids(ids) => ids.contains(&c.id),
            CollectionQuery::ShortName(name) => c.short_name == *name,
            CollectionQuery::All => true,
        };
        Ok(self.collections.iter().filter(wanted).cloned().collect())
    }

    async fn variables(&self, ids: &[String]) -> Result<Vec<Variable>, CatalogError> {
        let find = |id: &String| self.variables.iter().find(|v| v.id == *id).cloned();
        Ok(ids.iter().filter_map(find).collect())
    }

    async fn grids(&self, name: &str) -> Result<Vec<Grid>, CatalogError> {
        Ok(self.grids.iter().filter(|g| g.name == name).cloned().collect())
    }

    async fn granules(&self, query: &GranuleQuery, page: &Page) -> Result<GranulePage, CatalogError> {
        let all: Vec<&Granule> = self.granules.iter().filter(|g| matches(g, query)).collect();
        let from: usize = page.after.as_deref().and_then(|a| a.parse().ok()).unwrap_or(0);
        let granules: Vec<Granule> =
            all.iter().skip(from).take(page.size as usize).map(|g| (*g).clone()).collect();
        let next = from + granules.len();
        let after = (page.size > 0 && next < all.len()).then(|| next.to_string());
        Ok(GranulePage { hits: all.len() as u64, granules, after })
    }

    async fn guests_may_read(&self, _: &[String]) -> Result<bool, CatalogError> {
        Ok(true)
    }

    async fn health(&self) -> Result<(), CatalogError> {
        Ok(())
    }

    fn root(&self) -> &str {
        ""
    }
}

/// Remembers the last submission and ends as it is told.
pub struct Recorder {
    pub last: Mutex<Option<Submission>>,
    pub ending: Ending,
}

impl Recorder {
    pub fn new(ending: Ending) -> Self {
        Recorder { last: Mutex::new(None), ending }
    }
}

#[async_trait]
impl JobQueue for Recorder {
    async fn submit(&self, submission: Submission) -> Result<(), JobError> {
        *self.last.lock().unwrap() = Some(submission);
        Ok(())
    }

    async fn wait(&self, _: Uuid) -> Result<Ending, JobError> {
        Ok(self.ending.clone())
    }
}

/// Jobs that nothing is submitted to: the recorder takes it.
pub async fn idle_jobs(config: &Config, memory: &Arc<Memory>) -> Arc<Jobs> {
    let engine = Arc::new(LocalEngine::new(1 << 20, 1, StoreOptions::default()));
    Jobs::open(config, memory.clone(), engine).await.unwrap()
}
