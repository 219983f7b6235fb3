//! What users of `harmony-transform` see: exit status, names, messages, resuming, and combined requests.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{command, files_in, open, program, testdata, transform};
use harmony_model::geometry::Bbox;
use serde_json::Value;

fn path(name: &str) -> String {
    testdata(name).to_string_lossy().into_owned()
}

const GRID: &str = "2020_01_01_global.nc";
const BOX: &str = "--bbox=-20,-35,55,38";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// As `--output`: with a slash at the end.
    fn out(&self) -> String {
        format!("{}/", self.path().display())
    }

    fn files(&self) -> Vec<String> {
        files_in(self.path())
    }
}

// ---- status and names ------------------------------------------------------------------------------------------

#[test]
fn a_subset_ends_with_0_and_a_name_of_the_reference() {
    let folder = Folder::new();
    for (input, options, name) in [
        (GRID, &[BOX][..], "2020_01_01_global_subsetted.nc"),
        (GRID, &["--variable=red_var"], "2020_01_01_global_red_var_subsetted.nc"),
        (GRID, &["-v", "red_var", "-v", "blue_var", BOX], "2020_01_01_global_subsetted.nc"),
        (
            "altimetry_groups.nc4",
            &["-v", "/data_01/ku/ssha"],
            "altimetry_groups_data_01_ku_ssha_subsetted.nc4",
        ),
        ("atl03_like.h5", &["--bbox=90,-3,100,7.5"], "atl03_like_subsetted.h5"),
        ("trajectory_classic.nc", &[], "trajectory_classic_reformatted.nc"),
        ("packed_0_360.nc4", &["--format=hdf5"], "packed_0_360.h5"),
    ] {
        let (input, out) = (path(input), folder.out());
        let args: Vec<&str> = options.iter().copied().chain(["--overwrite", "-o", &out, &input]).collect();
        let (status, said, errors) = command(&args);
        assert_eq!((status, said.as_str()), (0, ""), "{errors}");
        assert!(folder.path().join(name).is_file(), "{name} in {:?}", folder.files());
    }
}

#[test]
fn suffixes_are_not_repeated_in_a_chain() {
    let (folder, input) = (Folder::new(), path(GRID));
    assert_eq!(command(&[BOX, "-o", &folder.out(), &input]).0, 0);
    let first = folder.path().join("2020_01_01_global_subsetted.nc");
    let next = Folder::new();
    assert_eq!(command(&["--bbox=0,0,20,20", "-o", &next.out(), &first.to_string_lossy()]).0, 0);
    assert_eq!(next.files(), ["2020_01_01_global_subsetted.nc"]);
}

#[test]
fn output_is_a_file_or_a_folder() {
    let (folder, input) = (Folder::new(), path(GRID));
    let file = folder.path().join("mine.nc");
    assert_eq!(command(&[BOX, "-o", &file.to_string_lossy(), &input]).0, 0);
    let new = folder.path().join("deep/down");
    assert_eq!(command(&[BOX, "-o", &new.to_string_lossy(), &input]).0, 0);
    assert_eq!(folder.files(), ["deep", "mine.nc"]);
    assert_eq!(files_in(&new), ["2020_01_01_global_subsetted.nc"]);
    let second = path("2020_01_02_global.nc");
    let (status, _, errors) = command(&[BOX, "-o", &file.to_string_lossy(), &input, &second]);
    assert_eq!(status, 2, "{errors}");
}

#[test]
fn nothing_in_the_selection_is_3_and_usage_is_2() {
    let (folder, swath) = (Folder::new(), path("swath_antimeridian.nc4"));
    let (status, _, errors) = command(&["--bbox=0,0,10,10", "-o", &folder.out(), &swath]);
    assert_eq!(status, 3, "{errors}");
    assert!(errors.contains("no data") && errors.contains("swath_antimeridian.nc4"), "{errors}");
    let polar = path("polar_south.nc4");
    assert_eq!(command(&["--bbox=0,10,10,20", "-o", &folder.out(), &swath, &polar]).0, 3);
    assert!(folder.files().is_empty());
    for args in
        [&["--nonsense"][..], &[], &["absent.nc"], &["--bbox=1,2,3", &swath], &["--memory=much", &swath]]
    {
        let (status, said, errors) = command(args);
        assert_eq!(status, 2, "{args:?} {errors}");
        assert!(said.is_empty() && !errors.is_empty(), "{args:?}");
    }
}

