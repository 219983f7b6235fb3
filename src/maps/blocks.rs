//! Blocks of decoded values, at full size or thinned ([`super::grating`]), in a cache that all maps share.

use std::collections::HashMap;
use std::sync::Arc;

use harmony_formats::raster::Steps;

use super::grating::{Grating, base_level};
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
        (grating.level > base.level && base.takes_long(stage) && keys.iter().all(is_kept)).then_some(base)
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
        let kept = self.store.as_ref().zip(stage.origin).filter(|_| grating.takes_long(stage));
        let Some((store, origin)) = kept else { return read(stage, grating, key) };
        let [rows, cols] = grating.cells(key);
        if let Some(block) = store.load(origin, key, (rows.1 * cols.1) as usize) {
            return Ok(block);
        }
        let block = read(stage, grating, key)?;
        store.keep(origin, key, &block);
        Ok(block)
    }
}

/// A block with what it weighs in the cache.
fn weighed(block: Block) -> (Arc<Block>, u64) {
    let weight = block.values.len() as u64 * 4 + 128;
    (Arc::new(block), weight)
}

/// The blocks of the base that hold the cells of a coarser block.
fn below(grating: Grating, base: Grating, key: &BlockKey) -> Vec<BlockKey> {
    let [rows, cols] = grating.cells(key);
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
    let [rows, cols] = grating.cells(key);
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
    let [rows, cols] = grating.cells(key);
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
    use super::super::grating::{cells_at, first_cell};
    use super::*;

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
            let [rows, cols] = base.cells(key);
            let cell = |(first, _): (u64, u64), i: u64| ((first + i) << base.level) + first_cell(base.level);
            let values = (0..rows.1).flat_map(|r| (0..cols.1).map(move |c| at(cell(rows, r), cell(cols, c))));
            Arc::new(Block { width: cols.1 as usize, values: values.collect() })
        };
        for (row, col) in [(0, 0), (3, 5), (19, 19), (20, 20)] {
            let key = BlockKey { stage: 1, band: 0, level: 6, row, col };
            let blocks = below(coarse, base, &key).iter().map(|k| ((k.row, k.col), block(k))).collect();
            let picked = pick(coarse, base, &key, &blocks);
            let [rows, cols] = coarse.cells(&key);
            assert_eq!(picked.values.len() as u64, rows.1 * cols.1, "{row} {col}");
            let want = |i: u64| {
                let full = |first: u64| (first << 6) + first_cell(6);
                at(full(rows.0 + i / cols.1), full(cols.0 + i % cols.1))
            };
            assert!(picked.values.iter().enumerate().all(|(i, v)| *v == want(i as u64)), "{row} {col}");
        }
    }
}
