//! Who asks, and under which address.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::{App, Problem};

/// The user of a request. Without login everybody is `anonymous`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub name: String,
    pub is_admin: bool,
    /// New for each request; a job that it makes has it as id.
    pub request_id: Uuid,
    /// Scheme and host that links begin with, without a slash at the end.
    pub root: String,
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let name = "anonymous".to_owned();
        let is_admin = app.config.admins.contains(&name);
        let request_id = parts.extensions.get::<Uuid>().copied().unwrap_or_else(Uuid::new_v4);
        Ok(Caller { name, is_admin, request_id, root: root(&app.config.public_root, &parts.headers) })
    }
}

/// Lets administrators pass; where there are none, the page does not exist.
///
/// # Errors
/// 404 or 403.
pub fn admins_only(app: &App, caller: &Caller) -> Result<(), Problem> {
    if app.config.admins.is_empty() {
        return Err(Problem::not_found("The requested resource could not be found"));
    }
    match caller.is_admin {
        true => Ok(()),
        false => Err(Problem::forbidden(NOT_PERMITTED)),
    }
}

pub const NOT_PERMITTED: &str = "You are not permitted to access this resource";

/// Keeps everything below `/admin/` for administrators.
pub async fn guard_admin(
    State(app): State<Arc<App>>,
    path: MatchedPath,
    caller: Caller,
    request: Request,
    next: Next,
) -> Response {
    if path.as_str().starts_with("/admin/")
        && let Err(problem) = admins_only(&app, &caller)
    {
        return problem.into_response();
    }
    next.run(request).await
}

/// Scheme and host of links: plain http only on this machine, as clients of the reference expect.
pub fn root(public_root: &str, headers: &HeaderMap) -> String {
    if !public_root.is_empty() {
        return public_root.trim_end_matches('/').into();
    }
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or("localhost");
    let local = host.starts_with("localhost") || host.starts_with("127.0.0.1");
    format!("{}://{host}", if local { "http" } else { "https" })
}
