//! Maps and tiles through the whole service, in this process: colours of known points, the contract's cases, bad input.
#![cfg(feature = "service")]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod maps_support;

use axum::http::StatusCode;
use maps_support::{Reply, Server, decoded, png_of};

const WORLD: &str = "/C1234088182-EEDTEST/wms?service=WMS&version=1.3.0&request=GetMap&format=image/png&styles=\
                     &layers=C1234088182-EEDTEST/rgb";

/// Places on continents of the sample, and one at sea.
const PLACES: [(f64, f64); 5] = [(20.3, 5.3), (100.3, 60.3), (-100.3, 45.3), (134.3, -25.3), (-150.3, 0.3)];

/// Whether two colours are those of neighbouring cells: pixels of two systems don't have the same middle.
fn alike(a: [u8; 4], b: [u8; 4]) -> bool {
    a.iter().zip(b).all(|(x, y)| x.abs_diff(y) <= 4)
}

/// The colour at longitude and latitude of a picture of the world in degrees.
fn at(picture: &maps_support::Picture, lon: f64, lat: f64) -> [u8; 4] {
    let x = (lon + 180.0) / 360.0 * f64::from(picture.width);
    let y = (90.0 - lat) / 180.0 * f64::from(picture.height);
    picture.at(x as u32, y as u32)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_world_is_the_same_in_every_order_of_axes() {
    let server = Server::new();
    let size = "&width=720&height=360&transparent=TRUE";
    let crs84 = server.map(&format!("{WORLD}{size}&crs=CRS:84&bbox=-180,-90,180,90")).await;
    let standard = server.map(&format!("{WORLD}{size}&crs=EPSG:4326&bbox=-90,-180,90,180")).await;
    let wsen = server.map(&format!("{WORLD}{size}&crs=EPSG:4326&bbox=-180,-90,180,90")).await;
    assert_eq!((crs84.width, crs84.height), (720, 360));
    assert!(crs84.pixels == standard.pixels && crs84.pixels == wsen.pixels);
    // The file itself says what is where: land is opaque, the sea shows what is below it.
    let expected = server.stored("2020_01_03_global.nc");
    for (lon, lat) in PLACES {
        let (col, row) = (((lon + 180.0) * 2.0) as usize, ((90.0 - lat) * 2.0) as usize);
        let want = expected[row * 720 + col];
        let got = at(&crs84, lon, lat);
        assert_eq!(got[3], want[3], "{lon} {lat}");
        if want[3] > 0 {
            assert_eq!(got, want, "{lon} {lat}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mercator_and_polar_maps_show_the_same_places() {
    let server = Server::new();
    let world = server
        .map(&format!("{WORLD}&width=720&height=360&transparent=TRUE&crs=CRS:84&bbox=-180,-90,180,90"))
        .await;
    let edge = 20_037_508.342_789_244;
    let mercator = server
        .map(&format!(
            "{WORLD}&width=1024&height=1024&transparent=TRUE&crs=EPSG:3857&bbox=-{edge},-{edge},{edge},{edge}"
        ))
        .await;
    for (lon, lat) in PLACES {
        let y = (std::f64::consts::FRAC_PI_4 + lat.to_radians() / 2.0).tan().ln() / std::f64::consts::PI;
        let pixel = mercator.at(((lon + 180.0) / 360.0 * 1024.0) as u32, ((1.0 - y) * 512.0) as u32);
        assert!(alike(pixel, at(&world, lon, lat)), "{lon} {lat}");
    }
    let polar = server
        .map(&format!(
            "{WORLD}&width=800&height=800&transparent=TRUE&crs=EPSG:3413&bbox=-4000000,-4000000,4000000,4000000"
        ))
        .await;
    let way = harmony_model::crs::Transform::new(
        &harmony_model::crs::Crs::wgs84(),
        &harmony_model::crs::Crs::parse("EPSG:3413").unwrap(),
    )
    .unwrap();
    for (lon, lat) in [(100.3, 65.3), (-100.3, 65.3), (-45.3, 70.3), (10.3, 80.3)] {
        let (mut x, mut y) = ([lon], [lat]);
        way.points(&mut x, &mut y);
        let pixel = polar.at(((x[0] + 4e6) / 1e4) as u32, ((4e6 - y[0]) / 1e4) as u32);
        assert!(alike(pixel, at(&world, lon, lat)), "{lon} {lat}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_backgrounds_and_formats_are_what_was_asked() {
    let server = Server::new();
    let base = format!("{WORLD}&crs=CRS:84&bbox=-180,-90,180,90&width=37&height=23");
    let sized = server.map(&base).await;
    assert_eq!((sized.width, sized.height), (37, 23));
    // South of the pole there is nothing but the background.
    let beyond = base.replace("bbox=-180,-90", "bbox=-180,-270");
    assert_eq!(server.map(&format!("{beyond}&bgcolor=0x0a141e")).await.at(18, 22), [10, 20, 30, 255]);
    assert_eq!(server.map(&beyond).await.at(18, 22), [255; 4]);
    assert_eq!(server.map(&format!("{beyond}&transparent=true")).await.at(18, 22)[3], 0);
    for (format, magic) in [
        ("image/jpeg", &b"\xff\xd8"[..]),
        ("image/gif", b"GIF89a"),
        ("image/tiff", b"II*\0"),
        ("image/png", b"\x89PNG"),
    ] {
        let reply = server.get(&base.replace("format=image/png", &format!("format={format}"))).await;
        assert_eq!(reply.status, StatusCode::OK, "{format}: {}", reply.text());
        assert!(reply.body.starts_with(magic), "{format}");
        assert_eq!(reply.header("content-type"), format);
        assert_eq!(reply.header("content-bbox"), "-180,-90,180,90");
        assert_eq!(reply.header("content-crs"), "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_shows_nothing_says_so() {
    let server = Server::new();
    let far = "/C8-LOCAL/wms?service=WMS&version=1.3.0&request=GetMap&format=image/png&styles=&crs=CRS:84\
               &bbox=0,50,10,60&width=10&height=10&layers=C8-LOCAL/V93-LOCAL";
    let reply = server.get(far).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert!(reply.header("harmony-map").starts_with("empty; reason="), "{:?}", reply.header("harmony-map"));
    let elsewhen = format!("{WORLD}&crs=CRS:84&bbox=-180,-90,180,90&width=9&height=9&time=1999-01-01");
    assert!(server.get(&elsewhen).await.header("harmony-map").contains("no granule"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_chooses_the_granule() {
    let server = Server::new();
    let base = format!("{WORLD}&crs=CRS:84&bbox=-180,-90,180,90&width=360&height=180&transparent=TRUE");
    let newest = server.map(&base).await;
    let first = server.map(&format!("{base}&time=2020-01-01")).await;
    let third = server.map(&format!("{base}&time=2020-01-03T00:00:00Z")).await;
    let range = server.map(&format!("{base}&time=2020-01-01/2020-01-02")).await;
    let second = server.map(&format!("{base}&time=2020-01-02")).await;
    assert!(newest.pixels == third.pixels && first.pixels != third.pixels && range.pixels == second.pixels);
    let wrong = server.get(&format!("{base}&time=yesterday")).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.text().contains("code=\"InvalidDimensionValue\""), "{}", wrong.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn values_and_legends_are_told() {
    let server = Server::new();
    let base = "/C9-LOCAL/wms?service=WMS&version=1.3.0&request=GetFeatureInfo&format=image/png&styles=&crs=CRS:84\
                &bbox=-180,-90,180,90&width=120&height=60&layers=C9-LOCAL/V91-LOCAL&query_layers=C9-LOCAL/V91-LOCAL\
                &i=60&j=30";
    let reply = server.get(&format!("{base}&info_format=application/json")).await;
    let json: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let properties = &json["features"][0]["properties"];
    assert_eq!(properties["variable"], "temperature", "{}", reply.text());
    assert!(properties["value"].as_f64().unwrap() > 150.0 && properties["units"] == "K");
    assert!(server.get(&format!("{base}&info_format=text/html")).await.text().contains("<td>"));
    assert!(server.get(&format!("{base}&info_format=text/plain")).await.text().contains("value = "));
    let outside = server.get(&format!("{}&info_format=text/plain", base.replace("i=60", "i=120"))).await;
    assert!(outside.text().contains("code=\"InvalidPoint\""));
    let legend =
        server.get("/C9-LOCAL/wms?service=WMS&request=GetLegendGraphic&layer=C9-LOCAL/V91-LOCAL").await;
    assert_eq!(legend.status, StatusCode::OK, "{}", legend.text());
    assert!(decoded(&legend.body).width > 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn capabilities_name_layers_systems_styles_and_times() {
    let server = Server::new();
    let reply = server.get("/C1234088182-EEDTEST/wms?service=WMS&request=GetCapabilities").await;
    let text = reply.text();
    assert_eq!(reply.header("content-type"), "text/xml; charset=utf-8");
    for part in [
        "<WMS_Capabilities version=\"1.3.0\"",
        "<Name>C1234088182-EEDTEST&#x2F;V1234088187-EEDTEST</Name>",
        "<CRS>CRS:84</CRS>\n<CRS>EPSG:4326</CRS>",
        "<CRS>EPSG:3413</CRS>",
        "<CRS>EPSG:3031</CRS>",
        "request=GetLegendGraphic",
        "<Dimension name=\"time\" units=\"ISO8601\" default=\"2020-01-03T00:00:00Z\"",
        "<Format>image/jpeg</Format>",
        "<MaxWidth>4096</MaxWidth>",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    roxmltree::Document::parse(&text).unwrap();
    let old =
        server.get("/C1234088182-EEDTEST/wms?service=WMS&request=GetCapabilities&version=1.1.1").await.text();
    assert!(old.contains("<WMT_MS_Capabilities version=\"1.1.1\" ") && old.contains("<SRS>EPSG:4326</SRS>"));
    let hostile = server.get("/C9-LOCAL/wms?service=WMS&request=GetCapabilities").await.text();
    let document = roxmltree::Document::parse(&hostile).unwrap();
    assert!(document.descendants().any(|n| n.text() == Some("a<script>\"'&x (evil ]]> name)")), "{hostile}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_version_is_spoken() {
    let server = Server::new();
    let url = "/C1234088182-EEDTEST/wms?service=WMS&version=1.1.1&request=GetMap&format=image/png&styles=&srs=EPSG:4326\
               &layers=C1234088182-EEDTEST/rgb&bbox=-180,-90,180,90&width=72&height=36";
    assert_eq!(server.map(url).await.width, 72);
    let wrong = server.get(&url.replace("EPSG:4326", "EPSG:99999")).await;
    assert!(wrong.text().contains("code=\"InvalidSRS\""), "{}", wrong.text());
    assert_eq!(wrong.header("content-type"), "application/vnd.ogc.se_xml");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_parameters_are_named() {
    let server = Server::new();
    let good = format!("{WORLD}&crs=CRS:84&bbox=-180,-90,180,90&width=20&height=10");
    let cases: [(&str, &str, u16, &str); 14] = [
        ("width=20", "width=0", 400, "WIDTH"),
        ("width=20", "width=5000", 413, "4096"),
        ("width=20", "width=20&width=30", 400, "more than once"),
        ("height=10", "height=abc", 400, "HEIGHT"),
        ("bbox=-180,-90,180,90", "bbox=1,2,3", 400, "BBOX"),
        ("bbox=-180,-90,180,90", "bbox=10,0,-10,5", 400, "no area"),
        ("crs=CRS:84", "crs=EPSG:123456", 400, "InvalidCRS"),
        ("crs=CRS:84", "crs=%3Cscript%3E", 400, "&lt;script&gt;"),
        ("format=image/png", "format=text/plain", 400, "InvalidFormat"),
        ("styles=", "styles=nope", 400, "StyleNotDefined"),
        ("styles=", "styles=viridis,viridis", 400, "StyleNotDefined"),
        ("layers=C1234088182-EEDTEST/rgb", "layers=C1234088182-EEDTEST/none", 400, "LayerNotDefined"),
        ("layers=C1234088182-EEDTEST/rgb", "layers=", 400, "LayerNotDefined"),
        ("height=10", "height=10&bgcolor=red", 400, "BGCOLOR"),
    ];
    for (from, to, status, words) in cases {
        let reply = server.get(&good.replace(from, to)).await;
        assert_eq!(reply.status.as_u16(), status, "{to}: {}", reply.text());
        assert!(reply.text().contains(words), "{to}: {}", reply.text());
    }
    // Anything at all may come; nothing of it is our fault.
    for raw in ["%00", "&&&=", "layers", "service=WMS&request=GetMap&version=1.3.0&layers=%FF", "bbox=%"] {
        let reply = server.get(&format!("/C1234088182-EEDTEST/wms?{raw}")).await;
        assert!(reply.status.is_client_error(), "{raw}: {}", reply.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exceptions_come_as_asked() {
    let server = Server::new();
    let bad = format!("{WORLD}&crs=CRS:84&bbox=-180,-90,180,90&width=40&height=30").replace("/rgb", "/none");
    let xml = server.get(&format!("{bad}&exceptions=XML")).await;
    assert!(xml.text().contains("<ServiceExceptionReport version=\"1.3.0\""));
    for form in ["INIMAGE", "BLANK"] {
        let reply = server.get(&format!("{bad}&exceptions={form}")).await;
        assert_eq!((reply.status, decoded(&reply.body).width), (StatusCode::OK, 40));
        assert!(reply.header("harmony-map").starts_with("error; reason="));
    }
    let json = server.get(&format!("{bad}&exceptions=JSON")).await;
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&json.body).unwrap()["code"], "LayerNotDefined");
}

#[tokio::test(flavor = "multi_thread")]
async fn tiles_fit_together_and_are_remembered_by_clients() {
    let server = Server::new();
    let tile = |z: u32, x: u32, y: u32| format!("/C1234088182-EEDTEST/tiles/all/{z}/{x}/{y}.png");
    let root = server.map(&format!("{}?size=512", tile(0, 0, 0))).await;
    for (x, y) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
        let part = server.map(&tile(1, x, y)).await;
        for (px, py) in [(3, 3), (128, 77), (200, 250)] {
            assert_eq!(part.at(px, py), root.at(256 * x + px, 256 * y + py), "{x} {y} {px} {py}");
        }
    }
    let double = server.get("/C1234088182-EEDTEST/tiles/all/0/0/0@2x.png").await;
    assert_eq!(png_of(&double.body).pixels, root.pixels);
    let etag = double.header("etag");
    let again =
        server.get_with("/C1234088182-EEDTEST/tiles/all/0/0/0@2x.png", &[("if-none-match", &etag)]).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert!(again.header("cache-control").contains("max-age"));
    let standard = server
        .get("/C1234088182-EEDTEST/ogc-api-tiles/1.0.0/collections/all/map/tiles/WebMercatorQuad/1/1/0?f=png")
        .await;
    assert_eq!(png_of(&standard.body).pixels, server.map(&tile(1, 0, 1)).await.pixels);
    for (url, status) in [
        ("/C1234088182-EEDTEST/tiles/all/1/2/0.png", 404),
        ("/C1234088182-EEDTEST/tiles/all/99/0/0.png", 404),
        ("/C1234088182-EEDTEST/tiles/all/a/0/0.png", 404),
        ("/C1234088182-EEDTEST/tiles/nothing/0/0/0.png", 404),
        ("/C1234088182-EEDTEST/tiles/all/0/0/0.exe", 404),
        ("/C1234088182-EEDTEST/tiles/all/0/0/0.png?style=nope", 400),
        ("/C1234088182-EEDTEST/tiles/all/0/0/0.png?rescale=1", 400),
        ("/C1234088182-EEDTEST/tiles/all/0/0/0.png?size=7", 400),
        ("/C1234088182-EEDTEST/ogc-api-tiles/1.0.0/collections/all/map/tiles/Other/0/0/0", 404),
    ] {
        assert_eq!(server.get(url).await.status.as_u16(), status, "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tilesets_describe_themselves() {
    let server = Server::new();
    let json = |reply: Reply| serde_json::from_slice::<serde_json::Value>(&reply.body).unwrap();
    let base = "/C1234088182-EEDTEST/ogc-api-tiles/1.0.0";
    for path in ["", "/", "/conformance", "/tileMatrixSets", "/collections"] {
        let reply = server.get(&format!("{base}{path}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
    }
    let sets = json(server.get(&format!("{base}/collections/V1234088187-EEDTEST/map/tiles")).await);
    assert_eq!(sets["tilesets"].as_array().unwrap().len(), 2);
    let one = json(server.get(&format!("{base}/tileMatrixSets/WorldCRS84Quad")).await);
    assert_eq!(one["tileMatrices"][0]["matrixWidth"], 2);
    let tile =
        json(server.get("/C1234088182-EEDTEST/tiles/V1234088187-EEDTEST/tilejson.json?style=turbo").await);
    let url = tile["tiles"][0].as_str().unwrap();
    assert!(url.ends_with("/tiles/V1234088187-EEDTEST/{z}/{x}/{y}.png?style=turbo"), "{url}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cases_of_the_contract_hold_or_are_listed() {
    maps_support::contract_cases().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_guests_may_not_read_is_not_there() {
    let server = Server::new();
    let closed = maps_support::CLOSED;
    for path in [
        "wms?service=WMS&request=GetCapabilities",
        "wms?service=WMS&version=1.3.0&request=GetMap&layers=C7-LOCAL/V95-LOCAL&styles=&crs=CRS:84&bbox=0,0,9,9\
         &width=9&height=9&format=image/png",
        "tiles/all/0/0/0.png",
        "tiles/all",
        "ogc-api-tiles/1.0.0",
        "ogc-api-tiles/1.0.0/collections",
        "ogc-api-tiles/1.0.0/collections/all/map/tiles/WebMercatorQuad/0/0/0",
    ] {
        let reply = server.get(&format!("/{closed}/{path}")).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        assert!(reply.text().contains("that you have access to it"), "{path}: {}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn capabilities_have_a_number() {
    let server = Server::new();
    let base = "/C9-LOCAL/wms?service=WMS&request=GetCapabilities";
    let text = server.get(base).await.text();
    let document = roxmltree::Document::parse(&text).unwrap();
    let number: u64 = document.root_element().attribute("updateSequence").unwrap().parse().unwrap();
    assert_eq!(server.get(&format!("{base}&updatesequence={}", number - 1)).await.text(), text);
    for (n, code) in [(number, "CurrentUpdateSequence"), (number + 1, "InvalidUpdateSequence")] {
        let told = server.get(&format!("{base}&updatesequence={n}")).await.text();
        assert!(told.contains(&format!("code=\"{code}\"")), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_may_run_with_the_logarithm() {
    let server = Server::new();
    let base = "/C9-LOCAL/wms?service=WMS&version=1.3.0&request=GetMap&format=image/png&crs=CRS:84\
                &bbox=-180,-90,180,90&width=60&height=30&layers=C9-LOCAL/V91-LOCAL";
    let even = server.map(&format!("{base}&styles=viridis:1:400")).await;
    let log = server.map(&format!("{base}&styles=viridis:1:400:log")).await;
    let other = server.map(&format!("{base}&styles=viridis&colorscalerange=1,400&logscale=true")).await;
    assert!(even.pixels != log.pixels && log.pixels == other.pixels);
    server.map(&format!("{base}&styles=default:log")).await;
    let wrong = server.get(&format!("{base}&styles=viridis:-1:400:log")).await;
    assert!(wrong.text().contains("code=\"StyleNotDefined\""), "{}", wrong.text());
    assert!(wrong.text().contains("above 0"), "{}", wrong.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_parameter_is_missed_and_doubled() {
    let server = Server::new();
    let good = format!("{WORLD}&crs=CRS:84&bbox=-180,-90,180,90&width=20&height=10");
    let (path, query) = good.split_once('?').unwrap();
    let parts: Vec<&str> = query.split('&').collect();
    for part in &parts {
        let name = part.split('=').next().unwrap();
        let without: Vec<&str> = parts.iter().filter(|p| *p != part).copied().collect();
        let reply = server.get(&format!("{path}?{}", without.join("&"))).await;
        // The standard does not ask for it with GetMap.
        if name != "service" {
            assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{name}");
            assert!(reply.text().to_lowercase().contains(name), "{name}: {}", reply.text());
        }
        let doubled = server.get(&format!("{good}&{name}=another")).await;
        assert_eq!(doubled.status, StatusCode::BAD_REQUEST, "{name}");
        assert!(doubled.text().to_lowercase().contains(name), "{name}: {}", doubled.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_at_once_is_said_with_a_way_out() {
    let config = harmony::config::Config { map_max_granules: 2, map_max_layers: 2, ..Default::default() };
    let server = Server::with(config);
    let good = format!("{WORLD}&crs=CRS:84&bbox=-180,-90,180,90&width=20&height=10");
    let reply = server.get(&good).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", reply.text());
    let text = reply.text();
    assert!(text.contains("3 granules match; a map shows at most 2"), "{text}");
    let advice = text.split("for example ").nth(1).and_then(|t| t.split(',').next()).unwrap();
    assert_eq!(server.get(&format!("{good}&{}", advice.replace("&#x3D;", "="))).await.status, StatusCode::OK);
    let layer = "C1234088182-EEDTEST/rgb";
    let many = good.replace(layer, &[layer; 3].join(",")) + "&time=2020-01-01";
    let reply = server.get(&many).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(reply.text().contains("3 layers are more than 2"), "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn places_that_a_system_does_not_have_are_empty_and_said_to_be() {
    let server = Server::new();
    let base = format!("{WORLD}&width=20&height=20&transparent=TRUE");
    for (crs, bbox) in [
        ("EPSG:32633", "900000000,0,900001000,1000"),
        ("EPSG:6933", "0,90000000,1000,90001000"),
        ("EPSG:3857", "0,900000000,1000,900001000"),
        ("CRS:84", "-180,91,180,99"),
    ] {
        let reply = server.get(&format!("{base}&crs={crs}&bbox={bbox}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{crs}: {}", reply.text());
        assert!(reply.header("harmony-map").starts_with("empty; reason="), "{crs}");
        assert!(decoded(&reply.body).pixels.iter().all(|p| p[3] == 0), "{crs}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_stay_names_in_documents_of_tiles() {
    let server = Server::new();
    let base = "/C9-LOCAL/ogc-api-tiles/1.0.0";
    for path in ["/collections", "/collections/V94-LOCAL", "/collections/V94-LOCAL/map/tiles"] {
        let reply = server.get(&format!("{base}{path}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text());
        assert!(reply.header("content-type").starts_with("application/json"), "{path}");
        serde_json::from_slice::<serde_json::Value>(&reply.body).unwrap();
    }
    let tile = server.get("/C9-LOCAL/tiles/V94-LOCAL/tilejson.json").await;
    let json: serde_json::Value = serde_json::from_slice(&tile.body).unwrap();
    assert!(json["name"].as_str().unwrap().contains("evil ]]> name"), "{json}");
    // A page for people: nothing of the path stands in it as it came.
    let page = server.get("/C9-LOCAL/tiles/%3Cscript%3Ealert(1)%3C%2Fscript%3E/0/0/0.png").await;
    assert!(page.status.is_client_error() && !page.text().contains("<script>alert"), "{}", page.text());
}

/// The re-check of the standard in Python, with `HARMONY_PYTHON` or the system's interpreter: it needs nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn the_rules_of_the_standard_hold() {
    let python = std::env::var_os("HARMONY_PYTHON").unwrap_or_else(|| "python3".into());
    let server = Server::new();
    let root = server.listen().await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/wms_1_3_0.py");
    let run = move || {
        std::process::Command::new(python)
            .arg(script)
            .env("HARMONY_URL", root)
            .env("HARMONY_WMS_COLLECTION", "C9-LOCAL")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
    };
    match tokio::task::spawn_blocking(run).await.unwrap() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(why) => println!("skipped: python3 can't be run ({why})"),
    }
}

/// Keeps the sample service up for `HARMONY_MAPS_SECONDS`, for clients that are tried by hand.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_to_look_at() {
    let Some(seconds) = std::env::var("HARMONY_MAPS_SECONDS").ok().and_then(|t| t.parse().ok()) else {
        return;
    };
    let server = Server::new();
    println!("{}", server.listen().await);
    tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
}
