//! What one input says of itself: collection, variables, place and time.

use std::sync::Arc;

use harmony_model::geolocation::Hints;
use harmony_model::time::DateTime;
use harmony_model::{DType, Granule as Data, Request, VarId};
use harmony_ops::Scene;
use serde_json::{Value, json};

use super::footprint;
use crate::catalog::geo::Footprint;
use crate::catalog::{Granule, Variable};
use crate::store::{Input, Location, StoreOptions};

/// An input as the catalogue sees it.
#[derive(Clone, Debug, Default)]
pub struct Description {
    pub short_name: String,
    pub version: String,
    pub title: Option<String>,
    pub summary: Option<String>,
    /// In UMM's words.
    pub format: Option<String>,
    pub variables: Vec<Variable>,
    /// Without ids, collection and links.
    pub granule: Granule,
    /// What is missing, and why.
    pub notices: Vec<String>,
}

/// Opens an input and describes it.
///
/// # Errors
/// In words, naming the input and the remedy.
pub fn describe(
    input: &Input,
    store: &StoreOptions,
    short_name: Option<&str>,
) -> Result<Description, String> {
    let (data, size) = open(input, store)?;
    let request = Request { short_name: short_name.map(Into::into), ..Request::default() };
    let data = Arc::new(data);
    let scene = Scene::new(data.clone(), Arc::new(request)).map_err(|e| e.to_string())?;
    let mut notices = Vec::new();
    let mut notice = |what: &str, why: &str| notices.push(format!("{input}: {what}: {why}"));
    let place = footprint::footprint(&scene).unwrap_or_else(|e| {
        notice("its positions can't be read", &e.to_string());
        Footprint::default()
    });
    let times = footprint::time_span(&scene).unwrap_or_else(|e| {
        notice("its times can't be read", &e.to_string());
        None
    });
    let bbox = place.bbox.or_else(|| stated_box(&data));
    let times = times.or_else(|| stated_times(&data)).or_else(|| named_day(&data.name));
    if bbox.is_none() {
        notice("no place was found", "searches by place leave it out");
    }
    if times.is_none() {
        notice("no time was found", "searches by time leave it out");
    }
    let granule = Granule {
        name: data.name.clone(),
        bbox,
        polygons: place.polygons,
        lines: place.lines,
        start: times.map(|t| t.0.to_string()),
        end: times.map(|t| t.1.to_string()),
        size_bytes: size,
        location: input.location(),
        ..Granule::default()
    };
    let hints = Hints { short_name: short_name.map(Into::into), ..Hints::default() };
    let said = harmony_model::geolocation::short_name(&data, &hints);
    Ok(Description {
        short_name: clean(&said.unwrap_or_else(|| folder_name(input))),
        version: version(&data),
        title: attribute(&data, &["LongName", "long_name", "title", "Title"]),
        summary: attribute(&data, &["summary", "description", "comment"]),
        format: format(&data),
        variables: variables(&scene),
        granule,
        notices,
    })
}

fn open(input: &Input, store: &StoreOptions) -> Result<(Data, Option<u64>), String> {
    if input.is_zarr() {
        let hierarchy = crate::store::open_zarr(&input.location(), store).map_err(|e| e.to_string())?;
        return Ok((harmony_formats::open_zarr(hierarchy).map_err(|e| e.to_string())?, None));
    }
    let source = crate::store::open(&input.location(), store).map_err(|e| e.to_string())?;
    let size = source.len();
    let options = harmony_formats::OpenOptions::default();
    Ok((harmony_formats::open(source, &options).map_err(|e| e.to_string())?, Some(size)))
}

/// The folder that holds the input, or the host of an address.
fn folder_name(input: &Input) -> String {
    let parent = |path: &str| {
        let mut parts = path.trim_matches('/').rsplit('/').map(str::to_owned);
        parts.next();
        parts.next().filter(|p| !p.is_empty())
    };
    let name = match input {
        Input::File(path) | Input::Zarr(path) => {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            absolute.parent().and_then(|p| p.file_name()).map(|n| n.to_string_lossy().into_owned())
        }
        Input::Url(url) => match Location::parse(url) {
            Ok(Location::Http(url)) => parent(url.path()).or_else(|| url.host_str().map(str::to_owned)),
            Ok(Location::S3 { bucket, key }) => parent(&key).or(Some(bucket)),
            _ => None,
        },
    };
    name.unwrap_or_else(|| "files".into())
}

/// A short name that can stand in an address: letters, digits, `.`, `_` and `-`.
pub fn clean(name: &str) -> String {
    let kept: String = name
        .trim()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' })
        .take(80)
        .collect();
    if kept.is_empty() { "files".into() } else { kept }
}

