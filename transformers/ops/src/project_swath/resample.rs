//! The kernels of this folder as resamplers: geometry is found once per swath and target, for all variables and planes.

use std::sync::Arc;

use super::approximate::Tree;
use super::bilinear::{self, Place};
use super::ewa::{Field, Mode, Target};
use super::footprint;
use super::index::{NONE, SwathIndex};
use super::nearest::{Radius, nearest};
use super::swath::Swath;
use super::target::TargetGrid;
use super::tiles::Tiles;
use crate::project::{Blender, Block, Footprint, NOWHERE, Picker, Plane};

/// Search radius where nothing else is said: so many cells, and never more than this many metres.
const REACH_CELLS: f64 = 3.0;
pub const REACH_M: f64 = 50_000.0;

/// Blocks of more target cells than this may need all of the source: finding out would compute the geometry of the
/// whole target before anybody asks for it.
const LOOKED_INTO: usize = 1 << 20;

/// How far the nearest cell may be.
enum Reach {
    Fixed(f64),
    /// Metres, for each cell.
    OfCell(Vec<f32>),
    /// As the swath projector searches, within a fixed distance.
    Approximate(Box<Tree>, f64),
}

/// The nearest swath cells of a target.
pub struct Neighbours {
    swath: Arc<Swath>,
    target: Arc<TargetGrid>,
    index: SwathIndex,
    reach: Reach,
    tiles: Tiles<u32>,
}

impl Neighbours {
    /// `radius_m`: search radius in metres; three cells, at most 50 km, when `None`. About `kept` bytes of what is found
    /// are kept. `None` when no cell has a position.
    pub fn new(
        swath: Arc<Swath>,
        target: Arc<TargetGrid>,
        radius_m: Option<f64>,
        kept: usize,
    ) -> Option<Self> {
        let index = SwathIndex::build(&swath.lons, &swath.lats)?;
        let reach = match radius_m {
            Some(m) => Reach::Fixed(m),
            None => Reach::OfCell(footprint::reach(&swath.mesh(), REACH_CELLS, REACH_M)),
        };
        let tiles = Tiles::new(target.shape(), kept);
        Some(Neighbours { swath, target, index, reach, tiles })
    }

    /// The same with the swath projector's approximate search.
    pub fn approximate(
        swath: Arc<Swath>,
        target: Arc<TargetGrid>,
        radius_m: f64,
        kept: usize,
    ) -> Option<Self> {
        let tree = Box::new(Tree::build(&swath.lons, &swath.lats)?);
        let found = Self::new(swath, target, Some(radius_m), kept)?;
        Some(Neighbours { reach: Reach::Approximate(tree, radius_m), ..found })
    }

    /// Numbers of the nearest cells of a block, row-major.
    fn of(&self, block: &Block) -> Vec<u32> {
        let (lons, lats) = self.target.positions(block);
        self.at(&lons, &lats)
    }

    fn at(&self, lons: &[f64], lats: &[f64]) -> Vec<u32> {
        let mut cells = vec![NONE; lons.len()];
        let radius = match &self.reach {
            Reach::Fixed(m) => Radius::Fixed(*m),
            Reach::OfCell(metres) => Radius::OfCell { metres, cap_m: REACH_M },
            Reach::Approximate(tree, m) => {
                let places = lons.iter().zip(lats);
                cells.iter_mut().zip(places).for_each(|(c, (&lon, &lat))| *c = tree.find(lon, lat, *m));
                return cells;
            }
        };
        nearest(&self.index, lons, lats, radius, &mut cells);
        cells
    }

    /// Rectangle of the swath that holds the cells that `tiles` name for a block, `more` rows and columns larger.
    fn window<T: Copy + Send + Sync>(
        &self,
        block: &Block,
        tiles: &Tiles<T>,
        compute: impl Fn(&Block) -> Vec<T> + Sync,
        cell: impl Fn(&T) -> u32,
        more: usize,
    ) -> Option<Block> {
        let [rows, cols] = self.swath.shape;
        if block.count() > LOOKED_INTO {
            return Some(Block::all(self.swath.shape));
        }
        tiles.prepare(block, &compute);
        let (mut top, mut bottom, mut left, mut right) = (usize::MAX, 0, usize::MAX, 0);
        tiles.each_row(block, &compute, |_, _, values| {
            for c in values.iter().map(&cell).filter(|c| *c != NONE) {
                let (row, col) = (c as usize / cols, c as usize % cols);
                (top, bottom) = (top.min(row), bottom.max(row));
                (left, right) = (left.min(col), right.max(col));
            }
        });
        (top != usize::MAX).then(|| Block {
            rows: top..(bottom + 1 + more).min(rows),
            cols: left..(right + 1 + more).min(cols),
        })
    }
}

/// Nearest neighbour.
pub struct Nearest(pub Neighbours);

impl Footprint for Nearest {
    fn source_shape(&self) -> [usize; 2] {
        self.0.swath.shape
    }

    fn target_shape(&self) -> [usize; 2] {
        self.0.target.shape()
    }

    fn window(&self, block: &Block) -> Option<Block> {
        self.0.window(block, &self.0.tiles, |b| self.0.of(b), |c| *c, 0)
    }
}

impl Picker for Nearest {
    fn pick(&self, block: &Block, rows: &mut [u32], cols: &mut [u32]) {
        let width = u32::try_from(self.0.swath.shape[1]).unwrap_or(1).max(1);
        self.0.tiles.each_row(
            block,
            |b| self.0.of(b),
            |row, col, cells| {
                let at = (row - block.rows.start) * block.width() + col - block.cols.start;
                for (i, &cell) in cells.iter().enumerate() {
                    (rows[at + i], cols[at + i]) =
                        if cell == NONE { (NOWHERE, NOWHERE) } else { (cell / width, cell % width) };
                }
            },
        );
    }
}

/// Inverse bilinear interpolation.
pub struct Bilinear {
    neighbours: Neighbours,
    tiles: Tiles<Place>,
    /// Weight that cells with a value must hold.
    share: f64,
}

impl Bilinear {
    pub fn new(neighbours: Neighbours, share: f64, kept: usize) -> Self {
        let tiles = Tiles::new(neighbours.target.shape(), kept);
        Bilinear { neighbours, tiles, share }
    }

    fn of(&self, block: &Block) -> Vec<Place> {
        let (lons, lats) = self.neighbours.target.positions(block);
        let near = self.neighbours.at(&lons, &lats);
        let mut places = vec![Place::OUTSIDE; lons.len()];
        self.neighbours.swath.mesh().places(&lons, &lats, &near, &mut places);
        places
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
        self.tiles.each_row(
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
        self.neighbours.window(block, &self.tiles, |b| self.of(b), |p| p.cell, 1)
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
}

impl Ewa {
    /// The same, in another mode.
    pub fn with_mode(&self, mode: Mode) -> Self {
        Ewa { field: self.field.clone(), mode, ..*self }
    }

    fn spread(&self, block: &Block, value: impl Fn(usize, usize) -> f64, out: &mut [f64]) {
        let target = target_of(block);
        if self.transposed {
            self.field.spread(&target, self.mode, self.share, |r, c| value(c, r), out);
        } else {
            self.field.spread(&target, self.mode, self.share, value, out);
        }
    }
}

fn target_of(block: &Block) -> Target {
    Target { row: block.rows.start, col: block.cols.start, rows: block.height(), cols: block.width() }
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
        let [top, bottom, left, right] = self.field.window(&target_of(block))?;
        Some(match self.transposed {
            false => Block { rows: top..bottom, cols: left..right },
            true => Block { rows: left..right, cols: top..bottom },
        })
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
