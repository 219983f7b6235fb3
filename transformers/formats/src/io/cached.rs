//! A cache of whole blocks in front of a source: metadata are many small reads close together.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use harmony_model::source::check_range;
use harmony_model::{ByteSource, ReadError};

const LOCAL_BLOCK: u64 = 16 << 10;
const REMOTE_BLOCK: u64 = 256 << 10;
/// Bytes kept unless the caller says otherwise.
const DEFAULT_CAPACITY: u64 = 32 << 20;
/// A read of more blocks than this is data rather than metadata: it goes past the cache.
const BYPASS_BLOCKS: u64 = 16;

/// A [`ByteSource`] that keeps the blocks it has read, the least recently used ones going first.
pub struct BlockCache {
    source: Arc<dyn ByteSource>,
    block: u64,
    max_blocks: usize,
    state: Mutex<State>,
    fetched: AtomicU64,
    requests: AtomicU64,
}

#[derive(Default)]
struct State {
    blocks: HashMap<u64, Block>,
    clock: u64,
}

struct Block {
    bytes: Arc<[u8]>,
    used: u64,
}

impl BlockCache {
    /// Blocks of 16 KiB for a local source and 256 KiB for a remote one, 32 MiB in all.
    pub fn new(source: Arc<dyn ByteSource>) -> Self {
        let block = if source.is_remote() { REMOTE_BLOCK } else { LOCAL_BLOCK };
        BlockCache::with_sizes(source, block, DEFAULT_CAPACITY)
    }

    /// Blocks of `block` bytes (at least 1), at most `capacity` bytes of them (at least one block).
    pub fn with_sizes(source: Arc<dyn ByteSource>, block: u64, capacity: u64) -> Self {
        let block = block.clamp(1, 1 << 30);
        let max_blocks = usize::try_from(capacity / block).unwrap_or(usize::MAX).max(1);
        let (fetched, requests) = (AtomicU64::new(0), AtomicU64::new(0));
        BlockCache { source, block, max_blocks, state: Mutex::default(), fetched, requests }
    }

    /// The source behind the cache: chunk data should be read from there.
    pub fn source(&self) -> &Arc<dyn ByteSource> {
        &self.source
    }

    /// Bytes read from the source so far.
    pub fn fetched_bytes(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }

