//! Swaths and trajectories to grids (contract §5): every located swath of a granule comes onto one target grid, or onto
//! one of its own where the request leaves the grid open.
//!
//! Selected by any request for another grid ([`harmony_model::request::TargetRequest::is_set`]) on a granule that has
//! variables located by 2-D latitudes and longitudes, or by 1-D ones along one axis:
//!
//! ```
//! use harmony_model::Request;
//! use harmony_model::crs::Crs;
//!
//! let mut request = Request::default();
//! request.target.crs = Some(Crs::parse("EPSG:4326").unwrap());
//! request.target.interpolation = Some(harmony_model::Interpolation::Nearest);
//! assert!(request.target.is_set());
//! ```
//!
//! Methods: [`nearest`], [`bilinear`], [`ewa`] (two modes). Without extent or size the grid is that of the swath's own
//! footprint and cell size ([`footprint`]; [`perimeter`] is the swath projector's rule, for comparison).

mod approximate;
pub mod bilinear;
pub mod cells;
mod ellipse;
pub mod ewa;
pub mod footprint;
pub mod index;
pub mod nearest;
mod neighbours;
mod options;
mod outline;
pub mod perimeter;
mod quadrants;
mod resample;
pub mod scans;
pub mod sphere;
mod spots;
mod survey;
mod swath;
mod target;
mod tiles;
mod unpacked;
mod variables;
mod widened;

use std::sync::Arc;

use harmony_model::crs::Crs;
use harmony_model::{Geolocation, GridSpec, Interpolation, ReadError};

use crate::error::OpError;
use crate::project::output::{self, Parts};
use crate::project::target::{self as wanted, SourceKind, Suggestion};
use crate::project::{Block, Place, Resampler, StripCache};
use crate::scene::Scene;
use crate::transform::{Transform, Transformed};
use ewa::{Field, Manner, Mode, Shapes};
use neighbours::Neighbours;
use options::Options;
use quadrants::{QuadrantBilinear, Quadrants};
use resample::{Bilinear, Ewa, Failure, Nearest};
use scans::Scans;
use spots::Placing;
use swath::Swath;
use target::TargetGrid;

pub(crate) use options::matches;
pub(crate) use swath::Swath as Positions;
pub(crate) use target::TargetGrid as Target;
pub(crate) use widened::Widened;

/// See the module.
pub struct ProjectSwath;

const NAME: &str = "project_swath";

impl Transform for ProjectSwath {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "put swaths and trajectories on a grid in any CRS: near, bilinear, ewa, ewa-nn"
    }

    fn select(&self, scene: &Scene) -> Result<Option<String>, OpError> {
        if !scene.request.target.is_set() || swaths(scene).is_empty() {
            return Ok(None);
        }
        let options = Options::of(&scene.request)?;
        let crs = target_crs(scene)?;
        let name = crs.authority_code().unwrap_or_else(|| crs.definition.clone());
        let grid = if wanted::is_complete(&scene.request.target) { "the requested grid" } else { "a grid" };
        Ok(Some(format!("swath to {grid} in {name}, {}", options.method.name())))
    }

    fn apply(&self, scene: &Scene) -> Result<Transformed, OpError> {
        let options = Options::of(&scene.request)?;
        let as_floats = options.compat.then(|| unpacked::scene(scene));
        let scene = as_floats.as_ref().unwrap_or(scene);
        let mut parts = Parts { places: Vec::new(), projected: Vec::new(), dropped: Default::default() };
        let mut notices = Vec::new();
        let cache = StripCache::new(crate::project::cache::budget(&scene.request));
        let mut empty = None;
        for located in swaths(scene) {
            let geolocation = &scene.table.located[located].geolocation;
            let Some(swath) = Swath::open(&scene.granule, geolocation, &cache)? else { continue };
            let grid = match target_grid(scene, &options, geolocation, &swath) {
                Ok(grid) => grid,
                // Another swath of the granule may have positions.
                Err(e) if e.is_no_data() => {
                    empty = Some(e);
                    continue;
                }
                Err(e) => return Err(e),
            };
            let method = options.method_for(&swath, scene.request.target.interpolation)?;
            let target = TargetGrid::new(grid.clone())?;
            let t = &scene.request.target;
            let inferred = t.extent.is_none() && t.grid.is_none() && !options.compat;
            let domain = TargetGrid::domain(&grid.crs);
            let target = Arc::new(if inferred { target.within(&domain) } else { target });
            let Some(resamplers) = resamplers(scene, &options, method, &swath, target)? else {
                empty = Some(nowhere(scene, geolocation));
                continue;
            };
            let place = parts.places.len();
            parts.places.push(Place { mapping: mapping_name(&grid.crs), ..Place::new(located, grid) });
            variables::add(
                scene,
                &options,
                located,
                place,
                &swath,
                &resamplers,
                &cache,
                &mut parts,
                &mut notices,
            )?;
        }
        match empty {
            Some(e) if parts.places.is_empty() => Err(e),
            _ => {
                let mut granule = output::build(scene, parts);
                if options.compat {
                    crate::regrid::axes::mappings_as_text(&mut granule);
                }
                Ok(Transformed { granule, notices })
            }
        }
    }
}

