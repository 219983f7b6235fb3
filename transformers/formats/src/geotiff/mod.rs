//! GeoTIFF and cloud-optimised GeoTIFF: our own reader and writer. What the reader does not know goes to GDAL.

#[cfg(test)]
mod big_tests;
mod format;
pub(crate) mod lzw;
#[cfg(test)]
mod mask_tests;
pub(crate) mod predictor;
mod read;
pub(crate) mod tags;
#[cfg(test)]
mod tests;
mod write;

pub use format::{Cog, Geotiff};
