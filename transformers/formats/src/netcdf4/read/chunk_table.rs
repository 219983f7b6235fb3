//! Which chunks there are and where: the same compact table for every kind of chunk index.

use super::bytes::{Bad, Cursor, Res, corrupt};
use super::dataspace::UNLIMITED;
use super::file::File;

/// The chunk grid of a dataset.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    /// Extents of the dataset itself; an axis of an unlimited dimension may be longer in other variables.
    pub(super) extent: Vec<u64>,
    pub(super) chunk: Vec<u64>,
    /// Chunks along each axis of the shape that the variable has in the model.
    counts: Vec<u64>,
    /// Chunks along each axis as far as the dataset may grow; `None`: without bound.
    most: Vec<Option<u64>>,
    /// Bytes of an unfiltered chunk.
    pub(super) chunk_bytes: u64,
}

/// One stored chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Row-major number in the grid of the variable.
    pub(super) number: u64,
    pub(super) addr: u64,
    pub(super) len: u64,
    pub(super) mask: u32,
}

impl Grid {
    /// `shape`: extents of the variable; `extent` and `max`: those of the dataset; `chunk`: extents of a chunk.
    pub(super) fn new(shape: &[u64], extent: &[u64], max: &[u64], chunk: &[u64], element: u64) -> Res<Grid> {
        if chunk.len() != extent.len() || shape.len() != extent.len() {
            return corrupt(format!("its chunks have {} dimensions, it has {}", chunk.len(), extent.len()));
        }
        let chunk_bytes = chunk.iter().try_fold(element, |n, &c| n.checked_mul(c));
        // Sums of offset and length must not wrap.
        let chunk_bytes = chunk_bytes.filter(|&n| n < 1 << 48);
        let counts: Vec<u64> = shape.iter().zip(chunk).map(|(n, c)| n.div_ceil(*c)).collect();
        if counts.iter().try_fold(1u64, |n, &c| n.checked_mul(c)).is_none() {
            return corrupt("its number of chunks overflows");
        }
        let most = max.iter().zip(chunk).map(|(&n, c)| (n != UNLIMITED).then(|| n.div_ceil(*c))).collect();
        Ok(Grid {
            extent: extent.into(),
            chunk: chunk.into(),
            counts,
            most,
            chunk_bytes: chunk_bytes
                .ok_or_else(|| Bad::Corrupt("the size of its chunks overflows".into()))?,
        })
    }

    /// The number of the chunk at these grid coordinates; `None` outside the variable.
    fn number(&self, coords: impl Iterator<Item = u64>) -> Option<u64> {
        let mut number = 0;
        for (at, &count) in coords.zip(&self.counts) {
            if at >= count {
                return None;
            }
            number = number * count + at;
        }
        Some(number)
    }

    /// The number of the chunk whose first element is at `origin`, the indices as they stand in a B-tree.
    fn number_of_origin(&self, origin: &[[u8; 8]]) -> Option<u64> {
        let mut number = 0;
        for ((at, &chunk), &count) in origin.iter().zip(&self.chunk).zip(&self.counts) {
            let at = u64::from_le_bytes(*at);
            let coord = at / chunk;
            if coord >= count || coord * chunk != at {
                return None;
            }
            number = number * count + coord;
        }
        Some(number)
    }

    fn coords(&self, mut number: u64) -> Vec<u64> {
        let mut coords = vec![0; self.counts.len()];
        for (at, &count) in coords.iter_mut().zip(&self.counts).rev() {
            *at = number % count.max(1);
            number /= count.max(1);
        }
        coords
    }

    /// Axes in the order in which array indexes count them: an unlimited one first, since the index grows with it.
    fn axes(&self) -> Vec<usize> {
        let mut axes: Vec<usize> = (0..self.most.len()).collect();
        axes.sort_by_key(|&a| self.most[a].is_some());
        axes
    }

    /// How index positions of arrays become chunk numbers.
    pub(super) fn unroll(&self) -> Unroll<'_> {
        Unroll { grid: self, axes: self.axes() }
    }

    /// Position of a chunk where all chunks that may ever be are stored in order.
    pub(super) fn position(&self, number: u64) -> Option<u64> {
        let coords = self.coords(number);
        self.axes().into_iter().try_fold(0u64, |n, a| match self.most[a] {
            Some(most) => n.checked_mul(most)?.checked_add(coords[a]),
            None => Some(coords[a]),
        })
    }

    /// Whether the chunk hangs over the edge of the dataset.
    pub(super) fn is_partial(&self, number: u64) -> bool {
        let coords = self.coords(number);
        let axes = coords.iter().zip(&self.chunk).zip(&self.extent);
        axes.into_iter().any(|((&at, &c), &n)| (at + 1).saturating_mul(c) > n)
    }
}

