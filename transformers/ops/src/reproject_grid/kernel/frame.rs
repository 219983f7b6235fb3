//! What all kernels know: where target cells lie on the source, and how far around they look.

use std::sync::Arc;

use super::super::warp::{At, Warp};
use crate::project::{Block, Footprint};

/// Targets with more tiles than this are not looked at as a whole: they need all of the source.
const MANY_TILES: usize = 1 << 18;

/// The whole number below: `f64::floor` is a call where the processor's rounding instruction can't be relied on.
#[inline]
pub fn floor(v: f64) -> i64 {
    let whole = v as i64;
    whole.wrapping_sub(i64::from(whole as f64 > v))
}

/// A warp with the support of a kernel.
#[derive(Clone)]
pub struct Frame {
    pub warp: Arc<Warp>,
    /// Rows and columns of the source.
    pub shape: [usize; 2],
    /// Columns after which the first comes again.
    pub wraps: Option<usize>,
    /// Source cells beyond the positions that a kernel may touch, along columns and rows.
    margin: [f64; 2],
}

impl Frame {
    /// For kernels around the centre of a cell, `support` source columns and rows to each side.
    pub fn of_points(warp: &Arc<Warp>, support: [f64; 2]) -> Self {
        let source = warp.source();
        Frame {
            warp: warp.clone(),
            shape: source.shape(),
            wraps: source.wraps_at(),
            margin: support.map(|s| s + 1.0),
        }
    }

    /// For kernels over the whole of a cell.
    pub fn of_cells(warp: &Arc<Warp>) -> Self {
        // Positions of tiles reach to the corners, but for exact ones that hold centres only.
        let ratio = warp.ratio().map(|r| if r.is_finite() { 2.0 * r.ceil() } else { 2.0 });
        Frame::of_points(warp, ratio)
    }

    /// Columns and rows of the source that a block lies on; `None` when there are too many tiles to tell, or none.
    pub fn covered(&self, block: &Block) -> Option<[f64; 2]> {
        if self.warp.tiles() > MANY_TILES {
            return None;
        }
        let reach = self.warp.reach(block)?;
        let within = |r: [f64; 2], n: usize| r[1].min(n as f64) - r[0].max(0.0);
        let n = self.shape[1];
        let cols = if self.wraps.is_some() {
            (reach.cols[1] - reach.cols[0]).min(n as f64)
        } else {
            within(reach.cols, n)
        };
        Some([cols, within(reach.rows, self.shape[0])])
    }

    /// A column brought into the grid, if it is there.
    #[inline]
    pub fn column(&self, col: i64) -> Option<usize> {
        let n = self.shape[1] as i64;
        if (0..n).contains(&col) {
            return Some(col as usize);
        }
        self.wraps.map(|w| col.rem_euclid(w as i64) as usize)
    }

    /// Positions of the centres of a row of cells.
    pub fn centres(&self, row: usize, block: &Block, xs: &mut [f64], ys: &mut [f64]) {
        self.warp.row(row, block.cols.start, At::Centres, xs, ys);
    }

    fn clamp(range: [f64; 2], margin: f64, n: usize) -> std::ops::Range<usize> {
        let low = (range[0] - margin).floor().max(0.0) as usize;
        let high = (range[1] + margin).ceil().max(0.0) as usize;
        low.min(n)..high.min(n)
    }
}

impl Footprint for Frame {
    fn source_shape(&self) -> [usize; 2] {
        self.shape
    }

    fn target_shape(&self) -> [usize; 2] {
        self.warp.target_shape()
    }

    fn window(&self, block: &Block) -> Option<Block> {
        let whole = *block == Block::all(self.target_shape());
        if whole && self.warp.tiles() > MANY_TILES {
            return Some(Block::all(self.shape));
        }
        let reach = self.warp.reach(block)?;
        let rows = Frame::clamp(reach.rows, self.margin[1], self.shape[0]);
        let n = self.shape[1];
        // Longitudes beyond one end come in again at the other.
        let beyond = reach.cols[0] - self.margin[0] < 0.0 || reach.cols[1] + self.margin[0] > n as f64;
        let turns = self.warp.source().turn.is_some();
        let cols = if turns && beyond { 0..n } else { Frame::clamp(reach.cols, self.margin[0], n) };
        let found = Block { rows, cols };
        (!found.is_empty()).then_some(found)
    }
}

/// Implements [`Footprint`] by the `frame` of a kernel.
macro_rules! footprint_of_frame {
    ($kernel:ty) => {
        impl $crate::project::Footprint for $kernel {
            fn source_shape(&self) -> [usize; 2] {
                self.frame.source_shape()
            }

            fn target_shape(&self) -> [usize; 2] {
                self.frame.target_shape()
            }

            fn window(&self, block: &$crate::project::Block) -> Option<$crate::project::Block> {
                self.frame.window(block)
            }
        }
    };
}
pub(super) use footprint_of_frame;

/// Implements both precisions of [`crate::project::Blender`] by a generic `blend`.
macro_rules! blend_both {
    () => {
        fn blend_f32(
            &self,
            plane: &$crate::project::Plane<f32>,
            block: &$crate::project::Block,
            out: &mut [f32],
        ) {
            self.blend(plane, block, out);
        }

        fn blend_f64(
            &self,
            plane: &$crate::project::Plane<f64>,
            block: &$crate::project::Block,
            out: &mut [f64],
        ) {
            self.blend(plane, block, out);
        }
    };
}
pub(super) use blend_both;
