//! What is done for maps before anybody asks: when granules are taken into the catalogue, and when a server starts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::catalog::CatalogError;
use crate::catalog::embedded::{Embedded, GranuleSearch, Slice, SortField};
use crate::maps::{self, Maps, Pace};

/// Granules of a collection that are made ready: the newest ones, which lie on top.
const NEWEST: u64 = 3;

/// Makes the first maps of large granules quick: the newest ones of some collections, or of all, are thinned once and
/// kept on disk, while `is_idle` says that nobody waits for maps, for `time` at most. Others are when they are first drawn.
/// What can't be read is passed by: drawing it will say why.
///
/// # Errors
/// What the catalogue says.
pub async fn prepare(
    catalog: &Embedded,
    maps: &Arc<Maps>,
    collections: Option<Vec<String>>,
    time: Duration,
    is_idle: impl Fn() -> bool + Clone + Send + 'static,
) -> Result<(), CatalogError> {
    let until = Instant::now() + time;
    let collections = match collections {
        Some(some) => some,
        None => {
            let snapshot = catalog.snapshot().await?;
            snapshot.collections().map(|r| r.collection.id.clone()).collect()
        }
    };
    for collection in collections {
        if Instant::now() >= until {
            tracing::debug!("there is no time to prepare maps of all collections");
            break;
        }
        for location in newest(catalog, collection).await? {
            let (maps, name, is_idle) = (maps.clone(), maps::shown(&location), is_idle.clone());
            let work = move || maps.prepare(&location, &Pace { until, is_idle: &is_idle });
            match tokio::task::spawn_blocking(work).await {
                Ok(Ok(())) => {}
                Ok(Err(why)) => tracing::debug!(granule = name, %why, "maps of it are not prepared"),
                Err(why) => tracing::debug!(granule = name, %why, "preparing maps of it failed"),
            }
        }
    }
    Ok(())
}

/// Locations of the newest granules of a collection.
async fn newest(catalog: &Embedded, collection: String) -> Result<Vec<String>, CatalogError> {
    let wanted = GranuleSearch { collections: Some(vec![collection]), ..GranuleSearch::default() };
    let slice = Slice { size: NEWEST, ..Slice::default() };
    let found = catalog.search(wanted, vec![(SortField::Start, true)], slice).await?;
    let records = catalog.records(&found.page).await?;
    Ok(records.into_iter().map(|r| r.granule.location).collect())
}
