//! What the doors to maps share: the renderer, remembered answers, and how many maps are drawn at once.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use tokio::sync::Semaphore;

use super::Problem;
use super::layers::Known;
use super::map_answers::Answers;
use super::wms::Sequences;
use crate::catalog::sources::store_options;
use crate::config::Config;
use crate::maps::{Limits, MapError, Maps, UserStyle};

/// The renderer and what its doors remember.
pub struct MapService {
    pub maps: Arc<Maps>,
    pub known: Known,
    /// Of capabilities documents.
    pub sequences: Sequences,
    answers: Answers,
    drawing: Semaphore,
}

/// The renderer that the settings ask for, keeping so many bytes of decoded values in memory.
///
/// # Errors
/// What is wrong with the styles of `collections_file`.
pub fn renderer(config: &Config, cache_bytes: u64) -> Result<Maps, String> {
    let limits = Limits {
        cache_bytes,
        store_bytes: config.map_store,
        max_side: config.map_max_side,
        open_granules: config.map_open_granules.max(1),
    };
    let styles = match &config.collections_file {
        Some(file) if !file.as_os_str().is_empty() => UserStyle::read_all(file)?,
        _ => Vec::new(),
    };
    let maps = Maps::new(limits).with_styles(styles).with_sources(store_options(config));
    Ok(maps.with_store(config.data.join("maps")))
}

/// Maps of one share of pixels that are drawn at once.
fn at_once() -> usize {
    2 * std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// A finished answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub body: bytes::Bytes,
    pub media_type: String,
    pub etag: String,
    pub headers: Vec<(HeaderName, String)>,
}

/// Pixels of a picture that count as one of those that may be drawn at once.
const SHARE: usize = 2 << 20;

impl MapService {
    /// # Errors
    /// What is wrong with the styles of `collections_file`.
    pub fn new(config: &Config) -> Result<Self, String> {
        Ok(MapService {
            // Three quarters for values, an eighth each for positions and for finished answers.
            maps: Arc::new(renderer(config, config.map_cache / 4 * 3)?),
            known: Known::default(),
            sequences: Sequences::default(),
            answers: Answers::new(
                usize::try_from(config.map_cache / 8).unwrap_or(usize::MAX),
                Duration::from_secs(config.map_refresh_seconds),
            ),
            drawing: Semaphore::new(at_once()),
        })
    }

    /// Does `work` where it may block, not more of it at once than there are threads for.
    ///
    /// # Errors
    /// What `work` says; ours when it panics.
    pub async fn run<T: Send + 'static, E: From<Problem> + Send + 'static>(
        &self,
        work: impl FnOnce(&Maps) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        self.run_sized(0, work).await
    }

    /// The same for a picture of so many pixels: fewer large ones are drawn at once, so that all of them together take
    /// no more memory than the small ones.
    ///
    /// # Errors
    /// As [`MapService::run`].
    pub async fn run_sized<T: Send + 'static, E: From<Problem> + Send + 'static>(
        &self,
        pixels: usize,
        work: impl FnOnce(&Maps) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let closed = |e: tokio::sync::AcquireError| E::from(Problem::internal(e));
        let share = (pixels / SHARE).clamp(1, at_once());
        let share = u32::try_from(share).unwrap_or(u32::MAX);
        let _permit = self.drawing.acquire_many(share).await.map_err(closed)?;
        let maps = self.maps.clone();
        match tokio::task::spawn_blocking(move || work(&maps)).await {
            Ok(result) => result,
            Err(e) => Err(E::from(Problem::internal(e))),
        }
    }

    /// Whether nobody waits for a map.
    pub fn is_idle(&self) -> bool {
        self.drawing.available_permits() == at_once()
    }

    /// The answer to `key`, made once however many ask for it, and kept for some seconds.
    ///
    /// # Errors
    /// What `make` says; errors are not kept.
    pub async fn answer<E>(
        &self,
        key: String,
        make: impl Future<Output = Result<Answer, E>>,
    ) -> Result<Answer, E> {
        self.answers.get(key, make).await
    }
}

impl Answer {
    pub fn new(body: Vec<u8>, media_type: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        Answer {
            etag: format!("\"{:016x}-{:x}\"", hasher.finish(), body.len()),
            // What is kept is no longer than what is counted.
            body: body.into_boxed_slice().into(),
            media_type: media_type.to_owned(),
            headers: Vec::new(),
        }
    }

    /// With a header; what can't stand in one is left out.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((HeaderName::from_static(name), value.into()));
        self
    }

    /// The response, 304 where the client has it already. `max_age`: seconds that it may be kept without asking.
    pub fn response(&self, request: &HeaderMap, max_age: u64) -> Response {
        let known = request.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let same =
            known.split(',').map(|t| t.trim().trim_start_matches("W/")).any(|t| t == self.etag || t == "*");
        let mut response = match same {
            true => Response::new(Body::empty()),
            false => Response::new(Body::from(self.body.clone())),
        };
        if same {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        let mut put = |name: HeaderName, value: &str| {
            let clean: String = value.chars().filter(|c| !c.is_control()).take(2000).collect();
            if let Ok(value) =
                HeaderValue::from_str(&clean).or_else(|_| HeaderValue::from_str(&ascii(&clean)))
            {
                headers.append(name, value);
            }
        };
        put(header::ETAG, &self.etag);
        put(header::CACHE_CONTROL, &format!("public, max-age={max_age}"));
        for (name, value) in &self.headers {
            put(name.clone(), value);
        }
        if !same {
            put(header::CONTENT_TYPE, &self.media_type);
        }
        response
    }
}

fn ascii(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
}

impl From<MapError> for Problem {
    fn from(error: MapError) -> Self {
        match error {
            MapError::TooLarge(message) => Problem::too_large(message),
            MapError::Read { ref detail, ref granule } => {
                tracing::error!(%detail, %granule, "a granule can't be read for a map");
                Problem::server(format!("{granule}: it can't be read for a map"))
            }
            other => Problem::invalid(other.to_string()),
        }
    }
}

/// How a header says that a picture shows nothing, or not all it should.
pub fn state(picture: &crate::maps::Picture, granules: usize) -> Option<String> {
    let notes = picture.notes.join("; ");
    match (picture.empty, granules, notes.is_empty()) {
        (true, 0, _) => Some("empty; reason=no granule matches".into()),
        (true, _, true) => Some("empty; reason=the granules have no values here".into()),
        (true, _, false) => Some(format!("empty; reason={notes}")),
        (false, _, false) => Some(format!("partial; reason={notes}")),
        (false, _, true) => None,
    }
}
