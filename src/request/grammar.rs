//! The small languages of request parameters. Every error names the text and shows a right example.

use harmony_model::ModelError;
use harmony_model::geometry::Bbox;
use harmony_model::request::{Comparison, DimensionExtent, DimensionRange, FilterRule, Request, TimeRange};
use harmony_model::time::{self, DateTime};

fn wrong(text: &str, what: &str, detail: impl std::fmt::Display, example: &str) -> ModelError {
    ModelError::Invalid(format!("'{text}' is not {what}: {detail}; {example}"))
}

/// `W,S,E,N` in degrees (or six numbers with heights, which are not used).
///
/// # Errors
/// [`ModelError::Invalid`] for what is not a box.
pub fn parse_bbox(text: &str) -> Result<Bbox, ModelError> {
    Bbox::parse(text)
}

/// `LON,LAT` in degrees; longitudes of −180…180 or 0…360.
///
/// # Errors
/// [`ModelError::Invalid`] for what is not a place on Earth.
pub fn parse_point(text: &str) -> Result<(f64, f64), ModelError> {
    let error = |detail: String| {
        wrong(text, "a place", detail, "write LON,LAT in degrees, for example -118.28,34.03")
    };
    let (lon, lat) = text.split_once(',').ok_or_else(|| error("it has no comma".into()))?;
    let (lon, lat) = (number(lon).map_err(error)?, number(lat).map_err(error)?);
    if !(-180.0..=360.0).contains(&lon) {
        return Err(error(format!("longitude {lon} is not between -180 and 360")));
    }
    if !(-90.0..=90.0).contains(&lat) {
        return Err(error(format!("latitude {lat} is not between -90 and 90")));
    }
    Ok((lon, lat))
}

/// A finite number; the error is the detail of a message.
fn number(text: &str) -> Result<f64, String> {
    let text = text.trim();
    text.parse::<f64>().ok().filter(|v| v.is_finite()).ok_or_else(|| format!("'{text}' is not a number"))
}

/// A finite number, or `None` for `*`.
fn open_number(text: &str) -> Result<Option<f64>, String> {
    if text.trim() == "*" { Ok(None) } else { number(text).map(Some) }
}

/// One `subset` parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Subset {
    /// `lat(…)`: south and north in degrees.
    Latitude(f64, f64),
    /// `lon(…)`: west and east in degrees; west > east crosses the antimeridian.
    Longitude(f64, f64),
    Time(TimeRange),
    Dimension(DimensionRange),
}

const SUBSET_EXAMPLE: &str = "write AXIS(MIN:MAX) by value or AXIS[FIRST:LAST] by index, with * for an open end, for \
                              example lat(-10:10), lev(500:*), time(\"2020-01-01T00:00:00Z\":*) or step[0:3]";

/// `AXIS(MIN:MAX)`, `AXIS(VALUE)`, `AXIS[FIRST:LAST]`, `AXIS[INDEX]`, `time("START":"END")`; `*` is an open end.
///
/// `lat`, `lon` and `time` (exactly) are the axes of the Coverages grammar; any other name is a dimension. Times may
/// go without quotes: shells take them away.
///
/// # Errors
/// [`ModelError::Invalid`] for another form, a number that isn't one, a reversed range (`lon` may be: it crosses the
/// antimeridian) or a place off the Earth.
pub fn parse_subset(text: &str) -> Result<Subset, ModelError> {
    let error = |detail: String| wrong(text, "a subset", detail, SUBSET_EXAMPLE);
    let trimmed = text.trim();
    let bracket = |open: char, close: char| {
        trimmed
            .strip_suffix(close)
            .and_then(|t| t.rsplit_once(open))
            .map(|(name, inside)| (name.trim(), inside.trim()))
    };
    let (name, inside, by_index) = bracket('(', ')')
        .map(|(n, i)| (n, i, false))
        .or_else(|| bracket('[', ']').map(|(n, i)| (n, i, true)))
        .ok_or_else(|| error("it has no range in parentheses or brackets".into()))?;
    if name.is_empty() {
        return Err(error("the axis has no name".into()));
    }
    if by_index {
        let extent = index_extent(inside).map_err(error)?;
        return Ok(Subset::Dimension(DimensionRange { name: name.into(), extent }));
    }
    match name {
        "time" => subset_times(inside).map(Subset::Time).map_err(|e| error(e.to_string())),
        "lat" => {
            let (min, max) = value_extent(inside, false).map_err(error)?;
            degrees(min, max, 90.0, 90.0).map(|(s, n)| Subset::Latitude(s, n)).map_err(error)
        }
        "lon" => {
            let (min, max) = value_extent(inside, true).map_err(error)?;
            degrees(min, max, 180.0, 360.0).map(|(w, e)| Subset::Longitude(w, e)).map_err(error)
        }
        _ => {
            let (min, max) = value_extent(inside, false).map_err(error)?;
            Ok(Subset::Dimension(DimensionRange {
                name: name.into(),
                extent: DimensionExtent::Values { min, max },
            }))
        }
    }
}

