//! How blocks are encoded: what the user said, or what suits the type.

use harmony_model::DType;

use super::super::tags::{Compression, Predictor};
use crate::write::{WriteError, WriteOptions};

/// Pixels on a side of a tile.
pub const TILE: u64 = 512;

/// Levels of compressors that make files of about GDAL's size.
const DEFLATE_LEVEL: u8 = 5;
const ZSTD_LEVEL: u8 = 9;

/// Compression of all blocks of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scheme {
    pub compression: Compression,
    pub level: u8,
    pub predictor: Predictor,
}

impl Scheme {
    /// # Errors
    /// [`WriteError::Unsupported`] naming the compression and those there are.
    pub fn of(
        options: &WriteOptions,
        dtype: &DType,
        palette: bool,
        target: &str,
    ) -> Result<Self, WriteError> {
        let name = options.encoding.compression.as_deref().unwrap_or("deflate").trim().to_ascii_lowercase();
        let compression = match name.as_str() {
            "deflate" | "zip" | "zlib" | "gzip" => Compression::Deflate,
            "zstd" | "zstandard" => Compression::Zstd,
            "lzw" => Compression::Lzw,
            "none" | "uncompressed" | "raw" => Compression::None,
            other => {
                return Err(WriteError::Unsupported {
                    target: target.into(),
                    object: format!("compression '{other}'"),
                    detail: "TIFF files have deflate, zstd, lzw or none".into(),
                });
            }
        };
        let asked = options.encoding.level.or(options.deflate_level);
        let level = match compression {
            Compression::Deflate => asked.map_or(DEFLATE_LEVEL, |l| l.min(12) as u8),
            _ => asked.map_or(ZSTD_LEVEL, |l| l.clamp(1, 22) as u8),
        };
        // Colour numbers have no order that differences would follow.
        let predictor = match (compression, dtype.is_float()) {
            (Compression::None, _) => Predictor::None,
            (_, true) => Predictor::FloatingPoint,
            (_, false) if palette => Predictor::None,
            (_, false) => Predictor::Horizontal,
        };
        Ok(Scheme { compression, level, predictor })
    }
}
