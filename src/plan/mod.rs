//! A request on one granule, resolved: steps, lazy output, the exact blocks to read and write.

mod explain;
mod naming;

use std::sync::Arc;

use harmony_formats::write::{WriteOptions, WritePlan};
use harmony_model::{Granule, ReadError, Request};
use harmony_ops::metadata::{self, Extent, Provenance};
use harmony_ops::{OpError, Scene, Step};

pub use explain::{Explanation, explain, size};
pub use naming::{OutputKind, output_name};

/// Why no plan can be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    #[error(transparent)]
    Operation(#[from] OpError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl PlanError {
    /// Whether nothing is left, as opposed to something being wrong.
    pub fn is_no_data(&self) -> bool {
        matches!(self, PlanError::Operation(e) if e.is_no_data())
    }
}

/// A granule under a request, ready to be written.
pub struct Plan {
    pub scene: Scene,
    pub steps: Vec<Step>,
    /// The lazy result.
    pub output: Granule,
    pub output_name: String,
    pub extent: Extent,
    pub write: WritePlan,
}

/// Resolves `request` on `granule`. Reads metadata, chunk indices and coordinates, no other data.
///
/// # Errors
/// [`PlanError`]; see [`PlanError::is_no_data`].
pub fn plan(
    granule: Arc<Granule>,
    request: Arc<Request>,
    kind: OutputKind,
    provenance: &Provenance,
    options: &WriteOptions,
) -> Result<Plan, PlanError> {
    let scene = Scene::new(granule, request)?;
    let steps = harmony_ops::select(&scene)?;
    let output_name = output_name(&scene, &steps, kind);
    let mut cut = harmony_ops::resolve(&scene, &steps)?;
    let extent =
        if is_cut(&steps) { metadata::refresh(&scene, &mut cut, &output_name)? } else { Extent::default() };
    metadata::sign(&mut cut.granule, provenance);
    let write = harmony_formats::netcdf4::write::plan(&cut.granule, options)?;
    Ok(Plan { scene, steps, output: cut.granule, output_name, extent, write })
}

/// Whether the extents of the data may have changed.
fn is_cut(steps: &[Step]) -> bool {
    steps.iter().any(|s| s.operation != "subset_variables")
}
