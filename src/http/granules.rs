//! `/granules/<concept id>/<file name>`: the files of the catalogue as they are, for links of searches and of jobs
//! that transform nothing.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use super::{App, Problem, results};
use crate::jobs::media;
use crate::store::Location;

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/granules/{id}/{name}", get(granule))
}

async fn granule(
    State(app): State<Arc<App>>,
    axum::extract::Path((id, name)): axum::extract::Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("The requested resource could not be found");
    let granule = app.catalog.granule(&id).await?.ok_or_else(missing)?;
    match Location::parse(&granule.location).map_err(Problem::internal)? {
        Location::Local(path) => {
            let own = path.file_name().is_some_and(|n| n.to_string_lossy() == name);
            // A Zarr store is a folder: it has no single file to give.
            if !own || !Path::new(&path).is_file() {
                return Err(missing());
            }
            results::serve_file(&path, &headers, &method, &name, media::type_of(&name)).await
        }
        remote => Ok(Redirect::temporary(&remote.to_string()).into_response()),
    }
}
