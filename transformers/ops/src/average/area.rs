//! Means over area.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use harmony_model::geolocation::Geolocation;
use harmony_model::time::Calendar;
use harmony_model::{Attribute, DType, DimId, Granule, VarId, Variable};

use super::areas::Areas;
use super::attributes::{describe_request, extend_cell_methods};
use super::pass::{AreaOutput, Pass, Statistic};
use super::stored::{Mean, Stored};
use super::time::remove;
use super::{NAME, is_categorical, leave_out, named};
use crate::error::OpError;
use crate::scene::Scene;
use crate::transform::Transformed;

/// The index into the located geolocations and, in its order, the axes of a variable that are to be averaged.
fn place(scene: &Scene, id: VarId) -> Option<(usize, [usize; 2])> {
    let index = scene.table.of_var.get(id.0).copied().flatten()?;
    let geolocation = &scene.table.located[index].geolocation;
    if matches!(geolocation, Geolocation::Trajectory { .. } | Geolocation::Segmented(_)) {
        return None;
    }
    let axes = scene.axes_of(id, &geolocation.dims())?;
    <[usize; 2]>::try_from(axes).ok().filter(|[a, b]| a != b).map(|axes| (index, axes))
}

/// Variables that positions, times or bounds are read from.
fn is_coordinate(scene: &Scene, id: VarId) -> bool {
    scene.table.is_coordinate(id) || scene.times.is_time(id)
}

/// What would be averaged, in words.
pub fn describe(scene: &Scene) -> Result<String, OpError> {
    let found: Vec<usize> = scene
        .granule
        .var_ids()
        .filter(|&v| !is_coordinate(scene, v))
        .filter_map(|v| place(scene, v))
        .map(|p| p.0)
        .collect();
    if found.is_empty() {
        let reason = match scene.table.located.first() {
            Some(one) => {
                format!("a {} has no area; average over time, or write it as csv", one.geolocation.kind())
            }
            None => "no variable has a grid or a swath; average over time".into(),
        };
        return Err(scene.refuse(NAME, reason));
    }
    let kinds: BTreeSet<&str> = found.iter().map(|&i| scene.table.located[i].geolocation.kind()).collect();
    let kinds: Vec<&str> = kinds.into_iter().collect();
    Ok(format!("mean of {} variables over the area of a {}", found.len(), kinds.join(" and a ")))
}

/// The granule without horizontal axes.
pub fn apply(scene: &Scene) -> Result<Transformed, OpError> {
    describe(scene)?;
    let mut builder = Builder {
        scene,
        named: named(scene),
        areas: BTreeMap::new(),
        out: Granule::clone(&scene.granule),
        gone: Vec::new(),
        notices: Vec::new(),
    };
    let horizontal: BTreeSet<DimId> = scene.table.located.iter().flat_map(|l| l.geolocation.dims()).collect();
    for id in scene.granule.var_ids() {
        let lies_on = scene.granule.var(id).dims.iter().any(|d| horizontal.contains(d));
        match place(scene, id) {
            // Times of a swath lie on it: their mean is not the time of anything.
            _ if lies_on && is_coordinate(scene, id) => builder.gone.push(id),
            _ if is_coordinate(scene, id) => {}
            Some((index, axes)) => builder.average(id, index, axes)?,
            None if lies_on => builder.leave_out(id, "does not have both horizontal axes")?,
            None if builder.named.contains(&id) => builder.leave_out(id, "lies on no grid or swath")?,
            None => {}
        }
    }
    builder.drop_horizontal();
    let Builder { mut out, gone, notices, areas, .. } = builder;
    let used = areas.keys().next().map(|(index, _)| &scene.table.located[*index].geolocation);
    let extent = used.and_then(|g| Areas::extent(scene, g));
    let times = scene
        .times
        .axes
        .iter()
        .find(|a| (a.is_utc() || a.calendar() == Calendar::Julian) && !gone.contains(&a.var));
    let span = times.and_then(|a| a.read_all(&scene.granule).ok()).map(|seconds| {
        let finite = seconds.into_iter().filter(|s| s.is_finite());
        finite.fold([f64::NAN; 2], |[a, b], s| [a.min(s), b.max(s)])
    });
    remove(&mut out, &gone);
    describe_request(scene, &mut out, span, extent);
    Ok(Transformed { granule: out, notices })
}

struct Builder<'a> {
    scene: &'a Scene,
    named: BTreeSet<VarId>,
    /// By geolocation and whether its axes are swapped in the variable.
    areas: BTreeMap<(usize, bool), Arc<Areas>>,
    out: Granule,
    gone: Vec<VarId>,
    notices: Vec<String>,
}

