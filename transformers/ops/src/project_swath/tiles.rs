//! Tiles of per-target values that are computed when first asked for and kept for the next variable.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use harmony_model::Request;
use rayon::prelude::*;

use crate::project::Block;

/// Rows and columns of a tile.
const ROWS: usize = 64;
const COLS: usize = 512;
/// Bytes of tiles that are kept, unless said otherwise.
const BUDGET: usize = 192 << 20;
/// Tiles that are kept at least: those of some rows.
const LEAST: usize = 8;

/// Bytes of tiles that a request allows: a quarter of its memory.
pub fn budget(request: &Request) -> usize {
    request.memory.map_or(BUDGET, |memory| usize::try_from(memory / 4).unwrap_or(usize::MAX))
}

type Slot<T> = Arc<OnceLock<Arc<Vec<T>>>>;

/// Slots by number, and their numbers in the order of use.
type Slots<T> = (HashMap<usize, Slot<T>>, VecDeque<usize>);

/// Tiles of a target plane.
///
/// Whoever asks first computes a tile, others wait for it: what computes a tile must not hand work to the thread pool,
/// or a thread could wait for itself.
pub struct Tiles<T> {
    shape: [usize; 2],
    /// Tiles that are kept at most.
    most: usize,
    slots: Mutex<Slots<T>>,
}

impl<T: Copy> Tiles<T> {
    /// For a target of `shape` rows and columns; about `bytes` of values are kept.
    pub fn new(shape: [usize; 2], bytes: usize) -> Self {
        let most = (bytes / (ROWS * COLS * std::mem::size_of::<T>()).max(1)).max(LEAST);
        Tiles { shape, most, slots: Mutex::default() }
    }

    /// Calls `each` with the part of every tile that meets `block`: row, first column, and the values from there on.
    /// `compute` fills a tile, given as a block of the target, row-major.
    pub fn each_row(
        &self,
        block: &Block,
        compute: impl Fn(&Block) -> Vec<T>,
        mut each: impl FnMut(usize, usize, &[T]),
    ) {
        if block.is_empty() {
            return;
        }
        for tile_row in block.rows.start / ROWS..block.rows.end.div_ceil(ROWS) {
            for tile_col in block.cols.start / COLS..block.cols.end.div_ceil(COLS) {
                let tile = self.extent(tile_row, tile_col);
                let values = self.tile(&tile, tile_row, tile_col, &compute);
                let part = tile.intersection(block);
                for row in part.rows.clone() {
                    let line = &values[(row - tile.rows.start) * tile.width()..][..tile.width()];
                    let cols = part.cols.start - tile.cols.start..part.cols.end - tile.cols.start;
                    each(row, part.cols.start, &line[cols]);
                }
            }
        }
    }

    /// Computes the tiles that `block` meets, in parallel.
    pub fn prepare(&self, block: &Block, compute: impl Fn(&Block) -> Vec<T> + Sync)
    where
        T: Send + Sync,
    {
        if block.is_empty() {
            return;
        }
        let rows = block.rows.start / ROWS..block.rows.end.div_ceil(ROWS);
        let cols = block.cols.start / COLS..block.cols.end.div_ceil(COLS);
        let tiles: Vec<(usize, usize)> = rows.flat_map(|r| cols.clone().map(move |c| (r, c))).collect();
        if tiles.len() <= self.most {
            tiles.into_par_iter().for_each(|(r, c)| {
                self.tile(&self.extent(r, c), r, c, &compute);
            });
        }
    }

    fn extent(&self, row: usize, col: usize) -> Block {
        let range = |at: usize, size: usize, n: usize| at * size..((at + 1) * size).min(n);
        Block { rows: range(row, ROWS, self.shape[0]), cols: range(col, COLS, self.shape[1]) }
    }

    fn tile(&self, tile: &Block, row: usize, col: usize, compute: impl Fn(&Block) -> Vec<T>) -> Arc<Vec<T>> {
        let number = row * self.shape[1].div_ceil(COLS) + col;
        let slot = {
            let mut guard = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            let (slots, order) = &mut *guard;
            match slots.get(&number) {
                Some(slot) => slot.clone(),
                None => {
                    if order.len() >= self.most
                        && let Some(oldest) = order.pop_front()
                    {
                        slots.remove(&oldest);
                    }
                    order.push_back(number);
                    slots.entry(number).or_default().clone()
                }
            }
        };
        slot.get_or_init(|| Arc::new(compute(tile))).clone()
    }
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
            b.rows.clone().flat_map(|r| b.cols.clone().map(move |c| r * 1300 + c)).collect()
        };
        for block in [Block { rows: 60..70, cols: 500..1100 }, Block { rows: 0..200, cols: 0..1300 }] {
            let mut seen = 0;
            tiles.each_row(&block, compute, |row, col, values| {
                assert!(values.iter().enumerate().all(|(i, v)| *v == row * 1300 + col + i));
                seen += values.len();
            });
            assert_eq!(seen, block.count());
        }
        assert_eq!(computed.into_inner(), 4 * 3);
    }

    #[test]
    fn no_more_tiles_are_kept_than_memory_allows() {
        let request = Request { memory: Some(64 << 20), ..Request::default() };
        let tiles = Tiles::<u32>::new([64 * 300, 512], budget(&request));
        let kept = (16 << 20) / (ROWS * COLS * 4);
        for row in 0..300 {
            let block = Block { rows: row * ROWS..(row + 1) * ROWS, cols: 0..1 };
            tiles.each_row(&block, |b| vec![0; b.count()], |_, _, _| {});
            assert!(tiles.slots.lock().unwrap().0.len() <= kept);
        }
        assert_eq!(Tiles::<u32>::new([1, 1], 0).most, LEAST);
    }
}
