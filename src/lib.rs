//! The engine: one request becomes one plan over a lazy granule, and a sink pulls blocks through it.
//!
//! `request` reads what the doors are asked, `plan` resolves it against a granule, `exec` runs plans over batches,
//! `catalog` finds granules, `jobs` keep what becomes of requests, `maps` draws granules, `http` is the public API over
//! all of it.
//! `store` opens local and remote bytes.

#[cfg(feature = "service")]
pub mod catalog;
pub mod command;
pub mod config;
pub mod exec;
#[cfg(feature = "service")]
pub mod http;
#[cfg(feature = "service")]
pub mod jobs;
#[cfg(feature = "service")]
pub mod logging;
pub mod maps;
pub mod plan;
pub mod request;
#[cfg(feature = "service")]
pub mod service;
pub mod store;
