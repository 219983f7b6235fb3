//! The chunk-parallel array.

use std::sync::Arc;

use harmony_model::{ArraySource, ByteSource, Filter, Heap, ReadError, StoredChunk, Window};
use rayon::prelude::*;

use super::axes::{Pieces, Touched};
use super::ffi::SharedOut;
use super::fill::Fill;
use super::{ChunkLocator, ChunkedSpec, MAX_CHUNK_BYTES, remote, swap_bytes};
use crate::codec::{self, CodecError, Pooled};

/// Chunks located at once: bounds what is held of a huge index.
const BATCH: usize = 1024;
/// A rayon task decodes at least about this much.
const MIN_TASK_BYTES: usize = 64 << 10;

/// An array stored in chunks; reading is parallel over chunks, and each touched chunk is fetched and decoded once.
pub struct ChunkedArray {
    object: String,
    source_name: String,
    shape: Vec<u64>,
    chunk_shape: Vec<u64>,
    element_size: usize,
    swap_width: usize,
    filters: Vec<Filter>,
    fill: Fill,
    locator: Arc<dyn ChunkLocator>,
    heap: Option<Arc<dyn Heap>>,
    max_chunk_bytes: u64,
}

/// The bytes to fetch of one stored chunk.
pub(super) struct Fetch<'a> {
    pub source: &'a Arc<dyn ByteSource>,
    pub offset: u64,
    pub len: usize,
    /// For a chunk without active filters: how many of its bytes are left out at the front.
    skipped: usize,
    filtered: bool,
    filter_mask: u32,
}

impl ChunkedArray {
    /// Nothing is checked or read yet; what is wrong with the description is said when it is used.
    pub fn new(spec: ChunkedSpec) -> Self {
        ChunkedArray {
            fill: Fill::new(spec.fill, spec.element_size),
            object: spec.object,
            source_name: spec.source_name,
            shape: spec.shape,
            chunk_shape: spec.chunk_shape,
            element_size: spec.element_size,
            swap_width: spec.swap_width,
            filters: spec.filters,
            locator: spec.locator,
            heap: spec.heap,
            max_chunk_bytes: MAX_CHUNK_BYTES,
        }
    }

    /// Sets the largest size of one decoded chunk; [`MAX_CHUNK_BYTES`] unless set.
    #[must_use]
    pub fn with_max_chunk_bytes(mut self, limit: u64) -> Self {
        self.max_chunk_bytes = limit;
        self
    }

    fn corrupt(&self, detail: impl Into<String>) -> ReadError {
        ReadError::corrupt(&self.source_name, &self.object, detail)
    }

    /// Bytes of one decoded chunk.
    fn chunk_bytes(&self) -> Result<usize, ReadError> {
        let size = self.chunk_shape.iter().try_fold(self.element_size as u64, |n, &c| n.checked_mul(c));
        match size {
            Some(size) if size <= self.max_chunk_bytes => Ok(size as usize),
            claimed => Err(ReadError::TooLarge {
                source_name: self.source_name.clone(),
                object: format!("a chunk of {}", self.object),
                claimed: claimed.unwrap_or(u64::MAX),
                limit: self.max_chunk_bytes,
            }),
        }
    }

    /// The chunks `window` touches.
    fn touched(&self, window: &Window) -> Result<Touched, ReadError> {
        if self.chunk_shape.len() != self.shape.len() || self.chunk_shape.contains(&0) {
            return Err(self.corrupt(format!(
                "chunks of shape {:?} in an array of shape {:?}",
                self.chunk_shape, self.shape
            )));
        }
        check_window(&self.source_name, &self.object, window, &self.shape)?;
        Touched::new(window, &self.shape, &self.chunk_shape, self.element_size)
            .ok_or_else(|| self.corrupt(format!("shape {:?} has too many chunks", self.shape)))
    }

    fn locate(&self, numbers: &[u64]) -> Result<Vec<StoredChunk>, ReadError> {
        let stored = self.locator.locate_many(numbers)?;
        if stored.len() != numbers.len() {
            return Err(self.corrupt("the chunk index does not answer for every chunk"));
        }
        Ok(stored)
    }

