//! CF calendars (CF 1.11 §4.4.1): dates to day numbers and back.

/// A calendar of CF. Years are counted astronomically in all of them: the year before 1 is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Calendar {
    /// `standard`, `gregorian`: Julian up to 1582-10-04, Gregorian from 1582-10-15 on.
    #[default]
    Standard,
    ProlepticGregorian,
    /// `noleap`, `365_day`
    NoLeap,
    /// `all_leap`, `366_day`
    AllLeap,
    /// `360_day`: twelve months of 30 days
    Day360,
    Julian,
}

/// First Gregorian date of the mixed calendar.
const REFORM: (i64, u32, u32) = (1582, 10, 15);
/// Days before each month of a year of 365 days, and its length at the end.
const BEFORE: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];

impl Calendar {
    /// From the `calendar` attribute, case ignored; empty means `standard`.
    ///
    /// # Errors
    /// A sentence naming the calendar when it has no dates (`none`) or is unknown.
    pub fn parse(name: &str) -> Result<Self, String> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "standard" | "gregorian" | "utc" | "tai" => Ok(Calendar::Standard),
            "proleptic_gregorian" | "proleptic gregorian" => Ok(Calendar::ProlepticGregorian),
            "noleap" | "no_leap" | "365_day" | "365day" => Ok(Calendar::NoLeap),
            "all_leap" | "allleap" | "366_day" | "366day" => Ok(Calendar::AllLeap),
            "360_day" | "360day" | "360" => Ok(Calendar::Day360),
            "julian" => Ok(Calendar::Julian),
            "none" => Err("calendar 'none' has no dates to compare a request with".into()),
            other => Err(format!("calendar '{other}' is not one of CF")),
        }
    }

    /// The name CF writes.
    pub fn name(self) -> &'static str {
        match self {
            Calendar::Standard => "standard",
            Calendar::ProlepticGregorian => "proleptic_gregorian",
            Calendar::NoLeap => "noleap",
            Calendar::AllLeap => "all_leap",
            Calendar::Day360 => "360_day",
            Calendar::Julian => "julian",
        }
    }

    /// Length of a month (1–12) in days. Of October 1582 in the mixed calendar: its last day, 31.
    pub fn month_days(self, year: i64, month: u32) -> u32 {
        match self {
            Calendar::Day360 => 30,
            _ if month == 2 => 28 + u32::from(self.is_leap(year)),
            _ => {
                let m = month.clamp(1, 12) as usize;
                (BEFORE[m] - BEFORE[m - 1]) as u32
            }
        }
    }

    fn is_leap(self, year: i64) -> bool {
        let gregorian = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        match self {
            Calendar::ProlepticGregorian => gregorian,
            Calendar::Standard if year > REFORM.0 => gregorian,
            Calendar::Standard | Calendar::Julian => year % 4 == 0,
            Calendar::NoLeap | Calendar::Day360 => false,
            Calendar::AllLeap => true,
        }
    }

    /// Whether the date exists.
    pub fn has(self, year: i64, month: u32, day: u32) -> bool {
        let dropped = self == Calendar::Standard && (year, month) == (1582, 10) && (5..15).contains(&day);
        (1..=12).contains(&month) && day >= 1 && day <= self.month_days(year, month) && !dropped
    }

    /// The nearest date that exists: 31 January is the 30th where months have 30 days, 1582-10-10 is the 15th in the
    /// mixed calendar.
    pub fn clamp(self, year: i64, month: u32, day: u32) -> (i64, u32, u32) {
        let month = month.clamp(1, 12);
        let day = day.clamp(1, self.month_days(year, month));
        if self.has(year, month, day) { (year, month, day) } else { REFORM }
    }

    /// Days from 1970-01-01 to a date that exists, both of this calendar.
    pub fn days(self, year: i64, month: u32, day: u32) -> i64 {
        let of_year = || BEFORE[month.clamp(1, 12) as usize - 1] + i64::from(day) - 1;
        match self {
            Calendar::ProlepticGregorian => gregorian_days(year, month, day),
            Calendar::Julian => julian_days(year, month, day) - julian_days(1970, 1, 1),
            Calendar::Standard if (year, month, day) < REFORM => {
                // 1582-10-04 (Julian) is the day before the reform.
                julian_days(year, month, day) - julian_days(1582, 10, 5)
                    + gregorian_days(REFORM.0, REFORM.1, REFORM.2)
            }
            Calendar::Standard => gregorian_days(year, month, day),
            Calendar::NoLeap => (year - 1970) * 365 + of_year(),
            Calendar::AllLeap => (year - 1970) * 366 + of_year() + i64::from(month > 2),
            Calendar::Day360 => (year - 1970) * 360 + (i64::from(month) - 1) * 30 + i64::from(day) - 1,
        }
    }

    /// The date (year, month, day) that many days after 1970-01-01 of this calendar.
    pub fn date(self, days: i64) -> (i64, u32, u32) {
        match self {
            Calendar::ProlepticGregorian => gregorian_date(days),
            Calendar::Julian => julian_date(days + julian_days(1970, 1, 1)),
            Calendar::Standard => {
                let reform = gregorian_days(REFORM.0, REFORM.1, REFORM.2);
                if days < reform {
                    julian_date(days - reform + julian_days(1582, 10, 5))
                } else {
                    gregorian_date(days)
                }
            }
            Calendar::NoLeap => date_of_equal_years(days, 365),
            Calendar::AllLeap => date_of_equal_years(days, 366),
            Calendar::Day360 => {
                let of_year = days.rem_euclid(360);
                (1970 + days.div_euclid(360), (of_year / 30) as u32 + 1, (of_year % 30) as u32 + 1)
            }
        }
    }
}

