//! Blocks that go to their place in the file as soon as they are made: nothing waits, nothing is copied twice.
//!
//! That is for files whose directory may come last. Cloud-optimised ones begin with it, and it holds what is known at
//! the end only: sizes of compressed blocks and statistics.

use rayon::prelude::*;

use super::super::tags::Compression;
use super::directory::header_size;
use super::image::Image;
use super::layout::Layout;
use super::options::Scheme;
use super::spool::Stored;
use crate::codec::Pooled;
use crate::write::{PendingFile, WriteError};

/// The most that blocks of a classic file may take; the rest is room for directories.
pub const CLASSIC: u64 = u32::MAX as u64 - (64 << 20);

/// How blocks of a file are placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placing {
    /// Bytes of the blocks of one group of bands, when they are known beforehand.
    group: Option<u64>,
    pub big: bool,
}

impl Placing {
    /// `None` when blocks have to wait for the others. It must not depend on how much memory there is.
    pub fn of(image: &Image, layout: &Layout, scheme: Scheme) -> Option<Self> {
        let [level] = layout.levels[..] else { return None };
        if layout.cog || image.masked {
            return None;
        }
        let group = layout.group_size(image.bands.len());
        let groups = image.bands.len().div_ceil(group) as u64;
        let rows =
            if level.padded { level.height.next_multiple_of(level.block_height) } else { level.height };
        let line =
            (level.blocks_across() * level.block_width).checked_mul((group * image.dtype.size()) as u64)?;
        let plane = rows.checked_mul(line)?;
        let raw = plane.checked_mul(groups)?;
        if scheme.compression == Compression::None {
            return Some(Placing { group: Some(plane), big: raw > layout.classic });
        }
        // Compressed blocks of several groups come in an order that depends on memory; and whether a file needs the
        // wide format is not known before the end, unless even without compression it would not.
        let worst = raw.checked_add(raw / 2)?;
        (groups == 1 && worst <= layout.classic).then_some(Placing { group: None, big: false })
    }

    /// For the blocks of group `number`.
    pub fn group<'f>(self, file: &'f PendingFile, number: usize) -> Direct<'f> {
        let at = header_size(self.big) + self.group.unwrap_or(0) * number as u64;
        Direct { file, at }
    }
}

/// Blocks of one group of bands on their way into the file, one behind the other.
pub struct Direct<'f> {
    file: &'f PendingFile,
    at: u64,
}

impl Direct<'_> {
    /// Writes blocks of known sizes; `fill` makes one of them.
    ///
    /// # Errors
    /// What writing says.
    pub fn raw(
        &mut self,
        sizes: &[usize],
        fill: impl Fn(usize, &mut [u8]) + Sync,
    ) -> Result<Vec<Stored>, WriteError> {
        let placed = self.place(sizes);
        placed.par_iter().enumerate().try_for_each(|(i, block)| {
            let mut bytes = Pooled::take();
            let bytes = bytes.slice(block.1);
            fill(i, bytes);
            self.file.write_at(block.0, bytes)
        })?;
        Ok(placed.into_iter().map(|(offset, len)| Stored::Placed { offset, len }).collect())
    }

    /// Writes rows that are blocks as they are.
    ///
    /// # Errors
    /// What writing says.
    pub fn rows(&mut self, sizes: &[usize], rows: &[u8]) -> Result<Vec<Stored>, WriteError> {
        let start = self.at;
        let placed = self.place(sizes);
        rows.par_chunks(PIECE)
            .enumerate()
            .try_for_each(|(i, piece)| self.file.write_at(start + (i * PIECE) as u64, piece))?;
        Ok(placed.into_iter().map(|(offset, len)| Stored::Placed { offset, len }).collect())
    }

    /// Writes encoded blocks.
    ///
    /// # Errors
    /// What writing says.
    pub fn encoded(&mut self, blocks: &[Vec<u8>]) -> Result<Vec<Stored>, WriteError> {
        let sizes: Vec<usize> = blocks.iter().map(Vec::len).collect();
        let placed = self.place(&sizes);
        blocks.par_iter().zip(&placed).try_for_each(|(bytes, at)| self.file.write_at(at.0, bytes))?;
        Ok(placed.into_iter().map(|(offset, len)| Stored::Placed { offset, len }).collect())
    }

    fn place(&mut self, sizes: &[usize]) -> Vec<(u64, usize)> {
        let place = |&len: &usize| {
            let offset = self.at;
            self.at += len as u64;
            (offset, len)
        };
        sizes.iter().map(place).collect()
    }
}

/// Bytes of one write.
const PIECE: usize = 1 << 20;
