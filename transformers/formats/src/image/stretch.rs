//! Statistics that colours depend on: least and greatest value and percentiles, in one pass over all of a variable.
//!
//! Values are counted by the leading bits of their single-precision form, so that no range has to be known before and
//! the counts do not depend on the order in which values come. A class is 2⁻¹⁵ of its value wide: integers below 65 536
//! are counted exactly.

use rayon::prelude::*;

use harmony_model::dtype::{Number, number_bytes};
use harmony_model::{Granule, with_numeric};

use super::canvas::Area;
use crate::raster::Raster;
use crate::write::{WriteError, WriteOptions};

/// Bits of the key of a value that choose the page and the class on it.
const PAGE_BITS: u32 = 12;
const CLASS_BITS: u32 = 12;
const CLASSES: usize = 1 << CLASS_BITS;
/// Bits of single precision that are left out.
const DROPPED: u32 = 32 - PAGE_BITS - CLASS_BITS;

/// Values that are looked at together.
const BLOCK: usize = 512;
/// The class of no value.
const MISSING: u32 = u32::MAX;

/// What was seen of a variable, in physical units.
#[derive(Clone)]
pub struct Values {
    pub count: u64,
    pub missing: u64,
    pub min: f64,
    pub max: f64,
    pages: Vec<Option<Box<[u64]>>>,
}

impl Default for Values {
    fn default() -> Self {
        Values {
            count: 0,
            missing: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            pages: vec![None; 1 << PAGE_BITS],
        }
    }
}

/// Single precision as an integer of the same order.
#[inline]
fn key(value: f64) -> u32 {
    // What does not fit counts with the greatest that does.
    let bits = (value.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32 + 0.0).to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// The way back of [`key`].
fn value(key: u32) -> f64 {
    f64::from(f32::from_bits(if key >> 31 == 1 { key & !(1 << 31) } else { !key }))
}

impl Values {
    /// Adds at most [`BLOCK`] values; NaN is missing.
    #[inline]
    fn add(&mut self, values: &[f64]) {
        let mut classes = [0; BLOCK];
        let (mut min, mut max, mut count) = (self.min, self.max, 0u32);
        for (class, &v) in classes.iter_mut().zip(values) {
            // Comparisons with NaN leave them as they are.
            min = if v < min { v } else { min };
            max = if v > max { v } else { max };
            count += u32::from(!v.is_nan());
            *class = if v.is_nan() { MISSING } else { key(v) >> DROPPED };
        }
        (self.min, self.max) = (min, max);
        self.count += u64::from(count);
        self.missing += values.len() as u64 - u64::from(count);
        for &class in classes[..values.len()].iter().filter(|c| **c != MISSING) {
            let page = &mut self.pages[(class >> CLASS_BITS) as usize];
            let page = page.get_or_insert_with(|| vec![0; CLASSES].into_boxed_slice());
            page[class as usize % CLASSES] += 1;
        }
    }

    /// Together with others.
    #[must_use]
    pub fn join(mut self, other: Values) -> Values {
        self.count += other.count;
        self.missing += other.missing;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        for (mine, theirs) in self.pages.iter_mut().zip(other.pages) {
            match (mine, theirs) {
                (Some(a), Some(b)) => a.iter_mut().zip(b.iter()).for_each(|(x, y)| *x += y),
                (mine @ None, theirs) => *mine = theirs,
                (Some(_), None) => {}
            }
        }
        self
    }

    /// The value below which a share of all valid ones is, between 0 and 1. `None` when there are none.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let rank = share * (self.count - 1) as f64;
        let mut before = 0;
        for (p, page) in self.pages.iter().enumerate() {
            for (c, &n) in page.iter().flat_map(|page| page.iter().enumerate()) {
                if n > 0 && rank < (before + n) as f64 {
                    let low = ((p << CLASS_BITS | c) as u32) << DROPPED;
                    // The end nearer to zero: integers are that themselves.
                    let end = if low >> 31 == 1 { low } else { low | ((1 << DROPPED) - 1) };
                    return Some(value(end).clamp(self.min, self.max));
                }
                before += n;
            }
        }
        Some(self.max)
    }

    /// The values between which colours run: without the outermost hundredths on either side, all of them when that
    /// leaves nothing. `None` when there are none.
    pub fn range(&self, cut: f64) -> Option<(f64, f64)> {
        let (low, high) = (self.quantile(cut)?, self.quantile(1.0 - cut)?);
        Some(if low < high { (low, high) } else { (self.min, self.max) })
    }
}

