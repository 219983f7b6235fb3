//! Coordinate variables and grid mapping of a target grid (contract §7).

use std::sync::Arc;

use harmony_model::{Attribute, DType, DimId, Granule, GridSpec, GroupId, MemoryArray, VarId};

/// The axes of one target grid in a granule.
#[derive(Clone, Debug)]
pub struct Axes {
    pub y: DimId,
    pub x: DimId,
    /// Rows and columns.
    pub size: [u64; 2],
    /// Name of the grid mapping variable.
    pub mapping: String,
}

/// Base names of the axes, y first.
pub fn axis_names(grid: &GridSpec) -> [&'static str; 2] {
    if grid.crs.is_geographic() { ["lat", "lon"] } else { ["y", "x"] }
}

/// Declares both dimensions with their coordinate variables, and the grid mapping, in `group`.
pub fn add(granule: &mut Granule, group: GroupId, grid: &GridSpec, names: [&str; 2], mapping: &str) -> Axes {
    let y = axis(granule, group, names[0], &grid.y_centres(), y_attributes(grid));
    let x = axis(granule, group, names[1], &grid.x_centres(), x_attributes(grid));
    add_mapping(granule, group, grid, mapping);
    Axes { y, x, size: [grid.ny, grid.nx], mapping: mapping.into() }
}

fn axis(granule: &mut Granule, group: GroupId, name: &str, values: &[f64], attrs: Vec<Attribute>) -> DimId {
    let dim = granule.add_dim(group, name, values.len() as u64);
    let data = Arc::new(MemoryArray::of(&[values.len() as u64], values));
    let id = granule.add_var(group, name, DType::F64, vec![dim], data);
    granule.vars[id.0].attrs = attrs;
    dim
}

fn add_mapping(granule: &mut Granule, group: GroupId, grid: &GridSpec, name: &str) -> VarId {
    let data = Arc::new(MemoryArray::of(&[], &[0i32]));
    let id = granule.add_var(group, name, DType::I32, Vec::new(), data);
    let mut attrs = grid.crs.to_cf_attributes();
    attrs.retain(|a| a.name != "GeoTransform");
    let numbers: Vec<String> = grid.geo_transform().iter().map(|v| format!("{v:?}")).collect();
    attrs.push(Attribute::text("long_name", "CRS definition"));
    attrs.push(Attribute::text("GeoTransform", &numbers.join(" ")));
    granule.vars[id.0].attrs = attrs;
    id
}

fn attributes(standard: &str, long: &str, units: &str, axis: &str) -> Vec<Attribute> {
    vec![
        Attribute::text("standard_name", standard),
        Attribute::text("long_name", long),
        Attribute::text("units", units),
        Attribute::text("axis", axis),
    ]
}

fn y_attributes(grid: &GridSpec) -> Vec<Attribute> {
    match kind(grid) {
        Kind::Geographic => attributes("latitude", "latitude", "degrees_north", "Y"),
        Kind::Rotated => attributes("grid_latitude", "latitude in rotated pole grid", "degrees", "Y"),
        Kind::Projected(units) => {
            attributes("projection_y_coordinate", "y coordinate of projection", &units, "Y")
        }
    }
}

fn x_attributes(grid: &GridSpec) -> Vec<Attribute> {
    match kind(grid) {
        Kind::Geographic => attributes("longitude", "longitude", "degrees_east", "X"),
        Kind::Rotated => attributes("grid_longitude", "longitude in rotated pole grid", "degrees", "X"),
        Kind::Projected(units) => {
            attributes("projection_x_coordinate", "x coordinate of projection", &units, "X")
        }
    }
}

enum Kind {
    Geographic,
    Rotated,
    Projected(String),
}

fn kind(grid: &GridSpec) -> Kind {
    if grid.crs.is_geographic() {
        return Kind::Geographic;
    }
    match grid.crs.units_to_metre() {
        Some(factor) => Kind::Projected(unit_name(factor)),
        None if grid.crs.definition.contains("ob_tran") || grid.crs.wkt2().is_some() => Kind::Rotated,
        None => Kind::Projected("m".into()),
    }
}

/// What UDUNITS calls a length of `metres`.
fn unit_name(metres: f64) -> String {
    let known = [(1.0, "m"), (1000.0, "km"), (0.3048, "foot"), (1200.0 / 3937.0, "US_survey_foot")];
    let name = known.iter().find(|(m, _)| (m - metres).abs() < 1e-9 * m);
    name.map_or_else(|| format!("{metres} m"), |(_, n)| (*n).into())
}
