//! Where the threads that compute begin.

/// Starts one thread that computes for each processor, each on a processor of its own, once for the process.
///
/// The system puts new threads where there is room at that moment, and moves them apart after tens of milliseconds:
/// most granules are done by then.
pub fn spread() {
    let pool = rayon::ThreadPoolBuilder::new().start_handler(begin_apart);
    // It fails where threads compute already: as well.
    let _ = pool.build_global();
}

/// Moves the calling thread to one of the processors that it may run on; it stays free to run on all of them.
#[cfg(target_os = "linux")]
fn begin_apart(thread: usize) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let Ok(allowed) = sched_getaffinity(None) else { return };
    let processors: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu)).collect();
    let Some(&own) = processors.get(thread % processors.len().max(1)) else { return };
    let mut one = CpuSet::new();
    one.set(own);
    // Where either is refused the thread begins where the system has put it.
    if sched_setaffinity(None, &one).is_ok() {
        let _ = sched_setaffinity(None, &allowed);
    }
}

#[cfg(not(target_os = "linux"))]
fn begin_apart(_thread: usize) {}
