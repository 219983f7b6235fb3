//! An array with one more axis, of length 1, at its end: a trajectory as a swath of one column.

use std::sync::Arc;

use harmony_model::{ArraySource, ReadError, Window};

/// `inner` with a further axis of length 1.
pub struct Widened(pub Arc<dyn ArraySource>);

impl Widened {
    fn inner(window: &Window) -> Option<Window> {
        let (last, rest) = window.0.split_last()?;
        (!last.is_empty()).then(|| Window(rest.to_vec()))
    }
}

impl ArraySource for Widened {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        Self::inner(window).map_or(Ok(()), |w| self.0.read(&w, out))
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        Self::inner(window).map_or(Ok(0), |w| self.0.cost(&w))
    }
}
