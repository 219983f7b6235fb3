//! Byte buffers that are used again: the first touch of fresh pages costs as much as inflating into them.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// Buffers kept per thread.
const KEPT: usize = 6;
/// A buffer larger than this is given back to the system: one huge chunk must not stay in memory for ever.
const KEPT_CAPACITY: usize = 64 << 20;

thread_local! {
    static FREE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer from this thread's pool, put back when dropped. Its content is whatever was there last.
pub(crate) struct Pooled(Vec<u8>);

impl Pooled {
    pub(crate) fn take() -> Self {
        Pooled(FREE.with_borrow_mut(Vec::pop).unwrap_or_default())
    }

    /// The first `n` bytes, with unspecified content. Growing is the only case in which bytes are cleared.
    pub(crate) fn slice(&mut self, n: usize) -> &mut [u8] {
        if self.0.len() < n {
            self.0.resize(n, 0);
        }
        &mut self.0[..n]
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        if buffer.capacity() == 0 || buffer.capacity() > KEPT_CAPACITY {
            return;
        }
        // A thread that is ending has no pool any more.
        let _ = FREE.try_with(|free| {
            if let Ok(mut free) = free.try_borrow_mut()
                && free.len() < KEPT
            {
                free.push(buffer);
            }
        });
    }
}

impl Deref for Pooled {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}
