//! netCDF classic (CDF-1, CDF-2, CDF-5): header and values.
#![no_main]

use harmony_fuzz as _;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| harmony_formats::netcdf3::exercise(data));
