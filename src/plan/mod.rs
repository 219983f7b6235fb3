//! A request on one granule, resolved: steps, lazy results, the exact blocks to read and write.

#[cfg(feature = "service")]
pub mod chains;
mod explain;
mod joined;
mod naming;

use std::sync::Arc;

use harmony_formats::write::{WriteError, WriteOptions, WritePlan};
use harmony_formats::{Format, Part};
use harmony_model::{Granule, ReadError, Request};
use harmony_ops::metadata::{self, Extent, Provenance};
use harmony_ops::{OpError, Scene, Selection, Step};

pub use explain::{Explanation, explain, size};
pub use joined::{before_joining, joining, plan_joined};
pub use naming::Naming;

/// Why no plan can be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    #[error(transparent)]
    Operation(#[from] OpError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl PlanError {
    /// Whether nothing is left, as opposed to something being wrong.
    pub fn is_no_data(&self) -> bool {
        matches!(self, PlanError::Operation(e) if e.is_no_data())
    }
}

/// A granule under a request: subset and transformed, all of it lazily.
pub struct Prepared {
    /// The input.
    pub scene: Scene,
    pub steps: Vec<Step>,
    /// The lazy result.
    pub granule: Granule,
    /// What the result covers, if that may have changed.
    pub extent: Extent,
    pub notices: Vec<String>,
}

/// A granule under a request, ready to be written.
pub struct Plan {
    pub scene: Scene,
    pub steps: Vec<Step>,
    pub results: Vec<PlannedResult>,
    pub extent: Extent,
    pub notices: Vec<String>,
}

/// One file (or store) to be written.
pub struct PlannedResult {
    pub name: String,
    pub part: Part,
    pub write: WritePlan,
}

/// Resolves `request` on `granule`. Reads metadata, chunk indices and coordinates, no other data.
///
/// # Errors
/// [`PlanError`]; see [`PlanError::is_no_data`].
pub fn prepare(
    granule: Arc<Granule>,
    request: Arc<Request>,
    format: &dyn Format,
) -> Result<Prepared, PlanError> {
    let scene = Scene::new(granule, request)?;
    let mut steps = harmony_ops::select(&scene)?;
    let cut = harmony_ops::resolve(&scene, &steps)?;
    let computed = harmony_ops::compute(cut.granule, &scene.request)?;
    let is_cut = steps.iter().any(|s| s.operation != "subset_variables");
    let is_moved = !computed.steps.is_empty();
    steps.extend(computed.steps);
    let mut granule = computed.granule;
    let extent = if is_moved {
        let moved = Scene::new(Arc::new(granule.clone()), scene.request.clone())?;
        metadata::extent_of(&moved, &Selection::default())?
    } else if is_cut {
        metadata::extent_of(&scene, &cut.selection)?
    } else {
        Extent::default()
    };
    let mut notices = cut.selection.notices.clone();
    notices.extend(computed.notices);
    if is_cut && matches!(format.card().name, "netcdf4" | "hdf5") {
        notices.extend(harmony_formats::hdfeos::rewrite(&mut granule)?);
    }
    if is_moved || is_cut {
        let naming =
            Naming::new(&scene.granule.name, scene.granule.format, &scene.request, &steps, format.card());
        metadata::refresh(&mut granule, &extent, &naming.whole());
    }
    Ok(Prepared { scene, steps, granule, extent, notices })
}

/// Decides what is written of a prepared granule, and how.
///
/// # Errors
/// [`PlanError`].
pub fn plan(
    prepared: Prepared,
    format: &dyn Format,
    provenance: &Provenance,
    options: &WriteOptions,
) -> Result<Plan, PlanError> {
    let Prepared { scene, steps, mut granule, extent, notices } = prepared;
    metadata::sign(&mut granule, provenance);
    let naming =
        Naming::new(&scene.granule.name, scene.granule.format, &scene.request, &steps, format.card());
    harmony_ops::compat::finish(&mut granule, &scene.request, format.shows_coverage())?;
    let results = results(granule, format, options, |part| naming.result(part))?;
    Ok(Plan { scene, steps, results, extent, notices })
}

/// The parts of a granule with names and write plans.
fn results(
    granule: Granule,
    format: &dyn Format,
    options: &WriteOptions,
    name: impl Fn(&Part) -> String,
) -> Result<Vec<PlannedResult>, PlanError> {
    let granule =
        if format.shows_coverage() { granule } else { harmony_formats::coverage::with_fill_values(granule)? };
    let parts = format.parts(granule, options)?;
    parts
        .into_iter()
        .map(|part| {
            let write = format.plan(&part, options)?;
            Ok(PlannedResult { name: name(&part), part, write })
        })
        .collect()
}
