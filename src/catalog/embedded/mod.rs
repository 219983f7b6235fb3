//! The catalogue of this server: SQLite holds it, searches run in memory.
//!
//! Every search first asks the database for the number of its last write and takes over what is new, so that several
//! processes (`harmony serve`, `harmony catalog add`) see each other's changes.

mod answers;
mod index;
mod links;
mod pattern;
pub mod records;
mod schema;
mod search;
mod snapshot;
mod write;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sqlx::Row;

pub(crate) use answers::read_after;
pub use links::encode_name;
pub use pattern::matches as name_matches;
use records::{CollectionRecord, GranuleRecord, Kind, OtherRecord, VariableRecord};
use schema::Pools;
pub use search::{
    DEFAULT_ORDER, Found, GranuleSearch, Hit, NameField, NameFilter, Slice, SortField, SortKey,
};
pub use snapshot::Snapshot;
use write::Writing;

use crate::catalog::CatalogError;

/// File in the data folder.
pub const FILE: &str = "harmony.db";

/// What other processes write is seen after that long at the latest: one request asks the catalogue several times.
const FRESH: Duration = Duration::from_millis(50);

/// Provider of concepts that are of this server's own making.
pub const PROVIDER: &str = "LOCAL";

/// The catalogue of this server.
pub struct Embedded {
    pools: Pools,
    state: RwLock<Arc<Snapshot>>,
    /// One renewal at a time.
    renewal: tokio::sync::Mutex<()>,
    /// When the file was last asked whether it has changed; `None` after a write.
    asked: Mutex<Option<Instant>>,
}

/// A file of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub key: i64,
    pub id: String,
    pub collection: String,
    pub location: String,
    pub modified_ms: i64,
    pub size_bytes: Option<u64>,
}

impl Embedded {
    /// Opens the catalogue in a data folder, which is made if it is missing.
    ///
    /// # Errors
    /// [`CatalogError::Failed`] naming the file.
    pub async fn open(data: &Path) -> Result<Self, CatalogError> {
        std::fs::create_dir_all(data).map_err(|e| CatalogError::Failed {
            detail: format!(
                "{}: the data folder can't be made ({e}); choose another with --data",
                data.display()
            ),
        })?;
        Embedded::with(schema::open(Some(&data.join(FILE))).await?).await
    }

    /// An empty catalogue that ends with the program.
    ///
    /// # Errors
    /// [`CatalogError::Failed`].
    pub async fn in_memory() -> Result<Self, CatalogError> {
        Embedded::with(schema::open(None).await?).await
    }

    async fn with(pools: Pools) -> Result<Self, CatalogError> {
        let state = Snapshot::none().renewed(&pools.readers).await?;
        Ok(Embedded {
            pools,
            state: RwLock::new(Arc::new(state)),
            renewal: Default::default(),
            asked: Mutex::default(),
        })
    }

    /// The catalogue as it is now.
    ///
    /// # Errors
    /// [`CatalogError::Failed`].
    pub async fn snapshot(&self) -> Result<Arc<Snapshot>, CatalogError> {
        let current = || self.state.read().unwrap_or_else(PoisonError::into_inner).clone();
        if self.asked().is_some_and(|at| at.elapsed() < FRESH) {
            return Ok(current());
        }
        let begun = Instant::now();
        let change = snapshot::change(&self.pools.readers).await?;
        let known = current();
        if known.change == change {
            *self.asked() = Some(begun);
            return Ok(known);
        }
        let _one = self.renewal.lock().await;
        let known = current();
        if known.change >= change {
            return Ok(known);
        }
        let new = Arc::new(known.renewed(&self.pools.readers).await?);
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = new.clone();
        *self.asked() = Some(begun);
        Ok(new)
    }

    /// After a write of this process: it is seen at once.
    fn forget_asking(&self) {
        *self.asked() = None;
    }

    fn asked(&self) -> MutexGuard<'_, Option<Instant>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Searches granules on a thread for computations.
    ///
    /// # Errors
    /// [`CatalogError::Failed`].
    pub async fn search(
        &self,
        wanted: GranuleSearch,
        order: Vec<SortKey>,
        slice: Slice,
    ) -> Result<Found, CatalogError> {
        let snapshot = self.snapshot().await?;
        tokio::task::spawn_blocking(move || search::search(&snapshot, &wanted, &order, &slice))
            .await
            .map_err(|e| CatalogError::Failed { detail: format!("the search ended early: {e}") })
    }

