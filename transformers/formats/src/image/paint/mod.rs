//! Rasters as canvases.

mod kernel;
pub mod rule;

use std::cell::RefCell;
use std::ops::Range;

use harmony_model::{Granule, Storage};
use rayon::prelude::*;

use super::canvas::{Canvas, Ink};
use crate::raster::Raster;
use crate::write::WriteError;
use kernel::Unpack;
use rule::{Channel, Index};

/// One plane of a raster.
#[derive(Clone, Copy)]
pub struct Layer<'a> {
    pub raster: &'a Raster,
    pub band: usize,
}

/// How layers become pixels.
#[derive(Clone, Debug)]
pub enum Brush {
    /// One layer, by palette index.
    Index(Index),
    /// Three or four layers; the fourth one is opacity.
    Channels(Vec<Channel>),
}

/// A raster, or three or four of them, as a picture.
pub struct Painter<'a> {
    granule: &'a Granule,
    layers: Vec<Layer<'a>>,
    ink: Ink,
    brush: Brush,
    /// For each layer whose elements have one or two bytes: what each of them becomes.
    tables: Vec<Option<Vec<u8>>>,
    unpack: Vec<Unpack>,
    together: u64,
}

/// Pixels that one thread paints at a time.
const PIXELS: usize = 1 << 16;

thread_local! {
    // Used again: the first touch of fresh memory takes longer than reading into it.
    static PLANES: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

impl<'a> Painter<'a> {
    /// `layers`: one for an index brush, as many as channels otherwise.
    pub fn new(granule: &'a Granule, layers: Vec<Layer<'a>>, ink: Ink, brush: Brush) -> Self {
        let unpack: Vec<Unpack> = layers.iter().map(|l| Unpack::of(l.raster)).collect();
        let table = |(i, unpack): (usize, &Unpack)| match &brush {
            Brush::Index(index) => unpack.table(|v| index.find(v)),
            Brush::Channels(channels) => unpack.table(|v| channels[i].find(v)),
        };
        let tables = unpack.iter().enumerate().map(table).collect();
        let together = layers.iter().map(|l| rows_together(granule, l.raster)).max().unwrap_or(1);
        Painter { granule, layers, ink, brush, tables, unpack, together }
    }

    /// Reads rows into `planes` and paints them.
    fn rows(
        &self,
        rows: &Range<u64>,
        columns: &Range<u64>,
        planes: &mut Vec<Vec<u8>>,
        out: &mut [u8],
    ) -> Result<(), WriteError> {
        planes.resize_with(self.layers.len(), Vec::new);
        for (layer, plane) in self.layers.iter().zip(planes.iter_mut()).take(self.ink.bytes()) {
            layer.raster.read_to(self.granule, layer.band, rows, columns, plane)?;
        }
        let covered = self
            .layers
            .iter()
            .map(|l| l.raster.covered(self.granule, l.band, rows, columns))
            .collect::<Result<Vec<_>, _>>()?;
        let bytes = self.ink.bytes();
        out.par_chunks_mut(PIXELS * bytes).enumerate().for_each(|(i, block)| {
            let start = i * PIXELS;
            self.block(start..start + block.len() / bytes, planes, &covered, block);
        });
        Ok(())
    }

    /// `covered`: for each layer that tells it, 0 where a pixel lies outside of its source.
    fn block(&self, pixels: Range<usize>, planes: &[Vec<u8>], covered: &[Option<Vec<u8>>], out: &mut [u8]) {
        let outside = covered.iter().flatten().map(|c| &c[pixels.clone()]);
        let part = |layer: usize| {
            let size = self.unpack[layer].dtype.size();
            (size, &planes[layer][pixels.start * size..pixels.end * size])
        };
        match &self.brush {
            Brush::Index(index) => {
                let (size, bytes) = part(0);
                match &self.tables[0] {
                    Some(table) => kernel::look_up(table, size, bytes, out, 1),
                    None => kernel::indices(&self.unpack[0], index, bytes, out),
                }
                for covered in outside {
                    out.iter_mut()
                        .zip(covered)
                        .filter(|(_, c)| **c == 0)
                        .for_each(|(o, _)| *o = index.missing);
                }
            }
            Brush::Channels(channels) => {
                let step = self.ink.bytes();
                let mut hidden = vec![false; pixels.len()];
                for (layer, channel) in channels.iter().enumerate().take(step) {
                    let (size, bytes) = part(layer);
                    let out = &mut out[layer..];
                    match &self.tables[layer] {
                        Some(table) => {
                            kernel::look_up(table, size, bytes, out, step);
                            kernel::mark_missing(&self.unpack[layer], bytes, &mut hidden);
                        }
                        None => kernel::channel(&self.unpack[layer], channel, bytes, out, step, &mut hidden),
                    }
                }
                for covered in outside {
                    hidden.iter_mut().zip(covered).for_each(|(h, &c)| *h |= c == 0);
                    if step == 4 && channels.len() == 4 {
                        let alpha = out.iter_mut().skip(3).step_by(4).zip(covered);
                        alpha.filter(|(_, c)| **c == 0).for_each(|(o, _)| *o = 0);
                    }
                }
                if step == 4 && channels.len() == 3 {
                    out.iter_mut()
                        .skip(3)
                        .step_by(4)
                        .zip(&hidden)
                        .for_each(|(o, &h)| *o = if h { 0 } else { 255 });
                }
            }
        }
    }
}

impl Canvas for Painter<'_> {
    fn ink(&self) -> &Ink {
        &self.ink
    }

    fn rows_together(&self) -> u64 {
        self.together
    }

    fn working_bytes(&self) -> usize {
        self.layers.iter().map(|l| l.raster.dtype.size()).sum()
    }

    fn paint(&self, rows: Range<u64>, columns: Range<u64>, out: &mut [u8]) -> Result<(), WriteError> {
        let width = (columns.end - columns.start) as usize;
        if self.together > 1 || width == 0 {
            return self.rows(&rows, &columns, &mut Vec::new(), out);
        }
        // Rows that are read one by one anyway: so many that what is read is still in the cache when it is painted.
        let step = (PIXELS / width).max(1);
        // Not borrowed while other threads are asked for help: this one may be given other rows meanwhile.
        let mut planes = PLANES.take();
        for (i, out) in out.chunks_mut(step * width * self.ink.bytes()).enumerate() {
            let start = rows.start + (i * step) as u64;
            self.rows(&(start..(start + step as u64).min(rows.end)), &columns, &mut planes, out)?;
        }
        PLANES.set(planes);
        Ok(())
    }
}

/// Rows of a raster that are best read together: those of chunks, where chunks are really stored.
pub fn rows_together(granule: &Granule, raster: &Raster) -> u64 {
    let [y, x] = raster.grid_axes();
    match granule.var(raster.var).storage {
        // Whole columns have to be read for a single row.
        Storage::Contiguous if x < y => raster.grid.ny.max(1),
        _ if raster.has_single_rows(granule) => 1,
        _ => raster.rows_per_chunk(granule),
    }
}
