//! Names, types and bounds of the axes of a regridded granule.

use std::sync::Arc;

use harmony_model::dtype::Number;
use harmony_model::{Attribute, DType, DimId, Granule, GridSpec, MemoryArray, VarId, Variable, with_numeric};

use super::source::{SourceAxis, SourceGrid};

/// The axes of the target in the output, y first.
pub fn of_variable(out: &Granule, var: VarId, transposed: bool) -> Option<[DimId; 2]> {
    let dims = &out.var(var).dims;
    let [.., a, b] = dims[..] else { return None };
    Some(if transposed { [b, a] } else { [a, b] })
}

/// Coordinate variables get the type that the source's had.
pub fn keep_types(input: &Granule, source: &SourceGrid, out: &mut Granule, dims: [DimId; 2]) {
    for (axis, dim) in [&source.y, &source.x].into_iter().zip(dims) {
        let Some(dtype) = axis.var.map(|v| input.var(v).dtype.clone()).filter(DType::is_float) else {
            continue;
        };
        let Some(id) = out.dim_coordinate(dim) else { continue };
        let Ok(values) = out.read_all_physical(id) else { continue };
        set_values(&mut out.vars[id.0], dtype, &[values.len() as u64], &values);
    }
}

/// Recomputes the bounds variables that the source's axes had: name, type and attributes stay.
///
/// Cells are the halves of a step before and after the centre, so those of a descending axis begin with the larger
/// value.
pub fn add_bounds(
    input: &Granule,
    source: &SourceGrid,
    grid: &GridSpec,
    out: &mut Granule,
    dims: [DimId; 2],
) {
    let sides =
        [(&source.y, dims[0], grid.y_centres(), grid.dy), (&source.x, dims[1], grid.x_centres(), grid.dx)];
    for (axis, dim, centres, step) in sides {
        let Some((bounds, coordinate)) = axis.bounds.zip(out.dim_coordinate(dim)) else { continue };
        add_one(input, axis, bounds, out, dim, coordinate, &centres, step);
    }
}

#[allow(clippy::too_many_arguments)]
fn add_one(
    input: &Granule,
    axis: &SourceAxis,
    bounds: VarId,
    out: &mut Granule,
    dim: DimId,
    coordinate: VarId,
    centres: &[f64],
    step: f64,
) {
    let old = input.var(bounds);
    let Some(&ends) = old.dims.iter().find(|d| **d != axis.dim).filter(|d| input.dim(**d).len == 2) else {
        return;
    };
    let group = out.dim(dim).group;
    if out.vars.iter().any(|v| v.group == group && v.name == old.name) {
        return;
    }
    let name = &input.dim(ends).name;
    let known = (0..out.dims.len()).map(DimId).find(|d| {
        let d = out.dim(*d);
        d.name == *name && d.len == 2 && d.group == group
    });
    let ends = known.unwrap_or_else(|| out.add_dim(group, name, 2));
    let values: Vec<f64> = centres.iter().flat_map(|c| [c - step * 0.5, c + step * 0.5]).collect();
    let shape = [centres.len() as u64, 2];
    let data = Arc::new(MemoryArray::of(&shape, &values));
    let id = out.add_var(group, &old.name, DType::F64, vec![dim, ends], data);
    let dtype = if old.dtype.is_float() { old.dtype.clone() } else { DType::F64 };
    out.vars[id.0].attrs = old.attrs.iter().filter(|a| !is_stale(&a.name)).cloned().collect();
    set_values(&mut out.vars[id.0], dtype, &shape, &values);
    let attr = Attribute::text("bounds", &old.name);
    out.vars[coordinate.0].set_attr(attr);
}

/// Attributes of bounds that speak of the old values.
fn is_stale(name: &str) -> bool {
    ["_FillValue", "missing_value", "coordinates", "units", "scale_factor", "add_offset"].contains(&name)
        || name.starts_with("valid_")
}

fn set_values(var: &mut Variable, dtype: DType, shape: &[u64], values: &[f64]) {
    with_numeric!(&dtype, T => {
        let values: Vec<T> = values.iter().map(|&v| <T as Number>::from_f64(v)).collect();
        var.data = Arc::new(MemoryArray::of(shape, &values));
        var.dtype = dtype;
    }, else => {});
}

/// What the regridder and the swath projector write where the engine writes a number: one character of text without a
/// value; `grid_mapping` is then a full path.
pub fn mappings_as_text(out: &mut Granule) {
    let mappings: Vec<(harmony_model::GroupId, String, String)> = out
        .vars
        .iter_mut()
        .filter(|v| v.dims.is_empty() && v.attr("crs_wkt").is_some() && v.attr("GeoTransform").is_some())
        .map(|v| {
            v.dtype = DType::Char;
            v.data = Arc::new(MemoryArray::new(&[], 1, vec![0]));
            (v.group, v.name.clone(), v.path.clone())
        })
        .collect();
    for i in 0..out.vars.len() {
        let Some(name) = out.vars[i].attr_text("grid_mapping") else { continue };
        let found = mappings
            .iter()
            .filter(|(g, n, _)| *n == name && out.is_within(out.vars[i].group, *g))
            .max_by_key(|(.., path)| path.len());
        let path = found.map(|(.., path)| path.clone());
        if let Some(path) = path {
            // In the root group the name is found as it is.
            let text = if path.matches('/').count() == 1 { name } else { path };
            out.vars[i].set_attr(Attribute::text("grid_mapping", &text));
        }
    }
}
