//! The stored elements of planes, read in pages of whole chunks and kept as they are stored.

use std::sync::Arc;

use harmony_model::{ArraySource, ReadError, Runs, Window};

use super::block::Block;
use super::cut::Cuts;
use super::gather::transpose;
use super::kept::Kept;

/// Pages by array, plane and number.
pub type KeptPages = Kept<(u64, u64, usize), Vec<u8>>;

/// One plane of an array: the indices on the axes that are neither rows nor columns, in order, and its number.
#[derive(Clone, Copy)]
pub struct PlaneAt<'a> {
    pub leading: &'a [u64],
    pub number: u64,
}

/// The planes of an array: rows and columns of two of its axes.
pub struct Pages {
    pub data: Arc<dyn ArraySource>,
    /// Number of axes.
    pub axes: usize,
    pub row_axis: usize,
    /// Planes without it have one column.
    pub col_axis: Option<usize>,
    /// Bytes of an element.
    pub size: usize,
    pub cuts: Cuts,
    /// Number of this array among those that share `kept`.
    pub array: u64,
    /// Without it the array itself is asked for every block.
    pub kept: Option<Arc<KeptPages>>,
}

impl Pages {
    /// Bytes of the pages that two threads have in use.
    pub fn in_use(&self) -> usize {
        let pages = (self.cuts.rows.pages() * self.cuts.cols.pages()).min(2);
        pages * self.cuts.page(0).count() * self.size
    }

    /// Reads the elements of a block of a plane, row by row.
    ///
    /// # Errors
    /// What the array says.
    pub fn read(&self, plane: PlaneAt, block: &Block, out: &mut [u8]) -> Result<(), ReadError> {
        let Some(kept) = &self.kept else { return self.read_through(plane, block, out) };
        let line = block.width() * self.size;
        let Some((last_row, last_col)) = block.rows.clone().next_back().zip(block.cols.clone().next_back())
        else {
            return Ok(());
        };
        let (rows, cols) = (&self.cuts.rows, &self.cuts.cols);
        for page_row in rows.page_of(block.rows.start)..=rows.page_of(last_row) {
            for page_col in cols.page_of(block.cols.start)..=cols.page_of(last_col) {
                let extent = Block { rows: rows.page(page_row), cols: cols.page(page_col) };
                let page = self.page(kept, plane, page_row * cols.pages() + page_col, &extent)?;
                let part = extent.intersection(block);
                let bytes = part.width() * self.size;
                for row in part.rows.clone() {
                    let from =
                        (row - extent.rows.start) * extent.width() + part.cols.start - extent.cols.start;
                    let to =
                        (row - block.rows.start) * line + (part.cols.start - block.cols.start) * self.size;
                    out[to..to + bytes].copy_from_slice(&page[from * self.size..][..bytes]);
                }
            }
        }
        Ok(())
    }

    fn page(
        &self,
        kept: &KeptPages,
        plane: PlaneAt,
        number: usize,
        extent: &Block,
    ) -> Result<Arc<Vec<u8>>, ReadError> {
        let key = (self.array, plane.number, number);
        if let Some(page) = kept.get(key) {
            return Ok(page);
        }
        let mut bytes = vec![0; extent.count() * self.size];
        self.read_through(plane, extent, &mut bytes)?;
        let (page, size) = (Arc::new(bytes), extent.count() * self.size);
        kept.put(key, page.clone(), size);
        Ok(page)
    }

    /// From the array, row by row.
    fn read_through(&self, plane: PlaneAt, block: &Block, out: &mut [u8]) -> Result<(), ReadError> {
        self.data.read(&self.window(plane, block), out)?;
        if self.col_axis.is_some_and(|c| c < self.row_axis) {
            out.copy_from_slice(&transpose(out, block.width(), block.height(), self.size));
        }
        Ok(())
    }

    fn window(&self, plane: PlaneAt, block: &Block) -> Window {
        let mut leading = plane.leading.iter();
        let axis = |a| {
            if a == self.row_axis {
                Runs::range(block.rows.start as u64, block.height() as u64)
            } else if Some(a) == self.col_axis {
                Runs::range(block.cols.start as u64, block.width() as u64)
            } else {
                Runs::range(leading.next().copied().unwrap_or(0), 1)
            }
        };
        Window((0..self.axes).map(axis).collect())
    }
}
