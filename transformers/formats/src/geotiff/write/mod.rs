//! Writing GeoTIFF and cloud-optimised GeoTIFF.
//!
//! Rows are read once, in pieces that fit into memory, and become encoded blocks of all levels as they come. Blocks of
//! plain files are written at once, with the directory behind them (see [`direct`]). Other files are put together at
//! the end, when the size of everything is known: directories first, then the blocks from the smallest overview to the
//! full size.

mod block;
mod direct;
mod directory;
mod file;
mod geokeys;
mod image;
mod layout;
mod metadata;
mod options;
mod overview;
mod projections;
mod pyramid;
mod spool;
mod wkt;

use std::path::Path;

use harmony_model::{Granule, Window};
use rayon::prelude::*;

pub use image::fit_together;

use crate::raster::{Raster, Statistics};
use crate::write::{PendingFile, VariablePlan, WriteError, WriteOptions, WritePlan, WriteReport};
use direct::{CLASSIC, Direct, Placing};
use image::Image;
use layout::Layout;
use options::Scheme;
use pyramid::{Encoder, Level, Pyramid, Rows};
use spool::{Spool, Stored};

/// What writing `rasters` into one file reads and gives.
///
/// # Errors
/// When a chunk index can't be read.
pub fn plan(granule: &Granule, rasters: &[Raster]) -> Result<WritePlan, WriteError> {
    let mut plan = WritePlan::default();
    for raster in rasters {
        let shape = granule.shape(raster.var);
        let bytes_read = granule.var(raster.var).data.cost(&Window::all(&shape))?;
        let cells = raster.grid.nx.saturating_mul(raster.grid.ny).saturating_mul(raster.bands.len() as u64);
        let data_bytes = cells.saturating_mul(image::stored_type(&raster.dtype).size() as u64);
        plan.bytes_read += bytes_read;
        plan.data_bytes = plan.data_bytes.saturating_add(data_bytes);
        plan.output_bytes = plan.output_bytes.saturating_add(data_bytes / 2);
        plan.variables.push(VariablePlan {
            var: raster.var,
            path: raster.path.clone(),
            shape: vec![raster.bands.len() as u64, raster.grid.ny, raster.grid.nx],
            chunk_shape: None,
            filters: Vec::new(),
            tasks: Vec::new(),
            bytes_read,
            data_bytes,
            output_bytes: data_bytes / 2,
        });
    }
    Ok(plan)
}

/// Writes `rasters` as the bands of one file.
///
/// # Errors
/// What the input says; [`WriteError`] for the output. Nothing is left behind.
pub fn write(
    granule: &Granule,
    rasters: &[Raster],
    cog: bool,
    target: &Path,
    options: &WriteOptions,
) -> Result<WriteReport, WriteError> {
    write_within(CLASSIC, granule, rasters, cog, target, options)
}

/// The same with BigTIFF for more than `classic` bytes of blocks.
///
/// # Errors
/// As [`write`].
pub(super) fn write_within(
    classic: u64,
    granule: &Granule,
    rasters: &[Raster],
    cog: bool,
    target: &Path,
    options: &WriteOptions,
) -> Result<WriteReport, WriteError> {
    let image = Image::new(granule, rasters, options)?;
    let layout = Layout::of(&image, cog, options.encoding.compat, classic);
    let scheme = Scheme::of(options, &image.dtype, image.palette.is_some(), &target.display().to_string())?;
    let pending = PendingFile::create(target)?;
    let mut spool = Spool::new(target, options.memory / SPOOLED);
    let placing = Placing::of(&image, &layout, scheme);
    let place = |group: usize| placing.map(|p| p.group(&pending, group));
    let encoded = encode(&image, &layout, scheme, options, &mut spool, &place)?;
    let bytes_written = match placing {
        Some(placing) => file::finish(&image, &layout, scheme, &encoded, placing.big, &pending)?,
        None => file::write(&image, &layout, scheme, &encoded, &spool, &pending, options)?,
    };
    pending.finish(bytes_written)?;
    Ok(WriteReport {
        bytes_read: plan(granule, rasters)?.bytes_read,
        bytes_written,
        chunks_encoded: encoded.blocks.iter().map(|l| l.len() as u64).sum(),
        ..WriteReport::default()
    })
}

/// Share of the memory that blocks wait in before they go to a file: one of this many.
const SPOOLED: u64 = 6;
/// Blocks that a thread encodes before they go to the spool, where memory is short.
const BLOCKS_PER_THREAD: usize = 4;

