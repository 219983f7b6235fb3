//! How GeoTIFF and COG are registered.

use std::path::Path;
use std::sync::Arc;

use harmony_model::request::Compat;
use harmony_model::{ByteSource, Granule, ReadError};

use super::{read, write};
use crate::raster::{self, Raster, Survey};
use crate::registry::{Card, Format, OpenOptions, Part};
use crate::write::{WriteError, WriteOptions, WritePlan, WriteReport};

/// GeoTIFF: one resolution, tiles or strips.
pub struct Geotiff;

/// Cloud-optimised GeoTIFF.
pub struct Cog;

impl Format for Geotiff {
    fn card(&self) -> &'static Card {
        &Card {
            name: "geotiff",
            summary: "GeoTIFF; of gridded variables one file each, or bands of one file",
            media_types: &["image/tiff", "image/geotiff", "image/tiff;application=geotiff"],
            aliases: &["tiff", "tif", "gtiff"],
            extension: "tif",
            reads: true,
            writes: true,
        }
    }

    fn recognises(&self, head: &[u8], name: &str) -> bool {
        let _ = name;
        [&b"II*\0"[..], b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|m| head.starts_with(m))
    }

    fn open(&self, source: Arc<dyn ByteSource>, options: &OpenOptions) -> Result<Granule, ReadError> {
        match read::open(&source, &options.bands) {
            // What our reader does not know GDAL may.
            Err(ReadError::Unsupported { object, .. }) if object != read::BAND_SELECTION => {
                crate::gdal::open(&source, &options.into())
            }
            other => other,
        }
    }

    fn shows_coverage(&self) -> bool {
        true
    }

    fn parts(&self, granule: Granule, options: &WriteOptions) -> Result<Vec<Part>, WriteError> {
        parts(granule, options)
    }

    fn plan(&self, part: &Part, options: &WriteOptions) -> Result<WritePlan, WriteError> {
        write::plan(&part.granule, &survey(part, options)?.rasters)
    }

    fn write(&self, part: &Part, target: &Path, options: &WriteOptions) -> Result<WriteReport, WriteError> {
        write_part(part, false, target, options)
    }
}

impl Format for Cog {
    fn card(&self) -> &'static Card {
        &Card {
            name: "cog",
            summary: "Cloud-optimised GeoTIFF: tiles and overviews; of gridded variables one file each",
            media_types: &[
                "image/tiff;application=geotiff;profile=cloud-optimized",
                "image/tiff;profile=cloud-optimized",
            ],
            aliases: &[
                "cloud-optimisedgeotiff",
                "cloud-optimizedgeotiff",
                "cloudoptimisedgeotiff",
                "cloudoptimizedgeotiff",
            ],
            extension: "tif",
            reads: false,
            writes: true,
        }
    }

    fn shows_coverage(&self) -> bool {
        true
    }

    fn parts(&self, granule: Granule, options: &WriteOptions) -> Result<Vec<Part>, WriteError> {
        parts(granule, options)
    }

    fn plan(&self, part: &Part, options: &WriteOptions) -> Result<WritePlan, WriteError> {
        write::plan(&part.granule, &survey(part, options)?.rasters)
    }

    fn write(&self, part: &Part, target: &Path, options: &WriteOptions) -> Result<WriteReport, WriteError> {
        write_part(part, true, target, options)
    }
}

/// Formats whose bands belong together.
const STACKED: [&str; 6] = ["geotiff", "grib", "png", "jpeg", "gif", "jpeg2000"];

/// A file for each raster; one for all when that is asked for, or when they were bands of one file and can be again.
fn parts(granule: Granule, options: &WriteOptions) -> Result<Vec<Part>, WriteError> {
    let found = raster::survey(&granule, options)?;
    let asked = options.encoding.stack || options.encoding.compat == Some(Compat::ServiceExample);
    let natural = STACKED.contains(&granule.format) && write::fit_together(&found.rasters);
    if asked || natural {
        return Ok(vec![Part::whole(granule, "tif")]);
    }
    let part = |(i, raster): (usize, &Raster)| {
        let mut own = granule.clone();
        // What is no raster stays with the first, which reports it.
        let others = found.rasters.iter().filter(|r| r.var != raster.var).map(|r| r.path.as_str());
        let rejected = found.rejected.iter().filter(|_| i > 0).map(|r| r.path.as_str());
        let gone: std::collections::HashSet<&str> = others.chain(rejected).collect();
        own.vars.retain(|v| !gone.contains(v.path.as_str()));
        Part { granule: own, label: Some(raster.label()), stem: None, extension: "tif" }
    };
    Ok(found.rasters.iter().enumerate().map(part).collect())
}

/// The rasters of a part: all of its granule, or the one it is called after.
fn survey(part: &Part, options: &WriteOptions) -> Result<Survey, WriteError> {
    let mut found = raster::survey(&part.granule, options)?;
    if let Some(label) = &part.label
        && found.rasters.iter().any(|r| r.label() == *label)
    {
        found.rasters.retain(|r| r.label() == *label);
    }
    Ok(found)
}

fn write_part(
    part: &Part,
    cog: bool,
    target: &Path,
    options: &WriteOptions,
) -> Result<WriteReport, WriteError> {
    let found = survey(part, options)?;
    let mut report = write::write(&part.granule, &found.rasters, cog, target, options)?;
    let left_out = found.rejected.iter().map(|r| format!("'{}' was left out: {}", r.path, r.reason));
    report.notices.extend(left_out);
    Ok(report)
}
