//! Blocks of decoded values, at full size or thinned, in a cache that all maps share.
//!
//! Level *l* keeps one value of 2^l × 2^l cells, one from near their middle: nothing is averaged, so classes stay
//! classes and extremes stay. The cells of a level are cells of every finer one, too.
//!
//! What a coarse level costs depends on how the values are stored. Where its cells are spread so thinly that most stored
//! chunks hold none of them, or where there are no chunks, just its cells are read. Where every chunk holds some, all of
//! them must be decoded whatever the level: that is done once, for the *base* (the finest level of at most
//! [`BASE_SIDE`] cells a side), and coarser levels are picks of its blocks.

use std::collections::HashMap;
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
        let [block_rows, block_cols] = match level {
            0 => whole_chunks(stage),
            _ if level == base_level(stage) => thinned_chunks(stage, level),
            _ => [SIDE; 2],
        };
        Grating { level, rows, cols, block_rows, block_cols }
    }

    /// The grating of the base, when the blocks of this one are picks of it.
    fn base(self, stage: &Stage) -> Option<Self> {
        let base = base_level(stage);
        let [down, across] = chunk_sides(stage)?;
        let share = |side: u64| (side as f64 / f64::from(1u32 << self.level)).min(1.0);
        (self.level > base && share(down) * share(across) >= 0.5).then(|| Grating::of(stage, base))
    }

    /// Where along one axis of a finer grating the cells `first ..` of this one are: the first of them and the step.
    fn within(self, finer: Grating, first: u64) -> (u64, u64) {
        let up = self.level - finer.level;
        ((first << up) + ((first_cell(self.level) - first_cell(finer.level)) >> finer.level), 1 << up)
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

    fn steps(self, (first, count): (u64, u64)) -> Steps {
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

fn base_level(stage: &Stage) -> u8 {
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
    chunk_sides(stage).map_or([SIDE; 2], |sides| sides.map(along))
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
        if let Some(ready) = self.blocks.ready(keys) {
            return Ok(ready);
        }
        match grating.base(stage).or_else(|| self.kept_base(stage, grating, keys)) {
            None => self.blocks.get_all(keys, |key| self.read(stage, grating, key).map(weighed)),
            Some(base) => self.picked(stage, grating, base, keys),
        }
    }

    /// The base, where all of it that some blocks of a coarser level need is on disk: fewer and longer reads than of the
    /// rows of a large plane without chunks.
    fn kept_base(&self, stage: &Stage, grating: Grating, keys: &[BlockKey]) -> Option<Grating> {
        let base = Grating::of(stage, base_level(stage));
        let (store, origin) = self.store.as_ref().zip(stage.origin)?;
        let is_kept = |key: &BlockKey| below(grating, base, key).iter().all(|k| store.has(origin, k));
        (grating.level > base.level && takes_long(stage, base) && keys.iter().all(is_kept)).then_some(base)
    }

    /// Blocks of a level coarser than the base, out of blocks of the base.
    fn picked(
        &self,
        stage: &Stage,
        grating: Grating,
        base: Grating,
        keys: &[BlockKey],
    ) -> Result<Vec<Arc<Block>>, MapError> {
        let mut wanted: Vec<BlockKey> = keys.iter().flat_map(|key| below(grating, base, key)).collect();
        wanted.sort_unstable_by_key(|k| (k.row, k.col));
        wanted.dedup();
        // Before the picks, not while they are made: those who make them may be tasks of the pool that reads these.
        let blocks = self.blocks.get_all(&wanted, |key| self.read(stage, base, key).map(weighed))?;
        let blocks: HashMap<(u32, u32), Arc<Block>> =
            wanted.iter().map(|k| (k.row, k.col)).zip(blocks).collect();
        self.blocks.get_all(keys, |key| Ok(weighed(pick(grating, base, key, &blocks))))
    }
}

impl Maps {
    /// A block from disk, else from the granule; one that took long is then kept on disk.
    fn read(&self, stage: &Stage, grating: Grating, key: &BlockKey) -> Result<Block, MapError> {
        let kept = self.store.as_ref().zip(stage.origin).filter(|_| takes_long(stage, grating));
        let Some((store, origin)) = kept else { return read(stage, grating, key) };
        let [rows, cols] = cells(grating, key);
        if let Some(block) = store.load(origin, key, (rows.1 * cols.1) as usize) {
            return Ok(block);
        }
        let block = read(stage, grating, key)?;
        store.keep(origin, key, &block);
        Ok(block)
    }

    /// Makes the base of a plane, if it takes long, so that the first map of the whole is quick. Blocks that are kept
    /// on disk are not read.
    ///
    /// # Errors
    /// [`MapError::Read`].
    pub(super) fn prepare_plane(&self, stage: &Stage, band: usize) -> Result<(), MapError> {
        let base = Grating::of(stage, base_level(stage));
        let (Some(store), Some(origin)) = (&self.store, stage.origin) else { return Ok(()) };
        if !takes_long(stage, base) {
            return Ok(());
        }
        let (down, across) = (base.rows.div_ceil(base.block_rows), base.cols.div_ceil(base.block_cols));
        let band = u32::try_from(band).unwrap_or(0);
        let key = |row: u64, col: u64| BlockKey {
            stage: stage.id,
            band,
            level: base.level,
            row: row as u32,
            col: col as u32,
        };
        for row in 0..down {
            let mut keys: Vec<BlockKey> = (0..across).map(|col| key(row, col)).collect();
            keys.retain(|k| !store.has(origin, k));
            self.blocks(stage, base, &keys)?;
        }
        Ok(())
    }
}

/// Whether a block is a base's and stands for so many stored values that reading them is felt.
fn takes_long(stage: &Stage, grating: Grating) -> bool {
    let cells = (grating.block_rows << grating.level).saturating_mul(grating.block_cols << grating.level);
    let is_base = grating.level > 0 && grating.level == base_level(stage);
    is_base && cells.saturating_mul(stage.raster.dtype.size() as u64) >= LONG
}

/// A block with what it weighs in the cache.
fn weighed(block: Block) -> (Arc<Block>, u64) {
    let weight = block.values.len() as u64 * 4 + 128;
    (Arc::new(block), weight)
}

/// First cell and number of cells of a block along both axes.
fn cells(grating: Grating, key: &BlockKey) -> [(u64, u64); 2] {
    let along = |block: u32, size: u64, n: u64| {
        let first = u64::from(block) * size;
        (first, size.min(n.saturating_sub(first)))
    };
    [along(key.row, grating.block_rows, grating.rows), along(key.col, grating.block_cols, grating.cols)]
}

/// The blocks of the base that hold the cells of a coarser block.
fn below(grating: Grating, base: Grating, key: &BlockKey) -> Vec<BlockKey> {
    let [rows, cols] = cells(grating, key);
    let span = |(first, count): (u64, u64), size: u64| {
        let (start, step) = grating.within(base, first);
        let end = start + count.saturating_sub(1) * step;
        (start / size) as u32..=(end / size) as u32
    };
    let cols = span(cols, base.block_cols);
    let row = |row: u32| cols.clone().map(move |col| BlockKey { level: base.level, row, col, ..*key });
    span(rows, base.block_rows).flat_map(row).collect()
}

fn pick(grating: Grating, base: Grating, key: &BlockKey, blocks: &HashMap<(u32, u32), Arc<Block>>) -> Block {
    let [rows, cols] = cells(grating, key);
    let (top, step) = grating.within(base, rows.0);
    let (left, _) = grating.within(base, cols.0);
    let mut values = Vec::with_capacity((rows.1 * cols.1) as usize);
    for row in (0..rows.1).map(|i| top + i * step) {
        for col in (0..cols.1).map(|i| left + i * step) {
            let block = blocks.get(&((row / base.block_rows) as u32, (col / base.block_cols) as u32));
            let at = |b: &Arc<Block>| {
                let (row, col) = (row % base.block_rows, col % base.block_cols);
                b.values.get(row as usize * b.width + col as usize).copied()
            };
            values.push(block.and_then(at).unwrap_or(f32::NAN));
        }
    }
    Block { width: cols.1 as usize, values }
}

fn read(stage: &Stage, grating: Grating, key: &BlockKey) -> Result<Block, MapError> {
    let grid = &stage.raster.grid;
    // A raster too small for the level stands with its first cells.
    let fit = |mut steps: Steps, n: u64| {
        steps.first = steps.first.min(n.saturating_sub(1));
        steps
    };
    let [rows, cols] = cells(grating, key);
    let (rows, cols) = (fit(grating.steps(rows), grid.ny), fit(grating.steps(cols), grid.nx));
    let failed = |e: harmony_model::ReadError| MapError::Read {
        granule: shown(&stage.granule.name),
        detail: e.to_string(),
    };
    let band = key.band as usize;
    let bytes = stage.raster.read_every(&stage.granule, band, rows, cols).map_err(failed)?;
    let mut values = Vec::with_capacity(bytes.len() / stage.raster.dtype.size().max(1));
    stage.raster.physical(&bytes, &mut values);
    if let Some(covered) = stage.raster.covered_every(&stage.granule, band, rows, cols).map_err(failed)? {
        values.iter_mut().zip(covered).filter(|(_, c)| *c == 0).for_each(|(v, _)| *v = f32::NAN);
    }
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

    fn grating(level: u8, n: u64, size: u64) -> Grating {
        let cells = cells_at(n, level);
        Grating { level, rows: cells, cols: cells, block_rows: size, block_cols: size }
    }

    #[test]
    fn picks_of_the_base_are_the_cells_of_the_level() {
        let n = 9000;
        let (base, coarse) = (grating(3, n, 100), grating(6, n, 7));
        let at = |row: u64, col: u64| (row * n + col) as f32;
        // The base holds at each cell where it is at full size.
        let block = |key: &BlockKey| {
            let [rows, cols] = cells(base, key);
            let cell = |(first, _): (u64, u64), i: u64| ((first + i) << base.level) + first_cell(base.level);
            let values = (0..rows.1).flat_map(|r| (0..cols.1).map(move |c| at(cell(rows, r), cell(cols, c))));
            Arc::new(Block { width: cols.1 as usize, values: values.collect() })
        };
        for (row, col) in [(0, 0), (3, 5), (19, 19), (20, 20)] {
            let key = BlockKey { stage: 1, band: 0, level: 6, row, col };
            let blocks = below(coarse, base, &key).iter().map(|k| ((k.row, k.col), block(k))).collect();
            let picked = pick(coarse, base, &key, &blocks);
            let [rows, cols] = cells(coarse, &key);
            assert_eq!(picked.values.len() as u64, rows.1 * cols.1, "{row} {col}");
            let want = |i: u64| {
                let full = |first: u64| (first << 6) + first_cell(6);
                at(full(rows.0 + i / cols.1), full(cols.0 + i % cols.1))
            };
            assert!(picked.values.iter().enumerate().all(|(i, v)| *v == want(i as u64)), "{row} {col}");
        }
    }
}
