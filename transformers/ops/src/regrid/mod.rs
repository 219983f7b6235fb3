//! Grids to grids by elliptical weighted averaging (contract §6.2): a source grid counts as a swath of its cell centres.
//!
//! Selected when that method is asked for by name, or for comparison with the regridder; any other change of grids is
//! the business of `reproject_grid`. A complete grid in the request is that of every source grid; otherwise each source
//! grid gets its own ([`implicit`]).
//!
//! ```
//! use harmony_model::{Interpolation, Request};
//!
//! let mut request = Request::default();
//! request.target.interpolation = Some(Interpolation::parse("Elliptical Weighted Averaging").unwrap());
//! (request.target.width, request.target.height) = (Some(144), Some(72));
//! request.target.extent = Some([-180.0, -90.0, 180.0, 90.0]);
//! ```

pub(crate) mod axes;
pub mod implicit;
mod source;

use std::sync::Arc;

use harmony_model::crs::Crs;
use harmony_model::request::Compat;
use harmony_model::{ArraySource, Geolocation, GridSpec, Interpolation, VarId, Variable};

use crate::error::OpError;
use crate::project::array::Source;
use crate::project::output::{self, Parts};
use crate::project::target::{self as wanted, SourceKind, Suggestion};
use crate::project::{Element, Place, Projected, ResampledArray, Resampler, StripCache, is_told_apart};
use crate::project_swath::ewa::{self, Mode};
use crate::project_swath::{Like, Target, ewa_on, footprint};
use crate::scene::Scene;
use crate::transform::{Transform, Transformed};
use source::SourceGrid;

/// See the module.
pub struct Regrid;

const NAME: &str = "regrid";

/// Share of the weight that valid cells must hold; the regridder wants none.
const SHARE: f64 = 0.5;

impl Transform for Regrid {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "resample grids by elliptical weighted averaging: ewa, ewa-nn"
    }

    fn select(&self, scene: &Scene) -> Result<Option<String>, OpError> {
        if !concerns(scene) {
            return Ok(None);
        }
        check(scene)?;
        let method = scene.request.target.interpolation.unwrap_or(Interpolation::Ewa);
        Ok(Some(format!("grid to grid, {}", method.name())))
    }

    fn apply(&self, scene: &Scene) -> Result<Transformed, OpError> {
        check(scene)?;
        let cache = StripCache::new(crate::project::cache::budget(&scene.request));
        let mut parts = Parts { places: Vec::new(), projected: Vec::new(), dropped: Default::default() };
        let mut done: Vec<(usize, SourceGrid, GridSpec)> = Vec::new();
        let mut notices = Vec::new();
        for located in grids(scene) {
            let geolocation = &scene.table.located[located].geolocation;
            let Some(source) = SourceGrid::read(&scene.granule, geolocation)? else { continue };
            let Some(grid) = target_grid(scene, &source)? else { continue };
            let place = parts.places.len();
            parts.places.push(place_of(scene, located, &source, &grid));
            add_variables(scene, located, place, &source, &grid, &cache, &mut parts, &mut notices)?;
            done.push((place, source, grid));
        }
        let keys: Vec<(usize, VarId, bool)> =
            parts.projected.iter().map(|p| (p.place, p.var, p.transposed)).collect();
        let mut granule = output::build(scene, parts);
        for (place, source, grid) in &done {
            finish(scene, &mut granule, source, grid, keys.iter().find(|k| k.0 == *place));
        }
        if compat(scene) {
            axes::mappings_as_text(&mut granule);
        }
        Ok(Transformed { granule, notices })
    }
}

fn compat(scene: &Scene) -> bool {
    scene.request.compat_is(Compat::Regridder)
}

/// Whether the request asks for this method, and for a grid that some source grid does not have.
fn concerns(scene: &Scene) -> bool {
    let target = &scene.request.target;
    let asked = matches!(target.interpolation, Some(Interpolation::Ewa | Interpolation::EwaNearest));
    if !target.is_set() || !(asked || compat(scene)) {
        return false;
    }
    grids(scene).into_iter().any(|i| !stays(scene, &scene.table.located[i].geolocation))
}

/// A geographic grid, asked to be geographic and nothing else, is left as it is.
fn stays(scene: &Scene, geolocation: &Geolocation) -> bool {
    let t = &scene.request.target;
    let only_crs = t.grid.is_none()
        && t.extent.is_none()
        && t.cell_size.is_none()
        && t.width.is_none()
        && t.height.is_none();
    let same = |crs: &Crs| t.crs.as_ref().is_none_or(|c| c.same_as(crs));
    only_crs
        && match geolocation {
            Geolocation::Grid { .. } => same(&Crs::wgs84()),
            Geolocation::ProjectedGrid { crs, .. } => same(crs),
            _ => true,
        }
}

