//! How HDF4 is registered.

use std::sync::Arc;

use harmony_model::{ByteSource, Granule, ReadError};

use crate::registry::{Format, OpenOptions};

/// HDF4 and HDF-EOS2; raster images go through GDAL.
pub struct Hdf4;

impl Format for Hdf4 {
    fn name(&self) -> &'static str {
        "hdf4"
    }

    fn summary(&self) -> &'static str {
        "HDF4 and HDF-EOS2: data sets, grids, swaths"
    }

    fn media_types(&self) -> &'static [&'static str] {
        &["application/x-hdf4"]
    }

    fn reads(&self) -> bool {
        true
    }

    fn writes(&self) -> bool {
        false
    }

    fn recognises(&self, head: &[u8], name: &str) -> bool {
        let _ = name;
        super::is_hdf4(head)
    }

    fn open(&self, source: Arc<dyn ByteSource>, options: &OpenOptions) -> Result<Granule, ReadError> {
        crate::gdal::open(&source, &options.into())
    }
}
