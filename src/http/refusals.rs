//! Refusals of requests as answers.

use axum::http::StatusCode;

use super::Problem;
use crate::request::service::Refusal;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::Undescribed(_) => Problem::openapi(message),
            Refusal::BodyType(_) => Problem::unsupported_body(message),
            Refusal::Body(_) => Problem::server(message).with_status(StatusCode::BAD_REQUEST),
            Refusal::TooLarge(_) => Problem::server(message).with_status(StatusCode::PAYLOAD_TOO_LARGE),
            Refusal::Plain(_) => Problem::plain_invalid(message),
            Refusal::NotFound(_) => Problem::not_found(message),
            Refusal::Unsupported(_) => Problem::unsupported(message),
            Refusal::Failed(_) => Problem::service(message),
            Refusal::ManyOutputs(_) => {
                Problem::service(message).with_status(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Refusal::Catalog(error) => error.into(),
            Refusal::Job(error) => error.into(),
            Refusal::Internal(detail) => Problem::internal(detail),
            Refusal::Invalid(_) => Problem::invalid(message),
        }
    }
}
