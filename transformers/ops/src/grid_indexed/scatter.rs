//! Samples that know the row and column of their cell.

use harmony_model::GridSpec;

use crate::project::{Block, Footprint, NOWHERE, Picker};

/// For each cell of a grid the sample it takes.
pub struct Scatter {
    /// Number of a cell and of its sample, by cell; one entry for each cell that has one.
    cells: Vec<(u64, u32)>,
    shape: [usize; 2],
    samples: usize,
    /// Samples that another one of their cell takes the place of.
    pub repeated: usize,
    /// Samples without a cell on the grid.
    pub outside: usize,
}

impl Scatter {
    /// From the stored rows and columns of the samples (from 0; NaN: none). Of several samples in a cell the last one
    /// counts.
    pub fn new(rows: &[f64], cols: &[f64], grid: &GridSpec) -> Self {
        let index = |v: f64, n: u64| (v >= 0.0 && v < n as f64 && v.fract() == 0.0).then_some(v as u64);
        let place = |(sample, (&r, &c)): (usize, (&f64, &f64))| {
            let cell = index(r, grid.ny)? * grid.nx + index(c, grid.nx)?;
            Some((cell, u32::try_from(sample).ok()?))
        };
        let mut cells: Vec<(u64, u32)> = rows.iter().zip(cols).enumerate().filter_map(place).collect();
        let placed = cells.len();
        cells.sort_unstable();
        // The last one of each cell: the others are followed by one of the same cell.
        let mut at = 0;
        let next: Vec<Option<u64>> = cells.iter().skip(1).map(|c| Some(c.0)).chain([None]).collect();
        cells.retain(|c| {
            at += 1;
            next[at - 1] != Some(c.0)
        });
        Scatter {
            repeated: placed - cells.len(),
            outside: rows.len() - placed,
            cells,
            shape: [grid.ny as usize, grid.nx as usize],
            samples: rows.len(),
        }
    }

    /// The cells of a row within a range of columns: column and sample.
    fn in_row(&self, row: usize, cols: std::ops::Range<usize>) -> impl Iterator<Item = (usize, u32)> {
        let first = row as u64 * self.shape[1] as u64;
        let (from, to) = (first + cols.start as u64, first + cols.end as u64);
        let begin = self.cells.partition_point(|c| c.0 < from);
        self.cells[begin..].iter().take_while(move |c| c.0 < to).map(move |c| ((c.0 - first) as usize, c.1))
    }
}

impl Footprint for Scatter {
    fn source_shape(&self) -> [usize; 2] {
        [self.samples, 1]
    }

    fn target_shape(&self) -> [usize; 2] {
        self.shape
    }

    fn window(&self, block: &Block) -> Option<Block> {
        let samples =
            block.rows.clone().flat_map(|r| self.in_row(r, block.cols.clone())).map(|(_, s)| s as usize);
        let (first, last) = samples.fold((usize::MAX, 0), |(lo, hi), s| (lo.min(s), hi.max(s)));
        (first != usize::MAX).then(|| Block { rows: first..last + 1, cols: 0..1 })
    }
}

impl Picker for Scatter {
    fn pick(&self, block: &Block, rows: &mut [u32], cols: &mut [u32]) {
        rows.fill(NOWHERE);
        cols.fill(NOWHERE);
        for row in block.rows.clone() {
            let line = (row - block.rows.start) * block.width();
            for (col, sample) in self.in_row(row, block.cols.clone()) {
                let at = line + col - block.cols.start;
                (rows[at], cols[at]) = (sample, 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use harmony_model::crs::Crs;

    use super::*;

    #[test]
    fn the_last_sample_of_a_cell_counts() {
        let grid = GridSpec::filling(Crs::wgs84(), [0.0, 0.0, 4.0, 3.0], 4, 3);
        let s = Scatter::new(&[0.0, 2.0, 0.0, 7.0, f64::NAN], &[1.0, 3.0, 1.0, 0.0, 0.0], &grid);
        assert_eq!((s.repeated, s.outside), (1, 2));
        let (mut rows, mut cols) = (vec![9; 12], vec![9; 12]);
        s.pick(&Block::all([3, 4]), &mut rows, &mut cols);
        assert_eq!((rows[1], cols[1], rows[11]), (2, 0, 1));
        assert_eq!(rows.iter().filter(|r| **r != NOWHERE).count(), 2);
        assert_eq!(s.window(&Block { rows: 0..1, cols: 0..4 }), Some(Block { rows: 2..3, cols: 0..1 }));
        assert_eq!(s.window(&Block { rows: 1..2, cols: 0..4 }), None);
    }
}
