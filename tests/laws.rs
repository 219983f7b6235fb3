//! What holds for every request on every granule.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{all_testdata, content, context, find, open, testdata, transform, transform_with};
use harmony_formats::OpenOptions;
use harmony_formats::write::WriteOptions;
use harmony_model::{Attribute, ByteSource, DType, Filter, Granule, MemoryArray, ReadError, Storage, VarId};
use proptest::prelude::*;

/// Requests that each granule answers with data.
fn requests(granule: &str) -> Vec<Vec<&'static str>> {
    let all: &[&[&str]] = match granule {
        "swath_antimeridian.nc4" => &[
            &["--bbox=170,-20,-170,15"],
            &["--bbox=175,-10,179,10", "--no-cut"],
            &["--time=2020-06-01T10:00:20Z/2020-06-01T10:01:40Z", "--variable=wind_speed"],
            &["--filter=quality_flag <= 1"],
            &["--bbox=170,-20,-170,15", "--pixel-subset"],
        ],
        "packed_0_360.nc4" => &[
            &["--bbox=-20,-30,40,50"],
            &["--bbox=100,-30,140,50", "--subset=level(500:900)"],
            &["--time=2020-02-10T00:00:00Z/2020-03-05T00:00:00Z"],
            &["--variable=temperature", "--subset=level[0:0]"],
            &["--filter=temperature > 260"],
        ],
        "atl03_like.h5" => &[
            &["--bbox=90,-3,100,7.5"],
            &["--variable=/gt1l/heights/h_ph", "--bbox=90,-3,100,2"],
            &["--variable=/gt2l"],
        ],
        "altimetry_groups.nc4" => &[&["--bbox=150,-40,170,0"], &["--variable=/data_01/ku/ssha"]],
        "trajectory_classic.nc" => &[&["--bbox=-60,-10,60,40"], &["--variable=ssha"]],
        "hdfeos5_swath.he5" => &[&["--bbox=-20,-20,10,20"]],
        "ease2_north.nc4" => &[&["--bbox=-40,60,20,80"], &["--bbox=-180,75,180,90"]],
        "polar_south.nc4" => &[&["--bbox=150,-85,-150,-70"]],
        _ => &[&["--bbox=-20,-35,55,38"], &["--variable=red_var"], &["--point=13.4,52.5"]],
    };
    all.iter().map(|r| r.to_vec()).chain([vec![]]).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// Every variable of `a` is in `b` with the same type, shape and bits, and the other way round.
fn assert_same_variables(a: &Granule, b: &Granule, what: &str) {
    let names = |g: &Granule| {
        let mut n: Vec<String> = g.vars.iter().map(|v| v.path.clone()).collect();
        n.sort();
        n
    };
    assert_eq!(names(a), names(b), "{what}");
    for id in a.var_ids() {
        let (va, other) = (a.var(id), find(b, &a.var(id).path));
        assert_eq!(va.dtype, b.var(other).dtype, "{what}: {}", va.path);
        assert_eq!(a.shape(id), b.shape(other), "{what}: {}", va.path);
        assert!(content(a, id) == content(b, other), "{what}: values of {}", va.path);
    }
}

#[test]
fn subset_twice_is_once() {
    for path in all_testdata() {
        // The only cell of an axis without bounds has no extent any more: a point beside its centre misses it.
        for request in requests(&name(&path)).iter().filter(|r| !r.iter().any(|o| o.starts_with("--point"))) {
            let once = transform(&path, request);
            let twice = transform(&once.written.output, request);
            assert_same_variables(&once.output, &twice.output, &format!("{} {request:?}", path.display()));
        }
    }
}

