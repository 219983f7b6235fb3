//! Damaged, cut off and hostile granules through the whole of a transform: an error that names the file, nothing
//! under a final name, and never a panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use common::{all_testdata, command, context, files_in, testdata};
use harmony::exec::{self, Batch, Outcome, Target};
use harmony::store::Input;

/// A reproducible sequence (splitmix64).
struct Noise(u64);

impl Noise {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

/// A folder for damaged granules and one for results.
struct Bench {
    folder: tempfile::TempDir,
    failures: usize,
    runs: usize,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("out")).unwrap();
        Bench { folder, failures: 0, runs: 0 }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// Transforms `bytes` under `name` and checks what must hold whatever they are.
    fn check(&mut self, name: &str, bytes: &[u8], args: &[&str], what: &str) {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let outcome = run(&path, &self.out(), args);
        self.runs += 1;
        let left = files_in(&self.out());
        match outcome {
            Outcome::Written(written) => {
                assert!(written.output.is_file(), "{what}");
                assert_eq!(left.len(), 1, "{what}: {left:?}");
                // What is written can be read, whatever the values are.
                common::open(&written.output);
                std::fs::remove_file(written.output).unwrap();
            }
            Outcome::NoData { reason } => {
                assert!(left.is_empty(), "{what}: {left:?}");
                assert!(reason.contains(name), "{what}: {reason}");
            }
            Outcome::Failed { error } => {
                self.failures += 1;
                assert!(left.is_empty(), "{what}: {left:?} after {error}");
                assert!(!error.contains("internal error"), "{what}: {error}");
                assert!(error.contains(name), "{what}: {error}");
                assert!(!error.contains('\n'), "{what}: {error}");
            }
            Outcome::Skipped => panic!("{what}: nobody interrupted it"),
        }
    }
}

