//! The values of pixels, out of blocks.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::blocks::{Block, BlockKey, Grating};
use super::opened::{Field, Stage};
use super::place::Placement;
use super::{MapError, Maps, View};

/// Pixels from which on several threads are worth it.
const MANY_PIXELS: usize = 1 << 18;
/// No position.
const NONE: u32 = u32::MAX;

/// What of a field is shown.
pub(super) struct Shown<'a> {
    pub field: &'a Field,
    pub band: usize,
    pub bilinear: bool,
}

/// A stage at a level and where pixels lie on it.
struct Sampler<'a> {
    maps: &'a Maps,
    stage: &'a Stage,
    band: u32,
    grating: Grating,
    placement: &'a Placement,
    /// Cells of the stage in one of the full size.
    scale: [f64; 2],
    /// Columns after which the first one comes again.
    period: Option<usize>,
    width: usize,
}

/// The blocks that a picture needs, by number of block row and column.
struct Loaded {
    grating: Grating,
    slots: HashMap<(u32, u32), usize>,
    blocks: Vec<Arc<Block>>,
}

impl Loaded {
    #[inline]
    fn value(&self, row: usize, col: usize) -> f32 {
        let (rows, cols) = (self.grating.block_rows as usize, self.grating.block_cols as usize);
        let key = ((row / rows) as u32, (col / cols) as u32);
        match self.slots.get(&key).map(|&s| &self.blocks[s]) {
            Some(block) => block.values[row % rows * block.width + col % cols],
            None => f32::NAN,
        }
    }
}

impl Maps {
    /// Puts values where `out` (the pixels of the view, row by row) has none yet.
    ///
    /// # Errors
    /// [`MapError`].
    pub(super) fn fill(&self, shown: &Shown, view: &View, out: &mut [f32]) -> Result<(), MapError> {
        let main = shown.field.main();
        let placement = self.place(&main.raster.grid, view)?;
        let ratio = placement.cells_per_pixel();
        let factor = |s: &Stage| {
            let (a, b) = (&main.raster.grid, &s.raster.grid);
            (a.nx as f64 / b.nx as f64).max(a.ny as f64 / b.ny as f64)
        };
        let fine_enough = |s: &&Stage| factor(s) <= ratio * 1.01;
        let stage = shown.field.stages.iter().rev().find(fine_enough).unwrap_or(main);
        let coarsest = Grating::coarsest(stage);
        let mut level = (ratio / factor(stage)).max(1.0).log2().floor().min(f64::from(coarsest)) as u8;
        let grid = &stage.raster.grid;
        let turns = grid.crs.is_geographic() && (grid.dx * grid.nx as f64 - 360.0).abs() < grid.dx * 0.01;
        loop {
            let grating = Grating::of(stage, level);
            let sampler = Sampler {
                maps: self,
                stage,
                band: u32::try_from(shown.band).unwrap_or(0),
                grating,
                placement: &placement,
                scale: [
                    grid.nx as f64 / main.raster.grid.nx as f64,
                    grid.ny as f64 / main.raster.grid.ny as f64,
                ],
                period: turns.then_some(grating.cols as usize),
                width: view.width as usize,
            };
            let done = match (&*placement, shown.bilinear) {
                (Placement::Separable { cols, rows, .. }, false) => sampler.tables(cols, rows, out)?,
                (_, false) => sampler.nearest(out)?,
                (_, true) => sampler.bilinear(out)?,
            };
            if done || level >= coarsest {
                return Ok(());
            }
            // More blocks than the cache may keep: coarser ones.
            level += 1;
        }
    }
}

/// Numbers of pixels that lie in one column of blocks.
struct Segment {
    pixels: std::ops::Range<usize>,
    block: u32,
}

