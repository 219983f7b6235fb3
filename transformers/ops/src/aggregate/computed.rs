//! Attributes that describe what the granules cover: recomputed for all of them together.

use std::collections::HashMap;
use std::sync::Arc;

use harmony_model::Attribute;
use harmony_model::time::DateTime;
use serde_json::Value;

use super::attrs::Entry;
use crate::metadata::{duration, outline};

#[derive(Clone, Copy)]
enum Rule {
    Earliest,
    Latest,
    Least,
    Greatest,
}

const RULES: [(&str, Rule); 12] = [
    ("time_coverage_start", Rule::Earliest),
    ("time_coverage_end", Rule::Latest),
    ("geospatial_lat_min", Rule::Least),
    ("geospatial_lat_max", Rule::Greatest),
    ("geospatial_vertical_min", Rule::Least),
    ("geospatial_vertical_max", Rule::Greatest),
    ("southernmost_latitude", Rule::Least),
    ("northernmost_latitude", Rule::Greatest),
    ("SouthernmostLatitude", Rule::Least),
    ("NorthernmostLatitude", Rule::Greatest),
    ("SouthBoundingCoordinate", Rule::Least),
    ("NorthBoundingCoordinate", Rule::Greatest),
];

/// Western and eastern limit.
const ARCS: [(&str, &str); 4] = [
    ("geospatial_lon_min", "geospatial_lon_max"),
    ("westernmost_longitude", "easternmost_longitude"),
    ("WesternmostLongitude", "EasternmostLongitude"),
    ("WestBoundingCoordinate", "EastBoundingCoordinate"),
];

/// Bytes of `history` beyond which further granules are only counted: attributes above 64 KiB are a burden to readers.
const LONG_HISTORY: usize = 60_000;

/// The new value of every attribute that can be computed.
pub fn all(entries: &[Entry]) -> HashMap<String, Attribute> {
    let find = |name: &str| entries.iter().find(|e| e.name == name);
    let mut out: HashMap<String, Attribute> = HashMap::new();
    for (name, rule) in RULES {
        if let Some(value) = find(name).and_then(|e| extreme(e, rule)) {
            out.insert(name.to_owned(), value);
        }
    }
    for (west, east) in ARCS {
        if let (Some(w), Some(e)) = (find(west), find(east))
            && let Some((w_new, e_new)) = arc(w, e)
        {
            out.insert(west.to_owned(), w_new);
            out.insert(east.to_owned(), e_new);
        }
    }
    if let Some(new) = find("history").and_then(history) {
        out.insert("history".to_owned(), new);
    }
    let value = |out: &HashMap<String, Attribute>, name: &str| -> Option<Attribute> {
        out.get(name).cloned().or_else(|| find(name).and_then(Entry::first).map(|a| (**a).clone()))
    };
    if let Some(entry) = find("geospatial_bounds") {
        let limits = ["geospatial_lon_min", "geospatial_lat_min", "geospatial_lon_max", "geospatial_lat_max"];
        let number = |name: &str| value(&out, name).and_then(|a| as_number(&a));
        let new = match limits.map(number) {
            [Some(w), Some(s), Some(e), Some(n)] => like(entry, &outline(w, s, e, n)),
            _ => None,
        };
        out.extend(new.map(|a| ("geospatial_bounds".to_owned(), a)));
    }
    if let Some(entry) = find("time_coverage_duration") {
        let time = |name: &str| value(&out, name).and_then(|a| instant(&a));
        let new = match (time("time_coverage_start"), time("time_coverage_end")) {
            (Some(start), Some(end)) => like(entry, &duration(end - start)),
            _ => None,
        };
        out.extend(new.map(|a| ("time_coverage_duration".to_owned(), a)));
    }
    out
}

/// A text attribute of the kind that the granules have.
fn like(entry: &Entry, text: &str) -> Option<Attribute> {
    let old = entry.first()?;
    Some(match old.dtype {
        harmony_model::DType::String => Attribute::strings(&old.name, &[text]),
        _ => Attribute::text(&old.name, text),
    })
}

fn as_number(attr: &Attribute) -> Option<f64> {
    attr.as_f64().or_else(|| attr.as_text()?.trim().parse().ok())
}

/// Microseconds since 1970.
fn instant(attr: &Attribute) -> Option<i64> {
    DateTime::parse(attr.as_text()?.trim()).ok().map(|t| t.micros)
}

/// The attribute of the granule with the extreme value; `None` when one has no such value.
fn extreme(entry: &Entry, rule: Rule) -> Option<Attribute> {
    let key = |a: &Arc<Attribute>| match rule {
        Rule::Earliest | Rule::Latest => instant(a).map(|t| t as f64),
        Rule::Least | Rule::Greatest => as_number(a),
    };
    let mut best: Option<(f64, &Arc<Attribute>)> = None;
    for attr in entry.values.iter().flatten() {
        let this = key(attr)?;
        let better = best.is_none_or(|(b, _)| match rule {
            Rule::Earliest | Rule::Least => this < b,
            Rule::Latest | Rule::Greatest => this > b,
        });
        if better {
            best = Some((this, attr));
        }
    }
    best.map(|(_, a)| (**a).clone())
}

