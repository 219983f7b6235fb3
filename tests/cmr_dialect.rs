//! The catalogue in CMR's dialect: the acceptance list of the contract (`cmr.md` §11), over HTTP.
#![cfg(feature = "service")]
#![allow(clippy::unwrap_used)]

#[path = "common/service.rs"]
mod service;

use std::sync::Arc;

use harmony::catalog::cmr::{Cmr, Options};
use harmony::catalog::embedded::records::VariableRecord;
use harmony::catalog::{Catalog, CollectionQuery, GranuleQuery, Page, Variable};
use serde_json::{Value, json};
use service::{FIRST, HIDDEN, SECOND, example, serve};

struct Got {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|v| v.to_str().unwrap())
    }

    fn hits(&self) -> u64 {
        self.header("cmr-hits").unwrap().parse().unwrap()
    }

    /// `feed.entry` at a member.
    fn entries(&self, member: &str) -> Vec<String> {
        let list =
            self.body.pointer("/feed/entry").unwrap_or_else(|| panic!("{}", self.body)).as_array().unwrap();
        list.iter().map(|e| e[member].as_str().unwrap().to_owned()).collect()
    }

    fn error(&self) -> &str {
        self.body["errors"][0].as_str().unwrap_or_else(|| panic!("{}", self.body))
    }
}

