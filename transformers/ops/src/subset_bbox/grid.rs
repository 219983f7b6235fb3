//! Boxes on grids with two 1-D geographic axes.

use std::sync::Arc;

use harmony_model::geolocation::GridAxis;
use harmony_model::geometry::Bbox;
use harmony_model::request::Compat;
use harmony_model::{DType, Runs, VarId};

use super::kernel::{CellRule, Cells, LongitudeHits, longitude_hits, rounded};
use crate::error::OpError;
use crate::mask::Bits;
use crate::scene::Scene;
use crate::selection::{Crop, Mask, Selection};

/// The cells of a geographic axis: CF bounds where there are any, else from the coordinate values.
///
/// # Errors
/// When the coordinates can't be read.
pub fn axis_cells(scene: &Scene, axis: &GridAxis) -> Result<Cells, OpError> {
    let granule = &scene.granule;
    let rounding = rounding_of(scene, axis.var);
    let by_centre = matches!(scene.request.compat, Some(Compat::L2ss | Compat::Nco));
    if let Some(bounds) = axis.bounds.filter(|_| !by_centre) {
        let edges = granule.read_all_physical(bounds)?;
        if edges.len() as u64 == 2 * granule.dim(axis.dim).len {
            let (a, b): (Vec<f64>, Vec<f64>) = edges.chunks_exact(2).map(|e| (e[0], e[1])).unzip();
            return Ok(Cells::from_bounds(&a, &b));
        }
    }
    let values = granule.read_all_physical(axis.var)?;
    let rule = match (by_centre, axis.edges) {
        (true, _) => CellRule::Points,
        (_, true) => CellRule::LowerEdges,
        _ => CellRule::Centres,
    };
    Ok(Cells::new(&values, rule, rounding))
}

fn rounding_of(scene: &Scene, var: VarId) -> f64 {
    match scene.granule.var(var).dtype {
        DType::F32 => f64::from(f32::EPSILON),
        _ => f64::EPSILON * 4.0,
    }
}

/// Narrows the two axes of a grid to the cells that overlap the boxes.
pub fn limit(
    scene: &Scene,
    selection: &mut Selection,
    lat: &GridAxis,
    lon: &GridAxis,
    boxes: &[Bbox],
    why: &str,
) -> Result<(), OpError> {
    let lat_cells = axis_cells(scene, lat)?;
    let lon_cells = axis_cells(scene, lon)?;
    if let [one] = boxes {
        let gdal = scene.request.compat_is(Compat::Gdal);
        let mut rows = lat_cells.within(one.south, one.north);
        if gdal {
            rows = rounded(&rows, one.north - one.south, &lat_cells, true);
        }
        selection.limit(&scene.granule, lat.dim, &rows, why);
        if !one.is_full_longitude() {
            let mut hits = longitude_hits(&lon_cells, one.west, unwrapped_east(one));
            if gdal && hits.shift.is_empty() {
                hits.runs = rounded(&hits.runs, unwrapped_east(one) - one.west, &lon_cells, false);
            }
            limit_longitude(scene, selection, lon, hits, why);
        }
        return Ok(());
    }
    // Several boxes: the smallest index box around them, masked outside their union.
    let mut bits =
        crate::region::unset_bits(scene, scene.granule.dim(lat.dim).len, scene.granule.dim(lon.dim).len)?;
    for b in boxes {
        let cols = if b.is_full_longitude() {
            Runs::all(bits.cols)
        } else {
            longitude_hits(&lon_cells, b.west, unwrapped_east(b)).runs
        };
        for row in lat_cells.within(b.south, b.north).indices() {
            cols.indices().for_each(|col| bits.set(row, col));
        }
    }
    if bits.count() == 0 {
        selection.limit(&scene.granule, lat.dim, &Runs::default(), why);
        return Ok(());
    }
    selection.masks.push(Mask {
        dims: vec![lat.dim, lon.dim],
        source: Arc::new(bits),
        crop: Crop::Box,
        coordinates_too: false,
        only_with_fill: false,
    });
    Ok(())
}

/// Narrows the two axes of a grid to the one cell that holds a place.
///
/// # Errors
/// When the coordinates can't be read.
pub fn limit_to_place(
    scene: &Scene,
    selection: &mut Selection,
    (lat, lon): (&GridAxis, &GridAxis),
    (x, y): (f64, f64),
    why: &str,
) -> Result<(), OpError> {
    let (lat_cells, lon_cells) = (axis_cells(scene, lat)?, axis_cells(scene, lon)?);
    let row = lat_cells.only(&lat_cells.within(y, y), y, None);
    let column = lon_cells.only(&longitude_hits(&lon_cells, x, x).runs, x, Some(360.0));
    selection.limit(&scene.granule, lat.dim, &row, why);
    selection.limit(&scene.granule, lon.dim, &column, why);
    Ok(())
}

fn unwrapped_east(b: &Bbox) -> f64 {
    if b.west > b.east { b.east + 360.0 } else { b.east }
}

/// Narrows a longitude axis and notes how its values must be turned to stay monotonic.
pub fn limit_longitude(
    scene: &Scene,
    selection: &mut Selection,
    lon: &GridAxis,
    hits: LongitudeHits,
    why: &str,
) {
    let granule = &scene.granule;
    let crosses = !hits.shift.is_empty();
    match scene.request.compat {
        Some(Compat::Hoss) if crosses && lon.bounds.is_some() => {
            // With bounds, HOSS sorts the two ends and returns what lies between them: the inverse of the box.
            if let [tail, head] = hits.runs.runs() {
                let between = Runs::range(head.end(), tail.start - head.end());
                selection.limit(granule, lon.dim, &between, why);
            }
        }
        Some(Compat::Hoss) if crosses => {
            // HOSS returns the whole width and fills what is outside.
            let n = granule.dim(lon.dim).len;
            let mut bits = Bits::new([0, 0], n, 1);
            hits.runs.indices().for_each(|i| bits.set(i, 0));
            selection.masks.push(Mask {
                dims: vec![lon.dim],
                source: Arc::new(bits),
                crop: Crop::No,
                coordinates_too: false,
                only_with_fill: false,
            });
        }
        Some(Compat::L2ss | Compat::Nco) if crosses => {
            let mut indices: Vec<u64> = hits.runs.indices().collect();
            indices.sort_unstable();
            selection.limit(granule, lon.dim, &Runs::from_indices(indices), why);
        }
        _ => {
            selection.limit(granule, lon.dim, &hits.runs, why);
            if crosses {
                let shift = hits.runs.indices().zip(hits.shift).collect();
                selection.longitude_shift.insert(lon.dim, shift);
            }
        }
    }
}
