//! How the image formats are registered.

use std::path::Path;

use harmony_model::Granule;

use super::{Kind, kml, parts, write};
use crate::registry::{Card, Format, Part};
use crate::write::{WriteError, WriteOptions, WritePlan, WriteReport};

/// PNG with world file.
pub struct Png;
/// JPEG with world file.
pub struct Jpeg;
/// GIF with world file.
pub struct Gif;
/// KMZ: ground overlays for Google Earth and its kin.
pub struct Kml;

macro_rules! picture {
    ($name:ident, $kind:expr, $card:expr) => {
        impl Format for $name {
            fn card(&self) -> &'static Card {
                &$card
            }

            fn shows_coverage(&self) -> bool {
                true
            }

            fn parts(&self, granule: Granule, options: &WriteOptions) -> Result<Vec<Part>, WriteError> {
                parts::parts(granule, options, $kind.extension(), true)
            }

            fn plan(&self, part: &Part, options: &WriteOptions) -> Result<WritePlan, WriteError> {
                write::plan($kind, part, options)
            }

            fn write(
                &self,
                part: &Part,
                target: &Path,
                options: &WriteOptions,
            ) -> Result<WriteReport, WriteError> {
                write::write($kind, part, target, options)
            }
        }
    };
}

picture!(
    Png,
    Kind::Png,
    Card {
        name: "png",
        summary: "PNG images with world files, in a colour map or true colours",
        media_types: &["image/png"],
        aliases: &[],
        extension: "png",
        reads: false,
        writes: true,
    }
);
picture!(
    Jpeg,
    Kind::Jpeg,
    Card {
        name: "jpeg",
        summary: "JPEG images with world files",
        media_types: &["image/jpeg", "image/jpg"],
        aliases: &["jpg"],
        extension: "jpg",
        reads: false,
        writes: true,
    }
);
picture!(
    Gif,
    Kind::Gif,
    Card {
        name: "gif",
        summary: "GIF images of 256 colours with world files",
        media_types: &["image/gif"],
        aliases: &[],
        extension: "gif",
        reads: false,
        writes: true,
    }
);

impl Format for Kml {
    fn card(&self) -> &'static Card {
        &Card {
            name: "kml",
            summary: "KMZ with ground overlays for Google Earth (longitude and latitude)",
            media_types: &["application/vnd.google-earth.kmz", "application/vnd.google-earth.kml+xml"],
            aliases: &["kmz"],
            extension: "kmz",
            reads: false,
            writes: true,
        }
    }

    fn shows_coverage(&self) -> bool {
        true
    }

    fn parts(&self, granule: Granule, options: &WriteOptions) -> Result<Vec<Part>, WriteError> {
        parts::parts(granule, options, "kmz", false)
    }

    fn plan(&self, part: &Part, options: &WriteOptions) -> Result<WritePlan, WriteError> {
        write::plan(Kind::Png, part, options)
    }

    fn write(&self, part: &Part, target: &Path, options: &WriteOptions) -> Result<WriteReport, WriteError> {
        kml::write(part, target, options)
    }
}
