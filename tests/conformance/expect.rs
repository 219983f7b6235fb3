//! Expectations of the contract's cases.

use serde_json::Value;

/// What a case wants and did not get.
pub type Complaints = Vec<String>;

/// Whether `actual` has all of `expected`; lists may go on, numbers are compared as numbers.
pub fn has(actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (Value::Object(a), Value::Object(e)) => e.iter().all(|(k, v)| a.get(k).is_some_and(|x| has(x, v))),
        (Value::Array(a), Value::Array(e)) => a.len() >= e.len() && a.iter().zip(e).all(|(a, e)| has(a, e)),
        _ => same(actual, expected),
    }
}

/// Whether both are the same, numbers compared as numbers.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|x| same(v, x)))
        }
        _ => a == b,
    }
}

/// All values at a dotted path; `*` is every member of a list.
pub fn at<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    path.split('.').fold(vec![value], |values, step| {
        values
            .into_iter()
            .flat_map(|v| match (step, v) {
                ("*", Value::Array(items)) => items.iter().collect(),
                (step, Value::Array(items)) => {
                    step.parse().ok().and_then(|i: usize| items.get(i)).into_iter().collect()
                }
                (step, v) => v.get(step).into_iter().collect::<Vec<_>>(),
            })
            .collect()
    })
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Compares what the front end made of a request.
pub fn operation(actual: &Value, expect: &Value, out: &mut Complaints) {
    let wanted = &expect["operation"];
    if !wanted.is_null() && !has(actual, wanted) {
        out.push(format!("operation {actual}\n  has not {wanted}"));
    }
    for (key, value) in members(&expect["operation_exact"]) {
        if !same(&actual[key], value) {
            out.push(format!("{key} is {} instead of {value}", actual[key]));
        }
    }
    for path in expect["operation_absent"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !at(actual, path).is_empty() {
            out.push(format!("{path} is there"));
        }
    }
    for (path, length) in members(&expect["operation_lengths"]) {
        let found = at(actual, path).first().and_then(|v| v.as_array()).map(Vec::len);
        if found != length.as_u64().map(|n| n as usize) {
            out.push(format!("{path} has {found:?} members instead of {length}"));
        }
    }
    for (path, set) in members(&expect["operation_set"]) {
        let mut found: Vec<String> = at(actual, path).iter().map(ToString::to_string).collect();
        let mut wanted: Vec<String> = set.as_array().into_iter().flatten().map(ToString::to_string).collect();
        found.sort();
        wanted.sort();
        if found != wanted {
            out.push(format!("{path} is {found:?} instead of {wanted:?}"));
        }
    }
    if !expect["shape_geojson"].is_null() {
        let found = shape(&actual["subset"]["shape"]);
        if !found.as_ref().is_some_and(|f| same(f, &expect["shape_geojson"])) {
            out.push(format!("shape is {found:?}"));
        }
    }
}

fn shape(value: &Value) -> Option<Value> {
    if let Some(text) = value.as_str() {
        return serde_json::from_str(text).ok();
    }
    let path = value["href"].as_str()?.strip_prefix("file://")?;
    serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

/// Compares the body of an answer.
pub fn body(text: &str, expect: &Value, out: &mut Complaints) {
    let json: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    let shown: String = text.chars().take(600).collect();
    if !expect["json"].is_null() && !same(&json, &expect["json"]) {
        out.push(format!("body {shown}\n  is not {}", expect["json"]));
    }
    if !expect["json_subset"].is_null() && !has(&json, &expect["json_subset"]) {
        out.push(format!("body {shown}\n  has not {}", expect["json_subset"]));
    }
    for (path, value) in members(&expect["json_at"]) {
        if !at(&json, path).first().is_some_and(|v| same(v, value)) {
            out.push(format!("{path} is {:?} instead of {value}", at(&json, path)));
        }
    }
    for (path, value) in members(&expect["json_contains_at"]) {
        let found = at(&json, path).first().and_then(|v| v.as_str()).unwrap_or_default();
        if !found.contains(value.as_str().unwrap()) {
            out.push(format!("{path} is {found:?} without {value}"));
        }
    }
    for (path, length) in members(&expect["json_lengths"]) {
        let found = at(&json, path).first().and_then(|v| v.as_array()).map_or(0, Vec::len);
        if length.as_u64() != Some(found as u64) {
            out.push(format!("{path} has {found} members instead of {length}"));
        }
    }
    if let Some(keys) = expect["json_keys"].as_array() {
        let found: Vec<&str> = members(&json).map(|(k, _)| k.as_str()).collect();
        if found != keys.iter().filter_map(Value::as_str).collect::<Vec<_>>() {
            out.push(format!("keys are {found:?}"));
        }
    }
    let texts = |key: &str| expect[key].as_array().cloned().unwrap_or_default();
    for part in texts("text_contains") {
        if !text.contains(part.as_str().unwrap()) {
            out.push(format!("body {shown}\n  lacks {part}"));
        }
    }
    for part in texts("text_excludes") {
        if text.contains(part.as_str().unwrap()) {
            out.push(format!("body has {part}"));
        }
    }
    if let Some(message) = expect["html_message"].as_str()
        && !text.contains(&format!("<span class=\"message\">{message}</span>"))
    {
        out.push(format!("page {shown}\n  lacks {message}"));
    }
    if expect["body"].as_str().is_some_and(|whole| whole != text) {
        out.push(format!("body is {shown:?}"));
    }
}
