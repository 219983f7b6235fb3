//! Files of results: whole or in parts, never encoded for transport.

use std::io::SeekFrom;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use self::growing::Growth;
use super::{App, Problem};
use crate::jobs::media;

mod growing;

/// Bytes of a file that are in memory at once.
const PIECE: usize = 256 * 1024;

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/service-results/{bucket}/{*path}", get(result))
}

fn missing() -> Problem {
    Problem::not_found("The requested resource could not be found")
}

/// Results are on this server: they are answered here, not by an address elsewhere.
async fn result(
    State(app): State<Arc<App>>,
    UrlPath((bucket, path)): UrlPath<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if bucket != app.config.staging_bucket {
        return Err(missing());
    }
    let relative = relative(&path).ok_or_else(missing)?;
    let file = app.jobs.results().join(&relative);
    let name = relative.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if let Some(growing) = growing(&app, &bucket, &relative, &name) {
        let is_plain = method == Method::GET && !headers.contains_key(header::RANGE);
        match is_plain {
            true => return growing::answer(&app, growing, &name).await,
            // Its length, and parts of it, are known when it is whole.
            false => growing.ended().await,
        }
    }
    let mut response = serve_file(&file, &headers, &method, &name, media::type_of(&name)).await?;
    let cache = HeaderValue::from_static("private, max-age=600");
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    Ok(response)
}

/// The result of `<job>/<item>/<name>`, while it is being made.
fn growing(app: &App, bucket: &str, relative: &Path, name: &str) -> Option<Growth> {
    let mut parts = relative.parent()?.components().rev().map(|c| c.as_os_str().to_str());
    let (item, job) = (parts.next()??, parts.next()??);
    let id = job.parse().ok()?;
    let growing = app.jobs.growing(id, &format!("/service-results/{bucket}/public/{job}/{item}"))?;
    let file = growing.file(name)?;
    Some(Growth { job: id, file, extent: growing.extent() })
}

/// A path below the folder of results; `None` for one that leads out of it, or to what is not a result.
fn relative(path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let plain = path.components().all(|c| matches!(c, Component::Normal(_)));
    let text = path.to_str()?;
    let is_public = text.starts_with("public/");
    (plain && is_public && !text.contains(['\0', '\\'])).then(|| path.to_path_buf())
}

/// Which part of a file is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    /// First byte and number of bytes.
    Range(u64, u64),
    /// There is no such part.
    Unsatisfiable,
}

/// Answers a GET or HEAD with a file: ranges (one, also from the end), validators, a name to save it under.
///
/// # Errors
/// 404 when it is not there or not a file, 500 when it can't be read.
pub async fn serve_file(
    path: &Path,
    headers: &HeaderMap,
    method: &Method,
    name: &str,
    media_type: &str,
) -> Result<Response, Problem> {
    let mut file = File::open(path).await.map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound
        | std::io::ErrorKind::NotADirectory
        | std::io::ErrorKind::InvalidFilename => missing(),
        _ => Problem::internal(e),
    })?;
    let about = file.metadata().await.map_err(Problem::internal)?;
    if !about.is_file() {
        return Err(missing());
    }
    let modified = about.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let length = about.len();
    let tag = format!("\"{:x}-{length:x}\"", modified.as_nanos());
    let mut own = describe(name, media_type);
    put(&mut own, header::ETAG, &tag);
    put(&mut own, header::LAST_MODIFIED, &http_date(modified.as_secs()));
    put(&mut own, header::ACCEPT_RANGES, "bytes");
    if is_known(headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, own).into_response());
    }
    let (status, start, count) = match part(headers, &tag, length) {
        Part::Whole => (StatusCode::OK, 0, length),
        Part::Range(start, count) => {
            let range = format!("bytes {start}-{}/{length}", start + count - 1);
            put(&mut own, header::CONTENT_RANGE, &range);
            (StatusCode::PARTIAL_CONTENT, start, count)
        }
        Part::Unsatisfiable => {
            put(&mut own, header::CONTENT_RANGE, &format!("bytes */{length}"));
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, own).into_response());
        }
    };
    own.insert(header::CONTENT_LENGTH, HeaderValue::from(count));
    if method == Method::HEAD {
        return Ok((status, own).into_response());
    }
    file.seek(SeekFrom::Start(start)).await.map_err(Problem::internal)?;
    Ok((status, own, body(file, count)).into_response())
}