#[test]
fn a_time_inside_one_step_is_that_step() {
    let mut g = Granule::new("hourly.nc4", "netcdf4");
    let time = g.add_dim(Granule::ROOT, "time", 4);
    let values: Vec<f64> = (0..4).map(|i| 0.5 + f64::from(i)).collect();
    add(&mut g, "time", &[time], &values, &[("units", "hours since 2020-01-01"), ("standard_name", "time")]);
    let lat = g.add_dim(Granule::ROOT, "lat", 2);
    let lon = g.add_dim(Granule::ROOT, "lon", 2);
    add(&mut g, "lat", &[lat], &[0.5, 1.5], &[("units", "degrees_north")]);
    add(&mut g, "lon", &[lon], &[0.5, 1.5], &[("units", "degrees_east")]);
    let field: Vec<f64> = (0..16).map(f64::from).collect();
    add(&mut g, "v", &[time, lat, lon], &field, &[]);
    let folder = tempfile::tempdir().unwrap();
    let path = save(&g, folder.path());
    let request = ["--time=2020-01-01T02:45:00Z/2020-01-01T02:50:00Z"];
    let once = transform(&path, &request);
    assert_eq!(once.physical("/v"), [8.0, 9.0, 10.0, 11.0]);
}

fn add(g: &mut Granule, name: &str, dims: &[harmony_model::DimId], values: &[f64], text: &[(&str, &str)]) {
    let shape: Vec<u64> = dims.iter().map(|&d| g.dim(d).len).collect();
    let data = Arc::new(MemoryArray::of(&shape, values));
    let id = g.add_var(Granule::ROOT, name, DType::F64, dims.to_vec(), data);
    g.vars[id.0].attrs = text.iter().map(|(k, v)| Attribute::text(k, v)).collect();
}

fn save(g: &Granule, folder: &Path) -> PathBuf {
    let path = folder.join(&g.name);
    harmony_formats::netcdf4::write::write(g, &path, &WriteOptions::default()).unwrap();
    path
}

/// A box and another one inside it, in whole degrees; the western ends may lie anywhere.
fn nested_boxes() -> impl Strategy<Value = ([i32; 4], [i32; 4])> {
    (-180..180i32, -85..60i32, 8..120i32, 8..25i32).prop_flat_map(|(w, s, width, height)| {
        let outer = [w, s, w + width, s + height];
        (0..width / 2, 0..height / 2, 1..=width / 2, 1..=height / 2)
            .prop_map(move |(dx, dy, w2, h2)| (outer, [w + dx, s + dy, w + dx + w2, s + dy + h2]))
    })
}

/// West and east as a request writes them: −180…180.
fn bbox([w, s, e, n]: [i32; 4]) -> String {
    let turn = |x: i32| if x > 180 { x - 360 } else { x };
    format!("--bbox={w},{s},{},{n}", turn(e))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_window_of_a_window_of_a_grid_is_that_window((outer, inner) in nested_boxes()) {
        let grid = testdata("packed_0_360.nc4");
        let direct = transform(&grid, &[&bbox(inner)]);
        let first = transform(&grid, &[&bbox(outer)]);
        let second = transform(&first.written.output, &[&bbox(inner)]);
        prop_assert_eq!(direct.stored("/temperature"), second.stored("/temperature"));
        prop_assert_eq!(direct.stored("/latitude"), second.stored("/latitude"));
        // The first window may have turned longitudes by 360°.
        let places = |run: &common::Run| -> Vec<f64> {
            run.stored("/longitude").into_iter().map(|v| v.rem_euclid(360.0)).collect()
        };
        prop_assert_eq!(places(&direct), places(&second));
        let ascending = |v: &[f64]| v.windows(2).all(|w| w[0] < w[1]);
        prop_assert!(ascending(&direct.stored("/longitude")) && ascending(&second.stored("/longitude")));
    }

    #[test]
    fn a_window_of_a_window_of_a_swath_is_that_window(dx in 0..6i32, dy in 0..10i32, w in 4..10i32, h in 4..15i32) {
        let swath = testdata("swath_antimeridian.nc4");
        let outer = "--bbox=172,-15,-172,16";
        let inner = bbox([174 + dx, -12 + dy, 174 + dx + w.min(8), -12 + dy + h]);
        let direct = transform(&swath, &[&inner]);
        let first = transform(&swath, &[outer]);
        let second = transform(&first.written.output, &[&inner]);
        for name in ["/wind_speed", "/quality_flag", "/lat", "/lon", "/time"] {
            prop_assert_eq!(direct.stored(name), second.stored(name), "{}", name);
        }
    }

    #[test]
    fn a_grid_box_keeps_exactly_the_cells_it_overlaps((_, wanted) in nested_boxes()) {
        let run = transform(&testdata("packed_0_360.nc4"), &[&bbox(wanted)]);
        let [w, s, e, n] = wanted.map(f64::from);
        let overlaps = |c: f64, lo: f64, hi: f64| c + 1.5 > lo && c - 1.5 < hi;
        let lats: Vec<f64> =
            (0..60).map(|i| 88.5 - 3.0 * f64::from(i)).filter(|&c| overlaps(c, s, n)).collect();
        prop_assert_eq!(run.stored("/latitude"), lats);
        let lons = (-60..240).map(|i| 1.5 + 3.0 * f64::from(i)).filter(|&c| overlaps(c, w, e)).count();
        prop_assert_eq!(run.stored("/longitude").len(), lons);
    }
}

