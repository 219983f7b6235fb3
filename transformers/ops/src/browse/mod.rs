//! Grids of browse images: the reference system, extent and cells that the Global Imagery Browse Services expect of a
//! granule when the request leaves them open.
//!
//! Source: NASA GIBS imagery interface document (levels of tile matrix sets) and the behaviour of its browse image
//! generator. Everything here is arithmetic on grids; `reproject_grid` does the rest.

mod bounds;
mod levels;
#[cfg(test)]
mod tests;

use harmony_model::crs::Crs;
use harmony_model::request::TargetRequest;
use harmony_model::{GridSpec, ModelError};

use crate::error::OpError;
pub use bounds::transformed_extent;
pub use levels::{METRES_PER_DEGREE, cell_size};

/// Columns or rows of a result at most: what a signed 32-bit count can say, as all image formats do.
const MAX_CELLS: f64 = i32::MAX as f64;
/// Latitude of origin from which a projection counts as polar.
const POLAR: f64 = 80.0;

/// The grid of a browse image of data on `source`, as far as `target` does not say it: the CRS by
/// [`preferred_crs`], the extent of the data, cells of the nearest level of GIBS.
///
/// Width and height count only together; then a cell size; then the level.
///
/// # Errors
/// An extent or cell size without a CRS, a reversed extent, an extent that has no image in the CRS, a size beyond
/// what images can have: [`ModelError::Invalid`] with the words of the reference service and the remedy.
pub fn gibs_grid(source: &GridSpec, target: &TargetRequest) -> Result<GridSpec, OpError> {
    if target.crs.is_none() && (target.extent.is_some() || target.cell_size.is_some()) {
        return Err(invalid(
            "Harmony message must include a crs with scaleExtent or scaleSizes.",
            "name the reference system of the extent and cell size with --crs",
        ));
    }
    let crs = target.crs.clone().unwrap_or_else(|| preferred_crs(&source.crs));
    let extent = match target.extent {
        Some(extent) => ordered(extent)?,
        None => transformed_extent(source, &crs)?,
    };
    let range = [extent[2] - extent[0], extent[3] - extent[1]];
    let (nx, ny) = match (target.width, target.height, target.cell_size) {
        (Some(width), Some(height), _) => (width as f64, height as f64),
        (_, _, Some(size)) => cells(range, positive(size)?),
        _ => cells(range, cell_size(source, &crs)),
    };
    if !(nx >= 1.0 && ny >= 1.0 && nx <= MAX_CELLS && ny <= MAX_CELLS) {
        return Err(invalid(
            &format!("an image of {nx} x {ny} cells can't be made"),
            "ask for another --width and --height, cell size or extent",
        ));
    }
    Ok(GridSpec::filling(crs, extent, nx as u64, ny as u64))
}

/// The system in which GIBS shows data of that system: itself if GIBS has it, a polar one when its projection has a
/// pole as origin, else longitude and latitude. Where the data are does not matter.
pub fn preferred_crs(source: &Crs) -> Crs {
    let named = |text: &str| Crs { definition: text.into() };
    for own in ["EPSG:4326", "EPSG:3413", "EPSG:3031"] {
        if source.definition == own || source.same_as(&named(own)) {
            return named(own);
        }
    }
    if source.is_geographic() {
        return named("EPSG:4326");
    }
    match latitude_of_origin(source) {
        lat if lat >= POLAR => named("EPSG:3413"),
        lat if lat <= -POLAR => named("EPSG:3031"),
        _ => named("EPSG:4326"),
    }
}

/// `lat_0` of the PROJ string; 0 where there is none. Polar projections of PROJ that imply it are few.
fn latitude_of_origin(crs: &Crs) -> f64 {
    let text = crs.proj_string().unwrap_or_default();
    let value = |key: &str| text.split_whitespace().find_map(|w| w.strip_prefix(key)).map(str::to_owned);
    match value("+lat_0=").and_then(|v| v.parse().ok()) {
        Some(lat) => lat,
        None if value("+proj=").as_deref() == Some("ups") => {
            if text.split_whitespace().any(|w| w == "+south") { -90.0 } else { 90.0 }
        }
        None => 0.0,
    }
}

/// Cells along x and y, rounded to even as the reference does.
fn cells(range: [f64; 2], size: [f64; 2]) -> (f64, f64) {
    ((range[0] / size[0]).round_ties_even(), (range[1] / size[1]).round_ties_even())
}

fn ordered(extent: [f64; 4]) -> Result<[f64; 4], OpError> {
    let [west, south, east, north] = extent;
    if extent.iter().all(|v| v.is_finite()) && west < east && south < north {
        return Ok(extent);
    }
    let words = "Harmony ScaleExtents must be in order [xmin,ymin,xmax,ymax].";
    Err(invalid(words, &format!("it is [{west},{south},{east},{north}]")))
}

fn positive(size: [f64; 2]) -> Result<[f64; 2], OpError> {
    if size.iter().all(|v| v.is_finite() && *v > 0.0) {
        return Ok(size);
    }
    let words = format!("cell size {} x {} is not positive", size[0], size[1]);
    Err(invalid(&words, "give two numbers above 0 in units of the target system"))
}

fn invalid(words: &str, remedy: &str) -> OpError {
    ModelError::Invalid(format!("{words} ({remedy})")).into()
}
