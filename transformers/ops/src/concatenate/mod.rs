//! Stacks granules on a new leading dimension, in the order of the request.
//!
//! Coordinates and descriptions that are the same in all granules are kept once; everything else becomes
//! `(subset_index, …)`. One granule gives the same schema as many.

use std::sync::Arc;

use harmony_model::request::Compat;

use crate::aggregate::{Job, Joined, Pool, Wanted, assemble, no_data, scan, without_empty};
use crate::error::OpError;

/// Stacks all granules of `pool`.
///
/// # Errors
/// As [`crate::aggregate::join`].
pub fn stack(pool: Arc<Pool>, compat: Option<Compat>) -> Result<Joined, OpError> {
    let wanted = Wanted { along: Vec::new(), plain: compat == Some(Compat::Concise) };
    let members: Vec<usize> = (0..pool.members().len()).collect();
    let mut notices = Vec::new();
    let digests = without_empty(&pool, scan(&pool, &members, &wanted)?, &mut notices);
    if digests.is_empty() {
        return Err(no_data(pool.members().first().map_or("", |m| &m.name)));
    }
    assemble(Job { pool, digests, operation: "concatenate", stacked: true, wanted, compat }, notices)
}
