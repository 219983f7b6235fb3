//! Small variables read along with the one that a granule was opened again for.
//!
//! A sink takes the result variable by variable, and each of them comes from all granules: without this, every granule
//! would be opened as often as it has variables.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use harmony_model::memory::copy_window;
use harmony_model::{Granule, VarId, Window};

/// Bytes held for all granules together.
const BUDGET: u64 = 96 << 20;

/// One variable of one granule, whole, until it has been taken.
struct Held {
    var: usize,
    shape: Vec<u64>,
    size: usize,
    bytes: Vec<u8>,
    left: u64,
}

/// Variables that will be asked for, and those that are held.
#[derive(Default)]
pub struct Ahead {
    expected: Mutex<HashMap<usize, Vec<usize>>>,
    held: Mutex<HashMap<usize, Vec<Held>>>,
}

impl Ahead {
    /// Says that a variable of a granule will be read, after those that were said before.
    pub fn expect(&self, member: usize, var: usize) {
        lock(&self.expected).entry(member).or_default().push(var);
    }

    /// Writes `window` of a held variable to `out`; `false`: it is not held.
    pub fn take(&self, member: usize, var: usize, window: &Window, out: &mut [u8]) -> bool {
        let mut held = lock(&self.held);
        let Some(list) = held.get_mut(&member) else { return false };
        let Some(at) = list.iter().position(|h| h.var == var) else { return false };
        let one = &mut list[at];
        let fits = window.0.len() == one.shape.len()
            && window.0.iter().zip(&one.shape).all(|(runs, &n)| runs.upper() <= n)
            && window.count().checked_mul(one.size as u64) == Some(out.len() as u64);
        if !fits {
            return false;
        }
        one.left = one.left.saturating_sub(out.len() as u64);
        let done = one.left == 0;
        if done {
            let one = list.swap_remove(at);
            drop(held);
            copy_window(&one.bytes, &one.shape, one.size, window, out);
        } else {
            copy_window(&one.bytes, &one.shape, one.size, window, out);
        }
        true
    }

    /// Reads variables that come after `var` of a granule that is open now, one of `members`. What can't be read says
    /// so when it is asked for itself.
    pub fn read(&self, member: usize, granule: &Granule, var: usize, members: usize) {
        let next: Vec<usize> = match lock(&self.expected).get(&member) {
            Some(list) => list.iter().skip_while(|v| **v != var).skip(1).copied().collect(),
            None => return,
        };
        let mut room = BUDGET / members.max(1) as u64;
        let mut list = Vec::new();
        for var in next {
            let id = VarId(var);
            let Some(variable) = granule.vars.get(var) else { break };
            let (shape, size) = (granule.shape(id), variable.dtype.size());
            let count = shape.iter().try_fold(size as u64, |n, &d| n.checked_mul(d));
            let Some(bytes) = count.filter(|&n| n <= room) else { break };
            let Ok(values) = granule.read(id, &Window::all(&shape)) else { break };
            room -= bytes;
            list.push(Held { var, shape, size, bytes: values, left: bytes });
        }
        // What was held of an earlier time was not wanted.
        lock(&self.held).insert(member, list);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use harmony_model::{DType, MemoryArray};
    use std::sync::Arc;

    #[test]
    fn a_variable_is_held_until_all_of_it_was_taken() {
        let mut g = Granule::new("a", "netcdf4");
        let x = g.add_dim(Granule::ROOT, "x", 4);
        for v in ["a", "b", "c"] {
            let data = Arc::new(MemoryArray::of(&[4], &[1u8, 2, 3, 4]));
            g.add_var(Granule::ROOT, v, DType::U8, vec![x], data);
        }
        let ahead = Ahead::default();
        (0..3).for_each(|v| ahead.expect(7, v));
        ahead.read(7, &g, 0, 1);
        let mut out = [0; 2];
        assert!(!ahead.take(7, 0, &Window::block(&[0], &[2]), &mut out));
        assert!(ahead.take(7, 1, &Window::block(&[0], &[2]), &mut out) && out == [1, 2]);
        assert!(ahead.take(7, 1, &Window::block(&[2], &[2]), &mut out) && out == [3, 4]);
        assert!(!ahead.take(7, 1, &Window::block(&[2], &[2]), &mut out));
        assert!(ahead.take(7, 2, &Window::block(&[1], &[2]), &mut out) && out == [2, 3]);
    }
}
