//! How Zarr is registered; a hierarchy is a directory, so it is opened by [`super::open_directory`].

use std::path::Path;
use std::sync::Arc;

use harmony_model::{ByteSource, Granule, ReadError};

use super::write::{self, Version};
use crate::registry::{Card, Format, OpenOptions, Part};
use crate::write::{WriteError, WriteOptions, WritePlan, WriteReport};

/// Zarr version 3.
pub struct Zarr;

impl Format for Zarr {
    fn card(&self) -> &'static Card {
        &Card {
            name: "zarr",
            summary: "Zarr v3: consolidated, Zstandard, sharded when large; a directory or .zip",
            media_types: &[
                "application/x-zarr;version=3",
                "application/zarr;version=3",
                "application/vnd+zarr;version=3",
            ],
            aliases: &["zarr3", "zarr-v3", "zarrv3"],
            extension: "zarr",
            reads: true,
            writes: true,
        }
    }

    fn open(&self, source: Arc<dyn ByteSource>, options: &OpenOptions) -> Result<Granule, ReadError> {
        let _ = options;
        Err(is_a_directory(&*source))
    }

    fn plan(&self, part: &Part, options: &WriteOptions) -> Result<WritePlan, WriteError> {
        write::plan(&part.granule, options, Version::V3)
    }

    fn write(&self, part: &Part, target: &Path, options: &WriteOptions) -> Result<WriteReport, WriteError> {
        write::write(&part.granule, target, options, Version::V3)
    }
}

/// Zarr version 2: what Harmony's clients expect under Zarr's media types.
pub struct Zarr2;

impl Format for Zarr2 {
    fn card(&self) -> &'static Card {
        &Card {
            name: "zarr2",
            summary: "Zarr v2: consolidated, Blosc; a directory or .zip",
            media_types: &["application/x-zarr", "application/zarr", "application/vnd+zarr"],
            aliases: &["zarr-v2", "zarrv2"],
            extension: "zarr",
            reads: true,
            writes: true,
        }
    }

    fn open(&self, source: Arc<dyn ByteSource>, options: &OpenOptions) -> Result<Granule, ReadError> {
        let _ = options;
        Err(is_a_directory(&*source))
    }

    fn plan(&self, part: &Part, options: &WriteOptions) -> Result<WritePlan, WriteError> {
        write::plan(&part.granule, options, Version::V2)
    }

    fn write(&self, part: &Part, target: &Path, options: &WriteOptions) -> Result<WriteReport, WriteError> {
        write::write(&part.granule, target, options, Version::V2)
    }
}

fn is_a_directory(source: &dyn ByteSource) -> ReadError {
    let detail = "a Zarr hierarchy is a directory: name the directory";
    ReadError::unsupported(source.name(), "Zarr document", detail)
}