/// Turns positions in a fixed or extensible array into chunk numbers.
pub(super) struct Unroll<'a> {
    grid: &'a Grid,
    axes: Vec<usize>,
}

impl Unroll<'_> {
    fn number(&self, mut position: u64) -> Option<u64> {
        let mut coords = [0u64; 32];
        for &axis in self.axes.iter().rev() {
            match self.grid.most[axis] {
                Some(most) => {
                    coords[axis] = position % most.max(1);
                    position /= most.max(1);
                }
                None => {
                    coords[axis] = position;
                    position = 0;
                }
            }
        }
        if position > 0 {
            return None;
        }
        self.grid.number(coords.into_iter())
    }

    /// Takes the elements of an array index from `bytes`; the first has position `first`.
    pub(super) fn elements(
        &self,
        file: &File,
        bytes: &[u8],
        size: usize,
        filtered: bool,
        first: u64,
        out: &mut Vec<Entry>,
    ) -> Res<()> {
        let plain = file.sizes.offset;
        if size < plain + if filtered { 5 } else { 0 } {
            return corrupt("the elements of its chunk index are too small");
        }
        for (i, element) in bytes.chunks_exact(size).enumerate() {
            let mut c = Cursor::new(element, file.sizes, "chunk index");
            let Some(addr) = c.addr()? else { continue };
            let (len, mask) = match filtered {
                true => (c.uint(size - plain - 4)?, c.u32()?),
                false => (self.grid.chunk_bytes, 0),
            };
            let position = first.saturating_add(i as u64);
            out.extend(self.number(position).map(|number| Entry { number, addr, len, mask }));
        }
        Ok(())
    }
}

/// Chunks of a B-tree version 1.
pub(super) fn btree1(file: &File, grid: &Grid, addr: u64, out: &mut Vec<Entry>) -> Res<()> {
    btree1_node(file, grid, addr, None, out)
}

fn btree1_node(file: &File, grid: &Grid, addr: u64, level: Option<u8>, out: &mut Vec<Entry>) -> Res<()> {
    const WHAT: &str = "chunk B-tree";
    let sizes = file.sizes;
    let prefix = 8 + 2 * sizes.offset;
    let head = file.read(addr, prefix as u64, WHAT)?;
    let mut c = Cursor::new(&head, sizes, WHAT);
    c.tag(b"TREE")?;
    if c.u8()? != 1 {
        return corrupt("its chunk B-tree is of another kind");
    }
    let here = c.u8()?;
    let children = c.u16()? as usize;
    // Levels count down to the leaves, which bounds the depth.
    if level.is_some_and(|level| here != level) {
        return corrupt("the levels of its chunk B-tree do not count down");
    }
    let rank = grid.chunk.len();
    let key = 8 + 8 * (rank + 1);
    let bytes = file.read(addr, (prefix + children * (key + sizes.offset)) as u64, WHAT)?;
    // Plain slices, since there may be hundreds of thousands of entries.
    for entry in bytes[prefix..].chunks_exact(key + sizes.offset) {
        let (entry, child) = entry.split_at(key);
        let child = Cursor::new(child, sizes, WHAT).defined_addr()?;
        if let Some(below) = here.checked_sub(1) {
            btree1_node(file, grid, child, Some(below), out)?;
            continue;
        }
        let [a, b, c, d, e, f, g, h, ref origin @ ..] = *entry else { continue };
        let (len, mask) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        if let Some(number) = grid.number_of_origin(origin.as_chunks().0) {
            out.push(Entry { number, addr: child, len: u64::from(len), mask });
        }
    }
    Ok(())
}

