//! Calendar days in a time zone with summer time.

use harmony_model::time::{Calendar, DateTime};
use serde::Deserialize;

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// Offsets from UTC in hours and when they change.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    standard: i64,
    summer: i64,
    begins: Change,
    ends: Change,
}

/// `hour` of the `sunday`-th Sunday of `month`, in the local time until then.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    month: u32,
    sunday: i64,
    hour: i64,
}

impl Change {
    /// The instant in UTC, with the offset that holds before it.
    fn at(&self, year: i64, offset: i64) -> i64 {
        let first = Calendar::ProlepticGregorian.days(year, self.month.clamp(1, 12), 1);
        // 1970-01-01 was a Thursday: day 3 was the first Sunday.
        let to_sunday = (3 - first).rem_euclid(7);
        (first + to_sunday + 7 * (self.sunday - 1)) * DAY + (self.hour - offset) * HOUR
    }
}

impl Zone {
    /// The local day `YYYYMMDD` of a UTC time `YYYYMMDDTHHMMSSZ`.
    pub fn day(&self, time: &str) -> Option<String> {
        let field = |from: usize, to: usize| time.get(from..to);
        let text = format!(
            "{}-{}-{}T{}:{}:{}Z",
            field(0, 4)?,
            field(4, 6)?,
            field(6, 8)?,
            field(9, 11)?,
            field(11, 13)?,
            field(13, 15)?
        );
        let utc = DateTime::parse(&text).ok()?.micros;
        let year: i64 = field(0, 4)?.parse().ok()?;
        // Northern summer lies within a year, southern summer around its turn.
        let (begins, ends) = (self.begins.at(year, self.standard), self.ends.at(year, self.summer));
        let is_summer = match begins < ends {
            true => (begins..ends).contains(&utc),
            false => !(ends..begins).contains(&utc),
        };
        let offset = if is_summer { self.summer } else { self.standard };
        let days = (utc + offset * HOUR).div_euclid(DAY);
        let (y, m, d) = Calendar::ProlepticGregorian.date(days);
        Some(format!("{y:04}{m:02}{d:02}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chicago() -> Zone {
        Zone {
            standard: -6,
            summer: -5,
            begins: Change { month: 3, sunday: 2, hour: 2 },
            ends: Change { month: 11, sunday: 1, hour: 2 },
        }
    }

    #[test]
    fn clocks_change_on_sundays() {
        // 2024: 10 March 08:00 UTC to 3 November 07:00 UTC.
        let z = chicago();
        assert_eq!(z.begins.at(2024, -6), DateTime::parse("2024-03-10T08:00:00Z").unwrap().micros);
        assert_eq!(z.ends.at(2024, -5), DateTime::parse("2024-11-03T07:00:00Z").unwrap().micros);
        assert_eq!(z.day("20240310T055959Z").unwrap(), "20240309");
        assert_eq!(z.day("20240311T045959Z").unwrap(), "20240310");
        assert_eq!(z.day("20240311T050000Z").unwrap(), "20240311");
        assert_eq!(z.day("20241104T055959Z").unwrap(), "20241103");
        assert_eq!(z.day("x"), None);
    }
}
