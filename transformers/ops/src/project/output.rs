//! The granule around resampled variables.

use std::collections::BTreeSet;
use std::sync::Arc;

use harmony_model::{
    ArraySource, Attribute, DimId, Filter, Geolocation, Granule, GridSpec, GroupId, Storage, VarId, Variable,
};

use super::compact::compact;
use super::mapping::{self, Axes};
use crate::scene::Scene;

/// Bytes of a chunk of a new array.
const CHUNK_BYTES: u64 = 1 << 20;

/// A geolocation of the input and the grid that takes its place.
#[derive(Clone, Debug)]
pub struct Place {
    /// Index into [`harmony_model::GeolocationTable::located`].
    pub located: usize,
    pub grid: GridSpec,
    /// Names of the dimensions, y first, instead of the usual ones.
    pub names: Option<[String; 2]>,
    /// Name of the grid mapping variable instead of the usual one.
    pub mapping: Option<String>,
}

impl Place {
    pub fn new(located: usize, grid: GridSpec) -> Self {
        Place { located, grid, names: None, mapping: None }
    }
}

/// A variable on its new grid.
pub struct Projected {
    pub var: VarId,
    /// Index into the places.
    pub place: usize,
    /// Axes of the input that stay, in order; they come first.
    pub leading: Vec<DimId>,
    /// Columns come before rows.
    pub transposed: bool,
    pub data: Arc<dyn ArraySource>,
    /// Set on the variable, replacing what it had: `_FillValue`, `cell_methods`.
    pub attrs: Vec<Attribute>,
}

/// Everything that [`build`] puts together.
pub struct Parts {
    pub places: Vec<Place>,
    pub projected: Vec<Projected>,
    /// Variables that have no meaning on the new grid.
    pub dropped: BTreeSet<VarId>,
}

/// The output: projected variables with new axes and grid mappings; everything else is copied, but for `dropped` and for
/// the coordinates and grid mappings that nothing uses any more.
pub fn build(scene: &Scene, parts: Parts) -> Granule {
    let input = &scene.granule;
    let mut out = (**input).clone();
    let gone = leaving(scene, &parts);
    let mut vars: Vec<Option<Variable>> = std::mem::take(&mut out.vars).into_iter().map(Some).collect();
    for &v in &gone {
        vars[v.0] = None;
    }
    let first = parts.projected.iter().map(|p| p.var.0).min().unwrap_or(0);
    let after = vars.split_off(first.min(vars.len()));
    out.vars = vars.into_iter().flatten().collect();
    let axes = add_axes(scene, &parts, &after, &mut out);
    let surviving: BTreeSet<&str> =
        input.var_ids().filter(|v| !gone.contains(v)).map(|v| input.var(v).path.as_str()).collect();
    for (i, var) in after.into_iter().enumerate() {
        let Some(mut var) = var else { continue };
        if let Some(p) = parts.projected.iter().find(|p| p.var.0 == first + i) {
            project(scene, p, &axes[p.place], &surviving, &mut var);
        }
        out.vars.push(var);
    }
    compact(&mut out, input);
    out
}

/// Variables of the input that the output does without.
fn leaving(scene: &Scene, parts: &Parts) -> BTreeSet<VarId> {
    let input = &scene.granule;
    let projected: BTreeSet<VarId> = parts.projected.iter().map(|p| p.var).collect();
    let mut gone = parts.dropped.clone();
    for place in &parts.places {
        let geolocation = &scene.table.located[place.located].geolocation;
        let dims = geolocation.dims();
        let mut old = geolocation.variables();
        if let Geolocation::Grid { lat, lon } = geolocation {
            old.extend([lat.bounds, lon.bounds].into_iter().flatten());
        }
        old.extend(dims.iter().filter_map(|&d| input.dim_coordinate(d)));
        let bounds = old.iter().filter_map(|&v| {
            let name = input.var(v).attr_text("bounds")?;
            input.resolve_var(input.var(v).group, name.trim())
        });
        let bounds: Vec<VarId> = bounds.collect();
        gone.extend(old.into_iter().chain(bounds));
        // Other latitudes and longitudes of the same axes.
        let on_axes = |v: &&VarId| dims.iter().all(|d| input.var(**v).dims.contains(d));
        gone.extend(scene.table.coordinates.iter().filter(on_axes).filter(|v| is_position(input.var(**v))));
    }
    gone.retain(|v| !projected.contains(v) && !used_elsewhere(scene, parts, *v));
    let unused = unused_mappings(scene, parts, &gone);
    gone.extend(unused);
    gone
}

