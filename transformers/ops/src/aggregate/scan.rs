//! Reads the header of every granule once, in parallel, and what has to be known before the first value is asked for.

use std::sync::Arc;

use harmony_model::time::TimeUnits;
use harmony_model::{Granule, ReadError, VarId, Variable, Window};
use rayon::prelude::*;

use super::content;
use super::digest::{Digest, Interner, VarDigest};
use super::pool::Pool;
use super::stored::ChunkTable;
use crate::error::OpError;
use crate::extend::OrderKey;

/// Values of variables up to this size are compared by their digest.
const SMALL: u64 = 1 << 20;
/// Coordinates longer than this are not matched by value.
const MAX_LABELS: u64 = 1 << 20;

/// What is looked for.
pub struct Wanted {
    /// Names of the dimensions that granules are appended along; empty when they are stacked.
    pub along: Vec<String>,
    /// Only extents say whether a granule is empty, and nothing is kept once (concise).
    pub plain: bool,
}

impl Wanted {
    /// Whether a dimension is one that granules are appended along.
    pub fn is_along(&self, group: &str, name: &str) -> bool {
        self.along.iter().any(|wanted| names(wanted, group, name))
    }
}

/// Whether `wanted`, a bare name or a path, means the dimension `name` of `group`.
pub fn names(wanted: &str, group: &str, name: &str) -> bool {
    match wanted.contains('/') {
        true => *wanted.trim_start_matches('/') == harmony_model::granule::join(group, name)[1..],
        false => wanted == name,
    }
}

/// The digests of the granules numbered `members`, in that order.
///
/// # Errors
/// The first failure in that order.
pub fn scan(pool: &Arc<Pool>, members: &[usize], wanted: &Wanted) -> Result<Vec<Digest>, OpError> {
    let interner = Interner::default();
    let all: Vec<Result<Digest, OpError>> =
        members.par_iter().map(|&m| Ok(digest(pool, m, wanted, &interner)?)).collect();
    all.into_iter().collect()
}

fn digest(
    pool: &Arc<Pool>,
    member: usize,
    wanted: &Wanted,
    interner: &Interner,
) -> Result<Digest, ReadError> {
    let granule = pool.get(member)?;
    let is_empty = content::is_empty(&granule, wanted.plain)?;
    let mut out = Digest {
        member,
        format: granule.format,
        groups: interner.groups(&granule),
        dims: interner.dims(&granule),
        lens: granule.dims.iter().map(|d| d.len).collect(),
        labels: vec![None; granule.dims.len()],
        vars: Vec::new(),
        types: interner.types(&granule),
        is_empty,
        order: OrderKey::default(),
    };
    if is_empty {
        return Ok(out);
    }
    let mut sources = Vec::new();
    for id in granule.var_ids() {
        let var = granule.var(id);
        // Whether masks are the same is not looked at.
        let is_masked = var.data.coverage().is_some();
        let may_be_constant = !wanted.plain && !is_masked && may_be_constant(&granule, id, wanted);
        let cost = var.data.cost(&Window::all(&granule.shape(id)))?;
        let content = match may_be_constant && bytes(&granule, id) <= SMALL {
            true => Some(content::content(&granule, id)?),
            false => None,
        };
        let chunks = ChunkTable::of(pool, member, &granule, id.0, &mut sources)?;
        let schema = interner.schema(&granule, var);
        out.vars.push(VarDigest { schema, chunks, cost, content, may_be_constant, is_masked });
    }
    if !wanted.plain {
        for (i, dim) in granule.dims.iter().enumerate() {
            let along = wanted.is_along(&granule.group(dim.group).path, &dim.name);
            if !along && let Some(labels) = labels(&granule, i)? {
                out.labels[i] = Some(interner.labels(labels));
            }
        }
    }
    if !wanted.along.is_empty() {
        out.order = OrderKey::of(&granule, wanted)?;
    }
    Ok(out)
}

fn bytes(granule: &Granule, id: VarId) -> u64 {
    let count = granule.shape(id).iter().fold(1u64, |n, &d| n.saturating_mul(d));
    count.saturating_mul(granule.var(id).dtype.size() as u64)
}

/// Whether a variable may be kept once when it is the same in all granules. Appended: whatever lacks the dimension.
/// Stacked: coordinates and what describes others; data get the new dimension even when they happen to be equal.
fn may_be_constant(granule: &Granule, id: VarId, wanted: &Wanted) -> bool {
    let var = granule.var(id);
    if !wanted.along.is_empty() {
        let along = |d: &harmony_model::DimId| {
            let dim = granule.dim(*d);
            wanted.is_along(&granule.group(dim.group).path, &dim.name)
        };
        return !var.dims.iter().any(along);
    }
    var.dims.is_empty() || is_coordinate(granule, id) || is_referenced(granule, var)
}

fn is_coordinate(granule: &Granule, id: VarId) -> bool {
    let var = granule.var(id);
    let dimension = matches!(var.dims.as_slice(), [d] if granule.dim_coordinate(*d) == Some(id));
    let units = var.attr_text("units").unwrap_or_default().to_ascii_lowercase();
    let positions = ["degrees_north", "degree_north", "degrees_east", "degree_east"];
    dimension || positions.contains(&units.as_str())
}

/// Named by an attribute of another variable that CF gives that meaning.
fn is_referenced(granule: &Granule, var: &Variable) -> bool {
    const BY: [&str; 7] =
        ["bounds", "climatology", "grid_mapping", "coordinates", "formula_terms", "cell_measures", "nodes"];
    let names_it = |text: String| {
        text.split([' ', ',', ':', '\n', '\t'])
            .any(|word| word == var.name || word.trim_start_matches('/') == &var.path[1..])
    };
    granule.vars.iter().any(|v| BY.iter().any(|by| v.attr_text(by).is_some_and(names_it)))
}

/// Stored values of the coordinate variable of a dimension, when they tell its indices apart.
fn labels(granule: &Granule, dim: usize) -> Result<Option<Vec<f64>>, ReadError> {
    let id = harmony_model::DimId(dim);
    let Some(var) = granule.dim_coordinate(id) else { return Ok(None) };
    let v = granule.var(var);
    let is_time = v.attr_text("units").is_some_and(|u| TimeUnits::looks_like(&u));
    if is_time || !v.dtype.is_numeric() || granule.dim(id).len > MAX_LABELS {
        return Ok(None);
    }
    // Both zeros are one label.
    let values: Vec<f64> = granule.read_stored(var)?.into_iter().map(|v| v + 0.0).collect();
    let mut sorted = values.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let distinct = sorted.windows(2).all(|w| w[0] < w[1]) && values.iter().all(|v| v.is_finite());
    // Whole numbers beyond 2⁵³ are not told apart by doubles.
    Ok((distinct && values.iter().all(|v| v.abs() < 9e15)).then_some(values))
}
