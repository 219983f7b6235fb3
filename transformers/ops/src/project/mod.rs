//! What every change of horizontal grid shares: the target grid, lazy resampled arrays and the granule around them.
//!
//! An operation (grid to grid, swath to grid, regridding) finds a [`target`] grid for each geolocation, makes a
//! [`Resampler`] for it, wraps the variables in [`ResampledArray`]s and hands everything to [`output::build`].

pub mod array;
pub mod block;
pub mod cache;
mod compact;
mod coverage;
pub mod cut;
pub mod element;
mod gather;
pub mod kept;
pub mod mapping;
pub mod named;
pub mod output;
pub mod pages;
mod parts;
pub mod plane;
pub mod resampler;
mod strips;
pub mod target;
#[cfg(test)]
mod target_tests;

pub use array::{ResampledArray, Source};
pub use block::Block;
pub use cache::StripCache;
pub use coverage::is_told_apart;
pub use cut::Cuts;
pub use element::Element;
pub use gather::pick;
pub use kept::Kept;
pub use output::{Parts, Place, Projected};
pub use pages::{Pages, PlaneAt};
pub use parts::PART;
pub use plane::Plane;
pub use resampler::{Blender, Footprint, NOWHERE, Picker, Resampler};
pub use target::{SourceKind, Suggestion};
