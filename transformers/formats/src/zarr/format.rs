//! How Zarr is registered; a hierarchy is a directory, so it is opened by [`super::open_directory`].

use std::sync::Arc;

use harmony_model::{ByteSource, Granule, ReadError};

use crate::registry::{Card, Format, OpenOptions};

/// Zarr, version 2 and 3.
pub struct Zarr;

impl Format for Zarr {
    fn card(&self) -> &'static Card {
        &Card {
            name: "zarr",
            summary: "Zarr v2 and v3 hierarchies",
            media_types: &["application/x-zarr", "application/zarr"],
            aliases: &[],
            extension: "zarr",
            reads: true,
            writes: false,
        }
    }

    fn recognises(&self, head: &[u8], name: &str) -> bool {
        let _ = (head, name);
        false
    }

    fn open(&self, source: Arc<dyn ByteSource>, options: &OpenOptions) -> Result<Granule, ReadError> {
        let _ = options;
        let detail = "a Zarr hierarchy is a directory: name the directory";
        Err(ReadError::unsupported(source.name(), "Zarr document", detail))
    }
}