async fn got(response: reqwest::Response) -> Got {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    Got { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

async fn get(root: &str, path: &str) -> Got {
    got(reqwest::get(format!("{root}{path}")).await.unwrap()).await
}

async fn post(root: &str, path: &str, kind: &str, body: String) -> Got {
    let request =
        reqwest::Client::new().post(format!("{root}{path}")).header("Content-Type", kind).body(body);
    got(request.send().await.unwrap()).await
}

/// A multipart body; a value after `@` is a GeoJSON file.
async fn post_parts(root: &str, path: &str, parts: &[(&str, &str)]) -> Got {
    let mut body = String::new();
    for (name, value) in parts {
        let (file, value) = match value.strip_prefix('@') {
            Some(file) => ("; filename=\"s.geojson\"\r\nContent-Type: application/geo+json", file),
            None => ("", *value),
        };
        body += &format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n");
    }
    post(root, path, "multipart/form-data; boundary=x", body + "--x--\r\n").await
}

async fn server() -> String {
    serve(Arc::new(example().await)).await
}

#[tokio::test]
async fn a1_the_notebooks_call_gives_two_entries_version_1_first() {
    let root = server().await;
    let got = get(&root, "/search/collections.json?short_name=harmony_example").await;
    assert_eq!((got.status, got.entries("id")), (200, vec![FIRST.to_owned(), SECOND.to_owned()]));
    let first = &got.body["feed"]["entry"][0];
    assert_eq!(
        (&first["version_id"], &first["associations"]["variables"][0]),
        (&json!("1"), &json!("V1233801695-EEDTEST"))
    );
    assert_eq!(got.body["feed"]["title"], "ECHO dataset metadata");
    assert_eq!(got.body["feed"]["id"], format!("{root}/search/collections.json?short_name=harmony_example"));
}

#[tokio::test]
async fn a2_sorted_by_revision_the_newest_is_first() {
    let root = server().await;
    let path = "/search/collections.json?short_name=harmony_example&page_size=2000&sort_key=-revisionDate\
                &include_non_operational=true";
    assert_eq!(get(&root, path).await.entries("id"), [SECOND, FIRST]);
}

#[tokio::test]
async fn a3_boxes_have_latitude_first_and_tags_are_included_when_asked_for() {
    let root = server().await;
    let path = format!("/search/collections.json?include_tags=harmony.has-eula&concept_id={FIRST}");
    let got = get(&root, &path).await;
    let entry = &got.body["feed"]["entry"][0];
    assert_eq!(entry["boxes"], json!(["-90 -180 90 180"]));
    assert_eq!(entry["tags"]["harmony.has-eula"]["data"], json!(false));
    let plain = get(&root, &format!("/search/collections.json?concept_id={FIRST}")).await;
    assert!(plain.body["feed"]["entry"][0].get("tags").is_none());
}

#[tokio::test]
async fn a4_2001_variables_come_in_two_pages() {
    let catalog = example().await;
    let variable = |i: u32| VariableRecord {
        variable: Variable {
            id: format!("V{}-EEDTEST", 5000 + i),
            name: format!("v{i:04}"),
            ..Variable::default()
        },
        collections: vec![FIRST.into()],
        umm: None,
    };
    catalog.insert_variables((0..2000).map(variable).collect()).await.unwrap();
    let root = serve(Arc::new(catalog)).await;
    let cmr = client(&root);
    let collection = &cmr.collections(&CollectionQuery::Ids(vec![FIRST.into()])).await.unwrap()[0];
    assert_eq!(collection.variables.len(), 2001);
    let variables = cmr.variables(&collection.variables).await.unwrap();
    assert_eq!(variables.len(), 2001);
    assert_eq!(variables.last().map(|v| v.long_name.as_deref()), Some(Some("Red Channel")));
}

#[tokio::test]
async fn a5_search_after_over_five_pages() {
    let root = server().await;
    let (mut after, mut seen, mut pages) = (None::<String>, Vec::new(), 0);
    loop {
        let url = format!("{root}/search/granules.json?collection_concept_id={FIRST}&page_size=40");
        let mut request = reqwest::Client::new().get(url);
        if let Some(after) = &after {
            request = request.header("CMR-Search-After", after);
        }
        let page = got(request.send().await.unwrap()).await;
        assert_eq!((page.status, page.hits()), (200, 177));
        after = page.header("cmr-search-after").map(str::to_owned);
        seen.extend(page.entries("id"));
        if after.is_none() {
            assert!(page.entries("id").is_empty());
            break;
        }
        pages += 1;
    }
    assert_eq!((pages, seen.len()), (5, 177));
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 177);
}

#[tokio::test]
async fn a6_wrong_pages_and_names_are_told_in_cmrs_words() {
    let root = server().await;
    for (query, words) in [
        ("page_size=2001", "page_size must be a number between 0 and 2000"),
        ("page_num=0", "page_num must be a number greater than or equal to 1"),
        ("offset=1&page_num=2", "Only one of offset or page-num may be specified"),
        (
            "page_num=501&page_size=2000",
            "The paging depth (page_num * page_size) of [1002000] exceeds the limit of 1000000.",
        ),
        ("foo=1", "Parameter [foo] was not recognized."),
        ("bounding_box=-181,0,1,1", "West must be within [-180.0] and [180.0] but was [-181.0]."),
    ] {
        let got = get(&root, &format!("/search/granules.json?{query}")).await;
        assert_eq!((got.status, got.error()), (400, words));
        assert!(got.header("cmr-hits").is_some());
    }
    let scroll = get(&root, "/search/granules.json?scroll=true").await;
    assert!(scroll.error().starts_with("Scrolling is no longer supported. Please use search-after instead."));
    let sort = get(&root, "/search/granules.json?sort_key=colour").await;
    assert_eq!(sort.status, 400);
    let kind = get(&root, "/search/granules.echo10").await;
    assert_eq!(kind.error(), "The mime types specified in the accept header [echo10] are not supported.");
}

#[tokio::test]
async fn a7_a_box_across_the_antimeridian() {
    let root = server().await;
    let path = format!(
        "/search/granules.json?collection_concept_id={FIRST}&bounding_box=176,-50,-179,-41&page_size=50"
    );
    let got = get(&root, &path).await;
    // The first (175…-175), the second (-170…-160) not; the last of the row (170…180) too.
    assert_eq!(got.entries("id"), ["G1233800343-EEDTEST", "G1233800378-EEDTEST"]);
    let first = &got.body["feed"]["entry"][0];
    assert_eq!(first["boxes"], json!(["-50 175 -40 -175"]));
    assert_eq!(first["granule_size"], "1.5");
    let link = &first["links"][0];
    assert_eq!(link["rel"], "http://esipfed.org/ns/fedsearch/1.1/data#");
    assert_eq!(link["href"], format!("{root}/granules/G1233800343-EEDTEST/001_00_7f00ff_region"));
    assert!(!got.body.to_string().contains("/data/0.nc"));
}

#[tokio::test]
async fn a8_names_with_wildcards_need_the_option() {
    let root = server().await;
    let base = format!(
        "/search/granules.json?collection_concept_id={FIRST}&page_size=0&readable_granule_name=001_*"
    );
    assert_eq!(get(&root, &base).await.hits(), 0);
    let pattern = format!("{base}&options%5Breadable_granule_name%5D%5Bpattern%5D=true");
    assert_eq!(get(&root, &pattern).await.hits(), 12);
    let plain = "/search/granules.json?page_size=0&readable_granule_name[]=001_08_7F00FF_region";
    assert_eq!(get(&root, plain).await.hits(), 1);
}

#[tokio::test]
async fn a9_a_shape_with_a_hole_leaves_out_what_lies_in_it() {
    let root = server().await;
    let ring = |a: f64, b: f64| json!([[a, a], [b, a], [b, b], [a, b], [a, a]]);
    let shape = json!({ "type": "FeatureCollection", "features": [{ "type": "Feature", "properties": {},
        "geometry": { "type": "Polygon", "coordinates": [ring(-60.0, 60.0), ring(-35.0, 35.0)] } }] });
    let file = format!("@{shape}");
    let search = |parts: Vec<(&'static str, String)>| {
        let root = root.clone();
        async move {
            let parts: Vec<(&str, &str)> = parts.iter().map(|(a, b)| (*a, b.as_str())).collect();
            post_parts(&root, "/search/granules.json", &parts).await
        }
    };
    let id = || ("collection_concept_id", FIRST.to_owned());
    let box_of_hole = ("bounding_box", "-29,-29,29,29".to_owned());
    let all =
        search(vec![id(), ("bounding_box", "-60,-60,60,60".into()), ("page_size", "0".into())]).await.hits();
    let holed = search(vec![id(), ("shapefile", file.clone()), ("page_size", "0".into())]).await.hits();
    assert!(holed > 0 && holed < all, "{holed} of {all}");
    // Rows at -30…-20 and -10…0 and 10…20 lie in the hole between -30 and 30.
    let inside = search(vec![id(), box_of_hole, ("shapefile", file), ("page_size", "0".into())]).await.hits();
    assert_eq!(inside, 0);
}

#[tokio::test]
async fn a10_empty_shapes_are_told() {
    let root = server().await;
    let empty = [("shapefile", "@{\"type\":\"FeatureCollection\",\"features\":[]}")];
    let got = post_parts(&root, "/search/granules.json", &empty).await;
    assert_eq!((got.status, got.error()), (400, "Shapefile has no features"));
    let broken = post_parts(&root, "/search/granules.json", &[("shapefile", "@{")]).await;
    assert_eq!(broken.error(), "Failed to parse shapefile");
}

#[tokio::test]
async fn a11_and_a12_what_guests_may_read() {
    let root = server().await;
    let path = format!(
        "/access-control/permissions?user_type=guest&concept_id={FIRST}&concept_id={HIDDEN}&concept_id=C9-X"
    );
    let got = get(&root, &path).await;
    assert_eq!(got.body, json!({ FIRST: ["read", "order"], HIDDEN: [], "C9-X": [] }));
    let cmr = client(&root);
    assert!(cmr.guests_may_read(&[FIRST.into(), SECOND.into()]).await.unwrap());
    assert!(!cmr.guests_may_read(&[FIRST.into(), HIDDEN.into()]).await.unwrap());
    assert_eq!(get(&root, "/access-control/permissions?user_type=guest").await.status, 400);
}

#[tokio::test]
async fn a13_get_form_and_multipart_give_the_same() {
    let root = server().await;
    let query = format!(
        "collection_concept_id={FIRST}&temporal=2020-01-03T00%3A00%3A00Z%2C2020-01-04T00%3A00%3A00Z&page_size=30"
    );
    let by_get = get(&root, &format!("/search/granules.umm_json?{query}")).await;
    let form = post(&root, "/search/granules.umm_json", "application/x-www-form-urlencoded", query).await;
    let parts = [
        ("collection_concept_id", FIRST),
        ("temporal", "2020-01-03T00:00:00Z,2020-01-04T00:00:00Z"),
        ("page_size", "30"),
    ];
    let multipart = post_parts(&root, "/search/granules.umm_json", &parts).await;
    assert!(by_get.hits() > 0);
    assert_eq!(by_get.body["items"], form.body["items"]);
    assert_eq!(by_get.body["items"], multipart.body["items"]);
    let umm = &by_get.body["items"][0]["umm"];
    assert_eq!(umm["DataGranule"]["ArchiveAndDistributionInformation"][0]["SizeInBytes"], 1_572_864);
    assert_eq!(umm["RelatedUrls"][0]["Type"], "GET DATA");
}

#[tokio::test]
async fn a14_every_answer_has_its_headers() {
    let root = server().await;
    for path in [
        "/search/collections.umm_json",
        "/search/granules.umm_json",
        "/search/variables.umm_json_v1_9_0",
        "/search/services.umm_json_v1_5_4",
        "/search/visualizations.umm_json_v1_1_0",
        "/search/grids.umm_json_v_0_0_1?name=x",
        "/search/granules",
        "/search/collections.json?page_size=0",
        "/search/nothing.json",
    ] {
        let got = got(reqwest::Client::new()
            .get(format!("{root}{path}"))
            .header("X-Request-Id", "abc")
            .send()
            .await
            .unwrap())
        .await;
        assert!(got.header("cmr-hits").is_some() && got.header("cmr-took").is_some(), "{path}");
        assert_eq!(got.header("cmr-request-id"), Some("abc"), "{path}");
        assert_eq!(got.header("access-control-allow-origin"), Some("*"));
    }
    let umm = get(&root, "/search/granules.umm_json").await;
    assert!(umm.header("content-type").unwrap().starts_with("application/vnd.nasa.cmr.umm_results+json"));
    let xml = get(&root, "/search/granules?page_size=1").await;
    assert!(xml.body.as_str().unwrap().contains("<hits>177</hits>"));
}

#[tokio::test]
async fn single_concepts() {
    let root = server().await;
    let json = get(&root, "/search/concepts/G1233800350-EEDTEST.json").await;
    assert_eq!(json.body["title"], "001_07_7f00ff_region");
    let umm = get(&root, &format!("/search/concepts/{FIRST}.umm_json")).await;
    assert_eq!(umm.body["ShortName"], "harmony_example");
    let native = get(&root, "/search/concepts/V1233801695-EEDTEST").await;
    assert_eq!(native.body["Name"], "red_var");
    let missing = get(&root, "/search/concepts/G1-NO.json").await;
    assert_eq!(
        (missing.status, missing.error()),
        (404, "Concept with concept-id [G1-NO] could not be found.")
    );
    assert_eq!(get(&root, "/search/health").await.status, 200);
}

fn client(root: &str) -> Cmr {
    let options = Options { endpoint: root.into(), client_id: "test".into(), token: None };
    Cmr::new(options).unwrap()
}

/// A second instance that asks the first as its CMR sees what the first one sees.
#[tokio::test]
async fn a15_a_cmr_and_the_embedded_catalogue_are_interchangeable() {
    let embedded = Arc::new(example().await);
    let cmr = client(&serve(embedded.clone()).await);
    cmr.health().await.unwrap();
    let shape = json!({ "type": "Polygon", "coordinates": [[[0, 0], [30, 0], [30, 30], [0, 30], [0, 0]]] });
    let bare = GranuleQuery { collection: FIRST.into(), ..GranuleQuery::default() };
    let queries = [
        bare.clone(),
        GranuleQuery { bbox: Some([170.0, -90.0, -170.0, 90.0]), ..bare.clone() },
        GranuleQuery { point: Some([5.0, 15.0]), ..bare.clone() },
        GranuleQuery { shape: Some(shape.to_string()), ..bare.clone() },
        GranuleQuery { names: vec!["00?_0*".into()], ..bare.clone() },
        GranuleQuery {
            ids: vec!["G1233800350-EEDTEST".into(), "G1233800343-EEDTEST".into()],
            ..bare.clone()
        },
        GranuleQuery { start: Some("2020-01-20T00:00:00Z".into()), end: None, ..bare.clone() },
        GranuleQuery { names: vec!["nothing".into()], ..bare },
    ];
    for query in queries {
        let mut pages = [Page { size: 25, after: None }, Page { size: 25, after: None }];
        for round in 0..9 {
            let here = embedded.granules(&query, &pages[0]).await.unwrap();
            let there = cmr.granules(&query, &pages[1]).await.unwrap();
            assert_eq!(here.hits, there.hits, "{query:?}");
            let ids = |g: &[harmony::catalog::Granule]| {
                g.iter().map(|g| (g.id.clone(), g.bbox, g.size_bytes)).collect::<Vec<_>>()
            };
            assert_eq!(ids(&here.granules), ids(&there.granules), "{query:?} {round}");
            let Some(after) = here.after else { break };
            pages = [Page { size: 25, after: Some(after) }, Page { size: 25, after: there.after }];
        }
        let count = Page::default();
        assert_eq!(
            embedded.granules(&query, &count).await.unwrap().hits,
            cmr.granules(&query, &count).await.unwrap().hits
        );
    }
    for query in
        [CollectionQuery::ShortName("harmony_example".into()), CollectionQuery::Ids(vec![FIRST.into()])]
    {
        let ids = |list: Vec<harmony::catalog::Collection>| {
            list.into_iter().map(|c| (c.id, c.variables, c.boxes, c.has_eula)).collect::<Vec<_>>()
        };
        let (here, there) =
            (embedded.collections(&query).await.unwrap(), cmr.collections(&query).await.unwrap());
        let here: Vec<_> = ids(here).into_iter().map(|c| (c.0, c.1, c.2)).collect();
        assert_eq!(here, ids(there).into_iter().map(|c| (c.0, c.1, c.2)).collect::<Vec<_>>());
    }
    assert_eq!(cmr.native_format(FIRST).await.unwrap().as_deref(), Some("netCDF-4"));
    let wrong = GranuleQuery {
        collection: FIRST.into(),
        bbox: Some([-200.0, 0.0, 1.0, 1.0]),
        ..GranuleQuery::default()
    };
    let error = cmr.granules(&wrong, &Page::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "West must be within [-180.0] and [180.0] but was [-200.0].");
}

#[tokio::test]
async fn a_cmr_that_is_not_there_or_ill_is_told() {
    let gone = client("http://127.0.0.1:9");
    let error = gone.granules(&GranuleQuery::default(), &Page::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "Failed to query the CMR");
    let router = axum::Router::new().fallback(|| async { (axum::http::StatusCode::BAD_GATEWAY, "oops") });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ill = client(&format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let error = ill.collections(&CollectionQuery::ShortName("x".into())).await.unwrap_err();
    assert_eq!(error.to_string(), "Service unavailable");
    assert!(ill.health().await.is_err());
}