/// Geolocations that this operation is for and that place some variable.
fn swaths(scene: &Scene) -> Vec<usize> {
    let is_swath = |i: &usize| {
        let kind = &scene.table.located[*i].geolocation;
        matches!(kind, Geolocation::Swath { .. } | Geolocation::Trajectory { .. })
    };
    let places = |i: &usize| {
        let own = |v: &harmony_model::VarId| scene.table.of_var[v.0] == Some(*i) && !is_position(scene, *v);
        scene.granule.var_ids().any(|v| own(&v))
    };
    (0..scene.table.located.len()).filter(|i| is_swath(i) && places(i)).collect()
}

/// Whether a variable is a coordinate that a grid replaces: any but times, which are data on a swath.
fn is_position(scene: &Scene, v: harmony_model::VarId) -> bool {
    scene.table.is_coordinate(v) && !scene.times.is_time(v)
}

fn target_crs(scene: &Scene) -> Result<Crs, OpError> {
    wanted::crs(&scene.request.target, &Crs::wgs84())
}

/// CF's name of the projection method names the grid mapping variable, `crs` where CF has none.
fn mapping_name(crs: &Crs) -> Option<String> {
    crs.to_cf_attributes().iter().find(|a| a.name == "grid_mapping_name").and_then(|a| a.as_text())
}

fn target_grid(
    scene: &Scene,
    options: &Options,
    geolocation: &Geolocation,
    swath: &Swath,
) -> Result<GridSpec, OpError> {
    let crs = target_crs(scene)?;
    wanted::resolve(&scene.request.target, crs.clone(), SourceKind::Swath, || {
        let way = TargetGrid::way_to(&crs)?;
        let inferred = if options.compat {
            perimeter::infer(swath, &way, crs.is_geographic())?
        } else {
            footprint::infer(swath, &way, &TargetGrid::domain(&crs))?
        };
        let inferred = inferred.ok_or_else(|| nowhere(scene, geolocation))?;
        Ok(Suggestion { extent: inferred.extent, cell: [inferred.resolution; 2] })
    })
}

/// No cell of a swath has a place on the target.
fn nowhere(scene: &Scene, geolocation: &Geolocation) -> OpError {
    let names: Vec<&str> =
        geolocation.variables().iter().map(|v| scene.granule.var(*v).path.as_str()).collect();
    OpError::NoData {
        granule: scene.granule.name.clone(),
        reason: format!("no two cells of the swath of {} have a place on the target CRS", names.join(", ")),
    }
}