/// Counts the values of a band of a raster within an area.
///
/// # Errors
/// What the source says; [`WriteError::Cancelled`].
pub fn survey(
    granule: &Granule,
    raster: &Raster,
    band: usize,
    area: &Area,
    options: &WriteOptions,
) -> Result<Values, WriteError> {
    let together = super::paint::rows_together(granule, raster);
    let line = (area.width() * raster.dtype.size() as u64).max(1);
    let threads = rayon::current_num_threads() as u64;
    let fits = (options.memory / threads / line).max(1);
    let step =
        if fits >= together { fits.min((4 << 20) / line).max(together) / together * together } else { fits };
    let starts: Vec<u64> = (area.rows.start..area.rows.end).step_by(step.max(1) as usize).collect();
    starts
        .into_par_iter()
        .try_fold(Values::default, |mut values, start| {
            if options.is_cancelled() {
                return Err(WriteError::Cancelled);
            }
            let end = (start + step).min(area.rows.end);
            let bytes = raster.read(granule, band, start..end, area.columns.clone())?;
            let covered = raster.covered(granule, band, &(start..end), &area.columns)?;
            count(&mut values, raster, &bytes, covered.as_deref());
            Ok(values)
        })
        .try_reduce(Values::default, |a, b| Ok(a.join(b)))
}

/// `covered`: 0 for elements that lie outside of the source.
fn count(values: &mut Values, raster: &Raster, bytes: &[u8], covered: Option<&[u8]>) {
    let (scale, offset) = (raster.packing.scale, raster.packing.offset);
    with_numeric!(&raster.dtype, T => {
        let missing = raster.nodata.and_then(|v| number_bytes(&raster.dtype, v)).map(|b| T::from_ne(&b));
        let mut physical = [f64::NAN; BLOCK];
        for (i, elements) in bytes.chunks(BLOCK * std::mem::size_of::<T>()).enumerate() {
            let elements = elements.chunks_exact(std::mem::size_of::<T>()).map(T::from_ne);
            let n = elements.len();
            for (p, element) in physical.iter_mut().zip(elements) {
                let value = element.as_f64() * scale + offset;
                *p = if missing == Some(element) { f64::NAN } else { value };
            }
            if let Some(covered) = covered {
                let cells = physical.iter_mut().zip(&covered[i * BLOCK..]).take(n);
                cells.filter(|(_, c)| **c == 0).for_each(|(p, _)| *p = f64::NAN);
            }
            values.add(&physical[..n]);
        }
    }, else => ());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = f64>) -> Values {
        let mut out = Values::default();
        let values: Vec<f64> = values.into_iter().collect();
        values.chunks(BLOCK).for_each(|v| out.add(v));
        out
    }

    #[test]
    fn percentiles_of_numbers_in_order_are_those_numbers() {
        let values = of((0..=1000).map(|i| f64::from(i) - 500.0));
        assert_eq!((values.min, values.max), (-500.0, 500.0));
        let (low, high) = values.range(0.02).unwrap();
        assert!((low + 480.0).abs() < 0.1 && (high - 480.0).abs() < 0.1, "{low} {high}");
        assert!(values.quantile(0.5).unwrap().abs() < 1e-3);
    }

    #[test]
    fn temperatures_are_told_apart_to_a_hundredth() {
        let values = of((0..100_000).map(|i| 250.0 + f64::from(i) * 5e-4));
        let (low, high) = values.range(0.02).unwrap();
        assert!((low - 251.0).abs() < 0.01 && (high - 299.0).abs() < 0.01, "{low} {high}");
    }

    #[test]
    fn a_range_of_nothing_widens_to_all_there_is() {
        let values = of(std::iter::repeat_n(7.0, 1000).chain([9.0]));
        assert_eq!(values.range(0.02), Some((7.0, 9.0)));
        assert_eq!(of([3.0, 3.0]).range(0.02), Some((3.0, 3.0)));
        assert_eq!(Values::default().range(0.02), None);
    }

    #[test]
    fn the_order_of_values_does_not_matter() {
        let all: Vec<f64> = (0..5000).map(|i| f64::from(i * 7919 % 5003) * 1.7 - 900.0).collect();
        let (a, b) = all.split_at(1234);
        let joined = of(b.iter().copied()).join(of(a.iter().copied()));
        assert_eq!(joined.range(0.02), of(all).range(0.02));
    }

    #[test]
    fn extremes_are_counted() {
        let values = of([f64::MAX, f64::MIN, 0.0, -0.0, 1e-300, f64::INFINITY]);
        assert_eq!(values.count, 6);
        assert!(values.quantile(1.0).is_some());
    }
}
