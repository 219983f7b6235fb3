//! The kernels of this folder as resamplers: geometry is found once per swath and target, for all variables and planes.

use std::sync::{Arc, OnceLock};

use harmony_model::ReadError;

use super::bilinear::{self, Place};
use super::ewa::{Field, Mode};
use super::index::NONE;
use super::neighbours::{Neighbours, scatter};
use super::swath::Swath;
use super::tiles::Tiles;
use crate::project::{Blender, Block, Footprint, NOWHERE, Picker, Plane};

/// Blocks of more target cells than this may need all of the source: finding out would compute the geometry of the
/// whole target before anybody asks for it.
const LOOKED_INTO: usize = 1 << 20;

/// The first error of a geometry that was found while nobody could be told.
#[derive(Default)]
pub struct Failure(OnceLock<ReadError>);

impl Failure {
    /// The value; `None` when there is none, and why is remembered.
    pub fn note<T>(&self, result: Result<T, ReadError>) -> Option<T> {
        result.map_err(|e| self.0.get_or_init(|| e)).ok()
    }

    /// What was noted.
    pub fn get(&self) -> Option<ReadError> {
        self.0.get().cloned()
    }
}

/// Rectangle of the swath that holds the cells that `tiles` name for a block, `more` rows and columns larger.
fn window_of<T: Copy + Send + Sync>(
    swath: &Swath,
    block: &Block,
    tiles: &Tiles<T>,
    compute: impl Fn(&Block) -> Result<Vec<T>, ReadError> + Sync,
    cell: impl Fn(&T) -> u32,
    more: usize,
) -> Result<Option<Block>, ReadError> {
    let [rows, cols] = swath.shape;
    if block.count() > LOOKED_INTO {
        return Ok(Some(Block::all(swath.shape)));
    }
    tiles.prepare(block, &compute)?;
    let (mut top, mut bottom, mut left, mut right) = (usize::MAX, 0, usize::MAX, 0);
    tiles.each_row(block, &compute, |_, _, values| {
        for c in values.iter().map(&cell).filter(|c| *c != NONE) {
            let (row, col) = (c as usize / cols, c as usize % cols);
            (top, bottom) = (top.min(row), bottom.max(row));
            (left, right) = (left.min(col), right.max(col));
        }
    })?;
    Ok((top != usize::MAX).then(|| Block {
        rows: top..(bottom + 1 + more).min(rows),
        cols: left..(right + 1 + more).min(cols),
    }))
}

/// Nearest neighbour.
pub struct Nearest {
    neighbours: Neighbours,
    tiles: Tiles<u32>,
    failure: Failure,
}

impl Nearest {
    /// About `kept` bytes of what is found are kept.
    pub fn new(neighbours: Neighbours, kept: usize) -> Self {
        let tiles = Tiles::new(neighbours.target.shape(), kept);
        Nearest { neighbours, tiles, failure: Failure::default() }
    }
}

impl Footprint for Nearest {
    fn source_shape(&self) -> [usize; 2] {
        self.neighbours.swath.shape
    }

    fn target_shape(&self) -> [usize; 2] {
        self.neighbours.target.shape()
    }

    fn window(&self, block: &Block) -> Option<Block> {
        let n = &self.neighbours;
        self.failure.note(window_of(&n.swath, block, &self.tiles, |b| n.of(b), |c| *c, 0)).flatten()
    }

    fn is_scattered(&self) -> bool {
        true
    }

    fn failure(&self) -> Option<ReadError> {
        self.failure.get()
    }
}

impl Picker for Nearest {
    fn pick(&self, block: &Block, rows: &mut [u32], cols: &mut [u32]) {
        let width = u32::try_from(self.neighbours.swath.shape[1]).unwrap_or(1).max(1);
        let done = self.tiles.each_row(
            block,
            |b| self.neighbours.of(b),
            |row, col, cells| {
                let at = (row - block.rows.start) * block.width() + col - block.cols.start;
                for (i, &cell) in cells.iter().enumerate() {
                    (rows[at + i], cols[at + i]) =
                        if cell == NONE { (NOWHERE, NOWHERE) } else { (cell / width, cell % width) };
                }
            },
        );
        self.failure.note(done);
    }
}

/// Inverse bilinear interpolation.
pub struct Bilinear {
    neighbours: Neighbours,
    tiles: Tiles<Place>,
    /// Weight that cells with a value must hold.
    share: f64,
    failure: Failure,
}

impl Bilinear {
    /// About `kept` bytes of what is found are kept.
    pub fn new(neighbours: Neighbours, share: f64, kept: usize) -> Self {
        let tiles = Tiles::new(neighbours.target.shape(), kept);
        Bilinear { neighbours, tiles, share, failure: Failure::default() }
    }

