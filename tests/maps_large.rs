//! Maps of granules that take long to decode, by a server as a process: what is prepared, and how much memory is taken.
#![cfg(feature = "service")]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod server;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use server::Server;

const ROWS: usize = 1100;
const COLUMNS: usize = 4100;

/// A netCDF-3 file (CDF-1, big-endian) of 18 MB: single precision noise on a grid around the world.
fn granule(folder: &Path) -> PathBuf {
    fn text(out: &mut Vec<u8>, text: &str) {
        numbers(out, &[text.len() as u32]);
        out.extend(text.as_bytes());
        out.resize(out.len().next_multiple_of(4), 0);
    }
    fn numbers(out: &mut Vec<u8>, numbers: &[u32]) {
        numbers.iter().for_each(|n| out.extend(n.to_be_bytes()));
    }
    const AXES: [(&str, &str, u32); 2] =
        [("lat", "degrees_north", ROWS as u32), ("lon", "degrees_east", COLUMNS as u32)];
    let header = |first: u32| {
        let mut out = b"CDF\x01".to_vec();
        numbers(&mut out, &[0, 10, 2]);
        for (name, _, len) in AXES {
            text(&mut out, name);
            numbers(&mut out, &[len]);
        }
        numbers(&mut out, &[0, 0, 11, 3]);
        let mut begin = first;
        for (i, (name, units, len)) in AXES.into_iter().enumerate() {
            text(&mut out, name);
            numbers(&mut out, &[1, i as u32, 12, 1]);
            text(&mut out, "units");
            numbers(&mut out, &[2]);
            text(&mut out, units);
            numbers(&mut out, &[5, len * 4, begin]);
            begin += len * 4;
        }
        text(&mut out, "noise");
        numbers(&mut out, &[2, 0, 1, 0, 0, 5, (ROWS * COLUMNS * 4) as u32, begin]);
        out
    };
    let mut out = header(header(0).len() as u32);
    let middle = |i: usize, n: usize, span: f32| span * ((i as f32 + 0.5) / n as f32 - 0.5);
    (0..ROWS).for_each(|i| out.extend((-middle(i, ROWS, 180.0)).to_be_bytes()));
    (0..COLUMNS).for_each(|i| out.extend(middle(i, COLUMNS, 360.0).to_be_bytes()));
    let mut state = 7u32;
    for _ in 0..ROWS * COLUMNS {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        out.extend((state as f32 / u32::MAX as f32).to_be_bytes());
    }
    let path = folder.join("noise.nc");
    std::fs::write(&path, out).unwrap();
    path
}

fn add(data: &Path, granule: &Path, more: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harmony"));
    let status = command.args(["catalog", "add", "--data"]).arg(data).arg(granule).args(more).status();
    assert!(status.unwrap().success());
}

/// Blocks of thinned values that are kept on disk.
fn prepared(data: &Path) -> usize {
    std::fs::read_dir(data.join("maps")).map_or(0, Iterator::count)
}

fn collection(server: &Server) -> String {
    let all = server.get("/search/collections.json").json();
    all["feed"]["entry"][0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn first_maps_are_prepared_when_granules_are_added_or_else_by_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let granule = granule(folder.path());
    let (early, late) = (folder.path().join("early"), folder.path().join("late"));
    add(&early, &granule, &[]);
    add(&late, &granule, &["--no-prepare"]);
    let blocks = prepared(&early);
    assert!(blocks > 0 && prepared(&late) == 0);
    let picture = |data: &Path| {
        let server = Server::start(data, &[]);
        let tile = server.get(&format!("/{}/tiles/noise/0/0/0.png", collection(&server)));
        assert_eq!(tile.status, 200, "{}", tile.text());
        let until = Instant::now() + Duration::from_secs(60);
        while prepared(data) < blocks {
            assert!(Instant::now() < until, "{} of {blocks} blocks", prepared(data));
            std::thread::sleep(Duration::from_millis(50));
        }
        (tile.header("etag").unwrap().to_owned(), tile.body)
    };
    // The same picture, whichever way the values went.
    assert!(picture(&early) == picture(&late));
}

/// Most memory that the process had at once, bytes; `None` where the system does not tell.
fn peak(server: &Server) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|k| k << 10)
}

#[test]
fn memory_stays_within_the_setting_and_a_fixed_part() {
    const CACHE: u64 = 8 << 20;
    /// What `map_cache` says, less the program itself.
    const BESIDES: u64 = 136 << 20;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    add(&data, &granule(folder.path()), &["--no-prepare"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_harmony"));
    command.env("HARMONY_MAP_CACHE", CACHE.to_string());
    let server = Server::with(command, &data, &[]);
    let id = collection(&server);
    let Some(before) = peak(&server) else {
        println!("skipped: this system does not tell how much memory a process takes");
        return;
    };
    let wms = format!(
        "/{id}/wms?service=WMS&version=1.3.0&request=GetMap&layers={id}&styles=&format=image/png&width=4096&height=4096"
    );
    let ask = |path: &str| {
        let answer = server.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    };
    std::thread::scope(|threads| {
        for part in 0..4u32 {
            let (id, ask) = (&id, &ask);
            threads.spawn(move || {
                for i in (part..256).step_by(4) {
                    ask(&format!("/{id}/tiles/noise/4/{}/{}.png", i % 16, i / 16));
                }
            });
        }
        for box_and_system in
            ["-180,-90,180,90&crs=CRS:84", "-4000000,-4000000,4000000,4000000&crs=EPSG:3413"]
        {
            let (wms, ask) = (&wms, &ask);
            threads.spawn(move || ask(&format!("{wms}&bbox={box_and_system}")));
        }
    });
    let taken = peak(&server).unwrap() - before;
    println!("{} MiB besides {} MiB", taken >> 20, before >> 20);
    assert!(taken <= CACHE + BESIDES, "{} MiB", taken >> 20);
}
