//! What the tests of the whole engine share: granules, requests written as on the command line, results read back.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use clap::Parser;
use harmony::exec::{self, Context, GranuleError, Target, Written};
use harmony::plan::{Explanation, Plan};
use harmony::request::cli::{self, Args};
use harmony::store::{Input, StoreOptions};
use harmony_formats::OpenOptions;
use harmony_formats::registry::find_output;
use harmony_formats::write::{Encoding, WriteOptions};
use harmony_model::{Granule, VarId, Window};
use harmony_ops::cut::Cut;
use harmony_ops::{OpError, Scene};

/// The time of every run: results are the same bytes whenever they are made.
pub const NOW: &str = "2026-01-01T00:00:00Z";

/// A granule of the project.
pub fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/granules").join(name)
}

/// All granules of the project, sorted.
pub fn all_testdata() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(testdata("")).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    assert!(all.len() >= 10, "cargo run -p harmony-testdata -- granules writes them");
    all
}

/// A real granule or shape, where the folder of shared granules is at hand.
pub fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HARMONY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = root.join("granules").join(name);
    if !path.exists() {
        eprintln!("skipped: {name} is not here");
        return None;
    }
    Some(path)
}

/// The path of a shared granule; ends the test where there is none.
#[macro_export]
macro_rules! shared {
    ($name:expr) => {
        match $crate::common::shared($name) {
            Some(path) => path,
            None => return,
        }
    };
}

/// The settings of a run with the options `args`.
pub fn context(args: &[&str]) -> Context {
    let args = Args::try_parse_from(["harmony-transform"].iter().chain(args)).unwrap();
    let request = cli::request(&args).unwrap();
    let encoding = Encoding { compat: request.compat, ..args.encoding.encoding().unwrap() };
    Context {
        request: Arc::new(request),
        parameters: cli::parameters(&args),
        format: find_output(args.format.as_deref().unwrap_or("netcdf4")).unwrap(),
        write: WriteOptions { encoding, ..WriteOptions::default() },
        store: StoreOptions::default(),
        now: NOW.into(),
        overwrite: args.overwrite,
        names: Arc::default(),
        claims: Arc::default(),
    }
}

/// Opens a file with our own reader.
pub fn open(path: &Path) -> Granule {
    let source = harmony_formats::io::open_local(path).unwrap();
    harmony_formats::open(source, &OpenOptions::default()).unwrap()
}

/// A finished transform, read back.
pub struct Run {
    /// Holds the result; removed with the run.
    pub folder: tempfile::TempDir,
    pub written: Written,
    pub output: Granule,
}

impl Run {
    pub fn shape(&self, path: &str) -> Vec<u64> {
        shape(&self.output, path)
    }

    pub fn physical(&self, path: &str) -> Vec<f64> {
        physical(&self.output, path)
    }

    pub fn stored(&self, path: &str) -> Vec<f64> {
        self.output.read_stored(find(&self.output, path)).unwrap()
    }

    /// Values that are not fill.
    pub fn valid(&self, path: &str) -> usize {
        self.physical(path).iter().filter(|v| !v.is_nan()).count()
    }

    pub fn has(&self, path: &str) -> bool {
        self.output.find_var(path).is_some()
    }

    /// Full paths of all variables, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.output.vars.iter().map(|v| v.path.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// A text attribute of the root.
    pub fn text(&self, name: &str) -> Option<String> {
        self.output.groups[0].attr_text(name)
    }
}

/// Runs a transform into a new folder.
pub fn transform_with(path: &Path, context: &Context) -> Result<Run, GranuleError> {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::Folder(folder.path().into());
    let written = exec::transform(&Input::File(path.into()), &target, context)?;
    let output = open_any(&written.output);
    Ok(Run { folder, written, output })
}

/// Runs a transform that has to succeed.
pub fn transform(path: &Path, args: &[&str]) -> Run {
    match transform_with(path, &context(args)) {
        Ok(run) => run,
        Err(e) => panic!("{args:?}: {e}"),
    }
}

/// The error of a transform that has to fail.
pub fn refusal(path: &Path, args: &[&str]) -> GranuleError {
    match transform_with(path, &context(args)) {
        Ok(run) => panic!("{args:?} gave {}", run.written.output.display()),
        Err(e) => e,
    }
}

/// The reason of a selection that has to be empty.
pub fn no_data(path: &Path, args: &[&str]) -> String {
    let error = refusal(path, args);
    assert!(error.is_no_data(), "{error}");
    error.to_string()
}

pub fn plan(path: &Path, args: &[&str]) -> Plan {
    exec::plan(&Input::File(path.into()), &context(args)).unwrap()
}

pub fn explain(path: &Path, args: &[&str]) -> Explanation {
    exec::explain(&Input::File(path.into()), &context(args)).unwrap()
}

