//! How netCDF-3 is registered.

use std::sync::Arc;

use harmony_model::{ByteSource, Granule, ReadError};

use crate::registry::{Format, OpenOptions};

/// netCDF-3 in all its versions.
pub struct Netcdf3;

impl Format for Netcdf3 {
    fn name(&self) -> &'static str {
        "netcdf3"
    }

    fn summary(&self) -> &'static str {
        "netCDF classic, 64-bit offset and CDF-5"
    }

    fn media_types(&self) -> &'static [&'static str] {
        &["application/x-netcdf3", "application/netcdf3"]
    }

    fn reads(&self) -> bool {
        true
    }

    fn writes(&self) -> bool {
        false
    }

    fn recognises(&self, head: &[u8], name: &str) -> bool {
        let _ = name;
        super::is_netcdf3(head)
    }

    fn open(&self, source: Arc<dyn ByteSource>, options: &OpenOptions) -> Result<Granule, ReadError> {
        let _ = options;
        super::open(source)
    }
}
