//! All operations, in the order of application; a test keeps the README's table equal to it.

use crate::operation::Operation;

pub static OPERATIONS: &[&dyn Operation] = &[
    &crate::subset_variables::SubsetVariables,
    &crate::subset_time::SubsetTime,
    &crate::subset_dimension::SubsetDimension,
    &crate::subset_bbox::SubsetBbox,
    &crate::subset_shape::SubsetShape,
    &crate::filter::Filter,
    &crate::subset_segments::SubsetSegments,
];
