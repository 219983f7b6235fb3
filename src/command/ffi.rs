//! What the C library is told about memory.

/// Has the allocator keep one heap for all threads, once for the process.
///
/// Large blocks pass from thread to thread here: of heaps for each thread every one comes to hold as much as all need
/// together. It is asked for some thousand large blocks at most, so threads don't wait for each other.
pub fn share_one_heap() {
    tell(&[(ARENA_MAX, 1)]);
}

/// Has the allocator give back what large blocks took as soon as they are freed, once for the process.
///
/// A server keeps blocks for long that were made between others that are gone at once: in a common heap holes remain
/// that count as used. Few heaps, for the same reason as above; several, because tiles are many small requests.
#[cfg(feature = "service")]
pub fn keep_heaps_small() {
    tell(&[(ARENA_MAX, 4), (MMAP_THRESHOLD, 256 << 10), (TRIM_THRESHOLD, 4 << 20)]);
}

// Parameters of glibc's `malloc.h`.
const ARENA_MAX: i32 = -8;
#[cfg(feature = "service")]
const MMAP_THRESHOLD: i32 = -3;
#[cfg(feature = "service")]
const TRIM_THRESHOLD: i32 = -1;

fn tell(parameters: &[(i32, i32)]) {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use std::ffi::c_int;

        unsafe extern "C" {
            fn mallopt(parameter: c_int, value: c_int) -> c_int;
        }
        for &(parameter, value) in parameters {
            // SAFETY: glibc's documented function with its own parameters; it may be called at any time. Where it
            // refuses, memory is as before.
            unsafe { mallopt(parameter, value) };
        }
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let _ = parameters;
}
