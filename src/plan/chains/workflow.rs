//! Which steps of a chain an operation needs.

use super::{Chain, ChainStep, formats};
use crate::request::operation::DataOperation;

/// A step that takes part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorkflowStep<'a> {
    pub step: &'a ChainStep,
    /// It waits for all outputs of the step before it.
    pub is_aggregated: bool,
}

impl Chain {
    /// The steps that do an operation. `operation` is as selection left it (concatenation, extend dimensions);
    /// `native_formats` are those of its collections, in UMM's words.
    pub fn workflow(&self, operation: &DataOperation, native_formats: &[String]) -> Vec<WorkflowStep<'_>> {
        let takes_part = |step: &&ChainStep| takes_part(step, operation, native_formats);
        let with_wait = |step| {
            let step: &ChainStep = step;
            let joins = operation.concatenate && step.operations.iter().any(|o| o == "concatenate");
            WorkflowStep { step, is_aggregated: step.always_wait_for_prior_step || joins }
        };
        self.steps.iter().filter(takes_part).map(with_wait).collect()
    }
}

fn takes_part(step: &ChainStep, operation: &DataOperation, native_formats: &[String]) -> bool {
    let names = |name: &str| step.exists.iter().any(|e| e == name);
    if names("extend") && names("concatenate") && operation.extend_dimensions.is_empty() {
        return false;
    }
    let exists = step.exists.is_empty() || step.exists.iter().any(|name| is_asked(name, operation));
    let mime = operation.format.mime.as_deref().unwrap_or_default();
    let format_fits = step.formats.is_empty()
        || step.formats.iter().any(|f| formats::canonical(f) == formats::canonical(mime));
    let native = |f: &String| step.native_formats.contains(&f.to_ascii_lowercase());
    let native_fits = step.native_formats.is_empty() || native_formats.iter().any(native);
    exists && format_fits && native_fits
}

/// Whether an operation, by the name that steps use, is asked for.
fn is_asked(name: &str, operation: &DataOperation) -> bool {
    let subset = &operation.subset;
    match name {
        "concatenate" => operation.concatenate,
        "dimensionSubset" => subset.dimensions.as_ref().is_some_and(|d| !d.is_empty()),
        "extend" => !operation.extend_dimensions.is_empty(),
        "reproject" => operation.format.crs.is_some(),
        "shapefileSubset" => subset.shape.is_some(),
        "spatialSubset" => subset.bbox.is_some(),
        "temporalSubset" => operation.temporal.as_ref().is_some_and(|t| t.start.is_some() || t.end.is_some()),
        "variableSubset" => {
            operation.sources.iter().any(|s| s.variables.as_ref().is_some_and(|v| !v.is_empty()))
        }
        _ => false,
    }
}
