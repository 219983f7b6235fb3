//! A 2-D bitmap of wanted samples over a window of rows and columns.

use harmony_model::geometry::BitMask;
use harmony_model::{ReadError, Runs, Window};

use crate::selection::MaskSource;

/// A bitmap whose first sample has the original indices `origin`; outside it nothing is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Bits {
    pub origin: [u64; 2],
    pub rows: u64,
    pub cols: u64,
    mask: BitMask,
}

impl Bits {
    /// All unset.
    pub fn new(origin: [u64; 2], rows: u64, cols: u64) -> Self {
        Bits { origin, rows, cols, mask: BitMask::new(rows as usize, cols as usize) }
    }

    /// A bitmap laid at `origin`.
    pub fn from_bitmask(origin: [u64; 2], mask: BitMask) -> Self {
        Bits { origin, rows: mask.rows() as u64, cols: mask.cols() as u64, mask }
    }

    /// Sets sample `(row, col)` in window coordinates.
    pub fn set(&mut self, row: u64, col: u64) {
        self.mask.set(row as usize, col as usize, true);
    }

    /// Sample `(row, col)` in window coordinates.
    pub fn get(&self, row: u64, col: u64) -> bool {
        self.mask.get(row as usize, col as usize)
    }

    /// By original indices; outside the window nothing is wanted.
    pub fn wants(&self, row: u64, col: u64) -> bool {
        match (row.checked_sub(self.origin[0]), col.checked_sub(self.origin[1])) {
            (Some(r), Some(c)) if r < self.rows && c < self.cols => self.get(r, c),
            _ => false,
        }
    }

    pub fn count(&self) -> u64 {
        self.mask.count()
    }

    /// Keeps only samples that `other` wants too.
    pub fn intersect(&mut self, other: &Bits) {
        if self.origin == other.origin && self.rows == other.rows && self.cols == other.cols {
            self.mask.and_with(&other.mask);
            return;
        }
        for row in 0..self.rows {
            for col in 0..self.cols {
                if self.get(row, col) && !other.wants(row + self.origin[0], col + self.origin[1]) {
                    self.mask.set(row as usize, col as usize, false);
                }
            }
        }
    }

    /// Rows and columns (original indices) with a hit among `rows` × `cols`.
    pub fn hits(&self, rows: &Runs, cols: &Runs) -> (Runs, Runs) {
        let wanted = self.column_words(cols);
        let mut seen = vec![0u64; wanted.len()];
        let mut row_hits = Vec::new();
        for row in rows.indices() {
            let Some(r) = row.checked_sub(self.origin[0]).filter(|&r| r < self.rows) else { continue };
            let words = self.mask.row(r as usize);
            let mut any = 0;
            for ((s, w), k) in seen.iter_mut().zip(words).zip(&wanted) {
                any |= w & k;
                *s |= w & k;
            }
            if any != 0 {
                row_hits.push(row);
            }
        }
        let hit = |c: &u64| {
            c.checked_sub(self.origin[1])
                .is_some_and(|i| i < self.cols && seen[(i / 64) as usize] >> (i % 64) & 1 == 1)
        };
        (Runs::from_indices(row_hits), Runs::from_indices(cols.indices().filter(hit)))
    }

    /// A row of words with the bits of `cols` set.
    fn column_words(&self, cols: &Runs) -> Vec<u64> {
        let mut words = vec![0u64; (self.cols as usize).div_ceil(64)];
        for c in cols.indices() {
            if let Some(i) = c.checked_sub(self.origin[1]).filter(|&i| i < self.cols) {
                words[(i / 64) as usize] |= 1 << (i % 64);
            }
        }
        words
    }
}

impl MaskSource for Bits {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let (rows, cols) = match window.0.as_slice() {
            [rows, cols] => (rows.clone(), cols.clone()),
            [rows] => (rows.clone(), Runs::range(self.origin[1], 1)),
            _ => return Ok(()),
        };
        let mut at = 0;
        for row in rows.indices() {
            for col in cols.indices() {
                out[at] = u8::from(self.wants(row, col));
                at += 1;
            }
        }
        Ok(())
    }

    fn is_cheap(&self) -> bool {
        true
    }

    fn bits(&self) -> Option<&Bits> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_lists_of_rows_and_columns_inside_the_window() {
        let mut bits = Bits::new([10, 100], 4, 70);
        bits.set(1, 0);
        bits.set(3, 66);
        let (rows, cols) = bits.hits(&Runs::all(20), &Runs::all(300));
        assert_eq!(rows.indices().collect::<Vec<_>>(), [11, 13]);
        assert_eq!(cols.indices().collect::<Vec<_>>(), [100, 166]);
        assert!(!bits.wants(0, 0));
    }
}
