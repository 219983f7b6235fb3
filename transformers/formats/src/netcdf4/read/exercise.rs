//! What a fuzzer calls.

use std::sync::Arc;

use harmony_model::{DType, Granule, MemorySource, Variable, Window, dtype::SLOT};

/// Bytes of values read of one variable, and of all of them.
const MAX_VARIABLE: u64 = 1 << 20;
const MAX_TOTAL: u64 = 8 << 20;
const MAX_CHUNK: u64 = 16 << 20;
/// Chunks read of one variable: each takes a microsecond or more, however small it is.
const MAX_CHUNKS: u64 = 20_000;
/// Values of variable length looked up per variable.
const MAX_SLOTS: usize = 1000;

/// Opens `data` as a file and reads what is small enough, with and without comparing checksums (without them,
/// mutated bytes reach the parsers behind). Errors are what is expected of most inputs; panics are defects.
#[doc(hidden)]
pub fn exercise(data: &[u8]) {
    for verify in [true, false] {
        let source = Arc::new(MemorySource::new("fuzz", data.to_vec()));
        if let Ok(granule) = super::open_with(source, verify) {
            read_all(&granule);
        }
    }
}

fn read_all(granule: &Granule) {
    let mut left = MAX_TOTAL;
    for id in granule.var_ids() {
        let var = granule.var(id);
        let shape = granule.shape(id);
        let size = shape.iter().try_fold(var.dtype.size() as u64, |n, &d| n.checked_mul(d));
        let Some(size) = size.filter(|&n| n <= MAX_VARIABLE && n <= left) else { continue };
        if chunk_bytes(var).is_none_or(|n| n > MAX_CHUNK) || chunks(var, &shape) > MAX_CHUNKS {
            continue;
        }
        left -= size;
        let window = Window::all(&shape);
        let cost = var.data.cost(&window);
        let Ok(bytes) = granule.read(id, &window) else { continue };
        debug_assert!(cost.is_ok(), "what can be read has a cost");
        if let (Some(heap), DType::String | DType::VLen(_)) = (var.data.heap(), &var.dtype) {
            let element = match &var.dtype {
                DType::VLen(base) => base.size(),
                _ => 1,
            };
            bytes.chunks_exact(SLOT).take(MAX_SLOTS).for_each(|slot| drop(heap.get(slot, element)));
        }
    }
}

fn chunk_bytes(var: &Variable) -> Option<u64> {
    let shape = var.storage.chunk_shape().unwrap_or_default();
    shape.iter().try_fold(var.dtype.size() as u64, |n, &c| n.checked_mul(c))
}

fn chunks(var: &Variable, shape: &[u64]) -> u64 {
    let chunk = var.storage.chunk_shape().unwrap_or_default();
    shape.iter().zip(chunk).map(|(n, c)| n.div_ceil(*c)).fold(1, u64::saturating_mul)
}
