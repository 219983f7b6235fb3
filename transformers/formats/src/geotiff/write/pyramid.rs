//! A stream of rows becomes encoded blocks of all levels: each level keeps the rows of at most one row of blocks.

use harmony_model::DType;
use rayon::prelude::*;

use super::block::{self, Box, Strip};
use super::options::Scheme;
use super::overview::{Halving, Kernel, halve};
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
    /// For each level its blocks, row by row.
    pub blocks: Vec<Vec<Stored>>,
}

impl<'a> Pyramid<'a> {
    /// `kernels`: one for each band.
    pub fn new(encoder: &'a Encoder<'a>, kernels: Vec<Kernel>) -> Self {
        let levels = encoder.levels.len();
        let pending = vec![vec![Vec::new(); kernels.len()]; levels];
        Pyramid { encoder, kernels, pending, blocks: (0..levels).map(|_| Vec::new()).collect() }
    }

    /// Takes the rows that follow, one piece for each band. `last`: there are no more.
    ///
    /// # Errors
    /// What the spool says.
    pub fn push(&mut self, rows: Vec<Vec<u8>>, last: bool, spool: &mut Spool) -> Result<(), WriteError> {
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
        rows: Vec<Vec<u8>>,
        last: bool,
        spool: &mut Spool,
    ) -> Result<Vec<Vec<u8>>, WriteError> {
        let spec = self.encoder.levels[level];
        let (width, step) = (spec.width as usize, spec.block_height as usize);
        let line = width * self.encoder.dtype.size();
        for (pending, more) in self.pending[level].iter_mut().zip(rows) {
            if pending.is_empty() {
                *pending = more;
            } else {
                pending.extend_from_slice(&more);
            }
        }
        let have = self.pending[level].first().map_or(0, |p| p.len() / line.max(1));
        let take = if last { have } else { have / step * step };
        let done: Vec<Vec<u8>> = self.pending[level]
            .iter_mut()
            .map(|pending| {
                let rest = pending.split_off(take * line);
                std::mem::replace(pending, rest)
            })
            .collect();
        for block in self.encode(&spec, &done, take) {
            self.blocks[level].push(spool.put(block)?);
        }
        if level + 1 == self.encoder.levels.len() {
            return Ok(Vec::new());
        }
        let halving =
            |kernel| Halving { dtype: self.encoder.dtype, kernel, nodata: self.encoder.nodata, width };
        Ok(done.iter().zip(&self.kernels).map(|(rows, &kernel)| halve(rows, halving(kernel))).collect())
    }

    fn encode(&self, spec: &Level, rows: &[Vec<u8>], height: usize) -> Vec<Vec<u8>> {
        let across = spec.blocks_across() as usize;
        let (width, step) = (spec.block_width as usize, spec.block_height as usize);
        let strip =
            Strip { bands: rows.iter().map(Vec::as_slice).collect(), width: spec.width as usize, height };
        (0..height.div_ceil(step) * across)
            .into_par_iter()
            .map(|i| {
                let row = i / across * step;
                let block_height = if spec.padded { step } else { step.min(height - row) };
                let at = Box { column: i % across * width, row, width, height: block_height };
                block::encode(&strip, at, self.encoder.dtype, self.encoder.scheme)
            })
            .collect()
    }
}
