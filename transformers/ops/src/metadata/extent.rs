//! What the kept data cover, in degrees and time.

use harmony_model::geolocation::Geolocation;
use harmony_model::time::DateTime;
use harmony_model::{DimId, Runs, VarId, Window};

use crate::error::OpError;
use crate::scene::Scene;
use crate::selection::Selection;
use crate::subset_bbox::axis_centres;

/// Extremes of the centres of what is left; `None` where there are no positions or times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extent {
    /// (west, east), −180…180; west > east across the antimeridian.
    pub longitude: Option<(f64, f64)>,
    /// (south, north).
    pub latitude: Option<(f64, f64)>,
    pub time: Option<(DateTime, DateTime)>,
}

/// The shortest arc that holds a set of longitudes.
///
/// Longitudes are sorted into half-degree bins with their extremes; the widest gap is what is left out.
pub struct LongitudeSpan {
    bins: Vec<Option<(f64, f64)>>,
}

const BINS: usize = 720;

impl Default for LongitudeSpan {
    fn default() -> Self {
        LongitudeSpan { bins: vec![None; BINS] }
    }
}

impl LongitudeSpan {
    pub fn add(&mut self, lon: f64) {
        if !lon.is_finite() {
            return;
        }
        let turned = (lon + 180.0).rem_euclid(360.0);
        let bin = ((turned * BINS as f64 / 360.0) as usize).min(BINS - 1);
        let slot = &mut self.bins[bin];
        *slot = Some(slot.map_or((turned, turned), |(a, b)| (a.min(turned), b.max(turned))));
    }

    /// (west, east) in −180…180.
    pub fn span(&self) -> Option<(f64, f64)> {
        let used: Vec<(f64, f64)> = self.bins.iter().flatten().copied().collect();
        let (first, last) = (used.first()?, used.last()?);
        // The gap across the antimeridian is the default to leave out.
        let mut best = (first.0 + 360.0 - last.1, first.0, last.1);
        for pair in used.windows(2) {
            let gap = pair[1].0 - pair[0].1;
            if gap > best.0 {
                best = (gap, pair[1].0, pair[0].1);
            }
        }
        Some((best.1 - 180.0, best.2 - 180.0))
    }
}

#[derive(Default)]
struct Gather {
    lon: LongitudeSpan,
    lat: Option<(f64, f64)>,
}

impl Gather {
    fn lat(&mut self, v: f64) {
        if v.is_finite() && v.abs() <= 90.0 {
            self.lat = Some(self.lat.map_or((v, v), |(a, b)| (a.min(v), b.max(v))));
        }
    }
}

/// Extent of what a selection keeps.
///
/// # Errors
/// When coordinates can't be read.
pub fn extent_of(scene: &Scene, selection: &Selection) -> Result<Extent, OpError> {
    let mut gather = Gather::default();
    for located in &scene.table.located {
        let dims = located.geolocation.dims();
        if dims.iter().any(|d| selection.dims.get(d).is_some_and(Runs::is_empty)) {
            continue;
        }
        collect(scene, selection, &located.geolocation, &mut gather)?;
    }
    Ok(Extent { longitude: gather.lon.span(), latitude: gather.lat, time: time_span(scene, selection)? })
}

fn collect(
    scene: &Scene,
    selection: &Selection,
    geolocation: &Geolocation,
    gather: &mut Gather,
) -> Result<(), OpError> {
    let granule = &scene.granule;
    match geolocation {
        Geolocation::Grid { lat, lon } => {
            let axis = |var: VarId, dim: DimId| {
                granule.read_physical(var, &Window(vec![selection.runs(granule, dim)]))
            };
            axis(lon.var, lon.dim)?.into_iter().for_each(|v| gather.lon.add(v));
            axis(lat.var, lat.dim)?.into_iter().for_each(|v| gather.lat(v));
        }
        Geolocation::ProjectedGrid { y, x, crs } => {
            let (ys, xs) = (axis_centres(scene, y)?, axis_centres(scene, x)?);
            let rows: Vec<u64> = selection.runs(granule, y.dim).indices().collect();
            let cols: Vec<u64> = selection.runs(granule, x.dim).indices().collect();
            // A lattice of at most 200 × 200 cells, rim included, is dense enough for an extent.
            let lattice = |v: &[u64]| {
                let step = (v.len() / 200).max(1);
                v.iter().copied().step_by(step).chain(v.last().copied()).collect::<Vec<_>>()
            };
            let (rows, cols) = (lattice(&rows), lattice(&cols));
            let mut px = Vec::with_capacity(rows.len() * cols.len());
            let mut py = Vec::with_capacity(rows.len() * cols.len());
            for &r in &rows {
                for &c in &cols {
                    px.push(xs.get(c as usize).copied().unwrap_or(f64::NAN));
                    py.push(ys.get(r as usize).copied().unwrap_or(f64::NAN));
                }
            }
            let geographic = harmony_model::crs::Crs::parse("OGC:CRS84")?;
            harmony_model::crs::Transform::new(crs, &geographic)?.points(&mut px, &mut py);
            px.into_iter().zip(py).filter(|(x, y)| x.is_finite() && y.is_finite()).for_each(|(x, y)| {
                gather.lon.add(x);
                gather.lat(y);
            });
        }
        Geolocation::Swath { lat, lon, dims } => samples(scene, selection, *lat, *lon, dims, gather)?,
        Geolocation::Trajectory { lat, lon, dim } => {
            samples(scene, selection, *lat, *lon, &[*dim], gather)?;
        }
        Geolocation::Segmented(_) => {}
    }
    Ok(())
}

