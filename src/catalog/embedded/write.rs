//! Changing the catalogue: one transaction each, by the one connection that writes.

use serde::Serialize;
use sqlx::{Row, Sqlite, Transaction};

use harmony_model::time::DateTime;

use super::links::own_link;
use super::records::{CollectionRecord, ConceptId, GranuleRecord, Kind, OtherRecord, VariableRecord};
use super::{Embedded, failed, now_ms};
use crate::catalog::CatalogError;
use crate::catalog::geo::Footprint;

/// A write in progress.
pub(super) struct Writing {
    transaction: Transaction<'static, Sqlite>,
    change: i64,
}

fn wrong(detail: String) -> CatalogError {
    CatalogError::Rejected { status: 400, message: detail }
}

impl Writing {
    pub async fn begin(catalog: &Embedded) -> Result<Self, CatalogError> {
        let mut transaction = catalog.pools.writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        let change = sqlx::query_scalar(
            "UPDATE catalog_meta SET value = value + 1 WHERE name = 'change' RETURNING value",
        )
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
        Ok(Writing { transaction, change })
    }

    pub async fn finish(self, catalog: &Embedded) -> Result<(), CatalogError> {
        self.transaction.commit().await.map_err(failed)?;
        catalog.forget_asking();
        Ok(())
    }

    /// A concept id that is free.
    async fn new_id(&mut self, prefix: &str, provider: &str) -> Result<String, CatalogError> {
        let number: i64 = sqlx::query_scalar(
            "UPDATE catalog_meta SET value = value + 1 WHERE name = 'next_number' RETURNING value - 1",
        )
        .fetch_one(&mut *self.transaction)
        .await
        .map_err(failed)?;
        Ok(format!("{prefix}{number}-{provider}"))
    }

    /// Ids that are given from outside are not given again.
    async fn reserve(&mut self, id: &str) -> Result<(), CatalogError> {
        let number = ConceptId::parse(id).and_then(|c| i64::try_from(c.number).ok()).unwrap_or(0);
        sqlx::query("UPDATE catalog_meta SET value = ? WHERE name = 'next_number' AND value <= ? AND ? < ?")
            .bind(number.saturating_add(1))
            .bind(number)
            .bind(number)
            .bind(i64::MAX / 2)
            .execute(&mut *self.transaction)
            .await
            .map(drop)
            .map_err(failed)
    }

    /// The id that a document of that natural key has or had.
    async fn known_id(&mut self, kind: Kind, key: &str) -> Result<Option<String>, CatalogError> {
        sqlx::query_scalar("SELECT id FROM catalog_documents WHERE kind = ? AND natural_key = ?")
            .bind(kind.name())
            .bind(key)
            .fetch_optional(&mut *self.transaction)
            .await
            .map_err(failed)
    }

    async fn put<T: Serialize>(
        &mut self,
        kind: Kind,
        id: &str,
        key: &str,
        body: &T,
    ) -> Result<(), CatalogError> {
        let body = serde_json::to_string(body).map_err(|e| CatalogError::Failed { detail: e.to_string() })?;
        self.reserve(id).await?;
        sqlx::query(
            "INSERT INTO catalog_documents (id, kind, natural_key, change, body) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, natural_key = excluded.natural_key,
             change = excluded.change, body = excluded.body, deleted = 0",
        )
        .bind(id)
        .bind(kind.name())
        .bind(key)
        .bind(self.change)
        .bind(body)
        .execute(&mut *self.transaction)
        .await
        .map(drop)
        .map_err(|e| match e.as_database_error().is_some_and(|d| d.is_unique_violation()) {
            true => wrong(format!(
                "{id}: the {} '{}' exists under another concept id; name it once",
                kind.name(),
                key.replace('\u{1f}', " ")
            )),
            false => failed(e),
        })
    }

