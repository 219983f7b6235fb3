//! GeoTIFF and cloud-optimised GeoTIFF: our own reader and writer. What the reader does not know goes to GDAL.

mod format;
mod lzw;
mod predictor;
pub mod read;
mod tags;
mod write;

pub use format::{Cog, Geotiff};
