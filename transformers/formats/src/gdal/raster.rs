//! GeoTIFF and other images: one variable for each band.

use std::collections::HashSet;
use std::sync::Arc;

use harmony_model::dtype::number_bytes;
use harmony_model::{
    ArraySource, AttrShape, Attribute, DType, Filter, Granule, GroupId, ReadError, Storage, Variable,
};

use super::ffi::Dataset;
use super::georef::{self, Place};
use super::info::{BandInfo, RasterInfo};
use super::source::Bands;

/// Subdatasets of a container that are opened at most.
const MAX_PARTS: usize = 4096;

/// Gives the array of a band (from 1), whose elements GDAL reads as that type.
pub type Arrays<'a> = &'a dyn Fn(u32, i32) -> Arc<dyn ArraySource>;

/// A raster as a granule.
///
/// # Errors
/// [`ReadError::Unsupported`] for bands that aren't there and for complex numbers.
pub fn granule(dataset: Dataset, info: &RasterInfo, name: &str, bands: &[u32]) -> Result<Granule, ReadError> {
    if info.bands.is_empty() {
        let mut granule = start(info, name);
        parts(&mut granule, info)?;
        return Ok(granule);
    }
    let dataset = Arc::new(dataset);
    granule_of(info, name, bands, &|number, kind| array(&dataset, info, number, kind))
}

/// The granule of a raster whose bands are read by `arrays`.
///
/// # Errors
/// As [`granule`].
pub fn granule_of(
    info: &RasterInfo,
    name: &str,
    bands: &[u32],
    arrays: Arrays,
) -> Result<Granule, ReadError> {
    let mut granule = start(info, name);
    let picked = pick(bands, info.bands.len(), name)?;
    add_bands(&mut granule, Granule::ROOT, info, &picked, arrays)?;
    Ok(granule)
}

fn start(info: &RasterInfo, name: &str) -> Granule {
    let mut granule = Granule::new(name, super::format_name(&info.driver));
    for (key, value) in &info.metadata {
        granule.groups[0].attrs.push(Attribute::text(key, value));
    }
    granule
}

fn array(dataset: &Arc<Dataset>, info: &RasterInfo, number: u32, kind: i32) -> Arc<dyn ArraySource> {
    let size = element_type(&info.bands[number as usize - 1]).map_or(1, |(dtype, _)| dtype.size());
    Arc::new(Bands {
        dataset: dataset.clone(),
        bands: vec![number],
        stacked: false,
        height: info.height,
        width: info.width,
        kind,
        size,
    })
}

/// The bands asked for, all when none are; twice the same one counts once.
///
/// # Errors
/// [`ReadError::Unsupported`] naming the band that isn't there.
pub fn pick(bands: &[u32], count: usize, name: &str) -> Result<Vec<u32>, ReadError> {
    if let Some(missing) = bands.iter().find(|&&b| b == 0 || b as usize > count) {
        let detail = format!("the file has bands 1 to {count}; ask for one of these");
        return Err(ReadError::unsupported(name, format!("band {missing}"), detail));
    }
    if bands.is_empty() {
        return Ok((1..=count as u32).collect());
    }
    let mut seen = HashSet::new();
    Ok(bands.iter().copied().filter(|b| seen.insert(*b)).collect())
}

/// A container without bands of its own: a group for each part.
fn parts(granule: &mut Granule, info: &RasterInfo) -> Result<(), ReadError> {
    if info.subdatasets.is_empty() {
        return Err(ReadError::unsupported(&granule.name, "raster", "it holds no bands"));
    }
    for (i, part) in info.subdatasets.iter().take(MAX_PARTS).enumerate() {
        let open = || {
            let dataset = Dataset::open(part, &[])?;
            let info = dataset.info()?;
            Ok((dataset, info))
        };
        let (dataset, info) =
            open().map_err(|e: String| ReadError::unsupported(&granule.name, format!("part '{part}'"), e))?;
        let last = part.rsplit(':').next().unwrap_or(part);
        let clean = last.trim_matches('"').replace('/', "_");
        let name = if is_name(&clean) { clean } else { format!("part_{}", i + 1) };
        let taken = granule.groups.iter().any(|g| g.name == name);
        let name = if taken { format!("{name}_{}", i + 1) } else { name };
        let group = granule.add_group(Granule::ROOT, &name);
        let all = pick(&[], info.bands.len(), &granule.name)?;
        let dataset = Arc::new(dataset);
        add_bands(granule, group, &info, &all, &|number, kind| array(&dataset, &info, number, kind))?;
    }
    Ok(())
}

fn add_bands(
    granule: &mut Granule,
    group: GroupId,
    info: &RasterInfo,
    picked: &[u32],
    arrays: Arrays,
) -> Result<(), ReadError> {
    let place = georef::place(granule, group, info);
    let names = band_names(&info.bands);
    for &number in picked {
        let band = &info.bands[number as usize - 1];
        let (dtype, kind) = element_type(band).ok_or_else(|| {
            ReadError::unsupported(&granule.name, format!("band {number}"), "it holds complex numbers")
        })?;
        let data = arrays(number, kind);
        let name = &names[number as usize - 1];
        let id = granule.add_var(group, name, dtype, vec![place.y, place.x], data);
        let var = &mut granule.vars[id.0];
        var.storage = storage(band, info, var.dtype.size(), false);
        describe(var, band, &place);
    }
    Ok(())
}