    pub async fn collection(
        &mut self,
        record: &mut CollectionRecord,
        provider: &str,
    ) -> Result<(), CatalogError> {
        let c = &mut record.collection;
        let key = format!("{}\u{1f}{}", c.short_name, c.version);
        if c.id.is_empty() {
            let provider = if c.provider.is_empty() { provider } else { &c.provider };
            c.id = match self.known_id(Kind::Collection, &key).await? {
                Some(id) => id,
                None => self.new_id("C", provider).await?,
            };
        }
        let Some(id) = ConceptId::parse(&c.id).filter(|i| i.prefix == "C") else {
            return Err(wrong(format!(
                "'{}' is no concept id of a collection; write C<number>-<PROVIDER>",
                c.id
            )));
        };
        c.provider = id.provider.to_owned();
        if c.data_center.is_empty() {
            c.data_center.clone_from(&c.provider);
        }
        if c.revised.is_empty() {
            c.revised = DateTime { micros: now_ms() * 1000 }.to_string();
        }
        // The same name and version may be there several times when ids were given.
        let taken = self.known_id(Kind::Collection, &key).await?.filter(|known| *known != c.id);
        let key = if taken.is_some() { format!("{key}\u{1f}{}", c.id) } else { key };
        let id = c.id.clone();
        self.put(Kind::Collection, &id, &key, record).await
    }

    pub async fn variable(
        &mut self,
        record: &mut VariableRecord,
        provider: &str,
    ) -> Result<(), CatalogError> {
        let first = record.collections.first().cloned().unwrap_or_default();
        let mut key = format!("{first}\u{1f}{}", record.variable.name);
        if record.variable.id.is_empty() {
            record.variable.id = match self.known_id(Kind::Variable, &key).await? {
                Some(id) => id,
                None => self.new_id("V", provider).await?,
            };
        } else {
            key = format!("{key}\u{1f}{}", record.variable.id);
        }
        let id = record.variable.id.clone();
        self.put(Kind::Variable, &id, &key, record).await
    }

    pub async fn other(
        &mut self,
        kind: Kind,
        record: &mut OtherRecord,
        provider: &str,
    ) -> Result<(), CatalogError> {
        let mut key = record.name.clone();
        if record.id.is_empty() {
            record.id = match self.known_id(kind, &key).await? {
                Some(id) => id,
                None => self.new_id(kind.prefix(), provider).await?,
            };
        } else if self.known_id(kind, &key).await?.is_some_and(|known| known != record.id) {
            key = format!("{key}\u{1f}{}", record.id);
        }
        let id = record.id.clone();
        self.put(kind, &id, &key, record).await
    }

    /// Stores a granule; the one of the same place in the collection is replaced and keeps its id.
    pub async fn granule(&mut self, record: &mut GranuleRecord) -> Result<(), CatalogError> {
        let known = sqlx::query("SELECT key, id FROM catalog_granules WHERE collection = ? AND location = ?")
            .bind(&record.granule.collection)
            .bind(place(record))
            .fetch_optional(&mut *self.transaction)
            .await
            .map_err(failed)?;
        let known: Option<(i64, String)> = match known {
            Some(row) => Some((row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?)),
            None => None,
        };
        let owner = ConceptId::parse(&record.granule.collection).map(|c| c.provider.to_owned());
        let Some(provider) = owner else {
            return Err(wrong(format!("granule '{}' names no collection", record.granule.name)));
        };
        let g = &mut record.granule;
        match (&known, g.id.is_empty()) {
            (Some((_, id)), true) => g.id.clone_from(id),
            (None, true) => g.id = self.new_id("G", &provider).await?,
            _ => {}
        }
        if ConceptId::parse(&g.id).is_none_or(|c| c.prefix != "G" || c.provider != provider) {
            return Err(wrong(format!("'{}' is no concept id of a granule of {provider}", g.id)));
        }
        if g.revised.is_empty() {
            g.revised = DateTime { micros: now_ms() * 1000 }.to_string();
        }
        if g.links.is_empty() {
            g.links.extend(own_link(g));
        }
        self.reserve(&record.granule.id).await?;
        self.put_granule(record, known.map(|k| k.0)).await
    }

