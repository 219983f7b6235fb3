//! Which variables go to which grid, and the lazy granule of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use harmony_model::request::Compat;
use harmony_model::{Attribute, GridSpec, Interpolation, VarId, Variable};

use super::choose::{self, Choice};
use super::kernel::{self, Support};
use super::overviews::{self, Origin};
use super::source::{LocatedGrid, SourceGrid, located_grid};
use super::suggest::suggest;
use super::trust;
use super::warp::{Trust, Warp};
use crate::compat::hybig;
use crate::error::OpError;
use crate::project::{
    Element, Parts, Place, Projected, ResampledArray, Resampler, Source, SourceKind, StripCache, cache,
    is_told_apart, output, target,
};
use crate::scene::Scene;
use crate::transform::Transformed;

/// A grid of the input that gets another one.
pub struct Move {
    /// Index into the table of geolocations.
    located: usize,
    source: LocatedGrid,
    target: GridSpec,
    vars: Vec<VarId>,
}

/// All grids that change.
pub struct Plan {
    pub grids: Vec<Move>,
    notices: Vec<String>,
}

impl Plan {
    /// # Errors
    /// When a target grid makes no sense, or the coordinates of a source can't be read.
    pub fn of(scene: &Scene) -> Result<Self, OpError> {
        let mut plan = Plan { grids: Vec::new(), notices: Vec::new() };
        for (i, located) in scene.table.located.iter().enumerate() {
            let Some(source) = located_grid_if_used(scene, i, located)? else { continue };
            let vars = variables(scene, i, &source);
            let (target, notice) = target_grid(scene, &source.grid)?;
            if vars.is_empty() || is_same(&source.grid, &target) {
                continue;
            }
            plan.notices.extend(notice.filter(|n| !plan.notices.contains(n)));
            plan.grids.push(Move { located: i, source, target, vars });
        }
        Ok(plan)
    }

    /// For `--explain`.
    pub fn words(&self) -> String {
        let grid = |g: &GridSpec| {
            let name = g.crs.authority_code().unwrap_or_else(|| g.crs.definition.clone());
            let unit = if g.crs.is_geographic() { "°" } else { "" };
            format!("{} × {} cells of {:.6}{unit} × {:.6}{unit} in {name}", g.nx, g.ny, g.dx, g.dy.abs())
        };
        let mut all: Vec<String> = self
            .grids
            .iter()
            .map(|m| format!("{} variable(s) to {}", m.vars.len(), grid(&m.target)))
            .collect();
        all.dedup();
        all.join("; ")
    }

    /// # Errors
    /// When a variable asked for by name can't be resampled, or there is no way between two CRS.
    pub fn run(self, scene: &Scene) -> Result<Transformed, OpError> {
        let cache = StripCache::new(cache::budget(&scene.request));
        let mut parts = Parts { places: Vec::new(), projected: Vec::new(), dropped: BTreeSet::new() };
        let mut notices = self.notices;
        let mut substituted: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
        for step in &self.grids {
            let place = parts.places.len();
            parts.places.push(Place::new(step.located, step.target.clone()));
            let trust = trust(&scene.request);
            let mut kernels = Kernels::new(&step.source.grid, &step.target, trust)?;
            for &v in &step.vars {
                let var = scene.granule.var(v);
                if var.dtype.has_slots() {
                    drop_variable(
                        scene,
                        v,
                        "its texts have no place on a new grid",
                        &mut parts,
                        &mut notices,
                    )?;
                    continue;
                }
                // GDAL's answer comes from the file's overviews (see there).
                let reduced = match trust {
                    Trust::Blind => overviews::coarsest_finer(var, &step.source, &step.target)?,
                    Trust::Checked => None,
                };
                let mut smaller;
                let kernels = match &reduced {
                    Some(reduced) => {
                        smaller = Kernels::new(&reduced.source.grid, &step.target, trust)?;
                        &mut smaller
                    }
                    None => &mut kernels,
                };
                let choice = choose::choose(&scene.request, var, &kernels.warp);
                if let Some(asked) = choice.instead_of {
                    substituted
                        .entry((choice.method.name(), asked.name()))
                        .or_default()
                        .push(var.path.clone());
                }
                let narrow = scene.request.compat_is(Compat::Nco);
                let support = if narrow { Support::Narrow } else { Support::Widened };
                let Some(resampler) = kernels.get(choice, support) else { continue };
                let from = Origin::of(scene, v, reduced);
                parts.projected.push(projected(scene, step, from, place, resampler, choice, &cache));
            }
            drop_half_placed(scene, step, &mut parts, &mut notices)?;
        }
        notices.extend(substituted.into_iter().map(|((method, asked), vars)| {
            format!("{} hold(s) codes: resampled with '{method}' instead of '{asked}'", vars.join(", "))
        }));
        let first = |place: usize| parts.projected.iter().find(|p| p.place == place);
        let first: Vec<_> = (0..self.grids.len()).map(|i| first(i).map(|p| (p.var, p.transposed))).collect();
        let mut granule = output::build(scene, parts);
        if scene.request.browse && scene.request.compat_is(Compat::Hybig) {
            for step in &self.grids {
                hybig::say_ranges(scene, &mut granule, &step.source, &step.target, &step.vars)?;
            }
        }
        if scene.request.compat.is_none() {
            for (step, var) in self.grids.iter().zip(first) {
                let Some(var) = var else { continue };
                crate::regrid::add_bounds(scene, &mut granule, step.located, &step.target, var);
            }
        }
        Ok(Transformed { granule, notices })
    }
}

