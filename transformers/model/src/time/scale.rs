//! Time scales: UTC with its leap seconds, and the even ones (TAI, GPS).

use serde::Deserialize;

/// How the numbers of a time axis run. The product table writes `UTC`, `GPS` and `TAI`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TimeScale {
    /// Plain arithmetic: every day has 86400 seconds, leap seconds are not counted.
    #[default]
    Utc,
    /// SI seconds since an epoch that is given in UTC: GPS seconds since 1980-01-06, the ICESat-2 and GEDI counters.
    Gps,
    /// SI seconds since an epoch that is given in UTC: TAI-93 of EOS.
    Tai,
    /// Dates in TAI: the epoch itself is a TAI date (`time_tai` of altimetry).
    #[serde(skip)]
    TaiDates,
}

impl TimeScale {
    /// The name users know.
    pub fn name(self) -> &'static str {
        match self {
            TimeScale::Utc => "UTC",
            TimeScale::Gps => "GPS",
            TimeScale::Tai => "TAI",
            TimeScale::TaiDates => "TAI dates",
        }
    }
}

/// TAI − UTC in seconds from a UTC date on, as days since 1970-01-01.
///
/// Source: IERS Bulletin C, table `Leap_Second.dat` (<https://hpiers.obspm.fr/iers/bul/bulc/Leap_Second.dat>), complete
/// up to the leap second at the end of 2016; none was announced since.
const LEAPS: [(i64, i64); 28] = [
    (730, 10),    // 1972-01-01
    (912, 11),    // 1972-07-01
    (1096, 12),   // 1973-01-01
    (1461, 13),   // 1974-01-01
    (1826, 14),   // 1975-01-01
    (2191, 15),   // 1976-01-01
    (2557, 16),   // 1977-01-01
    (2922, 17),   // 1978-01-01
    (3287, 18),   // 1979-01-01
    (3652, 19),   // 1980-01-01
    (4199, 20),   // 1981-07-01
    (4564, 21),   // 1982-07-01
    (4929, 22),   // 1983-07-01
    (5660, 23),   // 1985-07-01
    (6574, 24),   // 1988-01-01
    (7305, 25),   // 1990-01-01
    (7670, 26),   // 1991-01-01
    (8217, 27),   // 1992-07-01
    (8582, 28),   // 1993-07-01
    (8947, 29),   // 1994-07-01
    (9496, 30),   // 1996-01-01
    (10_043, 31), // 1997-07-01
    (10_592, 32), // 1999-01-01
    (13_149, 33), // 2006-01-01
    (14_245, 34), // 2009-01-01
    (15_522, 35), // 2012-07-01
    (16_617, 36), // 2015-07-01
    (17_167, 37), // 2017-01-01
];

/// TAI − UTC at a UTC time (seconds since 1970-01-01). Before 1972, when UTC did not keep whole seconds, the value of
/// 1972.
pub fn tai_minus_utc(utc: f64) -> f64 {
    let at = LEAPS.partition_point(|&(day, _)| day as f64 * 86_400.0 <= utc);
    LEAPS[at.saturating_sub(1)].1 as f64
}

/// Turns axis seconds (since 1970-01-01, as if all days had 86400 s) of a scale into UTC seconds, in place.
///
/// `epoch`: the axis' own reference date in the same count. Inside a leap second the result stays at the last
/// microsecond before midnight. NaN stays NaN.
pub fn to_utc(scale: TimeScale, epoch: f64, seconds: &mut [f64]) {
    let ahead = match scale {
        TimeScale::Utc => return,
        TimeScale::Gps | TimeScale::Tai => tai_minus_utc(epoch),
        TimeScale::TaiDates => 0.0,
    };
    // Neighbours lie in the same interval almost always: remember it.
    let (mut low, mut high, mut offset) = (f64::NAN, f64::NAN, 0.0);
    for s in seconds {
        let tai = *s + ahead;
        if !(tai >= low && tai < high) {
            (low, high, offset) = interval(tai);
        }
        let (utc, last) = (tai - offset, high - offset - 1.0 - 1e-6);
        *s = if utc > last { last } else { utc };
    }
}

