//! Blocks of decoded values, at full size or thinned, in a cache that all maps share.
//!
//! Level *l* keeps one value of 2^l × 2^l cells, one from near their middle: nothing is averaged, so classes stay
//! classes and extremes stay. A level is read from the file thinned, without the levels below it.

use std::sync::Arc;

use harmony_formats::raster::Steps;

use super::opened::{Stage, shown};
use super::{MapError, Maps};

/// A block of one band of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockKey {
    pub stage: u64,
    pub band: u32,
    pub level: u8,
    pub row: u32,
    pub col: u32,
}

/// Physical values row by row, NaN where there is none.
pub struct Block {
    pub width: usize,
    pub values: Vec<f32>,
}

/// Cells along a side of blocks that are not stored chunks.
const SIDE: u64 = 256;
/// Cells of a stored chunk that is taken as a block: decoding it several times would cost more.
const MOST: u64 = 8 << 20;

/// How a stage is divided at one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grating {
    pub level: u8,
    /// Rows and columns at this level.
    pub rows: u64,
    pub cols: u64,
    /// Rows and columns of a block.
    pub block_rows: u64,
    pub block_cols: u64,
}

/// The cell of the full size that stands for the first cell of a level: alternately before and behind the middle, so
/// that no level is shifted by more than a quarter of its cells.
fn first_cell(level: u8) -> u64 {
    (1..=u32::from(level)).filter(|l| l % 2 == 1).map(|l| 1u64 << (l - 1)).sum()
}

fn cells_at(n: u64, level: u8) -> u64 {
    let first = first_cell(level);
    if n <= first { 1 } else { ((n - 1 - first) >> level) + 1 }
}

impl Grating {
    pub fn of(stage: &Stage, level: u8) -> Self {
        let grid = &stage.raster.grid;
        let (rows, cols) = (cells_at(grid.ny, level), cells_at(grid.nx, level));
        let [block_rows, block_cols] = if level == 0 { whole_chunks(stage) } else { [SIDE; 2] };
        Grating { level, rows, cols, block_rows, block_cols }
    }

    /// The coarsest level of a stage that is worth having.
    pub fn coarsest(stage: &Stage) -> u8 {
        let grid = &stage.raster.grid;
        let mut level = 0;
        while level < 24
            && (grid.nx.min(grid.ny) >> (level + 1)) >= 2
            && (grid.nx.max(grid.ny) >> level) > SIDE
        {
            level += 1;
        }
        level
    }

    /// Cell of this level for a position at full size.
    #[inline]
    pub fn row(&self, at: f64) -> usize {
        ((at as u64) >> self.level).min(self.rows - 1) as usize
    }

    #[inline]
    pub fn col(&self, at: f64) -> usize {
        ((at as u64) >> self.level).min(self.cols - 1) as usize
    }

    fn steps(self, block: u64, size: u64, n: u64) -> Steps {
        let first = block * size;
        let count = size.min(n.saturating_sub(first));
        Steps { first: (first << self.level) + first_cell(self.level), step: 1 << self.level, count }
    }
}

/// Blocks are whole stored chunks, small ones several of them.
fn whole_chunks(stage: &Stage) -> [u64; 2] {
    let grid = &stage.raster.grid;
    let chunk = stage.granule.var(stage.raster.var).storage.chunk_shape();
    let [y, x] = stage.raster.grid_axes();
    let along = |axis: usize, n: u64| {
        let len = chunk.and_then(|c| c.get(axis)).copied().unwrap_or(SIDE).clamp(1, n.max(1));
        len * SIDE.div_ceil(len).max(1)
    };
    let (rows, cols) = (along(y, grid.ny).min(grid.ny.max(1)), along(x, grid.nx).min(grid.nx.max(1)));
    if rows.saturating_mul(cols) <= MOST { [rows, cols] } else { [SIDE * 4, SIDE * 4] }
}

impl Maps {
    /// Blocks in the order of `keys`; those that are missing are read.
    ///
    /// # Errors
    /// [`MapError::Read`].
    pub(super) fn blocks(
        &self,
        stage: &Stage,
        grating: Grating,
        keys: &[BlockKey],
    ) -> Result<Vec<Arc<Block>>, MapError> {
        self.blocks.get_all(keys, |key| {
            let block = read(stage, grating, key)?;
            let weight = block.values.len() as u64 * 4 + 128;
            Ok((Arc::new(block), weight))
        })
    }
}

fn read(stage: &Stage, grating: Grating, key: &BlockKey) -> Result<Block, MapError> {
    let grid = &stage.raster.grid;
    // A raster too small for the level stands with its first cells.
    let fit = |mut steps: Steps, n: u64| {
        steps.first = steps.first.min(n.saturating_sub(1));
        steps
    };
    let rows = fit(grating.steps(u64::from(key.row), grating.block_rows, grating.rows), grid.ny);
    let cols = fit(grating.steps(u64::from(key.col), grating.block_cols, grating.cols), grid.nx);
    let bytes = stage
        .raster
        .read_every(&stage.granule, key.band as usize, rows, cols)
        .map_err(|e| MapError::Read { granule: shown(&stage.granule.name), detail: e.to_string() })?;
    let mut values = Vec::with_capacity(bytes.len() / stage.raster.dtype.size().max(1));
    stage.raster.physical(&bytes, &mut values);
    Ok(Block { width: cols.count as usize, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_stay_near_the_middle_of_their_cells() {
        assert_eq!([0, 1, 2, 3, 4, 5].map(first_cell), [0, 1, 1, 5, 5, 21]);
        for level in 1..12u8 {
            let share = (first_cell(level) as f64 + 0.5) / f64::from(1u32 << level);
            assert!((0.25..=0.80).contains(&share), "{level} {share}");
        }
        assert_eq!((cells_at(5, 0), cells_at(5, 1), cells_at(1, 3), cells_at(8, 3)), (5, 2, 1, 1));
    }
}
