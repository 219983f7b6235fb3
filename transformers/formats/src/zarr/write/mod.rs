//! Writes Zarr hierarchies: version 2 with `.zmetadata`, version 3 with consolidated metadata, as a directory or, when
//! the name ends in `.zip`, as one file.
//!
//! Groups stay groups, scalars are arrays without axes, values are the stored ones. An array has a fill value only
//! where the input has one, so that readers don't mask zeros. [`plan`] decides everything; [`write()`] runs it. The store
//! is built beside its final name, metadata last, and renamed at the end.

mod archive;
mod array;
mod chunks;
mod codec;
mod documents;
mod element;
mod json;
mod run;
#[cfg(test)]
mod tests;
mod tree;

use std::fmt;
use std::path::Path;

use harmony_model::Granule;

use self::array::ZarrArray;
use self::element::Element;
pub(crate) use self::element::describe_enum;
use self::tree::PendingTree;
use crate::write::{BlockAction, VariablePlan, WriteError, WriteOptions, WritePlan, WriteReport};

/// Version of the Zarr specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V2,
    V3,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Version::V2 { "version 2" } else { "version 3" })
    }
}

/// What [`write()`] would do, from metadata and chunk indexes alone.
///
/// # Errors
/// What the input says; [`WriteError::Unsupported`] for what Zarr or the options make impossible.
pub fn plan(granule: &Granule, options: &WriteOptions, version: Version) -> Result<WritePlan, WriteError> {
    let (arrays, _) = prepare(granule, Path::new(&granule.name), options, version)?;
    let variables: Vec<VariablePlan> = arrays.iter().map(variable_plan).collect();
    Ok(WritePlan {
        bytes_read: variables.iter().map(|v| v.bytes_read).sum(),
        data_bytes: variables.iter().map(|v| v.data_bytes).sum(),
        output_bytes: variables.iter().map(|v| v.output_bytes).sum(),
        variables,
    })
}

/// Writes the granule to `target`. The bytes do not depend on the number of threads or the memory budget.
///
/// # Errors
/// What the input says, [`WriteError::Full`] and the like for the output, [`WriteError::Cancelled`] when
/// `options.cancel` was set; nothing is left behind.
pub fn write(
    granule: &Granule,
    target: &Path,
    options: &WriteOptions,
    version: Version,
) -> Result<WriteReport, WriteError> {
    if options.is_cancelled() {
        return Err(WriteError::Cancelled);
    }
    let (arrays, mut notices) = prepare(granule, target, options, version)?;
    let zipped = target.extension().is_some_and(|e| e.eq_ignore_ascii_case("zip"));
    let folder = if zipped { target.with_extension("") } else { target.to_owned() };
    let tree = if zipped { PendingTree::beside(&folder) } else { PendingTree::create(&folder) }?;
    let job = run::Job { granule: &granule.name, arrays: &arrays, tree: &tree, options, version };
    let mut report = run::run(&job)?;
    let documents = documents::build(granule, &arrays, version);
    for (key, bytes) in &documents.files {
        tree.put(key, bytes)?;
    }
    if options.is_cancelled() {
        return Err(WriteError::Cancelled);
    }
    report.bytes_written = tree.written();
    if zipped {
        report.bytes_written = archive::pack(tree.root(), target, options)?;
    } else {
        tree.finish()?;
    }
    notices.extend(documents.notices);
    report.notices = notices;
    Ok(report)
}

/// Makes errors about this output.
struct Fail<'a> {
    target: &'a Path,
    version: Version,
}

impl Fail<'_> {
    fn unsupported(&self, object: &str, detail: String) -> WriteError {
        WriteError::Unsupported { target: self.target.display().to_string(), object: object.into(), detail }
    }
}

/// The arrays of the store, and notices about variables that are left out: a store without them is worth more than
/// none, unless nothing would be left.
fn prepare(
    granule: &Granule,
    target: &Path,
    options: &WriteOptions,
    version: Version,
) -> Result<(Vec<ZarrArray>, Vec<String>), WriteError> {
    let fail = Fail { target, version };
    let (mut arrays, mut notices) = (Vec::new(), Vec::new());
    let mut refused = None;
    let mut keys = std::collections::HashSet::new();
    for id in granule.var_ids() {
        let object = format!("variable '{}'", granule.var(id).path);
        match Element::of(granule, id, version) {
            Ok(element) => {
                if !keys.insert(documents::key_of(&element.var.path)) {
                    return Err(fail.unsupported(&object, "another variable would have the same key".into()));
                }
                arrays.push(ZarrArray::of(granule, id, element, options, &fail)?);
            }
            Err(detail) => {
                notices.push(format!("{object} was left out: {detail}; netCDF-4 can hold it"));
                refused.get_or_insert((object, detail));
            }
        }
    }
    match refused {
        Some((object, detail)) if arrays.is_empty() => {
            Err(fail.unsupported(&object, format!("{detail}; write netCDF-4 instead")))
        }
        _ => Ok((arrays, notices)),
    }
}

fn variable_plan(array: &ZarrArray) -> VariablePlan {
    let storage = &array.storage;
    let blocks = || array.work.iter().flat_map(array::Work::blocks);
    let estimate = |b: &crate::netcdf4::write::blocks::Block| {
        let raw = b.task.shape.iter().product::<u64>() * array.element.item;
        match b.task.action {
            BlockAction::Copy => b.task.bytes_read,
            BlockAction::Encode if storage.filters.is_empty() => raw,
            BlockAction::Encode if b.task.bytes_read == 0 || b.task.bytes_read >= raw => raw / 2,
            BlockAction::Encode => b.task.bytes_read,
        }
    };
    VariablePlan {
        var: array.id,
        path: array.element.var.path.clone(),
        shape: storage.shape.clone(),
        chunk_shape: Some(storage.piece_shape.clone()),
        filters: storage.filters.clone(),
        tasks: blocks().map(|b| b.task.clone()).collect(),
        bytes_read: blocks().map(|b| b.task.bytes_read).sum(),
        data_bytes: storage.data_bytes,
        output_bytes: blocks().map(estimate).sum(),
    }
}
