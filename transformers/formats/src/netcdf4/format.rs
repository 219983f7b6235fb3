//! How netCDF-4 and HDF5 are registered.

use std::sync::Arc;

use harmony_model::{ByteSource, Granule, ReadError};

use crate::registry::{Format, OpenOptions};

/// The HDF5 signature; it may stand behind a user block of 512 · 2ⁿ bytes.
const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

fn has_signature(head: &[u8]) -> bool {
    [0, 512, 1024, 2048].iter().any(|&at| head.get(at..).is_some_and(|h| h.starts_with(SIGNATURE)))
}

/// netCDF-4.
pub struct Netcdf4;

impl Format for Netcdf4 {
    fn name(&self) -> &'static str {
        "netcdf4"
    }

    fn summary(&self) -> &'static str {
        "netCDF-4: groups, exact types, chunks and filters kept"
    }

    fn media_types(&self) -> &'static [&'static str] {
        &["application/x-netcdf4", "application/netcdf4", "application/x-netcdf", "application/netcdf"]
    }

    fn reads(&self) -> bool {
        true
    }

    fn writes(&self) -> bool {
        true
    }

    fn recognises(&self, head: &[u8], name: &str) -> bool {
        let _ = name;
        has_signature(head)
    }

    fn open(&self, source: Arc<dyn ByteSource>, options: &OpenOptions) -> Result<Granule, ReadError> {
        let _ = options;
        super::read::open(source)
    }
}

/// HDF5: the same bytes as netCDF-4, under an HDF5 name.
pub struct Hdf5;

impl Format for Hdf5 {
    fn name(&self) -> &'static str {
        "hdf5"
    }

    fn summary(&self) -> &'static str {
        "HDF5, also as HDF-EOS5: the structure of the input"
    }

    fn media_types(&self) -> &'static [&'static str] {
        &["application/x-hdf5", "application/x-hdf", "application/hdf5"]
    }

    fn reads(&self) -> bool {
        true
    }

    fn writes(&self) -> bool {
        true
    }

    fn recognises(&self, head: &[u8], name: &str) -> bool {
        let _ = name;
        has_signature(head)
    }

    fn open(&self, source: Arc<dyn ByteSource>, options: &OpenOptions) -> Result<Granule, ReadError> {
        let _ = options;
        super::read::open(source)
    }
}
