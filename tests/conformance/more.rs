//! What the tables of the contract say and its cases don't, and what this server does beyond the reference.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, header};
use harmony::config::Config;
use harmony::http::{App, MapService, System, router};
use harmony::jobs::{Ending, Submission};
use harmony::plan::chains::{Averaging, Capabilities, Chain, Chains, Subsetting};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::world::{self, Memory, Recorder};

const C1: &str = "C1233800302-EEDTEST";

/// A server with one chain that does everything.
struct Server {
    memory: Arc<Memory>,
    config: Config,
    ending: Ending,
    runtime: tokio::runtime::Runtime,
    _data: tempfile::TempDir,
}

struct Answer {
    status: u16,
    location: String,
    text: String,
    submission: Option<Submission>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    fn description(&self) -> String {
        self.json()["description"].as_str().unwrap_or_default().to_owned()
    }

    fn job(&self) -> &Submission {
        self.submission.as_ref().unwrap_or_else(|| panic!("{} {}", self.status, self.text))
    }
}

fn everything() -> Chain {
    let yes = Some(true);
    Chain {
        name: "test/everything".into(),
        all_collections: yes,
        capabilities: Capabilities {
            concatenation: yes,
            subsetting: Some(Subsetting {
                dimension: yes,
                bbox: yes,
                shape: yes,
                temporal: yes,
                variable: yes,
                multiple_variable: yes,
            }),
            averaging: Some(Averaging { time: yes, area: yes }),
            output_formats: vec!["application/netcdf".into(), "image/png".into()],
            reprojection: yes,
            extend: yes,
            default_extend_dimensions: vec!["mirror_step".into()],
            ..Capabilities::default()
        },
        ..Chain::default()
    }
}

impl Server {
    fn new() -> Self {
        let catalog = json!({ "collections": [
            { "id": C1, "short_name": "harmony_example", "version_id": "1", "services": [],
              "variables": { "red_var": "V1233801695-EEDTEST", "green_var": "V1233801696-EEDTEST" } },
            { "id": "C1234088182-EEDTEST", "short_name": "harmony_example", "version_id": "2", "services": [],
              "variables": { "red_var": "V1234088187-EEDTEST" } },
        ] });
        let data = tempfile::tempdir().unwrap();
        Server {
            memory: Arc::new(Memory::of_contract(&catalog)),
            config: Config { data: data.path().into(), max_granule_limit: 2100, ..Config::default() },
            ending: Ending::Result("http://example.com".into()),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap(),
            _data: data,
        }
    }

    fn send(&self, method: &str, uri: &str, kind: Option<&str>, body: Vec<u8>) -> Answer {
        let queue = Arc::new(Recorder::new(self.ending.clone()));
        let app = App {
            maps: Arc::new(MapService::new(&self.config).unwrap()),
            jobs: self.runtime.block_on(world::idle_jobs(&self.config, &self.memory)),
            config: self.config.clone(),
            catalog: self.memory.clone(),
            queue: queue.clone(),
            chains: Chains::new([everything()]),
            system: System::default(),
        };
        let mut request = Request::builder().method(method).uri(uri).header(header::HOST, "127.0.0.1:4000");
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let request = request.header(header::CONTENT_LENGTH, body.len()).body(Body::from(body)).unwrap();
        self.runtime.block_on(async {
            let answer = router(Arc::new(app)).oneshot(request).await.unwrap();
            let (head, body) = answer.into_parts();
            let bytes = axum::body::to_bytes(body, 1 << 24).await.unwrap();
            let location = head.headers.get(header::LOCATION).map(|v| v.to_str().unwrap().to_owned());
            Answer {
                status: head.status.as_u16(),
                location: location.unwrap_or_default(),
                text: String::from_utf8_lossy(&bytes).into_owned(),
                submission: queue.last.lock().unwrap().clone(),
            }
        })
    }

    fn get(&self, uri: &str) -> Answer {
        self.send("GET", uri, None, Vec::new())
    }

