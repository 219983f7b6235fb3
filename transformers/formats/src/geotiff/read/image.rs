//! What the first directory says about pixels.

use harmony_model::{ByteSource, DType, ReadError};

use super::super::tags::{self, Compression, Predictor};
use super::tiff::Directory;

/// Cells along an axis that are believed: a hundred times what the largest mosaics have.
const MAX_CELLS: u64 = 1 << 25;

/// Bytes of a tile that are believed.
const MAX_TILE: u64 = 1 << 28;

/// Pixels of a file and how they are stored.
pub struct Image {
    pub width: u64,
    pub height: u64,
    pub bands: usize,
    pub dtype: DType,
    pub compression: Compression,
    pub predictor: Predictor,
    /// Bands are interleaved by pixel.
    pub interleaved: bool,
    pub block_width: u64,
    pub block_height: u64,
    /// Blocks are tiles; strips at the lower edge are shorter than the others.
    pub tiled: bool,
    pub offsets: Vec<u64>,
    pub sizes: Vec<u64>,
    pub photometric: u64,
    pub extra_samples: Vec<u64>,
    /// Red, green, blue of 16 bits, channel after channel.
    pub color_map: Vec<u64>,
}

impl Image {
    /// # Errors
    /// [`ReadError::Unsupported`] for what only GDAL may know, [`ReadError::Corrupt`] for nonsense.
    pub fn of(source: &dyn ByteSource, d: &Directory) -> Result<Self, ReadError> {
        let bands = d.number(tags::SAMPLES_PER_PIXEL, 1)?;
        if bands == 0 || bands > 65_535 {
            let detail = format!("{bands} samples per pixel");
            return Err(ReadError::corrupt(source.name(), "TIFF directory", detail));
        }
        Image::coded(source, d, bands, Coding::of(source, d, bands)?)
    }

    /// A mask of one bit for each cell; columns of the image are bytes, each with the bits of eight cells.
    ///
    /// # Errors
    /// As [`Image::of`].
    pub fn of_mask(source: &dyn ByteSource, d: &Directory) -> Result<Self, ReadError> {
        Image::coded(source, d, 1, Coding::of_mask(source, d)?)
    }

    fn coded(source: &dyn ByteSource, d: &Directory, bands: u64, coding: Coding) -> Result<Self, ReadError> {
        let corrupt = |detail: String| ReadError::corrupt(source.name(), "TIFF directory", detail);
        let (width, height) = (d.number(tags::IMAGE_WIDTH, 0)?, d.number(tags::IMAGE_LENGTH, 0)?);
        if width == 0 || height == 0 {
            return Err(corrupt(format!("an image of {width} x {height} pixels")));
        }
        if width.max(height) > MAX_CELLS {
            return Err(ReadError::TooLarge {
                source_name: source.name().into(),
                object: "an axis of the image".into(),
                claimed: width.max(height).saturating_mul(8),
                limit: MAX_CELLS * 8,
            });
        }
        let tiled = d.has(tags::TILE_WIDTH);
        let (block_width, block_height) = match tiled {
            true => (d.number(tags::TILE_WIDTH, 0)?, d.number(tags::TILE_LENGTH, 0)?),
            // TIFF's default is one strip.
            false => (width, d.number(tags::ROWS_PER_STRIP, height)?.min(height)),
        };
        let cells = coding.cells_per_byte;
        if block_width.min(block_height) == 0
            || block_width.max(block_height) > MAX_CELLS
            || (tiled && block_width % cells != 0)
        {
            return Err(corrupt(format!("blocks of {block_width} x {block_height} pixels")));
        }
        let (width, block_width) = (width.div_ceil(cells), block_width.div_ceil(cells));
        let interleaved = bands > 1 && coding.contiguous;
        let planes = if interleaved { 1 } else { bands };
        let line = block_width * (bands / planes) * coding.dtype.size() as u64;
        if line > u64::from(u32::MAX) || (tiled && line.saturating_mul(block_height) > MAX_TILE) {
            return Err(ReadError::TooLarge {
                source_name: source.name().into(),
                object: format!("a block of {block_width} x {block_height} pixels"),
                claimed: line.saturating_mul(block_height),
                limit: MAX_TILE,
            });
        }
        let grid = BlockGrid { width, height, block_width, block_height, planes, line, tiled };
        let (offsets, sizes) = grid.places(source, d, coding.compression)?;
        let Coding { dtype, compression, predictor, photometric, .. } = coding;
        Ok(Image {
            width,
            height,
            bands: bands as usize,
            dtype,
            compression,
            predictor,
            interleaved,
            block_width,
            block_height,
            tiled,
            offsets,
            sizes,
            photometric,
            extra_samples: d.numbers(tags::EXTRA_SAMPLES)?.unwrap_or_default(),
            color_map: d.numbers(tags::COLOR_MAP)?.unwrap_or_default(),
        })
    }

