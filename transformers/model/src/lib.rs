//! The granule model: what a file of Earth-observation data *is*, whatever format it is stored in.
//!
//! A [`Granule`] is a tree of groups with dimensions, variables and attributes. The values of a variable are behind
//! [`ArraySource`]: nothing is read until a sink pulls a [`Window`] of it, and an operation gives back another granule
//! whose variables read through it. Chains therefore fuse by construction, without intermediate files.

pub mod array;
pub mod attribute;
pub mod covered;
pub mod crs;
pub mod dtype;
pub mod error;
pub mod geolocation;
pub mod geometry;
pub mod granule;
pub mod grid;
pub mod interpolation;
pub mod memory;
pub mod packing;
pub mod request;
pub mod runs;
pub mod source;
pub mod storage;
pub mod time;

pub use array::{ArraySource, Covered, Heap, Overview, StoredChunk, Window};
pub use attribute::{AttrShape, Attribute};
pub use dtype::{DType, Field};
pub use error::{ModelError, ReadError};
pub use geolocation::{Geolocation, GeolocationTable};
pub use granule::{DimId, Dimension, Granule, Group, GroupId, NamedType, VarId, Variable};
pub use grid::GridSpec;
pub use interpolation::Interpolation;
pub use memory::MemoryArray;
pub use packing::Packing;
pub use request::Request;
pub use runs::{Run, Runs};
pub use source::{ByteSource, MemorySource};
pub use storage::{Filter, Storage, filter};
