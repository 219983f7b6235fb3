//! Samples to the grid they were taken from (contract §6.1): SMAP Level 2 products keep 1-D samples with the row and
//! column of an EASE-Grid 2.0 cell. Each sample goes into its cell, nothing is interpolated.
//!
//! Selected when such a product is asked for on another grid, and the request says no more than geographic coordinates
//! (which the service for SMAP answers so, too), the CRS or the name of the product's own grid, and `near` at most. Any
//! other grid is the business of `project_swath`.

mod scatter;
mod table;

use std::sync::Arc;

use harmony_model::crs::Crs;
use harmony_model::dtype::number_bytes;
use harmony_model::geolocation::{Hints, find_variables, products};
use harmony_model::{Attribute, DType, DimId, GridSpec, GroupId, Interpolation, VarId, Variable};

use crate::error::OpError;
use crate::project::array::Source;
use crate::project::output::{self, Parts};
use crate::project::{Element, Place, Projected, ResampledArray, Resampler, StripCache, named};
use crate::project_swath::Widened;
use crate::scene::Scene;
use crate::transform::{Transform, Transformed};
use scatter::Scatter;

/// See the module.
pub struct GridIndexed;

const NAME: &str = "grid_indexed";

/// Samples of one group that lie on one grid.
struct Indexed {
    group: GroupId,
    dim: DimId,
    row: VarId,
    col: VarId,
    /// Index into the located geolocations.
    located: usize,
    grid: GridSpec,
    name: String,
}

impl Transform for GridIndexed {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "put samples with stored rows and columns (SMAP Level 2) into their EASE-Grid 2.0"
    }

    fn select(&self, scene: &Scene) -> Result<Option<String>, OpError> {
        let found = concerned(scene)?;
        let names: Vec<&str> = found.iter().map(|i| i.name.as_str()).collect();
        Ok((!found.is_empty()).then(|| format!("samples into the cells of {}", names.join(", "))))
    }

    fn apply(&self, scene: &Scene) -> Result<Transformed, OpError> {
        let mut parts = Parts { places: Vec::new(), projected: Vec::new(), dropped: Default::default() };
        let mut notices = Vec::new();
        let cache = StripCache::new(crate::project::cache::budget(&scene.request));
        for indexed in concerned(scene)? {
            let rows = scene.granule.read_all_physical(indexed.row)?;
            let cols = scene.granule.read_all_physical(indexed.col)?;
            let scatter = Scatter::new(&rows, &cols, &indexed.grid);
            notices.extend(remarks(scene, &indexed, &scatter));
            let resampler = Resampler::Pick(Arc::new(scatter));
            let place = parts.places.len();
            parts.places.push(Place {
                names: Some(["y-dim".into(), "x-dim".into()]),
                mapping: Some("crs".into()),
                ..Place::new(indexed.located, indexed.grid.clone())
            });
            for index in [indexed.row, indexed.col].into_iter().filter(|v| is_unasked(scene, *v)) {
                parts.dropped.insert(index);
            }
            add_variables(scene, &indexed, place, &resampler, &cache, &mut parts, &mut notices);
        }
        let mut granule = output::build(scene, parts);
        add_proj_strings(&mut granule);
        Ok(Transformed { granule, notices })
    }
}

/// What is to be put on grids, if the request is content with these.
fn concerned(scene: &Scene) -> Result<Vec<Indexed>, OpError> {
    let t = &scene.request.target;
    let sized = t.extent.is_some() || t.cell_size.is_some() || t.width.is_some() || t.height.is_some();
    let method = matches!(t.interpolation, None | Some(Interpolation::Nearest));
    if !t.is_set() || sized || !method {
        return Ok(Vec::new());
    }
    let found = indexed(scene)?;
    let named = match &t.grid {
        Some(name) => Some(named::find(name).map_err(harmony_model::ModelError::Invalid)?),
        None => None,
    };
    let content = |i: &Indexed| match (&named, &t.crs) {
        (Some(grid), _) => *grid == i.grid,
        (None, Some(crs)) => crs.same_as(&Crs::wgs84()) || crs.same_as(&i.grid.crs),
        (None, None) => true,
    };
    Ok(if found.iter().any(content) { found } else { Vec::new() })
}

/// All groups of a known product whose samples have rows and columns.
fn indexed(scene: &Scene) -> Result<Vec<Indexed>, OpError> {
    let granule = &scene.granule;
    let hints = Hints { short_name: scene.request.short_name.clone(), ..Hints::default() };
    let Some(product) = products::short_name(granule, &hints) else { return Ok(Vec::new()) };
    let mut out = Vec::new();
    for group in (0..granule.groups.len()).map(GroupId) {
        let Some(name) = table::grid_of(&product, &granule.group(group).name) else { continue };
        let find = |start: &str| {
            granule.var_ids().find(|v| {
                let var = granule.var(*v);
                var.group == group
                    && var.name.starts_with(start)
                    && var.dims.len() == 1
                    && var.dtype.is_numeric()
            })
        };
        let (Some(row), Some(col)) = (find("EASE_row_index"), find("EASE_column_index")) else { continue };
        let dim = granule.var(row).dims[0];
        let on_dim = |v: VarId| granule.var(v).group == group && granule.var(v).dims.contains(&dim);
        let located = granule.var_ids().filter(|v| on_dim(*v)).find_map(|v| scene.table.of_var[v.0]);
        let (Some(located), true) = (located, granule.var(col).dims == [dim]) else { continue };
        let grid = named::find(&name).map_err(harmony_model::ModelError::Invalid)?;
        out.push(Indexed { group, dim, row, col, located, grid, name });
    }
    Ok(out)
}