/// A selection on a granule, before anything is written.
pub struct Selected {
    pub scene: Scene,
    pub cut: Cut,
}

/// Resolves a request.
pub fn select(path: &Path, args: &[&str]) -> Result<Selected, OpError> {
    let scene = Scene::new(Arc::new(open(path)), context(args).request)?;
    let steps = harmony_ops::select(&scene)?;
    let cut = harmony_ops::resolve(&scene, &steps)?;
    Ok(Selected { scene, cut })
}

impl Selected {
    /// First and last index of every run of the dimension of that name (`/group/name` or `name`).
    pub fn runs(&self, dim: &str) -> Vec<(u64, u64)> {
        let granule = &self.scene.granule;
        let (group, name) = dim.rsplit_once('/').map_or((None, dim), |(g, n)| (Some(g), n));
        let id = (0..granule.dims.len())
            .map(harmony_model::DimId)
            .find(|&d| {
                let here = granule.dim(d);
                here.name == name && group.is_none_or(|g| granule.group(here.group).path == g)
            })
            .unwrap_or_else(|| panic!("no dimension {dim}"));
        let runs = self.cut.selection.runs(granule, id);
        runs.runs().iter().map(|r| (r.start, r.end() - 1)).collect()
    }

    /// How many samples all masks want among the selected indices.
    pub fn inside(&self) -> usize {
        let granule = &self.scene.granule;
        let masks = &self.cut.selection.masks;
        let dims = &masks[0].dims;
        let window = Window(dims.iter().map(|&d| self.cut.selection.runs(granule, d)).collect());
        let mut wanted = vec![1u8; window.count() as usize];
        for mask in masks {
            assert_eq!(&mask.dims, dims, "masks over the same axes");
            let mut one = vec![0u8; wanted.len()];
            mask.source.read(&window, &mut one).unwrap();
            wanted.iter_mut().zip(one).for_each(|(w, o)| *w &= o);
        }
        wanted.iter().filter(|&&w| w != 0).count()
    }
}

pub fn find(granule: &Granule, path: &str) -> VarId {
    granule.find_var(path).unwrap_or_else(|| panic!("no variable {path}"))
}

pub fn shape(granule: &Granule, path: &str) -> Vec<u64> {
    granule.shape(find(granule, path))
}

pub fn physical(granule: &Granule, path: &str) -> Vec<f64> {
    granule.read_all_physical(find(granule, path)).unwrap()
}

/// All bytes of a variable, texts and sequences resolved.
pub fn content(granule: &Granule, id: VarId) -> Vec<Vec<u8>> {
    let var = granule.var(id);
    let bytes = granule.read(id, &Window::all(&granule.shape(id))).unwrap();
    match var.data.heap() {
        Some(heap) if var.dtype.has_slots() => {
            let base = match &var.dtype {
                harmony_model::DType::VLen(base) => base.size(),
                _ => 1,
            };
            bytes.chunks(harmony_model::dtype::SLOT).map(|slot| heap.get(slot, base).unwrap()).collect()
        }
        _ => vec![bytes],
    }
}

/// Least and greatest of the values that are numbers.
pub fn extremes(values: &[f64]) -> (f64, f64) {
    let numbers = values.iter().filter(|v| !v.is_nan());
    numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)))
}

pub fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance
}

/// The program with a fixed clock.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harmony-transform"));
    command.env("SOURCE_DATE_EPOCH", "1767225600").env_remove("HARMONY_JOBS").env_remove("HARMONY_MEMORY");
    command
}

/// Exit status, standard output and standard error of the program.
pub fn command(args: &[&str]) -> (i32, String, String) {
    finished(&program().args(args).output().unwrap())
}

