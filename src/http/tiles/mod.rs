//! Tiles: OGC API Tiles (OGC 20-057) at `/{collections}/ogc-api-tiles/1.0.0` and plain ones at
//! `/{collections}/tiles/{variable}/{z}/{x}/{y}.png`; of the results of a job at
//! `/jobs/{id}/tiles/{variable}/{z}/{x}/{y}.png`.
//!
//! `{variable}` is a variable by concept id or name, or `all` for red, green and blue together (else the first
//! variable). Parameters: `style`, `rescale=MIN,MAX`, `time`, `elevation`, `dim_<axis>`, `granuleId`, `granuleName`,
//! `size=256|512`; plain tiles may be called `{y}@2x.png`.

mod documents;
mod matrix;
mod results;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

pub use matrix::TileMatrixSet;

use super::layers::{self, Collected, Named};
use super::map_granules::Wish;
use super::map_service::{Answer, state};
use super::wms::{Exception, Parameters};
use super::{App, Problem};
use crate::maps::{ImageFormat, Layer, StyleSpec, View, What, parse_times};

/// Routes of tiles.
pub fn routes() -> Router<Arc<App>> {
    documents::routes()
        .route("/{collections}/tiles/{variable}/{z}/{x}/{y}", get(plain))
        .route(
            "/{collections}/ogc-api-tiles/1.0.0/collections/{variable}/map/tiles/{set}/{matrix}/{row}/{col}",
            get(standard),
        )
        .route("/jobs/{id}/tiles/{variable}/{z}/{x}/{y}", get(results::tile))
}

/// One tile.
#[derive(Clone, Copy, Debug)]
pub struct Tile {
    pub set: TileMatrixSet,
    pub zoom: u8,
    pub col: u64,
    pub row: u64,
    /// Along a side: 256 or 512.
    pub pixels: u32,
    pub format: ImageFormat,
}

impl Tile {
    /// # Errors
    /// 404 when there is no such tile.
    fn view(&self) -> Result<View, Problem> {
        self.set.view(self.zoom, self.col, self.row, self.pixels).ok_or_else(|| {
            let [cols, rows] = self.set.size(self.zoom);
            Problem::not_found(format!(
                "There is no tile {}/{}/{}; zoom levels are 0 to {}, level {} has {cols} columns and {rows} rows.",
                self.zoom,
                self.col,
                self.row,
                matrix::DEEPEST,
                self.zoom.min(matrix::DEEPEST)
            ))
        })
    }
}

