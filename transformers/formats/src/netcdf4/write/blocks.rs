//! The blocks of a variable: boxes of whole pieces, small enough for the memory budget, in row-major order.
//!
//! Pieces keep their order whatever the size of the blocks, so the bytes of the file do not depend on the budget.

use std::ops::Range;

use harmony_model::{ReadError, StoredChunk, Variable, Window};

use super::storage::VariableStorage;
use crate::write::{BlockAction, BlockTask};

/// Blocks are about this large: enough to keep every thread busy, small enough to stay in the caches.
const BLOCK: u64 = 8 << 20;

/// A block and the pieces it consists of, which are consecutive.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    pub task: BlockTask,
    pub pieces: Range<u64>,
}

/// The blocks of a variable, in the order of writing.
///
/// # Errors
/// When the chunk index of the input can't be read.
pub fn plan(var: &Variable, storage: &VariableStorage, memory: u64) -> Result<Vec<Block>, ReadError> {
    if storage.data_bytes == 0 {
        return Ok(Vec::new());
    }
    let small = cut(storage, BLOCK.min(memory / 8).max(1));
    let small = with_costs(var, storage, small)?;
    let total = |blocks: &[Block]| blocks.iter().map(|b| b.task.bytes_read).sum::<u64>();
    let encodes_all = small.len() > 1 && small.iter().all(|b| b.task.action == BlockAction::Encode);
    if !encodes_all || memory / 4 <= BLOCK {
        return Ok(small);
    }
    // Output chunks that lie across the input's make neighbouring blocks decode the same chunks: larger blocks do it
    // less often.
    let once = var.data.cost(&Window::all(&storage.shape))?;
    if total(&small) <= once.saturating_add(once / 4) {
        return Ok(small);
    }
    let large = with_costs(var, storage, cut(storage, memory / 4))?;
    Ok(if total(&large) < total(&small) { large } else { small })
}

/// Boxes of the grid of pieces: origin and extents.
type GridBox = (Vec<u64>, Vec<u64>);

/// Boxes of about `target` bytes, of which every one is a range of consecutive pieces of one kind.
fn cut(storage: &VariableStorage, target: u64) -> Vec<Block> {
    // What slots point to is not counted in the size of the elements: texts are longer than their slots.
    let target = if storage.has_slots { target / 8 } else { target };
    let per_block = (target / storage.piece_bytes().max(1)).max(1);
    let mut blocks = Vec::new();
    let mut first = 0;
    for (origin, extent) in boxes(&storage.counts, per_block) {
        let count = extent.iter().product::<u64>();
        split_by_kind(storage, &origin, &extent, first, &mut blocks);
        first += count;
    }
    blocks
}

fn boxes(counts: &[u64], per_block: u64) -> Vec<GridBox> {
    // `axis` is cut into runs of `run` pieces; the axes after it are whole, those before it single.
    let mut room = per_block;
    let mut axis = counts.len();
    while axis > 0 && counts[axis - 1] <= room {
        axis -= 1;
        room /= counts[axis].max(1);
    }
    let Some(cut) = axis.checked_sub(1) else {
        return vec![(vec![0; counts.len()], counts.to_vec())];
    };
    let run = counts[cut].div_ceil(counts[cut].div_ceil(room.max(1)));
    let outer: u64 = counts[..cut].iter().product();
    let mut out = Vec::new();
    for index in 0..outer {
        let mut origin = vec![0; counts.len()];
        let mut rest = index;
        for a in (0..cut).rev() {
            origin[a] = rest % counts[a];
            rest /= counts[a];
        }
        let mut extent = vec![1; cut];
        extent.extend_from_slice(&counts[cut..]);
        for start in (0..counts[cut]).step_by(run as usize) {
            origin[cut] = start;
            extent[cut] = run.min(counts[cut] - start);
            out.push((origin.clone(), extent.clone()));
        }
    }
    out
}

/// One block when all pieces of the box are of one kind; else a block for each run of one kind along the last axis.
fn split_by_kind(
    storage: &VariableStorage,
    origin: &[u64],
    extent: &[u64],
    first: u64,
    out: &mut Vec<Block>,
) {
    let count: u64 = extent.iter().product();
    let action = |piece: u64| match storage.stored.get(piece as usize) {
        Some(Some(_)) => BlockAction::Copy,
        _ => BlockAction::Encode,
    };
    if (first..first + count).all(|p| action(p) == action(first)) {
        out.push(block(storage, origin, extent, first..first + count, action(first)));
        return;
    }
    let Some((&row_len, outer)) = extent.split_last() else { return };
    let rank = extent.len();
    for row in 0..outer.iter().product::<u64>() {
        let mut at = origin.to_vec();
        let mut rest = row;
        for a in (0..rank - 1).rev() {
            at[a] += rest % extent[a];
            rest /= extent[a];
        }
        let row_first = first + row * row_len;
        let mut start = 0;
        while start < row_len {
            let kind = action(row_first + start);
            let len = (start..row_len).take_while(|&i| action(row_first + i) == kind).count() as u64;
            let mut run = vec![1; rank];
            run[rank - 1] = len;
            let mut run_at = at.clone();
            run_at[rank - 1] += start;
            out.push(block(storage, &run_at, &run, row_first + start..row_first + start + len, kind));
            start += len;
        }
    }
}

fn block(
    storage: &VariableStorage,
    origin: &[u64],
    extent: &[u64],
    pieces: Range<u64>,
    action: BlockAction,
) -> Block {
    let origin: Vec<u64> = origin.iter().zip(&storage.piece_shape).map(|(o, c)| o * c).collect();
    let lens = extent.iter().zip(&storage.piece_shape).map(|(e, c)| e * c);
    let shape = lens.zip(&origin).zip(&storage.shape).map(|((len, o), n)| len.min(n - o)).collect();
    Block { task: BlockTask { origin, shape, action, bytes_read: 0 }, pieces }
}

fn with_costs(
    var: &Variable,
    storage: &VariableStorage,
    mut blocks: Vec<Block>,
) -> Result<Vec<Block>, ReadError> {
    for block in &mut blocks {
        let task = &mut block.task;
        task.bytes_read = match task.action {
            BlockAction::Encode => var.data.cost(&Window::block(&task.origin, &task.shape))?,
            BlockAction::Copy => {
                let range = block.pieces.start as usize..block.pieces.end as usize;
                storage.stored[range].iter().flatten().map(stored_len).sum()
            }
        };
    }
    Ok(blocks)
}

/// Bytes of a stored chunk.
pub fn stored_len(chunk: &StoredChunk) -> u64 {
    match chunk {
        StoredChunk::Missing => 0,
        StoredChunk::At { len, .. } => *len,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_follow_each_other_in_row_major_order() {
        let all = boxes(&[3, 4, 5], 10);
        assert_eq!(all.len(), 6);
        assert_eq!(all[1], (vec![0, 2, 0], vec![1, 2, 5]));
        assert_eq!(boxes(&[3, 4, 5], 1000), [(vec![0; 3], vec![3, 4, 5])]);
        assert_eq!(boxes(&[], 1), [(vec![], vec![])]);
        assert_eq!(boxes(&[2, 2], 1).len(), 4);
    }
}