#[test]
fn wrong_options_are_usage_errors_that_show_a_right_one() {
    let (folder, grid) = (Folder::new(), path(GRID));
    let broken = folder.path().join("broken.geojson");
    std::fs::write(&broken, r#"{"type": "Polygon", "coordinates": [[[0, 0], [1"#).unwrap();
    let shape = format!("--shape={}", broken.display());
    for (option, words) in [
        ("--time=2020-02-01/2020-01-01", "--time"),
        ("--time=yesterday/today", "--time"),
        ("--subset=lat(10:-10)", "greater than"),
        ("--subset=level[3:1]", "greater than"),
        ("--subset=level", "AXIS(MIN:MAX)"),
        ("--bbox=0,20,10,10", "--bbox"),
        ("--bbox=0,-100,10,10", "--bbox"),
        ("--point=1", "LON,LAT"),
        ("--filter=quality", "comparison"),
        ("--format=docx", "choose one of"),
        ("--compat=grep", "l2ss-py"),
        ("--band=0", "from 1"),
        (&shape, "broken.geojson"),
        ("--shape=absent.geojson", "absent.geojson"),
    ] {
        let out = folder.out();
        let (status, _, errors) = command(&[option, "-o", &out, &grid]);
        assert_eq!(status, 2, "{option}: {errors}");
        assert!(errors.contains(words), "{option}: {errors}");
        assert_eq!(errors.trim_end().lines().count(), 1, "{option}: {errors}");
    }
    assert_eq!(folder.files(), ["broken.geojson"]);
}

#[test]
fn target_grids_are_checked_before_any_granule() {
    let grid = path(GRID);
    for (options, said) in [
        (&["--crs=EPSG:99999999"][..], "EPSG code or Proj4"),
        (&["--interpolation=foo"], "Unsupported interpolation method specified: foo"),
        (&["--scale-extent=1,0,0,1"], "in order [xmin,ymin,xmax,ymax]"),
        (&["--scale-extent=0,0,1"], "is not 4 numbers"),
        (&["--scale-size=0,1"], "not positive"),
        (&["--width=0"], "whole number of 1 or more"),
        (&["--grid=EASE2_N09km", "--width=10"], "may not be provided"),
        (&["--average=foo"], "must be either \"time\" or \"area\""),
        (&["--style=palette.txt"], "is not a file"),
        (&["--range=1"], "is not MIN,MAX"),
        (&["--chunk=time"], "is not DIM=N"),
        (&["--search-radius=-1"], "not a positive number"),
        (&["--request=outputCrs=nowhere"], "could not be parsed"),
        (&["--format=docx"], "choose one of"),
    ] {
        let args: Vec<&str> = options.iter().copied().chain([grid.as_str()]).collect();
        let (status, _, errors) = command(&args);
        assert_eq!(status, 2, "{options:?}: {errors}");
        assert!(errors.contains(said), "{options:?}: {errors}");
    }
}

#[test]
fn unknown_names_suggest_the_nearest() {
    let (folder, grid) = (Folder::new(), path(GRID));
    let (status, _, errors) = command(&["-v", "red_vat", "-o", &folder.out(), &grid]);
    assert_eq!(status, 1);
    assert!(errors.contains("'red_vat'") && errors.contains("red_var") && errors.contains(GRID), "{errors}");
    let (status, _, errors) = command(&["--subset=latt(0:10)", "-o", &folder.out(), &grid]);
    assert_eq!(status, 1);
    assert!(errors.contains("'latt'") && errors.contains("nearest"), "{errors}");
    assert!(folder.files().is_empty());
}

// ---- runs ------------------------------------------------------------------------------------------------------

#[test]
fn the_same_command_again_resumes() {
    let (folder, grid) = (Folder::new(), path(GRID));
    let out = folder.out();
    assert_eq!(command(&[BOX, "-o", &out, &grid]).0, 0);
    let file = folder.path().join("2020_01_01_global_subsetted.nc");
    let (bytes, made) =
        (std::fs::read(&file).unwrap(), std::fs::metadata(&file).unwrap().modified().unwrap());
    let (status, _, said) = command(&[BOX, "-o", &out, &grid]);
    assert_eq!(status, 0);
    assert!(said.contains("was there already"), "{said}");
    assert_eq!(std::fs::metadata(&file).unwrap().modified().unwrap(), made);
    let (status, _, said) = command(&["--bbox=0,0,10,10", "-o", &out, &grid]);
    assert_eq!(status, 1);
    assert!(said.contains("--overwrite") && said.contains("2020_01_01_global_subsetted.nc"), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
    assert_eq!(command(&["--bbox=0,0,10,10", "--overwrite", "-o", &out, &grid]).0, 0);
    assert_ne!(std::fs::read(&file).unwrap(), bytes);
    assert_eq!(folder.files(), ["2020_01_01_global_subsetted.nc"]);
}

#[test]
fn a_corrupt_granule_does_not_harm_the_others() {
    let (data, folder) = (Folder::new(), Folder::new());
    for day in 1..=3 {
        let name = format!("2020_01_0{day}_global.nc");
        std::fs::copy(testdata(&name), data.path().join(&name)).unwrap();
    }
    let bad = data.path().join("2020_01_02_global.nc");
    let whole = std::fs::read(&bad).unwrap();
    std::fs::write(&bad, &whole[..whole.len() / 3]).unwrap();
    let (out, input) = (folder.out(), data.out());
    let (status, _, said) = command(&[BOX, "-o", &out, &input]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("1 of 3 granules failed") && said.contains("failed.jsonl"), "{said}");
    let good = ["2020_01_01_global_subsetted.nc", "2020_01_03_global_subsetted.nc"];
    assert_eq!(folder.files(), [good[0], good[1], "failed.jsonl"]);
    let list = std::fs::read_to_string(folder.path().join("failed.jsonl")).unwrap();
    assert_eq!(list.lines().count(), 1);
    let entry: Value = serde_json::from_str(list.trim_end()).unwrap();
    assert!(entry["input"].as_str().unwrap().ends_with("2020_01_02_global.nc"), "{entry}");
    let error = entry["error"].as_str().unwrap();
    assert!(error.contains("2020_01_02_global.nc") && error.contains("fetch it again"), "{error}");
    std::fs::write(&bad, &whole).unwrap();
    let (status, _, said) = command(&[BOX, "-o", &out, &input]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("2 were there already"), "{said}");
    assert_eq!(folder.files(), [good[0], "2020_01_02_global_subsetted.nc", good[1]]);
}

#[test]
fn inputs_of_one_name_do_not_replace_each_other() {
    let (data, folder) = (Folder::new(), Folder::new());
    for (place, day) in [("a", 1), ("b", 2)] {
        std::fs::create_dir(data.path().join(place)).unwrap();
        let from = testdata(&format!("2020_01_0{day}_global.nc"));
        std::fs::copy(from, data.path().join(place).join("same.nc")).unwrap();
    }
    for jobs in ["--jobs=1", "--jobs=2"] {
        let (status, _, said) = command(&[BOX, jobs, "--overwrite", "-o", &folder.out(), &data.out()]);
        assert_eq!(status, 1, "{said}");
        assert!(said.contains("is that of") && said.contains("another --output folder"), "{said}");
        assert_eq!(folder.files(), ["failed.jsonl", "same_subsetted.nc"]);
    }
}

#[test]
fn after_the_first_failure_with_fail_fast() {
    let (data, folder) = (Folder::new(), Folder::new());
    std::fs::write(data.path().join("1.nc"), b"not a granule").unwrap();
    std::fs::copy(testdata(GRID), data.path().join("2.nc")).unwrap();
    let (status, _, _) = command(&[BOX, "--fail-fast", "--jobs=1", "-o", &folder.out(), &data.out()]);
    assert_eq!(status, 1);
    assert_eq!(folder.files(), ["failed.jsonl"]);
    assert_eq!(std::fs::read_to_string(folder.path().join("failed.jsonl")).unwrap().lines().count(), 2);
}

#[test]
fn granules_without_data_are_not_failures() {
    let (folder, grid, polar) = (Folder::new(), path(GRID), path("polar_south.nc4"));
    let (status, _, said) = command(&["--bbox=0,10,10,20", "-o", &folder.out(), &grid, &polar]);
    assert_eq!(status, 0, "{said}");
    assert_eq!(folder.files(), ["2020_01_01_global_subsetted.nc"]);
    assert!(said.contains("1 without data"), "{said}");
}

#[test]
fn results_as_a_document() {
    let (folder, grid, polar) = (Folder::new(), path(GRID), path("polar_south.nc4"));
    let (status, out, _) =
        command(&["--json", "-q", "--bbox=0,10,10,20", "-o", &folder.out(), &grid, &polar]);
    assert_eq!(status, 0);
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document[0]["status"], "written");
    assert_eq!(document[1]["status"], "no_data");
    assert!(document[0]["output"].as_str().unwrap().ends_with("2020_01_01_global_subsetted.nc"));
    assert_eq!(document[0]["bbox"].as_array().unwrap().len(), 4);
}

#[test]
fn explain_says_the_plan_and_writes_nothing() {
    let (folder, grid) = (Folder::new(), path(GRID));
    let (status, text, _) = command(&["--explain", BOX, "-o", &folder.out(), &grid]);
    assert_eq!(status, 0);
    for words in ["grid on (lat=360, lon=720)", "subset_bbox", "2020_01_01_global_subsetted.nc", "red_var"] {
        assert!(text.contains(words), "{words} in {text}");
    }
    let (status, text, _) = command(&["--explain", "--json", BOX, "-o", &folder.out(), &grid]);
    assert_eq!(status, 0);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document[0]["structures"][0]["kind"], "grid");
    assert!(document[0]["bytes_read"].as_u64().unwrap() > 0);
    assert!(folder.files().is_empty());
    assert_eq!(command(&["--explain", "--bbox=0,10,10,20", &path("polar_south.nc4")]).0, 3);
}

