//! A data operation as a request of the engine.

use std::path::PathBuf;
use std::sync::Arc;

use harmony_formats::Format;
use harmony_formats::registry::{FORMATS, find_output};
use harmony_model::geometry::Bbox;
use harmony_model::request::{self, DimensionExtent, DimensionRange, Request, TimeRange};
use harmony_model::time::DateTime;
use serde_json::{Map, Value};

use super::EngineError;
use crate::catalog::Granule;
use crate::request::operation::{Average, DataOperation, Format as Wanted, Shape, Source, Srs};
use crate::request::{shape, target};
use crate::store::{self, Input, StoreOptions};

/// Names the part of a request that is wrong.
fn wrong(what: &str, error: impl std::fmt::Display) -> EngineError {
    EngineError::failed(format!("{what}: {error}"))
}

/// The request for a granule of one of the operation's sources.
///
/// # Errors
/// [`EngineError::Failed`] naming the part of the operation that can't be used.
pub fn request(operation: &DataOperation, granule: &Granule) -> Result<Request, EngineError> {
    let mut request = Request::default();
    let own = operation.sources.iter().find(|s| s.collection == granule.collection);
    if let Some(source) = own.or(operation.sources.first()) {
        request.variables = variables(source);
        request.short_name = Some(source.short_name.clone()).filter(|n| !n.is_empty());
    }
    subset(operation, &mut request)?;
    grid(&operation.format, &mut request)?;
    request.average = operation.average.map(|a| match a {
        Average::Time => request::Average::Time,
        Average::Area => request::Average::Area,
    });
    request.aggregate = target::aggregate(operation.concatenate, &operation.extend_dimensions);
    request.pixel_subset = operation.pixel_subset.unwrap_or(false);
    Ok(request)
}

fn variables(source: &Source) -> Vec<String> {
    let name = |v: &crate::request::operation::Variable| {
        let path = if v.full_path.is_empty() { &v.name } else { &v.full_path };
        path.trim_start_matches('/').to_owned()
    };
    source.variables.iter().flatten().map(name).filter(|n| !n.is_empty()).collect()
}

fn subset(operation: &DataOperation, request: &mut Request) -> Result<(), EngineError> {
    let subset = &operation.subset;
    if let Some([west, south, east, north]) = subset.bbox {
        request.bbox.push(Bbox::new(west, south, east, north).map_err(|e| wrong("bbox", e))?);
    }
    request.point = subset.point.map(|[lon, lat]| (lon, lat));
    if let Some(shape) = &subset.shape {
        request.shape = Some(Arc::new(read_shape(shape)?));
    }
    for dimension in subset.dimensions.iter().flatten() {
        request.dimensions.push(DimensionRange {
            name: dimension.name.clone(),
            extent: DimensionExtent::Values { min: dimension.min, max: dimension.max },
        });
    }
    if let Some(temporal) = &operation.temporal {
        let end = |text: &Option<String>| {
            text.as_deref().map(DateTime::parse).transpose().map_err(|e| wrong("temporal", e))
        };
        let range = TimeRange { start: end(&temporal.start)?, end: end(&temporal.end)? };
        request.time = Some(range).filter(|r| *r != TimeRange::default());
    }
    Ok(())
}

fn read_shape(wanted: &Shape) -> Result<harmony_model::geometry::Shape, EngineError> {
    match wanted {
        Shape::Text(text) => shape::from_bytes("shape", text.as_bytes()).map_err(|e| wrong("shape", e)),
        Shape::File { href, .. } => {
            let path = match store::Location::parse(href) {
                Ok(store::Location::Local(path)) => path,
                _ => return Err(EngineError::failed("shape: it is not on this server; upload it again")),
            };
            let bytes =
                std::fs::read(&path).map_err(|e| wrong("shape", format!("the upload can't be read: {e}")))?;
            // Without its path: uploads are nobody's business.
            shape::from_bytes("shapefile", &bytes).map_err(|e| wrong("shape", e))
        }
    }
}

fn grid(format: &Wanted, request: &mut Request) -> Result<(), EngineError> {
    let mut set =
        |name: &str, text: &str| target::apply(name, text, request).map(|_| ()).map_err(|e| wrong(name, e));
    if let Some(text) = crs(format) {
        set("crs", &text)?;
    }
    if let Some(text) = &format.interpolation {
        set("interpolation", text)?;
    }
    for (name, pixels) in [("width", format.width), ("height", format.height)] {
        if let Some(pixels) = pixels {
            set(name, &pixels.to_string())?;
        }
    }
    if let Some(e) = format.scale_extent {
        set("scaleextent", &format!("{},{},{},{}", e.x.min, e.y.min, e.x.max, e.y.max))?;
    }
    if let Some(s) = format.scale_size {
        set("scalesize", &format!("{},{}", s.x, s.y))?;
    }
    target::check(request).map_err(|e| wrong("grid", e))
}