/// Chunks of a B-tree version 2: records of type 10 (unfiltered) or 11.
pub(super) fn btree2(file: &File, grid: &Grid, addr: u64, out: &mut Vec<Entry>) -> Res<()> {
    const WHAT: &str = "chunk index";
    let tree = super::btree2::Tree::read(file, addr)?;
    let plain = file.sizes.offset + 8 * grid.chunk.len();
    let len_width = match tree.kind {
        10 if tree.record_size == plain => None,
        11 if (plain + 5..=plain + 12).contains(&tree.record_size) => Some(tree.record_size - plain - 4),
        _ => return corrupt("its chunk index is another B-tree"),
    };
    tree.for_each(file, |record| {
        let mut c = Cursor::new(record, file.sizes, WHAT);
        let addr = c.addr()?;
        let (len, mask) = match len_width {
            Some(width) => (c.uint(width)?, c.u32()?),
            None => (grid.chunk_bytes, 0),
        };
        let coords = c.rest().as_chunks::<8>().0.iter().map(|b| u64::from_le_bytes(*b));
        if let (Some(addr), Some(number)) = (addr, grid.number(coords)) {
            out.push(Entry { number, addr, len, mask });
        }
        Ok(())
    })
}

/// Stored chunks by number, in columns; a column whose values are all alike is one value.
pub(super) struct Table {
    /// `None`: all chunks are there, from number 0 on.
    numbers: Option<Vec<u64>>,
    addrs: Vec<u64>,
    lens: Column<u64>,
    masks: Column<u32>,
}

enum Column<T> {
    Same(T),
    Each(Vec<T>),
}

impl<T: Copy + PartialEq + Default> Column<T> {
    fn new(values: impl Iterator<Item = T> + Clone) -> Self {
        let first = values.clone().next().unwrap_or_default();
        match values.clone().all(|v| v == first) {
            true => Column::Same(first),
            false => Column::Each(values.collect()),
        }
    }

    fn get(&self, i: usize) -> T {
        match self {
            Column::Same(v) => *v,
            Column::Each(values) => values[i],
        }
    }
}

impl Table {
    pub(super) fn new(file: &File, mut entries: Vec<Entry>) -> Res<Table> {
        if !entries.is_sorted_by_key(|e| e.number) {
            entries.sort_unstable_by_key(|e| e.number);
        }
        if entries.windows(2).any(|w| w[0].number == w[1].number) {
            return corrupt("a chunk is stored twice");
        }
        if let Some(e) = entries.iter().find(|e| !file.holds(e.addr, e.len)) {
            return corrupt(format!("chunk {} at {} lies outside the file", e.number, e.addr));
        }
        let complete = entries.last().is_none_or(|e| e.number == entries.len() as u64 - 1);
        Ok(Table {
            numbers: (!complete).then(|| entries.iter().map(|e| e.number).collect()),
            addrs: entries.iter().map(|e| e.addr).collect(),
            lens: Column::new(entries.iter().map(|e| e.len)),
            masks: Column::new(entries.iter().map(|e| e.mask)),
        })
    }

    pub(super) fn get(&self, number: u64) -> Option<Entry> {
        let i = match &self.numbers {
            Some(numbers) => numbers.binary_search(&number).ok()?,
            None => usize::try_from(number).ok().filter(|&i| i < self.addrs.len())?,
        };
        Some(Entry { number, addr: self.addrs[i], len: self.lens.get(i), mask: self.masks.get(i) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unlimited_axis_counts_slowest_in_an_array_index() {
        // Axes of 2 and unlimited (now 3) chunks: positions run (0,0), (1,0), (0,1), (1,1), …
        let grid = Grid::new(&[20, 30], &[20, 30], &[20, UNLIMITED], &[10, 10], 1).unwrap();
        let unroll = grid.unroll();
        let numbers: Vec<_> = (0..7).map(|p| unroll.number(p)).collect();
        assert_eq!(numbers, [Some(0), Some(3), Some(1), Some(4), Some(2), Some(5), None]);
        assert_eq!((0..6).map(|n| grid.position(n).unwrap()).collect::<Vec<_>>(), [0, 2, 4, 1, 3, 5]);
    }

    #[test]
    fn a_chunk_that_hangs_over_is_partial() {
        let grid = Grid::new(&[25], &[25], &[25], &[10], 4).unwrap();
        assert_eq!([0, 1, 2].map(|n| grid.is_partial(n)), [false, false, true]);
        assert_eq!(grid.number_of_origin(&[20u64.to_le_bytes()]), Some(2));
        assert_eq!(grid.number_of_origin(&[21u64.to_le_bytes()]), None);
    }
}