#[test]
fn lists_and_settings() {
    let (status, operations, _) = command(&["--list-operations"]);
    assert_eq!(status, 0);
    for name in
        ["subset_variables", "subset_time", "subset_dimension", "subset_bbox", "subset_shape", "filter"]
    {
        assert!(operations.lines().any(|l| l.starts_with(name)), "{name} in {operations}");
    }
    let (status, formats, _) = command(&["--list-formats"]);
    assert_eq!(status, 0);
    for name in ["netcdf4", "netcdf3", "hdf5", "hdf4", "zarr", "geotiff", "grib"] {
        assert!(formats.lines().any(|l| l.starts_with(name)), "{name} in {formats}");
    }
    let output =
        program().args(["--print-config", "--jobs", "3"]).env("HARMONY_MEMORY", "2GiB").output().unwrap();
    let (status, settings, _) = common::finished(&output);
    assert_eq!(status, 0);
    let line = |name: &str| settings.lines().find(|l| l.starts_with(name)).unwrap().to_owned();
    assert!(line("jobs").contains('3') && line("jobs").contains("command line"), "{settings}");
    assert!(line("memory").contains("2GiB") && line("memory").contains("environment"), "{settings}");
    assert!(line("overwrite").contains("default"), "{settings}");
    let (status, completions, _) = command(&["--completions", "bash"]);
    assert_eq!(status, 0);
    assert!(completions.contains("complete -F") && completions.contains("--bbox"));
    assert_eq!(command(&["--version"]).0, 0);
    assert!(command(&["--help"]).1.contains("Exit status"));
}

