//! `subset` and `point` of the Coverages API, with the messages of the reference service.

use harmony_model::time::DateTime;

use super::refusal::Refusal;
use crate::request::operation::{Dimension, Temporal};

/// All `subset` parameters together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subsets {
    pub lat: Option<(f64, f64)>,
    pub lon: Option<(f64, f64)>,
    pub time: Option<Temporal>,
    pub dimensions: Vec<Dimension>,
}

type Ends = (Option<f64>, Option<f64>);

fn wrong(message: impl std::fmt::Display) -> Refusal {
    Refusal::parameter("subset", message)
}

fn of_dimension(name: &str, what: impl std::fmt::Display) -> Refusal {
    wrong(format!("subset dimension \"{name}\" {what}"))
}

impl Subsets {
    /// Reads the values, one axis each.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] naming the axis.
    pub fn parse(values: &[String]) -> Result<Self, Refusal> {
        let mut out = Subsets::default();
        let mut seen = std::collections::HashSet::new();
        for value in values.iter().filter(|v| !v.trim().is_empty()) {
            let (name, inside) = value
                .trim()
                .strip_suffix(')')
                .and_then(|v| v.rsplit_once('('))
                .filter(|(name, _)| !name.trim().is_empty())
                .ok_or_else(|| wrong(format!("unable to parse subset dimension from value \"{value}\"")))?;
            let name = name.trim();
            if !seen.insert(name.to_owned()) {
                return Err(of_dimension(name, "was specified multiple times"));
            }
            out.add(name, inside)?;
        }
        Ok(out)
    }

    fn add(&mut self, name: &str, inside: &str) -> Result<(), Refusal> {
        match name {
            "lat" => {
                let ends = within(name, numbers(name, inside)?, 90.0)?;
                ordered(name, ends.0, ends.1)?;
                self.lat = Some(ends);
            }
            "lon" => self.lon = Some(within(name, numbers(name, inside)?, 180.0)?),
            "time" => self.time = times(inside)?,
            _ => {
                let (min, max) = numbers(name, inside)?;
                ordered(name, min.unwrap_or(f64::NEG_INFINITY), max.unwrap_or(f64::INFINITY))?;
                self.dimensions.push(Dimension { name: name.into(), min, max });
            }
        }
        Ok(())
    }

    /// The box of `lat` and `lon`: west, south, east, north; the one that is missing is not limited.
    pub fn bbox(&self) -> Option<[f64; 4]> {
        if self.lat.is_none() && self.lon.is_none() {
            return None;
        }
        let ((south, north), (west, east)) =
            (self.lat.unwrap_or((-90.0, 90.0)), self.lon.unwrap_or((-180.0, 180.0)));
        Some([west, south, east, north])
    }
}

/// `min:max` with `*` for an open end.
fn numbers(name: &str, inside: &str) -> Result<Ends, Refusal> {
    let (min, max) = inside
        .split_once(':')
        .map(|(a, b)| (a.trim(), b.trim()))
        .filter(|(a, b)| !a.is_empty() && !b.is_empty() && !b.contains(':'))
        .ok_or_else(|| of_dimension(name, "could not be parsed"))?;
    let end = |text: &str| match text {
        "*" => Ok(None),
        text => text
            .parse::<f64>()
            .ok()
            .filter(|v| v.is_finite())
            .map(Some)
            .ok_or_else(|| of_dimension(name, format!("has an invalid numeric value \"{text}\""))),
    };
    Ok((end(min)?, end(max)?))
}

fn within(name: &str, (min, max): Ends, limit: f64) -> Result<(f64, f64), Refusal> {
    let ends = (min.unwrap_or(-limit), max.unwrap_or(limit));
    if ends.0 < -limit || ends.1 < -limit {
        return Err(of_dimension(name, format!("values must be greater than -{limit}")));
    }
    if ends.0 > limit || ends.1 > limit {
        return Err(of_dimension(name, format!("values must be less than {limit}")));
    }
    Ok(ends)
}

fn ordered<T: PartialOrd>(name: &str, min: T, max: T) -> Result<(), Refusal> {
    if min > max { Err(of_dimension(name, "values must be ordered from low to high")) } else { Ok(()) }
}

