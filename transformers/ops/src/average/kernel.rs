//! Arithmetic of means on plain slices.

use harmony_model::dtype::Number;

/// A compensated sum (Kahan 1965): its error does not grow with the number of terms. The sum is `value - lost`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sum {
    pub value: f64,
    pub lost: f64,
}

impl Sum {
    #[inline(always)]
    pub fn add(&mut self, x: f64) {
        let y = x - self.lost;
        let t = self.value + y;
        self.lost = (t - self.value) - y;
        self.value = t;
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: Sum) {
        self.add(other.value);
        self.add(-other.lost);
    }

    pub fn total(self) -> f64 {
        self.value - self.lost
    }
}

/// Whether a stored number is no value. Written for up to two fill values, as `_FillValue` and `missing_value` give,
/// so that loops over it stay free of branches.
#[derive(Clone, Copy)]
pub struct Missing<'a, T> {
    first: T,
    second: T,
    others: &'a [T],
    any: bool,
}

impl<'a, T: Number> Missing<'a, T> {
    pub fn new(fills: &'a [T]) -> Self {
        let zero = T::from_f64(0.0);
        let first = fills.first().copied().unwrap_or(zero);
        let second = fills.get(1).copied().unwrap_or(first);
        Missing { first, second, others: fills.get(2..).unwrap_or_default(), any: !fills.is_empty() }
    }

    #[inline(always)]
    pub fn is(&self, v: T) -> bool {
        let fill = self.any & ((v == self.first) | (v == self.second));
        fill | !v.as_f64().is_finite() || (!self.others.is_empty() && self.others.contains(&v))
    }
}

/// Accumulators of means over an axis, one element for each cell.
pub struct Cells<'a> {
    pub value: &'a mut [f64],
    pub lost: &'a mut [f64],
    pub weight: &'a mut [f64],
}

/// Adds one step of the axis, weighted, to the cells: `bytes` holds as many elements as there are cells.
#[inline]
pub fn add_step<T: Number>(bytes: &[u8], missing: Missing<T>, weight: f64, cells: &mut Cells) {
    let elements = bytes.chunks_exact(std::mem::size_of::<T>());
    let sums = cells.value.iter_mut().zip(cells.lost.iter_mut()).zip(cells.weight.iter_mut());
    for (b, ((value, lost), total)) in elements.zip(sums) {
        let v = T::from_ne(b);
        let gone = missing.is(v);
        let x = if gone { 0.0 } else { v.as_f64() * weight };
        let y = x - *lost;
        let t = *value + y;
        *lost = (t - *value) - y;
        *value = t;
        *total += if gone { 0.0 } else { weight };
    }
}

/// What is known of the valid values of one row of cells.
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    /// Of value × weight.
    pub sum: Sum,
    /// Of weights.
    pub weight: Sum,
    /// Of weight × squared distance from the mean.
    pub spread: f64,
    pub min: f64,
    pub max: f64,
    pub count: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            sum: Sum::default(),
            weight: Sum::default(),
            spread: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            count: 0,
        }
    }
}

impl Tally {
    /// The weighted mean; NaN when nothing was valid.
    pub fn mean(&self) -> f64 {
        let weight = self.weight.total();
        if weight > 0.0 { self.sum.total() / weight } else { f64::NAN }
    }

    /// Variance with the weights as frequencies; NaN when nothing was valid.
    pub fn variance(&self) -> f64 {
        let weight = self.weight.total();
        if weight > 0.0 { (self.spread / weight).max(0.0) } else { f64::NAN }
    }

    /// Joins another part (Chan, Golub and LeVeque 1979 for the spread).
    pub fn merge(&mut self, other: &Tally) {
        let (a, b) = (self.weight.total(), other.weight.total());
        if a > 0.0 && b > 0.0 {
            let distance = other.mean() - self.mean();
            self.spread += other.spread + distance * distance * (a * b / (a + b));
        } else {
            self.spread += other.spread;
        }
        self.sum.merge(other.sum);
        self.weight.merge(other.weight);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.count += other.count;
    }
}

/// Partial sums side by side: addition waits for itself, several do not wait for each other. Element *i* always goes
/// to lane *i* mod 8, so the result does not depend on anything else.
const LANES: usize = 8;

