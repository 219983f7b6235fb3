//! Comma-separated values (RFC 4180, UTF-8, LF): one table for each list of dimensions that variables have.
//!
//! One table is a plain `.csv`; several are a `.zip` that also says in `Readme.md` and `Readme.json` what they hold.
//! Columns are dimensions, coordinates, variables; rows in which all variables are missing are left out. The mean over
//! area of one variable has the header of Giovanni's time series. Written piece by piece, whatever the size.

mod giovanni;
mod readme;
#[cfg(test)]
mod tests;

use std::path::Path;

use harmony_model::Granule;

use crate::registry::{Card, Format, Part};
use crate::table::{self, Archive, Collected, Delimiter, Stream};
use crate::write::{WriteError, WriteOptions, WritePlan, WriteReport};

pub use giovanni::{TimeSeries, time_series};

pub struct Csv;

impl Format for Csv {
    fn card(&self) -> &'static Card {
        &Card {
            name: "csv",
            summary: "Tables: one CSV file for each set of dimensions, zipped when there are several",
            media_types: &["text/csv"],
            aliases: &[],
            extension: "csv",
            reads: false,
            writes: true,
        }
    }

    fn parts(&self, granule: Granule, options: &WriteOptions) -> Result<Vec<Part>, WriteError> {
        let _ = options;
        let found = collect(&granule)?;
        let stem = time_series(&granule, &found).map(|s| s.file_stem());
        let extension = if found.tables.len() > 1 { "zip" } else { "csv" };
        Ok(vec![Part { granule, label: None, stem, extension }])
    }

    fn plan(&self, part: &Part, options: &WriteOptions) -> Result<WritePlan, WriteError> {
        let _ = options;
        table::plan_of(&part.granule, &collect(&part.granule)?.tables)
    }

    fn write(&self, part: &Part, target: &Path, options: &WriteOptions) -> Result<WriteReport, WriteError> {
        let granule = &part.granule;
        let found = collect(granule)?;
        let plan = table::plan_of(granule, &found.tables)?;
        let mut report = WriteReport { bytes_read: plan.bytes_read, ..WriteReport::default() };
        report.bytes_written = match found.tables.as_slice() {
            [_] => write_one(granule, &found, target, options)?,
            _ => write_all(granule, &found, target, options)?,
        };
        if let Some(progress) = &options.progress {
            progress(plan.data_bytes);
        }
        report.notices = found.notices;
        Ok(report)
    }
}

/// The tables of a granule.
fn collect(granule: &Granule) -> Result<Collected, WriteError> {
    let found = table::collect(granule);
    if found.tables.is_empty() {
        return Err(WriteError::Unsupported {
            target: granule.name.clone(),
            object: "the granule".into(),
            detail: "no variable can be shown in a table; write netcdf4 instead".into(),
        });
    }
    table::check_rows(granule, &found.tables)?;
    Ok(found)
}

fn write_one(
    granule: &Granule,
    found: &Collected,
    target: &Path,
    options: &WriteOptions,
) -> Result<u64, WriteError> {
    let mut stream = Stream::followed(target, options)?;
    match time_series(granule, found) {
        Some(series) => series.write(granule, found, options, |bytes| stream.put(bytes))?,
        None => {
            let table = &found.tables[0];
            table::write_text(granule, found, table, options, Delimiter::Comma, |bytes| stream.put(bytes))?;
        }
    }
    stream.finish()
}

fn write_all(
    granule: &Granule,
    found: &Collected,
    target: &Path,
    options: &WriteOptions,
) -> Result<u64, WriteError> {
    let mut archive = Archive::create(target)?;
    for (i, table) in found.tables.iter().enumerate() {
        archive.begin(&member(granule, i))?;
        table::write_text(granule, found, table, options, Delimiter::Comma, |bytes| archive.put(bytes))?;
    }
    archive.begin("Readme.md")?;
    archive.put(readme::markdown(granule, found).as_bytes())?;
    archive.begin("Readme.json")?;
    archive.put(readme::json(granule, found).as_bytes())?;
    archive.finish()
}

/// The name of table `i` in an archive.
fn member(granule: &Granule, i: usize) -> String {
    format!("{}-{i}_reformatted.csv", granule.name.replace(['/', '\\', ':'], "_"))
}
