//! Searching granules: filters, order, pages.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use rayon::prelude::*;
use serde_json::{Value, json};

use super::index::{Entry, GranuleIndex, Zone};
use super::pattern;
use super::records::ConceptId;
use super::snapshot::Snapshot;
use crate::catalog::geo::Region;

/// What granules are searched for; empty lists don't restrict.
#[derive(Clone, Debug, Default)]
pub struct GranuleSearch {
    /// Concept ids of collections; `None`: all.
    pub collections: Option<Vec<String>>,
    /// Concept ids of granules.
    pub ids: Vec<String>,
    pub exclude: Vec<String>,
    /// Names, each of which any of the names of a granule may match; lists that all have to match.
    pub names: Vec<NameFilter>,
    /// Microseconds since 1970, ends included; alternatives.
    pub times: Vec<(Option<i64>, Option<i64>)>,
    /// All of them have to touch.
    pub regions: Vec<Arc<Region>>,
    /// Changed at or after, milliseconds since 1970.
    pub updated_since: Option<i64>,
}

/// Names of granules, as alternatives.
#[derive(Clone, Debug, Default)]
pub struct NameFilter {
    pub values: Vec<String>,
    /// `*` and `?` are wildcards.
    pub is_pattern: bool,
    pub match_case: bool,
    pub field: NameField,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameField {
    #[default]
    Either,
    GranuleUr,
    ProducerId,
}

/// What granules are sorted by, before the concept number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortField {
    Provider,
    Start,
    End,
    Name,
    ProducerId,
    Revised,
    Size,
    ShortName,
    /// All are equal in it.
    Nothing,
}

/// A field and whether it is descending.
pub type SortKey = (SortField, bool);

/// The order when none is asked for.
pub const DEFAULT_ORDER: [SortKey; 2] = [(SortField::Provider, false), (SortField::Start, false)];

/// Which part of what is found is wanted.
#[derive(Clone, Debug, Default)]
pub struct Slice {
    pub offset: u64,
    pub size: u64,
    /// Sort values of the last granule of the page before.
    pub after: Option<Vec<Value>>,
}

/// A granule that was found.
#[derive(Clone)]
pub struct Hit {
    /// Concept id of its collection.
    pub collection: Arc<str>,
    pub provider: Arc<str>,
    pub short_name: Arc<str>,
    pub entry: Arc<Entry>,
}

impl Hit {
    pub fn id(&self) -> String {
        format!("G{}-{}", self.entry.number, self.provider)
    }

    /// The values it is sorted by, ending with its number.
    pub fn sort_values(&self, order: &[SortKey]) -> Vec<Value> {
        let value = |field: SortField| match field {
            SortField::Provider => json!(self.provider.to_lowercase()),
            SortField::Start => json!(self.entry.start_ms()),
            SortField::End => json!(self.entry.end.div_euclid(1000)),
            SortField::Name => json!(self.entry.name.to_lowercase()),
            SortField::ProducerId => {
                json!(self.entry.producer_id.as_deref().unwrap_or(&self.entry.name).to_lowercase())
            }
            SortField::Revised => json!(self.entry.revised_ms),
            SortField::Size => json!(self.entry.size_bytes.unwrap_or(0)),
            SortField::ShortName => json!(self.short_name.to_lowercase()),
            SortField::Nothing => json!(0),
        };
        order.iter().map(|k| value(k.0)).chain([json!(self.entry.number)]).collect()
    }
}

/// What a search found.
#[derive(Clone, Default)]
pub struct Found {
    pub hits: u64,
    /// Of the slice that was asked for.
    pub page: Vec<Hit>,
    /// Sort values of the last one of the page.
    pub after: Option<Vec<Value>>,
    /// More follow the page.
    pub more: bool,
}

/// Entries from which on several threads look.
const MANY: usize = 4096;

/// Searches the granules of a snapshot.
pub fn search(snapshot: &Snapshot, wanted: &GranuleSearch, order: &[SortKey], slice: &Slice) -> Found {
    let mut found: Vec<Hit> = Vec::new();
    let mut lists = 0;
    for collection in snapshot.collections() {
        let id = &collection.collection.id;
        let Some(index) = snapshot.index(id) else { continue };
        if wanted.collections.as_ref().is_some_and(|list| !list.contains(id)) {
            continue;
        }
        let provider = &collection.collection.provider;
        let filter = Filter {
            wanted,
            ids: numbers(&wanted.ids, provider),
            excluded: numbers(&wanted.exclude, provider),
        };
        let matches = filter.run(index);
        lists += usize::from(!matches.is_empty());
        let provider: Arc<str> = collection.collection.provider.as_str().into();
        let (id, short_name): (Arc<str>, Arc<str>) =
            (id.as_str().into(), collection.collection.short_name.as_str().into());
        found.extend(matches.into_iter().map(|entry| Hit {
            collection: id.clone(),
            provider: provider.clone(),
            short_name: short_name.clone(),
            entry,
        }));
    }
    // One collection is in the default order already.
    if order != DEFAULT_ORDER || lists > 1 {
        sort(&mut found, order);
    }
    page(found, order, slice)
}

fn sort(found: &mut [Hit], order: &[SortKey]) {
    if order == DEFAULT_ORDER {
        found.sort_by(|a, b| {
            let provider = a.provider.to_lowercase().cmp(&b.provider.to_lowercase());
            provider.then_with(|| a.entry.order().cmp(&b.entry.order()))
        });
    } else {
        found.sort_by_cached_key(|h| Sorted(h.sort_values(order), descending(order)));
    }
}

