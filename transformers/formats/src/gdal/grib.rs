//! GRIB 1 and 2: messages that differ in time only are one variable.

use std::collections::HashMap;
use std::sync::Arc;

use harmony_model::{Attribute, ByteSource, DType, DimId, Granule, MemoryArray, ReadError};

use super::ffi::Dataset;
use super::georef::{self, Place};
use super::info::{BandInfo, RasterInfo};
use super::raster;
use super::source::Bands;

/// What the first message says about its origin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Origin {
    pub edition: u8,
    /// Number of the centre; 98 is ECMWF.
    pub centre: u16,
}

impl Origin {
    /// Reads sections 0 and 1 of the first message (WMO Manual on Codes, FM 92).
    pub fn of(source: &dyn ByteSource) -> Self {
        let mut head = [0; 32];
        let n = source.len().min(32) as usize;
        if source.read_at(0, &mut head[..n]).is_err() || &head[..4] != b"GRIB" {
            return Origin { edition: 0, centre: 0 };
        }
        let centre = match head[7] {
            1 => u16::from(head[12]),
            _ => u16::from_be_bytes([head[21], head[22]]),
        };
        Origin { edition: head[7], centre }
    }

    /// GDAL turns kelvin into degrees Celsius. In edition 1 it changes the unit's name even where its tables make it
    /// leave the values alone (ECMWF's), so there it must not.
    pub fn config(self) -> &'static [(&'static str, &'static str)] {
        if self.edition == 1 { &[("GRIB_NORMALIZE_UNITS", "NO")] } else { &[] }
    }
}

/// Messages of one quantity at one level, in order of time.
struct Series {
    element: String,
    level: String,
    /// Band number and valid time in seconds since 1970.
    messages: Vec<(u32, Option<f64>)>,
}

/// A GRIB file as a granule.
///
/// # Errors
/// [`ReadError`] when a band isn't there.
pub fn granule(
    dataset: Dataset,
    info: &RasterInfo,
    name: &str,
    bands: &[u32],
    origin: Origin,
) -> Result<Granule, ReadError> {
    let mut granule = Granule::new(name, "grib");
    let picked = raster::pick(bands, info.bands.len(), name)?;
    let place = georef::place(&mut granule, Granule::ROOT, info);
    let series = group(&info.bands, &picked, !bands.is_empty());
    let names = names(&series, origin);
    let dataset = Arc::new(dataset);
    let mut times = TimeAxes::default();
    for (series, name) in series.iter().zip(names) {
        let first = &info.bands[series.messages[0].0 as usize - 1];
        let Some((dtype, kind)) = raster::element_type(first) else { continue };
        let time = times.dim(&mut granule, series);
        let mut dims: Vec<DimId> = time.into_iter().collect();
        dims.extend([place.y, place.x]);
        let data = Arc::new(Bands {
            dataset: dataset.clone(),
            bands: series.messages.iter().map(|m| m.0).collect(),
            stacked: time.is_some(),
            height: info.height,
            width: info.width,
            kind,
            size: dtype.size(),
        });
        let id = granule.add_var(Granule::ROOT, &name, dtype, dims, data);
        let var = &mut granule.vars[id.0];
        var.storage = raster::storage(first, info, var.dtype.size(), time.is_some());
        var.attrs = attributes(first);
        if let Some(fill) = first.nodata.and_then(|v| raster::fill_attribute(&var.dtype, v)) {
            var.fill = Some(fill.bytes.clone());
            var.set_attr(fill);
        }
        refer(&place, var);
    }
    Ok(granule)
}

fn refer(place: &Place, var: &mut harmony_model::Variable) {
    if let Some(name) = place.grid_mapping {
        var.set_attr(Attribute::text("grid_mapping", name));
    }
}

fn meta<'a>(band: &'a BandInfo, key: &str) -> Option<&'a str> {
    band.metadata.iter().find(|(k, _)| k == key).map(|(_, v)| v.trim()).filter(|v| !v.is_empty())
}

/// Seconds since 1970; older GDAL versions append "sec UTC".
fn seconds(band: &BandInfo, key: &str) -> Option<f64> {
    meta(band, key)?.split_whitespace().next()?.parse().ok()
}

/// Puts messages of the same quantity, level and product type together. The second message for the same time (another
/// ensemble member, say) starts another series. Chosen messages keep their order, all others are sorted by time.
fn group(bands: &[BandInfo], picked: &[u32], keep_order: bool) -> Vec<Series> {
    let mut series: Vec<Series> = Vec::new();
    let mut by_key: HashMap<(String, String, String), Vec<usize>> = HashMap::new();
    let mut taken = std::collections::HashSet::new();
    for &number in picked {
        let band = &bands[number as usize - 1];
        let text = |key: &str| meta(band, key).unwrap_or_default().to_owned();
        let (element, level) = (text("GRIB_ELEMENT"), text("GRIB_SHORT_NAME"));
        let time = seconds(band, "GRIB_VALID_TIME");
        let kind = format!("{} {} {}", text("GRIB_PDS_PDTN"), text("GRIB_UNIT"), band.kind);
        let candidates = by_key.entry((element.clone(), level.clone(), kind)).or_default();
        // Time as whole milliseconds: a key must be comparable.
        let stamp = time.map(|t| (t * 1000.0) as i64);
        let free = candidates.iter().copied().find(|&i| stamp.is_some() && !taken.contains(&(i, stamp)));
        let index = free.unwrap_or_else(|| {
            series.push(Series { element, level, messages: Vec::new() });
            candidates.push(series.len() - 1);
            series.len() - 1
        });
        taken.insert((index, stamp));
        series[index].messages.push((number, time));
    }
    if !keep_order {
        for s in &mut series {
            s.messages.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap_or(std::cmp::Ordering::Equal));
        }
    }
    series
}

