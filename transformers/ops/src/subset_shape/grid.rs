//! Shapes on grids: an index box, and a bitmap over it.

use std::sync::Arc;

use harmony_model::crs::Crs;
use harmony_model::geolocation::{GridAxis, ProjectedAxis};
use harmony_model::geometry::{BitMask, Projecting, Shape};
use harmony_model::request::{Compat, ShapeRule};
use harmony_model::{DimId, Runs};

use crate::error::OpError;
use crate::mask::Bits;
use crate::scene::Scene;
use crate::selection::{Crop, Mask, Selection};
use crate::subset_bbox::kernel::{Cells, longitude_hits};
use crate::subset_bbox::{Plane, axis_cells, limit_longitude};

/// Outlines in a plane are followed no finer than this many degrees.
const FINEST_STEP_DEG: f64 = 0.01;

/// A shape on 1-D geographic axes.
pub fn geographic(
    scene: &Scene,
    selection: &mut Selection,
    lat: &GridAxis,
    lon: &GridAxis,
    shape: &Shape,
    why: &str,
) -> Result<(), OpError> {
    let granule = &scene.granule;
    let (lat_cells, lon_cells) = (axis_cells(scene, lat)?, axis_cells(scene, lon)?);
    let Some(bounds) = shape.bounds() else {
        selection.refuse_all(why.into());
        return Ok(());
    };
    let rows = lat_cells.within(bounds.south, bounds.north);
    selection.limit(granule, lat.dim, &rows, why);
    let mut cols = Runs::all(granule.dim(lon.dim).len);
    if !bounds.is_full_longitude() {
        let hits = longitude_hits(&lon_cells, bounds.west, bounds.west + bounds.width());
        cols = hits.runs.clone();
        limit_longitude(scene, selection, lon, hits, why);
    }
    if scene.request.compat == Some(Compat::Hoss) || rows.is_empty() || cols.is_empty() {
        return Ok(()); // HOSS reduces a shape to its box
    }
    let runs = |r: &Runs| (r.indices().min().unwrap_or(0), r.upper());
    let ((r0, r1), (c0, c1)) = (runs(&rows), runs(&cols));
    let bits = rasterise(
        scene,
        &lat_cells.slice(r0, r1),
        &lon_cells.slice(c0, c1),
        [r0, c0],
        |x, y| shape.mask_centres(x, y),
        |x, y| Ok(shape.mask_touched(x, y)?),
    )?;
    add_mask(scene, selection, [lat.dim, lon.dim], bits, why);
    Ok(())
}

/// A shape on projected axes: its outline is followed densely, projected, and drawn in the plane.
pub fn projected(
    scene: &Scene,
    selection: &mut Selection,
    (y, x): (&ProjectedAxis, &ProjectedAxis),
    crs: &Crs,
    shape: &Shape,
    why: &str,
) -> Result<(), OpError> {
    let plane = Plane::new(scene, y, x, crs)?;
    let how = Projecting {
        max_step_deg: plane.step_deg.max(FINEST_STEP_DEG),
        centre_lon: crs.central_meridian(),
        within: None,
    };
    let polygons = shape.project(&how, &mut |xs, ys| plane.forward.points(xs, ys));
    let bits = rasterise(
        scene,
        &plane.rows,
        &plane.cols,
        [0, 0],
        |x, y| polygons.mask_centres(x, y),
        |x, y| Ok(polygons.mask_touched(x, y)?),
    )?;
    add_mask(scene, selection, [y.dim, x.dim], bits, why);
    Ok(())
}

fn rasterise(
    scene: &Scene,
    rows: &Cells,
    cols: &Cells,
    origin: [u64; 2],
    centres: impl Fn(&[f64], &[f64]) -> BitMask,
    touched: impl Fn(&[f64], &[f64]) -> Result<BitMask, OpError>,
) -> Result<Bits, OpError> {
    let mask = match scene.request.shape_rule {
        ShapeRule::Centre => centres(&cols.centres(), &rows.centres()),
        ShapeRule::Touched => touched(&cols.edges(), &rows.edges())?,
    };
    Ok(Bits::from_bitmask(origin, mask))
}

fn add_mask(scene: &Scene, selection: &mut Selection, dims: [DimId; 2], bits: Bits, why: &str) {
    if bits.count() == 0 {
        selection.limit(&scene.granule, dims[0], &Runs::default(), why);
        return;
    }
    selection.masks.push(Mask {
        dims: dims.to_vec(),
        source: Arc::new(bits),
        crop: Crop::Box,
        coordinates_too: false,
        only_with_fill: false,
    });
}
