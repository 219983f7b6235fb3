//! Decoded strips of source planes, shared by the blocks of the target that need them.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use harmony_model::Request;

use super::pages::KeptPages;

/// Bytes of strips that are kept, unless said otherwise.
const BUDGET: usize = 192 << 20;
/// Less than this makes strips so small that little else is done than looking for them.
const LEAST: usize = 1 << 20;

/// Bytes of strips that a request allows: three eighths of its memory, the rest is for what is made of them.
pub fn budget(request: &Request) -> usize {
    let share = |memory: u64| usize::try_from(memory / 8 * 3).unwrap_or(usize::MAX);
    request.memory.map_or(BUDGET, share).max(LEAST)
}

/// Rows of a source plane, decoded as its resampler wants them.
#[derive(Debug)]
pub enum Strip {
    Bytes(Vec<u8>),
    F32 { values: Vec<f32>, has_fill: bool },
    F64 { values: Vec<f64>, has_fill: bool },
}

impl Strip {
    fn bytes(&self) -> usize {
        match self {
            Strip::Bytes(v) => v.len(),
            Strip::F32 { values, .. } => 4 * values.len(),
            Strip::F64 { values, .. } => 8 * values.len(),
        }
    }
}

/// Which strip: array, plane of it, number in the plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StripKey {
    pub array: u64,
    pub plane: u64,
    pub strip: usize,
}

/// What a look into the cache says.
pub enum Look {
    Ready(Arc<Strip>),
    /// Nobody has it: the caller is to make it and [`StripCache::put`] it (or [`StripCache::give_up`]).
    Yours,
    /// Somebody else is making it.
    Busy,
}

enum Slot {
    Busy,
    Ready { strip: Arc<Strip>, used: u64 },
}

/// Strips of all arrays that share it, the least recently used of them dropped beyond the budget.
///
/// Nobody ever waits for somebody else's strip: a thread that waits may be the one whose work is waited for, because
/// threads of a pool take over each other's tasks. Who finds a strip busy makes others first and that one himself if
/// it is still not there.
pub struct StripCache {
    budget: usize,
    slots: Mutex<HashMap<StripKey, Slot>>,
    clock: AtomicU64,
    arrays: AtomicU64,
    pages: Arc<KeptPages>,
}

impl StripCache {
    pub fn new(budget: usize) -> Arc<Self> {
        let slots = Mutex::new(HashMap::new());
        Arc::new(StripCache {
            budget,
            slots,
            clock: AtomicU64::new(0),
            arrays: AtomicU64::new(0),
            pages: Arc::new(KeptPages::new(budget)),
        })
    }

    /// A number for one more array.
    pub fn register(&self) -> u64 {
        self.arrays.fetch_add(1, Ordering::Relaxed)
    }

    /// Bytes it keeps at most.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// Pages of the arrays of which no strips are made.
    pub fn pages(&self) -> &Arc<KeptPages> {
        &self.pages
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<StripKey, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The strip, or who is to make it.
    pub fn look(&self, key: StripKey) -> Look {
        let now = self.clock.fetch_add(1, Ordering::Relaxed);
        match self.lock().entry(key) {
            std::collections::hash_map::Entry::Vacant(empty) => {
                empty.insert(Slot::Busy);
                Look::Yours
            }
            std::collections::hash_map::Entry::Occupied(mut full) => match full.get_mut() {
                Slot::Busy => Look::Busy,
                Slot::Ready { strip, used } => {
                    *used = now;
                    Look::Ready(strip.clone())
                }
            },
        }
    }

    /// Hands in a strip that was [`Look::Yours`].
    pub fn put(&self, key: StripKey, strip: &Arc<Strip>) {
        let used = self.clock.fetch_add(1, Ordering::Relaxed);
        let mut slots = self.lock();
        slots.insert(key, Slot::Ready { strip: strip.clone(), used });
        shrink(&mut slots, self.budget);
    }

    /// The strip could not be made.
    pub fn give_up(&self, key: StripKey) {
        self.lock().remove(&key);
    }
}

fn shrink(slots: &mut HashMap<StripKey, Slot>, budget: usize) {
    let size = |s: &Slot| match s {
        Slot::Busy => 0,
        Slot::Ready { strip, .. } => strip.bytes(),
    };
    let mut total: usize = slots.values().map(size).sum();
    while total > budget {
        let oldest = slots
            .iter()
            .filter_map(|(k, s)| match s {
                Slot::Ready { used, .. } => Some((*used, *k)),
                Slot::Busy => None,
            })
            .min_by_key(|(used, _)| *used);
        let Some((_, key)) = oldest else { return };
        total -= slots.remove(&key).as_ref().map_or(0, size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_strip_goes_first() {
        let cache = StripCache::new(20);
        let key = |strip| StripKey { array: 0, plane: 0, strip };
        for i in 0..2 {
            assert!(matches!(cache.look(key(i)), Look::Yours));
            assert!(matches!(cache.look(key(i)), Look::Busy));
            cache.put(key(i), &Arc::new(Strip::Bytes(vec![0; 10])));
        }
        assert!(matches!(cache.look(key(0)), Look::Ready(_)));
        assert!(matches!(cache.look(key(2)), Look::Yours));
        cache.put(key(2), &Arc::new(Strip::Bytes(vec![0; 10])));
        assert!(matches!(cache.look(key(1)), Look::Yours), "dropped");
        assert!(matches!(cache.look(key(0)), Look::Ready(_)));
    }
}
