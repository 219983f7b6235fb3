//! Arrays of texts of any length: each chunk is a counted list of counted byte strings (numcodecs `vlen-utf8`).

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use harmony_model::dtype::SLOT;
use harmony_model::{ArraySource, Filter, Heap, ReadError, Run, StoredChunk, Window};

use crate::chunked::ChunkLocator;
use crate::codec;

use super::locator::Locator;

/// Decoded texts kept in memory, roughly.
const KEPT_BYTES: usize = 64 << 20;
/// Largest decoded chunk.
const CHUNK_LIMIT: usize = 1 << 30;

/// An array of texts. A slot is the length, the chunk's number + 1 and the position in the chunk; the heap decodes the
/// chunk again when it is not among the kept ones.
pub(super) struct TextArray(pub Arc<Texts>);

pub(super) struct Texts {
    pub object: String,
    pub source_name: String,
    /// Extents and chunk extents in stored order.
    pub shape: Vec<u64>,
    pub chunk: Vec<u64>,
    pub filters: Vec<Filter>,
    pub fill: Vec<u8>,
    pub locator: Locator,
    pub kept: Mutex<Kept>,
}

#[derive(Default)]
pub(super) struct Kept {
    chunks: HashMap<u64, Arc<Chunk>>,
    bytes: usize,
}

/// The decoded texts of one chunk; none for a chunk that was never written.
struct Chunk {
    bytes: Vec<u8>,
    /// Start and end of each in `bytes`.
    items: Option<Vec<(u32, u32)>>,
}

impl Texts {
    fn corrupt(&self, number: u64, detail: impl Into<String>) -> ReadError {
        ReadError::corrupt(&self.source_name, format!("{} chunk {number}", self.object), detail)
    }

    fn chunk(&self, number: u64) -> Result<Arc<Chunk>, ReadError> {
        if let Some(chunk) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).chunks.get(&number) {
            return Ok(chunk.clone());
        }
        let chunk = Arc::new(self.decode(number)?);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let size = chunk.bytes.len() + 8 * chunk.items.as_ref().map_or(0, Vec::len);
        if kept.bytes + size > KEPT_BYTES {
            *kept = Kept::default();
        }
        kept.bytes += size;
        kept.chunks.insert(number, chunk.clone());
        Ok(chunk)
    }

    fn decode(&self, number: u64) -> Result<Chunk, ReadError> {
        let StoredChunk::At { source, offset, len, filter_mask } = self.locator.locate(number)? else {
            return Ok(Chunk { bytes: Vec::new(), items: None });
        };
        let len = usize::try_from(len).ok().filter(|&n| n <= CHUNK_LIMIT);
        let len = len.ok_or_else(|| self.corrupt(number, "it is larger than a gigabyte"))?;
        let mut stored = vec![0; len];
        source.read_at(offset, &mut stored)?;
        // A count for the chunk and one for each text.
        let count = self.chunk.iter().fold(1usize, |n, &c| n.saturating_mul(c as usize));
        let expected = count.saturating_mul(4).saturating_add(4);
        let bytes = codec::decode_any_length(&self.filters, filter_mask, &stored, expected, CHUNK_LIMIT)
            .map_err(|e| self.corrupt(number, e.to_string()))?;
        let items = parse(&bytes).ok_or_else(|| self.corrupt(number, "its list of texts is damaged"))?;
        Ok(Chunk { bytes, items: Some(items) })
    }

    /// Number of the chunk that holds an element (in stored order), and its position there.
    fn place(&self, index: &[u64]) -> (u64, u64) {
        let axes = index.iter().zip(&self.chunk).zip(&self.shape);
        axes.fold((0, 0), |(number, within), ((&i, &c), &n)| {
            (number * n.div_ceil(c) + i / c, within * c + i % c)
        })
    }
}

/// Where the texts are: a count, then length and bytes of each. `None` when they leave the chunk.
fn parse(bytes: &[u8]) -> Option<Vec<(u32, u32)>> {
    let number = |at: usize| {
        let mut word = [0; 4];
        word.copy_from_slice(bytes.get(at..at.checked_add(4)?)?);
        Some(u32::from_le_bytes(word) as usize)
    };
    let count = number(0)?;
    if count > bytes.len() / 4 {
        return None;
    }
    let mut items = Vec::with_capacity(count);
    let mut at = 4usize;
    for _ in 0..count {
        let end = (at + 4).checked_add(number(at)?).filter(|&end| end <= bytes.len())?;
        items.push((u32::try_from(at + 4).ok()?, u32::try_from(end).ok()?));
        at = end;
    }
    Some(items)
}

