//! Real granules through the operations that change grids. Without the shared granules these tests say so and pass.

mod cases;
mod regrid;
mod support;
mod swath;
