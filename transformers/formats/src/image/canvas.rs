//! Pictures before they are encoded: painted slab by slab, several threads at once, in bounded memory.

use std::ops::Range;

use rayon::prelude::*;

use super::style::Rgba;
use crate::write::{WriteError, WriteOptions};

/// What the bytes of a pixel are.
#[derive(Clone, Debug, PartialEq)]
pub enum Ink {
    /// One byte: index into a palette of at most 256 colours.
    Palette(Vec<Rgba>),
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, opacity.
    Rgba,
}

impl Ink {
    /// Bytes of a pixel.
    pub fn bytes(&self) -> usize {
        match self {
            Ink::Palette(_) => 1,
            Ink::Rgb => 3,
            Ink::Rgba => 4,
        }
    }
}

/// A picture that can be painted in pieces; row 0 is the northern one.
pub trait Canvas: Sync {
    fn ink(&self) -> &Ink;

    /// Rows that are best painted together, from 1: those of stored chunks.
    fn rows_together(&self) -> u64;

    /// Bytes that painting a pixel takes besides the pixel itself.
    fn working_bytes(&self) -> usize;

    /// Pixels of `rows` and `columns`, row by row, into `out`, which is exactly as long as they are.
    ///
    /// # Errors
    /// What the source of the picture says.
    fn paint(&self, rows: Range<u64>, columns: Range<u64>, out: &mut [u8]) -> Result<(), WriteError>;
}

/// A box of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Area {
    pub rows: Range<u64>,
    pub columns: Range<u64>,
}

impl Area {
    /// A whole picture.
    pub fn whole(height: u64, width: u64) -> Self {
        Area { rows: 0..height, columns: 0..width }
    }

    pub fn height(&self) -> u64 {
        self.rows.end - self.rows.start
    }

    pub fn width(&self) -> u64 {
        self.columns.end - self.columns.start
    }
}

/// Slabs are not larger than this even where memory allows: what is painted shall still be in the cache nearby when it
/// is encoded.
const MAX_SLAB: u64 = 32 << 20;

/// Hands the rows of an area to `take`, from the first to the last, in slabs of a multiple of `step` rows (but the
/// last one). How many rows come at once depends on memory, not what is in them.
///
/// # Errors
/// What painting or `take` says; [`WriteError::Cancelled`].
pub fn slabs(
    canvas: &dyn Canvas,
    area: &Area,
    step: u64,
    options: &WriteOptions,
    mut take: impl FnMut(&[u8]) -> Result<(), WriteError>,
) -> Result<(), WriteError> {
    let line = line_bytes(canvas, area)?;
    let together = canvas.rows_together().clamp(1, area.height().max(1));
    let rows_at_once = slab_rows(canvas, area, step, options);
    let step_bytes = line * step as usize;
    let mut buffer: Vec<u8> = Vec::new();
    let mut at = area.rows.start;
    while at < area.rows.end {
        if options.is_cancelled() {
            return Err(WriteError::Cancelled);
        }
        // Stored chunks are met once: slabs end where chunks do, what is left of a step waits for the next slab.
        let mut end = (at + rows_at_once).min(area.rows.end);
        if end < area.rows.end && end - end % together > at {
            end -= end % together;
        }
        let kept = buffer.len();
        buffer.resize(kept + line * (end - at) as usize, 0);
        paint_rows(canvas, area, at..end, together, options, &mut buffer[kept..])?;
        at = end;
        let ready = if at == area.rows.end { buffer.len() } else { buffer.len() - buffer.len() % step_bytes };
        if ready > 0 {
            take(&buffer[..ready])?;
            buffer.drain(..ready);
        }
    }
    Ok(())
}

/// Bytes of one row of an area.
///
/// # Errors
/// [`WriteError::Unsupported`] when it does not fit in memory.
pub fn line_bytes(canvas: &dyn Canvas, area: &Area) -> Result<usize, WriteError> {
    let line = usize::try_from(area.width()).ok().and_then(|w| w.checked_mul(canvas.ink().bytes()));
    line.filter(|&n| n < isize::MAX as usize / 64).ok_or_else(|| WriteError::Unsupported {
        target: "image".into(),
        object: format!("a row of {} pixels", area.width()),
        detail: "it does not fit in memory; ask for a smaller --width".into(),
    })
}