    /// Reads of the source so far.
    pub fn fetches(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Blocks are only ever inserted whole: a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, bytes: u64) {
        self.fetched.fetch_add(bytes, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// The blocks `first..=last`; each gap between known ones is one read.
    fn blocks(&self, first: u64, last: u64) -> Result<Vec<Arc<[u8]>>, ReadError> {
        let mut found = self.lookup(first, last);
        let mut at = 0;
        while at < found.len() {
            if found[at].is_some() {
                at += 1;
                continue;
            }
            let gap = found[at..].iter().take_while(|b| b.is_none()).count();
            for (slot, bytes) in found[at..at + gap].iter_mut().zip(self.fetch(first + at as u64, gap)?) {
                *slot = Some(bytes);
            }
            at += gap;
        }
        Ok(found.into_iter().flatten().collect())
    }

    fn lookup(&self, first: u64, last: u64) -> Vec<Option<Arc<[u8]>>> {
        let mut state = self.state();
        state.clock += 1;
        let now = state.clock;
        (first..=last)
            .map(|number| {
                state.blocks.get_mut(&number).map(|block| {
                    block.used = now;
                    block.bytes.clone()
                })
            })
            .collect()
    }

    /// Reads `count` blocks from number `first` and keeps them.
    fn fetch(&self, first: u64, count: usize) -> Result<Vec<Arc<[u8]>>, ReadError> {
        let start = first * self.block;
        let len = (count as u64 * self.block).min(self.source.len() - start);
        let mut bytes = vec![0; len as usize];
        self.source.read_at(start, &mut bytes)?;
        self.count(len);
        let blocks: Vec<Arc<[u8]>> = bytes.chunks(self.block as usize).map(Arc::from).collect();
        let mut state = self.state();
        state.clock += 1;
        let used = state.clock;
        for (i, bytes) in blocks.iter().enumerate() {
            state.blocks.insert(first + i as u64, Block { bytes: bytes.clone(), used });
        }
        state.trim(self.max_blocks);
        Ok(blocks)
    }
}

impl State {
    /// Drops the least recently used blocks, an eighth more than needed so that the search is rare.
    fn trim(&mut self, max: usize) {
        let excess = self.blocks.len().saturating_sub(max);
        if excess == 0 {
            return;
        }
        let mut ages: Vec<(u64, u64)> = self.blocks.iter().map(|(&n, b)| (b.used, n)).collect();
        ages.sort_unstable();
        for (_, number) in ages.into_iter().take(excess + max / 8) {
            self.blocks.remove(&number);
        }
    }
}

impl ByteSource for BlockCache {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn len(&self) -> u64 {
        self.source.len()
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), ReadError> {
        let len = out.len() as u64;
        check_range(self.name(), self.len(), offset, len)?;
        if len == 0 {
            return Ok(());
        }
        let (first, last) = (offset / self.block, (offset + len - 1) / self.block);
        if last - first >= BYPASS_BLOCKS {
            self.count(len);
            return self.source.read_at(offset, out);
        }
        let mut skip = (offset % self.block) as usize;
        let mut rest = out;
        for block in self.blocks(first, last)? {
            let n = rest.len().min(block.len() - skip);
            let (head, tail) = rest.split_at_mut(n);
            head.copy_from_slice(&block[skip..skip + n]);
            (rest, skip) = (tail, 0);
        }
        Ok(())
    }

    fn read_ranges(&self, ranges: &[(u64, u64)]) -> Result<Vec<Vec<u8>>, ReadError> {
        self.count(ranges.iter().fold(0, |sum, r| sum.saturating_add(r.1)));
        self.source.read_ranges(ranges)
    }

    fn local_path(&self) -> Option<&Path> {
        self.source.local_path()
    }

    fn is_remote(&self) -> bool {
        self.source.is_remote()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harmony_model::MemorySource;

    fn cache(len: usize, block: u64, capacity: u64) -> (BlockCache, Vec<u8>) {
        let bytes: Vec<u8> = (0..len).map(|i| (i * 7 % 251) as u8).collect();
        let source = Arc::new(MemorySource::new("m", bytes.clone()));
        (BlockCache::with_sizes(source, block, capacity), bytes)
    }

    #[test]
    fn neighbouring_reads_fetch_a_block_once() {
        let (cache, bytes) = cache(1000, 64, 1 << 20);
        for offset in 0..60 {
            let mut out = [0; 4];
            cache.read_at(offset, &mut out).unwrap();
            assert_eq!(out, bytes[offset as usize..offset as usize + 4]);
        }
        assert_eq!((cache.fetched_bytes(), cache.fetches()), (64, 1));
        let mut out = [0; 200];
        cache.read_at(10, &mut out).unwrap();
        assert_eq!(out[..], bytes[10..210]);
        assert_eq!((cache.fetched_bytes(), cache.fetches()), (256, 2));
    }

    #[test]
    fn every_range_is_right_with_room_for_two_blocks() {
        let (cache, bytes) = cache(300, 16, 32);
        for offset in 0..300usize {
            for len in [0, 1, 15, 16, 17, 40, 299] {
                let mut out = vec![0; len];
                let result = cache.read_at(offset as u64, &mut out);
                if offset + len <= 300 {
                    result.unwrap();
                    assert_eq!(out, bytes[offset..offset + len]);
                } else {
                    assert!(result.is_err());
                }
            }
        }
        assert!(cache.state().blocks.len() <= 2);
    }

    #[test]
    fn large_reads_go_past_the_cache() {
        let (cache, bytes) = cache(5000, 16, 1 << 20);
        let mut out = vec![0; 4000];
        cache.read_at(3, &mut out).unwrap();
        assert_eq!(out, bytes[3..4003]);
        assert_eq!(cache.fetched_bytes(), 4000);
        assert!(cache.state().blocks.is_empty());
    }
}