/// The largest number up to `most` that `step` is a multiple of.
fn part_of(step: u64, most: u64) -> u64 {
    (1..=most.min(step)).rev().find(|&n| step.is_multiple_of(n)).unwrap_or(1)
}

/// All blocks of a file, and the statistics of its bands.
struct Encoded {
    /// For each level its blocks; those of bands that do not share blocks follow each other.
    blocks: Vec<Vec<Stored>>,
    /// For each level the blocks of the mask; empty without one.
    masks: Vec<Vec<Stored>>,
    statistics: Vec<Statistics>,
}

impl Encoded {
    fn append(&mut self, more: Encoded) {
        self.statistics.extend(more.statistics);
        let levels = self.blocks.iter_mut().zip(more.blocks).chain(self.masks.iter_mut().zip(more.masks));
        levels.for_each(|(all, more)| all.extend(more));
    }
}

/// `place`: where the blocks of a group of bands go, when they don't wait in the spool.
fn encode<'f>(
    image: &Image,
    layout: &Layout,
    scheme: Scheme,
    options: &WriteOptions,
    spool: &mut Spool,
    place: &dyn Fn(usize) -> Option<Direct<'f>>,
) -> Result<Encoded, WriteError> {
    // Not a number is no data whether or not the file has a word for it.
    let encoder = Encoder { levels: &layout.levels, dtype: &image.dtype, nodata: image.nodata, scheme };
    let none = || layout.levels.iter().map(|_| Vec::new()).collect();
    let mut out = Encoded { blocks: none(), masks: none(), statistics: Vec::new() };
    let (mut first, mut done) = (0, 0);
    while first < image.bands.len() {
        let pass = Pass::new(image, layout, first, options.memory);
        let more = pass.run(&encoder, options, spool, place, &mut done)?;
        out.append(more);
        first = pass.end;
    }
    Ok(out)
}

/// Bands that are read together: those that share blocks in the output, or chunks in the input.
struct Pass<'a> {
    image: &'a Image<'a>,
    start: usize,
    end: usize,
    /// Bands that share blocks.
    group: usize,
    /// Rows of one read.
    rows: u64,
    /// Rows of the first read, where those of the input do not begin with a chunk.
    first_rows: u64,
}

impl<'a> Pass<'a> {
    fn new(image: &'a Image<'a>, layout: &Layout, start: usize, memory: u64) -> Self {
        let group = layout.group_size(image.bands.len());
        let line = image.width().saturating_mul(image.dtype.size() as u64).max(1);
        let (r, band) = image.bands[start];
        let raster = &image.rasters[r];
        let step = layout.levels[0].block_height;
        // An eighth for the piece that is read, one for the one that is encoded, a quarter for blocks; half of the
        // memory is for what reading takes.
        let budget = (memory / 8 / line).max(1);
        let together = if group > 1 {
            group as u64
        } else {
            let shared = raster.bands_per_chunk(image.granule, band) as u64;
            if budget / shared.max(1) >= step { shared } else { 1 }
        };
        let end = start + together.max(1) as usize;
        let chunk = raster.rows_per_chunk(image.granule);
        let most = (budget / together.max(1)).max(1);
        // Whole chunks, so that none is decoded twice.
        let rows = match chunk {
            // Nothing waits for more rows where pieces end with rows of blocks.
            1 if most < step => part_of(step, most),
            1 => most / step * step,
            chunk if chunk <= most => most / chunk * chunk,
            chunk if chunk <= most.saturating_mul(2) => chunk,
            _ => most.max(step),
        };
        let rows = rows.min(image.height()).max(1);
        let rest = if raster.is_flipped() && chunk <= rows { image.height() % chunk } else { 0 };
        let first_rows = if rest > 0 { rest } else { rows };
        Pass { image, start, end: end.min(image.bands.len()), group, rows, first_rows }
    }

    /// Bytes that are held while one piece is read and another one encoded: both, the rows that blocks wait for with
    /// those behind them, blocks on their way to the spool, and what of it is in memory.
    fn held(&self, encoder: &Encoder, memory: u64) -> u64 {
        let cells = |width: u64, rows: u64| width.saturating_mul(rows);
        let row_of = |level: &Level| cells(level.width, level.block_height);
        // Whole rows of blocks don't wait, parts of one wait for each other, and others leave rows behind.
        let waits = |(number, level): (usize, &Level)| {
            let (rows, step) = (self.rows >> number, level.block_height);
            match () {
                () if rows > 0 && rows.is_multiple_of(step) => 0,
                () if rows > 0 && step.is_multiple_of(rows) => row_of(level),
                () => row_of(level).saturating_mul(2),
            }
        };
        let waiting = encoder.levels.iter().enumerate().map(waits).fold(0, u64::saturating_add);
        let encoded = encoder.levels.first().map_or(0, row_of);
        let pieces = cells(self.image.width(), self.rows).saturating_mul(2).saturating_add(encoded);
        let bands = (self.end - self.start) as u64 * self.image.dtype.size() as u64;
        pieces.saturating_add(waiting).saturating_mul(bands).saturating_add(memory / SPOOLED)
    }

