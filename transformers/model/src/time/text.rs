//! Times as texts: ISO 8601 as clients send it, and as files hold it.

use std::fmt;

use super::DateTime;
use super::calendar::{Calendar, gregorian_date, gregorian_days};
use crate::ModelError;
use crate::request::TimeRange;

const DAY: i64 = 86_400_000_000;

impl DateTime {
    /// Reads ISO 8601: `2020`, `2020-01`, `2020-01-15`, `2020-015`, `20200115`, with or without a time of day
    /// (`T06`, `T06:00`, `T06:00:00.5`, `T060000`, a blank for the `T`), with or without a zone (`Z`, `UTC`, `+05:30`,
    /// `-0330`, `+02`). Without a zone it is UTC. What is missing is the first month, day or midnight; a leap second
    /// (`:60`) becomes the last microsecond of its minute; `24:00` is the next midnight.
    ///
    /// # Errors
    /// [`ModelError::TimeText`] naming the text and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        let fail = |detail: &str| ModelError::TimeText { text: text.into(), detail: detail.into() };
        let trimmed = text.trim();
        let split = trimmed.find(['T', 't', ' ']).unwrap_or(trimmed.len());
        let (date, rest) = trimmed.split_at(split);
        let (year, month, day) = parse_date(date).map_err(fail)?;
        let rest = rest.strip_prefix(['T', 't', ' ']).unwrap_or("");
        let clock = if rest.is_empty() { 0 } else { parse_clock(rest.trim()).map_err(fail)? };
        Ok(DateTime { micros: gregorian_days(year, month, day) * DAY + clock })
    }

    /// Year, month, day (proleptic Gregorian) and microseconds of the day.
    pub fn fields(self) -> (i64, u32, u32, i64) {
        let (y, m, d) = gregorian_date(self.micros.div_euclid(DAY));
        (y, m, d, self.micros.rem_euclid(DAY))
    }
}

/// ISO 8601 with `Z`; fractions of a second only where there are some.
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, micros) = self.fields();
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        let sign = if year < 0 { "-" } else { "" };
        write!(f, "{sign}{:04}-{month:02}-{day:02}", year.abs())?;
        write!(f, "T{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if fraction != 0 {
            write!(f, ".{}", format!("{fraction:06}").trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

/// Reads `START/END`; an end that is empty or `..` is open. A single time is a range of that instant.
///
/// # Errors
/// [`ModelError::TimeText`] for a part that is no time, [`ModelError::Invalid`] when the end comes before the start.
pub fn parse_range(text: &str) -> Result<TimeRange, ModelError> {
    let open = |part: &str| matches!(part.trim(), "" | "..");
    let end_of = |part: &str| if open(part) { Ok(None) } else { DateTime::parse(part).map(Some) };
    let Some((start, end)) = text.split_once('/') else {
        if open(text) {
            let detail = "it is empty".into();
            return Err(ModelError::TimeText { text: text.into(), detail });
        }
        let instant = Some(DateTime::parse(text)?);
        return Ok(TimeRange { start: instant, end: instant });
    };
    let range = TimeRange { start: end_of(start)?, end: end_of(end)? };
    match (range.start, range.end) {
        (Some(s), Some(e)) if s > e => {
            Err(ModelError::Invalid(format!("time range '{text}' ends before it starts; write START/END")))
        }
        _ => Ok(range),
    }
}

/// Splits a date in one of the ISO 8601 forms into fields that exist.
fn parse_date(date: &str) -> Result<(i64, u32, u32), &'static str> {
    const FORM: &str = "the date is not of the form YYYY-MM-DD";
    if !date.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return Err(FORM);
    }
    let parts: Vec<&str> = date.split('-').collect();
    let number = |s: &str| s.parse::<u32>().map_err(|_| FORM);
    let lens: Vec<usize> = parts.iter().map(|p| p.len()).collect();
    let (year, month, day) = match lens[..] {
        [4] => (number(parts[0])?, 1, 1),
        [4, 2] => (number(parts[0])?, number(parts[1])?, 1),
        [4, 2, 2] | [4, 1 | 2, 1 | 2] => (number(parts[0])?, number(parts[1])?, number(parts[2])?),
        [8] => (number(&date[..4])?, number(&date[4..6])?, number(&date[6..])?),
        [7] => return ordinal(number(&date[..4])?, number(&date[4..])?),
        [4, 3] => return ordinal(number(parts[0])?, number(parts[1])?),
        _ => return Err(FORM),
    };
    if !(1..=12).contains(&month) {
        return Err("the month is not 1 to 12");
    }
    if !Calendar::ProlepticGregorian.has(year.into(), month, day) {
        return Err("the month has no such day");
    }
    Ok((year.into(), month, day))
}

