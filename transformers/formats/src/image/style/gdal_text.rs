//! Colour tables as text, the way GDAL's colour relief and GIBS read them: `value r g b [a]`, `value name`, `nv …` for
//! missing data, percentages of the range of the data.

use super::{Rgba, Segment, Table, lines, words};

/// One line: the value, whether it is a percentage, and its colour.
struct Entry {
    value: f64,
    colour: Rgba,
}

/// Reads a table. With `steps` each value begins a class of one colour.
///
/// # Errors
/// The number of the line that is not understood, and what it should be.
pub fn parse(text: &str, steps: bool) -> Result<Table, String> {
    let mut table = Table::default();
    let mut entries: Vec<Entry> = Vec::new();
    let mut percentages = 0;
    for (number, line) in lines(text)? {
        let tokens: Vec<&str> = line
            .split(|c: char| c.is_whitespace() || matches!(c, ',' | ':' | ';'))
            .filter(|t| !t.is_empty())
            .collect();
        let Some((&head, rest)) = tokens.split_first() else { continue };
        if head.eq_ignore_ascii_case("interpolation") {
            continue; // QGIS begins its export so
        }
        let colour = colour(rest).ok_or_else(|| {
            format!("line {number}: '{line}' is not 'value red green blue [opacity]' with 0 to 255")
        })?;
        if ["nv", "nan", "nodata"].iter().any(|n| head.eq_ignore_ascii_case(n)) {
            table.missing = Some(colour);
            continue;
        }
        let plain = head.strip_suffix('%');
        percentages += usize::from(plain.is_some());
        let value: f64 = plain.unwrap_or(head).parse().unwrap_or(f64::NAN);
        if value.is_nan() {
            return Err(format!("line {number}: '{head}' is neither a number nor 'nv'"));
        }
        entries.push(Entry { value, colour });
    }
    if entries.is_empty() {
        return Err("it has no line with a value".into());
    }
    if percentages != 0 && percentages != entries.len() {
        return Err("it has both values and percentages; write all of them the same way".into());
    }
    table.percent = percentages != 0;
    entries.sort_by(|a, b| a.value.total_cmp(&b.value));
    table.segments = segments(&entries, steps);
    Ok(table)
}

fn colour(tokens: &[&str]) -> Option<Rgba> {
    let opacity = |at: usize| match tokens.get(at) {
        // Behind the colour may stand a label.
        Some(t) if t.parse::<f64>().is_ok() => words::channel(t),
        _ => Some(255),
    };
    if let Some([r, g, b, _]) = words::colour(tokens.first()?) {
        return Some([r, g, b, opacity(1)?]);
    }
    let [r, g, b] = [tokens.first()?, tokens.get(1)?, tokens.get(2)?].map(|t| words::channel(t));
    Some([r?, g?, b?, opacity(3)?])
}

fn segments(entries: &[Entry], steps: bool) -> Vec<Segment> {
    let mut out = Vec::with_capacity(entries.len());
    for (i, entry) in entries.iter().enumerate() {
        let next = entries.get(i + 1);
        // Two lines of the same value are a jump.
        if !steps && next.is_some_and(|n| n.value == entry.value) {
            continue;
        }
        let to = next.filter(|_| !steps).map_or(entry.colour, |n| n.colour);
        let high = next.map_or(entry.value, |n| n.value);
        out.push(Segment { low: entry.value, high, from: entry.colour, to, hsv: false });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_colours_opacity_names_and_missing_data_are_read() {
        let table = parse("# heights\n20, 0,255,0,128\n-3.5 red\nnv 1 2 3 0\n\n10\tblue\n", true).unwrap();
        assert_eq!(table.missing, Some([1, 2, 3, 0]));
        let got: Vec<(f64, Rgba)> = table.segments.iter().map(|s| (s.low, s.from)).collect();
        assert_eq!(got, [(-3.5, [255, 0, 0, 255]), (10.0, [0, 0, 255, 255]), (20.0, [0, 255, 0, 128])]);
        assert!(table.segments.iter().all(|s| s.from == s.to));
    }

    #[test]
    fn without_steps_colours_run_from_line_to_line() {
        let table = parse("0 0 0 0\n5 100 0 0\n5 0 0 100\n10 0 0 200\n", false).unwrap();
        let ends: Vec<(f64, f64, Rgba, Rgba)> =
            table.segments.iter().map(|s| (s.low, s.high, s.from, s.to)).collect();
        assert_eq!(ends[0], (0.0, 5.0, [0, 0, 0, 255], [100, 0, 0, 255]));
        assert_eq!(ends[1], (5.0, 10.0, [0, 0, 100, 255], [0, 0, 200, 255]));
        assert_eq!(ends[2].0, 10.0);
    }

    #[test]
    fn percentages_stand_alone() {
        assert!(parse("0% black\n100% white\n", false).unwrap().percent);
        assert!(parse("0 black\n100% white\n", false).unwrap_err().contains("percentages"));
    }

    #[test]
    fn a_bad_line_is_named() {
        assert!(parse("0 0 0 0\n1 2 300 4\n", true).unwrap_err().starts_with("line 2"));
        assert!(parse("abc 0 0 0\n", true).unwrap_err().contains("'abc'"));
        assert!(parse("", true).is_err());
    }
}
