//! Thresholds: `--filter 'quality_flag <= 1'` masks the samples for which the rule does not hold.
//!
//! A rule on a variable with one axis removes indices of that axis; on more axes, samples are masked with the fill
//! value wherever a variable has all of them. Missing values never satisfy a rule.

use std::sync::Arc;

use harmony_model::geolocation::names;
use harmony_model::request::FilterRule;
use harmony_model::{Granule, ReadError, Runs, VarId, Window};

use crate::error::OpError;
use crate::operation::Operation;
use crate::scene::Scene;
use crate::selection::{Crop, Mask, MaskSource, Selection};

pub struct Filter;

impl Operation for Filter {
    fn name(&self) -> &'static str {
        "filter"
    }

    fn summary(&self) -> &'static str {
        "mask samples for which a threshold on a variable does not hold"
    }

    fn select(&self, scene: &Scene) -> Result<Option<String>, OpError> {
        let rules = &scene.request.filters;
        for rule in rules {
            tested(scene, rule)?;
        }
        let text = |r: &FilterRule| format!("{} {:?} {}", r.variable, r.comparison, r.value);
        Ok((!rules.is_empty()).then(|| rules.iter().map(text).collect::<Vec<_>>().join(" and ")))
    }

    fn resolve(&self, scene: &Scene, selection: &mut Selection) -> Result<(), OpError> {
        for rule in &scene.request.filters {
            for var in tested(scene, rule)? {
                apply(scene, selection, var, rule)?;
            }
        }
        Ok(())
    }
}

/// The variables a rule tests; all must hold numbers.
fn tested(scene: &Scene, rule: &FilterRule) -> Result<Vec<VarId>, OpError> {
    let found = names::find_variables(&scene.granule, &rule.variable);
    let vars = found.map_err(|missing| OpError::UnknownVariable {
        granule: scene.granule.name.clone(),
        name: rule.variable.clone(),
        suggestion: missing.nearest,
    })?;
    let numeric = |v: &VarId| {
        let dtype = &scene.granule.var(*v).dtype;
        dtype.is_numeric() || matches!(dtype, harmony_model::DType::Enum { .. })
    };
    match vars.iter().find(|v| !numeric(v)) {
        Some(v) => {
            let var = scene.granule.var(*v);
            Err(scene.refuse("filter", format!("'{}' holds {}, not numbers", var.path, var.dtype.name())))
        }
        None => Ok(vars),
    }
}

/// Applies one rule on one variable to the selection.
///
/// # Errors
/// When the variable can't be read, or has no axis.
pub fn apply(scene: &Scene, selection: &mut Selection, var: VarId, rule: &FilterRule) -> Result<(), OpError> {
    let granule = &scene.granule;
    let dims = granule.var(var).dims.clone();
    match dims.as_slice() {
        [] => Err(scene.refuse("filter", format!("'{}' is a single value", granule.var(var).path))),
        [dim] => {
            let values = granule.read_all_physical(var)?;
            let holds = |i: &usize| rule.comparison.holds(values[*i], rule.value);
            let hits = Runs::from_indices((0..values.len()).filter(holds).map(|i| i as u64));
            selection.limit(granule, *dim, &hits, &format!("no '{}' satisfies the filter", rule.variable));
            Ok(())
        }
        _ => {
            let source = Threshold { granule: scene.granule.clone(), var, rule: rule.clone() };
            selection.masks.push(Mask {
                dims,
                source: Arc::new(source),
                crop: Crop::No,
                coordinates_too: false,
                only_with_fill: false,
            });
            Ok(())
        }
    }
}

/// A threshold evaluated block by block as the sink pulls.
struct Threshold {
    granule: Arc<Granule>,
    var: VarId,
    rule: FilterRule,
}

impl MaskSource for Threshold {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let values = self.granule.read_physical(self.var, window)?;
        for (o, v) in out.iter_mut().zip(values) {
            *o = u8::from(self.rule.comparison.holds(v, self.rule.value));
        }
        Ok(())
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.granule.var(self.var).data.cost(window)
    }
}