    fn pieces(&self) -> Vec<std::ops::Range<u64>> {
        let height = self.image.height();
        let (mut at, mut step) = (0, self.first_rows);
        let mut out = Vec::new();
        while at < height {
            let end = (at + step).min(height);
            out.push(at..end);
            (at, step) = (end, self.rows);
        }
        out
    }

    /// Reads, encodes and measures; the next piece is read while one is encoded.
    fn run<'f>(
        &self,
        encoder: &Encoder,
        options: &WriteOptions,
        spool: &mut Spool,
        place: &dyn Fn(usize) -> Option<Direct<'f>>,
        done: &mut u64,
    ) -> Result<Encoded, WriteError> {
        let kernel = |i: usize| self.image.kernels[self.image.bands[i].0];
        let is_roomy = self.held(encoder, options.memory) <= options.memory;
        let at_once = if is_roomy { usize::MAX } else { BLOCKS_PER_THREAD * rayon::current_num_threads() };
        let groups: Vec<_> = (self.start..self.end).step_by(self.group).collect();
        let mut pyramids: Vec<Pyramid> = groups
            .iter()
            .map(|&g| {
                let kernels = (g..g + self.group).map(kernel).collect();
                // The mask is that of the file: whose bands come first keep it.
                Pyramid::new(encoder, kernels, g == 0, at_once, place(g / self.group))
            })
            .collect();
        let mut statistics = vec![Statistics::default(); self.end - self.start];
        let pieces = self.pieces();
        let read = |i: usize| {
            if options.is_cancelled() {
                return Err(WriteError::Cancelled);
            }
            let Some(piece) = pieces.get(i) else { return Ok(None) };
            let bands = self.image.read(self.start..self.end, piece.clone())?;
            Ok(Some(Rows { bands, mask: self.image.mask(piece)? }))
        };
        let mut next = read(0)?;
        for i in 0..pieces.len() {
            let Some(rows) = next.take() else { break };
            let bytes: u64 = rows.bands.iter().map(|r| r.len() as u64).sum();
            let last = i + 1 == pieces.len();
            let encode = || {
                self.measure(&rows, &mut statistics);
                let mut bands = rows.bands.into_iter();
                pyramids.iter_mut().try_for_each(|p| {
                    let bands = bands.by_ref().take(self.group).collect();
                    p.push(Rows { bands, mask: rows.mask.clone() }, last, spool)
                })
            };
            if is_roomy {
                let (ahead, encoded) = rayon::join(|| read(i + 1), encode);
                encoded?;
                next = ahead?;
            } else {
                encode()?;
                next = read(i + 1)?;
            }
            *done += bytes;
            if let Some(progress) = &options.progress {
                progress(*done);
            }
        }
        let none = || encoder.levels.iter().map(|_| Vec::new()).collect();
        let mut out = Encoded { blocks: none(), masks: none(), statistics };
        for p in pyramids {
            out.append(Encoded { blocks: p.blocks, masks: p.masks, statistics: Vec::new() });
        }
        Ok(out)
    }

    fn measure(&self, rows: &Rows, statistics: &mut [Statistics]) {
        let width = self.image.width() as usize;
        let line = width * self.image.dtype.size();
        let (dtype, nodata) = (&self.image.dtype, self.image.nodata);
        for (all, band) in statistics.iter_mut().zip(&rows.bands) {
            let of_row = |(r, row): (usize, &[u8])| match &rows.mask {
                Some(mask) => {
                    Statistics::of_masked_row(dtype, nodata, row, &mask[r * width..(r + 1) * width])
                }
                None => Statistics::of_row(dtype, nodata, row),
            };
            let rows = band.par_chunks(line.max(1)).enumerate().with_min_len(16);
            let rows: Vec<Statistics> = rows.map(of_row).collect();
            *all = rows.into_iter().fold(*all, Statistics::join);
        }
    }
}
