//! The embedded catalogue as [`Catalog`].

use std::sync::Arc;

use async_trait::async_trait;
use harmony_model::time::DateTime;
use serde_json::Value;

use super::records::{GranuleRecord, Kind};
use super::{DEFAULT_ORDER, Embedded, GranuleSearch, NameFilter, Slice};
use crate::catalog::geo::Region;
use crate::catalog::{
    Catalog, CatalogError, Collection, CollectionQuery, Granule, GranulePage, GranuleQuery, Grid, Page,
    Variable,
};

#[async_trait]
impl Catalog for Embedded {
    async fn collections(&self, query: &CollectionQuery) -> Result<Vec<Collection>, CatalogError> {
        let snapshot = self.snapshot().await?;
        let all = snapshot.collections().map(|r| &r.collection);
        let mut found: Vec<Collection> = match query {
            CollectionQuery::Ids(ids) => all.filter(|c| ids.contains(&c.id)).cloned().collect(),
            CollectionQuery::ShortName(name) => {
                all.filter(|c| c.short_name.to_lowercase() == name.to_lowercase()).cloned().collect()
            }
            CollectionQuery::All => all.cloned().collect(),
        };
        match query {
            CollectionQuery::ShortName(_) => found.sort_by(|a, b| b.revised.cmp(&a.revised)),
            _ => found.sort_by_key(|c| (c.title.to_lowercase(), c.provider.to_lowercase())),
        }
        Ok(found)
    }

    async fn variables(&self, ids: &[String]) -> Result<Vec<Variable>, CatalogError> {
        let snapshot = self.snapshot().await?;
        Ok(ids.iter().filter_map(|id| snapshot.variable(id)).map(|r| r.variable.clone()).collect())
    }

    async fn grids(&self, name: &str) -> Result<Vec<Grid>, CatalogError> {
        let snapshot = self.snapshot().await?;
        let named = snapshot.others(Kind::Grid).filter(|r| r.name.to_lowercase() == name.to_lowercase());
        Ok(named.filter_map(|r| r.grid.clone()).collect())
    }

    async fn granules(&self, query: &GranuleQuery, page: &Page) -> Result<GranulePage, CatalogError> {
        let after = match &page.after {
            Some(text) => Some(read_after(text)?),
            None => None,
        };
        let slice = Slice { offset: 0, size: page.size, after };
        let found = self.search(of_query(query)?, DEFAULT_ORDER.into(), slice).await?;
        let records = self.records(&found.page).await?;
        let granules = records.into_iter().map(|r: GranuleRecord| r.granule).collect();
        let after = found.after.filter(|_| found.more).map(|values| Value::Array(values).to_string());
        Ok(GranulePage { hits: found.hits, granules, after })
    }

    async fn guests_may_read(&self, collections: &[String]) -> Result<bool, CatalogError> {
        let snapshot = self.snapshot().await?;
        Ok(collections.iter().all(|id| snapshot.collection(id).is_some_and(|c| !c.restricted)))
    }

    async fn granule(&self, id: &str) -> Result<Option<Granule>, CatalogError> {
        Ok(Embedded::granule(self, id).await?.map(|record| record.granule))
    }

    async fn health(&self) -> Result<(), CatalogError> {
        self.snapshot().await.map(drop)
    }

    fn root(&self) -> &str {
        ""
    }

    fn embedded(&self) -> Option<&Embedded> {
        Some(self)
    }
}

/// Sort values of a page as clients send them back.
///
/// # Errors
/// [`CatalogError::Rejected`] when it isn't one.
pub(crate) fn read_after(text: &str) -> Result<Vec<Value>, CatalogError> {
    match serde_json::from_str(text) {
        Ok(Value::Array(values)) if !values.is_empty() => Ok(values),
        _ => Err(CatalogError::Rejected {
            status: 400,
            message: "The search-after header is invalid, please send the value of the previous answer."
                .into(),
        }),
    }
}

fn of_query(query: &GranuleQuery) -> Result<GranuleSearch, CatalogError> {
    let mut regions = Vec::new();
    if let Some(bbox) = query.bbox {
        regions.push(Arc::new(Region::of_box(bbox)));
    }
    if let Some(point) = query.point {
        regions.push(Arc::new(Region::of_point(point)));
    }
    if let Some(shape) = &query.shape {
        regions.push(Arc::new(crate::catalog::geo::shapefile::region(shape.as_bytes())?));
    }
    let micros = |text: &Option<String>| match text.as_deref().filter(|t| !t.is_empty()) {
        Some(text) => DateTime::parse(text)
            .map(|t| Some(t.micros))
            .map_err(|e| CatalogError::Rejected { status: 400, message: e.to_string() }),
        None => Ok(None),
    };
    let (start, end) = (micros(&query.start)?, micros(&query.end)?);
    let is_pattern = query.names.iter().any(|n| n.contains(['*', '?']));
    let names = NameFilter { values: query.names.clone(), is_pattern, ..NameFilter::default() };
    Ok(GranuleSearch {
        collections: (!query.collection.is_empty()).then(|| vec![query.collection.clone()]),
        ids: query.ids.clone(),
        names: if query.names.is_empty() { Vec::new() } else { vec![names] },
        times: if start.is_some() || end.is_some() { vec![(start, end)] } else { Vec::new() },
        regions,
        ..GranuleSearch::default()
    })
}
