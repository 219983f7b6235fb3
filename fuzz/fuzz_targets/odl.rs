//! ODL: the text inside HDF-EOS files that describes swaths, grids and the inventory.
#![no_main]

use harmony_formats::hdfeos::{Structure, grid_axes, inventory, odl};
use harmony_fuzz as _;
use libfuzzer_sys::fuzz_target;

/// Axes of more cells are not computed: they are as long as the text says, rightly.
const MAX_CELLS: u64 = 1 << 16;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    odl::parse(&text);
    inventory(&text);
    for grid in Structure::parse(&text).grids {
        if grid.x_size.max(grid.y_size) <= MAX_CELLS {
            grid_axes(&grid);
        }
    }
});
