//! One granule from opening to the finished file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use harmony_formats::Format;
use harmony_formats::write::{WriteError, WriteOptions};
use harmony_model::{Granule, ReadError, Request};
use harmony_ops::Step;
use harmony_ops::metadata::Provenance;
use serde::Serialize;
use serde_json::Value;

use super::ledger::{self, Made};
use crate::plan::{self, Explanation, Plan, PlanError, PlannedResult, Prepared};
use crate::store::{Input, StoreError, StoreOptions};

/// What is the same for every granule of a batch.
#[derive(Clone)]
pub struct Context {
    pub request: Arc<Request>,
    /// The complete request, for `history_json` and for recognising finished work.
    pub parameters: Value,
    pub format: &'static dyn Format,
    pub write: WriteOptions,
    pub store: StoreOptions,
    /// ISO 8601 UTC, once per run.
    pub now: String,
    pub overwrite: bool,
    /// What results call inputs that are not to be named by their location, by location.
    pub names: Arc<HashMap<String, String>>,
    /// Results begun in this run.
    pub claims: Arc<Claims>,
}

impl Context {
    /// What results call an input.
    pub fn name_of(&self, input: &Input) -> String {
        let location = input.to_string();
        self.names.get(&location).cloned().unwrap_or(location)
    }

    /// What results say about where they come from.
    pub fn provenance(&self, derived_from: Vec<String>) -> Provenance {
        Provenance {
            date_time: self.now.clone(),
            derived_from,
            version: env!("CARGO_PKG_VERSION").into(),
            parameters: self.parameters.clone(),
        }
    }
}

/// Which input each result of a run comes from: inputs of the same name from several folders must not replace each
/// other's.
#[derive(Debug, Default)]
pub struct Claims(Mutex<HashMap<PathBuf, String>>);

impl Claims {
    /// Gives `output` to `input`; the input that has it already, if that is another one.
    fn claim(&self, output: &Path, input: &str) -> Option<String> {
        let mut all = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let owner = all.entry(output.into()).or_insert_with(|| input.into());
        (owner != input).then(|| owner.clone())
    }
}

/// Why a granule was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GranuleError {
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(
        "{target} exists and was made by another request; remove it, choose another --output, or add --overwrite"
    )]
    Exists { target: String },
    #[error(
        "{input}: its result {target} is that of {other} too; write one of them to another --output folder"
    )]
    SameName { input: String, target: String, other: String },
}

impl GranuleError {
    pub fn is_no_data(&self) -> bool {
        matches!(self, GranuleError::Plan(e) if e.is_no_data())
    }

    pub fn is_cancelled(&self) -> bool {
        matches!(self, GranuleError::Write(WriteError::Cancelled) | GranuleError::Read(ReadError::Cancelled))
    }
}

