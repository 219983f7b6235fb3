//! Masks over index space, and the array that lays fill values where a mask says so.

mod bits;
mod masked;

pub use bits::Bits;
pub use masked::{AppliedMask, CutArray, Everywhere, default_fill};
