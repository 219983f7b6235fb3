//! Which plane of a variable is shown: times and other axes.

use harmony_formats::raster::Raster;
use harmony_model::time::DateTime;

use super::MapError;

/// A point or stretch of time, in seconds since 1970, both ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instant {
    pub start: f64,
    pub end: f64,
}

/// Times that are wanted; none: the newest of each granule.
pub type TimeWish = Vec<Instant>;

/// Steps of an interval that are told apart.
const MAX_STEPS: usize = 1000;

impl Instant {
    /// Whether the time lies in it.
    pub fn holds(&self, seconds: f64) -> bool {
        seconds >= self.start - 1e-6 && seconds <= self.end + 1e-6
    }

    fn distance(&self, seconds: f64) -> f64 {
        (self.start - seconds).max(seconds - self.end).max(0.0)
    }

    /// As RFC 3339.
    pub fn bounds(&self) -> [String; 2] {
        [text(self.start), text(self.end)]
    }
}

fn text(seconds: f64) -> String {
    DateTime::from_seconds(seconds).map_or_else(String::new, |t| t.to_string())
}

/// The time that a text of an axis is, in seconds.
pub fn time_of(value: &str) -> Option<f64> {
    // A number alone is a value of some other axis.
    if !value.contains('-') || value.len() < 8 || value.parse::<f64>().is_ok() {
        return None;
    }
    DateTime::parse(value).ok().map(DateTime::seconds)
}

/// Reads `TIME`: instants, `start/end`, `start/end/period`, lists of them, `current`. A date without a time of day is
/// the whole day, a month the whole month.
///
/// # Errors
/// The part that is not a time, and what one looks like.
pub fn parse_times(text: &str) -> Result<TimeWish, String> {
    let mut out = Vec::new();
    for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        if part.eq_ignore_ascii_case("current") || part.eq_ignore_ascii_case("default") {
            return Ok(Vec::new());
        }
        let wrong = || {
            format!(
                "TIME '{}' is not a time; write 2020-01-01, 2020-01-01T12:00:00Z or start/end",
                part.chars().take(80).collect::<String>()
            )
        };
        let mut ends = part.split('/');
        let (first, last) = (ends.next().unwrap_or_default(), ends.next());
        let start = whole(first).ok_or_else(wrong)?;
        let end = match last {
            Some(last) => whole(last).ok_or_else(wrong)?,
            None => start,
        };
        if end.end < start.start {
            return Err(format!("TIME '{part}' ends before it begins; write start/end"));
        }
        if out.len() >= MAX_STEPS {
            return Err(format!("TIME has more than {MAX_STEPS} parts; ask for an interval start/end"));
        }
        out.push(Instant { start: start.start, end: end.end });
    }
    Ok(out)
}

/// The stretch of time that a text of any precision stands for.
fn whole(text: &str) -> Option<Instant> {
    let text = text.trim();
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let seconds = |t: &str| DateTime::parse(t).ok().map(DateTime::seconds);
    // A year or a month: up to the last moment before the next one.
    if text.len() == 4 && digits(text) {
        let year: u32 = text.parse().ok()?;
        let next = seconds(&format!("{:04}-01-01T00:00:00Z", year + 1))?;
        return Some(Instant { start: seconds(&format!("{text}-01-01T00:00:00Z"))?, end: next - 0.001 });
    }
    if let (7, Some((year, month))) = (text.len(), text.split_once('-')) {
        let (year, month): (u32, u32) = (year.parse().ok()?, month.parse().ok()?);
        let (y, m) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        let next = seconds(&format!("{y:04}-{m:02}-01T00:00:00Z"))?;
        return Some(Instant { start: seconds(&format!("{text}-01T00:00:00Z"))?, end: next - 0.001 });
    }
    let start = seconds(text)?;
    let is_day = text.len() == 10 && !text.contains('T');
    Some(Instant { start, end: if is_day { start + 86_400.0 - 0.001 } else { start } })
}

/// Values that are wanted along other axes than time.
pub type AxisWishes = Vec<(String, String)>;

/// Names of axes that `ELEVATION` may mean, in lower case.
const VERTICAL: [&str; 14] = [
    "elevation",
    "level",
    "lev",
    "levels",
    "depth",
    "altitude",
    "height",
    "pressure",
    "plev",
    "z",
    "layer",
    "isobaric",
    "sigma",
    "alt",
];

/// What WMS calls an axis: `elevation` is the vertical one.
pub fn dimension_name(axis: &str) -> &str {
    if is_vertical(axis) { "elevation" } else { axis }
}

fn is_vertical(axis: &str) -> bool {
    VERTICAL.contains(&axis.to_ascii_lowercase().as_str())
}

/// A value along an axis that a map shows although it was not asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    pub dimension: String,
    pub value: String,
    pub units: String,
    /// Another value was asked for, which there is not.
    pub nearest: bool,
}

/// The values of a chosen plane that the wishes do not name, of axes that have several.
pub fn unasked(raster: &Raster, band: usize, times: &TimeWish, wishes: &AxisWishes) -> Vec<Chosen> {
    let Some(axes) = raster.bands.get(band).map(|b| &b.axes) else { return Vec::new() };
    let mut out = Vec::new();
    for (position, (axis, value)) in axes.iter().enumerate() {
        let is_alone = raster.bands.iter().all(|b| b.axes.get(position).is_none_or(|(_, v)| v == value));
        let seconds = time_of(value);
        let name = if seconds.is_some() { "time" } else { dimension_name(axis) };
        let is_asked = match seconds {
            Some(at) => times.iter().any(|t| t.holds(at)),
            None => wish_for(axis, axes, wishes).is_some(),
        };
        if !is_alone && !is_asked {
            let (dimension, value) = (name.to_owned(), value.clone());
            let units = if seconds.is_some() { "ISO8601".to_owned() } else { String::new() };
            out.push(Chosen { dimension, value, units, nearest: seconds.is_some() && !times.is_empty() });
        }
    }
    out
}