fn value_extent(inside: &str, may_reverse: bool) -> Result<(Option<f64>, Option<f64>), String> {
    let (min, max) = match inside.split_once(':') {
        Some((min, max)) => (open_number(min)?, open_number(max)?),
        None => open_number(inside).map(|v| (v, v))?,
    };
    if let (Some(min), Some(max)) = (min, max)
        && min > max
        && !may_reverse
    {
        return Err(format!("its minimum {min} is greater than its maximum {max}"));
    }
    Ok((min, max))
}

/// Open ends become ±`open`; both must be within ±`limit`.
fn degrees(min: Option<f64>, max: Option<f64>, open: f64, limit: f64) -> Result<(f64, f64), String> {
    let (min, max) = (min.unwrap_or(-open), max.unwrap_or(open));
    match [min, max].into_iter().find(|v| v.abs() > limit) {
        Some(v) => Err(format!("{v} is not between -{limit} and {limit} degrees")),
        None => Ok((min, max)),
    }
}

fn index_extent(inside: &str) -> Result<DimensionExtent, String> {
    let index = |text: &str| match text.trim() {
        "*" => Ok(None),
        text => text.parse::<u64>().map(Some).map_err(|_| format!("'{text}' is not an index (0, 1, 2 …)")),
    };
    let (first, last) = match inside.split_once(':') {
        Some((first, last)) => (index(first)?, index(last)?),
        None => index(inside).map(|v| (v, v))?,
    };
    match (first, last) {
        (Some(a), Some(b)) if a > b => Err(format!("its first index {a} is greater than its last {b}")),
        _ => Ok(DimensionExtent::Indices { first, last }),
    }
}

/// The inside of `time(…)`.
fn subset_times(inside: &str) -> Result<TimeRange, ModelError> {
    let end_of = |text: &str| -> Result<Option<DateTime>, ModelError> {
        let text = text.trim();
        let bare = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
        if text == "*" { Ok(None) } else { DateTime::parse(bare).map(Some) }
    };
    // A colon separates the ends and is in times too: the one with a time on either side.
    let split = inside
        .match_indices(':')
        .find_map(|(at, _)| Some((end_of(&inside[..at]).ok()?, end_of(&inside[at + 1..]).ok()?)));
    let (start, end) = match split {
        Some(ends) => ends,
        None => {
            // The right error is that of the part that isn't a time.
            if let Some((start, end)) = inside.split_once("\":").map(|(s, e)| (format!("{s}\""), e)) {
                (end_of(&start)?, end_of(end)?)
            } else if let Some(end) = inside.strip_prefix("*:") {
                (None, end_of(end)?)
            } else {
                end_of(inside).map(|t| (t, t))?
            }
        }
    };
    ordered(start, end)
}

/// A time range whose start is not after its end.
///
/// # Errors
/// [`ModelError::Invalid`] when it is.
pub fn ordered(start: Option<DateTime>, end: Option<DateTime>) -> Result<TimeRange, ModelError> {
    match (start, end) {
        (Some(a), Some(b)) if a > b => Err(ModelError::Invalid("its start is after its end".into())),
        _ => Ok(TimeRange { start, end }),
    }
}

/// `START/END` in ISO 8601; `..` is an open end.
///
/// # Errors
/// [`ModelError::TimeText`] or [`ModelError::Invalid`] for what is not a time, or a reversed range.
pub fn parse_time_range(text: &str) -> Result<TimeRange, ModelError> {
    let range = time::parse_range(text)?;
    ordered(range.start, range.end).map_err(|e| {
        wrong(
            text,
            "a time range",
            e,
            "write START/END, for example 2020-01-15T06:00:00Z/2020-01-16T00:00:00Z or ../2020-02-01",
        )
    })
}

