//! What was computed once is kept while there is room, and computed by one caller only, however many ask.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

/// A bounded store of values that are cheap to clone (`Arc`s).
///
/// Callers must not be tasks of the rayon pool when others may be computing the same value: they wait for it.
pub struct Cache<K, V> {
    state: Mutex<State<K, V>>,
    changed: Condvar,
    /// Weight that may be kept.
    limit: u64,
}

struct State<K, V> {
    slots: HashMap<K, Slot<V>>,
    weight: u64,
    clock: u64,
}

enum Slot<V> {
    /// Somebody computes it.
    Busy,
    Ready {
        value: V,
        weight: u64,
        used: u64,
    },
}

/// Frees the places of values that were not computed in the end, also when the computation panics.
struct Claim<'a, K: Eq + Hash + Clone, V: Clone> {
    cache: &'a Cache<K, V>,
    keys: Vec<K>,
}

impl<K: Eq + Hash + Clone, V: Clone> Drop for Claim<'_, K, V> {
    fn drop(&mut self) {
        let mut state = self.cache.lock();
        for key in &self.keys {
            if matches!(state.slots.get(key), Some(Slot::Busy)) {
                state.slots.remove(key);
            }
        }
        drop(state);
        self.cache.changed.notify_all();
    }
}

impl<K: Eq + Hash + Clone + Send + Sync, V: Clone + Send> Cache<K, V> {
    /// `limit`: the sum of the weights that are kept. One value is always kept, however heavy.
    pub fn new(limit: u64) -> Self {
        let state = State { slots: HashMap::new(), weight: 0, clock: 0 };
        Cache { state: Mutex::new(state), changed: Condvar::new(), limit }
    }

    /// The value, if it is there.
    #[cfg(test)]
    pub fn peek(&self, key: &K) -> Option<V> {
        self.lock().get(key)
    }

    /// The values of all keys, in their order, if all of them are there.
    pub fn ready(&self, keys: &[K]) -> Option<Vec<V>> {
        let mut state = self.lock();
        keys.iter().map(|key| state.get(key)).collect()
    }

    /// Weight of all that is kept.
    pub fn weight(&self) -> u64 {
        self.lock().weight
    }

    /// The value of `key`, computed if it is not there; `compute` gives it with its weight.
    ///
    /// # Errors
    /// What `compute` says; errors are not kept.
    pub fn get<E: Send>(&self, key: &K, compute: impl Fn(&K) -> Result<(V, u64), E> + Sync) -> Result<V, E> {
        let mut all = self.get_all(std::slice::from_ref(key), compute)?;
        // One key in, one value out.
        Ok(all.pop().expect("as many values as keys"))
    }

    /// The values of all keys, in their order; those that are missing are computed in parallel.
    ///
    /// # Errors
    /// The first thing that `compute` says.
    pub fn get_all<E: Send>(
        &self,
        keys: &[K],
        compute: impl Fn(&K) -> Result<(V, u64), E> + Sync,
    ) -> Result<Vec<V>, E> {
        let mut found: Vec<Option<V>> = vec![None; keys.len()];
        loop {
            let (mine, waiting) = self.claim(keys, &mut found);
            if !mine.is_empty() {
                let claim = Claim { cache: self, keys: mine.iter().map(|&i| keys[i].clone()).collect() };
                let computed: Vec<Result<(V, u64), E>> = match &mine[..] {
                    // Not worth a hand-over.
                    [one] => vec![compute(&keys[*one])],
                    many => many.par_iter().map(|&i| compute(&keys[i])).collect(),
                };
                let mut failed = None;
                let mut state = self.lock();
                for (&i, result) in mine.iter().zip(computed) {
                    match result {
                        Ok((value, weight)) => {
                            found[i] = Some(value.clone());
                            state.put(keys[i].clone(), value, weight);
                        }
                        Err(e) => failed = failed.or(Some(e)),
                    }
                }
                state.shrink(self.limit);
                drop(state);
                drop(claim);
                if let Some(e) = failed {
                    return Err(e);
                }
            }
            if !waiting {
                return Ok(found.into_iter().flatten().collect());
            }
            self.wait(keys, &found);
        }
    }

