//! The doors: what users write, as one [`harmony_model::Request`].
//!
//! - [`cli`]: the arguments of `harmony-transform`
//! - [`grammar`]: boxes, subsets, filters, sizes as the command line and query strings write them
//! - [`url`]: Harmony Coverages and EDR URLs
//! - [`operation`]: the data operation of the public API
//! - [`target`]: target grids, averages, joining
//! - [`encoding`]: how results are encoded
//! - `service`: Coverages and EDR requests to the public API
//! - [`shape`]: GeoJSON, ESRI shapefile and KML
//! - [`wkt`]: geometries in EDR `coords`

pub mod cli;
pub mod encoding;
pub mod grammar;
pub mod operation;
pub mod query;
#[cfg(feature = "service")]
pub mod service;
pub mod shape;
pub mod target;
pub mod url;
pub mod wkt;
