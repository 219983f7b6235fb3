//! Version 1 B-trees of chunks, built from the leaves up (HDF5 file format §III.A.1).

use super::put::{Put, UNDEFINED};

/// Children of a full node: twice the default rank 32, which files without a superblock extension have.
const FAN_OUT: usize = 64;

/// Where one chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkPlace {
    /// Row-major position in the grid of chunks.
    pub index: u64,
    pub address: u64,
    /// Stored bytes.
    pub len: u32,
    pub filter_mask: u32,
}

/// The grid that places are counted in.
pub struct ChunkGrid<'a> {
    pub chunk_shape: &'a [u64],
    /// Chunks along each axis.
    pub counts: &'a [u64],
    pub element_size: usize,
}

impl ChunkGrid<'_> {
    /// First element of chunk `index` along every axis.
    fn origin(&self, mut index: u64) -> Vec<u64> {
        let mut origin = vec![0; self.counts.len()];
        for axis in (0..self.counts.len()).rev() {
            origin[axis] = index % self.counts[axis] * self.chunk_shape[axis];
            index /= self.counts[axis];
        }
        origin
    }

    /// Key of the chunk: size, filter mask, origin, and 0 for the axis of the element's bytes.
    fn key(&self, place: &ChunkPlace) -> Vec<u8> {
        let mut key = Vec::with_capacity(self.key_len());
        key.u32(place.len);
        key.u32(place.filter_mask);
        self.origin(place.index).iter().for_each(|&o| key.u64(o));
        key.u64(0);
        key
    }

    /// The key that closes the tree: one chunk further along every axis, the element's bytes included.
    fn closing_key(&self, last: &ChunkPlace) -> Vec<u8> {
        let mut key = vec![0; 8];
        for (o, n) in self.origin(last.index).iter().zip(self.chunk_shape) {
            key.u64(o + n);
        }
        key.u64(self.element_size as u64);
        key
    }

    fn key_len(&self) -> usize {
        8 + 8 * (self.counts.len() + 1)
    }

    fn node_len(&self) -> usize {
        24 + FAN_OUT * 8 + (FAN_OUT + 1) * self.key_len()
    }
}

/// Appends the tree of `places` (ascending by index) to `out`, of which byte 0 is at `base` in the file.
/// Returns the address of the root; undefined when there are no chunks.
pub fn build(places: &[ChunkPlace], grid: &ChunkGrid<'_>, base: u64, out: &mut Vec<u8>) -> u64 {
    let Some(last) = places.last() else { return UNDEFINED };
    let closing = grid.closing_key(last);
    let mut level: Vec<(Vec<u8>, u64)> = places.iter().map(|p| (grid.key(p), p.address)).collect();
    for height in 0u8.. {
        let first = base + out.len() as u64;
        let node_len = grid.node_len() as u64;
        let count = level.len().div_ceil(FAN_OUT);
        let address = |node: usize| first + node as u64 * node_len;
        for (node, children) in level.chunks(FAN_OUT).enumerate() {
            let left = if node == 0 { UNDEFINED } else { address(node - 1) };
            let right = if node + 1 == count { UNDEFINED } else { address(node + 1) };
            let end = level.get((node + 1) * FAN_OUT).map_or(&closing, |(key, _)| key);
            put_node(height, children, end, [left, right], grid, out);
        }
        if count == 1 {
            return first;
        }
        level =
            level.into_iter().step_by(FAN_OUT).enumerate().map(|(n, (key, _))| (key, address(n))).collect();
    }
    UNDEFINED
}

fn put_node(
    height: u8,
    children: &[(Vec<u8>, u64)],
    end: &[u8],
    siblings: [u64; 2],
    grid: &ChunkGrid<'_>,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    out.extend_from_slice(b"TREE");
    out.u8(1); // raw data chunks
    out.u8(height);
    out.u16(children.len() as u16);
    siblings.iter().for_each(|&s| out.u64(s));
    for (key, child) in children {
        out.extend_from_slice(key);
        out.u64(*child);
    }
    out.extend_from_slice(end);
    out.resize(start + grid.node_len(), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(n: u64) -> Vec<ChunkPlace> {
        (0..n).map(|index| ChunkPlace { index, address: 1000 + index, len: 5, filter_mask: 0 }).collect()
    }

    #[test]
    fn one_chunk_is_one_leaf_whose_last_key_lies_beyond_it() {
        let grid = ChunkGrid { chunk_shape: &[4, 6], counts: &[1, 1], element_size: 2 };
        let mut out = Vec::new();
        assert_eq!(build(&places(1), &grid, 100, &mut out), 100);
        assert_eq!(out.len(), grid.node_len());
        assert_eq!(out[..8], [b'T', b'R', b'E', b'E', 1, 0, 1, 0]);
        let closing = 24 + grid.key_len() + 8;
        let expected: Vec<u8> = [0u64, 4, 6, 2].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(out[closing..closing + grid.key_len()], expected[..]);
    }

    #[test]
    fn five_thousand_chunks_need_three_levels() {
        let grid = ChunkGrid { chunk_shape: &[1], counts: &[5000], element_size: 4 };
        let mut out = Vec::new();
        let root = build(&places(5000), &grid, 0, &mut out);
        // 79 leaves, 2 nodes above them, the root
        assert_eq!(out.len(), (79 + 2 + 1) * grid.node_len());
        assert_eq!(root as usize, 81 * grid.node_len());
        assert_eq!(out[root as usize + 5], 2);
        // The closing key of the first leaf is the first key of the second one.
        let end = 24 + FAN_OUT * (grid.key_len() + 8);
        let second = grid.node_len() + 24;
        assert_eq!(out[end..end + grid.key_len()], out[second..second + grid.key_len()]);
    }
}
