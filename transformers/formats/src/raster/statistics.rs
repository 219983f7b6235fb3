//! Minimum, maximum, mean and standard deviation of a stream of rows.
//!
//! Rows are summed up on their own and joined in order (Chan, Golub, LeVeque 1979), so that the result does not depend
//! on how many rows are handed in at a time.

use harmony_model::dtype::{Number, number_bytes};
use harmony_model::{DType, with_numeric};

/// Statistics of the valid elements seen so far, in stored units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// Valid elements.
    pub count: u64,
    /// All elements.
    pub total: u64,
    /// NaN among the elements that are not valid.
    pub nan: u64,
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    /// Sum of squared differences from the mean.
    squares: f64,
}

impl Default for Statistics {
    fn default() -> Self {
        let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
        Statistics { count: 0, total: 0, nan: 0, min, max, mean: 0.0, squares: 0.0 }
    }
}

impl Statistics {
    /// Of one row of elements of `dtype`, native order; NaN and `nodata` are not valid. Nothing for other types than
    /// numbers.
    pub fn of_row(dtype: &DType, nodata: Option<f64>, row: &[u8]) -> Self {
        with_numeric!(dtype, T => {
            let nodata = nodata.and_then(|v| number_bytes(dtype, v)).map(|b| T::from_ne(&b));
            of_typed::<T>(nodata, row)
        }, else => Statistics::default())
    }

    /// As [`Statistics::of_row`]; elements for which `mask` holds 0 are not valid either.
    pub fn of_masked_row(dtype: &DType, nodata: Option<f64>, row: &[u8], mask: &[u8]) -> Self {
        let counting = row.chunks_exact(dtype.size().max(1)).zip(mask).filter(|(_, m)| **m != 0);
        let kept: Vec<u8> = counting.flat_map(|(element, _)| element.iter().copied()).collect();
        Statistics { total: mask.len() as u64, ..Statistics::of_row(dtype, nodata, &kept) }
    }

    /// Joined with those of the elements that follow.
    #[must_use]
    pub fn join(self, next: Statistics) -> Self {
        let total = self.total + next.total;
        let nan = self.nan + next.nan;
        if self.count == 0 || next.count == 0 {
            let one = if next.count == 0 { self } else { next };
            return Statistics { total, nan, ..one };
        }
        let count = self.count + next.count;
        let (a, b, n) = (self.count as f64, next.count as f64, count as f64);
        let delta = next.mean - self.mean;
        Statistics {
            count,
            total,
            nan,
            min: self.min.min(next.min),
            max: self.max.max(next.max),
            mean: self.mean + delta * (b / n),
            squares: self.squares + next.squares + delta * delta * (a * b / n),
        }
    }

    /// Joined with all `rows` of `width` elements.
    #[must_use]
    pub fn with_rows(self, dtype: &DType, nodata: Option<f64>, rows: &[u8], width: usize) -> Self {
        let line = (width * dtype.size()).max(1);
        rows.chunks(line).fold(self, |s, row| s.join(Statistics::of_row(dtype, nodata, row)))
    }

    /// Standard deviation of the valid elements as a population.
    pub fn standard_deviation(&self) -> f64 {
        if self.count == 0 { f64::NAN } else { (self.squares / self.count as f64).max(0.0).sqrt() }
    }

    /// Valid elements in hundredths of all.
    pub fn valid_percent(&self) -> f64 {
        if self.total == 0 { 0.0 } else { 100.0 * self.count as f64 / self.total as f64 }
    }
}

/// Elements summed up between two joins with the row's own sums: short enough for the cache.
const LANES: usize = 8;

