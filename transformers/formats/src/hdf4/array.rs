//! Values of HDF4 data sets, read through their layout.

use std::sync::{Arc, OnceLock};

use harmony_model::dtype::swap_bytes;
use harmony_model::memory::copy_window;
use harmony_model::{ArraySource, ReadError, Run, Runs, StoredChunk, Window};
use rayon::prelude::*;

use super::codec::Coder;
use super::file::{ChunkTable, Extent, Hdf4, Key, Layout};

/// Bytes read at once from an uncompressed array.
const BLOCK: u64 = 16 << 20;

/// Bytes of chunks that are decoded at once.
const BATCH: u64 = 64 << 20;

/// HDF4 counts bytes in signed 32 bits: no array can be larger.
const MAX_ARRAY: u64 = 1 << 31;

/// One data set.
pub struct Hdf4Array {
    pub file: Arc<Hdf4>,
    /// What messages call it.
    pub object: String,
    pub layout: Layout,
    pub shape: Vec<u64>,
    pub size: usize,
    /// Bytes whose order is to be turned, 1: none.
    pub swap: usize,
    /// One element, native order.
    pub fill: Vec<u8>,
    /// The whole array, once a compressed one was decoded.
    pub decoded: OnceLock<Result<Arc<Vec<u8>>, ReadError>>,
}

impl Hdf4Array {
    /// Refuses extents that are more than HDF4 can hold.
    ///
    /// # Errors
    /// [`ReadError::TooLarge`].
    pub fn checked(self) -> Result<Self, ReadError> {
        let bytes = self.shape.iter().try_fold(self.size as u64, |n, &d| n.checked_mul(d));
        if bytes.is_some_and(|n| n <= MAX_ARRAY) {
            return Ok(self);
        }
        Err(ReadError::TooLarge {
            source_name: self.file.source.name().into(),
            object: self.object,
            claimed: bytes.unwrap_or(u64::MAX),
            limit: MAX_ARRAY,
        })
    }

    fn corrupt(&self, detail: String) -> ReadError {
        ReadError::corrupt(self.file.source.name(), &self.object, detail)
    }

    fn fill_all(&self, out: &mut [u8]) {
        out.chunks_exact_mut(self.size).for_each(|e| e.copy_from_slice(&self.fill));
    }

    /// Fill values in stored byte order, for what is turned to native order afterwards.
    fn fill_stored(&self, out: &mut [u8]) {
        let mut fill = self.fill.clone();
        swap_bytes(&mut fill, self.swap);
        out.chunks_exact_mut(self.size).for_each(|e| e.copy_from_slice(&fill));
    }

    /// Rows of the first axis in blocks; of each block the window's part.
    fn read_plain(&self, extents: &[Extent], window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let Some((rows, rest)) = window.0.split_first() else {
            self.fill_stored(out);
            self.file.gather(extents, 0, out)?;
            return Ok(());
        };
        let row_bytes = self.shape[1..].iter().product::<u64>() * self.size as u64;
        let row_out = rest.iter().map(Runs::len).product::<u64>() as usize * self.size;
        let per_block = (BLOCK / row_bytes.max(1)).max(1);
        let mut block = Vec::new();
        let mut at = 0;
        for run in rows.runs() {
            let mut start = run.start;
            while start < run.end() {
                let n = per_block.min(run.end() - start);
                block.clear();
                block.resize((n * row_bytes) as usize, 0);
                // An array that was cut short when written ends in fill values.
                self.fill_stored(&mut block);
                self.file.gather(extents, start * row_bytes, &mut block)?;
                let mut axes = vec![Runs::all(n)];
                axes.extend_from_slice(rest);
                let mut shape = self.shape.clone();
                shape[0] = n;
                let part = &mut out[at..at + n as usize * row_out];
                copy_window(&block, &shape, self.size, &Window(axes), part);
                at += part.len();
                start += n;
            }
        }
        Ok(())
    }

