//! Target grids, averages and joining as users write them; the same words on the command line and in URLs.

use clap::Args;
use harmony_model::crs::Crs;
use harmony_model::request::{Aggregate, Average, Request};
use harmony_model::{Interpolation, ModelError};
use serde_json::{Value, json};

use super::cli::UsageError;

/// Options of steps that compute new values.
#[derive(Args, Debug, Clone, Default)]
pub struct TargetArgs {
    /// Target coordinate reference system: EPSG:3413, OGC URN or URL, PROJ string, WKT
    #[arg(long, value_name = "CRS", help_heading = "New grids")]
    pub crs: Option<String>,
    /// near, bilinear, cubic, cubicspline, lanczos, average, rms, mode, min, max, med, q1, q3, sum, conservative,
    /// ewa, ewa-nn
    #[arg(long, value_name = "NAME", help_heading = "New grids")]
    pub interpolation: Option<String>,
    /// Outer edges of the target grid in units of its CRS
    #[arg(long, value_name = "XMIN,YMIN,XMAX,YMAX", allow_hyphen_values = true, help_heading = "New grids")]
    pub scale_extent: Option<String>,
    /// Cell size in units of the target CRS
    #[arg(long, value_name = "DX,DY", allow_hyphen_values = true, help_heading = "New grids")]
    pub scale_size: Option<String>,
    /// Columns of the target grid
    #[arg(long, value_name = "N", help_heading = "New grids")]
    pub width: Option<String>,
    /// Rows of the target grid
    #[arg(long, value_name = "N", help_heading = "New grids")]
    pub height: Option<String>,
    /// A named target grid, for example EASE2_N09km
    #[arg(long, value_name = "NAME", help_heading = "New grids")]
    pub grid: Option<String>,
    /// Search radius of swath projection in metres
    #[arg(long, value_name = "M", help_heading = "New grids")]
    pub search_radius: Option<f64>,
    /// Mean over time (maps) or over the area (time series)
    #[arg(long, value_name = "time|area", help_heading = "Averages and joining")]
    pub average: Option<String>,
    /// Beside a mean over area also smallest and largest value, standard deviation and count of the cells
    #[arg(long, help_heading = "Averages and joining")]
    pub statistics: bool,
    /// Stack all granules in one file, on a new dimension
    #[arg(long, help_heading = "Averages and joining")]
    pub concatenate: bool,
    /// Append all granules along an existing dimension (repeatable); with --concatenate batch by batch
    #[arg(long, value_name = "DIM", help_heading = "Averages and joining")]
    pub extend: Vec<String>,
}

fn invalid(text: impl Into<String>) -> ModelError {
    ModelError::Invalid(text.into())
}

