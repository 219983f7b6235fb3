//! The answer with a result that is still being made.

use std::fs::File;
use std::io;
use std::sync::{Arc, Weak};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::watch;
use uuid::Uuid;

use super::{PIECE, describe};
use crate::http::{App, Problem};
use crate::jobs::growing::{End, Extent};
use crate::jobs::{Jobs, media};

/// A result in the making, as a reader sees it.
pub struct Growth {
    pub job: Uuid,
    pub file: Arc<File>,
    pub extent: watch::Receiver<Extent>,
}

impl Growth {
    /// Waits for the end of the writing, however it ends.
    pub async fn ended(mut self) {
        // The writer gone without a word has ended too.
        let _ = self.extent.wait_for(|extent| extent.end.is_some()).await;
    }
}

/// The bytes as they come, without a length, which nobody knows yet. A client that goes away ends the job.
///
/// # Errors
/// None of its own; what goes wrong later breaks off the body.
pub async fn answer(app: &App, growth: Growth, name: &str) -> Result<Response, Problem> {
    let mut headers = describe(name, media::type_of(name));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let reader = Reader { growth, jobs: Arc::downgrade(&app.jobs), at: 0, is_done: false };
    let pieces = stream::try_unfold(reader, |mut reader| async move {
        let piece = reader.next().await?;
        Ok::<_, io::Error>(piece.map(|piece| (piece, reader)))
    });
    Ok((StatusCode::OK, headers, Body::from_stream(pieces)).into_response())
}

/// Reads behind the writer. Dropped before the end it ends the job: nobody else takes the result.
struct Reader {
    growth: Growth,
    jobs: Weak<Jobs>,
    at: u64,
    is_done: bool,
}

impl Reader {
    /// The next bytes, when there are some; `None` at the end.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let at = self.at;
        let seen = self.growth.extent.wait_for(|extent| extent.ready > at || extent.end.is_some()).await;
        let seen = *seen.map_err(|_| broken())?;
        if seen.ready > at {
            let wanted = usize::try_from(seen.ready - at).unwrap_or(PIECE).min(PIECE);
            let file = self.growth.file.clone();
            let piece = tokio::task::spawn_blocking(move || read(&file, at, wanted)).await??;
            self.at += piece.len() as u64;
            return Ok(Some(piece));
        }
        self.is_done = true;
        if seen.end == Some(End::Complete) { Ok(None) } else { Err(broken()) }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let ended = self.is_done || self.growth.extent.borrow().end.is_some();
        if let (false, Some(jobs)) = (ended, self.jobs.upgrade()) {
            jobs.abandon(self.growth.job);
        }
    }
}

fn broken() -> io::Error {
    io::Error::other("the result could not be completed; the job says why")
}

#[cfg(unix)]
fn read(file: &File, at: u64, len: usize) -> io::Result<Bytes> {
    let mut piece = vec![0; len];
    std::os::unix::fs::FileExt::read_exact_at(file, &mut piece, at)?;
    Ok(Bytes::from(piece))
}

#[cfg(windows)]
fn read(file: &File, at: u64, len: usize) -> io::Result<Bytes> {
    let mut piece = vec![0; len];
    let n = std::os::windows::fs::FileExt::seek_read(file, &mut piece, at)?;
    piece.truncate(n);
    Ok(Bytes::from(piece))
}