pub fn finished(output: &Output) -> (i32, String, String) {
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// Names in a folder, sorted, hidden ones too.
pub fn files_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// How the generator builds granules.
#[path = "../../testdata/src/build.rs"]
pub mod build;
pub mod make;

/// A granule as a file.
pub struct Saved {
    pub path: PathBuf,
    _folder: tempfile::TempDir,
}

/// Writes a granule as netCDF-4 under its own name.
pub fn save(granule: &Granule) -> Saved {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(&granule.name);
    save_as(granule, &path);
    Saved { path, _folder: folder }
}

/// Writes a granule as netCDF-4.
pub fn save_as(granule: &Granule, path: &Path) {
    harmony_formats::netcdf4::write::write(granule, path, &WriteOptions::default()).unwrap();
}

/// Runs the inputs as one batch into a new folder; the outcomes, and the results that are there.
pub fn batch<P: AsRef<Path>>(paths: &[P], args: &[&str]) -> (exec::Summary, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let inputs: Vec<Input> = paths.iter().map(|p| Input::File(p.as_ref().into())).collect();
    let context = context(args);
    let cancel = std::sync::atomic::AtomicBool::new(false);
    let summary = exec::run(&exec::Batch {
        inputs: &inputs,
        target: Target::Folder(folder.path().into()),
        context: &context,
        jobs: 1,
        fail_fast: false,
        show_progress: false,
        cancel: &cancel,
    });
    (summary, folder)
}

/// Joins inputs; the reason when nothing was written.
pub fn try_join<P: AsRef<Path>>(paths: &[P], args: &[&str]) -> Result<Run, String> {
    let (summary, folder) = batch(paths, args);
    let mut reason = String::new();
    for (_, outcome) in summary.outcomes {
        match outcome {
            exec::Outcome::Written(written) => {
                let output = open_any(&written.output);
                return Ok(Run { folder, written, output });
            }
            exec::Outcome::Failed { error } => reason = error,
            exec::Outcome::NoData { reason: why } => reason = format!("no data: {why}"),
            exec::Outcome::Skipped => reason = "skipped".into(),
        }
    }
    Err(reason)
}

/// Joins inputs that have to go together.
pub fn join<P: AsRef<Path>>(paths: &[P], args: &[&str]) -> Run {
    try_join(paths, args).unwrap_or_else(|e| panic!("{args:?}: {e}"))
}

/// Opens a file or a Zarr store; a format that we only write gives an empty granule.
pub fn open_any(path: &Path) -> Granule {
    if path.is_dir() {
        let input = Input::Zarr(path.into());
        let store = harmony::store::open_zarr(&input.location(), &StoreOptions::default()).unwrap();
        return harmony_formats::open_zarr(store).unwrap();
    }
    let source = harmony_formats::io::open_local(path).unwrap();
    harmony_formats::open(source, &OpenOptions::default()).unwrap_or_else(|_| Granule::new("unread", "none"))
}

/// A regular grid as its axes say it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lattice {
    pub columns: u64,
    pub rows: u64,
    /// Outer corner of the first cell.
    pub x: f64,
    pub y: f64,
    pub dx: f64,
    pub dy: f64,
}

impl Lattice {
    pub fn size(&self) -> (u64, u64) {
        (self.columns, self.rows)
    }
}

/// The grid of two axes of cell centres.
pub fn lattice(granule: &Granule, y: &str, x: &str) -> Lattice {
    let axis = |path: &str| {
        let values = physical(granule, path);
        let step = (values[values.len() - 1] - values[0]) / (values.len() - 1) as f64;
        (values.len() as u64, values[0] - step / 2.0, step)
    };
    let ((columns, x, dx), (rows, y, dy)) = (axis(x), axis(y));
    Lattice { columns, rows, x, y, dx, dy }
}

/// Names of the results of a batch or transform, without what is hidden.
pub fn results_in(folder: &Path) -> Vec<String> {
    files_in(folder).into_iter().filter(|n| !n.starts_with('.')).collect()
}

/// A PNG as it is stored: width, height, channels, and RGBA of every pixel.
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub palette: Option<Vec<[u8; 4]>>,
    pub pixels: Vec<[u8; 4]>,
}

impl Picture {
    pub fn at(&self, x: u32, y: u32) -> [u8; 4] {
        self.pixels[(y * self.width + x) as usize]
    }

    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }
}

/// Decodes a PNG.
pub fn picture(path: &Path) -> Picture {
    let reader = || std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let raw = png::Decoder::new(reader()).read_info().unwrap();
    let info = raw.info();
    let palette = info.palette.as_ref().map(|p| {
        let alpha = |i: usize| info.trns.as_ref().and_then(|t| t.get(i).copied()).unwrap_or(255);
        p.chunks(3).enumerate().map(|(i, c)| [c[0], c[1], c[2], alpha(i)]).collect()
    });
    let mut decoder = png::Decoder::new(reader());
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::ALPHA);
    let mut frame = decoder.read_info().unwrap();
    let mut pixels = vec![0; frame.output_buffer_size().unwrap()];
    let out = frame.next_frame(&mut pixels).unwrap();
    let channels = out.color_type.samples();
    let rgba = |p: &[u8]| if channels == 4 { [p[0], p[1], p[2], p[3]] } else { [p[0], p[0], p[0], p[1]] };
    let pixels = pixels[..out.buffer_size()].chunks_exact(channels).map(rgba).collect();
    Picture { width: out.width, height: out.height, palette, pixels }
}

/// The six numbers of a world file.
pub fn world(path: &Path) -> Vec<f64> {
    std::fs::read_to_string(path).unwrap().lines().map(|l| l.trim().parse().unwrap()).collect()
}

/// Members of a ZIP archive: name and content.
pub fn unzipped(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    (0..archive.len())
        .map(|i| {
            let mut member = archive.by_index(i).unwrap();
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut member, &mut bytes).unwrap();
            (member.name().unwrap().into_owned(), bytes)
        })
        .collect()
}