    /// The decoded array; kept, for one compressed stream can only be read from its beginning.
    fn decode(
        &self,
        coder: Coder,
        len: u64,
        extents: &[Extent],
        stored: u64,
    ) -> Result<Arc<Vec<u8>>, ReadError> {
        let decode = || {
            let want = self.shape.iter().product::<u64>() * self.size as u64;
            if len > MAX_ARRAY || len > want.max(self.size as u64) {
                return Err(self.corrupt(format!("{len} bytes are stored for an array of {want}")));
            }
            self.check_claim(want as usize, stored)?;
            let mut bytes = vec![0; want as usize];
            self.fill_stored(&mut bytes);
            self.decode_into(coder, extents, stored, &mut bytes[..len as usize])?;
            Ok(Arc::new(bytes))
        };
        self.decoded.get_or_init(decode).clone()
    }

    /// Refuses a size that `stored` bytes can't decode to: deflate packs at most 1032 : 1, and a header that claims
    /// more is not worth the memory.
    fn check_claim(&self, claimed: usize, stored: u64) -> Result<(), ReadError> {
        if claimed as u64 <= stored.saturating_mul(1100).saturating_add(1 << 20) {
            return Ok(());
        }
        Err(self.corrupt(format!("{stored} bytes can't hold the {claimed} it claims")))
    }

    fn decode_into(
        &self,
        coder: Coder,
        extents: &[Extent],
        stored: u64,
        out: &mut [u8],
    ) -> Result<(), ReadError> {
        if stored > self.file.source.len() {
            return Err(self.corrupt("it claims more bytes than the file has".into()));
        }
        self.check_claim(out.len(), stored)?;
        let mut input = vec![0; stored as usize];
        self.file.gather(extents, 0, &mut input)?;
        coder.decode(&input, out).map_err(|e| self.corrupt(e))
    }

    /// Bytes of one whole chunk, as stored; none if it was never written.
    fn chunk(&self, key: Key, len: usize) -> Result<Vec<u8>, ReadError> {
        let filled = |stored| {
            self.check_claim(len, stored)?;
            let mut out = vec![0; len];
            self.fill_stored(&mut out);
            Ok(out)
        };
        match self.file.layout(key)? {
            Layout::Missing => Ok(Vec::new()),
            Layout::Plain { extents, .. } => {
                let mut out = filled(extents.iter().map(|e| e.len).sum())?;
                self.file.gather(&extents, 0, &mut out)?;
                Ok(out)
            }
            Layout::Coded { coder, len: decoded, extents, stored } => {
                let mut out = filled(stored)?;
                let n = usize::try_from(decoded).unwrap_or(usize::MAX).min(len);
                self.decode_into(coder, &extents, stored, &mut out[..n])?;
                Ok(out)
            }
            Layout::Chunked(_) => Err(self.corrupt("a chunk is itself in chunks".into())),
        }
    }

    fn read_chunked(&self, table: &ChunkTable, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let bytes = table.chunk.iter().try_fold(self.size as u64, |n, &c| n.checked_mul(c));
        let Some(bytes) = bytes.filter(|&n| n <= MAX_ARRAY) else {
            return Err(self.corrupt("its chunks are larger than HDF4 allows".into()));
        };
        // An empty window touches nothing, however many chunks its other axes would cross.
        if out.is_empty() {
            return Ok(());
        }
        self.fill_all(out);
        let axes: Vec<_> = window.0.iter().zip(&table.chunk).map(|(runs, &c)| pieces(runs, c)).collect();
        let wanted = wanted_chunks(&axes);
        let written: Vec<_> = wanted
            .iter()
            .filter_map(|picks| {
                let index: Vec<u64> = picks.iter().zip(&axes).map(|(&p, a)| a[p].0).collect();
                Some((picks, *table.chunks.get(&index)?))
            })
            .collect();
        let out_shape = window.shape();
        // A batch bounds the memory: some chunks at a time, decoded side by side.
        let per_batch = (BATCH / bytes.max(1)).clamp(1, 64) as usize;
        for batch in written.chunks(per_batch) {
            let read = |(_, key): &(&Vec<usize>, Key)| self.chunk(*key, bytes as usize);
            let decoded: Vec<Vec<u8>> = batch.par_iter().map(read).collect::<Result<_, _>>()?;
            for ((picks, _), mut chunk) in batch.iter().zip(decoded).filter(|(_, chunk)| !chunk.is_empty()) {
                self.to_native(&mut chunk);
                let parts: Vec<&[Piece]> = picks.iter().zip(&axes).map(|(&p, a)| a[p].1.as_slice()).collect();
                scatter(&chunk, &table.chunk, &parts, out, &out_shape, self.size);
            }
        }
        Ok(())
    }

