//! Reading GeoTIFF: strips and tiles, interleaved or not, without compression or with deflate, LZW, Zstandard,
//! PackBits, and all predictors; masks of one bit; overviews when they are asked for.

mod blocks;
mod georeference;
mod image;
mod levels;
mod metadata;
mod tiff;

use std::path::Path;
use std::sync::Arc;

use harmony_model::dtype::number_bytes;
use harmony_model::{ByteSource, DType, Granule, ReadError};

use super::tags;
use crate::gdal::info::{BandInfo, RasterInfo};
use crate::gdal::raster;
use crate::io::BlockCache;
use image::Image;
use levels::{Band, Levels};
use metadata::Metadata;
use tiff::Directory;

/// What messages call a choice of bands that aren't there.
pub const BAND_SELECTION: &str = "band selection";

/// Opens a GeoTIFF; values are read when asked for. The granule is that of [`crate::gdal::open`].
///
/// # Errors
/// [`ReadError::Unsupported`] when it needs GDAL (other compressions, other reference systems, files beside it that
/// say more), or naming [`BAND_SELECTION`]; [`ReadError::Corrupt`] when it is damaged.
pub fn open(source: &Arc<dyn ByteSource>, bands: &[u32]) -> Result<Granule, ReadError> {
    let cached: Arc<dyn ByteSource> = Arc::new(BlockCache::new(source.clone()));
    let directory = Directory::first(cached.as_ref())?;
    let image = Arc::new(Image::of(cached.as_ref(), &directory)?);
    let info = describe(source.as_ref(), &directory, &image)?;
    let name = source.name().rsplit('/').next().unwrap_or_default();
    if let Err(ReadError::Unsupported { source_name, detail, .. }) = raster::pick(bands, image.bands, name) {
        return Err(ReadError::unsupported(&source_name, BAND_SELECTION, detail));
    }
    let fill = fill(&info, &image);
    let levels = Arc::new(Levels::new(&cached, source, &image, directory.big_endian, &fill));
    let mask = levels.mask()?;
    let arrays = blocks::arrays(source, &image, directory.big_endian, &fill);
    raster::granule_of(&info, name, bands, &|band, _| {
        let number = band as usize - 1;
        let (data, mask, levels) = (arrays[number].clone(), mask.clone(), levels.clone());
        Arc::new(Band { data, number, mask, levels })
    })
}

/// One element for blocks that were never written.
fn fill(info: &RasterInfo, image: &Image) -> Vec<u8> {
    let nodata = info.bands.first().and_then(|b| b.nodata);
    nodata.and_then(|v| number_bytes(&image.dtype, v)).unwrap_or_default()
}

fn describe(source: &dyn ByteSource, d: &Directory, image: &Image) -> Result<RasterInfo, ReadError> {
    let keys = georeference::Keys::of(d)?;
    let unknown = |what: String| {
        ReadError::unsupported(source.name(), "reference system", format!("{what}, which is not built in"))
    };
    let transform = georeference::transform(d, keys.is_point())?;
    if let Some(path) = source.local_path().filter(|p| has_companion(p, transform.is_some())) {
        let detail = format!("files beside {} say more about it", path.display());
        return Err(ReadError::unsupported(source.name(), "companion file", detail));
    }
    let crs = keys.crs().map_err(unknown)?;
    let metadata = Metadata::of(d, image.bands, keys.raster_type())?;
    let nodata = d.text(tags::GDAL_NODATA)?.and_then(|t| metadata::nodata(&t));
    let colors = colors(image, nodata);
    let band = |(i, m): (usize, &metadata::BandMetadata)| BandInfo {
        kind: kind(&image.dtype),
        block: (image.block_width, image.block_height),
        nodata,
        scale: m.scale,
        offset: m.offset,
        unit: m.unit.clone(),
        description: m.description.clone(),
        interpretation: interpretation(image, i).into(),
        colors: if i == 0 { colors.clone() } else { Vec::new() },
        metadata: m.items.clone(),
        signed_byte: false,
    };
    Ok(RasterInfo {
        driver: "GTiff".into(),
        width: image.width,
        height: image.height,
        bands: metadata.bands.iter().enumerate().map(band).collect(),
        transform,
        crs,
        metadata: metadata.dataset.clone(),
        subdatasets: Vec::new(),
    })
}

/// Whether GDAL would find more beside the file: its own metadata, or a world file where the file has no place.
fn has_companion(path: &Path, located: bool) -> bool {
    let appended = |suffix: &str| {
        let mut name = path.as_os_str().to_os_string();
        name.push(suffix);
        Path::new(&name).exists()
    };
    appended(".aux.xml")
        || (!located && ["tfw", "tifw", "wld"].iter().any(|e| path.with_extension(e).exists()))
}

/// GDAL's number of an element type.
fn kind(dtype: &DType) -> i32 {
    match dtype {
        DType::U16 => 2,
        DType::I16 => 3,
        DType::U32 => 4,
        DType::I32 => 5,
        DType::F32 => 6,
        DType::F64 => 7,
        DType::U64 => 12,
        DType::I64 => 13,
        DType::I8 => 14,
        _ => 1,
    }
}

/// What a band means, in GDAL's words.
fn interpretation(image: &Image, band: usize) -> &'static str {
    let colours = if image.photometric == 2 { 3 } else { 1 };
    match (image.photometric, band) {
        (2, 0) => "Red",
        (2, 1) => "Green",
        (2, 2) => "Blue",
        (3, 0) => "Palette",
        (_, 0) => "Gray",
        // 1 and 2: opacity, multiplied into the colours or not.
        _ => match image.extra_samples.get(band.wrapping_sub(colours)) {
            Some(1 | 2) => "Alpha",
            _ => "Undefined",
        },
    }
}

/// Red, green, blue, alpha of each value; the fill value is transparent. Files may have colours and yet call themselves
/// grey: GDAL shows them in colours.
fn colors(image: &Image, nodata: Option<f64>) -> Vec<[i16; 4]> {
    let n = image.color_map.len() / 3;
    let channel = |c: usize, i: usize| (image.color_map[c * n + i] >> 8).min(255) as i16;
    (0..n)
        .map(|i| {
            let alpha = if nodata == Some(i as f64) { 0 } else { 255 };
            [channel(0, i), channel(1, i), channel(2, i), alpha]
        })
        .collect()
}