async fn plain(
    State(app): State<Arc<App>>,
    uri: Uri,
    Path((_, variable, z, x, y)): Path<(String, String, String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let parameters = Parameters::parse(uri.query().unwrap_or_default());
    let tile = match plain_tile(&z, &x, &y, &parameters) {
        Ok(tile) => tile,
        Err(problem) => return problem.into_response(),
    };
    serve(&app, segment(&uri), &variable, tile, &parameters, &headers).await
}

async fn standard(
    State(app): State<Arc<App>>,
    uri: Uri,
    Path((_, variable, set, matrix, row, col)): Path<(String, String, String, String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let parameters = Parameters::parse(uri.query().unwrap_or_default());
    let tile = match standard_tile(&set, [&matrix, &row, &col], &parameters, &headers) {
        Ok(tile) => tile,
        Err(problem) => return problem.into_response(),
    };
    serve(&app, segment(&uri), &variable, tile, &parameters, &headers).await
}

/// The collections of a path, as written.
fn segment(uri: &Uri) -> &str {
    uri.path().split('/').nth(1).unwrap_or_default()
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::not_found("The requested page was not found."))
}

/// `{y}`, `{y}@2x`, with an extension.
fn plain_tile(z: &str, x: &str, y: &str, parameters: &Parameters) -> Result<Tile, Problem> {
    let (stem, extension) = y.rsplit_once('.').unwrap_or((y, "png"));
    let (row, double) = match stem.strip_suffix("@2x") {
        Some(row) => (row, true),
        None => (stem, false),
    };
    let format = ImageFormat::parse(extension);
    let format = format.ok_or_else(|| Problem::not_found("The requested page was not found."))?;
    let pixels = if double { 512 } else { size_of(parameters)? };
    let set = match parameters.filled("tilematrixset") {
        None => TileMatrixSet::WebMercatorQuad,
        Some(id) => set_of(id)?,
    };
    Ok(Tile { set, zoom: number(z)?, col: number(x)?, row: number(row)?, pixels, format })
}

fn set_of(id: &str) -> Result<TileMatrixSet, Problem> {
    TileMatrixSet::find(id).ok_or_else(|| {
        let known: Vec<&str> = TileMatrixSet::ALL.iter().map(|t| t.id()).collect();
        let id: String = id.chars().take(80).collect();
        Problem::not_found(format!("There is no tile matrix set '{id}'; choose one of {}.", known.join(", ")))
    })
}

fn size_of(parameters: &Parameters) -> Result<u32, Problem> {
    match parameters.filled("size") {
        None | Some("256") => Ok(256),
        Some("512") => Ok(512),
        Some(other) => {
            let other: String = other.chars().take(40).collect();
            Err(Problem::invalid(format!("query parameter \"size\" '{other}' must be 256 or 512")))
        }
    }
}

fn standard_tile(
    set: &str,
    [matrix, row, col]: [&str; 3],
    parameters: &Parameters,
    headers: &HeaderMap,
) -> Result<Tile, Problem> {
    let asked = parameters.filled("f");
    let accepted = headers.get(axum::http::header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let format = match asked {
        Some(text) => ImageFormat::parse(text).ok_or_else(|| {
            let known: Vec<&str> = ImageFormat::all().map(ImageFormat::media_type).collect();
            Problem::invalid(format!("query parameter \"f\" must be one of {}", known.join(", ")))
        })?,
        None => accepted.split(',').find_map(ImageFormat::parse).unwrap_or(ImageFormat::Png),
    };
    let set = set_of(set)?;
    Ok(Tile {
        set,
        zoom: number(matrix)?,
        col: number(col)?,
        row: number(row)?,
        pixels: size_of(parameters)?,
        format,
    })
}

/// The collection and the layer that a path names.
///
/// # Errors
/// 404 for what there isn't.
pub(super) async fn layer_named(app: &App, segment: &str, variable: &str) -> Result<Named, Problem> {
    let collections = app.map_collections(segment).await?;
    let none = || {
        let variable: String = variable.chars().take(200).collect();
        Problem::not_found(format!("There is no variable '{variable}' in the collection {segment}."))
    };
    let collected = collections.first().cloned().ok_or_else(none)?;
    if !app.has_map_service(&collected.collection) {
        return Err(Problem::not_found(
            "There is no service configured to support transformations on the provided collection via WMS.",
        ));
    }
    let what = |collected: &Collected| match variable {
        "all" | layers::COLOURS => Some((What::All, None)),
        name => layers::variable_of(collected, name)
            .map(|v| (What::Variable(v.name.clone()), Some(v.clone())))
            // A catalogue without variables knows nothing of those in the files.
            .or_else(|| collected.variables.is_empty().then(|| (What::Variable(name.to_owned()), None))),
    };
    let (what, variable) = what(&collected).ok_or_else(none)?;
    let name = collected.collection.id.clone();
    Ok(Named { collected, what, name, variable })
}

async fn serve(
    app: &Arc<App>,
    segment: &str,
    variable: &str,
    tile: Tile,
    parameters: &Parameters,
    headers: &HeaderMap,
) -> Response {
    let key = format!("tile {segment} {variable} {tile:?} {}", parameters.canonical());
    let made = app.maps.answer(key, make(app, segment, variable, tile, parameters)).await;
    match made {
        Ok(answer) => answer.response(headers, app.config.map_max_age_seconds),
        Err(problem) => problem.into_response(),
    }
}

async fn make(
    app: &Arc<App>,
    segment: &str,
    variable: &str,
    tile: Tile,
    parameters: &Parameters,
) -> Result<Answer, Problem> {
    check(app, parameters)?;
    let named = layer_named(app, segment, variable).await?;
    let view = tile.view()?;
    // Plain arithmetic in the systems of tiles.
    let bbox = app.maps.maps.degrees(&view)?;
    let wish = Wish {
        ids: parameters.list("granuleid"),
        names: parameters.list("granulename"),
        times: times(parameters)?,
        bbox,
    };
    let layer = app.map_layer(&named, &wish, &parameters.axes(), style(parameters)?).await?;
    draw(app, layer, tile, view).await
}

/// Refuses what can't be meant: parameters given twice, styles, ranges and times that there aren't.
fn check(app: &App, parameters: &Parameters) -> Result<(), Problem> {
    parameters.check_doubled().map_err(|e| Problem::invalid(e.message()))?;
    app.maps.maps.check_style(&style(parameters)?)?;
    times(parameters).map(drop)
}

fn times(parameters: &Parameters) -> Result<crate::maps::TimeWish, Problem> {
    let text = parameters.filled("time").or_else(|| parameters.filled("datetime")).unwrap_or_default();
    parse_times(text).map_err(Problem::invalid)
}

fn style(parameters: &Parameters) -> Result<StyleSpec, Problem> {
    let said = |e: Exception| Problem::invalid(e.message());
    let mut style = StyleSpec::parse(parameters.filled("style").unwrap_or_default())?;
    if let Some(text) = parameters.filled("rescale") {
        style.range = Some(super::wms::range(text).map_err(said)?);
    }
    Ok(style)
}

async fn draw(app: &Arc<App>, layer: Layer, tile: Tile, view: View) -> Result<Answer, Problem> {
    let granules = layer.granules.len();
    let (bytes, words) = app
        .maps
        .run_sized(view.pixels(), move |maps| -> Result<_, Problem> {
            let picture = maps.draw(&[layer], &view, [255; 3], tile.format.has_opacity())?;
            let words = state(&picture, granules);
            Ok((picture.encode(tile.format, Some(&view))?, words))
        })
        .await?;
    let answer = Answer::new(bytes, tile.format.media_type());
    Ok(match words {
        Some(words) => answer.with("harmony-map", words),
        None => answer,
    })
}
