//! Time: request times, CF units and calendars, time scales, and where a granule keeps its times.
//!
//! Times are compared as seconds since 1970-01-01T00:00:00 *in the day count of the axis' own calendar*, at a
//! resolution of one microsecond: a request time goes through [`TimeAxis::bound`], the values of an axis through
//! [`TimeAxis::read_seconds`], and both meet in [`same_or_after`] and its siblings.

mod axis;
mod calendar;
mod candidates;
mod decode;
mod discover;
mod epoch;
pub mod products;
mod scale;
mod text;
mod units;

#[cfg(test)]
mod discovery_tests;

pub use axis::{TimeAxis, TimeRule};
pub use calendar::Calendar;
pub use discover::{TimeTable, discover};
pub use scale::TimeScale;
pub use text::parse_range;
pub use units::{TimeUnits, duration_seconds};

/// A point in time of a request (UTC, proleptic Gregorian).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime {
    /// Microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    pub micros: i64,
}

impl DateTime {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn seconds(self) -> f64 {
        self.micros as f64 / 1e6
    }

    /// From seconds since 1970-01-01T00:00:00Z, rounded to microseconds. `None` when not finite or out of range.
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        let micros = (seconds * 1e6).round();
        (micros.abs() < 9.2e18).then_some(DateTime { micros: micros as i64 })
    }
}

/// Seconds rounded to the microsecond at which times are compared: a value that went through `days since` differs
/// from the instant it stands for by some 1e-7 s.
pub fn to_tick(seconds: f64) -> f64 {
    (seconds * 1e6).round()
}

/// Whether `a` is at or after `b`, to the microsecond; false when either is NaN.
pub fn same_or_after(a: f64, b: f64) -> bool {
    to_tick(a) >= to_tick(b)
}

/// Whether `a` is at or before `b`, to the microsecond; false when either is NaN.
pub fn same_or_before(a: f64, b: f64) -> bool {
    to_tick(a) <= to_tick(b)
}

/// Whether `a` is after `b` by a microsecond or more; false when either is NaN.
pub fn after(a: f64, b: f64) -> bool {
    to_tick(a) > to_tick(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparison_is_to_the_microsecond() {
        assert!(same_or_after(1e9 - 3e-7, 1e9) && same_or_before(1e9 + 3e-7, 1e9));
        assert!(!same_or_after(1e9 - 1e-6, 1e9) && after(1e9 + 1e-6, 1e9));
        assert!(!same_or_after(f64::NAN, 0.0) && !same_or_before(0.0, f64::NAN));
        assert!(same_or_after(f64::INFINITY, 0.0) && same_or_after(0.0, f64::NEG_INFINITY));
    }

    #[test]
    fn seconds_that_no_instant_has_are_refused() {
        assert_eq!(DateTime::from_seconds(1.5), Some(DateTime { micros: 1_500_000 }));
        assert_eq!(DateTime::from_seconds(f64::NAN), None);
        assert_eq!(DateTime::from_seconds(1e30), None);
    }
}