/// Rows and columns of the samples that belong to `kept` variables, where the request puts samples on their grid.
///
/// # Errors
/// As the operation's own.
pub(crate) fn companions(scene: &Scene, kept: &[VarId]) -> Result<Vec<VarId>, OpError> {
    let found = concerned(scene)?;
    let used = |i: &&Indexed| kept.iter().any(|&v| scene.granule.var(v).dims.contains(&i.dim));
    Ok(found.iter().filter(used).flat_map(|i| [i.row, i.col]).collect())
}

/// Whether a variable came along unasked: the request names others.
fn is_unasked(scene: &Scene, var: VarId) -> bool {
    let named = |name: &String| find_variables(&scene.granule, name).is_ok_and(|found| found.contains(&var));
    !scene.request.variables.is_empty() && !scene.request.variables.iter().any(named)
}

/// What the user should know about the samples of a group.
fn remarks(scene: &Scene, indexed: &Indexed, scatter: &Scatter) -> Vec<String> {
    let group = &scene.granule.group(indexed.group).path;
    let crs = indexed.grid.crs.authority_code().unwrap_or_default();
    let mut out = Vec::new();
    if scene.request.target.crs.as_ref().is_some_and(|c| !c.same_as(&indexed.grid.crs)) {
        out.push(format!(
            "{group}: samples are in the cells they were taken from, {} in {crs}",
            indexed.name
        ));
    }
    if scatter.repeated > 0 {
        out.push(format!(
            "{group}: {} samples share a cell with a later one; the last one in the file counts",
            scatter.repeated
        ));
    }
    if scatter.outside > 0 {
        out.push(format!("{group}: {} samples have no row and column on {}", scatter.outside, indexed.name));
    }
    out
}

fn add_variables(
    scene: &Scene,
    indexed: &Indexed,
    place: usize,
    resampler: &Resampler,
    cache: &Arc<StripCache>,
    parts: &mut Parts,
    notices: &mut Vec<String>,
) {
    for v in scene.granule.var_ids() {
        let var = scene.granule.var(v);
        if var.group != indexed.group || parts.dropped.contains(&v) {
            continue;
        }
        let Some(row_axis) = var.dims.iter().position(|d| *d == indexed.dim) else { continue };
        if !var.dtype.is_numeric() {
            notices.push(format!("{} is left out: it holds {}, not numbers", var.path, var.dtype.name()));
            parts.dropped.insert(v);
            continue;
        }
        let (element, attrs) = filled(var);
        let mut shape = scene.granule.shape(v);
        shape.push(1);
        let source = Source {
            data: Arc::new(Widened(var.data.clone())),
            col_axis: shape.len() - 1,
            shape,
            row_axis,
            element,
            chunk_rows: var.storage.chunk_shape().and_then(|c| c.get(row_axis)).copied().unwrap_or(1),
            chunk_cols: 1,
            transposed: false,
        };
        let leading = var.dims.iter().copied().filter(|d| *d != indexed.dim).collect();
        let data = Arc::new(ResampledArray::new(source, resampler.clone(), cache.clone()));
        parts.projected.push(Projected { var: v, place, leading, transposed: false, data, attrs });
    }
}

/// The fill value of cells without a sample: the variable's own, else −9999 for floats and the largest number for
/// integers.
fn filled(var: &Variable) -> (Element, Vec<Attribute>) {
    let element = Element::of(var);
    if element.declares_fill() {
        return (element, Vec::new());
    }
    let value = match var.dtype {
        DType::I8 => f64::from(i8::MAX),
        DType::U8 => f64::from(u8::MAX),
        DType::I16 => f64::from(i16::MAX),
        DType::U16 => f64::from(u16::MAX),
        DType::I32 => f64::from(i32::MAX),
        DType::U32 => f64::from(u32::MAX),
        // Conversion saturates at the largest number.
        DType::I64 | DType::U64 => f64::MAX,
        _ => -9999.0,
    };
    let element = match number_bytes(&var.dtype, value) {
        Some(fill) => element.with_fill(fill),
        None => element,
    };
    let attrs = element.fill_attribute(&var.dtype).into_iter().collect();
    (element, attrs)
}

/// The grid mappings also say `proj`, the PROJ string that the SMAP service writes.
fn add_proj_strings(granule: &mut harmony_model::Granule) {
    for var in granule.vars.iter_mut().filter(|v| v.name == "crs" && v.attr("crs_wkt").is_some()) {
        let text = Crs::from_cf_attributes(&var.attrs).ok().and_then(|c| c.proj_string());
        if let Some(text) = text {
            var.set_attr(Attribute::text("proj", &text));
        }
    }
}

#[cfg(test)]
mod tests;
