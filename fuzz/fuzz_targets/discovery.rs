//! Geolocation and time found in the metadata of a granule (which arrives as a netCDF classic file), and its times.
#![no_main]

use std::sync::Arc;

use harmony_fuzz::is_small;
use harmony_model::geolocation::{self, Hints};
use harmony_model::time::{self, DateTime};
use harmony_model::{MemorySource, Packing};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let source = Arc::new(MemorySource::new("fuzz.nc", data.to_vec()));
    let Ok(granule) = harmony_formats::netcdf3::open(source) else { return };
    let hints = Hints::default();
    let Ok(table) = geolocation::discover(&granule, &hints) else { return };
    let times = time::discover(&granule, &table, &hints);
    let end = DateTime::parse("2020-02-29T12:00:00Z").expect("it is a time");
    for id in granule.var_ids() {
        table.of(id);
        Packing::of(granule.var(id));
    }
    for axis in &times.axes {
        if is_small(&granule, axis.var) {
            for seconds in axis.read_all(&granule).unwrap_or_default() {
                DateTime::from_seconds(seconds);
            }
        }
        if axis.bounds.is_some_and(|bounds| is_small(&granule, bounds)) {
            axis.bounds_seconds(&granule).ok();
        }
        axis.bound(&end);
    }
});
