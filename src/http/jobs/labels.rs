//! Labels: words by which users find their jobs.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::paging::Params;
use super::{App, Caller, Problem, answer, body_of, changes};
use crate::config::Config;
use crate::request::service::labels;

/// Labels as they are kept: a single text is a list separated by commas; trimmed, lower case, each once.
///
/// # Errors
/// 400 for empty, long and forbidden labels.
fn normalise(given: &[String], config: &Config) -> Result<Vec<String>, Problem> {
    let all = labels::normalised(given)?;
    labels::check(&all, &config.labels_allow_list, &config.labels_forbid_list)?;
    Ok(all)
}

/// The values of a field of a JSON body, whatever the case of its name.
fn field(body: &Map<String, Value>, name: &str) -> Vec<String> {
    let value = body.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v);
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    match value {
        Some(Value::Array(items)) => items.iter().map(text).collect(),
        Some(Value::Null) | None => Vec::new(),
        Some(one) => vec![text(one)],
    }
}

struct Wish {
    ids: Vec<Uuid>,
    labels: Vec<String>,
}

/// What the query or the body asks for.
fn read(app: &App, uri: &Uri, body: &[u8]) -> Result<Wish, Problem> {
    let (params, body) = (Params::of(uri), body_of(body));
    let of = |name: &str| {
        let in_query = params.list(name);
        if in_query.is_empty() { field(&body, name) } else { in_query }
    };
    let ids = of("jobID");
    let ids: Vec<String> = ids
        .iter()
        .flat_map(|i| i.split(','))
        .map(|i| i.trim().to_owned())
        .filter(|i| !i.is_empty())
        .collect();
    let ids = changes::known_ids(&ids)?;
    if ids.is_empty() {
        return Err(Problem::invalid("jobID is required: the jobs whose labels change."));
    }
    let given = of("label");
    if given.is_empty() {
        return Err(Problem::plain_invalid("Labels must contain at least one non-whitespace character"));
    }
    Ok(Wish { ids, labels: normalise(&given, &app.config)? })
}

pub async fn add(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    body: Bytes,
) -> Result<Response, Problem> {
    let wish = read(&app, &uri, &body)?;
    app.jobs.store().label(&caller.name, &wish.ids, &wish.labels, true).await?;
    let mut response = answer(&json!({ "labels": wish.labels }));
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

pub async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    body: Bytes,
) -> Result<Response, Problem> {
    let wish = read(&app, &uri, &body)?;
    app.jobs.store().label(&caller.name, &wish.ids, &wish.labels, false).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_put_in_order() {
        let config = Config::default();
        let of = |given: &[&str]| {
            let given: Vec<String> = given.iter().map(|g| (*g).into()).collect();
            normalise(&given, &config).map_err(|p| p.message)
        };
        assert_eq!(of(&["B, c"]).unwrap(), ["b", "c"]);
        assert_eq!(of(&["a", "b, C", "A "]).unwrap(), ["a", "b, c"]);
        assert!(of(&["a", " "]).unwrap_err().starts_with("Labels must contain"));
        assert!(of(&[&"x".repeat(256)]).unwrap_err().starts_with("Labels may not exceed"));
        let refusal = of(&["this_is_a_forbidden_label"]).unwrap_err();
        assert_eq!(refusal, "th*s_*s_*_f*rb*dd*n_l*b*l is not an allowed label");
    }
}
