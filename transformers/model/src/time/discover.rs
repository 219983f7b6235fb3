//! Which times belong to which variables.
//!
//! Order of the rules: catalogue → product table → reference and offset → CF `coordinates` → dimension coordinates →
//! `standard_name` → `units` → names → texts; among equals UTC goes before TAI, one axis before several, and the
//! nearest group before others. Dimensions are matched by identity; by length only where a file names none.

use super::axis::{TimeAxis, TimeRule};
use super::candidates::{self, Candidate};
use super::decode::{Decode, is_even};
use crate::ModelError;
use crate::geolocation::{GeolocationTable, Hints, products};
use crate::granule::{DimId, Granule, VarId};

/// All time axes of a granule; variables share them.
#[derive(Clone, Debug, Default)]
pub struct TimeTable {
    /// In order of preference.
    pub axes: Vec<TimeAxis>,
    /// For each variable the index into `axes`.
    pub of_var: Vec<Option<usize>>,
    /// Variables that should be times but can't be read as such. An operation that needs time makes an error of the
    /// first one when it finds no other.
    pub problems: Vec<(VarId, ModelError)>,
    /// For each axis the dims longer than one.
    significant: Vec<Vec<DimId>>,
}

impl TimeTable {
    /// The axis that governs a variable.
    pub fn for_var(&self, var: VarId) -> Option<&TimeAxis> {
        self.of_var.get(var.0).copied().flatten().map(|i| &self.axes[i])
    }

    /// The best axis whose dims (those of length one left out) are all among `dims`; an axis of several times before a
    /// single one.
    pub fn for_dims(&self, dims: &[DimId]) -> Option<&TimeAxis> {
        let fits = |i: &usize| {
            let own = &self.significant[*i];
            !own.is_empty() && own.iter().all(|d| dims.contains(d))
        };
        let single = |i: &usize| {
            self.significant[*i].is_empty() && self.axes[*i].dims.iter().any(|d| dims.contains(d))
        };
        let all = || 0..self.axes.len();
        all().find(fits).or_else(|| all().find(single)).map(|i| &self.axes[i])
    }

    /// Whether the variable holds times (or fields of them) of some axis.
    pub fn is_time(&self, var: VarId) -> bool {
        self.axes.iter().any(|axis| {
            let beside = match &axis.decode {
                Decode::Offset { reference, .. } => *reference == var,
                Decode::Split(f) => {
                    [f.month, f.day, f.hour, f.minute, f.second].contains(&var) || f.millisecond == Some(var)
                }
                Decode::Units { .. } | Decode::Text => false,
            };
            axis.var == var || axis.bounds == Some(var) || beside
        })
    }
}

/// Finds the times of every variable, from metadata alone.
pub fn discover(granule: &Granule, table: &GeolocationTable, hints: &Hints) -> TimeTable {
    let product = table.product.clone().or_else(|| products::find(granule, hints));
    let candidates::Candidates { mut found, problems } =
        candidates::all(granule, &hints.time, product.as_deref());
    let references: Vec<VarId> = found.iter().filter_map(|c| reference_of(&c.decode)).collect();
    found.sort_by_cached_key(|c| preference(granule, c, &references));
    let significant: Vec<Vec<DimId>> =
        found.iter().map(|c| c.dims.iter().copied().filter(|&d| granule.dim(d).len != 1).collect()).collect();
    let axes: Vec<TimeAxis> = found.into_iter().map(|c| axis(granule, c)).collect();
    let of_var = granule.var_ids().map(|v| governing(granule, v, &axes, &significant)).collect();
    TimeTable { axes, of_var, problems, significant }
}

fn reference_of(decode: &Decode) -> Option<VarId> {
    match decode {
        Decode::Offset { reference, .. } => Some(*reference),
        _ => None,
    }
}

fn axis(granule: &Granule, c: Candidate) -> TimeAxis {
    let var = granule.var(c.var);
    let named = var.attr_text("bounds").and_then(|name| granule.resolve_var(var.group, name.trim()));
    let bounds = named.filter(|&b| granule.var(b).dtype.is_numeric());
    TimeAxis { var: c.var, dims: c.dims, rule: c.rule, detail: c.detail, bounds, decode: c.decode }
}

/// What decides between axes that fit the same variable; smaller is better.
type Preference = (bool, TimeRule, bool, usize, u8, usize);

