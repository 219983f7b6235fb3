//! The engine: one request becomes one plan over a lazy granule, and a sink pulls blocks through it.
//!
//! `request` reads what the doors are asked, `plan` resolves it against a granule, `exec` runs plans over batches,
//! `store` opens local and remote bytes.

pub mod command;
pub mod exec;
pub mod plan;
pub mod request;
pub mod store;
