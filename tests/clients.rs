//! The flows of the reference's notebooks with plain Python clients, against a server of ours over HTTP.
#![cfg(feature = "service")]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod server;

use std::path::Path;
use std::process::Command;

use server::Server;

#[test]
fn notebooks_run() {
    let Some(python) = std::env::var_os("HARMONY_PYTHON") else {
        println!("skipped: HARMONY_PYTHON names no Python with requests, xarray, rasterio and harmony-py");
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = tempfile::tempdir().unwrap();
    let granules = dir.path().join("granules");
    server::write_granules(&granules);
    let settings = dir.path().join("harmony.toml");
    let collections = root.join("testdata/collections.toml");
    std::fs::write(&settings, format!("collections_file = {:?}\n", collections.display().to_string()))
        .unwrap();
    let (settings, granules) = (settings.display().to_string(), granules.display().to_string());
    let server = Server::start(&dir.path().join("data"), &["--config", &settings, "--add", &granules]);
    let flows = root.join("tests/clients/flows.py");
    let done = Command::new(python).arg(flows).arg(format!("http://{}", server.host)).output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    println!("{text}");
    assert!(done.status.success(), "{text}{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(server.terminate(), Some(0));
}