    fn form(&self, uri: &str, parts: &str) -> Answer {
        let body = parts.replace('\n', "\r\n");
        self.send(
            "POST",
            uri,
            Some("multipart/form-data; boundary=B"),
            format!("{body}--B--\r\n").into_bytes(),
        )
    }

    fn edr(&self, uri: &str, body: &Value) -> Answer {
        let uri = format!("/ogc-api-edr/1.1.0/collections/{C1}/{uri}");
        self.send("POST", &uri, Some("application/json"), body.to_string().into_bytes())
    }
}

fn rangeset(variables: &str) -> String {
    format!("/{C1}/ogc-api-coverages/1.0.0/collections/{variables}/coverage/rangeset")
}

fn field(name: &str, value: &str) -> String {
    format!("--B\nContent-Disposition: form-data; name=\"{name}\"\n\n{value}\n")
}

fn file(name: &str, kind: &str, content: &str) -> String {
    format!(
        "--B\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f\"\nContent-Type: {kind}\n\n{content}\n"
    )
}

#[test]
fn thousands_of_ids_and_variables_in_bodies() {
    let s = Server::new();
    let ids: Vec<String> =
        (0..2000).map(|i| format!("G{i}-X")).chain(["G1233800352-EEDTEST".into()]).collect();
    let a = s.form(&rangeset("red_var"), &field("granuleId", &ids.join(",")));
    assert_eq!((a.status, a.job().queries[0].ids.len()), (303, 2001));
    let repeated: String = ids.iter().map(|id| field("granuleId", id)).collect();
    assert_eq!(s.form(&rangeset("red_var"), &repeated).job().queries[0].ids.len(), 2001);
    let names = vec!["red_var"; 2000].join(",");
    let a = s.form(&rangeset("parameter_vars"), &field("variable", &names));
    assert_eq!(a.job().operation.sources[0].variables.as_ref().unwrap().len(), 1);
    let body = json!({ "coords": "POINT (-40 10)", "parameter-name": ["red_var"], "granuleId": ids });
    assert_eq!(s.edr("position", &body).status, 400, "that granule is not there");
    let body = json!({ "coords": "", "parameter-name": ["red_var"], "granuleId": ids });
    assert_eq!(s.edr("position", &body).status, 303);
    let body = json!({ "coords": "", "parameter-name": ["x".repeat(200_000)] });
    let a = s.edr("position", &body);
    assert_eq!((a.status, a.description().as_str()), (413, "Error: request entity too large"));
    let query: Vec<String> = ids.iter().skip(1970).cloned().collect();
    assert_eq!(s.get(&format!("{}?granuleId={}", rangeset("all"), query.join(","))).status, 303);
}

#[test]
fn forms_say_what_is_wrong_with_them() {
    let mut s = Server::new();
    let shape = r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}"#;
    let geojson = file("shapefile", "application/geo+json", shape);
    let a = s.form(&rangeset("all"), &geojson);
    assert!(a.job().queries[0].shape.as_ref().unwrap().contains("Polygon"));
    assert_eq!(s.form(&rangeset("all"), &geojson.repeat(2)).status, 400);
    assert_eq!(s.form(&rangeset("all"), &file("shape", "application/geo+json", shape)).status, 400);
    assert_eq!(s.form(&rangeset("all"), &file("shapefile", "application/geo+json", "{")).status, 400);
    assert_eq!(s.form(&rangeset("all"), &field("shapefile", "x")).status, 303);
    assert_eq!(s.form(&rangeset("all"), "--B\nnonsense").status, 400);
    assert_eq!(s.send("POST", &rangeset("all"), None, Vec::new()).status, 303);
    let a = s.form(&rangeset("all"), &field("point", "1,2"));
    assert_eq!(a.job().operation.subset.point, Some([1.0, 2.0]));
    let a = s.form(&rangeset("none"), &geojson);
    assert_eq!(a.description(), "Error: Coverages were not found for the provided variables: none");
    s.config.max_post_fields = 3;
    assert_eq!(s.form(&rangeset("all"), &field("granuleId", "G").repeat(4)).status, 413);
    s.config.max_post_file_size = 10;
    assert_eq!(s.form(&rangeset("all"), &geojson).status, 413);
    // Of all that was sent only the shape of the one job is left.
    let left = std::fs::read_dir(s.config.data.join("uploads")).unwrap().flatten();
    let left: Vec<_> = left.map(|f| f.path()).collect();
    assert!(left.len() == 1 && left[0].extension().is_some_and(|e| e == "geojson"), "{left:?}");
}