    async fn put_granule(&mut self, record: &GranuleRecord, key: Option<i64>) -> Result<(), CatalogError> {
        let g = &record.granule;
        let footprint = Footprint { bbox: g.bbox, polygons: g.polygons.clone(), lines: g.lines.clone() };
        let bbox = g.bbox.or_else(|| crate::catalog::geo::smallest_box(&footprint.outlines()));
        let micros = |text: &Option<String>| match text {
            Some(text) => DateTime::parse(text).map(|t| Some(t.micros)).map_err(|e| wrong(e.to_string())),
            None => Ok(None),
        };
        let (start, end) = (micros(&g.start)?, micros(&g.end)?);
        let size = g.size_bytes.and_then(|s| i64::try_from(s).ok());
        let key: i64 = sqlx::query_scalar(
            "INSERT INTO catalog_granules (key, id, collection, name, producer_id, location, modified_ms, size_bytes,
             start, \"end\", west, south, east, north, outline, revised_ms, change)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (key) DO UPDATE SET id = excluded.id, name = excluded.name,
             producer_id = excluded.producer_id, modified_ms = excluded.modified_ms,
             size_bytes = excluded.size_bytes, start = excluded.start, \"end\" = excluded.\"end\",
             west = excluded.west, south = excluded.south, east = excluded.east, north = excluded.north,
             outline = excluded.outline, revised_ms = excluded.revised_ms, change = excluded.change, deleted = 0
             RETURNING key",
        )
        .bind(key)
        .bind(&g.id)
        .bind(&g.collection)
        .bind(&g.name)
        .bind(g.producer_id.as_deref())
        .bind(place(record))
        .bind(record.modified_ms)
        .bind(size)
        .bind(start)
        .bind(end.or(start))
        .bind(bbox.map(|b| b[0]))
        .bind(bbox.map(|b| b[1]))
        .bind(bbox.map(|b| b[2]))
        .bind(bbox.map(|b| b[3]))
        .bind(footprint.pack())
        .bind(DateTime::parse(&g.revised).map_or(0, |t| t.micros / 1000))
        .bind(self.change)
        .fetch_one(&mut *self.transaction)
        .await
        .map_err(failed)?;
        let body =
            serde_json::to_string(record).map_err(|e| CatalogError::Failed { detail: e.to_string() })?;
        sqlx::query("INSERT OR REPLACE INTO catalog_granule_bodies (key, body) VALUES (?, ?)")
            .bind(key)
            .bind(body)
            .execute(&mut *self.transaction)
            .await
            .map(drop)
            .map_err(failed)
    }

    /// Marks granules as gone.
    pub async fn drop_granules(&mut self, keys: &[i64]) -> Result<(), CatalogError> {
        for key in keys {
            sqlx::query("UPDATE catalog_granules SET deleted = 1, change = ? WHERE key = ?")
                .bind(self.change)
                .bind(key)
                .execute(&mut *self.transaction)
                .await
                .map_err(failed)?;
        }
        Ok(())
    }

    /// Marks a collection, its variables and its granules as gone; how many granules it had.
    pub async fn drop_collection(&mut self, id: &str) -> Result<u64, CatalogError> {
        let gone = sqlx::query(
            "UPDATE catalog_granules SET deleted = 1, change = ? WHERE collection = ? AND deleted = 0",
        )
        .bind(self.change)
        .bind(id)
        .execute(&mut *self.transaction)
        .await
        .map_err(failed)?
        .rows_affected();
        sqlx::query(
            "UPDATE catalog_documents SET deleted = 1, change = ? WHERE id = ?
             OR (kind = 'variable' AND substr(natural_key, 1, length(?) + 1) = ? || char(31))",
        )
        .bind(self.change)
        .bind(id)
        .bind(id)
        .bind(id)
        .execute(&mut *self.transaction)
        .await
        .map_err(failed)?;
        Ok(gone)
    }
}

/// What makes a granule the same one: where it is; for one that is nowhere its concept id or name.
fn place(record: &GranuleRecord) -> &str {
    let g = &record.granule;
    [&g.location, &g.id, &g.name].into_iter().find(|t| !t.is_empty()).map_or("", String::as_str)
}
