//! What the tables of an archive hold, for people and for programs.

use std::fmt::Write;

use harmony_model::{Attribute, Granule};
use serde_json::{Map, Value, json};

use super::member;
use crate::table::{Collected, Column, Role, Table};

/// An attribute as JSON: text, number, or a list of them. Texts of unknown encoding and types without numbers are left
/// out.
fn value(attr: &Attribute) -> Option<Value> {
    if let Some(texts) = attr.as_texts() {
        return Some(match texts.as_slice() {
            [one] => json!(one),
            many => json!(many),
        });
    }
    let numbers = attr.as_f64s()?;
    // JSON has no NaN.
    let number = |v: &f64| match attr.dtype.is_integer() && v.abs() < 9e15 {
        true => json!(*v as i64),
        false => serde_json::Number::from_f64(*v).map_or_else(|| json!(v.to_string()), Value::Number),
    };
    Some(match numbers.as_slice() {
        [one] => number(one),
        many => Value::Array(many.iter().map(number).collect()),
    })
}

fn attributes(attrs: &[Attribute]) -> Value {
    Value::Object(attrs.iter().filter_map(|a| Some((a.name.clone(), value(a)?))).collect())
}

fn of_role(table: &Table, role: Role) -> impl Iterator<Item = &Column> {
    table.columns.iter().filter(move |c| c.role == role)
}

pub fn json(granule: &Granule, found: &Collected) -> String {
    let describe = |c: &Column| {
        let attrs = c.var.map_or_else(|| json!({}), |v| attributes(&granule.var(v).attrs));
        let path = c.var.map_or(Value::Null, |v| json!(granule.var(v).path));
        json!({"column": c.name, "path": path, "attributes": attrs})
    };
    let table = |(i, t): (usize, &Table)| {
        let dims: Map<String, Value> = of_role(t, Role::Dimension)
            .map(|c| (c.name.clone(), json!(granule.dim(t.dims[c.axes[0]]).len)))
            .collect();
        json!({
            "file": member(granule, i),
            "dimensions": dims,
            "coordinates": of_role(t, Role::Coordinate).map(describe).collect::<Vec<_>>(),
            "variables": of_role(t, Role::Variable).map(describe).collect::<Vec<_>>(),
        })
    };
    let groups: Map<String, Value> =
        granule.groups.iter().skip(1).map(|g| (g.path.clone(), attributes(&g.attrs))).collect();
    let all = json!({
        "granule": granule.name,
        "tables": found.tables.iter().enumerate().map(table).collect::<Vec<_>>(),
        "global_attributes": attributes(&granule.groups[0].attrs),
        "group_attributes": groups,
    });
    // A tree of texts and numbers always has a text.
    serde_json::to_string_pretty(&all).unwrap_or_default() + "\n"
}

pub fn markdown(granule: &Granule, found: &Collected) -> String {
    let mut out = format!("# {}\n\n", granule.name);
    out.push_str(
        "Rows in which all variables are missing are left out. Empty fields are missing values. Values are unpacked; \
         times are UTC (ISO 8601).\n",
    );
    for (i, table) in found.tables.iter().enumerate() {
        let dims: Vec<String> = of_role(table, Role::Dimension)
            .map(|c| format!("{} ({})", c.name, granule.dim(table.dims[c.axes[0]]).len))
            .collect();
        let _ = write!(out, "\n## {}\n\nDimensions: {}\n\n", member(granule, i), dims.join(", "));
        out.push_str("| column | role | units | description |\n|---|---|---|---|\n");
        for c in &table.columns {
            let role = match c.role {
                Role::Dimension => "dimension",
                Role::Coordinate => "coordinate",
                Role::Variable => "variable",
            };
            let text = |name: &str| {
                let text = c.var.and_then(|v| granule.var(v).attr_text(name)).unwrap_or_default();
                text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
            };
            let _ = writeln!(out, "| {} | {role} | {} | {} |", c.name, text("units"), text("long_name"));
        }
    }
    section(&mut out, "Global attributes", &granule.groups[0].attrs);
    for group in granule.groups.iter().skip(1).filter(|g| !g.attrs.is_empty()) {
        section(&mut out, &format!("Attributes of {}", group.path), &group.attrs);
    }
    out
}

fn section(out: &mut String, title: &str, attrs: &[Attribute]) {
    let _ = write!(out, "\n## {title}\n\n");
    for attr in attrs {
        let text = match value(attr) {
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
            None => continue,
        };
        let _ = writeln!(out, "- {}: {}", attr.name, text.trim_end().replace('\n', "\n  "));
    }
}