impl Sampler<'_> {
    fn row_of(&self, at: f64) -> u32 {
        if at.is_nan() { NONE } else { self.grating.row(at * self.scale[1]) as u32 }
    }

    fn col_of(&self, at: f64) -> u32 {
        if at.is_nan() { NONE } else { self.grating.col(at * self.scale[0]) as u32 }
    }

    /// Loads blocks; `None` when they are more than may be kept at once.
    fn load(&self, mut wanted: Vec<(u32, u32)>) -> Result<Option<Loaded>, MapError> {
        wanted.sort_unstable();
        wanted.dedup();
        let bytes = self.grating.block_rows * self.grating.block_cols * 4;
        let room = (self.maps.limits().cache_bytes / 2).max(bytes);
        let finest = self.grating.level < Grating::coarsest(self.stage);
        if (wanted.len() as u64).saturating_mul(bytes) > room && finest {
            return Ok(None);
        }
        let key = |&(row, col): &(u32, u32)| BlockKey {
            stage: self.stage.id,
            band: self.band,
            level: self.grating.level,
            row,
            col,
        };
        let keys: Vec<BlockKey> = wanted.iter().map(key).collect();
        let blocks = self.maps.blocks(self.stage, self.grating, &keys)?;
        let slots = wanted.into_iter().enumerate().map(|(i, k)| (k, i)).collect();
        Ok(Some(Loaded { grating: self.grating, slots, blocks }))
    }

    /// Nearest cells where a table each says columns and rows.
    fn tables(&self, cols: &[f64], rows: &[f64], out: &mut [f32]) -> Result<bool, MapError> {
        let (down, across) = (self.grating.block_rows as u32, self.grating.block_cols as u32);
        let rows: Vec<u32> = rows.iter().map(|&y| self.row_of(y)).collect();
        let cols: Vec<u32> = cols.iter().map(|&x| self.col_of(x)).collect();
        let segments = segments(&cols, across);
        let block_cols = segments.iter().map(|s| s.block);
        let mut block_rows: Vec<u32> = rows.iter().filter(|r| **r != NONE).map(|r| r / down).collect();
        block_rows.dedup();
        let wanted = block_rows.iter().flat_map(|&r| block_cols.clone().map(move |c| (r, c))).collect();
        let Some(loaded) = self.load(wanted)? else { return Ok(false) };
        let local: Vec<u32> = cols.iter().map(|c| if *c == NONE { 0 } else { c % across }).collect();
        let line = |(row, line): (usize, &mut [f32])| {
            let at = rows[row];
            if at == NONE {
                return;
            }
            for segment in &segments {
                let Some(&slot) = loaded.slots.get(&(at / down, segment.block)) else { continue };
                let block = &loaded.blocks[slot];
                let source = &block.values[(at % down) as usize * block.width..][..block.width];
                let range = segment.pixels.clone();
                for (o, &c) in line[range.clone()].iter_mut().zip(&local[range]) {
                    if o.is_nan() {
                        *o = source[c as usize];
                    }
                }
            }
        };
        self.each_row(out, line);
        Ok(true)
    }

    fn each_row(&self, out: &mut [f32], line: impl Fn((usize, &mut [f32])) + Sync + Send) {
        if out.len() < MANY_PIXELS {
            out.chunks_mut(self.width).enumerate().for_each(line);
        } else {
            out.par_chunks_mut(self.width).enumerate().for_each(line);
        }
    }

    /// Positions of all pixels that have no value yet.
    fn positions(&self, out: &[f32]) -> Vec<[f64; 2]> {
        let mut positions = vec![[f64::NAN; 2]; out.len()];
        let row = |(row, (line, values)): (usize, (&mut [[f64; 2]], &[f32]))| {
            if values.iter().any(|v| v.is_nan()) {
                let (mut xs, mut ys) = (vec![f64::NAN; line.len()], vec![f64::NAN; line.len()]);
                self.placement.row(row, &mut xs, &mut ys);
                let grid = &self.stage.raster.grid;
                let (nx, ny) = (grid.nx as f64 / self.scale[0], grid.ny as f64 / self.scale[1]);
                for (i, place) in line.iter_mut().enumerate() {
                    let inside = xs[i] >= 0.0 && xs[i] < nx && ys[i] >= 0.0 && ys[i] < ny;
                    if values[i].is_nan() && inside {
                        *place = [xs[i], ys[i]];
                    }
                }
            }
        };
        let lines = positions.par_chunks_mut(self.width).zip(out.par_chunks(self.width)).enumerate();
        lines.for_each(row);
        positions
    }

    /// Nearest cells, pixel by pixel.
    fn nearest(&self, out: &mut [f32]) -> Result<bool, MapError> {
        let (down, across) = (self.grating.block_rows as u32, self.grating.block_cols as u32);
        let cells: Vec<[u32; 2]> = self
            .positions(out)
            .into_iter()
            .map(|[x, y]| if x.is_nan() { [NONE; 2] } else { [self.row_of(y), self.col_of(x)] })
            .collect();
        let mut wanted: Vec<(u32, u32)> =
            cells.iter().filter(|c| c[0] != NONE).map(|c| (c[0] / down, c[1] / across)).collect();
        wanted.dedup();
        let Some(loaded) = self.load(wanted)? else { return Ok(false) };
        let line = |(row, line): (usize, &mut [f32])| {
            let cells = &cells[row * self.width..][..line.len()];
            for (o, cell) in line.iter_mut().zip(cells) {
                if cell[0] != NONE && o.is_nan() {
                    *o = loaded.value(cell[0] as usize, cell[1] as usize);
                }
            }
        };
        self.each_row(out, line);
        Ok(true)
    }

    /// Weighted means of the four cells around each pixel, of those that have a value. A pixel whose own cell has none
    /// stays without.
    fn bilinear(&self, out: &mut [f32]) -> Result<bool, MapError> {
        let positions = self.positions(out);
        let (down, across) = (self.grating.block_rows as usize, self.grating.block_cols as usize);
        let corners: Vec<Option<Corners>> = positions.iter().map(|&p| self.corners(p)).collect();
        let mut wanted: Vec<(u32, u32)> = Vec::new();
        for c in corners.iter().flatten() {
            for r in c.rows {
                let blocks = c.cols.map(|col| ((r / down) as u32, (col / across) as u32));
                if wanted.last() != Some(&blocks[1]) {
                    wanted.extend(blocks);
                }
            }
        }
        let Some(loaded) = self.load(wanted)? else { return Ok(false) };
        let line = |(row, line): (usize, &mut [f32])| {
            let corners = &corners[row * self.width..][..line.len()];
            for (o, c) in line.iter_mut().zip(corners) {
                if let (true, Some(c)) = (o.is_nan(), c) {
                    *o = c.mean(&loaded);
                }
            }
        };
        self.each_row(out, line);
        Ok(true)
    }

    fn corners(&self, [x, y]: [f64; 2]) -> Option<Corners> {
        if x.is_nan() {
            return None;
        }
        let size = f64::from(1u32 << self.grating.level);
        let axis = |at: f64, n: u64, period: Option<usize>| {
            let at = at / size - 0.5;
            let first = at.floor();
            let cell = |i: f64| match period {
                Some(p) => (i as i64).rem_euclid(p as i64) as usize,
                None => i.clamp(0.0, n.saturating_sub(1) as f64) as usize,
            };
            ([cell(first), cell(first + 1.0)], (at - first) as f32)
        };
        let (cols, right) = axis(x * self.scale[0], self.grating.cols, self.period);
        let (rows, below) = axis(y * self.scale[1], self.grating.rows, None);
        Some(Corners { rows, cols, right, below })
    }
}

