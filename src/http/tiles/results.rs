//! Tiles of the results of a job: `/jobs/{id}/tiles/{variable}/{z}/{x}/{y}.png`, with the parameters of other plain
//! tiles. `{variable}` is a path or name in the result, or `all`.

use std::path::{Component, Path as FilePath, PathBuf};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::{plain_tile, style, times};
use crate::http::jobs::{may_see, parse_id, unknown};
use crate::http::wms::Parameters;
use crate::http::{App, Caller, Problem};
use crate::jobs::store::{LinkPage, View};
use crate::maps::{Layer, What};

/// Granules whose values the stretch is taken from.
const REFERENCES: usize = 3;

pub async fn tile(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    Path((id, variable, z, x, y)): Path<(String, String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let parameters = Parameters::parse(uri.query().unwrap_or_default());
    let tile = plain_tile(&z, &x, &y, &parameters)?;
    super::check(&app, &parameters)?;
    let view = job(&app, &caller, &id).await?;
    let key = format!("job {id} {} {variable} {tile:?} {}", view.job.updated_ms, parameters.canonical());
    let made = async {
        let layer = layer(&app, &view, &variable, &parameters).await?;
        super::draw(&app, layer, tile, tile.view()?).await
    };
    let answer = app.maps.answer(key, made).await?;
    Ok(answer.response(&headers, app.config.map_max_age_seconds).into_response())
}

/// The job with the links of its results.
///
/// # Errors
/// 404 when there is none that the caller may see; 413 when it has more results than a map may show.
async fn job(app: &App, caller: &Caller, id: &str) -> Result<View, Problem> {
    let missing = || Problem::not_found("The requested page was not found.");
    let id = parse_id(id).ok_or_else(missing)?;
    let limit = app.config.map_max_granules;
    let page = LinkPage { offset: 0, limit: limit.saturating_add(1), located: false };
    let view = app.jobs.store().view(id, page).await?.ok_or_else(|| unknown(id))?;
    if !may_see(app, caller, &view.job.username, &view.job.collections).await? {
        return Err(unknown(id));
    }
    if view.total > limit {
        let message = format!(
            "The job has {} results; a map shows at most {limit}. Ask for tiles of a smaller job",
            view.total
        );
        return Err(Problem::too_large(message).with_status(StatusCode::PAYLOAD_TOO_LARGE));
    }
    Ok(view)
}

async fn layer(app: &App, view: &View, variable: &str, parameters: &Parameters) -> Result<Layer, Problem> {
    let results = app.jobs.results();
    let mut files = Vec::new();
    for link in view.links.iter().filter(|l| l.rel == "data") {
        // What needed no work is the granule itself.
        let granule = link.href.strip_prefix("/granules/").and_then(|rest| rest.split('/').next());
        match granule {
            Some(id) => files.extend(app.catalog.granule(id).await?.map(|g| g.location)),
            None => {
                let file = file(&results, &app.config.staging_bucket, &link.href);
                files.extend(file.map(|f| f.display().to_string()));
            }
        }
    }
    if files.is_empty() {
        return Err(Problem::not_found("The job has no results on this server yet."));
    }
    let what = match variable {
        "all" => What::All,
        name => What::Variable(name.to_owned()),
    };
    Ok(Layer {
        collection: format!("job {}", view.job.id),
        what,
        style: style(parameters)?,
        reference: files.iter().take(REFERENCES).cloned().collect(),
        granules: files,
        times: times(parameters)?,
        axes: parameters.axes(),
        start: None,
    })
}

/// The file of a result that is on this server.
fn file(results: &FilePath, bucket: &str, href: &str) -> Option<PathBuf> {
    let object = href.strip_prefix("s3://").or_else(|| href.strip_prefix("/service-results/"))?;
    let key = FilePath::new(object.strip_prefix(bucket)?.strip_prefix('/')?);
    let plain = key.components().all(|c| matches!(c, Component::Normal(_)));
    plain.then(|| results.join(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_found_and_nothing_else() {
        let of = |href: &str| file(FilePath::new("/r"), "b", href);
        assert_eq!(of("s3://b/public/1/a.nc"), Some(PathBuf::from("/r/public/1/a.nc")));
        assert_eq!(of("/service-results/b/public/1/a.nc"), Some(PathBuf::from("/r/public/1/a.nc")));
        for other in
            ["s3://c/public/1/a.nc", "s3://b/../x", "https://h/b/a.nc", "s3://bb/a.nc", "s3://b//etc"]
        {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
