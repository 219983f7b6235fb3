//! Real granules through the operations that change grids. Without the shared granules these tests say so and pass.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)] // tests

mod regrid;
mod support;
mod swath;
