//! Every structure of data × every operation × every format: a result, or an error that says what to do.
//!
//! The table is in the README; `HARMONY_WRITE_MATRIX=1 cargo nextest run matrix` writes it again.
#![allow(clippy::unwrap_used)] // tests

mod common;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::{context, testdata};
use harmony::exec::{self, Batch, Outcome, Target};
use harmony::store::Input;
use harmony_formats::registry::FORMATS;

/// Name in the table, and granules of that structure (the second one is for joining).
const STRUCTURES: [(&str, &[&str]); 5] = [
    ("grid", &["2020_01_01_global.nc", "2020_01_02_global.nc"]),
    ("projected grid", &["ease2_north.nc4", "ease2_north.nc4"]),
    ("swath", &["swath_antimeridian.nc4", "swath_antimeridian.nc4"]),
    ("trajectory", &["trajectory_classic.nc", "trajectory_classic.nc"]),
    ("segmented", &["atl03_like.h5", "atl03_like.h5"]),
];

/// A polygon that every structure has something inside of, and something outside.
const SHAPE: &str = concat!("--shape=", env!("CARGO_MANIFEST_DIR"), "/testdata/shapes/most_of_earth.geojson");

/// Options that ask for each operation.
fn operations(structure: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let (bbox, time, dimension, variable, filter) = match structure {
        "grid" => (
            "--bbox=-20,10,40,50",
            "--time=2020-01-01/2020-01-04",
            "--subset=lat[10:200]",
            "red_var",
            "red_var >= 0",
        ),
        "projected grid" => ("--bbox=-60,60,60,80", "", "--subset=x[10:120]", "distance", "distance > 0"),
        "swath" => (
            "--bbox=160,-60,-160,60",
            "--time=2020-06-01/2020-06-02",
            "--subset=cell[5:60]",
            "wind_speed",
            "wind_speed > 0",
        ),
        "trajectory" => (
            "--bbox=-180,-60,180,60",
            "--time=2002-01-01/2030-01-01",
            "--subset=time[10:300]",
            "ssha",
            "ssha > 0",
        ),
        _ => (
            "--bbox=-180,-90,180,90",
            "--time=2018-01-01/2030-01-01",
            "",
            "/gt1l/heights/h_ph",
            "/gt1l/heights/h_ph > -1000",
        ),
    };
    let point = match structure {
        "projected grid" => "--point=0,75",
        "swath" => "--point=175,0",
        _ => "--point=20.3,10.3",
    };
    let mut all = vec![
        ("as it is", vec![]),
        ("variables", vec!["--variable", variable]),
        ("box", vec![bbox]),
        ("shape", vec![SHAPE]),
        ("point", vec![point]),
    ];
    if !time.is_empty() {
        all.push(("time", vec![time]));
    }
    if !dimension.is_empty() {
        all.push(("dimension", vec![dimension]));
    }
    all.push(("filter", vec!["--filter", filter]));
    all.push((
        "project: near",
        vec!["--crs=EPSG:6933", "--interpolation=near", "--scale-size=100000,100000"],
    ));
    all.push(("project: default", vec!["--crs=EPSG:4326", "--scale-size=1,1"]));
    all.push(("regrid: ewa", vec!["--crs=EPSG:4326", "--interpolation=ewa", "--scale-size=1,1"]));
    all.push(("average: time", vec!["--average=time"]));
    all.push(("average: area", vec!["--average=area"]));
    all.push(("concatenate", vec!["--concatenate"]));
    all.push(("extend", vec!["--extend=true"]));
    all
}

