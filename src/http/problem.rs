//! From an error to status and body: the one place that decides both.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::escape;
use crate::catalog::CatalogError;
use crate::jobs::JobError;

/// An answer that is an error. Whether it is shown as JSON or as a page depends on the path, which a layer knows:
/// [`super::shape_errors`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub status: StatusCode,
    /// After `harmony.` in most cases; shown as it is.
    pub code: &'static str,
    pub message: String,
    pub form: Form,
    pub retry_after_s: Option<u32>,
}

/// How a problem is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `{"code", "description"}` or a page, by path.
    ByPath,
    /// `{"code", "description"}` whatever the path.
    Json,
    /// The bare message as a JSON string (WMS).
    JsonText,
    /// The bare message.
    Plain,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $code:literal, $form:ident;)*) => {
        impl Problem {
            $($(#[$doc])*
            pub fn $name(message: impl Into<String>) -> Self {
                Problem {
                    status: StatusCode::$status,
                    code: $code,
                    message: message.into(),
                    form: Form::$form,
                    retry_after_s: None,
                }
            })*
        }
    };
}

kinds! {
    /// A parameter is wrong.
    invalid = BAD_REQUEST, "harmony.RequestValidationError", Json;
    /// A parameter does not fit the API's description.
    openapi = BAD_REQUEST, "openapi.ValidationError", Json;
    /// A body of a kind that the route does not take.
    unsupported_body = UNSUPPORTED_MEDIA_TYPE, "openapi.ValidationError", Json;
    /// A label that is nothing but blanks, and what else is told in bare words.
    plain_invalid = BAD_REQUEST, "harmony.RequestValidationError", Plain;
    /// A WMS parameter is wrong.
    wms = BAD_REQUEST, "harmony.RequestValidationError", JsonText;
    unauthorized = UNAUTHORIZED, "harmony.UnauthorizedError", ByPath;
    forbidden = FORBIDDEN, "harmony.ForbiddenError", ByPath;
    not_found = NOT_FOUND, "harmony.NotFoundError", ByPath;
    conflict = CONFLICT, "harmony.ConflictError", ByPath;
    /// No service chain can do it.
    unsupported = UNPROCESSABLE_ENTITY, "harmony.UnsupportedOperation", ByPath;
    /// The work on a synchronous request failed.
    service = BAD_REQUEST, "harmony.ServiceError", ByPath;
    too_large = PAYLOAD_TOO_LARGE, "harmony.RequestValidationError", Json;
    /// Our fault; `message` may be shown.
    server = INTERNAL_SERVER_ERROR, "harmony.ServerError", ByPath;
    unavailable = SERVICE_UNAVAILABLE, "harmony.ServerError", ByPath;
}

impl Problem {
    /// Our fault, in words that are logged and not shown.
    pub fn internal(detail: impl std::fmt::Display) -> Self {
        tracing::error!(%detail, "internal error");
        Problem::server("Internal server error")
    }

    pub fn with_status(self, status: StatusCode) -> Self {
        Problem { status, ..self }
    }

    /// The answer, as JSON or as a page.
    pub fn response(&self, json: bool) -> Response {
        let text = match self.form {
            Form::Plain => return (self.status, self.message.clone()).into_response(),
            Form::JsonText => json!(self.message).to_string(),
            Form::Json | Form::ByPath if json || self.form == Form::Json => {
                json!({ "code": self.code, "description": format!("Error: {}", self.message) }).to_string()
            }
            _ => return self.page(),
        };
        let mut response = (self.status, text).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        self.add_retry(&mut response);
        response
    }

    fn add_retry(&self, response: &mut Response) {
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
    }

    fn page(&self) -> Response {
        let text = format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <title>Earthdata is currently unavailable</title></head><body>\
             <h1>Sorry! <span class=\"message\">{}</span></h1>\
             <p>The address and its parameters are described at <a href=\"/docs\">/docs</a>; questions go to the \
             operator of this service, <a href=\"mailto:support@earthdata.nasa.gov\">support@earthdata.nasa.gov</a> \
             for NASA's own.</p></body></html>\n",
            escape::html_of_reference(&self.message)
        );
        let mut response = (self.status, text).into_response();
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, html);
        self.add_retry(&mut response);
        response
    }
}

/// The problem travels in the response's extensions to the layer that knows the path.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.response(true);
        response.extensions_mut().insert(self);
        response
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Rejected { status, message } => Problem {
                status: StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
                code: "harmony.CmrError",
                message,
                form: Form::ByPath,
                retry_after_s: None,
            },
            CatalogError::Unavailable { ref detail } => {
                tracing::error!(%detail, "the catalogue does not answer as it should");
                Problem { code: "harmony.CmrError", ..Problem::unavailable(error.to_string()) }
            }
            CatalogError::Failed { ref detail } => {
                tracing::error!(%detail, "the catalogue can't be asked");
                Problem::server(error.to_string())
            }
        }
    }
}

impl From<JobError> for Problem {
    fn from(error: JobError) -> Self {
        match error {
            JobError::NotSaved { ref detail } | JobError::Internal { ref detail } => {
                tracing::error!(%detail, "the job store failed");
                Problem::server(error.to_string())
            }
            JobError::Busy { message, retry_after_s } => {
                Problem { retry_after_s: Some(retry_after_s), ..Problem::unavailable(message) }
            }
        }
    }
}