/// Four cells and how far a pixel is from the first of them.
struct Corners {
    rows: [usize; 2],
    cols: [usize; 2],
    right: f32,
    below: f32,
}

impl Corners {
    fn mean(&self, loaded: &Loaded) -> f32 {
        let own = loaded
            .value(self.rows[usize::from(self.below >= 0.5)], self.cols[usize::from(self.right >= 0.5)]);
        if own.is_nan() {
            return own;
        }
        let (mut sum, mut weights) = (0.0, 0.0);
        for (i, wy) in [1.0 - self.below, self.below].into_iter().enumerate() {
            for (j, wx) in [1.0 - self.right, self.right].into_iter().enumerate() {
                let v = loaded.value(self.rows[i], self.cols[j]);
                if !v.is_nan() {
                    sum += v * wx * wy;
                    weights += wx * wy;
                }
            }
        }
        sum / weights
    }
}

/// Pixels next to each other whose columns lie in the same column of blocks.
fn segments(cols: &[u32], across: u32) -> Vec<Segment> {
    let mut out: Vec<Segment> = Vec::new();
    for (x, &c) in cols.iter().enumerate().filter(|(_, c)| **c != NONE) {
        let block = c / across;
        match out.last_mut() {
            Some(last) if last.block == block && last.pixels.end == x => last.pixels.end = x + 1,
            _ => out.push(Segment { pixels: x..x + 1, block }),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_end_where_blocks_and_maps_do() {
        let found = segments(&[NONE, 3, 4, 5, 0, NONE, 1], 4);
        let pairs: Vec<_> = found.iter().map(|s| (s.pixels.clone(), s.block)).collect();
        assert_eq!(pairs, [(1..2, 0), (2..4, 1), (4..5, 0), (6..7, 0)]);
    }
}
