//! How netCDF-3 is registered.

use std::path::Path;
use std::sync::Arc;

use harmony_model::{ByteSource, Granule, ReadError};

use crate::registry::{Card, Format, OpenOptions, Part};
use crate::write::{WriteError, WriteOptions, WritePlan, WriteReport};

/// netCDF-3 in all its versions.
pub struct Netcdf3;

impl Format for Netcdf3 {
    fn card(&self) -> &'static Card {
        &Card {
            name: "netcdf3",
            summary: "netCDF classic, 64-bit offset and CDF-5",
            media_types: &["application/x-netcdf3", "application/netcdf3", "application/x-netcdf;version=3"],
            aliases: &["netcdf-3", "nc3"],
            extension: "nc",
            reads: true,
            writes: true,
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

    fn plan(&self, part: &Part, options: &WriteOptions) -> Result<WritePlan, WriteError> {
        super::write::plan(&part.granule, options)
    }

    fn write(&self, part: &Part, target: &Path, options: &WriteOptions) -> Result<WriteReport, WriteError> {
        super::write::write(&part.granule, target, options)
    }
}
