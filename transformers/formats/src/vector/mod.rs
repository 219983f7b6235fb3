//! Swaths, trajectories and points as vector features: one point for each sample that has a place and a value.

mod features;
mod geojson;
mod members;
mod shapefile;
#[cfg(test)]
mod tests;

pub use geojson::GeoJson;
pub use shapefile::Shapefile;
