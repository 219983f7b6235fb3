//! Putting the file together.

use harmony_model::DType;

use super::super::tags;
use super::directory::{self, Directory, header_size};
use super::image::Image;
use super::layout::Layout;
use super::metadata::{Metadata, number_text};
use super::options::Scheme;
use super::pyramid::Level;
use super::spool::{Spool, Stored};
use super::{Encoded, geokeys};
use crate::write::{PendingFile, WriteError, WriteOptions};

/// GDAL's description of the layout. Its size is part of it.
const LAYOUT: &str = "LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n\
                      BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n ";

/// Blocks are written in pieces of about this many bytes.
const PIECE: usize = 4 << 20;

/// Writes header and directory of a file whose blocks are in their places; gives the size of the file.
///
/// # Errors
/// As [`write`].
pub fn finish(
    image: &Image,
    layout: &Layout,
    scheme: Scheme,
    encoded: &Encoded,
    big: bool,
    file: &PendingFile,
) -> Result<u64, WriteError> {
    let place = |b: &Stored| match b {
        Stored::Placed { offset, len } => (*offset, *len as u64),
        Stored::Memory(_) | Stored::Spooled { .. } => unreachable!("all blocks of such files are placed"),
    };
    let [blocks] = &encoded.blocks[..] else { unreachable!("such files have one level") };
    let part = Part { level: 0, is_mask: false, blocks };
    let offsets: Vec<u64> = blocks.iter().map(|b| place(b).0).collect();
    let ends = blocks.iter().map(|b| place(b).0 + place(b).1);
    let start = ends.fold(header_size(big), u64::max);
    let start = start + start % 2;
    let content = Content::of(image, encoded)?;
    let directory = content.directory(image, layout, scheme, &part, &offsets, big);
    let bytes = directory::serialise(&mut [directory], start, big);
    file.write_at(0, &header(start, big))?;
    file.write_at(start, &bytes)?;
    Ok(start + bytes.len() as u64)
}

/// Writes header, directories and blocks; gives the size of the file.
///
/// # Errors
/// [`WriteError`] for the output; [`WriteError::Unsupported`] for a CRS that GeoTIFF has no words for.
pub fn write(
    image: &Image,
    layout: &Layout,
    scheme: Scheme,
    encoded: &Encoded,
    spool: &Spool,
    file: &PendingFile,
    options: &WriteOptions,
) -> Result<u64, WriteError> {
    let (leader, trailer) = if layout.cog { (4, 4) } else { (0, 0) };
    let parts = parts(encoded, image.masked);
    let sizes = parts.iter().flat_map(|p| p.blocks).map(|b| b.len() as u64 + leader + trailer);
    let big = sizes.sum::<u64>() > layout.classic;
    let content = Content::of(image, encoded)?;
    let zero: Vec<Vec<u64>> = parts.iter().map(|p| vec![0; p.blocks.len()]).collect();
    let make = |offsets: &[Vec<u64>]| -> Vec<Directory> {
        let one = |(part, offsets): (&Part, &Vec<u64>)| match part.is_mask {
            false => content.directory(image, layout, scheme, part, offsets, big),
            true => mask_directory(layout, scheme, part, offsets, big),
        };
        parts.iter().zip(offsets).map(one).collect()
    };
    let ghost = if layout.cog { ghost_header() } else { String::new() };
    let start = header_size(big) + ghost.len() as u64;
    let start = start + start % 2;
    let head_size = start + directory::size_of(&make(&zero), big);
    let mut offsets = zero;
    let mut end = head_size;
    for (part, offsets) in parts.iter().zip(&mut offsets).rev() {
        for (block, offset) in part.blocks.iter().zip(offsets) {
            *offset = end + leader;
            end += leader + block.len() as u64 + trailer;
        }
    }
    let mut head = header(start, big);
    head.extend_from_slice(ghost.as_bytes());
    head.resize(start as usize, 0);
    head.extend(directory::serialise(&mut make(&offsets), start, big));
    file.write_at(0, &head)?;
    write_blocks(layout, &parts, spool, file, head_size, options)?;
    Ok(end)
}

/// What one directory describes: a level, or its mask.
struct Part<'a> {
    level: usize,
    is_mask: bool,
    blocks: &'a [Stored],
}

/// In the order of directories: each level, followed by its mask.
fn parts(encoded: &Encoded, masked: bool) -> Vec<Part<'_>> {
    let levels = encoded.blocks.iter().zip(&encoded.masks).enumerate();
    levels
        .flat_map(|(level, (blocks, mask))| {
            let image = Part { level, is_mask: false, blocks };
            [Some(image), masked.then_some(Part { level, is_mask: true, blocks: mask })]
        })
        .flatten()
        .collect()
}

