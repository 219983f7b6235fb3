//! What there is: landing page, conformance, tile matrix sets, tilesets, TileJSON.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::matrix::{DEEPEST, TileMatrixSet};
use super::{check, layer_named, segment, set_of};
use crate::http::layers::{self, Named};
use crate::http::wms::Parameters;
use crate::http::{App, Caller, Problem};
use crate::maps::ImageFormat;

/// Requirement classes that are met.
const CONFORMANCE: [&str; 9] = [
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/landing-page",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tileset",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tilesets-list",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/png",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/jpeg",
    "http://www.opengis.net/spec/tms/2.0/conf/json-tilematrixset",
];

const TILESETS_MAP: &str = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-map";
const SETS: &str = "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes";
const SET: &str = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme";

pub fn routes() -> Router<Arc<App>> {
    let base = "/{collections}/ogc-api-tiles/1.0.0";
    let at = |rest: &str| format!("{base}{rest}");
    Router::new()
        .route(base, get(landing))
        .route(&at("/"), get(landing))
        .route(&at("/conformance"), get(conformance))
        .route(&at("/tileMatrixSets"), get(sets))
        .route(&at("/tileMatrixSets/{set}"), get(one_set))
        .route(&at("/collections"), get(collections))
        .route(&at("/collections/{variable}"), get(collection))
        .route(&at("/collections/{variable}/map/tiles"), get(tilesets))
        .route(&at("/collections/{variable}/map/tiles/{set}"), get(tileset))
        .route("/{collections}/tiles", get(plain_list))
        .route("/{collections}/tiles/{variable}", get(tile_json))
        .route("/{collections}/tiles/{variable}/tilejson.json", get(tile_json))
}

fn link(rel: &str, href: String, media_type: &str, title: &str) -> Value {
    json!({ "rel": rel, "href": href, "type": media_type, "title": title })
}

/// Address of the API of a collection.
fn base(caller: &Caller, uri: &Uri) -> String {
    format!("{}/{}/ogc-api-tiles/1.0.0", caller.root, segment(uri))
}

async fn landing(State(app): State<Arc<App>>, caller: Caller, uri: Uri) -> Result<Json<Value>, Problem> {
    let all = app.map_collections(segment(&uri)).await?;
    let (base, json_type) = (base(&caller, &uri), "application/json");
    let title = all.first().map(|c| c.collection.short_name.clone()).unwrap_or_default();
    Ok(Json(json!({
        "title": format!("Tiles of {title}"),
        "description": "Maps of variables as tiles",
        "links": [
            link("self", base.clone(), json_type, "This document"),
            link("conformance", format!("{base}/conformance"), json_type, "Conformance classes"),
            link("data", format!("{base}/collections"), json_type, "Variables"),
            link(SETS, format!("{base}/tileMatrixSets"), json_type, "Tile matrix sets"),
        ],
    })))
}