/// The inside of `time(…)`; `None`: not limited.
fn times(inside: &str) -> Result<Option<Temporal>, Refusal> {
    let inside = inside.trim();
    let (start, end) = match inside {
        "*" => (None, None),
        _ => match pair(inside) {
            Some((start, end)) => (start.map(instant).transpose()?, end.map(instant).transpose()?),
            None => {
                let text = quoted(inside).ok_or_else(|| of_dimension("time", "could not be parsed"))?;
                let time = instant(text)?;
                (Some(time), Some(time))
            }
        },
    };
    if let (Some(start), Some(end)) = (start, end) {
        ordered("time", start, end)?;
    }
    let temporal = Temporal { start: start.map(milliseconds), end: end.map(milliseconds) };
    Ok((temporal != Temporal::default()).then_some(temporal))
}

fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.strip_suffix('"')
}

/// `start:end`, each quoted or `*`. Colons are in times too: the one that has an end on either side.
fn pair(inside: &str) -> Option<(Option<&str>, Option<&str>)> {
    let end = |text: &str| if text == "*" { Some(None) } else { None };
    inside.match_indices(':').find_map(|(at, _)| {
        let (a, b) = (inside[..at].trim(), inside[at + 1..].trim());
        let start = end(a).or_else(|| quoted(a).map(Some))?;
        let stop = end(b).or_else(|| quoted(b).map(Some))?;
        Some((start, stop))
    })
}

fn instant(text: &str) -> Result<DateTime, Refusal> {
    DateTime::parse(text).map_err(|_| of_dimension("time", format!("has an invalid date time \"{text}\"")))
}

/// `YYYY-MM-DDTHH:MM:SS.mmmZ`
fn milliseconds(time: DateTime) -> String {
    let (year, month, day, micros) = time.fields();
    let ms = micros / 1000;
    let (s, ms) = (ms / 1000, ms % 1000);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{ms:03}Z", s / 3600, s / 60 % 60, s % 60)
}

/// A place: lon, lat.
///
/// # Errors
/// [`Refusal::Invalid`] in the reference's words, which say `subset`.
pub fn point(values: &[String]) -> Result<[f64; 2], Refusal> {
    let text = values.join(",");
    let parts: Vec<&str> = text.split(',').collect();
    let [lon, lat] = parts[..] else {
        return Err(wrong(format!("should have 2 values in \"point\" but received \"{text}\" instead.")));
    };
    let coordinate = |name: &str, text: &str, limit: f64| {
        let value = text.trim().parse::<f64>().ok().filter(|v| v.is_finite());
        let value = value
            .ok_or_else(|| wrong(format!("dimension \"{name}\" has an invalid numeric value \"{text}\"")))?;
        if value.abs() > limit {
            return Err(wrong(format!("dimension \"{name}\" value must be between -{limit} and {limit}")));
        }
        Ok(value)
    };
    Ok([coordinate("lon", lon, 180.0)?, coordinate("lat", lat, 90.0)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(texts: &[&str]) -> Result<Subsets, Refusal> {
        Subsets::parse(&texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn axes_and_open_ends() {
        let s = parse(&["lat(-10:*)", "my lev (0:1e3)", "time(*)"]).unwrap();
        assert_eq!(s.bbox(), Some([-180.0, -10.0, 180.0, 90.0]));
        assert_eq!(s.dimensions, [Dimension { name: "my lev".into(), min: Some(0.0), max: Some(1000.0) }]);
        assert_eq!(s.time, None);
        let s = parse(&["lon(10:-10.5)", "time(\"2020\":*)"]).unwrap();
        assert_eq!(s.bbox(), Some([10.0, -90.0, -10.5, 90.0]));
        assert_eq!(s.time, Some(Temporal { start: Some("2020-01-01T00:00:00.000Z".into()), end: None }));
    }

    #[test]
    fn messages_name_the_axis() {
        for (text, message) in [
            ("lat(-10:10", "unable to parse subset dimension from value \"lat(-10:10\""),
            ("lat(-10)", "subset dimension \"lat\" could not be parsed"),
            ("lat(:10)", "subset dimension \"lat\" could not be parsed"),
            ("x(abc:1)", "subset dimension \"x\" has an invalid numeric value \"abc\""),
            ("x(nan:1)", "subset dimension \"x\" has an invalid numeric value \"nan\""),
            ("time(\"a\":)", "subset dimension \"time\" could not be parsed"),
            ("time(\"a\"\"b\")", "subset dimension \"time\" has an invalid date time \"a\"\"b\""),
            ("lat(5:1)", "subset dimension \"lat\" values must be ordered from low to high"),
        ] {
            assert_eq!(
                parse(&[text]).unwrap_err().to_string(),
                format!("query parameter \"subset\" {message}")
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_gives_an_answer(text in "(lat|lon|time|x|)[(\"0-9:*.TZé,) -]{0,30}") {
            let _ = (parse(&[&text]), point(&[text]));
        }
    }
}
