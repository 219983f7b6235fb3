//! Boxes and polygons on the sphere, in degrees of longitude and latitude.

/// A geographic box; `west > east` means that it crosses the antimeridian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bbox {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

/// Polygons to select by. Longitudes in −180…180; parts across the antimeridian are split there.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {}
