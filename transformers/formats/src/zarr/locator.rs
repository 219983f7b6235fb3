//! Where a chunk is: an object of its own, or a range of a shard.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use harmony_model::{ByteSource, ReadError, StoredChunk};

use crate::chunked::ChunkLocator;

use super::codecs::Sharding;
use super::meta::KeyEncoding;
use super::store::Store;

/// Finds the chunks of one array.
pub(super) struct Locator {
    pub store: Arc<dyn Store>,
    /// Path of the array in the store, empty for the root.
    pub path: String,
    pub keys: KeyEncoding,
    /// Chunks along each axis, in stored order.
    pub grid: Vec<u64>,
    /// Axis of the array that each stored axis is; `None`: in order.
    pub order: Option<Vec<usize>>,
    pub shards: Option<Shards>,
}

/// The shards of one array and their indices, as far as they have been read.
pub(super) struct Shards {
    sharding: Sharding,
    /// Inner chunks of a shard along each axis.
    counts: Vec<u64>,
    /// Inner chunks of a shard.
    total: u64,
    known: Mutex<HashMap<String, Option<Arc<Shard>>>>,
}

struct Shard {
    source: Arc<dyn ByteSource>,
    /// Offset and length of each inner chunk, row-major.
    index: Vec<(u64, u64)>,
}

/// Shard indices kept in memory; a scan of a large array comes back to a shard soon or never.
const KNOWN_LIMIT: usize = 256;
/// An entry of all ones in a shard index: the chunk was never written.
const NEVER_WRITTEN: (u64, u64) = (u64::MAX, u64::MAX);

impl Shards {
    /// `shard`: shape of the shards, a multiple of the inner chunks'. `None` when the numbers overflow.
    pub(super) fn new(sharding: &Sharding, shard: &[u64]) -> Option<Self> {
        let counts: Vec<u64> = shard.iter().zip(&sharding.shape).map(|(&s, &c)| s / c.max(1)).collect();
        let total = counts.iter().try_fold(1u64, |n, &c| n.checked_mul(c))?;
        total.checked_mul(16)?.checked_add(4)?;
        Some(Shards { sharding: sharding.clone(), counts, total, known: Mutex::default() })
    }

    fn index_len(&self) -> u64 {
        self.total * 16 + if self.sharding.index_checksum { 4 } else { 0 }
    }

    /// Reads the index of a shard.
    fn read(&self, source: Arc<dyn ByteSource>) -> Result<Shard, ReadError> {
        let (len, name) = (self.index_len(), source.name().to_owned());
        let corrupt = |detail: String| ReadError::corrupt(&name, "shard index", detail);
        if len > source.len() {
            return Err(corrupt(format!("it takes {len} bytes, the shard has {}", source.len())));
        }
        let offset = if self.sharding.index_at_end { source.len() - len } else { 0 };
        let mut bytes = vec![0; len as usize];
        source.read_at(offset, &mut bytes)?;
        let (entries, checksum) = bytes.split_at((self.total * 16) as usize);
        if !checksum.is_empty() && checksum != crc32c(entries).to_le_bytes() {
            return Err(corrupt("its checksum is wrong".into()));
        }
        let number = |b: &[u8]| {
            let b = b.iter();
            let fold = |n: u64, &b: &u8| n << 8 | u64::from(b);
            if self.sharding.index_big_endian { b.fold(0, fold) } else { b.rev().fold(0, fold) }
        };
        let index = entries.chunks_exact(16).map(|e| (number(&e[..8]), number(&e[8..]))).collect();
        Ok(Shard { source, index })
    }
}

/// CRC-32C (Castagnoli, reflected 0x82f63b78), bit by bit: shard indices are small.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &b in bytes {
        crc ^= u32::from(b);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

impl ChunkLocator for Locator {
    fn locate(&self, number: u64) -> Result<StoredChunk, ReadError> {
        let coords = self.coords(number);
        match &self.shards {
            None => Ok(whole(self.store.open(&self.key(&coords))?)),
            Some(shards) => self.find_inner(shards, &coords),
        }
    }

    fn locate_many(&self, numbers: &[u64]) -> Result<Vec<StoredChunk>, ReadError> {
        if self.shards.is_some() {
            return numbers.iter().map(|&n| self.locate(n)).collect();
        }
        let keys: Vec<String> = numbers.iter().map(|&n| self.key(&self.coords(n))).collect();
        Ok(self.store.open_many(&keys)?.into_iter().map(whole).collect())
    }
}

impl Locator {
    /// Indices in the chunk grid of the array, of the chunk with this row-major number in the stored grid.
    fn coords(&self, number: u64) -> Vec<u64> {
        let mut coords = vec![0; self.grid.len()];
        let mut rest = number;
        for (axis, &n) in self.grid.iter().enumerate().rev() {
            let at = self.order.as_ref().map_or(axis, |order| order[axis]);
            coords[at] = rest % n.max(1);
            rest /= n.max(1);
        }
        coords
    }

    fn key(&self, coords: &[u64]) -> String {
        let key = self.keys.key(coords);
        if self.path.is_empty() { key } else { format!("{}/{key}", self.path) }
    }

    fn find_inner(&self, shards: &Shards, coords: &[u64]) -> Result<StoredChunk, ReadError> {
        let of_shard: Vec<u64> = coords.iter().zip(&shards.counts).map(|(c, n)| c / n).collect();
        let within = coords.iter().zip(&shards.counts).fold(0, |at, (c, n)| at * n + c % n);
        let Some(shard) = self.shard(shards, self.key(&of_shard))? else { return Ok(StoredChunk::Missing) };
        let (offset, len) = shard.index[within as usize];
        if (offset, len) == NEVER_WRITTEN {
            return Ok(StoredChunk::Missing);
        }
        if offset.checked_add(len).is_none_or(|end| end > shard.source.len()) {
            let detail = format!("inner chunk {within} is outside of the shard");
            return Err(ReadError::corrupt(shard.source.name(), "shard index", detail));
        }
        Ok(StoredChunk::At { source: shard.source.clone(), offset, len, filter_mask: 0 })
    }

    fn shard(&self, shards: &Shards, key: String) -> Result<Option<Arc<Shard>>, ReadError> {
        if let Some(shard) = shards.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(shard.clone());
        }
        // Not under the lock: other shards need not wait. Two threads may read the same index once.
        let shard = match self.store.open(&key)? {
            Some(source) => Some(Arc::new(shards.read(source)?)),
            None => None,
        };
        let mut known = shards.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_LIMIT {
            known.clear();
        }
        known.insert(key, shard.clone());
        Ok(shard)
    }
}

/// All of an object.
fn whole(object: Option<Arc<dyn ByteSource>>) -> StoredChunk {
    match object {
        Some(source) => {
            let len = source.len();
            StoredChunk::At { source, offset: 0, len, filter_mask: 0 }
        }
        None => StoredChunk::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harmony_model::MemorySource;

    #[test]
    fn checksum_of_the_standard_text() {
        // RFC 3720 B.4 and the usual check value.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn an_index_larger_than_its_shard_is_refused() {
        let sharding =
            Sharding { shape: vec![1], index_at_end: true, index_big_endian: false, index_checksum: true };
        let shards = Shards::new(&sharding, &[1 << 50]).unwrap();
        let source = Arc::new(MemorySource::new("x/c/0", vec![0; 100]));
        assert!(matches!(shards.read(source), Err(ReadError::Corrupt { .. })));
        assert!(Shards::new(&sharding, &[1 << 62]).is_none());
    }
}
