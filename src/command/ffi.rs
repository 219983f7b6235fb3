//! What the C library is told about memory.

/// Has the allocator keep one heap for all threads, once for the process.
///
/// Large blocks pass from thread to thread here: of heaps for each thread every one comes to hold as much as all need
/// together. It is asked for some thousand large blocks at most, so threads don't wait for each other.
pub fn share_one_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use std::ffi::c_int;

        /// `M_ARENA_MAX` of glibc's `malloc.h`.
        const ARENA_MAX: c_int = -8;
        unsafe extern "C" {
            fn mallopt(parameter: c_int, value: c_int) -> c_int;
        }
        // SAFETY: glibc's documented function with one of its parameters; it may be called at any time. Where it
        // refuses, memory is as before.
        unsafe { mallopt(ARENA_MAX, 1) };
    }
}