fn put(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

/// What is said of a file whatever is asked for.
fn describe(name: &str, media_type: &str) -> HeaderMap {
    let mut own = HeaderMap::new();
    let text = media_type.starts_with("text/");
    let media_type = if text { format!("{media_type}; charset=utf-8") } else { media_type.to_owned() };
    put(&mut own, header::CONTENT_TYPE, &media_type);
    put(&mut own, header::CONTENT_DISPOSITION, &disposition(name));
    // Results are files that others made: a browser must not take them for pages.
    put(&mut own, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    own
}

/// `attachment` with the name, also for names that are not ASCII (RFC 6266).
fn disposition(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\') || c == ' ';
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    if plain == name {
        return format!("attachment; filename=\"{name}\"");
    }
    let mut encoded = String::new();
    for &byte in name.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn http_date(seconds: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let day = DAYS[(seconds / 86_400 % 7) as usize];
    let text = crate::jobs::iso(i64::try_from(seconds).unwrap_or(0).saturating_mul(1000));
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or("00").to_owned();
    let month = part(5..7).parse::<usize>().unwrap_or(1).clamp(1, 12);
    format!("{day}, {} {} {} {} GMT", part(8..10), MONTHS[month - 1], part(0..4), part(11..19))
}

/// Whether the client has it already.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok());
    known.is_some_and(|list| {
        list.split(',').map(|t| t.trim().trim_start_matches("W/")).any(|t| t == tag || t == "*")
    })
}

/// Reads `Range`. What is not one range of bytes is passed over, as it may be (RFC 9110).
fn part(headers: &HeaderMap, tag: &str, length: u64) -> Part {
    // With `If-Range` a part is only wanted of the same file.
    if headers.get(header::IF_RANGE).is_some_and(|v| v.as_bytes() != tag.as_bytes()) {
        return Part::Whole;
    }
    let Some(text) = headers.get(header::RANGE).and_then(|v| v.to_str().ok()) else { return Part::Whole };
    let Some((unit, range)) = text.split_once('=') else { return Part::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || range.contains(',') {
        return Part::Whole;
    }
    let Some((first, last)) = range.trim().split_once('-') else { return Part::Whole };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match (first.trim().is_empty(), last.trim().is_empty(), number(first), number(last)) {
        (true, false, _, Some(n)) if n > 0 && length > 0 => {
            Part::Range(length - n.min(length), n.min(length))
        }
        (true, false, _, Some(_)) => Part::Unsatisfiable,
        (false, true, Some(first), _) if first < length => Part::Range(first, length - first),
        (false, false, Some(first), Some(last)) if last < first => Part::Whole,
        (false, false, Some(first), Some(last)) if first < length => {
            Part::Range(first, last.min(length - 1) - first + 1)
        }
        (false, _, Some(_), _) => Part::Unsatisfiable,
        _ => Part::Whole,
    }
}

/// The next `left` bytes of a file, piece by piece as the client takes them.
fn body(file: File, left: u64) -> Body {
    Body::from_stream(stream::try_unfold((file, left), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let wanted = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let mut piece = vec![0; wanted];
        let n = file.read(&mut piece).await?;
        if n == 0 {
            let detail = "the file became shorter while it was sent";
            return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, detail));
        }
        piece.truncate(n);
        Ok(Some((Bytes::from(piece), (file, left - n as u64))))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &str, length: u64) -> Part {
        let mut headers = HeaderMap::new();
        put(&mut headers, header::RANGE, range);
        part(&headers, "\"t\"", length)
    }

    #[test]
    fn ranges() {
        assert_eq!(of("bytes=0-9", 100), Part::Range(0, 10));
        assert_eq!(of("bytes=90-", 100), Part::Range(90, 10));
        assert_eq!(of("bytes=-10", 100), Part::Range(90, 10));
        assert_eq!(of("bytes=-1000", 100), Part::Range(0, 100));
        assert_eq!(of("bytes=50-1000", 100), Part::Range(50, 50));
        assert_eq!(of("bytes=100-", 100), Part::Unsatisfiable);
        assert_eq!(of("bytes=-0", 100), Part::Unsatisfiable);
        assert_eq!(of("bytes=0-", 0), Part::Unsatisfiable);
        for whole in ["bytes=5-4", "bytes=0-1,4-5", "items=0-1", "bytes=a-b", "bytes", "bytes=--1"] {
            assert_eq!(of(whole, 100), Part::Whole, "{whole}");
        }
    }

    #[test]
    fn paths_stay_below_the_results() {
        assert!(relative("public/a/1/x.nc").is_some());
        for bad in ["../x", "public/../../x", "/etc/passwd", "public/./../x", "secret/x", "public\\x", ""] {
            assert!(relative(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn names_and_dates() {
        assert_eq!(disposition("a b.nc"), "attachment; filename=\"a b.nc\"");
        assert_eq!(disposition("é\".nc"), "attachment; filename=\"__.nc\"; filename*=UTF-8''%C3%A9%22.nc");
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
