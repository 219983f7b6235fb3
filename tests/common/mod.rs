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
        match common::shared($name) {
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
    let output = open(&written.output);
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
