//! What Coverages and EDR share: from parameters to the answer.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::{App, Caller, Problem};
use crate::request::service::accept::{Answer, Asked, Desk};
use crate::request::service::collections::{self, Found};
use crate::request::service::fields::Fields;
use crate::request::service::{Refusal, Wanted, format};

/// A JSON document.
pub fn document(value: &serde_json::Value) -> Response {
    typed("application/json; charset=utf-8", value.to_string())
}

/// A text with its media type.
pub fn typed(media_type: &'static str, text: impl Into<axum::body::Body>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))], text.into()).into_response()
}

/// No such page.
pub fn no_page(method: &Method) -> Problem {
    Problem::not_found(match *method {
        Method::POST => "The requested POST page was not found.",
        _ => "The requested page was not found.",
    })
}

/// Segments of a path, not decoded, without the empty one that a slash at the end makes.
pub fn segments(uri: &Uri) -> Vec<&str> {
    let path = uri.path().strip_prefix('/').unwrap_or(uri.path());
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').collect()
}

/// The address that was asked for, without query and without a slash at its end.
pub fn address(caller: &Caller, uri: &Uri) -> String {
    format!("{}{}", caller.root, uri.path().trim_end_matches('/'))
}

/// The collections of a path segment.
///
/// # Errors
/// As [`collections::find`].
pub async fn find(app: &App, caller: &Caller, segment: &str) -> Result<Found, Refusal> {
    collections::find(app.catalog.as_ref(), &app.chains, segment, &caller.root).await
}

/// Accepts a request that was read, and says where its result is.
///
/// # Errors
/// As [`Desk::accept`].
pub async fn answer(
    app: &Arc<App>,
    caller: Caller,
    (uri, headers): (&Uri, &HeaderMap),
    found: Found,
    fields: &Fields,
    mut wanted: Wanted,
) -> Result<Response, Problem> {
    if wanted.operation.format.mime.is_none() {
        let all: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect();
        wanted.accept = format::accepted(&all.join(","));
    }
    let mut url = format!("{}{}", caller.root, uri.path());
    let query = fields.to_query();
    if !query.is_empty() {
        url = format!("{url}?{query}");
    }
    let asked = Asked { request_id: caller.request_id, user: caller.name, root: caller.root, url };
    let desk = Desk {
        config: &app.config,
        catalog: app.catalog.as_ref(),
        chains: &app.chains,
        queue: app.queue.as_ref(),
    };
    let location = match desk.accept(found, wanted, asked).await? {
        Answer::Job(id) => format!("/jobs/{id}"),
        Answer::Result(href) => href,
    };
    let location =
        HeaderValue::from_str(&location).map_err(|e| Problem::internal(format!("{location}: {e}")))?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}