/// The resamplers of integers and of floats; one and the same but for the swath projector's bilinear one. `None` when no
/// cell has a position.
fn resamplers(
    scene: &Scene,
    options: &Options,
    method: Interpolation,
    swath: &Arc<Swath>,
    target: Arc<TargetGrid>,
) -> Result<Option<[Resampler; 2]>, ReadError> {
    let kept = tiles::budget(&scene.request);
    let swath = swath.clone();
    let neighbours = |swath, target| match options.radius_m.unwrap_or(neighbours::REACH_M) {
        m if options.compat => Neighbours::approximate(swath, target, m),
        _ => Neighbours::new(swath, target, options.radius_m),
    };
    let one = match method {
        Interpolation::Nearest => {
            let found = neighbours(swath, target)?;
            found.map(|n| Resampler::Pick(Arc::new(Nearest::new(n, kept))))
        }
        Interpolation::Bilinear if options.compat => {
            let radius = options.radius_m.unwrap_or(neighbours::REACH_M);
            let Some(geometry) = Quadrants::new(swath, target, radius, kept)? else { return Ok(None) };
            let plain = QuadrantBilinear { geometry: Arc::new(geometry), truncates: false };
            let cut = QuadrantBilinear { truncates: true, ..plain.clone() };
            return Ok(Some([Resampler::Blend(Arc::new(cut)), Resampler::Blend(Arc::new(plain))]));
        }
        Interpolation::Bilinear => {
            let found = neighbours(swath, target)?;
            found.map(|n| Resampler::Blend(Arc::new(Bilinear::new(n, options.share, kept))))
        }
        method => {
            let mode = if method == Interpolation::Ewa { Mode::Mean } else { Mode::Heaviest };
            let like = if options.compat { Like::SwathProjector } else { Like::Ourselves };
            let product = product_name(scene);
            let kept = ewa::budget(&scene.request);
            let ewa = ewa_on(swath, target, mode, options.share, like, product.as_deref(), kept)?;
            Some(Resampler::Blend(Arc::new(ewa)))
        }
    };
    Ok(one.map(|one| [one.clone(), one]))
}

fn product_name(scene: &Scene) -> Option<String> {
    let hints = harmony_model::geolocation::Hints {
        short_name: scene.request.short_name.clone(),
        ..Default::default()
    };
    harmony_model::geolocation::products::short_name(&scene.granule, &hints)
}

/// Whose scans, ellipses and orientation elliptical weighted averaging takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Like {
    Ourselves,
    /// Swaths with fewer rows than columns are turned.
    SwathProjector,
    Regridder,
}

/// Elliptical weighted averaging of a source with these positions; about `kept` bytes of what is computed are kept.
///
/// # Errors
/// When positions can't be read.
pub(crate) fn ewa_on(
    swath: Arc<Swath>,
    target: Arc<TargetGrid>,
    mode: Mode,
    share: f64,
    like: Like,
    product: Option<&str>,
    kept: usize,
) -> Result<Ewa, ReadError> {
    let [rows, cols] = swath.shape;
    let transposed = like == Like::SwathProjector && rows < cols;
    let (shape, cuts) =
        if transposed { ([cols, rows], swath.cuts.turned()) } else { ([rows, cols], swath.cuts) };
    let (scans, shapes) = if like != Like::Ourselves {
        (Scans::least_divisor(shape[0]), Shapes::Scan)
    } else {
        (options::scans_of(&swath, product)?, Shapes::Local)
    };
    let manner = Manner { scans, shapes, period: target.period() };
    let target_shape = target.shape();
    let field = Field::new(shape, cuts, placing(swath, target, transposed), manner, kept)?;
    Ok(Ewa { field: Arc::new(field), transposed, target_shape, mode, share, failure: Failure::default() })
}

/// Where the cells of a swath lie on a target; `transposed` blocks have the columns of the swath as rows.
fn placing(swath: Arc<Swath>, target: Arc<TargetGrid>, transposed: bool) -> Box<Placing> {
    Box::new(move |block| {
        let upright = if transposed {
            Block { rows: block.cols.clone(), cols: block.rows.clone() }
        } else {
            block.clone()
        };
        let cells = swath.read(&upright)?;
        let (u, v) = target.fractions(&cells.lons, &cells.lats);
        let in_order = |values: &[f64]| -> Vec<f32> {
            if !transposed {
                return values.iter().map(|v| *v as f32).collect();
            }
            let (height, width) = (upright.height(), upright.width());
            (0..width).flat_map(|c| (0..height).map(move |r| values[r * width + c] as f32)).collect()
        };
        Ok((in_order(&u), in_order(&v)))
    })
}