#[test]
fn threads_and_memory_do_not_change_a_byte() {
    for path in all_testdata() {
        for request in requests(&name(&path)) {
            let made = |threads: usize, memory: u64| {
                let mut context = context(&request);
                context.write.memory = memory;
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let run = pool.install(|| transform_with(&path, &context)).unwrap();
                std::fs::read(&run.written.output).unwrap()
            };
            let first = made(1, 128 << 20);
            for (threads, memory) in [(2, 1 << 20), (5, 4 << 20), (3, 1), (2, 32 << 20)] {
                let again = made(threads, memory);
                assert!(first == again, "{} {request:?}: {threads} threads, {memory} bytes", path.display());
            }
        }
    }
}

#[test]
fn jobs_do_not_change_a_byte() {
    let inputs: Vec<String> = (1..=3)
        .map(|day| testdata(&format!("2020_01_0{day}_global.nc")).to_string_lossy().into_owned())
        .collect();
    let made = |jobs: &str, memory: &str| -> Vec<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let out = format!("{}/", folder.path().display());
        let mut args = vec!["--bbox=-20,-35,55,38", "-o", &out, "--jobs", jobs, "--memory", memory];
        args.extend(inputs.iter().map(String::as_str));
        let (status, _, said) = common::command(&args);
        assert_eq!(status, 0, "{said}");
        let files = common::files_in(folder.path());
        assert_eq!(files.len(), 3);
        files.iter().map(|f| std::fs::read(folder.path().join(f)).unwrap()).collect()
    };
    let one = made("1", "128MiB");
    assert!(one == made("2", "1MiB") && one == made("5", "8MiB"));
}

#[test]
fn explain_is_run() {
    for path in all_testdata() {
        for request in requests(&name(&path)) {
            let what = format!("{} {request:?}", path.display());
            let explanation = common::explain(&path, &request);
            let run = transform(&path, &request);
            assert_eq!(explanation.bytes_read, run.written.bytes_read, "{what}");
            let [output] = explanation.outputs.as_slice() else { panic!("{what}: not one result") };
            assert_eq!(Some(output.name.as_str()), run.written.output.file_name().unwrap().to_str());
            let shapes = output.variables.iter().map(|v| (v.path.clone(), v.shape.clone()));
            let mut shapes: Vec<_> = shapes.collect();
            shapes.sort();
            let written: Vec<_> = run.names().iter().map(|n| ((*n).to_owned(), run.shape(n))).collect();
            assert_eq!(shapes, written, "{what}");
        }
    }
}

/// Counts the bytes that are really fetched.
struct Counting {
    inner: Arc<dyn ByteSource>,
    fetched: Arc<AtomicU64>,
}

impl ByteSource for Counting {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), ReadError> {
        self.fetched.fetch_add(out.len() as u64, Ordering::Relaxed);
        self.inner.read_at(offset, out)
    }
}