/// One parameter of a target grid, by its name in URLs (lower case); `false` when it is not one.
///
/// # Errors
/// [`ModelError`] saying what is wrong with `text` and showing a right example.
pub fn apply(name: &str, text: &str, request: &mut Request) -> Result<bool, ModelError> {
    let target = &mut request.target;
    match name {
        "outputcrs" | "crs" => target.crs = Some(crs(text)?),
        "interpolation" => target.interpolation = interpolation(text)?,
        "grid" => target.grid = Some(text.trim().into()),
        "scaleextent" => target.extent = Some(extent(text)?),
        "scalesize" => target.cell_size = Some(cell_size(text)?),
        "width" => target.width = Some(pixels(text)?),
        "height" => target.height = Some(pixels(text)?),
        "average" => request.average = Some(average(text)?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Whether [`apply`] knows a parameter of that name.
pub fn is_parameter(name: &str) -> bool {
    const NAMES: [&str; 9] = [
        "outputcrs",
        "crs",
        "interpolation",
        "grid",
        "scaleextent",
        "scalesize",
        "width",
        "height",
        "average",
    ];
    NAMES.contains(&name)
}

/// Checks what only makes sense together.
///
/// # Errors
/// [`ModelError::Invalid`] in the words of the reference service.
pub fn check(request: &Request) -> Result<(), ModelError> {
    let t = &request.target;
    let own = t.crs.is_some()
        || t.extent.is_some()
        || t.cell_size.is_some()
        || t.width.is_some()
        || t.height.is_some();
    if t.grid.is_some() && own {
        return Err(invalid(
            "When including a grid query parameter, the following parameters may not be provided: scaleExtent, \
             scaleSize, outputCrs, height, and width.",
        ));
    }
    Ok(())
}

/// How granules are joined, from what the doors say.
pub fn aggregate(concatenate: bool, extend: &[String]) -> Option<Aggregate> {
    let dims: Vec<String> = extend.iter().flat_map(|d| d.split(',')).map(|d| d.trim().to_owned()).collect();
    let dims: Vec<String> = dims.into_iter().filter(|d| !d.is_empty()).collect();
    match (concatenate, dims.is_empty()) {
        (false, true) => None,
        (true, true) => Some(Aggregate::Stack),
        (stack, false) => Some(Aggregate::Extend { dims, stack }),
    }
}

fn crs(text: &str) -> Result<Crs, ModelError> {
    Crs::parse(text)
        .map_err(|e| invalid(format!("could not be parsed.  Try an EPSG code or Proj4 string. ({e})")))
}

/// Nothing, or `None` as some clients write it, means the default.
fn interpolation(text: &str) -> Result<Option<Interpolation>, ModelError> {
    let text = text.trim();
    if text.is_empty() || text.eq_ignore_ascii_case("none") || text.eq_ignore_ascii_case("null") {
        return Ok(None);
    }
    Interpolation::parse(text).map(Some)
}

fn extent(text: &str) -> Result<[f64; 4], ModelError> {
    let [west, south, east, north] = numbers(text, "for example 0,0,100,50")?;
    if west >= east || south >= north {
        return Err(invalid(format!(
            "'{text}' must be in order [xmin,ymin,xmax,ymax]; write for example 0,0,100,50"
        )));
    }
    Ok([west, south, east, north])
}

fn cell_size(text: &str) -> Result<[f64; 2], ModelError> {
    let size: [f64; 2] = numbers(text, "for example 0.25,0.25")?;
    if size.iter().any(|v| *v <= 0.0) {
        return Err(invalid(format!(
            "'{text}' has a size that is not positive; write for example 0.25,0.25"
        )));
    }
    Ok(size)
}

/// `N` numbers separated by commas; one pair of round brackets is tolerated.
fn numbers<const N: usize>(text: &str, example: &str) -> Result<[f64; N], ModelError> {
    let inner = text.trim();
    let inner = inner.strip_prefix('(').and_then(|t| t.strip_suffix(')')).unwrap_or(inner);
    let parsed: Option<Vec<f64>> =
        inner.split(',').map(|t| t.trim().parse().ok().filter(|v: &f64| v.is_finite())).collect();
    parsed
        .and_then(|v| <[f64; N]>::try_from(v).ok())
        .ok_or_else(|| invalid(format!("'{text}' is not {N} numbers separated by commas; write {example}")))
}

/// A whole number of pixels or results.
///
/// # Errors
/// [`ModelError::Invalid`] naming the text.
pub fn pixels(text: &str) -> Result<u64, ModelError> {
    // Harmony rounds down: 10.7 is 10.
    let value =
        text.trim().parse::<f64>().ok().map(f64::floor).filter(|v| (1.0..=4_294_967_295.0).contains(v));
    value.map(|v| v as u64).ok_or_else(|| {
        invalid(format!("'{text}' is not a whole number of 1 or more; write for example 1000"))
    })
}

fn average(text: &str) -> Result<Average, ModelError> {
    match text.trim().to_ascii_lowercase().as_str() {
        "time" => Ok(Average::Time),
        "area" => Ok(Average::Area),
        _ => Err(invalid(format!("'{text}' must be either \"time\" or \"area\""))),
    }
}

impl TargetArgs {
    /// Option, its name in URLs, and its text.
    fn given(&self) -> [(&'static str, &'static str, &Option<String>); 8] {
        [
            ("crs", "crs", &self.crs),
            ("interpolation", "interpolation", &self.interpolation),
            ("scale-extent", "scaleextent", &self.scale_extent),
            ("scale-size", "scalesize", &self.scale_size),
            ("width", "width", &self.width),
            ("height", "height", &self.height),
            ("grid", "grid", &self.grid),
            ("average", "average", &self.average),
        ]
    }

    /// Puts the options into a request.
    ///
    /// # Errors
    /// [`UsageError`] naming the option.
    pub fn fill(&self, request: &mut Request) -> Result<(), UsageError> {
        for (option, name, text) in self.given() {
            if let Some(text) = text {
                apply(name, text, request).map_err(|e| UsageError(format!("--{option}: {e}")))?;
            }
        }
        if let Some(radius) = self.search_radius {
            if !(radius > 0.0 && radius.is_finite()) {
                return Err(UsageError(format!(
                    "--search-radius: {radius} is not a positive number of metres; write for example 5000"
                )));
            }
            request.target.search_radius_m = Some(radius);
        }
        request.statistics |= self.statistics;
        if request.statistics && request.average != Some(Average::Area) {
            return Err(UsageError("--statistics: they go with a mean over area; add --average=area".into()));
        }
        request.aggregate = aggregate(self.concatenate, &self.extend).or(request.aggregate.take());
        check(request).map_err(|e| UsageError(format!("--grid: {e}")))
    }

    /// What was given, for `history_json`.
    pub fn parameters(&self) -> Vec<(&'static str, Value)> {
        let mut all: Vec<(&'static str, Value)> =
            self.given().into_iter().map(|(option, _, text)| (option, json!(text))).collect();
        all.push(("search-radius", json!(self.search_radius)));
        all.push(("statistics", json!(self.statistics)));
        all.push(("concatenate", json!(self.concatenate)));
        all.push(("extend", json!(self.extend)));
        all
    }
}