/// Finished results of a granule.
#[derive(Clone, Debug, Serialize)]
pub struct Written {
    /// The result, or the first of them.
    pub output: PathBuf,
    /// All files, when there are more: one for each variable, tiles, world files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PathBuf>,
    pub bytes_read: u64,
    pub bytes_written: u64,
    /// All results were there already, from the same request.
    pub resumed: bool,
    /// west, south, east, north of what was kept, if it was cut.
    pub bbox: Option<[f64; 4]>,
    /// First and last time of what was kept, if it was cut.
    pub temporal: Option<[String; 2]>,
    /// What was left out or decided, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// Opens an input and resolves the request on it.
///
/// # Errors
/// [`GranuleError`].
pub fn prepare(input: &Input, context: &Context) -> Result<Prepared, GranuleError> {
    let granule = Arc::new(open(input, context)?);
    Ok(plan::prepare(granule, context.request.clone(), context.format)?)
}

/// Opens an input and makes its plan.
///
/// # Errors
/// [`GranuleError`].
pub fn plan(input: &Input, context: &Context) -> Result<Plan, GranuleError> {
    let provenance = context.provenance(vec![context.name_of(input)]);
    Ok(plan::plan(prepare(input, context)?, context.format, &provenance, &context.write)?)
}

fn open(input: &Input, context: &Context) -> Result<Granule, GranuleError> {
    if input.is_zarr() {
        let store = crate::store::open_zarr(&input.location(), &context.store)?;
        return Ok(harmony_formats::open_zarr(store)?);
    }
    let options = harmony_formats::OpenOptions { bands: context.request.bands.clone() };
    let source = crate::store::open(&input.location(), &context.store)?;
    Ok(harmony_formats::open(source, &options)?)
}

/// Explains what a run would do to one input.
///
/// # Errors
/// [`GranuleError`].
pub fn explain(input: &Input, context: &Context) -> Result<Explanation, GranuleError> {
    Ok(plan::explain(&plan(input, context)?))
}

/// Transforms one input. `target` is a folder, or the file to write.
///
/// # Errors
/// [`GranuleError`]; nothing is left under the final name then.
pub fn transform(input: &Input, target: &Target, context: &Context) -> Result<Written, GranuleError> {
    let plan = plan(input, context)?;
    let extent = &plan.extent;
    let context = &shared_memory(context, &plan.steps);
    let written = write_results(&plan.results, &input.to_string(), target, context)?;
    let mut notices: Vec<String> = plan.notices.into_iter().chain(written.notices).collect();
    notices.dedup();
    Ok(Written {
        bbox: extent.longitude.zip(extent.latitude).map(|((w, e), (s, n))| [w, s, e, n]),
        temporal: extent.time.map(|(a, b)| [a.to_string(), b.to_string()]),
        notices,
        ..written
    })
}

/// The settings for writing what the steps give: beside the blocks of a projected swath there are the parts of the swath
/// that all of them are made from, so they get half of the memory.
pub fn shared_memory(context: &Context, steps: &[Step]) -> Context {
    let shares = steps.iter().any(|step| step.operation == "project_swath");
    let memory = if shares { context.write.memory / 2 } else { context.write.memory };
    Context { write: WriteOptions { memory, ..context.write.clone() }, ..context.clone() }
}

/// Writes the results that are not there yet. `origin` is what they are made from, in words.
///
/// # Errors
/// [`GranuleError`]; nothing is left under a final name for the result that failed.
pub fn write_results(
    results: &[PlannedResult],
    origin: &str,
    target: &Target,
    context: &Context,
) -> Result<Written, GranuleError> {
    let mut all = Written::none();
    for result in results {
        let output = target.path(&result.name, results.len());
        if let Some(other) = context.claims.claim(&output, &format!("{origin}\0{}", result.name)) {
            let other = other.split('\0').next().unwrap_or_default().to_owned();
            let target = output.display().to_string();
            return Err(GranuleError::SameName { input: origin.into(), target, other });
        }
        all.add(one_result(result, output, origin, context)?);
    }
    all.settle();
    Ok(all)
}

fn one_result(
    result: &PlannedResult,
    output: PathBuf,
    origin: &str,
    context: &Context,
) -> Result<Written, GranuleError> {
    let made = Made { input: origin, parameters: &context.parameters };
    // A picture in tiles has no file of its own name.
    let may_be_there = output.exists() || context.request.browse;
    if may_be_there && !context.overwrite {
        match ledger::made_by(&output, &made) {
            Some((bytes_written, files)) => {
                let output = first_of(output, &files);
                return Ok(Written { output, files, bytes_written, resumed: true, ..Written::none() });
            }
            None if output.exists() => {
                return Err(GranuleError::Exists { target: output.display().to_string() });
            }
            None => {}
        }
    }
    let report = context.format.write(&result.part, &output, &context.write)?;
    ledger::record(&output, &made, &report);
    Ok(Written {
        output: first_of(output, &report.files),
        files: report.files,
        bytes_read: report.bytes_read,
        bytes_written: report.bytes_written,
        notices: report.notices,
        resumed: false,
        ..Written::none()
    })
}

/// The result that there is: the first of `files` where none has the name that was planned.
fn first_of(output: PathBuf, files: &[PathBuf]) -> PathBuf {
    match files.first() {
        Some(first) if !output.exists() => first.clone(),
        _ => output,
    }
}

impl Written {
    fn none() -> Self {
        Written {
            output: PathBuf::new(),
            files: Vec::new(),
            bytes_read: 0,
            bytes_written: 0,
            resumed: true,
            bbox: None,
            temporal: None,
            notices: Vec::new(),
        }
    }

    fn add(&mut self, next: Written) {
        if self.output.as_os_str().is_empty() {
            self.output.clone_from(&next.output);
        }
        // A format that names no files has written just the one it was asked for.
        if next.files.is_empty() {
            self.files.push(next.output);
        } else {
            self.files.extend(next.files);
        }
        self.bytes_read += next.bytes_read;
        self.bytes_written += next.bytes_written;
        self.resumed &= next.resumed;
        self.notices.extend(next.notices);
    }

    /// A list of one file says nothing that `output` does not.
    fn settle(&mut self) {
        if self.files == [self.output.clone()] {
            self.files.clear();
        }
    }
}

/// Where results go.
#[derive(Clone, Debug)]
pub enum Target {
    Folder(PathBuf),
    File(PathBuf),
}

impl Target {
    /// Where the result called `name` goes. Several results of a granule can't all have the one name that was given:
    /// theirs then begin with it.
    fn path(&self, name: &str, results: usize) -> PathBuf {
        match self {
            Target::Folder(folder) => folder.join(name),
            Target::File(file) if results == 1 => file.clone(),
            Target::File(file) => file.with_file_name(name),
        }
    }
}
