//! Where granules are and what searches ask for: regions in the plane of longitude and latitude, and whether two of
//! them touch.
//!
//! A ring is laid out without jumps of longitude ([`Outline`]): one across the antimeridian goes beyond 180°, one round
//! a pole is closed over it. Two outlines are compared at the three turns (−360°, 0°, +360°) at which they can meet.

mod footprint;
mod outline;
mod region;
pub mod shapefile;

pub use footprint::{Footprint, smallest_box};
pub use outline::Outline;
pub use region::Region;

/// Splits a box into its unwrapped form: west in −180…180, east ≥ west.
pub fn unwrap_box([west, south, east, north]: [f64; 4]) -> [f64; 4] {
    let east = if west > east { east + 360.0 } else { east };
    [west, south, east, north]
}

/// Whether two unwrapped boxes touch at any turn.
#[inline]
pub fn boxes_touch(a: &[f64; 4], b: &[f64; 4]) -> bool {
    if a[1] > b[3] || b[1] > a[3] {
        return false;
    }
    TURNS.iter().any(|t| a[0] <= b[2] + t && b[0] + t <= a[2])
}

/// By how much one outline may have to be moved to meet another.
pub(crate) const TURNS: [f64; 3] = [0.0, -360.0, 360.0];