/// The target CRS in the spelling that says most: a code, then WKT, then PROJ text.
fn crs(format: &Wanted) -> Option<String> {
    let given = |text: &String| Some(text.clone()).filter(|t| !t.trim().is_empty());
    let empty = Srs::default();
    let srs = format.srs.as_ref().unwrap_or(&empty);
    let code = given(&srs.epsg).map(|c| {
        let digits = c.bytes().all(|b| b.is_ascii_digit());
        if digits { format!("EPSG:{c}") } else { c }
    });
    code.or_else(|| given(&srs.wkt))
        .or_else(|| format.crs.as_ref().and_then(given))
        .or_else(|| given(&srs.proj4))
}

/// The format of the result: the one asked for, else that of the granule where we write it, else netCDF-4.
///
/// # Errors
/// [`EngineError::Failed`] for a format that can't be written.
pub fn format(
    operation: &DataOperation,
    input: &Input,
    options: &StoreOptions,
) -> Result<&'static dyn Format, EngineError> {
    let find = |name: &str| {
        find_output(name)
            .ok_or_else(|| EngineError::failed(format!("format: '{name}' can't be written; choose another")))
    };
    match asked(operation) {
        // A plain GeoTIFF has nothing that its cloud-optimised form lacks.
        Some("image/tiff") => find("cog"),
        Some(mime) => find(mime),
        None => Ok(own_format(input, options).unwrap_or(find("netcdf4")?)),
    }
}

/// The media type that was asked for.
pub fn asked(operation: &DataOperation) -> Option<&str> {
    operation.format.mime.as_deref().map(str::trim).filter(|m| !m.is_empty() && !m.contains('*'))
}

/// The format that an input is stored in, if we write it. What is wrong with the input is seen when it is opened.
fn own_format(input: &Input, options: &StoreOptions) -> Option<&'static dyn Format> {
    if input.is_zarr() {
        return find_output("zarr");
    }
    let location = input.location();
    let source = store::open(&location, options).ok()?;
    let mut head = vec![0; usize::try_from(source.len().min(4096)).ok()?];
    source.read_at(0, &mut head).ok()?;
    let name = location.split(['?', '#']).next().and_then(|l| l.rsplit('/').next()).unwrap_or_default();
    let found = FORMATS.iter().find(|f| f.card().reads && f.recognises(&head, name))?;
    found.card().writes.then_some(*found)
}

/// The operation as results tell it (`history_json`): without what is about the user and this server.
pub fn parameters(operation: &DataOperation) -> Value {
    let mut all = match serde_json::to_value(operation) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    };
    for private in [
        "user",
        "client",
        "accessToken",
        "stagingLocation",
        "requestId",
        "isSynchronous",
        "extraArgs",
        "version",
    ] {
        all.remove(private);
    }
    if let Some(Value::Object(subset)) = all.get_mut("subset")
        && let Some(shape) = subset.get_mut("shape")
        && shape.is_object()
    {
        *shape = Value::String("uploaded".into());
    }
    Value::Object(all)
}

/// What the location of a granule stands for: one input.
///
/// # Errors
/// [`EngineError::Failed`] naming the granule.
pub fn input(granule: &Granule) -> Result<Input, EngineError> {
    let name = &granule.name;
    if granule.location.is_empty() {
        return Err(EngineError::failed(format!(
            "{name}: the catalogue has no address for it; add it again"
        )));
    }
    let mut inputs = store::expand_inputs(std::slice::from_ref(&granule.location)).map_err(|e| {
        let gone = !crate::store::Location::is_url(&granule.location)
            && !PathBuf::from(&granule.location).exists();
        if gone {
            EngineError::failed(format!(
                "{name}: its file is no longer there; restore it or refresh the catalogue (harmony catalog refresh)"
            ))
        } else {
            EngineError::failed(hide(&e.to_string(), granule))
        }
    })?;
    match (inputs.pop(), inputs.is_empty()) {
        (Some(input), true) => Ok(input),
        _ => Err(EngineError::failed(format!(
            "{name}: its location is not one file; remove it from the catalogue and add its files"
        ))),
    }
}

/// The location of a granule as inputs show it, and what results may say of it: its address, or its name where the
/// location is a place of this server.
pub fn shown(granule: &Granule) -> Option<(String, String)> {
    let location = store::Location::parse(&granule.location).ok()?;
    let name = match location {
        store::Location::Local(_) => granule.name.clone(),
        ref address => address.to_string(),
    };
    Some((location.to_string(), name))
}

/// A message without the place where this server keeps a granule.
pub fn hide(message: &str, granule: &Granule) -> String {
    let path = granule.location.strip_prefix("file://").unwrap_or(&granule.location);
    let mut shown = message.to_owned();
    for place in [granule.location.as_str(), path].into_iter().filter(|p| !p.is_empty()) {
        shown = shown.replace(place, &granule.name);
    }
    if shown.contains(&granule.name) { shown } else { format!("{}: {shown}", granule.name) }
}
