//! Where and when a granule is, by the engine's own model.

use harmony_model::geolocation::{Geolocation, GridAxis};
use harmony_model::time::{DateTime, TimeAxis};
use harmony_model::{DimId, Runs, VarId, Window};
use harmony_ops::metadata::LongitudeSpan;
use harmony_ops::subset_bbox::axis_centres;
use harmony_ops::{OpError, Scene};

use super::swath::{self, Row};
use crate::catalog::geo::{Footprint, Outline, smallest_box};

/// Values read at once, and most that are looked at of one swath or time axis: a file may claim any number.
const BLOCK: u64 = 1 << 20;
const MOST_SAMPLES: u64 = 1 << 28;
/// Rows kept for the outline of a swath, corners of a line.
const MOST_ROWS: u64 = 512;
/// Polygons and lines that are kept; a granule of more is its box.
const MOST_OUTLINES: usize = 48;
/// Half a cell is added to the outermost centres. What is then so much of a cell from a pole, or from going round,
/// reaches it: axes are often rounded.
const SLACK: f64 = 0.01;

/// From edge to edge of an axis.
struct Span {
    low: f64,
    high: f64,
    slack: f64,
}

/// Footprint of everything in a granule that has a place. Empty when nothing has.
///
/// # Errors
/// When coordinates can't be read.
pub fn footprint(scene: &Scene) -> Result<Footprint, OpError> {
    let mut gather = Gather::default();
    for located in &scene.table.located {
        match &located.geolocation {
            Geolocation::Grid { lat, lon } => gather.grid(scene, lat, lon)?,
            Geolocation::ProjectedGrid { y, x, crs } => {
                let (ys, xs) = (edges(&axis_centres(scene, y)?), edges(&axis_centres(scene, x)?));
                gather.projected(&xs, &ys, crs)?;
            }
            Geolocation::Swath { lat, lon, dims } => gather.samples(scene, *lat, *lon, dims)?,
            Geolocation::Trajectory { lat, lon, dim } => gather.samples(scene, *lat, *lon, &[*dim])?,
            Geolocation::Segmented(_) => {}
        }
    }
    Ok(gather.finish())
}

#[derive(Default)]
struct Gather {
    boxes: Vec<[f64; 4]>,
    polygons: Vec<Vec<[f64; 2]>>,
    lines: Vec<Vec<[f64; 2]>>,
    /// Something is known by its box only.
    has_plain_box: bool,
}

impl Gather {
    fn add_box(&mut self, bbox: [f64; 4]) {
        if bbox.iter().all(|v| v.is_finite()) && !self.boxes.contains(&bbox) {
            self.boxes.push(bbox);
        }
    }

    fn grid(&mut self, scene: &Scene, lat: &GridAxis, lon: &GridAxis) -> Result<(), OpError> {
        let read = |axis: &GridAxis| -> Result<Option<Span>, OpError> {
            let values = scene.granule.read_all_physical(axis.var)?;
            let values: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
            let (low, high) = extremes(values.iter().copied());
            let step = if values.len() > 1 { (high - low) / (values.len() - 1) as f64 } else { 0.0 };
            let (before, after) = if axis.edges { (0.0, step) } else { (0.5 * step, 0.5 * step) };
            Ok((low <= high).then_some(Span { low: low - before, high: high + after, slack: step * SLACK }))
        };
        let (Some(lat), Some(lon)) = (read(lat)?, read(lon)?) else { return Ok(()) };
        let south = if lat.low < -90.0 + lat.slack { -90.0 } else { lat.low };
        let north = if lat.high > 90.0 - lat.slack { 90.0 } else { lat.high };
        let (west, east) = (lon.low, lon.high);
        let bbox = if east - west >= 360.0 - lon.slack {
            [-180.0, south, 180.0, north]
        } else {
            let wrap = harmony_model::geometry::wrap_lon;
            let east = if (-180.0..=180.0).contains(&east) { east } else { wrap(east) };
            [wrap(west), south, if east == -180.0 { 180.0 } else { east }, north]
        };
        self.has_plain_box = true;
        self.add_box(bbox);
        Ok(())
    }

