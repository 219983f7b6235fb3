//! Which filter and how much effort a picture takes: tried out on a few of its rows.
//!
//! The least effort does wherever a filter leaves little to find (smooth fields) or nothing is to be found (noise);
//! patterns need more. What is aimed at is the size that the usual programs reach.

use std::ops::Range;

use rayon::prelude::*;

use super::super::canvas::{Area, Canvas, Ink};
use super::filter::Filter;
use super::{LEVEL, compressed, filtered};
use crate::write::WriteError;

/// Pixels below which nothing is tried out.
const SMALL: u64 = 1 << 18;
/// Bytes of a strip that is tried out, and how many there are.
const STRIP: usize = 64 << 10;
const STRIPS: u64 = 4;
/// Share of the bytes above which what is left is noise: the least effort falls behind there.
const NOISE: f64 = 0.4;
/// What is tried in turn: the first level that gets as small as [`LEVEL`] without a filter is taken.
const LEVELS: [i32; 3] = [1, 2, 4];

/// How the pieces of a picture are filtered and compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    pub filter: Filter,
    pub level: i32,
}

impl Effort {
    /// Without a look at the picture.
    pub fn usual(ink: &Ink, level: Option<i32>) -> Self {
        let filter = match ink {
            Ink::Palette(_) => Filter::None,
            _ => Filter::BestOfRow,
        };
        Effort { filter, level: level.unwrap_or(LEVEL) }
    }

    /// For an area of a canvas; a `level` that is asked for stays. It depends on the pixels alone.
    ///
    /// # Errors
    /// What painting says.
    pub fn of(canvas: &dyn Canvas, area: &Area, level: Option<i32>) -> Result<Self, WriteError> {
        let usual = Effort::usual(canvas.ink(), level);
        if area.width() * area.height() < SMALL {
            return Ok(usual);
        }
        let line = area.width() as usize * canvas.ink().bytes();
        let strips = strips(canvas, area, line)
            .into_iter()
            .map(|rows| {
                let mut pixels = vec![0; line * (rows.end - rows.start) as usize];
                canvas.paint(rows, area.columns.clone(), &mut pixels).map(|()| pixels)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let sample = Sample { strips, line, pixel: canvas.ink().bytes() };
        Ok(sample.effort(usual, level))
    }
}

/// Rows that are tried out: some from everywhere, or from one stored chunk in the middle where reading them costs more.
fn strips(canvas: &dyn Canvas, area: &Area, line: usize) -> Vec<Range<u64>> {
    let height = area.height();
    let rows = ((STRIP / line.max(1)) as u64).clamp(2, height.max(2));
    let together = canvas.rows_together().max(1);
    let strip = |start: u64, rows: u64| {
        let start = area.rows.start + start.min(height);
        start..(start + rows).min(area.rows.end)
    };
    if together > rows {
        return vec![strip(height / 2 / together * together, STRIPS * rows)];
    }
    (0..STRIPS).map(|i| strip((2 * i + 1) * height / (2 * STRIPS) / together * together, rows)).collect()
}

struct Sample {
    strips: Vec<Vec<u8>>,
    line: usize,
    pixel: usize,
}

impl Sample {
    fn effort(&self, usual: Effort, level: Option<i32>) -> Effort {
        let filters: &[Filter] = match usual.filter {
            Filter::None => &[Filter::None, Filter::Left, Filter::Above],
            _ => &[Filter::BestOfRow],
        };
        let best = |level: i32| {
            let tried: Vec<(usize, Filter)> =
                filters.par_iter().map(|&filter| (self.size(Effort { filter, level }), filter)).collect();
            // The first of equals: comparing sizes alone.
            tried.into_iter().min_by_key(|(size, _)| *size).unwrap_or((usize::MAX, usual.filter))
        };
        if let Some(level) = level {
            return Effort { filter: best(level).1, level };
        }
        let aim = self.size(usual);
        let noise = NOISE * self.strips.iter().map(Vec::len).sum::<usize>() as f64;
        for level in LEVELS {
            let (size, filter) = best(level);
            if size <= aim && !(level == LEVELS[0] && size as f64 > noise) {
                return Effort { filter, level };
            }
        }
        usual
    }

    /// Bytes that the sample becomes.
    fn size(&self, effort: Effort) -> usize {
        let strip = |rows: &Vec<u8>| {
            let bytes = filtered(rows, self.line, self.pixel, effort.filter, Vec::new());
            compressed(&bytes, effort.level).map_or(bytes.len(), |c| c.len())
        };
        self.strips.par_iter().map(strip).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::canvas::Sheet;
    use super::*;

    const SIDE: u64 = 600;

    fn effort(value: impl Fn(u64, u64) -> u8, level: Option<i32>) -> Effort {
        let pixels = (0..SIDE * SIDE).map(|i| value(i % SIDE, i / SIDE)).collect();
        let sheet = Sheet { ink: Ink::Palette(vec![[0; 4]; 256]), width: SIDE, pixels };
        Effort::of(&sheet, &Area::whole(SIDE, SIDE), level).unwrap()
    }

    fn noise(x: u64, y: u64) -> u8 {
        // SplitMix64 of the place.
        let z = (x << 32 | y).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z >> 56) as u8
    }

    #[test]
    fn a_smooth_picture_is_filtered_and_takes_the_least_effort() {
        let smooth =
            |x: u64, y: u64| ((x as f64 / 90.0).sin() * 100.0 + (y as f64 / 50.0).cos() * 20.0 + 125.0) as u8;
        let found = effort(smooth, None);
        assert!(found.filter != Filter::None && found.level == 1, "{found:?}");
    }

    #[test]
    fn noise_on_a_slope_is_filtered_with_more_than_the_least_effort() {
        let found = effort(|x, y| (x / 4) as u8 + (noise(x, y) & 15), None);
        assert!(found.filter != Filter::None && found.level == 2, "{found:?}");
    }

    #[test]
    fn an_effort_that_is_asked_for_stays() {
        assert_eq!(effort(noise, Some(9)).level, 9);
    }
}
