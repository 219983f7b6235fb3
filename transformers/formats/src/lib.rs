//! Storage formats: one folder each, listed in [`registry`].

pub mod ascii;
pub mod chunked;
pub mod codec;
pub mod coverage;
pub mod csv;
pub mod gdal;
pub mod geotiff;
pub mod hdf4;
pub mod hdfeos;
pub mod image;
pub mod io;
mod lanes;
pub mod netcdf3;
pub mod netcdf4;
pub mod raster;
pub mod registry;
pub mod table;
pub mod vector;
pub mod write;
pub mod zarr;

pub use registry::{Card, Format, OpenOptions, Part, open, open_zarr};