#[test]
fn paths_are_tolerant() {
    let s = Server::new();
    for uri in [
        format!("/{C1}/ogc-api-coverages/1.0.0/red_var/coverage/rangeset"),
        format!("/{C1}/ogc-api-coverages/1.0.0/Collections/red_var/coverage/RangeSet/"),
        format!("/{C1}/ogc-api-coverages/1.0.0/collections/red_var%2Cgreen_var/coverage/rangeset"),
    ] {
        let a = s.get(&uri);
        assert!(
            a.status == 303 && !a.job().operation.sources[0].variables.as_ref().unwrap().is_empty(),
            "{uri}"
        );
    }
    let a = s.get("/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset");
    assert!(a.status == 404 && a.text.contains("Services can only be invoked when"), "{}", a.text);
    let a = s.get(&format!("/{C1}+C1-NONE+C2-NONE/ogc-api-coverages/1.0.0/"));
    assert!(a.text.contains("The collections C1-NONE and C2-NONE could not be found."), "{}", a.text);
    let a = s.get(&format!("/{C1}/ogc-api-coverages/1.0.0/collections/all"));
    assert_eq!((a.status, a.json()["itemType"].as_str()), (200, Some("Variable")));
    let a = s.send("POST", &format!("/{C1}/ogc-api-coverages/1.0.0/"), None, Vec::new());
    assert_eq!(a.description(), "Error: The requested POST page was not found.");
    let a = s
        .get(&format!("/ogc-api-edr/1.1.0/collections/{C1}/cube?f=image/png&datetime=2019-01-01/2020-01-01"));
    assert_eq!(a.status, 303, "{}", a.text);
    assert_eq!(s.get("/schemas/ogc-api-edr/1.1.0/ogc-api-edr-v1.1.0.yml").status, 200);
}

#[test]
fn sync_async_and_limits() {
    let mut s = Server::new();
    let one = format!("{}?granuleId=G1233800352-EEDTEST", rangeset("red_var"));
    assert_eq!(s.get(&one).location, "http://example.com");
    let a = s.get(&format!("{one}&forceAsync=true&granuleId=G1%2CG2"));
    let validate = a.job().validate.clone().unwrap();
    assert_eq!((a.job().num_input_granules, validate.reason, validate.max_results), (2, 3, 2100));
    assert_eq!(a.job().operation.extra_args["granValidation"]["serviceName"], "test/everything");
    assert!(s.get(&format!("{}?forceAsync=true", rangeset("all"))).job().validate.is_none());
    // Joined granules may be waited for by who insists.
    let joined = format!("{}?concatenate=true&maxResults=3", rangeset("all"));
    assert!(!s.get(&joined).job().operation.is_synchronous);
    assert!(s.get(&format!("{joined}&forceAsync=false")).job().operation.is_synchronous);
    let a = s.get(&format!("{}?extend=true&concatenate=true", rangeset("all")));
    assert_eq!(a.job().operation.extend_dimensions, ["mirror_step"]);
    s.ending = Ending::Results(2);
    let a = s.get(&one);
    assert_eq!(a.status, 500);
    assert_eq!(a.description(), "Error: The backend service provided 2 outputs when 1 was required");
    s.ending = Ending::Results(0);
    assert!(s.get(&one).location.starts_with("/jobs/"));
    s.config.destinations = vec![s.config.data.clone()];
    let a = s.get(&format!("{one}&destinationUrl=file://{}/out", s.config.data.display()));
    assert!(
        a.location.starts_with("/jobs/") && a.job().operation.staging_location.contains("/out/"),
        "{}",
        a.text
    );
    let a = s.get(&format!("{one}&label=A&label=this_is_a_forbidden_label"));
    assert_eq!(a.description(), "Error: th*s_*s_*_f*rb*dd*n_l*b*l is not an allowed label");
    let a = s.get(&format!("{one}&CONCATENATE=x"));
    assert_eq!(a.description(), "Error: query parameter \"concatenate\" 'x' must be 'false' or 'true'");
}

