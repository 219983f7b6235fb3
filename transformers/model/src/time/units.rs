//! CF time units: `<unit> since <date>` (CF 1.11 §4.4).

use super::calendar::Calendar;
use super::{DateTime, TimeScale, epoch};

/// Seconds of the tropical year that UDUNITS calls `year`; its `month` is a twelfth of it.
const YEAR: f64 = 365.242_198_781 * 86_400.0;
const DAY: f64 = 86_400.0;

/// Units of a time axis with their calendar: numbers to seconds and back.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeUnits {
    /// Seconds of one unit.
    pub step: f64,
    /// The reference date: seconds since 1970-01-01 in the day count of the calendar.
    pub epoch: f64,
    pub calendar: Calendar,
    /// How the numbers run: plain arithmetic (UTC) unless the calendar (`utc`, `tai`) says more. Discovery sets it
    /// for GPS and TAI axes; conversion is done by [`crate::time::TimeAxis`].
    pub scale: TimeScale,
}

impl TimeUnits {
    /// Reads the attributes `units` and `calendar`.
    ///
    /// # Errors
    /// A sentence about what is not understood; it names the unit, the date or the calendar.
    pub fn parse(units: &str, calendar: Option<&str>) -> Result<Self, String> {
        let name = calendar.unwrap_or("").trim().to_ascii_lowercase();
        let calendar = Calendar::parse(&name)?;
        let (unit, date) = split_units(units).ok_or("it is not of the form 'seconds since 1970-01-01'")?;
        let step =
            unit_seconds(unit, calendar).ok_or_else(|| format!("unit '{}' is unknown", unit.trim()))?;
        let epoch = epoch::parse(date, calendar)?;
        // CF 1.12: calendars `utc` and `tai` count every SI second.
        let scale = match name.as_str() {
            "utc" => TimeScale::Gps,
            "tai" => TimeScale::TaiDates,
            _ => TimeScale::Utc,
        };
        Ok(TimeUnits { step, epoch, calendar, scale })
    }

    /// Seconds counted from `epoch` (since 1970-01-01) in the standard calendar.
    pub fn seconds_since(epoch: f64, scale: TimeScale) -> Self {
        TimeUnits { step: 1.0, epoch, calendar: Calendar::Standard, scale }
    }

    /// Whether a text has the form of time units, whatever the words mean.
    pub fn looks_like(units: &str) -> bool {
        split_units(units).is_some_and(|(unit, date)| {
            unit_seconds(unit, Calendar::Standard).is_some() && date.contains(|c: char| c.is_ascii_digit())
        })
    }

    /// Seconds since 1970-01-01 in the calendar's own day count, for a physical value of the axis.
    pub fn seconds(&self, value: f64) -> f64 {
        self.epoch + value * self.step
    }

    /// The physical value for seconds since 1970-01-01: inverse of [`TimeUnits::seconds`].
    pub fn encode(&self, seconds: f64) -> f64 {
        (seconds - self.epoch) / self.step
    }

    /// A request time in the same count: its date is taken over field by field; a date that the calendar lacks becomes
    /// its neighbour (31 January is the 30th in `360_day`).
    pub fn from_datetime(&self, time: &DateTime) -> f64 {
        let (year, month, day, micros) = time.fields();
        let (year, month, day) = self.calendar.clamp(year, month, day);
        self.calendar.days(year, month, day) as f64 * DAY + micros as f64 / 1e6
    }
}

/// Seconds of a unit of duration: `s`, `milliseconds`, `hour`, …; a number before it multiplies. `None` for what is
/// not one, `… since …` included.
pub fn duration_seconds(unit: &str) -> Option<f64> {
    unit_seconds(unit, Calendar::Standard)
}

/// Unit and date around `since` or one of its UDUNITS synonyms.
fn split_units(units: &str) -> Option<(&str, &str)> {
    for word in [" since ", " after ", " from ", " ref ", "@"] {
        // ASCII lower case keeps byte positions.
        if let Some(at) = units.to_ascii_lowercase().find(word) {
            return Some((&units[..at], &units[at + word.len()..]));
        }
    }
    None
}

fn unit_seconds(unit: &str, calendar: Calendar) -> Option<f64> {
    let unit = unit.trim().to_lowercase();
    if let Some((number, name)) = unit.split_once(' ')
        && let Ok(factor) = number.parse::<f64>()
    {
        return (factor.is_finite() && factor != 0.0)
            .then_some(factor * named_seconds(name.trim(), calendar)?);
    }
    // `UTC seconds`, `TAI seconds`, `elapsed seconds`
    let name = unit.rsplit(' ').next().unwrap_or(&unit);
    let known_prefix = |p: &str| matches!(p, "utc" | "gps" | "tai" | "elapsed" | "si");
    match unit.strip_suffix(name).map(str::trim) {
        Some("") | None => named_seconds(name, calendar),
        Some(prefix) if known_prefix(prefix) => named_seconds(name, calendar),
        Some(_) => None,
    }
}

