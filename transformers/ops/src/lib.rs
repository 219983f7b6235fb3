//! Operations on lazy granules, one folder each, listed in [`registry`].
//!
//! An operation narrows a [`selection::Selection`]; [`cut::cut`] turns the finished selection into a granule whose
//! variables read through the input's. No value is touched before a sink pulls it.

pub mod aggregate;
pub mod average;
pub mod batch;
pub mod browse;
pub mod compat;
pub mod concatenate;
pub mod cut;
pub mod error;
pub mod extend;
pub mod filter;
pub mod grid_indexed;
pub mod mask;
pub mod metadata;
pub mod operation;
pub mod project;
pub mod project_swath;
pub mod region;
pub mod registry;
pub mod regrid;
pub mod reproject_grid;
pub mod scene;
pub mod selection;
pub mod subset_bbox;
pub mod subset_dimension;
pub mod subset_segments;
pub mod subset_shape;
pub mod subset_time;
pub mod subset_variables;
pub mod transform;

pub use error::OpError;
pub use operation::Operation;
pub use scene::Scene;
pub use selection::Selection;
pub use transform::{Transform, Transformed};

/// A step of a plan: which operation, and what it does here.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub operation: &'static str,
    pub detail: String,
}

/// The steps a request needs on a granule, from metadata alone.
///
/// # Errors
/// The first objection of an operation.
pub fn select(scene: &Scene) -> Result<Vec<Step>, OpError> {
    let mut steps = Vec::new();
    for op in registry::OPERATIONS {
        if let Some(detail) = op.select(scene)? {
            steps.push(Step { operation: op.name(), detail });
        }
    }
    Ok(steps)
}

/// Resolves the steps against coordinates and cuts the granule.
///
/// # Errors
/// The first objection of an operation; [`OpError::NoData`] when nothing is left.
pub fn resolve(scene: &Scene, steps: &[Step]) -> Result<cut::Cut, OpError> {
    let mut selection = Selection::default();
    for op in registry::OPERATIONS {
        if steps.iter().any(|s| s.operation == op.name()) {
            op.resolve(scene, &mut selection)?;
        }
    }
    cut::cut(scene, selection)
}

/// A granule after the steps that compute new values.
pub struct Computed {
    pub granule: harmony_model::Granule,
    pub steps: Vec<Step>,
    pub notices: Vec<String>,
}

/// Applies the computing steps that the request needs, one after the other, all lazily.
///
/// # Errors
/// The first objection of a step.
pub fn compute(
    granule: harmony_model::Granule,
    request: &std::sync::Arc<harmony_model::Request>,
) -> Result<Computed, OpError> {
    let mut out = Computed { granule, steps: Vec::new(), notices: Vec::new() };
    let computes = request.target.is_set() || request.average.is_some() || request.browse;
    for transform in registry::TRANSFORMS.iter().filter(|_| computes) {
        let scene = Scene::new(std::sync::Arc::new(out.granule.clone()), request.clone())?;
        let Some(detail) = transform.select(&scene)? else { continue };
        let done = transform.apply(&scene)?;
        out.granule = done.granule;
        out.notices.extend(done.notices);
        out.steps.push(Step { operation: transform.name(), detail });
    }
    if request.target.is_set() && out.steps.is_empty() {
        refuse_unplaced(&out.granule, request)?;
    }
    compat::settle(&mut out.granule, request);
    Ok(out)
}

/// A new grid was asked for and nothing was moved: right for what is on that grid, wrong where nothing can be.
fn refuse_unplaced(
    granule: &harmony_model::Granule,
    request: &std::sync::Arc<harmony_model::Request>,
) -> Result<(), OpError> {
    let scene = Scene::new(std::sync::Arc::new(granule.clone()), request.clone())?;
    let is_grid = |l: &harmony_model::geolocation::Located| {
        use harmony_model::Geolocation::{Grid, ProjectedGrid};
        matches!(l.geolocation, Grid { .. } | ProjectedGrid { .. })
    };
    if scene.table.located.iter().any(is_grid) {
        return Ok(());
    }
    let problem = scene.table.problems.first().map(|(_, why)| format!(" ({why})")).unwrap_or_default();
    let reason = format!(
        "none of its variables is on a grid, swath or trajectory that can be put on a new grid{problem}; leave out \
         --crs, --scale-extent, --scale-size, --width, --height and --grid"
    );
    Err(scene.refuse("projection", reason))
}
