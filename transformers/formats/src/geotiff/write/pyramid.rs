//! A stream of rows becomes encoded blocks of all levels: each level keeps the rows of at most one row of blocks.

use harmony_model::DType;
use rayon::prelude::*;

use super::super::tags::Compression;
use super::block::{self, Box, Strip};
use super::direct::Direct;
use super::options::Scheme;
use super::overview::{Halving, Kernel, halve, halve_mask};
use super::spool::{Spool, Stored};
use crate::write::WriteError;

/// One level of a file: its full size or an overview.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    pub width: u64,
    pub height: u64,
    pub block_width: u64,
    pub block_height: u64,
    /// Blocks at the lower edge are as high as all others.
    pub padded: bool,
}

impl Level {
    pub fn blocks_across(&self) -> u64 {
        self.width.div_ceil(self.block_width)
    }
}

/// What is the same for all bands.
pub struct Encoder<'a> {
    pub levels: &'a [Level],
    pub dtype: &'a DType,
    pub nodata: Option<f64>,
    pub scheme: Scheme,
}

/// The bands that share blocks, on their way.
pub struct Pyramid<'a> {
    encoder: &'a Encoder<'a>,
    kernels: Vec<Kernel>,
    /// For each level the rows not yet encoded, by band.
    pending: Vec<Vec<Vec<u8>>>,
    /// For each level the mask of those rows, where there is one.
    pending_mask: Vec<Vec<u8>>,
    /// For each level its blocks, row by row.
    pub blocks: Vec<Vec<Stored>>,
    /// For each level the blocks of its mask, when it is kept.
    pub masks: Vec<Vec<Stored>>,
    keeps_mask: bool,
    /// Blocks that are encoded before they go to the spool.
    at_once: usize,
    /// Where blocks of the only level go at once.
    direct: Option<Direct<'a>>,
}

/// Rows of some bands and their mask, one byte for each cell.
#[derive(Default)]
pub struct Rows {
    pub bands: Vec<Vec<u8>>,
    pub mask: Option<Vec<u8>>,
}

impl<'a> Pyramid<'a> {
    /// `kernels`: one for each band; `keeps_mask`: the blocks of the mask are wanted; without `direct` blocks wait in
    /// a spool, where `at_once` of them go together.
    pub fn new(
        encoder: &'a Encoder<'a>,
        kernels: Vec<Kernel>,
        keeps_mask: bool,
        at_once: usize,
        direct: Option<Direct<'a>>,
    ) -> Self {
        let levels = encoder.levels.len();
        let pending = vec![vec![Vec::new(); kernels.len()]; levels];
        let none = || (0..levels).map(|_| Vec::new()).collect();
        let pending_mask = vec![Vec::new(); levels];
        let (blocks, masks) = (none(), none());
        Pyramid { encoder, kernels, pending, pending_mask, blocks, masks, keeps_mask, at_once, direct }
    }

    /// Takes the rows that follow, one piece for each band. `last`: there are no more.
    ///
    /// # Errors
    /// What the spool says.
    pub fn push(&mut self, rows: Rows, last: bool, spool: &mut Spool) -> Result<(), WriteError> {
        let mut rows = rows;
        for level in 0..self.encoder.levels.len() {
            rows = self.advance(level, rows, last, spool)?;
        }
        Ok(())
    }

