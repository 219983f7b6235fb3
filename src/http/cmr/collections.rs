//! `/search/collections`.

use std::sync::Arc;

use harmony_model::time::DateTime;
use serde_json::{Map, Value, json};

use super::params::Params;
use super::{Answer, Asked, Form, Item, Refusal, values};
use crate::catalog::embedded::records::CollectionRecord;
use crate::catalog::embedded::{Snapshot, name_matches};
use crate::catalog::geo::{Footprint, Region};
use crate::catalog::umm;

const KNOWN: [&str; 26] = [
    "concept_id",
    "echo_collection_id",
    "short_name",
    "version",
    "provider",
    "provider_id",
    "data_center",
    "entry_title",
    "dataset_id",
    "entry_id",
    "native_id",
    "keyword",
    "temporal",
    "has_granules",
    "has_granules_or_cwic",
    "has_opendap_url",
    "include_tags",
    "include_granule_counts",
    "include_has_granules",
    "include_non_operational",
    "include_facets",
    "updated_since",
    "revision_date",
    "cloud_hosted",
    "tag_key",
    "processing_level_id",
];

pub async fn search(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let params = &asked.params;
    params.check(&[&KNOWN[..], &values::SPATIAL[..]].concat())?;
    let snapshot = asked.catalog.snapshot().await.map_err(Refusal::of)?;
    let filter = Filter {
        params,
        snapshot: &snapshot,
        regions: values::regions(params)?,
        times: values::times(params)?,
        since: values::updated_since(params)?,
    };
    let mut found: Vec<&Arc<CollectionRecord>> =
        snapshot.collections().filter(|r| filter.matches(r)).collect();
    sort(&mut found, &params.all("sort_key"))?;
    let slice = values::slice(params, &asked.headers)?;
    let hits = found.len() as u64;
    // Collections are few: the position is what the next page needs to know.
    let after = slice.after.as_ref().and_then(|a| a.first()).and_then(Value::as_u64);
    let begin = usize::try_from(after.unwrap_or(slice.offset)).unwrap_or(usize::MAX).min(found.len());
    let end = begin.saturating_add(usize::try_from(slice.size).unwrap_or(usize::MAX)).min(found.len());
    let items: Vec<Item> = found[begin..end].iter().map(|r| item(r, &snapshot, asked)).collect();
    let after = (!items.is_empty()).then(|| vec![json!(end)]);
    Ok(Answer { hits, items, after, title: "ECHO dataset metadata", is_feed: true })
}

fn item(record: &CollectionRecord, snapshot: &Snapshot, asked: &Asked<'_>) -> Item {
    let (c, params) = (&record.collection, &asked.params);
    let body = match asked.form {
        Form::Umm => umm::collection_umm(record),
        _ => {
            let mut entry = umm::collection_json(record, tags(record, params));
            let count = snapshot.index(&c.id).map_or(0, |i| i.entries().len());
            if params.is_true("include_granule_counts") {
                entry["granule_count"] = json!(count);
            }
            if params.is_true("include_has_granules") {
                entry["has_granules"] = json!(count > 0);
            }
            entry
        }
    };
    Item { id: c.id.clone(), name: c.title.clone(), body }
}

/// Tags that `include_tags` names, with wildcards.
fn tags(record: &CollectionRecord, params: &Params) -> Map<String, Value> {
    let patterns: Vec<String> = params
        .all("include_tags")
        .iter()
        .flat_map(|t| t.split(',').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let mut all: Map<String, Value> = record.tags.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    if let Some(has) = record.collection.has_eula {
        all.insert("harmony.has-eula".into(), json!(has));
    }
    let wanted = |key: &String| patterns.iter().any(|p| name_matches(p, key, true, false));
    all.into_iter().filter(|(k, _)| wanted(k)).map(|(k, v)| (k, json!({ "data": v }))).collect()
}

struct Filter<'a> {
    params: &'a Params,
    snapshot: &'a Snapshot,
    regions: Vec<Arc<Region>>,
    times: Vec<(Option<i64>, Option<i64>)>,
    since: Option<i64>,
}

