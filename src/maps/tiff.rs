//! A picture as a TIFF (6.0) with its place (GeoTIFF 1.1): one deflated strip.
//!
//! The writer of data files is for rasters of values; this one is for a few pixels of colours, in memory.

use harmony_formats::codec;
use harmony_formats::image::Ink;
use harmony_model::Filter;

use super::{MapError, Picture, View};

const SHORT: u16 = 3;
const LONG: u16 = 4;
const DOUBLE: u16 = 12;

/// A tag with its values in file order.
struct Tag {
    number: u16,
    kind: u16,
    count: u32,
    bytes: Vec<u8>,
}

impl Tag {
    fn shorts(number: u16, values: &[u16]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Tag { number, kind: SHORT, count: values.len() as u32, bytes }
    }

    fn long(number: u16, value: u32) -> Self {
        Tag { number, kind: LONG, count: 1, bytes: value.to_le_bytes().to_vec() }
    }

    fn doubles(number: u16, values: &[f64]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Tag { number, kind: DOUBLE, count: values.len() as u32, bytes }
    }
}

/// The file; without a view it has no place.
///
/// # Errors
/// [`MapError::Encode`] when it is too large for the format.
pub fn encode(picture: &Picture, view: Option<&View>) -> Result<Vec<u8>, MapError> {
    // Colours as they are: few programs know transparent palette entries in a TIFF.
    let opaque = match &picture.ink {
        Ink::Palette(palette) => palette.iter().all(|c| c[3] == 255),
        Ink::Rgb => true,
        Ink::Rgba => false,
    };
    let rgba = picture.rgba();
    let samples: u16 = if opaque { 3 } else { 4 };
    let pixels = match opaque {
        true => rgba.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect(),
        false => rgba,
    };
    let pixels: Vec<u8> = pixels;
    let (strip, _) = codec::encode(&[Filter { optional: false, ..Filter::deflate(6) }], &pixels, None)
        .map_err(|e| MapError::Encode(format!("TIFF: {e}")))?;
    let strip_bytes = u32::try_from(strip.len())
        .map_err(|_| MapError::Encode("a TIFF holds at most 4 GiB; ask for fewer pixels".into()))?;
    let mut tags = vec![
        Tag::long(256, picture.width),
        Tag::long(257, picture.height),
        Tag::shorts(258, &vec![8; usize::from(samples)]),
        Tag::shorts(259, &[8]),
        Tag::shorts(262, &[2]),
        Tag::long(273, 8),
        Tag::shorts(277, &[samples]),
        Tag::long(278, picture.height),
        Tag::long(279, strip_bytes),
        Tag::shorts(284, &[1]),
    ];
    if samples == 4 {
        // Opacity that is not multiplied into the colours.
        tags.push(Tag::shorts(338, &[2]));
    }
    if let Some(view) = view {
        tags.extend(place(view));
    }
    Ok(file(&strip, tags))
}

fn place(view: &View) -> Vec<Tag> {
    let grid = view.grid();
    let mut tags = vec![
        Tag::doubles(33550, &[grid.dx, -grid.dy, 0.0]),
        Tag::doubles(33922, &[0.0, 0.0, 0.0, grid.x0, grid.y0, 0.0]),
    ];
    let code = view.crs.authority_code();
    let code = match code.as_deref() {
        Some("OGC:CRS84") => Some(4326),
        Some(text) => text.strip_prefix("EPSG:").and_then(|c| c.parse::<u16>().ok()),
        None => None,
    };
    if let Some(code) = code {
        let (model, key) = if view.crs.is_geographic() { (2, 2048) } else { (1, 3072) };
        let keys = [1, 1, 0, 3, 1024, 0, 1, model, 1025, 0, 1, 1, key, 0, 1, code];
        tags.push(Tag::shorts(34735, &keys));
    }
    tags
}

fn file(strip: &[u8], tags: Vec<Tag>) -> Vec<u8> {
    let mut out = b"II*\0".to_vec();
    let padding = strip.len() % 2;
    let directory = 8 + strip.len() + padding;
    out.extend_from_slice(&(directory as u32).to_le_bytes());
    out.extend_from_slice(strip);
    out.resize(directory, 0);
    out.extend_from_slice(&(tags.len() as u16).to_le_bytes());
    let mut behind = directory + 2 + tags.len() * 12 + 4;
    let mut extra: Vec<u8> = Vec::new();
    for tag in &tags {
        out.extend_from_slice(&tag.number.to_le_bytes());
        out.extend_from_slice(&tag.kind.to_le_bytes());
        out.extend_from_slice(&tag.count.to_le_bytes());
        if tag.bytes.len() <= 4 {
            let mut inline = tag.bytes.clone();
            inline.resize(4, 0);
            out.extend_from_slice(&inline);
        } else {
            out.extend_from_slice(&(behind as u32).to_le_bytes());
            extra.extend_from_slice(&tag.bytes);
            behind += tag.bytes.len();
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&extra);
    out
}
