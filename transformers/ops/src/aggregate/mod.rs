//! Several granules as one: a merge plan that stacking and extending share.
//!
//! The header of every granule is read once. What is kept of it are shared pieces of schema, the places of stored
//! chunks and a few coordinates; granules are opened again, a bounded number at a time, when their values are asked
//! for. The variables of the result read through those of the granules, convert what is stored differently, fill what
//! a granule does not have, and pass on stored chunks that come through unchanged.

mod ahead;
mod array;
mod attrs;
mod axes;
mod build;
mod computed;
mod content;
mod convert;
mod digest;
mod encoding;
mod heap;
mod layout;
mod member;
mod per_granule;
mod pool;
mod roles;
mod scan;
mod stored;
#[cfg(test)]
mod tests;
mod unify;
mod union;
mod units;
mod variables;

use std::sync::Arc;

use harmony_model::request::{Aggregate, Compat};
use harmony_model::{Granule, ReadError};

use crate::error::OpError;
pub use build::assemble;
pub use digest::Digest;
pub use pool::Pool;
pub use scan::{Wanted, names, scan};

/// One granule of an aggregation, opened when it is needed: perhaps several times, always with the same content.
#[derive(Clone)]
pub struct Member {
    /// File name.
    pub name: String,
    /// Path or address, as provenance tells it.
    pub source: String,
    pub open: Arc<dyn Fn() -> Result<Arc<Granule>, ReadError> + Send + Sync>,
}

/// The result of an aggregation.
pub struct Joined {
    /// Named like the first granule that is in it.
    pub granule: Granule,
    /// What was left out or decided, for the user.
    pub notices: Vec<String>,
    /// Numbers of the members that are in it, in the order of the result.
    pub used: Vec<usize>,
    /// Their sources.
    pub derived_from: Vec<String>,
}

/// The granules of one result and how they are put together.
pub struct Job {
    pub pool: Arc<Pool>,
    /// In the order of the result.
    pub digests: Vec<Digest>,
    pub operation: &'static str,
    /// On a new dimension.
    pub stacked: bool,
    /// What granules are appended along.
    pub wanted: Wanted,
    pub compat: Option<Compat>,
}

impl Job {
    /// File name of a granule of the result.
    pub fn name(&self, slot: usize) -> &str {
        self.pool.name(self.digests[slot].member)
    }

    /// Whether granules are appended along that dimension.
    pub fn is_along(&self, group: &str, name: &str) -> bool {
        self.wanted.is_along(group, name)
    }
}

/// An objection.
pub(crate) fn refuse(granule: &str, operation: &'static str, reason: impl Into<String>) -> OpError {
    OpError::NotApplicable { granule: granule.into(), operation, reason: reason.into() }
}

/// Makes one granule of several.
///
/// # Errors
/// [`OpError::NoData`] when all are empty; [`OpError::NotApplicable`] naming the granules and the variable that don't
/// go together, or the dimension that is not there; what opening says.
pub fn join(members: Vec<Member>, aggregate: &Aggregate, compat: Option<Compat>) -> Result<Joined, OpError> {
    match aggregate {
        Aggregate::Stack => crate::concatenate::stack(Arc::new(Pool::new(members)), compat),
        Aggregate::Extend { dims, stack: false } => {
            let pool = Arc::new(Pool::new(members));
            let all: Vec<usize> = (0..pool.members().len()).collect();
            crate::extend::extend(&pool, &all, dims, compat)
        }
        Aggregate::Extend { dims, stack: true } => extend_batches(members, dims, compat),
    }
}

/// Extends inside each batch, then stacks the batches.
fn extend_batches(members: Vec<Member>, dims: &[String], compat: Option<Compat>) -> Result<Joined, OpError> {
    let names: Vec<String> = members.iter().map(|m| m.name.clone()).collect();
    let batches = crate::batch::batches(&names, crate::batch::Rules::built_in());
    let pool = Arc::new(Pool::new(members));
    let mut notices = Vec::new();
    let (mut extended, mut used): (Vec<Member>, Vec<Vec<usize>>) = (Vec::new(), Vec::new());
    for batch in &batches {
        let joined = match crate::extend::extend(&pool, batch, dims, compat) {
            Err(e) if e.is_no_data() => {
                notices.push(e.to_string());
                continue;
            }
            other => other?,
        };
        notices.extend(joined.notices);
        used.push(joined.used);
        let (name, granule) = (joined.granule.name.clone(), Arc::new(joined.granule));
        let open = Arc::new(move || Ok(granule.clone()));
        extended.push(Member { name, source: String::new(), open });
    }
    if extended.is_empty() {
        return Err(no_data(names.first().map_or("", |n| n)));
    }
    let mut joined = crate::concatenate::stack(Arc::new(Pool::new(extended)), compat)?;
    notices.append(&mut joined.notices);
    let order: Vec<usize> = joined.used.iter().flat_map(|b| used[*b].iter().copied()).collect();
    let derived_from = order.iter().map(|&m| pool.members()[m].source.clone()).collect();
    Ok(Joined { granule: joined.granule, notices, used: order, derived_from })
}

/// The answer when no granule holds anything.
pub(crate) fn no_data(first: &str) -> OpError {
    OpError::NoData { granule: first.into(), reason: "no granule holds a value".into() }
}

/// Takes out the granules that hold nothing, and says so.
pub(crate) fn without_empty(pool: &Pool, digests: Vec<Digest>, notices: &mut Vec<String>) -> Vec<Digest> {
    let (empty, rest): (Vec<Digest>, Vec<Digest>) = digests.into_iter().partition(|d| d.is_empty);
    notices
        .extend(empty.iter().map(|d| format!("{}: it holds no value; it is left out", pool.name(d.member))));
    rest
}
