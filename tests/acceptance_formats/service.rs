//! Rows that are about the service: maps (W9 to W11, W13) and the catalogue of results (Z14), over HTTP.

use std::path::Path;

use crate::common::build::{number, var};
use crate::common::{Picture, picture, save_as, testdata};
use crate::geographic;
use crate::server::{Answer, Server, write_granules};
use harmony_model::Granule;

/// A server with the small granules of the project, under the names of `testdata/collections.toml`.
fn samples(folder: &Path) -> Server {
    let granules = folder.join("granules");
    write_granules(&granules);
    let settings = folder.join("harmony.toml");
    let collections = testdata("../collections.toml");
    std::fs::write(&settings, format!("collections_file = {:?}\n", collections.display().to_string()))
        .unwrap();
    let [settings, granules] = [&settings, &granules].map(|p| p.display().to_string());
    Server::start(&folder.join("data"), &["--config", &settings, "--add", &granules])
}

fn map_of(answer: &Answer) -> Picture {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.png");
    std::fs::write(&path, &answer.body).unwrap();
    picture(&path)
}

/// A GetMap request of a layer without `transparent`.
fn get_map(collection: &str, layer: &str, bbox: &str, size: [u32; 2]) -> String {
    let [width, height] = size;
    format!(
        "/{collection}/wms?service=WMS&version=1.3.0&request=GetMap&layers={layer}&styles=&crs=CRS:84&bbox={bbox}\
         &width={width}&height={height}&format=image/png"
    )
}

/// Name of the layer of a collection whose red, green and blue are a picture, out of its capabilities.
fn colours(server: &Server, collection: &str) -> String {
    let document = server.get(&format!("/{collection}/wms?service=WMS&request=GetCapabilities")).text();
    let document = roxmltree::Document::parse(&document).unwrap();
    let names = document.descendants().filter(|n| n.has_tag_name(("http://www.opengis.net/wms", "Name")));
    let name = names.filter_map(|n| n.text()).find(|t| t.ends_with("/rgb"));
    name.expect("red, green and blue are a layer").to_owned()
}

#[test]
fn w9_without_transparent_the_map_is_opaque() {
    let folder = tempfile::tempdir().unwrap();
    let server = samples(folder.path());
    let layer = colours(&server, "harmony_example");
    // South of the pole there is nothing.
    let request = get_map("harmony_example", &layer, "-180,-270,180,90", [72, 72]);
    let opaque = map_of(&server.get(&request));
    assert!(opaque.pixels.iter().all(|p| p[3] == 255));
    let transparent = map_of(&server.get(&format!("{request}&transparent=TRUE")));
    let hidden: Vec<usize> = (0..opaque.pixels.len()).filter(|&i| transparent.pixels[i][3] == 0).collect();
    assert!(!hidden.is_empty());
    assert!(hidden.iter().all(|&i| opaque.pixels[i] == [255; 4]));
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn w10_what_is_not_known_is_an_exception() {
    let folder = tempfile::tempdir().unwrap();
    let server = samples(folder.path());
    let layer = colours(&server, "harmony_example");
    let good = get_map("harmony_example", &layer, "-180,-90,180,90", [20, 10]);
    assert_eq!(server.get(&good).status, 200);
    let (no_layer, no_format) = (good.replace(&layer, "nothing"), good.replace("image/png", "text/plain"));
    let no_crs = good.replace("CRS:84", "EPSG:123456");
    for (request, code) in
        [(no_layer, "LayerNotDefined"), (no_format, "InvalidFormat"), (no_crs, "InvalidCRS")]
    {
        let answer = server.get(&request);
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.header("content-type").is_some_and(|t| t.contains("xml")), "{:?}", answer.headers);
        let text = answer.text();
        let document = roxmltree::Document::parse(&text).unwrap();
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "ServiceExceptionReport");
        let exception =
            root.children().find(|n| n.has_tag_name(("http://www.opengis.net/ogc", "ServiceException")));
        assert_eq!(exception.and_then(|e| e.attribute("code")), Some(code), "{text}");
    }
    assert_eq!(server.terminate(), Some(0));
}

/// One colour on a strip of 20 of 60 degrees, at noon of a day.
fn strip(day: usize) -> Granule {
    let (rows, columns) = (10, 60);
    let mut g = geographic("strip.nc", [0.0, 10.0], 1.0, [columns, rows]).of(|_, _| 0u8);
    let v = g.find_var("/v").unwrap();
    let dims = g.vars.remove(v.0).dims;
    let time = g.add_dim(Granule::ROOT, "time", 1);
    let hours = [("units", "hours since 2020-01-01"), ("standard_name", "time")];
    var(&mut g, Granule::ROOT, "time", &[time], &[24 * day as i32 + 12], &hours);
    let dims = [&[time], &dims[..]].concat();
    for (name, level) in [("red_var", 40 * day as u8 + 10), ("green_var", 100), ("blue_var", 200)] {
        let inside = |i: usize| (10 * day..10 * day + 20).contains(&(i % columns));
        let values: Vec<u8> = (0..rows * columns).map(|i| if inside(i) { level } else { 0 }).collect();
        let v = var(&mut g, Granule::ROOT, name, &dims, &values, &[("grid_mapping", "crs")]);
        number(&mut g, v, "_FillValue", &[0u8]);
    }
    g
}