fn run(path: &Path, out: &Path, args: &[&str]) -> Outcome {
    let context = context(args);
    let summary = exec::run(&Batch {
        inputs: &[Input::File(path.into())],
        target: Target::Folder(out.into()),
        context: &context,
        jobs: 1,
        fail_fast: false,
        show_progress: false,
        cancel: &AtomicBool::new(false),
    });
    summary.outcomes.into_iter().next().unwrap().1
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// A request that reads values and positions of every granule.
const REQUEST: [&str; 1] = ["--bbox=-180,-89,180,88"];

#[test]
fn granules_that_end_too_early() {
    let mut bench = Bench::new();
    for path in all_testdata() {
        let (name, whole) = (name_of(&path), std::fs::read(&path).unwrap());
        let n = whole.len();
        let lengths = [1, 3, 7, 8, 16, 40, 96, 200, 512, 1000, 2048, 4100, n / 4, n / 2, n * 9 / 10, n - 1];
        let before = bench.failures;
        for len in lengths.into_iter().filter(|&len| len < n) {
            bench.check(&name, &whole[..len], &REQUEST, &format!("{name} cut to {len} bytes"));
        }
        assert!(bench.failures - before >= 12, "{name}: most cuts must be noticed");
    }
}

#[test]
fn granules_with_flipped_bits() {
    let mut bench = Bench::new();
    let mut noise = Noise(1);
    for path in all_testdata() {
        let (name, whole) = (name_of(&path), std::fs::read(&path).unwrap());
        for k in 0..14 {
            let mut bytes = whole.clone();
            // Metadata stands at the beginning of blocks of 4 KiB as well as anywhere.
            let at = if k % 2 == 0 { noise.below(bytes.len().min(3000)) } else { noise.below(bytes.len()) };
            bytes[at] ^= 1 << noise.below(8);
            let request: &[&str] = if k % 3 == 0 { &[] } else { &REQUEST };
            bench.check(&name, &bytes, request, &format!("{name} with a flipped bit in byte {at}"));
        }
    }
    assert!(bench.runs > 100);
}

#[test]
fn sizes_and_addresses_beyond_everything() {
    let mut bench = Bench::new();
    let mut noise = Noise(2);
    for path in all_testdata() {
        let (name, whole) = (name_of(&path), std::fs::read(&path).unwrap());
        let started = Instant::now();
        for k in 0..12 {
            let mut bytes = whole.clone();
            let at = noise.below(bytes.len().min(6000)) / 8 * 8;
            let value: [u8; 8] = match k % 3 {
                0 => [0xFF; 8],
                1 => [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
                _ => (1u64 << 40).to_le_bytes(),
            };
            let end = (at + 8).min(bytes.len());
            bytes[at..end].copy_from_slice(&value[..end - at]);
            bench.check(&name, &bytes, &REQUEST, &format!("{name} with {value:x?} at byte {at}"));
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{name} takes {:?}", started.elapsed());
    }
}

#[test]
fn every_number_of_a_classic_header_beyond_everything() {
    let mut bench = Bench::new();
    let whole = std::fs::read(testdata("trajectory_classic.nc")).unwrap();
    for at in (4..700).step_by(4) {
        let mut bytes = whole.clone();
        let value = if at % 8 == 0 { [0xFF, 0xFF, 0xFF, 0xFF] } else { [0x7F, 0xFF, 0xFF, 0xFF] };
        bytes[at..at + 4].copy_from_slice(&value);
        bench.check("classic.nc", &bytes, &REQUEST, &format!("{value:x?} at byte {at}"));
    }
    assert!(bench.failures > 20, "{} failures", bench.failures);
}

#[test]
fn headers_that_claim_too_much() {
    let mut bench = Bench::new();
    // A classic file with one variable of 2³¹ − 1 by 2³¹ − 1 doubles.
    let mut huge = b"CDF\x01\0\0\0\0".to_vec();
    let mut put = |v: u32| huge.extend(v.to_be_bytes());
    [0x0A, 2, 1].into_iter().for_each(&mut put);
    put(u32::from_be_bytes(*b"x\0\0\0"));
    [0x7FFF_FFFF, 1].into_iter().for_each(&mut put);
    put(u32::from_be_bytes(*b"y\0\0\0"));
    [0x7FFF_FFFF, 0, 0, 0x0B, 1, 1].into_iter().for_each(&mut put);
    put(u32::from_be_bytes(*b"v\0\0\0"));
    [2, 0, 1, 0, 0, 6, 0xFFFF_FFFF, 80].into_iter().for_each(&mut put);
    bench.check("huge.nc", &huge, &[], "a variable of 2^65 bytes");
    // A superblock whose root lies beyond the file.
    let mut beyond = b"\x89HDF\r\n\x1a\n".to_vec();
    beyond.extend([2, 8, 8, 0]);
    [0u64, u64::MAX, 1 << 40, 1 << 50].iter().for_each(|v| beyond.extend(v.to_le_bytes()));
    beyond.extend([0; 4]);
    bench.check("beyond.h5", &beyond, &[], "a root beyond the file");
    assert_eq!(bench.failures, 2);
}

#[test]
fn files_that_are_no_granules() {
    let mut bench = Bench::new();
    for (name, bytes) in [
        ("empty.nc", &b""[..]),
        ("text.nc", b"<html><body>404 Not Found</body></html>\n"),
        ("magic.nc", b"CDF\x01"),
        ("magic.h5", b"\x89HDF\r\n\x1a\n"),
        ("magic.hdf", b"\x0e\x03\x13\x01"),
        ("magic.tif", b"II*\0"),
        ("magic.grib2", b"GRIB"),
    ] {
        bench.check(name, bytes, &[], name);
    }
    assert_eq!(bench.failures, 7);
}

#[test]
fn a_folder_without_data() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("readme.txt"), "no data here").unwrap();
    let (status, _, said) = command(&["--bbox=0,0,1,1", &folder.path().to_string_lossy()]);
    assert_eq!(status, 2);
    assert!(said.contains("holds no data file") && said.trim_end().lines().count() == 1, "{said}");
}

#[test]
fn an_output_that_can_not_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("occupied");
    std::fs::write(&file, "mine").unwrap();
    let grid = testdata("2020_01_01_global.nc");
    let below = file.join("below/");
    let (status, _, said) = command(&["-o", &format!("{}/", below.display()), &grid.to_string_lossy()]);
    assert_eq!(status, 2, "{said}");
    let missing = folder.path().join("absent/out.nc");
    let (status, _, said) = command(&["-o", &missing.to_string_lossy(), &grid.to_string_lossy()]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("out.nc") && said.contains("check that the folder exists"), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_nothing() {
    // A limit on the size of files is what a full disk looks like to a program.
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "trap '' XFSZ; ulimit -f 20; exec '{}' -o '{}/' '{}'",
        env!("CARGO_BIN_EXE_harmony-transform"),
        folder.path().display(),
        testdata("2020_01_01_global.nc").display()
    );
    let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    let (status, _, said) = common::finished(&output);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("2020_01_01_global.nc") && said.contains("no space left"), "{said}");
    assert!(files_in(folder.path()).is_empty(), "{:?}", files_in(folder.path()));
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_utf_8() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.nc");
    std::fs::copy(testdata("2020_01_01_global.nc"), folder.path().join(name)).unwrap();
    let out = folder.path().join("out/");
    for input in [folder.path().to_path_buf(), folder.path().join(name)] {
        let output = common::program().arg("-o").arg(&out).arg("--").arg(&input).output().unwrap();
        let (status, _, said) = common::finished(&output);
        assert!((0..=2).contains(&status), "{status} {said}");
        assert!(status == 0 || said.contains("error"), "{said}");
        assert!(!said.contains("panicked") && !said.contains("internal error"), "{said}");
    }
}
