//! The part of a source plane that a block of the target needs, in memory.

use super::block::Block;

/// Decoded rows of a source plane. Indices are those of the whole source plane; only [`Plane::extent`] is there.
#[derive(Clone, Debug)]
pub struct Plane<'a, T> {
    extent: Block,
    /// For each row of the extent its columns.
    rows: Vec<&'a [T]>,
    /// Whether any value may be missing (NaN, for numbers).
    has_fill: bool,
}

impl<'a, T: Copy> Plane<'a, T> {
    /// `rows` holds for each row of `extent` its columns.
    pub fn new(extent: Block, rows: Vec<&'a [T]>, has_fill: bool) -> Self {
        debug_assert_eq!(extent.height(), rows.len());
        Plane { extent, rows, has_fill }
    }

    /// From a whole row-major plane.
    pub fn of(shape: [usize; 2], values: &'a [T], has_fill: bool) -> Self {
        let rows = values.chunks_exact(shape[1].max(1)).take(shape[0]).collect();
        Plane::new(Block::all(shape), rows, has_fill)
    }

    /// The rectangle of the source plane that is there.
    pub fn extent(&self) -> &Block {
        &self.extent
    }

    /// Whether values may be missing; when not, kernels need not look.
    pub fn has_fill(&self) -> bool {
        self.has_fill
    }

    /// All rows that are there, from the first of the extent on.
    #[inline]
    pub fn rows(&self) -> &[&'a [T]] {
        &self.rows
    }

    /// The columns `extent().cols` of a row, by its index in the source plane.
    #[inline]
    pub fn row(&self, row: usize) -> &'a [T] {
        self.rows[row - self.extent.rows.start]
    }

    /// One value, by its indices in the source plane.
    #[inline]
    pub fn at(&self, row: usize, col: usize) -> T {
        self.rows[row - self.extent.rows.start][col - self.extent.cols.start]
    }
}
