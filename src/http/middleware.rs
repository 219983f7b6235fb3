//! What happens to every request before and after its handler: it is counted, waits when too many are in work, and is
//! refused early when it is too large or comes too slowly.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;

use super::metrics::route_of;
use super::{App, Problem};

/// Longest path and query, bytes. Longer ones are for POST. From 65,535 on the HTTP library refuses them itself, without
/// a word about the way out.
const MAX_URL: usize = 64_000;
/// Most parameters of a query.
const MAX_PARAMETERS: usize = 10_000;
/// Largest body that isn't an upload, bytes.
const MAX_BODY: u64 = 2 * 1024 * 1024;
/// Largest body of an EDR request in JSON, bytes.
const MAX_EDR_BODY: u64 = 100 * 1024;
/// How long a client may take for the next piece of its body.
const BODY_PAUSE: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(30) };
/// How long a request waits for one of those in work to end.
const PATIENCE: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(5) };

/// Counts requests by route, method and status, with the time to the first byte.
pub async fn measure(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (route, method) = (route_of(request.uri().path()), method_name(request.method()));
    let started = Instant::now();
    let _guard = app.system.metrics.enter();
    let response = next.run(request).await;
    app.system.metrics.answered(route, method, response.status().as_u16(), started.elapsed());
    response
}

/// Methods that are counted apart: clients may send any word.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// Lets `max_simultaneous_requests` pass at once. Others wait a little, then are sent away with a time to come back.
/// What tells about the state of the server is always answered.
pub async fn admit(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if matches!(route_of(request.uri().path()), "health" | "readiness" | "metrics") {
        return next.run(request).await;
    }
    match tokio::time::timeout(PATIENCE, app.system.places.acquire()).await {
        Ok(Ok(_place)) => next.run(request).await,
        _ => {
            app.system.metrics.refuse();
            let message = "The server is busy with other requests. Please try again in a few seconds.";
            Problem { retry_after_s: Some(10), ..Problem::unavailable(message) }.into_response()
        }
    }
}

/// Refuses what is too large before any of it is parsed, and bodies that stop coming.
pub async fn bound(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if let Err(problem) = check_url(&request) {
        return problem.into_response();
    }
    let most = max_body(&app, &request);
    let announced = announced_length(request.headers());
    if announced.is_some_and(|n| n > most) {
        return too_large().into_response();
    }
    let has_body =
        announced.is_some_and(|n| n > 0) || request.headers().contains_key(header::TRANSFER_ENCODING);
    if !has_body {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    next.run(Request::from_parts(parts, bounded(body, most))).await
}

fn check_url(request: &Request) -> Result<(), Problem> {
    let uri = request.uri();
    let query = uri.query().unwrap_or_default();
    if uri.path().len() + query.len() > MAX_URL {
        let message = format!(
            "The URL has more than {MAX_URL} characters. Send the parameters as a form (POST, multipart/form-data)."
        );
        return Err(Problem::invalid(message).with_status(StatusCode::URI_TOO_LONG));
    }
    if query.bytes().filter(|b| *b == b'&').count() >= MAX_PARAMETERS {
        return Err(Problem::invalid(format!(
            "The query has more than {MAX_PARAMETERS} parameters. Join the values of a list with commas."
        )));
    }
    Ok(())
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn max_body(app: &App, request: &Request) -> u64 {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if kind.starts_with("multipart/form-data") {
        // The parts' own limits are kept where they are read; this is for all of them together.
        return app.config.max_post_file_size.saturating_add(64 * 1024 * 1024);
    }
    match route_of(request.uri().path()) {
        "ogc-api-edr" => MAX_EDR_BODY,
        _ => MAX_BODY,
    }
}

fn too_large() -> Problem {
    Problem::server("request entity too large").with_status(StatusCode::PAYLOAD_TOO_LARGE)
}

/// A body that ends with an error when it becomes too long or when nothing comes for too long.
fn bounded(body: Body, most: u64) -> Body {
    let pieces =
        futures_util::stream::unfold(Some((body.into_data_stream(), 0_u64)), move |state| async move {
            let (mut stream, so_far) = state?;
            let piece = match tokio::time::timeout(BODY_PAUSE, stream.next()).await {
                Err(_) => return Some((Err(broken("the client stopped sending")), None)),
                Ok(None) => return None,
                Ok(Some(Err(e))) => return Some((Err(broken(e)), None)),
                Ok(Some(Ok(piece))) => piece,
            };
            let so_far = so_far.saturating_add(piece.len() as u64);
            if so_far > most {
                return Some((Err(broken("the body is too large")), None));
            }
            Some((Ok::<Bytes, std::io::Error>(piece), Some((stream, so_far))))
        });
    Body::from_stream(pieces)
}

fn broken(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> std::io::Error {
    std::io::Error::other(why)
}
