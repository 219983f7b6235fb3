//! `/search/granules`.

use super::params::Params;
use super::{Answer, Asked, Form, Item, Refusal, values};
use crate::catalog::embedded::records::{ConceptId, GranuleRecord};
use crate::catalog::embedded::{GranuleSearch, NameField, NameFilter, Snapshot, name_matches};
use crate::catalog::umm;

const KNOWN: [&str; 26] = [
    "concept_id",
    "echo_granule_id",
    "echo_collection_id",
    "collection_concept_id",
    "short_name",
    "version",
    "entry_title",
    "dataset_id",
    "provider",
    "provider_id",
    "granule_ur",
    "producer_granule_id",
    "readable_granule_name",
    "temporal",
    "updated_since",
    "revision_date",
    "exclude",
    "downloadable",
    "online_only",
    "day_night_flag",
    "cloud_cover",
    "browse_only",
    "platform",
    "instrument",
    "native_id",
    "all_revisions",
];

pub async fn search(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let params = &asked.params;
    params.check(&[&KNOWN[..], &values::SPATIAL[..]].concat())?;
    let snapshot = asked.catalog.snapshot().await.map_err(Refusal::of)?;
    let wanted = wanted(params, &snapshot)?;
    let (order, slice) = (values::granule_order(params)?, values::slice(params, &asked.headers)?);
    let found = asked.catalog.search(wanted, order, slice).await.map_err(Refusal::of)?;
    let records = asked.catalog.records(&found.page).await.map_err(Refusal::of)?;
    let items = records.iter().filter_map(|r| item(r, &snapshot, asked)).collect();
    Ok(Answer { hits: found.hits, items, after: found.after, title: "ECHO granule metadata", is_feed: true })
}

fn item(record: &GranuleRecord, snapshot: &Snapshot, asked: &Asked<'_>) -> Option<Item> {
    let granule = &record.granule;
    let collection = &snapshot.collection(&granule.collection)?.collection;
    let body = match asked.form {
        Form::Umm => umm::granule_umm(record, collection, &asked.root),
        _ => umm::granule_json(record, collection, &asked.root),
    };
    Some(Item { id: granule.id.clone(), name: granule.name.clone(), body })
}

fn wanted(params: &Params, snapshot: &Snapshot) -> Result<GranuleSearch, Refusal> {
    let mut ids = params.all("concept_id");
    ids.extend(params.all("echo_granule_id"));
    let mut collections = params.all("collection_concept_id");
    collections.extend(params.all("echo_collection_id"));
    // One parameter for both kinds of ids.
    let is_granule = |id: &String| ConceptId::parse(id).is_none_or(|c| c.prefix == "G");
    let (granules, of_ids): (Vec<String>, Vec<String>) = ids.into_iter().partition(is_granule);
    let mut exclude = params.all("exclude[concept_id]");
    exclude.extend(params.all("exclude[echo_granule_id]"));
    Ok(GranuleSearch {
        collections: chosen(params, snapshot, [collections, of_ids]),
        ids: granules,
        exclude,
        names: names(params),
        times: values::times(params)?,
        regions: values::regions(params)?,
        updated_since: values::updated_since(params)?,
    })
}

/// Collections that all parameters about them allow; `None`: there are none.
fn chosen(params: &Params, snapshot: &Snapshot, lists: [Vec<String>; 2]) -> Option<Vec<String>> {
    let names = ["short_name", "version", "entry_title", "dataset_id", "provider", "provider_id"];
    let given = names.iter().any(|n| params.first(n).is_some());
    if !given && lists.iter().all(Vec::is_empty) {
        return None;
    }
    let fits = |name: &str, value: &str| {
        let all = params.all(name);
        let pattern = params.option(name, "pattern");
        all.is_empty() || all.iter().any(|v| name_matches(v, value, pattern, false))
    };
    let all = snapshot.collections().map(|r| &r.collection).filter(|c| {
        lists.iter().all(|l| l.is_empty() || l.contains(&c.id))
            && fits("short_name", &c.short_name)
            && fits("version", &c.version)
            && fits("entry_title", &c.title)
            && fits("dataset_id", &c.title)
            && fits("provider", &c.provider)
            && fits("provider_id", &c.provider)
    });
    Some(all.map(|c| c.id.clone()).collect())
}

fn names(params: &Params) -> Vec<NameFilter> {
    let fields = [
        ("readable_granule_name", NameField::Either),
        ("granule_ur", NameField::GranuleUr),
        ("native_id", NameField::GranuleUr),
        ("producer_granule_id", NameField::ProducerId),
    ];
    let filter = |(name, field): (&str, NameField)| {
        let values = params.all(name);
        (!values.is_empty()).then(|| NameFilter {
            values,
            is_pattern: params.option(name, "pattern"),
            match_case: !params.option_unless_false(name, "ignore_case"),
            field,
        })
    };
    fields.into_iter().filter_map(filter).collect()
}
