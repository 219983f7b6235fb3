//! Granules as rasters: what GeoTIFF, images and maps have in common.
//!
//! A raster is a variable on a regular grid, seen north-up and from west to east whatever the stored order of its
//! axes: a stack of planes (bands), one for each index of the axes that are not of the grid. Nothing is read before
//! [`Raster::read`].

mod affine;
mod axis;
mod find;
mod overviews;
mod plane;
mod read;
mod sample;
pub mod statistics;
#[cfg(test)]
mod tests;

use harmony_model::{DType, GridSpec, Packing, VarId};

pub use find::{Rejected, Survey, rasters, survey};
pub use sample::Steps;
pub use statistics::Statistics;

use read::Layout;

/// Planes that a raster may have: the limit of TIFF.
pub const MAX_BANDS: u64 = 65_535;

/// One variable on a regular grid.
#[derive(Clone, Debug)]
pub struct Raster {
    pub var: VarId,
    /// Full path of the variable.
    pub path: String,
    /// Where the cells are; north-up unless the order of the file was asked for. Of a rotated raster only size and
    /// CRS mean anything.
    pub grid: GridSpec,
    /// The affine of a raster whose rows and columns do not run along the axes of its CRS, in GDAL's order:
    /// x = a0 + col·a1 + row·a2, y = a3 + col·a4 + row·a5. Only [`survey`] gives such rasters.
    pub rotation: Option<[f64; 6]>,
    /// At least one, in C order of the leading axes.
    pub bands: Vec<Band>,
    /// Type of the elements that [`Raster::read`] gives; unsigned where the variable says that its signed bits are.
    pub dtype: DType,
    /// The one stored number that means "no data"; other ones of the variable are replaced by it.
    pub nodata: Option<f64>,
    /// How stored numbers become physical ones.
    pub packing: Packing,
    layout: Layout,
}

/// One plane of a raster.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// Indices along the leading axes.
    pub index: Vec<u64>,
    /// `<name> <dim>=<value> …`, times in ISO 8601; of a single plane the long name, else the name.
    pub description: String,
    /// Leading axes longer than one with their values, as in the description.
    pub axes: Vec<(String, String)>,
}

impl Raster {
    /// GDAL's six numbers.
    pub fn geo_transform(&self) -> [f64; 6] {
        self.rotation.unwrap_or_else(|| self.grid.geo_transform())
    }

    /// Rows and columns.
    pub fn shape(&self) -> (u64, u64) {
        (self.grid.ny, self.grid.nx)
    }

    /// Path of the variable as part of a file name: `/a/b` becomes `a_b`.
    pub fn label(&self) -> String {
        self.path.trim_start_matches('/').replace('/', "_")
    }
}
