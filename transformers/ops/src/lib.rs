//! Operations on lazy granules, one folder each, listed in [`registry`].
//!
//! An operation narrows a [`selection::Selection`]; [`cut::cut`] turns the finished selection into a granule whose
//! variables read through the input's. No value is touched before a sink pulls it.

pub mod cut;
pub mod error;
pub mod filter;
pub mod mask;
pub mod metadata;
pub mod operation;
pub mod region;
pub mod registry;
pub mod scene;
pub mod selection;
pub mod subset_bbox;
pub mod subset_dimension;
pub mod subset_segments;
pub mod subset_shape;
pub mod subset_time;
pub mod subset_variables;

pub use error::OpError;
pub use operation::Operation;
pub use scene::Scene;
pub use selection::Selection;

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