/// The name and value that are wished for an axis: by its name, or as `elevation` for the vertical one and, where no
/// axis is vertical, for any.
fn wish_for<'a>(
    axis: &str,
    axes: &[(String, String)],
    wishes: &'a AxisWishes,
) -> Option<&'a (String, String)> {
    let none_is = !axes.iter().any(|(name, _)| is_vertical(name));
    wishes.iter().find(|(name, _)| {
        name.eq_ignore_ascii_case(axis)
            || (name.eq_ignore_ascii_case("elevation") && (is_vertical(axis) || none_is))
    })
}

/// The plane of a raster that the wishes choose, with what was chosen for them.
///
/// # Errors
/// [`MapError::Dimension`] naming the axis and values it has.
pub fn choose(raster: &Raster, times: &TimeWish, wishes: &AxisWishes) -> Result<usize, MapError> {
    let bands = &raster.bands;
    let mut candidates: Vec<usize> = (0..bands.len()).collect();
    let Some(first) = bands.first() else { return Ok(0) };
    for (position, (axis, _)) in first.axes.iter().enumerate() {
        let value = |b: usize| bands[b].axes[position].1.as_str();
        let time = |b: usize| time_of(value(b));
        let kept = if candidates.iter().all(|&b| time(b).is_some()) && !candidates.is_empty() {
            newest(&candidates, times, |b| time(b).unwrap_or(f64::NEG_INFINITY))
        } else {
            let values: Vec<&str> = candidates.iter().map(|&b| value(b)).collect();
            value_of(axis, &first.axes, &values, wishes)?
        };
        let chosen = value(kept.map_or(candidates[0], |i| candidates[i])).to_owned();
        candidates.retain(|&b| bands[b].axes[position].1 == chosen);
    }
    Ok(candidates.first().copied().unwrap_or(0))
}

/// Index of the newest time that is wanted, else of the nearest one.
fn newest(candidates: &[usize], times: &TimeWish, at: impl Fn(usize) -> f64) -> Option<usize> {
    let indices = || 0..candidates.len();
    let wanted = |i: &usize| times.is_empty() || times.iter().any(|t| t.holds(at(candidates[*i])));
    let last = indices().filter(wanted).max_by(|a, b| at(candidates[*a]).total_cmp(&at(candidates[*b])));
    last.or_else(|| {
        let off =
            |i: usize| times.iter().map(|t| t.distance(at(candidates[i]))).fold(f64::INFINITY, f64::min);
        indices().min_by(|a, b| off(*a).total_cmp(&off(*b)))
    })
}

/// Index of the value of an axis that is wanted; the first one when nothing is said.
fn value_of(
    axis: &str,
    axes: &[(String, String)],
    values: &[&str],
    wishes: &AxisWishes,
) -> Result<Option<usize>, MapError> {
    let Some((name, wanted)) = wish_for(axis, axes, wishes) else { return Ok(Some(0)) };
    let same = |v: &&str| match (v.parse::<f64>(), wanted.trim().parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1e-9),
        _ => v.eq_ignore_ascii_case(wanted.trim()),
    };
    match values.iter().position(same) {
        Some(at) => Ok(Some(at)),
        None => {
            let mut known: Vec<&str> = Vec::new();
            for v in values {
                if known.len() < 20 && !known.contains(v) {
                    known.push(v);
                }
            }
            let asked: String = wanted.chars().take(80).collect();
            Err(MapError::Dimension(format!(
                "{} '{asked}' is not a value of the axis '{axis}'; it has {}",
                name.to_ascii_uppercase(),
                known.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_months_are_whole() {
        let day = parse_times("2020-02-28").unwrap()[0];
        assert!((day.end - day.start - 86_399.999).abs() < 1e-4);
        let month = parse_times("2020-02").unwrap()[0];
        assert!((month.end - month.start - 29.0 * 86_400.0).abs() < 0.01);
        let year = parse_times("2019").unwrap()[0];
        assert!((year.end - year.start - 365.0 * 86_400.0).abs() < 0.01);
        let exact = parse_times("2020-01-01T12:00:00Z").unwrap()[0];
        assert_eq!(exact.start, exact.end);
        assert_eq!(exact.bounds()[0], "2020-01-01T12:00:00Z");
    }

    #[test]
    fn lists_and_intervals() {
        let times = parse_times("2020-01-01/2020-01-03/P1D,2021-01-01").unwrap();
        assert_eq!(times.len(), 2);
        assert!((times[0].end - times[0].start - 3.0 * 86_400.0).abs() < 0.01);
        assert!(parse_times("current").unwrap().is_empty() && parse_times("").unwrap().is_empty());
        for wrong in ["yesterday", "2020-13-01", "2020-01-02/2020-01-01", "12", "/"] {
            assert!(parse_times(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_are_no_times() {
        assert!(time_of("1000").is_none() && time_of("-12345678").is_none() && time_of("850.0").is_none());
        assert!(time_of("2020-01-01T00:00:00Z").is_some());
    }

    #[test]
    fn the_newest_wanted_time_is_shown() {
        let at = |b: usize| b as f64 * 10.0;
        let wish = |start: f64, end: f64| vec![Instant { start, end }];
        let all = [0, 1, 2, 3];
        assert_eq!(newest(&all, &Vec::new(), at), Some(3));
        assert_eq!(newest(&all, &wish(5.0, 25.0), at), Some(2));
        assert_eq!(newest(&all, &wish(11.0, 12.0), at), Some(1));
    }
}
