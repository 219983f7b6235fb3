//! Coordinate axes of HDF-EOS grids, from the corners and projection of `StructMetadata.0`.

use std::sync::Arc;

use harmony_model::{Attribute, DType, DimId, Granule, GroupId, MemoryArray, VarId};

use super::projection::{Corner, packed_degrees};
use super::structure::Grid;

/// Cells along an axis that are turned into coordinates: 2^26, half a gigabyte of doubles.
const MAX_CELLS: u64 = 1 << 26;

/// Cell centres of a grid and what they are in.
#[derive(Clone, Debug, PartialEq)]
pub struct GridAxes {
    /// Centres by column index, in metres or degrees east.
    pub x: Vec<f64>,
    /// Centres by row index, in metres or degrees north.
    pub y: Vec<f64>,
    pub geographic: bool,
    /// Definition of the CRS for PROJ.
    pub proj: String,
    /// Attributes of its CF grid mapping variable, `GeoTransform` included.
    pub grid_mapping: Vec<Attribute>,
}

/// Axes of a grid; `None` when the file doesn't say where the grid lies or its projection has no definition in PROJ.
///
/// The corners bound the outermost cells: whether the nominal point of a cell is its centre or its corner
/// (`PixelRegistration`) does not move the cells.
pub fn grid_axes(grid: &Grid) -> Option<GridAxes> {
    let gctp = grid.projection.as_ref()?;
    let Edges { x0, dx, y0, dy, geographic, .. } = Edges::of(grid)?;
    let mut grid_mapping = gctp.cf_attributes()?;
    grid_mapping.push(Attribute::text("GeoTransform", &format!("{x0} {dx} 0 {y0} 0 {dy}")));
    Some(GridAxes {
        x: centres(x0, dx, grid.x_size),
        y: centres(y0, dy, grid.y_size),
        geographic,
        proj: gctp.proj_text()?,
        grid_mapping,
    })
}

/// Outer edges of the cell with the indices (0, 0), and the steps from there, in metres or degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Edges {
    pub x0: f64,
    pub dx: f64,
    pub y0: f64,
    pub dy: f64,
    pub geographic: bool,
    /// Columns count from the left, rows from the top.
    pub from_left: bool,
    pub from_top: bool,
}

impl Edges {
    pub(super) fn of(grid: &Grid) -> Option<Self> {
        if grid.x_size == 0 || grid.y_size == 0 || grid.x_size.max(grid.y_size) > MAX_CELLS {
            return None;
        }
        let geographic = grid.projection.as_ref()?.is_geographic();
        let (ul, lr) = match (grid.upper_left, grid.lower_right) {
            (Some(ul), Some(lr)) if ul[0] != lr[0] && ul[1] != lr[1] => (ul, lr),
            // The library's default corners of a geographic grid: the world.
            (None, None) if geographic => ([-180e6, 90e6], [180e6, -90e6]),
            _ => return None,
        };
        let (ul, lr) = if geographic { (degrees(ul), degrees(lr)) } else { (ul, lr) };
        let from_left = matches!(grid.origin, Corner::UpperLeft | Corner::LowerLeft);
        let from_top = matches!(grid.origin, Corner::UpperLeft | Corner::UpperRight);
        let (x0, x1) = if from_left { (ul[0], lr[0]) } else { (lr[0], ul[0]) };
        let (y0, y1) = if from_top { (ul[1], lr[1]) } else { (lr[1], ul[1]) };
        let (dx, dy) = ((x1 - x0) / grid.x_size as f64, (y1 - y0) / grid.y_size as f64);
        Some(Edges { x0, dx, y0, dy, geographic, from_left, from_top })
    }
}

/// Corners in packed degrees; some products write plain degrees, which are far below one packed degree.
fn degrees(corner: [f64; 2]) -> [f64; 2] {
    if is_plain(corner) { corner } else { corner.map(packed_degrees) }
}

/// Whether the corner of a geographic grid is in degrees.
pub(super) fn is_plain(corner: [f64; 2]) -> bool {
    corner.iter().all(|v| v.abs() <= 360.0) && corner != [0.0, 0.0]
}

/// Centres of `n` cells of width `step` from the edge `edge`.
pub fn centres(edge: f64, step: f64, n: u64) -> Vec<f64> {
    (0..n).map(|i| edge + (i as f64 + 0.5) * step).collect()
}