#[test]
fn a_harmony_request_is_the_same_as_its_options() {
    let folder = Folder::new();
    let grid = path(GRID);
    let direct = transform(&testdata(GRID), &["-v", "red_var", "--bbox=-10,0,20,30"]);
    let root = "https://harmony.earthdata.nasa.gov/C1233800302-EEDTEST/ogc-api-coverages/1.0.0/collections";
    let url = format!("{root}/red_var/coverage/rangeset?subset=lat(0:30)&subset=lon(-10:20)");
    for request in [url.as_str(), "variable=red_var&subset=lat(0:30)&subset=lon(-10:20)"] {
        let args = ["--overwrite", "-o", &folder.out(), "--request", request, &grid];
        let (status, _, errors) = command(&args);
        assert_eq!(status, 0, "{request}: {errors}");
        let made = open(&folder.path().join("2020_01_01_global_red_var_subsetted.nc"));
        assert_eq!(common::physical(&made, "/red_var"), direct.physical("/red_var"));
    }
}

#[test]
fn history_holds_the_complete_request() {
    let folder = Folder::new();
    let (out, grid) = (folder.out(), path("packed_0_360.nc4"));
    let args = [
        "--bbox=0,-30,60,30",
        "--time=2020-02-01/2020-04-01",
        "-v",
        "temperature",
        "--subset=level(500:900)",
        "--filter=temperature > 250",
        "-o",
        &out,
        &grid,
    ];
    assert_eq!(command(&args).0, 0);
    let made = open(&folder.path().join("packed_0_360_temperature_subsetted.nc4"));
    let records: Value = serde_json::from_str(&made.groups[0].attr_text("history_json").unwrap()).unwrap();
    let record = &records.as_array().unwrap()[0];
    assert_eq!(
        record["$schema"],
        "https://harmony.earthdata.nasa.gov/schemas/history/0.1.0/history-v0.1.0.json"
    );
    assert_eq!(record["date_time"], "2026-01-01T00:00:00Z");
    assert!(record["derived_from"][0].as_str().unwrap().ends_with("packed_0_360.nc4"));
    let p = &record["parameters"];
    assert_eq!(p["bbox"], serde_json::json!([0.0, -30.0, 60.0, 30.0]));
    assert_eq!(p["variables"][0], "temperature");
    assert_eq!(p["time"], "2020-02-01/2020-04-01");
    assert_eq!(p["subset"][0], "level(500:900)");
    assert_eq!(p["filter"][0], "temperature > 250");
    let history = made.groups[0].attr_text("history").unwrap();
    assert!(
        history.starts_with("2026-01-01T00:00:00Z harmony ") && history.contains("level(500:900)"),
        "{history}"
    );
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_no_file() {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use harmony_formats::write::WriteOptions;
    use harmony_model::{ArraySource, DType, Filter, Granule, ReadError, Storage, Window};

    /// Nothing but zeros: quick to make, not so quick to subset.
    struct Zeros;
    impl ArraySource for Zeros {
        fn read(&self, _: &Window, out: &mut [u8]) -> Result<(), ReadError> {
            out.fill(0);
            Ok(())
        }
        fn cost(&self, _: &Window) -> Result<u64, ReadError> {
            Ok(0)
        }
    }
    let (data, folder) = (Folder::new(), Folder::new());
    let mut g = Granule::new("large.nc", "netcdf4");
    let n = 16_000;
    let (y, x) = (g.add_dim(Granule::ROOT, "y", n), g.add_dim(Granule::ROOT, "x", n));
    let id = g.add_var(Granule::ROOT, "v", DType::U8, vec![y, x], Arc::new(Zeros));
    g.vars[id.0].storage = Storage::Chunked { shape: vec![1000, 1000], filters: vec![Filter::deflate(1)] };
    let input = data.path().join("large.nc");
    harmony_formats::netcdf4::write::write(&g, &input, &WriteOptions::default()).unwrap();
    let mut child = program()
        .args(["--subset=x[1:*]", "--subset=y[1:*]", "-q", "--memory=1MiB", "-o", &folder.out()])
        .arg(&input)
        .env("RAYON_NUM_THREADS", "1")
        .spawn()
        .unwrap();
    let started = Instant::now();
    while folder.files().is_empty() && started.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(2));
    }
    let _ = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    let status = child.wait().unwrap();
    if status.success() {
        eprintln!("skipped: the run was over before it could be interrupted");
        return;
    }
    assert_eq!(status.code(), Some(130));
    assert!(folder.files().is_empty(), "{:?}", folder.files());
}

