//! How the rows and columns of a plane are cut: into pages that are read as a whole, and these into tiles.

use std::ops::Range;

use super::block::Block;

/// Cells along the side of a tile, about.
const TILE: usize = 64;
/// Cells along the side of a page at least, where the axis has as many.
const PAGE: usize = 128;
/// What pages of data without chunks have: a few long runs.
const LONG_PAGE: [usize; 2] = [64, 4096];

/// The cuts of an axis. Every tile lies within one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    len: usize,
    page: usize,
    tile: usize,
    /// Tiles of a whole page.
    per_page: usize,
}

impl Cut {
    fn new(len: usize, page: usize, tile: usize) -> Self {
        let page = page.clamp(1, len.max(1));
        let tile = page.div_ceil(page.div_ceil(tile));
        Cut { len, page, tile, per_page: page.div_ceil(tile) }
    }

    /// Number of pages.
    pub fn pages(&self) -> usize {
        self.len.div_ceil(self.page)
    }

    /// Cells of a page.
    pub fn page(&self, n: usize) -> Range<usize> {
        n * self.page..((n + 1) * self.page).min(self.len)
    }

    /// Number of the page that holds a cell.
    pub fn page_of(&self, at: usize) -> usize {
        at / self.page
    }

    /// Number of tiles.
    pub fn tiles(&self) -> usize {
        self.len / self.page * self.per_page + (self.len % self.page).div_ceil(self.tile)
    }

    /// Cells of a tile.
    pub fn tile(&self, n: usize) -> Range<usize> {
        let page = n / self.per_page;
        let start = page * self.page + n % self.per_page * self.tile;
        start..(start + self.tile).min((page + 1) * self.page).min(self.len)
    }

    /// Number of the tile that holds a cell.
    pub fn tile_of(&self, at: usize) -> usize {
        at / self.page * self.per_page + at % self.page / self.tile
    }
}

/// The cuts of rows and columns. They follow the chunks that the plane is stored in, never the memory there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cuts {
    pub rows: Cut,
    pub cols: Cut,
}

impl Cuts {
    /// Of a plane of `shape` whose stored chunks have so many rows and columns: pages are whole chunks.
    pub fn new(shape: [usize; 2], chunk: Option<[usize; 2]>) -> Self {
        let page = match chunk {
            Some(chunk) => chunk.map(|c| PAGE.next_multiple_of(c.max(1))),
            None => LONG_PAGE,
        };
        Cuts { rows: Cut::new(shape[0], page[0], TILE), cols: Cut::new(shape[1], page[1], TILE) }
    }

    /// Of tiles with at most so many cells along a side.
    #[cfg(test)]
    pub fn of_tiles(shape: [usize; 2], tile: usize) -> Self {
        Cuts { rows: Cut::new(shape[0], shape[0], tile), cols: Cut::new(shape[1], shape[1], tile) }
    }

    /// With columns for rows.
    pub fn turned(self) -> Self {
        Cuts { rows: self.cols, cols: self.rows }
    }

    /// All pages, row by row.
    pub fn pages(&self) -> impl Iterator<Item = Block> + use<> {
        let (rows, cols) = (self.rows, self.cols);
        let row = move |r| (0..cols.pages()).map(move |c| Block { rows: rows.page(r), cols: cols.page(c) });
        (0..rows.pages()).flat_map(row)
    }

    /// Number of the page that holds a cell.
    pub fn page_of(&self, row: usize, col: usize) -> usize {
        self.rows.page_of(row) * self.cols.pages() + self.cols.page_of(col)
    }

    /// Cells of a page.
    pub fn page(&self, n: usize) -> Block {
        let across = self.cols.pages().max(1);
        Block { rows: self.rows.page(n / across), cols: self.cols.page(n % across) }
    }

    /// Number of tiles.
    pub fn tiles(&self) -> usize {
        self.rows.tiles() * self.cols.tiles()
    }

    /// Cells of a tile; tiles are numbered row by row.
    pub fn tile(&self, n: usize) -> Block {
        let across = self.cols.tiles().max(1);
        Block { rows: self.rows.tile(n / across), cols: self.cols.tile(n % across) }
    }

    /// Number of the tile that holds a cell.
    #[inline]
    pub fn tile_of(&self, row: usize, col: usize) -> usize {
        self.rows.tile_of(row) * self.cols.tiles() + self.cols.tile_of(col)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_whole_chunks_and_tiles_lie_within_them() {
        for (shape, chunk) in [
            ([3000, 3001], Some([500, 500])),
            ([70, 1], None),
            ([1300, 9000], None),
            ([40, 7], Some([1, 7])),
            ([1000, 1000], Some([300, 1000])),
        ] {
            let cuts = Cuts::new(shape, chunk);
            let mut seen = 0;
            for n in 0..cuts.tiles() {
                let tile = cuts.tile(n);
                assert!(!tile.is_empty() && tile.height() <= TILE && tile.width() <= TILE);
                for (row, col) in [(tile.rows.start, tile.cols.start), (tile.rows.end - 1, tile.cols.end - 1)]
                {
                    assert_eq!(cuts.tile_of(row, col), n);
                    let page = cuts.page(cuts.page_of(row, col));
                    assert_eq!(tile.intersection(&page), tile);
                }
                seen += tile.count();
            }
            assert_eq!(seen, shape[0] * shape[1]);
            assert_eq!(cuts.pages().map(|p| p.count()).sum::<usize>(), seen);
        }
        assert_eq!(Cuts::new([3000, 3000], Some([500, 10])).page(0), Block { rows: 0..500, cols: 0..130 });
    }
}
