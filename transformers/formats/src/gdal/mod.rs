//! Formats that are read through GDAL: GeoTIFF and other images, GRIB.
//!
//! HDF4 comes in by the same door and goes to [`crate::hdf4`]; GDAL sees only those HDF4 files that hold images and
//! nothing else.

mod ffi;
mod format;
mod georef;
mod grib;
pub(crate) mod info;
pub(crate) mod raster;
mod source;
#[cfg(test)]
mod tests;

pub use format::Grib;

use std::path::Path;
use std::sync::Arc;

use harmony_model::{ByteSource, Granule, ReadError};

use crate::hdf4;

/// What to take out of an external file.
#[derive(Clone, Debug, Default)]
pub struct ExternalOptions {
    /// Bands of a raster or messages of a GRIB file, from 1; empty: all.
    pub bands: Vec<u32>,
}

/// Opens a GeoTIFF, GRIB or HDF4 file, or another image that GDAL knows; values are read when asked for.
///
/// Rasters: one variable for each band (`Band1`, … or its description), axes `y`, `x` or `lat`, `lon`, grid mapping
/// `crs`; `color_table` holds red, green, blue, alpha of each value. GRIB: one variable for each quantity and level,
/// axes `time`, `lat`, `lon`. HDF4: see [`hdf4::open`].
///
/// # Errors
/// [`ReadError::Unsupported`] when GDAL is missing, does not know the file, or the source is no local file.
pub fn open(source: &Arc<dyn ByteSource>, options: &ExternalOptions) -> Result<Granule, ReadError> {
    let mut head = [0; 4];
    if source.len() >= 4 {
        source.read_at(0, &mut head)?;
    }
    if hdf4::is_hdf4(&head) {
        match hdf4::open(source) {
            Ok(granule) if options.bands.is_empty() => return Ok(granule),
            Ok(granule) => {
                let detail = "HDF4 files have variables, not bands: name them instead";
                return Err(ReadError::unsupported(&granule.name, "band selection", detail));
            }
            Err(ReadError::Unsupported { object, .. }) if object == "raster image" => {}
            Err(e) => return Err(e),
        }
    }
    let path = source.local_path().ok_or_else(|| {
        let detail = "formats read through GDAL need a local file: download it first";
        ReadError::unsupported(source.name(), "remote file", detail)
    })?;
    open_path(source.as_ref(), path, options)
}

fn open_path(source: &dyn ByteSource, path: &Path, options: &ExternalOptions) -> Result<Granule, ReadError> {
    let refuse = |detail: String| ReadError::unsupported(source.name(), "file", detail);
    let text = path.to_str().ok_or_else(|| refuse("its path is not UTF-8: rename it".into()))?;
    // "DRIVER:…" and "/vsi…" would be read as instructions; a path made absolute is never taken for one.
    let absolute =
        std::path::absolute(text).map_err(|e| refuse(format!("its path can't be resolved: {e}")))?;
    let absolute = absolute.to_str().filter(|p| !p.starts_with("/vsi"));
    let absolute =
        absolute.ok_or_else(|| refuse("its path is one that GDAL would interpret: rename it".into()))?;
    let origin = grib::Origin::of(source);
    let opened = ffi::Dataset::open(absolute, origin.config()).and_then(|d| Ok((d.info()?, d)));
    let (info, dataset) = opened.map_err(refuse)?;
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if info.driver == "GRIB" {
        grib::granule(dataset, &info, &name, &options.bands, origin)
    } else {
        raster::granule(dataset, &info, &name, &options.bands)
    }
}

/// Registered name of the format that a GDAL driver reads.
fn format_name(driver: &str) -> &'static str {
    match driver {
        "GTiff" | "COG" => "geotiff",
        "GRIB" => "grib",
        "HDF4" | "HDF4Image" => hdf4::FORMAT,
        "PNG" => "png",
        "JPEG" => "jpeg",
        "GIF" => "gif",
        "JP2OpenJPEG" => "jpeg2000",
        _ => "raster",
    }
}