/// Year and day of the year.
fn ordinal(year: u32, day: u32) -> Result<(i64, u32, u32), &'static str> {
    let leap = Calendar::ProlepticGregorian.has(year.into(), 2, 29);
    if day < 1 || day > 365 + u32::from(leap) {
        return Err("the year has no such day");
    }
    Ok(gregorian_date(gregorian_days(year.into(), 1, 1) + i64::from(day) - 1))
}

/// Microseconds since midnight UTC of a time of day with an optional zone.
pub(super) fn parse_clock(text: &str) -> Result<i64, &'static str> {
    let (clock, zone) = split_zone(text);
    let clock = clock.trim_end();
    let (whole, fraction) = match clock.find(['.', ',']) {
        Some(at) => (&clock[..at], &clock[at + 1..]),
        None => (clock, ""),
    };
    let fields = clock_fields(whole)?;
    let micros = fraction_micros(fraction)?;
    let [hour, minute, second] = [0, 1, 2].map(|i| fields.get(i).copied().unwrap_or(0));
    if !fraction.is_empty() && fields.len() < 3 {
        return Err("only seconds may have a fraction");
    }
    if hour > 24 || minute > 59 || second > 60 || (hour == 24 && (minute, second, micros) != (0, 0, 0)) {
        return Err("the time of day does not exist");
    }
    let base = (hour * 3600 + minute * 60) * 1_000_000;
    let of_minute = if second == 60 { 59_999_999 } else { second * 1_000_000 + micros };
    Ok(base + of_minute - zone_micros(zone)?)
}

/// `hh:mm:ss` or `hhmmss` and shorter forms.
fn clock_fields(text: &str) -> Result<Vec<i64>, &'static str> {
    const FORM: &str = "the time of day is not of the form hh:mm:ss";
    let number = |s: &str| match s.len() {
        1 | 2 if s.bytes().all(|b| b.is_ascii_digit()) => s.parse::<i64>().map_err(|_| FORM),
        _ => Err(FORM),
    };
    if text.contains(':') {
        let parts: Vec<&str> = text.split(':').collect();
        return if parts.len() > 3 { Err(FORM) } else { parts.into_iter().map(number).collect() };
    }
    if !text.is_ascii() {
        return Err(FORM);
    }
    match text.len() {
        1 | 2 => Ok(vec![number(text)?]),
        4 => Ok(vec![number(&text[..2])?, number(&text[2..])?]),
        6 => Ok(vec![number(&text[..2])?, number(&text[2..4])?, number(&text[4..])?]),
        _ => Err(FORM),
    }
}

/// Digits after the point as microseconds; further ones round.
fn fraction_micros(digits: &str) -> Result<i64, &'static str> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err("the fraction of a second is not a number");
    }
    if digits.is_empty() {
        return Ok(0);
    }
    let value: f64 = format!("0.{digits}").parse().map_err(|_| "the fraction of a second is not a number")?;
    Ok((value * 1e6).round() as i64)
}

/// Cuts a time of day before its zone. A sign starts a zone, as does a letter or a second word.
fn split_zone(text: &str) -> (&str, &str) {
    let at = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.' | ','))).unwrap_or(text.len());
    text.split_at(at)
}

