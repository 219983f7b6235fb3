//! How netCDF-4 and HDF5 are registered.

use std::path::Path;
use std::sync::Arc;

use harmony_model::{ByteSource, Granule, ReadError};

use crate::registry::{Card, Format, OpenOptions, Part};
use crate::write::{WriteError, WriteOptions, WritePlan, WriteReport};

/// The HDF5 signature; it may stand behind a user block of 512 · 2ⁿ bytes.
const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

fn has_signature(head: &[u8]) -> bool {
    [0, 512, 1024, 2048].iter().any(|&at| head.get(at..).is_some_and(|h| h.starts_with(SIGNATURE)))
}

/// netCDF-4.
pub struct Netcdf4;

impl Format for Netcdf4 {
    fn card(&self) -> &'static Card {
        &Card {
            name: "netcdf4",
            summary: "netCDF-4: groups, exact types, chunks and filters kept",
            media_types: &[
                "application/x-netcdf4",
                "application/netcdf4",
                "application/x-netcdf",
                "application/netcdf",
            ],
            aliases: &["netcdf-4", "netcdf", "nc4", "netcdf4-cf"],
            extension: "nc4",
            reads: true,
            writes: true,
        }
    }

    fn recognises(&self, head: &[u8], name: &str) -> bool {
        let _ = name;
        has_signature(head)
    }

    fn open(&self, source: Arc<dyn ByteSource>, options: &OpenOptions) -> Result<Granule, ReadError> {
        let _ = options;
        super::read::open(source)
    }

    fn plan(&self, part: &Part, options: &WriteOptions) -> Result<WritePlan, WriteError> {
        Ok(super::write::plan(&part.granule, options)?)
    }

    fn write(&self, part: &Part, target: &Path, options: &WriteOptions) -> Result<WriteReport, WriteError> {
        super::write::write(&part.granule, target, options)
    }
}

/// HDF5: the same bytes as netCDF-4, under an HDF5 name.
pub struct Hdf5;

impl Format for Hdf5 {
    fn card(&self) -> &'static Card {
        &Card {
            name: "hdf5",
            summary: "HDF5, also as HDF-EOS5: the structure of the input",
            media_types: &["application/x-hdf5", "application/x-hdf", "application/hdf5"],
            aliases: &["hdf-eos5", "hdf-eos", "hdf", "application/x-hdf-eos"],
            extension: "h5",
            reads: true,
            writes: true,
        }
    }

    fn recognises(&self, head: &[u8], name: &str) -> bool {
        let _ = name;
        has_signature(head)
    }

    fn open(&self, source: Arc<dyn ByteSource>, options: &OpenOptions) -> Result<Granule, ReadError> {
        let _ = options;
        super::read::open(source)
    }

    fn plan(&self, part: &Part, options: &WriteOptions) -> Result<WritePlan, WriteError> {
        Ok(super::write::plan(&part.granule, options)?)
    }

    fn write(&self, part: &Part, target: &Path, options: &WriteOptions) -> Result<WriteReport, WriteError> {
        super::write::write(&part.granule, target, options)
    }
}