fn page(found: Vec<Hit>, order: &[SortKey], slice: &Slice) -> Found {
    let hits = found.len() as u64;
    let begin = match &slice.after {
        Some(values) => {
            let after = Sorted(values.clone(), descending(order));
            found.partition_point(|h| Sorted(h.sort_values(order), descending(order)) <= after)
        }
        None => usize::try_from(slice.offset).unwrap_or(usize::MAX).min(found.len()),
    };
    let size = usize::try_from(slice.size).unwrap_or(usize::MAX);
    let end = begin.saturating_add(size).min(found.len());
    let page = found[begin..end].to_vec();
    let after = page.last().map(|h| h.sort_values(order));
    Found { hits, page, after, more: end < found.len() }
}

fn descending(order: &[SortKey]) -> Vec<bool> {
    order.iter().map(|k| k.1).collect()
}

/// Sort values with their directions.
#[derive(PartialEq)]
struct Sorted(Vec<Value>, Vec<bool>);

impl Eq for Sorted {}

impl PartialOrd for Sorted {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sorted {
    fn cmp(&self, other: &Self) -> Ordering {
        for (i, (a, b)) in self.0.iter().zip(&other.0).enumerate() {
            let by_value = match (a, b) {
                (Value::String(a), Value::String(b)) => a.cmp(b),
                (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
                    (Some(a), Some(b)) => a.cmp(&b),
                    _ => a.as_f64().unwrap_or(0.0).total_cmp(&b.as_f64().unwrap_or(0.0)),
                },
                // Another client's text: numbers before texts, so that there is an order at all.
                (a, b) => a.is_string().cmp(&b.is_string()),
            };
            let directed =
                if self.1.get(i).copied().unwrap_or(false) { by_value.reverse() } else { by_value };
            if directed != Ordering::Equal {
                return directed;
            }
        }
        Ordering::Equal
    }
}

/// The numbers of granules of a provider among concept ids.
fn numbers(ids: &[String], provider: &str) -> Option<HashSet<u64>> {
    let own = |id: &String| {
        ConceptId::parse(id).filter(|c| c.prefix == "G" && c.provider == provider).map(|c| c.number)
    };
    (!ids.is_empty()).then(|| ids.iter().filter_map(own).collect())
}

struct Filter<'a> {
    wanted: &'a GranuleSearch,
    ids: Option<HashSet<u64>>,
    excluded: Option<HashSet<u64>>,
}

impl Filter<'_> {
    fn run(&self, index: &GranuleIndex) -> Vec<Arc<Entry>> {
        let blocks: Vec<&[Arc<Entry>]> =
            index.blocks().filter(|(zone, _)| self.may_hold(zone)).map(|(_, entries)| entries).collect();
        let wanted = |e: &&Arc<Entry>| self.matches(e);
        if blocks.iter().map(|b| b.len()).sum::<usize>() < MANY {
            return blocks.into_iter().flatten().filter(wanted).cloned().collect();
        }
        blocks.into_par_iter().flat_map_iter(|b| b.iter().filter(wanted).cloned()).collect()
    }

    fn may_hold(&self, zone: &Zone) -> bool {
        let overlaps = |(from, to): &(Option<i64>, Option<i64>)| {
            to.is_none_or(|t| zone.start <= t) && from.is_none_or(|f| zone.end >= f)
        };
        (self.wanted.times.is_empty() || self.wanted.times.iter().any(overlaps))
            && (self.wanted.regions.is_empty() || zone.south <= zone.north)
    }

    fn matches(&self, e: &Entry) -> bool {
        let wanted = self.wanted;
        let in_time = |(from, to): &(Option<i64>, Option<i64>)| {
            to.is_none_or(|t| e.start <= t) && from.is_none_or(|f| e.end >= f)
        };
        let then = || e.has_time() && wanted.times.iter().any(in_time);
        let there = || e.has_place() && wanted.regions.iter().all(|r| r.may_touch(&e.bounds));
        if !(wanted.times.is_empty() || then()) || !(wanted.regions.is_empty() || there()) {
            return false;
        }
        if wanted.updated_since.is_some_and(|since| e.revised_ms < since) {
            return false;
        }
        if self.ids.as_ref().is_some_and(|ids| !ids.contains(&e.number))
            || self.excluded.as_ref().is_some_and(|ids| ids.contains(&e.number))
        {
            return false;
        }
        if !wanted.names.iter().all(|f| f.matches(e)) {
            return false;
        }
        // The dearest test last.
        wanted.regions.is_empty() || {
            let footprint = e.footprint();
            wanted.regions.iter().all(|r| r.touches(&footprint))
        }
    }
}

impl NameFilter {
    fn matches(&self, e: &Entry) -> bool {
        let producer = e.producer_id.as_deref();
        let names = match self.field {
            NameField::Either => [Some(&*e.name), producer],
            NameField::GranuleUr => [Some(&*e.name), None],
            NameField::ProducerId => [producer.or(Some(&*e.name)), None],
        };
        names
            .into_iter()
            .flatten()
            .any(|n| self.values.iter().any(|v| pattern::matches(v, n, self.is_pattern, self.match_case)))
    }
}
