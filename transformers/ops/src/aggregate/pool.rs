//! Granules that are opened when they are needed, a bounded number at a time.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use harmony_model::{Granule, ReadError, Variable, Window};

use super::Member;
use super::ahead::Ahead;

/// Granules that stay open once they have been.
const KEPT_GRANULES: usize = 96;
/// Files that stay open for chunks copied as stored.
const KEPT_FILES: usize = 256;

/// The first few stay, the others take turns in a few places.
///
/// Every variable of the result goes through all granules in the same order; of a cycle longer than the store, the
/// least recently used entry is always the one that is needed next.
struct Kept<K, T> {
    stay: HashMap<K, T>,
    room: usize,
    turns: VecDeque<(K, T)>,
    turn_room: usize,
}

impl<K: Hash + Eq + Clone, T: Clone> Kept<K, T> {
    fn new(room: usize) -> Self {
        let turn_room = 2 * rayon::current_num_threads() + 4;
        Kept { stay: HashMap::new(), room, turns: VecDeque::new(), turn_room }
    }

    fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<T>
    where
        K: std::borrow::Borrow<Q>,
    {
        let turn = || self.turns.iter().find(|(k, _)| k.borrow() == key).map(|(_, t)| t);
        self.stay.get(key).or_else(turn).cloned()
    }

    /// Whether it stays.
    fn put(&mut self, key: K, value: T) -> bool {
        if self.stay.len() < self.room {
            self.stay.insert(key, value);
            return true;
        }
        if self.turns.len() >= self.turn_room {
            self.turns.pop_front();
        }
        self.turns.push_back((key, value));
        false
    }
}

/// The granules of one aggregation.
pub struct Pool {
    members: Vec<Member>,
    open: Mutex<Kept<usize, Arc<Granule>>>,
    files: Mutex<Kept<PathBuf, Arc<File>>>,
    ahead: Ahead,
}

impl Pool {
    pub fn new(members: Vec<Member>) -> Self {
        let (open, files) = (Mutex::new(Kept::new(KEPT_GRANULES)), Mutex::new(Kept::new(KEPT_FILES)));
        Pool { members, open, files, ahead: Ahead::default() }
    }

    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// File name of a granule.
    pub fn name(&self, member: usize) -> &str {
        &self.members[member].name
    }

    /// A granule, opened again when it has been closed.
    ///
    /// # Errors
    /// What opening says.
    pub fn get(&self, member: usize) -> Result<Arc<Granule>, ReadError> {
        self.get_or_open(member).map(|(granule, _)| granule)
    }

    /// Whether it had to be opened and will be closed again soon.
    fn get_or_open(&self, member: usize) -> Result<(Arc<Granule>, bool), ReadError> {
        if let Some(granule) = lock(&self.open).get(&member) {
            return Ok((granule, false));
        }
        // Opened outside the lock: it may take long, and may itself wait for work of other threads.
        let granule = (self.members[member].open)()?;
        let mut open = lock(&self.open);
        let stays = open.get(&member).is_some() || open.put(member, granule.clone());
        Ok((granule, !stays))
    }

    /// Says that a variable of a granule will be read, after those that were said before.
    pub fn expect(&self, member: usize, number: usize) {
        if self.members.len() > KEPT_GRANULES {
            self.ahead.expect(member, number);
        }
    }

    /// Elements of a variable of a granule.
    ///
    /// # Errors
    /// What opening and reading say.
    pub fn read(
        &self,
        member: usize,
        number: usize,
        path: &str,
        window: &Window,
        out: &mut [u8],
    ) -> Result<(), ReadError> {
        if self.ahead.take(member, number, window, out) {
            return Ok(());
        }
        let (granule, fresh) = self.get_or_open(member)?;
        let at = self.position(&granule, member, number, path)?;
        granule.vars[at].data.read(window, out)?;
        if fresh && at == number {
            self.ahead.read(member, &granule, number, self.members.len());
        }
        Ok(())
    }

