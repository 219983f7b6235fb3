//! Colour palette tables of the Generic Mapping Tools (`.cpt`): `z0 colour z1 colour`, and `B`, `F`, `N` for what is
//! below, above and missing. A colour is `r g b`, `r/g/b`, `h-s-v`, a grey level, a name or `#rrggbb`.

use super::{Rgba, Segment, Table, lines, words};

/// Reads a table.
///
/// # Errors
/// The number of the line that is not understood, and what it should be.
pub fn parse(text: &str) -> Result<Table, String> {
    let hsv = text.lines().any(|l| {
        let up = l.to_ascii_uppercase();
        up.starts_with('#') && up.contains("COLOR_MODEL") && up.contains("HSV")
    });
    let mut table = Table::default();
    for (number, line) in lines(text)? {
        // Labels follow a semicolon.
        let plain = line.split(';').next().unwrap_or_default();
        let tokens: Vec<&str> = plain.split_whitespace().collect();
        let Some((&head, rest)) = tokens.split_first() else { continue };
        let wrong = || format!("line {number}: '{line}' is not 'value colour value colour'");
        match head {
            "B" => table.below = Some(colour(rest, hsv).ok_or_else(wrong)?.0),
            "F" => table.above = Some(colour(rest, hsv).ok_or_else(wrong)?.0),
            "N" => table.missing = Some(colour(rest, hsv).ok_or_else(wrong)?.0),
            _ => table.segments.push(segment(&tokens, hsv).ok_or_else(wrong)?),
        }
    }
    if table.segments.is_empty() {
        return Err("it has no line 'value colour value colour'".into());
    }
    table.segments.sort_by(|a, b| a.low.total_cmp(&b.low));
    Ok(table)
}

fn segment(tokens: &[&str], hsv: bool) -> Option<Segment> {
    // Where a scale is annotated.
    let tokens = match tokens {
        [rest @ .., "L" | "U" | "B"] => rest,
        all => all,
    };
    let (head, rest) = tokens.split_first()?;
    let low: f64 = head.parse().ok()?;
    let numbers = |t: &[&str]| t.iter().all(|w| w.parse::<f64>().is_ok());
    let (from, used) = match rest {
        // `z grey z grey`
        [level, _, _] if numbers(rest) => (grey(level)?, 1),
        _ => colour(rest, hsv)?,
    };
    let rest = rest.get(used..)?;
    let high: f64 = rest.first()?.parse().ok()?;
    // A class may give its colour once.
    let to = colour(&rest[1..], hsv).map_or(from, |(c, _)| c);
    (low.is_finite() && high.is_finite() && low < high).then_some(Segment { low, high, from, to, hsv })
}

/// The colour at the beginning of `tokens`, and how many it takes.
fn colour(tokens: &[&str], hsv: bool) -> Option<(Rgba, usize)> {
    let first = *tokens.first()?;
    if let Some(colour) = words::colour(first) {
        return Some((colour, 1));
    }
    if let [r, g, b] = first.split('/').collect::<Vec<_>>()[..] {
        return Some((triple([r, g, b], hsv)?, 1));
    }
    if let [h, s, v] = first.split('-').collect::<Vec<_>>()[..] {
        return Some((triple([h, s, v], true)?, 1));
    }
    if let [r, g, b, ..] = *tokens
        && let Some(colour) = triple([r, g, b], hsv)
    {
        return Some((colour, 3));
    }
    grey(first).map(|colour| (colour, 1))
}

fn grey(word: &str) -> Option<Rgba> {
    words::channel(word).map(|level| [level, level, level, 255])
}

fn triple(tokens: [&str; 3], hsv: bool) -> Option<Rgba> {
    if hsv {
        let [h, s, v] = tokens.map(|t| t.parse::<f64>().ok());
        return Some(words::from_hsv([h?, s?, v?]));
    }
    let [r, g, b] = tokens.map(words::channel);
    Some([r?, g?, b?, 255])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_and_the_three_other_lines_are_read() {
        let text =
            "# COLOR_MODEL = RGB\n0 0 0 255 10 0 255 0 L\n10 red 20 blue ; warm\nB 1 2 3\nF 4/5/6\nN 128\n";
        let table = parse(text).unwrap();
        assert_eq!(table.segments.len(), 2);
        assert_eq!(table.segments[0].from, [0, 0, 255, 255]);
        assert_eq!(table.segments[0].at(0.5), [0, 128, 128, 255]);
        assert_eq!((table.segments[1].low, table.segments[1].to), (10.0, [0, 0, 255, 255]));
        assert_eq!(table.below, Some([1, 2, 3, 255]));
        assert_eq!(table.above, Some([4, 5, 6, 255]));
        assert_eq!(table.missing, Some([128, 128, 128, 255]));
    }

    #[test]
    fn hues_run_round_the_circle() {
        let table = parse("# COLOR_MODEL = +HSV\n0 0-1-1 1 120-1-1\n").unwrap();
        assert_eq!(table.segments[0].at(0.5), [255, 255, 0, 255]);
    }

    #[test]
    fn grey_levels_and_slashes_are_read() {
        let table = parse("0 10 5 200\n5 1/2/3 9 4/5/6\n").unwrap();
        assert_eq!((table.segments[0].from[0], table.segments[0].to[0]), (10, 200));
        assert_eq!(table.segments[1].to, [4, 5, 6, 255]);
    }

    #[test]
    fn a_bad_line_is_named() {
        assert!(parse("0 red 1 blue\n1 nothing 2 blue\n").unwrap_err().starts_with("line 2"));
        assert!(parse("5 red 1 blue\n").is_err());
    }
}
