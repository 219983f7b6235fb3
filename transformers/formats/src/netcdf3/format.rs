//! How netCDF-3 is registered.

use std::sync::Arc;

use harmony_model::{ByteSource, Granule, ReadError};

use crate::registry::{Card, Format, OpenOptions};

/// netCDF-3 in all its versions.
pub struct Netcdf3;

impl Format for Netcdf3 {
    fn card(&self) -> &'static Card {
        &Card {
            name: "netcdf3",
            summary: "netCDF classic, 64-bit offset and CDF-5",
            media_types: &["application/x-netcdf3", "application/netcdf3"],
            aliases: &["netcdf-3"],
            extension: "nc",
            reads: true,
            writes: false,
        }
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
