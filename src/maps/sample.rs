//! The values of pixels, out of blocks.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::blocks::{Block, BlockKey};
use super::grating::Grating;
use super::opened::{Field, Stage};
use super::place::Placement;
use super::plane::Part;
use super::{MapError, Maps, View};

/// Pixels from which on several threads are worth it.
const MANY_PIXELS: usize = 1 << 18;
/// Bytes of blocks that a map may hold at once, whatever the cache may keep.
const IN_WORK: u64 = 16 << 20;
/// No position.
const NONE: u32 = u32::MAX;

/// What of a field is shown.
pub(super) struct Shown<'a> {
    pub field: &'a Field,
    pub band: usize,
    pub bilinear: bool,
}

/// A stage at a level and where pixels lie on it.
#[derive(Clone, Copy)]
pub(super) struct Sampler<'a> {
    maps: &'a Maps,
    stage: &'a Stage,
    band: u32,
    pub(super) grating: Grating,
    placement: &'a Placement,
    /// Cells of the stage in one of the full size.
    pub(super) scale: [f64; 2],
    /// After the last column the first one comes again.
    pub(super) turns: bool,
    bilinear: bool,
    /// Row of the view that is drawn first.
    first: usize,
}

/// The blocks that a picture needs, by number of block row and column.
pub(super) struct Loaded {
    grating: Grating,
    slots: HashMap<(u32, u32), usize>,
    blocks: Vec<Arc<Block>>,
}

impl Loaded {
    #[inline]
    pub fn value(&self, row: usize, col: usize) -> f32 {
        let (rows, cols) = (self.grating.block_rows as usize, self.grating.block_cols as usize);
        let key = ((row / rows) as u32, (col / cols) as u32);
        match self.slots.get(&key).map(|&s| &self.blocks[s]) {
            Some(block) => block.values[row % rows * block.width + col % cols],
            None => f32::NAN,
        }
    }
}

/// Where pixels of a view lie on the grids that one map was drawn from: asked for row after row.
#[derive(Default)]
pub(super) struct Places(Vec<(u64, Arc<Placement>)>);

/// Grids that [`Places`] remembers.
const MANY_GRIDS: usize = 64;

impl Places {
    fn of(&mut self, maps: &Maps, stage: &Stage, view: &View) -> Result<Arc<Placement>, MapError> {
        if let Some((_, known)) = self.0.iter().find(|(id, _)| *id == stage.id) {
            return Ok(known.clone());
        }
        let placement = maps.place(&stage.raster.grid, view)?;
        if self.0.len() >= MANY_GRIDS {
            self.0.remove(0);
        }
        self.0.push((stage.id, placement.clone()));
        Ok(placement)
    }
}

