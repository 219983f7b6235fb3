//! Requests to the public API: from parameters to an accepted job.
//!
//! [`fields`] reads what was written, [`declared`] checks it against the API's description, [`coverages`] and [`edr`]
//! make a [`Wanted`] of it, and [`accept`] finds collections, chain, variables and granules and submits the job. The
//! order of these steps decides which error a doubly wrong request gets.

pub mod accept;
pub mod body;
pub mod collections;
pub mod common;
pub mod coords;
pub mod coverages;
pub mod declared;
pub mod destination;
pub mod edr;
pub mod fields;
pub mod format;
pub mod geojson;
pub mod granules;
pub mod labels;
pub mod refusal;
pub mod subset;
pub mod upload;
pub mod variables;

pub use common::Wanted;
pub use refusal::{Refusal, joined};