fn of_typed<T: Number>(nodata: Option<T>, row: &[u8]) -> Statistics {
    // NaN is the only number that differs from itself.
    #[expect(clippy::eq_op, reason = "a test for NaN that integers have too")]
    let valid = |v: T| v == v && nodata != Some(v);
    let mut lanes = Lanes::default();
    each::<T>(row, |j, v| lanes.add(j, v.as_f64(), valid(v)));
    let (count, total) = (lanes.counts.iter().sum::<u64>(), (row.len() / std::mem::size_of::<T>()) as u64);
    let nan = lanes.nan.iter().sum();
    if count == 0 {
        return Statistics { total, nan, ..Statistics::default() };
    }
    let mean = lanes.sums.iter().sum::<f64>() / count as f64;
    let mut squares = [0f64; LANES];
    each::<T>(row, |j, v| {
        let d = if valid(v) { v.as_f64() - mean } else { 0.0 };
        squares[j] += d * d;
    });
    let min = lanes.min.iter().copied().fold(f64::INFINITY, f64::min);
    let max = lanes.max.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Statistics { count, total, nan, min, max, mean, squares: squares.iter().sum() }
}

/// Sums of every [`LANES`]th element.
struct Lanes {
    sums: [f64; LANES],
    counts: [u64; LANES],
    nan: [u64; LANES],
    min: [f64; LANES],
    max: [f64; LANES],
}

impl Default for Lanes {
    fn default() -> Self {
        let (min, max) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        Lanes { sums: [0.0; LANES], counts: [0; LANES], nan: [0; LANES], min, max }
    }
}

impl Lanes {
    #[inline(always)]
    fn add(&mut self, j: usize, x: f64, ok: bool) {
        self.sums[j] += if ok { x } else { 0.0 };
        self.counts[j] += u64::from(ok);
        self.nan[j] += u64::from(x.is_nan());
        let (low, high) = (if ok { x } else { f64::INFINITY }, if ok { x } else { f64::NEG_INFINITY });
        self.min[j] = if low < self.min[j] { low } else { self.min[j] };
        self.max[j] = if high > self.max[j] { high } else { self.max[j] };
    }
}

/// Calls `f` with every element and its lane; groups of a fixed length become vector code.
#[inline(always)]
fn each<T: Number>(row: &[u8], mut f: impl FnMut(usize, T)) {
    let size = std::mem::size_of::<T>();
    let groups = row.chunks_exact(size * LANES);
    let rest = groups.remainder();
    for group in groups {
        for j in 0..LANES {
            f(j, T::from_ne(&group[j * size..(j + 1) * size]));
        }
    }
    rest.chunks_exact(size).enumerate().for_each(|(j, v)| f(j, T::from_ne(v)));
}

#[cfg(test)]
mod unit {
    use super::*;

    fn bytes(v: &[f32]) -> Vec<u8> {
        v.iter().flat_map(|x| x.to_ne_bytes()).collect()
    }

    #[test]
    fn fill_and_nan_do_not_count() {
        let row = bytes(&[1.0, -9999.0, 3.0, f32::NAN, 5.0, 7.0]);
        let s = Statistics::of_row(&DType::F32, Some(-9999.0), &row);
        assert_eq!((s.count, s.total, s.nan, s.min, s.max, s.mean), (4, 6, 1, 1.0, 7.0, 4.0));
        assert!((s.standard_deviation() - 5f64.sqrt()).abs() < 1e-15);
        assert!((s.valid_percent() - 400.0 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn rows_handed_in_at_once_or_one_by_one_give_the_same_bits() {
        let values: Vec<f32> = (0..1000).map(|i| ((i * 7919) % 1009) as f32 * 0.37 - 50.0).collect();
        let all = bytes(&values);
        let whole = Statistics::default().with_rows(&DType::F32, None, &all, 100);
        let halves = Statistics::default().with_rows(&DType::F32, None, &all[..1200], 100).with_rows(
            &DType::F32,
            None,
            &all[1200..],
            100,
        );
        assert_eq!(whole, halves);
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / 1000.0;
        assert!((whole.mean - mean).abs() < 1e-9);
    }

    #[test]
    fn nothing_valid_is_no_number() {
        let s = Statistics::of_row(&DType::U8, Some(0.0), &[0, 0]);
        assert_eq!((s.count, s.total), (0, 2));
        assert!(s.standard_deviation().is_nan());
    }
}
