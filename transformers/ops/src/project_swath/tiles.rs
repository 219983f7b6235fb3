//! Tiles of per-target values that are computed when first asked for and kept for the next variable.

use std::sync::Arc;

use harmony_model::{ReadError, Request};
use rayon::prelude::*;

use crate::project::{Block, Kept, PART};

/// Rows and columns of a tile: those of the parts of a target that are computed one by one.
const ROWS: usize = PART[0];
const COLS: usize = PART[1];
/// Bytes of tiles that are kept, unless said otherwise.
const BUDGET: usize = 192 << 20;
/// Tiles that are kept at least: those of some rows.
const LEAST: usize = 8;

/// Bytes of tiles that a request allows: an eighth of its memory.
pub fn budget(request: &Request) -> usize {
    request.memory.map_or(BUDGET, |memory| usize::try_from(memory / 8).unwrap_or(usize::MAX))
}

/// Tiles of a target plane.
///
/// Nobody waits for a tile that somebody else computes: computing one reads positions, which uses the thread pool, and
/// whoever waits there may be the one whose work is waited for.
pub struct Tiles<T> {
    shape: [usize; 2],
    /// Tiles that are kept at most.
    most: usize,
    kept: Kept<usize, Vec<T>>,
}

impl<T: Copy> Tiles<T> {
    /// For a target of `shape` rows and columns; about `bytes` of values are kept.
    pub fn new(shape: [usize; 2], bytes: usize) -> Self {
        let tile = (ROWS * COLS * std::mem::size_of::<T>()).max(1);
        let most = (bytes / tile).max(LEAST);
        Tiles { shape, most, kept: Kept::new(most * tile) }
    }

    /// Calls `each` with the part of every tile that meets `block`: row, first column, and the values from there on.
    /// `compute` fills a tile, given as a block of the target, row-major.
    ///
    /// # Errors
    /// What `compute` says.
    pub fn each_row(
        &self,
        block: &Block,
        compute: impl Fn(&Block) -> Result<Vec<T>, ReadError>,
        mut each: impl FnMut(usize, usize, &[T]),
    ) -> Result<(), ReadError> {
        for (tile_row, tile_col) in tiles_of(block) {
            let tile = self.extent(tile_row, tile_col);
            let values = self.tile(&tile, tile_row, tile_col, &compute)?;
            let part = tile.intersection(block);
            for row in part.rows.clone() {
                let line = &values[(row - tile.rows.start) * tile.width()..][..tile.width()];
                let cols = part.cols.start - tile.cols.start..part.cols.end - tile.cols.start;
                each(row, part.cols.start, &line[cols]);
            }
        }
        Ok(())
    }

    /// Computes the tiles that `block` meets, in parallel.
    ///
    /// # Errors
    /// What `compute` says.
    pub fn prepare(
        &self,
        block: &Block,
        compute: impl Fn(&Block) -> Result<Vec<T>, ReadError> + Sync,
    ) -> Result<(), ReadError>
    where
        T: Send + Sync,
    {
        let tiles: Vec<(usize, usize)> = tiles_of(block).collect();
        if tiles.len() > self.most {
            return Ok(());
        }
        tiles.into_par_iter().try_for_each(|(r, c)| self.tile(&self.extent(r, c), r, c, &compute).map(drop))
    }

    fn extent(&self, row: usize, col: usize) -> Block {
        let range = |at: usize, size: usize, n: usize| at * size..((at + 1) * size).min(n);
        Block { rows: range(row, ROWS, self.shape[0]), cols: range(col, COLS, self.shape[1]) }
    }

    fn tile(
        &self,
        tile: &Block,
        row: usize,
        col: usize,
        compute: impl Fn(&Block) -> Result<Vec<T>, ReadError>,
    ) -> Result<Arc<Vec<T>>, ReadError> {
        let number = row * self.shape[1].div_ceil(COLS) + col;
        if let Some(values) = self.kept.get(number) {
            return Ok(values);
        }
        let values = Arc::new(compute(tile)?);
        self.kept.put(number, values.clone(), std::mem::size_of_val(values.as_slice()));
        Ok(values)
    }
}

/// Rows and columns of the tiles that a block meets.
fn tiles_of(block: &Block) -> impl Iterator<Item = (usize, usize)> + use<> {
    let rows = if block.is_empty() { 0..0 } else { block.rows.start / ROWS..block.rows.end.div_ceil(ROWS) };
    let cols = block.cols.start / COLS..block.cols.end.div_ceil(COLS);
    rows.flat_map(move |r| cols.clone().map(move |c| (r, c)))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn tiles_are_computed_once_and_cover_every_block() {
        let tiles = Tiles::new([200, 1300], 1 << 30);
        let computed = AtomicUsize::new(0);
        let compute = |b: &Block| {
            computed.fetch_add(1, Ordering::Relaxed);
            Ok(b.rows.clone().flat_map(|r| b.cols.clone().map(move |c| r * 1300 + c)).collect())
        };
        for block in [Block { rows: 60..70, cols: 500..1100 }, Block { rows: 0..200, cols: 0..1300 }] {
            let mut seen = 0;
            let each = |row: usize, col: usize, values: &[usize]| {
                assert!(values.iter().enumerate().all(|(i, v)| *v == row * 1300 + col + i));
                seen += values.len();
            };
            tiles.each_row(&block, compute, each).unwrap();
            assert_eq!(seen, block.count());
        }
        assert_eq!(computed.into_inner(), 4 * 3);
    }

    #[test]
    fn no_more_tiles_are_kept_than_memory_allows() {
        let request = Request { memory: Some(64 << 20), ..Request::default() };
        let tiles = Tiles::<u32>::new([64 * 300, 512], budget(&request));
        let most = 8 << 20;
        for row in 0..300 {
            let block = Block { rows: row * ROWS..(row + 1) * ROWS, cols: 0..1 };
            tiles.each_row(&block, |b| Ok(vec![0; b.count()]), |_, _, _| {}).unwrap();
            assert!(tiles.kept.bytes() <= most);
        }
        assert_eq!(Tiles::<u32>::new([1, 1], 0).most, LEAST);
    }
}