    /// Encodes what is complete of a level and gives its halved rows.
    fn advance(
        &mut self,
        level: usize,
        rows: Rows,
        last: bool,
        spool: &mut Spool,
    ) -> Result<Rows, WriteError> {
        let spec = self.encoder.levels[level];
        let (width, step) = (spec.width as usize, spec.block_height as usize);
        let line = width * self.encoder.dtype.size();
        for (pending, more) in self.pending[level].iter_mut().zip(rows.bands) {
            append(pending, more, step * line);
        }
        let has_mask = rows.mask.is_some();
        append(&mut self.pending_mask[level], rows.mask.unwrap_or_default(), step * width);
        let have = self.pending[level].first().map_or(0, |p| p.len() / line.max(1));
        let take = if last { have } else { have / step * step };
        let done: Vec<Vec<u8>> =
            self.pending[level].iter_mut().map(|pending| split_front(pending, take * line)).collect();
        let cut = Cut::new(self.encoder, &spec, &done, take);
        match &mut self.direct {
            Some(direct) => self.blocks[level].extend(cut.place(direct)?),
            None => {
                for boxes in cut.boxes.chunks(self.at_once.max(1)) {
                    for block in cut.encoded(boxes) {
                        self.blocks[level].push(spool.put(block)?);
                    }
                }
            }
        }
        let mask = has_mask.then(|| split_front(&mut self.pending_mask[level], take * width));
        if let Some(mask) = mask.as_deref().filter(|_| self.keeps_mask) {
            let one = |&at: &Box| block::encode_mask(mask, width, at, self.encoder.scheme);
            for block in boxes(&spec, take).par_iter().map(one).collect::<Vec<_>>() {
                self.masks[level].push(spool.put(block)?);
            }
        }
        if level + 1 == self.encoder.levels.len() {
            return Ok(Rows::default());
        }
        let halving = |kernel| Halving {
            dtype: self.encoder.dtype,
            kernel,
            nodata: self.encoder.nodata,
            width,
            mask: mask.as_deref(),
        };
        let bands = done.iter().zip(&self.kernels).map(|(rows, &kernel)| halve(rows, halving(kernel)));
        Ok(Rows { bands: bands.collect(), mask: mask.as_deref().map(|m| halve_mask(m, width)) })
    }
}

/// Rows that are cut into blocks.
struct Cut<'a> {
    encoder: &'a Encoder<'a>,
    spec: &'a Level,
    strip: Strip<'a>,
    boxes: Vec<Box>,
}

impl<'a> Cut<'a> {
    fn new(encoder: &'a Encoder<'a>, spec: &'a Level, rows: &'a [Vec<u8>], height: usize) -> Self {
        let bands = rows.iter().map(Vec::as_slice).collect();
        let strip = Strip { bands, width: spec.width as usize, height };
        Cut { encoder, spec, strip, boxes: boxes(spec, height) }
    }

    fn encoded(&self, boxes: &[Box]) -> Vec<Vec<u8>> {
        let (dtype, scheme) = (self.encoder.dtype, self.encoder.scheme);
        boxes.par_iter().map(|&at| block::encode(&self.strip, at, dtype, scheme)).collect()
    }

    fn place(&self, direct: &mut Direct) -> Result<Vec<Stored>, WriteError> {
        if self.encoder.scheme.compression != Compression::None {
            return direct.encoded(&self.encoded(&self.boxes));
        }
        let size = self.encoder.dtype.size();
        let pixel = self.strip.bands.len() * size;
        let sizes: Vec<usize> = self.boxes.iter().map(|b| b.width * b.height * pixel).collect();
        match self.strip.bands[..] {
            [rows] if !self.spec.padded && cfg!(target_endian = "little") => direct.rows(&sizes, rows),
            _ => direct.raw(&sizes, |i, out| block::plain(&self.strip, self.boxes[i], size, out)),
        }
    }
}

/// The boxes of the blocks of `height` rows, row by row.
fn boxes(spec: &Level, height: usize) -> Vec<Box> {
    let across = spec.blocks_across() as usize;
    let (width, step) = (spec.block_width as usize, spec.block_height as usize);
    let at = |i: usize| {
        let row = i / across * step;
        let height = if spec.padded { step } else { step.min(height - row) };
        Box { column: i % across * width, row, width, height }
    };
    (0..height.div_ceil(step) * across).map(at).collect()
}

/// Puts `more` behind what waits; `whole` is a row of blocks.
fn append(pending: &mut Vec<u8>, more: Vec<u8>, whole: usize) {
    if pending.is_empty() && (more.is_empty() || more.len() >= whole) {
        *pending = more;
    } else {
        // Room for all that will wait, and for no more: buffers that grow leave holes as large as they are.
        pending.reserve_exact(whole.max(pending.len() + more.len()) - pending.len());
        pending.extend_from_slice(&more);
    }
}

/// Takes `bytes` from the front.
fn split_front(pending: &mut Vec<u8>, bytes: usize) -> Vec<u8> {
    let rest = pending.split_off(bytes);
    std::mem::replace(pending, rest)
}
