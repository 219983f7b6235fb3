//! What all kernels know: where target cells lie on the source, and how far around they look.

use std::sync::Arc;

use super::super::warp::{At, Warp};
use crate::project::element::Real;
use crate::project::{Block, Footprint};

/// Cells of a row that are worked on together: those of a tile.
pub const PIECE: usize = 64;

/// Targets with more tiles than this are not looked at as a whole: they need all of the source.
const MANY_TILES: usize = 1 << 18;

/// The whole number below: `f64::floor` is a call where the processor's rounding instruction can't be relied on.
#[inline]
pub fn floor(v: f64) -> i64 {
    let whole = v as i64;
    whole.wrapping_sub(i64::from(whole as f64 > v))
}

/// The whole number below, kept within what any grid has; NaN becomes the least of them.
#[inline(always)]
pub fn below(v: f64) -> f64 {
    /// Adding and subtracting it rounds to a whole number.
    const MAGIC: f64 = 6_755_399_441_055_744.0;
    let held = if v > -1e9 { v } else { -1e9 };
    let held = if held < 1e9 { held } else { 1e9 };
    let whole = (held + MAGIC) - MAGIC;
    whole - if whole > held { 1.0 } else { 0.0 }
}

/// A whole number as an index, which is negative for what is far before; NaN is not to be given.
#[inline(always)]
pub fn index(whole: f64) -> i32 {
    /// Adding it leaves whole numbers in the lower bits.
    const MAGIC: f64 = 6_755_399_441_055_744.0;
    (whole + MAGIC).to_bits() as i32
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

    /// Calls `each` with the positions of the centres and the cells of `out`, [`PIECE`] cells of a row of `block` at most.
    /// Cells come in an order that stays near one place of the source. Where nothing has a place, `out` becomes NaN.
    pub fn by_pieces<R: Real>(
        &self,
        block: &Block,
        out: &mut [R],
        mut each: impl FnMut((&[f64], &[f64]), &mut [R]),
    ) {
        let (mut xs, mut ys) = (vec![0.0; block.width()], vec![0.0; block.width()]);
        for part in self.warp.split(block) {
            let (nowhere, n) = (self.warp.is_nowhere(&part), part.width());
            for row in part.rows.clone() {
                let from = (row - block.rows.start) * block.width() + part.cols.start - block.cols.start;
                let cells = &mut out[from..from + n];
                if nowhere {
                    cells.fill(R::NAN);
                    continue;
                }
                self.centres(row, &part, &mut xs[..n], &mut ys[..n]);
                let places = xs[..n].chunks(PIECE).zip(ys[..n].chunks(PIECE));
                places.zip(cells.chunks_mut(PIECE)).for_each(|(places, cells)| each(places, cells));
            }
        }
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

    fn split(&self, block: &Block) -> Vec<Block> {
        self.warp.split(block)
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

            fn split(&self, block: &$crate::project::Block) -> Vec<$crate::project::Block> {
                self.frame.split(block)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_below_is_the_floor_and_stays_within_bounds() {
        for v in [-2.5, -2.0, -0.1, 0.0, 0.5, 0.999, 1.0, 7999.5, 123_456.0] {
            assert_eq!((below(v), floor(v) as f64), (v.floor(), v.floor()));
        }
        assert_eq!([f64::NAN, f64::NEG_INFINITY, f64::INFINITY].map(below), [-1e9, -1e9, 1e9]);
        assert_eq!([-1e9, -1.0, 0.0, 7999.0, 1e9].map(index), [-1_000_000_000, -1, 0, 7999, 1_000_000_000]);
    }
}
