//! Habits of reference programs that are not ours: what `--compat` changes on a finished granule or selection.

mod gdal_adapter;
pub mod hybig;

use std::sync::Arc;

use harmony_model::request::Compat;
use harmony_model::{Granule, MemoryArray, Request, Runs};

/// Gives a granule the habits of the program that the request names, when all else is done.
pub fn settle(granule: &mut Granule, request: &Request) {
    match request.compat {
        Some(Compat::ServiceExample) => forget_fill(granule),
        Some(Compat::Nco) if request.average.is_some() => set_grid_mappings(granule),
        _ => {}
    }
}

/// As [`settle`], once it is known what the results are. `shows_coverage`: pictures that can be masked.
///
/// # Errors
/// When coordinates can't be read.
pub fn finish(
    granule: &mut Granule,
    request: &Arc<Request>,
    shows_coverage: bool,
) -> Result<(), crate::error::OpError> {
    match request.compat {
        Some(Compat::GdalAdapter) => gdal_adapter::finish(granule, request, shows_coverage),
        _ => Ok(()),
    }
}

/// To the service example opacity is never missing: 0 is transparent.
fn forget_fill(granule: &mut Granule) {
    for var in granule.vars.iter_mut().filter(|v| v.name.to_ascii_lowercase().contains("alpha")) {
        var.attrs.retain(|a| a.name != "_FillValue" && a.name != "missing_value");
        var.fill = None;
    }
}

/// CDO writes 1 into grid mappings that hold nothing.
fn set_grid_mappings(granule: &mut Granule) {
    for var in &mut granule.vars {
        if var.dims.is_empty()
            && var.attr("grid_mapping_name").is_some()
            && var.dtype == harmony_model::DType::I32
        {
            var.data = Arc::new(MemoryArray::of(&[], &[1i32]));
        }
    }
}

/// The GDAL adapter cuts off the last row and column that a box touches: it truncates the corner's pixel coordinates.
pub fn without_last(runs: &Runs) -> Runs {
    let keep = runs.len().saturating_sub(1).max(1);
    Runs::from_indices(runs.indices().take(keep as usize))
}