fn check(scene: &Scene) -> Result<(), OpError> {
    if !compat(scene) {
        return Ok(());
    }
    let crs = target_crs(scene)?;
    if !crs.is_geographic() {
        return Err(scene.refuse(NAME, format!("Target CRS not supported: \"{}\"", crs.definition)));
    }
    let t = &scene.request.target;
    if t.extent.is_none() && (t.cell_size.is_some() || t.width.is_some() || t.height.is_some()) {
        let reason = "Insufficient or invalid target grid parameters: the regridder wants an extent with a size; add \
                      --scale-extent, or leave out --compat";
        return Err(scene.refuse(NAME, reason));
    }
    match scene.request.target.interpolation {
        None | Some(Interpolation::Ewa | Interpolation::EwaNearest) => Ok(()),
        Some(other) => Err(scene.refuse(
            NAME,
            format!("Interpolation method not supported: \"{}\"; the regridder knows ewa only", other.name()),
        )),
    }
}

/// Geolocations of grids that place some variable.
fn grids(scene: &Scene) -> Vec<usize> {
    let is_grid = |i: &usize| {
        let kind = &scene.table.located[*i].geolocation;
        matches!(kind, Geolocation::Grid { .. } | Geolocation::ProjectedGrid { .. })
    };
    let places = |i: &usize| scene.granule.var_ids().any(|v| is_data(scene, *i, v));
    (0..scene.table.located.len()).filter(|i| is_grid(i) && places(i)).collect()
}

/// Whether a variable is resampled with a geolocation: not a coordinate, but for 2-D ones, which the regridder averages.
fn is_data(scene: &Scene, located: usize, v: VarId) -> bool {
    let dims = scene.table.located[located].geolocation.dims();
    let own = &scene.granule.var(v).dims;
    let on_both = dims.iter().all(|d| own.contains(d));
    let is_position = scene.table.is_coordinate(v) && !scene.times.is_time(v);
    on_both && if is_position { compat(scene) } else { scene.table.of_var[v.0] == Some(located) }
}

fn target_crs(scene: &Scene) -> Result<Crs, OpError> {
    wanted::crs(&scene.request.target, &Crs::wgs84())
}

/// The target of a source grid; `None` when it is to be left as it is.
fn target_grid(scene: &Scene, source: &SourceGrid) -> Result<Option<GridSpec>, OpError> {
    let crs = target_crs(scene)?;
    let t = &scene.request.target;
    let open = !wanted::is_complete(t);
    if open
        && t.extent.is_none()
        && t.cell_size.is_none()
        && t.width.is_none()
        && t.height.is_none()
        && crs.same_as(&source.crs)
    {
        return Ok(None);
    }
    let nowhere = || OpError::NoData {
        granule: scene.granule.name.clone(),
        reason: "no cell of a source grid has a place on the target CRS".into(),
    };
    let grid = wanted::resolve(t, crs.clone(), SourceKind::Swath, || {
        if crs.is_geographic() {
            return implicit::suggest(source)?.ok_or_else(nowhere);
        }
        let way = Target::way_to(&crs)?;
        let inferred =
            footprint::infer(&source.swath()?, &way, &Target::domain(&crs))?.ok_or_else(nowhere)?;
        Ok(Suggestion { extent: inferred.extent, cell: [inferred.resolution; 2] })
    })?;
    Ok(Some(grid))
}

/// Names: geographic axes that stay geographic keep theirs; the regridder keeps all.
fn place_of(scene: &Scene, located: usize, source: &SourceGrid, grid: &GridSpec) -> Place {
    let input = &scene.granule;
    let keeps = compat(scene) || (source.geographic && grid.crs.is_geographic());
    let names = keeps.then(|| [input.dim(source.y.dim).name.clone(), input.dim(source.x.dim).name.clone()]);
    Place { names, ..Place::new(located, grid.clone()) }
}