/// What a request says it reads, what it fetches to make the plan, and what it then fetches to write.
fn fetched(path: &Path, request: &[&str]) -> (u64, u64, u64) {
    let count = Arc::new(AtomicU64::new(0));
    let inner = harmony_formats::io::open_local(path).unwrap();
    let source = Arc::new(Counting { inner, fetched: count.clone() });
    let granule = harmony_formats::open(source, &OpenOptions::default()).unwrap();
    let context = context(request);
    let prepared =
        harmony::plan::prepare(Arc::new(granule), context.request.clone(), context.format).unwrap();
    let provenance = context.provenance(vec![]);
    let plan = harmony::plan::plan(prepared, context.format, &provenance, &context.write).unwrap();
    let [result] = plan.results.as_slice() else { panic!("not one result") };
    let before = count.swap(0, Ordering::Relaxed);
    let folder = tempfile::tempdir().unwrap();
    context.format.write(&result.part, &folder.path().join("out.nc"), &context.write).unwrap();
    (result.write.bytes_read, before, count.load(Ordering::Relaxed))
}

/// 1000 × 2000 cells of noise in chunks of 50 × 50.
fn chunked_grid(folder: &Path) -> PathBuf {
    let (rows, cols) = (1000usize, 2000usize);
    let mut g = Granule::new("chunked.nc4", "netcdf4");
    let lat = g.add_dim(Granule::ROOT, "lat", rows as u64);
    let lon = g.add_dim(Granule::ROOT, "lon", cols as u64);
    let centres = |n: usize, first: f64, step: f64| -> Vec<f64> {
        (0..n).map(|i| first + step * (i as f64 + 0.5)).collect()
    };
    add(&mut g, "lat", &[lat], &centres(rows, -90.0, 0.18), &[("units", "degrees_north")]);
    add(&mut g, "lon", &[lon], &centres(cols, -180.0, 0.18), &[("units", "degrees_east")]);
    let field: Vec<f32> =
        (0..rows * cols).map(|i| ((i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 44) as f32).collect();
    let data = Arc::new(MemoryArray::of(&[rows as u64, cols as u64], &field));
    let id = g.add_var(Granule::ROOT, "v", DType::F32, vec![lat, lon], data);
    g.vars[id.0].storage =
        Storage::Chunked { shape: vec![50, 50], filters: vec![Filter::shuffle(4), Filter::deflate(1)] };
    save(&g, folder)
}

#[test]
fn one_percent_of_a_grid_reads_at_most_three_percent_of_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = chunked_grid(folder.path());
    let size = std::fs::metadata(&path).unwrap().len();
    // A tenth of either axis, off the edges of chunks.
    let (said, before, while_writing) = fetched(&path, &["--bbox=5,5,41,23"]);
    assert!(said <= size * 3 / 100, "says {said} of {size}");
    assert!(before + while_writing <= size * 3 / 100 + 64 * 1024, "{before} + {while_writing} of {size}");
    let (all, _, _) = fetched(&path, &[]);
    assert!(all > size * 9 / 10, "{all} of {size}");
}

#[test]
fn the_bytes_of_the_plan_are_the_bytes_that_are_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let path = chunked_grid(folder.path());
    for request in [&["--bbox=5,5,41,23"][..], &["--bbox=170,-20,-170,20"], &["--subset=lat(0:10)"], &[]] {
        let (said, _, while_writing) = fetched(&path, request);
        assert_eq!(said, while_writing, "{request:?}");
    }
}

/// Variables that `request` leaves as they are.
fn untouched(input: &Granule, output: &Granule) -> Vec<(VarId, VarId)> {
    let same = |id: &VarId| {
        output
            .find_var(&input.var(*id).path)
            .filter(|&o| output.shape(o) == input.shape(*id))
            .map(|o| (*id, o))
    };
    input.var_ids().filter_map(|id| same(&id)).collect()
}

