//! HDF4: scientific data sets, HDF-EOS2 grids and swaths, Vdatas; read without the HDF4 library.
//!
//! GDAL reads HDF4 too, but its multidimensional interface loses signed bytes and text, and the dimensions of grids
//! that early HDF-EOS versions wrote; and every call takes its lock. The format is small enough to be read directly:
//! types are exact, chunks are inflated in parallel, and compressed chunks can be copied as they are.
//!
//! `scale_factor` and `add_offset` stay as the file has them. HDF4's own calibration record means
//! *physical = scale × (stored − offset)*, and some land products divide by `scale_factor`; both are matters of the
//! product, not of the format.

mod array;
mod build;
mod bytes;
mod codec;
mod file;
mod format;
mod sds;
mod tables;
#[cfg(test)]
mod tests;
mod tree;

pub use format::Hdf4;

use std::sync::Arc;

use harmony_model::{ByteSource, Granule, ReadError};

pub use file::MAGIC;

/// Registered name of the format.
pub const FORMAT: &str = "hdf4";

/// Opens an HDF4 file: metadata now, values when they are asked for.
///
/// Data sets stand in the root, fields of HDF-EOS2 grids and swaths in a group named like the grid or swath
/// (`/UTMGrid/Vegetation`), with their HDF-EOS dimension names. Grids get coordinate variables named like their
/// dimensions and a grid mapping `crs`; the dimension maps of a swath stand in its attribute `dimension_maps`
/// (`geolocation dimension, data dimension, offset, increment`), for whoever interpolates the geolocation.
///
/// # Errors
/// [`ReadError`] when the structure is damaged or holds raster images only (which GDAL reads).
pub fn open(source: &Arc<dyn ByteSource>) -> Result<Granule, ReadError> {
    let file = Arc::new(file::Hdf4::open(source.clone())?);
    build::granule(&file)
}

/// Whether a file that starts with `head` is HDF4.
pub fn is_hdf4(head: &[u8]) -> bool {
    head.starts_with(&MAGIC)
}
