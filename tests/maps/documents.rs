//! Capabilities, values at a point, legends.

use axum::http::StatusCode;

use crate::maps_support::{Server, decoded};

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
async fn what_guests_may_not_read_is_not_there() {
    let server = Server::new();
    let closed = crate::maps_support::CLOSED;
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