#[cfg(feature = "remote")]
#[test]
fn an_input_over_http_gives_the_same_result() {
    use std::io::{BufRead, BufReader, Write};
    let bytes = std::fs::read(testdata(GRID)).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = move || {
        for stream in listener.incoming() {
            let (Ok(stream), bytes) = (stream, bytes.clone()) else { return };
            std::thread::spawn(move || answer(stream, &bytes));
        }
    };
    std::thread::spawn(server);
    fn answer(stream: std::net::TcpStream, bytes: &[u8]) {
        let mut lines = BufReader::new(&stream).lines();
        let (mut first, mut range) = (String::new(), None);
        loop {
            let Some(Ok(line)) = lines.next() else { return };
            if first.is_empty() {
                first = line;
                continue;
            }
            if line.is_empty() {
                let (from, to) = range.unwrap_or((0, bytes.len() - 1));
                let to = to.min(bytes.len() - 1);
                let status = if range.is_some() { "206 Partial Content" } else { "200 OK" };
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Range: bytes {from}-{to}/{}\r\n\
                     Accept-Ranges: bytes\r\nETag: \"1\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n",
                    to + 1 - from,
                    bytes.len()
                );
                let body: &[u8] = if first.starts_with("HEAD") { &[] } else { &bytes[from..=to] };
                if (&stream).write_all(head.as_bytes()).and_then(|()| (&stream).write_all(body)).is_err() {
                    return;
                }
                (first, range) = (String::new(), None);
            } else if let Some(text) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
                let (from, to) = text.split_once('-').unwrap();
                range = Some((from.parse().unwrap(), to.parse().unwrap_or(usize::MAX)));
            }
        }
    }
    let folder = Folder::new();
    let url = format!("http://{address}/data/2020_01_01_global.nc?token=secret");
    let (status, _, errors) = command(&[BOX, "-o", &folder.out(), &url]);
    assert_eq!(status, 0, "{errors}");
    let made = open(&folder.path().join("2020_01_01_global_subsetted.nc"));
    let direct = transform(&testdata(GRID), &[BOX]);
    assert_eq!(common::physical(&made, "/red_var"), direct.physical("/red_var"));
    assert!(!made.groups[0].attr_text("history_json").unwrap().contains("secret"));
}