/// Whether a variable is a latitude or longitude, by its own words.
pub fn is_position(var: &Variable) -> bool {
    let standard = var.attr_text("standard_name").unwrap_or_default();
    let units = var.attr_text("units").unwrap_or_default().to_ascii_lowercase();
    let name = var.name.to_ascii_lowercase();
    let degrees = units.starts_with("degree") || units == "deg";
    standard.ends_with("latitude")
        || standard.ends_with("longitude")
        || (units.starts_with("degree")
            && ["north", "east", "n", "e"].iter().any(|d| units.ends_with(&format!("_{d}"))))
        || (degrees && (name.contains("lat") || name.contains("lon")))
        || ["lat", "lon", "latitude", "longitude", "nav_lat", "nav_lon", "xlat", "xlong"]
            .contains(&name.as_str())
}

/// Whether a coordinate also places variables that are not projected.
fn used_elsewhere(scene: &Scene, parts: &Parts, v: VarId) -> bool {
    if parts.dropped.contains(&v) {
        return false;
    }
    let replaced = |i: usize| parts.places.iter().any(|p| p.located == i);
    scene
        .table
        .located
        .iter()
        .enumerate()
        .any(|(i, l)| !replaced(i) && l.geolocation.variables().contains(&v))
}

/// Grid mappings to which only projected or dropped variables refer.
fn unused_mappings(scene: &Scene, parts: &Parts, gone: &BTreeSet<VarId>) -> Vec<VarId> {
    let input = &scene.granule;
    let is_mapping = |v: VarId| {
        let var = input.var(v);
        let described = ["grid_mapping_name", "crs_wkt", "spatial_ref"].iter().any(|a| var.attr(a).is_some());
        described && input.shape(v).iter().product::<u64>() <= 16 && var.attr("grid_mapping").is_none()
    };
    let stays = |v: &VarId| !gone.contains(v) && !parts.projected.iter().any(|p| p.var == *v);
    let used: BTreeSet<VarId> = input
        .var_ids()
        .filter(stays)
        .flat_map(|v| {
            let text = input.var(v).attr_text("grid_mapping").unwrap_or_default();
            let names =
                text.split_whitespace().map(|t| t.trim_end_matches(':').to_owned()).collect::<Vec<_>>();
            names.into_iter().filter_map(move |n| input.resolve_var(input.var(v).group, &n))
        })
        .collect();
    input.var_ids().filter(|&v| is_mapping(v) && !used.contains(&v)).collect()
}

/// The deepest group that holds all variables of a place.
fn owner(scene: &Scene, parts: &Parts, place: usize) -> GroupId {
    let input = &scene.granule;
    let mut groups = parts.projected.iter().filter(|p| p.place == place).map(|p| input.var(p.var).group);
    let Some(mut group) = groups.next() else { return Granule::ROOT };
    for other in groups {
        while !input.is_within(other, group) {
            group = input.group(group).parent.unwrap_or(Granule::ROOT);
        }
    }
    group
}

/// New axes and mappings, one entry for each place; places with the same grid in the same group share theirs.
fn add_axes(scene: &Scene, parts: &Parts, after: &[Option<Variable>], out: &mut Granule) -> Vec<Axes> {
    let mut made: Vec<(GroupId, GridSpec, Axes)> = Vec::new();
    let mut all = Vec::new();
    for (i, place) in parts.places.iter().enumerate() {
        let group = owner(scene, parts, i);
        if let Some((.., axes)) = made.iter().find(|(g, grid, _)| *g == group && *grid == place.grid) {
            all.push(axes.clone());
            continue;
        }
        let beside = made.iter().filter(|(g, ..)| *g == group).count();
        let base = mapping::axis_names(&place.grid);
        let base = place.names.clone().unwrap_or_else(|| base.map(String::from));
        let taken = |name: &str| {
            let same = |v: &Variable| v.group == group && v.name == name;
            out.vars.iter().chain(after.iter().flatten()).any(same)
        };
        let mut suffix = beside;
        let names = loop {
            let tail = if suffix == 0 { String::new() } else { format!("_{suffix}") };
            let names = [format!("{}{tail}", base[0]), format!("{}{tail}", base[1])];
            if !names.iter().any(|n| taken(n)) {
                break names;
            }
            suffix += 1;
        };
        let usual = if suffix == 0 { "crs".into() } else { format!("crs_{}_{}", names[0], names[1]) };
        let mut mapping_name = place.mapping.clone().unwrap_or(usual);
        while taken(&mapping_name) {
            mapping_name.push_str("_target");
        }
        let axes = mapping::add(out, group, &place.grid, [&names[0], &names[1]], &mapping_name);
        made.push((group, place.grid.clone(), axes.clone()));
        all.push(axes);
    }
    all
}