/// `VARIABLE <= VALUE` with one of `<  <=  =  ==  !=  >=  >`.
///
/// # Errors
/// [`ModelError::Invalid`] for another form.
pub fn parse_filter(text: &str) -> Result<FilterRule, ModelError> {
    let error = |detail: String| {
        wrong(text, "a filter", detail, "write VARIABLE COMPARISON VALUE, for example quality_flag <= 1")
    };
    let at = text
        .find(['<', '>', '=', '!'])
        .ok_or_else(|| error("it has no comparison (< <= == != >= >)".into()))?;
    let (variable, rest) = (text[..at].trim(), &text[at..]);
    let sign_end = rest.find(|c| !matches!(c, '<' | '>' | '=' | '!')).unwrap_or(rest.len());
    let comparison = match &rest[..sign_end] {
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        "=" | "==" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        ">=" => Comparison::GreaterOrEqual,
        ">" => Comparison::Greater,
        other => return Err(error(format!("'{other}' is not a comparison (< <= == != >= >)"))),
    };
    if variable.is_empty() {
        return Err(error("it names no variable".into()));
    }
    let value = number(&rest[sign_end..]).map_err(error)?;
    Ok(FilterRule { variable: variable.into(), comparison, value })
}

/// Bytes from `2GiB`, `512 MiB`, `1.5GB`, `64k` or `1048576`. Without `i` a prefix is a power of 1000.
///
/// # Errors
/// [`ModelError::Invalid`] for another form, a size below one byte or above 2⁶³.
pub fn parse_size(text: &str) -> Result<u64, ModelError> {
    let error = |detail: String| {
        wrong(text, "a size", detail, "write a number and a unit, for example 2GiB or 512MiB")
    };
    let trimmed = text.trim();
    let unit_at = trimmed.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(trimmed.len());
    let (value, unit) =
        (number(&trimmed[..unit_at]).map_err(error)?, trimmed[unit_at..].to_ascii_lowercase());
    let prefix = unit.strip_suffix('b').unwrap_or(&unit);
    let (prefix, base) = match prefix.strip_suffix('i') {
        Some(prefix) => (prefix, 1024f64),
        None => (prefix, 1000f64),
    };
    let power = match prefix {
        "" if base == 1000.0 => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return Err(error(format!("'{unit}' is not a unit (B, KiB, MiB, GiB, TiB, kB, MB, GB, TB)"))),
    };
    let bytes = value * base.powi(power);
    if !(1.0..9.2e18).contains(&bytes) {
        return Err(error("it is less than one byte or more than 8 EiB".into()));
    }
    Ok(bytes as u64)
}

/// Several `subset` parameters together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subsets {
    pub lat: Option<(f64, f64)>,
    pub lon: Option<(f64, f64)>,
    pub time: Option<TimeRange>,
    pub dimensions: Vec<DimensionRange>,
}

impl Subsets {
    /// From their texts.
    ///
    /// # Errors
    /// As [`parse_subset`], or when an axis comes twice.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, ModelError> {
        let mut subsets = Subsets::default();
        for text in texts {
            subsets.add(text)?;
        }
        Ok(subsets)
    }

    fn add(&mut self, text: &str) -> Result<(), ModelError> {
        let twice = |old: bool| {
            if old {
                Err(wrong(text, "a further subset", "its axis was given before", "give each axis once"))
            } else {
                Ok(())
            }
        };
        match parse_subset(text)? {
            Subset::Latitude(s, n) => twice(self.lat.replace((s, n)).is_some()),
            Subset::Longitude(w, e) => twice(self.lon.replace((w, e)).is_some()),
            Subset::Time(range) => twice(self.time.replace(range).is_some()),
            Subset::Dimension(d) => {
                let old = self.dimensions.iter().any(|o| o.name == d.name);
                self.dimensions.push(d);
                twice(old)
            }
        }
    }

    /// The box of the `lat` and `lon` subsets; the one that is missing is not limited.
    ///
    /// # Errors
    /// As [`Bbox::new`].
    pub fn bbox(&self) -> Result<Option<Bbox>, ModelError> {
        if self.lat.is_none() && self.lon.is_none() {
            return Ok(None);
        }
        let ((s, n), (w, e)) = (self.lat.unwrap_or((-90.0, 90.0)), self.lon.unwrap_or((-180.0, 180.0)));
        Bbox::new(w, s, e, n).map(Some)
    }

    /// Adds them to a request.
    ///
    /// # Errors
    /// When the request has a time range or a box already: which one is meant is not ours to guess.
    pub fn apply(self, request: &mut Request) -> Result<(), ModelError> {
        if let Some(bbox) = self.bbox()? {
            if !request.bbox.is_empty() {
                return Err(ModelError::Invalid(
                    "both a box and lat/lon subsets are given; give one of them".into(),
                ));
            }
            request.bbox.push(bbox);
        }
        if let Some(range) = self.time.filter(|r| *r != TimeRange::default())
            && request.time.replace(range).is_some()
        {
            return Err(ModelError::Invalid(
                "both a time range and a time subset are given; give one of them".into(),
            ));
        }
        request.dimensions.extend(self.dimensions);
        Ok(())
    }
}

#[cfg(test)]
#[path = "grammar_tests.rs"]
mod tests;
