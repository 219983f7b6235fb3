//! Which variables of a granule are rasters.

use harmony_model::crs::Crs;
use harmony_model::geolocation::{self, GeolocationTable, Hints};
use harmony_model::request::Compat;
use harmony_model::time::{self, TimeTable};
use harmony_model::{DType, Granule, GridSpec, ModelError, Packing, VarId};

use super::affine::{self, Keep, Placed};
use super::read::Layout;
use super::{Raster, plane};
use crate::write::{WriteError, WriteOptions};

/// The rasters of a granule, and what is none.
#[derive(Debug, Default)]
pub struct Survey {
    pub rasters: Vec<Raster>,
    pub rejected: Vec<Rejected>,
}

/// A variable of data that is no raster.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejected {
    /// Full path.
    pub path: String,
    /// Why, in words that follow its name.
    pub reason: String,
}

/// Every variable with a horizontal grid, as a raster; coordinates, bounds, grid mappings and texts are none.
/// Reads coordinates.
///
/// # Errors
/// [`WriteError::Unsupported`] when there is no raster at all, naming what there is and what to ask for instead, when
/// one has more than 65 535 planes, or when one is rotated.
pub fn rasters(granule: &Granule, options: &WriteOptions) -> Result<Vec<Raster>, WriteError> {
    let found = survey(granule, options)?;
    match found.rasters.iter().find(|r| r.rotation.is_some()) {
        Some(rotated) => {
            let detail = "its rows do not run along the axes of its reference system; project it with --crs";
            Err(unsupported(granule, &rotated.path, detail))
        }
        None => Ok(found.rasters),
    }
}

/// As [`rasters`], with rotated ones and the variables left out.
///
/// # Errors
/// As [`rasters`], but for rotated ones.
pub fn survey(granule: &Granule, options: &WriteOptions) -> Result<Survey, WriteError> {
    let finder = Finder::new(granule, options)?;
    let mut survey = Survey::default();
    for var in granule.var_ids() {
        if finder.is_data(var) {
            match finder.raster(var)? {
                Ok(raster) => survey.rasters.push(raster),
                Err(reason) => {
                    survey.rejected.push(Rejected { path: granule.var(var).path.clone(), reason });
                }
            }
        }
    }
    if survey.rasters.is_empty() {
        return Err(nothing(granule, &survey.rejected));
    }
    Ok(survey)
}

fn unsupported(granule: &Granule, path: &str, detail: impl Into<String>) -> WriteError {
    WriteError::Unsupported {
        target: granule.name.clone(),
        object: format!("variable '{path}'"),
        detail: detail.into(),
    }
}

/// What there is instead of a raster.
fn nothing(granule: &Granule, rejected: &[Rejected]) -> WriteError {
    match rejected {
        [] => WriteError::Unsupported {
            target: granule.name.clone(),
            object: "the result".into(),
            detail: "it has no variable on a grid; choose another format, for example netcdf4".into(),
        },
        [first, rest @ ..] => {
            let others =
                if rest.is_empty() { String::new() } else { format!(" (nor are {} others)", rest.len()) };
            let detail = format!("is no raster{others}: {}", first.reason);
            unsupported(granule, &first.path, detail)
        }
    }
}

struct Finder<'a> {
    granule: &'a Granule,
    table: GeolocationTable,
    times: TimeTable,
    keep: Keep,
    reads_as_net2cog: bool,
    /// Variables that others refer to as bounds or grid mapping.
    helpers: Vec<VarId>,
}

impl<'a> Finder<'a> {
    fn new(granule: &'a Granule, options: &WriteOptions) -> Result<Self, WriteError> {
        let hints = Hints::default();
        let table = geolocation::discover(granule, &hints).map_err(|e| match e {
            ModelError::Read(e) => WriteError::from(e),
            other => WriteError::Unsupported {
                target: granule.name.clone(),
                object: "its grids".into(),
                detail: other.to_string(),
            },
        })?;
        let times = time::discover(granule, &table, &hints);
        let encoding = &options.encoding;
        let reads_as_net2cog = encoding.compat == Some(Compat::Net2cog);
        let keep =
            Keep { orientation: reads_as_net2cog, longitudes: encoding.keep_longitudes || reads_as_net2cog };
        Ok(Finder { granule, table, times, keep, reads_as_net2cog, helpers: helpers(granule) })
    }

    /// Whether a variable holds data, as opposed to describing where and when others are.
    fn is_data(&self, var: VarId) -> bool {
        let v = self.granule.var(var);
        let is_axis = v.dims.len() == 1 && self.granule.dim(v.dims[0]).name == v.name;
        !(v.dims.is_empty()
            || v.dtype.is_text()
            || is_axis
            || self.helpers.contains(&var)
            || self.table.is_coordinate(var)
            || self.times.is_time(var))
    }

