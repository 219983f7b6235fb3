//! The command line door: arguments of `harmony-transform` become a request and the settings of a run.

use std::path::PathBuf;

use clap::{Parser, ValueEnum, ValueHint};
use harmony_model::Request;
use harmony_model::request::{Compat, ShapeRule};
use serde_json::{Value, json};

use super::encoding::EncodingArgs;
use super::grammar;
use super::target::TargetArgs;

/// Transform Earth-observation granules: subset by variable, box, point, shape, time, dimension and threshold;
/// reproject, regrid, average and join; on grids, swaths and trajectories; from and to the formats of --list-formats.
///
/// Exit status: 0 all done · 1 some granules failed · 2 usage · 3 no data in the selection. The same command run
/// again resumes.
#[derive(Parser, Debug, Clone)]
#[command(name = "harmony-transform", version, max_term_width = 100)]
pub struct Args {
    /// Files, globs, directories, Zarr stores, http(s):// or s3:// addresses
    #[arg(value_name = "INPUT", value_hint = ValueHint::AnyPath)]
    pub inputs: Vec<String>,
    /// Result file, or folder for results under their reference names
    #[arg(short, long, value_name = "FILE|DIR", default_value = ".")]
    pub output: PathBuf,
    /// Box in degrees; W > E crosses the antimeridian
    #[arg(short, long, value_name = "W,S,E,N", allow_hyphen_values = true)]
    pub bbox: Vec<String>,
    /// The cell or sample at a place, in degrees
    #[arg(long, value_name = "LON,LAT", allow_hyphen_values = true)]
    pub point: Option<String>,
    /// GeoJSON, plain or zipped ESRI shapefile, KML
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub shape: Option<PathBuf>,
    /// Which cells of a grid a shape selects: those whose centre is inside, or all it touches
    #[arg(long, value_name = "RULE", default_value = "centre")]
    pub shape_rule: Rule,
    /// Full path, name or group (repeatable); companions come along
    #[arg(short, long, value_name = "NAME")]
    pub variable: Vec<String>,
    /// ISO 8601, both ends included; open ends: ../END, START/..
    #[arg(short, long, value_name = "START/END")]
    pub time: Option<String>,
    /// AXIS(MIN:MAX) by value, AXIS[FIRST:LAST] by index (repeatable)
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    pub subset: Vec<String>,
    /// Mask samples for which a rule does not hold, e.g. 'quality_flag <= 1' (repeatable)
    #[arg(long, value_name = "RULE")]
    pub filter: Vec<String>,
    /// Keep whole scan lines of a swath
    #[arg(long)]
    pub no_cut: bool,
    /// Crop to the smallest index box without masking what lies outside the region
    #[arg(long)]
    pub pixel_subset: bool,
    /// Bands of a raster or messages of a GRIB file, from 1 (repeatable)
    #[arg(long, value_name = "N")]
    pub band: Vec<u32>,
    /// Product name for the product table, when the file doesn't say
    #[arg(long, value_name = "NAME")]
    pub short_name: Option<String>,
    /// Entries that extend or replace those of the built-in product table
    #[arg(long, value_name = "FILE", env = "HARMONY_PRODUCTS", value_hint = ValueHint::FilePath)]
    pub products: Option<PathBuf>,
    /// Result format, by name or media type (--list-formats)
    #[arg(short, long, value_name = "MIME|NAME")]
    pub format: Option<String>,
    /// Take everything from a Harmony URL or query string instead
    #[arg(long, value_name = "URL|QUERY")]
    pub request: Option<String>,
    /// Show the plan: structure found, bytes to read, shapes and sizes; reads no data
    #[arg(long)]
    pub explain: bool,
    /// The reference program's answer where ours is deliberately different: l2ss-py, hoss, concise, hybig, …
    #[arg(long, value_name = "PROGRAM")]
    pub compat: Option<String>,
    /// Granules in work at once
    #[arg(long, value_name = "N", env = "HARMONY_JOBS", default_value_t = default_jobs())]
    pub jobs: usize,
    /// Memory of the whole process, all granules together; less than 112MiB is not kept to. What joins many granules, chunks
    /// of a swath that are so large that few fit, and its positions with --compat swath-projector come on top
    #[arg(long, value_name = "SIZE", env = "HARMONY_MEMORY", default_value = "128MiB")]
    pub memory: String,
    /// Write again what is there already
    #[arg(long)]
    pub overwrite: bool,
    /// Go on past granules that fail (this is the default)
    #[arg(long, conflicts_with = "fail_fast")]
    pub keep_going: bool,
    /// Start no further granule after the first failure
    #[arg(long)]
    pub fail_fast: bool,
    /// Say nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
    /// A result document on standard output (with --explain: the plan)
    #[arg(long)]
    pub json: bool,
    /// Print each setting and where it comes from
    #[arg(long)]
    pub print_config: bool,
    /// Print the operations
    #[arg(long)]
    pub list_operations: bool,
    /// Print the formats
    #[arg(long)]
    pub list_formats: bool,
    /// Print completions for a shell
    #[arg(long, value_name = "SHELL")]
    pub completions: Option<clap_complete::Shell>,
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub encoding: EncodingArgs,
}

fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
pub enum Rule {
    #[value(alias = "center")]
    Centre,
    Touched,
}

/// A mistake in the arguments: exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// Turns an error of a parser into a usage error that names the option.
fn at<T, E: std::fmt::Display>(option: &str, result: Result<T, E>) -> Result<T, UsageError> {
    result.map_err(|e| UsageError(format!("--{option}: {e}")))
}

/// Reads the request out of the arguments (and the shape file they name).
///
/// # Errors
/// [`UsageError`] naming the option, the text and a right example.
pub fn request(args: &Args) -> Result<Request, UsageError> {
    if let Some(path) = &args.products {
        let text =
            at("products", std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display())))?;
        at("products", harmony_model::geolocation::products::extend(&text))?;
    }
    let mut request = match &args.request {
        Some(text) => from_url(text)?,
        None => Request::default(),
    };
    for text in &args.bbox {
        request.bbox.push(at("bbox", grammar::parse_bbox(text))?);
    }
    if let Some(text) = &args.point {
        request.point = Some(at("point", grammar::parse_point(text))?);
    }
    if let Some(path) = &args.shape {
        request.shape = Some(std::sync::Arc::new(at("shape", super::shape::read_shape(path))?));
    }
    if args.shape_rule == Rule::Touched {
        request.shape_rule = ShapeRule::Touched;
    }
    if let Some(text) = &args.time {
        request.time = Some(at("time", grammar::parse_time_range(text))?);
    }
    let subsets = at("subset", grammar::Subsets::parse(args.subset.iter().map(String::as_str)))?;
    at("subset", subsets.apply(&mut request))?;
    for text in &args.filter {
        request.filters.push(at("filter", grammar::parse_filter(text))?);
    }
    if let Some(name) = &args.compat {
        let known = Compat::parse(name).ok_or_else(|| {
            let names: Vec<&str> = Compat::names().collect();
            UsageError(format!("--compat: '{name}' is not a reference program; known: {}", names.join(", ")))
        });
        request.compat = Some(known?);
    }
    if args.band.contains(&0) {
        return Err(UsageError("--band: bands are counted from 1".into()));
    }
    request.variables.extend(args.variable.iter().cloned());
    request.no_cut |= args.no_cut;
    request.pixel_subset |= args.pixel_subset;
    request.bands.extend(&args.band);
    request.short_name = args.short_name.clone().or(request.short_name);
    request.browse |= args.encoding.browse;
    args.target.fill(&mut request)?;
    Ok(request)
}

fn from_url(text: &str) -> Result<Request, UsageError> {
    Ok(at("request", super::url::parse_request(text))?.request)
}

/// Tells shapes of the same name apart: FNV-1a (64 bits) of the file's bytes.
fn fingerprint(path: &std::path::Path) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325u64, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
    Some(format!("{hash:016x}"))
}

/// The request as it goes into `history_json`: what was given, nothing else.
pub fn parameters(args: &Args) -> Value {
    let mut map = serde_json::Map::new();
    let mut put = |name: &str, value: Value| {
        let empty = match &value {
            Value::Null | Value::Bool(false) => true,
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        if !empty {
            map.insert(name.into(), value);
        }
    };
    let numbers = |text: &String| -> Value {
        text.split(',').map(|n| n.trim().parse::<f64>().map_or(Value::Null, |v| json!(v))).collect()
    };
    match args.bbox.as_slice() {
        [] => {}
        [one] => put("bbox", numbers(one)),
        several => put("bbox", several.iter().map(numbers).collect()),
    }
    put("point", args.point.as_ref().map_or(Value::Null, numbers));
    let name = |p: &PathBuf| p.file_name().map_or_else(String::new, |f| f.to_string_lossy().into_owned());
    put("shapefile", json!(args.shape.as_ref().map(name)));
    put("shapefile_fingerprint", json!(args.shape.as_deref().and_then(fingerprint)));
    if args.shape.is_some() && args.shape_rule == Rule::Touched {
        put("shape_rule", json!("touched"));
    }
    put("variables", json!(args.variable));
    put("time", json!(args.time));
    put("subset", json!(args.subset));
    put("filter", json!(args.filter));
    put("no_cut", json!(args.no_cut));
    put("pixel_subset", json!(args.pixel_subset));
    put("bands", json!(args.band));
    put("short_name", json!(args.short_name));
    args.target.parameters().into_iter().chain(args.encoding.parameters()).for_each(|(n, v)| put(n, v));
    put("request", json!(args.request));
    put("compat", json!(args.compat));
    put("format", json!(args.format));
    Value::Object(map)
}
