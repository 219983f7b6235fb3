//! Programs that people look at maps with, against a server of ours: known points have the colours that the file gives
//! them, in longitudes and latitudes in both orders, in web Mercator and in two polar systems.
//!
//! Each test needs a program that may be missing; it then says which and passes.
#![cfg(feature = "service")]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod server;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use harmony_model::crs::{Crs, Transform};
use serde_json::{Value, json};
use server::Server;

/// Cells of the sample: half a degree, north-up from 180 W and 90 N.
const COLUMNS: usize = 720;
const ROWS: usize = 360;
/// The newest granule: what a map without TIME shows.
const NEWEST: &str = "2020_01_03_global.nc";
const MERCATOR_END: f64 = 20_037_508.342_789_244;

/// A map that clients draw: system, box (x before y), pixels, and between which latitudes points are looked at.
struct Sheet {
    crs: &'static str,
    bbox: [f64; 4],
    size: [u32; 2],
    latitudes: [f64; 2],
}

const SHEETS: [Sheet; 6] = [
    Sheet { crs: "CRS:84", bbox: [-180.0, -90.0, 180.0, 90.0], size: [720, 360], latitudes: [-85.0, 85.0] },
    Sheet {
        crs: "EPSG:4326",
        bbox: [-180.0, -90.0, 180.0, 90.0],
        size: [720, 360],
        latitudes: [-85.0, 85.0],
    },
    // A part, and pixels that are not square: only the standard's order of axes shows it at its place.
    Sheet { crs: "EPSG:4326", bbox: [-20.0, -40.0, 60.0, 40.0], size: [400, 200], latitudes: [-35.0, 35.0] },
    Sheet {
        crs: "EPSG:3857",
        bbox: [-MERCATOR_END, -MERCATOR_END, MERCATOR_END, MERCATOR_END],
        size: [1024, 1024],
        latitudes: [-75.0, 75.0],
    },
    Sheet { crs: "EPSG:3413", bbox: [-4e6, -4e6, 4e6, 4e6], size: [800, 800], latitudes: [57.0, 87.0] },
    Sheet { crs: "EPSG:3995", bbox: [-4e6, -4e6, 4e6, 4e6], size: [800, 800], latitudes: [57.0, 87.0] },
];

/// Red, green, blue of each cell on white.
fn colours() -> Vec<[u8; 3]> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/granules").join(NEWEST);
    let source = harmony::store::open(&file.display().to_string(), &Default::default()).unwrap();
    let granule = harmony_formats::open(source, &Default::default()).unwrap();
    let rasters = harmony_formats::raster::rasters(&granule, &Default::default()).unwrap();
    let band = |name: &str| {
        let raster = rasters.iter().find(|r| r.path.ends_with(name)).unwrap();
        raster.read(&granule, 0, 0..ROWS as u64, 0..COLUMNS as u64).unwrap()
    };
    let [red, green, blue, alpha] = ["red_var", "green_var", "blue_var", "alpha_var"].map(band);
    let on_white = |value: u8, alpha: u8| {
        let (value, alpha) = (f64::from(value), f64::from(alpha) / 255.0);
        (value * alpha + 255.0 * (1.0 - alpha)).round() as u8
    };
    (0..ROWS * COLUMNS).map(|i| [red[i], green[i], blue[i]].map(|v| on_white(v, alpha[i]))).collect()
}

/// Middles of cells (longitude, latitude) whose neighbours have nearly the same colour, with it: a client that is a pixel
/// off is right. Many are near a coast, where three cells off is wrong.
fn points() -> Vec<([f64; 2], [u8; 3])> {
    let all = colours();
    let mut out = Vec::new();
    for row in (5..ROWS - 5).step_by(8) {
        for column in (5..COLUMNS - 5).step_by(9) {
            let own = all[row * COLUMNS + column];
            let alike = |c: &[u8; 3]| c.iter().zip(own).all(|(a, b)| a.abs_diff(b) <= 4);
            let near = |r: usize| all[r * COLUMNS + column - 2..][..5].iter().all(alike);
            if (row - 2..=row + 2).all(near) {
                let at = [column as f64 * 0.5 - 179.75, 89.75 - row as f64 * 0.5];
                out.push((at, own));
            }
        }
    }
    out
}

impl Sheet {
    /// The sheet with the points that lie on it, in its own coordinates.
    fn described(&self, points: &[([f64; 2], [u8; 3])]) -> Value {
        let way = Transform::new(&Crs::wgs84(), &Crs::parse(self.crs).unwrap()).unwrap();
        let [x0, y0, x1, y1] = self.bbox;
        let margin = 0.01 * (x1 - x0);
        let on_it: Vec<Value> = points
            .iter()
            .filter(|(at, _)| (self.latitudes[0]..self.latitudes[1]).contains(&at[1]))
            .filter_map(|(at, colour)| {
                let (mut x, mut y) = ([at[0]], [at[1]]);
                if !self.crs.ends_with("84") && self.crs != "EPSG:4326" {
                    way.points(&mut x, &mut y);
                }
                let inside =
                    (x0 + margin..x1 - margin).contains(&x[0]) && (y0 + margin..y1 - margin).contains(&y[0]);
                inside.then(|| json!({ "x": x[0], "y": y[0], "lon": at[0], "lat": at[1], "rgb": colour }))
            })
            .collect();
        let distinct: std::collections::BTreeSet<String> =
            on_it.iter().map(|p| p["rgb"].to_string()).collect();
        assert!(on_it.len() >= 30 && distinct.len() >= 5, "{}: {} points", self.crs, on_it.len());
        json!({ "crs": self.crs, "bbox": self.bbox, "size": self.size, "points": on_it })
    }
}