impl Maps {
    /// Puts values where `out` (rows of the view from `first` on) has none yet.
    ///
    /// # Errors
    /// [`MapError`].
    pub(super) fn fill(
        &self,
        shown: &Shown,
        view: &View,
        places: &mut Places,
        first: usize,
        mut out: Part,
    ) -> Result<(), MapError> {
        let main = shown.field.main();
        let placement = places.of(self, main, view)?;
        let ratio = placement.cells_per_pixel();
        let factor = |s: &Stage| {
            let (a, b) = (&main.raster.grid, &s.raster.grid);
            (a.nx as f64 / b.nx as f64).max(a.ny as f64 / b.ny as f64)
        };
        let fine_enough = |s: &&Stage| factor(s) <= ratio * 1.01;
        let stage = shown.field.stages.iter().rev().find(fine_enough).unwrap_or(main);
        let coarsest = Grating::coarsest(stage);
        let level = (ratio / factor(stage)).max(1.0).log2().floor().min(f64::from(coarsest)) as u8;
        let grid = &stage.raster.grid;
        let sampler = Sampler {
            maps: self,
            stage,
            band: u32::try_from(shown.band).unwrap_or(0),
            grating: Grating::of(stage, level),
            placement: &placement,
            scale: [grid.nx as f64 / main.raster.grid.nx as f64, grid.ny as f64 / main.raster.grid.ny as f64],
            turns: grid.crs.is_geographic() && (grid.dx * grid.nx as f64 - 360.0).abs() < grid.dx * 0.01,
            bilinear: shown.bilinear,
            first,
        };
        sampler.draw(&mut out)
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

    /// Puts values into the rows of `out`, in parts when they need more blocks than a map may hold at once.
    fn draw(&self, out: &mut Part) -> Result<(), MapError> {
        let count = out.len();
        let done = match self.placement {
            Placement::Separable { cols, rows, .. } if !self.bilinear => {
                self.tables(cols, &rows[self.first..][..count], out)?
            }
            _ => {
                out.note(|_| false);
                if self.bilinear { self.bilinear(out)? } else { self.nearest(out)? }
            }
        };
        if done {
            return Ok(());
        }
        if count > 1 {
            let [mut top, mut bottom] = out.split(count / 2);
            self.draw(&mut top)?;
            return Sampler { first: self.first + count / 2, ..*self }.draw(&mut bottom);
        }
        // A single row that runs through too many of them.
        Sampler { grating: Grating::of(self.stage, self.grating.level + 1), ..*self }.draw(out)
    }

    /// Loads blocks; `None` when they are more than may be held at once.
    pub(super) fn load(&self, mut wanted: Vec<(u32, u32)>, out: &Part) -> Result<Option<Loaded>, MapError> {
        wanted.sort_unstable();
        wanted.dedup();
        let bytes = self.grating.block_rows * self.grating.block_cols * 4;
        let cache = self.maps.limits().cache_bytes;
        let is_coarsest = self.grating.level >= Grating::coarsest(self.stage);
        // Parts of the rows need fewer blocks only where these lie below each other.
        let may_part = out.len() > 1 && wanted.first().map(|w| w.0) != wanted.last().map(|w| w.0);
        let room = if may_part { cache / 8 } else { cache / 2 }.max(IN_WORK).max(bytes);
        if (wanted.len() as u64).saturating_mul(bytes) > room && (may_part || !is_coarsest) {
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
    fn tables(&self, cols: &[f64], rows: &[f64], out: &mut Part) -> Result<bool, MapError> {
        let (down, across) = (self.grating.block_rows as u32, self.grating.block_cols as u32);
        let rows: Vec<u32> = rows.iter().map(|&y| self.row_of(y)).collect();
        let cols: Vec<u32> = cols.iter().map(|&x| self.col_of(x)).collect();
        let segments = segments(&cols, across);
        let block_cols = segments.iter().map(|s| s.block);
        let mut block_rows: Vec<u32> = rows.iter().filter(|r| **r != NONE).map(|r| r / down).collect();
        block_rows.dedup();
        let wanted = block_rows.iter().flat_map(|&r| block_cols.clone().map(move |c| (r, c))).collect();
        let Some(loaded) = self.load(wanted, out)? else { return Ok(false) };
        let local: Vec<u32> = cols.iter().map(|c| if *c == NONE { 0 } else { c % across }).collect();
        let is_fresh = out.is_fresh;
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
                let cells = line[range.clone()].iter_mut().zip(&local[range]);
                match is_fresh {
                    true => cells.for_each(|(o, &c)| *o = source[c as usize]),
                    false => cells.filter(|(o, _)| o.is_nan()).for_each(|(o, &c)| *o = source[c as usize]),
                }
            }
        };
        let repeats = |row: usize| rows[row] == rows[row - 1];
        out.note(repeats);
        if is_fresh && out.values.len() < MANY_PIXELS {
            let width = out.width;
            for row in 0..rows.len() {
                let (before, rest) = out.values.split_at_mut(row * width);
                match row > 0 && repeats(row) {
                    true => rest[..width].copy_from_slice(&before[(row - 1) * width..]),
                    false => line((row, &mut rest[..width])),
                }
            }
        } else {
            self.each_row(out, line);
        }
        Ok(true)
    }

    pub(super) fn each_row(&self, out: &mut Part, line: impl Fn((usize, &mut [f32])) + Sync + Send) {
        if out.values.len() < MANY_PIXELS {
            out.values.chunks_mut(out.width).enumerate().for_each(line);
        } else {
            out.values.par_chunks_mut(out.width).enumerate().for_each(line);
        }
    }

    /// Positions of all pixels that have no value yet.
    pub(super) fn positions(&self, out: &Part) -> Vec<[f64; 2]> {
        let mut positions = vec![[f64::NAN; 2]; out.values.len()];
        let row = |(row, (line, values)): (usize, (&mut [[f64; 2]], &[f32]))| {
            if values.iter().any(|v| v.is_nan()) {
                let (mut xs, mut ys) = (vec![f64::NAN; line.len()], vec![f64::NAN; line.len()]);
                self.placement.row(self.first + row, &mut xs, &mut ys);
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
        let lines = positions.par_chunks_mut(out.width).zip(out.values.par_chunks(out.width)).enumerate();
        lines.for_each(row);
        positions
    }

    /// Nearest cells, pixel by pixel.
    fn nearest(&self, out: &mut Part) -> Result<bool, MapError> {
        let (down, across) = (self.grating.block_rows as u32, self.grating.block_cols as u32);
        let cells: Vec<[u32; 2]> = self
            .positions(out)
            .into_iter()
            .map(|[x, y]| if x.is_nan() { [NONE; 2] } else { [self.row_of(y), self.col_of(x)] })
            .collect();
        let mut wanted: Vec<(u32, u32)> =
            cells.iter().filter(|c| c[0] != NONE).map(|c| (c[0] / down, c[1] / across)).collect();
        wanted.dedup();
        let Some(loaded) = self.load(wanted, out)? else { return Ok(false) };
        let line = |(row, line): (usize, &mut [f32])| {
            let cells = &cells[row * line.len()..][..line.len()];
            for (o, cell) in line.iter_mut().zip(cells) {
                if cell[0] != NONE && o.is_nan() {
                    *o = loaded.value(cell[0] as usize, cell[1] as usize);
                }
            }
        };
        self.each_row(out, line);
        Ok(true)
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
