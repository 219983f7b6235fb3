//! Runs plans: one granule, or a batch of them.

mod batch;
mod granule;
mod joined;
mod ledger;
mod progress;

pub use batch::{Batch, Outcome, Summary, run};
pub use granule::{
    Claims, Context, GranuleError, Target, Written, explain, plan, prepare, transform, write_results,
};
pub use joined::explain as explain_joined;
