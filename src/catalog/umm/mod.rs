//! CMR's two languages: its own JSON and UMM-JSON, written by this server and read from another one.

mod decode;
mod encode;
mod spatial;

use serde_json::Value;

pub use decode::{
    collection_of_json, collection_of_umm, granule_of_json, granule_of_umm, grid_of_umm, text_at,
    variable_of_umm,
};
pub use encode::{
    collection_json, collection_umm, granule_json, granule_umm, grid_umm, millis_text, umm_item, variable_umm,
};

use super::embedded::Embedded;
use super::embedded::records::{
    CollectionRecord, ConceptId, GranuleRecord, Kind, OtherRecord, VariableRecord,
};
use super::{CatalogError, Grid};

/// The record of a grid that is known by its numbers.
pub fn grid_record(grid: &Grid) -> OtherRecord {
    OtherRecord {
        name: grid.name.clone(),
        grid: Some(grid.clone()),
        umm: grid_umm(grid),
        ..OtherRecord::default()
    }
}

/// Stores what a document of CMR holds: an answer with `items` or a `feed`, or one item. Collections have to come
/// before what belongs to them.
///
/// # Errors
/// [`CatalogError`] naming what is wrong.
pub async fn load(document: &Value, catalog: &Embedded) -> Result<usize, CatalogError> {
    let items: Vec<&Value> = if let Some(items) = document.get("items").and_then(Value::as_array) {
        items.iter().collect()
    } else if let Some(entries) = document.pointer("/feed/entry").and_then(Value::as_array) {
        entries.iter().collect()
    } else if let Some(list) = document.as_array() {
        list.iter().collect()
    } else {
        vec![document]
    };
    let mut granules = Vec::new();
    for item in &items {
        let id = text_at(item, "/meta/concept-id").or_else(|| text_at(item, "/id")).unwrap_or_default();
        let prefix = ConceptId::parse(&id).map(|c| c.prefix.to_owned());
        match (prefix.as_deref(), item.get("umm")) {
            (Some("C"), Some(umm)) => {
                let record = CollectionRecord { umm: Some(umm.clone()), ..collection_of_umm(item) };
                catalog.insert_collection(record).await.map(drop)?;
            }
            (Some("C"), None) => catalog.insert_collection(collection_of_json(item)).await.map(drop)?,
            (Some("G"), Some(umm)) => granules.push(GranuleRecord {
                granule: granule_of_umm(item),
                umm: Some(umm.clone()),
                ..GranuleRecord::default()
            }),
            (Some("G"), None) => {
                granules.push(GranuleRecord { granule: granule_of_json(item), ..GranuleRecord::default() });
            }
            (Some("V"), Some(umm)) => {
                let collections = associated(item);
                let record =
                    VariableRecord { variable: variable_of_umm(item), collections, umm: Some(umm.clone()) };
                catalog.insert_variables(vec![record]).await.map(drop)?;
            }
            (Some(other), Some(umm)) => {
                let kind = Kind::ALL.into_iter().find(|k| k.prefix() == other);
                let kind = kind.ok_or_else(|| refuse(&id))?;
                let record = OtherRecord {
                    name: text_at(umm, "/Name").unwrap_or_else(|| id.clone()),
                    collections: associated(item),
                    grid: grid_of_umm(umm),
                    umm: umm.clone(),
                    id,
                };
                catalog.insert_others(kind, vec![record]).await.map(drop)?;
            }
            _ => return Err(refuse(&id)),
        }
    }
    catalog.insert_granules(granules).await?;
    Ok(items.len())
}

fn associated(item: &Value) -> Vec<String> {
    let list =
        item.pointer("/meta/associations/collections").or_else(|| item.pointer("/associations/collections"));
    let texts = list.and_then(Value::as_array).into_iter().flatten();
    texts.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn refuse(id: &str) -> CatalogError {
    let message =
        format!("'{id}' is no concept that can be loaded; give CMR's JSON or UMM-JSON with concept ids");
    CatalogError::Rejected { status: 400, message }
}
