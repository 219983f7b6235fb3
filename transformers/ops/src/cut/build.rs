//! The lazy granule of a selection.

use std::collections::BTreeMap;
use std::sync::Arc;

use harmony_model::dtype::number_bytes;
use harmony_model::request::Compat;
use harmony_model::{Attribute, DType, DimId, Granule, GroupId, MemoryArray, Runs, VarId, Variable, Window};

use crate::error::OpError;
use crate::mask::{AppliedMask, CutArray, Everywhere, default_fill};
use crate::scene::Scene;
use crate::selection::{Mask, Selection};

/// Groups, dimensions and variables that are left, with new extents.
///
/// # Errors
/// When a mask can't be looked at.
pub fn build(scene: &Scene, selection: &Selection) -> Result<Granule, OpError> {
    let input = &scene.granule;
    let kept: Vec<VarId> = input.var_ids().filter(|&v| is_left(scene, selection, v)).collect();
    let mut out = Granule::new(&input.name, input.format);
    let groups = copy_groups(input, &kept, &mut out);
    let mut dims: BTreeMap<DimId, DimId> = BTreeMap::new();
    let used = |d: &DimId| kept.iter().any(|&v| input.var(v).dims.contains(d));
    for d in (0..input.dims.len()).map(DimId).filter(used) {
        let mut dim = input.dim(d).clone();
        dim.group = groups[&dim.group];
        dim.len = selection.runs(input, d).len();
        // netCDF readers refuse files in which a variable has axes both with and without a name.
        dim.anonymous &= !kept.iter().any(|&v| stands_beside_a_name(input, v, d));
        out.dims.push(dim);
        dims.insert(d, DimId(out.dims.len() - 1));
    }
    for t in &input.types {
        if let Some(&group) = groups.get(&t.group) {
            out.types.push(harmony_model::NamedType { group, ..t.clone() });
        }
    }
    for v in kept {
        let mut var = cut_variable(scene, selection, v)?;
        var.group = groups[&var.group];
        var.dims.iter_mut().for_each(|d| *d = dims[d]);
        out.vars.push(var);
    }
    if scene.request.compat != Some(Compat::L2ss) {
        add_index_variables(scene, selection, &dims, &mut out);
    }
    Ok(out)
}

/// Whether `dim` is an axis of `var` together with a named one.
fn stands_beside_a_name(granule: &Granule, var: VarId, dim: DimId) -> bool {
    let dims = &granule.var(var).dims;
    dims.contains(&dim) && dims.iter().any(|d| !granule.dim(*d).anonymous)
}

/// Kept by name, and no axis has become empty.
fn is_left(scene: &Scene, selection: &Selection, var: VarId) -> bool {
    let empty = |d: &DimId| selection.dims.get(d).is_some_and(Runs::is_empty);
    selection.keeps(var) && !scene.granule.var(var).dims.iter().any(empty)
}

/// Copies the groups that hold something kept, or that never held variables but have attributes.
fn copy_groups(input: &Granule, kept: &[VarId], out: &mut Granule) -> BTreeMap<GroupId, GroupId> {
    let mut map = BTreeMap::from([(Granule::ROOT, Granule::ROOT)]);
    out.groups[0].attrs = input.groups[0].attrs.clone();
    for g in (1..input.groups.len()).map(GroupId) {
        let holds = |v: &VarId| input.is_within(input.var(*v).group, g);
        let bare = !input.var_ids().any(|v| holds(&v));
        // A dimension may be declared in a group whose variables all live below another one.
        let declares = input
            .dims
            .iter()
            .enumerate()
            .any(|(i, d)| d.group == g && kept.iter().any(|&v| input.var(v).dims.contains(&DimId(i))));
        if !(kept.iter().any(holds) || bare || declares) {
            continue;
        }
        let group = input.group(g);
        let Some(&parent) = group.parent.as_ref().and_then(|p| map.get(p)) else { continue };
        let id = out.add_group(parent, &group.name);
        out.groups[id.0].attrs = group.attrs.clone();
        map.insert(g, id);
    }
    map
}

/// A variable with its new data source and, where it is masked without one, a fill value.
fn cut_variable(scene: &Scene, selection: &Selection, id: VarId) -> Result<Variable, OpError> {
    let input = &scene.granule;
    let mut var = input.var(id).clone();
    if let Some(replacement) = selection.replacements.get(&id) {
        var.data = replacement.data.clone();
        return Ok(var);
    }
    let shape = input.shape(id);
    let window = selection.window(input, id);
    let whole = window.0.iter().zip(&shape).all(|(r, &n)| r.is_all(n));
    let masks = masks_of(scene, selection, id, &window)?;
    if whole && masks.is_empty() {
        return Ok(var);
    }
    let mut fill = fill_of(&var);
    let mut coverage = var.data.coverage();
    if !masks.is_empty() && declared_fill(&var).is_none() {
        if is_picture(scene, &var) {
            // Every number may be a colour: what is left out is told by a mask.
            fill.fill(0);
            coverage = coverage.or_else(|| Some(Arc::new(Everywhere)));
        } else {
            var.attrs.insert(0, fill_attribute(&var.dtype, &fill));
            var.fill = Some(fill.clone());
        }
    }
    let inner = var.data.clone();
    let element_size = var.dtype.size();
    let data = CutArray { inner, inner_shape: shape, window, element_size, masks, fill, coverage: None };
    var.data = Arc::new(match coverage {
        Some(coverage) => data.with_coverage(coverage),
        None => data,
    });
    // Extremes of the values that are left are not known before they are read.
    if !whole {
        var.attrs.retain(|a| a.name != "actual_range");
    }
    Ok(var)
}