/// The limits of the smallest arc around all granules' arcs.
fn arc(west: &Entry, east: &Entry) -> Option<(Attribute, Attribute)> {
    let mut arcs = Vec::new();
    for pair in west.values.iter().zip(&east.values) {
        match pair {
            (None, None) => {}
            (Some(w), Some(e)) => arcs.push((as_number(w)?, as_number(e)?)),
            _ => return None,
        }
    }
    let (w, e) = smallest_arc(&arcs)?;
    // Digits and type of the granule that the limit is from.
    let same = |entry: &Entry, limit: f64| {
        let near = |a: &Arc<Attribute>| as_number(a).is_some_and(|v| (v - limit).rem_euclid(360.0) < 1e-12);
        let found = entry.values.iter().flatten().find(|a| near(a)).map(|a| (**a).clone());
        found.or_else(|| {
            let old = entry.first()?;
            match old.dtype.is_text() {
                true => like(entry, &limit.to_string()),
                false => {
                    let bytes = harmony_model::dtype::number_bytes(&old.dtype, limit)?;
                    Some(Attribute { bytes, ..(**old).clone() })
                }
            }
        })
    };
    Some((same(west, w)?, same(east, e)?))
}

/// West and east of the smallest arc that holds `arcs`; west > east across the antimeridian.
pub fn smallest_arc(arcs: &[(f64, f64)]) -> Option<(f64, f64)> {
    if arcs.is_empty() || arcs.iter().any(|(w, e)| !w.is_finite() || !e.is_finite()) {
        return None;
    }
    let turn = |lon: f64| (lon + 180.0).rem_euclid(360.0);
    let mut spans: Vec<(f64, f64)> = Vec::new();
    for &(w, e) in arcs {
        // East of 180° and west of it again is one turn, not none.
        let width = if e - w >= 360.0 { 360.0 } else { (e - w).rem_euclid(360.0) };
        spans.push((turn(w), width));
    }
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    // The widest gap after the reach of all spans that begin before it; twice around for those across the seam.
    let mut reach =
        spans.iter().map(|(start, width)| start + width - 360.0).fold(f64::NEG_INFINITY, f64::max);
    let mut best: Option<(f64, f64, f64)> = None;
    for &(start, width) in &spans {
        let gap = start - reach;
        if gap > 0.0 && best.is_none_or(|b| gap > b.0 + 1e-12) {
            best = Some((gap, start, reach));
        }
        reach = reach.max(start + width);
    }
    let Some((_, start, end)) = best else { return Some((-180.0, 180.0)) };
    let back = |turned: f64| turned - 180.0;
    let east = back(end.rem_euclid(360.0));
    // The eastern limit of a range that ends at the antimeridian is 180, not -180.
    Some((back(start), if east == -180.0 { 180.0 } else { east }))
}

/// Lines that all begin with once, then what each granule has beside them.
fn history(entry: &Entry) -> Option<Attribute> {
    let texts: Vec<String> = entry.values.iter().flatten().filter_map(|a| a.as_text()).collect();
    let lines: Vec<Vec<&str>> = texts.iter().map(|t| t.lines().map(str::trim_end).collect()).collect();
    let first = lines.first()?;
    let common = (0..first.len()).take_while(|&i| lines.iter().all(|l| l.get(i) == first.get(i))).count();
    let mut out: Vec<&str> = first[..common].to_vec();
    let mut seen: std::collections::HashSet<&str> = out.iter().copied().collect();
    let mut len: usize = out.iter().map(|l| l.len() + 1).sum();
    let mut more = 0;
    for line in lines.iter().flat_map(|l| &l[common..]) {
        if line.is_empty() || !seen.insert(line) {
            continue;
        }
        if len + line.len() > LONG_HISTORY {
            more += 1;
            continue;
        }
        len += line.len() + 1;
        out.push(line);
    }
    let rest = format!("({more} more lines in the histories of the granules)");
    if more > 0 {
        out.push(&rest);
    }
    like(entry, &out.join("\n"))
}

/// The records of all granules, in their order.
pub fn history_json(entry: &Entry, notices: &mut Vec<String>) -> Option<Attribute> {
    let all: Vec<String> = entry.values.iter().flatten().filter_map(|a| a.as_text()).collect();
    if all.len() == 1 {
        return entry.first().map(|a| (**a).clone());
    }
    let mut records = Vec::new();
    for text in &all {
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Array(list)) => records.extend(list),
            Ok(record @ Value::Object(_)) => records.push(record),
            _ => notices.push("a granule's history_json is not valid: its records are left out".into()),
        }
    }
    like(entry, &Value::Array(records).to_string())
}