impl Builder<'_> {
    fn leave_out(&mut self, id: VarId, why: &str) -> Result<(), OpError> {
        self.gone.push(id);
        leave_out(self.scene, &self.named, id, why, &mut self.notices)
    }

    fn areas(&mut self, index: usize, transposed: bool) -> Result<Option<Arc<Areas>>, OpError> {
        if let Some(known) = self.areas.get(&(index, transposed)) {
            return Ok(Some(known.clone()));
        }
        let geolocation = &self.scene.table.located[index].geolocation;
        let Some(areas) = Areas::of(self.scene, geolocation, transposed)? else { return Ok(None) };
        let areas = Arc::new(areas);
        self.areas.insert((index, transposed), areas.clone());
        Ok(Some(areas))
    }

    /// Replaces a variable by its mean over `axes` (those of the geolocation, in its order).
    fn average(&mut self, id: VarId, index: usize, axes: [usize; 2]) -> Result<(), OpError> {
        let var = self.scene.granule.var(id);
        let Some(stored) = Stored::of(var) else { return self.leave_out(id, "does not hold numbers") };
        if is_categorical(var) && !self.named.contains(&id) {
            let why = "holds flags, of which there is no mean (name it to have one all the same)";
            return self.leave_out(id, why);
        }
        let transposed = axes[0] > axes[1];
        let Some(areas) = self.areas(index, transposed)? else { return self.leave_out(id, "has no area") };
        let mut ordered = axes;
        ordered.sort_unstable();
        let full = self.scene.request.statistics;
        let mean = Mean::of(&stored);
        let pass = Arc::new(Pass {
            inner: var.data.clone(),
            shape: self.scene.granule.shape(id),
            axes: ordered,
            chunks: var.storage.chunk_shape().map(<[u64]>::to_vec),
            areas,
            stored,
            full,
            done: Mutex::new(HashMap::new()),
        });
        let cells = pass.shape[axes[0]].saturating_mul(pass.shape[axes[1]]);
        let out = &mut self.out.vars[id.0];
        mean.dress(out);
        for axis in [ordered[1], ordered[0]] {
            out.dims.remove(axis);
        }
        extend_cell_methods(out, "area");
        out.data =
            Arc::new(AreaOutput { pass: pass.clone(), statistic: Statistic::Mean, mean: mean.clone() });
        if full {
            self.add_statistics(id, &pass, &mean, cells);
        }
        Ok(())
    }

    fn add_statistics(&mut self, id: VarId, pass: &Arc<Pass>, mean: &Mean, cells: u64) {
        let all = [
            (Statistic::Minimum, "min", "minimum"),
            (Statistic::Maximum, "max", "maximum"),
            (Statistic::Deviation, "stddev", "standard_deviation"),
            (Statistic::Count, "count", "count"),
        ];
        for (statistic, suffix, method) in all {
            let base: Variable = self.out.vars[id.0].clone();
            let mut mean = mean.clone();
            let mut attrs = base.attrs.clone();
            if statistic == Statistic::Count {
                mean = Mean { dtype: if cells > 1 << 31 { DType::F64 } else { DType::I32 }, fill: 0.0 };
                attrs.retain(|a| {
                    !matches!(a.name.as_str(), "_FillValue" | "missing_value" | "units" | "standard_name")
                });
                attrs.push(Attribute::text("units", "1"));
            }
            attrs.retain(|a| a.name != "cell_methods");
            attrs.push(Attribute::text("cell_methods", &format!("area: {method}")));
            let name = format!("{}_{suffix}", base.name);
            let path = harmony_model::granule::join(&self.out.group(base.group).path, &name);
            if self.out.find_var(&path).is_some() {
                self.notices
                    .push(format!("{}: '{path}' exists already; its statistic was left out", self.out.name));
                continue;
            }
            self.out.vars.push(Variable {
                name,
                path,
                fill: (statistic != Statistic::Count).then(|| base.fill.clone()).flatten(),
                dtype: mean.dtype.clone(),
                attrs,
                data: Arc::new(AreaOutput { pass: pass.clone(), statistic, mean }),
                ..base
            });
        }
    }

    /// Grid mappings go with the grid.
    fn drop_horizontal(&mut self) {
        for id in self.scene.granule.var_ids() {
            let var = self.scene.granule.var(id);
            if var.attr("grid_mapping_name").is_some() && var.dims.is_empty() {
                self.gone.push(id);
            }
        }
        self.gone.sort_unstable();
        self.gone.dedup();
    }
}