/// The masks that concern a variable and leave something out of its window.
fn masks_of(
    scene: &Scene,
    selection: &Selection,
    id: VarId,
    window: &Window,
) -> Result<Vec<AppliedMask>, OpError> {
    let var = scene.granule.var(id);
    if scene.request.pixel_subset || is_unmasked_shape(scene) || default_fill(&var.dtype).is_none() {
        return Ok(Vec::new());
    }
    let mut out = Vec::new();
    for mask in &selection.masks {
        let Some(axes) = scene.axes_of(id, &mask.dims) else { continue };
        if is_exempt(scene, mask, id) {
            continue;
        }
        if mask.source.is_cheap() {
            let part = Window(axes.iter().map(|&a| window.0[a].clone()).collect());
            let mut wanted = vec![0u8; part.count() as usize];
            mask.source.read(&part, &mut wanted)?;
            if !wanted.contains(&0) {
                continue;
            }
        }
        out.push(AppliedMask { axes, source: mask.source.clone() });
    }
    Ok(out)
}

/// Whether a variable is a band of a picture none of whose numbers stands for missing data. The reference programs
/// whose habits may be asked for declare a number all the same.
fn is_picture(scene: &Scene, var: &Variable) -> bool {
    let is_integer = var.dtype.is_integer() && var.attr("missing_value").is_none();
    scene.request.compat.is_none() && is_integer && var.attr("color_interpretation").is_some()
}

/// Whether GDAL, whose answer is asked for, would not mask by the shape.
fn is_unmasked_shape(scene: &Scene) -> bool {
    scene.request.compat_is(Compat::Gdal)
        && scene.request.shape.as_ref().is_some_and(|s| s.has_crossing_rings())
}

/// Coordinates stay valid under a mask; the l2ss-py switch masks those that declare a fill value.
fn is_exempt(scene: &Scene, mask: &Mask, id: VarId) -> bool {
    let granule = &scene.granule;
    let var = granule.var(id);
    let index_coordinate = matches!(var.dims.as_slice(), [d] if granule.dim_coordinate(*d) == Some(id));
    if index_coordinate || (mask.only_with_fill && declared_fill(var).is_none()) {
        return true;
    }
    !mask.coordinates_too && (scene.table.is_coordinate(id) || scene.times.is_time(id))
}

/// The fill value a variable declares, as one native element.
fn declared_fill(var: &Variable) -> Option<Vec<u8>> {
    let attr = var.attr("_FillValue")?;
    if attr.dtype == var.dtype && attr.bytes.len() == var.dtype.size() {
        return Some(attr.bytes.clone());
    }
    number_bytes(&var.dtype, attr.as_f64()?)
}

fn fill_of(var: &Variable) -> Vec<u8> {
    let missing = || number_bytes(&var.dtype, var.attr_f64("missing_value")?);
    declared_fill(var)
        .or_else(missing)
        .or_else(|| default_fill(&var.dtype))
        .unwrap_or_else(|| var.dtype.default_fill())
}

fn fill_attribute(dtype: &DType, fill: &[u8]) -> Attribute {
    Attribute {
        name: "_FillValue".into(),
        dtype: dtype.clone(),
        shape: harmony_model::AttrShape::Simple(vec![1]),
        bytes: fill.to_vec(),
        items: Vec::new(),
    }
}

/// Where rows or columns of a swath have been glued together, their original indices (§7.4 of the contract).
fn add_index_variables(
    scene: &Scene,
    selection: &Selection,
    dims: &BTreeMap<DimId, DimId>,
    out: &mut Granule,
) {
    for dim in &selection.glued {
        let runs = selection.runs(&scene.granule, *dim);
        let (Some(&new), true) = (dims.get(dim), runs.runs().len() > 1) else { continue };
        let (group, name) = (out.dim(new).group, format!("{}_index", out.dim(new).name));
        if out.vars.iter().any(|v| v.group == group && v.name == name) {
            continue;
        }
        let indices: Vec<i32> = runs.indices().map(|i| i32::try_from(i).unwrap_or(i32::MAX)).collect();
        let data = Arc::new(MemoryArray::of(&[runs.len()], &indices));
        let id = out.add_var(group, &name, DType::I32, vec![new], data);
        let text = format!("index along {} in the original granule, from 0", scene.granule.dim(*dim).name);
        out.vars[id.0].attrs = vec![Attribute::text("long_name", &text), Attribute::text("units", "1")];
    }
}
