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
/// What is tried in turn: the first level that gets about as small as [`LEVEL`] without a filter is taken.
const LEVELS: [i32; 3] = [1, 2, 4];
/// How much larger than with [`LEVEL`] a picture may become for being written sooner: the usual programs choose filters
/// of colours a little better.
const NEAR: f64 = 1.09;
const NEAR_IN_COLOURS: f64 = 1.05;
/// Share of the aim from which on the least effort is so far off that the next one is not tried.
const HOPELESS: f64 = 1.1;
/// How much larger than with the best filter a picture may become with another one for that to be tried on.
const PROMISING: f64 = 1.2;
/// A strip is too short for all that repeats itself to be found in it: what is filtered needs that less, and looks so
/// much smaller than it is beside what is not.
const SHORT: f64 = 1.1;

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
        let (filters, near): (&[Filter], f64) = match usual.filter {
            Filter::None => (&[Filter::None, Filter::Left, Filter::Above], NEAR),
            _ => (&[Filter::BestOfRow], NEAR_IN_COLOURS),
        };
        let tries = |filters: &[Filter], levels: &[i32]| -> Vec<Effort> {
            let of_level = |&level: &i32| filters.iter().map(move |&filter| Effort { filter, level });
            levels.iter().flat_map(of_level).collect()
        };
        if let Some(level) = level {
            return best(&self.sizes(&tries(filters, &[level]))).map_or(usual, |found| found.0);
        }
        let mut sizes = self.sizes(&[tries(filters, &LEVELS[..1]), vec![usual]].concat());
        let aim = near * sizes.pop().map_or(0.0, |usual| usual.1);
        let Some((effort, least)) = best(&sizes) else { return usual };
        if least <= aim {
            return effort;
        }
        let promising = sizes.iter().filter(|(_, size)| *size <= PROMISING * least);
        let filters: Vec<Filter> = promising.map(|(effort, _)| effort.filter).collect();
        let levels = if least > HOPELESS * aim { &LEVELS[2..] } else { &LEVELS[1..] };
        let sizes = self.sizes(&tries(&filters, levels));
        let mut levels = sizes.chunks(filters.len()).filter_map(best);
        levels.find(|(_, size)| *size <= aim).map_or(usual, |found| found.0)
    }

    /// Bytes that the sample becomes with each of several efforts.
    fn sizes(&self, tries: &[Effort]) -> Vec<(Effort, f64)> {
        let parts = tries.len() * self.strips.len();
        let size = |part: usize| self.size(part % self.strips.len(), tries[part / self.strips.len()]);
        let found: Vec<usize> = (0..parts).into_par_iter().map(size).collect();
        let sums = found.chunks(self.strips.len().max(1)).map(|strips| strips.iter().sum::<usize>() as f64);
        let fair = |(&effort, sum): (&Effort, f64)| match effort.filter {
            Filter::Left | Filter::Above => (effort, SHORT * sum),
            Filter::None | Filter::BestOfRow => (effort, sum),
        };
        tries.iter().zip(sums).map(fair).collect()
    }

    /// Bytes that a strip becomes.
    fn size(&self, strip: usize, effort: Effort) -> usize {
        let bytes = filtered(&self.strips[strip], self.line, self.pixel, effort.filter, Vec::new());
        compressed(&bytes, effort.level).map_or(bytes.len(), |c| c.len())
    }
}

/// The one that leaves least, the first of equals.
fn best(sizes: &[(Effort, f64)]) -> Option<(Effort, f64)> {
    sizes.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1))
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
    fn noise_on_a_slope_is_filtered_and_takes_the_least_effort() {
        let found = effort(|x, y| (x / 4) as u8 + (noise(x, y) & 15), None);
        assert!(found.filter != Filter::None && found.level == 1, "{found:?}");
    }

    #[test]
    fn a_pattern_takes_more_than_the_least_effort() {
        let field = |x: u64, y: u64| 120.0 + 60.0 * (x as f64 / 300.0).sin() * (y as f64 / 200.0).cos();
        let found = effort(|x, y| (field(x, y) + ((x * 7919 + y * 104_729) % 5) as f64) as u8, None);
        assert!(found.level > 1, "{found:?}");
    }

    #[test]
    fn an_effort_that_is_asked_for_stays() {
        assert_eq!(effort(noise, Some(9)).level, 9);
    }
}
