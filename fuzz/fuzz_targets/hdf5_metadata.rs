//! HDF5 and netCDF-4: superblock, object headers, links, indexes, heaps, chunks; with and without checksums.
#![no_main]

use harmony_fuzz as _;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| harmony_formats::netcdf4::read::exercise(data));
