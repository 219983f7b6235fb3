//! Keeps the requested variables and what they need to be understood.
//!
//! Names match as full paths, bare names, groups (the whole subtree) and concept-style paths; companions come along:
//! the CF closure (`coordinates`, `bounds`, `grid_mapping`, `ancillary_variables`, …; CF 1.10 §5, §7) and the
//! geolocation's own variables.

use harmony_model::geolocation::{companions, names};
use harmony_model::request::Compat;

use crate::error::OpError;
use crate::operation::Operation;
use crate::scene::Scene;
use crate::selection::Selection;

pub struct SubsetVariables;

impl Operation for SubsetVariables {
    fn name(&self) -> &'static str {
        "subset_variables"
    }

    fn summary(&self) -> &'static str {
        "keep the named variables or groups and their companions"
    }

    fn select(&self, scene: &Scene) -> Result<Option<String>, OpError> {
        let names = &scene.request.variables;
        found(scene)?;
        Ok((!names.is_empty()).then(|| names.join(", ")))
    }

    fn resolve(&self, scene: &Scene, selection: &mut Selection) -> Result<(), OpError> {
        let (mut wanted, absent) = found(scene)?;
        let told = |e: &OpError| format!("{e}; the others are delivered");
        selection.notices.extend(absent.iter().map(told));
        if scene.request.compat == Some(Compat::L2ss) {
            wanted.extend(index_coordinates(scene, &scene.granule.groups[0].path));
            wanted.extend(scene.times.axes.iter().map(|a| a.var));
        }
        selection.named = wanted.iter().copied().collect();
        let mut keep = companions::closure(&scene.granule, &wanted, &scene.table);
        // Times decide what a time range keeps, so they travel with every variable they belong to.
        let times: Vec<_> =
            keep.iter().filter_map(|&v| scene.times.for_var(v)).flat_map(|t| t.variables()).collect();
        keep.extend(companions::closure(&scene.granule, &times, &scene.table));
        keep.extend(crate::grid_indexed::companions(scene, &keep)?);
        // Groups that are never cut (ancillary data, METADATA) describe the granule as a whole.
        let described = |v: &harmony_model::VarId| {
            let group = scene.granule.var(*v).group;
            scene.table.is_never_subset(&scene.granule, group)
        };
        keep.extend(scene.granule.var_ids().filter(described));
        selection.keep = Some(keep.into_iter().collect());
        Ok(())
    }
}

/// The variables that the request names, and its names of nothing: those are a mistake when nothing else is asked
/// for, else something that other granules may have.
fn found(scene: &Scene) -> Result<(Vec<harmony_model::VarId>, Vec<OpError>), OpError> {
    let (mut wanted, mut absent, mut known) = (Vec::new(), Vec::new(), false);
    for name in &scene.request.variables {
        match find(scene, name) {
            Ok(vars) => {
                wanted.extend(vars);
                known = true;
            }
            Err(e) => absent.push(e),
        }
    }
    match (known, absent.first()) {
        (false, Some(e)) => Err(e.clone()),
        _ => Ok((wanted, absent)),
    }
}

fn find(scene: &Scene, name: &str) -> Result<Vec<harmony_model::VarId>, OpError> {
    names::find_variables(&scene.granule, name).or_else(|missing| {
        // HOSS asks a data server, and leaves out what a granule at hand does not hold.
        let group = name.rsplit_once('/').map_or("/", |(group, _)| group);
        if scene.request.compat == Some(Compat::Hoss) && scene.granule.find_group(group).is_some() {
            return Ok(index_coordinates(scene, group));
        }
        Err(OpError::UnknownVariable {
            granule: scene.granule.name.clone(),
            name: name.into(),
            suggestion: missing.nearest,
        })
    })
}

/// The variables at or below a group that give a dimension its coordinates.
fn index_coordinates(scene: &Scene, group: &str) -> Vec<harmony_model::VarId> {
    let granule = &scene.granule;
    let Some(top) = granule.find_group(group) else { return Vec::new() };
    let dims = (0..granule.dims.len()).map(harmony_model::DimId);
    dims.filter_map(|d| granule.dim_coordinate(d))
        .filter(|&v| granule.is_within(granule.var(v).group, top))
        .collect()
}
