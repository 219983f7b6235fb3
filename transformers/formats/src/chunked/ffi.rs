//! One output buffer that several threads write to at once.

use std::marker::PhantomData;

/// A borrowed output buffer whose disjoint parts are written in parallel.
///
/// Chunks scatter into interleaved pieces of the output (rows of a tile), which `split_at_mut` can't hand out without
/// a list of all pieces; so the pieces are handed out on trust, by one `unsafe` method.
pub(super) struct SharedOut<'a> {
    start: *mut u8,
    len: usize,
    borrow: PhantomData<&'a mut [u8]>,
}

// SAFETY: the buffer is exclusively borrowed for 'a and made of plain bytes; threads only reach it through `piece`,
// whose caller guarantees that no two pieces in use overlap.
unsafe impl Sync for SharedOut<'_> {}
// SAFETY: as above; nothing in it belongs to a thread.
unsafe impl Send for SharedOut<'_> {}

impl<'a> SharedOut<'a> {
    pub(super) fn new(out: &'a mut [u8]) -> Self {
        SharedOut { start: out.as_mut_ptr(), len: out.len(), borrow: PhantomData }
    }

    /// The `len` bytes from `at`.
    ///
    /// # Panics
    /// When they leave the buffer.
    ///
    /// # Safety
    /// No other piece in use at the same time may overlap it. The readers here hold to that because each position of
    /// an output axis belongs to exactly one segment, thus each output element to exactly one chunk and one piece.
    #[allow(clippy::mut_from_ref)] // That is what it is for; see Safety.
    pub(super) unsafe fn piece(&self, at: usize, len: usize) -> &mut [u8] {
        assert!(at <= self.len && len <= self.len - at, "a piece leaves the output");
        // SAFETY: in bounds (checked above) of a buffer borrowed for longer than `self`; the caller rules out overlap.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(at), len) }
    }
}