async fn conformance(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<Value>, Problem> {
    app.map_collections(segment(&uri)).await?;
    Ok(Json(json!({ "conformsTo": CONFORMANCE })))
}

async fn sets(caller: Caller, uri: Uri) -> Json<Value> {
    let base = base(&caller, &uri);
    let one = |set: &TileMatrixSet| {
        let href = format!("{base}/tileMatrixSets/{}", set.id());
        json!({
            "id": set.id(),
            "title": set.id(),
            "uri": set.uri(),
            "crs": set.crs_uri(),
            "links": [link("self", href, "application/json", "Definition")],
        })
    };
    Json(json!({ "tileMatrixSets": TileMatrixSet::ALL.iter().map(one).collect::<Vec<_>>() }))
}

async fn one_set(Path((_, set)): Path<(String, String)>) -> Result<Json<Value>, Problem> {
    Ok(Json(set_of(&set)?.definition()))
}

async fn collections(State(app): State<Arc<App>>, caller: Caller, uri: Uri) -> Result<Json<Value>, Problem> {
    let all = app.map_collections(segment(&uri)).await?;
    let base = base(&caller, &uri);
    let mut out = Vec::new();
    for collected in &all {
        for variable in layers::shown_variables(collected) {
            let id = variable.id.as_str();
            let named = layer_named(&app, segment(&uri), id).await?;
            out.push(described(&named, id, &base));
        }
    }
    Ok(Json(json!({
        "collections": out,
        "links": [link("self", format!("{base}/collections"), "application/json", "This document")],
    })))
}

fn described(named: &Named, id: &str, base: &str) -> Value {
    let href = format!("{base}/collections/{}", encoded(id));
    json!({
        "id": id,
        "title": title(named),
        "extent": { "spatial": { "bbox": [bounds(named)] } },
        "links": [
            link("self", href.clone(), "application/json", "This document"),
            link(TILESETS_MAP, format!("{href}/map/tiles"), "application/json", "Map tilesets"),
        ],
    })
}

async fn collection(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    Path((_, variable)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let named = layer_named(&app, segment(&uri), &variable).await?;
    Ok(Json(described(&named, &variable, &base(&caller, &uri))))
}

fn title(named: &Named) -> String {
    match &named.variable {
        Some(v) => v.long_name.clone().unwrap_or_else(|| v.name.clone()),
        None => named.collected.collection.short_name.clone(),
    }
}

/// west, south, east, north.
fn bounds(named: &Named) -> [f64; 4] {
    match named.collected.collection.boxes[..] {
        [only] if only[0] < only[2] => only,
        _ => [-180.0, -90.0, 180.0, 90.0],
    }
}

fn tileset_of(named: &Named, set: TileMatrixSet, address: &str, sets: &str) -> Value {
    let [west, south, east, north] = bounds(named);
    let image = |f: ImageFormat| {
        let mut item = link(
            "item",
            format!("{address}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}?f={}", f.extension()),
            f.media_type(),
            "Tiles",
        );
        item["templated"] = json!(true);
        item
    };
    json!({
        "title": title(named),
        "dataType": "map",
        "crs": set.crs_uri(),
        "tileMatrixSetURI": set.uri(),
        "boundingBox": {
            "lowerLeft": [west, south],
            "upperRight": [east, north],
            "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        },
        "links": [
            link("self", address.to_owned(), "application/json", "This tileset"),
            link(SET, format!("{sets}/{}", set.id()), "application/json", "Definition of the tile matrix set"),
            image(ImageFormat::Png),
            image(ImageFormat::Jpeg),
        ],
    })
}

async fn tilesets(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    Path((_, variable)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let named = layer_named(&app, segment(&uri), &variable).await?;
    let base = base(&caller, &uri);
    let own = format!("{base}/collections/{}/map/tiles", encoded(&variable));
    let one = |set: &TileMatrixSet| {
        tileset_of(&named, *set, &format!("{own}/{}", set.id()), &format!("{base}/tileMatrixSets"))
    };
    Ok(Json(json!({
        "tilesets": TileMatrixSet::ALL.iter().map(one).collect::<Vec<_>>(),
        "links": [link("self", own.clone(), "application/json", "This document")],
    })))
}

async fn tileset(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    Path((_, variable, set)): Path<(String, String, String)>,
) -> Result<Json<Value>, Problem> {
    let named = layer_named(&app, segment(&uri), &variable).await?;
    let base = base(&caller, &uri);
    let set = set_of(&set)?;
    let own = format!("{base}/collections/{}/map/tiles/{}", encoded(&variable), set.id());
    Ok(Json(tileset_of(&named, set, &own, &format!("{base}/tileMatrixSets"))))
}

/// The variables of a collection with their TileJSON.
async fn plain_list(State(app): State<Arc<App>>, caller: Caller, uri: Uri) -> Result<Json<Value>, Problem> {
    let all = app.map_collections(segment(&uri)).await?;
    let own = format!("{}/{}/tiles", caller.root, segment(&uri));
    let variables: Vec<Value> = all
        .iter()
        .flat_map(|c| layers::shown_variables(c))
        .map(|v| {
            json!({
                "id": v.id,
                "name": v.name,
                "title": v.long_name,
                "tilejson": format!("{own}/{}/tilejson.json", encoded(&v.id)),
            })
        })
        .collect();
    Ok(Json(json!({ "variables": variables, "styles": app.maps.maps.style_names() })))
}

/// TileJSON 3.0.0; parameters of the request go on to the tiles.
async fn tile_json(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    Path(path): Path<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let variable = path.into_iter().find(|(name, _)| name == "variable").map(|(_, v)| v).unwrap_or_default();
    check(&app, &Parameters::parse(uri.query().unwrap_or_default()))?;
    let named = layer_named(&app, segment(&uri), &variable).await?;
    let query = uri.query().map(|q| format!("?{q}")).unwrap_or_default();
    let tiles = format!(
        "{}/{}/tiles/{}/{{z}}/{{x}}/{{y}}.png{query}",
        caller.root,
        segment(&uri),
        encoded(&variable)
    );
    let body = json!({
        "tilejson": "3.0.0",
        "name": title(&named),
        "description": named.collected.collection.summary,
        "scheme": "xyz",
        "tiles": [tiles],
        "minzoom": 0,
        "maxzoom": DEEPEST,
        "bounds": bounds(&named),
    });
    let mut response = Json(body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    Ok(response)
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
