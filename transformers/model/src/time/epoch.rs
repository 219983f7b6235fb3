//! Reference dates of time units, in the many spellings that files have.

use super::calendar::Calendar;
use super::text::parse_clock;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Reads the reference date of a unit: seconds since 1970-01-01 in the day count of `calendar`.
///
/// `1990-1-1`, `1990-01-01T00:00:00Z`, `1-1-1 00:00:0.0`, `19900101`, `Jan 1, 1990`, `1-JAN-1990 00:00:00`,
/// `-4712-01-01 12:00`, with zones as in ISO 8601.
///
/// # Errors
/// A sentence about what is wrong.
pub(super) fn parse(text: &str, calendar: Calendar) -> Result<f64, String> {
    let text = text.trim().trim_end_matches('.');
    let ((year, month, day), rest) = split_date(text).ok_or_else(|| format!("'{text}' is not a date"))?;
    if !calendar.has(year, month, day) {
        return Err(format!("there is no {year:04}-{month:02}-{day:02} in calendar '{}'", calendar.name()));
    }
    let rest = rest.trim_start_matches(['T', 't', ' ', ':', ',', '_']).trim_end();
    let micros = if rest.is_empty() { 0 } else { parse_clock(rest)? };
    Ok(calendar.days(year, month, day) as f64 * 86_400.0 + micros as f64 / 1e6)
}

type Date = (i64, u32, u32);

/// The date at the beginning, and what follows it.
fn split_date(text: &str) -> Option<(Date, &str)> {
    let (negative, body) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (words, rest) = date_words(body)?;
    let (year, month, day) = order_fields(&words)?;
    Some(((if negative { -year } else { year }, month, day), rest))
}

/// One part of a date: a number with its count of digits, or a month.
enum Word {
    Number(i64, usize),
    Month(u32),
}

/// Up to three parts, separated by `-`, `/`, blanks or commas. A blank ends the date once a day is known.
fn date_words(text: &str) -> Option<(Vec<Word>, &str)> {
    let mut words = Vec::new();
    let mut rest = text;
    while words.len() < 3 {
        let numeric = rest.starts_with(|c: char| c.is_ascii_digit());
        let end = rest
            .find(|c: char| if numeric { !c.is_ascii_digit() } else { !c.is_ascii_alphabetic() })
            .unwrap_or(rest.len());
        let (head, tail) = rest.split_at(end);
        if numeric {
            words.push(Word::Number(head.parse().ok().filter(|n| *n <= 99_999_999)?, head.len()));
        } else {
            let name = head.get(..3)?.to_ascii_lowercase();
            words.push(Word::Month(MONTHS.iter().position(|m| *m == name)? as u32 + 1));
        }
        rest = tail;
        let named = words.iter().any(|w| matches!(w, Word::Month(_)));
        let joined = tail.starts_with(['-', '/']) || (tail.starts_with('.') && words.len() < 2);
        // `2000-01 …` and `20000101 …` end at a blank, `Jan 1, 2000` goes on.
        let goes_on = joined || (named && tail.starts_with([' ', ','])) || first_of_named(&words, tail);
        if words.len() == 3 || !goes_on {
            break;
        }
        rest = tail.trim_start_matches(['-', '/', ' ', ',', '.']);
    }
    Some((words, rest))
}

/// `1 Jan 2000`: a day, a blank, a letter that is not the `T` of a time.
fn first_of_named(words: &[Word], tail: &str) -> bool {
    matches!(words, [Word::Number(..)])
        && tail.strip_prefix(' ').is_some_and(|t| {
            t.get(..3).is_some_and(|name| MONTHS.contains(&name.to_ascii_lowercase().as_str()))
        })
}

/// Year, month and day out of the parts, by their form.
fn order_fields(words: &[Word]) -> Option<Date> {
    use Word::{Month, Number};
    let small = |n: i64| u32::try_from(n).ok();
    match *words {
        [Number(n, 8)] => Some((n / 10_000, small(n / 100 % 100)?, small(n % 100)?)),
        [Number(y, _)] => Some((y, 1, 1)),
        [Number(y, _), Number(m, _)] => Some((y, small(m)?, 1)),
        [Number(y, _), Month(m)] | [Month(m), Number(y, _)] => Some((y, m, 1)),
        [Number(y, _), Number(m, _), Number(d, _)] => Some((y, small(m)?, small(d)?)),
        [Month(m), Number(d, _), Number(y, _)] => Some((y, m, small(d)?)),
        // `2000-JAN-01` has the year first, `1-JAN-2000` the day.
        [Number(y, len), Month(m), Number(d, _)] if len > 2 => Some((y, m, small(d)?)),
        [Number(d, _), Month(m), Number(y, _)] => Some((y, m, small(d)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> f64 {
        parse(text, Calendar::Standard).unwrap()
    }

    #[test]
    fn spellings_of_2000_01_01() {
        for text in [
            "2000-01-01",
            "2000-1-1",
            "2000-01-01 00:00:00",
            "2000-01-01 00:00:0.0",
            "2000-01-01 0:0:0",
            "2000-01-01T00:00:00Z",
            "2000-01-01T00:00:00.000000Z",
            "2000-01-01 00:00:00 UTC",
            "2000-01-01 00:00:00 GMT",
            "2000-01-01 00:00:00 +0:00",
            "2000-01-01 00:00:00 -0000",
            "2000-01-01 00:00:00.0 0",
            "2000-01-01 00",
            "2000-01-01 06:00 +6:00",
            "1999-12-31 18:00 -0600",
            "20000101",
            "20000101 00:00",
            "2000/01/01",
            "Jan 1, 2000",
            "January 1 2000 00:00",
            "1 Jan 2000",
            "1-JAN-2000 00:00:00",
            "01-JAN-2000:00:00:00",
            "2000-JAN-01",
            "2000",
            "2000-01",
        ] {
            assert_eq!(seconds(text), 946_684_800.0, "{text}");
        }
    }

    #[test]
    fn early_and_fractional_epochs() {
        assert_eq!(seconds("1-1-1 00:00:0.0"), -62_135_769_600.0);
        assert_eq!(seconds("0001-01-01 00:00:00"), -62_135_769_600.0);
        assert_eq!(seconds("1970-01-01 00:00:00.25"), 0.25);
        // Julian day 0.
        assert_eq!(seconds("-4712-01-01 12:00:00"), -2_440_587.5 * 86_400.0);
        assert_eq!(parse("2000-02-30", Calendar::Day360), Ok((30.0 * 360.0 + 59.0) * 86_400.0));
    }

    #[test]
    fn what_is_no_date_is_said() {
        for text in
            ["", "launch", "2000-13-01", "2000-02-30", "2000-01-01 25:00", "99999999999999999999", "1-x-1"]
        {
            assert!(parse(text, Calendar::Standard).is_err(), "{text}");
        }
    }
}
