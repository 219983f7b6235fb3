//! A large picture as tiles of several levels of detail, in one pass: each strip of a level gives half a strip of the
//! next coarser one.

use harmony_model::GridSpec;
use rayon::prelude::*;

use super::super::canvas::{self, Area, Canvas, Ink, Sheet};
use super::super::{png, write};
use super::document::Overlay;
use crate::write::{WriteError, WriteOptions};

/// Pictures up to this many rows and columns stay in one piece.
const WHOLE: u64 = 2048;
/// Rows and columns of a tile.
const EDGE: u64 = 512;

/// An encoded tile.
pub struct Tile {
    pub overlay: Overlay,
    pub png: Vec<u8>,
}

struct Level {
    grid: GridSpec,
    /// Rows of the strip that is being filled.
    strip: Vec<u8>,
    /// Strips that are done.
    strips: u64,
    /// Rows that have come in.
    rows: u64,
}

/// Number of levels of a picture.
pub fn levels(grid: &GridSpec) -> usize {
    if grid.nx.max(grid.ny) <= WHOLE {
        return 1;
    }
    (1..40).find(|&l| grid.nx.max(grid.ny).div_ceil(1 << (l - 1)) <= EDGE).unwrap_or(40)
}

/// Paints a picture once and hands out all its tiles that show anything; `name` gives a tile's member by level, row
/// and column.
///
/// # Errors
/// What painting or `take` says.
pub fn tiles(
    canvas: &dyn Canvas,
    grid: &GridSpec,
    options: &WriteOptions,
    name: &(dyn Fn(usize, u64, u64) -> String + Sync),
    take: &mut dyn FnMut(Tile) -> Result<(), WriteError>,
) -> Result<(), WriteError> {
    let count = levels(grid);
    let edge = if count == 1 { WHOLE } else { EDGE };
    let mut pyramid = Pyramid { levels: Vec::new(), edge, ink: canvas.ink(), options, name, take };
    let mut own = grid.clone();
    for _ in 0..count {
        pyramid.levels.push(Level { grid: own.clone(), strip: Vec::new(), strips: 0, rows: 0 });
        own = coarser(&own);
    }
    canvas::slabs(canvas, &Area::whole(grid.ny, grid.nx), edge, options, |slab| {
        let line = grid.nx as usize * canvas.ink().bytes();
        slab.chunks(line * edge as usize).try_for_each(|rows| pyramid.add(0, rows))
    })
}

/// Every second cell: twice the size, the last ones hanging over the edge when the number is odd.
fn coarser(grid: &GridSpec) -> GridSpec {
    GridSpec {
        dx: 2.0 * grid.dx,
        dy: 2.0 * grid.dy,
        nx: grid.nx.div_ceil(2),
        ny: grid.ny.div_ceil(2),
        ..grid.clone()
    }
}

struct Pyramid<'a> {
    levels: Vec<Level>,
    edge: u64,
    ink: &'a Ink,
    options: &'a WriteOptions,
    name: &'a (dyn Fn(usize, u64, u64) -> String + Sync),
    take: &'a mut dyn FnMut(Tile) -> Result<(), WriteError>,
}

impl Pyramid<'_> {
    /// Adds rows to the strip of a level; a full one, or the last one, becomes tiles.
    fn add(&mut self, at: usize, rows: &[u8]) -> Result<(), WriteError> {
        let edge = self.edge;
        let level = &mut self.levels[at];
        let line = level.grid.nx as usize * self.ink.bytes();
        level.strip.extend_from_slice(rows);
        level.rows += (rows.len() / line) as u64;
        let full = (level.strip.len() / line) as u64 >= edge;
        if !full && level.rows < level.grid.ny {
            return Ok(());
        }
        let strip = std::mem::take(&mut level.strip);
        let row = level.strips;
        level.strips += 1;
        let sheet = Sheet { ink: self.ink.clone(), width: level.grid.nx, pixels: strip };
        self.encode(at, row, &sheet)?;
        if at + 1 < self.levels.len() {
            let half = halved(&sheet);
            self.add(at + 1, &half)?;
        }
        Ok(())
    }

    fn encode(&mut self, at: usize, row: u64, sheet: &Sheet) -> Result<(), WriteError> {
        let (edge, grid, name, options) = (self.edge, &self.levels[at].grid, self.name, self.options);
        let top = row * edge;
        let tile = |column: u64| -> Result<Option<Tile>, WriteError> {
            let columns = column * edge..((column + 1) * edge).min(grid.nx);
            let area = Area { rows: 0..sheet.height(), columns: columns.clone() };
            let mut pixels = vec![0; (area.height() * area.width()) as usize * sheet.ink.bytes()];
            sheet.paint(area.rows.clone(), columns.clone(), &mut pixels)?;
            if !write::is_visible(&sheet.ink, &pixels) {
                return Ok(None);
            }
            let mut bytes: Vec<u8> = Vec::new();
            png::write(sheet, &area, &[], options, &mut bytes)?;
            let place = write::part_of(grid, &Area { rows: top..top + sheet.height(), columns });
            let overlay = Overlay { image: name(at, row, column), grid: place, level: at };
            Ok(Some(Tile { overlay, png: bytes }))
        };
        let tiles: Vec<_> =
            (0..grid.nx.div_ceil(edge)).into_par_iter().map(tile).collect::<Result<_, _>>()?;
        tiles.into_iter().flatten().try_for_each(|t| (self.take)(t))
    }
}

/// Every second row and column.
fn halved(sheet: &Sheet) -> Vec<u8> {
    let n = sheet.ink.bytes();
    let line = sheet.width as usize * n;
    let rows = sheet.pixels.chunks_exact(line).step_by(2);
    rows.flat_map(|row| row.chunks_exact(n).step_by(2).flatten().copied()).collect()
}
