//! The catalogue as it was at one moment, in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use harmony_model::time::DateTime;
use sqlx::Row;
use sqlx::sqlite::{SqlitePool, SqliteRow};

use super::failed;
use super::index::{Change, Entry, GranuleIndex, NO_TIME};
use super::records::{CollectionRecord, ConceptId, Kind, OtherRecord, VariableRecord};
use crate::catalog::CatalogError;

/// Everything but the bodies of granules.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// Number of the last write that is in it.
    pub change: i64,
    collections: BTreeMap<String, Arc<CollectionRecord>>,
    variables: BTreeMap<String, Arc<VariableRecord>>,
    others: BTreeMap<(Kind, String), Arc<OtherRecord>>,
    indexes: HashMap<String, Arc<GranuleIndex>>,
}

impl Snapshot {
    /// Nothing yet, before the first write.
    pub fn none() -> Self {
        Snapshot { change: -1, ..Snapshot::default() }
    }

    pub fn collections(&self) -> impl Iterator<Item = &Arc<CollectionRecord>> {
        self.collections.values()
    }

    pub fn collection(&self, id: &str) -> Option<&Arc<CollectionRecord>> {
        self.collections.get(id)
    }

    pub fn variables(&self) -> impl Iterator<Item = &Arc<VariableRecord>> {
        self.variables.values()
    }

    pub fn variable(&self, id: &str) -> Option<&Arc<VariableRecord>> {
        self.variables.get(id)
    }

    /// Grids, services or visualizations.
    pub fn others(&self, kind: Kind) -> impl Iterator<Item = &Arc<OtherRecord>> {
        self.others.iter().filter(move |((k, _), _)| *k == kind).map(|(_, r)| r)
    }

    pub fn index(&self, collection: &str) -> Option<&Arc<GranuleIndex>> {
        self.indexes.get(collection)
    }

    /// The catalogue as it is now; what has not changed is shared with this one.
    ///
    /// # Errors
    /// [`CatalogError::Failed`].
    pub async fn renewed(&self, readers: &SqlitePool) -> Result<Self, CatalogError> {
        let mut new = self.clone();
        // One transaction, so that documents and granules are of the same moment.
        let mut transaction = readers.begin().await.map_err(failed)?;
        new.change = change(&mut *transaction).await?;
        let rows = sqlx::query("SELECT id, kind, deleted, body FROM catalog_documents WHERE change > ?")
            .bind(self.change)
            .fetch_all(&mut *transaction)
            .await
            .map_err(failed)?;
        for row in &rows {
            new.document(row)?;
        }
        let mut granules: HashMap<String, Vec<Change>> = HashMap::new();
        {
            use futures_util::TryStreamExt;
            let mut rows = sqlx::query(GRANULES).bind(self.change).fetch(&mut *transaction);
            while let Some(row) = rows.try_next().await.map_err(failed)? {
                let collection: &str = row.try_get(1).map_err(failed)?;
                let change = granule(&row)?;
                match granules.get_mut(collection) {
                    Some(list) => list.push(change),
                    None => drop(granules.insert(collection.to_owned(), vec![change])),
                }
            }
        }
        drop(transaction);
        let changed: Vec<String> = granules.keys().cloned().collect();
        for (collection, changes) in granules {
            Arc::make_mut(new.indexes.entry(collection).or_default()).apply(changes);
        }
        for id in &changed {
            new.derive_extent(id);
        }
        for row in &rows {
            let id: &str = row.try_get(0).map_err(failed)?;
            new.derive_extent(id);
        }
        new.associate();
        Ok(new)
    }

    fn document(&mut self, row: &SqliteRow) -> Result<(), CatalogError> {
        let id: String = row.try_get(0).map_err(failed)?;
        let name: &str = row.try_get(1).map_err(failed)?;
        let deleted: bool = row.try_get(2).map_err(failed)?;
        let body: &str = row.try_get(3).map_err(failed)?;
        // Of a later version of this program.
        let Some(kind) = Kind::of_name(name) else { return Ok(()) };
        let damaged = |e: serde_json::Error| CatalogError::Failed {
            detail: format!("the record of {id} can't be read ({e}); remove it and add it again"),
        };
        match kind {
            _ if deleted => {
                self.collections.remove(&id);
                self.variables.remove(&id);
                self.others.remove(&(kind, id));
            }
            Kind::Collection => {
                let record = serde_json::from_str(body).map_err(damaged)?;
                self.collections.insert(id, Arc::new(record));
            }
            Kind::Variable => {
                let record = serde_json::from_str(body).map_err(damaged)?;
                self.variables.insert(id, Arc::new(record));
            }
            _ => {
                let record = serde_json::from_str(body).map_err(damaged)?;
                self.others.insert((kind, id), Arc::new(record));
            }
        }
        Ok(())
    }