/// The element, with its level where the file has several; distinct.
fn names(series: &[Series], origin: Origin) -> Vec<String> {
    const ECMWF: u16 = 98;
    let mut out: Vec<String> = Vec::new();
    for s in series {
        let several = series.iter().any(|o| o.element == s.element && o.level != s.level);
        let mut name = match (s.element.as_str(), several) {
            ("", _) => "Band".into(),
            (element, true) => format!("{element}_{}", s.level),
            (element, false) => element.to_owned(),
        };
        if origin.centre == ECMWF {
            // The centre writes its short names in lower case (2t, tcwv); GDAL's table has them in capitals.
            name = name.to_lowercase();
        }
        let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let name = name.trim_end_matches('_').to_owned();
        let name = if matches!(name.as_str(), "lat" | "lon" | "x" | "y" | "crs") {
            format!("{name}_var")
        } else {
            name
        };
        let mut unique = name.clone();
        let mut n = 2;
        while out.contains(&unique) || unique.starts_with("time") {
            unique = format!("{name}_{n}");
            if unique.starts_with("time") {
                unique = format!("var_{unique}");
            }
            n += 1;
        }
        out.push(unique);
    }
    out
}

fn attributes(band: &BandInfo) -> Vec<Attribute> {
    let mut out = Vec::new();
    let comment = meta(band, "GRIB_COMMENT").unwrap_or_default();
    let long_name = comment.split(" [").next().unwrap_or_default().trim();
    if !long_name.is_empty() {
        out.push(Attribute::text("long_name", long_name));
    }
    if let Some(unit) = meta(band, "GRIB_UNIT") {
        out.push(Attribute::text("units", units(unit)));
    }
    if !band.description.is_empty() {
        out.push(Attribute::text("level", &band.description));
    }
    for key in
        ["GRIB_ELEMENT", "GRIB_SHORT_NAME", "GRIB_REF_TIME", "GRIB_FORECAST_SECONDS", "GRIB_DISCIPLINE"]
    {
        if let Some(value) = meta(band, key) {
            out.push(Attribute::text(key, value));
        }
    }
    out
}

/// GDAL's unit in brackets as UDUNITS writes it.
fn units(text: &str) -> &str {
    match text.trim_start_matches('[').trim_end_matches(']') {
        "-" | "" | "numeric" | "non-dim" => "1",
        "C" => "degC",
        "F" => "degF",
        "%" => "percent",
        other => other,
    }
}

/// Time dimensions of a file: one for each list of times.
#[derive(Default)]
struct TimeAxes(Vec<(Vec<f64>, DimId)>);

impl TimeAxes {
    /// The dimension of a series, with its coordinate variable; `None` when its time is unknown.
    fn dim(&mut self, granule: &mut Granule, series: &Series) -> Option<DimId> {
        let times: Vec<f64> = series.messages.iter().map(|m| m.1).collect::<Option<_>>()?;
        if let Some((_, dim)) = self.0.iter().find(|(t, _)| *t == times) {
            return Some(*dim);
        }
        let name = if self.0.is_empty() { "time".to_owned() } else { format!("time_{}", self.0.len() + 1) };
        let dim = granule.add_dim(Granule::ROOT, &name, times.len() as u64);
        let data = Arc::new(MemoryArray::of(&[times.len() as u64], &times));
        let id = granule.add_var(Granule::ROOT, &name, DType::F64, vec![dim], data);
        granule.vars[id.0].attrs = vec![
            Attribute::text("standard_name", "time"),
            Attribute::text("long_name", "time"),
            Attribute::text("units", "seconds since 1970-01-01 00:00:00"),
            Attribute::text("calendar", "proleptic_gregorian"),
            Attribute::text("axis", "T"),
        ];
        self.0.push((times, dim));
        Some(dim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn band(element: &str, level: &str, time: &str) -> BandInfo {
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        BandInfo {
            metadata: vec![
                pair("GRIB_ELEMENT", element),
                pair("GRIB_SHORT_NAME", level),
                pair("GRIB_VALID_TIME", time),
            ],
            ..BandInfo::default()
        }
    }

    #[test]
    fn messages_of_one_quantity_form_a_series_in_order_of_time() {
        let bands = [
            band("TMP", "2-HTGL", "7200 sec UTC"),
            band("RH", "2-HTGL", "0"),
            band("TMP", "2-HTGL", "3600"),
            band("TMP", "0-SFC", "0"),
            band("TMP", "2-HTGL", "3600"),
        ];
        let all = group(&bands, &[1, 2, 3, 4, 5], false);
        let numbers: Vec<Vec<u32>> = all.iter().map(|s| s.messages.iter().map(|m| m.0).collect()).collect();
        assert_eq!(numbers, [vec![3, 1], vec![2], vec![4], vec![5]]);
        let origin = Origin { edition: 2, centre: 7 };
        assert_eq!(names(&all, origin), ["TMP_2_HTGL", "RH", "TMP_0_SFC", "TMP_2_HTGL_2"]);
        let chosen = group(&bands, &[1, 3], true);
        assert_eq!(chosen[0].messages[0].0, 1);
    }

    #[test]
    fn units_lose_their_brackets() {
        assert_eq!([units("[C]"), units("[m/s]"), units("[-]")], ["degC", "m/s", "1"]);
    }
}