#[allow(clippy::too_many_arguments)]
fn add_variables(
    scene: &Scene,
    located: usize,
    place: usize,
    source: &SourceGrid,
    grid: &GridSpec,
    cache: &Arc<StripCache>,
    parts: &mut Parts,
    notices: &mut Vec<String>,
) -> Result<(), OpError> {
    let swath = Arc::new(source.swath()?);
    let target = Arc::new(Target::new(grid.clone())?);
    let (share, like) = if compat(scene) { (0.0, Like::Regridder) } else { (SHARE, Like::Ourselves) };
    let kept = ewa::budget(&scene.request);
    let mean = ewa_on(swath, target, Mode::Mean, share, like, None, kept)?;
    let heaviest = mean.with_mode(Mode::Heaviest);
    let (mean, heaviest) = (Resampler::Blend(Arc::new(mean)), Resampler::Blend(Arc::new(heaviest)));
    for v in scene.granule.var_ids().filter(|v| is_data(scene, located, *v)) {
        let var = scene.granule.var(v);
        if !var.dtype.is_numeric() {
            if scene
                .request
                .variables
                .iter()
                .any(|n| n.trim_start_matches('/') == var.path.trim_start_matches('/'))
            {
                let text =
                    format!("Request for unprocessable variable(s): {{{}}}; it holds no numbers", var.path);
                return Err(scene.refuse(NAME, text));
            }
            notices.push(format!("{} is left out: it holds {}, not numbers", var.path, var.dtype.name()));
            parts.dropped.insert(v);
            continue;
        }
        let resampler = if takes_heaviest(scene, var) { &heaviest } else { &mean };
        parts.projected.push(projected(scene, place, v, source, resampler, cache));
    }
    Ok(())
}

/// Codes are not averaged: integers that are not packed numbers, and all integers where the regridder is followed.
fn takes_heaviest(scene: &Scene, var: &Variable) -> bool {
    let packed = var.attr("scale_factor").is_some() || var.attr("add_offset").is_some();
    scene.request.target.interpolation == Some(Interpolation::EwaNearest)
        || (var.dtype.is_integer() && (compat(scene) || !packed))
}

fn projected(
    scene: &Scene,
    place: usize,
    v: VarId,
    source: &SourceGrid,
    resampler: &Resampler,
    cache: &Arc<StripCache>,
) -> Projected {
    let var = scene.granule.var(v);
    let axis = |d| var.dims.iter().position(|o| *o == d).unwrap_or(0);
    let (row_axis, col_axis) = (axis(source.y.dim), axis(source.x.dim));
    let leading = var.dims.iter().copied().filter(|d| *d != source.y.dim && *d != source.x.dim).collect();
    let mut element = Element::of(var);
    let told_apart = !compat(scene) && is_told_apart(var, &element);
    if told_apart {
        element = element.with_zero_outside();
    }
    let attrs = if element.declares_fill() || told_apart {
        Vec::new()
    } else {
        element.fill_attribute(&var.dtype).into_iter().collect()
    };
    let transposed = col_axis < row_axis;
    let source = Source {
        data: var.data.clone() as Arc<dyn ArraySource>,
        shape: scene.granule.shape(v),
        row_axis,
        col_axis,
        element,
        chunk_rows: var.storage.chunk_shape().and_then(|c| c.get(row_axis)).copied().unwrap_or(1),
        chunk_cols: var.storage.chunk_shape().and_then(|c| c.get(col_axis)).copied().unwrap_or(1),
        transposed,
    };
    let data = ResampledArray::new(source, resampler.clone(), cache.clone());
    let data = Arc::new(if told_apart { data.with_coverage() } else { data });
    Projected { var: v, place, leading, transposed, data, attrs }
}

/// Bounds of the geographic axes of a variable that was put on `grid`, as its old axes had them. Axes that can't be
/// read as a grid of several cells leave none.
pub(crate) fn add_bounds(
    scene: &Scene,
    out: &mut harmony_model::Granule,
    located: usize,
    grid: &GridSpec,
    (var, transposed): (VarId, bool),
) {
    let geolocation = &scene.table.located[located].geolocation;
    let Ok(Some(source)) = SourceGrid::read(&scene.granule, geolocation) else { return };
    let Some(id) = out.find_var(&scene.granule.var(var).path) else { return };
    let Some(dims) = axes::of_variable(out, id, transposed).filter(|_| grid.crs.is_geographic()) else {
        return;
    };
    axes::add_bounds(&scene.granule, &source, grid, out, dims);
}

/// Axis types and bounds of a place in the finished granule.
fn finish(
    scene: &Scene,
    out: &mut harmony_model::Granule,
    source: &SourceGrid,
    grid: &GridSpec,
    key: Option<&(usize, VarId, bool)>,
) {
    let Some((_, var, transposed)) = key else { return };
    let Some(id) = out.find_var(&scene.granule.var(*var).path) else { return };
    let Some(dims) = axes::of_variable(out, id, *transposed) else { return };
    if compat(scene) || (source.geographic && grid.crs.is_geographic()) {
        axes::keep_types(&scene.granule, source, out, dims);
    }
    if grid.crs.is_geographic() {
        axes::add_bounds(&scene.granule, source, grid, out, dims);
    }
}