    /// Takes what is ready, marks what nobody computes, and tells whether others compute something of it.
    fn claim(&self, keys: &[K], found: &mut [Option<V>]) -> (Vec<usize>, bool) {
        let mut state = self.lock();
        let (mut mine, mut waiting) = (Vec::new(), false);
        for (i, key) in keys.iter().enumerate().filter(|(i, _)| found[*i].is_none()).collect::<Vec<_>>() {
            if let Some(value) = state.get(key) {
                found[i] = Some(value);
            } else if state.slots.contains_key(key) {
                waiting = true;
            } else {
                state.slots.insert(key.clone(), Slot::Busy);
                mine.push(i);
            }
        }
        (mine, waiting)
    }

    /// Until something that is still missing is ready or given up.
    fn wait(&self, keys: &[K], found: &[Option<V>]) {
        let mut state = self.lock();
        let all_busy = |state: &State<K, V>| {
            let mut missing = keys.iter().zip(found).filter(|(_, f)| f.is_none());
            missing.all(|(k, _)| matches!(state.slots.get(k), Some(Slot::Busy)))
        };
        while all_busy(&state) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Cache<K, V> {
    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone, V: Clone> State<K, V> {
    fn get(&mut self, key: &K) -> Option<V> {
        self.clock += 1;
        match self.slots.get_mut(key) {
            Some(Slot::Ready { value, used, .. }) => {
                *used = self.clock;
                Some(value.clone())
            }
            _ => None,
        }
    }

    fn put(&mut self, key: K, value: V, weight: u64) {
        self.clock += 1;
        let slot = Slot::Ready { value, weight, used: self.clock };
        if let Some(Slot::Ready { weight, .. }) = self.slots.insert(key, slot) {
            self.weight -= weight;
        }
        self.weight += weight;
    }

    /// Gives up what was not used for longest. An eighth more than needed, so that sorting is rare.
    fn shrink(&mut self, limit: u64) {
        if self.weight <= limit {
            return;
        }
        let mut ages: Vec<(u64, K)> = self
            .slots
            .iter()
            .filter_map(|(k, s)| match s {
                Slot::Ready { used, .. } => Some((*used, k.clone())),
                Slot::Busy => None,
            })
            .collect();
        ages.sort_by_key(|(used, _)| *used);
        let goal = limit - limit / 8;
        // The newest one stays.
        ages.pop();
        for (_, key) in ages {
            if self.weight <= goal {
                break;
            }
            if let Some(Slot::Ready { weight, .. }) = self.slots.remove(&key) {
                self.weight -= weight;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn the_least_used_goes_when_there_is_no_room() {
        let cache: Cache<u32, u32> = Cache::new(80);
        let get = |k: u32| cache.get(&k, |k| Ok::<_, ()>((*k * 2, 10))).unwrap();
        for k in 0..8 {
            assert_eq!(get(k), k * 2);
        }
        get(0);
        get(8);
        assert!(cache.peek(&0).is_some() && cache.peek(&8).is_some());
        assert!(cache.peek(&1).is_none());
        assert!(cache.weight() <= 80);
    }

    #[test]
    fn many_askers_compute_once_and_errors_are_not_kept() {
        let cache: Arc<Cache<u8, usize>> = Arc::new(Cache::new(100));
        let count = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (cache, count) = (cache.clone(), count.clone());
                std::thread::spawn(move || {
                    cache.get(&1, |_| {
                        std::thread::sleep(std::time::Duration::from_millis(30));
                        Ok::<_, ()>((count.fetch_add(1, Ordering::SeqCst), 1))
                    })
                })
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Ok(0));
        }
        assert_eq!(cache.get(&2, |_| Err::<(usize, u64), _>("no")), Err("no"));
        assert_eq!(cache.get(&2, |_| Ok::<_, &str>((5, 1))), Ok(5));
    }
}