fn preference(granule: &Granule, c: &Candidate, references: &[VarId]) -> Preference {
    let var = granule.var(c.var);
    let name = var.name.to_lowercase();
    let standard = var.attr_text("standard_name").unwrap_or_default();
    let quality = match (standard.trim(), name.as_str()) {
        ("time", "time") => 0,
        ("time", _) => 1,
        (_, _) if var.attr_text("axis").is_some_and(|a| a.trim().eq_ignore_ascii_case("T")) => 2,
        (_, "time") => 3,
        ("", n) if n.contains("time") => 4,
        ("", _) => 5,
        // `forecast_reference_time` and the like are times of something else.
        _ => 6,
    };
    let even_twin = is_tai_twin(c);
    let axes = c.dims.iter().filter(|&&d| granule.dim(d).len != 1).count();
    (references.contains(&c.var), c.rule, even_twin, axes, quality, c.var.0)
}

/// TAI beside UTC of the same samples: the UTC one is meant.
fn is_tai_twin(c: &Candidate) -> bool {
    match &c.decode {
        Decode::Units { units, .. } => is_even(units.scale),
        _ => false,
    }
}

/// The axis that governs a variable: listed in its `coordinates`, else the best one on its dims, else one on
/// anonymous dims of the same lengths.
fn governing(granule: &Granule, id: VarId, axes: &[TimeAxis], significant: &[Vec<DimId>]) -> Option<usize> {
    let var = granule.var(id);
    let coordinates = var.attr_text("coordinates").unwrap_or_default();
    let listed = |i: usize| {
        let own = granule.var(axes[i].var);
        let same = |n: &str| own.name == n || own.path == n || path_ends(n, own);
        coordinates.split([' ', ',']).filter(|n| !n.is_empty()).any(same)
    };
    let on_dims = |i: usize| significant[i].iter().all(|d| var.dims.contains(d));
    let touches = |i: usize| axes[i].dims.iter().any(|d| var.dims.contains(d));
    // Size-1 dims say something only when the variable has them; a scalar time must be named.
    let fits = |i: usize| on_dims(i) && (!significant[i].is_empty() || touches(i) || listed(i));
    let key = |i: &usize| {
        let trusted = axes[*i].rule <= TimeRule::ReferenceAndOffset;
        (significant[*i].is_empty(), !trusted, !listed(*i), *i)
    };
    let exact = (0..axes.len()).filter(|&i| fits(i)).min_by_key(key);
    exact.or_else(|| by_length(granule, id, axes, significant))
}

/// A relative path (`../time`, `geolocation/time`) that means a variable of that name.
fn path_ends(reference: &str, own: &crate::Variable) -> bool {
    reference.contains('/') && reference.rsplit('/').next() == Some(own.name.as_str()) && {
        let tail = reference.trim_start_matches("../").trim_start_matches("./");
        own.path.ends_with(&format!("/{tail}")) || own.path == tail
    }
}

/// Files without named dims: every axis dim is as long as exactly one dim of the variable, one of the two being
/// anonymous. Of several axes the nearest group's; none when two equally near ones differ.
fn by_length(granule: &Granule, id: VarId, axes: &[TimeAxis], significant: &[Vec<DimId>]) -> Option<usize> {
    let var = granule.var(id);
    let twin = |d: DimId| {
        let own = granule.dim(d);
        let mut same = var.dims.iter().filter(|&&v| granule.dim(v).len == own.len);
        let first = same.next()?;
        let anonymous = own.anonymous || granule.dim(*first).anonymous;
        (same.next().is_none() && anonymous).then_some(())
    };
    let fits = |i: &usize| !significant[*i].is_empty() && significant[*i].iter().all(|&d| twin(d).is_some());
    let near = |i: usize| group_distance(granule, id, axes[i].var);
    let found: Vec<(usize, usize)> = (0..axes.len()).filter(fits).map(|i| (near(i), i)).collect();
    let &(nearest, best) = found.iter().min()?;
    let group = |i: usize| granule.var(axes[i].var).group;
    let unique = found.iter().all(|&(d, i)| d > nearest || group(i) == group(best));
    unique.then_some(best)
}

/// Steps between the groups of two variables in the tree.
fn group_distance(granule: &Granule, a: VarId, b: VarId) -> usize {
    let chain = |v: VarId| {
        let mut out = vec![granule.var(v).group];
        while let Some(parent) = out.last().and_then(|g| granule.group(*g).parent) {
            out.push(parent);
        }
        out
    };
    let (a, b) = (chain(a), chain(b));
    let shared = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    a.len() + b.len() - 2 * shared
}