/// Microseconds that a zone is east of UTC. Empty, `Z`, `UTC`, `GMT`, `+hh`, `±hhmm`, `±h:mm`; a bare `0` as HDF-EOS
/// units have it.
fn zone_micros(zone: &str) -> Result<i64, &'static str> {
    const FORM: &str = "the time zone is not understood: write Z or +hh:mm";
    let mut zone = zone.trim();
    for name in ["UTC", "GMT", "Z"] {
        if zone.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)) {
            zone = zone[name.len()..].trim_start();
            break;
        }
    }
    if zone.is_empty() {
        return Ok(0);
    }
    let (sign, digits) = match zone.strip_prefix('-').or_else(|| zone.strip_prefix('\u{2212}')) {
        Some(rest) => (-1, rest),
        None => (1, zone.strip_prefix('+').unwrap_or(zone)),
    };
    let fields = match (digits.len(), digits.contains(':')) {
        // `-330`: hours have one digit.
        (3, false) if digits.is_ascii() => {
            let mut f = clock_fields(&digits[..1])?;
            f.extend(clock_fields(&digits[1..])?);
            f
        }
        _ => clock_fields(digits).map_err(|_| FORM)?,
    };
    let [hour, minute] = [0, 1].map(|i| fields.get(i).copied().unwrap_or(0));
    if hour > 15 || minute > 59 {
        return Err(FORM);
    }
    Ok(sign * (hour * 60 + minute) * 60_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(text: &str) -> String {
        DateTime::parse(text).unwrap().to_string()
    }

    #[test]
    fn every_form_that_clients_send_is_read() {
        let six = "2020-01-15T06:00:00Z";
        for text in [
            "2020-01-15T06:00:00Z",
            "2020-01-15T06:00:00",
            "2020-01-15T06:00Z",
            "2020-01-15t06",
            "2020-01-15 06:00:00.000",
            "2020-01-15T06:00:00,0Z",
            "20200115T060000Z",
            "20200115T0600",
            "2020-015T06:00:00Z",
            "2020015T06",
            "2020-01-15T08:00:00+02:00",
            "2020-01-15T08:00:00+0200",
            "2020-01-15T08:00:00+02",
            "2020-01-15T02:30:00-03:30",
            "2020-01-15 06:00:00 UTC",
            "2020-01-15T06:00:00 +0:00",
            " 2020-1-15T6:0:0Z ",
        ] {
            assert_eq!(iso(text), six, "{text}");
        }
        assert_eq!(iso("2020"), "2020-01-01T00:00:00Z");
        assert_eq!(iso("2020-03"), "2020-03-01T00:00:00Z");
        assert_eq!(iso("2020-03-05"), "2020-03-05T00:00:00Z");
        assert_eq!(iso("2020-12-31T24:00:00Z"), "2021-01-01T00:00:00Z");
        assert_eq!(iso("2020-01-01T00:00:00+01:00"), "2019-12-31T23:00:00Z");
    }

    #[test]
    fn fractions_are_kept_to_the_microsecond() {
        assert_eq!(iso("2018-10-14T00:26:50.797Z"), "2018-10-14T00:26:50.797Z");
        assert_eq!(iso("2018-10-14T00:26:50.1234567Z"), "2018-10-14T00:26:50.123457Z");
        assert_eq!(iso("1969-12-31T23:59:59.5Z"), "1969-12-31T23:59:59.5Z");
        assert_eq!(DateTime::parse("1969-12-31T23:59:59.5Z").unwrap().micros, -500_000);
    }

    #[test]
    fn a_leap_second_is_the_end_of_its_minute() {
        assert_eq!(iso("2016-12-31T23:59:60Z"), "2016-12-31T23:59:59.999999Z");
    }

    #[test]
    fn what_is_no_time_is_named() {
        for text in [
            "",
            "yesterday",
            "2020-13-01",
            "2020-02-30",
            "2020-01-01T25:00",
            "2020-01-01T00:61",
            "20-01-01",
            "2020-366T",
            "2019-366",
            "2020-01-01T00:00:00+99:00",
            "2020-01-01T1:2:3:4",
            "２０２０",
            "2020-01-01Té",
            "2020-01-01T06.5",
        ] {
            if text == "2020-366T" {
                assert_eq!(iso(text), "2020-12-31T00:00:00Z");
                continue;
            }
            let error = DateTime::parse(text).expect_err(text);
            assert!(error.to_string().contains("ISO 8601"), "{error}");
        }
    }

    #[test]
    fn ranges_have_open_ends() {
        let range = parse_range("2020-01-01/2020-01-02").unwrap();
        assert_eq!(range.start, DateTime::parse("2020-01-01").ok());
        assert_eq!(range.end, DateTime::parse("2020-01-02").ok());
        assert_eq!(parse_range("../2020").unwrap().start, None);
        assert_eq!(parse_range("2020/").unwrap().end, None);
        assert_eq!(parse_range("../..").unwrap(), TimeRange::default());
        let instant = parse_range("2020-01-01T06:00:00Z").unwrap();
        assert_eq!(instant.start, instant.end);
        assert!(parse_range("2021/2020").unwrap_err().to_string().contains("before"));
        assert!(parse_range("").is_err() && parse_range("2020/x").is_err());
    }
}