impl Filter<'_> {
    fn matches(&self, record: &CollectionRecord) -> bool {
        let c = &record.collection;
        let level = record.processing_level.as_deref().unwrap_or_default();
        let entry_id = format!("{}_{}", c.short_name, c.version);
        [
            ("concept_id", c.id.as_str()),
            ("echo_collection_id", &c.id),
            ("short_name", &c.short_name),
            ("version", &c.version),
            ("provider", &c.provider),
            ("provider_id", &c.provider),
            ("data_center", &c.data_center),
            ("entry_title", &c.title),
            ("dataset_id", &c.title),
            ("entry_id", &entry_id),
            ("native_id", &c.id),
            ("processing_level_id", level),
        ]
        .into_iter()
        .all(|(name, value)| self.is_among(name, value))
            && self.has_keyword(record)
            && self.has_tag(record)
            && self.is_there(record)
            && self.is_then(record)
            && self.has_granules(record)
            && self.since.is_none_or(|s| DateTime::parse(&c.revised).is_ok_and(|t| t.micros / 1000 >= s))
    }

    fn is_among(&self, name: &str, value: &str) -> bool {
        let all = self.params.all(name);
        let pattern = self.params.option(name, "pattern");
        let match_case = !self.params.option_unless_false(name, "ignore_case");
        all.is_empty() || all.iter().any(|v| name_matches(v, value, pattern, match_case))
    }

    /// Every word is somewhere in the names and the summary.
    fn has_keyword(&self, record: &CollectionRecord) -> bool {
        let c = &record.collection;
        let text =
            format!("{} {} {} {} {}", c.short_name, c.title, c.summary, c.id, c.provider).to_lowercase();
        let keyword = self.params.first("keyword").unwrap_or_default().to_lowercase();
        keyword
            .split_whitespace()
            .all(|w| name_matches(&format!("*{}*", w.trim_matches('"')), &text, true, true))
    }

    fn has_tag(&self, record: &CollectionRecord) -> bool {
        let keys = self.params.all("tag_key");
        let pattern = self.params.option("tag_key", "pattern");
        keys.is_empty() || keys.iter().any(|k| record.tags.keys().any(|t| name_matches(k, t, pattern, false)))
    }

    fn is_there(&self, record: &CollectionRecord) -> bool {
        let boxes = &record.collection.boxes;
        let touches = |r: &Arc<Region>| {
            boxes.iter().any(|b| r.touches(&Footprint { bbox: Some(*b), ..Footprint::default() }))
        };
        self.regions.iter().all(touches)
    }

    fn is_then(&self, record: &CollectionRecord) -> bool {
        if self.times.is_empty() {
            return true;
        }
        let micros =
            |t: &Option<String>| t.as_deref().and_then(|t| DateTime::parse(t).ok()).map(|t| t.micros);
        let (start, end) = (micros(&record.collection.time_start), micros(&record.collection.time_end));
        let Some(start) = start else { return false };
        self.times.iter().any(|(from, to)| {
            to.is_none_or(|t| start <= t) && from.is_none_or(|f| end.is_none_or(|e| e >= f))
        })
    }

    fn has_granules(&self, record: &CollectionRecord) -> bool {
        let Some(wanted) = self.params.first("has_granules") else { return true };
        let has = self.snapshot.index(&record.collection.id).is_some_and(|i| !i.entries().is_empty());
        has == wanted.eq_ignore_ascii_case("true")
    }
}

fn sort(found: &mut [&Arc<CollectionRecord>], keys: &[String]) -> Result<(), Refusal> {
    let title = |r: &Arc<CollectionRecord>| {
        let c = &r.collection;
        (c.title.to_lowercase(), c.provider.to_lowercase(), c.version.clone(), c.id.clone())
    };
    found.sort_by_cached_key(|r| title(r));
    // The last key first: sorting is stable.
    for key in keys.iter().rev() {
        let (name, descending) = values::direction(key);
        let text = |r: &&Arc<CollectionRecord>| -> String {
            let c = &r.collection;
            match name.as_str() {
                "entry_title" | "dataset_id" => c.title.to_lowercase(),
                "short_name" => c.short_name.to_lowercase(),
                "entry_id" => format!("{}_{}", c.short_name, c.version).to_lowercase(),
                "provider" => c.provider.to_lowercase(),
                "start_date" => c.time_start.clone().unwrap_or_default(),
                "end_date" => c.time_end.clone().unwrap_or_default(),
                "revision_date" => umm::millis_text(&c.revised),
                _ => String::new(),
            }
        };
        const SORTED: [&str; 14] = [
            "entry_title",
            "dataset_id",
            "short_name",
            "entry_id",
            "provider",
            "start_date",
            "end_date",
            "revision_date",
            "platform",
            "instrument",
            "sensor",
            "score",
            "usage_score",
            "has_granules",
        ];
        if !SORTED.contains(&name.as_str()) {
            return Err(values::unknown_order(&name, "collection"));
        }
        match descending {
            true => found.sort_by_key(|r| std::cmp::Reverse(text(r))),
            false => found.sort_by_key(text),
        }
    }
    Ok(())
}
