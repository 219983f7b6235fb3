//! Makes the chunks: several blocks at once, within the memory budget, each chunk a file of its own.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use harmony_model::{ReadError, Window};

use super::Version;
use super::array::{Work, ZarrArray, unravel};
use super::documents::key_of;
use super::element::Kind;
use super::tree::PendingTree;
use crate::codec;
use crate::lanes;
use crate::netcdf4::write::blocks::Block;
use crate::netcdf4::write::produce::{Maker, Pool, Product};
use crate::write::{BlockAction, WriteError, WriteOptions, WriteReport};

/// Everything a worker needs.
pub(super) struct Job<'a> {
    pub granule: &'a str,
    pub arrays: &'a [ZarrArray],
    pub tree: &'a PendingTree,
    pub options: &'a WriteOptions,
    pub version: Version,
}

#[derive(Default)]
struct Counts {
    bytes_read: AtomicU64,
    copied: AtomicU64,
    encoded: AtomicU64,
    /// Uncompressed bytes done; the lock keeps the reports of progress in order.
    done: Mutex<u64>,
}

/// Makes all chunks of all arrays.
///
/// # Errors
/// What the input says; [`WriteError`] for the output; [`WriteError::Cancelled`].
pub(super) fn run(job: &Job<'_>) -> Result<WriteReport, WriteError> {
    let order: Vec<(usize, usize)> = job
        .arrays
        .iter()
        .enumerate()
        .flat_map(|(a, array)| (0..array.work.len()).map(move |w| (a, w)))
        .collect();
    let memory_of = |&(a, w): &(usize, usize)| {
        let array = &job.arrays[a];
        array.work[w].blocks().iter().map(|b| array.memory_of(b)).max().unwrap_or(0)
    };
    let threads = rayon::current_num_threads().max(1);
    // Large blocks must not make the small ones wait for each other.
    let share = job.options.memory / threads as u64;
    let (small, large): (Vec<_>, Vec<_>) = order.into_iter().partition(|w| memory_of(w) <= share);
    let (counts, pool) = (Counts::default(), Pool::default());
    for list in [small, large] {
        let most = list.iter().map(memory_of).max().unwrap_or(0).max(1);
        let width = (job.options.memory / most).clamp(1, threads as u64) as usize;
        lanes::run(list.len(), width, |number| {
            let (a, w) = list[number];
            let array = &job.arrays[a];
            Worker { job, array, pool: &pool, counts: &counts }.make(&array.work[w])
        })?;
    }
    Ok(WriteReport {
        bytes_read: counts.bytes_read.into_inner(),
        chunks_copied: counts.copied.into_inner(),
        chunks_encoded: counts.encoded.into_inner(),
        ..WriteReport::default()
    })
}

struct Worker<'a> {
    job: &'a Job<'a>,
    array: &'a ZarrArray,
    pool: &'a Pool,
    counts: &'a Counts,
}

