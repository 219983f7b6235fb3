//! One granule from opening to the finished file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use harmony_formats::write::{WriteError, WriteOptions, WriteReport};
use harmony_model::{Granule, ReadError, Request};
use harmony_ops::metadata::Provenance;
use serde::Serialize;
use serde_json::Value;

use crate::plan::{self, Explanation, OutputKind, Plan, PlanError};
use crate::store::{Input, StoreError, StoreOptions};

/// What is the same for every granule of a batch.
pub struct Context {
    pub request: Arc<Request>,
    /// The complete request, for `history_json` and for recognising finished work.
    pub parameters: Value,
    pub kind: OutputKind,
    pub write: WriteOptions,
    pub store: StoreOptions,
    /// ISO 8601 UTC, once per run.
    pub now: String,
    pub overwrite: bool,
    /// Results begun in this run.
    pub claims: Claims,
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

/// A finished result.
#[derive(Clone, Debug, Serialize)]
pub struct Written {
    pub output: PathBuf,
    pub bytes_read: u64,
    pub bytes_written: u64,
    /// The result was there already, from the same request.
    pub resumed: bool,
    /// west, south, east, north of what was kept, if it was cut.
    pub bbox: Option<[f64; 4]>,
    /// First and last time of what was kept, if it was cut.
    pub temporal: Option<[String; 2]>,
}

/// Opens an input and makes its plan.
///
/// # Errors
/// [`GranuleError`].
pub fn prepare(input: &Input, context: &Context) -> Result<Plan, GranuleError> {
    let granule = open(input, context)?;
    let provenance = Provenance {
        date_time: context.now.clone(),
        derived_from: vec![input.to_string()],
        version: env!("CARGO_PKG_VERSION").into(),
        parameters: context.parameters.clone(),
    };
    Ok(plan::plan(Arc::new(granule), context.request.clone(), context.kind, &provenance, &context.write)?)
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
    Ok(plan::explain(&prepare(input, context)?))
}

/// Transforms one input. `target` is a folder, or the file to write.
///
/// # Errors
/// [`GranuleError`]; nothing is left under the final name then.
pub fn transform(input: &Input, target: &Target, context: &Context) -> Result<Written, GranuleError> {
    let plan = prepare(input, context)?;
    let output = target.path(&plan.output_name);
    if let Some(other) = context.claims.claim(&output, &input.to_string()) {
        let target = output.display().to_string();
        return Err(GranuleError::SameName { input: input.to_string(), target, other });
    }
    if output.exists() && !context.overwrite {
        return match made_by(&output, context, &input.to_string()) {
            Some(bytes_written) => {
                Ok(describe(&plan, output, &WriteReport { bytes_written, ..Default::default() }, true))
            }
            None => Err(GranuleError::Exists { target: output.display().to_string() }),
        };
    }
    let report = harmony_formats::netcdf4::write::write(&plan.output, &output, &context.write)?;
    Ok(describe(&plan, output, &report, false))
}

/// Where results go.
#[derive(Clone, Debug)]
pub enum Target {
    Folder(PathBuf),
    File(PathBuf),
}

impl Target {
    fn path(&self, name: &str) -> PathBuf {
        match self {
            Target::Folder(folder) => folder.join(name),
            Target::File(file) => file.clone(),
        }
    }
}

/// Size of an existing result if its last `history_json` record says that this request on this input made it.
fn made_by(path: &Path, context: &Context, input: &str) -> Option<u64> {
    let source = harmony_formats::io::open_local(path).ok()?;
    let size = source.len();
    let granule = harmony_formats::open(source, &harmony_formats::OpenOptions::default()).ok()?;
    let records: Value = serde_json::from_str(&granule.groups[0].attr_text("history_json")?).ok()?;
    let last = records.as_array()?.last()?;
    let same = last["parameters"] == context.parameters && last["derived_from"][0] == input;
    same.then_some(size)
}

fn describe(plan: &Plan, output: PathBuf, report: &WriteReport, resumed: bool) -> Written {
    let extent = &plan.extent;
    let bbox = extent.longitude.zip(extent.latitude).map(|((w, e), (s, n))| [w, s, e, n]);
    Written {
        output,
        bytes_read: report.bytes_read,
        bytes_written: report.bytes_written,
        resumed,
        bbox,
        temporal: extent.time.map(|(a, b)| [a.to_string(), b.to_string()]),
    }
}