    /// The touched chunks in batches, with where they are stored.
    fn for_each_batch(
        &self,
        touched: &Touched,
        mut f: impl FnMut(usize, &[StoredChunk]) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        for first in (0..touched.count()).step_by(BATCH) {
            let tasks = first..(first + BATCH).min(touched.count());
            let numbers: Vec<u64> = tasks.map(|task| touched.number(task)).collect();
            f(first, &self.locate(&numbers)?)?;
        }
        Ok(())
    }

    /// What has to be fetched for `pieces` of a stored chunk; nothing for a missing one.
    pub(super) fn fetch<'a>(
        &self,
        stored: &'a StoredChunk,
        pieces: &Pieces,
        chunk_bytes: usize,
    ) -> Result<Option<Fetch<'a>>, ReadError> {
        let StoredChunk::At { source, offset, len, filter_mask } = stored else { return Ok(None) };
        let (offset, filter_mask) = (*offset, *filter_mask);
        // Room for codecs that meet incompressible bytes; anything longer is a damaged index.
        let lzw = self.filters.iter().any(|f| f.id == harmony_model::filter::TIFF_LZW);
        let growth = if lzw { chunk_bytes / 2 } else { chunk_bytes / 8 };
        let limit = chunk_bytes as u64 + growth as u64 + (64 << 10);
        let filtered = (0..self.filters.len()).any(|i| i >= 32 || filter_mask >> i & 1 == 0);
        if *len > limit || (!filtered && *len < chunk_bytes as u64) {
            return Err(self.corrupt(format!(
                "a stored chunk of {len} bytes at {offset} where {chunk_bytes} are decoded"
            )));
        }
        let (skipped, len) = if filtered {
            (0, *len as usize)
        } else {
            let (first, end) = pieces.span();
            (first, end - first)
        };
        let offset = offset
            .checked_add(skipped as u64)
            .ok_or_else(|| self.corrupt(format!("a stored chunk at byte {offset}")))?;
        Ok(Some(Fetch { source, offset, len, skipped, filtered, filter_mask }))
    }

    /// Fetches, decodes and scatters touched chunk `task`.
    fn read_one(&self, read: &Read, task: usize, stored: &StoredChunk) -> Result<(), ReadError> {
        let pieces = read.touched.pieces(task);
        let Some(fetch) = self.fetch(stored, &pieces, read.chunk_bytes)? else {
            self.fill_pieces(read, &pieces);
            return Ok(());
        };
        if let (false, Some((_, to, len))) = (fetch.filtered, pieces.single()) {
            // SAFETY: a piece of this chunk only; chunks share no output element.
            let target = unsafe { read.out.piece(to, len) };
            fetch.source.read_at(fetch.offset, target)?;
            swap_bytes(target, self.swap_width);
            return Ok(());
        }
        let mut bytes = Pooled::take();
        let bytes = bytes.slice(fetch.len);
        fetch.source.read_at(fetch.offset, bytes)?;
        self.decode_one(read, task, &fetch, bytes)
    }

    pub(super) fn fill_pieces(&self, read: &Read, pieces: &Pieces) {
        pieces.for_each(|_, to, len| {
            // SAFETY: as in `read_one`.
            self.fill.write(unsafe { read.out.piece(to, len) });
        });
    }

    /// Decodes and scatters the fetched `bytes` of touched chunk `task`.
    pub(super) fn decode_one(
        &self,
        read: &Read,
        task: usize,
        fetch: &Fetch,
        bytes: &[u8],
    ) -> Result<(), ReadError> {
        let pieces = read.touched.pieces(task);
        let mut decoded = Pooled::take();
        let scatter = |chunk: &[u8]| {
            pieces.for_each(|from, to, len| {
                // SAFETY: as in `read_one`.
                let target = unsafe { read.out.piece(to, len) };
                target.copy_from_slice(&chunk[from - fetch.skipped..from - fetch.skipped + len]);
                swap_bytes(target, self.swap_width);
            });
        };
        if !fetch.filtered {
            scatter(bytes);
            return Ok(());
        }
        codec::decode(&self.filters, fetch.filter_mask, bytes, read.chunk_bytes, &mut decoded)
            .map_err(|e| self.codec_error(&e, &read.touched.grid_index(task)))?;
        scatter(&decoded);
        Ok(())
    }

    fn codec_error(&self, error: &CodecError, chunk: &[u64]) -> ReadError {
        let object = format!("{} chunk {chunk:?}", self.object);
        if error.is_unsupported() {
            ReadError::unsupported(&self.source_name, object, error.to_string())
        } else {
            ReadError::corrupt(&self.source_name, object, error.to_string())
        }
    }
}

