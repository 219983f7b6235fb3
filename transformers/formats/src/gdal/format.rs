//! How the formats behind GDAL are registered.

use std::sync::Arc;

use harmony_model::{ByteSource, Granule, ReadError};

use crate::registry::{Card, Format, OpenOptions};

impl From<&OpenOptions> for super::ExternalOptions {
    fn from(options: &OpenOptions) -> Self {
        super::ExternalOptions { bands: options.bands.clone() }
    }
}

/// GRIB; messages may stand behind a bulletin header.
pub struct Grib;

impl Format for Grib {
    fn card(&self) -> &'static Card {
        &Card {
            name: "grib",
            summary: "GRIB edition 1 and 2 (needs GDAL)",
            media_types: &["application/x-grib", "application/wmo-grib2"],
            aliases: &[],
            extension: "grib",
            reads: true,
            writes: false,
        }
    }

    fn recognises(&self, head: &[u8], name: &str) -> bool {
        let low = name.to_ascii_lowercase();
        let named = [".grib", ".grib1", ".grib2", ".grb", ".grb2", ".gb2"].iter().any(|e| low.ends_with(e));
        head.starts_with(b"GRIB") || (named && head.windows(4).any(|w| w == b"GRIB"))
    }

    fn open(&self, source: Arc<dyn ByteSource>, options: &OpenOptions) -> Result<Granule, ReadError> {
        super::open(&source, &options.into())
    }
}