/// UDUNITS' names of time units and what people write instead.
fn named_seconds(name: &str, calendar: Calendar) -> Option<f64> {
    // A year of the 360-day calendar is a year of that calendar, as cftime has it.
    let year = if calendar == Calendar::Day360 { 360.0 * DAY } else { YEAR };
    Some(match name {
        "d" | "day" | "days" => DAY,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
        "min" | "mins" | "minute" | "minutes" => 60.0,
        "s" | "sec" | "secs" | "sec." | "second" | "seconds" => 1.0,
        "ms" | "msec" | "msecs" | "millisec" | "millisecs" | "millisecond" | "milliseconds" => 1e-3,
        "us" | "usec" | "usecs" | "µs" | "μs" | "microsec" | "microsecs" | "microsecond" | "microseconds" => {
            1e-6
        }
        "ns" | "nsec" | "nsecs" | "nanosec" | "nanosecs" | "nanosecond" | "nanoseconds" => 1e-9,
        "week" | "weeks" => 7.0 * DAY,
        "fortnight" | "fortnights" => 14.0 * DAY,
        "month" | "months" => year / 12.0,
        "year" | "years" | "yr" | "yrs" | "a" => year,
        "common_year" | "common_years" => 365.0 * DAY,
        "leap_year" | "leap_years" => 366.0 * DAY,
        "julian_year" | "julian_years" => 365.25 * DAY,
        "gregorian_year" | "gregorian_years" => 365.2425 * DAY,
        "tropical_year" | "tropical_years" => YEAR,
        "sidereal_year" | "sidereal_years" => 365.256_363 * DAY,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(units: &str, calendar: &str, value: f64) -> (i64, u32, u32, f64) {
        let u = TimeUnits::parse(units, Some(calendar)).unwrap();
        let s = u.seconds(value);
        let (y, m, d) = u.calendar.date((s / DAY).floor() as i64);
        (y, m, d, s.rem_euclid(DAY))
    }

    /// Expected dates are those of cftime 1.6.
    #[test]
    fn dates_are_those_of_cftime() {
        let d = decode;
        assert_eq!(d("hours since 0001-01-01 00:00:00.0", "gregorian", 17e6), (1940, 5, 7, 28_800.0));
        assert_eq!(d("days since 1-1-1 00:00:0.0", "standard", 577_736.0), (1582, 10, 4, 0.0));
        assert_eq!(d("days since 1582-10-04", "standard", 1.0), (1582, 10, 15, 0.0));
        assert_eq!(d("days since 1500-02-28", "standard", 1.0), (1500, 2, 29, 0.0));
        assert_eq!(d("days since 1850-01-01", "360_day", 61_234.5), (2020, 2, 5, 43_200.0));
        assert_eq!(d("days since 1850-01-01", "noleap", 61_234.5), (2017, 10, 7, 43_200.0));
        assert_eq!(d("days since 1850-01-01", "all_leap", 61_234.5), (2017, 4, 22, 43_200.0));
        assert_eq!(d("days since 1850-01-01", "julian", 61_234.5), (2017, 8, 26, 43_200.0));
        assert_eq!(d("days since 1850-01-01", "proleptic_gregorian", 61_234.5), (2017, 8, 27, 43_200.0));
        assert_eq!(d("days since 1000-01-01", "standard", 300_000.25), (1821, 5, 22, 21_600.0));
        assert_eq!(d("days since 1000-01-01", "proleptic_gregorian", 300_000.25), (1821, 5, 17, 21_600.0));
        assert_eq!(d("days since 1000-01-01", "julian", 300_000.25), (1821, 5, 10, 21_600.0));
        assert_eq!(d("months since 2000-01-01", "360_day", 7.0), (2000, 8, 1, 0.0));
        assert_eq!(d("common_years since 2000-01-01", "noleap", 7.0), (2007, 1, 1, 0.0));
        assert_eq!(d("seconds since 1990-01-01 06:00:00 +0530", "standard", 0.0), (1990, 1, 1, 1800.0));
    }

    #[test]
    fn a_julian_day_number_is_days_since_noon_of_4713_bc() {
        let u = "days since -4712-01-01 12:00:00";
        assert_eq!(decode(u, "standard", 2_451_545.0), (2000, 1, 1, 43_200.0));
    }

    #[test]
    fn spellings_of_units() {
        let step = |u: &str| TimeUnits::parse(&format!("{u} since 2000-01-01"), None).map(|u| u.step);
        for (names, seconds) in [
            ("d day Day days DAYS", 86_400.0),
            ("h hr hrs hour hours", 3600.0),
            ("min mins minute minutes", 60.0),
            ("s sec secs second seconds Seconds", 1.0),
            ("ms msec millisecs milliseconds", 1e-3),
            ("us µs microseconds", 1e-6),
            ("ns nanoseconds", 1e-9),
            ("week weeks", 604_800.0),
            ("common_year", 31_536_000.0),
        ] {
            names.split(' ').for_each(|n| assert_eq!(step(n), Ok(seconds), "{n}"));
        }
        // UDUNITS: year = 365.242198781 days.
        assert!((step("years").unwrap() - 31_556_925.974_678).abs() < 1e-5);
        assert!((step("months").unwrap() - 2_629_743.831_223).abs() < 1e-5);
        assert_eq!(step("10 minutes"), Ok(600.0));
        assert_eq!(step("UTC seconds"), Ok(1.0));
        for bad in ["m", "parsecs", "10", "degrees", "0 days", "light years"] {
            assert!(step(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn other_words_for_since() {
        for units in
            ["days from 2000-01-01", "days AFTER 2000-01-01", "days ref 2000-01-01", "days @ 2000-01-01"]
        {
            assert_eq!(TimeUnits::parse(units, None).unwrap().epoch, 946_684_800.0, "{units}");
        }
        assert!(TimeUnits::looks_like("seconds since 1970-01-01") && !TimeUnits::looks_like("seconds"));
        assert!(!TimeUnits::looks_like("metres from 1 point"));
    }

    #[test]
    fn the_reason_names_what_is_wrong() {
        let why = |u: &str, c: &str| TimeUnits::parse(u, Some(c)).unwrap_err();
        assert!(why("days since 2000-01-01", "none").contains("none"));
        assert!(why("parsecs since 2000-01-01", "").contains("parsecs"));
        assert!(why("days since 2000-02-30", "").contains("2000-02-30"));
        assert!(why("days", "").contains("since"));
        assert_eq!(duration_seconds("hour"), Some(3600.0));
        assert_eq!(duration_seconds("seconds since 2000-01-01"), None);
    }

    #[test]
    fn requests_are_carried_over_by_their_date() {
        let at = |text: &str| DateTime::parse(text).unwrap();
        let u = TimeUnits::parse("days since 2000-01-01", Some("360_day")).unwrap();
        assert_eq!(u.encode(u.from_datetime(&at("2000-02-01"))), 30.0);
        assert_eq!(u.encode(u.from_datetime(&at("2000-01-31T12:00:00Z"))), 29.5);
        let u = TimeUnits::parse("days since 1850-01-01", Some("noleap")).unwrap();
        assert_eq!(u.encode(u.from_datetime(&at("2020-01-01"))), 170.0 * 365.0);
        let u = TimeUnits::parse("days since 1500-01-01", Some("standard")).unwrap();
        assert_eq!(u.encode(u.from_datetime(&at("1500-01-02"))), 1.0);
    }

    proptest! {
        #[test]
        fn encode_inverts_seconds(value in -1e5f64..1e5, which in 0usize..6, unit in 0usize..5) {
            let calendar = ["standard", "proleptic_gregorian", "noleap", "all_leap", "360_day", "julian"][which];
            let unit = ["days", "hours", "minutes", "seconds", "weeks"][unit];
            let u = TimeUnits::parse(&format!("{unit} since 1950-03-01 12:00"), Some(calendar)).unwrap();
            let seconds = u.seconds(value);
            // Half a microsecond up to 1e9 s, then what doubles can tell apart.
            let tolerance = 5e-7f64.max(seconds.abs() * 1e-15);
            prop_assert!((u.encode(seconds) - value).abs() * u.step < tolerance);
        }

        #[test]
        fn a_request_time_comes_back_from_its_fields(days in -300_000i64..300_000, micros in 0i64..86_400_000_000) {
            // Every date of the proleptic Gregorian calendar exists there: nothing is clamped.
            let u = TimeUnits::parse("days since 1950-01-01", Some("proleptic_gregorian")).unwrap();
            let t = DateTime { micros: days * 86_400_000_000 + micros };
            prop_assert!((u.from_datetime(&t) - t.seconds()).abs() < 5e-6);
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text in "\\PC{0,40}") {
            let _ = TimeUnits::parse(&text, Some(&text));
            let _ = TimeUnits::parse(&format!("days since {text}"), None);
            let _ = DateTime::parse(&text);
            let _ = DateTime::parse(&format!("2020-01-01T{text}"));
            let _ = crate::time::parse_range(&text);
        }
    }
}