fn ghost_header() -> String {
    format!("GDAL_STRUCTURAL_METADATA_SIZE={:06} bytes\n{LAYOUT}", LAYOUT.len())
}

fn header(first: u64, big: bool) -> Vec<u8> {
    let mut out = b"II".to_vec();
    if big {
        out.extend([43u16, 8, 0].iter().flat_map(|v| v.to_le_bytes()));
        out.extend(first.to_le_bytes());
    } else {
        out.extend(42u16.to_le_bytes());
        out.extend((first as u32).to_le_bytes());
    }
    out
}

/// From the smallest overview to the full size, so that the first bytes of a file give a picture of all of it.
fn write_blocks(
    layout: &Layout,
    parts: &[Part],
    spool: &Spool,
    file: &PendingFile,
    start: u64,
    options: &WriteOptions,
) -> Result<(), WriteError> {
    let (mut at, mut buffer) = (start, Vec::with_capacity(PIECE + PIECE / 4));
    for block in parts.iter().rev().flat_map(|p| p.blocks) {
        if layout.cog {
            buffer.extend((block.len() as u32).to_le_bytes());
        }
        let begin = buffer.len();
        spool.append(block, &mut buffer)?;
        if layout.cog {
            let mut last = [0; 4];
            let tail = &buffer[begin.max(buffer.len().saturating_sub(4))..];
            last[..tail.len()].copy_from_slice(tail);
            buffer.extend(last);
        }
        if buffer.len() >= PIECE {
            if options.is_cancelled() {
                return Err(WriteError::Cancelled);
            }
            file.write_at(at, &buffer)?;
            at += buffer.len() as u64;
            buffer.clear();
        }
    }
    file.write_at(at, &buffer)
}

/// What the directories say besides the blocks.
struct Content {
    keys: geokeys::GeoKeys,
    metadata: String,
    nodata: Option<String>,
}

impl Content {
    fn of(image: &Image, encoded: &Encoded) -> Result<Self, WriteError> {
        let first = &image.rasters[0];
        let keys =
            geokeys::of(&first.grid.crs, image.undefined).map_err(|detail| WriteError::Unsupported {
                target: image.granule.name.clone(),
                object: format!("variable '{}'", first.path),
                detail,
            })?;
        let mut metadata = Metadata::new();
        metadata.granule(image.granule);
        let alone = image.rasters.len() == 1 && image.granule.format != "geotiff";
        if alone {
            metadata.attributes(image.granule.var(first.var), None);
        }
        for (number, (&(r, b), stats)) in image.bands.iter().zip(&encoded.statistics).enumerate() {
            let raster = &image.rasters[r];
            let var = image.granule.var(raster.var);
            if !alone {
                metadata.attributes(var, Some(number));
            }
            metadata.band(number, var, raster, &raster.bands[b], stats);
        }
        let nan = image.dtype.is_float() && encoded.statistics.iter().any(|s| s.nan > 0);
        let nodata = image.nodata.or(nan.then_some(f64::NAN)).map(number_text);
        Ok(Content { keys, metadata: metadata.finish(), nodata })
    }

    fn directory(
        &self,
        image: &Image,
        layout: &Layout,
        scheme: Scheme,
        part: &Part,
        offsets: &[u64],
        big: bool,
    ) -> Directory {
        let index = part.level;
        let level = &layout.levels[index];
        let mut d = Directory::default();
        if index > 0 {
            d.longs(tags::NEW_SUBFILE_TYPE, &[1]);
        }
        size(&mut d, level);
        samples(&mut d, image, layout, scheme);
        blocks(&mut d, layout, part, offsets, big);
        if let Some(nodata) = &self.nodata {
            d.text(tags::GDAL_NODATA, nodata);
        }
        if index == 0 {
            self.georeference(&mut d, image);
            d.text(tags::SOFTWARE, concat!("harmony ", env!("CARGO_PKG_VERSION")));
            d.text(tags::GDAL_METADATA, &self.metadata);
        }
        d
    }