/// Resamplers of one pair of grids, each made once.
struct Kernels {
    warp: Arc<Warp>,
    made: BTreeMap<&'static str, Resampler>,
}

impl Kernels {
    fn new(source: &SourceGrid, target: &GridSpec, trust: Trust) -> Result<Self, OpError> {
        Ok(Kernels { warp: Warp::shared(source, target, trust)?, made: BTreeMap::new() })
    }

    fn get(&mut self, choice: Choice, support: Support) -> Option<Resampler> {
        let name = choice.method.name();
        if !self.made.contains_key(name) {
            self.made.insert(name, kernel::resampler(&self.warp, choice.method, support)?);
        }
        self.made.get(name).cloned()
    }
}

/// The source grid of a geolocation that data variables use.
fn located_grid_if_used(
    scene: &Scene,
    index: usize,
    located: &harmony_model::geolocation::Located,
) -> Result<Option<LocatedGrid>, OpError> {
    if !scene.table.of_var.contains(&Some(index)) {
        return Ok(None);
    }
    located_grid(scene, &located.geolocation)
}

/// Data on both axes of a grid.
fn variables(scene: &Scene, located: usize, source: &LocatedGrid) -> Vec<VarId> {
    let granule = &scene.granule;
    let on_grid = |v: &VarId| {
        let dims = &granule.var(*v).dims;
        let once = |d| dims.iter().filter(|o| **o == d).count() == 1;
        once(source.row) && once(source.col)
    };
    // Auxiliary coordinates other than positions (heights, times of pixels) are data on the grid.
    let is_data = |v: &VarId| !scene.table.is_coordinate(*v) || !output::is_position(granule.var(*v));
    let belongs = |v: &VarId| match scene.table.of_var.get(v.0).copied().flatten() {
        Some(i) => i == located,
        None => scene.table.is_coordinate(*v),
    };
    granule.var_ids().filter(|v| belongs(v) && on_grid(v) && is_data(v)).collect()
}

/// The requested grid for a source.
fn target_grid(scene: &Scene, source: &SourceGrid) -> Result<(GridSpec, Option<String>), OpError> {
    let request = &scene.request.target;
    if scene.request.browse {
        // The one place that asks the rules of the Global Imagery Browse Services.
        return Ok((crate::browse::gibs_grid(&source.spec(), request)?, None));
    }
    let crs = target::crs(request, &source.crs)?;
    let mut notice = None;
    let grid = target::resolve(request, crs.clone(), SourceKind::Grid, || {
        let suggested = suggest(source, &crs, trust(&scene.request))?;
        notice = suggested.notice;
        Ok(suggested.grid)
    })?;
    Ok((grid, notice))
}

/// Whether the target has the cells that the source has.
fn is_same(source: &SourceGrid, target: &GridSpec) -> bool {
    let own = source.spec();
    let close = |a: f64, b: f64, cell: f64| (a - b).abs() <= 1e-6 * cell;
    let turn = if source.turn.is_some() { 360.0 } else { 0.0 };
    let shift = if turn > 0.0 { turn * ((own.x0 - target.x0) / turn).round() } else { 0.0 };
    own.nx == target.nx
        && own.ny == target.ny
        && close(own.x0 - shift, target.x0, own.dx)
        && close(own.y0, target.y0, own.dx)
        && close(own.dx, target.dx, own.dx / own.nx as f64)
        && close(own.dy, target.dy, own.dx / own.ny as f64)
        && own.crs.same_as(&target.crs)
}