/// What the tasks of one call of `read` share.
pub(super) struct Read<'a> {
    pub touched: &'a Touched,
    pub out: SharedOut<'a>,
    pub chunk_bytes: usize,
}

impl ArraySource for ChunkedArray {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        check_output(&self.source_name, &self.object, window, self.element_size, out.len())?;
        if out.is_empty() {
            return Ok(());
        }
        let touched = self.touched(window)?;
        let chunk_bytes = self.chunk_bytes()?;
        let read = Read { touched: &touched, out: SharedOut::new(out), chunk_bytes };
        let min_tasks = (MIN_TASK_BYTES / chunk_bytes.max(1)).max(1);
        self.for_each_batch(&touched, |first, stored| {
            if stored.iter().any(is_remote) {
                return remote::read_batch(self, &read, first, stored);
            }
            match stored {
                [one] => self.read_one(&read, first, one),
                many => many
                    .par_iter()
                    .enumerate()
                    .with_min_len(min_tasks)
                    .try_for_each(|(i, chunk)| self.read_one(&read, first + i, chunk)),
            }
        })
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        if window.count() == 0 {
            return Ok(0);
        }
        let touched = self.touched(window)?;
        let chunk_bytes = self.chunk_bytes()?;
        let mut total = 0u64;
        self.for_each_batch(&touched, |first, stored| {
            for (i, chunk) in stored.iter().enumerate() {
                let fetch = self.fetch(chunk, &touched.pieces(first + i), chunk_bytes)?;
                total = total.saturating_add(fetch.map_or(0, |f| f.len as u64));
            }
            Ok(())
        })?;
        Ok(total)
    }

    fn stored_chunk(&self, origin: &[u64], shape: &[u64]) -> Result<Option<StoredChunk>, ReadError> {
        // What slots point to is in this file only.
        if shape != self.chunk_shape || origin.len() != self.shape.len() || self.heap.is_some() {
            return Ok(None);
        }
        let aligned = origin.iter().zip(shape).all(|(&o, &n)| n > 0 && o.is_multiple_of(n));
        if !aligned || origin.iter().zip(&self.shape).any(|(o, n)| o >= n) {
            return Ok(None);
        }
        let element = Window(origin.iter().map(|&o| harmony_model::Runs::range(o, 1)).collect());
        let number = self.touched(&element)?.number(0);
        self.locator.locate(number).map(Some)
    }

    fn heap(&self) -> Option<Arc<dyn Heap>> {
        self.heap.clone()
    }
}

fn is_remote(chunk: &StoredChunk) -> bool {
    matches!(chunk, StoredChunk::At { source, .. } if source.is_remote())
}

/// Refuses a window that is not of this array.
pub(super) fn check_window(
    file: &str,
    object: &str,
    window: &Window,
    shape: &[u64],
) -> Result<(), ReadError> {
    let inside =
        window.0.len() == shape.len() && window.0.iter().zip(shape).all(|(runs, &n)| runs.upper() <= n);
    if inside {
        return Ok(());
    }
    let upper: Vec<u64> = window.0.iter().map(harmony_model::Runs::upper).collect();
    Err(ReadError::unsupported(
        file,
        object,
        format!("a window up to {upper:?} leaves its shape {shape:?}; does the dimension belong to it?"),
    ))
}

/// Refuses an output buffer that is not as long as the window.
pub(super) fn check_output(
    file: &str,
    object: &str,
    window: &Window,
    element_size: usize,
    len: usize,
) -> Result<(), ReadError> {
    let wanted = window.0.iter().try_fold(element_size as u64, |n, runs| n.checked_mul(runs.len()));
    if wanted == Some(len as u64) {
        return Ok(());
    }
    let detail = format!("a window of shape {:?} does not fit a buffer of {len} bytes", window.shape());
    Err(ReadError::unsupported(file, object, detail))
}