fn slot(len: usize, number: u64, within: u64) -> [u8; SLOT] {
    let mut slot = [0; SLOT];
    if len > 0 {
        slot[..4].copy_from_slice(&(len as u32).to_le_bytes());
        slot[4..12].copy_from_slice(&(number + 1).to_le_bytes());
        slot[12..].copy_from_slice(&(within as u32).to_le_bytes());
    }
    slot
}

impl ArraySource for TextArray {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let texts = &self.0;
        let axes: Vec<Vec<u64>> = window.0.iter().map(|runs| runs.indices().collect()).collect();
        let mut at = vec![0usize; axes.len()];
        let mut last: Option<(u64, Arc<Chunk>)> = None;
        for target in out.chunks_exact_mut(SLOT) {
            let index: Vec<u64> = axes.iter().zip(&at).map(|(axis, &i)| axis[i]).collect();
            let (number, within) = texts.place(&index);
            let chunk = match last.take() {
                Some((n, chunk)) if n == number => chunk,
                _ => texts.chunk(number)?,
            };
            let len = match &chunk.items {
                None => texts.fill.len(),
                Some(items) => {
                    let item = items.get(within as usize);
                    let (start, end) = item.ok_or_else(|| texts.corrupt(number, "it has too few texts"))?;
                    (end - start) as usize
                }
            };
            target.copy_from_slice(&slot(len, number, within));
            last = Some((number, chunk));
            for (i, axis) in at.iter_mut().zip(&axes).rev() {
                *i += 1;
                if *i < axis.len() {
                    break;
                }
                *i = 0;
            }
        }
        Ok(())
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        let mut numbers = BTreeSet::from([0]);
        for ((runs, &c), &n) in window.0.iter().zip(&self.0.chunk).zip(&self.0.shape) {
            // By runs, not by indices: an axis may be much longer than its number of chunks.
            let of_run = |r: &Run| r.start / c..(r.end() - 1) / c + 1;
            let along: BTreeSet<u64> = runs.runs().iter().flat_map(of_run).collect();
            let count = n.div_ceil(c);
            numbers = numbers.iter().flat_map(|&m| along.iter().map(move |a| m * count + a)).collect();
        }
        numbers.into_iter().try_fold(0, |sum, number| match self.0.locator.locate(number)? {
            StoredChunk::At { len, .. } => Ok(sum + len),
            StoredChunk::Missing => Ok(sum),
        })
    }

    fn heap(&self) -> Option<Arc<dyn Heap>> {
        Some(self.0.clone())
    }
}

impl Heap for Texts {
    fn get(&self, slot: &[u8], _: usize) -> Result<Vec<u8>, ReadError> {
        let word = |range: std::ops::Range<usize>| {
            slot.get(range).map(|b| b.iter().rev().fold(0u64, |n, &b| n << 8 | u64::from(b)))
        };
        let (Some(number), Some(within)) = (word(4..12), word(12..16)) else {
            return Err(self.corrupt(0, "a slot is too short"));
        };
        let Some(number) = number.checked_sub(1) else { return Ok(Vec::new()) };
        let chunk = self.chunk(number)?;
        match &chunk.items {
            None => Ok(self.fill.clone()),
            Some(items) => {
                let item = items.get(within as usize);
                let &(start, end) = item.ok_or_else(|| self.corrupt(number, "a slot points nowhere"))?;
                Ok(chunk.bytes[start as usize..end as usize].to_vec())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_leaves_its_chunk_is_refused() {
        let good = [2u32.to_le_bytes().as_slice(), &1u32.to_le_bytes(), b"a", &0u32.to_le_bytes()].concat();
        assert_eq!(parse(&good), Some(vec![(8, 9), (13, 13)]));
        for end in 0..good.len() {
            assert_eq!(parse(&good[..end]), None);
        }
        assert_eq!(parse(&u32::MAX.to_le_bytes()), None);
        assert_eq!(parse(&[1u32.to_le_bytes(), u32::MAX.to_le_bytes()].concat()), None);
    }
}
