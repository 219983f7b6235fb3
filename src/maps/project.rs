//! Swaths, trajectories and irregular grids, put on a regular grid once for each reference system and scale, by the
//! engine's own operations.

use std::sync::Arc;

use harmony_model::crs::Crs;
use harmony_model::geolocation::{self, Geolocation, Hints};
use harmony_model::request::{Request, TargetRequest};
use harmony_model::{Granule, Interpolation};
use harmony_ops::Scene;

use super::opened::{Field, Location, Meta, Opened, Stage, rasters, shown};
use super::{MapError, Maps, View};

/// One variable of a granule on one grid.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    location: Location,
    path: String,
    crs: String,
    /// Cells are 2^level times as wide as those that the data suggest.
    level: u8,
}

/// Metres of a degree of latitude on the mean sphere.
const METRES_PER_DEGREE: f64 = 111_195.0;
/// Two positions in double precision and as much for the index.
const BYTES_PER_SAMPLE: u64 = 32;
/// Coarser than this is one cell for everything.
const MAX_LEVEL: u8 = 24;

impl Maps {
    /// The variable on a grid that suits the view; `None` when no sample of it has a place there.
    ///
    /// # Errors
    /// [`MapError::Variable`] when it can't be put on a grid.
    pub(super) fn on_grid(
        &self,
        opened: &Arc<Opened>,
        meta: &Arc<Meta>,
        view: &View,
    ) -> Result<Option<Arc<Field>>, MapError> {
        let crs = working_crs(&view.crs);
        let key = |level| Key {
            location: opened.location.clone(),
            path: meta.path.clone(),
            crs: crs.definition.clone(),
            level,
        };
        let at = |level: u8, cell: Option<f64>, radius: Option<f64>| {
            self.projected.get(&key(level), |_| {
                let field = projected(opened, meta, &crs, cell, radius)?;
                Ok::<_, MapError>((field, weight(opened, &meta.path)))
            })
        };
        let Some(own) = at(0, None, None)? else { return Ok(None) };
        let cell = own.main().raster.grid.dx;
        let pixel = pixel_size(view, &crs);
        let line = is_line(&opened.granule, &meta.path);
        let levels = (pixel / cell).log2();
        // A line must not fall between pixels, a surface need not be coarser than they are.
        let level = if line { levels.ceil() } else { levels.floor() };
        if level.is_nan() || level < 1.0 {
            return Ok(Some(own));
        }
        let level = level.min(f64::from(MAX_LEVEL)) as u8;
        let wider = cell * 2f64.powi(i32::from(level));
        let metres = wider * crs.units_to_metre().unwrap_or(METRES_PER_DEGREE);
        at(level, Some(wider), line.then_some(0.75 * metres))
    }
}

/// Bytes that finding samples of a variable by their places takes: positions, and an index of them.
fn weight(opened: &Opened, path: &str) -> u64 {
    let var = opened.granule.find_var(path);
    let samples = var.map_or(1, |v| opened.granule.shape(v).iter().fold(1u64, |n, &s| n.saturating_mul(s)));
    samples.saturating_mul(BYTES_PER_SAMPLE)
}

/// Maps in cylindrical systems are made from longitudes and latitudes.
fn working_crs(crs: &Crs) -> Crs {
    if crs.is_geographic() || super::place::is_web_mercator(crs) { Crs::wgs84() } else { crs.clone() }
}

/// Width of a pixel in units of `crs`, which is that of the view or geographic.
fn pixel_size(view: &View, crs: &Crs) -> f64 {
    let width = (view.extent[2] - view.extent[0]) / f64::from(view.width.max(1));
    if crs.is_geographic() && !view.crs.is_geographic() { width / METRES_PER_DEGREE } else { width }
}

fn is_line(granule: &Granule, path: &str) -> bool {
    let located = geolocation::discover(granule, &Hints::default()).ok();
    let var = granule.find_var(path);
    let geolocation = located.as_ref().zip(var).and_then(|(t, v)| t.of(v)).map(|l| &l.geolocation);
    matches!(geolocation, Some(Geolocation::Trajectory { .. }))
}

fn projected(
    opened: &Opened,
    meta: &Arc<Meta>,
    crs: &Crs,
    cell: Option<f64>,
    radius_m: Option<f64>,
) -> Result<Option<Arc<Field>>, MapError> {
    let request = Arc::new(Request {
        variables: vec![meta.path.clone()],
        target: TargetRequest {
            crs: Some(crs.clone()),
            interpolation: Some(Interpolation::Nearest),
            cell_size: cell.map(|c| [c; 2]),
            search_radius_m: radius_m,
            ..TargetRequest::default()
        },
        ..Request::default()
    });
    let granule = match moved(opened, &request) {
        Ok(granule) => Arc::new(granule),
        Err(e) if e.is_no_data() => return Ok(None),
        Err(e) => {
            let name = shown(&opened.location.text);
            return Err(MapError::Variable(format!(
                "{name}: '{}' can't be put on a map: {e}",
                meta.path.trim_start_matches('/')
            )));
        }
    };
    let raster = rasters(&granule).into_iter().find(|r| r.path == meta.path);
    Ok(raster.map(|raster| {
        Arc::new(Field { meta: meta.clone(), stages: vec![Stage::new(granule.clone(), raster)] })
    }))
}

fn moved(opened: &Opened, request: &Arc<Request>) -> Result<Granule, harmony_ops::OpError> {
    let scene = Scene::new(opened.granule.clone(), request.clone())?;
    let steps = harmony_ops::select(&scene)?;
    let cut = harmony_ops::resolve(&scene, &steps)?;
    Ok(harmony_ops::compute(cut.granule, request)?.granule)
}
