//! What a server does for maps before anybody asks.

use std::sync::Arc;

use super::{App, Problem};
use crate::catalog::CollectionQuery;

/// Variables of a granule that are made ready.
const VARIABLES: usize = 8;

/// Makes the first maps of large granules quick: those by which the colours of a collection are chosen, the newest one
/// among them, are thinned once and kept on disk. Others are when they are first drawn.
pub async fn prepare(app: Arc<App>) {
    let collections = match app.catalog.collections(&CollectionQuery::All).await {
        Ok(all) => all,
        Err(why) => return tracing::warn!(%why, "maps are not prepared"),
    };
    for collection in collections {
        let Ok(granules) = app.map_references(&collection.id).await else { continue };
        for location in granules.list.iter().rev().map(|g| g.location.clone()) {
            let name = crate::maps::shown(&location);
            let done = app.maps.run(move |maps| maps.prepare(&location, VARIABLES).map_err(Problem::from));
            if let Err(why) = done.await {
                tracing::debug!(granule = name, why = why.message, "maps of it are not prepared");
            }
        }
    }
}