#[test]
fn w11_a_mosaic_with_the_newest_on_top() {
    let folder = tempfile::tempdir().unwrap();
    let granules = folder.path().join("strips");
    std::fs::create_dir(&granules).unwrap();
    // Not in the order of their days.
    for day in [2, 0, 4, 1, 3] {
        save_as(&strip(day), &granules.join(format!("strip_{}.nc", (day + 3) % 5)));
    }
    let server = Server::start(&folder.path().join("data"), &["--add", &granules.display().to_string()]);
    let layer = colours(&server, "strips");
    let image = map_of(&server.get(&get_map("strips", &layer, "0,0,80,10", [80, 10])));
    for x in 0..60u32 {
        let newest = (x / 10).min(4) as u8;
        assert_eq!(image.at(x, 5), [40 * newest + 10, 100, 200, 255], "{x}");
    }
    assert_eq!(image.at(70, 5), [255; 4]);
    let wanted = "&granuleName=strip_3.nc&transparent=TRUE";
    let first = map_of(&server.get(&(get_map("strips", &layer, "0,0,80,10", [80, 10]) + wanted)));
    assert_eq!((first.at(15, 5), first.at(25, 5)[3]), ([10, 100, 200, 255], 0));
    assert_eq!(server.terminate(), Some(0));
}

/// Children of a layer in the order that the schema of WMS 1.3.0 (OGC 06-042, annex E.1) wants.
const OF_LAYER: [&str; 18] = [
    "Name",
    "Title",
    "Abstract",
    "KeywordList",
    "CRS",
    "EX_GeographicBoundingBox",
    "BoundingBox",
    "Dimension",
    "Attribution",
    "AuthorityURL",
    "Identifier",
    "MetadataURL",
    "DataURL",
    "FeatureListURL",
    "Style",
    "MinScaleDenominator",
    "MaxScaleDenominator",
    "Layer",
];
const OF_SERVICE: [&str; 11] = [
    "Name",
    "Title",
    "Abstract",
    "KeywordList",
    "OnlineResource",
    "ContactInformation",
    "Fees",
    "AccessConstraints",
    "LayerLimit",
    "MaxWidth",
    "MaxHeight",
];

/// Names of the children of an element; each must be one of `allowed`, in its order.
fn assert_sequence(node: roxmltree::Node, allowed: &[&str]) {
    let names: Vec<&str> = node.children().filter(|n| n.is_element()).map(|n| n.tag_name().name()).collect();
    let place = |name: &&str| allowed.iter().position(|a| a == name);
    let places: Vec<Option<usize>> = names.iter().map(place).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{names:?}");
}

#[test]
fn w13_capabilities_follow_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let server = samples(folder.path());
    let text = server.get("/harmony_example/wms?service=WMS&request=GetCapabilities").text();
    let document = roxmltree::Document::parse(&text).unwrap();
    let root = document.root_element();
    assert_eq!((root.tag_name().name(), root.attribute("version")), ("WMS_Capabilities", Some("1.3.0")));
    assert_eq!(root.tag_name().namespace(), Some("http://www.opengis.net/wms"));
    assert_sequence(root, &["Service", "Capability"]);
    let of = |name: &'static str| document.descendants().filter(move |n| n.tag_name().name() == name);
    of("Service").for_each(|n| assert_sequence(n, &OF_SERVICE));
    let service = of("Service").next().unwrap();
    assert_eq!(service.children().find(|n| n.is_element()).and_then(|n| n.text()), Some("WMS"));
    of("Capability")
        .for_each(|n| assert_sequence(n, &["Request", "Exception", "_ExtendedCapabilities", "Layer"]));
    of("Request").for_each(|n| {
        assert_sequence(n, &["GetCapabilities", "GetMap", "GetFeatureInfo", "GetLegendGraphic"])
    });
    for layer in of("Layer") {
        assert_sequence(layer, &OF_LAYER);
        let has = |name: &str| layer.children().any(|n| n.tag_name().name() == name);
        assert!(has("Title"), "{layer:?}");
    }
    for style in of("Style") {
        assert_sequence(style, &["Name", "Title", "Abstract", "LegendURL", "StyleSheetURL", "StyleURL"]);
    }
    for bounds in of("EX_GeographicBoundingBox") {
        let sides = ["westBoundLongitude", "eastBoundLongitude", "southBoundLatitude", "northBoundLatitude"];
        assert_sequence(bounds, &sides);
    }
    let systems: Vec<&str> = of("CRS").filter_map(|n| n.text()).collect();
    for wanted in ["CRS:84", "EPSG:4326", "EPSG:3857", "EPSG:3413", "EPSG:3031"] {
        assert!(systems.contains(&wanted), "{wanted}: {systems:?}");
    }
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn z14_a_store_in_the_catalogue_of_a_job() {
    let folder = tempfile::tempdir().unwrap();
    let server = samples(folder.path());
    let request = "/harmony_example/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset?forceAsync=true\
                   &concatenate=true&format=application/x-zarr&subset=lon(-20:90)&subset=lat(0:60)";
    let answer = server.get(request);
    let job = answer.header("location").and_then(|l| l.strip_prefix("/jobs/")).map(str::to_owned);
    let job = job.unwrap_or_else(|| panic!("{}: {}", answer.status, answer.text()));
    let document = server.wait(&job);
    assert_eq!(document["status"], "successful", "{document}");
    let item = server.get(&format!("/stac/{job}/0")).json();
    let assets: Vec<&serde_json::Value> = item["assets"].as_object().unwrap().values().collect();
    assert_eq!(assets.len(), 1, "{item}");
    assert_eq!(assets[0]["roles"], serde_json::json!(["data"]), "{item}");
    assert_eq!(assets[0]["type"], "application/x-zarr", "{item}");
    assert_eq!(item["bbox"], serde_json::json!([-20.0, 0.0, 90.0, 60.0]), "{item}");
    let properties = &item["properties"];
    assert!(properties["start_datetime"].as_str().unwrap().starts_with("2020-01-01T"), "{item}");
    assert!(properties["end_datetime"].as_str().unwrap().starts_with("2020-01-03T"), "{item}");
    assert_eq!(server.terminate(), Some(0));
}
