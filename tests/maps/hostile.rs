//! Names from files and catalogues are hostile input.

use axum::http::StatusCode;

use crate::maps_support::{Server, decoded};

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

/// Markup, what ends a section of plain text in XML, letters that run backwards, control characters.
const EVIL: &str = "a<b>\"'&]]>\u{202e}\u{5d0}\u{7}\u{b}\u{c}\u{1b}";

/// A netCDF-3 file (CDF-1, big-endian, padded to four bytes) with one byte variable on a grid of 4 × 8 cells.
fn classic(name: &str, attributes: &[(&str, &str)], flags: &[u8]) -> Vec<u8> {
    fn text(out: &mut Vec<u8>, text: &str) {
        out.extend((text.len() as u32).to_be_bytes());
        out.extend(text.as_bytes());
        out.resize(out.len().next_multiple_of(4), 0);
    }
    fn numbers(out: &mut Vec<u8>, numbers: &[u32]) {
        numbers.iter().for_each(|n| out.extend(n.to_be_bytes()));
    }
    let header = |begins: [u32; 3]| {
        let mut out = b"CDF\x01".to_vec();
        numbers(&mut out, &[0, 10, 2]);
        for (dim, len) in [("lat", 4), ("lon", 8)] {
            text(&mut out, dim);
            numbers(&mut out, &[len]);
        }
        numbers(&mut out, &[0, 0, 11, 3]);
        for (i, (axis, units, len)) in
            [("lat", "degrees_north", 4u32), ("lon", "degrees_east", 8)].into_iter().enumerate()
        {
            text(&mut out, axis);
            numbers(&mut out, &[1, i as u32, 12, 1]);
            text(&mut out, "units");
            numbers(&mut out, &[2]);
            text(&mut out, units);
            numbers(&mut out, &[6, len * 8, begins[i]]);
        }
        text(&mut out, name);
        numbers(&mut out, &[2, 0, 1, 12, attributes.len() as u32 + u32::from(!flags.is_empty())]);
        for (attribute, value) in attributes {
            text(&mut out, attribute);
            numbers(&mut out, &[2]);
            text(&mut out, value);
        }
        if !flags.is_empty() {
            text(&mut out, "flag_values");
            numbers(&mut out, &[1, flags.len() as u32]);
            out.extend(flags);
            out.resize(out.len().next_multiple_of(4), 0);
        }
        numbers(&mut out, &[1, 32, begins[2]]);
        out
    };
    let first = header([0; 3]).len() as u32;
    let mut out = header([first, first + 32, first + 96]);
    (0..4).for_each(|i| out.extend((67.5 - 45.0 * f64::from(i)).to_be_bytes()));
    (0..8).for_each(|i| out.extend((-157.5 + 45.0 * f64::from(i)).to_be_bytes()));
    out.extend((0..32).map(|i| i % 4));
    out
}

/// A service over a file whose variable, its title, its units and its classes are named by somebody hostile.
fn hostile(classes: &str) -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evil.nc");
    let long = format!("{EVIL}{}", "x".repeat(20_000));
    let mut attributes = vec![("long_name", long.as_str()), ("units", EVIL)];
    if !classes.is_empty() {
        attributes.push(("flag_meanings", classes));
    }
    let flags: &[u8] = if classes.is_empty() { &[] } else { &[0, 1, 2, 3] };
    std::fs::write(&file, classic("v<i>&\u{202e}", &attributes, flags)).unwrap();
    let server = Server::of_file(&file, &["v<i>&\u{202e}"]);
    (folder, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn legends_of_hostile_names_are_pictures_of_a_bounded_size() {
    let long = "y".repeat(50_000);
    let classes = format!("<script>alert(1)</script> {EVIL} {long} \u{202e}\u{5d0}\u{5d1}");
    for classes in [classes.as_str(), ""] {
        let (_folder, server) = hostile(classes);
        for format in ["image/png", "image/jpeg", "image/gif"] {
            let legend = server
                .get(&format!(
                    "/C1-LOCAL/wms?service=WMS&version=1.3.0&request=GetLegendGraphic&layer=C1-LOCAL/V0-LOCAL\
                     &format={format}"
                ))
                .await;
            assert_eq!(legend.status, StatusCode::OK, "{}", legend.text());
            assert_eq!(legend.header("content-type"), format);
            if format == "image/png" {
                let picture = decoded(&legend.body);
                assert!(
                    picture.width <= 4096 && picture.height <= 4096,
                    "{} {}",
                    picture.width,
                    picture.height
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_are_escaped_in_every_document() {
    let (_folder, server) = hostile(&format!("<script>alert(1)</script> {EVIL} b c"));
    let wms = "/C1-LOCAL/wms?service=WMS&version=1.3.0";
    let capabilities = server.get(&format!("{wms}&request=GetCapabilities")).await.text();
    let document = roxmltree::Document::parse(&capabilities).unwrap();
    assert!(document.descendants().any(|n| n.text().is_some_and(|t| t.contains("v<i>&"))), "{capabilities}");
    let info = format!(
        "{wms}&request=GetFeatureInfo&format=image/png&styles=&crs=CRS:84&bbox=-180,-90,180,90&width=8&height=4\
         &layers=C1-LOCAL/V0-LOCAL&query_layers=C1-LOCAL/V0-LOCAL&i=0&j=0"
    );
    let json = server.get(&format!("{info}&info_format=application/json")).await;
    let value: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
    assert_eq!(value["features"][0]["properties"]["variable"], "v<i>&\u{202e}", "{value}");
    let html = server.get(&format!("{info}&info_format=text/html")).await;
    assert!(html.header("content-type").starts_with("text/html"));
    let (html, text) = (html.text(), server.get(&format!("{info}&info_format=text/plain")).await.text());
    for markup in ["<script>", "<i>", "<b>"] {
        assert!(!html.contains(markup), "{html}");
    }
    let is_line = |l: &str| !l.chars().any(|c| c.is_control() && c != '\t');
    assert!(text.lines().all(is_line), "{text:?}");
    let tiles = server.get("/C1-LOCAL/tiles/V0-LOCAL/tilejson.json").await;
    let tiles: serde_json::Value = serde_json::from_slice(&tiles.body).unwrap();
    assert_eq!(tiles["name"], "v<i>&\u{202e}");
    let header = server.get("/C1-LOCAL/tiles/V0-LOCAL/0/0/0.png").await;
    assert_eq!(header.status, StatusCode::OK, "{}", header.text());
    assert!(decoded(&header.body).pixels.iter().any(|p| p[3] > 0));
}
