//! Storage formats: one folder each, listed in [`registry`].

pub mod chunked;
pub mod codec;
pub mod gdal;
pub mod geotiff;
pub mod hdf4;
pub mod hdfeos;
pub mod io;
pub mod netcdf3;
pub mod netcdf4;
pub mod raster;
pub mod registry;
pub mod write;
pub mod zarr;

pub use registry::{Card, Format, OpenOptions, Part, open, open_zarr};
