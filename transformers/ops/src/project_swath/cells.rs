//! Positions of swath cells in memory.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use harmony_model::ReadError;

use super::index::NONE;
use super::sphere::{self, Vec3};
use super::swath::Swath;
use crate::project::Block;

/// Longitudes and latitudes of a block of a swath in degrees, row-major; NaN where a position is missing.
pub struct Cells {
    pub block: Block,
    pub lons: Vec<f64>,
    pub lats: Vec<f64>,
}

impl Cells {
    /// Longitude and latitude of a cell of the block, by its row and column in the swath.
    #[inline]
    pub fn at(&self, row: usize, col: usize) -> (f64, f64) {
        let i = (row - self.block.rows.start) * self.block.width() + col - self.block.cols.start;
        (self.lons[i], self.lats[i])
    }

    /// Where a cell stands among those of the block; `None` for others.
    #[inline]
    fn index(&self, row: usize, col: usize) -> Option<usize> {
        let (r, c) = (row.wrapping_sub(self.block.rows.start), col.wrapping_sub(self.block.cols.start));
        (r < self.block.height() && c < self.block.width()).then(|| r * self.block.width() + c)
    }
}

/// Where the centres of all cells are.
pub trait Mesh {
    /// Rows and columns.
    fn shape(&self) -> [usize; 2];

    /// Direction of a cell from the centre of the Earth; `None` where it has no position.
    fn unit(&self, row: usize, col: usize) -> Option<Vec3>;
}

/// The direction of a position in degrees, if it is one.
#[inline]
fn direction((lon, lat): (f64, f64)) -> Option<Vec3> {
    sphere::is_position(lon, lat).then(|| sphere::unit(lon, lat))
}

impl Mesh for Cells {
    fn shape(&self) -> [usize; 2] {
        [self.block.height(), self.block.width()]
    }

    fn unit(&self, row: usize, col: usize) -> Option<Vec3> {
        direction(self.at(row, col))
    }
}

/// Cells of a patch at most.
const PATCH: usize = 1 << 18;
/// Rows and columns around the cells that a patch is made for.
const MARGIN: usize = 2;
/// Tiles beside the patch that are held at most.
const HELD: usize = 32;

/// The mesh of a swath, with the part around some cells at hand; others are read when they are looked at.
pub struct Patch<'a> {
    swath: &'a Swath,
    cells: Cells,
    /// Directions of the cells that were looked at; nothing of length 0 is one.
    units: Vec<Cell<Vec3>>,
    tiles: RefCell<HashMap<usize, Rc<Cells>>>,
    error: RefCell<Option<ReadError>>,
}

impl<'a> Patch<'a> {
    /// With the part around the cells of these numbers, [`NONE`] among them or not.
    ///
    /// # Errors
    /// What the file says.
    pub fn around(swath: &'a Swath, cells: &[u32]) -> Result<Self, ReadError> {
        let width = swath.shape[1].max(1);
        let place = |&cell: &u32| {
            let (row, col) = (cell as usize / width, cell as usize % width);
            Block { rows: row..row + 1, cols: col..col + 1 }
        };
        let named = cells.iter().filter(|cell| **cell != NONE);
        let wide =
            |range: &Range<usize>, n: usize| range.start.saturating_sub(MARGIN)..(range.end + MARGIN).min(n);
        let block =
            named.map(place).reduce(|a, b| a.union(&b)).map_or(Block { rows: 0..0, cols: 0..0 }, |b| Block {
                rows: wide(&b.rows, swath.shape[0]),
                cols: wide(&b.cols, swath.shape[1]),
            });
        let block = if block.count() > PATCH { Block { rows: 0..0, cols: 0..0 } } else { block };
        let cells = swath.read(&block)?;
        let units = vec![Cell::new([0.0; 3]); cells.lons.len()];
        Ok(Patch { swath, cells, units, tiles: RefCell::default(), error: RefCell::default() })
    }

    /// What went wrong meanwhile: places that could not be read looked as if they were missing.
    ///
    /// # Errors
    /// What the file said.
    pub fn check(&self) -> Result<(), ReadError> {
        self.error.borrow().clone().map_or(Ok(()), Err)
    }

    #[cold]
    fn beside(&self, row: usize, col: usize) -> Option<Vec3> {
        match self.tile(self.swath.cuts.tile_of(row, col)) {
            Ok(tile) => direction(tile.at(row, col)),
            Err(e) => {
                self.error.borrow_mut().get_or_insert(e);
                None
            }
        }
    }

    fn tile(&self, number: usize) -> Result<Rc<Cells>, ReadError> {
        if let Some(tile) = self.tiles.borrow().get(&number) {
            return Ok(tile.clone());
        }
        let tile = Rc::new(self.swath.read(&self.swath.cuts.tile(number))?);
        let mut tiles = self.tiles.borrow_mut();
        if tiles.len() >= HELD {
            tiles.clear();
        }
        tiles.insert(number, tile.clone());
        Ok(tile)
    }
}

impl Mesh for Patch<'_> {
    fn shape(&self) -> [usize; 2] {
        self.swath.shape
    }

    #[inline]
    fn unit(&self, row: usize, col: usize) -> Option<Vec3> {
        let Some(i) = self.cells.index(row, col) else { return self.beside(row, col) };
        let known = self.units[i].get();
        if known != [0.0; 3] {
            return Some(known);
        }
        let unit = direction((self.cells.lons[i], self.cells.lats[i]))?;
        self.units[i].set(unit);
        Some(unit)
    }
}