/// What became of one combination: `Ok` with a result, or the error.
fn outcome(files: &[&str], options: &[&str], format: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let format_option = format!("--format={format}");
    let args: Vec<&str> = options.iter().copied().chain([format_option.as_str()]).collect();
    let context = context(&args);
    let wanted = if context.request.aggregate.is_some() { files } else { &files[..1] };
    // Two granules of one name need folders of their own.
    let inputs: Vec<Input> = wanted
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let copy: PathBuf = folder.path().join(format!("in{i}")).join(name);
            std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
            std::fs::copy(testdata(name), &copy).unwrap();
            Input::File(copy)
        })
        .collect();
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let cancel = AtomicBool::new(false);
    let summary = exec::run(&Batch {
        inputs: &inputs,
        target: Target::Folder(out.clone()),
        context: &context,
        jobs: 1,
        fail_fast: false,
        show_progress: false,
        cancel: &cancel,
    });
    let left = || std::fs::read_dir(&out).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>();
    match &summary.outcomes[0].1 {
        Outcome::Written(w) => {
            assert!(w.output.exists(), "{options:?} {format}: {} is missing", w.output.display());
            assert!(w.bytes_written > 0 && !left().is_empty(), "{options:?} {format}");
            Ok(())
        }
        Outcome::Failed { error } | Outcome::NoData { reason: error } => {
            let files: Vec<_> = left().into_iter().filter(|f| f != "failed.jsonl").collect();
            assert!(files.is_empty(), "{options:?} {format}: {files:?} left after: {error}");
            assert!(!error.contains("internal error"), "{files:?} {options:?} {format}: {error}");
            Err(error.clone())
        }
        Outcome::Skipped => panic!("{options:?} {format}: skipped"),
    }
}

/// The message without what differs between granules and variables: what the README explains once.
fn kind(error: &str) -> String {
    let tail = error.split_once(": ").map_or(error, |(_, tail)| tail);
    let mut out = String::new();
    let (mut quoted, mut before) = (false, ' ');
    for c in tail.chars() {
        // The apostrophe of a word is no quotation mark.
        let is_mark = c == '\'' && (quoted || !before.is_alphanumeric());
        if is_mark {
            if !quoted {
                out.push('…');
            }
            quoted = !quoted;
        } else if !quoted {
            out.push(c);
        }
        before = c;
    }
    out
}

struct Table {
    rows: String,
    reasons: Vec<String>,
}

fn table() -> Table {
    let formats: Vec<&str> = FORMATS.iter().map(|f| f.card()).filter(|c| c.writes).map(|c| c.name).collect();
    let rows: Vec<_> = STRUCTURES
        .iter()
        .flat_map(|(s, files)| {
            operations(s).into_iter().map(move |(name, options)| (*s, *files, name, options))
        })
        .collect();
    // Threads of their own: a batch waits for threads, which workers of the pool must not do.
    let (next, done) = (AtomicUsize::new(0), Mutex::new(vec![Vec::new(); rows.len()]));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((i, row)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, rows.get(i)?)))
                {
                    let outcomes: Vec<_> = formats.iter().map(|f| outcome(row.1, &row.3, f)).collect();
                    done.lock().unwrap()[i] = outcomes;
                }
            });
        }
    });
    let cells = rows.iter().zip(done.into_inner().unwrap()).map(|(row, outcomes)| (row.0, row.2, outcomes));
    let mut table = Table { rows: String::new(), reasons: Vec::new() };
    let _ = writeln!(table.rows, "| structure | operation | {} |", formats.join(" | "));
    let _ = writeln!(table.rows, "|---|---|{}", "---|".repeat(formats.len()));
    for (structure, operation, outcomes) in cells {
        let mut row = format!("| {structure} | {operation} |");
        for outcome in outcomes {
            let cell = match outcome {
                Ok(()) => "✓".to_owned(),
                Err(error) => {
                    let kind = kind(&error);
                    let at = table.reasons.iter().position(|r| *r == kind).unwrap_or_else(|| {
                        table.reasons.push(kind);
                        table.reasons.len() - 1
                    });
                    (at + 1).to_string()
                }
            };
            let _ = write!(row, " {cell} |");
        }
        let _ = writeln!(table.rows, "{row}");
    }
    table
}

#[test]
fn matrix_of_structures_operations_and_formats() {
    let table = table();
    let mut text = table.rows;
    text.push('\n');
    for (i, reason) in table.reasons.iter().enumerate() {
        let _ = writeln!(text, "{}. {reason}", i + 1);
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (before, rest) = readme.split_once("<!-- matrix -->\n").unwrap();
    let (body, after) = rest.split_once("<!-- /matrix -->").unwrap();
    if std::env::var_os("HARMONY_WRITE_MATRIX").is_some() {
        std::fs::write(path, format!("{before}<!-- matrix -->\n{text}<!-- /matrix -->{after}")).unwrap();
        return;
    }
    assert_eq!(body, text, "the README's matrix is out of date: run with HARMONY_WRITE_MATRIX=1");
}