/// `Band1`, `Band2`, …; descriptions where all of them are distinct words.
fn band_names(bands: &[BandInfo]) -> Vec<String> {
    let mut seen = HashSet::new();
    let reserved = ["x", "y", "lat", "lon", "crs", "time"];
    let good = |b: &BandInfo| is_name(&b.description) && !reserved.contains(&b.description.as_str());
    if bands.iter().all(|b| good(b) && seen.insert(b.description.as_str())) {
        bands.iter().map(|b| b.description.clone()).collect()
    } else {
        (1..=bands.len()).map(|n| format!("Band{n}")).collect()
    }
}

/// Whether a text can stand as a variable's name without quoting.
fn is_name(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.len() <= 64
        && text.chars().all(word)
}

/// Our type and the GDAL type to read it as; `None` for complex numbers.
pub fn element_type(band: &BandInfo) -> Option<(DType, i32)> {
    let dtype = match band.kind {
        1 if band.signed_byte => DType::I8,
        1 => DType::U8,
        2 => DType::U16,
        3 => DType::I16,
        4 => DType::U32,
        5 => DType::I32,
        6 => DType::F32,
        7 => DType::F64,
        12 => DType::U64,
        13 => DType::I64,
        14 => DType::I8,
        _ => return None,
    };
    Some((dtype, band.kind))
}

/// Chunks like GDAL's blocks; strips are joined to at least 256 rows, single rows make poor chunks.
pub fn storage(band: &BandInfo, info: &RasterInfo, size: usize, stacked: bool) -> Storage {
    let (columns, mut rows) = (band.block.0.min(info.width).max(1), band.block.1.max(1));
    if columns == info.width {
        rows *= 256u64.div_ceil(rows);
    }
    let mut shape = if stacked { vec![1] } else { Vec::new() };
    shape.extend([rows.min(info.height).max(1), columns]);
    let mut filters = Vec::new();
    if size > 1 {
        filters.push(Filter::shuffle(size as u32));
    }
    filters.push(Filter::deflate(4));
    Storage::Chunked { shape, filters }
}

/// Attributes that all rasters share.
pub fn describe(var: &mut Variable, band: &BandInfo, place: &Place) {
    if let Some(fill) = band.nodata.and_then(|v| fill_attribute(&var.dtype, v)) {
        var.fill = Some(fill.bytes.clone());
        var.set_attr(fill);
    }
    if !band.description.is_empty() {
        var.set_attr(Attribute::text("long_name", &band.description));
    }
    if !band.unit.is_empty() {
        var.set_attr(Attribute::text("units", &band.unit));
    }
    let (scale, offset) = (band.scale.unwrap_or(1.0), band.offset.unwrap_or(0.0));
    if scale != 1.0 || offset != 0.0 {
        var.set_attr(Attribute::numbers("scale_factor", &[scale]));
        var.set_attr(Attribute::numbers("add_offset", &[offset]));
    }
    for (key, value) in &band.metadata {
        // Statistics are of the whole band and no longer true after any operation.
        let derived = key.starts_with("STATISTICS_");
        if !derived && !matches!(key.as_str(), "_FillValue" | "scale_factor" | "add_offset") {
            var.set_attr(Attribute::text(key, value));
        }
    }
    if !band.interpretation.is_empty() && band.interpretation != "Undefined" {
        var.set_attr(Attribute::text("color_interpretation", &band.interpretation));
    }
    if !band.colors.is_empty() {
        let mut attr = Attribute::numbers("color_table", &band.colors.concat());
        attr.shape = AttrShape::Simple(vec![4 * band.colors.len() as u64]);
        var.set_attr(attr);
    }
    if let Some(name) = place.grid_mapping {
        var.set_attr(Attribute::text("grid_mapping", name));
    }
}

/// `_FillValue`, if the type can hold it: GeoTIFF allows -9999 on bytes, where it means nothing.
pub fn fill_attribute(dtype: &DType, value: f64) -> Option<Attribute> {
    let bytes = number_bytes(dtype, value)?;
    let held = harmony_model::dtype::to_f64s(dtype, &bytes)?;
    let fits = dtype.is_float() || held.first() == Some(&value);
    fits.then(|| Attribute {
        name: "_FillValue".into(),
        dtype: dtype.clone(),
        shape: AttrShape::Simple(vec![1]),
        bytes,
        items: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_take_their_description_only_if_all_are_names() {
        let band = |d: &str| BandInfo { description: d.into(), ..BandInfo::default() };
        assert_eq!(band_names(&[band("red"), band("nir")]), ["red", "nir"]);
        assert_eq!(band_names(&[band("red"), band("red")]), ["Band1", "Band2"]);
        assert_eq!(band_names(&[band("500m Surface")]), ["Band1"]);
    }

    #[test]
    fn a_fill_value_must_fit_its_type() {
        assert!(fill_attribute(&DType::U8, -9999.0).is_none());
        assert!(fill_attribute(&DType::F32, f64::NAN).is_some());
        assert_eq!(fill_attribute(&DType::U8, 255.0).unwrap().as_f64(), Some(255.0));
    }

    #[test]
    fn a_band_that_is_not_there_is_named() {
        assert_eq!(pick(&[2, 1, 2], 3, "f").unwrap(), [2, 1]);
        assert!(pick(&[4], 3, "f").unwrap_err().to_string().contains("band 4"));
    }
}
