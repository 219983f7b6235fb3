//! How HDF4 is registered.

use std::sync::Arc;

use harmony_model::{ByteSource, Granule, ReadError};

use crate::registry::{Card, Format, OpenOptions};

/// HDF4 and HDF-EOS2; raster images go through GDAL.
pub struct Hdf4;

impl Format for Hdf4 {
    fn card(&self) -> &'static Card {
        &Card {
            name: "hdf4",
            summary: "HDF4 and HDF-EOS2: data sets, grids, swaths",
            media_types: &["application/x-hdf4"],
            aliases: &[],
            extension: "hdf",
            reads: true,
            writes: false,
        }
    }

    fn recognises(&self, head: &[u8], name: &str) -> bool {
        let _ = name;
        super::is_hdf4(head)
    }

    fn open(&self, source: Arc<dyn ByteSource>, options: &OpenOptions) -> Result<Granule, ReadError> {
        crate::gdal::open(&source, &options.into())
    }
}
