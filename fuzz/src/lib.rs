//! What the fuzz targets share: an allocator that refuses absurd sizes, and bounded reading of a granule.

use std::alloc::{GlobalAlloc, Layout, System};

use harmony_model::{Granule, VarId, Window};

/// No input of a few kilobytes justifies one allocation of this size: a parser that asks for it believed a header.
const LARGEST_ALLOCATION: usize = 256 << 20;

/// The system's allocator, except that an allocation sized by an unchecked number of the input ends the process even
/// when its pages would never be touched (libFuzzer's memory limit sees touched pages only).
struct Limited;

#[global_allocator]
static ALLOCATOR: Limited = Limited;

// SAFETY: every call is handed to the system's allocator unchanged, or the process ends.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        refuse_absurd(layout.size());
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        refuse_absurd(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        refuse_absurd(size);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn refuse_absurd(size: usize) {
    assert!(size <= LARGEST_ALLOCATION, "an allocation of {size} bytes");
}

/// Whether all values of a variable are at most 64 KiB.
pub fn is_small(granule: &Granule, id: VarId) -> bool {
    let size = granule.var(id).dtype.size() as u64;
    let bytes = granule.shape(id).iter().try_fold(size, |n, &d| n.checked_mul(d));
    bytes.is_some_and(|n| n <= 64 << 10)
}

/// Reads every variable that is small, whatever comes of it.
pub fn read_small_variables(granule: &Granule) {
    for id in granule.var_ids().filter(|&id| is_small(granule, id)) {
        let window = Window::all(&granule.shape(id));
        granule.read(id, &window).ok();
        granule.var(id).data.cost(&window).ok();
    }
}