/// A variable on its new axes.
fn project(scene: &Scene, p: &Projected, axes: &Axes, surviving: &BTreeSet<&str>, var: &mut Variable) {
    var.dims = p.leading.clone();
    var.dims.extend(if p.transposed { [axes.x, axes.y] } else { [axes.y, axes.x] });
    var.data = p.data.clone();
    // The grid mapping is in the variable's group or above it: its name finds it.
    var.set_attr(Attribute::text("grid_mapping", &axes.mapping));
    let keeps = |reference: &str| {
        let target = scene.granule.resolve_var(var.group, reference);
        target.is_some_and(|t| {
            let t = scene.granule.var(t);
            surviving.contains(t.path.as_str()) && t.dims.iter().all(|d| p.leading.contains(d))
        })
    };
    filter_references(&mut var.attrs, "coordinates", keeps);
    let there = |reference: &str| {
        let target = scene.granule.resolve_var(var.group, reference);
        target.is_some_and(|t| surviving.contains(scene.granule.var(t).path.as_str()))
    };
    filter_references(&mut var.attrs, "ancillary_variables", there);
    let stale = ["actual_range", "cell_measures", "GeoTransform", "DIMENSION_LABELS"];
    var.attrs.retain(|a| !stale.contains(&a.name.as_str()));
    for attr in &p.attrs {
        if attr.name == "_FillValue" {
            var.fill = Some(attr.bytes.clone());
            var.attrs.retain(|a| a.name != "_FillValue");
            var.attrs.insert(0, attr.clone());
        } else {
            var.set_attr(attr.clone());
        }
    }
    let [rows, cols] = axes.size;
    let plane = if p.transposed { [cols, rows] } else { [rows, cols] };
    var.storage = chunked(plane, p.leading.len(), var.dtype.size());
}

/// Keeps of a list of names those that `keeps` wants; an empty list goes.
fn filter_references(attrs: &mut Vec<Attribute>, name: &str, keeps: impl Fn(&str) -> bool) {
    let Some(at) = attrs.iter().position(|a| a.name == name) else { return };
    let Some(text) = attrs[at].as_text() else { return };
    let kept: Vec<&str> = text.split([' ', ',', '\n', '\t']).filter(|t| !t.is_empty() && keeps(t)).collect();
    if kept.is_empty() {
        attrs.remove(at);
    } else {
        attrs[at] = Attribute::text(name, &kept.join(" "));
    }
}

/// Chunks of about a mebibyte, square where the grid is large enough.
pub fn chunked(grid: [u64; 2], leading: usize, element: usize) -> Storage {
    let cells = (CHUNK_BYTES / element.max(1) as u64).max(1);
    let side = 1u64 << (cells.ilog2() / 2);
    let [mut rows, mut cols] = [side.min(grid[0].max(1)), side.min(grid[1].max(1))];
    // What one axis lacks the other takes.
    if rows < side {
        cols = (cells / rows).min(grid[1].max(1));
    }
    if cols < side {
        rows = (cells / cols).min(grid[0].max(1));
    }
    let mut shape = vec![1; leading];
    shape.extend([rows, cols]);
    let mut filters = Vec::new();
    if element > 1 {
        filters.push(Filter::shuffle(element as u32));
    }
    filters.push(Filter::deflate(4));
    Storage::Chunked { shape, filters }
}
