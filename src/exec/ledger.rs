//! Which results are there already: what makes a rerun resume.
//!
//! NetCDF results say in `history_json` which request made them. Other formats have no such place, so a folder keeps a
//! list of them, one JSON document a line, in a hidden file.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use harmony_formats::write::WriteReport;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Hidden beside the results.
const LEDGER: &str = ".harmony-transform.sync";

/// Where a result comes from.
pub struct Made<'a> {
    /// File or address; of joined granules all of them, separated by blanks.
    pub input: &'a str,
    /// The complete request.
    pub parameters: &'a Value,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    output: String,
    input: String,
    parameters: Value,
    bytes: u64,
    /// Relative to the folder.
    files: Vec<PathBuf>,
}

/// Size and files of an existing result, if this request on this input made it.
pub fn made_by(path: &Path, made: &Made) -> Option<(u64, Vec<PathBuf>)> {
    says_itself(path, made).map(|bytes| (bytes, Vec::new())).or_else(|| listed(path, made))
}

/// The last `history_json` record of a netCDF file or Zarr store.
fn says_itself(path: &Path, made: &Made) -> Option<u64> {
    let options = harmony_formats::OpenOptions::default();
    let (granule, size) = if path.is_dir() {
        let store = crate::store::open_zarr(path.to_str()?, &crate::store::StoreOptions::default()).ok()?;
        (harmony_formats::open_zarr(store).ok()?, 0)
    } else {
        let source = harmony_formats::io::open_local(path).ok()?;
        let size = source.len();
        (harmony_formats::open(source, &options).ok()?, size)
    };
    let records: Value = serde_json::from_str(&granule.groups[0].attr_text("history_json")?).ok()?;
    let last = records.as_array()?.last()?;
    let sources: Vec<&str> = last["derived_from"].as_array()?.iter().filter_map(Value::as_str).collect();
    let same = last["parameters"] == *made.parameters && sources.join(" ") == made.input;
    same.then_some(size)
}

fn listed(path: &Path, made: &Made) -> Option<(u64, Vec<PathBuf>)> {
    let folder = path.parent()?;
    let name = path.file_name()?.to_string_lossy();
    let text = std::fs::read_to_string(folder.join(LEDGER)).ok()?;
    let mut entries = text.lines().rev().filter_map(|l| serde_json::from_str::<Entry>(l).ok());
    let last = entries.find(|e| e.output == name)?;
    let same = last.input == made.input && last.parameters == *made.parameters;
    let files: Vec<PathBuf> = last.files.iter().map(|f| folder.join(f)).collect();
    (same && files.iter().all(|f| f.exists())).then_some((last.bytes, files))
}

/// Notes a finished result. A folder that can't be written to has a failure of its own to report.
pub fn record(path: &Path, made: &Made, report: &WriteReport) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return };
    if matches!(
        path.extension().and_then(|e| e.to_str()),
        Some("nc" | "nc4" | "h5" | "he5" | "hdf5" | "netcdf" | "zarr")
    ) {
        return;
    }
    let relative = |f: &PathBuf| f.strip_prefix(folder).unwrap_or(f).to_path_buf();
    let entry = Entry {
        output: name.to_string_lossy().into_owned(),
        input: made.input.into(),
        parameters: made.parameters.clone(),
        bytes: report.bytes_written,
        files: report.files.iter().map(relative).collect(),
    };
    let Ok(mut line) = serde_json::to_string(&entry) else { return };
    line.push('\n');
    let file = std::fs::OpenOptions::new().create(true).append(true).open(folder.join(LEDGER));
    // One write of one line: appending writers don't mix theirs.
    let _ = file.and_then(|mut f| f.write_all(line.as_bytes()));
}