fn slab_rows(canvas: &dyn Canvas, area: &Area, step: u64, options: &WriteOptions) -> u64 {
    // Pixels, what their painting takes, and as much again for what is encoded.
    let pixel = 2 * canvas.ink().bytes() as u64 + canvas.working_bytes() as u64;
    let line = area.width().saturating_mul(pixel).max(1);
    (options.memory.min(MAX_SLAB) / line).max(step).max(1)
}

/// Groups of rows are painted in parallel.
fn paint_rows(
    canvas: &dyn Canvas,
    area: &Area,
    rows: Range<u64>,
    together: u64,
    options: &WriteOptions,
    out: &mut [u8],
) -> Result<(), WriteError> {
    let line = line_bytes(canvas, area)?;
    if line == 0 {
        return Ok(());
    }
    let count = rows.end - rows.start;
    let threads = rayon::current_num_threads() as u64;
    let group = together.min(count.div_ceil(threads)).max(1);
    let group = if together < group { group - group % together } else { together.min(count) };
    out.par_chunks_mut(line * group as usize).enumerate().try_for_each(|(i, chunk)| {
        if options.is_cancelled() {
            return Err(WriteError::Cancelled);
        }
        let start = rows.start + i as u64 * group;
        let end = start + (chunk.len() / line) as u64;
        canvas.paint(start..end, area.columns.clone(), chunk)
    })
}

/// Pixels in memory: legends, tests, tiles put together elsewhere.
pub struct Sheet {
    pub ink: Ink,
    pub width: u64,
    pub pixels: Vec<u8>,
}

impl Sheet {
    /// Rows.
    pub fn height(&self) -> u64 {
        let line = self.width as usize * self.ink.bytes();
        self.pixels.len().checked_div(line).map_or(0, |n| n as u64)
    }
}

impl Canvas for Sheet {
    fn ink(&self) -> &Ink {
        &self.ink
    }

    fn rows_together(&self) -> u64 {
        1
    }

    fn working_bytes(&self) -> usize {
        0
    }

    fn paint(&self, rows: Range<u64>, columns: Range<u64>, out: &mut [u8]) -> Result<(), WriteError> {
        let n = self.ink.bytes();
        let len = (columns.end - columns.start) as usize * n;
        if len == 0 {
            return Ok(());
        }
        for (row, line) in rows.zip(out.chunks_exact_mut(len)) {
            let from = (row as usize * self.width as usize + columns.start as usize) * n;
            line.copy_from_slice(&self.pixels[from..from + len]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slabs_hold_all_rows_in_order_whatever_memory_there_is() {
        let sheet =
            Sheet { ink: Ink::Rgb, width: 5, pixels: (0..5 * 3 * 37).map(|i| (i % 251) as u8).collect() };
        assert_eq!(sheet.height(), 37);
        for memory in [1, 1000, 1 << 20] {
            let options = WriteOptions { memory, ..WriteOptions::default() };
            let mut all = Vec::new();
            let mut lengths = Vec::new();
            slabs(&sheet, &Area::whole(37, 5), 4, &options, |rows| {
                lengths.push(rows.len() / 15);
                all.extend_from_slice(rows);
                Ok(())
            })
            .unwrap();
            assert_eq!(all, sheet.pixels);
            assert!(lengths[..lengths.len() - 1].iter().all(|n| n % 4 == 0), "{lengths:?}");
        }
    }

    #[test]
    fn a_box_is_cut_out() {
        let sheet = Sheet { ink: Ink::Palette(vec![[0; 4]]), width: 4, pixels: (0..12).collect() };
        let mut out = vec![0; 4];
        sheet.paint(1..3, 2..4, &mut out).unwrap();
        assert_eq!(out, [6, 7, 10, 11]);
    }
}
