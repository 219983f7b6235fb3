//! The doors: what users write, as one [`harmony_model::Request`].
//!
//! - [`cli`]: the arguments of `harmony-transform`
//! - [`grammar`]: boxes, subsets, filters, sizes as the command line and query strings write them
//! - [`url`]: Harmony Coverages and EDR URLs
//! - [`shape`]: GeoJSON, ESRI shapefile and KML
//! - [`wkt`]: geometries in EDR `coords`

pub mod cli;
pub mod grammar;
pub mod later;
pub mod query;
pub mod shape;
pub mod url;
pub mod wkt;