fn attribute(data: &Data, names: &[&str]) -> Option<String> {
    let root = data.group(Data::ROOT);
    let texts = names.iter().filter_map(|n| root.attr_text(n));
    texts.map(|t| t.trim().to_owned()).find(|t| !t.is_empty() && t.len() <= 4000)
}

fn version(data: &Data) -> String {
    const NAMES: [&str; 6] =
        ["VersionID", "VersionId", "version_id", "collection_version", "product_version", "ProductVersion"];
    let groups = ["/", "/METADATA/DatasetIdentification", "/Metadata/DatasetIdentification"];
    let said = groups.iter().filter_map(|g| data.find_group(g)).find_map(|g| {
        let group = data.group(g);
        NAMES
            .iter()
            .filter_map(|n| group.attr(n))
            .find_map(|a| a.as_text().or(a.as_f64().map(|v| v.to_string())))
    });
    let said = said.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty() && t.len() <= 20);
    said.unwrap_or_else(|| "1".into())
}

fn format(data: &Data) -> Option<String> {
    let words = match data.format {
        "netcdf4" => "netCDF-4",
        "netcdf3" => "netCDF-3",
        "hdf5" => "HDF5",
        "hdf4" => "HDF4",
        "geotiff" | "cog" => "GeoTIFF",
        "grib" => "GRIB",
        "zarr" | "zarr2" => "Zarr",
        other => other,
    };
    Some(words.to_owned()).filter(|w| !w.is_empty())
}

/// A box that root attributes state.
fn stated_box(data: &Data) -> Option<[f64; 4]> {
    let root = data.group(Data::ROOT);
    let number = |names: [&str; 3]| {
        names.iter().filter_map(|n| root.attr(n)).find_map(|a| {
            a.as_f64().or_else(|| a.as_text()?.trim().parse().ok()).filter(|v: &f64| v.is_finite())
        })
    };
    let west = number(["geospatial_lon_min", "westernmost_longitude", "WestBoundingCoordinate"])?;
    let east = number(["geospatial_lon_max", "easternmost_longitude", "EastBoundingCoordinate"])?;
    let south = number(["geospatial_lat_min", "southernmost_latitude", "SouthBoundingCoordinate"])?;
    let north = number(["geospatial_lat_max", "northernmost_latitude", "NorthBoundingCoordinate"])?;
    let bbox = harmony_model::geometry::Bbox::new(west, south, east, north).ok()?;
    Some([bbox.west, bbox.south, bbox.east, bbox.north])
}

/// Times that root attributes state.
fn stated_times(data: &Data) -> Option<(DateTime, DateTime)> {
    let text = |names: &[&str]| attribute(data, names).and_then(|t| DateTime::parse(&t).ok());
    let start = text(&["time_coverage_start", "RangeBeginningDateTime", "start_time", "StartTime"])
        .or_else(|| two_part(data, "RangeBeginningDate", "RangeBeginningTime"))?;
    let end = text(&["time_coverage_end", "RangeEndingDateTime", "stop_time", "end_time", "EndTime"])
        .or_else(|| two_part(data, "RangeEndingDate", "RangeEndingTime"))
        .filter(|e| *e >= start);
    Some((start, end.unwrap_or(start)))
}

fn two_part(data: &Data, date: &str, time: &str) -> Option<DateTime> {
    let (date, time) = (attribute(data, &[date])?, attribute(data, &[time]).unwrap_or_default());
    DateTime::parse(&format!("{date}T{time}")).or_else(|_| DateTime::parse(&date)).ok()
}

/// The day that a name of a file holds as `YYYYMMDD` or, as MODIS does, `AYYYYDDD`; the first one.
fn named_day(name: &str) -> Option<(DateTime, DateTime)> {
    const DAY_MICROS: i64 = 86_400_000_000;
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let length = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        let digits = std::str::from_utf8(&bytes[at..at + length]).unwrap_or_default();
        let after_a = at > 0 && bytes[at - 1] == b'A';
        let date = match length {
            8 | 10 | 12 | 14 => Some(&digits[..8]),
            7 if after_a => Some(digits),
            _ => None,
        };
        let plausible = |d: &&str| (1960..=2100).contains(&d[..4].parse::<u32>().unwrap_or(0));
        if let Some(day) = date.filter(plausible).and_then(|d| DateTime::parse(d).ok()) {
            return Some((day, DateTime { micros: day.micros + DAY_MICROS - 1 }));
        }
        at += length.max(1);
    }
    None
}