/// A server with the samples and a file that says what clients shall see.
struct Scene {
    server: Server,
    dir: tempfile::TempDir,
    asked: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let dir = tempfile::tempdir().unwrap();
        let granules = dir.path().join("granules");
        server::write_granules(&granules);
        let settings = dir.path().join("harmony.toml");
        let collections = root.join("testdata/collections.toml").display().to_string();
        std::fs::write(&settings, format!("collections_file = {collections:?}\n")).unwrap();
        let (settings, granules) = (settings.display().to_string(), granules.display().to_string());
        let server = Server::start(&dir.path().join("data"), &["--config", &settings, "--add", &granules]);
        let known = server.get("/search/collections.json?short_name=harmony_example").json();
        let collection = known["feed"]["entry"][0]["id"].as_str().unwrap().to_owned();
        let points = points();
        let sheets: Vec<Value> = SHEETS.iter().map(|s| s.described(&points)).collect();
        let asked = dir.path().join("asked.json");
        let document = json!({
            "url": format!("http://{}/{collection}/wms", server.host),
            "tiles": format!("http://{}/{collection}/tiles/all/{{z}}/{{x}}/{{y}}.png", server.host),
            "layer": format!("{collection}/rgb"),
            "sheets": sheets,
        });
        std::fs::write(&asked, document.to_string()).unwrap();
        Scene { server, dir, asked }
    }

    /// Runs a script with the file and a folder of its own; it must say how many points it looked at.
    fn run(self, program: &Path, script: &str, more: &[OsString]) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
        let done = Command::new(program)
            .arg(script)
            .arg(&self.asked)
            .args(more)
            .current_dir(self.dir.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        println!("{text}");
        assert!(done.status.success(), "{text}{}", String::from_utf8_lossy(&done.stderr));
        assert!(text.contains(" points agree"), "{text}");
        assert_eq!(self.server.terminate(), Some(0));
    }
}

/// A program of the search path.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Whether a Python can import something.
fn imports(python: &Path, module: &str) -> bool {
    let done = Command::new(python).args(["-c", &format!("import {module}")]).output();
    done.is_ok_and(|d| d.status.success())
}

#[test]
fn owslib_draws_at_the_right_place() {
    let python = std::env::var_os("HARMONY_PYTHON").map(PathBuf::from).or_else(|| program("python3"));
    match python.filter(|p| imports(p, "owslib, PIL")) {
        Some(python) => Scene::new().run(&python, "maps_owslib.py", &[]),
        None => println!("skipped: neither HARMONY_PYTHON nor python3 has OWSLib and pillow (PyPI)"),
    }
}

#[test]
fn gdal_draws_at_the_right_place() {
    match (program("gdal_translate"), program("python3")) {
        (Some(_), Some(python)) => Scene::new().run(&python, "maps_gdal.py", &[]),
        _ => println!("skipped: gdal_translate (Debian: gdal-bin) or python3 is missing"),
    }
}

#[test]
fn qgis_draws_at_the_right_place() {
    // Its modules are those of the system's own interpreter.
    let python = Path::new("/usr/bin/python3");
    match imports(python, "qgis.core") {
        true => Scene::new().run(python, "maps_qgis.py", &[]),
        false => println!("skipped: QGIS is missing (Debian: qgis qgis-providers python3-qgis)"),
    }
}

#[test]
fn leaflet_draws_at_the_right_place() {
    let leaflet = std::env::var_os("HARMONY_LEAFLET").map(PathBuf::from);
    let leaflet = leaflet.filter(|folder| folder.join("leaflet.js").is_file());
    match (program("chromium"), program("python3"), leaflet) {
        (Some(chromium), Some(python), Some(leaflet)) => {
            Scene::new().run(&python, "maps_leaflet.py", &[chromium.into(), leaflet.into()]);
        }
        _ => println!(
            "skipped: chromium (Debian: chromium), python3, or leaflet.js in the folder that HARMONY_LEAFLET names \
             (npm: leaflet, its folder dist) is missing"
        ),
    }
}

#[test]
fn results_of_jobs_are_tiles() {
    let scene = Scene::new();
    let server = &scene.server;
    let coverage = "/harmony_example/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset";
    let submitted = |query: &str| {
        let job = server.follow(&format!("{coverage}?forceAsync=true&{query}")).json();
        let id = job["jobID"].as_str().unwrap().to_owned();
        assert_eq!(server.wait(&id)["status"], "successful");
        id
    };
    // One whose results are the granules themselves, one whose results were made.
    for query in
        ["maxResults=1&format=application/x-netcdf4", "maxResults=2&subset=lat(-80:80)&format=image/tiff"]
    {
        let id = submitted(query);
        for variable in ["all", "red_var"] {
            let answer = server.get(&format!("/jobs/{id}/tiles/{variable}/0/0/0.png"));
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.header("content-type"), Some("image/png"));
            assert!(answer.header("etag").is_some() && answer.header("harmony-map").is_none(), "{query}");
        }
    }
    let id = submitted("maxResults=1&granuleName=2020_01_02*");
    let answer = server.get(&format!("/jobs/{id}/tiles/no_such_variable/0/0/0.png"));
    assert_eq!(answer.status, 400, "{}", answer.text());
    for path in ["tiles/all/0/1/0.png", "tiles/all/0/0/0.exe", "tiles/all/0/x/0.png"] {
        assert_eq!(server.get(&format!("/jobs/{id}/{path}")).status, 404, "{path}");
    }
    for other in ["00000000-0000-4000-8000-000000000000", "..%2f..", "x"] {
        assert_eq!(server.get(&format!("/jobs/{other}/tiles/all/0/0/0.png")).status, 404, "{other}");
    }
}