// ---- everything at once ----------------------------------------------------------------------------------------

/// A triangle and its test, by hand.
const TRIANGLE: [(f64, f64); 3] = [(0.0, -40.0), (80.0, -40.0), (0.0, 50.0)];

fn triangle(folder: &Folder, corners: [(f64, f64); 3]) -> String {
    let file = folder.path().join("triangle.geojson");
    let [a, b, c] = corners.map(|(x, y)| format!("[{x},{y}]"));
    std::fs::write(&file, format!(r#"{{"type":"Polygon","coordinates":[[{a},{b},{c},{a}]]}}"#)).unwrap();
    format!("--shape={}", file.display())
}

fn in_triangle([a, b, c]: [(f64, f64); 3], p: (f64, f64)) -> bool {
    let side = |a: (f64, f64), b: (f64, f64)| (b.0 - a.0) * (p.1 - a.1) - (b.1 - a.1) * (p.0 - a.0);
    side(a, b) >= 0.0 && side(b, c) >= 0.0 && side(c, a) >= 0.0
}

#[test]
fn everything_at_once_on_a_grid() {
    let folder = Folder::new();
    let shape = triangle(&folder, TRIANGLE);
    let run = transform(
        &testdata("packed_0_360.nc4"),
        &[
            "--bbox=10,-30,70,30",
            "--time=2020-02-10T00:00:00Z/2020-03-20T00:00:00Z",
            "--variable=temperature",
            "--subset=level(600:900)",
            "--filter=temperature > 275",
            &shape,
        ],
    );
    // By hand: February and March, 850 hPa, cells that overlap the box and whose centre is in the triangle.
    let input = open(&testdata("packed_0_360.nc4"));
    let all = common::physical(&input, "/temperature");
    let lat = |i: usize| 88.5 - 3.0 * i as f64;
    let lon = |j: usize| 1.5 + 3.0 * j as f64;
    let in_box = |i: usize, j: usize| {
        lat(i) + 1.5 > -30.0 && lat(i) - 1.5 < 30.0 && lon(j) + 1.5 > 10.0 && lon(j) - 1.5 < 70.0
    };
    let wanted = |i: usize, j: usize| in_box(i, j) && in_triangle(TRIANGLE, (lon(j), lat(i)));
    let cells: Vec<(usize, usize)> =
        (0..60).flat_map(|i| (0..120).map(move |j| (i, j))).filter(|&(i, j)| wanted(i, j)).collect();
    let span = |v: Vec<usize>| (*v.iter().min().unwrap(), *v.iter().max().unwrap());
    let (rows, cols) = (span(cells.iter().map(|c| c.0).collect()), span(cells.iter().map(|c| c.1).collect()));
    let mut expected = Vec::new();
    for t in 1..=2 {
        for i in rows.0..=rows.1 {
            for j in cols.0..=cols.1 {
                let v = all[((t * 3 + 1) * 60 + i) * 120 + j];
                expected.push(if wanted(i, j) && v > 275.0 { v } else { f64::NAN });
            }
        }
    }
    assert_eq!(run.shape("/temperature"), [2, 1, (rows.1 - rows.0 + 1) as u64, (cols.1 - cols.0 + 1) as u64]);
    assert_same(&run.physical("/temperature"), &expected);
    assert_eq!(run.physical("/level"), [850.0]);
    assert_eq!(run.physical("/time_bnds"), [31.0, 60.0, 60.0, 91.0]);
}

fn assert_same(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
    assert!(got.iter().zip(expected).all(same));
    assert!(expected.iter().any(|v| v.is_nan()) && expected.iter().any(|v| !v.is_nan()), "a telling case");
}

#[test]
fn everything_at_once_on_a_swath() {
    let folder = Folder::new();
    let corners = [(174.0, -18.0), (186.0, -18.0), (174.0, 20.0)];
    let shape = triangle(&folder, corners);
    let run = transform(
        &testdata("swath_antimeridian.nc4"),
        &[
            "--bbox=175,-15,-175,12",
            "--time=2020-06-01T10:00:40Z/2020-06-01T10:01:30Z",
            "--variable=wind_speed",
            "--filter=quality_flag <= 1",
            &shape,
        ],
    );
    let input = open(&testdata("swath_antimeridian.nc4"));
    let values = |name: &str| common::physical(&input, name);
    let (lat, lon, wind, flag) =
        (values("/lat"), values("/lon"), values("/wind_speed"), values("/quality_flag"));
    let bbox = Bbox::parse("175,-15,-175,12").unwrap();
    let inside = |k: usize| {
        let seconds = 0.5 * (k / 80) as f64;
        let turned = (lon[k].rem_euclid(360.0), lat[k]);
        (40.0..=90.0).contains(&seconds) && bbox.contains(lon[k], lat[k]) && in_triangle(corners, turned)
    };
    let rows: Vec<usize> = (0..300).filter(|r| (0..80).any(|c| inside(r * 80 + c))).collect();
    let cols: Vec<usize> = (0..80).filter(|c| (0..300).any(|r| inside(r * 80 + c))).collect();
    let expected: Vec<f64> = rows
        .iter()
        .flat_map(|r| cols.iter().map(move |c| r * 80 + c))
        .map(|k| if inside(k) && flag[k] <= 1.0 { wind[k] } else { f64::NAN })
        .collect();
    assert_eq!(run.shape("/wind_speed"), [rows.len() as u64, cols.len() as u64]);
    assert_same(&run.physical("/wind_speed"), &expected);
    assert_eq!(run.shape("/time"), [rows.len() as u64]);
    assert!(!run.has("/quality_flag"));
}

#[test]
fn everything_at_once_on_a_trajectory() {
    let folder = Folder::new();
    let corners = [(160.0, -60.0), (200.0, -60.0), (200.0, 60.0)];
    let shape = triangle(&folder, corners);
    let run = transform(
        &testdata("altimetry_groups.nc4"),
        &[
            "--bbox=150,-50,-160,20",
            "--time=2021-01-01T00:02:00Z/2021-01-01T00:05:00Z",
            "--variable=/data_01/ku/ssha",
            "--filter=/data_01/ku/ssha > 0",
            "--subset=time[130:280]",
            &shape,
        ],
    );
    let input = open(&testdata("altimetry_groups.nc4"));
    let values = |name: &str| common::physical(&input, &format!("/data_01/{name}"));
    let (lat, lon, ssha, time) = (values("latitude"), values("longitude"), values("ku/ssha"), values("time"));
    // 2021-01-01 is 662 774 400 s after 2000-01-01 without leap seconds.
    let seconds = |i: usize| time[i] - 662_774_400.0;
    let bbox = Bbox::parse("150,-50,-160,20").unwrap();
    let wanted: Vec<usize> = (130..=280)
        .filter(|&i| (120.0..=300.0).contains(&seconds(i)))
        .filter(|&i| {
            bbox.contains(lon[i], lat[i]) && in_triangle(corners, (lon[i].rem_euclid(360.0), lat[i]))
        })
        .filter(|&i| ssha[i] > 0.0)
        .collect();
    assert!(wanted.len() > 5 && wanted.len() < 151);
    assert_eq!(run.physical("/data_01/ku/ssha"), wanted.iter().map(|&i| ssha[i]).collect::<Vec<_>>());
    assert_eq!(run.physical("/data_01/time"), wanted.iter().map(|&i| time[i]).collect::<Vec<_>>());
}

#[test]
fn everything_at_once_on_segments() {
    let folder = Folder::new();
    let corners = [(94.0, -5.0), (95.0, -5.0), (94.0, 30.0)];
    let shape = triangle(&folder, corners);
    let run = transform(
        &testdata("atl03_like.h5"),
        &[
            "--bbox=94.5,-4,95.2,14",
            "--time=2018-10-13T23:54:00Z/2018-10-13T23:55:10Z",
            "--variable=/gt1l",
            &shape,
        ],
    );
    let input = open(&testdata("atl03_like.h5"));
    let values = |name: &str| common::physical(&input, &format!("/gt1l/{name}"));
    let (lat, lon) = (values("geolocation/reference_photon_lat"), values("geolocation/reference_photon_lon"));
    let time = values("geolocation/delta_time");
    let counts = values("geolocation/segment_ph_cnt");
    let bbox = Bbox::parse("94.5,-4,95.2,14").unwrap();
    let inside = |i: &usize| {
        // The granule begins at 23:53:20.
        (40.0..=110.0).contains(&(time[*i] - time[0]))
            && bbox.contains(lon[*i], lat[*i])
            && in_triangle(corners, (lon[*i], lat[*i]))
    };
    let segments: Vec<usize> = (0..lat.len()).filter(inside).collect();
    assert!(segments.len() > 5 && segments.len() < lat.len() / 2, "{}", segments.len());
    let first = |i: usize| counts[..i].iter().sum::<f64>() as usize;
    let h = values("heights/h_ph");
    let expected: Vec<f64> =
        segments.iter().flat_map(|&i| h[first(i)..first(i) + counts[i] as usize].to_vec()).collect();
    assert_eq!(run.physical("/gt1l/heights/h_ph"), expected);
    assert_eq!(run.shape("/gt1l/geolocation/ph_index_beg"), [segments.len() as u64]);
    assert!(run.output.find_group("/gt2l").is_none());
}
