//! Means over time or over area.
//!
//! Time mean: every variable with a time axis becomes its mean over that axis, which stays with length one and CF
//! bounds around all that was averaged. Area mean: every variable on a grid or swath becomes its mean over the two
//! horizontal axes, which disappear; cells count by their true area, those at the edge of a requested box by the part
//! inside it. Missing values never count; where all are missing the result is missing.
//!
//! Sums are compensated and made in an order fixed by the data, so results do not depend on blocks or threads.

mod area;
mod areas;
mod attributes;
mod kernel;
mod pass;
mod planar;
mod rows;
mod stored;
#[cfg(test)]
mod tests;
mod time;
mod time_axis;
mod time_source;

use std::collections::BTreeSet;
use std::sync::Arc;

use harmony_model::covered::widen_where;
use harmony_model::geolocation::find_variables;
use harmony_model::request::Average as Over;
use harmony_model::{Granule, VarId, Variable};

use crate::error::OpError;
use crate::scene::Scene;
use crate::transform::{Transform, Transformed};
pub use time::time_dimensions;

pub struct Average;

const NAME: &str = "average";

impl Transform for Average {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "mean over time, or over area with true cell areas as weights"
    }

    fn select(&self, scene: &Scene) -> Result<Option<String>, OpError> {
        match scene.request.average {
            None => Ok(None),
            Some(Over::Time) => time::describe(scene).map(Some),
            Some(Over::Area) => area::describe(scene).map(Some),
        }
    }

    fn apply(&self, scene: &Scene) -> Result<Transformed, OpError> {
        let own = told_by_fill(scene)?;
        let scene = own.as_ref().unwrap_or(scene);
        match scene.request.average {
            Some(Over::Time) => time::apply(scene),
            Some(Over::Area) => area::apply(scene),
            None => Ok(Transformed { granule: Granule::clone(&scene.granule), notices: Vec::new() }),
        }
    }
}

/// The scene with fill values for what its variables tell by masks: sums know fill values only. `None` without masks.
fn told_by_fill(scene: &Scene) -> Result<Option<Scene>, OpError> {
    if scene.granule.vars.iter().all(|v| v.data.coverage().is_none()) {
        return Ok(None);
    }
    let mut granule = Granule::clone(&scene.granule);
    for var in &mut granule.vars {
        if let Some(coverage) = var.data.coverage()
            && !widen_where(var, coverage)
        {
            let reason =
                format!("'{}' has a mask and no number is left to stand for what it hides", var.path);
            return Err(scene.refuse(NAME, reason));
        }
    }
    Scene::new(Arc::new(granule), scene.request.clone()).map(Some)
}

/// Variables that the request names one by one: what can't be done to them is an error, not a notice.
fn named(scene: &Scene) -> BTreeSet<VarId> {
    let single = |name: &String| match find_variables(&scene.granule, name).as_deref() {
        Ok([only]) => Some(*only),
        _ => None,
    };
    scene.request.variables.iter().filter_map(single).collect()
}

/// Leaves a variable out: a notice, or the objection when the request names it.
fn leave_out(
    scene: &Scene,
    named: &BTreeSet<VarId>,
    var: VarId,
    why: &str,
    notices: &mut Vec<String>,
) -> Result<(), OpError> {
    let path = &scene.granule.var(var).path;
    if named.contains(&var) {
        return Err(scene.refuse(NAME, format!("'{path}' {why}")));
    }
    notices.push(format!("{}: '{path}' was left out of the average: it {why}", scene.granule.name));
    Ok(())
}

/// Whether the values are classes, of which there is no mean.
fn is_categorical(var: &Variable) -> bool {
    matches!(var.dtype, harmony_model::DType::Enum { .. })
        || ["flag_values", "flag_masks", "flag_meanings"].iter().any(|n| var.attr(n).is_some())
}
