//! A palette that fits a picture: the colours that occur, counted on a grid of 32 × 32 × 32, divided where they spread
//! most (median cut, Heckbert 1982).

use super::super::canvas::{self, Area, Canvas};
use super::super::style::Rgba;
use super::VISIBLE;
use crate::write::{WriteError, WriteOptions};

/// Levels of a channel on the grid.
const SIDE: usize = 32;
const CELLS: usize = SIDE * SIDE * SIDE;

/// The palette of a picture and the index of every cell of the colour grid.
pub struct Reduced {
    /// The first one is for what can't be seen.
    pub palette: Vec<Rgba>,
    lookup: Vec<u8>,
}

/// Index of pixels that can't be seen; it is there whether or not there are any.
pub const TRANSPARENT: u8 = 0;

impl Reduced {
    /// Index of a pixel of three or four bytes.
    #[inline]
    pub fn index(&self, pixel: &[u8]) -> u8 {
        match pixel.get(3) {
            Some(&opacity) if opacity < VISIBLE => TRANSPARENT,
            _ => self.lookup[cell(pixel)],
        }
    }
}

#[inline]
fn cell(pixel: &[u8]) -> usize {
    usize::from(pixel[0] >> 3) << 10 | usize::from(pixel[1] >> 3) << 5 | usize::from(pixel[2] >> 3)
}

/// How often a cell occurs, and the sums of the colours in it.
#[derive(Clone, Copy, Default)]
struct Count {
    pixels: u64,
    sums: [u64; 3],
}

/// Goes through the picture once and finds its colours.
///
/// # Errors
/// What painting says.
pub fn reduce(
    canvas: &dyn Canvas,
    area: &Area,
    bytes: usize,
    options: &WriteOptions,
) -> Result<Reduced, WriteError> {
    let mut counts = vec![Count::default(); CELLS];
    canvas::slabs(canvas, area, 1, options, |slab| {
        for pixel in slab.chunks_exact(bytes) {
            if bytes == 4 && pixel[3] < VISIBLE {
                continue;
            }
            let count = &mut counts[cell(pixel)];
            count.pixels += 1;
            (0..3).for_each(|k| count.sums[k] += u64::from(pixel[k]));
        }
        Ok(())
    })?;
    Ok(palette(&counts))
}

fn palette(counts: &[Count]) -> Reduced {
    let used: Vec<u16> = (0..CELLS).filter(|&i| counts[i].pixels > 0).map(|i| i as u16).collect();
    let boxes = divide(used, counts, 255);
    let mut palette: Vec<Rgba> = Vec::with_capacity(256);
    palette.push([0; 4]);
    let mut lookup = vec![TRANSPARENT; CELLS];
    for cells in &boxes {
        cells.iter().for_each(|&c| lookup[usize::from(c)] = palette.len() as u8);
        palette.push(mean(cells, counts));
    }
    Reduced { palette, lookup }
}

/// Level of a cell along a channel.
fn level(cell: u16, channel: usize) -> u16 {
    cell >> (10 - 5 * channel) & 31
}

fn divide(used: Vec<u16>, counts: &[Count], wanted: usize) -> Vec<Vec<u16>> {
    let mut boxes = vec![used];
    boxes.retain(|b| !b.is_empty());
    while boxes.len() < wanted {
        // The box whose pixels are spread most; of equal ones the first.
        let spread = |cells: &[u16]| {
            let (_, range) = widest(cells);
            let pixels: u64 = cells.iter().map(|&c| counts[usize::from(c)].pixels).sum();
            // Square roots keep a large even area from taking all colours.
            (f64::from(range) * (pixels as f64).sqrt(), range)
        };
        let candidates =
            boxes.iter().enumerate().map(|(i, b)| (i, spread(b))).filter(|(_, (_, range))| *range > 0);
        let best = candidates.fold(None, |best: Option<(usize, f64)>, (i, (s, _))| match best {
            Some((_, b)) if b >= s => best,
            _ => Some((i, s)),
        });
        let Some((at, _)) = best else { break };
        let (left, right) = split(std::mem::take(&mut boxes[at]), counts);
        boxes[at] = left;
        boxes.push(right);
    }
    boxes
}

/// The channel along which cells are spread most, and how far.
fn widest(cells: &[u16]) -> (usize, u16) {
    let range = |k: usize| {
        let levels = || cells.iter().map(|&c| level(c, k));
        levels().max().unwrap_or(0) - levels().min().unwrap_or(0)
    };
    // Green is seen best, then red.
    [1, 0, 2]
        .into_iter()
        .map(|k| (k, range(k)))
        .fold((1, 0), |best, next| if next.1 > best.1 { next } else { best })
}

/// Two halves of as many pixels as possible, cut between two levels.
fn split(mut cells: Vec<u16>, counts: &[Count]) -> (Vec<u16>, Vec<u16>) {
    let (channel, _) = widest(&cells);
    cells.sort_by_key(|&c| (level(c, channel), c));
    let pixels = |c: u16| counts[usize::from(c)].pixels;
    let half = cells.iter().map(|&c| pixels(c)).sum::<u64>() / 2;
    let (mut sum, mut cut) = (0, 1);
    for (i, &c) in cells.iter().enumerate() {
        sum += pixels(c);
        if sum >= half {
            cut = i + 1;
            break;
        }
    }
    let cut = cut.clamp(1, cells.len() - 1);
    let right = cells.split_off(cut);
    (cells, right)
}

fn mean(cells: &[u16], counts: &[Count]) -> Rgba {
    let mut sums = [0u64; 3];
    let mut pixels = 0;
    for &c in cells {
        let count = &counts[usize::from(c)];
        pixels += count.pixels;
        (0..3).for_each(|k| sums[k] += count.sums[k]);
    }
    let byte = |k: usize| ((sums[k] + pixels / 2) / pixels.max(1)) as u8;
    [byte(0), byte(1), byte(2), 255]
}
