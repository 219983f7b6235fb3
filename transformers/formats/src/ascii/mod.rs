//! Text for everyone: Esri ASCII grids for gridded variables, tab-separated tables for everything else.

mod grid;
#[cfg(test)]
mod tests;

use std::path::Path;

use harmony_model::Granule;

use crate::raster::{self, Raster};
use crate::registry::{Card, Format, Part};
use crate::table::{self, Delimiter, Stream};
use crate::write::{WriteError, WriteOptions, WritePlan, WriteReport};

/// Planes, hence files, that one granule may become.
const MAX_FILES: usize = 10_000;

pub struct Ascii;

impl Format for Ascii {
    fn card(&self) -> &'static Card {
        &Card {
            name: "ascii",
            summary: "Esri ASCII grids, one for each plane of a gridded variable; else tab-separated tables",
            media_types: &["text/plain"],
            aliases: &["asc", "txt", "aaigrid"],
            extension: "asc",
            reads: false,
            writes: true,
        }
    }

    fn parts(&self, granule: Granule, options: &WriteOptions) -> Result<Vec<Part>, WriteError> {
        match rasters(&granule, options) {
            found if found.is_empty() => table_parts(granule),
            found => grid_parts(&granule, &found),
        }
    }

    fn plan(&self, part: &Part, options: &WriteOptions) -> Result<WritePlan, WriteError> {
        match plane_of(part, options) {
            Some((raster, _)) => plan_plane(&part.granule, &raster),
            None => table::plan_of(&part.granule, &table::collect(&part.granule).tables),
        }
    }

    fn write(&self, part: &Part, target: &Path, options: &WriteOptions) -> Result<WriteReport, WriteError> {
        let plan = self.plan(part, options)?;
        let mut stream = Stream::followed(target, options)?;
        let notices = match plane_of(part, options) {
            Some((raster, band)) => {
                grid::write(&part.granule, &raster, band, options, |bytes| stream.put(bytes))?;
                Vec::new()
            }
            None => {
                let found = table::collect(&part.granule);
                if let Some(table) = found.tables.first() {
                    let sink = |bytes: &[u8]| stream.put(bytes);
                    table::write_text(&part.granule, &found, table, options, Delimiter::Tab, sink)?;
                }
                found.notices
            }
        };
        if let Some(progress) = &options.progress {
            progress(plan.data_bytes);
        }
        Ok(WriteReport {
            bytes_read: plan.bytes_read,
            bytes_written: stream.finish()?,
            notices,
            ..WriteReport::default()
        })
    }
}

/// The gridded variables; none when the granule is something else. Rotated rasters have no place in this format and
/// become tables.
fn rasters(granule: &Granule, options: &WriteOptions) -> Vec<Raster> {
    let found = raster::survey(granule, options).map(|s| s.rasters).unwrap_or_default();
    found.into_iter().filter(|r| r.rotation.is_none()).collect()
}

/// The name of a plane: its variable, numbered when there are several.
fn label(raster: &Raster, band: usize) -> String {
    match raster.bands.len() {
        1 => raster.label(),
        n => {
            let digits = n.to_string().len();
            format!("{}_{:0digits$}", raster.label(), band + 1)
        }
    }
}

fn grid_parts(granule: &Granule, found: &[Raster]) -> Result<Vec<Part>, WriteError> {
    let planes: usize = found.iter().map(|r| r.bands.len()).sum();
    if planes > MAX_FILES {
        return Err(WriteError::Unsupported {
            target: granule.name.clone(),
            object: "the granule".into(),
            detail: format!(
                "it has {planes} planes, each would be a file, the limit is {MAX_FILES}; name variables, narrow it down \
                 with --time or --subset, or write netcdf4"
            ),
        });
    }
    let part = |raster: &Raster, band| Part {
        granule: granule.clone(),
        label: Some(label(raster, band)),
        stem: None,
        extension: "asc",
    };
    Ok(found.iter().flat_map(|r| (0..r.bands.len()).map(move |b| part(r, b))).collect())
}

/// The plane that a part is called after.
fn plane_of(part: &Part, options: &WriteOptions) -> Option<(Raster, usize)> {
    let wanted = part.label.as_ref().filter(|_| part.extension == "asc")?;
    rasters(&part.granule, options).into_iter().find_map(|raster| {
        let band = (0..raster.bands.len()).find(|&b| label(&raster, b) == *wanted)?;
        Some((raster, band))
    })
}

fn table_parts(granule: Granule) -> Result<Vec<Part>, WriteError> {
    let found = table::collect(&granule);
    table::check_rows(&granule, &found.tables)?;
    match found.tables.as_slice() {
        [] => Err(WriteError::Unsupported {
            target: granule.name.clone(),
            object: "the granule".into(),
            detail: "no variable can be shown as text; write netcdf4 instead".into(),
        }),
        [_] => Ok(vec![Part::whole(granule, "txt")]),
        many => Ok(many.iter().map(|t| table::part(&granule, &found, t, "txt")).collect()),
    }
}

/// Planes share what is read of their variable evenly.
fn plan_plane(granule: &Granule, raster: &Raster) -> Result<WritePlan, WriteError> {
    let mut plan = WritePlan::of_reading(granule)?;
    plan.variables.retain(|v| v.var == raster.var);
    let planes = raster.bands.len() as u64;
    for own in &mut plan.variables {
        own.data_bytes = own.data_bytes.div_ceil(planes.max(1));
        own.bytes_read = own.bytes_read.div_ceil(planes.max(1));
    }
    plan.bytes_read = plan.variables.iter().map(|v| v.bytes_read).sum();
    plan.data_bytes = plan.variables.iter().map(|v| v.data_bytes).sum();
    let (rows, cols) = raster.shape();
    plan.output_bytes = rows.saturating_mul(cols).saturating_mul(9);
    Ok(plan)
}
