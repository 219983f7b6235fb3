//! `history` and `history_json`: who made this file, from what, with which parameters.

use harmony_model::Attribute;
use harmony_model::granule::set_attr;
use serde_json::{Value, json};

/// What is written into a result. The clock belongs to the caller.
#[derive(Clone, Debug)]
pub struct Provenance {
    /// ISO 8601, UTC.
    pub date_time: String,
    /// Input files or URLs, without credentials.
    pub derived_from: Vec<String>,
    pub version: String,
    /// The complete request.
    pub parameters: Value,
}

const SCHEMA: &str = "https://harmony.earthdata.nasa.gov/schemas/history/0.1.0/history-v0.1.0.json";
const PROGRAM: &str = "harmony";

/// Appends a line to `history` (or to `History`, where that is what the file has) and a record to `history_json`.
pub fn append_history(attrs: &mut Vec<Attribute>, p: &Provenance) {
    let name = if attrs.iter().any(|a| a.name == "History") && !attrs.iter().any(|a| a.name == "history") {
        "History"
    } else {
        "history"
    };
    let line = format!("{} {PROGRAM} {} {}", p.date_time, p.version, p.parameters);
    let old = attrs.iter().find(|a| a.name == name).and_then(Attribute::as_text);
    let text = match old.as_deref().map(str::trim_end) {
        Some(old) if !old.is_empty() => format!("{old}\n{line}"),
        _ => line,
    };
    set_attr(attrs, Attribute::text(name, &text));
    let old = attrs.iter().find(|a| a.name == "history_json").and_then(Attribute::as_text);
    let mut records = match old.and_then(|t| serde_json::from_str::<Value>(&t).ok()) {
        Some(Value::Array(records)) => records,
        Some(record @ Value::Object(_)) => vec![record],
        _ => Vec::new(),
    };
    records.push(json!({
        "$schema": SCHEMA,
        "date_time": p.date_time,
        "program": PROGRAM,
        "version": p.version,
        "parameters": p.parameters,
        "derived_from": p.derived_from,
    }));
    set_attr(attrs, Attribute::text("history_json", &Value::Array(records).to_string()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_is_appended_and_json_stays_an_array() {
        let p = Provenance {
            date_time: "2026-01-01T00:00:00Z".into(),
            derived_from: vec!["a.nc".into()],
            version: "0.1.0".into(),
            parameters: json!({"bbox": [1, 2, 3, 4]}),
        };
        let mut attrs =
            vec![Attribute::text("history", "made"), Attribute::text("history_json", "[{\"a\":1}]")];
        append_history(&mut attrs, &p);
        let text = attrs[0].as_text().unwrap();
        assert!(text.starts_with("made\n2026-01-01T00:00:00Z harmony 0.1.0"));
        let records: Value = serde_json::from_str(&attrs[1].as_text().unwrap()).unwrap();
        assert_eq!(records.as_array().unwrap().len(), 2);
        assert_eq!(records[1]["parameters"]["bbox"][3], 4);
    }
}
