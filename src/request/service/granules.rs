//! How many granules a request is about, and whether its answer can be waited for.

use super::common::Wanted;
use super::refusal::Refusal;
use crate::catalog::{Catalog, CatalogError, Collection, GranuleQuery, Page};
use crate::config::Config;
use crate::jobs::GranuleValidation;
use crate::plan::chains::Selected;

/// The granules of a request.
#[derive(Clone, Debug, Default)]
pub struct Granules {
    /// One for each source.
    pub queries: Vec<GranuleQuery>,
    pub limit: u64,
    /// How many will be worked on.
    pub count: u64,
    /// What users are told about limits.
    pub messages: Vec<String>,
    /// They were not counted.
    pub validate: Option<GranuleValidation>,
}

/// Counts the granules of each collection.
///
/// # Errors
/// [`Refusal::Invalid`] when a collection has none, [`Refusal::Catalog`].
pub async fn count(
    catalog: &dyn Catalog,
    config: &Config,
    selected: &Selected,
    collections: &[Collection],
    wanted: &Wanted,
) -> Result<Granules, Refusal> {
    let chain = &selected.chain;
    let system = config.max_granule_limit;
    let limit = chain.limit(collections.iter().map(|c| c.id.as_str()), wanted.max_results, system);
    let queries: Vec<GranuleQuery> = collections.iter().map(|c| query(&c.id, wanted)).collect();
    let mut out = Granules { queries, limit: limit.granules, ..Granules::default() };
    if wanted.is_fast {
        let ids = wanted.granule_ids.len() as u64;
        out.count = ids.min(limit.granules);
        out.validate = Some(GranuleValidation {
            reason: limit.reason.code(),
            has_granule_limit: chain.has_granule_limit != Some(false),
            service_name: chain.name.clone(),
            shape_type: wanted.shape_type.clone(),
            max_results: limit.granules,
        });
        return Ok(out);
    }
    let mut hits = 0u64;
    for query in &out.queries {
        let page = catalog.granules(query, &Page::default()).await.map_err(|e| of_shape(e, wanted))?;
        if page.hits == 0 {
            return Err(Refusal::invalid("No matching granules found."));
        }
        hits = hits.saturating_add(page.hits);
        let own = chain.limit([query.collection.as_str()], wanted.max_results, system);
        out.messages.extend(own.message(hits, &chain.name));
    }
    out.count = hits.min(limit.granules).min(system);
    Ok(out)
}

fn query(collection: &str, wanted: &Wanted) -> GranuleQuery {
    let (subset, temporal) = (&wanted.operation.subset, wanted.operation.temporal.as_ref());
    GranuleQuery {
        collection: collection.into(),
        ids: wanted.granule_ids.clone(),
        names: wanted.granule_names.clone(),
        start: temporal.and_then(|t| t.start.clone()),
        end: temporal.and_then(|t| t.end.clone()),
        bbox: subset.bbox,
        point: subset.point.filter(|_| subset.bbox.is_none()),
        shape: wanted.shape.clone(),
    }
}

/// The catalogue is asked with GeoJSON, of which a user who sent something else knows nothing.
fn of_shape(error: CatalogError, wanted: &Wanted) -> Refusal {
    match (error, &wanted.shape_type) {
        (CatalogError::Rejected { status, message }, Some(name)) if name != "GeoJSON" => {
            let message =
                message.replace("GeoJSON", &format!("GeoJSON (converted from the provided {name})"));
            Refusal::Catalog(CatalogError::Rejected { status, message })
        }
        (error, _) => Refusal::Catalog(error),
    }
}

/// Whether the client waits for the result.
pub fn is_synchronous(config: &Config, selected: &Selected, wanted: &Wanted, granules: &Granules) -> bool {
    if wanted.destination.is_some() || wanted.force_async == Some(true) {
        return false;
    }
    let chain = &selected.chain;
    if let Some(fixed) = chain.default_sync {
        return fixed;
    }
    let most = chain.maximum_sync(config.max_synchronous_granules, config.max_granule_limit);
    // Joined granules are one result: who insists may wait for more of them.
    let becomes_one = selected.concatenate || !selected.extend_dimensions.is_empty();
    let joins = becomes_one && wanted.force_async == Some(false) && most > 0;
    let most = if joins { most.max(config.max_synchronous_joined_granules) } else { most };
    granules.count <= most
}