    /// Extent and times of a collection from its granules.
    fn derive_extent(&mut self, id: &str) {
        let (Some(record), Some(index)) = (self.collections.get_mut(id), self.indexes.get(id)) else {
            return;
        };
        if !record.derived {
            return;
        }
        let (bbox, times) = index.extent();
        let record = Arc::make_mut(record);
        let text = |micros: i64| DateTime { micros }.to_string();
        record.collection.boxes = bbox.into_iter().collect();
        record.collection.time_start = times.map(|t| text(t.0));
        record.collection.time_end = times.map(|t| text(t.1));
    }

    /// Variables, services and visualizations of collections, by what those say.
    fn associate(&mut self) {
        let mut variables: HashMap<&str, Vec<(u64, &str)>> = HashMap::new();
        for (id, record) in &self.variables {
            let number = ConceptId::parse(id).map_or(u64::MAX, |c| c.number);
            for collection in &record.collections {
                variables.entry(collection).or_default().push((number, id));
            }
        }
        let of_kind = |kind: Kind, collection: &str| -> Vec<String> {
            let all = self
                .others
                .iter()
                .filter(|((k, _), r)| *k == kind && r.collections.iter().any(|c| c == collection));
            all.map(|((_, id), _)| id.clone()).collect()
        };
        let mut settled = Vec::new();
        for (id, record) in &self.collections {
            let mut ids = variables.remove(id.as_str()).unwrap_or_default();
            ids.sort_unstable();
            let mut collection = record.collection.clone();
            collection.variables = ids.into_iter().map(|(_, v)| v.to_owned()).collect();
            for (kind, list) in [
                (Kind::Service, &mut collection.services),
                (Kind::Visualization, &mut collection.visualizations),
            ] {
                let more = of_kind(kind, id);
                list.extend(more.into_iter().filter(|m| !list.contains(m)).collect::<Vec<_>>());
            }
            if collection != record.collection {
                settled.push((id.clone(), collection));
            }
        }
        for (id, collection) in settled {
            if let Some(record) = self.collections.get_mut(&id) {
                Arc::make_mut(record).collection = collection;
            }
        }
    }
}

const GRANULES: &str =
    "SELECT key, collection, id, name, producer_id, start, \"end\", west, south, east, north,
    outline, revised_ms, size_bytes, deleted FROM catalog_granules WHERE change > ?";

fn granule(row: &SqliteRow) -> Result<Change, CatalogError> {
    let key: i64 = row.try_get(0).map_err(failed)?;
    if row.try_get(14).map_err(failed)? {
        return Ok(Change::Gone(key));
    }
    let id: &str = row.try_get(2).map_err(failed)?;
    let number = ConceptId::parse(id).map_or(0, |c| c.number);
    let float = |i: usize| row.try_get::<Option<f64>, _>(i).map_err(failed);
    let bbox = match (float(7)?, float(8)?, float(9)?, float(10)?) {
        (Some(w), Some(s), Some(e), Some(n)) => Some([w, s, e, n]),
        _ => None,
    };
    let time = |i: usize| row.try_get::<Option<i64>, _>(i).map_err(failed);
    let start = time(5)?.unwrap_or(NO_TIME);
    let size: Option<i64> = row.try_get(13).map_err(failed)?;
    Ok(Change::Put(Arc::new(Entry {
        key,
        number,
        name: row.try_get::<&str, _>(3).map_err(failed)?.into(),
        producer_id: row.try_get::<Option<&str>, _>(4).map_err(failed)?.map(Into::into),
        start,
        end: time(6)?.unwrap_or(start),
        bounds: Entry::bounds_of(bbox),
        outline: row.try_get::<&[u8], _>(11).map_err(failed)?.into(),
        revised_ms: row.try_get(12).map_err(failed)?,
        size_bytes: size.and_then(|s| u64::try_from(s).ok()),
    })))
}

/// Number of the last write.
pub async fn change<'e, E>(executor: E) -> Result<i64, CatalogError>
where
    E: sqlx::Executor<'e, Database = sqlx::Sqlite>,
{
    sqlx::query_scalar("SELECT value FROM catalog_meta WHERE name = 'change'")
        .fetch_one(executor)
        .await
        .map_err(failed)
}
