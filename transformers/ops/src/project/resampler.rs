//! How one plane of a source becomes one plane of the target.

use std::sync::Arc;

use harmony_model::ReadError;

use super::block::Block;
use super::plane::Plane;

/// Row (and column) of a target cell that takes no source cell.
pub const NOWHERE: u32 = u32::MAX;

/// What a block of the target needs of the source.
pub trait Footprint: Send + Sync {
    /// Rows and columns of the source plane.
    fn source_shape(&self) -> [usize; 2];

    /// Rows and columns of the target plane.
    fn target_shape(&self) -> [usize; 2];

    /// The smallest rectangle of the source that `block` of the target is made of; `None` when it gets nothing.
    fn window(&self, block: &Block) -> Option<Block>;

    /// Parts of a block, together all of it, that are best computed one by one: each is made of one neighbourhood of the
    /// source, where a whole row of the target may cross all of it.
    fn split(&self, block: &Block) -> Vec<Block> {
        vec![block.clone()]
    }

    /// Whether the cells of a target row come from many rows of the source: it is then read around small parts of the
    /// target, where strips of it would be most of the source.
    fn is_scattered(&self) -> bool {
        false
    }

    /// What went wrong while it was found out where things are: what was computed since then may be incomplete.
    fn failure(&self) -> Option<ReadError> {
        None
    }
}

/// Each target cell takes the bits of one source cell: any type of fixed size.
pub trait Picker: Footprint {
    /// For each cell of `block`, row-major, row and column in the source plane, within [`Footprint::window`], or
    /// [`NOWHERE`] in both.
    fn pick(&self, block: &Block, rows: &mut [u32], cols: &mut [u32]);

    /// For a target row whose cells all lie on one source row: that row ([`NOWHERE`]: outside) and the column of each,
    /// the same ones that [`Picker::pick`] gives.
    fn along(&self, row: usize) -> Option<(u32, &[u32])> {
        let _ = row;
        None
    }
}

/// Target cells are computed from numbers. Missing numbers are NaN, on both sides.
///
/// Numbers are the stored ones unless [`Blender::on_physical`]: means with weights that add up to one are the same
/// either way, and stored integers lose nothing. Small types come as `f32`, others as `f64`.
pub trait Blender: Footprint {
    /// Whether it needs physical values (squares, sums).
    fn on_physical(&self) -> bool {
        false
    }

    /// Computes `block` into `out`, row-major. `plane` covers at least [`Footprint::window`] of it. Serial: the caller
    /// runs blocks in parallel.
    fn blend_f32(&self, plane: &Plane<f32>, block: &Block, out: &mut [f32]);

    /// The same in double precision.
    fn blend_f64(&self, plane: &Plane<f64>, block: &Block, out: &mut [f64]);
}

/// Either kind; cheap to clone, shared by all variables and planes of a pair of grids.
#[derive(Clone)]
pub enum Resampler {
    Pick(Arc<dyn Picker>),
    Blend(Arc<dyn Blender>),
}

impl Resampler {
    /// Its footprint.
    pub fn footprint(&self) -> &dyn Footprint {
        match self {
            Resampler::Pick(p) => &**p,
            Resampler::Blend(b) => &**b,
        }
    }
}
