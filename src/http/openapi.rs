//! The OpenAPI documents of this server: one source each, in JSON, from which programs get YAML and people a page.

use serde_json::Value;

/// OGC API Coverages.
pub const COVERAGES: &str = include_str!("openapi/coverages.json");
/// OGC API EDR.
pub const EDR: &str = include_str!("openapi/edr.json");
/// Jobs and the state of the server.
pub const SYSTEM: &str = include_str!("openapi/system.json");

/// Of [`yaml`] documents.
pub const MEDIA_TYPE: &str = "text/openapi+yaml; charset=utf-8; version=3.0";

/// A document of this module.
pub fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("the documents are part of the program and tested")
}

/// What a value stands for, if it is a reference into its document.
pub fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().and_then(|r| r.strip_prefix('#'));
    target.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

/// A document as YAML: blocks by indentation, words bare, other texts in double quotes, which JSON's are too.
pub fn yaml(document: &Value) -> String {
    let mut out = String::new();
    block(document, 0, &mut out);
    out
}

fn block(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                out.push_str(&format!("{indent}{}:", word(name)));
                after(field, depth, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                out.push_str(&format!("{indent}-"));
                after(item, depth, out);
            }
        }
        plain => out.push_str(&format!("{indent}{}\n", scalar(plain))),
    }
}

/// What stands behind a key or a dash: on the same line, or below and further in.
fn after(value: &Value, depth: usize, out: &mut String) {
    let is_empty =
        |v: &Value| v.as_object().is_some_and(|o| o.is_empty()) || v.as_array().is_some_and(Vec::is_empty);
    if (value.is_object() || value.is_array()) && !is_empty(value) {
        out.push('\n');
        block(value, depth + 1, out);
    } else {
        out.push_str(&format!(" {}\n", scalar(value)));
    }
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), word)
}

/// Words stay bare; numbers, and whatever else YAML could take for something, are quoted.
fn word(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    // YAML 1.1 takes some words for truth values.
    let is_truth = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"]
        .contains(&text.to_ascii_lowercase().as_str());
    if is_word && !is_truth { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_whole() {
        for text in [COVERAGES, EDR, SYSTEM] {
            let document = parse(text);
            let mut references = Vec::new();
            collect(&document, &mut references);
            for reference in references {
                let target = json!({ "$ref": reference });
                assert_ne!(resolved(&document, &target), &target, "{reference}");
            }
        }
    }

    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|v| collect(v, found));
            }
            Value::Array(items) => items.iter().for_each(|v| collect(v, found)),
            _ => {}
        }
    }

    #[test]
    fn yaml_of_a_document() {
        let document = json!({ "a": { "/p/{x}": [1, { "$ref": "#/b" }, []] }, "200": "é: \"q\"\n", "y": {}, "z": ["C1-TEST", "no", "1"] });
        let wanted = "a:\n  \"/p/{x}\":\n    - 1\n    -\n      \"$ref\": \"#/b\"\n    - []\n\"200\": \"é: \\\"q\\\"\\n\"\n\"y\": {}\nz:\n  - C1-TEST\n  - \"no\"\n  - \"1\"\n";
        assert_eq!(yaml(&document), wanted);
    }
}
