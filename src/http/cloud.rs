//! Access to results in an object store. This server keeps results in its own folder, so that there is none to give;
//! what can be checked is checked, and the answer says what to do instead.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::problem::Form;
use super::{App, Problem};
use crate::request::query::parse_query;

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/cloud-access", get(cloud_access))
        .route("/cloud-access.sh", get(cloud_access_script))
        .route("/staging-bucket-policy", get(bucket_policy))
}

const NO_CLOUD: &str =
    "No object store is configured on this server: results are served by the links of their jobs";

async fn cloud_access() -> Problem {
    Problem { form: Form::Json, ..Problem::not_found(NO_CLOUD) }
}

async fn cloud_access_script() -> Response {
    let script = format!(">&2 echo \"Error: {NO_CLOUD}.\"\n");
    let mut response = (StatusCode::NOT_FOUND, script).into_response();
    let kind = HeaderValue::from_static("application/x-sh; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

async fn bucket_policy(uri: Uri) -> Problem {
    let query = parse_query(uri.query().unwrap_or_default());
    let path = query.iter().find(|p| p.name.eq_ignore_ascii_case("bucketPath")).map(|p| p.value());
    Problem::invalid(match path.as_deref().map(check_bucket_path) {
        None => REQUIRED,
        Some(Err(wrong)) => wrong,
        Some(Ok(())) => {
            "Failed to generate bucket policy. Bucket policy generation is only available on AWS Harmony deployments"
        }
    })
}

const REQUIRED: &str = "`bucketPath` is a required parameter that must consist of one of a bucket name, e.g., \
                        `my-bucket`, a bucket name plus path/key, e.g., `my-bucket/my/path`, or a full S3 url, e.g., \
                        `s3://my-bucket/my/path`.";

/// A bucket, a bucket and path, or `s3://` and these.
fn check_bucket_path(text: &str) -> Result<(), &'static str> {
    let path = match text.get(..5) {
        Some(scheme) if scheme.eq_ignore_ascii_case("s3://") => &text[5..],
        _ => text,
    };
    if path.is_empty() {
        return Err(REQUIRED);
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.!*'()/".contains(c);
    if !path.chars().all(plain) {
        return Err("bucketPath parameter value contains unsupported characters");
    }
    if path.contains("//") || path.starts_with('/') {
        return Err("bucketPath parameter value contains repeated forward slashes (//)");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_paths_are_checked() {
        for good in ["my-bucket", "my-bucket/my/path", "s3://my-bucket/my/path/", "S3://b"] {
            assert_eq!(check_bucket_path(good), Ok(()), "{good}");
        }
        assert_eq!(check_bucket_path(""), Err(REQUIRED));
        assert!(check_bucket_path("s3://a b").is_err_and(|m| m.contains("unsupported")));
        assert!(check_bucket_path("a//b").is_err_and(|m| m.contains("repeated")));
        assert!(check_bucket_path("s3:/é").is_err());
    }
}
