//! Shapes of requests. The first byte chooses the file's name (the content decides the format, whatever the name).
#![no_main]

use harmony_fuzz as _;
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 6] = ["a.geojson", "a.json", "a.shp", "a.zip", "a.kml", "a.kmz"];

fuzz_target!(|data: &[u8]| {
    if let Some((&first, bytes)) = data.split_first() {
        harmony::request::shape::from_bytes(NAMES[usize::from(first) % NAMES.len()], bytes).ok();
    }
});
