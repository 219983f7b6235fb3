//! Appends granules along dimensions they have, in the order of their coordinates.

mod order;

use std::sync::Arc;

use harmony_model::geolocation::Hints;
use harmony_model::request::Compat;
use harmony_model::{DimId, Granule};

use crate::aggregate::{
    Digest, Job, Joined, Pool, Wanted, assemble, names, no_data, refuse, scan, without_empty,
};
use crate::error::OpError;

pub use order::OrderKey;

const OPERATION: &str = "extend";
/// What `extend=true` means where a granule has it: scans of TEMPO.
const PREFERRED: &str = "mirror_step";

/// Appends the granules numbered `members` along `dims`: names or paths; none, or `true`: [`default_dims`].
///
/// # Errors
/// As [`crate::aggregate::join`].
pub fn extend(
    pool: &Arc<Pool>,
    members: &[usize],
    dims: &[String],
    compat: Option<Compat>,
) -> Result<Joined, OpError> {
    let Some(&first) = members.first() else { return Err(no_data("")) };
    let along = match dims {
        [] => default_dims(&*pool.get(first)?)?,
        [one] if one.eq_ignore_ascii_case("true") => default_dims(&*pool.get(first)?)?,
        dims => dims.to_vec(),
    };
    let wanted = Wanted { along, plain: false };
    let mut notices = Vec::new();
    let digests = without_empty(pool, scan(pool, members, &wanted)?, &mut notices);
    check(pool, &digests, &wanted)?;
    let digests = without_samples(pool, digests, &wanted, &mut notices);
    match digests.as_slice() {
        [] => Err(no_data(pool.name(first))),
        [one] => unchanged(pool, one, notices),
        _ => {
            let digests = order::sorted(pool, digests, &mut notices);
            let operation = OPERATION;
            assemble(Job { pool: pool.clone(), digests, operation, stacked: false, wanted, compat }, notices)
        }
    }
}

/// A single granule is what it is.
fn unchanged(pool: &Pool, digest: &Digest, notices: Vec<String>) -> Result<Joined, OpError> {
    let granule = Granule::clone(&*pool.get(digest.member)?);
    let derived_from = vec![pool.members()[digest.member].source.clone()];
    Ok(Joined { granule, notices, used: vec![digest.member], derived_from })
}

/// The dimensions that `extend=true` means: the one named `mirror_step`, else the unlimited ones, else those of time.
///
/// # Errors
/// When there is none.
pub fn default_dims(granule: &Granule) -> Result<Vec<String>, OpError> {
    if granule.dims.iter().any(|d| d.name == PREFERRED) {
        return Ok(vec![PREFERRED.into()]);
    }
    let path =
        |d: &harmony_model::Dimension| harmony_model::granule::join(&granule.group(d.group).path, &d.name);
    let unlimited: Vec<String> = granule.dims.iter().filter(|d| d.unlimited).map(path).collect();
    if !unlimited.is_empty() {
        return Ok(unlimited);
    }
    let hints = Hints::default();
    let table = harmony_model::geolocation::discover(granule, &hints)?;
    let times = harmony_model::time::discover(granule, &table, &hints);
    let single = |a: &&harmony_model::time::TimeAxis| a.dims.len() == 1;
    if let Some(axis) = times.axes.iter().find(single) {
        return Ok(vec![path(granule.dim(axis.dims[0]))]);
    }
    if let Some(dim) = granule.dims.iter().find(|d| d.name.eq_ignore_ascii_case("time")) {
        return Ok(vec![path(dim)]);
    }
    Err(refuse(
        &granule.name,
        OPERATION,
        format!("there is no dimension of time; name one: {}", listed(granule.dims.iter().map(path))),
    ))
}

fn listed(names: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = names.map(|n| n.trim_start_matches('/').to_owned()).collect();
    if all.is_empty() { "it has none at all".into() } else { format!("it has {}", all.join(", ")) }
}

/// Every granule must have every dimension that is named.
fn check(pool: &Pool, digests: &[Digest], wanted: &Wanted) -> Result<(), OpError> {
    for name in &wanted.along {
        let has = |d: &&Digest| d.dims.iter().any(|dim| names(name, &dim.group, &dim.name));
        let Some(without) = digests.iter().find(|d| !has(d)) else { continue };
        let paths = without.dims.iter().map(|d| harmony_model::granule::join(&d.group, &d.name));
        let own = listed(paths);
        let reason = match digests.iter().find(has) {
            Some(with) => format!(
                "there is no dimension '{name}' ({own}), unlike in {}; leave the granule out or name another dimension",
                pool.name(with.member)
            ),
            None => format!("there is no dimension '{name}'; {own}"),
        };
        return Err(refuse(pool.name(without.member), OPERATION, reason));
    }
    Ok(())
}

/// Takes out granules that have nothing along the dimensions.
fn without_samples(
    pool: &Pool,
    digests: Vec<Digest>,
    wanted: &Wanted,
    notices: &mut Vec<String>,
) -> Vec<Digest> {
    let has = |d: &Digest| {
        let along = d.dims.iter().zip(&d.lens).filter(|(dim, _)| wanted.is_along(&dim.group, &dim.name));
        along.map(|(_, n)| n).any(|&n| n > 0)
    };
    let (kept, empty): (Vec<Digest>, Vec<Digest>) = digests.into_iter().partition(has);
    let say = |d: &Digest| format!("{}: it has no samples; it is left out", pool.name(d.member));
    notices.extend(empty.iter().map(say));
    kept
}

/// The first of a granule's dimensions that granules are appended along.
fn along(granule: &Granule, wanted: &Wanted) -> Option<DimId> {
    let is = |d: &DimId| wanted.is_along(&granule.group(granule.dim(*d).group).path, &granule.dim(*d).name);
    (0..granule.dims.len()).map(DimId).find(is)
}
