//! Bodies of service requests: multipart forms with an uploaded shape, and JSON.

use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use multer::{Constraints, Field, Multipart, SizeLimit};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use crate::config::Config;
use crate::request::service::Refusal;
use crate::request::service::fields::{Fields, Origin};
use crate::request::service::upload::{self, Upload};

/// Bytes of one text in a form.
const LONGEST_TEXT: u64 = 1 << 20;
/// Bytes of all texts together.
const ALL_TEXTS: u64 = 64 << 20;
/// Bytes of a JSON body.
const LONGEST_JSON: usize = 100 * 1024;
/// Name of the part with a shape.
const SHAPE: &str = "shapefile";

/// What a form holds.
#[derive(Debug, Default)]
pub struct Form {
    pub fields: Fields,
    pub upload: Option<Upload>,
}

/// The media type of a body, as it was written.
fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE).map(|v| v.to_str().unwrap_or("unreadable"))
}

/// Whether nothing follows the head.
fn is_empty(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok());
    length.is_none_or(|l| l.trim() == "0") && !headers.contains_key(header::TRANSFER_ENCODING)
}

fn bare(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

/// Reads a multipart form. No body at all is an empty form. The file of a shape goes to the folder of uploads.
///
/// # Errors
/// [`Refusal::BodyType`] for another kind of body, [`Refusal::Invalid`] for one that is malformed or has too many
/// parts, [`Refusal::TooLarge`].
pub async fn read_form(headers: &HeaderMap, body: Body, config: &Config) -> Result<Form, Refusal> {
    let Some(media_type) = content_type(headers) else {
        return if is_empty(headers) {
            Ok(Form::default())
        } else {
            Err(Refusal::BodyType("undefined".into()))
        };
    };
    if !bare(media_type).eq_ignore_ascii_case("multipart/form-data") {
        return Err(Refusal::BodyType(bare(media_type).into()));
    }
    let boundary = multer::parse_boundary(media_type).map_err(malformed)?;
    let limits = SizeLimit::new()
        .whole_stream(config.max_post_file_size.saturating_add(ALL_TEXTS))
        .per_field(LONGEST_TEXT)
        .for_field(SHAPE, config.max_post_file_size);
    let constraints = Constraints::new().size_limit(limits);
    let mut parts = Multipart::with_constraints(body.into_data_stream(), boundary, constraints);
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut upload = None;
    let mut count = 0;
    while let Some(field) = parts.next_field().await.map_err(malformed)? {
        count += 1;
        if count > config.max_post_file_parts || pairs.len() >= config.max_post_fields {
            let most = config.max_post_file_parts.min(config.max_post_fields);
            return Err(Refusal::TooLarge(format!("The form has more than {most} parts.")));
        }
        let name = field.name().unwrap_or_default().to_owned();
        if field.file_name().is_none() {
            pairs.push((name, field.text().await.map_err(malformed)?));
        } else if name != SHAPE {
            return Err(Refusal::Invalid(format!(
                "Unexpected file \"{name}\". Send a shape as \"{SHAPE}\"."
            )));
        } else if upload.is_some() {
            return Err(Refusal::Invalid("There is more than one shapefile. Send one.".into()));
        } else {
            upload = Some(store(field, config).await?);
        }
    }
    Ok(Form { fields: Fields::from_pairs(pairs, Origin::Form), upload })
}

fn malformed(error: multer::Error) -> Refusal {
    match error {
        multer::Error::FieldSizeExceeded { limit, field_name } => Refusal::TooLarge(format!(
            "The field \"{}\" of the form has more than {limit} bytes.",
            field_name.unwrap_or_default()
        )),
        multer::Error::StreamSizeExceeded { limit } => {
            Refusal::TooLarge(format!("The form has more than {limit} bytes."))
        }
        other => Refusal::Invalid(format!("The form can't be read: {other}")),
    }
}

/// Writes a part to a file, piece by piece.
async fn store(mut field: Field<'_>, config: &Config) -> Result<Upload, Refusal> {
    let path = upload::folder(config)?.join(format!("{}.upload", Uuid::new_v4()));
    let media_type = field.content_type().map(ToString::to_string).unwrap_or_default();
    let mut file = tokio::fs::File::create_new(&path).await.map_err(|e| failed(&path, &e))?;
    // From here on the file goes when the request does.
    let upload = Upload { media_type, path };
    while let Some(chunk) = field.chunk().await.map_err(malformed)? {
        file.write_all(&chunk).await.map_err(|e| failed(&upload.path, &e))?;
    }
    file.flush().await.map_err(|e| failed(&upload.path, &e))?;
    Ok(upload)
}

fn failed(path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::Internal(format!("{}: {error}", path.display()))
}

/// Reads a JSON body; `None` when there is none.
///
/// # Errors
/// [`Refusal::BodyType`] for another kind of body, [`Refusal::Body`] for what is no JSON, [`Refusal::TooLarge`].
pub async fn read_json(headers: &HeaderMap, body: Body) -> Result<Option<serde_json::Value>, Refusal> {
    match content_type(headers).map(bare) {
        None if is_empty(headers) => return Ok(None),
        Some(kind) if kind.eq_ignore_ascii_case("application/json") => {}
        other => return Err(Refusal::BodyType(other.unwrap_or("undefined").into())),
    }
    let bytes = axum::body::to_bytes(body, LONGEST_JSON)
        .await
        .map_err(|_| Refusal::TooLarge("request entity too large".into()))?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Some(serde_json::json!({})));
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|e| Refusal::Body(e.to_string()))
}