    fn to_native(&self, bytes: &mut [u8]) {
        swap_bytes(bytes, self.swap);
    }
}

impl ArraySource for Hdf4Array {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        match &self.layout {
            Layout::Missing => self.fill_all(out),
            Layout::Chunked(table) => self.read_chunked(table, window, out)?,
            Layout::Plain { extents, .. } => {
                self.read_plain(extents, window, out)?;
                self.to_native(out);
            }
            Layout::Coded { coder, len, extents, stored } => {
                let all = self.decode(*coder, *len, extents, *stored)?;
                copy_window(&all, &self.shape, self.size, window, out);
                self.to_native(out);
            }
        }
        Ok(())
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        Ok(match &self.layout {
            Layout::Missing => 0,
            _ if window.count() == 0 => 0,
            Layout::Plain { .. } => window.count() * self.size as u64,
            Layout::Coded { stored, .. } => *stored,
            Layout::Chunked(table) => {
                let axes: Vec<_> = window.0.iter().zip(&table.chunk).map(|(r, &c)| pieces(r, c)).collect();
                let mut total = 0;
                for picks in wanted_chunks(&axes) {
                    let index: Vec<u64> = picks.iter().zip(&axes).map(|(&p, a)| a[p].0).collect();
                    if let Some(&key) = table.chunks.get(&index) {
                        total += match self.file.layout(key)? {
                            Layout::Plain { len, .. } => len,
                            Layout::Coded { stored, .. } => stored,
                            _ => 0,
                        };
                    }
                }
                total
            }
        })
    }

    fn stored_chunk(&self, origin: &[u64], shape: &[u64]) -> Result<Option<StoredChunk>, ReadError> {
        let at = |extents: &[Extent], coder: Coder| match (extents, coder) {
            ([one], Coder::Deflate(_)) if one.start == 0 => Some(StoredChunk::At {
                source: self.file.source.clone(),
                offset: one.offset,
                len: one.len,
                filter_mask: 0,
            }),
            _ => None,
        };
        match &self.layout {
            Layout::Coded { coder, len, extents, .. } => {
                let whole = origin.iter().all(|&o| o == 0) && shape == self.shape;
                let full = *len == self.shape.iter().product::<u64>() * self.size as u64;
                Ok(at(extents, *coder).filter(|_| whole && full))
            }
            Layout::Chunked(table) if table.deflate.is_some() => {
                let aligned = origin.iter().zip(&table.chunk).all(|(o, c)| o % c == 0);
                if !aligned || shape != table.chunk {
                    return Ok(None);
                }
                let index: Vec<u64> = origin.iter().zip(&table.chunk).map(|(o, c)| o / c).collect();
                let Some(&key) = table.chunks.get(&index) else { return Ok(Some(StoredChunk::Missing)) };
                let bytes = table.chunk.iter().product::<u64>() * self.size as u64;
                match self.file.layout(key)? {
                    Layout::Coded { coder, len, extents, .. } if len == bytes => Ok(at(&extents, coder)),
                    _ => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }
}

/// `len` elements: from `local` in the chunk to `out` in the result, along one axis.
#[derive(Clone, Copy)]
struct Piece {
    local: u64,
    out: u64,
    len: u64,
}

/// The chunks an axis selection touches, in ascending order, with the pieces taken from each.
fn pieces(runs: &Runs, chunk: u64) -> Vec<(u64, Vec<Piece>)> {
    let mut by_chunk: std::collections::BTreeMap<u64, Vec<Piece>> = std::collections::BTreeMap::new();
    let mut out = 0;
    for &Run { start, len } in runs.runs() {
        let mut at = start;
        while at < start + len {
            let index = at / chunk;
            let n = ((index + 1) * chunk).min(start + len) - at;
            by_chunk.entry(index).or_default().push(Piece { local: at - index * chunk, out, len: n });
            at += n;
            out += n;
        }
    }
    by_chunk.into_iter().collect()
}

/// Every combination of touched chunks, as positions in the per-axis lists.
fn wanted_chunks(axes: &[Vec<(u64, Vec<Piece>)>]) -> Vec<Vec<usize>> {
    axes.iter().fold(vec![Vec::new()], |combos, axis| {
        let extend = |combo: &Vec<usize>| {
            let combo = combo.clone();
            (0..axis.len()).map(move |i| [combo.as_slice(), &[i]].concat())
        };
        combos.iter().flat_map(extend).collect()
    })
}

/// Copies the pieces of one chunk to their places.
fn scatter(chunk: &[u8], shape: &[u64], parts: &[&[Piece]], out: &mut [u8], out_shape: &[u64], size: usize) {
    let Some((last, outer)) = parts.split_last() else { return };
    let mut copy = |from: u64, to: u64| {
        for p in *last {
            let (a, b) = ((from + p.local) as usize * size, (to + p.out) as usize * size);
            let n = p.len as usize * size;
            out[b..b + n].copy_from_slice(&chunk[a..a + n]);
        }
    };
    rows(outer, &shape[1..], &out_shape[1..], (0, 0), &mut copy);
}

/// Calls `row` with the element offsets (in chunk and result) of every row that the outer pieces select.
fn rows(
    parts: &[&[Piece]],
    strides: &[u64],
    out_strides: &[u64],
    at: (u64, u64),
    row: &mut impl FnMut(u64, u64),
) {
    let Some((pieces, rest)) = parts.split_first() else { return row(at.0, at.1) };
    for p in *pieces {
        for i in 0..p.len {
            let next = ((at.0 + p.local + i) * strides[0], (at.1 + p.out + i) * out_strides[0]);
            rows(rest, &strides[1..], &out_strides[1..], next, row);
        }
    }
}

/// Indices `start..start + len` of the first axis of another array; the axis itself goes when `drop_axis`.
pub struct Slab {
    pub inner: Arc<dyn ArraySource>,
    pub start: u64,
    pub drop_axis: bool,
}

impl Slab {
    fn window(&self, window: &Window) -> Window {
        let mut axes = window.0.clone();
        if self.drop_axis {
            axes.insert(0, Runs::range(self.start, 1));
        } else if let Some(first) = axes.first_mut() {
            let mut moved = Runs::default();
            first.runs().iter().for_each(|r| moved.push(r.start + self.start, r.len));
            *first = moved;
        }
        Window(axes)
    }
}

impl ArraySource for Slab {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        self.inner.read(&self.window(window), out)
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.inner.cost(&self.window(window))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_gathered_from_its_chunks() {
        // 2 × 3 elements in chunks of 2 × 2: the second chunk hangs over
        let chunks = [[0u8, 1, 3, 4], [2, 9, 5, 9]];
        let window = Window(vec![Runs::all(2), Runs::from_indices([2, 0])]);
        let axes: Vec<_> = window.0.iter().map(|r| pieces(r, 2)).collect();
        let mut out = vec![0; 4];
        for picks in wanted_chunks(&axes) {
            let parts: Vec<&[Piece]> = picks.iter().zip(&axes).map(|(&p, a)| a[p].1.as_slice()).collect();
            let chunk = &chunks[axes[1][picks[1]].0 as usize];
            scatter(chunk, &[2, 2], &parts, &mut out, &[2, 2], 1);
        }
        assert_eq!(out, [2, 0, 5, 3]);
    }
}
