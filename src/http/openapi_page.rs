//! An OpenAPI document as a page: operations with their parameters, without any script.

use serde_json::Value;

use super::escape::html as escape;
use super::openapi::resolved;
use super::page::table;

/// The document as HTML. It is part of the page too, for programs and people who want it whole.
pub fn render(document: &Value) -> String {
    let text = |value: &Value| escape(value.as_str().unwrap_or_default());
    let info = &document["info"];
    let mut out = format!("<h1>{}</h1><p>{}</p>", text(&info["title"]), text(&info["description"]));
    let server = document["servers"][0]["url"].as_str().unwrap_or_default();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            out.push_str(&one(document, &format!("{server}{path}"), method, operation));
        }
    }
    let whole = serde_json::to_string_pretty(document).unwrap_or_default();
    out.push_str("<h2>The document</h2><details><summary>OpenAPI ");
    out.push_str(&text(&document["openapi"]));
    out.push_str("</summary><pre><code>");
    out.push_str(&escape(&whole));
    out.push_str("</code></pre></details>");
    out
}

fn one(document: &Value, path: &str, method: &str, operation: &Value) -> String {
    let mut out = format!(
        "<details><summary><span class=\"method\">{}</span> <code>{}</code> {}</summary>",
        escape(&method.to_ascii_uppercase()),
        escape(path),
        escape(operation["summary"].as_str().unwrap_or_default())
    );
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !parameters.is_empty() {
        out.push_str("<h3>Parameters</h3>");
        let rows = parameters.iter().map(|p| parameter(resolved(document, p)));
        out.push_str(&table(&["name", "in", "type", "meaning"], rows));
    }
    for (kind, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
        out.push_str(&format!("<h3>Body: {}</h3>", escape(kind)));
        let fields = content["schema"]["properties"].as_object().into_iter().flatten();
        let row = |(name, schema): (&String, &Value)| vec![name.clone(), type_of(schema), words(schema)];
        out.push_str(&table(&["name", "type", "meaning"], fields.map(row)));
    }
    let answers = operation["responses"].as_object().into_iter().flatten();
    let row = |(status, answer): (&String, &Value)| vec![status.clone(), words(resolved(document, answer))];
    out.push_str("<h3>Answers</h3>");
    out.push_str(&table(&["status", "meaning"], answers.map(row)));
    out.push_str("</details>");
    out
}

fn words(value: &Value) -> String {
    value["description"].as_str().unwrap_or_default().to_owned()
}

fn parameter(parameter: &Value) -> Vec<String> {
    let text = |key: &str| parameter[key].as_str().unwrap_or_default().to_owned();
    let required = if parameter["required"] == true { " (required)" } else { "" };
    vec![text("name") + required, text("in"), type_of(&parameter["schema"]), words(parameter)]
}

fn type_of(schema: &Value) -> String {
    let own = schema["type"].as_str().unwrap_or("any");
    if own == "array" {
        return format!("list of {}", type_of(&schema["items"]));
    }
    match schema["enum"].as_array() {
        Some(values) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | "),
        None => own.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operations_and_parameters_are_shown_escaped() {
        let document = json!({ "openapi": "3.0.3", "info": { "title": "A & B", "description": "" }, "paths": {
            "/x": { "get": { "summary": "<i>", "parameters": [{ "name": "p", "in": "query", "required": true,
                "schema": { "type": "array", "items": { "type": "string", "enum": ["a", "b"] } } }],
                "responses": { "200": { "description": "Good." } } } } } });
        let page = render(&document);
        for part in
            ["A &amp; B", "GET</span> <code>/x</code> &lt;i&gt;", "p (required)", "list of a | b", "Good."]
        {
            assert!(page.contains(part), "{part}");
        }
    }
}
