//! Bad input, exceptions, the cases of the contract and the rules of the standard.

use axum::http::StatusCode;

use crate::WORLD;
use crate::maps_support::{Server, decoded};

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
async fn the_cases_of_the_contract_hold_or_are_listed() {
    crate::maps_support::contract_cases().await;
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
