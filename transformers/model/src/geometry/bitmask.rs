//! One bit for each cell of a grid or sample of a swath.

use rayon::prelude::*;

use crate::runs::Runs;

/// A matrix of bits, row-major; every row starts on a word, so rows can be written in parallel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitMask {
    rows: usize,
    cols: usize,
    words_per_row: usize,
    words: Vec<u64>,
}

impl BitMask {
    /// All bits clear. The caller has checked that `rows × cols` is an extent it can hold.
    pub fn new(rows: usize, cols: usize) -> Self {
        let words_per_row = cols.div_ceil(64);
        BitMask { rows, cols, words_per_row, words: vec![0; rows * words_per_row] }
    }

    /// All bits set.
    pub fn full(rows: usize, cols: usize) -> Self {
        let mut mask = BitMask::new(rows, cols);
        (0..rows).for_each(|row| mask.set_range(row, 0, cols));
        mask
    }

    /// From one `bool` for each cell, row-major.
    pub fn from_bools(rows: usize, cols: usize, bools: &[bool]) -> Self {
        debug_assert_eq!(rows * cols, bools.len());
        let mut mask = BitMask::new(rows, cols);
        mask.par_rows_mut().enumerate().for_each(|(row, words)| {
            for (col, _) in bools[row * cols..(row + 1) * cols].iter().enumerate().filter(|(_, b)| **b) {
                words[col / 64] |= 1 << (col % 64);
            }
        });
        mask
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The words of one row; bit *c* mod 64 of word *c* / 64 is column *c*. Bits after the last column are clear.
    pub fn row(&self, row: usize) -> &[u64] {
        &self.words[row * self.words_per_row..(row + 1) * self.words_per_row]
    }

    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [u64] {
        &mut self.words[row * self.words_per_row..(row + 1) * self.words_per_row]
    }

    /// All rows, for writing in parallel; bits after the last column must stay clear.
    pub fn par_rows_mut(&mut self) -> impl IndexedParallelIterator<Item = &mut [u64]> {
        self.words.par_chunks_mut(self.words_per_row.max(1)).take(self.rows)
    }

    pub fn get(&self, row: usize, col: usize) -> bool {
        debug_assert!(col < self.cols);
        self.row(row)[col / 64] >> (col % 64) & 1 == 1
    }

    pub fn set(&mut self, row: usize, col: usize, value: bool) {
        debug_assert!(col < self.cols);
        let word = &mut self.words[row * self.words_per_row + col / 64];
        let bit = 1 << (col % 64);
        *word = if value { *word | bit } else { *word & !bit };
    }

    /// Sets the columns `start..end` of a row; `end` beyond the last column is cut.
    pub fn set_range(&mut self, row: usize, start: usize, end: usize) {
        let end = end.min(self.cols);
        set_bits(self.row_mut(row), start, end);
    }

    /// Keeps what is set in `other` too. Both have the same extents.
    pub fn and_with(&mut self, other: &BitMask) {
        debug_assert_eq!((self.rows, self.cols), (other.rows, other.cols));
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= b);
    }

    /// Adds what is set in `other`. Both have the same extents.
    pub fn or_with(&mut self, other: &BitMask) {
        debug_assert_eq!((self.rows, self.cols), (other.rows, other.cols));
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a |= b);
    }

    /// Number of set bits.
    pub fn count(&self) -> u64 {
        self.words.iter().map(|w| u64::from(w.count_ones())).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|w| *w == 0)
    }

    pub fn is_full(&self) -> bool {
        self.count() == self.rows as u64 * self.cols as u64
    }

    pub fn any_in_row(&self, row: usize) -> bool {
        self.row(row).iter().any(|w| *w != 0)
    }

    /// The rows with a set bit.
    pub fn row_runs(&self) -> Runs {
        Runs::from_indices((0..self.rows).filter(|&r| self.any_in_row(r)).map(|r| r as u64))
    }

    /// The columns with a set bit.
    pub fn col_runs(&self) -> Runs {
        let mut any = vec![0u64; self.words_per_row];
        for row in 0..self.rows {
            any.iter_mut().zip(self.row(row)).for_each(|(a, w)| *a |= w);
        }
        runs_of(&any, self.cols)
    }

    /// The set columns of one row.
    pub fn runs_in_row(&self, row: usize) -> Runs {
        runs_of(self.row(row), self.cols)
    }

    /// One `bool` for each column of a row into `out` (as long as a row).
    pub fn row_bools(&self, row: usize, out: &mut [bool]) {
        let words = self.row(row);
        out.iter_mut().enumerate().for_each(|(col, b)| *b = words[col / 64] >> (col % 64) & 1 == 1);
    }
}

/// Sets the bits `start..end` of a row's words.
pub(crate) fn set_bits(words: &mut [u64], start: usize, end: usize) {
    if start >= end {
        return;
    }
    let (first, last) = (start / 64, (end - 1) / 64);
    let (head, tail) = (u64::MAX << (start % 64), u64::MAX >> (63 - (end - 1) % 64));
    if first == last {
        words[first] |= head & tail;
        return;
    }
    words[first] |= head;
    words[first + 1..last].fill(u64::MAX);
    words[last] |= tail;
}

fn runs_of(words: &[u64], cols: usize) -> Runs {
    let mut runs = Runs::default();
    let mut at = 0;
    while at < cols {
        let start = next(words, at, cols, true);
        let end = next(words, start, cols, false);
        runs.push(start as u64, (end - start) as u64);
        at = end;
    }
    runs
}

/// The first column from `at` on whose bit is `wanted`, or `cols`.
fn next(words: &[u64], at: usize, cols: usize, wanted: bool) -> usize {
    let mut at = at;
    while at < cols {
        let word = if wanted { words[at / 64] } else { !words[at / 64] } >> (at % 64);
        if word != 0 {
            return (at + word.trailing_zeros() as usize).min(cols);
        }
        at = (at / 64 + 1) * 64;
    }
    cols
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_over_word_borders_come_back_as_runs() {
        let mut mask = BitMask::new(3, 200);
        for (start, end) in [(0, 1), (60, 70), (127, 192), (199, 400)] {
            mask.set_range(1, start, end);
        }
        assert_eq!(mask.count(), 1 + 10 + 65 + 1);
        let runs: Vec<_> = mask.runs_in_row(1).runs().iter().map(|r| (r.start, r.len)).collect();
        assert_eq!(runs, [(0, 1), (60, 10), (127, 65), (199, 1)]);
        assert_eq!(mask.row_runs(), Runs::range(1, 1));
        assert_eq!(mask.col_runs(), mask.runs_in_row(1));
        assert!(mask.get(1, 191) && !mask.get(1, 192) && !mask.any_in_row(0));
    }

    #[test]
    fn bools_and_bits_are_the_same() {
        let bools: Vec<bool> = (0..5 * 70).map(|i| i * i % 7 < 3).collect();
        let mut mask = BitMask::from_bools(5, 70, &bools);
        let mut row = vec![false; 70];
        mask.row_bools(3, &mut row);
        assert_eq!(row, bools[3 * 70..4 * 70]);
        assert_eq!(mask.count() as usize, bools.iter().filter(|b| **b).count());
        mask.or_with(&BitMask::full(5, 70));
        assert!(mask.is_full());
        mask.and_with(&BitMask::new(5, 70));
        assert!(mask.is_empty() && BitMask::new(0, 9).row_runs().is_empty() && BitMask::full(4, 0).is_full());
    }
}
