//! Pictures as files.

use harmony_formats::image::{self, Area, Ink, Sheet};
use harmony_formats::write::WriteOptions;

use super::{MapError, Picture, View, tiff};

/// Formats of maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImageFormat {
    Png,
    Jpeg,
    Gif,
    Tiff,
}

/// Formats with their media type, extension and the other names that clients use.
const FORMATS: [(ImageFormat, &str, &str, &[&str]); 4] = [
    (
        ImageFormat::Png,
        "image/png",
        "png",
        &["image/png8", "image/png24", "image/png32", "png", "image/vnd.png"],
    ),
    (ImageFormat::Jpeg, "image/jpeg", "jpg", &["image/jpg", "jpeg", "jpg"]),
    (ImageFormat::Gif, "image/gif", "gif", &["gif"]),
    (ImageFormat::Tiff, "image/tiff", "tif", &["image/geotiff", "tiff", "tif", "geotiff"]),
];

/// Effort of compression of small pictures: they are made for one look.
const FAST: i32 = 1;
/// Pixels up to which a picture is encoded on the calling thread.
const SMALL: usize = 1 << 20;

impl ImageFormat {
    /// By media type or name, in any case; parameters (`image/png; mode=8bit`) don't matter.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is = |f: &&(ImageFormat, &str, &str, &[&str])| f.1 == plain || f.3.contains(&plain.as_str());
        FORMATS.iter().find(is).map(|f| f.0)
    }

    pub fn media_type(self) -> &'static str {
        FORMATS.iter().find(|f| f.0 == self).map_or("", |f| f.1)
    }

    /// Without a dot.
    pub fn extension(self) -> &'static str {
        FORMATS.iter().find(|f| f.0 == self).map_or("", |f| f.2)
    }

    /// All of them, the preferred one first.
    pub fn all() -> impl Iterator<Item = ImageFormat> {
        FORMATS.iter().map(|f| f.0)
    }

    /// Whether pixels may be transparent.
    pub fn has_opacity(self) -> bool {
        self != ImageFormat::Jpeg
    }
}

impl Picture {
    /// The picture as a file; `view` tells GeoTIFF where it is.
    ///
    /// # Errors
    /// [`MapError::Encode`].
    pub fn encode(self, format: ImageFormat, view: Option<&View>) -> Result<Vec<u8>, MapError> {
        let failed = |e: harmony_formats::write::WriteError| MapError::Encode(e.to_string());
        let (width, height) = (u64::from(self.width), u64::from(self.height));
        if format == ImageFormat::Png && self.pixels.len() / self.ink.bytes() <= SMALL {
            return image::encode_png(&self.ink, width, &self.pixels, FAST).map_err(failed);
        }
        if format == ImageFormat::Tiff {
            return tiff::encode(&self, view);
        }
        let sheet = Sheet { ink: self.ink, width, pixels: self.pixels };
        let area = Area::whole(height, width);
        let options = WriteOptions::default();
        let mut out = Vec::new();
        match format {
            ImageFormat::Png => {
                let options = WriteOptions { deflate_level: Some(FAST as u32), ..options };
                image::write_png(&sheet, &area, &[], &options, &mut out).map_err(failed)?;
            }
            ImageFormat::Jpeg => image::write_jpeg(&sheet, &area, "", &options, &mut out).map_err(failed)?,
            ImageFormat::Gif => image::write_gif(&sheet, &area, "", &options, &mut out).map_err(failed)?,
            ImageFormat::Tiff => {}
        }
        Ok(out)
    }

    /// Whether all pixels are of one palette entry or fewer colours than a file can list.
    pub fn is_indexed(&self) -> bool {
        matches!(self.ink, Ink::Palette(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_go_by_many_names() {
        assert_eq!(ImageFormat::parse("image/png; mode=8bit"), Some(ImageFormat::Png));
        assert_eq!(ImageFormat::parse("IMAGE/JPG"), Some(ImageFormat::Jpeg));
        assert_eq!(ImageFormat::parse("text/plain"), None);
        assert_eq!(ImageFormat::Tiff.media_type(), "image/tiff");
    }

    #[test]
    fn every_format_has_the_size_that_was_asked() {
        let picture = Picture {
            ink: Ink::Rgba,
            width: 3,
            height: 2,
            pixels: (0..24).map(|i| if i % 4 == 3 { 255 } else { i * 9 }).collect(),
            empty: false,
            notes: Vec::new(),
        };
        for format in ImageFormat::all() {
            let bytes = picture.clone().encode(format, None).unwrap();
            assert!(bytes.len() > 40, "{format:?}");
        }
        let mut reader =
            png::Decoder::new(std::io::Cursor::new(picture.clone().encode(ImageFormat::Png, None).unwrap()))
                .read_info()
                .unwrap();
        let mut out = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut out).unwrap();
        assert_eq!((info.width, info.height), (3, 2));
        assert_eq!(out, picture.pixels);
    }
}
