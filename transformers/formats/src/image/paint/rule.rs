//! Which palette index or channel value a physical value becomes.

use super::super::style::Scale;

/// Adding and subtracting it rounds to the nearest integer, ties to even.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// Palette index of a value.
#[derive(Clone, Debug)]
pub struct Index {
    /// Of missing values.
    pub missing: u8,
    /// Of the first colour; the others follow.
    pub first: u8,
    pub rule: Rule,
}

#[derive(Clone, Debug)]
pub enum Rule {
    /// Colours evenly between two values, the first one at `low`, the last one at `high`.
    Even(Even),
    /// The last level that is not above the value.
    Levels(Levels),
    /// The value itself, below a number of colours.
    Stored(usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Even {
    low: f64,
    factor: f64,
    last: f64,
}

impl Even {
    /// `colours` colours; all values get the middle one when there is no range.
    pub fn new(low: f64, high: f64, colours: usize) -> Self {
        let last = (colours - 1) as f64;
        let factor = last / (high - low);
        if factor.is_finite() && factor > 0.0 {
            Even { low, factor, last }
        } else {
            // The middle index, whatever the value: NaN has been sorted out before.
            Even { low: f64::NAN, factor: 0.0, last }
        }
    }

    /// Anything for NaN.
    #[inline(always)]
    pub fn find(&self, v: f64) -> u8 {
        if self.low.is_nan() {
            return (self.last / 2.0).ceil() as u8;
        }
        let at = (v - self.low) * self.factor;
        let at = if at > 0.0 { at } else { 0.0 };
        let at = if at < self.last { at } else { self.last };
        // The rounded number is in the lowest bits.
        (at + ROUND).to_bits() as u8
    }
}

/// Levels with a coarse table that says where to begin to look.
#[derive(Clone, Debug)]
pub struct Levels {
    levels: Vec<f64>,
    start: f64,
    factor: f64,
    guide: Vec<u16>,
}

/// Cells of the coarse table.
const GUIDE: usize = 1024;

impl Levels {
    pub fn new(scale: &Scale) -> Self {
        let levels = scale.levels.clone();
        let (start, end) = scale.ends().unwrap_or((0.0, 0.0));
        let factor = GUIDE as f64 / (end - start);
        let factor = if factor.is_finite() { factor } else { 0.0 };
        let below = |v: f64| levels.partition_point(|&l| l <= v) as u16;
        let guide =
            (0..=GUIDE).map(|i| if factor == 0.0 { 0 } else { below(start + i as f64 / factor) }).collect();
        Levels { levels, start, factor, guide }
    }

    /// Number of levels that are not above the value.
    #[inline]
    fn count(&self, v: f64) -> usize {
        let cell = ((v - self.start) * self.factor).clamp(0.0, GUIDE as f64) as usize;
        let mut n = usize::from(self.guide[cell]);
        while n < self.levels.len() && self.levels[n] <= v {
            n += 1;
        }
        while n > 0 && self.levels[n - 1] > v {
            n -= 1;
        }
        n
    }
}

impl Index {
    /// NaN is missing.
    #[inline]
    pub fn find(&self, v: f64) -> u8 {
        if v.is_nan() {
            return self.missing;
        }
        match &self.rule {
            Rule::Even(even) => self.first + even.find(v),
            Rule::Levels(levels) => self.first + levels.count(v).saturating_sub(1) as u8,
            Rule::Stored(colours) => {
                if (0.0..*colours as f64).contains(&v) {
                    self.first + v as u8
                } else {
                    self.missing
                }
            }
        }
    }
}

/// Channel value of a value: `(v - low) × factor`, 0 when missing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Channel {
    pub low: f64,
    pub factor: f64,
    /// Fractions are cut off, not rounded.
    pub truncate: bool,
    /// All values get this.
    pub constant: Option<u8>,
}

impl Channel {
    /// Values as they are.
    pub const PLAIN: Channel = Channel { low: 0.0, factor: 1.0, truncate: false, constant: None };

    /// 0 at `low`, 255 at `high`; middle grey when there is no range.
    pub fn stretched(low: f64, high: f64) -> Self {
        let factor = 255.0 / (high - low);
        if factor.is_finite() && factor > 0.0 {
            Channel { low, factor, truncate: false, constant: None }
        } else {
            Channel { constant: Some(128), ..Channel::PLAIN }
        }
    }

    #[inline]
    pub fn find(&self, v: f64) -> u8 {
        if v.is_nan() {
            return 0;
        }
        if let Some(value) = self.constant {
            return value;
        }
        let at = ((v - self.low) * self.factor).clamp(0.0, 255.0);
        if self.truncate { at as u8 } else { ((at + ROUND) - ROUND) as u8 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn index(rule: Rule) -> Index {
        Index { missing: 0, first: 1, rule }
    }

    #[test]
    fn even_colours_run_from_end_to_end() {
        let i = index(Rule::Even(Even::new(10.0, 20.0, 255)));
        let got =
            [f64::NEG_INFINITY, 9.0, 10.0, 15.0, 20.0, 21.0, f64::INFINITY, f64::NAN].map(|v| i.find(v));
        assert_eq!(got, [1, 1, 1, 128, 255, 255, 255, 0]);
    }

    #[test]
    fn a_constant_field_is_in_the_middle() {
        assert_eq!(index(Rule::Even(Even::new(7.0, 7.0, 255))).find(7.0), 128);
        assert_eq!(Channel::stretched(7.0, 7.0).find(7.0), 128);
    }

    #[test]
    fn a_level_counts_from_its_value_on_and_ends_go_on() {
        let scale = Scale { levels: vec![0.0, 60.0, 120.0], colours: vec![[0; 4]; 3], thinned: false };
        let i = index(Rule::Levels(Levels::new(&scale)));
        let got = [-5.0, 0.0, 59.9, 60.0, 119.0, 120.0, 1e9, f64::NAN].map(|v| i.find(v));
        assert_eq!(got, [1, 1, 1, 2, 2, 3, 3, 0]);
    }

    #[test]
    fn one_level_and_one_for_all_below_are_levels_too() {
        let of = |levels: Vec<f64>| {
            let colours = vec![[0; 4]; levels.len()];
            index(Rule::Levels(Levels::new(&Scale { levels, colours, thinned: false })))
        };
        assert_eq!(of(vec![5.0]).find(7.0), 1);
        let two = of(vec![f64::NEG_INFINITY, 5.0]);
        assert_eq!((two.find(-1e30), two.find(5.0), two.find(f64::NEG_INFINITY)), (1, 2, 1));
    }

    #[test]
    fn channels_are_stretched_rounded_and_clamped() {
        let c = Channel::stretched(0.0, 1.0);
        assert_eq!([-1.0, 0.0, 0.5, 1.0, 2.0].map(|v| c.find(v)), [0, 0, 128, 255, 255]);
        assert_eq!(Channel { truncate: true, ..Channel::PLAIN }.find(0.9), 0);
    }

    proptest! {
        #[test]
        fn levels_are_found_as_by_counting(
            mut levels in prop::collection::vec(-1e6f64..1e6, 1..200),
            values in prop::collection::vec(-2e6f64..2e6, 0..50),
        ) {
            levels.sort_by(f64::total_cmp);
            let scale = Scale { colours: vec![[0; 4]; levels.len()], levels: levels.clone(), thinned: false };
            let found = Levels::new(&scale);
            for v in values.into_iter().chain(levels.clone()) {
                prop_assert_eq!(found.count(v), levels.iter().filter(|&&l| l <= v).count());
            }
        }
    }
}
