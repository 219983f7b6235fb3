//! Keeps what lies inside a shape.
//!
//! Grids are cropped to the smallest index box and masked outside the shape, by cell centre or by every cell it
//! touches; swaths likewise by sample; trajectories lose the samples outside. Boundaries count as inside, holes as
//! outside.

mod grid;

use std::sync::Arc;

use harmony_model::VarId;
use harmony_model::geolocation::Geolocation;
use harmony_model::geometry::{PlanarPolygons, Shape};
use harmony_model::request::Compat;

use crate::error::OpError;
use crate::operation::Operation;
use crate::region::{self, Region};
use crate::scene::Scene;
use crate::selection::Selection;
use crate::subset_bbox::no_coordinates;

pub struct SubsetShape;

/// A shape as a region of places.
pub(crate) struct Inside<'a>(pub &'a Shape);

impl Region for Inside<'_> {
    fn contains_many(&self, lon: &[f64], lat: &[f64], out: &mut [bool]) {
        self.0.contains_many(lon, lat, out);
    }
}

/// A shape as l2ss-py sees it beside longitudes 0–360.
struct Turned(PlanarPolygons);

impl Region for Turned {
    fn contains_many(&self, lon: &[f64], lat: &[f64], out: &mut [bool]) {
        for ((o, &x), &y) in out.iter_mut().zip(lon).zip(lat) {
            *o = self.0.contains(x, y);
        }
    }
}

/// l2ss-py's test for longitudes 0–360: a valid minimum of 0.
fn counts_to_360(scene: &Scene, lon: VarId) -> bool {
    scene.granule.var(lon).attr_f64("valid_min") == Some(0.0)
}

impl Operation for SubsetShape {
    fn name(&self) -> &'static str {
        "subset_shape"
    }

    fn summary(&self) -> &'static str {
        "cut to a polygon and mask what lies outside it"
    }

    fn select(&self, scene: &Scene) -> Result<Option<String>, OpError> {
        let Some(shape) = &scene.request.shape else { return Ok(None) };
        if scene.table.located.is_empty() {
            return Err(no_coordinates(scene, self.name()));
        }
        let bounds = shape.bounds().map(|b| format!("within {},{},{},{}", b.west, b.south, b.east, b.north));
        Ok(Some(bounds.unwrap_or_else(|| "an empty shape".into())))
    }

    fn resolve(&self, scene: &Scene, selection: &mut Selection) -> Result<(), OpError> {
        let Some(shape) = scene.request.shape.clone() else { return Ok(()) };
        for i in region::used_geolocations(scene, selection) {
            apply(scene, selection, &scene.table.located[i].geolocation, &shape)?;
        }
        Ok(())
    }
}

fn apply(
    scene: &Scene,
    selection: &mut Selection,
    geolocation: &Geolocation,
    shape: &Arc<Shape>,
) -> Result<(), OpError> {
    let why = format!("nothing of the {} lies in the shape", region::describe(scene, geolocation));
    match geolocation {
        Geolocation::Grid { lat, lon } => grid::geographic(scene, selection, lat, lon, shape, &why),
        Geolocation::ProjectedGrid { y, x, crs } => {
            grid::projected(scene, selection, (y, x), crs, shape, &why)
        }
        Geolocation::Swath { lat, lon, dims } => {
            let bits = if scene.request.compat == Some(Compat::L2ss) && counts_to_360(scene, *lon) {
                region::sample_bits(scene, *lat, *lon, dims, &Turned(shape.vertices_in_0_360()))?
            } else {
                region::sample_bits(scene, *lat, *lon, dims, &Inside(shape))?
            };
            region::mask_swath(scene, selection, *dims, bits, &why);
            Ok(())
        }
        Geolocation::Trajectory { lat, lon, dim } => {
            let bits = region::sample_bits(scene, *lat, *lon, &[*dim], &Inside(shape))?;
            region::limit_trajectory(scene, selection, *dim, &bits, &why);
            Ok(())
        }
        // Segmented samples follow their segments: see subset_segments.
        Geolocation::Segmented(_) => Ok(()),
    }
}
