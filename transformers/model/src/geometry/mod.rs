//! Boxes and polygons on the sphere, in degrees of longitude and latitude.
//!
//! [`Bbox`] and [`Shape`] answer whether a place is inside, whatever convention its longitude follows, and which cells
//! of a grid they select ([`BitMask`]). [`PlanarPolygons`] does the same in the plane of a projection
//! ([`Shape::project`]).

mod bbox;
mod bitmask;
mod build;
mod circle;
mod classify;
mod planar;
mod project;
mod quick;
mod raster;
mod ring;
mod shape;

pub use bbox::{Bbox, wrap_lon};
pub use bitmask::BitMask;
pub use planar::PlanarPolygons;
pub use project::Projecting;
pub use shape::{MOST_VERTICES, Part, Shape};
