//! Zarr v2 and v3: documents and one chunk, separated by zero bytes.
#![no_main]

use harmony_fuzz as _;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| harmony_formats::zarr::exercise(data));