fn projected(
    scene: &Scene,
    step: &Move,
    from: Origin,
    place: usize,
    resampler: Resampler,
    choice: Choice,
    cache: &Arc<StripCache>,
) -> Projected {
    let v = from.var;
    let var = scene.granule.var(v);
    let axis = |dim| var.dims.iter().position(|d| *d == dim).unwrap_or(0);
    let (row_axis, col_axis) = (axis(step.source.row), axis(step.source.col));
    let mut element = Element::of(var);
    let mut attrs = Vec::new();
    let blind = trust(&scene.request) == Trust::Blind;
    let masked = var.data.coverage().is_some();
    let told_apart =
        !blind && is_told_apart(var, &element) && (masked || reaches_beyond(&step.source.grid, &step.target));
    if told_apart || (blind && !element.declares_fill()) {
        element = element.with_zero_outside();
    } else if needs_fill_attribute(var, &element, step) {
        attrs.extend(element.fill_attribute(&var.dtype));
    }
    if choice.method == Interpolation::Conservative {
        attrs.push(Attribute::text("cell_methods", &with_area_mean(var.attr_text("cell_methods"))));
    }
    let source = Source {
        data: from.data,
        shape: from.shape,
        row_axis,
        col_axis,
        element,
        chunk_rows: var.storage.chunk_shape().and_then(|c| c.get(row_axis).copied()).unwrap_or(1),
        chunk_cols: var.storage.chunk_shape().and_then(|c| c.get(col_axis).copied()).unwrap_or(1),
        transposed: col_axis < row_axis,
    };
    let transposed = source.transposed;
    let leading =
        var.dims.iter().copied().filter(|d| *d != step.source.row && *d != step.source.col).collect();
    let data = ResampledArray::new(source, resampler, cache.clone());
    let data = Arc::new(if told_apart { data.with_coverage() } else { data });
    Projected { var: v, place, leading, transposed, data, attrs }
}

/// Whether cells without data may appear, or are there already by the file's default, that no attribute tells of.
fn needs_fill_attribute(var: &Variable, element: &Element, step: &Move) -> bool {
    let told = var.attr("_FillValue").is_some() || var.attr("missing_value").is_some();
    !told && (element.declares_fill() || reaches_beyond(&step.source.grid, &step.target))
}

fn with_area_mean(old: Option<String>) -> String {
    match old.map(|o| o.trim().to_owned()).filter(|o| !o.is_empty()) {
        Some(old) if old.contains("area: mean") => old,
        Some(old) => format!("{old} area: mean"),
        None => "area: mean".into(),
    }
}

/// Whether target cells may lie outside the source.
fn reaches_beyond(source: &SourceGrid, target: &GridSpec) -> bool {
    if !source.crs.same_as(&target.crs) {
        return true;
    }
    let (a, b) = (source.extent(), target.extent());
    let (ex, ey) = (1e-6 * source.x.cell(), 1e-6 * source.y.cell());
    let across = source.wraps_at().is_some() || (b[0] >= a[0] - ex && b[2] <= a[2] + ex);
    !(across && b[1] >= a[1] - ey && b[3] <= a[3] + ey)
}

/// Leaves a variable out; an error when the request names it.
fn drop_variable(
    scene: &Scene,
    v: VarId,
    why: &str,
    parts: &mut Parts,
    notices: &mut Vec<String>,
) -> Result<(), OpError> {
    let var = scene.granule.var(v);
    let named = |n: &String| n.trim_matches('/') == var.name || n.trim_start_matches('/') == &var.path[1..];
    if scene.request.variables.iter().any(named) {
        return Err(scene.refuse(super::NAME, format!("'{}' can't be resampled: {why}", var.path)));
    }
    parts.dropped.insert(v);
    notices.push(format!("'{}' was left out: {why}", var.path));
    Ok(())
}

/// Variables along one axis of the old grid, coordinates aside, say nothing about the new one.
fn drop_half_placed(
    scene: &Scene,
    step: &Move,
    parts: &mut Parts,
    notices: &mut Vec<String>,
) -> Result<(), OpError> {
    let granule = &scene.granule;
    let stays = |v: &VarId| parts.projected.iter().any(|p| p.var == *v) || parts.dropped.contains(v);
    let along =
        |v: &VarId| granule.var(*v).dims.iter().any(|d| *d == step.source.row || *d == step.source.col);
    let left: Vec<VarId> = granule
        .var_ids()
        .filter(|v| along(v) && !stays(v) && !scene.table.is_coordinate(*v))
        .filter(|v| !on_another_grid(scene, step, *v))
        .collect();
    for v in left {
        drop_variable(scene, v, "it lies along an axis of the old grid", parts, notices)?;
    }
    Ok(())
}

fn on_another_grid(scene: &Scene, step: &Move, v: VarId) -> bool {
    scene.table.of_var.get(v.0).copied().flatten().is_some_and(|i| i != step.located)
}