    fn georeference(&self, d: &mut Directory, image: &Image) {
        let t = image.rasters[0].geo_transform();
        if t[2] == 0.0 && t[4] == 0.0 && t[5] < 0.0 {
            d.doubles(tags::MODEL_PIXEL_SCALE, &[t[1], -t[5], 0.0]);
            d.doubles(tags::MODEL_TIEPOINT, &[0.0, 0.0, 0.0, t[0], t[3], 0.0]);
        } else {
            let rows = [t[1], t[2], 0.0, t[0], t[4], t[5], 0.0, t[3], 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
            d.doubles(tags::MODEL_TRANSFORMATION, &rows);
        }
        d.shorts(tags::GEO_KEY_DIRECTORY, &self.keys.directory);
        if !self.keys.doubles.is_empty() {
            d.doubles(tags::GEO_DOUBLE_PARAMS, &self.keys.doubles);
        }
        if !self.keys.text.is_empty() {
            d.text(tags::GEO_ASCII_PARAMS, &self.keys.text);
        }
    }
}

/// The directory of a mask: one bit for each cell (TIFF 6.0, section 8, transparency mask).
fn mask_directory(layout: &Layout, scheme: Scheme, part: &Part, offsets: &[u64], big: bool) -> Directory {
    let mut d = Directory::default();
    // Bit 2: a mask; bit 0: of reduced resolution.
    d.longs(tags::NEW_SUBFILE_TYPE, &[if part.level > 0 { 5 } else { 4 }]);
    size(&mut d, &layout.levels[part.level]);
    d.shorts(tags::BITS_PER_SAMPLE, &[1]);
    d.shorts(tags::COMPRESSION, &[scheme.compression.code()]);
    d.shorts(tags::PHOTOMETRIC, &[4]);
    d.shorts(tags::SAMPLES_PER_PIXEL, &[1]);
    d.shorts(tags::PLANAR_CONFIGURATION, &[1]);
    d.shorts(tags::SAMPLE_FORMAT, &[1]);
    blocks(&mut d, layout, part, offsets, big);
    d
}

/// Where the blocks of a level or of its mask are.
fn blocks(d: &mut Directory, layout: &Layout, part: &Part, offsets: &[u64], big: bool) {
    let level = &layout.levels[part.level];
    let sizes: Vec<u32> = part.blocks.iter().map(|b| b.len() as u32).collect();
    if layout.tiled {
        d.shorts(tags::TILE_WIDTH, &[level.block_width as u16]);
        d.shorts(tags::TILE_LENGTH, &[level.block_height as u16]);
        d.offsets(tags::TILE_OFFSETS, offsets, big);
        d.longs(tags::TILE_BYTE_COUNTS, &sizes);
    } else {
        d.longs(tags::ROWS_PER_STRIP, &[level.block_height as u32]);
        d.offsets(tags::STRIP_OFFSETS, offsets, big);
        d.longs(tags::STRIP_BYTE_COUNTS, &sizes);
    }
}

fn size(d: &mut Directory, level: &Level) {
    // Nothing with more than 2³² rows or columns gets here: it would not fit into any memory.
    let value = |v: u64| u32::try_from(v).unwrap_or(u32::MAX);
    d.longs(tags::IMAGE_WIDTH, &[value(level.width)]);
    d.longs(tags::IMAGE_LENGTH, &[value(level.height)]);
}

fn samples(d: &mut Directory, image: &Image, layout: &Layout, scheme: Scheme) {
    let count = image.bands.len();
    d.shorts(tags::BITS_PER_SAMPLE, &vec![8 * image.dtype.size() as u16; count]);
    d.shorts(tags::COMPRESSION, &[scheme.compression.code()]);
    let (photometric, colours) = match (&image.palette, image.rgb) {
        (Some(_), _) => (3, 1),
        (None, true) => (2, 3),
        (None, false) => (1, 1),
    };
    d.shorts(tags::PHOTOMETRIC, &[photometric]);
    // At most 65 535 bands come this far.
    d.shorts(tags::SAMPLES_PER_PIXEL, &[count as u16]);
    d.shorts(tags::PLANAR_CONFIGURATION, &[if layout.interleaved { 1 } else { 2 }]);
    if scheme.predictor.code() != 1 {
        d.shorts(tags::PREDICTOR, &[scheme.predictor.code()]);
    }
    if let Some(palette) = &image.palette {
        let entries = 1usize << (8 * image.dtype.size());
        let channel = |c: usize| (0..entries).map(move |i| palette.get(i).map_or(0, |rgba| rgba[c] * 257));
        d.shorts(tags::COLOR_MAP, &(0..3).flat_map(channel).collect::<Vec<u16>>());
    }
    if count > colours {
        // Of a red, green, blue image the fourth band may be its opacity.
        let extra: Vec<u16> = (colours..count).map(|i| if image.alpha && i == 3 { 2 } else { 0 }).collect();
        d.shorts(tags::EXTRA_SAMPLES, &extra);
    }
    let format = match image.dtype {
        DType::I8 | DType::I16 | DType::I32 | DType::I64 => 2,
        DType::F32 | DType::F64 => 3,
        _ => 1,
    };
    d.shorts(tags::SAMPLE_FORMAT, &vec![format; count]);
}
