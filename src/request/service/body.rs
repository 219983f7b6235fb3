//! Parameters in the JSON body of an EDR query.

use serde_json::Value;

use super::declared::{EdrQuery, Kind};
use super::fields::{Field, Fields, Origin};
use super::refusal::Refusal;

/// The parameters in the JSON body of an EDR query.
///
/// # Errors
/// [`Refusal::Undescribed`] for what is missing or of another type.
pub fn body_fields(body: &Value, query: EdrQuery) -> Result<Fields, Refusal> {
    let Some(members) = body.as_object() else {
        return Err(Refusal::Undescribed("body parameter \"\" should be object".into()));
    };
    let declared = query.declared();
    let place = if query == EdrQuery::Cube { "bbox" } else { "coords" };
    let own = declared.iter().filter(|d| d.required && d.name != "coords").map(|d| d.name);
    let mut wrong: Vec<String> = [place, "parameter-name"]
        .into_iter()
        .chain(own)
        .filter(|name| !members.contains_key(*name))
        .map(|name| format!("body parameter \"{name}\" should have required property '{name}'"))
        .collect();
    let mut fields = Fields::default();
    for (name, value) in members {
        let kind = declared.iter().find(|d| d.name == name).map(|d| d.kind);
        if let Some(what) = kind.and_then(|kind| mistyped(value, kind)) {
            let shown = if name.contains('-') { format!("['{name}']") } else { name.clone() };
            wrong.push(format!("body parameter \"{shown}\" should be {what}"));
        }
        let values = match value {
            Value::Array(items) => items.iter().map(plain).collect(),
            other => vec![plain(other)],
        };
        fields.list.push(Field { name: name.clone(), values, origin: Origin::Body });
    }
    if wrong.is_empty() { Ok(fields) } else { Err(Refusal::Undescribed(wrong.join("\n\t"))) }
}

/// The type that a value should have and has not.
fn mistyped(value: &Value, kind: Kind) -> Option<&'static str> {
    let (fits, name) = match kind {
        Kind::Text | Kind::Choice(_) => (value.is_string(), "string"),
        Kind::Integer { .. } => (value.as_f64().is_some_and(|v| v.fract() == 0.0), "integer"),
        Kind::Numbers { .. } | Kind::List { .. } => (value.is_array(), "array"),
    };
    (!fits).then_some(name)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        let e = body_fields(&serde_json::json!({ "bbox": [1], "parameter-name": "a" }), EdrQuery::Cube)
            .unwrap_err();
        assert_eq!(
            e.to_string(),
            "body parameter \"bbox\" should be string\n\tbody parameter \"['parameter-name']\" should be array"
        );
        let body = serde_json::json!({ "coords": "", "parameter-name": ["a", "b"], "width": 5 });
        let fields = body_fields(&body, EdrQuery::Position).unwrap();
        assert_eq!((fields.list("parameter-name").len(), fields.text("width").as_deref()), (2, Some("5")));
    }
}
