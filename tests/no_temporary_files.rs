//! Nothing is written between the steps of a chain: of all files that a run creates, none is anything but its result
//! under a temporary name beside it, and the list of results.
//!
//! Seen by `strace`; skipped where it is not installed or may not trace.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{files_in, results_in, testdata};

/// What was opened for writing, made, renamed or removed, as full paths; directories of the system are left out.
fn traced(args: &[&str], temporary: &Path) -> Option<Vec<String>> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let program = env!("CARGO_BIN_EXE_harmony-transform");
    let run = Command::new("strace")
        .args(["-f", "-qq", "-y", "-e", "trace=open,openat,creat,rename,renameat,renameat2,link,linkat,symlink,mkdir,mkdirat,memfd_create"])
        .arg("-o")
        .arg(log.path())
        .arg(program)
        .args(args)
        .env("TMPDIR", temporary)
        .env("SOURCE_DATE_EPOCH", "1767225600")
        .output();
    let output = match run {
        Ok(output) => output,
        Err(e) => {
            eprintln!("skipped: strace: {e}");
            return None;
        }
    };
    let text = std::fs::read_to_string(log.path()).unwrap();
    if text.is_empty() {
        eprintln!("skipped: strace may not trace here: {}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    let writes = |line: &str| {
        let call = line.split_once(' ').map_or(line, |(_, call)| call).trim_start();
        let opens = call.starts_with("open")
            && (call.contains("O_WRONLY") || call.contains("O_RDWR") || call.contains("O_CREAT"));
        let failed = call.contains(" = -1 ");
        !failed && (opens || !call.starts_with("open"))
    };
    let system = ["/dev/", "/proc/", "/sys/"];
    Some(
        text.lines()
            .filter(|l| writes(l) && !l.contains("+++") && !l.contains("---"))
            .filter(|l| !system.iter().any(|s| l.contains(&format!("\"{s}"))))
            .map(str::to_owned)
            .collect(),
    )
}

/// Names in quotes of a traced call.
fn names(line: &str) -> Vec<PathBuf> {
    line.split('"').skip(1).step_by(2).map(PathBuf::from).collect()
}

/// Runs a chain and looks at everything it wrote. `store`: the result is a folder of objects.
fn check(inputs: &[PathBuf], request: &[&str], store: bool) {
    let (out, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = format!("{}/", out.path().display());
    let inputs: Vec<&str> = inputs.iter().map(|p| p.to_str().unwrap()).collect();
    let args = [&["--quiet", "--output", &folder], request, &inputs].concat();
    let Some(calls) = traced(&args, temporary.path()) else { return };
    assert_eq!(files_in(temporary.path()), Vec::<String>::new(), "{request:?}: left in TMPDIR");
    let results = results_in(out.path());
    assert!(!results.is_empty() && !calls.is_empty(), "{request:?}");
    for call in &calls {
        for name in names(call) {
            assert!(name.starts_with(out.path()) || Path::new(&folder) == name, "{request:?}: {call}");
            assert!(!name.starts_with(temporary.path()), "{request:?}: {call}");
            let below = name.strip_prefix(out.path()).unwrap();
            let first = below
                .components()
                .next()
                .map_or(String::new(), |c| c.as_os_str().to_string_lossy().into_owned());
            // The result itself, its own temporary name, or the hidden list of results.
            let of_result = results.iter().any(|r| first == *r || first.contains(r.as_str()));
            let is_list = first == ".harmony-transform.sync";
            assert!(of_result || is_list || first.is_empty(), "{request:?}: {call}, results {results:?}");
        }
    }
    if !store {
        // One file is made for each result: no step has one of its own.
        let created =
            calls.iter().filter(|c| c.contains("O_CREAT") && !c.contains(".harmony-transform.sync"));
        assert_eq!(created.count(), results.len(), "{request:?}: {calls:#?}");
    }
}

fn days() -> Vec<PathBuf> {
    ["01", "02", "03"].iter().map(|d| testdata(&format!("2020_01_{d}_global.nc"))).collect()
}

#[test]
fn a_chain_on_a_grid_writes_its_result_only() {
    let grid = [testdata("packed_0_360.nc4")];
    let subset = ["--variable=temperature", "--time=2020-01-01/2020-03-31", "--bbox=-30,-20,60,70"];
    let projected = ["--crs=EPSG:6933", "--scale-size=300000,300000"];
    for format in ["netcdf4", "netcdf3", "csv", "hdf5"] {
        let format = format!("--format={format}");
        check(&grid, &[&subset[..], &projected, &["--average=time", &format]].concat(), false);
    }
    for format in ["cog", "geotiff", "ascii"] {
        let format = format!("--format={format}");
        check(&grid, &[&subset[..], &projected, &["--subset=level[0:0]", &format]].concat(), false);
    }
    check(&grid, &[&subset[..], &["--format=zarr"]].concat(), true);
    check(&grid, &[&subset[..], &["--format=png"]].concat(), false);
}

#[test]
fn a_chain_on_a_swath_writes_its_result_only() {
    let swath = [testdata("swath_antimeridian.nc4")];
    let request = ["--bbox=170,-20,-170,20", "--filter=quality_flag <= 1"];
    check(&swath, &[&request[..], &["--crs=EPSG:4326", "--format=cog"]].concat(), false);
    check(&swath, &[&request[..], &["--format=shapefile"]].concat(), false);
}

#[test]
fn joined_granules_write_their_result_only() {
    check(&days(), &["--extend=time", "--bbox=-20,-40,60,40"], false);
    check(&days(), &["--concatenate", "--average=time", "--format=cog"], false);
    check(
        &days(),
        &["--extend=time", "--crs=EPSG:3413", "--scale-size=100000,100000", "--format=zarr"],
        true,
    );
}
