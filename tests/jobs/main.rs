//! Jobs: laws of the store, the numbered tables of the jobs contract against the router, and the engine end to end.
#![cfg(feature = "service")]
#![allow(clippy::unwrap_used)]

mod api;
mod end_to_end;
mod flow;
mod pages;
mod store;
mod support;
