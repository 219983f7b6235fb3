//! Line-by-line edits of a structure text.

use std::collections::HashMap;

use super::rewrite::{Part, Section};

/// Edits the text; holds the number of objects of each kind that have been kept in a group.
pub(super) struct Editor<'a> {
    parts: &'a HashMap<(Section, String), Option<Part>>,
    counts: HashMap<String, usize>,
}

impl<'a> Editor<'a> {
    /// An editor that knows what is left of each swath and grid.
    pub(super) fn new(parts: &'a HashMap<(Section, String), Option<Part>>) -> Self {
        Editor { parts, counts: HashMap::new() }
    }

    /// The text with the sizes, corners and fields of what is left.
    pub(super) fn edit(mut self, text: &str) -> String {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let mut out = String::with_capacity(text.len());
        let (mut at, mut section) = (0, None);
        while at < lines.len() {
            let (key, value) = statement(lines[at]);
            match (key, value) {
                ("GROUP", "SwathStructure") => section = Some(Section::Swath),
                ("GROUP", "GridStructure") => section = Some(Section::Grid),
                ("END_GROUP", "SwathStructure" | "GridStructure") => section = None,
                ("GROUP", name) if section.is_some_and(|s| name.starts_with(s.prefix())) => {
                    let end = end_of(&lines, at);
                    self.group(&lines[at..end], section, &mut out);
                    at = end;
                    continue;
                }
                _ => {}
            }
            out.push_str(lines[at]);
            at += 1;
        }
        out
    }

    /// One `SWATH_n` or `GRID_n`.
    fn group(&mut self, lines: &[&str], section: Option<Section>, out: &mut String) {
        let name = lines.iter().map(|l| statement(l)).find(|(k, _)| matches!(*k, "SwathName" | "GridName"));
        let part = section.zip(name).and_then(|(s, (_, n))| self.parts.get(&(s, unquoted(n).to_owned())));
        let Some(part) = part else {
            // Not understood: left alone.
            out.extend(lines.iter().copied());
            return;
        };
        let Some(part) = part else { return };
        self.counts.clear();
        let mut at = 0;
        while at < lines.len() {
            let (key, value) = statement(lines[at]);
            if key == "OBJECT" {
                let end = end_of(lines, at);
                self.object(&lines[at..end], value, part, out);
                at = end;
                continue;
            }
            let corner = |i: usize| part.corners.as_ref().map(|c| c[i].clone());
            let new = match key {
                "XDim" | "YDim" => part.lens.get(key).map(u64::to_string),
                "UpperLeftPointMtrs" => corner(0),
                "LowerRightMtrs" => corner(1),
                _ => None,
            };
            out.push_str(&with_value(lines[at], new.as_deref()));
            at += 1;
        }
    }

    /// A dimension with its size, or a field if it is still there; objects of a kind count from 1 again.
    fn object(&mut self, lines: &[&str], name: &str, part: &Part, out: &mut String) {
        let find =
            |key: &str| lines.iter().map(|l| statement(l)).find(|(k, _)| *k == key).map(|(_, v)| unquoted(v));
        let field = ["DataFieldName", "GeoFieldName", "ProfileFieldName"].iter().find_map(|k| find(k));
        if field.is_some_and(|f| !part.fields.iter().any(|kept| kept == f)) {
            return;
        }
        let kind = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let new_name = field.map(|_| {
            let count = self.counts.entry(kind.to_owned()).or_default();
            *count += 1;
            format!("{kind}{count}")
        });
        let len = find("DimensionName").and_then(|d| part.lens.get(d)).map(u64::to_string);
        for line in lines {
            let (key, value) = statement(line);
            let new = match key {
                "OBJECT" | "END_OBJECT" => new_name.clone(),
                // Unlimited dimensions are written as -1.
                "Size" if !value.starts_with('-') => len.clone(),
                _ => None,
            };
            out.push_str(&with_value(line, new.as_deref()));
        }
    }
}

impl Section {
    fn prefix(self) -> &'static str {
        match self {
            Section::Swath => "SWATH_",
            Section::Grid => "GRID_",
        }
    }
}

/// Key and value of a line; without `=` the line is its own key.
fn statement(line: &str) -> (&str, &str) {
    let line = line.trim();
    line.split_once('=').map_or((line, ""), |(k, v)| (k.trim(), v.trim()))
}

fn unquoted(value: &str) -> &str {
    value.trim_matches('"')
}

/// The line with another value.
fn with_value(line: &str, value: Option<&str>) -> String {
    match (value, line.split_once('=')) {
        (Some(value), Some((key, _))) => {
            let end = if line.ends_with('\n') { "\n" } else { "" };
            format!("{key}={value}{end}")
        }
        _ => line.to_owned(),
    }
}

/// The line after the end of the group or object that begins at `start`.
fn end_of(lines: &[&str], start: usize) -> usize {
    let (key, name) = statement(lines[start]);
    let end = format!("END_{key}");
    let is_end = |line: &&str| {
        let (k, v) = statement(line);
        k == end && (v == name || v.is_empty())
    };
    lines[start..].iter().position(is_end).map_or(lines.len(), |n| start + n + 1)
}