#[test]
fn several_collections_are_counted_each() {
    let s = Server::new();
    let uri = format!(
        "/{C1}+C1234088182-EEDTEST/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset?maxResults=200"
    );
    let a = s.get(&uri);
    let job = a.job();
    assert_eq!((job.num_input_granules, job.queries.len()), (200, 2));
    assert_eq!(
        job.messages,
        [
            "CMR query identified 354 granules, but the request has been limited to process only the first 200 granules \
          because you requested 200 maxResults."
        ]
    );
    assert_eq!(job.provider, "eedtest");
    assert_eq!(job.request_url, format!("http://127.0.0.1:4000{uri}"));
}

#[test]
fn edr_beyond_the_reference() {
    let s = Server::new();
    let base = format!("/ogc-api-edr/1.1.0/collections/{C1}");
    for uri in [
        "/ogc-api-edr/1.1.0",
        "/ogc-api-edr/1.1.0/",
        "/ogc-api-edr/1.1.0/conformance",
        "/ogc-api-edr/1.1.0/api",
    ] {
        assert_eq!(s.get(uri).status, 200, "{uri}");
    }
    let all = s.get("/ogc-api-edr/1.1.0/collections").json();
    assert!(all["collections"].as_array().unwrap().iter().any(|c| c["id"] == C1));
    let own = s.get(&base).json();
    assert!(own["data_queries"]["radius"]["link"]["href"].as_str().unwrap().ends_with("/radius"));
    assert!(own["parameter_names"]["red_var"]["observedProperty"]["label"].is_string());
    assert_eq!(s.get(&format!("{base}/instances")).json()["instances"].as_array().unwrap().len(), 3);
    let items = s.get(&format!("{base}/items?limit=2&bbox=-10,0,10,5")).json();
    assert_eq!((items["numberReturned"].as_u64(), items["numberMatched"].as_u64()), (Some(2), Some(177)));
    let next = items["links"][1]["href"].as_str().unwrap().strip_prefix("http://127.0.0.1:4000").unwrap();
    assert_eq!(s.get(next).json()["numberReturned"], 2);
    assert_eq!(s.get(&format!("{base}/items/box")).json()["id"], "G1233800352-EEDTEST");
    assert_eq!(s.get(&format!("{base}/items/none")).status, 404);
    let a = s.get(&format!("{base}/locations/-40,10?z=500/850&parameter-name=red_var"));
    assert_eq!(a.job().operation.subset.point, Some([-40.0, 10.0]));
    let z = &a.job().operation.subset.dimensions.as_ref().unwrap()[0];
    assert_eq!((z.name.as_str(), z.min, z.max), ("z", Some(500.0), Some(850.0)));
    assert_eq!(s.get(&format!("{base}/locations/extent")).status, 303);
    assert_eq!(s.get(&format!("{base}/locations/nowhere")).status, 404);
    let a = s.get(&format!("{base}/radius?coords=POINT(1%202)&within=10&within-units=km"));
    assert!(serde_json::to_string(&a.job().operation.subset.shape).unwrap().contains("Polygon"));
    let line = "coords=LINESTRING(0%200%2C10%2010)&corridor-width=5&width-units=km";
    let a = s.get(&format!("{base}/corridor?{line}&corridor-height=100&height-units=m&z=500"));
    assert_eq!(a.job().operation.subset.dimensions.as_ref().unwrap()[0].min, Some(450.0));
    assert_eq!(s.get(&format!("{base}/corridor?{line}")).status, 400);
    let square = "coords=POLYGON((0%200%2C1%200%2C1%201%2C0%200))";
    let a = s.get(&format!("{base}/area?{square}&resolution-x=0.5"));
    assert_eq!(a.job().operation.format.scale_size.map(|v| (v.x, v.y)), Some((0.5, 0.5)));
}