    /// Which elements of a variable of a granule have a source: 1, else 0.
    ///
    /// # Errors
    /// As [`Pool::read`].
    pub fn read_coverage(
        &self,
        member: usize,
        number: usize,
        path: &str,
        window: &Window,
        out: &mut [u8],
    ) -> Result<(), ReadError> {
        let (granule, at) = self.variable(member, number, path)?;
        match granule.vars[at].data.coverage() {
            Some(coverage) => coverage.read(window, out),
            None => {
                out.fill(1);
                Ok(())
            }
        }
    }

    /// A variable of a granule by its number when the granule was first seen.
    ///
    /// # Errors
    /// What opening says; [`ReadError::Corrupt`] when the granule is not what it was.
    pub fn variable(
        &self,
        member: usize,
        number: usize,
        path: &str,
    ) -> Result<(Arc<Granule>, usize), ReadError> {
        let granule = self.get(member)?;
        let at = self.position(&granule, member, number, path)?;
        Ok((granule, at))
    }

    fn position(
        &self,
        granule: &Granule,
        member: usize,
        number: usize,
        path: &str,
    ) -> Result<usize, ReadError> {
        let is_it = |v: &Variable| v.path == path;
        if granule.vars.get(number).is_some_and(is_it) {
            return Ok(number);
        }
        granule.vars.iter().position(is_it).ok_or_else(|| changed(self.name(member), path))
    }

    /// An open file.
    ///
    /// # Errors
    /// [`ReadError::Open`] when it can't be opened any more.
    pub(super) fn file(&self, path: &Path) -> Result<Arc<File>, ReadError> {
        if let Some(file) = lock(&self.files).get(path) {
            return Ok(file);
        }
        let file = File::open(path).map_err(|e| ReadError::Open {
            source_name: path.display().to_string(),
            detail: format!("can't be opened again: {e}"),
        })?;
        let file = Arc::new(file);
        lock(&self.files).put(path.to_owned(), file.clone());
        Ok(file)
    }
}

/// The error of a granule that is another one when it is opened again.
pub fn changed(granule: &str, path: &str) -> ReadError {
    ReadError::corrupt(granule, format!("variable '{path}'"), "the file changed while it was read")
}

/// The state of a store is right after every step: a panic elsewhere does not matter.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn no_more_granules_are_open_than_the_bound_and_the_first_stay() {
        static ALIVE: AtomicUsize = AtomicUsize::new(0);
        static OPENED: AtomicUsize = AtomicUsize::new(0);
        struct Counted;
        impl Drop for Counted {
            fn drop(&mut self) {
                ALIVE.fetch_sub(1, Ordering::SeqCst);
            }
        }
        impl harmony_model::ArraySource for Counted {
            fn read(&self, _: &harmony_model::Window, _: &mut [u8]) -> Result<(), ReadError> {
                Ok(())
            }
            fn cost(&self, _: &harmony_model::Window) -> Result<u64, ReadError> {
                Ok(0)
            }
        }
        let member = |i: usize| Member {
            name: format!("{i}.nc"),
            source: String::new(),
            open: Arc::new(move || {
                ALIVE.fetch_add(1, Ordering::SeqCst);
                OPENED.fetch_add(1, Ordering::SeqCst);
                let mut g = Granule::new(&format!("{i}.nc"), "netcdf4");
                g.add_var(Granule::ROOT, "v", harmony_model::DType::U8, vec![], Arc::new(Counted));
                Ok(Arc::new(g))
            }),
        };
        let pool = Pool::new((0..300).map(member).collect());
        let bound = KEPT_GRANULES + 2 * rayon::current_num_threads() + 4;
        for _ in 0..3 {
            for i in 0..300 {
                assert_eq!(pool.get(i).unwrap().name, format!("{i}.nc"));
                assert!(ALIVE.load(Ordering::SeqCst) <= bound);
            }
        }
        assert_eq!(OPENED.load(Ordering::SeqCst), 300 + 2 * (300 - KEPT_GRANULES));
    }
}