/// The tally of one contiguous row of cells with these weights; cells of weight 0 do not count.
pub fn tally_row<T: Number>(bytes: &[u8], weights: &[f64], missing: Missing<T>, full: bool) -> Tally {
    let size = std::mem::size_of::<T>();
    let mut value = [0.0; LANES];
    let mut lost = [0.0; LANES];
    let mut total = [0.0; LANES];
    for (b, w) in bytes.chunks(size * LANES).zip(weights.chunks(LANES)) {
        for (lane, (e, &w)) in b.chunks_exact(size).zip(w).enumerate() {
            let v = T::from_ne(e);
            let gone = missing.is(v);
            let x = if gone { 0.0 } else { v.as_f64() * w };
            let y = x - lost[lane];
            let t = value[lane] + y;
            lost[lane] = (t - value[lane]) - y;
            value[lane] = t;
            total[lane] += if gone { 0.0 } else { w };
        }
    }
    let mut out = Tally::default();
    for lane in 0..LANES {
        out.sum.merge(Sum { value: value[lane], lost: lost[lane] });
        out.weight.add(total[lane]);
    }
    if full {
        let values = bytes.chunks_exact(size).map(T::from_ne).zip(weights.iter().copied());
        add_spread(values.filter(|(v, _)| !missing.is(*v)), &mut out);
    }
    out
}

/// The tallies of `tallies.len()` rows that lie side by side: `bytes` is [weights][tallies].
pub fn tally_columns<T: Number>(
    bytes: &[u8],
    weights: &[f64],
    missing: Missing<T>,
    full: bool,
    tallies: &mut [Tally],
) {
    let size = std::mem::size_of::<T>();
    let across = tallies.len();
    for (row, &w) in bytes.chunks_exact(size * across.max(1)).zip(weights) {
        for (e, tally) in row.chunks_exact(size).zip(tallies.iter_mut()) {
            let v = T::from_ne(e);
            let gone = missing.is(v);
            tally.sum.add(if gone { 0.0 } else { v.as_f64() * w });
            tally.weight.add(if gone { 0.0 } else { w });
        }
    }
    for (i, tally) in tallies.iter_mut().enumerate().filter(|_| full) {
        let column = bytes.chunks_exact(size).skip(i).step_by(across.max(1));
        let values = column.map(T::from_ne).zip(weights.iter().copied());
        add_spread(values.filter(|(v, _)| !missing.is(*v)), tally);
    }
}

/// Extremes, count and spread of valid values around the mean that `tally` already has.
fn add_spread<T: Number>(values: impl Iterator<Item = (T, f64)>, tally: &mut Tally) {
    let mean = tally.mean();
    for (v, w) in values.filter(|(_, w)| *w > 0.0) {
        let v = v.as_f64();
        tally.spread += w * (v - mean) * (v - mean);
        tally.min = tally.min.min(v);
        tally.max = tally.max.max(v);
        tally.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<T: Number>(values: &[T]) -> Vec<u8> {
        let mut out = Vec::new();
        values.iter().for_each(|v| v.put_ne(&mut out));
        out
    }

    #[test]
    fn a_compensated_sum_keeps_what_a_plain_one_loses() {
        let mut sum = Sum::default();
        sum.add(1e16);
        (0..1000).for_each(|_| sum.add(1.0));
        sum.add(-1e16);
        assert_eq!(sum.total(), 1000.0);
    }

    #[test]
    fn a_row_leaves_out_missing_cells_and_weighs_the_others() {
        let row = bytes(&[1.0f32, -9999.0, 3.0, f32::NAN, 7.0]);
        let fills = [-9999.0f32];
        let tally = tally_row(&row, &[1.0, 1.0, 3.0, 1.0, 0.0], Missing::new(&fills), true);
        assert_eq!(tally.mean(), 2.5);
        assert_eq!(tally.variance(), 0.75);
        assert_eq!((tally.min, tally.max, tally.count), (1.0, 3.0, 2));
    }

    #[test]
    fn rows_side_by_side_are_rows() {
        let fills = [0i16];
        let side = bytes(&[1i16, 10, 0, 20, 5, 30]);
        let weights = [1.0, 2.0, 3.0];
        let mut both = [Tally::default(); 2];
        tally_columns(&side, &weights, Missing::new(&fills), true, &mut both);
        for (tally, row) in both.iter().zip([[1i16, 0, 5], [10, 20, 30]]) {
            let alone = tally_row(&bytes(&row), &weights, Missing::new(&fills), true);
            assert_eq!((alone.mean(), alone.count), (tally.mean(), tally.count));
            assert!((alone.variance() - tally.variance()).abs() < 1e-12);
        }
    }

    #[test]
    fn joined_parts_have_the_spread_of_the_whole() {
        let values = [3.0f64, 1.0, 4.0, 1.0, 5.0, 9.0];
        let weights = [1.0, 2.0, 1.0, 0.5, 1.0, 1.0];
        let whole = tally_row(&bytes(&values), &weights, Missing::<f64>::new(&[]), true);
        let mut parts = tally_row(&bytes(&values[..2]), &weights[..2], Missing::<f64>::new(&[]), true);
        parts.merge(&tally_row(&bytes(&values[2..]), &weights[2..], Missing::<f64>::new(&[]), true));
        assert!((whole.mean() - parts.mean()).abs() < 1e-15);
        assert!((whole.variance() - parts.variance()).abs() < 1e-12);
    }
}
