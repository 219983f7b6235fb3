//! What goes into one file: bands of one or several rasters, brought to one type and one fill value.

use std::ops::Range;

use harmony_model::dtype::{Number, number_bytes};
use harmony_model::request::Compat;
use harmony_model::{DType, Granule, with_numeric};

use super::overview::Kernel;
use crate::raster::{MAX_BANDS, Raster};
use crate::write::{WriteError, WriteOptions};

/// Doubles hold all integers up to this size.
const EXACT: i128 = 1 << 53;

/// The bands of a file.
pub struct Image<'a> {
    pub granule: &'a Granule,
    pub rasters: &'a [Raster],
    /// Raster and its band, in the order of the file.
    pub bands: Vec<(usize, usize)>,
    /// Type of all bands.
    pub dtype: DType,
    /// Fill value of all bands.
    pub nodata: Option<f64>,
    /// How each raster is halved.
    pub kernels: Vec<Kernel>,
    /// Red, green, blue, alpha of each value of the only band.
    pub palette: Option<Vec<[u16; 4]>>,
    /// The first three bands are red, green, blue.
    pub rgb: bool,
    /// The fourth band of a red, green, blue image is its opacity.
    pub alpha: bool,
    /// Some rasters tell which of their cells have a source: the file gets a mask.
    pub masked: bool,
    /// Reference systems without names are called undefined.
    pub undefined: bool,
}

impl<'a> Image<'a> {
    /// # Errors
    /// [`WriteError::Unsupported`] when the rasters do not go into one file.
    pub fn new(
        granule: &'a Granule,
        rasters: &'a [Raster],
        options: &WriteOptions,
    ) -> Result<Self, WriteError> {
        check_together(granule, rasters)?;
        let bands: Vec<(usize, usize)> = rasters
            .iter()
            .enumerate()
            .flat_map(|(r, raster)| (0..raster.bands.len()).map(move |b| (r, b)))
            .collect();
        if bands.len() as u64 > MAX_BANDS {
            let detail = format!("{} bands, a TIFF file has {MAX_BANDS}; write fewer variables", bands.len());
            return Err(refuse(granule, "the result", detail));
        }
        let compat = options.encoding.compat;
        let kernels = rasters.iter().map(|r| kernel(granule, r, compat)).collect();
        let dtype = stored_type(&rasters[0].dtype);
        let palette = (bands.len() == 1).then(|| palette(granule, &rasters[0], &dtype)).flatten();
        // To the service example, that is to GDAL, three or four bands of bytes are colours, and no number is missing.
        let stacked = compat == Some(Compat::ServiceExample);
        let colours = stacked && dtype == DType::U8 && (3..=4).contains(&bands.len());
        let rgb = colours || is_rgb(granule, rasters, &bands, &dtype);
        let alpha = rgb && bands.len() > 3 && (colours || is_alpha(granule, &rasters[bands[3].0]));
        let nodata = rasters.iter().find_map(|r| r.nodata).filter(|_| !stacked);
        let masked = rasters.iter().any(|r| r.tells_coverage(granule));
        let undefined = compat == Some(Compat::Net2cog);
        Ok(Image { granule, rasters, bands, dtype, nodata, kernels, palette, rgb, alpha, masked, undefined })
    }

    /// For each cell of some rows 1 where a raster that tells it has a source, else 0; `None` when none tells it.
    ///
    /// # Errors
    /// What reading says.
    pub fn mask(&self, rows: &Range<u64>) -> Result<Option<Vec<u8>>, WriteError> {
        let mut mask: Option<Vec<u8>> = None;
        for raster in self.rasters.iter().filter(|_| self.masked) {
            let covered = raster.covered(self.granule, 0, rows, &(0..self.width()))?;
            mask = match (mask, covered) {
                (Some(mut all), Some(more)) => {
                    all.iter_mut().zip(&more).for_each(|(a, m)| *a |= m);
                    Some(all)
                }
                (all, more) => all.or(more),
            };
        }
        Ok(mask)
    }

    pub fn width(&self) -> u64 {
        self.rasters[0].grid.nx
    }

    pub fn height(&self) -> u64 {
        self.rasters[0].grid.ny
    }

    /// Rows of some bands, each on its own, in the type of the file.
    ///
    /// # Errors
    /// What reading says; [`WriteError::Unsupported`] when a value has no place in the type of the file.
    pub fn read(&self, bands: Range<usize>, rows: Range<u64>) -> Result<Vec<Vec<u8>>, WriteError> {
        let mut out = Vec::with_capacity(bands.len());
        let mut at = bands.start;
        while at < bands.end {
            let (r, first) = self.bands[at];
            let same = self.bands[at..bands.end].iter().take_while(|b| b.0 == r).count();
            let raster = &self.rasters[r];
            let mut all =
                raster.read_bands(self.granule, first..first + same, rows.clone(), 0..self.width())?;
            self.convert(raster, &mut all)?;
            match same {
                1 => out.push(all),
                n => out.extend(all.chunks_exact((all.len() / n).max(1)).map(<[u8]>::to_vec)),
            }
            at += same;
        }
        Ok(out)
    }

    fn convert(&self, raster: &Raster, bytes: &mut Vec<u8>) -> Result<(), WriteError> {
        match raster.dtype {
            DType::I8 => *bytes = bytes.iter().flat_map(|&b| i16::from(b as i8).to_ne_bytes()).collect(),
            DType::I64 => {
                *bytes = self.doubles(raster, bytes, |b| i128::from(i64::from_ne_bytes(b)))?;
            }
            DType::U64 => {
                *bytes = self.doubles(raster, bytes, |b| i128::from(u64::from_ne_bytes(b)))?;
            }
            _ => {}
        }
        let differs =
            self.rasters.iter().any(|r| r.nodata != self.nodata && !both_nan(r.nodata, self.nodata));
        match self.nodata {
            Some(nodata) if differs => self.unify(raster, nodata, bytes),
            _ => Ok(()),
        }
    }