/// The piece of the table that a TAI time (seconds since 1970-01-01 TAI) lies in: its ends in TAI and TAI − UTC.
fn interval(tai: f64) -> (f64, f64, f64) {
    let start = |i: usize| LEAPS[i].0 as f64 * 86_400.0 + LEAPS[i].1 as f64;
    let at = (1..LEAPS.len()).rev().find(|&i| tai >= start(i)).unwrap_or(0);
    let low = if at == 0 { f64::NEG_INFINITY } else { start(at) };
    let high = if at + 1 == LEAPS.len() { f64::INFINITY } else { start(at + 1) };
    (low, high, LEAPS[at].1 as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::calendar::gregorian_days;

    fn utc(y: i64, m: u32, d: u32, seconds: f64) -> f64 {
        gregorian_days(y, m, d) as f64 * 86_400.0 + seconds
    }

    fn convert(scale: TimeScale, epoch: f64, seconds: f64) -> f64 {
        let mut s = [seconds];
        to_utc(scale, epoch, &mut s);
        s[0]
    }

    #[test]
    fn the_table_names_first_days_of_half_years() {
        for (day, _) in LEAPS {
            let (_, m, d) = crate::time::calendar::gregorian_date(day);
            assert!(d == 1 && (m == 1 || m == 7), "day {day}");
        }
        assert!(LEAPS.windows(2).all(|w| w[1].1 == w[0].1 + 1 && w[1].0 > w[0].0));
    }

    #[test]
    fn gps_seconds_are_18_s_ahead_in_2024() {
        // contract/subsetting.md §0.6: 21:09:52.154 of the axis is 21:09:34.154 UTC.
        let axis = utc(2024, 6, 1, 76_192.154);
        let got = convert(TimeScale::Gps, utc(1980, 1, 6, 0.0), axis);
        assert!((got - utc(2024, 6, 1, 76_174.154)).abs() < 1e-6);
    }

    #[test]
    fn tai93_at_the_start_of_2007_07_29_is_6_s_ahead() {
        // Attribute TAI93At0zOfGranule of the MLS granule of that day: 459820806.
        let epoch = utc(1993, 1, 1, 0.0);
        assert_eq!(convert(TimeScale::Tai, epoch, epoch + 459_820_806.0), utc(2007, 7, 29, 0.0));
    }

    #[test]
    fn tai_dates_differ_by_37_s_in_2021() {
        let got = convert(TimeScale::TaiDates, utc(2000, 1, 1, 0.0), utc(2021, 4, 3, 37.0));
        assert_eq!(got, utc(2021, 4, 3, 0.0));
    }

    #[test]
    fn a_leap_second_ends_before_midnight() {
        let epoch = utc(1980, 1, 6, 0.0);
        let midnight = utc(2017, 1, 1, 0.0);
        // GPS − UTC is 17 s before and 18 s from then on; midnight + 17.5 is inside the leap second.
        let inside = convert(TimeScale::Gps, epoch, midnight + 17.5);
        assert!(inside < midnight && inside > midnight - 1e-5);
        assert_eq!(convert(TimeScale::Gps, epoch, midnight + 16.0), midnight - 1.0);
        assert_eq!(convert(TimeScale::Gps, epoch, midnight + 18.0), midnight);
        assert!(convert(TimeScale::Gps, epoch, f64::NAN).is_nan());
    }

    #[test]
    fn scales_agree_before_any_leap_second_since_the_epoch() {
        let epoch = utc(2018, 1, 1, 0.0);
        assert_eq!(convert(TimeScale::Gps, epoch, epoch + 1e8), epoch + 1e8);
    }
}