    fn projected(&mut self, xs: &[f64], ys: &[f64], crs: &harmony_model::crs::Crs) -> Result<(), OpError> {
        let (Some((&x0, &x1)), Some((&y0, &y1))) = (xs.first().zip(xs.last()), ys.first().zip(ys.last()))
        else {
            return Ok(());
        };
        let geographic = harmony_model::crs::Crs::parse("OGC:CRS84")?;
        let transform = harmony_model::crs::Transform::new(crs, &geographic)?;
        let place = |a: f64, b: f64, i: usize, n: usize| a + (b - a) * i as f64 / n as f64;
        const N: usize = 200;
        let (mut px, mut py) = (Vec::new(), Vec::new());
        for r in 0..=N {
            for c in 0..=N {
                px.push(place(x0, x1, c, N));
                py.push(place(y0, y1, r, N));
            }
        }
        transform.points(&mut px, &mut py);
        let mut span = LongitudeSpan::default();
        let good = px.iter().zip(&py).filter(|(x, y)| x.is_finite() && y.is_finite() && y.abs() <= 90.0);
        good.clone().for_each(|(x, _)| span.add(*x));
        let (south, north) = extremes(good.map(|(_, y)| *y));
        let Some((west, east)) = span.span() else { return Ok(()) };
        let whole = (east - west).rem_euclid(360.0) >= 358.0;
        let (west, east) = if whole { (-180.0, 180.0) } else { (west, east) };
        self.add_box([west, south, east, north]);
        // The rim, where all of it is on Earth.
        const STEP: usize = 25;
        let at = |r: usize, c: usize| [px[r * (N + 1) + c], py[r * (N + 1) + c]];
        let ticks = || (0..N).step_by(STEP);
        let mut ring: Vec<[f64; 2]> = ticks().map(|c| at(0, c)).collect();
        ring.extend(ticks().map(|r| at(r, N)));
        ring.extend(ticks().map(|c| at(N, N - c)));
        ring.extend(ticks().map(|r| at(N - r, 0)));
        if whole || ring.iter().flatten().any(|v| !v.is_finite()) {
            self.has_plain_box = true;
        } else {
            swath::wind(&mut ring);
            self.polygons.push(ring);
        }
        Ok(())
    }

    fn samples(&mut self, scene: &Scene, lat: VarId, lon: VarId, dims: &[DimId]) -> Result<(), OpError> {
        let length = |d: Option<&DimId>| d.map_or(1, |d| scene.granule.dim(*d).len);
        let (rows, cols) = (length(dims.first()), length(dims.get(1)));
        if rows == 0 || cols == 0 {
            return Ok(());
        }
        let block = (BLOCK / cols).max(1);
        // Too many to look at all: every so many blocks.
        let skip = (rows.saturating_mul(cols) / MOST_SAMPLES + 1).saturating_mul(block);
        let keep = (rows / MOST_ROWS).max(1);
        let mut span = LongitudeSpan::default();
        let (mut south, mut north) = (f64::INFINITY, f64::NEG_INFINITY);
        let (mut kept, mut last): (Vec<Row>, Option<Row>) = (Vec::new(), None);
        let mut at = 0;
        while at < rows {
            let count = block.min(rows - at);
            let lats = positions(scene, lat, dims, (at, count))?;
            let lons = positions(scene, lon, dims, (at, count))?;
            let width = usize::try_from(cols).unwrap_or(usize::MAX).min(lats.len().max(1));
            for (i, (lats, lons)) in lats.chunks(width).zip(lons.chunks(width)).enumerate() {
                let good = |j: &usize| lats[*j].abs() <= 90.0 && lons[*j].abs() <= 540.0;
                let places: Vec<usize> = (0..lats.len().min(lons.len())).filter(good).collect();
                for &j in &places {
                    span.add(lons[j]);
                    (south, north) = (south.min(lats[j]), north.max(lats[j]));
                }
                let Some(n) = places.len().checked_sub(1) else { continue };
                let row = [0, 1, 2, 3, 4].map(|k| {
                    let j = places[n * k / 4];
                    [harmony_model::geometry::wrap_lon(lons[j]), lats[j]]
                });
                if kept.is_empty() || (at + i as u64).is_multiple_of(keep) {
                    kept.push(row);
                }
                last = Some(row);
            }
            at = at.saturating_add(skip);
        }
        if let Some((w, e)) = span.span() {
            let whole = (e - w).rem_euclid(360.0) >= 359.0;
            self.add_box(if whole { [-180.0, south, 180.0, north] } else { [w, south, e, north] });
        }
        kept.extend(last.filter(|l| kept.last() != Some(l)));
        self.outline(&kept, dims.len() > 1);
        Ok(())
    }

    fn outline(&mut self, rows: &[Row], is_swath: bool) {
        if rows.is_empty() {
            return;
        }
        if is_swath {
            let rings = swath::outline(rows);
            self.has_plain_box |= rings.is_empty();
            self.polygons.extend(rings);
        } else {
            // Thinned to a corner every degree; a gap ends a line.
            let mut line: Vec<[f64; 2]> = vec![rows[0][2]];
            for (i, row) in rows.iter().enumerate().skip(1) {
                let way = line.last().map_or(0.0, |l| swath::arc(*l, row[2]));
                if way > 12.0 {
                    self.lines.push(std::mem::replace(&mut line, vec![row[2]]));
                } else if way >= 1.0 || i + 1 == rows.len() {
                    line.push(row[2]);
                }
            }
            self.lines.push(line);
        }
    }