    /// 64-bit integers as doubles.
    fn doubles(
        &self,
        raster: &Raster,
        bytes: &[u8],
        read: fn([u8; 8]) -> i128,
    ) -> Result<Vec<u8>, WriteError> {
        let (values, _) = bytes.as_chunks::<8>();
        let mut out = Vec::with_capacity(bytes.len());
        for &value in values {
            let exact = read(value);
            let double = exact as f64;
            if exact.abs() > EXACT && raster.nodata != Some(double) {
                let detail = format!(
                    "its value {exact} is not exact in double precision, and readers of GeoTIFF know no integers \
                     of 64 bits; write netcdf4 or zarr instead"
                );
                return Err(refuse(self.granule, &format!("variable '{}'", raster.path), detail));
            }
            out.extend(double.to_ne_bytes());
        }
        Ok(out)
    }

    /// Gives a raster the fill value of the file, which must not be one of its values.
    fn unify(&self, raster: &Raster, nodata: f64, bytes: &mut [u8]) -> Result<(), WriteError> {
        let new = number_bytes(&self.dtype, nodata).unwrap_or_default();
        let old = raster.nodata.and_then(|v| number_bytes(&self.dtype, v));
        let clash = with_numeric!(&self.dtype, T => {
            let fill = T::from_ne(&new);
            let old = old.as_deref().map(T::from_ne);
            let mut clash = false;
            for element in bytes.chunks_exact_mut(std::mem::size_of::<T>()) {
                let v = T::from_ne(element);
                if old == Some(v) {
                    element.copy_from_slice(&new);
                } else if v == fill {
                    clash = true;
                }
            }
            clash
        }, else => false);
        if clash {
            let detail = format!(
                "its value {nodata} is the fill value of other bands of the file; write a file for each variable"
            );
            return Err(refuse(self.granule, &format!("variable '{}'", raster.path), detail));
        }
        Ok(())
    }
}

fn both_nan(a: Option<f64>, b: Option<f64>) -> bool {
    a.is_some_and(f64::is_nan) && b.is_some_and(f64::is_nan)
}

fn refuse(granule: &Granule, object: &str, detail: String) -> WriteError {
    WriteError::Unsupported { target: granule.name.clone(), object: object.into(), detail }
}

/// The type in the file: readers know neither signed bytes nor 64-bit integers well.
pub fn stored_type(dtype: &DType) -> DType {
    match dtype {
        DType::I8 => DType::I16,
        DType::I64 | DType::U64 => DType::F64,
        other => other.clone(),
    }
}

/// Whether rasters can be bands of one file.
pub fn fit_together(rasters: &[Raster]) -> bool {
    let [first, rest @ ..] = rasters else { return false };
    rest.iter().all(|r| {
        stored_type(&r.dtype) == stored_type(&first.dtype)
            && r.grid == first.grid
            && r.rotation == first.rotation
    })
}

fn check_together(granule: &Granule, rasters: &[Raster]) -> Result<(), WriteError> {
    if fit_together(rasters) {
        return Ok(());
    }
    let list: Vec<String> = rasters
        .iter()
        .map(|r| format!("{} ({}, {} x {})", r.path, r.dtype.name(), r.grid.nx, r.grid.ny))
        .collect();
    let detail = format!(
        "the variables have different types or grids: {}; write a file for each variable",
        list.join(", ")
    );
    Err(refuse(granule, "one file of several bands", detail))
}

/// Classes are not averaged: flags, enumerations and indices of a colour table.
fn kernel(granule: &Granule, raster: &Raster, compat: Option<Compat>) -> Kernel {
    if compat == Some(Compat::Net2cog) {
        return Kernel::Nearest;
    }
    let var = granule.var(raster.var);
    let flags = ["flag_values", "flag_masks", "flag_meanings", "color_table"];
    let named = var.attr_text("standard_name").is_some_and(|n| n.contains("flag") || n.ends_with("category"));
    let classes = flags.iter().any(|f| var.attr(f).is_some()) || matches!(var.dtype, DType::Enum { .. });
    if classes || named { Kernel::Mode } else { Kernel::Average }
}

fn palette(granule: &Granule, raster: &Raster, dtype: &DType) -> Option<Vec<[u16; 4]>> {
    if !matches!(dtype, DType::U8 | DType::U16) {
        return None;
    }
    let numbers = granule.var(raster.var).attr("color_table")?.as_f64s()?;
    let (colors, _) = numbers.as_chunks::<4>();
    Some(colors.iter().map(|c| c.map(|v| v.clamp(0.0, 255.0) as u16)).collect())
}

fn is_alpha(granule: &Granule, raster: &Raster) -> bool {
    let said = granule.var(raster.var).attr_text("color_interpretation");
    said.is_some_and(|t| t.eq_ignore_ascii_case("alpha"))
}

fn is_rgb(granule: &Granule, rasters: &[Raster], bands: &[(usize, usize)], dtype: &DType) -> bool {
    let meaning = |i: usize| {
        let var = granule.var(rasters[bands[i].0].var);
        var.attr_text("color_interpretation").map(|t| t.to_ascii_lowercase())
    };
    let wanted = ["red", "green", "blue"];
    matches!(dtype, DType::U8 | DType::U16)
        && bands.len() >= 3
        && wanted.iter().enumerate().all(|(i, w)| meaning(i).as_deref() == Some(*w))
}
