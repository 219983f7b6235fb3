//! `kill -9` at any moment: what was accepted is finished after a restart, once, and nothing half-written is shown.
#![cfg(feature = "service")]
#![allow(clippy::unwrap_used)]

mod server;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use server::Server;

const KILLS: usize = 50;
const GRANULES: usize = 6;

/// A small generator of numbers: the moments are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn catalogue(folder: &Path, data: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let granules = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/granules");
    for i in 0..GRANULES {
        let day = 1 + i % 3;
        let from = granules.join(format!("2020_01_0{day}_global.nc"));
        std::fs::copy(from, folder.join(format!("granule_{i}.nc"))).unwrap();
    }
    let status = Command::new(env!("CARGO_BIN_EXE_harmony"))
        .args(["catalog", "add", "--data"])
        .arg(data)
        .arg(folder)
        .status()
        .unwrap();
    assert!(status.success());
}

fn job_of(answer: &server::Answer) -> Option<String> {
    answer.header("location")?.strip_prefix("/jobs/").map(str::to_owned)
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

#[test]
fn no_job_is_lost_doubled_or_half_written() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    catalogue(&dir.path().join("kill_test"), &data);
    let mut random = Random(20_261_121);
    let mut accepted = Vec::new();
    for round in 0..KILLS {
        let server = Server::start(&data, &[]);
        for i in 0..2 {
            let south = (round * 2 + i) % 60;
            let joined = if random.below(4) == 0 { "&concatenate=true" } else { "" };
            let path = format!(
                "/kill_test/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset?forceAsync=true&subset=lat({south}:{}){joined}",
                south + 5
            );
            let answer = server.get(&path);
            assert_eq!(answer.status, 303, "{}", answer.text());
            accepted.push((job_of(&answer).unwrap(), !joined.is_empty()));
        }
        std::thread::sleep(Duration::from_millis(random.below(300)));
        server.kill();
    }
    let server = Server::start(&data, &[]);
    let mut linked = BTreeSet::new();
    for (job, joined) in &accepted {
        let document = server.wait(job);
        assert_eq!(document["status"], "successful", "{document}");
        let links = document["links"].as_array().unwrap();
        let results: Vec<&str> =
            links.iter().filter(|l| l["rel"] == "data").filter_map(|l| l["href"].as_str()).collect();
        assert_eq!(results.len(), if *joined { 1 } else { GRANULES }, "{document}");
        for href in results {
            let path = &href[href.find("/service-results").unwrap()..];
            assert!(linked.insert(path.to_owned()), "{path} is linked twice");
            let answer = server.get(path);
            assert_eq!(answer.status, 200, "{path}");
            let length: usize = answer.header("content-length").unwrap().parse().unwrap();
            assert!(answer.body.len() == length && answer.body.starts_with(b"\x89HDF"), "{path}");
        }
    }
    let mut files = Vec::new();
    files_below(&data.join("results"), &mut files);
    let extra: Vec<&PathBuf> = files
        .iter()
        .filter(|f| {
            let below = f.strip_prefix(data.join("results")).unwrap().display().to_string();
            !linked.iter().any(|l| l.ends_with(&below))
        })
        .collect();
    assert!(extra.is_empty(), "left behind: {extra:?}");
    assert_eq!(server.terminate(), Some(0));
}
