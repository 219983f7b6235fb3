//! How a variable is divided into blocks at each level.
//!
//! Level *l* keeps one value of 2^l × 2^l cells, one from near their middle: nothing is averaged, so classes stay
//! classes and extremes stay. The cells of a level are cells of every finer one, too.
//!
//! What a coarse level costs depends on how the values are stored. Where its cells are spread so thinly that most stored
//! chunks hold none of them, or where there are no chunks, just its cells are read. Where every chunk holds some, all of
//! them must be decoded whatever the level: that is done once, for the *base* (the finest level of at most
//! [`BASE_SIDE`] cells a side), and coarser levels are picks of its blocks.

use harmony_formats::raster::Steps;

use super::blocks::BlockKey;
use super::opened::Stage;

/// Cells along a side of blocks that are not stored chunks.
const SIDE: u64 = 256;
/// Rows and columns of thinned blocks where there are no chunks: one long read of a row costs less than several
/// short ones.
const LONG_ROWS: [u64; 2] = [SIDE / 4, SIDE * 4];
/// Cells of a stored chunk that is taken as a block: decoding it several times would cost more.
const MOST: u64 = 8 << 20;

/// Cells of the base along its longer side, at most.
const BASE_SIDE: u64 = 2048;

/// Stored bytes behind a block from which on it is kept on disk: some ten milliseconds of reading and decoding.
const LONG: u64 = 4 << 20;

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
pub(super) fn first_cell(level: u8) -> u64 {
    (1..=u32::from(level)).filter(|l| l % 2 == 1).map(|l| 1u64 << (l - 1)).sum()
}

pub(super) fn cells_at(n: u64, level: u8) -> u64 {
    let first = first_cell(level);
    if n <= first { 1 } else { ((n - 1 - first) >> level) + 1 }
}

impl Grating {
    pub fn of(stage: &Stage, level: u8) -> Self {
        let grid = &stage.raster.grid;
        let (rows, cols) = (cells_at(grid.ny, level), cells_at(grid.nx, level));
        let [block_rows, block_cols] = match level {
            0 => whole_chunks(stage),
            _ if level == base_level(stage) => thinned_chunks(stage, level),
            _ if chunk_sides(stage).is_none() => LONG_ROWS,
            _ => [SIDE; 2],
        };
        Grating { level, rows, cols, block_rows, block_cols }
    }

    /// The grating of the base, when the blocks of this one are picks of it.
    pub fn base(self, stage: &Stage) -> Option<Self> {
        let base = base_level(stage);
        let [down, across] = chunk_sides(stage)?;
        let share = |side: u64| (side as f64 / f64::from(1u32 << self.level)).min(1.0);
        (self.level > base && share(down) * share(across) >= 0.5).then(|| Grating::of(stage, base))
    }

    /// Where along one axis of a finer grating the cells `first ..` of this one are: the first of them and the step.
    pub fn within(self, finer: Grating, first: u64) -> (u64, u64) {
        let up = self.level - finer.level;
        ((first << up) + ((first_cell(self.level) - first_cell(finer.level)) >> finer.level), 1 << up)
    }

    /// First cell and number of cells of a block along both axes.
    pub fn cells(self, key: &BlockKey) -> [(u64, u64); 2] {
        let along = |block: u32, size: u64, n: u64| {
            let first = u64::from(block) * size;
            (first, size.min(n.saturating_sub(first)))
        };
        [along(key.row, self.block_rows, self.rows), along(key.col, self.block_cols, self.cols)]
    }

    /// Whether a block is a base's and stands for so many stored values that reading them is felt.
    pub fn takes_long(self, stage: &Stage) -> bool {
        let cells = (self.block_rows << self.level).saturating_mul(self.block_cols << self.level);
        let is_base = self.level > 0 && self.level == base_level(stage);
        is_base && cells.saturating_mul(stage.raster.dtype.size() as u64) >= LONG
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

    pub fn steps(self, (first, count): (u64, u64)) -> Steps {
        Steps { first: (first << self.level) + first_cell(self.level), step: 1 << self.level, count }
    }
}

/// Rows and columns of a stored chunk, if there are chunks.
pub(super) fn chunk_sides(stage: &Stage) -> Option<[u64; 2]> {
    let grid = &stage.raster.grid;
    let chunk = stage.granule.var(stage.raster.var).storage.chunk_shape()?;
    let [y, x] = stage.raster.grid_axes();
    Some([chunk.get(y)?.clamp(&1, &grid.ny.max(1)), chunk.get(x)?.clamp(&1, &grid.nx.max(1))].map(|n| *n))
}

pub(super) fn base_level(stage: &Stage) -> u8 {
    let grid = &stage.raster.grid;
    (0..24).find(|l| grid.nx.max(grid.ny) >> l <= BASE_SIDE).unwrap_or(24)
}

/// Blocks are whole stored chunks, small ones several of them.
fn whole_chunks(stage: &Stage) -> [u64; 2] {
    let grid = &stage.raster.grid;
    let along = |len: u64, n: u64| (len * SIDE.div_ceil(len)).min(n.max(1));
    let [down, across] = chunk_sides(stage).unwrap_or([SIDE; 2]);
    let (rows, cols) = (along(down, grid.ny), along(across, grid.nx));
    if rows.saturating_mul(cols) <= MOST { [rows, cols] } else { [SIDE * 4, SIDE * 4] }
}

/// Blocks of the base end where chunks do, if cells and chunks fit together: no chunk is decoded for two of them.
fn thinned_chunks(stage: &Stage, level: u8) -> [u64; 2] {
    let along = |len: u64| match len >> level {
        cells if cells > 0 && cells << level == len && cells <= 4 * SIDE => cells * SIDE.div_ceil(cells),
        _ => SIDE,
    };
    chunk_sides(stage).map_or(LONG_ROWS, |sides| sides.map(along))
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
