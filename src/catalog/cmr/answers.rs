//! A CMR as [`Catalog`].

use async_trait::async_trait;
use serde_json::Value;

use super::{Cmr, Multipart, PAGE, strange};
use crate::catalog::{
    Catalog, CatalogError, Collection, CollectionQuery, Granule, GranulePage, GranuleQuery, Grid, Page,
    Variable, umm,
};

/// Ids in one address; more are asked for in several.
const IDS: usize = 100;

#[async_trait]
impl Catalog for Cmr {
    async fn collections(&self, query: &CollectionQuery) -> Result<Vec<Collection>, CatalogError> {
        match query {
            CollectionQuery::All => Ok(Vec::new()),
            CollectionQuery::ShortName(name) => {
                let query = [
                    ("short_name", name.as_str()),
                    ("page_size", "2000"),
                    ("sort_key", "-revisionDate"),
                    ("include_non_operational", "true"),
                ];
                self.feed(&query).await
            }
            CollectionQuery::Ids(ids) => {
                let mut found = Vec::new();
                for ids in ids.chunks(IDS) {
                    let mut query = vec![("include_tags", "harmony.has-eula")];
                    query.extend(ids.iter().map(|id| ("concept_id", id.as_str())));
                    query.extend([("page_size", "2000"), ("include_non_operational", "true")]);
                    found.extend(self.feed(&query).await?);
                }
                Ok(found)
            }
        }
    }

    async fn variables(&self, ids: &[String]) -> Result<Vec<Variable>, CatalogError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let parts: Vec<(&str, &str)> = ids.iter().map(|id| ("concept_id", id.as_str())).collect();
        let items = self.items("/search/variables.umm_json_v1_9_0", &parts).await?;
        let mut found: std::collections::HashMap<String, Variable> =
            items.iter().map(umm::variable_of_umm).map(|v| (v.id.clone(), v)).collect();
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    async fn grids(&self, name: &str) -> Result<Vec<Grid>, CatalogError> {
        let query = [("name", name), ("page_size", "2000")];
        let body = self.get("/search/grids.umm_json_v_0_0_1", &query).await?;
        let items = body.get("items").and_then(Value::as_array);
        let items = items.ok_or_else(|| strange("an answer without items"))?;
        Ok(items.iter().filter_map(|i| umm::grid_of_umm(i.get("umm")?)).collect())
    }

    async fn granules(&self, query: &GranuleQuery, page: &Page) -> Result<GranulePage, CatalogError> {
        let form = form_of(query, page.size.min(PAGE));
        // The count alone is asked for as the reference does.
        let path = if page.size == 0 { "/search/granules.json" } else { "/search/granules.umm_json" };
        let answer = self.post(path, &form, page.after.as_deref()).await?;
        let stated = answer.body.get("hits").and_then(Value::as_u64);
        let hits = answer.hits.or(stated).ok_or_else(|| strange("an answer without hits"))?;
        if page.size == 0 {
            return Ok(GranulePage { hits, ..GranulePage::default() });
        }
        let items = answer.body.get("items").and_then(Value::as_array);
        let items = items.ok_or_else(|| strange("an answer without items"))?;
        let after = answer.after.filter(|_| !items.is_empty());
        let usable = |g: &Granule| {
            if g.links.is_empty() {
                tracing::warn!(granule = %g.id, "the CMR names no way to its data; it is left out");
            }
            !g.links.is_empty()
        };
        let granules = items.iter().map(umm::granule_of_umm).filter(usable).collect();
        Ok(GranulePage { hits, granules, after })
    }

    async fn guests_may_read(&self, collections: &[String]) -> Result<bool, CatalogError> {
        for ids in collections.chunks(IDS) {
            let mut query = vec![("user_type", "guest")];
            query.extend(ids.iter().map(|id| ("concept_id", id.as_str())));
            let map = self.get("/access-control/permissions", &query).await?;
            let may = |id: &String| {
                let list = map.get(id).and_then(Value::as_array);
                list.is_some_and(|l| l.iter().any(|p| p.as_str() == Some("read")))
            };
            if !ids.iter().all(may) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn health(&self) -> Result<(), CatalogError> {
        let request = self.prepare(self.client.get(self.address("/search/health", &[])?));
        let response = super::send(request).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let body = response.text().await.unwrap_or_default();
        let shown: String = body.chars().take(500).collect();
        Err(CatalogError::Unavailable { detail: format!("the CMR answered {status}: {shown}") })
    }

    fn root(&self) -> &str {
        &self.options.endpoint
    }
}

impl Cmr {
    async fn feed(&self, query: &[(&str, &str)]) -> Result<Vec<Collection>, CatalogError> {
        let body = self.get("/search/collections.json", query).await?;
        let entries = body.pointer("/feed/entry").and_then(Value::as_array);
        let entries = entries.ok_or_else(|| strange("an answer without entries"))?;
        Ok(entries.iter().map(|e| umm::collection_of_json(e).collection).collect())
    }

    /// Format of the files of a collection, which only its UMM record says.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn native_format(&self, collection: &str) -> Result<Option<String>, CatalogError> {
        let query = [("concept_id", collection), ("page_size", "2000"), ("include_non_operational", "true")];
        let body = self.get("/search/collections.umm_json_v1_17_3", &query).await?;
        Ok(body.pointer("/items/0").and_then(|i| umm::collection_of_umm(i).collection.native_format))
    }
}

/// The parts of a granule search, only those that apply.
fn form_of(query: &GranuleQuery, size: u64) -> Multipart {
    let mut form = Multipart::default();
    form.text("collection_concept_id", &query.collection);
    form.text("page_size", &size.to_string());
    let (start, end) = (query.start.as_deref(), query.end.as_deref());
    if start.is_some() || end.is_some() {
        form.text("temporal", &format!("{},{}", start.unwrap_or_default(), end.unwrap_or_default()));
    }
    match (query.bbox, query.point) {
        (Some([w, s, e, n]), _) => form.text("bounding_box", &format!("{w},{s},{e},{n}")),
        (None, Some([lon, lat])) => form.text("point", &format!("{lon},{lat}")),
        (None, None) => {}
    }
    query.ids.iter().for_each(|id| form.text("concept_id", id));
    query.names.iter().for_each(|name| form.text("readable_granule_name", name));
    if query.names.iter().any(|n| n.contains(['*', '?'])) {
        form.text("options[readable_granule_name][pattern]", "true");
    }
    if let Some(shape) = &query.shape {
        form.file("shapefile", "shapefile.geojson", "application/geo+json", shape);
    }
    form
}