    /// Where the pixels of a plane begin, when its strips are not compressed and follow each other without a gap.
    pub fn one_piece(&self, first_block: u64) -> Option<u64> {
        if self.tiled || self.compression != Compression::None {
            return None;
        }
        let samples = if self.interleaved { self.bands as u64 } else { 1 };
        let line = self.width.checked_mul(samples)?.checked_mul(self.dtype.size() as u64)?;
        let first = usize::try_from(first_block).ok()?;
        let start = *self.offsets.get(first)?;
        let mut expected = start;
        for i in 0..self.blocks_down() {
            let index = first + usize::try_from(i).ok()?;
            let rows = self.block_height.min(self.height - i * self.block_height);
            let len = rows.checked_mul(line)?;
            let there = start > 0 && *self.offsets.get(index)? == expected && *self.sizes.get(index)? == len;
            if !there {
                return None;
            }
            expected = expected.checked_add(len)?;
        }
        Some(start)
    }

    pub fn blocks_across(&self) -> u64 {
        self.width.div_ceil(self.block_width)
    }

    pub fn blocks_down(&self) -> u64 {
        self.height.div_ceil(self.block_height)
    }
}

const FILL_ORDER: u16 = 266;

/// How the blocks of an image divide it.
struct BlockGrid {
    width: u64,
    height: u64,
    block_width: u64,
    block_height: u64,
    /// Bands that have blocks of their own.
    planes: u64,
    /// Bytes of a row of a block.
    line: u64,
    tiled: bool,
}

impl BlockGrid {
    /// Offset and size of every block.
    fn places(
        &self,
        source: &dyn ByteSource,
        d: &Directory,
        compression: Compression,
    ) -> Result<(Vec<u64>, Vec<u64>), ReadError> {
        let corrupt = |detail: String| ReadError::corrupt(source.name(), "TIFF directory", detail);
        let (at, lengths) = match self.tiled {
            true => (tags::TILE_OFFSETS, tags::TILE_BYTE_COUNTS),
            false => (tags::STRIP_OFFSETS, tags::STRIP_BYTE_COUNTS),
        };
        let offsets = d.numbers(at)?.unwrap_or_default();
        let across = self.width.div_ceil(self.block_width);
        let blocks = across
            .checked_mul(self.height.div_ceil(self.block_height))
            .and_then(|n| n.checked_mul(self.planes))
            .filter(|&n| n <= offsets.len() as u64)
            .ok_or_else(|| {
                let (width, height) = (self.width, self.height);
                corrupt(format!("{} blocks are too few for {width} x {height}", offsets.len()))
            })?;
        let sizes = match d.numbers(lengths)? {
            Some(sizes) => sizes,
            // Without compression the sizes follow from the shape.
            None if compression == Compression::None => {
                let per_plane = blocks / self.planes;
                let rows = |i: u64| {
                    let row = i % per_plane / across * self.block_height;
                    if self.tiled { self.block_height } else { self.block_height.min(self.height - row) }
                };
                (0..blocks).map(|i| rows(i).saturating_mul(self.line)).collect()
            }
            None => Vec::new(),
        };
        if (sizes.len() as u64) < blocks {
            return Err(corrupt(format!("{} block sizes for {blocks} blocks", sizes.len())));
        }
        Ok((offsets, sizes))
    }
}

