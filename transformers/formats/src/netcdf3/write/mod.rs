//! Writes netCDF classic: CDF-1, CDF-2 above 2 GiB, CDF-5 where a single variable needs it or on request
//! (`compression=cdf5`).
//!
//! Groups are flattened (`/a/b` becomes `a__b`, with the path in `group_path`), types narrowed to the six that there
//! are: unsigned bytes by `_Unsigned`, larger unsigned integers to the next type that holds them, 64-bit integers to
//! doubles as long as every value stays the same. The size of the file is known before a value is read.

mod convert;
mod flatten;
mod header;
mod names;
mod run;
#[cfg(test)]
mod tests;

use std::path::Path;

use harmony_model::Granule;

use self::flatten::Flat;
use self::header::Layout;
use self::run::{Job, Work};
use crate::write::{PendingFile, VariablePlan, WriteError, WriteOptions, WritePlan, WriteReport};

/// What [`write()`] would do. Reads metadata, chunk indexes and, to learn how long they are, texts of any length.
///
/// # Errors
/// What the input says; [`WriteError::Unsupported`] when nothing of the granule fits.
pub fn plan(granule: &Granule, options: &WriteOptions) -> Result<WritePlan, WriteError> {
    let prepared = Prepared::of(granule, Path::new(&granule.name), options)?;
    let variables: Vec<VariablePlan> = (0..prepared.flat.vars.len()).map(|v| prepared.variable(v)).collect();
    Ok(WritePlan {
        bytes_read: variables.iter().map(|v| v.bytes_read).sum::<u64>() + prepared.flat.bytes_read,
        data_bytes: variables.iter().map(|v| v.data_bytes).sum(),
        output_bytes: prepared.layout.len,
        variables,
    })
}

/// Writes the granule to `target`, which appears only when it is complete.
///
/// # Errors
/// What the input says; [`WriteError::Unsupported`] naming a number that the format can't hold; [`WriteError::Full`]
/// and the like; nothing is left behind.
pub fn write(granule: &Granule, target: &Path, options: &WriteOptions) -> Result<WriteReport, WriteError> {
    if options.is_cancelled() {
        return Err(WriteError::Cancelled);
    }
    let Prepared { flat, layout, work } = Prepared::of(granule, target, options)?;
    let file = PendingFile::followed(target, options)?;
    file.write_at(0, &layout.header)?;
    let name = target.display().to_string();
    let job = Job { granule, flat: &flat, layout: &layout, work: &work, file: &file, options, target: &name };
    let (bytes_read, pieces) = job.run()?;
    if options.is_cancelled() {
        return Err(WriteError::Cancelled);
    }
    file.finish(layout.len)?;
    Ok(WriteReport {
        bytes_read: bytes_read + flat.bytes_read,
        bytes_written: layout.len,
        chunks_encoded: pieces,
        notices: flat.notices,
        ..WriteReport::default()
    })
}

/// Everything that is decided before values are read.
struct Prepared {
    flat: Flat,
    layout: Layout,
    work: Vec<Work>,
}

impl Prepared {
    fn of(granule: &Granule, target: &Path, options: &WriteOptions) -> Result<Self, WriteError> {
        let fail = |object: &str, detail: &str| WriteError::Unsupported {
            target: target.display().to_string(),
            object: object.into(),
            detail: detail.into(),
        };
        let wish = options.encoding.compression.as_deref().map(str::to_ascii_lowercase);
        let wide = match wish.as_deref() {
            None | Some("none") => false,
            Some("cdf5" | "64-bit-data") => true,
            Some(_) => {
                return Err(fail(
                    "the compression",
                    "netCDF-3 is not compressed; write netCDF-4, or take 'none' or 'cdf5'",
                ));
            }
        };
        let flat = flatten::flatten(granule, wide)?;
        if flat.vars.is_empty() && !granule.vars.is_empty() {
            let detail = format!("{}; write netCDF-4 instead", flat.notices.join("; "));
            return Err(fail("the granule", &detail));
        }
        let layout = header::layout(&flat, wide).ok_or_else(|| {
            fail("the granule", "its size overflows; the file is damaged, or a smaller part must be taken")
        })?;
        let work = run::plan(&flat, &layout, options.memory)?;
        Ok(Prepared { flat, layout, work })
    }

    fn variable(&self, number: usize) -> VariablePlan {
        let var = &self.flat.vars[number];
        let of_it = |w: &Work| w.tasks().into_iter().find(|(v, _)| *v == number).map(|(_, t)| t.clone());
        let tasks: Vec<_> = self.work.iter().filter_map(of_it).collect();
        let data_bytes = var.shape.iter().product::<u64>() * var.item;
        VariablePlan {
            var: var.id,
            path: var.var.path.clone(),
            shape: var.shape.clone(),
            chunk_shape: None,
            filters: Vec::new(),
            bytes_read: tasks.iter().map(|t| t.bytes_read).sum(),
            tasks,
            data_bytes,
            output_bytes: data_bytes,
        }
    }
}
