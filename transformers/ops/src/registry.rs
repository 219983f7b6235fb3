//! All operations, in the order of application; a test keeps the README's table equal to it.
//!
//! First those that narrow a selection, then those that compute new values on what is left of a granule.

use crate::operation::Operation;
use crate::transform::Transform;

pub static OPERATIONS: &[&dyn Operation] = &[
    &crate::subset_variables::SubsetVariables,
    &crate::subset_time::SubsetTime,
    &crate::subset_dimension::SubsetDimension,
    &crate::subset_bbox::SubsetBbox,
    &crate::subset_shape::SubsetShape,
    &crate::filter::Filter,
    &crate::subset_segments::SubsetSegments,
];

/// Grids first: what comes from a swath is on its grid already.
pub static TRANSFORMS: &[&dyn Transform] = &[
    &crate::reproject_grid::ReprojectGrid,
    &crate::regrid::Regrid,
    &crate::grid_indexed::GridIndexed,
    &crate::project_swath::ProjectSwath,
    &crate::average::Average,
];

/// Name and summary of the operations that make one granule of several ([`crate::aggregate::join`]).
pub static JOINING: &[(&str, &str)] = &[
    ("extend", "append granules along an existing dimension, in the order of its coordinate"),
    ("concatenate", "stack granules on a new dimension; what is the same in all is stored once"),
];

/// Name and summary of all of them.
pub fn listing() -> Vec<(&'static str, &'static str)> {
    let narrowing = OPERATIONS.iter().map(|op| (op.name(), op.summary()));
    let computing = TRANSFORMS.iter().map(|op| (op.name(), op.summary()));
    narrowing.chain(computing).chain(JOINING.iter().copied()).collect()
}