    /// Whole records of what was found, in its order. One that was removed meanwhile is left out.
    ///
    /// # Errors
    /// [`CatalogError::Failed`].
    pub async fn records(&self, hits: &[Hit]) -> Result<Vec<GranuleRecord>, CatalogError> {
        let mut records = Vec::with_capacity(hits.len());
        let mut connection = self.pools.readers.acquire().await.map_err(failed)?;
        for hit in hits {
            let body: Option<String> =
                sqlx::query_scalar("SELECT body FROM catalog_granule_bodies WHERE key = ?")
                    .bind(hit.entry.key)
                    .fetch_optional(&mut *connection)
                    .await
                    .map_err(failed)?;
            let Some(body) = body else { continue };
            records.push(serde_json::from_str(&body).map_err(|e| CatalogError::Failed {
                detail: format!("the record of {} can't be read ({e}); add its file again", hit.id()),
            })?);
        }
        Ok(records)
    }

    /// One granule by its concept id.
    ///
    /// # Errors
    /// [`CatalogError::Failed`].
    pub async fn granule(&self, id: &str) -> Result<Option<GranuleRecord>, CatalogError> {
        let wanted = GranuleSearch { ids: vec![id.into()], ..GranuleSearch::default() };
        let slice = Slice { size: 1, ..Slice::default() };
        let found = self.search(wanted, DEFAULT_ORDER.into(), slice).await?;
        Ok(self.records(&found.page).await?.pop())
    }

    /// Files of a collection, or of all.
    ///
    /// # Errors
    /// [`CatalogError::Failed`].
    pub async fn files(&self, collection: Option<&str>) -> Result<Vec<Stored>, CatalogError> {
        let rows = sqlx::query(
            "SELECT key, id, collection, location, modified_ms, size_bytes FROM catalog_granules
             WHERE deleted = 0 AND (? IS NULL OR collection = ?) ORDER BY key",
        )
        .bind(collection)
        .bind(collection)
        .fetch_all(&self.pools.readers)
        .await
        .map_err(failed)?;
        let read = |row: &sqlx::sqlite::SqliteRow| -> Result<Stored, sqlx::Error> {
            Ok(Stored {
                key: row.try_get(0)?,
                id: row.try_get(1)?,
                collection: row.try_get(2)?,
                location: row.try_get(3)?,
                modified_ms: row.try_get(4)?,
                size_bytes: row.try_get::<Option<i64>, _>(5)?.and_then(|s| u64::try_from(s).ok()),
            })
        };
        rows.iter().map(read).collect::<Result<_, _>>().map_err(failed)
    }

    /// Stores a collection. Without an id it gets that of the collection of its short name and version, or a new one;
    /// gives the record as it is stored.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn insert_collection(
        &self,
        mut record: CollectionRecord,
    ) -> Result<CollectionRecord, CatalogError> {
        let mut writing = Writing::begin(self).await?;
        writing.collection(&mut record, PROVIDER).await?;
        writing.finish(self).await?;
        Ok(record)
    }

    /// Stores variables; those without an id get that of the variable of their name in their first collection, or a
    /// new one.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn insert_variables(
        &self,
        mut records: Vec<VariableRecord>,
    ) -> Result<Vec<VariableRecord>, CatalogError> {
        let mut writing = Writing::begin(self).await?;
        for record in &mut records {
            writing.variable(record, PROVIDER).await?;
        }
        writing.finish(self).await?;
        Ok(records)
    }

    /// Stores grids, services or visualizations.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn insert_others(
        &self,
        kind: Kind,
        mut records: Vec<OtherRecord>,
    ) -> Result<Vec<OtherRecord>, CatalogError> {
        let mut writing = Writing::begin(self).await?;
        for record in &mut records {
            writing.other(kind, record, PROVIDER).await?;
        }
        writing.finish(self).await?;
        Ok(records)
    }

    /// Stores granules in one transaction. One at a location that the collection has already replaces that one and
    /// keeps its id.
    ///
    /// # Errors
    /// [`CatalogError`]; nothing is stored then.
    pub async fn insert_granules(
        &self,
        mut records: Vec<GranuleRecord>,
    ) -> Result<Vec<GranuleRecord>, CatalogError> {
        let mut writing = Writing::begin(self).await?;
        for record in &mut records {
            writing.granule(record).await?;
        }
        writing.finish(self).await?;
        Ok(records)
    }

    /// Removes granules by the keys of [`Stored`]. The files stay.
    ///
    /// # Errors
    /// [`CatalogError::Failed`].
    pub async fn remove_granules(&self, keys: &[i64]) -> Result<(), CatalogError> {
        let mut writing = Writing::begin(self).await?;
        writing.drop_granules(keys).await?;
        writing.finish(self).await
    }

    /// Removes a collection with its granules; gives how many it had. The files stay.
    ///
    /// # Errors
    /// [`CatalogError::Failed`].
    pub async fn remove_collection(&self, id: &str) -> Result<u64, CatalogError> {
        let mut writing = Writing::begin(self).await?;
        let gone = writing.drop_collection(id).await?;
        writing.finish(self).await?;
        Ok(gone)
    }
}

/// A fault of the database.
fn failed(error: sqlx::Error) -> CatalogError {
    CatalogError::Failed { detail: format!("the database failed: {error}") }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
