//! Writing GeoTIFF and cloud-optimised GeoTIFF.
//!
//! Rows are read once, in pieces that fit into memory, and become encoded blocks of all levels as they come. The file
//! is put together at the end, when the size of everything is known: directories first, then the blocks from the
//! smallest overview to the full size.

mod block;
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
use image::Image;
use layout::Layout;
use options::Scheme;
use pyramid::{Encoder, Pyramid};
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
    let image = Image::new(granule, rasters, options)?;
    let layout = Layout::of(&image, cog, options.encoding.compat);
    let scheme = Scheme::of(options, &image.dtype, image.palette.is_some(), &target.display().to_string())?;
    let pending = PendingFile::create(target)?;
    let mut spool = Spool::new(target, options.memory / 4);
    let encoded = encode(&image, &layout, scheme, options, &mut spool)?;
    let bytes_written = file::write(&image, &layout, scheme, &encoded, &spool, &pending, options)?;
    pending.finish(bytes_written)?;
    Ok(WriteReport {
        bytes_read: plan(granule, rasters)?.bytes_read,
        bytes_written,
        chunks_encoded: encoded.blocks.iter().map(|l| l.len() as u64).sum(),
        ..WriteReport::default()
    })
}

/// All blocks of a file, and the statistics of its bands.
struct Encoded {
    /// For each level its blocks; those of bands that do not share blocks follow each other.
    blocks: Vec<Vec<Stored>>,
    statistics: Vec<Statistics>,
}

fn encode(
    image: &Image,
    layout: &Layout,
    scheme: Scheme,
    options: &WriteOptions,
    spool: &mut Spool,
) -> Result<Encoded, WriteError> {
    // Not a number is no data whether or not the file has a word for it.
    let encoder = Encoder { levels: &layout.levels, dtype: &image.dtype, nodata: image.nodata, scheme };
    let mut out =
        Encoded { blocks: layout.levels.iter().map(|_| Vec::new()).collect(), statistics: Vec::new() };
    let (mut first, mut done) = (0, 0);
    while first < image.bands.len() {
        let pass = Pass::new(image, layout, first, options.memory);
        let (blocks, statistics) = pass.run(&encoder, options, spool, &mut done)?;
        out.statistics.extend(statistics);
        for (all, more) in out.blocks.iter_mut().zip(blocks) {
            all.extend(more);
        }
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
        // A quarter for the piece that is read, one for the one that is encoded, one for blocks.
        let budget = (memory / 4 / line).max(1);
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
            chunk if chunk <= most => most / chunk * chunk,
            chunk if chunk <= most.saturating_mul(2) => chunk,
            _ => most.max(step),
        };
        let rows = rows.min(image.height()).max(1);
        let rest = if raster.is_flipped() && chunk <= rows { image.height() % chunk } else { 0 };
        let first_rows = if rest > 0 { rest } else { rows };
        Pass { image, start, end: end.min(image.bands.len()), group, rows, first_rows }
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
    fn run(
        &self,
        encoder: &Encoder,
        options: &WriteOptions,
        spool: &mut Spool,
        done: &mut u64,
    ) -> Result<(Vec<Vec<Stored>>, Vec<Statistics>), WriteError> {
        let kernel = |i: usize| self.image.kernels[self.image.bands[i].0];
        let groups: Vec<_> = (self.start..self.end).step_by(self.group).collect();
        let mut pyramids: Vec<Pyramid> = groups
            .iter()
            .map(|&g| Pyramid::new(encoder, (g..g + self.group).map(kernel).collect()))
            .collect();
        let mut statistics = vec![Statistics::default(); self.end - self.start];
        let pieces = self.pieces();
        let read = |i: usize| {
            if options.is_cancelled() {
                return Err(WriteError::Cancelled);
            }
            pieces.get(i).map(|rows| self.image.read(self.start..self.end, rows.clone())).transpose()
        };
        let mut next = read(0)?;
        for i in 0..pieces.len() {
            let Some(rows) = next.take() else { break };
            let bytes: u64 = rows.iter().map(|r| r.len() as u64).sum();
            let last = i + 1 == pieces.len();
            let (ahead, encoded) = rayon::join(
                || read(i + 1),
                || {
                    self.measure(&rows, &mut statistics);
                    let mut rows = rows.into_iter();
                    pyramids
                        .iter_mut()
                        .try_for_each(|p| p.push(rows.by_ref().take(self.group).collect(), last, spool))
                },
            );
            encoded?;
            next = ahead?;
            *done += bytes;
            if let Some(progress) = &options.progress {
                progress(*done);
            }
        }
        let mut blocks: Vec<Vec<Stored>> = encoder.levels.iter().map(|_| Vec::new()).collect();
        for pyramid in pyramids {
            for (all, more) in blocks.iter_mut().zip(pyramid.blocks) {
                all.extend(more);
            }
        }
        Ok((blocks, statistics))
    }

    fn measure(&self, rows: &[Vec<u8>], statistics: &mut [Statistics]) {
        let line = self.image.width() as usize * self.image.dtype.size();
        for (all, band) in statistics.iter_mut().zip(rows) {
            let of_row = |row: &[u8]| Statistics::of_row(&self.image.dtype, self.image.nodata, row);
            let rows: Vec<Statistics> = band.par_chunks(line.max(1)).with_min_len(16).map(of_row).collect();
            *all = rows.into_iter().fold(*all, Statistics::join);
        }
    }
}