/// Date in a calendar whose years all have `length` days (365 or 366).
fn date_of_equal_years(days: i64, length: i64) -> (i64, u32, u32) {
    let of_year = days.rem_euclid(length);
    let start = |m: usize| BEFORE[m] + i64::from(length == 366 && m >= 2);
    let month = (0..12).rev().find(|&m| start(m) <= of_year).unwrap_or(0);
    (1970 + days.div_euclid(length), month as u32 + 1, (of_year - start(month)) as u32 + 1)
}

/// Years begin in March here, so that the leap day is the last one; months then are `(153 m + 2) / 5` days apart.
fn march_year(year: i64, month: u32, day: u32) -> (i64, i64) {
    let (year, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    (year, (153 * i64::from(m) + 2) / 5 + i64::from(day) - 1)
}

/// Inverse of [`march_year`].
fn from_march_year(year: i64, of_year: i64) -> (i64, u32, u32) {
    let m = (5 * of_year + 2) / 153;
    let day = of_year - (153 * m + 2) / 5 + 1;
    let (year, month) = if m < 10 { (year, m + 3) } else { (year + 1, m - 9) };
    (year, month as u32, day as u32)
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar.
pub(super) fn gregorian_days(year: i64, month: u32, day: u32) -> i64 {
    let (y, of_year) = march_year(year, month, day);
    // 719468 days from 0000-03-01 to 1970-01-01.
    365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + of_year - 719_468
}

/// Proleptic Gregorian date of a day number.
pub(super) fn gregorian_date(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    // Leave out the leap days passed in this era of 400 years, then all years have 365 days.
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    from_march_year(era * 400 + year, of_era - (365 * year + year / 4 - year / 100))
}

/// Days from 0000-03-01 in the Julian calendar.
fn julian_days(year: i64, month: u32, day: u32) -> i64 {
    let (y, of_year) = march_year(year, month, day);
    365 * y + y.div_euclid(4) + of_year
}

/// Inverse of [`julian_days`].
fn julian_date(days: i64) -> (i64, u32, u32) {
    let (era, of_era) = (days.div_euclid(1461), days.rem_euclid(1461));
    let year = (of_era - of_era / 1460) / 365;
    from_march_year(era * 4 + year, of_era - 365 * year)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Calendar; 6] = [
        Calendar::Standard,
        Calendar::ProlepticGregorian,
        Calendar::NoLeap,
        Calendar::AllLeap,
        Calendar::Day360,
        Calendar::Julian,
    ];

    proptest! {
        #[test]
        fn days_and_dates_are_inverse(days in -2_000_000i64..2_000_000) {
            for calendar in ALL {
                let (y, m, d) = calendar.date(days);
                prop_assert!(calendar.has(y, m, d), "{calendar:?} {y}-{m}-{d}");
                prop_assert_eq!(calendar.days(y, m, d), days);
            }
        }

        #[test]
        fn the_next_day_is_a_later_date(days in -2_000_000i64..2_000_000) {
            for calendar in ALL {
                prop_assert!(calendar.date(days) < calendar.date(days + 1));
            }
        }
    }

    #[test]
    fn every_calendar_counts_from_1970() {
        for calendar in ALL {
            assert_eq!(calendar.days(1970, 1, 1), 0, "{calendar:?}");
            assert_eq!(calendar.date(0), (1970, 1, 1), "{calendar:?}");
        }
    }

    #[test]
    fn the_reform_skips_ten_days() {
        let c = Calendar::Standard;
        assert_eq!(c.days(1582, 10, 15) - c.days(1582, 10, 4), 1);
        assert!(!c.has(1582, 10, 10) && c.has(1500, 2, 29));
        assert_eq!(c.clamp(1582, 10, 10), (1582, 10, 15));
        // Julian day 0 is noon of -4712-01-01; 2000-01-01 is Julian day 2451545.
        assert_eq!(c.days(2000, 1, 1) - c.days(-4712, 1, 1), 2_451_545);
    }

    #[test]
    fn dates_that_a_calendar_lacks_become_their_neighbour() {
        assert_eq!(Calendar::Day360.clamp(2000, 1, 31), (2000, 1, 30));
        assert_eq!(Calendar::NoLeap.clamp(2000, 2, 29), (2000, 2, 28));
        assert_eq!(Calendar::Julian.clamp(1900, 2, 29), (1900, 2, 29));
        assert!(Calendar::Day360.has(2001, 2, 30) && Calendar::AllLeap.has(2001, 2, 29));
    }

    #[test]
    fn a_calendar_without_dates_is_named() {
        assert!(Calendar::parse("none").unwrap_err().contains("none"));
        assert!(Calendar::parse("lunar").unwrap_err().contains("lunar"));
        assert_eq!(Calendar::parse("Gregorian"), Ok(Calendar::Standard));
        for calendar in ALL {
            assert_eq!(Calendar::parse(calendar.name()), Ok(calendar));
        }
    }
}
