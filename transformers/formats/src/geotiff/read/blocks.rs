//! Blocks of a file as chunks of an array.

use std::sync::Arc;

use harmony_model::{ArraySource, ByteSource, Filter, ReadError, Runs, StoredChunk, Window, filter};

use super::super::tags::{Compression, Predictor};
use super::image::Image;
use crate::chunked::{ChunkLocator, ChunkedArray, ChunkedSpec, ContiguousArray, ContiguousSpec};

/// The arrays of all bands.
///
/// `fill`: one element in native order for blocks that were never written.
pub fn arrays(
    source: &Arc<dyn ByteSource>,
    image: &Arc<Image>,
    big_endian: bool,
    fill: &[u8],
) -> Vec<Arc<dyn ArraySource>> {
    let array = |object: String, first_block: u64| -> Arc<dyn ArraySource> {
        let samples = if image.interleaved { image.bands as u64 } else { 1 };
        let mut shape = vec![image.height, image.width];
        let mut chunk_shape = vec![image.block_height, image.block_width];
        if image.interleaved {
            shape.push(samples);
            chunk_shape.push(samples);
        }
        // The floating-point predictor gives native order whatever the order of the file.
        let native = image.predictor == Predictor::FloatingPoint || big_endian == cfg!(target_endian = "big");
        let swap_width = if native { 1 } else { image.dtype.size() };
        // Uncompressed strips that follow each other are read in long pieces.
        if let Some(offset) = image.one_piece(first_block) {
            return Arc::new(ContiguousArray::new(ContiguousSpec {
                object,
                source: source.clone(),
                offset: Some(offset),
                shape,
                element_size: image.dtype.size(),
                swap_width,
                fill: fill.to_vec(),
                record_stride: None,
                heap: None,
            }));
        }
        let blocks = ChunkedArray::new(ChunkedSpec {
            object,
            source_name: source.name().into(),
            shape,
            chunk_shape,
            element_size: image.dtype.size(),
            swap_width,
            filters: filters(image, samples, big_endian),
            fill: fill.to_vec(),
            locator: Arc::new(Blocks { source: source.clone(), image: image.clone(), first_block }),
            heap: None,
        });
        Arc::new(Blocked(blocks))
    };
    if image.interleaved {
        let all = array("image".into(), 0);
        return (0..image.bands as u64)
            .map(|band| -> Arc<dyn ArraySource> { Arc::new(Sample { all: all.clone(), band }) })
            .collect();
    }
    let plane = image.blocks_across() * image.blocks_down();
    (0..image.bands as u64).map(|b| array(format!("band {}", b + 1), b * plane)).collect()
}

/// What was done to a block, in the order of writing.
fn filters(image: &Image, samples: u64, big_endian: bool) -> Vec<Filter> {
    let compressor = match image.compression {
        Compression::None => return Vec::new(),
        Compression::Lzw => filter::TIFF_LZW,
        Compression::Deflate => filter::DEFLATE,
        Compression::PackBits => filter::PACKBITS,
        Compression::Zstd => filter::ZSTD,
    };
    let size = image.dtype.size() as u32;
    let big = match image.predictor {
        Predictor::FloatingPoint => cfg!(target_endian = "big"),
        _ => big_endian,
    };
    // Widths and sample counts are far below 2³².
    let line = (image.block_width * samples * u64::from(size)) as u32;
    let rows = [u32::from(image.predictor.code()), samples as u32, size, line, u32::from(big)];
    vec![Filter::new(filter::TIFF_ROWS, &rows), Filter::new(compressor, &[])]
}

struct Blocks {
    source: Arc<dyn ByteSource>,
    image: Arc<Image>,
    /// Number of the first block of a band that has blocks of its own.
    first_block: u64,
}

impl ChunkLocator for Blocks {
    fn locate(&self, chunk: u64) -> Result<StoredChunk, ReadError> {
        let image = &self.image;
        let index = usize::try_from(self.first_block + chunk).unwrap_or(usize::MAX);
        let (Some(&offset), Some(&len)) = (image.offsets.get(index), image.sizes.get(index)) else {
            return Err(ReadError::corrupt(self.source.name(), format!("block {index}"), "it is not listed"));
        };
        if len == 0 || offset == 0 {
            return Ok(StoredChunk::Missing);
        }
        let len = if image.compression == Compression::None { self.whole(chunk, index, len)? } else { len };
        Ok(StoredChunk::At { source: self.source.clone(), offset, len, filter_mask: 0 })
    }
}

impl Blocks {
    /// An uncompressed strip at the lower edge is as if it were whole: nothing beyond its rows is asked for.
    fn whole(&self, chunk: u64, index: usize, len: u64) -> Result<u64, ReadError> {
        let image = &self.image;
        let samples = if image.interleaved { image.bands as u64 } else { 1 };
        let line = image.block_width * samples * image.dtype.size() as u64;
        let row = chunk / image.blocks_across() * image.block_height;
        let rows = if image.tiled { image.block_height } else { image.block_height.min(image.height - row) };
        let needed = rows.saturating_mul(line);
        if len < needed {
            let detail = format!("{len} bytes instead of {needed}");
            return Err(ReadError::corrupt(self.source.name(), format!("block {index}"), detail));
        }
        Ok(image.block_height.saturating_mul(line))
    }
}

/// Blocks as an array and no more: what was done to them is TIFF's own, so that none is a chunk of another format.
struct Blocked(ChunkedArray);

impl ArraySource for Blocked {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        self.0.read(window, out)
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.0.cost(window)
    }
}

/// One band of interleaved ones.
struct Sample {
    all: Arc<dyn ArraySource>,
    band: u64,
}

impl Sample {
    fn window(&self, window: &Window) -> Window {
        let mut axes = window.0.clone();
        axes.push(Runs::range(self.band, 1));
        Window(axes)
    }
}

impl ArraySource for Sample {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        self.all.read(&self.window(window), out)
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.all.cost(&self.window(window))
    }
}