/// CF attributes of a coordinate variable: (standard name, long name, units, axis).
pub fn axis_attributes(geographic: bool, is_x: bool, unit: &str) -> Vec<Attribute> {
    let (standard, long, unit) = match (geographic, is_x) {
        (true, true) => ("longitude", "longitude", "degrees_east"),
        (true, false) => ("latitude", "latitude", "degrees_north"),
        (false, true) => ("projection_x_coordinate", "x coordinate of projection", unit),
        (false, false) => ("projection_y_coordinate", "y coordinate of projection", unit),
    };
    vec![
        Attribute::text("standard_name", standard),
        Attribute::text("long_name", long),
        Attribute::text("units", unit),
        Attribute::text("axis", if is_x { "X" } else { "Y" }),
    ]
}

/// Adds a 1-D coordinate variable of doubles, named like its dimension.
pub fn add_coordinate(
    granule: &mut Granule,
    group: GroupId,
    dim: DimId,
    values: &[f64],
    attrs: Vec<Attribute>,
) -> VarId {
    let name = granule.dim(dim).name.clone();
    let data = Arc::new(MemoryArray::of(&[values.len() as u64], values));
    let id = granule.add_var(group, &name, DType::F64, vec![dim], data);
    granule.vars[id.0].attrs = attrs;
    id
}

/// Adds the scalar variable that holds a grid mapping.
pub fn add_grid_mapping(granule: &mut Granule, group: GroupId, name: &str, attrs: Vec<Attribute>) -> VarId {
    let data = Arc::new(MemoryArray::of::<i32>(&[], &[0]));
    let id = granule.add_var(group, name, DType::I32, Vec::new(), data);
    granule.vars[id.0].attrs = attrs;
    id
}

/// Gives the grid in `group` its coordinate variables and grid mapping, and its fields the reference to it.
///
/// `fields_below`: the group of the grid or one below it holds the fields. Does nothing (and says so) when the grid
/// has no axes, its dimensions have other lengths, or coordinates are there already.
pub fn attach(granule: &mut Granule, group: GroupId, grid: &Grid, x: DimId, y: DimId) -> bool {
    let fits = granule.dim(x).len == grid.x_size && granule.dim(y).len == grid.y_size;
    let taken = granule.dim_coordinate(x).is_some() || granule.dim_coordinate(y).is_some();
    if !fits || taken {
        return false;
    }
    let Some(axes) = grid_axes(grid) else { return false };
    let on_grid: Vec<VarId> = granule
        .var_ids()
        .filter(|&v| granule.var(v).dims.contains(&x) && granule.var(v).dims.contains(&y))
        .collect();
    add_coordinate(granule, group, y, &axes.y, axis_attributes(axes.geographic, false, "m"));
    add_coordinate(granule, group, x, &axes.x, axis_attributes(axes.geographic, true, "m"));
    let name =
        if granule.vars.iter().any(|v| v.group == group && v.name == "crs") { "grid_crs" } else { "crs" };
    let mapping = add_grid_mapping(granule, group, name, axes.grid_mapping);
    let path = granule.var(mapping).path.clone();
    for id in on_grid {
        let var = &mut granule.vars[id.0];
        // CF finds a bare name in the group itself and its ancestors.
        let reference = if path.contains(' ') { name } else { path.as_str() };
        let reference = if var.group == group { name } else { reference };
        if var.attr("grid_mapping").is_none() {
            var.set_attr(Attribute::text("grid_mapping", reference));
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::projection::Gctp;
    use super::*;

    fn geo(origin: Corner) -> Grid {
        Grid {
            name: "g".into(),
            x_size: 2,
            y_size: 2,
            upper_left: Some([0.0, 30e6]),
            lower_right: Some([20e6, 20e6]),
            projection: Some(Gctp { code: "GEO".into(), zone: 0, sphere: 0, params: [0.0; 13] }),
            origin,
            ..Grid::default()
        }
    }

    #[test]
    fn a_geographic_grid_has_centres_in_degrees() {
        let axes = grid_axes(&geo(Corner::UpperLeft)).unwrap();
        assert_eq!((axes.x, axes.y), (vec![5.0, 15.0], vec![27.5, 22.5]));
    }

    #[test]
    fn an_origin_at_the_lower_right_turns_both_axes() {
        let axes = grid_axes(&geo(Corner::LowerRight)).unwrap();
        assert_eq!((axes.x, axes.y), (vec![15.0, 5.0], vec![22.5, 27.5]));
    }

    #[test]
    fn a_grid_without_corners_lies_nowhere() {
        let mut grid = geo(Corner::UpperLeft);
        grid.projection.as_mut().unwrap().code = "PS".into();
        grid.upper_left = None;
        assert_eq!(grid_axes(&grid), None);
    }
}
