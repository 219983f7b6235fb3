//! netCDF-4 and HDF5: one folder to read, one to write.

mod format;
pub mod read;
pub mod write;

pub use format::{Hdf5, Netcdf4};
