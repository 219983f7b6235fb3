//! The landing page and the documentation.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;

use super::escape::html as escape;
use super::page::{self, table};
use super::{App, Caller, openapi, openapi_page};
use crate::plan::chains::Chain;

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(landing))
        .route("/docs", get(documentation))
        .route(
            "/docs/api",
            get(async || documents("API: coverages and jobs", &[openapi::COVERAGES, openapi::SYSTEM])),
        )
        .route("/docs/edr-api", get(async || documents("API: EDR", &[openapi::EDR])))
}

fn documents(title: &str, texts: &[&str]) -> Response {
    let pages: String = texts.iter().map(|text| openapi_page::render(&openapi::parse(text))).collect();
    page::html(title, &pages)
}

async fn landing(caller: Caller) -> Response {
    let root = escape(&caller.root);
    page::html(
        "Harmony",
        &format!(
            "<h1>Harmony</h1>\
             <p>Harmony allows you to seamlessly analyse Earth-observation data of many collections: ask for the \
             place, the time, the variables, the grid and the format that you need, and get exactly that.</p>\
             <h2>Begin</h2>\
             <p>The <a href=\"/docs\">documentation</a> has examples. Data are asked for by addresses that begin \
             with</p><pre><code>{root}/{{collectionId}}/ogc-api-coverages/1.0.0\n\
             {root}/ogc-api-edr/1.1.0/collections/{{collectionId}}\n\
             {root}/{{collectionId}}/wms</code></pre>\
             <p>where <code>collectionId</code> is the concept id or the short name of a collection.</p>\
             <h2>Login</h2><p>This server asks for none. Data of NASA's archives need an account of \
             <a href=\"https://urs.earthdata.nasa.gov\">Earthdata Login</a>.</p>"
        ),
    )
}

/// Sections of the documentation: anchor, title, body with `{root}` for this server.
const SECTIONS: [(&str, &str, &str); 10] = [
    (
        "start",
        "Getting started",
        "\
<p>Without an account, in a shell: a box of a collection as netCDF.</p>\
<pre><code>curl -L -o subset.nc '{root}/COLLECTION/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset\
?subset=lat(0:10)&amp;subset=lon(20:30)&amp;maxResults=1'</code></pre>\
<p>In Python, with the client <code>harmony-py</code>:</p>\
<pre><code>from harmony import BBox, Client, Collection, Environment, Request\n\
client = Client(env=Environment.LOCAL)\n\
request = Request(collection=Collection('COLLECTION'), spatial=BBox(20, 0, 30, 10), max_results=1)\n\
job = client.submit(request)\n\
files = [f.result() for f in client.download_all(job)]</code></pre>",
    ),
    (
        "apis",
        "Service APIs",
        "\
<p><a href=\"/docs/api\">OGC API Coverages 1.0.0</a> transforms whole granules and parts of them; \
<a href=\"/docs/edr-api\">OGC API EDR 1.1.0</a> takes positions, lines and areas; \
WMS 1.3.0 draws maps. All take the same parameters for grid, format and job.</p>\
<p>One granule is answered at once; more become a job, whose address the answer (303) names.</p>",
    ),
    (
        "capabilities",
        "Capabilities",
        "\
<p>What can be done with a collection, its variables included:</p>\
<pre><code>{root}/capabilities?collectionId=C1234-PROV\n{root}/capabilities?shortName=NAME&amp;version=3-alpha</code></pre>",
    ),
    (
        "jobs",
        "Jobs",
        "\
<p>Own jobs, newest first: <code>{root}/jobs</code>. One of them with progress, messages and links to results: \
<code>{root}/jobs/ID</code>. It can be paused, resumed and cancelled: <code>{root}/jobs/ID/pause</code>, \
<code>/resume</code>, <code>/cancel</code>. Large jobs pause after their first result, so that you can look at it; \
<code>/skip-preview</code> or the parameter <code>skipPreview=true</code> goes on.</p>",
    ),
    (
        "steps",
        "Steps",
        "<p>The steps of a job and what each has done: <code>{root}/jobs/ID/steps</code>.</p>",
    ),
    (
        "labels",
        "Labels",
        "\
<p>Give jobs labels with the parameter <code>label</code>, or later with PUT and DELETE of \
<code>{root}/labels?jobID=ID&amp;label=a</code>; find them with <code>{root}/jobs?label=a</code>.</p>",
    ),
    (
        "stac",
        "STAC",
        "\
<p>Results as a STAC catalogue with an item for each, footprint and time included: <code>{root}/stac/ID</code>.</p>",
    ),
    (
        "cloud",
        "Cloud access and buckets",
        "\
<p><code>{root}/cloud-access</code> gives keys to results in an object store, and \
<code>{root}/staging-bucket-policy?bucketPath=BUCKET</code> the policy that a bucket of yours needs, on servers that \
have one.</p>",
    ),
    (
        "versions",
        "Versions",
        "\
<p>Service chains with their services: <a href=\"/versions\"><code>{root}/versions</code></a>; services alone: \
<code>{root}/service-image-tag</code>.</p>",
    ),
    (
        "state",
        "State of the server",
        "\
<p><a href=\"/health\">Health</a>, <a href=\"/metrics\">counters for Prometheus</a>.</p>",
    ),
];

async fn documentation(State(app): State<Arc<App>>, caller: Caller) -> Response {
    let root = escape(&caller.root);
    let mut out = String::from("<h1>Harmony Documentation</h1><ul>");
    for (anchor, title, _) in SECTIONS {
        out.push_str(&format!("<li><a href=\"#{anchor}\">{title}</a></li>"));
    }
    out.push_str("<li><a href=\"#services\">Services</a></li></ul>");
    for (anchor, title, body) in SECTIONS {
        out.push_str(&format!("<h2 id=\"{anchor}\">{title}</h2>{}", body.replace("{root}", &root)));
    }
    out.push_str("<h2 id=\"services\">Services</h2>");
    let heads = ["chain", "what it does", "operations", "formats"];
    out.push_str(&table(&heads, app.chains.list.iter().map(|c| service_row(c))));
    page::html("Harmony Documentation", &out)
}

fn service_row(chain: &Chain) -> Vec<String> {
    let able = &chain.capabilities;
    let subsets = able.subsetting.clone().unwrap_or_default();
    let averages = able.averaging.clone().unwrap_or_default();
    let all = [
        (subsets.bbox, "box"),
        (subsets.shape, "shape"),
        (subsets.temporal, "time"),
        (subsets.variable, "variables"),
        (subsets.dimension, "dimensions"),
        (able.reprojection, "reprojection"),
        (able.concatenation, "concatenation"),
        (able.extend, "extend"),
        (averages.time, "mean over time"),
        (averages.area, "mean over area"),
    ];
    let operations: Vec<&str> = all.iter().filter(|(can, _)| *can == Some(true)).map(|(_, w)| *w).collect();
    vec![chain.name.clone(), chain.description.clone(), operations.join(", "), able.output_formats.join(", ")]
}
