//! HDF4 and HDF-EOS2: directory, groups, tables, data sets and their chunks.
#![no_main]

use std::sync::Arc;

use harmony_model::{ByteSource, MemorySource};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let source: Arc<dyn ByteSource> = Arc::new(MemorySource::new("fuzz.hdf", data.to_vec()));
    if let Ok(granule) = harmony_formats::hdf4::open(&source) {
        harmony_fuzz::read_small_variables(&granule);
    }
});