#[test]
fn untouched_variables_are_bit_identical() {
    for path in all_testdata() {
        let input = open(&path);
        for request in [vec![], vec!["--variable=".to_owned() + first_science(&input)]] {
            let request: Vec<&str> = request.iter().map(String::as_str).collect();
            let run = transform(&path, &request);
            let pairs = untouched(&input, &run.output);
            assert!(!pairs.is_empty());
            assert!(!request.is_empty() || pairs.len() == input.vars.len());
            for (a, b) in pairs {
                let (old, new) = (input.var(a), run.output.var(b));
                let what = format!("{} {}", path.display(), old.path);
                assert_eq!(old.dtype, new.dtype, "{what}");
                assert!(content(&input, a) == content(&run.output, b), "{what}");
                assert_same_attributes(&old.attrs, &new.attrs, &what);
            }
            let root = |g: &Granule| {
                let made = ["history", "history_json"];
                g.groups[0]
                    .attrs
                    .iter()
                    .filter(|a| !made.contains(&a.name.as_str()))
                    .cloned()
                    .collect::<Vec<_>>()
            };
            assert_same_attributes(&root(&input), &root(&run.output), "root");
        }
    }
}

fn first_science(granule: &Granule) -> &str {
    let coordinate = |v: &&harmony_model::Variable| {
        v.dims.len() < 2 || v.name.to_lowercase().contains("lat") || v.name.to_lowercase().contains("lon")
    };
    granule.vars.iter().rfind(|v| !coordinate(v)).map_or(granule.vars[0].path.as_str(), |v| v.path.as_str())
}

/// Same names and values; texts of netCDF-3 become texts of netCDF-4.
fn assert_same_attributes(old: &[Attribute], new: &[Attribute], what: &str) {
    let names = |all: &[Attribute]| all.iter().map(|a| a.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(old), names(new), "{what}");
    for (a, b) in old.iter().zip(new) {
        let same = match (a.as_texts(), b.as_texts()) {
            (Some(x), Some(y)) => x == y,
            _ => a.dtype == b.dtype && a.bytes == b.bytes && a.items == b.items,
        };
        assert!(same, "{what}:{}", a.name);
    }
}

/// Standard output of a program that is installed and succeeds.
fn said(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn ncdump_reads_the_same_values() {
    if said("ncdump", &["-k", &testdata("packed_0_360.nc4").to_string_lossy()]).is_none() {
        eprintln!("skipped: ncdump is not installed");
        return;
    }
    for path in all_testdata() {
        let run = transform(&path, &[]);
        let values = |p: &Path| -> Vec<String> {
            let text = said("ncdump", &["-p", "9,17", &p.to_string_lossy()]).unwrap();
            let mut in_data = false;
            let data = text.lines().filter(|line| {
                let line = line.trim();
                in_data = line == "data:" || (in_data && !line.starts_with("group:"));
                in_data
            });
            data.map(str::to_owned).collect()
        };
        let (old, new) = (values(&path), values(&run.written.output));
        assert!(!old.is_empty());
        assert!(old == new, "{}", path.display());
    }
}

#[test]
fn h5dump_reads_every_output() {
    if Command::new("h5dump").arg("--version").output().is_err() {
        eprintln!("skipped: h5dump is not installed");
        return;
    }
    for path in all_testdata() {
        for request in requests(&name(&path)) {
            let run = transform(&path, &request);
            said("h5dump", &[&run.written.output.to_string_lossy()]).unwrap();
        }
    }
}

#[test]
fn h5py_reads_the_same_bits() {
    let python = std::env::var("HARMONY_PYTHON").unwrap_or_else(|_| "python3".into());
    let ready = Command::new(&python).args(["-c", "import h5py"]).output().is_ok_and(|o| o.status.success());
    if !ready {
        eprintln!("skipped: python3 with h5py is not installed");
        return;
    }
    let script = "import sys, h5py\n\
        a, b = h5py.File(sys.argv[1]), h5py.File(sys.argv[2])\n\
        def check(name, x):\n\
        \x20   if isinstance(x, h5py.Dataset):\n\
        \x20       y = b[name]\n\
        \x20       assert x.dtype == y.dtype and x.shape == y.shape, name\n\
        \x20       if x.shape is not None and x.dtype.kind != 'O':\n\
        \x20           assert x[()].tobytes() == y[()].tobytes(), name\n\
        a.visititems(check)\n";
    for path in all_testdata().iter().filter(|p| name(p) != "trajectory_classic.nc") {
        let run = transform(path, &[]);
        said(&python, &["-c", script, &path.to_string_lossy(), &run.written.output.to_string_lossy()])
            .unwrap();
    }
}