    fn of(&self, block: &Block) -> Result<Vec<Place>, ReadError> {
        let mut out = vec![Place::OUTSIDE; block.count()];
        self.neighbours.each_part(block, |part, lons, lats| {
            let (near, mesh) = self.neighbours.at(lons, lats, true)?;
            let mut places = vec![Place::OUTSIDE; lons.len()];
            if let Some(mesh) = mesh {
                bilinear::places(&mesh, lons, lats, &near, &mut places);
                mesh.check()?;
            }
            scatter(block, part, &places, &mut out);
            Ok(())
        })?;
        Ok(out)
    }

    fn blend<T: Copy>(
        &self,
        plane: &Plane<T>,
        block: &Block,
        out: &mut [T],
        number: impl Fn(T) -> f64,
        real: impl Fn(f64) -> T,
    ) {
        let width = self.neighbours.swath.shape[1];
        let done = self.tiles.each_row(
            block,
            |b| self.of(b),
            |row, col, places| {
                let at = (row - block.rows.start) * block.width() + col - block.cols.start;
                for (place, out) in places.iter().zip(&mut out[at..]) {
                    let value = |r: usize, c: usize| number(plane.at(r, c));
                    *out = real(bilinear::interpolate(*place, width, self.share, value));
                }
            },
        );
        self.failure.note(done);
    }
}

impl Footprint for Bilinear {
    fn source_shape(&self) -> [usize; 2] {
        self.neighbours.swath.shape
    }

    fn target_shape(&self) -> [usize; 2] {
        self.neighbours.target.shape()
    }

    fn window(&self, block: &Block) -> Option<Block> {
        let swath = &self.neighbours.swath;
        self.failure.note(window_of(swath, block, &self.tiles, |b| self.of(b), |p| p.cell, 1)).flatten()
    }

    fn is_scattered(&self) -> bool {
        true
    }

    fn failure(&self) -> Option<ReadError> {
        self.failure.get()
    }
}

impl Blender for Bilinear {
    fn blend_f32(&self, plane: &Plane<f32>, block: &Block, out: &mut [f32]) {
        self.blend(plane, block, out, f64::from, |v| v as f32);
    }

    fn blend_f64(&self, plane: &Plane<f64>, block: &Block, out: &mut [f64]) {
        self.blend(plane, block, out, |v| v, |v| v);
    }
}

/// Elliptical weighted averaging.
pub struct Ewa {
    pub field: Arc<Field>,
    /// The field has the columns of the source as rows.
    pub transposed: bool,
    pub target_shape: [usize; 2],
    pub mode: Mode,
    /// Weight that cells with a value must hold.
    pub share: f64,
    pub failure: Failure,
}

impl Ewa {
    /// The same, in another mode.
    pub fn with_mode(&self, mode: Mode) -> Self {
        Ewa { field: self.field.clone(), failure: Failure::default(), mode, ..*self }
    }

    fn spread(&self, block: &Block, value: impl Fn(usize, usize) -> f64, out: &mut [f64]) {
        let done = if self.transposed {
            self.field.spread(block, self.mode, self.share, |r, c| value(c, r), out)
        } else {
            self.field.spread(block, self.mode, self.share, value, out)
        };
        self.failure.note(done);
    }
}

impl Footprint for Ewa {
    fn source_shape(&self) -> [usize; 2] {
        let [a, b] = self.field.shape;
        if self.transposed { [b, a] } else { [a, b] }
    }

    fn target_shape(&self) -> [usize; 2] {
        self.target_shape
    }

    fn window(&self, block: &Block) -> Option<Block> {
        let Block { rows, cols } = self.field.window(block)?;
        Some(if self.transposed { Block { rows: cols, cols: rows } } else { Block { rows, cols } })
    }

    fn is_scattered(&self) -> bool {
        true
    }

    fn failure(&self) -> Option<ReadError> {
        self.failure.get()
    }
}

impl Blender for Ewa {
    fn blend_f32(&self, plane: &Plane<f32>, block: &Block, out: &mut [f32]) {
        let mut values = vec![f64::NAN; out.len()];
        self.spread(block, |r, c| f64::from(plane.at(r, c)), &mut values);
        out.iter_mut().zip(values).for_each(|(o, v)| *o = v as f32);
    }

    fn blend_f64(&self, plane: &Plane<f64>, block: &Block, out: &mut [f64]) {
        self.spread(block, |r, c| plane.at(r, c), out);
    }
}
