//! Rectangles of rows and columns.

use std::ops::Range;

/// A rectangle of cells of a plane; ends are excluded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Block {
    pub rows: Range<usize>,
    pub cols: Range<usize>,
}

impl Block {
    /// All of a plane of `[rows, columns]`.
    pub fn all(shape: [usize; 2]) -> Self {
        Block { rows: 0..shape[0], cols: 0..shape[1] }
    }

    pub fn height(&self) -> usize {
        self.rows.len()
    }

    pub fn width(&self) -> usize {
        self.cols.len()
    }

    /// Number of cells.
    pub fn count(&self) -> usize {
        self.height() * self.width()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() || self.cols.is_empty()
    }

    /// The smallest rectangle around both.
    pub fn union(&self, other: &Block) -> Block {
        let join = |a: &Range<usize>, b: &Range<usize>| a.start.min(b.start)..a.end.max(b.end);
        Block { rows: join(&self.rows, &other.rows), cols: join(&self.cols, &other.cols) }
    }

    /// What both have in common; may be empty.
    pub fn intersection(&self, other: &Block) -> Block {
        let meet = |a: &Range<usize>, b: &Range<usize>| {
            let start = a.start.max(b.start);
            start..a.end.min(b.end).max(start)
        };
        Block { rows: meet(&self.rows, &other.rows), cols: meet(&self.cols, &other.cols) }
    }
}