/// Limits of values: those of all granules together. `None`: not such an attribute, or not of one type.
pub fn range(entry: &Entry) -> Option<Option<Attribute>> {
    let rule = match entry.name.as_str() {
        "valid_min" => [Some(Rule::Least), None],
        "valid_max" => [Some(Rule::Greatest), None],
        "actual_range" | "valid_range" => [Some(Rule::Least), Some(Rule::Greatest)],
        _ => return None,
    };
    let all: Vec<&Arc<Attribute>> = entry.values.iter().flatten().collect();
    let first = all.first()?;
    let mut bytes = Vec::new();
    for (i, rule) in rule.iter().enumerate() {
        let Some(rule) = rule else { continue };
        let mut values = Vec::new();
        for attr in &all {
            let own =
                attr.as_f64s().filter(|v| attr.dtype == first.dtype && v.len() == rule_count(&entry.name));
            // What can't be compared is left out.
            let Some(own) = own else { return Some(None) };
            values.push(own[i]);
        }
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let value = if matches!(rule, Rule::Least) { least } else { greatest };
        let Some(own) = harmony_model::dtype::number_bytes(&first.dtype, value) else { return Some(None) };
        bytes.extend(own);
    }
    Some(Some(Attribute { bytes, ..(***first).clone() }))
}

fn rule_count(name: &str) -> usize {
    if name.ends_with("_range") { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::attrs::entries;

    fn lists(all: &[Vec<Attribute>]) -> Vec<Entry> {
        let shared: Vec<Vec<Arc<Attribute>>> =
            all.iter().map(|l| l.iter().cloned().map(Arc::new).collect()).collect();
        let refs: Vec<Option<&[Arc<Attribute>]>> = shared.iter().map(|l| Some(l.as_slice())).collect();
        entries(&refs)
    }

    #[test]
    fn the_smallest_arc_goes_over_the_antimeridian_where_it_is_shorter() {
        assert_eq!(smallest_arc(&[(170.0, 175.0), (-178.0, -170.0)]), Some((170.0, -170.0)));
        assert_eq!(smallest_arc(&[(170.0, -175.0), (160.0, 165.0)]), Some((160.0, -175.0)));
        assert_eq!(smallest_arc(&[(-10.0, 20.0), (5.0, 40.0)]), Some((-10.0, 40.0)));
        assert_eq!(smallest_arc(&[(-180.0, 180.0), (5.0, 40.0)]), Some((-180.0, 180.0)));
        assert_eq!(smallest_arc(&[(0.0, 180.0), (-180.0, 0.0)]), Some((-180.0, 180.0)));
        assert_eq!(smallest_arc(&[(100.0, 180.0), (90.0, 120.0)]), Some((90.0, 180.0)));
        assert_eq!(smallest_arc(&[]), None);
    }

    #[test]
    fn coverage_is_that_of_all() {
        let one = |start: &str, end: &str, west: f64, east: f64| {
            vec![
                Attribute::text("time_coverage_start", start),
                Attribute::text("time_coverage_end", end),
                Attribute::text("time_coverage_duration", "PT1S"),
                Attribute::numbers("geospatial_lon_min", &[west]),
                Attribute::numbers("geospatial_lon_max", &[east]),
            ]
        };
        let e = lists(&[
            one("2024-06-01T21:16:14Z", "2024-06-01T21:22:54Z", 170.0, 175.0),
            one("2024-06-01T21:09:34Z", "2024-06-01T21:16:14Z", -178.0, -170.0),
        ]);
        let all = all(&e);
        let text = |n: &str| all[n].as_text().unwrap();
        assert_eq!(text("time_coverage_start"), "2024-06-01T21:09:34Z");
        assert_eq!(text("time_coverage_end"), "2024-06-01T21:22:54Z");
        assert_eq!(text("time_coverage_duration"), "PT800S");
        assert_eq!(all["geospatial_lon_min"].as_f64(), Some(170.0));
        assert_eq!(all["geospatial_lon_max"].as_f64(), Some(-170.0));
    }

    #[test]
    fn histories_share_their_beginning() {
        let e = lists(&[
            vec![Attribute::text("history", "made\nrun a"), Attribute::text("history_json", "[{\"a\":1}]")],
            vec![Attribute::text("history", "made\nrun b"), Attribute::text("history_json", "{\"a\":2}")],
        ]);
        assert_eq!(history(&e[0]).unwrap().as_text().unwrap(), "made\nrun a\nrun b");
        let json = history_json(&e[1], &mut Vec::new()).unwrap().as_text().unwrap();
        assert_eq!(json, "[{\"a\":1},{\"a\":2}]");
    }

    #[test]
    fn ranges_are_joined() {
        let e = lists(&[
            vec![Attribute::numbers("actual_range", &[1f32, 4.0])],
            vec![Attribute::numbers("actual_range", &[-1f32, 3.0])],
        ]);
        assert_eq!(range(&e[0]).unwrap().unwrap().as_f64s().unwrap(), [-1.0, 4.0]);
    }
}
