//! Keeps what lies in a geographic box or at a point.
//!
//! Grids keep the cells that overlap the box with positive area (a box without extent keeps the cells that contain
//! it); swaths and trajectories keep samples whose centre lies inside, edges included. A box across the antimeridian
//! or the seam of the grid gives one contiguous piece with ascending longitudes.

mod grid;
pub mod kernel;
mod projected;

use harmony_model::geolocation::Geolocation;
use harmony_model::geometry::Bbox;

use crate::error::OpError;
use crate::operation::Operation;
use crate::region::{self, Region};
use crate::scene::Scene;
use crate::selection::Selection;

pub use grid::{axis_cells, limit_longitude};
pub use projected::{Plane, axis_centres, planar_window};

pub struct SubsetBbox;

struct Boxes<'a>(&'a [Bbox]);

impl Region for Boxes<'_> {
    fn contains_many(&self, lon: &[f64], lat: &[f64], out: &mut [bool]) {
        for ((o, &x), &y) in out.iter_mut().zip(lon).zip(lat) {
            *o = self.0.iter().any(|b| b.contains(x, y));
        }
    }
}

impl Operation for SubsetBbox {
    fn name(&self) -> &'static str {
        "subset_bbox"
    }

    fn summary(&self) -> &'static str {
        "cut to a geographic box or to the cell or sample at a point"
    }

    fn select(&self, scene: &Scene) -> Result<Option<String>, OpError> {
        let request = &scene.request;
        if request.bbox.is_empty() && request.point.is_none() {
            return Ok(None);
        }
        if scene.table.located.is_empty() {
            return Err(no_coordinates(scene, self.name()));
        }
        let boxes = request.bbox.iter().map(|b| format!("{},{},{},{}", b.west, b.south, b.east, b.north));
        let point = request.point.map(|(lon, lat)| format!("point {lon},{lat}"));
        Ok(Some(boxes.chain(point).collect::<Vec<_>>().join(" and ")))
    }

    fn resolve(&self, scene: &Scene, selection: &mut Selection) -> Result<(), OpError> {
        let request = &scene.request;
        if !request.bbox.is_empty() {
            for i in region::used_geolocations(scene, selection) {
                apply_boxes(scene, selection, &scene.table.located[i].geolocation, &request.bbox)?;
            }
        }
        if let Some(place) = request.point {
            for i in region::used_geolocations(scene, selection) {
                apply_point(scene, selection, &scene.table.located[i].geolocation, place)?;
            }
        }
        Ok(())
    }
}

/// The error for a spatial request on data without positions.
pub fn no_coordinates(scene: &Scene, operation: &'static str) -> OpError {
    let problem = scene.table.problems.first().map(|(_, text)| text.clone());
    let reason = problem.unwrap_or_else(|| {
        "no variable has a longitude and latitude; name the product with --short-name if it is a known one".into()
    });
    scene.refuse(operation, reason)
}

fn apply_boxes(
    scene: &Scene,
    selection: &mut Selection,
    geolocation: &Geolocation,
    boxes: &[Bbox],
) -> Result<(), OpError> {
    let why = format!("nothing of the {} lies in the box", region::describe(scene, geolocation));
    match geolocation {
        Geolocation::Grid { lat, lon } => grid::limit(scene, selection, lat, lon, boxes, &why),
        Geolocation::ProjectedGrid { y, x, crs } => {
            projected::limit(scene, selection, (y, x), crs, boxes, &why)
        }
        Geolocation::Swath { lat, lon, dims } => {
            let bits = region::sample_bits(scene, *lat, *lon, dims, &Boxes(boxes))?;
            region::mask_swath(scene, selection, *dims, bits, &why);
            Ok(())
        }
        Geolocation::Trajectory { lat, lon, dim } => {
            let bits = region::sample_bits(scene, *lat, *lon, &[*dim], &Boxes(boxes))?;
            region::limit_trajectory(scene, selection, *dim, &bits, &why);
            Ok(())
        }
        // Segmented samples follow their segments: see subset_segments.
        Geolocation::Segmented(_) => Ok(()),
    }
}

fn apply_point(
    scene: &Scene,
    selection: &mut Selection,
    geolocation: &Geolocation,
    (x, y): (f64, f64),
) -> Result<(), OpError> {
    let why = format!("the point lies outside the {}", region::describe(scene, geolocation));
    match geolocation {
        Geolocation::Swath { lat, lon, dims } => {
            let bits = region::nearest_sample(scene, *lat, *lon, dims, (x, y))?;
            region::mask_swath(scene, selection, *dims, bits, &why);
            Ok(())
        }
        Geolocation::Trajectory { lat, lon, dim } => {
            let bits = region::nearest_sample(scene, *lat, *lon, &[*dim], (x, y))?;
            region::limit_trajectory(scene, selection, *dim, &bits, &why);
            Ok(())
        }
        Geolocation::Grid { lat, lon } => grid::limit_to_place(scene, selection, (lat, lon), (x, y), &why),
        other => {
            let place = Bbox { west: x, south: y, east: x, north: y };
            apply_boxes(scene, selection, other, &[place])
        }
    }
}