impl Worker<'_> {
    fn make(&self, work: &Work) -> Result<(), WriteError> {
        match work {
            Work::Chunks(block) => self.chunks(block),
            Work::Shard { at, rows } => self.shard(at, rows),
        }
    }

    fn chunks(&self, block: &Block) -> Result<(), WriteError> {
        for (index, bytes) in self.encoded(block)? {
            let at = unravel(index, &self.array.storage.counts);
            self.job.tree.put(&self.key(&at), &bytes)?;
        }
        Ok(())
    }

    /// The key of a chunk or shard.
    fn key(&self, at: &[u64]) -> String {
        let path = key_of(&self.array.element.var.path);
        let join = |separator: &str| at.iter().map(u64::to_string).collect::<Vec<_>>().join(separator);
        match (self.job.version, at) {
            (Version::V2, []) => format!("{path}/0"),
            (Version::V2, _) => format!("{path}/{}", join(".")),
            (Version::V3, []) => format!("{path}/c"),
            (Version::V3, _) => format!("{path}/c/{}", join("/")),
        }
    }

    /// Stored bytes of the chunks of a block by their number; chunks of nothing but the fill value are left out.
    fn encoded(&self, block: &Block) -> Result<Vec<(u64, Vec<u8>)>, WriteError> {
        if self.job.options.is_cancelled() {
            return Err(WriteError::Cancelled);
        }
        let made = match self.array.element.kind {
            Kind::Text => self.texts(block)?,
            _ => self.numbers(block)?,
        };
        let count = made.len() as u64;
        match block.task.action {
            BlockAction::Copy => self.counts.copied.fetch_add(count, Ordering::Relaxed),
            BlockAction::Encode => self.counts.encoded.fetch_add(count, Ordering::Relaxed),
        };
        self.counts.bytes_read.fetch_add(block.task.bytes_read, Ordering::Relaxed);
        let elements = block.task.shape.iter().product::<u64>();
        let mut done = self.counts.done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *done += elements * self.array.element.item;
        if let Some(progress) = &self.job.options.progress {
            progress(*done);
        }
        Ok(made)
    }

    fn numbers(&self, block: &Block) -> Result<Vec<(u64, Vec<u8>)>, ReadError> {
        let maker = Maker {
            granule: self.job.granule,
            var: &self.array.element.var,
            storage: &self.array.storage,
            level: u8::try_from(self.array.compression.level).ok().filter(|&l| l > 0),
            pool: self.pool,
        };
        Ok(match maker.make(block)? {
            Product::Encoded(pieces) => {
                let held = pieces.into_iter().map(|(p, bytes)| (p.index, bytes));
                held.filter(|(_, bytes)| !self.is_blank(&maker, bytes)).collect()
            }
            Product::Copied { bytes, chunks, .. } => {
                let mut at = 0;
                let cut = |p: &crate::netcdf4::write::produce::StoredPiece| {
                    let start = at;
                    at += p.len as usize;
                    (p.index, bytes[start..at].to_vec())
                };
                let out = chunks.iter().map(cut).collect();
                self.pool.put(bytes);
                out
            }
            Product::Plain { .. } | Product::Pointing(_) => {
                unreachable!("arrays have chunks, and their elements are numbers")
            }
        })
    }

    /// Whether an encoded chunk holds nothing but the fill value: equal chunks have equal bytes.
    fn is_blank(&self, maker: &Maker<'_>, bytes: &[u8]) -> bool {
        let raw = self.array.storage.piece_bytes();
        let Some(fill) = self.array.fill.as_deref().filter(|f| !f.is_empty()) else { return false };
        // Constants shrink to very little, so hardly any other chunk is compared.
        if !self.array.storage.filters.is_empty() && bytes.len() as u64 > raw / 64 + 512 {
            return false;
        }
        let blank = self.array.blank.get_or_init(|| {
            let elements = fill.repeat(usize::try_from(raw).unwrap_or(0) / fill.len());
            maker.encode(0, &elements).map(|(_, bytes)| bytes).unwrap_or_default()
        });
        bytes == blank
    }

    /// A chunk of texts: their number, then length and bytes of each; the part outside of the array is empty texts.
    fn texts(&self, block: &Block) -> Result<Vec<(u64, Vec<u8>)>, ReadError> {
        let storage = &self.array.storage;
        let (origin, held) = (&block.task.origin, &block.task.shape);
        let texts = self.array.element.texts(self.job.granule, &Window::block(origin, held))?;
        let too_large = || {
            let what = format!("variable '{}'", self.array.element.var.path);
            ReadError::unsupported(self.job.granule, what, "a chunk of its texts is larger than 4 GiB")
        };
        let count = storage.piece_shape.iter().product::<u64>();
        let mut raw = Vec::new();
        raw.extend(u32::try_from(count).map_err(|_| too_large())?.to_le_bytes());
        let mut texts = texts.iter();
        for number in 0..count {
            let at = unravel(number, &storage.piece_shape);
            let inside = at.iter().zip(held).all(|(i, n)| i < n);
            let text = if inside { texts.next().map_or(&[][..], Vec::as_slice) } else { &[] };
            raw.extend(u32::try_from(text.len()).map_err(|_| too_large())?.to_le_bytes());
            raw.extend_from_slice(text);
        }
        let level = u8::try_from(self.array.compression.level).ok().filter(|&l| l > 0);
        let (bytes, _) = codec::encode(&storage.filters, &raw, level).map_err(|e| {
            let what = format!("variable '{}'", self.array.element.var.path);
            ReadError::unsupported(self.job.granule, what, e.to_string())
        })?;
        Ok(vec![(block.pieces.start, bytes)])
    }

    /// A shard: its chunks one after the other, then offset and length of each, then the CRC-32C of that index.
    fn shard(&self, at: &[u64], rows: &[Block]) -> Result<(), WriteError> {
        let storage = &self.array.storage;
        let shard = self.array.shard.as_deref().unwrap_or(&storage.piece_shape);
        let per: Vec<u64> = shard.iter().zip(&storage.piece_shape).map(|(s, c)| s / c).collect();
        let count = per.iter().product::<u64>() as usize;
        // All ones: no such chunk.
        let mut index = vec![0xff; 16 * count];
        let mut file = self.job.tree.open(&self.key(at))?;
        let mut offset = 0u64;
        for row in rows {
            for (number, bytes) in self.encoded(row)? {
                let chunk = unravel(number, &storage.counts);
                let slot = chunk.iter().zip(&per).fold(0, |n, (c, p)| n * p + c % p) as usize * 16;
                index[slot..slot + 8].copy_from_slice(&offset.to_le_bytes());
                index[slot + 8..slot + 16].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
                self.job.tree.append(&mut file, &bytes)?;
                offset += bytes.len() as u64;
            }
        }
        let checksum = harmony_model::Filter::new(harmony_model::filter::CRC32C, &[]);
        let (index, _) = codec::encode(&[checksum], &index, None)
            .map_err(|e| ReadError::unsupported(self.job.granule, "the index of a shard", e.to_string()))?;
        self.job.tree.append(&mut file, &index)
    }
}
