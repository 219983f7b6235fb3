//! HDF-EOS: swaths and grids described by text inside an HDF4 (HDF-EOS2) or HDF5 (HDF-EOS5) file.
//!
//! [`Structure::parse`] reads that text; [`name_dimensions`] and [`add_grid_axes`] complete a granule that the HDF5
//! reader opened; the HDF4 reader builds its granules on the same pieces.

pub(crate) mod axes;
mod dims;
mod edit;
pub mod odl;
mod projection;
mod rewrite;
mod structure;

pub use axes::{GridAxes, grid_axes};
pub use dims::{add_grid_axes, name_dimensions, struct_metadata, structure_of};
pub use projection::{Corner, Gctp, pack_degrees, packed_degrees};
pub use rewrite::rewrite;
pub use structure::{DimensionMap, Grid, MergedField, StructDim, StructField, Structure, Swath, inventory};