    fn finish(mut self) -> Footprint {
        for list in [&mut self.polygons, &mut self.lines] {
            // Beams and channels often share positions.
            let mut seen: Vec<Vec<[f64; 2]>> = Vec::new();
            for one in list.drain(..) {
                if !seen.contains(&one) {
                    seen.push(one);
                }
            }
            *list = seen;
        }
        let mut outlines: Vec<Outline> = self.boxes.iter().filter_map(|b| Outline::of_box(*b)).collect();
        // Only a ring round a pole goes further than its samples.
        let poles = self.polygons.iter().filter_map(|r| Outline::ring(r));
        outlines.extend(poles.filter(|o| o.bounds()[1] == -90.0 || o.bounds()[3] == 90.0));
        let bbox = smallest_box(&outlines);
        // Outlines beside something that is known by its box only would hide that.
        if self.has_plain_box || self.polygons.len() + self.lines.len() > MOST_OUTLINES {
            return Footprint { bbox, ..Footprint::default() };
        }
        Footprint { bbox, polygons: self.polygons, lines: self.lines }
    }
}

/// Outer edges of an axis of centres: first and last.
fn edges(centres: &[f64]) -> Vec<f64> {
    let finite: Vec<f64> = centres.iter().copied().filter(|v| v.is_finite()).collect();
    let (Some(&first), Some(&last)) = (finite.first(), finite.last()) else { return Vec::new() };
    let step = if finite.len() > 1 { (last - first) / (finite.len() - 1) as f64 } else { 0.0 };
    vec![first - 0.5 * step, last + 0.5 * step]
}

fn extremes(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
}

/// Positions of the samples in some rows; axes that are not among `dims` are taken at index 0.
fn positions(scene: &Scene, var: VarId, dims: &[DimId], rows: (u64, u64)) -> Result<Vec<f64>, OpError> {
    let granule = &scene.granule;
    let runs = granule.var(var).dims.iter().map(|d| match dims.iter().position(|x| x == d) {
        Some(0) => Runs::range(rows.0, rows.1),
        Some(_) => Runs::all(granule.dim(*d).len),
        None => Runs::range(0, 1),
    });
    Ok(granule.read_physical(var, &Window(runs.collect()))?)
}

/// First and last time of a granule in UTC.
///
/// # Errors
/// When times can't be read.
pub fn time_span(scene: &Scene) -> Result<Option<(DateTime, DateTime)>, OpError> {
    let granule = &scene.granule;
    let mut span: Option<(f64, f64)> = None;
    for axis in scene.times.axes.iter().filter(|a| a.is_utc()) {
        let mut values = ends(scene, axis)?;
        // Bounds of a long axis are some millionths of it away.
        let count: u64 = axis.dims.iter().map(|&d| granule.dim(d).len).product();
        if count <= BLOCK {
            values.extend(axis.bounds_seconds(granule)?.into_iter().flatten().flatten());
        }
        for v in values.into_iter().filter(|v| v.is_finite()) {
            span = Some(span.map_or((v, v), |(a, b)| (a.min(v), b.max(v))));
        }
    }
    Ok(span.and_then(|(a, b)| DateTime::from_seconds(a).zip(DateTime::from_seconds(b))))
}

/// The times of an axis; of a long one its first and last stretch.
fn ends(scene: &Scene, axis: &TimeAxis) -> Result<Vec<f64>, OpError> {
    let granule = &scene.granule;
    let lengths: Vec<u64> = axis.dims.iter().map(|&d| granule.dim(d).len).collect();
    let across = lengths.iter().skip(1).product::<u64>().max(1);
    let rows = lengths.first().copied().unwrap_or(1);
    let some = (BLOCK / across).max(1);
    let mut values = Vec::new();
    let stretches = if rows <= 2 * some { vec![(0, rows)] } else { vec![(0, some), (rows - some, some)] };
    for (begin, count) in stretches.into_iter().filter(|s| s.1 > 0) {
        let first = (!lengths.is_empty()).then(|| Runs::range(begin, count));
        let rest = lengths.iter().skip(1).map(|&n| Runs::all(n));
        values.extend(axis.read_seconds(granule, &Window(first.into_iter().chain(rest).collect()))?);
    }
    Ok(values)
}