/// How samples are coded.
struct Coding {
    dtype: DType,
    /// 8 where every cell is a bit.
    cells_per_byte: u64,
    compression: Compression,
    predictor: Predictor,
    contiguous: bool,
    photometric: u64,
}

impl Coding {
    fn of(source: &dyn ByteSource, d: &Directory, bands: u64) -> Result<Self, ReadError> {
        let unknown = |what: String| {
            ReadError::unsupported(source.name(), "TIFF directory", format!("{what}, which is not built in"))
        };
        let same = |tag: u16, default: u64| -> Result<u64, ReadError> {
            let values = d.numbers(tag)?.unwrap_or_default();
            let first = values.first().copied().unwrap_or(default);
            match values.iter().all(|&v| v == first) {
                true => Ok(first),
                false => Err(unknown("samples of different types".into())),
            }
        };
        let bits = same(tags::BITS_PER_SAMPLE, 1)?;
        let format = same(tags::SAMPLE_FORMAT, 1)?;
        // Undefined samples (4) are read as unsigned numbers.
        let dtype = match (format, bits) {
            (1 | 4, 8) => DType::U8,
            (1 | 4, 16) => DType::U16,
            (1 | 4, 32) => DType::U32,
            (1 | 4, 64) => DType::U64,
            (2, 8) => DType::I8,
            (2, 16) => DType::I16,
            (2, 32) => DType::I32,
            (2, 64) => DType::I64,
            (3, 32) => DType::F32,
            (3, 64) => DType::F64,
            _ => return Err(unknown(format!("samples of {bits} bits in format {format}"))),
        };
        let code = d.number(tags::COMPRESSION, 1)?;
        let compression = Compression::of_code(code).ok_or_else(|| unknown(format!("compression {code}")))?;
        let code = match compression {
            Compression::None | Compression::PackBits => 1,
            _ => d.number(tags::PREDICTOR, 1)?,
        };
        let predictor = Predictor::of_code(code).ok_or_else(|| unknown(format!("predictor {code}")))?;
        if predictor == Predictor::FloatingPoint && !dtype.is_float() {
            return Err(unknown("the floating-point predictor for integers".into()));
        }
        if d.number(FILL_ORDER, 1)? != 1 {
            return Err(unknown("bits in reverse order".into()));
        }
        let photometric = d.number(tags::PHOTOMETRIC, 1)?;
        if !matches!(photometric, 1..=3) || (photometric == 2 && bands < 3) {
            return Err(unknown(format!("photometric interpretation {photometric}")));
        }
        let contiguous = d.number(tags::PLANAR_CONFIGURATION, 1)? != 2;
        Ok(Coding { dtype, cells_per_byte: 1, compression, predictor, contiguous, photometric })
    }

    fn of_mask(source: &dyn ByteSource, d: &Directory) -> Result<Self, ReadError> {
        let unknown = |what: String| {
            ReadError::unsupported(source.name(), "TIFF mask", format!("{what}, which is not built in"))
        };
        let bits = d.number(tags::BITS_PER_SAMPLE, 1)?;
        let samples = d.number(tags::SAMPLES_PER_PIXEL, 1)?;
        if bits != 1 || samples != 1 || d.number(FILL_ORDER, 1)? != 1 {
            return Err(unknown(format!("{samples} samples of {bits} bits, or bits in reverse order")));
        }
        let code = d.number(tags::COMPRESSION, 1)?;
        let compression = Compression::of_code(code).ok_or_else(|| unknown(format!("compression {code}")))?;
        Ok(Coding {
            dtype: DType::U8,
            cells_per_byte: 8,
            compression,
            predictor: Predictor::None,
            contiguous: true,
            photometric: tags::PHOTOMETRIC_MASK,
        })
    }
}
