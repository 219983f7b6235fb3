//! Granules as tables: variables on the same dimensions are columns of one table, whose rows are their elements.
//!
//! Shared by the text formats (CSV, ASCII) and the vector formats, whose features are rows.

mod archive;
mod cell;
mod collect;
mod column;
mod number;
mod slab;
#[cfg(test)]
pub(crate) mod tests;
mod text;

use std::collections::BTreeSet;

use harmony_model::{DimId, Granule, VarId};

use crate::registry::Part;
use crate::write::{WriteError, WritePlan};

pub use archive::{Archive, Stream};
pub use cell::Cell;
pub use collect::{Collected, collect};
pub use column::{Column, Kind, Role, cells};
pub use number::{push_decimal, push_float, push_integer};
pub use slab::{Loaded, Row, Slabs};
pub use text::{Delimiter, push_quoted, write_header, write_rows, write_text};

/// Rows that a table may have; beyond it nobody can open the result.
pub const MAX_ROWS: u64 = 1_000_000_000;

/// Variables on the same dimensions.
#[derive(Clone, Debug)]
pub struct Table {
    /// Slowest first; none: a table of one row.
    pub dims: Vec<DimId>,
    /// Dimensions, then coordinates, then variables.
    pub columns: Vec<Column>,
}

impl Table {
    /// Extents, slowest axis first.
    pub fn shape(&self, granule: &Granule) -> Vec<u64> {
        self.dims.iter().map(|&d| granule.dim(d).len).collect()
    }

    /// Number of rows, those without a value included; saturates.
    pub fn rows(&self, granule: &Granule) -> u64 {
        self.shape(granule).iter().copied().fold(1, u64::saturating_mul)
    }

    /// The variables whose values it shows.
    pub fn variables(&self) -> impl Iterator<Item = VarId> + '_ {
        self.columns.iter().filter(|c| c.role == Role::Variable).filter_map(|c| c.var)
    }
}

/// Refuses tables that nobody could open.
///
/// # Errors
/// [`WriteError::Unsupported`] with the number of rows.
pub fn check_rows(granule: &Granule, tables: &[Table]) -> Result<(), WriteError> {
    let Some(large) = tables.iter().find(|t| t.rows(granule) > MAX_ROWS) else { return Ok(()) };
    let dims: Vec<&str> = large.dims.iter().map(|&d| granule.dim(d).name.as_str()).collect();
    Err(WriteError::Unsupported {
        target: granule.name.clone(),
        object: format!("the table of ({})", dims.join(", ")),
        detail: format!(
            "it would have {} rows, the limit is {MAX_ROWS}; narrow it down with --bbox, --time or --subset, or write \
             netcdf4 or zarr",
            large.rows(granule)
        ),
    })
}

/// The plan of a sink that reads the columns of these tables, each once.
///
/// # Errors
/// When a chunk index can't be read.
pub fn plan_of(granule: &Granule, tables: &[Table]) -> Result<WritePlan, WriteError> {
    let mut plan = WritePlan::of_reading(granule)?;
    let used: Vec<VarId> = tables.iter().flat_map(|t| &t.columns).filter_map(|c| c.var).collect();
    plan.variables.retain(|v| used.contains(&v.var));
    plan.bytes_read = plan.variables.iter().map(|v| v.bytes_read).sum();
    plan.data_bytes = plan.variables.iter().map(|v| v.data_bytes).sum();
    // Measured: a stored number of four bytes becomes some eight characters, and its coordinates stand beside it.
    let text = |t: &Table| t.rows(granule).saturating_mul(10 * t.columns.len() as u64);
    plan.output_bytes = tables.iter().map(text).fold(0, u64::saturating_add);
    Ok(plan)
}

/// A table as a result of its own: a granule of what it shows, called after group and dimensions of its variables.
pub fn part(granule: &Granule, found: &Collected, table: &Table, extension: &'static str) -> Part {
    let mut kept: BTreeSet<VarId> = table.columns.iter().filter_map(|c| c.var).collect();
    for axis in &found.times.axes {
        if kept.contains(&axis.var) {
            kept.extend(axis.variables());
        }
    }
    let first = table.variables().next();
    let label = first.map(|v| {
        let var = granule.var(v);
        let group = granule.group(var.group).path.trim_start_matches('/');
        let dims: Vec<&str> = table.dims.iter().map(|&d| granule.dim(d).name.as_str()).collect();
        let dims = dims.join("_");
        if group.is_empty() { dims } else { format!("{group}/{dims}") }
    });
    let mut own = granule.clone();
    let mut id = 0;
    own.vars.retain(|_| {
        id += 1;
        kept.contains(&VarId(id - 1))
    });
    Part { granule: own, label, stem: None, extension }
}