/// All variables that requests may name, in the order of the file.
fn variables(scene: &Scene) -> Vec<Variable> {
    let data = &scene.granule;
    let nameable = |v: &VarId| {
        let var = data.var(*v);
        let plain = !matches!(var.dtype, DType::Compound { .. } | DType::Opaque { .. } | DType::ObjectRef);
        plain && var.attr("grid_mapping_name").is_none()
    };
    data.var_ids().filter(nameable).map(|v| variable(scene, v)).collect()
}

fn variable(scene: &Scene, id: VarId) -> Variable {
    let (data, table) = (&scene.granule, &scene.table);
    let var = data.var(id);
    let (kind, subkind) = kind_of(scene, id);
    let text = |name: &str| var.attr_text(name).map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    let located: Vec<_> = table.located.iter().flat_map(|l| l.geolocation.dims()).collect();
    let dimension = |d: &harmony_model::DimId| -> Value {
        let dim = data.dim(*d);
        let low = dim.name.to_ascii_lowercase();
        let kind = match () {
            () if low == "lat" || low == "latitude" => "LATITUDE_DIMENSION",
            () if low == "lon" || low == "longitude" => "LONGITUDE_DIMENSION",
            () if low == "time" => "TIME_DIMENSION",
            () if located.contains(d) => "ALONG_TRACK_DIMENSION",
            () => "OTHER",
        };
        json!({ "Name": dim.name, "Size": dim.len, "Type": kind })
    };
    Variable {
        id: String::new(),
        name: var.path.trim_start_matches('/').to_owned(),
        long_name: text("long_name").or_else(|| text("standard_name")),
        units: text("units"),
        kind: Some(kind.into()),
        subkind: subkind.map(Into::into),
        data_type: Some(data_type(&var.dtype)),
        dimensions: var.dims.iter().map(dimension).collect(),
        ..Variable::default()
    }
}

fn kind_of(scene: &Scene, id: VarId) -> (&'static str, Option<&'static str>) {
    let (data, table) = (&scene.granule, &scene.table);
    let var = data.var(id);
    let low = var.name.to_ascii_lowercase();
    if scene.times.is_time(id) || table.times.contains(&id) {
        return ("COORDINATE", Some("TIME"));
    }
    if table.is_coordinate(id) {
        let subkind = match () {
            () if low.contains("lat") => Some("LATITUDE"),
            () if low.contains("lon") => Some("LONGITUDE"),
            () => None,
        };
        return ("COORDINATE", subkind);
    }
    // CF coordinate variables: 1-D, named like their dimension.
    if matches!(var.dims[..], [d] if data.dim(d).name == var.name) {
        return ("COORDINATE", None);
    }
    if var.attr("flag_meanings").is_some()
        || low.contains("quality")
        || low.ends_with("_flag")
        || low.ends_with("_qc")
    {
        return ("QUALITY_VARIABLE", None);
    }
    if var.dims.is_empty() || !var.dtype.is_numeric() {
        return ("ANCILLARY_VARIABLE", None);
    }
    ("SCIENCE_VARIABLE", None)
}

/// Element types in UMM's words.
fn data_type(dtype: &DType) -> String {
    match dtype {
        DType::I8 => "int8".into(),
        DType::U8 => "ubyte".into(),
        DType::I16 => "int16".into(),
        DType::U16 => "uint16".into(),
        DType::F32 => "float".into(),
        DType::F64 => "double".into(),
        DType::Char | DType::FixedString { .. } | DType::String => "string".into(),
        other => other.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_in_names() {
        let day = |n: &str| named_day(n).map(|t| t.0.to_string());
        assert_eq!(day("CMC_2013052000_P006.grib2").as_deref(), Some("2013-05-20T00:00:00Z"));
        assert_eq!(day("MOD09GA.A2008296.h14v17.hdf").as_deref(), Some("2008-10-22T00:00:00Z"));
        assert_eq!(day("LC08_CU_002010_20130416_20170727.tif").as_deref(), Some("2013-04-16T00:00:00Z"));
        assert_eq!(day("x_99999999_1234567.nc"), None);
        assert_eq!(day("ä20200230.nc"), None);
    }

    #[test]
    fn names_fit_into_addresses() {
        assert_eq!(clean(" a b/c "), "a_b_c");
        assert_eq!(clean(""), "files");
        assert_eq!(folder_name(&Input::Url("https://h.org/a/b/c.nc?x=/y".into())), "b");
        assert_eq!(folder_name(&Input::Url("https://h.org/c.nc".into())), "h.org");
        assert_eq!(folder_name(&Input::Url("s3://bucket/c.nc".into())), "bucket");
    }
}