/// Positions of the samples that are left and wanted, in blocks of rows.
fn samples(
    scene: &Scene,
    selection: &Selection,
    lat: VarId,
    lon: VarId,
    dims: &[DimId],
    gather: &mut Gather,
) -> Result<(), OpError> {
    let granule = &scene.granule;
    let rows = selection.runs(granule, dims[0]);
    let cols = dims.get(1).map_or_else(|| Runs::all(1), |&d| selection.runs(granule, d));
    let masks: Vec<_> = selection.masks.iter().filter(|m| m.dims == dims).collect();
    let step = ((1 << 20) / cols.len().max(1)).max(1);
    let mut at = 0;
    while at < rows.len() {
        let part = rows.slice(at, step);
        let window = |var: VarId| {
            Window(
                granule
                    .var(var)
                    .dims
                    .iter()
                    .map(|d| match dims.iter().position(|x| x == d) {
                        Some(0) => part.clone(),
                        Some(_) => cols.clone(),
                        None => Runs::range(0, 1),
                    })
                    .collect(),
            )
        };
        let lats = granule.read_physical(lat, &window(lat))?;
        let lons = granule.read_physical(lon, &window(lon))?;
        let mut wanted = vec![1u8; lats.len()];
        for mask in &masks {
            let mut this = vec![0u8; lats.len()];
            mask.source.read(&Window(vec![part.clone(), cols.clone()]), &mut this)?;
            wanted.iter_mut().zip(this).for_each(|(w, t)| *w &= t);
        }
        for ((lat, lon), w) in lats.iter().zip(&lons).zip(&wanted) {
            if *w == 1 && lat.is_finite() && lon.is_finite() && lat.abs() <= 90.0 {
                gather.lat(*lat);
                gather.lon.add(*lon);
            }
        }
        at += step;
    }
    Ok(())
}

fn time_span(scene: &Scene, selection: &Selection) -> Result<Option<(DateTime, DateTime)>, OpError> {
    let granule = &scene.granule;
    let mut span: Option<(f64, f64)> = None;
    for axis in &scene.times.axes {
        let window = Window(axis.dims.iter().map(|&d| selection.runs(granule, d)).collect());
        if !axis.is_utc() || window.count() == 0 {
            continue;
        }
        let instants = axis.read_seconds(granule, &window)?;
        let bounds = match (axis.bounds_seconds(granule)?, window.0.as_slice()) {
            (Some(all), [runs]) => runs.indices().filter_map(|i| all.get(i as usize).copied()).collect(),
            (Some(all), []) => all,
            _ => Vec::new(),
        };
        for v in instants.into_iter().chain(bounds.into_iter().flatten()).filter(|v| v.is_finite()) {
            span = Some(span.map_or((v, v), |(a, b)| (a.min(v), b.max(v))));
        }
    }
    let at = |s: f64| DateTime { micros: (s * 1e6).round() as i64 };
    Ok(span.map(|(a, b)| (at(a), at(b))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_span_of_longitudes_around_the_antimeridian_is_the_short_way() {
        let mut span = LongitudeSpan::default();
        [175.0, 179.5, 181.0, -178.0].into_iter().for_each(|v| span.add(v));
        assert_eq!(span.span(), Some((175.0, -178.0)));
    }

    #[test]
    fn the_span_of_a_regional_set_is_plain() {
        let mut span = LongitudeSpan::default();
        [10.25, 20.5, 15.0].into_iter().for_each(|v| span.add(v));
        assert_eq!(span.span(), Some((10.25, 20.5)));
    }
}
