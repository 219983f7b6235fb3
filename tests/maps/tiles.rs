//! Tiles and what describes them.

use axum::http::StatusCode;

use crate::maps_support::{Reply, Server, png_of};

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
