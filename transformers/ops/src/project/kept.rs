//! What was made once and may be wanted again, within a number of bytes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Values by key, the least recently used of them dropped beyond the budget.
///
/// Nobody ever waits for somebody else's value (see [`super::StripCache`]): who does not find one makes it, even if
/// another thread is doing so.
pub struct Kept<K, V> {
    budget: usize,
    slots: Mutex<Slots<K, V>>,
}

struct Slots<K, V> {
    values: HashMap<K, Slot<V>>,
    bytes: usize,
    clock: u64,
    /// Bytes that have to fit whatever the budget is: those always in use, and the most that anything else takes.
    always: usize,
    at_times: usize,
}

struct Slot<V> {
    value: Arc<V>,
    bytes: usize,
    used: u64,
}

impl<K: Copy + Eq + Hash, V> Kept<K, V> {
    /// Keeps `budget` bytes at most, and the last value in any case.
    pub fn new(budget: usize) -> Self {
        let slots = Slots { values: HashMap::new(), bytes: 0, clock: 0, always: 0, at_times: 0 };
        Kept { budget, slots: Mutex::new(slots) }
    }

    /// Makes room for `always` bytes more than before, and beside them for `at_times`: what is in use at the same time
    /// must not push each other out, however large it is.
    pub fn reserve(&self, always: usize, at_times: usize) {
        let mut slots = self.lock();
        slots.always += always;
        slots.at_times = slots.at_times.max(at_times);
    }

    fn lock(&self) -> MutexGuard<'_, Slots<K, V>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, if it is still there.
    pub fn get(&self, key: K) -> Option<Arc<V>> {
        let mut slots = self.lock();
        slots.clock += 1;
        let now = slots.clock;
        let slot = slots.values.get_mut(&key)?;
        slot.used = now;
        Some(slot.value.clone())
    }

    /// Keeps a value of so many bytes.
    pub fn put(&self, key: K, value: Arc<V>, bytes: usize) {
        // Memory is given back after the lock is.
        let mut dropped = Vec::new();
        let mut slots = self.lock();
        slots.clock += 1;
        let used = slots.clock;
        slots.bytes += bytes;
        if let Some(old) = slots.values.insert(key, Slot { value, bytes, used }) {
            slots.bytes -= old.bytes;
            dropped.push(old);
        }
        let most = self.budget.max(slots.always + slots.at_times);
        while slots.bytes > most && slots.values.len() > 1 {
            let oldest = slots.values.iter().min_by_key(|(_, s)| s.used).map(|(k, _)| *k);
            let Some(old) = oldest.and_then(|k| slots.values.remove(&k)) else { break };
            slots.bytes -= old.bytes;
            dropped.push(old);
        }
    }

    /// Bytes that are kept now.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first_and_the_last_one_stays() {
        let kept = Kept::new(20);
        kept.put(1, Arc::new('a'), 10);
        kept.put(2, Arc::new('b'), 10);
        assert_eq!(kept.get(1).as_deref(), Some(&'a'));
        kept.put(3, Arc::new('c'), 10);
        assert_eq!((kept.get(2), kept.bytes()), (None, 20));
        kept.put(3, Arc::new('d'), 5);
        assert_eq!(kept.bytes(), 15);
        kept.put(4, Arc::new('e'), 100);
        assert_eq!((kept.get(1), kept.get(4).as_deref(), kept.bytes()), (None, Some(&'e'), 100));
        kept.reserve(100, 5);
        kept.put(5, Arc::new('f'), 5);
        assert_eq!(kept.bytes(), 105);
    }
}
