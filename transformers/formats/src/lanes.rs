//! Independent pieces of work, a limited number at a time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::write::WriteError;

/// Does pieces `0..count`, in order but at most `lanes` at a time: what one lane holds in memory, times `lanes`, is what
/// is held at all. A lane never waits for another: a waiting worker of the pool could be the one that holds what it
/// waits for.
///
/// # Errors
/// That of the first piece (in order) of those that failed before all lanes had stopped.
pub(crate) fn run(
    count: usize,
    lanes: usize,
    work: impl Fn(usize) -> Result<(), WriteError> + Sync,
) -> Result<(), WriteError> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let first: Mutex<Option<(usize, WriteError)>> = Mutex::default();
    let lane = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count || stop.load(Ordering::Relaxed) {
                break;
            }
            if let Err(error) = work(number) {
                stop.store(true, Ordering::Relaxed);
                let mut first = first.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if first.as_ref().is_none_or(|(n, _)| number < *n) {
                    *first = Some((number, error));
                }
            }
        }
    };
    rayon::scope(|scope| (0..lanes.clamp(1, count.max(1))).for_each(|_| scope.spawn(|_| lane())));
    match first.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_done_once() {
        let done: Vec<AtomicUsize> = (0..100).map(|_| AtomicUsize::new(0)).collect();
        run(100, 3, |i| {
            done[i].fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
        .unwrap();
        assert!(done.iter().all(|d| d.load(Ordering::Relaxed) == 1));
    }

    #[test]
    fn a_failure_stops_the_rest() {
        let error = run(1000, 2, |i| if i == 5 { Err(WriteError::Cancelled) } else { Ok(()) });
        assert!(matches!(error, Err(WriteError::Cancelled)));
    }
}
