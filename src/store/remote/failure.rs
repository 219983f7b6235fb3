//! Failures of requests in words. The crates' own messages hold whole addresses, with signatures; they are not shown.

use std::error::Error;

use harmony_model::ReadError;
use object_store::client::{HttpError, HttpErrorKind};

use crate::store::StoreError;

/// A failed request as an error of opening.
pub(super) fn of_request(location: &str, error: &object_store::Error) -> StoreError {
    use object_store::Error as E;
    let location = location.to_owned();
    match error {
        E::NotFound { .. } => StoreError::NotFound { location },
        E::PermissionDenied { .. } => denied(location, "403"),
        E::Unauthenticated { .. } => denied(location, "401"),
        other => of_transport(location, other),
    }
}

/// An answer with this status as an error of opening.
pub(super) fn of_status(location: &str, status: u16) -> StoreError {
    let location = location.to_owned();
    match status {
        404 | 410 => StoreError::NotFound { location },
        401 => denied(location, "401"),
        403 => denied(location, "403"),
        _ => StoreError::Failed { location, detail: format!("the server answered with status {status}") },
    }
}

/// No answer, or one that broke off.
pub(super) fn of_transport(location: String, error: &(dyn Error + 'static)) -> StoreError {
    let detail = cause(error);
    if text_in_chain(error, "LOCATION") {
        let detail = "the bucket is in another region: set AWS_REGION".into();
        return StoreError::Failed { location, detail };
    }
    match kind(error) {
        Some(HttpErrorKind::Timeout) => StoreError::Timeout { location },
        Some(HttpErrorKind::Connect) => StoreError::Unreachable { location, detail },
        _ => StoreError::Failed { location, detail },
    }
}

fn denied(location: String, status: &str) -> StoreError {
    let remedy = if location.starts_with("s3://") {
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (AWS_SESSION_TOKEN), or AWS_SKIP_SIGNATURE=true for a \
         public bucket"
    } else {
        "log in and use a signed address, or download it and name the local file"
    };
    StoreError::Denied { location, detail: status.into(), remedy }
}

/// A failed read of `offset`, `len`.
pub(super) fn of_read(location: &str, offset: u64, len: u64, error: &object_store::Error) -> ReadError {
    let detail = match of_request(location, error) {
        StoreError::NotFound { .. } => "the object is gone (404)".to_owned(),
        StoreError::Denied { detail, .. } => {
            format!("access is denied ({detail}); a signed address may have expired")
        }
        StoreError::Unreachable { detail, .. } => format!("the server can't be reached: {detail}"),
        StoreError::Timeout { .. } => "no answer in time".to_owned(),
        _ => cause(error),
    };
    ReadError::Io { source_name: location.into(), offset, len, detail }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |e| {
        // Through the reference that lives as long as the error, not the closure's own.
        let e: &'a (dyn Error + 'static) = *e;
        e.source()
    })
}

fn kind(error: &(dyn Error + 'static)) -> Option<HttpErrorKind> {
    chain(error).find_map(|e| e.downcast_ref::<HttpError>()).map(HttpError::kind)
}

fn text_in_chain(error: &(dyn Error + 'static), text: &str) -> bool {
    chain(error).last().is_some_and(|e| e.to_string().contains(text))
}

/// The innermost reason, without the body that a server's answer may have.
fn cause(error: &(dyn Error + 'static)) -> String {
    let text = chain(error).last().map(ToString::to_string).unwrap_or_default();
    let first: Vec<&str> = text.lines().next().unwrap_or_default().split(": ").take(2).collect();
    let short: String = first.join(": ").chars().take(160).collect();
    if short.contains("://") { "the request failed".into() } else { short }
}