    /// A raster, or why it is none.
    fn raster(&self, var: VarId) -> Result<Result<Raster, String>, WriteError> {
        let v = self.granule.var(var);
        let Some(dtype) = element_type(&v.dtype, &Packing::of(v)) else {
            return Ok(Err(format!("it holds {}, not numbers", v.dtype.name())));
        };
        let (placed, rotation) = match self.place(var) {
            Ok(found) => found,
            Err(reason) => return Ok(Err(reason)),
        };
        if placed.grid.nx == 0 || placed.grid.ny == 0 {
            return Ok(Err("nothing of it was selected".into()));
        }
        let packing = Packing::of(v);
        // What a library fills with where nobody says so is a value to the reference.
        let said = ["_FillValue", "missing_value"].iter().any(|name| v.attr(name).is_some());
        let fills = if said || !self.reads_as_net2cog { exact_fills(&dtype, &packing) } else { Vec::new() };
        let layout = Layout::new(v, &placed, &dtype, &fills);
        let Some(layout) = layout else { return Ok(Err("its axes are not those of its grid".into())) };
        let bands = plane::bands(self.granule, &self.times, var, [placed.y, placed.x])
            .map_err(|detail| unsupported(self.granule, &v.path, detail))?;
        Ok(Ok(Raster {
            var,
            path: v.path.clone(),
            grid: placed.grid,
            rotation,
            bands,
            dtype,
            nodata: fills.first().copied(),
            packing,
            layout,
        }))
    }

    fn place(&self, var: VarId) -> Result<(Placed, Option<[f64; 6]>), String> {
        if let Some(located) = self.table.of(var) {
            let advice = match &located.geolocation {
                geolocation::Geolocation::Grid { .. } | geolocation::Geolocation::ProjectedGrid { .. } => "",
                _ => "; project it onto one with --crs, for example --crs EPSG:4326",
            };
            return affine::place(self.granule, var, &located.geolocation, self.keep)
                .map(|p| (p, None))
                .map_err(|reason| reason + advice);
        }
        if let Some(found) = self.rotated(var) {
            return Ok(found);
        }
        Err(match self.table.problem_of(var) {
            Some(why) => format!("it can't be placed: {why}"),
            None => "it has no horizontal grid; choose another format, for example netcdf4 or csv".into(),
        })
    }

    /// A raster whose grid mapping has a rotated `GeoTransform`: its last two axes are rows and columns.
    fn rotated(&self, var: VarId) -> Option<(Placed, Option<[f64; 6]>)> {
        let t = affine::known_transform(self.granule, var)?;
        let &[.., y, x] = &self.granule.var(var).dims[..] else { return None };
        let mapping = affine::grid_mapping(self.granule, var)?;
        let crs = Crs::from_cf_attributes(&self.granule.var(mapping).attrs).ok()?;
        if t[2] == 0.0 && t[4] == 0.0 {
            return None;
        }
        let (ny, nx) = (self.granule.dim(y).len, self.granule.dim(x).len);
        let grid = GridSpec { crs, x0: t[0], y0: t[3], dx: t[1].hypot(t[4]), dy: -t[2].hypot(t[5]), nx, ny };
        let placed = Placed { grid, y, x, flip_y: false, flip_x: false, roll: 0 };
        Some((placed, Some(t)))
    }
}

/// Numbers as they are read; signed bits that hold unsigned numbers become unsigned.
fn element_type(dtype: &DType, packing: &Packing) -> Option<DType> {
    let plain = match dtype {
        DType::Enum { base, .. } => base,
        other => other,
    };
    Some(match (packing.unsigned, plain) {
        (true, DType::I8) => DType::U8,
        (true, DType::I16) => DType::U16,
        (true, DType::I32) => DType::U32,
        (true, DType::I64) => DType::U64,
        (_, other) if other.is_numeric() => other.clone(),
        _ => return None,
    })
}

/// Fill values that the type can hold, without repetitions, the first one first.
fn exact_fills(dtype: &DType, packing: &Packing) -> Vec<f64> {
    let mut out: Vec<f64> = Vec::new();
    for &fill in &packing.fill {
        let wrapped =
            if packing.unsigned && fill < 0.0 { fill + 2f64.powi(8 * dtype.size() as i32) } else { fill };
        let held = harmony_model::dtype::number_bytes(dtype, wrapped)
            .and_then(|b| harmony_model::dtype::to_f64s(dtype, &b))
            .and_then(|v| v.first().copied());
        let Some(held) = held else { continue };
        // In single precision 1e15 is another number, but the same fill.
        let same = held == wrapped || dtype.is_float() && (held.is_nan() == wrapped.is_nan());
        let known = |v: &f64| *v == held || (v.is_nan() && held.is_nan());
        if same && !out.iter().any(known) {
            out.push(held);
        }
    }
    out
}

/// Variables that others name in `bounds`, `climatology` or `grid_mapping`, and grid mappings by their attributes.
fn helpers(granule: &Granule) -> Vec<VarId> {
    let mut out = Vec::new();
    for id in granule.var_ids() {
        let var = granule.var(id);
        for name in ["bounds", "climatology"] {
            out.extend(var.attr_text(name).and_then(|t| granule.resolve_var(var.group, t.trim())));
        }
        out.extend(affine::grid_mapping(granule, id));
        if var.attr("grid_mapping_name").is_some() && var.dims.len() < 2 {
            out.push(id);
        }
    }
    out
}
